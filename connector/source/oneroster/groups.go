package oneroster

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"time"

	"simscim/connector/source"
	"simscim/roster"
)

// class is a class of this school while the roll is worked out.
type class struct {
	Class
	group roster.Group
	// taken is false for classes that are only known: deleted, or set aside.
	taken bool
	// state is Leaver once it is over, Future while it is still ahead.
	state roster.State
	begin time.Time
}

// Class takes a class of this school.
func (d *Deriver) Class(c Class) {
	c.SchoolID = roster.CanonicalID(c.SchoolID)
	if c.SchoolID != "" && c.SchoolID != d.id {
		return
	}
	c.ID = roster.CanonicalID(c.ID)
	switch {
	case c.ID == "":
		d.SetAside("group", "", "the record has no id")
		return
	case c.SchoolID == "":
		d.SetAside("group", c.ID, "it names no school")
		return
	case d.classes[c.ID] != nil:
		d.SetAside("group", c.ID, "the id appears more than once")
		return
	}
	c.TermIDs = slices.Clone(c.TermIDs) // the caller's may be shared
	for i, id := range c.TermIDs {
		c.TermIDs[i] = roster.CanonicalID(id)
	}
	alive, why := life(c.Status)
	if why != "" {
		d.SetAside("group", c.ID, why)
	}
	d.classes[c.ID] = &class{Class: c, taken: alive && why == ""}
}

// timetable places the classes in time and makes groups of them.
func (d *Deriver) timetable(cal *calendar) {
	for _, c := range d.classes {
		if !c.taken {
			continue
		}
		dates, lasting, deleted := cal.ofClass(c.TermIDs, func(reason string) { d.Warn("group", "terms", reason) })
		switch {
		case deleted || lasting.over(d.today):
			c.state = roster.Leaver
		case lasting.ahead(d.today):
			c.state = roster.Future
		default:
			c.state = roster.Current
		}
		c.begin = dates.begin
		year := d.classYear(c)
		kind, name := d.groupKind(&c.Class)
		c.group = roster.Group{
			GroupKey: roster.GroupKey{Kind: kind, ID: c.ID},
			Name:     name, ShortName: clean(c.Code), Begin: dates.begin, End: dates.end,
		}
		switch c.group.Kind {
		case roster.Class:
			c.group.Subject, c.group.YearGroup = d.subject(&c.Class), year
		case roster.Registration:
			c.group.YearGroup = year
		}
	}
}

// classYear is the year group of a class that has one. Many have several, which is no
// fault.
func (d *Deriver) classYear(c *class) string {
	year, why := d.grades.one(c.Grades)
	for _, reason := range why {
		if c.state != roster.Leaver && reason != severalYears {
			d.Warn("group", "grades", reason)
		}
	}
	return year
}

// groupKind: the administrator's pattern knows houses, a homeroom is a registration
// group or a primary class, and everything else is taught. The name is the title; that
// of a house is what the one * of the pattern stands for.
func (d *Deriver) groupKind(c *Class) (roster.GroupKind, string) {
	title := clean(c.Title)
	if d.houses != nil {
		if m := d.houses.FindStringSubmatch(title); len(m) == 2 {
			return roster.House, cmp.Or(oneLine(m[1]), title)
		} else if m != nil {
			return roster.House, title
		}
	}
	if strings.EqualFold(strings.TrimSpace(c.Type), "homeroom") {
		return roster.Registration, title
	}
	return roster.Class, title
}

// subject is the class's own, or its course's.
func (d *Deriver) subject(c *Class) string {
	for _, s := range c.Subjects {
		if s = clean(s); s != "" {
			return s
		}
	}
	course := d.courses[roster.CanonicalID(c.CourseID)]
	if course == nil {
		if c.CourseID != "" && len(d.courses) > 0 {
			d.Warn("group", "course", "it names a course that is not in the list")
		}
		return ""
	}
	for _, s := range course.Subjects {
		if s = clean(s); s != "" {
			return s
		}
	}
	return ""
}

// place is an enrolment that points at a person and a class of this snapshot.
type place struct {
	person *person
	class  *class
	role   roster.Role
	state  roster.State
	begin  time.Time
}

// places looks at every enrolment: whether it counts, and when.
func (d *Deriver) places() ([]place, error) {
	out := make([]place, 0, len(d.enrolled))
	all, dangling := len(d.enrolled), 0
	for i := range d.enrolled {
		e := &d.enrolled[i]
		why := e.why
		p, c := d.people[e.user], d.classes[e.class]
		key := roster.GroupKey{Kind: roster.Class, ID: e.class}
		if c != nil && c.taken {
			key = c.group.GroupKey
		}
		switch {
		case why != "":
		case c == nil:
			why = "it names a class that is not in the list"
			dangling++
		case p == nil:
			why = "it names a person who is not in the list"
			dangling++
		case !p.taken || !c.taken:
			continue
		}
		if why != "" {
			d.SetAside("membership", key.String(), why)
			continue
		}
		role, used, why := memberRole(e.role, p.Kind)
		if why != "" {
			d.SetAside("membership", key.String(), why)
		}
		if used {
			out = append(out, d.placed(e, p, c, role))
		}
	}
	d.enrolled = nil
	if all > 0 && dangling == all {
		return nil, &source.Incomplete{Reason: "none of the enrolments names a person and a class that are in the lists"}
	}
	return out, nil
}

func (d *Deriver) placed(e *enrolled, p *person, c *class, role roster.Role) place {
	begin, end := dayOfNumber(e.begin), dayOfNumber(e.end)
	if !begin.IsZero() && !end.IsZero() && end.Before(begin) {
		d.Warn("membership", "endDate", "it ends before it begins")
		begin, end = time.Time{}, time.Time{}
	}
	pl := place{person: p, class: c, role: role, state: during(begin, end, d.today), begin: begin}
	if c.begin.After(begin) {
		pl.begin = c.begin
	}
	// The class's own time counts where the enrolment's is still open.
	if pl.state != roster.Leaver && c.state != roster.Current {
		pl.state = c.state
	}
	return pl
}

// addGroups hands groups and memberships to the builder. Places that are over are
// dropped. Those still ahead count for future starters only: everybody else would be in
// this year's and in next year's groups at once.
func (d *Deriver) addGroups(places []place) {
	awaited := map[*class]bool{}
	for i := range places {
		pl := &places[i]
		if !pl.counts() {
			continue
		}
		awaited[pl.class] = true
		d.build.AddMembership(roster.Membership{Group: pl.class.group.GroupKey, Person: pl.person.ID, Role: pl.role})
	}
	for _, c := range d.classes {
		if c.taken && (c.state == roster.Current || awaited[c]) {
			d.build.AddGroup(c.group)
		}
	}
	d.addYears()
	d.addHouses()
}

// counts tells whether the place makes a membership today.
func (pl *place) counts() bool {
	return pl.state == roster.Current || (pl.state == roster.Future && pl.person.State == roster.Future)
}

// homeroomYears gives the year of their registration group to pupils without a grade of
// their own. A group of several years says nothing.
func (d *Deriver) homeroomYears(places []place) {
	years := map[*person]string{}
	for i := range places {
		pl := &places[i]
		p, year := pl.person, pl.class.group.YearGroup
		if p.Kind != roster.Student || p.YearGroup != "" || pl.class.group.Kind != roster.Registration || year == "" || !pl.counts() {
			continue
		}
		if before, twice := years[p]; twice && before != year {
			year = "" // stays empty whatever follows
		}
		if before, twice := years[p]; !twice || before != "" {
			years[p] = year
		}
	}
	for p, year := range years {
		p.YearGroup = year
	}
}

// addYears makes a group of every year group that somebody is in.
func (d *Deriver) addYears() {
	years := map[string]bool{}
	for _, p := range d.people {
		year := p.YearGroup
		if year == "" || !p.taken || p.State == roster.Leaver {
			continue
		}
		key := roster.GroupKey{Kind: roster.YearGroup, ID: year}
		if !years[year] {
			years[year] = true
			d.build.AddGroup(roster.Group{GroupKey: key, Name: yearName(year), ShortName: year, YearGroup: year})
		}
		d.build.AddMembership(roster.Membership{Group: key, Person: p.ID, Role: roster.Member})
	}
}

// addHouses makes groups of the houses in the metadata. Spellings that differ in case or
// blanks are one house, named as most write it.
func (d *Deriver) addHouses() {
	spellings := map[string]map[string]int{}
	for _, p := range d.people {
		if !p.taken || p.house == "" || p.State == roster.Leaver {
			continue
		}
		id := strings.ToLower(p.house)
		if spellings[id] == nil {
			spellings[id] = map[string]int{}
		}
		spellings[id][p.house]++
		d.build.AddMembership(roster.Membership{Group: roster.GroupKey{Kind: roster.House, ID: id}, Person: p.ID, Role: roster.Member})
	}
	for id, counts := range spellings {
		names := slices.SortedFunc(maps.Keys(counts), func(a, b string) int {
			return cmp.Or(cmp.Compare(counts[b], counts[a]), cmp.Compare(a, b))
		})
		d.build.AddGroup(roster.Group{GroupKey: roster.GroupKey{Kind: roster.House, ID: id}, Name: names[0]})
	}
}

// termsInUse are the sessions that classes of this school name.
func (d *Deriver) termsInUse() map[string]bool {
	out := map[string]bool{}
	for _, c := range d.classes {
		for _, id := range c.TermIDs {
			out[id] = true
		}
	}
	return out
}
