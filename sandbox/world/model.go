package world

import (
	"time"

	"github.com/google/uuid"
)

// Kind tells students, staff and contacts apart.
type Kind uint8

// The kinds of person.
const (
	Student Kind = iota
	Staff
	Contact
)

// String is the kind as the provisioning API writes it.
func (k Kind) String() string { return [...]string{"Student", "Staff", "Contact"}[k] }

// State is where a person stands on the roll.
type State uint8

// The states of a person, worked out from the dates and the world's clock.
const (
	Current State = iota
	Future
	Leaver
)

// String is the state as the provisioning API writes it.
func (s State) String() string { return [...]string{"Current", "Future", "Leaver"}[s] }

// GroupKind tells the groups of a school apart.
type GroupKind uint8

// The kinds of group.
const (
	YearGroup GroupKind = iota
	Registration
	House
	Class
)

// String is the kind as the provisioning API writes it.
func (k GroupKind) String() string {
	return [...]string{"YearGroup", "RegistrationGroup", "House", "Class"}[k]
}

// Phases of a school.
const (
	Primary   = "primary"
	Secondary = "secondary"
	Special   = "special"
)

// Authorisation of a school towards the vendor's application.
const (
	Pending    = 0
	Authorised = 1
	Withdrawn  = 2
)

// Date is a day, counted from 1 January 1970; the zero Date is "none".
type Date int32

// DateOf is the day of t in UTC.
func DateOf(t time.Time) Date { return Date(t.Unix() / 86400) }

func ymd(year int, month time.Month, day int) Date {
	return DateOf(time.Date(year, month, day, 0, 0, 0, 0, time.UTC))
}

// Time is the day's first moment in UTC.
func (d Date) Time() time.Time { return time.Unix(int64(d)*86400, 0).UTC() }

// String is the day as 2026-09-01.
func (d Date) String() string { return d.Time().Format(time.DateOnly) }

// Site is one school.
type Site struct {
	ID uuid.UUID
	// Customer is the school's number in vendor management.
	Customer int
	Name     string
	// DfE is the seven-digit DfE number; its local authority does not exist.
	DfE   string
	Phase string
	// Domain is the school's mail domain, below the reserved name "example".
	Domain string
	// Authorised is the state of the school's consent.
	Authorised int
}

// Person is one record of one school's roll. People are never changed once they are
// in a Roll; a change makes a new record.
type Person struct {
	ID   uuid.UUID
	Kind Kind
	// Master is the same for all records of one human and zero for people with one
	// record only. It is the id of the human's first record, so who becomes known at a
	// second school keeps the identity that they had.
	Master uuid.UUID
	// Twin is the twin's record, for tests and reports; no service tells it.
	Twin uuid.UUID
	// Of is the pupil whose contact this is.
	Of uuid.UUID

	Given, Family                   string
	PreferredGiven, PreferredFamily string
	Email                           string

	Born, Start, End Date
	// Year is the national curriculum year of a pupil: 0 is Reception, 1 to 14.
	Year     int8
	Teaching bool
	female   bool
	// dept is the subject that a teacher teaches, by number.
	dept int8
	// origin is the heritage that the names come from.
	origin int8

	YearGroup *Group
	// Registration is a pupil's registration group, or the one that a teacher is
	// tutor of.
	Registration *Group
	House        *Group
	Classes      []Membership
}

// Membership is a person's place in a class.
type Membership struct {
	Group   *Group
	Teacher bool
}

// State of the person on a day. The last day on the roll is still Current.
func (p *Person) State(day Date) State {
	switch {
	case p.End != 0 && p.End < day:
		return Leaver
	case p.Start > day:
		return Future
	default:
		return Current
	}
}

// AgeBand of a pupil on a day, empty for other people.
func (p *Person) AgeBand(day Date) string {
	if p.Kind != Student || p.Born == 0 {
		return ""
	}
	born, now := p.Born.Time(), day.Time()
	age := now.Year() - born.Year()
	if now.Month() < born.Month() || now.Month() == born.Month() && now.Day() < born.Day() {
		age--
	}
	switch {
	case age < 5:
		return "<5"
	case age < 7:
		return "5-7"
	case age < 11:
		return "7-11"
	case age < 13:
		return "11-13"
	case age < 16:
		return "13-16"
	default:
		return ">16"
	}
}

// Name is the person's full name, for people to read.
func (p *Person) Name() string {
	switch {
	case p.Given == "":
		return p.Family
	case p.Family == "":
		return p.Given
	default:
		return p.Given + " " + p.Family
	}
}

// Human is the identity of the human behind the record.
func (p *Person) Human() uuid.UUID {
	if p.Master != uuid.Nil {
		return p.Master
	}
	return p.ID
}

// Group is a set of people that a school keeps. Groups are never changed once they
// are in a Roll. Kind and ID together identify it: two groups of different kinds may
// share an ID, as SIMS numbers each kind on its own.
type Group struct {
	ID          uuid.UUID
	Kind        GroupKind
	Short, Name string
	Subject     string
	// Year is the curriculum year as the school writes it, or empty.
	Year       string
	Start, End Date
	// year, band and dept place the group in the timetable.
	year, dept int8
	band       byte
}
