package world

import (
	"slices"

	"github.com/google/uuid"
)

// Shares at the roll-over.
const (
	staysForSixthForm = 0.5
	staffLeaving      = 0.1
	staffMoving       = 0.02 // to another school of the trust
	goesToTrustSchool = 0.6  // of Year 6, where the trust has a secondary school
)

// rollOver moves every school into the academic year that begins today.
func (w *World) rollOver(r *Report, d dice) {
	drafts := make([]*draft, len(w.rolls))
	var secondaries []*draft
	for i, roll := range w.rolls {
		drafts[i] = w.draft(roll, d)
		if roll.Site.Phase == Secondary {
			secondaries = append(secondaries, drafts[i])
		}
	}
	intake := map[*draft][]*Person{}
	for i, e := range drafts {
		var feeds *draft
		if e.Site.Phase == Primary && len(secondaries) > 0 {
			feeds = secondaries[i%len(secondaries)]
		}
		intake[feeds] = append(intake[feeds], e.moveUp(r, feeds != nil)...)
	}
	for i, e := range drafts {
		e.admit(r, intake[e])
		e.staffTurnover(r, drafts[(i+1)%len(drafts)])
	}
	for i, e := range drafts {
		e.index()
		e.newYear(r)
		w.rolls[i] = e.commit()
	}
}

// moveUp moves pupils up by a year and lets those at the end leave. It returns who
// goes on to the trust's own secondary school.
func (e *draft) moveUp(r *Report, feeds bool) (onward []*Person) {
	e.Year++
	for _, old := range e.pupils() {
		p := e.edit(old.ID)
		p.Year++
		p.Classes = nil
		switch {
		case !e.finished(p):
			r.count(MovedUp, 1)
		case feeds && p.Start < e.today && e.chance(goesToTrustSchool):
			onward = append(onward, p)
			fallthrough
		default:
			e.leave(p.ID, e.today-1, nil)
			r.happened(Left, "%s leaves %s at the end of Year %d", p.Name(), e.Site.Name, p.Year-1)
		}
	}
	return onward
}

// finished tells whether a pupil who would now be in p.Year has left instead.
func (e *draft) finished(p *Person) bool {
	switch e.Site.Phase {
	case Primary:
		return p.Year > 6
	case Special:
		return p.Year > 14
	default:
		return p.Year > 13 || p.Year == 12 && !e.chance(staysForSixthForm)
	}
}

// admit brings in the new pupils: those of the trust's primaries first, then others,
// so that each year of entry is as big as it was.
func (e *draft) admit(r *Report, own []*Person) {
	had, has := map[int8]int{}, map[int8]int{}
	for _, p := range e.pupils() {
		had[p.Year-1]++ // the size of that year until yesterday, near enough
		has[p.Year]++
	}
	entry := map[string][]int8{Primary: {0}, Secondary: {7, 12}, Special: {0}}[e.Site.Phase]
	for _, year := range entry {
		want := had[year]
		if year == 7 {
			for _, p := range own {
				// Who leaves two primaries at once comes here once.
				if !e.knows(p.Human()) {
					e.welcome(r, p)
					has[7]++
				}
			}
		}
		if year == 12 {
			want = max(want, had[12])
		}
		for range want - has[year] {
			p := e.pupil(year)
			p.Start = e.today
			e.contacts(p)
			r.happened(Joined, "%s joins Year %s at %s", p.Name(), yearText(year), e.Site.Name)
		}
	}
}

// knows tells whether the school has a record of the human.
func (e *draft) knows(human uuid.UUID) bool {
	for _, list := range e.people {
		if slices.ContainsFunc(list, func(p *Person) bool { return p.Human() == human }) {
			return true
		}
	}
	return false
}

// welcome makes the second record of a pupil who comes from another school of the
// trust: a new id, the same human.
func (e *draft) welcome(r *Report, p *Person) {
	p.Master = p.Human()
	q := *p
	q.ID, q.Twin, q.Start, q.End = e.id(), uuid.Nil, e.today, 0
	e.mail(&q)
	e.add(&q)
	e.contacts(&q)
	r.happened(MovedSchool, "%s goes on to %s", q.Name(), e.Site.Name)
}

// staffTurnover lets some of the staff go, some of them to the next school.
func (e *draft) staffTurnover(r *Report, next *draft) {
	here := e.current(Staff)
	for _, p := range here {
		if p.Start == e.today { // has just come from the school before
			continue
		}
		moves := next != e && e.chance(staffMoving) && p.Master == uuid.Nil
		if !moves && !e.chance(staffLeaving) {
			continue
		}
		successor := e.employee(p.Teaching)
		successor.Start = e.today
		r.count(Joined, 1)
		if moves {
			first := e.edit(p.ID)
			first.Master = first.ID
			q := *first
			q.ID, q.Start, q.End, q.Registration, q.Classes = next.id(), next.today, 0, nil, nil
			next.mail(&q)
			next.add(&q)
			r.happened(MovedSchool, "%s moves from %s to %s", p.Name(), e.Site.Name, next.Site.Name)
		} else {
			r.happened(Left, "%s leaves %s", p.Name(), e.Site.Name)
		}
		e.leave(p.ID, e.today-1, successor)
	}
}

// newYear puts the groups in order: tutor groups move up with their pupils, forms are
// filled by age, and the timetable is new.
func (e *draft) newYear(r *Report) {
	if e.Site.Phase == Secondary {
		e.tutorGroupsMoveUp(r)
	} else if len(e.groupsOf(Registration)) > 0 {
		e.fillForms()
	}
	years := map[int8]*Group{}
	for _, g := range e.groupsOf(YearGroup) {
		years[g.year] = g
	}
	houses := e.groupsOf(House)
	for _, old := range e.pupils() {
		p := e.edit(old.ID)
		p.YearGroup = years[p.Year]
		if p.Start > e.today {
			p.Registration, p.House = nil, nil
			continue
		}
		if p.House == nil && len(houses) > 0 {
			p.House = evenly(e.dice, houses)
		}
	}
	e.timetable()
	r.count(ClassesMade, len(e.groupsOf(Class)))
}

// tutorGroupsMoveUp renames 7ABC to 8ABC, with the same GUID; Years 11 and 13 end,
// and Years 7 and 12 begin with new groups.
func (e *draft) tutorGroupsMoveUp(r *Report) {
	next := map[*Group]*Group{}
	old := e.groupsOf(Registration)
	e.groups = slices.DeleteFunc(e.groups, func(g *Group) bool { return g.Kind == Registration })
	for _, g := range old {
		if g.year == 11 || g.year == 13 {
			continue
		}
		code := g.Short[len(yearText(g.year)):]
		next[g] = e.tutorGroup(g.ID, g.year+1, code, g.band)
		r.happened(GroupRenamed, "%s is now %s at %s", g.Short, next[g].Short, e.Site.Name)
	}
	for _, kind := range []Kind{Student, Staff} {
		for _, p := range e.people[kind] {
			if p.Registration != nil {
				e.edit(p.ID).Registration = next[p.Registration]
			}
		}
	}
	e.tutorGroups(7)
	e.tutorGroups(12)
	// Who came into another year since has no tutor group yet.
	for _, p := range e.pupils() {
		if p.Registration == nil && p.Start <= e.today {
			g := smallest(e.groupsOf(Registration), e.sizes(), func(g *Group) bool { return g.year == p.Year })
			e.edit(p.ID).Registration = g
		}
	}
}
