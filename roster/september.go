package roster

import (
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
)

const (
	// newcomersEarly is how many days before the year's first day its new pupils may
	// start. Their year group counts from that day already.
	newcomersEarly = 31
	// topShare is the part of the largest year that a year must have to be the top one:
	// with fewer they are pupils who were kept back, not a year that the school has.
	topShare = 20
)

// rollOver begins an academic year:
//
//   - Pupils move up one year, nursery to Reception to Year 1 and so on. Those of the
//     top year, the highest that the school has today, leave the day before.
//   - Year groups keep their ids, and take in the pupils of the year below.
//   - A registration group whose name begins with the year of most of its pupils (7A)
//     goes by years: its pupils go to 8A if there is one, else it becomes 8A itself. Other
//     registration groups stay together.
//   - Classes end, but for those that are dated beyond that day and those of staff only.
//   - Houses and staff stay.
func (p *projection) rollOver(first time.Time, top int) {
	years, uncounted := p.moving(first)
	p.say(len(years) > 0, "on %s an academic year begins: pupils move up, but for those who start then", written(first))
	p.say(uncounted > 0, "%s in no year group that has a next one, and not moved", count(uncounted, "pupil is", "pupils are"))
	p.endClasses(first)
	p.moveForms(years, top, first)
	p.moveYears(years, top)
	p.moveUp(years, top, first)
	slices.SortFunc(p.Memberships, compareMemberships)
	p.Memberships = slices.Compact(p.Memberships)
}

// moving are the pupils to whom the new year brings another year group, with the place
// of the present one in order; uncounted is how many pupils have none with a place.
func (p *projection) moving(first time.Time) (years map[string]int, uncounted int) {
	years = map[string]int{}
	places := p.places()
	for i := range p.People {
		who := &p.People[i]
		if who.Kind != Student || who.State != Current || isNew(who.Begin, first) {
			continue
		}
		if year, ok := places[who.ID]; ok {
			years[who.ID] = year
		} else {
			uncounted++
		}
	}
	return years, uncounted
}

// isNew tells whether what begins on a day belongs to the academic year that begins on
// first, or to a later one.
func isNew(begin, first time.Time) bool {
	return begin.AddDate(0, 0, newcomersEarly).After(first)
}

// places are the places of the pupils' year groups in order: of the group that they are
// in, else by their own records.
func (p *projection) places() map[string]int {
	places := make(map[string]int, len(p.People))
	for _, m := range p.Memberships {
		if year, ok := p.yearOf(m.Group); ok && m.Role == Member {
			places[m.Person] = year
		}
	}
	for i := range p.People {
		who := &p.People[i]
		if _, ok := places[who.ID]; ok {
			continue
		}
		if year, ok := placeOf(who.YearGroup); ok {
			places[who.ID] = year
		}
	}
	return places
}

// topYear is the highest year with a fair number of pupils in the academic year that
// ends at first. Who left in the course of it counts: in August the top year may be gone.
func (p *projection) topYear(first time.Time) int {
	sizes, places := map[int]int{}, p.places()
	begun := first.AddDate(-1, 0, 0)
	for i := range p.People {
		who := &p.People[i]
		here := who.State == Current && !isNew(who.Begin, first)
		left := who.State == Leaver && !who.End.Before(begun) && who.End.Before(first)
		if year, ok := places[who.ID]; ok && who.Kind == Student && (here || left) {
			sizes[year]++
		}
	}
	largest, top := 0, -3
	for _, n := range sizes {
		largest = max(largest, n)
	}
	for year, n := range sizes {
		if n*topShare >= largest {
			top = max(top, year)
		}
	}
	return top
}

// yearOf is the place of a year group; ok is false for other groups.
func (p *projection) yearOf(key GroupKey) (place int, ok bool) {
	i, found := slices.BinarySearchFunc(p.Groups, key, func(g Group, key GroupKey) int { return compareKeys(g.GroupKey, key) })
	if !found || key.Kind != YearGroup {
		return 0, false
	}
	g := &p.Groups[i]
	for _, text := range []string{g.YearGroup, g.Name, g.ShortName} {
		if place, ok = placeOf(NormaliseYear(text)); ok {
			return place, true
		}
	}
	return 0, false
}

// placeOf is the year group's place in order, as of YearNumber; a nursery that does not
// count its years goes to Reception next.
func placeOf(year string) (place int, ok bool) {
	if strings.EqualFold(year, "N") || strings.EqualFold(year, "Nursery") {
		return -1, true
	}
	return YearNumber(year)
}

// yearAt is the inverse of YearNumber.
func yearAt(place int) string {
	switch place {
	case -2, -1:
		return "N" + strconv.Itoa(place+3)
	case 0:
		return "R"
	default:
		return strconv.Itoa(place)
	}
}

func yearName(place int) string {
	switch {
	case place < 0:
		return "Nursery " + yearAt(place)
	case place == 0:
		return "Reception"
	default:
		return "Year " + yearAt(place)
	}
}

// endClasses ends the teaching groups of the old year.
func (p *projection) endClasses(first time.Time) {
	pupils, anybody := map[GroupKey]bool{}, map[GroupKey]bool{}
	for _, m := range p.Memberships {
		anybody[m.Group] = true
		if p.person[m.Person].Kind == Student {
			pupils[m.Group] = true
		}
	}
	over := map[GroupKey]bool{}
	for i := range p.Groups {
		g := &p.Groups[i]
		ahead := !g.End.Before(first) || isNew(g.Begin, first)
		// Where no rule wants pupils, a class seems to have none.
		staffOnly := g.End.IsZero() && anybody[g.GroupKey] && !pupils[g.GroupKey] && len(pupils) > 0
		if g.Kind == Class && !ahead && !staffOnly {
			over[g.GroupKey] = true
		}
	}
	p.without(nil, over)
	p.say(len(over) > 0, "teaching groups are made anew for the year: %s, and the next ones are not known", count(len(over), "class ends", "classes end"))
}

// moveYears moves the pupils' places in year groups.
func (p *projection) moveYears(years map[string]int, top int) {
	groups := map[int]GroupKey{}
	for _, g := range slices.Backward(p.Groups) {
		if year, ok := p.yearOf(g.GroupKey); ok {
			groups[year] = g.GroupKey // of several, the first
		}
	}
	homeless := map[int]int{}
	p.Memberships = slices.DeleteFunc(p.Memberships, func(m Membership) bool {
		now, moves := years[m.Person]
		year, ok := p.yearOf(m.Group)
		if _, there := groups[year+1]; there || !moves || now >= top || !ok || m.Role != Member {
			return false
		}
		homeless[year+1]++
		return true
	})
	for i := range p.Memberships {
		m := &p.Memberships[i]
		now, moves := years[m.Person]
		if year, ok := p.yearOf(m.Group); ok && moves && now < top && m.Role == Member {
			m.Group = groups[year+1]
		}
	}
	for _, year := range slices.Sorted(maps.Keys(homeless)) {
		p.say(true, "the school has no group for %s: %s in none", yearName(year), count(homeless[year], "pupil is", "pupils are"))
	}
	_, above := groups[top+1]
	p.say(above && len(years) > 0, "the school keeps a group for %s, but %s is taken for its top year, as too few pupils are above it", yearName(top+1), yearName(top))
}

// moveUp gives the pupils their new year, and lets those at the top leave.
func (p *projection) moveUp(years map[string]int, top int, first time.Time) {
	gone, kept, onward := map[string]bool{}, 0, 0
	for i := range p.People {
		who := &p.People[i]
		year, moves := years[who.ID]
		switch {
		case !moves:
		case year >= top:
			who.leave(first.AddDate(0, 0, -1))
			gone[who.ID] = true
			if year > top {
				kept++
			}
		default:
			if year == 11 {
				onward++
			}
			if place, ok := placeOf(who.YearGroup); ok && place < 14 {
				who.YearGroup = yearAt(place + 1)
			}
		}
	}
	p.without(gone, nil)
	p.say(len(gone) > 0, "%s is the top year of the school: %s", yearName(top), count(len(gone)-kept, "pupil leaves", "pupils leave"))
	p.say(kept > 0, "%s above it, too few to be a year of their own, and leave too", count(kept, "pupil is", "pupils are"))
	p.say(onward > 0, "the school has a sixth form: %s from Year 11 to Year 12, though in truth some of them leave", count(onward, "pupil goes on", "pupils go on"))
}
