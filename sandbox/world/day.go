package world

import (
	"slices"
	"time"

	"github.com/google/uuid"
)

// Rates of ordinary churn, per day.
const (
	peopleChurn     = 0.001 // share of people who join or leave
	membershipChurn = 0.005 // share of class memberships that change
	marriages       = 0.0005
	dualChurn       = 0.00005
	// listedAfter is how many days leavers stay listed.
	listedAfter = 60
)

// Day moves the clock by a day and lets an ordinary day happen.
func (w *World) Day() Report {
	w.mu.Lock()
	defer w.mu.Unlock()
	r, d := w.begin()
	w.moveTo(r, d, w.now.Add(24*time.Hour))
	for i := range w.rolls {
		w.churn(r, d, i)
	}
	w.rareEvents(r, d)
	return *r
}

// Advance moves the clock and nothing else, but for what comes with the date:
// future starters start, old leavers drop out of the lists, and 1 September brings
// the roll-over. The clock does not go back.
func (w *World) Advance(by time.Duration) Report {
	w.mu.Lock()
	defer w.mu.Unlock()
	r, d := w.begin()
	w.moveTo(r, d, w.now.Add(max(by, 0)))
	return *r
}

// September moves the clock to the next 1 September, at the same time of day, and
// the school year over with it.
func (w *World) September() Report {
	w.mu.Lock()
	defer w.mu.Unlock()
	r, d := w.begin()
	w.moveTo(r, d, w.nextSeptember())
	return *r
}

func (w *World) nextSeptember() time.Time {
	h, m, s := w.now.Clock()
	return time.Date(academicYear(w.now)+1, time.September, 1, h, m, s, 0, time.UTC)
}

// moveTo sets the clock and does what comes with the date, one roll-over at a time.
func (w *World) moveTo(r *Report, d dice, to time.Time) {
	for academicYear(w.now) < academicYear(to) {
		w.now = w.nextSeptember()
		if w.now.After(to) { // the day is reached, though not the time of day
			w.now = to
		}
		w.rollOver(r, d)
	}
	w.now = to
	r.To = to
	for i := range w.rolls {
		w.settle(r, d, i)
	}
}

// settle places who starts today and drops who left long ago.
func (w *World) settle(r *Report, d dice, i int) {
	e := w.draft(w.rolls[i], d)
	for _, kind := range []Kind{Student, Staff} {
		for _, p := range slices.Clone(e.people[kind]) {
			switch {
			case p.End != 0 && p.End+listedAfter < e.today:
				e.remove(p.ID)
				r.count(Purged, 1)
			case kind == Student && p.End == 0 && p.Start <= e.today && p.Registration == nil:
				e.place(e.edit(p.ID))
				r.happened(Started, "%s starts at %s", p.Name(), e.Site.Name)
			}
		}
	}
	w.rolls[i] = e.commit()
}

// churn is an ordinary day at one school.
func (w *World) churn(r *Report, d dice, i int) {
	e := w.draft(w.rolls[i], d)
	for _, kind := range []Kind{Student, Staff} {
		here := e.current(kind)
		for range e.about(float64(len(here)) * peopleChurn / 2) {
			if p := evenly(e.dice, here); len(here) > 20 && e.edit(p.ID).End == 0 {
				e.goes(r, e.edit(p.ID))
			}
		}
		for range e.about(float64(len(here)) * peopleChurn / 2) {
			if back := e.leavers(kind); len(back) > 0 && e.chance(0.2) {
				e.comesBack(r, evenly(e.dice, back))
				continue
			}
			e.join(r, kind, evenly(e.dice, e.groupsOf(YearGroup)).year)
		}
	}
	pupils, seats := e.current(Student), 0
	for _, p := range pupils {
		seats += p.memberships()
	}
	for range e.about(float64(seats) * membershipChurn) {
		e.moves(r, evenly(e.dice, pupils).ID)
	}
	// Reports of whole days name examples only.
	r.People = nil
	w.rolls[i] = e.commit()
}

// current are the people of a kind who are on roll today.
func (e *draft) current(kind Kind) []*Person {
	return slices.DeleteFunc(slices.Clone(e.people[kind]), func(p *Person) bool {
		return p.State(e.today) != Current || kind == Student && p.Registration == nil
	})
}

func (e *draft) leavers(kind Kind) []*Person {
	return slices.DeleteFunc(slices.Clone(e.people[kind]), func(p *Person) bool {
		return p.State(e.today) != Leaver || !slices.ContainsFunc(e.groupsOf(YearGroup), func(g *Group) bool { return kind == Staff || g.year == p.Year })
	})
}

// rareEvents are the weddings and second registrations of the whole world.
func (w *World) rareEvents(r *Report, d dice) {
	var staff []*Person
	var pupils []uuid.UUID
	for _, roll := range w.rolls {
		for _, p := range roll.people[Staff] {
			if p.End == 0 {
				staff = append(staff, p)
			}
		}
		for _, p := range roll.people[Student] {
			if p.End == 0 && p.Registration != nil && p.Master == uuid.Nil {
				pupils = append(pupils, p.ID)
			}
		}
	}
	for range d.about(float64(len(staff)) * marriages) {
		w.marry(r, d, evenly(d, staff))
	}
	for range d.about(float64(len(pupils)) * dualChurn) {
		i, p, err := w.find(evenly(d, pupils))
		to := d.IntN(len(w.rolls))
		if err == nil && i != to && p.Master == uuid.Nil && w.suits(w.rolls[to], p.Year) {
			w.dual(r, d, i, to, p)
		}
	}
	r.People = nil
}
