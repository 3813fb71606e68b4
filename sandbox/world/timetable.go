package world

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/google/uuid"
)

// lessonSize is the average number of pupils in a secondary lesson.
const lessonSize = 22.4

// subject is what a class is about; dept is the department that teaches it.
type subject struct {
	code, name string
	dept       int8
}

// subjects of Years 7 to 11: twelve, as a pupil is in about twelve classes. One code
// holds an ampersand, as real ones do.
func subjects() []subject {
	return []subject{
		{"En", "English", 0},
		{"Ma", "Mathematics", 1},
		{"Sc", "Science", 2},
		{"Hi", "History", 3},
		{"Gg", "Geography", 4},
		{"Fr", "French", 5},
		{"Ar", "Art", 6},
		{"Mu", "Music", 7},
		{"Cp", "Computing", 8},
		{"PE", "Physical Education", 9},
		{"RE", "Religious Education", 10},
		{"D&T", "Design & Technology", 11},
	}
}

// advanced are the sixth form's subjects. Each is taught by three teachers, whose
// classes a pupil is in all; four subjects make twelve classes.
func advanced() []subject {
	return []subject{
		{"Ma", "Mathematics", 1},
		{"Bi", "Biology", 2},
		{"Ps", "Psychology", 3},
		{"Li", "English Literature", 0},
		{"Ch", "Chemistry", 2},
		{"Hi", "History", 3},
		{"Ph", "Physics", 2},
		{"Gg", "Geography", 4},
		{"Cs", "Computer Science", 8},
		{"Ar", "Fine Art", 6},
		{"Fm", "Further Mathematics", 1},
		{"Fr", "French", 5},
		{"Mu", "Music", 7},
		{"Sp", "Sport", 9},
		{"PhE", "Philosophy & Ethics", 10},
	}
}

// timetable makes all classes of the school anew and puts pupils and teachers in.
func (e *draft) timetable() {
	e.groups = slices.DeleteFunc(e.groups, func(g *Group) bool { return g.Kind == Class })
	for _, kind := range []Kind{Student, Staff} {
		for _, p := range e.people[kind] {
			if len(p.Classes) > 0 {
				e.edit(p.ID).Classes = nil
			}
		}
	}
	byYear := map[int8][]uuid.UUID{}
	for _, p := range e.pupils() {
		if p.Registration != nil {
			byYear[p.Year] = append(byYear[p.Year], p.ID)
		}
	}
	for year := range int8(15) {
		ids := byYear[year]
		switch {
		case len(ids) == 0 || e.Site.Phase == Special:
		case year >= 12:
			e.sixthForm(year, ids)
		case year >= 7:
			e.lower(year, ids)
		case year >= 5:
			e.sets(subjects()[1], year, 0, ids, max(1, int(math.Round(float64(len(ids))/20))))
		}
	}
	e.staffing()
}

// lower timetables one of Years 7 to 11: the year is split into two bands, and each
// band into sets, subject by subject.
func (e *draft) lower(year int8, ids []uuid.UUID) {
	bands := map[byte][]uuid.UUID{}
	for _, id := range ids {
		b := e.edit(id).Registration.band
		bands[b] = append(bands[b], id)
	}
	all := math.Ceil(float64(len(ids)) / lessonSize)
	for _, s := range subjects() {
		for _, b := range []byte{'A', 'B'} {
			band := bands[b]
			if len(band) == 0 {
				continue
			}
			shuffle(e.dice, band)
			e.sets(s, year, b, band, max(1, int(math.Round(all*float64(len(band))/float64(len(ids))))))
		}
	}
}

// sets cuts the pupils into n classes of a subject.
func (e *draft) sets(s subject, year int8, band byte, ids []uuid.UUID, n int) {
	for i := range n {
		g := e.class(s, year, band, i+1)
		for _, id := range ids[i*len(ids)/n : (i+1)*len(ids)/n] {
			p := e.edit(id)
			p.Classes = append(p.Classes, Membership{Group: g})
		}
	}
}

func (e *draft) sixthForm(year int8, ids []uuid.UUID) {
	offer := advanced()
	n := int(math.Round(float64(len(ids)) * 4 / (lessonSize * 1.1)))
	offer = offer[:min(max(n, 4), len(offer))]
	var classes [][]*Group
	for _, s := range offer {
		var strands []*Group
		for i := range 3 {
			strands = append(strands, e.class(s, year, 'C', i+1))
		}
		classes = append(classes, strands)
	}
	for _, id := range ids {
		p := e.edit(id)
		for _, i := range e.Perm(len(classes))[:4] {
			for _, g := range classes[i] {
				p.Classes = append(p.Classes, Membership{Group: g})
			}
		}
	}
}

// class makes a class such as 10A/Ma1; in a primary school, 5/Ma1.
func (e *draft) class(s subject, year int8, band byte, set int) *Group {
	code := fmt.Sprintf("%d%s/%s%d", year, strings.Trim(string(rune(band)), "\x00"), s.code, set)
	g := &Group{
		ID: e.id(), Kind: Class, Short: code, Name: code, Subject: s.name, Year: fmt.Sprint(year),
		Start: ymd(e.Year, 9, 1), End: ymd(e.Year+1, 8, 31), year: year, dept: s.dept, band: band,
	}
	e.groups = append(e.groups, g)
	return g
}

// staffing gives each class a teacher of its department, and some a second one.
func (e *draft) staffing() {
	teachers := e.teachers()
	if len(teachers) == 0 {
		return
	}
	slices.SortFunc(teachers, func(x, y *Person) int { return cmp.Or(cmp.Compare(x.dept, y.dept), comparePeople(x, y)) })
	load := map[uuid.UUID]int{}
	least := func(dept int8) uuid.UUID {
		best := -1
		for i, t := range teachers {
			// A teacher of another department is the last resort.
			weight := func(t *Person) int {
				if t.dept != dept {
					return load[t.ID] + 15
				}
				return load[t.ID]
			}
			if best < 0 || weight(t) < weight(teachers[best]) {
				best = i
			}
		}
		id := teachers[best].ID
		load[id]++
		return id
	}
	for _, g := range e.groupsOf(Class) {
		n := 1
		if e.chance(0.05) {
			n = 2
		}
		for range n {
			p := e.edit(least(g.dept))
			if in, _ := p.in(g); !in {
				p.Classes = append(p.Classes, Membership{Group: g, Teacher: true})
			}
		}
	}
}

// sizes counts the pupils of each group.
func (e *draft) sizes() map[*Group]int {
	n := map[*Group]int{}
	for _, p := range e.people[Student] {
		n[p.Registration]++
		n[p.House]++
		for _, m := range p.Classes {
			n[m.Group]++
		}
	}
	return n
}

// smallest is the group with the fewest pupils among those that suit.
func smallest(groups []*Group, sizes map[*Group]int, suits func(*Group) bool) *Group {
	var best *Group
	for _, g := range groups {
		if suits(g) && (best == nil || sizes[g] < sizes[best]) {
			best = g
		}
	}
	return best
}

// place puts a pupil into a year, a registration group, a house and classes, where
// there is most room.
func (e *draft) place(p *Person) {
	sizes := e.sizes()
	p.YearGroup = smallest(e.groupsOf(YearGroup), sizes, func(g *Group) bool { return g.year == p.Year })
	p.House = smallest(e.groupsOf(House), sizes, func(*Group) bool { return true })
	regs := e.groupsOf(Registration)
	p.Registration = smallest(regs, sizes, func(g *Group) bool { return g.year == p.Year || e.holdsYear(g, p.Year) })
	if p.Registration == nil {
		p.Registration = smallest(regs, sizes, func(g *Group) bool { return e.Site.Phase != Secondary })
	}
	if p.Registration == nil {
		return
	}
	p.Classes = nil
	taken := map[string]bool{}
	for _, g := range e.groupsOf(Class) {
		if g.year != p.Year || g.band != 0 && g.band != p.Registration.band || taken[g.Subject] {
			continue
		}
		if g.band == 'C' && len(taken) == 4 {
			break
		}
		taken[g.Subject] = true
		p.Classes = append(p.Classes, e.seats(g, sizes)...)
	}
}

// seats are the classes that a pupil goes to for the subject of g: one set, or in
// the sixth form all strands.
func (e *draft) seats(g *Group, sizes map[*Group]int) []Membership {
	same := func(o *Group) bool {
		return o.Kind == Class && o.year == g.year && o.band == g.band && o.Subject == g.Subject
	}
	if g.band != 'C' {
		return []Membership{{Group: smallest(e.groupsOf(Class), sizes, same)}}
	}
	var all []Membership
	for _, o := range e.groupsOf(Class) {
		if same(o) {
			all = append(all, Membership{Group: o})
		}
	}
	return all
}

// holdsYear tells whether pupils of the year are in the form: primary forms take one
// year or two.
func (e *draft) holdsYear(g *Group, year int8) bool {
	if e.Site.Phase == Secondary {
		return false
	}
	return slices.ContainsFunc(e.people[Student], func(p *Person) bool { return p.Registration == g && p.Year == year && p.End == 0 })
}
