package oneroster

import (
	"fmt"
	"time"

	"github.com/google/uuid"

	"simscim/sandbox/world"
)

// kind tells the entities apart.
type kind uint8

const (
	orgKind kind = iota
	sessionKind
	courseKind
	classKind
	userKind
	demographicsKind
	enrolmentKind
)

// String is the kind as references write it.
func (k kind) String() string {
	return [...]string{"org", "academicSession", "course", "class", "user", "demographics", "enrollment"}[k]
}

// collection is the path of the kind.
func (k kind) collection() string {
	return [...]string{"orgs", "academicSessions", "courses", "classes", "users", "demographics", "enrollments"}[k]
}

// Version of OneRoster.
type Version string

// The versions.
const (
	V11 Version = "1.1"
	V12 Version = "1.2"
)

// derived is an id that a label gives: the world has no GUID for what only OneRoster
// knows, such as courses and enrolments.
func derived(space uuid.UUID, label string) uuid.UUID {
	return uuid.NewSHA1(space, []byte("oneroster "+label))
}

// session is a school year or a term. They are the same for all schools.
type session struct {
	id, parent  uuid.UUID
	title, kind string
	start, end  world.Date
	// ends is the calendar year in which the school year ends.
	ends     int
	children []uuid.UUID
}

func sessionID(year int, title string) uuid.UUID {
	return derived(uuid.Nil, fmt.Sprintf("session %d %s", year, title))
}

// sessionsOf are the school year that begins in the calendar year, and its three terms.
// The terms touch, so that a class is never between them.
func sessionsOf(year int) []*session {
	day := func(year int, month time.Month, day int) world.Date {
		return world.DateOf(time.Date(year, month, day, 0, 0, 0, 0, time.UTC))
	}
	whole := &session{
		id: sessionID(year, "year"), title: fmt.Sprintf("%d/%02d", year, (year+1)%100), kind: "schoolYear",
		start: day(year, 9, 1), end: day(year+1, 8, 31), ends: year + 1,
	}
	out := []*session{whole}
	for _, t := range []struct {
		title      string
		start, end world.Date
	}{
		{"Autumn", day(year, 9, 1), day(year, 12, 31)},
		{"Spring", day(year+1, 1, 1), day(year+1, 4, 12)},
		{"Summer", day(year+1, 4, 13), day(year+1, 8, 31)},
	} {
		id := sessionID(year, t.title)
		whole.children = append(whole.children, id)
		out = append(out, &session{
			id: id, parent: whole.id, title: fmt.Sprintf("%s %d/%02d", t.title, year, (year+1)%100), kind: "term",
			start: t.start, end: t.end, ends: year + 1,
		})
	}
	return out
}

func termIDs(year int) []uuid.UUID { return sessionsOf(year)[0].children }

// grade writes a curriculum year; 0 is Reception.
func (s switches) grade(year int) string {
	switch {
	case s.has(KGYearOne) && year == 0:
		return "TK"
	case s.has(KGYearOne) && year == 1:
		return "KG"
	case s.has(KGYearOne):
		year--
	case s.has(KGReception) && year == 0:
		return "KG"
	case year == 0:
		return "R"
	}
	if s.has(PlainGrades) {
		return fmt.Sprint(year)
	}
	return fmt.Sprintf("%02d", year)
}

// grades turns a group's year, as the school writes it, into grades.
func (s switches) grades(year string) []string {
	n := 0
	if year == "" {
		return []string{}
	}
	if year != "R" {
		if _, err := fmt.Sscan(year, &n); err != nil {
			return []string{}
		}
	}
	return []string{s.grade(n)}
}

// roleOf is what a person is at their school. The world knows teachers and other
// staff; of the others, one in four is in the office.
func roleOf(p *world.Person, v Version) string {
	switch {
	case p.Kind == world.Student:
		return "student"
	case p.Kind == world.Contact:
		return "guardian"
	case p.Teaching:
		return "teacher"
	case p.ID[0]%4 != 0:
		return "aide"
	case v == V12: // which knows no plain administrator
		return "siteAdministrator"
	default:
		return "administrator"
	}
}
