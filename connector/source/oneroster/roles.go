package oneroster

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"simscim/roster"
)

// kindOf is the kind of person that a role makes. used is false for roles that make
// nobody a member of the school, known for words that neither version has.
func kindOf(role string) (kind roster.Kind, used, known bool) {
	switch strings.ToLower(role) {
	case "student":
		return roster.Student, true, true
	case "teacher", "aide", "administrator", "principal", "counselor", "counsellor",
		"siteadministrator", "districtadministrator", "systemadministrator":
		return roster.Staff, true, true
	case "guardian", "parent", "relative":
		return roster.Contact, true, true
	case "proctor":
		return "", false, true
	default:
		return "", false, false
	}
}

// standing is where a person stands at one school, by the roles there.
type standing struct {
	kind       roster.Kind
	state      roster.State
	roles      []string
	begin, end time.Time
}

// ranked orders states by how much they matter: who is here counts before who comes,
// and who comes before who was.
func ranked(s roster.State) int {
	return slices.Index([]roster.State{roster.Current, roster.Future, roster.Leaver}, s)
}

// held is one role at the school, with what it means today.
type held struct {
	role  UserRole
	kind  roster.Kind
	state roster.State
}

// stand decides between several roles at the school. A role in force counts before one
// to come, that before one that is over; then the primary role; then staff before pupil
// before contact, since a teacher who is also a parent is staff.
func stand(roles []held) standing {
	slices.SortStableFunc(roles, func(a, b held) int {
		primary := func(h held) int {
			if h.role.Primary {
				return 0
			}
			return 1
		}
		kind := func(k roster.Kind) int {
			return slices.Index([]roster.Kind{roster.Staff, roster.Student, roster.Contact}, k)
		}
		return cmp.Or(
			cmp.Compare(ranked(a.state), ranked(b.state)), cmp.Compare(primary(a), primary(b)), cmp.Compare(kind(a.kind), kind(b.kind)),
		)
	})
	first := roles[0]
	s := standing{kind: first.kind, state: first.state}
	for i, h := range roles {
		if h.state != first.state {
			continue
		}
		s.roles = append(s.roles, h.role.Role)
		if h.kind != first.kind {
			continue
		}
		// Several spells as the same thing are one, from the first day to the last; a spell
		// without a date is open at that side.
		if i == 0 {
			s.begin, s.end = h.role.Begin, h.role.End
			continue
		}
		s.begin, s.end = earlier(s.begin, h.role.Begin), later(s.end, h.role.End)
	}
	slices.Sort(s.roles)
	s.roles = slices.Compact(s.roles)
	return s
}

// earlier and later treat a missing date as open.
func earlier(a, b time.Time) time.Time {
	if a.IsZero() || b.IsZero() {
		return time.Time{}
	}
	if b.Before(a) {
		return b
	}
	return a
}

func later(a, b time.Time) time.Time {
	if a.IsZero() || b.IsZero() {
		return time.Time{}
	}
	if b.After(a) {
		return b
	}
	return a
}

// during gives the state that dates make today. The last day is still a day of it.
func during(begin, end, today time.Time) roster.State {
	switch {
	case !end.IsZero() && end.Before(today):
		return roster.Leaver
	case begin.After(today):
		return roster.Future
	default:
		return roster.Current
	}
}

// Alive tells whether a record of this status is in force, and whether the status is
// known at all.
func (s Status) Alive() (alive, known bool) {
	switch Status(strings.ToLower(strings.TrimSpace(string(s)))) {
	case "", Active:
		return true, true
	case ToBeDeleted, Inactive:
		return false, true
	default:
		return false, false
	}
}

// life gives the reason why a record's status cannot be used, too.
func life(s Status) (alive bool, why string) {
	alive, known := s.Alive()
	if !known {
		why = "its status is not known"
	}
	return alive, why
}

// memberRole is what an enrolment makes of its user. used is false for roles that put
// nobody into a class.
func memberRole(role string, kind roster.Kind) (r roster.Role, used bool, why string) {
	switch k, used, known := kindOf(role); {
	case role == "" && kind == roster.Staff:
		return roster.Teacher, true, ""
	case role == "":
		return roster.Member, true, ""
	case !known:
		return "", false, "its role is not known"
	case !used || k == roster.Contact:
		return "", false, ""
	case k == roster.Staff:
		return roster.Teacher, true, ""
	default:
		return roster.Member, true, ""
	}
}
