package world

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/google/uuid"
)

// index sorts what was added so far, so that edits find people quickly.
func (e *draft) index() {
	for k := range e.people {
		slices.SortFunc(e.people[k], comparePeople)
		e.from[k] = len(e.people[k])
	}
}

// build makes a whole school.
func (w *World) build(plan sitePlan, n int, taken map[string]bool) *Roll {
	d := newDice(w.seed, "school", n)
	e := w.draft(&Roll{Site: w.site(plan, n, taken, d), Year: academicYear(w.now)}, d)
	e.enrol(plan)
	e.employ(plan)
	e.index()
	e.yearGroups()
	e.houses(plan.houses)
	e.forms()
	e.timetable()
	e.comingAndGoing()
	return e.commit()
}

// site makes up a school that does not exist: its local authority, 9xx, is none.
func (w *World) site(plan sitePlan, n int, taken map[string]bool, d dice) Site {
	first, second := split(placeFirst), split(placeSecond)
	place := ""
	for place == "" || taken[place] {
		place = evenly(d, first) + evenly(d, second)
	}
	taken[place] = true
	kinds := map[string][]string{
		Primary:   {"Primary School", "Community Primary School", "C of E Primary School", "Primary Academy"},
		Secondary: {"High School", "Academy", "School", "Community College"},
		Special:   {"School"},
	}
	name := place + " " + evenly(d, kinds[plan.phase])
	if plan.phase == Primary && d.chance(0.25) {
		name = "St " + evenly(d, []string{"Mary's", "Peter's", "Aidan's", "Cuthbert's", "Anne's"}) + " C of E Primary School, " + place
	}
	estab := map[string]int{Primary: 2000, Secondary: 4000, Special: 7000}[plan.phase]
	return Site{
		ID: d.id(), Customer: 17 + n, Name: name, DfE: fmt.Sprintf("%d%d", 990+w.seed%8, estab+1+n), Phase: plan.phase,
		Domain: strings.ToLower(place) + ".example", Authorised: Authorised,
	}
}

// enrol makes the pupils, year by year, with twins and pairs of one name.
func (e *draft) enrol(plan sitePlan) {
	for year, n := range yearSizes(plan) {
		for i := 0; i < n; i++ {
			p := e.pupil(int8(year))
			if i+1 < n && e.chance(0.012) {
				e.twinOf(p)
				i++
			}
		}
	}
	all := e.people[Student]
	shuffle(e.dice, all)
	var single []*Person
	for _, p := range all {
		if p.Twin == uuid.Nil {
			single = append(single, p)
		}
	}
	if len(single) == len(all) { // every school has at least one pair
		p := single[len(single)-1]
		q := single[len(single)-2]
		q.Family, q.Born, q.Year, q.Start, q.Twin, p.Twin = p.Family, p.Born, p.Year, p.Start, p.ID, q.ID
		single = single[:len(single)-2]
	}
	for i, s := range special() {
		p := single[i]
		p.Given, p.Family, p.PreferredGiven, p.PreferredFamily = s[0], s[1], s[2], s[3]
		e.mail(p)
	}
	single = single[len(special()):]
	for i := range max(1, plan.pupils/250) {
		p, q := single[2*i], single[2*i+1]
		q.Given, q.Family, q.female, q.origin = p.Given, p.Family, p.female, p.origin
		e.mail(q)
	}
	for _, p := range all {
		if e.chance(0.06) { // came in mid-year, some for the second time
			p.Start = e.today - Date(e.IntN(200))
		}
		e.contacts(p)
	}
}

// yearSizes spreads the pupils over the years, Reception at index 0.
func yearSizes(plan sitePlan) []int {
	sizes := make([]int, 15)
	spread := func(n, from, to int) {
		years := to - from + 1
		for i := range years {
			sizes[from+i] = (i+1)*n/years - i*n/years
		}
	}
	switch plan.phase {
	case Primary:
		spread(plan.pupils, 0, 6)
	case Special:
		spread(plan.pupils, 0, 14)
	default:
		sixth := int(math.Round(float64(plan.pupils) * 0.177))
		spread(plan.pupils-sixth, 7, 11)
		spread(sixth, 12, 13)
	}
	return sizes
}

// employ makes the staff: 48 in a hundred teach. One of them has a pupil's name.
func (e *draft) employ(plan sitePlan) {
	teaching := int(math.Round(float64(plan.staff) * 0.485))
	for i := range plan.staff {
		p := e.employee(i < teaching)
		p.dept = int8(i % len(subjects()))
		if i == plan.staff-1 {
			like := e.people[Student][0]
			p.Given, p.Family, p.female = like.Given, like.Family, like.female
			e.mail(p)
		}
	}
}

func (e *draft) yearGroups() {
	byYear := map[int8]*Group{}
	for _, p := range e.pupils() {
		g := byYear[p.Year]
		if g == nil {
			g = &Group{ID: e.id(), Kind: YearGroup, Short: fmt.Sprint(p.Year), Name: fmt.Sprint("Year ", p.Year), Year: fmt.Sprint(p.Year), year: p.Year}
			if p.Year == 0 {
				g.Short, g.Name, g.Year = "R", "Reception", "R"
			}
			byYear[p.Year] = g
			e.groups = append(e.groups, g)
		}
		e.edit(p.ID).YearGroup = g
	}
}

// houses makes n houses. The first has the GUID of a year group: each kind of group
// is numbered on its own.
func (e *draft) houses(n int) {
	names := split(houseNames)
	shuffle(e.dice, names)
	var houses []*Group
	for i := range n {
		g := &Group{ID: e.id(), Kind: House, Short: strings.ToUpper(names[i][:2]), Name: names[i]}
		if i == 0 {
			g.ID = e.groupsOf(YearGroup)[0].ID
		}
		houses = append(houses, g)
	}
	e.groups = append(e.groups, houses...)
	for _, p := range e.pupils() {
		if n > 0 {
			e.edit(p.ID).House = evenly(e.dice, houses)
		}
	}
}

// forms makes the registration groups: tutor groups such as 7ABC in a secondary
// school, named after the tutor; forms such as Oak elsewhere.
func (e *draft) forms() {
	if e.Site.Phase == Secondary {
		for year := int8(7); year <= 13; year++ {
			e.tutorGroups(year)
		}
		return
	}
	size, themes := 27.5, [][]string{split(treeForms), split(birdForms), split(authorForms)}
	if e.Site.Phase == Special {
		size = 9
	}
	pupils := e.pupils()
	n := int(math.Ceil(float64(len(pupils)) / size))
	theme := evenly(e.dice, themes)
	teachers := e.teachers()
	for i := range n {
		name := theme[i%len(theme)]
		g := &Group{ID: e.id(), Kind: Registration, Short: name, Name: name, band: 0}
		e.groups = append(e.groups, g)
		if i < len(teachers) {
			e.edit(teachers[i].ID).Registration = g
		}
	}
	e.fillForms()
}

// fillForms puts the pupils into the forms by age; a form holds one year or two.
func (e *draft) fillForms() {
	forms, pupils := e.groupsOf(Registration), e.pupils()
	for i, g := range forms {
		for _, p := range pupils[i*len(pupils)/len(forms) : (i+1)*len(pupils)/len(forms)] {
			e.edit(p.ID).Registration = g
		}
	}
}

// tutorGroups makes the tutor groups of a secondary year and fills them.
func (e *draft) tutorGroups(year int8) {
	var ids []uuid.UUID
	for _, p := range e.pupils() {
		if p.Year == year {
			ids = append(ids, p.ID)
		}
	}
	if len(ids) == 0 {
		return
	}
	size := 25.0
	if year >= 12 {
		size = 20
	}
	n := int(math.Ceil(float64(len(ids)) / size))
	free := slices.DeleteFunc(e.teachers(), func(p *Person) bool { return p.Registration != nil })
	shuffle(e.dice, free)
	var groups []*Group
	codes := map[string]bool{}
	for i := range n {
		code := ""
		if i < len(free) {
			code = tutorCode(free[i])
		}
		for k := byte('A'); len(code) < 3 || codes[code]; k++ {
			code = (code + "XX")[:2] + string(rune(k))
		}
		codes[code] = true
		g := e.tutorGroup(e.id(), year, code, bandOf(year, i, n))
		if i < len(free) {
			e.edit(free[i].ID).Registration = g
		}
		groups = append(groups, g)
	}
	shuffle(e.dice, ids)
	for i, id := range ids {
		e.edit(id).Registration = groups[i%n]
	}
}

func (e *draft) tutorGroup(id uuid.UUID, year int8, code string, band byte) *Group {
	name := fmt.Sprintf("%d%s", year, code)
	g := &Group{
		ID: id, Kind: Registration, Short: name, Name: name, Year: fmt.Sprint(year),
		Start: ymd(e.Year, 9, 1), End: ymd(e.Year+1, 8, 31), year: year, band: band,
	}
	e.groups = append(e.groups, g)
	return g
}

// bandOf splits Years 7 to 11 into the bands A and B; the sixth form is C.
func bandOf(year int8, i, n int) byte {
	switch {
	case year >= 12:
		return 'C'
	case i < (n+1)/2:
		return 'A'
	default:
		return 'B'
	}
}

// tutorCode is a teacher's staff code: JSM for Jane Smith.
func tutorCode(p *Person) string {
	code := initial(handle(p.Given)) + handle(p.Family)
	return strings.ToUpper(code[:min(3, len(code))])
}

// comingAndGoing adds some who will start soon, and some who have left but are still
// listed.
func (e *draft) comingAndGoing() {
	years := e.groupsOf(YearGroup)
	for range max(1, len(e.people[Student])/120) {
		g := evenly(e.dice, years)
		p := e.pupil(g.year)
		p.Start, p.YearGroup = e.today+Date(3+e.IntN(25)), g
		e.contacts(p)
	}
	for range max(1, len(e.people[Student])/90) {
		p := e.pupil(evenly(e.dice, years).year)
		p.End = e.today - Date(1+e.IntN(40))
		p.Start = min(p.Start, p.End-30)
		e.contacts(p)
	}
	e.employee(true).Start = e.today + Date(5+e.IntN(20))
	gone := e.employee(false)
	gone.End = e.today - Date(1+e.IntN(40))
	gone.Start = min(gone.Start, gone.End-100)
}
