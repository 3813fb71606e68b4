package sqlledger

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"simscim/connector/ledger"
	"simscim/connector/plan"
	"simscim/scim"
)

// Update runs fn in one transaction. fn must not call the ledger itself.
func (l *Ledger) Update(ctx context.Context, fn func(ledger.Tx) error) error {
	return l.w.do(ctx, "write to the ledger", false, func(t *tx) error {
		u := &update{tx: t, l: l, groups: map[groupRef]int64{}, runs: map[int64]int64{}}
		if err := fn(u); err != nil {
			return err
		}
		return u.flush()
	})
}

// update is the transaction of one Update. Objects that are put, and then changes to
// members, are gathered and written by many at a time, at the latest before anything
// that looks at them.
type update struct {
	*tx
	l       *Ledger
	puts    []put
	members []memberOp
	steps   []pendingStep
	// runs are the targets of the runs that steps were logged of.
	runs map[int64]int64
	// groups are the numbers of the groups that this transaction has met.
	groups map[groupRef]int64
}

var _ ledger.Tx = (*update)(nil)

// Kinds as stored.
const (
	userKind  = 0
	groupKind = 1
)

func kindNumber(kind scim.Kind) (int64, error) {
	switch kind {
	case scim.User:
		return userKind, nil
	case scim.Group:
		return groupKind, nil
	default:
		return 0, fmt.Errorf("the ledger keeps users and groups, not %q", kind)
	}
}

// Statuses as stored. A row without a status is only a key that holds a name.
const (
	noStatus        = 0
	activeStatus    = 1
	suspendedStatus = 2
)

func statusNumber(s plan.Status) (int64, error) {
	switch s {
	case plan.Active, "":
		return activeStatus, nil
	case plan.Suspended:
		return suspendedStatus, nil
	default:
		return 0, fmt.Errorf("an object cannot be %q", s)
	}
}

func (l *Ledger) target(t *tx, name string) (int64, error) {
	if id, ok := l.targets.get(name); ok {
		return id, nil
	}
	if err := checkID("the target's name", name); err != nil {
		return 0, err
	}
	return l.targets.number(t, name)
}

func (l *Ledger) scope(t *tx, target, site string) (place, int64, error) {
	id, err := l.target(t, target)
	if err != nil {
		return place{}, 0, err
	}
	p := place{target: id, site: site}
	if scope, ok := l.scopes.get(p); ok {
		return p, scope, nil
	}
	if err := checkID("the site's id", site); err != nil {
		return place{}, 0, err
	}
	scope, err := l.scopes.number(t, p)
	return p, scope, err
}

// object returns the number of a confirmed object.
func (u *update) object(target string, kind scim.Kind, key string) (id int64, ok bool, err error) {
	if err := u.flush(); err != nil {
		return 0, false, err
	}
	k, err := kindNumber(kind)
	if err != nil {
		return 0, false, err
	}
	if err := checkID("a key", key); err != nil {
		return 0, false, err
	}
	at, err := u.l.target(u.tx, target)
	if err != nil {
		return 0, false, err
	}
	return u.find(at, k, key)
}

func (u *update) find(target, kind int64, key string) (id int64, ok bool, err error) {
	err = u.row(`SELECT id FROM objects WHERE target = $1 AND kind = $2 AND key = $3 AND status > 0`, target, kind, key).Scan(&id)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, false, nil
	}
	return id, err == nil, err
}

// DropObject forgets an object. Its number is not given again, so that memberships of
// a user who is gone mean nothing. A user who holds names leaves behind a new row, of
// the key alone, which holds them from then on.
func (u *update) DropObject(target string, kind scim.Kind, key string) error {
	id, ok, err := u.object(target, kind, key)
	if err != nil || !ok {
		return err
	}
	if err := u.drop(id, target, kind, key); err != nil {
		return fmt.Errorf("forget an object: %w", err)
	}
	clear(u.groups)
	return nil
}

func (u *update) drop(id int64, target string, kind scim.Kind, key string) error {
	at, err := u.l.target(u.tx, target)
	if err != nil {
		return err
	}
	k, err := kindNumber(kind)
	if err != nil {
		return err
	}
	if err := cmp.Or(u.dropEscrows(at, k, key), u.dropAccepted(at, k, key)); err != nil {
		return err
	}
	if kind == scim.Group {
		if err := u.exec(`DELETE FROM members WHERE grp = $1`, id); err != nil {
			return err
		}
	}
	if err := u.exec(`DELETE FROM claims WHERE object = $1`, id); err != nil {
		return err
	}
	var names int
	if err := u.row(`SELECT count(*) FROM names WHERE holder = $1`, id).Scan(&names); err != nil {
		return err
	}
	if names > 0 {
		if err := u.exec(`UPDATE objects SET key = '' WHERE id = $1`, id); err != nil {
			return err
		}
		var heir int64
		err := u.row(`INSERT INTO objects (target, kind, key) SELECT target, kind, $1 FROM objects WHERE id = $2
			RETURNING id`, key, id).Scan(&heir)
		if err != nil {
			return err
		}
		if err := u.exec(`UPDATE names SET holder = $1 WHERE holder = $2`, heir, id); err != nil {
			return err
		}
	}
	return u.exec(`DELETE FROM objects WHERE id = $1`, id)
}

// Unclaim takes away a claim, unless it is the last one.
func (u *update) Unclaim(target, site, key string) error {
	id, ok, err := u.object(target, scim.User, key)
	if err != nil || !ok {
		return err
	}
	_, scope, err := u.l.scope(u.tx, target, site)
	if err != nil {
		return err
	}
	err = u.exec(`DELETE FROM claims WHERE scope = $1 AND object = $2
		AND EXISTS (SELECT 1 FROM claims other WHERE other.object = $2 AND other.scope <> $1)`, scope, id)
	if err != nil {
		return fmt.Errorf("take away a claim: %w", err)
	}
	err = u.exec(`UPDATE objects SET home = (SELECT scope FROM claims WHERE object = $1 ORDER BY since, scope LIMIT 1)
		WHERE id = $1 AND home = $2`, id, scope)
	if err != nil {
		return fmt.Errorf("move an account's home: %w", err)
	}
	return nil
}

// Claim records that the site needs a user of another site. A user who has meanwhile
// been dropped stays so: the next plan of the site creates the account.
func (u *update) Claim(target, site, key, sourceID string) error {
	if err := checkText("an id of the source", sourceID); err != nil {
		return err
	}
	id, ok, err := u.object(target, scim.User, key)
	if err != nil || !ok {
		return err
	}
	_, scope, err := u.l.scope(u.tx, target, site)
	if err != nil {
		return err
	}
	return u.exec(`INSERT INTO claims (scope, object, source_id, since) VALUES ($1, $2, $3, $4)
		ON CONFLICT (scope, object) DO UPDATE SET source_id = excluded.source_id`, scope, id, sourceID, u.l.tick())
}

// SetMissing records how long an object has been missing at the site.
func (u *update) SetMissing(target, site string, kind scim.Kind, key string, missed int, since time.Time) error {
	id, ok, err := u.object(target, kind, key)
	if err != nil || !ok {
		return err
	}
	_, scope, err := u.l.scope(u.tx, target, site)
	if err != nil {
		return err
	}
	return u.exec(`UPDATE claims SET missed = $1, missing_since = $2 WHERE scope = $3 AND object = $4`,
		missed, micros(since), scope, id)
}

// SetBaseline records that the target has been read for the site.
func (u *update) SetBaseline(target, site string, at time.Time) error {
	_, scope, err := u.l.scope(u.tx, target, site)
	if err != nil {
		return err
	}
	if at.IsZero() {
		return errors.New("a baseline needs its time")
	}
	return u.exec(`UPDATE scopes SET baseline = $1 WHERE id = $2`, micros(at), scope)
}
