package oneroster

import (
	"iter"
	"maps"
	"time"

	"github.com/google/uuid"

	"simscim/sandbox/world"
)

// Spans of time for which what has gone is still told.
const (
	toldFor      = 60 * 24 * time.Hour
	toldForADay  = 24 * time.Hour
	beginOfTimes = 6 * time.Hour // of the day on which a record begins
)

// history remembers when each record changed. The world does not, so the rolls are
// compared each time that they are seen to have moved. A change is dated with the
// moment at which it was seen, which is never too early: by the world's clock or the
// service's, whichever is ahead, so that clients of either find it in a delta. Its owner
// guards it.
type history struct {
	rolls  map[uuid.UUID]*world.Roll
	day    world.Date
	now    time.Time // by the world's clock
	stamp  time.Time
	base   map[uuid.UUID]time.Time // by school: what has not changed since the service began
	stamps map[uuid.UUID]time.Time // of people and groups
	places map[place]time.Time     // of enrolments that came
	gone   map[uuid.UUID]map[place]departed
}

// place is a person in a group.
type place struct {
	person, group uuid.UUID
	teacher       bool
}

// departed is an enrolment or, without a person, a class that has gone.
type departed struct {
	person *world.Person
	group  *world.Group
	// at is by the world's clock, stamp is the date of the change.
	at, stamp time.Time
}

func newHistory() *history {
	return &history{
		rolls: map[uuid.UUID]*world.Roll{}, base: map[uuid.UUID]time.Time{}, stamps: map[uuid.UUID]time.Time{},
		places: map[place]time.Time{}, gone: map[uuid.UUID]map[place]departed{},
	}
}

// see takes in the rolls as they are now. What has changed is dated now, or by the
// service's clock if that is ahead of the world's.
func (h *history) see(rolls []*world.Roll, now, clock time.Time) {
	day := world.DateOf(now)
	h.now, h.stamp = now, now
	if clock.After(now) {
		h.stamp = clock
	}
	for _, r := range rolls {
		old := h.rolls[r.Site.ID]
		if old == nil {
			h.base[r.Site.ID] = time.Date(r.Year, time.September, 1, 0, 0, 0, 0, time.UTC).Add(beginOfTimes)
			h.gone[r.Site.ID] = map[place]departed{}
			h.dateArrivals(r, now)
		} else if old != r || day != h.day {
			h.compare(old, r, day)
		}
		h.rolls[r.Site.ID] = r
		if day != h.day {
			maps.DeleteFunc(h.gone[r.Site.ID], func(_ place, d departed) bool { return now.Sub(d.at) > toldFor })
		}
	}
	h.day = day
}

// dateArrivals dates who came after the school year began with their first day, and
// leavers with the day after their last.
func (h *history) dateArrivals(r *world.Roll, now time.Time) {
	base := h.base[r.Site.ID]
	for _, kind := range []world.Kind{world.Student, world.Staff} {
		for _, p := range r.People(kind) {
			for _, d := range []world.Date{p.Start, p.End + 1} {
				if at := d.Time().Add(beginOfTimes); at.After(base) && !at.After(now) {
					h.stamps[p.ID] = at
				}
			}
		}
	}
}

func (h *history) compare(old, r *world.Roll, is world.Date) {
	was := h.day
	for _, kind := range []world.Kind{world.Student, world.Staff, world.Contact} {
		for _, p := range r.People(kind) {
			q, known := old.Person(p.ID)
			if known && q == p && q.State(was) == p.State(is) {
				continue
			}
			if !known || !sameRecord(q, p) || q.State(was) != p.State(is) {
				h.stamps[p.ID] = h.stamp
			}
			h.compareGroups(r.Site.ID, q, p)
		}
		for _, q := range old.People(kind) {
			if _, still := r.Person(q.ID); !still {
				h.compareGroups(r.Site.ID, q, nil)
			}
		}
	}
	for _, g := range r.Groups() {
		if o, known := old.Group(g.Kind, g.ID); !known || *o != *g {
			h.stamps[g.ID] = h.stamp
		}
	}
	for _, g := range old.Groups() {
		if _, still := r.Group(g.Kind, g.ID); !still && (g.Kind == world.Class || g.Kind == world.Registration) {
			h.gone[r.Site.ID][place{group: g.ID}] = departed{group: g, at: h.now, stamp: h.stamp}
		}
	}
}

// sameRecord compares what a user's record shows; groups apart, but for the house.
func sameRecord(a, b *world.Person) bool {
	return a.Given == b.Given && a.Family == b.Family && a.PreferredGiven == b.PreferredGiven && a.PreferredFamily == b.PreferredFamily &&
		a.Email == b.Email && a.Born == b.Born && a.Start == b.Start && a.End == b.End && a.Year == b.Year && a.Master == b.Master && houseOf(a) == houseOf(b)
}

func houseOf(p *world.Person) string {
	if p.House == nil {
		return ""
	}
	return p.House.Name
}

func (h *history) compareGroups(site uuid.UUID, old, p *world.Person) {
	before, after := placesOf(old), placesOf(p)
	for at := range after {
		if _, had := before[at]; !had {
			h.places[at] = h.stamp
			delete(h.gone[site], at)
		}
	}
	for at, g := range before {
		if _, has := after[at]; !has {
			h.gone[site][at] = departed{person: old, group: g, at: h.now, stamp: h.stamp}
		}
	}
}

// placesOf are a person's enrolments: the registration group and the classes.
func placesOf(p *world.Person) map[place]*world.Group {
	out := map[place]*world.Group{}
	if p == nil {
		return out
	}
	if p.Registration != nil {
		out[place{p.ID, p.Registration.ID, p.Kind == world.Staff}] = p.Registration
	}
	for _, m := range p.Classes {
		out[place{p.ID, m.Group.ID, m.Teacher}] = m.Group
	}
	return out
}

// of is when a person or a group last changed.
func (h *history) of(site, id uuid.UUID) time.Time {
	if at, changed := h.stamps[id]; changed {
		return at
	}
	return h.base[site]
}

// ofPlace is when an enrolment came.
func (h *history) ofPlace(site uuid.UUID, at place) time.Time {
	if t, came := h.places[at]; came {
		return t
	}
	return h.base[site]
}

// departures yields what has gone from a school lately, in no order.
func (h *history) departures(site uuid.UUID, within time.Duration) iter.Seq2[place, departed] {
	return func(yield func(place, departed) bool) {
		for at, d := range h.gone[site] {
			if h.now.Sub(d.at) <= within && !yield(at, d) {
				return
			}
		}
	}
}
