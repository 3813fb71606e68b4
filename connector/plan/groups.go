package plan

import (
	"cmp"
	"maps"
	"slices"

	"simscim/mapper"
	"simscim/scim"
)

const displayName scim.Path = "displayName"

// groups plans the groups that should exist, each with who comes and who goes.
func (b *builder) groups() {
	keyOf := b.keysByRemoteID()
	for i := range b.Desired.Groups {
		g := &b.Desired.Groups[i]
		if known := b.State.Groups[g.Key]; known != nil {
			b.knownGroup(g, known)
		} else {
			b.newGroup(g, keyOf)
		}
	}
}

// keysByRemoteID gives the key of each user of ours behind the target's ids. It is
// only needed, and only made, when groups may be adopted.
func (b *builder) keysByRemoteID() map[string]string {
	if b.Observed == nil {
		return nil
	}
	keyOf := maps.Clone(b.adopted)
	if keyOf == nil {
		keyOf = map[string]string{}
	}
	for key, known := range b.State.Users {
		keyOf[known.RemoteID] = key
	}
	return keyOf
}

func (b *builder) newGroup(g *mapper.Group, keyOf map[string]string) {
	c := Change{Kind: scim.Group, Key: g.Key, Label: g.Attributes.String(displayName), After: g.Attributes}
	want := b.members(g, nil)
	found, by, skip := b.recognise(scim.Group, g.Key, g.Attributes)
	switch {
	case skip != "":
		b.skip(Skip{Kind: scim.Group, Key: g.Key, Label: c.Label, Reason: skip})
		return
	case found != nil:
		c.Action, c.RemoteID = AdoptGroup, found.RemoteID
		c.Set = b.diffObject(g.Attributes, g.CreateOnly, found)
		have := map[string]struct{}{}
		for _, id := range found.Members {
			if key, ours := keyOf[id]; ours { // other members are not ours to take out
				have[key] = struct{}{}
			}
		}
		c.Add, c.Remove = b.difference(want, have)
		for _, key := range want {
			if _, in := have[key]; in {
				c.Have = append(c.Have, key)
			}
		}
		c.Reason = "a group at the target was recognised by " + string(by)
	default:
		c.Action, c.Add = CreateGroup, want
		c.Reason = "the school has a group that the target lacks"
		if g.SourceID == "" {
			c.Reason = "the rules ask for a group that the target lacks"
		}
	}
	b.change(c)
}

func (b *builder) knownGroup(g *mapper.Group, known *Known) {
	c := Change{
		Kind: scim.Group, Key: g.Key, RemoteID: known.RemoteID, Label: g.Attributes.String(displayName),
		After: g.Attributes, Set: b.diffKnown(scim.Group, g.Key, g.Attributes, g.CreateOnly, known),
	}
	c.Add, c.Remove = b.difference(b.members(g, known), known.Members)
	switch {
	case len(c.Set) > 0:
		c.Action, c.Reason = UpdateGroup, changed(c.Set)
	case len(c.Add)+len(c.Remove) > 0:
		c.Action, c.Reason = UpdateMembers, comings(len(c.Add), len(c.Remove))
	case known.Missed > 0:
		b.note(Note{What: Back, Kind: scim.Group, Key: g.Key})
		return
	default:
		return
	}
	b.change(c)
}

// members are the keys of who should be in the group: the people of the roll who have
// or get an account, and those confirmed members who are missing but may yet return.
func (b *builder) members(g *mapper.Group, known *Known) []string {
	want := make([]string, 0, len(g.Members))
	for _, key := range g.Members {
		if b.present[key] || b.staying[key] {
			want = append(want, key)
		}
	}
	if known == nil || len(b.staying) == 0 {
		return want
	}
	n := len(want)
	for key := range known.Members {
		if b.staying[key] {
			if _, in := slices.BinarySearch(g.Members, key); !in {
				want = append(want, key)
			}
		}
	}
	if len(want) > n {
		slices.Sort(want)
	}
	return want
}

// difference tells who must be added and who removed to get from have to want. While
// removals are frozen, nobody is removed.
func (b *builder) difference(want []string, have map[string]struct{}) (add, remove []string) {
	for _, key := range want {
		if _, in := have[key]; !in {
			add = append(add, key)
		}
	}
	if len(have) == len(want)-len(add) || b.Withheld.Freeze != "" {
		return add, nil
	}
	for key := range have {
		if _, wanted := slices.BinarySearch(want, key); !wanted {
			remove = append(remove, key)
		}
	}
	slices.Sort(remove)
	return add, remove
}

func compareFields(x, y Field) int { return cmp.Compare(x.Path, y.Path) }
