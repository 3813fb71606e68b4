// Package world is the dummy world that the sandbox's services show: schools, the
// people on their rolls, their groups, and a clock. It makes all of it up from a
// seed, and moves it on when told to.
//
// It owns the data and its ordinary changes; it knows nothing of HTTP. Its
// invariants: the same options and the same calls always give the same world, byte
// for byte; every membership points at a person and a group of the same school; no
// name, school or number belongs to anybody, except by chance. Readers may go on
// while the world moves: what they hold is never changed.
package world

import (
	"cmp"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/google/uuid"
)

// Options choose a world.
type Options struct {
	// Preset is one of Presets; empty means mat-small.
	Preset string
	Seed   uint64
	// Start is the moment at which the world begins; zero means DefaultStart.
	Start time.Time
}

// DefaultStart is a quiet Monday morning in term time.
func DefaultStart() time.Time { return time.Date(2026, time.November, 2, 7, 0, 0, 0, time.UTC) }

// World is safe for concurrent use.
type World struct {
	seed   uint64
	preset string
	names  *names

	mu    sync.RWMutex
	now   time.Time
	rolls []*Roll // in the order of customer numbers
	moves int     // how often the world was moved, the label of the next stream

	// digest is kept until the next move: a large trust takes a while.
	digest struct {
		sync.Mutex
		moves int
		text  string
	}
}

// New makes a world.
func New(o Options) (*World, error) {
	p, err := presetNamed(cmp.Or(o.Preset, "mat-small"))
	if err != nil {
		return nil, fmt.Errorf("new world: %w", err)
	}
	if o.Start.IsZero() {
		o.Start = DefaultStart()
	}
	if y := o.Start.Year(); y < 2000 || y > 2200 {
		return nil, fmt.Errorf("new world: the start must lie between the years 2000 and 2200, not in %d", y)
	}
	w := &World{seed: o.Seed, preset: p.name, names: newNames(), now: o.Start.UTC().Truncate(time.Second)}
	d := newDice(o.Seed, "world", p.name)
	taken := map[string]bool{}
	for i, plan := range p.sites(d) {
		w.rolls = append(w.rolls, w.build(plan, i, taken))
	}
	w.atTwoSites(d)
	return w, nil
}

// atTwoSites registers one pupil in two hundred and some of the staff at a second
// school as well.
func (w *World) atTwoSites(d dice) {
	if len(w.rolls) < 2 {
		return
	}
	drafts := make([]*draft, len(w.rolls))
	var pupils, staff [][2]int // school and index
	for i, r := range w.rolls {
		drafts[i] = w.draft(r, d)
		for j, p := range r.people[Student] {
			if p.Registration != nil {
				pupils = append(pupils, [2]int{i, j})
			}
		}
		for j, p := range r.people[Staff] {
			if p.State(DateOf(w.now)) == Current && p.Registration == nil {
				staff = append(staff, [2]int{i, j})
			}
		}
	}
	double := func(from [][2]int, want int, kind Kind) {
		shuffle(d, from)
		for _, at := range from {
			p := w.rolls[at[0]].people[kind][at[1]]
			to := (at[0] + 1 + d.IntN(len(w.rolls)-1)) % len(w.rolls)
			if want == 0 {
				break
			}
			if kind == Student && !w.suits(w.rolls[to], p.Year) {
				continue
			}
			drafts[at[0]].second(p, drafts[to])
			want--
		}
	}
	double(pupils, max(1, len(pupils)/200), Student)
	double(staff, max(1, len(staff)*2/125), Staff)
	for i, e := range drafts {
		w.rolls[i] = e.commit()
	}
}

// suits tells whether a school has the year.
func (w *World) suits(r *Roll, year int8) bool {
	return slices.ContainsFunc(r.groups, func(g *Group) bool { return g.Kind == YearGroup && g.year == year })
}

// second registers p at the school of to as well: another record with another id,
// tied to the first by the master id.
func (e *draft) second(p *Person, to *draft) *Person {
	first := e.edit(p.ID)
	first.Master = first.Human()
	q := *first
	q.ID, q.Twin, q.Start, q.End = to.id(), uuid.Nil, max(to.today-Date(to.IntN(60)), first.Start), 0
	q.YearGroup, q.Registration, q.House, q.Classes = nil, nil, nil, nil
	to.mail(&q)
	to.add(&q)
	if q.Kind == Student {
		to.place(&q)
		to.contacts(&q)
	}
	return &q
}

// Now is the world's moment.
func (w *World) Now() time.Time {
	w.mu.RLock()
	defer w.mu.RUnlock()
	return w.now
}

// Today is the world's day.
func (w *World) Today() Date { return DateOf(w.Now()) }

// Preset and Seed are what the world was made from.
func (w *World) Preset() string { return w.preset }

// Seed is the number that the world was made from.
func (w *World) Seed() uint64 { return w.seed }

// Rolls are all schools in the order of their customer numbers.
func (w *World) Rolls() []*Roll {
	w.mu.RLock()
	defer w.mu.RUnlock()
	return slices.Clone(w.rolls)
}

// Roll is one school as it is now.
func (w *World) Roll(site uuid.UUID) (*Roll, bool) {
	w.mu.RLock()
	defer w.mu.RUnlock()
	for _, r := range w.rolls {
		if r.Site.ID == site {
			return r, true
		}
	}
	return nil, false
}

// Sites are all schools.
func (w *World) Sites() []Site {
	var out []Site
	for _, r := range w.Rolls() {
		out = append(out, r.Site)
	}
	return out
}

// Site is one school.
func (w *World) Site(id uuid.UUID) (Site, bool) {
	r, ok := w.Roll(id)
	if !ok {
		return Site{}, false
	}
	return r.Site, true
}

// People of one kind at a school, sorted by id.
func (w *World) People(site uuid.UUID, kind Kind) []*Person {
	r, ok := w.Roll(site)
	if !ok {
		return nil
	}
	return r.People(kind)
}

// Groups of a school, sorted by kind and id.
func (w *World) Groups(site uuid.UUID) []*Group {
	r, ok := w.Roll(site)
	if !ok {
		return nil
	}
	return r.Groups()
}

// Members of a group of a school.
func (w *World) Members(site uuid.UUID, kind GroupKind, group uuid.UUID) []*Person {
	var out []*Person
	if r, ok := w.Roll(site); ok {
		if g, ok := r.Group(kind, group); ok {
			for p := range r.Members(g) {
				out = append(out, p)
			}
		}
	}
	return out
}

// academicYear is the calendar year in which the academic year of t began.
func academicYear(t time.Time) int {
	if t.Month() >= time.September {
		return t.Year()
	}
	return t.Year() - 1
}
