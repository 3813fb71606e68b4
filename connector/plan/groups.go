package plan

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"simscim/mapper"
	"simscim/roster"
	"simscim/scim"
)

const displayName scim.Path = "displayName"

// groups plans the groups that should exist, each with who comes and who goes.
func (b *builder) groups() {
	keyOf := b.keysByRemoteID()
	for i := range b.Desired.Groups {
		g := &b.Desired.Groups[i]
		if known := b.State.Groups[g.Key]; known != nil {
			b.knownGroup(g, known, keyOf)
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
	c := Change{Kind: scim.Group, Key: g.Key, Label: g.Attributes.String(displayName), After: g.Attributes, CreateOnly: g.CreateOnly}
	want := b.members(g, nil)
	found, by, skip := b.recognise(scim.Group, g.Key, g.Attributes)
	switch {
	case skip != nil:
		skip.Key, skip.Label = g.Key, c.Label
		b.skip(*skip)
		return
	case found != nil:
		c.Action, c.RemoteID = AdoptGroup, found.RemoteID
		c.Set = b.diffObject(g.Attributes, g.CreateOnly, found)
		have := ourMembers(found, keyOf)
		if !found.MembersKnown {
			have = b.doubted(g.Key, want, have)
		}
		c.Add, c.Remove = b.difference(want, have)
		c.Have = both(want, have)
		c.Reason = "a group at the target was recognised by " + string(by)
	default:
		c.Action, c.Add = CreateGroup, want
		c.Reason = "the school has a group that the target lacks"
		if g.SourceID == "" {
			c.Reason = "the rules ask for a group that the target lacks"
		}
		if b.Gone[Ref{scim.Group, g.Key}] {
			c.Reason = "the group was deleted at the target behind our back"
		}
	}
	b.change(c)
}

func (b *builder) knownGroup(g *mapper.Group, known *Known, keyOf map[string]string) {
	if !b.May.Groups.updates() {
		return
	}
	c := Change{
		Kind: scim.Group, Key: g.Key, RemoteID: known.RemoteID, Label: g.Attributes.String(displayName),
		After: g.Attributes, CreateOnly: g.CreateOnly, Set: b.diffKnown(scim.Group, g.Attributes, g.CreateOnly, known),
	}
	want := b.members(g, known)
	have := known.Members
	if o := b.Observed.at(scim.Group, known.RemoteID); o != nil && o.MembersKnown {
		have = ourMembers(o, keyOf)
		c.Have = both(want, have)
		maps.Copy(have, without(known.Members, want)) // what is noted and not wanted goes
	} else {
		have = b.doubted(g.Key, want, have)
	}
	c.Add, c.Remove = b.difference(want, have)
	switch {
	case b.anew(g, &c, want):
		c.Action, c.Set, c.Add, c.Have = ReplaceGroup, nil, want, nil
		c.Reason = comings(len(want), len(c.Remove)) + "; the group is made anew because that takes fewer requests"
	case len(c.Set) > 0:
		c.Action, c.Reason = UpdateGroup, changed(c.Set)
	case len(c.Add)+len(c.Remove) > 0:
		b.seen(c, g.CreateOnly, known)
		c.Action, c.Reason = UpdateMembers, comings(len(c.Add), len(c.Remove))
	default:
		b.seen(c, g.CreateOnly, known)
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
	if len(have) == len(want)-len(add) || b.Withheld.Freeze != "" || !b.May.Groups.removes() {
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

// doubted returns have so that those of whom it is not known whether they joined or left
// are sent once more, whichever it is.
func (b *builder) doubted(group string, want []string, have map[string]struct{}) map[string]struct{} {
	var doubt []string
	for _, in := range b.State.Intents {
		if in.Kind == scim.Group && in.Key == group {
			doubt = append(doubt, in.Members...)
		}
	}
	if len(doubt) == 0 {
		return have
	}
	now := map[string]struct{}{}
	maps.Copy(now, have)
	for _, key := range doubt {
		if _, wanted := slices.BinarySearch(want, key); wanted {
			delete(now, key)
		} else {
			now[key] = struct{}{}
		}
	}
	return now
}

// anew tells whether a class group is better deleted and made again: where members are
// taken out one by one, a class that changes hands costs a request for each pupil.
func (b *builder) anew(g *mapper.Group, c *Change, want []string) bool {
	if !b.May.Replace || !b.Can.DeleteGroups || !strings.HasPrefix(g.SourceID, string(roster.Class)+":") || len(c.Remove) == 0 {
		return false
	}
	single := Pieces(len(c.Remove), b.Can.MembersPerRemove) + Pieces(len(c.Add), b.Can.MembersPerAdd)
	replaced := 2 + Pieces(len(want)-b.Can.MembersPerCreate, b.Can.MembersPerAdd)
	return replaced < single
}

// Pieces is how many requests n things make of which at most size travel in one; a size of
// 0 is any number.
func Pieces(n, size int) int {
	switch {
	case n <= 0:
		return 0
	case size <= 0:
		return 1
	default:
		return (n + size - 1) / size
	}
}

// ourMembers are the keys of those members at the target who are ours; others are not
// ours to take out.
func ourMembers(o *Object, keyOf map[string]string) map[string]struct{} {
	have := make(map[string]struct{}, len(o.Members))
	for _, id := range o.Members {
		if key, ours := keyOf[id]; ours {
			have[key] = struct{}{}
		}
	}
	return have
}

// both are the wanted who are there.
func both(want []string, have map[string]struct{}) (list []string) {
	for _, key := range want {
		if _, in := have[key]; in {
			list = append(list, key)
		}
	}
	return list
}

// without are the members of the set who are not wanted; want is sorted.
func without(set map[string]struct{}, want []string) map[string]struct{} {
	rest := map[string]struct{}{}
	for key := range set {
		if _, wanted := slices.BinarySearch(want, key); !wanted {
			rest[key] = struct{}{}
		}
	}
	return rest
}

func compareFields(x, y Field) int { return cmp.Compare(x.Path, y.Path) }
