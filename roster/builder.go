package roster

import (
	"cmp"
	"slices"
	"strings"
	"time"
)

// Builder collects what a source reads and makes a Snapshot of it. A record that
// breaks an invariant is set aside with a reason; the rest goes on. It is not
// safe for concurrent use.
type Builder struct {
	snap    Snapshot
	people  map[string]bool
	groups  map[GroupKey]bool
	members map[Membership]bool
	// warnings count by everything but the count.
	warnings map[Warning]int
}

// NewBuilder starts a snapshot of site, read at the time given.
func NewBuilder(site Site, at time.Time) *Builder {
	return &Builder{
		snap:    Snapshot{Site: site, TakenAt: at},
		people:  map[string]bool{},
		groups:  map[GroupKey]bool{},
		members: map[Membership]bool{},

		warnings: map[Warning]int{},
	}
}

// Expect makes room for a school of about this size, so that it need not be copied as it
// grows. It may be called once, before anything is added.
func (b *Builder) Expect(people, groups, memberships int) {
	b.people = make(map[string]bool, people)
	b.groups = make(map[GroupKey]bool, groups)
	b.members = make(map[Membership]bool, memberships)
	b.snap.People = make([]Person, 0, people)
	b.snap.Groups = make([]Group, 0, groups)
	b.snap.Memberships = make([]Membership, 0, memberships)
}

// SetAside notes a record that the source itself could not use.
func (b *Builder) SetAside(entity, ref, reason string) {
	b.snap.SetAside = append(b.snap.SetAside, SetAside{Entity: entity, Ref: ref, Reason: reason})
}

// Warn counts an optional value that was dropped. The reason names neither the record
// nor the value.
func (b *Builder) Warn(entity, field, reason string) {
	b.warnings[Warning{Entity: entity, Field: field, Reason: reason}]++
}

// AddPerson takes p. A second record with the same id is set aside: which of the
// two is right cannot be known, so the first one read stays.
func (b *Builder) AddPerson(p Person) {
	p.ID = strings.TrimSpace(p.ID)
	switch {
	case p.ID == "":
		b.SetAside("person", "", "the record has no id")
		return
	case p.GivenName == "" && p.FamilyName == "" && p.PreferredGivenName == "" && p.PreferredFamilyName == "":
		b.SetAside("person", p.ID, "the record has no name at all")
		return
	case b.people[p.ID]:
		b.SetAside("person", p.ID, "the id appears more than once")
		return
	}
	b.people[p.ID] = true
	b.snap.People = append(b.snap.People, p)
}

// AddGroup takes g. A group without a name is kept by its short name or id.
func (b *Builder) AddGroup(g Group) {
	g.ID = strings.TrimSpace(g.ID)
	switch {
	case g.ID == "":
		b.SetAside("group", "", "the record has no id")
		return
	case b.groups[g.GroupKey]:
		b.SetAside("group", g.GroupKey.String(), "the id appears more than once")
		return
	}
	g.Name = cmp.Or(strings.TrimSpace(g.Name), g.ShortName, g.ID)
	b.groups[g.GroupKey] = true
	b.snap.Groups = append(b.snap.Groups, g)
}

// AddMembership takes m; whether both ends exist is looked at in Finish, because
// sources may list memberships first. The same membership given twice counts once.
func (b *Builder) AddMembership(m Membership) {
	if m.Role == "" {
		m.Role = Member
	}
	if b.members[m] {
		return
	}
	b.members[m] = true
	b.snap.Memberships = append(b.snap.Memberships, m)
}

// Finish drops memberships that point nowhere, fills the people's group names,
// sorts everything and returns the snapshot. The builder must not be used again.
func (b *Builder) Finish() *Snapshot {
	s := &b.snap
	s.Memberships = slices.DeleteFunc(s.Memberships, func(m Membership) bool {
		switch {
		case !b.people[m.Person]:
			b.SetAside("membership", m.Group.String(), "it names a person who is not in the list")
		case !b.groups[m.Group]:
			b.SetAside("membership", m.Group.String(), "it names a group that is not in the list")
		default:
			return false
		}
		return true
	})
	slices.SortFunc(s.People, func(x, y Person) int { return cmp.Compare(x.ID, y.ID) })
	slices.SortFunc(s.Groups, func(x, y Group) int { return compareKeys(x.GroupKey, y.GroupKey) })
	slices.SortFunc(s.Memberships, compareMemberships)
	b.fillGroupNames()
	b.fillWarnings()
	b.people, b.groups, b.members, b.warnings = nil, nil, nil, nil
	return s
}

func (b *Builder) fillWarnings() {
	for w, n := range b.warnings {
		w.Count = n
		b.snap.Warnings = append(b.snap.Warnings, w)
	}
	slices.SortFunc(b.snap.Warnings, func(x, y Warning) int {
		return cmp.Or(cmp.Compare(x.Entity, y.Entity), cmp.Compare(x.Field, y.Field), cmp.Compare(x.Reason, y.Reason))
	})
}

// fillGroupNames gives each person the names of the groups that the memberships
// put them in, where the source did not say so in the person's own record.
func (b *Builder) fillGroupNames() {
	s := &b.snap
	person := make(map[string]*Person, len(s.People))
	for i := range s.People {
		person[s.People[i].ID] = &s.People[i]
	}
	group := make(map[GroupKey]*Group, len(s.Groups))
	for i := range s.Groups {
		group[s.Groups[i].GroupKey] = &s.Groups[i]
	}
	for _, m := range s.Memberships {
		p, g := person[m.Person], group[m.Group]
		switch g.Kind {
		case Class:
			p.Classes = append(p.Classes, g.Name)
		case Registration:
			p.Registration = cmp.Or(p.Registration, g.Name)
		case House:
			p.House = cmp.Or(p.House, g.Name)
		case YearGroup:
			p.YearGroup = cmp.Or(p.YearGroup, NormaliseYear(g.Name))
		}
	}
	for i := range s.People {
		slices.Sort(s.People[i].Classes)
		s.People[i].Classes = slices.Compact(s.People[i].Classes)
	}
}

func compareKeys(x, y GroupKey) int {
	return cmp.Or(cmp.Compare(x.Kind, y.Kind), cmp.Compare(x.ID, y.ID))
}

func compareMemberships(x, y Membership) int {
	return cmp.Or(compareKeys(x.Group, y.Group), cmp.Compare(x.Person, y.Person), cmp.Compare(x.Role, y.Role))
}
