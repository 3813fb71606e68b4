package oneroster

import (
	"fmt"
	"iter"
	"slices"

	"github.com/google/uuid"

	"simscim/sandbox/world"
)

// trust is what one caller may see: one school, or all that consent below a district.
// It is never changed once made.
type trust struct {
	version  Version
	on       switches
	day      world.Date
	schools  []*school
	above    []*record // the district, and what stands above it
	sessions []*record
	// humans are the records of those who have several, where they are merged.
	humans map[uuid.UUID][]*record
}

// districtID is the same for all worlds of one preset and seed.
func districtID(w *world.World) uuid.UUID {
	return derived(uuid.Nil, fmt.Sprintf("district %d %s", w.Seed(), w.Preset()))
}

func newTrust(w *world.World, v Version, schools []*school, district bool, on switches, day world.Date) *trust {
	t := &trust{version: v, on: on, day: day, schools: schools}
	if district {
		t.addDistrict(districtID(w))
	}
	years := map[int]bool{}
	for _, s := range schools {
		years[s.roll.Year] = true
		if on.has(OldClasses) {
			years[s.roll.Year-1] = true
		}
	}
	for year := range years {
		all := sessionsOf(year)
		for _, se := range all {
			r := &record{kind: sessionKind, id: se.id, session: se}
			if schools[0].hist != nil {
				// A school enters the calendar of a year before it begins.
				r.changed = all[0].start.Time().Add(beginOfTimes)
			}
			t.sessions = append(t.sessions, r)
		}
	}
	slices.SortFunc(t.sessions, compareRecords)
	if on.has(MergedUsers) {
		t.merge()
	}
	return t
}

func (t *trust) addDistrict(id uuid.UUID) {
	d := &org{name: "Sandbox Learning Trust", kind: "district", identifier: "TRUST-1"}
	r := &record{kind: orgKind, id: id, org: d}
	for _, s := range t.schools {
		d.children = append(d.children, s.roll.Site.ID)
	}
	if len(t.schools) > 0 && t.schools[0].hist != nil {
		r.changed = t.schools[0].lists[orgKind][0].changed
	}
	t.above = append(t.above, r)
	if t.on.has(MoreOrgs) {
		d.parent = derived(id, "local")
		t.above = append(t.above, &record{
			kind: orgKind, id: d.parent, changed: r.changed,
			org: &org{name: "Sandbox Local Authority", kind: "local", identifier: "990", children: []uuid.UUID{id}},
		})
	}
}

// merge finds the records that are one human's. The one that speaks for them is the
// first of a person who has not left.
func (t *trust) merge() {
	t.humans = map[uuid.UUID][]*record{}
	for _, s := range t.schools {
		for _, r := range s.lists[userKind] {
			if r.person.Master != uuid.Nil {
				t.humans[r.id] = append(t.humans[r.id], r)
			}
		}
	}
	for _, list := range t.humans {
		slices.SortStableFunc(list, func(x, y *record) int {
			left := func(r *record) int { return int(r.person.State(r.school.day)) }
			return left(x) - left(y)
		})
	}
}

// records are those of one human: the record itself, or all of a merged one.
func (t *trust) records(r *record) []*record {
	if all := t.humans[r.id]; len(all) > 0 {
		return all
	}
	return []*record{r}
}

// all yields the records of a kind: school by school, by id.
func (t *trust) all(k kind) iter.Seq[*record] {
	return func(yield func(*record) bool) {
		above := map[kind][]*record{orgKind: t.above, sessionKind: t.sessions}[k]
		for _, r := range above {
			if !yield(r) {
				return
			}
		}
		for _, s := range t.schools {
			for _, r := range s.lists[k] {
				if (k == userKind || k == demographicsKind) && t.records(r)[0].person != r.person {
					continue
				}
				if !yield(r) {
					return
				}
			}
		}
	}
}

// find is the record with an id.
func (t *trust) find(k kind, id uuid.UUID) *record {
	for _, r := range append(slices.Clone(t.above), t.sessions...) {
		if r.kind == k && r.id == id {
			return r
		}
	}
	for _, s := range t.schools {
		if r := s.find(k, id); r != nil {
			if k == userKind {
				return t.records(r)[0]
			}
			return r
		}
	}
	return nil
}
