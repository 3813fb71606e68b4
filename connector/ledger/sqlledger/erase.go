package sqlledger

import (
	"cmp"
	"context"
	"database/sql"
	"errors"

	"simscim/scim"
)

// errLogStays is what is told when an erasure is done but not yet everywhere.
var errLogStays = errors.New("erased, but somebody still reads an older state of the store; erase again to empty its log")

// Erase removes everything about an object at a target, in one transaction. SQLite
// overwrites what it deletes (secure_delete), so that emptying the log afterwards takes
// the last copy from the disc. Of memberships in steps a number stays that is nobody's.
func (l *Ledger) Erase(ctx context.Context, target string, kind scim.Kind, key string) error {
	k, err := kindNumber(kind)
	if err != nil {
		return err
	}
	err = l.w.do(ctx, "erase an object", true, func(t *tx) error {
		var at int64
		err := t.row(`SELECT id FROM targets WHERE name = $1`, target).Scan(&at)
		if errors.Is(err, sql.ErrNoRows) {
			return nil
		}
		if err != nil {
			return err
		}
		if err := t.eraseObject(at, k, key); err != nil {
			return err
		}
		if err := cmp.Or(t.dropEscrows(at, k, key), t.dropAccepted(at, k, key), t.eraseIntents(at, kind, key)); err != nil {
			return err
		}
		return t.exec(`DELETE FROM steps WHERE key = $1 AND kind = $2 AND `+stepAtTarget, key, k, at)
	})
	if err != nil {
		return err
	}
	emptied, err := l.w.emptyLog(ctx)
	if err == nil && !emptied {
		err = errLogStays
	}
	return failed("erase an object", err)
}

// eraseObject also takes a row that only holds names: what is in quarantine goes, too.
func (t *tx) eraseObject(target, kind int64, key string) error {
	var id int64
	err := t.row(`SELECT id FROM objects WHERE target = $1 AND kind = $2 AND key = $3`, target, kind, key).Scan(&id)
	if errors.Is(err, sql.ErrNoRows) {
		return nil
	}
	if err != nil {
		return err
	}
	// Members have no index by user, but by group and user together.
	err = t.exec(`DELETE FROM members WHERE usr = $1 AND grp IN (SELECT id FROM objects WHERE target = $2 AND kind = 1)`, id, target)
	if err != nil {
		return err
	}
	for _, query := range []string{
		`DELETE FROM members WHERE grp = $1`,
		`DELETE FROM claims WHERE object = $1`,
		`DELETE FROM names WHERE holder = $1`,
		`DELETE FROM objects WHERE id = $1`,
	} {
		if err := t.exec(query, id); err != nil {
			return err
		}
	}
	return nil
}
