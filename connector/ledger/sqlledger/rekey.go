package sqlledger

import (
	"cmp"
	"database/sql"
	"errors"
	"fmt"

	"simscim/scim"
)

// Rekey gives an object another key, and another source id at the site.
func (u *update) Rekey(target, site string, kind scim.Kind, key, newKey, sourceID string) error {
	if err := errors.Join(checkID("a key", newKey), checkText("an id of the source", sourceID)); err != nil {
		return err
	}
	id, ok, err := u.object(target, kind, key)
	if err != nil {
		return err
	}
	if !ok {
		return errors.New("give an object another key: there is no object with this key")
	}
	if err := u.rekey(id, target, kind, key, newKey); err != nil {
		return fmt.Errorf("give an object another key: %w", err)
	}
	_, scope, err := u.l.scope(u.tx, target, site)
	if err != nil {
		return err
	}
	clear(u.groups)
	if err := u.exec(`UPDATE claims SET source_id = $1 WHERE scope = $2 AND object = $3`, sourceID, scope, id); err != nil {
		return fmt.Errorf("give an object another source id: %w", err)
	}
	return nil
}

func (u *update) rekey(id int64, target string, kind scim.Kind, key, newKey string) error {
	if key == newKey {
		return nil
	}
	at, err := u.l.target(u.tx, target)
	if err != nil {
		return err
	}
	k, err := kindNumber(kind)
	if err != nil {
		return err
	}
	var other, status int64
	err = u.row(`SELECT id, status FROM objects WHERE target = $1 AND kind = $2 AND key = $3`, at, k, newKey).Scan(&other, &status)
	switch {
	case errors.Is(err, sql.ErrNoRows):
	case err != nil:
		return err
	case status != noStatus:
		return errors.New("there is an object with the new key already")
	default: // only a key that holds names
		if err := u.exec(`UPDATE names SET holder = $1 WHERE holder = $2`, id, other); err != nil {
			return err
		}
		if err := u.exec(`DELETE FROM objects WHERE id = $1`, other); err != nil {
			return err
		}
	}
	if err := u.exec(`UPDATE objects SET key = $1 WHERE id = $2`, newKey, id); err != nil {
		return err
	}
	return u.rekeyNotes(at, k, key, newKey)
}

// rekeyNotes lets escrow and steps follow an object. What waits under the new key was
// meant for an object that is not needed any more.
func (u *update) rekeyNotes(target, kind int64, key, newKey string) error {
	if err := cmp.Or(u.dropEscrows(target, kind, newKey), u.dropAccepted(target, kind, key)); err != nil {
		return err
	}
	err := u.exec(`UPDATE escrow SET key = $4 WHERE key = $1 AND kind = $2 AND `+atTarget, key, kind, target, newKey)
	if err != nil {
		return err
	}
	return u.exec(`UPDATE steps SET key = $4 WHERE key = $1 AND kind = $2 AND `+stepAtTarget, key, kind, target, newKey)
}
