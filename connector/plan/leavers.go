package plan

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"simscim/scim"
)

// leavingUsers plans for the accounts of people who are no longer in scope: grace,
// then suspended, then deleted.
func (b *builder) leavingUsers() {
	for _, key := range slices.Sorted(maps.Keys(b.State.Users)) {
		known := b.State.Users[key]
		switch {
		case b.present[key]:
		case known.SourceID == "": // looked up for this plan, but not claimed by this site
		case b.Withheld.Freeze != "", b.Withheld.People[known.SourceID], b.Withheld.People[key]:
			b.staying[key] = true
		case known.Status == Suspended:
			b.suspended(known)
		default:
			b.leave(known)
		}
	}
}

// leave takes one step for an active account whose person is missing.
func (b *builder) leave(known *Known) {
	missed, since, over := b.grace(known)
	switch {
	case !over:
		b.staying[known.Key] = true
		b.note(Note{What: Missing, Kind: scim.User, Key: known.Key, Missed: missed, Since: since})
	case known.Shared:
		b.note(Note{What: Unclaim, Kind: scim.User, Key: known.Key})
	case !b.May.Users.removes(): // the account stays, the groups are left
	case b.Can.Suspend:
		b.suspend(known, gone("the person", missed, since))
	case b.Can.Delete:
		b.change(Change{
			Action: DeleteUser, Kind: scim.User, Key: known.Key, RemoteID: known.RemoteID, Label: known.Name,
			Reason: gone("the person", missed, since) + "; the target cannot suspend accounts",
		})
	default:
		b.skip(Skip{Kind: scim.User, Key: known.Key, Label: known.Name, Reason: "the target can neither suspend nor delete accounts"})
	}
}

func (b *builder) suspend(known *Known, reason string) {
	b.change(Change{
		Action: SuspendUser, Kind: scim.User, Key: known.Key, RemoteID: known.RemoteID, Label: known.Name,
		After: scim.Attributes{{Path: active, Value: false}}, Set: []Field{{Path: active, Before: true, After: false}},
		Reason: reason,
	})
}

// suspended suspends an account again that somebody has switched on, and deletes one
// whose retention is over.
func (b *builder) suspended(known *Known) {
	if !b.May.Users.removes() {
		return
	}
	if o := b.Observed.at(scim.User, known.RemoteID); o != nil {
		on, said := o.Attributes.Get(active)
		switch awake := said && scim.SameValue(active, on, true); {
		case awake && known.Missed == 0:
			// The person was back, and it was us: a run that was broken off reactivated it.
			b.note(Note{What: Awake, Kind: scim.User, Key: known.Key})
			now := *known
			now.Status, now.SuspendedAt = Active, time.Time{}
			b.leave(&now)
			return
		case awake:
			b.suspend(known, "the account was switched on at the target, and the person is not on the roll")
			return
		}
	}
	if b.Leavers.DeleteAfter <= 0 || !b.Can.Delete || known.SuspendedAt.IsZero() {
		return
	}
	if b.Now.Sub(known.SuspendedAt) < b.Leavers.DeleteAfter {
		return
	}
	b.change(Change{
		Action: DeleteUser, Kind: scim.User, Key: known.Key, RemoteID: known.RemoteID, Label: known.Name,
		Reason: fmt.Sprintf("suspended since %s, longer than the %d days that accounts are kept",
			day(known.SuspendedAt), int(b.Leavers.DeleteAfter.Hours()/24)),
	})
}

// leavingGroups plans for the groups that should no longer exist. They wait out the
// same grace as people: upstream, a group may show up an hour after its members.
func (b *builder) leavingGroups() {
	wanted := make(map[string]bool, len(b.Desired.Groups))
	for i := range b.Desired.Groups {
		wanted[b.Desired.Groups[i].Key] = true
	}
	for _, key := range slices.Sorted(maps.Keys(b.State.Groups)) {
		known := b.State.Groups[key]
		if wanted[key] || b.Withheld.Freeze != "" || b.Withheld.group(known) || !b.May.Groups.removes() {
			continue
		}
		missed, since, over := b.grace(known)
		switch {
		case !over:
			b.note(Note{What: Missing, Kind: scim.Group, Key: key, Missed: missed, Since: since})
		case !b.Can.DeleteGroups:
			b.skip(Skip{Kind: scim.Group, Key: key, Reason: "the target cannot delete groups"})
		default:
			b.change(Change{
				Action: DeleteGroup, Kind: scim.Group, Key: key, RemoteID: known.RemoteID,
				Reason: gone("the group", missed, since),
			})
		}
	}
}

// grace counts this snapshot as one more that lacks the object, and tells whether it
// has lacked it often and long enough.
func (b *builder) grace(known *Known) (missed int, since time.Time, over bool) {
	missed, since = known.Missed+1, known.MissingSince
	if since.IsZero() {
		since = b.Now
	}
	return missed, since, missed >= b.Leavers.GraceSnapshots && b.Now.Sub(since) >= b.Leavers.Grace
}

func gone(what string, missed int, since time.Time) string {
	if missed == 1 {
		return what + " is no longer in scope"
	}
	return fmt.Sprintf("%s has been out of scope since %s, in %d complete reads", what, day(since), missed)
}

func day(t time.Time) string { return t.Format("2 January 2006") }
