package roster

import (
	"cmp"
	"fmt"
	"slices"
	"time"
)

// schoolLife is how many years a pupil may be at school, from the first nursery year to
// Year 14. After that there is nobody left to move up.
const schoolLife = 17

// Project returns the school as it will be at a later time, as far as the snapshot
// tells, and what that takes for granted, in sentences without personal data.
//
// People and classes come and go by their dates. At the first day of each academic year
// that is reached, pupils move up, those of the top year leave, and teaching groups end:
// see rollOver. Nobody and no group is invented, so new pupils, new staff and the next
// timetable are missing unless they are in the snapshot. A cohort keeps its entry year;
// age bands stay as they are. What the snapshot does not hold of a person, because no
// rule wants it, stays empty; but without the dates and year groups of people there is
// less to go by.
//
// The snapshot is not changed. A time before it was taken gives the snapshot itself.
func Project(snap *Snapshot, at time.Time) (*Snapshot, []string) {
	if dayOf(at).Before(dayOf(snap.TakenAt)) {
		return snap, []string{"the day lies before the roll was read: this is the school as it was then"}
	}
	p := newProjection(snap)
	before := p.groupNames()
	start := snap.Site.YearStart
	from, to := AcademicYear(snap.TakenAt, start), AcademicYear(at, start)
	for year := from + 1; year <= min(to, from+schoolLife); year++ {
		first := firstDay(year, start)
		top := p.topYear(first) // the summer's leavers still count
		p.reach(first)
		p.rollOver(first, top)
	}
	p.reach(dayOf(at))
	p.rename(before)
	if at.After(p.TakenAt) {
		p.TakenAt = at
	}
	if !start.IsZero() {
		p.Site.YearStart = start.AddDate(to-from, 0, 0)
	}
	p.conclude(dayOf(at))
	return &p.Snapshot, p.said
}

// projection is a copy of a snapshot on its way through time.
type projection struct {
	Snapshot
	// read is the day of the snapshot. Dates that had passed by then tell nothing: the
	// source knew them, and says what it says all the same.
	read   time.Time
	person map[string]*Person
	said   []string
	// left, started and ended count what happened by date alone.
	left, started, ended int
}

// newProjection copies what a projection changes: the lists, not what hangs on them.
func newProjection(snap *Snapshot) *projection {
	p := &projection{Snapshot: *snap, read: dayOf(snap.TakenAt), person: make(map[string]*Person, len(snap.People))}
	p.People, p.Groups = slices.Clone(snap.People), slices.Clone(snap.Groups)
	p.Memberships = slices.Clone(snap.Memberships)
	p.SetAside, p.Warnings = slices.Clone(snap.SetAside), slices.Clone(snap.Warnings)
	for i := range p.People {
		p.person[p.People[i].ID] = &p.People[i]
	}
	return p
}

// reach lets happen what is due by date on or before day. The last day of a person or a
// class is still a day of it.
func (p *projection) reach(day time.Time) {
	passed := func(end time.Time) bool { return !end.IsZero() && end.Before(day) && !end.Before(p.read) }
	gone := map[string]bool{}
	for i := range p.People {
		switch who := &p.People[i]; {
		case who.State == Leaver:
		case passed(who.End):
			who.leave(who.End)
			gone[who.ID] = true
		case who.State == Future && !who.Begin.IsZero() && !who.Begin.After(day):
			who.State = Current
			p.started++
		}
	}
	over := map[GroupKey]bool{}
	for i := range p.Groups {
		if g := &p.Groups[i]; g.Kind == Class && passed(g.End) {
			over[g.GroupKey] = true
		}
	}
	p.left += len(gone)
	p.ended += len(over)
	p.without(gone, over)
}

// leave makes a leaver of a person, who is in no group from then on. The year group is
// the one that they left in.
func (p *Person) leave(last time.Time) {
	p.State, p.End = Leaver, last
	p.Registration, p.House, p.Classes = "", "", nil
}

// without takes groups away, and the memberships of these groups and of people.
func (p *projection) without(people map[string]bool, groups map[GroupKey]bool) {
	p.Groups = slices.DeleteFunc(p.Groups, func(g Group) bool { return groups[g.GroupKey] })
	p.Memberships = slices.DeleteFunc(p.Memberships, func(m Membership) bool { return people[m.Person] || groups[m.Group] })
}

// named are the names of a person's groups.
type named struct {
	registration string
	classes      []string
}

// groupNames gathers, for each person, what the memberships say.
func (p *projection) groupNames() map[string]named {
	name := make(map[GroupKey]string, len(p.Groups))
	for i := range p.Groups {
		name[p.Groups[i].GroupKey] = p.Groups[i].Name
	}
	out := make(map[string]named, len(p.People))
	for _, m := range p.Memberships {
		n := out[m.Person]
		switch m.Group.Kind {
		case Registration:
			n.registration = cmp.Or(n.registration, name[m.Group])
		case Class:
			n.classes = append(n.classes, name[m.Group])
		default: // years are counted in rollOver, and houses stay
			continue
		}
		out[m.Person] = n
	}
	for id, n := range out {
		slices.Sort(n.classes)
		n.classes = slices.Compact(n.classes)
		out[id] = n
	}
	return out
}

// rename gives the people whose groups have changed the names of their new ones, where
// the snapshot holds such names at all.
func (p *projection) rename(before map[string]named) {
	after := p.groupNames()
	for i := range p.People {
		who := &p.People[i]
		was, is := before[who.ID], after[who.ID]
		if who.Registration != "" && was.registration != is.registration {
			who.Registration = is.registration
		}
		if len(who.Classes) > 0 && !slices.Equal(was.classes, is.classes) {
			who.Classes = is.classes
		}
	}
}

// conclude says what goes for the whole way.
func (p *projection) conclude(day time.Time) {
	undated, aged := 0, false
	for i := range p.People {
		who := &p.People[i]
		if who.State == Future && who.Begin.IsZero() {
			undated++
		}
		aged = aged || who.AgeBand != ""
	}
	p.say(p.left > 0, "going by leaving dates, %s before %s", count(p.left, "person leaves", "people leave"), written(day))
	p.say(p.started > 0, "going by start dates, %s; groups that they are not in yet are not known", count(p.started, "person starts", "people start"))
	p.say(p.ended > 0, "going by end dates, %s over; what follows them is not known", count(p.ended, "class is", "classes are"))
	p.say(undated > 0, "%s without a start date, and not taken to have started", count(undated, "future starter is", "future starters are"))
	p.say(true, "nobody else comes: pupils and staff who are not on the roll today are not known")
	p.say(aged && day.After(p.read), "age bands stay as they are today: birthdays are not known")
	if first := firstDay(day.Year(), p.Site.YearStart); day.Before(first) && !day.Before(firstDay(day.Year(), time.Time{})) {
		p.say(true, "the academic year begins on %s at this school: nobody moves up before", written(first))
	}
}

// say notes a sentence where it applies.
func (p *projection) say(applies bool, format string, args ...any) {
	if applies {
		p.said = append(p.said, fmt.Sprintf(format, args...))
	}
}

func count(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}

func written(day time.Time) string { return day.Format("2 January 2006") }

// dayOf is the calendar day of t where t is, as sources write days.
func dayOf(t time.Time) time.Time {
	return time.Date(t.Year(), t.Month(), t.Day(), 0, 0, 0, 0, time.UTC)
}

// firstDay is the first day of the academic year that begins in the calendar year, by
// the same reckoning as AcademicYear.
func firstDay(year int, start time.Time) time.Time {
	if start.IsZero() {
		return time.Date(year, time.September, 1, 0, 0, 0, 0, time.UTC)
	}
	return time.Date(year, start.Month(), start.Day(), 0, 0, 0, 0, time.UTC)
}
