package plan

import (
	"fmt"
	"slices"

	"simscim/mapper"
	"simscim/scim"
)

const (
	userName scim.Path = "userName"
	active   scim.Path = "active"
)

// users plans the accounts that should exist.
func (b *builder) users() {
	for i := range b.Desired.Users {
		u := &b.Desired.Users[i]
		known := b.State.Users[u.Key]
		switch {
		case known == nil:
			b.newUser(u)
		case known.Home != b.Site && known.Status == Active:
			b.sharedUser(u, known)
		default:
			b.knownUser(u, known)
		}
	}
}

// newUser plans an account that the ledger does not know.
func (b *builder) newUser(u *mapper.User) {
	c := Change{Kind: scim.User, Key: u.Key, Label: u.Attributes.String(userName), After: u.Attributes, CreateOnly: u.CreateOnly}
	found, by, skip := b.recognise(scim.User, u.Key, u.Attributes)
	switch {
	case skip != nil:
		skip.Key, skip.Label = u.Key, c.Label
		b.skip(*skip)
		return
	case found != nil:
		c.Action, c.RemoteID = AdoptUser, found.RemoteID
		c.Set = b.diffObject(u.Attributes, u.CreateOnly, found)
		c.Reason = "an account at the target was recognised by " + string(by)
		if b.adopted == nil {
			b.adopted = map[string]string{}
		}
		b.adopted[found.RemoteID] = u.Key
	default:
		c.Action, c.Password = CreateUser, u.Password
		c.Reason = fmt.Sprintf("a %s who is in scope has no account yet", personKind(u))
		if b.Gone[Ref{scim.User, u.Key}] {
			c.Reason = "the account was deleted at the target behind our back"
		}
	}
	b.present[u.Key] = b.change(c)
}

// sharedUser notes that this site needs an account that another site decides on.
func (b *builder) sharedUser(u *mapper.User, known *Known) {
	b.present[u.Key] = true
	if known.SourceID == "" {
		b.note(Note{What: Claim, Kind: scim.User, Key: u.Key, SourceID: u.Person.ID})
	}
}

// knownUser plans an account of ours.
func (b *builder) knownUser(u *mapper.User, known *Known) {
	b.present[u.Key] = true
	if !b.May.Users.updates() {
		return
	}
	once := u.CreateOnly
	if known.Status == Suspended { // what was switched off by us is switched on by us
		once = slices.DeleteFunc(slices.Clone(once), func(p scim.Path) bool { return p == active })
	}
	set := b.diffKnown(scim.User, u.Attributes, once, known)
	c := Change{
		Kind: scim.User, Key: u.Key, RemoteID: known.RemoteID, Label: u.Attributes.String(userName),
		After: u.Attributes, CreateOnly: once, Set: set,
	}
	switch {
	case known.Status == Suspended:
		c.Action, c.Reason = ReactivateUser, "the person is back on the roll"
	case known.Name != "" && scim.Fold(known.Name) != scim.Fold(c.Label):
		c.Action, c.Reason = RenameUser, "the rules for user names let this one change"
	case len(set) > 0:
		c.Action, c.Reason = UpdateUser, changed(set)
	}
	if c.Action != "" {
		b.change(c)
		return
	}
	b.seen(c, once, known)
}

// seen notes an object that was read back and is as it should be, unless the ledger has
// all of it.
func (b *builder) seen(c Change, createOnly []scim.Path, known *Known) {
	if b.Observed.at(c.Kind, known.RemoteID) == nil {
		return
	}
	unknown := func(member string) bool {
		_, in := known.Members[member]
		return !in
	}
	if len(b.diffPrints(c.After, createOnly, known)) > 0 || slices.ContainsFunc(c.Have, unknown) {
		b.note(Note{What: Seen, Kind: c.Kind, Key: c.Key, Change: &c})
	}
}

// recognise looks for an existing object that is the one with the key: by externalId,
// which nobody but us sets, then by the match rules. skip says why it cannot be used.
func (b *builder) recognise(kind scim.Kind, key string, attrs scim.Attributes) (found *Object, by scim.Path, skip *Skip) {
	no := func(list []*Object, format string, args ...any) *Skip {
		s := &Skip{Kind: kind, Reason: fmt.Sprintf(format, args...)}
		for _, o := range list {
			s.Candidates = append(s.Candidates, o.RemoteID)
		}
		slices.Sort(s.Candidates)
		return s
	}
	for _, path := range append([]scim.Path{externalID}, b.Match...) {
		value := any(key)
		if path != externalID {
			value, _ = attrs.Get(path)
		}
		list := slices.DeleteFunc(slices.Clone(b.Observed.find(kind, path, value)), func(o *Object) bool {
			// One that carries somebody else's externalId is not ours to take.
			return path != externalID && o.ExternalID != "" && o.ExternalID != key && b.ours(kind, o)
		})
		switch {
		case len(list) == 0:
			continue
		case len(list) > 1:
			return nil, path, no(list, "%d objects at the target match by %s; only one may", len(list), path)
		case path != externalID && !b.Adopt:
			return nil, path, no(list, "an object at the target matches by %s, and the rules do not allow to adopt it", path)
		case b.adopted[list[0].RemoteID] != "":
			return nil, path, no(list, "the object that matches by %s was recognised as somebody else's already", path)
		default:
			return list[0], path, nil
		}
	}
	return nil, "", nil
}

// ours tells whether the ledger knows the object at the target as that of another key.
func (b *builder) ours(kind scim.Kind, o *Object) bool {
	known := b.State.Users
	if kind == scim.Group {
		known = b.State.Groups
	}
	k := known[o.ExternalID]
	return k != nil && k.RemoteID == o.RemoteID
}

// diffKnown compares the desired attributes with the confirmed ones, or with the
// object itself where it was read back.
func (b *builder) diffKnown(kind scim.Kind, attrs scim.Attributes, createOnly []scim.Path, known *Known) []Field {
	var set []Field
	if o := b.Observed.at(kind, known.RemoteID); o != nil {
		set = b.diffObject(attrs, createOnly, o)
		for _, p := range known.Prints {
			_, wanted := attrs.Get(p.Path)
			if v, there := o.Attributes.Get(p.Path); !wanted && there && !scim.IsUnassigned(v) {
				set = append(set, Field{Path: p.Path, Before: v})
			}
		}
		slices.SortFunc(set, compareFields)
		return set
	}
	return b.diffPrints(attrs, createOnly, known)
}

// diffPrints compares the desired attributes with the confirmed ones.
func (b *builder) diffPrints(attrs scim.Attributes, createOnly []scim.Path, known *Known) []Field {
	var set []Field
	for _, a := range attrs {
		if slices.Contains(createOnly, a.Path) {
			continue
		}
		sum, was := known.Prints.Get(a.Path)
		switch now := !scim.IsUnassigned(a.Value); {
		case now && (!was || b.Print(a.Path, a.Value) != sum):
			set = append(set, Field{Path: a.Path, Before: nameBefore(a.Path, known), After: a.Value})
		case !now && was:
			set = append(set, Field{Path: a.Path})
		}
	}
	for _, p := range known.Prints {
		if _, still := attrs.Get(p.Path); !still {
			set = append(set, Field{Path: p.Path}) // no rule yields it any more
		}
	}
	slices.SortFunc(set, compareFields)
	return set
}

// nameBefore is the one value that the ledger keeps in clear.
func nameBefore(path scim.Path, known *Known) any {
	if path == userName && known.Name != "" {
		return known.Name
	}
	return nil
}

// diffObject compares the desired attributes with an object that was read.
func (b *builder) diffObject(attrs scim.Attributes, createOnly []scim.Path, o *Object) []Field {
	var set []Field
	for _, a := range attrs {
		if slices.Contains(createOnly, a.Path) {
			continue
		}
		before, _ := o.Attributes.Get(a.Path)
		if a.Path == externalID && o.ExternalID != "" {
			before = o.ExternalID
		}
		if scim.SameValue(a.Path, before, a.Value) {
			continue
		}
		f := Field{Path: a.Path, Before: before, After: a.Value}
		if scim.IsUnassigned(a.Value) {
			f.After = nil
		}
		set = append(set, f)
	}
	return set
}
