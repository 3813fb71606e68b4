-- Times are microseconds since 1970 in UTC, 0 for none. Text keys live once, in targets,
-- scopes and objects; nearly every other table refers to them by number, which keeps
-- a membership at about ten bytes. Steps and escrow are also of objects that are gone or not
-- there yet.

-- +goose Up

-- The store's own key, or the check value of one that was given.
CREATE TABLE meta (
    name  TEXT PRIMARY KEY,
    value BLOB NOT NULL
);

CREATE TABLE targets (
    id   INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE
);

-- A scope is one site at one target. unsettled is the last run that began and has not
-- ended with everything known, 0 if there is none.
CREATE TABLE scopes (
    id        INTEGER PRIMARY KEY,
    target    BIGINT NOT NULL REFERENCES targets (id),
    site      TEXT   NOT NULL,
    baseline  BIGINT NOT NULL DEFAULT 0,
    unsettled BIGINT NOT NULL DEFAULT 0,
    UNIQUE (target, site)
);

-- The attribute paths that prints refer to.
CREATE TABLE paths (
    id   INTEGER PRIMARY KEY,
    path TEXT NOT NULL UNIQUE
);

-- kind: 0 user, 1 group. status: 0 only a key that holds a name (not confirmed yet, or
-- gone), 1 active, 2 suspended. A number is never given twice: see members.
CREATE TABLE objects (
    id            INTEGER PRIMARY KEY AUTOINCREMENT,
    target        BIGINT   NOT NULL REFERENCES targets (id),
    kind          SMALLINT NOT NULL,
    key           TEXT     NOT NULL,
    remote_id     TEXT     NOT NULL DEFAULT '',
    home          BIGINT   NOT NULL DEFAULT 0,
    status        SMALLINT NOT NULL DEFAULT 0,
    name          TEXT     NOT NULL DEFAULT '',
    prints        BLOB,
    suspended_at  BIGINT   NOT NULL DEFAULT 0,
    UNIQUE (target, kind, key)
);

-- Which sites need an object, and since when each has. A person may be missing at one
-- school and be seen by another.
CREATE TABLE claims (
    scope         BIGINT NOT NULL REFERENCES scopes (id),
    object        BIGINT NOT NULL REFERENCES objects (id),
    source_id     TEXT   NOT NULL,
    since         BIGINT NOT NULL,
    missed        BIGINT NOT NULL DEFAULT 0,
    missing_since BIGINT NOT NULL DEFAULT 0,
    PRIMARY KEY (scope, object)
) WITHOUT ROWID;
CREATE INDEX claims_by_object ON claims (object);

-- A row whose user is no longer in objects means nothing. It stays until its group
-- goes: an index by user, to find such rows, would cost more than all the rest.
CREATE TABLE members (
    grp BIGINT NOT NULL,
    usr BIGINT NOT NULL,
    PRIMARY KEY (grp, usr)
) WITHOUT ROWID;

-- Every user name that is taken, in folded form. A name stays with its holder for
-- good: what the holder no longer uses is in quarantine. holder is NULL for a name
-- that an account of somebody else has.
CREATE TABLE names (
    target BIGINT NOT NULL REFERENCES targets (id),
    fold   TEXT   NOT NULL,
    holder BIGINT REFERENCES objects (id),
    since  BIGINT NOT NULL,
    PRIMARY KEY (target, fold)
) WITHOUT ROWID;
CREATE INDEX names_by_holder ON names (holder);

-- target is the one of the scope, so that what was done at a target is found by time.
CREATE TABLE runs (
    id      INTEGER PRIMARY KEY,
    scope   BIGINT NOT NULL REFERENCES scopes (id),
    target  BIGINT NOT NULL REFERENCES targets (id),
    started BIGINT NOT NULL,
    ended   BIGINT NOT NULL DEFAULT 0,
    status  TEXT   NOT NULL DEFAULT '',
    reason  TEXT   NOT NULL DEFAULT '',
    applied TEXT   NOT NULL DEFAULT '',
    failed  TEXT   NOT NULL DEFAULT ''
);
CREATE INDEX runs_by_scope ON runs (scope, id);
CREATE INDEX runs_that_wrote ON runs (target, started) WHERE applied <> '' OR ended = 0;

-- What runs have confirmed, in order. The key is a text, because a step outlives its
-- object; members are numbers of objects, so that one that is erased is nobody.
CREATE TABLE steps (
    run       BIGINT   NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
    seq       BIGINT   NOT NULL,
    kind      SMALLINT NOT NULL,
    key       TEXT     NOT NULL,
    remote_id TEXT     NOT NULL,
    action    TEXT     NOT NULL,
    name      TEXT     NOT NULL,
    added     BLOB,
    removed   BLOB,
    PRIMARY KEY (run, seq)
) WITHOUT ROWID;
CREATE INDEX steps_by_key ON steps (key);

CREATE TABLE sites (
    id            TEXT PRIMARY KEY,
    source        TEXT   NOT NULL,
    name          TEXT   NOT NULL,
    dfe           TEXT   NOT NULL,
    last_complete BIGINT NOT NULL,
    people        BIGINT NOT NULL,
    students      BIGINT NOT NULL DEFAULT 0,
    staff         BIGINT NOT NULL DEFAULT 0,
    grps          BIGINT NOT NULL,
    rules         TEXT   NOT NULL DEFAULT '',
    frozen_since  BIGINT NOT NULL,
    frozen_reason TEXT   NOT NULL,
    last_slot     BIGINT NOT NULL
);

CREATE TABLE holds (
    id         INTEGER PRIMARY KEY,
    scope      BIGINT NOT NULL REFERENCES scopes (id),
    digest     TEXT   NOT NULL,
    breaches   TEXT   NOT NULL,
    counts     TEXT   NOT NULL,
    at         BIGINT NOT NULL,
    verdict    TEXT   NOT NULL DEFAULT '',
    decided_by TEXT   NOT NULL DEFAULT '',
    why        TEXT   NOT NULL DEFAULT '',
    decided_at BIGINT NOT NULL DEFAULT 0,
    applied_at BIGINT NOT NULL DEFAULT 0
);
CREATE INDEX holds_by_scope ON holds (scope, id);

-- Objects that failed and wait for their next try. Many are not in objects: creating
-- them is what failed. next is 0 when no try is due any more.
CREATE TABLE escrow (
    scope  BIGINT   NOT NULL REFERENCES scopes (id),
    kind   SMALLINT NOT NULL,
    key    TEXT     NOT NULL,
    action TEXT     NOT NULL,
    change TEXT     NOT NULL,
    reason TEXT     NOT NULL,
    advice TEXT     NOT NULL,
    tries  BIGINT   NOT NULL,
    since  BIGINT   NOT NULL,
    last   BIGINT   NOT NULL,
    next   BIGINT   NOT NULL,
    PRIMARY KEY (scope, kind, key)
) WITHOUT ROWID;
CREATE INDEX escrow_by_key ON escrow (key);

-- Changes that a target has taken and not yet told of. object is what will be recorded,
-- as JSON: ids, fingerprints and the user name.
CREATE TABLE accepted (
    scope  BIGINT   NOT NULL REFERENCES scopes (id),
    kind   SMALLINT NOT NULL,
    key    TEXT     NOT NULL,
    action TEXT     NOT NULL,
    change TEXT     NOT NULL,
    at     BIGINT   NOT NULL,
    object TEXT     NOT NULL,
    PRIMARY KEY (scope, kind, key)
) WITHOUT ROWID;
CREATE INDEX accepted_by_key ON accepted (key);

-- What the run under way, or one before that was broken off, is about to do, as JSON: ids only.
CREATE TABLE intents (
    scope BIGINT PRIMARY KEY REFERENCES scopes (id),
    list  BLOB   NOT NULL
);

-- What was taken of each budget, and when.
CREATE TABLE taken (
    budget TEXT   NOT NULL,
    at     BIGINT NOT NULL,
    n      BIGINT NOT NULL
);
CREATE INDEX taken_by_budget ON taken (budget, at);

CREATE TABLE health (
    target BIGINT PRIMARY KEY REFERENCES targets (id),
    since  BIGINT NOT NULL,
    next   BIGINT NOT NULL,
    reason TEXT   NOT NULL,
    tries  BIGINT NOT NULL
);

-- What has been told to somebody and need not be told again.
CREATE TABLE notices (
    key TEXT PRIMARY KEY,
    at  BIGINT NOT NULL
);
