package sqlledger

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
)

var (
	addMembers = list(`INSERT INTO members (grp, usr)
		SELECT $1, id FROM objects WHERE target = $2 AND kind = 0 AND key IN (%s) AND status > 0
		ON CONFLICT DO NOTHING`, 3)
	removeMembers = list(`DELETE FROM members WHERE grp = $1 AND usr IN
		(SELECT id FROM objects WHERE target = $2 AND kind = 0 AND key IN (%s))`, 3)
)

// memberOp is one change to a group's members that waits to be written.
type memberOp struct {
	query         *numbered
	target, group string
	users         []string
}

// groupRef addresses a group.
type groupRef struct {
	target int64
	key    string
}

// AddMembers records confirmed memberships. A user who is not in the ledger is left
// out: the target has forgotten the membership with the account.
func (u *update) AddMembers(target, group string, users []string) error {
	return u.changeMembers(memberOp{addMembers, target, group, users})
}

// RemoveMembers records that memberships are gone.
func (u *update) RemoveMembers(target, group string, users []string) error {
	return u.changeMembers(memberOp{removeMembers, target, group, users})
}

// changeMembers checks what it can now and leaves the rest to flush, so that groups
// which come with their members are still put many at a time.
func (u *update) changeMembers(op memberOp) error {
	if u.over {
		return errOver
	}
	err := checkID("a key", op.group)
	for _, key := range op.users {
		err = cmp.Or(err, checkID("a key", key))
	}
	if err == nil && len(op.users) > 0 {
		op.users = slices.Clone(op.users)
		u.members = append(u.members, op)
	}
	return err
}

func (u *update) flushMembers() error {
	ops := u.members
	u.members = nil
	for _, op := range ops {
		if err := u.writeMembers(op); err != nil {
			return fmt.Errorf("record members: %w", err)
		}
	}
	return nil
}

func (u *update) writeMembers(op memberOp) error {
	target, err := u.l.target(u.tx, op.target)
	if err != nil {
		return err
	}
	ref := groupRef{target: target, key: op.group}
	group, ok := u.groups[ref]
	if !ok {
		if group, ok, err = u.find(target, groupKind, op.group); err != nil {
			return err
		}
	}
	switch {
	case !ok && op.query == addMembers:
		return errors.New("the group is not in the ledger")
	case !ok:
		return nil
	}
	u.groups[ref] = group
	args := make([]any, 2, 2+min(len(op.users), maxRows))
	args[0], args[1] = group, target
	for chunk := range slices.Chunk(op.users, maxRows) {
		args = args[:2]
		for _, key := range chunk {
			args = append(args, key)
		}
		if err := u.exec(op.query[len(chunk)], args...); err != nil {
			return err
		}
	}
	return nil
}
