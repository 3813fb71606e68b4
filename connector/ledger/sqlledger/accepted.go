package sqlledger

import (
	"cmp"
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"time"

	"simscim/connector/ledger"
	"simscim/scim"
)

// PutAccepted notes a change that a target has taken.
func (u *update) PutAccepted(a ledger.Accepted) error {
	kind, err := kindNumber(a.Object.Kind)
	if err != nil {
		return err
	}
	a.Object.Members = nil
	object, err := json.Marshal(a.Object)
	if err != nil {
		return fmt.Errorf("note an accepted change: %w", err)
	}
	if err := cmp.Or(checkID("a key", a.Object.Key), checkID("an action", string(a.Action)), checkText("a change", a.Change)); err != nil {
		return err
	}
	_, scope, err := u.l.scope(u.tx, a.Target, a.Site)
	if err != nil {
		return err
	}
	return u.exec(`INSERT INTO accepted (scope, kind, key, action, change, at, object) VALUES ($1, $2, $3, $4, $5, $6, $7)
		ON CONFLICT (scope, kind, key) DO UPDATE SET action = excluded.action, change = excluded.change, at = excluded.at, object = excluded.object`,
		scope, kind, a.Object.Key, string(a.Action), a.Change, micros(a.At), string(object))
}

// DropAccepted forgets a change that a target had taken.
func (u *update) DropAccepted(target, site string, kind scim.Kind, key string) error {
	return u.dropOf(`DELETE FROM accepted WHERE scope = $1 AND kind = $2 AND key = $3`, target, site, kind, key)
}

// acceptedAtTarget is true for a row of accepted at the target $3; see atTarget.
const acceptedAtTarget = `EXISTS (SELECT 1 FROM scopes s WHERE s.id = accepted.scope AND s.target = $3)`

// dropAccepted forgets what a target had taken of an object at all sites.
func (t *tx) dropAccepted(target, kind int64, key string) error {
	return t.exec(`DELETE FROM accepted WHERE key = $1 AND kind = $2 AND `+acceptedAtTarget, key, kind, target)
}

// Accepted returns the changes that a target has taken and not yet told of.
func (l *Ledger) Accepted(ctx context.Context, target string) ([]ledger.Accepted, error) {
	var list []ledger.Accepted
	err := each(ctx, l.readDB, func(rows *sql.Rows) error {
		a := ledger.Accepted{Target: target}
		var at int64
		var object string
		if err := rows.Scan(&a.Site, &a.Action, &a.Change, &at, &object); err != nil {
			return err
		}
		a.At = fromMicros(at)
		list = append(list, a)
		return json.Unmarshal([]byte(object), &list[len(list)-1].Object)
	}, `SELECT s.site, a.action, a.change, a.at, a.object
		FROM targets t JOIN scopes s ON s.target = t.id JOIN accepted a ON a.scope = s.id
		WHERE t.name = $1 ORDER BY a.at, s.site, a.kind, a.key`, target)
	if err != nil {
		return nil, failed("read what was accepted", err)
	}
	return list, nil
}

// Take takes from a budget. What is too old to count is dropped on the way.
func (l *Ledger) Take(ctx context.Context, key string, n int, per time.Duration, limit int) (ok bool, err error) {
	now := l.now()
	err = l.w.do(ctx, "take from a budget", false, func(t *tx) error {
		if err := checkID("a budget", key); err != nil {
			return err
		}
		if err := t.exec(`DELETE FROM taken WHERE budget = $1 AND at <= $2`, key, micros(now.Add(-per))); err != nil {
			return err
		}
		var sum int
		if err := t.row(`SELECT COALESCE(SUM(n), 0) FROM taken WHERE budget = $1`, key).Scan(&sum); err != nil {
			return err
		}
		if ok = sum+n <= limit; !ok {
			return nil
		}
		return t.exec(`INSERT INTO taken (budget, at, n) VALUES ($1, $2, $3)`, key, micros(now), n)
	})
	return ok && err == nil, err
}
