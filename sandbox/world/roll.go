package world

import (
	"bytes"
	"cmp"
	"iter"
	"slices"

	"github.com/google/uuid"
)

// Roll is one school at one moment. It is never changed: a reader may keep it for as
// long as it likes while the world moves on.
type Roll struct {
	Site Site
	// Year is the calendar year in which the academic year in force began.
	Year int
	// People by kind, each sorted by id.
	people [3][]*Person
	// groups are sorted by kind, then id.
	groups []*Group
}

// People of one kind, sorted by id. The slice must not be changed.
func (r *Roll) People(kind Kind) []*Person { return r.people[kind] }

// Groups sorted by kind and id. The slice must not be changed.
func (r *Roll) Groups() []*Group { return r.groups }

// Person finds a record by id.
func (r *Roll) Person(id uuid.UUID) (*Person, bool) {
	for _, list := range r.people {
		if i, ok := slices.BinarySearchFunc(list, id, personByID); ok {
			return list[i], true
		}
	}
	return nil, false
}

// Group finds a group by kind and id.
func (r *Roll) Group(kind GroupKind, id uuid.UUID) (*Group, bool) {
	i, ok := slices.BinarySearchFunc(r.groups, &Group{Kind: kind, ID: id}, compareGroups)
	if !ok {
		return nil, false
	}
	return r.groups[i], true
}

// Members yields who is in a group, and whether as its teacher: students by id, then
// staff by id.
func (r *Roll) Members(g *Group) iter.Seq2[*Person, bool] {
	return func(yield func(*Person, bool) bool) {
		for _, kind := range []Kind{Student, Staff} {
			for _, p := range r.people[kind] {
				if in, teacher := p.in(g); in && !yield(p, teacher) {
					return
				}
			}
		}
	}
}

// in tells whether p is in g, and whether as teacher.
func (p *Person) in(g *Group) (in, teacher bool) {
	if g.Kind != Class {
		return p.YearGroup == g || p.Registration == g || p.House == g, p.Kind == Staff
	}
	for _, m := range p.Classes {
		if m.Group == g {
			return true, m.Teacher
		}
	}
	return false, false
}

// Counts are the sizes of a school.
type Counts struct {
	Students    int `json:"students"`
	Staff       int `json:"staff"`
	Contacts    int `json:"contacts"`
	Groups      int `json:"groups"`
	Memberships int `json:"memberships"`
	Future      int `json:"future"`
	Leavers     int `json:"leavers"`
}

// Add sums two counts.
func (c Counts) Add(o Counts) Counts {
	return Counts{
		c.Students + o.Students, c.Staff + o.Staff, c.Contacts + o.Contacts, c.Groups + o.Groups,
		c.Memberships + o.Memberships, c.Future + o.Future, c.Leavers + o.Leavers,
	}
}

// Counts the people who are current on a day (future starters and leavers apart) and
// all groups and memberships.
func (r *Roll) Counts(day Date) Counts {
	c := Counts{Groups: len(r.groups), Contacts: len(r.people[Contact])}
	for _, kind := range []Kind{Student, Staff} {
		for _, p := range r.people[kind] {
			c.Memberships += p.memberships()
			switch {
			case p.State(day) == Future:
				c.Future++
			case p.State(day) == Leaver:
				c.Leavers++
			case kind == Student:
				c.Students++
			default:
				c.Staff++
			}
		}
	}
	return c
}

func (p *Person) memberships() int {
	n := len(p.Classes)
	for _, g := range []*Group{p.YearGroup, p.Registration, p.House} {
		if g != nil {
			n++
		}
	}
	return n
}

func personByID(p *Person, id uuid.UUID) int { return bytes.Compare(p.ID[:], id[:]) }

func comparePeople(x, y *Person) int { return bytes.Compare(x.ID[:], y.ID[:]) }

func compareGroups(x, y *Group) int {
	return cmp.Or(cmp.Compare(x.Kind, y.Kind), bytes.Compare(x.ID[:], y.ID[:]))
}

// draft is a Roll in the making. People are cloned at their first edit, so the Roll
// that it began from stays as it was.
type draft struct {
	dice
	Roll
	// from is how many people of each kind are sorted; those behind are new.
	from  [3]int
	fresh map[*Person]bool
	gone  map[uuid.UUID]bool
	mails map[string]bool
	today Date
	names *names
}

func (w *World) draft(r *Roll, d dice) *draft {
	e := &draft{
		dice: d, Roll: *r, names: w.names, today: DateOf(w.now),
		fresh: map[*Person]bool{}, gone: map[uuid.UUID]bool{},
	}
	for k, list := range r.people {
		e.people[k] = slices.Clone(list)
		e.from[k] = len(list)
	}
	e.groups = slices.Clone(r.groups)
	return e
}

// edit returns the person for change. The pointer is good until commit.
func (e *draft) edit(id uuid.UUID) *Person {
	for k := range e.people {
		list := e.people[k]
		i, ok := slices.BinarySearchFunc(list[:e.from[k]], id, personByID)
		if !ok {
			i = slices.IndexFunc(list[e.from[k]:], func(p *Person) bool { return p.ID == id })
			if i < 0 {
				continue
			}
			i += e.from[k]
		}
		if !e.fresh[list[i]] {
			c := *list[i]
			c.Classes = slices.Clone(c.Classes)
			list[i] = &c
			e.fresh[&c] = true
		}
		return list[i]
	}
	panic("world: edit of a person who is not at the school")
}

func (e *draft) add(p *Person) *Person {
	e.people[p.Kind] = append(e.people[p.Kind], p)
	e.fresh[p] = true
	return p
}

func (e *draft) remove(id uuid.UUID) { e.gone[id] = true }

// commit ends the draft.
func (e *draft) commit() *Roll {
	r := e.Roll
	for k := range r.people {
		r.people[k] = slices.DeleteFunc(r.people[k], func(p *Person) bool { return e.gone[p.ID] || e.gone[p.Of] })
		slices.SortFunc(r.people[k], comparePeople)
	}
	slices.SortFunc(r.groups, compareGroups)
	return &r
}

// groupsOf lists the groups of one kind in the order of their short names.
func (e *draft) groupsOf(kind GroupKind) []*Group {
	var out []*Group
	for _, g := range e.groups {
		if g.Kind == kind {
			out = append(out, g)
		}
	}
	slices.SortFunc(out, func(x, y *Group) int { return cmp.Or(cmp.Compare(x.year, y.year), cmp.Compare(x.Short, y.Short)) })
	return out
}

// pupils are the ids of the pupils who are on roll or about to be, sorted by year,
// age and id.
func (e *draft) pupils() []*Person {
	var out []*Person
	for _, p := range e.people[Student] {
		if p.End == 0 {
			out = append(out, p)
		}
	}
	slices.SortFunc(out, func(x, y *Person) int {
		return cmp.Or(cmp.Compare(x.Year, y.Year), cmp.Compare(x.Born, y.Born), comparePeople(x, y))
	})
	return out
}

// teachers are the teaching staff who are in post, sorted by id.
func (e *draft) teachers() []*Person {
	var out []*Person
	for _, p := range e.people[Staff] {
		if p.Teaching && p.End == 0 && p.Start <= e.today {
			out = append(out, p)
		}
	}
	slices.SortFunc(out, comparePeople)
	return out
}
