package oneroster

import (
	"cmp"
	"slices"
	"strings"
	"time"
)

// span is from a first to a last day; a zero day is open.
type span struct{ begin, end time.Time }

func (s span) over(today time.Time) bool  { return !s.end.IsZero() && s.end.Before(today) }
func (s span) ahead(today time.Time) bool { return s.begin.After(today) }

func isSchoolYear(s *Session) bool { return strings.EqualFold(s.Type, "schoolYear") }

// calendar is what the sessions say about time.
type calendar struct {
	sessions map[string]*Session
	// gone are sessions that were deleted.
	gone     map[string]bool
	children map[string][]*Session
}

func newCalendar(sessions map[string]*Session, gone map[string]bool) *calendar {
	c := &calendar{sessions: sessions, gone: gone, children: map[string][]*Session{}}
	for _, s := range sessions {
		c.children[s.ParentID] = append(c.children[s.ParentID], s)
	}
	return c
}

// lasting is a session with the holidays after it: until the day before the next one of
// its kind in the same year, or to the end of that year. Otherwise all groups of a
// school would vanish on the last day of term and come back on the first.
func (c *calendar) lasting(s *Session) span {
	out := span{s.Start, s.End}
	parent := c.sessions[s.ParentID]
	if s.End.IsZero() || isSchoolYear(s) || parent == nil {
		return out
	}
	var next time.Time
	for _, sib := range c.children[s.ParentID] {
		if strings.EqualFold(sib.Type, s.Type) && sib.Start.After(s.End) && (next.IsZero() || sib.Start.Before(next)) {
			next = sib.Start
		}
	}
	switch {
	case !next.IsZero():
		out.end = next.AddDate(0, 0, -1)
	case parent.End.After(s.End):
		out.end = parent.End
	}
	return out
}

// ofClass is the time in which a class is taught: dates as its terms give them, and the
// same with the holidays. A class whose terms have all been deleted is over, as is one
// whose last term is; one that names no term is taught for as long as it is there.
func (c *calendar) ofClass(terms []string, warn func(reason string)) (dates, lasting span, deleted bool) {
	known := false
	for _, id := range terms {
		s := c.sessions[id]
		if s == nil {
			if c.gone[id] {
				deleted = true
			} else {
				warn("it names a session that is not in the list")
			}
			continue
		}
		l := c.lasting(s)
		if !known {
			dates, lasting, known = span{s.Start, s.End}, l, true
			continue
		}
		dates = span{earlier(dates.begin, s.Start), later(dates.end, s.End)}
		lasting = span{earlier(lasting.begin, l.begin), later(lasting.end, l.end)}
	}
	return dates, lasting, deleted && !known
}

// yearStart is the first day of the academic year in force: of the school years that
// the school's own terms belong to, or of any where none do, since the schools of a
// district may keep different calendars.
func (c *calendar) yearStart(terms map[string]bool, today time.Time) time.Time {
	own := map[*Session]bool{}
	for id := range terms {
		if y := c.yearOf(id); y != nil {
			own[y] = true
		}
	}
	var years []*Session
	for _, s := range c.sessions {
		if isSchoolYear(s) && !s.Start.IsZero() && (len(own) == 0 || own[s]) {
			years = append(years, s)
		}
	}
	if len(years) == 0 {
		return time.Time{}
	}
	slices.SortFunc(years, func(a, b *Session) int { return cmp.Or(a.Start.Compare(b.Start), cmp.Compare(a.ID, b.ID)) })
	// The one in force; in a gap the one before it, and before all the first.
	at := years[0]
	for _, y := range years {
		if !y.Start.After(today) {
			at = y
		}
	}
	return at.Start
}

// yearOf climbs from a session to its school year. The chain may be broken or a circle.
func (c *calendar) yearOf(id string) *Session {
	for range 10 {
		s := c.sessions[id]
		if s == nil || isSchoolYear(s) {
			return s
		}
		id = s.ParentID
	}
	return nil
}
