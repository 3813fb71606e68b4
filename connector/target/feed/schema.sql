-- The one row says whose file it is, and under which key.
CREATE TABLE feed (name TEXT NOT NULL, key BLOB NOT NULL);

-- seq is the place in list order and never given again. Times are milliseconds since 1970.
-- Of names there are keyed hashes only; content is sealed.
CREATE TABLE resource (
  seq INTEGER PRIMARY KEY AUTOINCREMENT,
  kind INTEGER NOT NULL,
  id TEXT NOT NULL UNIQUE,
  version INTEGER NOT NULL,
  created INTEGER NOT NULL,
  modified INTEGER NOT NULL,
  user_name BLOB,
  external_id BLOB,
  display_name BLOB,
  content BLOB NOT NULL
);
CREATE INDEX resource_kind ON resource (kind); -- and by seq within a kind
CREATE UNIQUE INDEX resource_user_name ON resource (user_name);
CREATE INDEX resource_external_id ON resource (external_id);
CREATE INDEX resource_display_name ON resource (display_name);
CREATE INDEX resource_modified ON resource (kind, modified);

-- Who is in which group, by seq.
CREATE TABLE member (
  group_seq INTEGER NOT NULL REFERENCES resource (seq) ON DELETE CASCADE,
  member_seq INTEGER NOT NULL REFERENCES resource (seq) ON DELETE CASCADE,
  PRIMARY KEY (group_seq, member_seq)
) WITHOUT ROWID;
CREATE INDEX member_of ON member (member_seq);

-- How many resources of a kind have a seq from at*1024 up to the next block: page 900 is
-- found, and a kind counted, without going through all that come before.
CREATE TABLE block (
  kind INTEGER NOT NULL,
  at INTEGER NOT NULL,
  n INTEGER NOT NULL,
  PRIMARY KEY (kind, at)
) WITHOUT ROWID;
CREATE TRIGGER resource_comes AFTER INSERT ON resource BEGIN
  INSERT INTO block (kind, at, n) VALUES (new.kind, new.seq >> 10, 1) ON CONFLICT (kind, at) DO UPDATE SET n = n + 1;
END;
CREATE TRIGGER resource_goes AFTER DELETE ON resource BEGIN
  UPDATE block SET n = n - 1 WHERE kind = old.kind AND at = old.seq >> 10;
  DELETE FROM block WHERE kind = old.kind AND at = old.seq >> 10 AND n = 0;
END;

-- What the planner is to expect: a kind is half of everything, a hash finds one. Without
-- this it may go through a whole kind, in order, to find one user name.
ANALYZE;
INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES
  ('resource', 'resource_kind', '100000 50000'),
  ('resource', 'resource_user_name', '100000 1'),
  ('resource', 'resource_external_id', '100000 1'),
  ('resource', 'resource_display_name', '100000 2'),
  ('resource', 'resource_modified', '100000 50000 10'),
  ('resource', 'sqlite_autoindex_resource_1', '100000 1'),
  ('member', 'member', '1000000 100 1'),
  ('member', 'member_of', '1000000 10 1');
ANALYZE sqlite_schema;
