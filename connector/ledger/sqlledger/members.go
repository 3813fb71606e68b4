package sqlledger

import (
	"errors"
	"fmt"
	"slices"

	"simscim/scim"
)

var (
	addMembers = list(`INSERT INTO members (grp, usr)
		SELECT $1, id FROM objects WHERE target = $2 AND kind = 0 AND key IN (%s) AND status > 0
		ON CONFLICT DO NOTHING`, 3)
	removeMembers = list(`DELETE FROM members WHERE grp = $1 AND usr IN
		(SELECT id FROM objects WHERE target = $2 AND kind = 0 AND key IN (%s))`, 3)
)

// AddMembers records confirmed memberships. A user who is not in the ledger is left
// out: the target has forgotten the membership with the account.
func (u *update) AddMembers(target, group string, users []string) error {
	ok, err := u.changeMembers(addMembers, target, group, users)
	if err == nil && !ok && len(users) > 0 {
		return errors.New("record members: the group is not in the ledger")
	}
	return err
}

// RemoveMembers records that memberships are gone.
func (u *update) RemoveMembers(target, group string, users []string) error {
	_, err := u.changeMembers(removeMembers, target, group, users)
	return err
}

func (u *update) changeMembers(query *numbered, target, group string, users []string) (ok bool, err error) {
	id, ok, err := u.object(target, scim.Group, group)
	if err != nil || !ok {
		return ok, err
	}
	at, err := u.l.target(u.tx, target)
	if err != nil {
		return false, err
	}
	args := make([]any, 2, 2+min(len(users), maxRows))
	args[0], args[1] = id, at
	for chunk := range slices.Chunk(users, maxRows) {
		args = args[:2]
		for _, key := range chunk {
			if err := checkID("a key", key); err != nil {
				return false, err
			}
			args = append(args, key)
		}
		if err := u.exec(query[len(chunk)], args...); err != nil {
			return false, fmt.Errorf("record members: %w", err)
		}
	}
	return true, nil
}
