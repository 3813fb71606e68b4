package plan

import (
	"slices"

	"simscim/scim"
)

// Done is a confirmed change that is to be taken back.
type Done struct {
	Kind   scim.Kind
	Key    string
	Action Action
	// Name is the user name before a rename.
	Name           string
	Added, Removed []string
}

// Invert plans the inverse of what was done, given in that order, against what the ledger
// holds now: an object that has gone on since is brought to where it was before the first
// of it, one that is no longer ours is skipped.
func Invert(site, target string, state *State, done []Done) *Plan {
	b := &builder{Input: Input{Site: site, Target: target, State: state}, plan: &Plan{Site: site, Target: target}}
	groups, users := map[string]*Change{}, map[string]bool{}
	var order []string
	for _, d := range done {
		switch {
		case d.Action == UpdateMembers:
			if groups[d.Key] == nil {
				groups[d.Key] = &Change{Action: UpdateMembers, Kind: scim.Group, Key: d.Key}
				order = append(order, d.Key)
			}
			c := groups[d.Key]
			c.Add = unlisted(c.Add, c.Remove, d.Removed)
			c.Remove = unlisted(c.Remove, c.Add, d.Added)
		case d.Action == DeleteUser || d.Action == DeleteGroup || d.Action == ReplaceGroup:
			b.skip(Skip{Kind: d.Kind, Key: d.Key, Reason: "it was deleted, which cannot be undone; a sync makes it anew if the roll has it"})
		case !users[d.Key]:
			users[d.Key] = true
			b.invertUser(d)
		}
	}
	for _, key := range order {
		b.invertMembers(groups[key])
	}
	b.sort()
	return b.plan
}

// unlisted adds the keys to the list that neither list has: only the first that was done
// to a member tells where the member was before.
func unlisted(list, other, keys []string) []string {
	for _, key := range keys {
		if !slices.Contains(other, key) && !slices.Contains(list, key) {
			list = append(list, key)
		}
	}
	return list
}

func (b *builder) invertUser(d Done) {
	known := b.State.Users[d.Key]
	if known == nil {
		b.skip(Skip{Kind: scim.User, Key: d.Key, Reason: "the account is no longer ours"})
		return
	}
	c := Change{Kind: scim.User, Key: d.Key, RemoteID: known.RemoteID, Label: known.Name}
	switch {
	case d.Action == SuspendUser && known.Status == Suspended:
		if known.Missed > 0 { // with a new grace
			b.note(Note{What: Back, Kind: scim.User, Key: known.Key})
		}
		c.Action, c.Reason = ReactivateUser, "the run had suspended the account"
		c.Set = []Field{{Path: active, Before: false, After: true}}
	case d.Action == ReactivateUser && known.Status == Active:
		c.Action, c.Reason = SuspendUser, "the run had reactivated the account"
		c.Set = []Field{{Path: active, Before: true, After: false}}
	case d.Action == RenameUser && scim.Fold(known.Name) != scim.Fold(d.Name):
		c.Action, c.Reason = RenameUser, "the run had renamed the account"
		c.Set = []Field{{Path: userName, Before: known.Name, After: d.Name}}
	default:
		return
	}
	for _, f := range c.Set {
		c.After = append(c.After, scim.Attribute{Path: f.Path, Value: f.After})
	}
	b.plan.Changes = append(b.plan.Changes, c)
}

// invertMembers keeps of a group's change what still makes a difference.
func (b *builder) invertMembers(c *Change) {
	known := b.State.Groups[c.Key]
	if known == nil {
		b.skip(Skip{Kind: scim.Group, Key: c.Key, Reason: "the group is no longer ours"})
		return
	}
	c.RemoteID = known.RemoteID
	c.Add = slices.DeleteFunc(c.Add, func(key string) bool {
		_, in := known.Members[key]
		return in || b.State.Users[key] == nil
	})
	c.Remove = slices.DeleteFunc(c.Remove, func(key string) bool { _, in := known.Members[key]; return !in })
	slices.Sort(c.Add)
	slices.Sort(c.Remove)
	if len(c.Add)+len(c.Remove) > 0 {
		c.Reason = comings(len(c.Add), len(c.Remove)) + ", as before the run"
		b.plan.Changes = append(b.plan.Changes, *c)
	}
}
