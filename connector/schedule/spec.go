package schedule

import (
	"errors"
	"fmt"
	"time"

	"github.com/robfig/cron/v3"
)

// Spec is a cron expression of five fields in a time zone. The zero Spec never fires.
//
// The expression itself is worked out by robfig/cron, but on the calendar alone, in
// a zone without clock changes; what a time on the calendar means in the real zone is
// decided here (see occurrences).
type Spec struct {
	text string
	cal  *cron.SpecSchedule
	loc  *time.Location
	// hourly says that the expression names no hour, so that it follows real time:
	// an hour that exists twice counts twice.
	hourly bool
}

// maxSpec is the longest expression in bytes. A list of every minute, hour, day,
// month and weekday is shorter.
const maxSpec = 512

// everyHour has one bit for each hour of the day.
const everyHour = 1<<24 - 1

// Parse reads an expression of five fields: minute, hour, day of the month, month and
// weekday. An expression that can never fire is refused.
func Parse(text string, loc *time.Location) (Spec, error) {
	if loc == nil {
		return Spec{}, errors.New("parse schedule: no time zone was given")
	}
	fields, err := splitFields(text)
	if err != nil {
		return Spec{}, err
	}
	cal, err := parseFields(fields)
	if err != nil {
		return Spec{}, fmt.Errorf("parse schedule %q: %w", fields, err)
	}
	s := Spec{text: fields, cal: cal, loc: loc, hourly: cal.Hour&everyHour == everyHour}
	if s.nextOnCalendar(time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)).IsZero() {
		return Spec{}, fmt.Errorf("parse schedule %q: there is no such day, so it would never run", fields)
	}
	return s, nil
}

// parseFields calls the library, which panics on some malformed expressions.
func parseFields(fields string) (cal *cron.SpecSchedule, err error) {
	defer func() {
		if recover() != nil {
			cal, err = nil, errors.New("it is malformed")
		}
	}()
	parser := cron.NewParser(cron.Minute | cron.Hour | cron.Dom | cron.Month | cron.Dow)
	parsed, err := parser.Parse(fields)
	if err != nil {
		return nil, err
	}
	cal, ok := parsed.(*cron.SpecSchedule)
	if !ok {
		return nil, errors.New("it is not made of fields")
	}
	return cal, nil
}

// String is the expression with single blanks between its fields.
func (s Spec) String() string { return s.text }

// IsZero tells whether s is the zero Spec.
func (s Spec) IsZero() bool { return s.cal == nil }

// same tells whether both fire at the same moments for the same reason.
func (s Spec) same(t Spec) bool {
	return s.text == t.text && (s.loc == t.loc || s.loc != nil && t.loc != nil && s.loc.String() == t.loc.String())
}

// Next returns the first slot after the instant given, in UTC.
func (s Spec) Next(after time.Time) time.Time {
	if s.cal == nil {
		return time.Time{}
	}
	var best time.Time
	for wall := s.earliestWall(after); ; {
		wall = s.nextOnCalendar(wall)
		if wall.IsZero() {
			return best
		}
		first, second := s.occurrences(wall)
		if !best.IsZero() && !first.IsZero() && !first.Before(best) {
			return best
		}
		for _, at := range [...]time.Time{first, second} {
			if at.After(after) && (best.IsZero() || at.Before(best)) {
				best = at
			}
		}
		// Without a second occurrence the order on the calendar is the real order.
		if !best.IsZero() && second.IsZero() && best.Equal(first) {
			return best
		}
	}
}

// Prev returns the newest slot at or before the instant given, in UTC, or the zero
// time where there was none within the last eight years and a bit. It looks back in
// windows that double, so that the cost follows the distance of the slot.
func (s Spec) Prev(at time.Time) time.Time {
	const longest = 9 * 366 * 24 * time.Hour
	for window := time.Hour; s.cal != nil && window < 2*longest; window *= 2 {
		slot := s.Next(at.Add(-min(window, longest)))
		if slot.IsZero() || slot.After(at) {
			continue
		}
		for next := s.Next(slot); !next.IsZero() && !next.After(at); next = s.Next(slot) {
			slot = next
		}
		return slot
	}
	return time.Time{}
}

// nextOnCalendar returns the first time after wall that the expression names. Both
// are times on the calendar, written as UTC. The library looks five years ahead,
// which is too short for 29 February around a century that is no leap year.
func (s Spec) nextOnCalendar(wall time.Time) time.Time {
	for range 3 {
		if next := s.cal.Next(wall); !next.IsZero() {
			return next
		}
		wall = wall.AddDate(4, 0, 0)
	}
	return time.Time{}
}
