package oneroster

import (
	"bytes"
	"cmp"
	"slices"
	"time"

	"github.com/google/uuid"

	"simscim/sandbox/world"
)

// record is one record before it is written. Which of its fields are set depends on
// the kind.
type record struct {
	id      uuid.UUID
	school  *school // nil for sessions and what stands above schools
	person  *world.Person
	group   *world.Group
	session *session
	course  *course
	org     *org
	// changed is zero in files, which tell no dates.
	changed time.Time
	// begin and end are an enrolment's.
	begin, end world.Date
	// wrong sends one of an enrolment's references nowhere.
	wrong   kind
	kind    kind
	teacher bool
	primary bool
	dangles bool
	gone    bool
	// old is last year's class, or an enrolment in one.
	old bool
}

// course is a subject at a school.
type course struct{ subject, code string }

// org is an organisation that is no school.
type org struct {
	name, kind, identifier string
	parent                 uuid.UUID
	children               []uuid.UUID
}

func compareRecords(x, y *record) int { return bytes.Compare(x.id[:], y.id[:]) }

// school is one roll as OneRoster records, each list sorted by id. It is never
// changed once built.
type school struct {
	roll *world.Roll
	day  world.Date
	on   switches
	// hist is nil in files.
	hist *history

	lists [enrolmentKind + 1][]*record
	// agents are the contacts of each pupil.
	agents map[uuid.UUID][]uuid.UUID
	// led are the classes that have a leading teacher already.
	led map[uuid.UUID]bool
	// lastYear is the school year before this one.
	lastYear *session
}

func newSchool(r *world.Roll, day world.Date, on switches, hist *history) *school {
	s := &school{
		roll: r, day: day, on: on, hist: hist, agents: map[uuid.UUID][]uuid.UUID{}, led: map[uuid.UUID]bool{}, lastYear: sessionsOf(r.Year - 1)[0],
	}
	s.add(&record{kind: orgKind, id: r.Site.ID})
	s.people()
	s.classes()
	s.enrolments()
	if hist != nil && !on.has(NoTombstones) {
		s.departures()
	}
	if on.has(Dangling) {
		s.dangling()
	}
	if on.has(MoreOrgs) {
		s.add(&record{kind: orgKind, id: s.departmentID(), org: &org{name: "Sixth Form and Lower School", kind: "department", parent: r.Site.ID}})
	}
	for k := range s.lists {
		slices.SortFunc(s.lists[k], compareRecords)
	}
	return s
}

func (s *school) departmentID() uuid.UUID { return derived(s.roll.Site.ID, "department") }

func (s *school) add(r *record) *record {
	r.school = s
	if s.hist != nil && r.changed.IsZero() {
		r.changed = s.hist.base[s.roll.Site.ID]
	}
	s.lists[r.kind] = append(s.lists[r.kind], r)
	return r
}

// listed tells whether a person's record is there at all. Contacts stay when their
// pupil leaves, as in the provisioning API.
func (s *school) listed(p *world.Person) bool {
	return !s.on.has(NoTombstones) || p.State(s.day) != world.Leaver
}

// userID is the record's own, or the human's where records are merged.
func (s *school) userID(p *world.Person) uuid.UUID {
	if s.on.has(MergedUsers) {
		return p.Human()
	}
	return p.ID
}

func (s *school) people() {
	for _, kind := range []world.Kind{world.Student, world.Staff, world.Contact} {
		for _, p := range s.roll.People(kind) {
			if !s.listed(p) {
				continue
			}
			u := s.add(&record{kind: userKind, id: s.userID(p), person: p, changed: s.changed(p.ID)})
			if kind == world.Student {
				s.add(&record{kind: demographicsKind, id: u.id, person: p, changed: u.changed})
			}
			if kind == world.Contact {
				s.agents[p.Of] = append(s.agents[p.Of], p.ID)
			}
		}
	}
}

// changed is when a person or group changed; zero in files.
func (s *school) changed(id uuid.UUID) time.Time {
	switch {
	case s.hist == nil:
		return time.Time{}
	case s.on.has(StaleDates):
		return s.hist.base[s.roll.Site.ID]
	default:
		return s.hist.of(s.roll.Site.ID, id)
	}
}

// Subjects of the courses that classes without a subject belong to.
const (
	registrationCourse = "Registration"
	houseCourse        = "House"
)

// subjectOf is the course of a group.
func subjectOf(g *world.Group) string {
	switch g.Kind {
	case world.Registration:
		return registrationCourse
	case world.House:
		return houseCourse
	default:
		return g.Subject
	}
}

func (s *school) courseID(g *world.Group) uuid.UUID {
	return derived(s.roll.Site.ID, "course "+subjectOf(g))
}

// classes are the registration groups, the teaching groups and, by a switch, the houses.
func (s *school) classes() {
	courses := map[string]bool{}
	for _, g := range s.roll.Groups() {
		if g.Kind == world.YearGroup || g.Kind == world.House && !s.on.has(HouseClasses) {
			continue
		}
		s.add(&record{kind: classKind, id: classID(g), group: g, changed: s.changed(g.ID)})
		if s.on.has(OldClasses) && g.Kind == world.Class {
			s.add(&record{kind: classKind, id: oldID(g), group: g, old: true})
		}
		if name := subjectOf(g); !courses[name] {
			courses[name] = true
			s.add(&record{kind: courseKind, id: s.courseID(g), course: &course{name, code(name)}})
		}
	}
}

// code shortens a subject: MAT for Mathematics.
func code(subject string) string {
	letters := []rune(subject)
	return string(bytes.ToUpper([]byte(string(letters[:min(3, len(letters))]))))
}

// classID is the group's own, but for houses: one of them has the id of a year group,
// and a class needs an id that no other class has.
func classID(g *world.Group) uuid.UUID {
	if g.Kind == world.House {
		return derived(g.ID, "house")
	}
	return g.ID
}

func oldID(g *world.Group) uuid.UUID { return derived(g.ID, "last year") }

func enrolmentID(at place) uuid.UUID {
	label := "enrolment"
	if at.teacher {
		label = "teaching"
	}
	return uuid.NewSHA1(at.group, append(at.person[:], label...))
}

func (s *school) enrolments() {
	expected := s.expected()
	for _, kind := range []world.Kind{world.Student, world.Staff} {
		for _, p := range s.roll.People(kind) {
			if p.State(s.day) == world.Leaver {
				continue
			}
			switch {
			case p.Registration != nil:
				s.enrol(p, p.Registration, kind == world.Staff)
			case kind == world.Student && p.State(s.day) == world.Future && expected[p.Year] != nil:
				s.enrol(p, expected[p.Year], false)
			}
			for _, m := range p.Classes {
				s.enrol(p, m.Group, m.Teacher)
			}
			if p.House != nil && s.on.has(HouseClasses) {
				s.enrol(p, p.House, false)
			}
		}
	}
}

func (s *school) enrol(p *world.Person, g *world.Group, teacher bool) {
	at := place{p.ID, classID(g), teacher}
	r := s.add(&record{
		kind: enrolmentKind, id: enrolmentID(at), person: p, group: g, teacher: teacher, begin: max(p.Start, g.Start), changed: s.cameAt(at),
	})
	if teacher {
		r.primary, s.led[g.ID] = !s.led[g.ID], true
	}
	if s.on.has(OldClasses) && g.Kind == world.Class {
		at.group = oldID(g)
		s.add(&record{
			kind: enrolmentKind, id: enrolmentID(at), person: p, group: g, teacher: teacher, begin: s.lastYear.start, end: s.lastYear.end, old: true,
		})
	}
}

func (s *school) cameAt(at place) time.Time {
	if s.hist == nil || s.on.has(StaleDates) {
		return time.Time{}
	}
	return s.hist.ofPlace(s.roll.Site.ID, at)
}

// expected is, by curriculum year, the registration group that pupils who have not
// started yet are entered for. The world places them on their first day only, but an
// enrolment's begin is the one place where version 1.1 can say that somebody is still
// to come.
func (s *school) expected() map[int8]*world.Group {
	out := map[int8]*world.Group{}
	for _, p := range s.roll.People(world.Student) {
		g := out[p.Year]
		if p.Registration != nil && (g == nil || cmp.Compare(p.Registration.Short, g.Short) < 0) {
			out[p.Year] = p.Registration
		}
	}
	return out
}

// departures are the tombstones of classes and enrolments.
func (s *school) departures() {
	within := toldFor
	if s.on.has(EarlyPurge) {
		within = toldForADay
	}
	for at, d := range s.hist.departures(s.roll.Site.ID, within) {
		if d.person == nil {
			s.add(&record{kind: classKind, id: d.group.ID, group: d.group, changed: d.stamp, gone: true})
			continue
		}
		s.add(&record{
			kind: enrolmentKind, id: enrolmentID(at), person: d.person, group: d.group, teacher: at.teacher,
			begin: max(d.person.Start, d.group.Start), end: world.DateOf(d.at) - 1, changed: d.stamp, gone: true,
		})
	}
}

// dangling adds an enrolment that refers to an unknown class, one to an unknown user
// and one to an unknown school.
func (s *school) dangling() {
	for _, r := range s.lists[enrolmentKind] {
		if r.teacher || r.group.Kind != world.Registration {
			continue
		}
		for _, wrong := range []kind{classKind, userKind, orgKind} {
			c := *r
			c.id, c.wrong, c.dangles = derived(r.id, "dangling "+wrong.String()), wrong, true
			s.add(&c)
		}
		return
	}
}

// find is the record with an id.
func (s *school) find(k kind, id uuid.UUID) *record {
	i, ok := slices.BinarySearchFunc(s.lists[k], &record{id: id}, compareRecords)
	if !ok {
		return nil
	}
	return s.lists[k][i]
}
