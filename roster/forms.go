package roster

import (
	"cmp"
	"slices"
	"strings"
	"time"
)

// form is a registration group that goes by years.
type form struct {
	group *Group
	year  int
	// whole says that nobody in it stays behind.
	whole bool
}

// moveForms moves the registration groups that go by years. It takes the highest year
// first: when 8A has become 9A, there is no 8A any more, and 7A may become it.
func (p *projection) moveForms(years map[string]int, top int, first time.Time) {
	forms, others := p.forms(years)
	to, entered := map[GroupKey]GroupKey{}, map[GroupKey]bool{}
	over, renamed := map[GroupKey]bool{}, map[GroupKey]bool{}
	for _, f := range forms {
		name, key := nameAfter(f.group.Name, f.year), f.group.GroupKey
		next := slices.IndexFunc(p.Groups, func(g Group) bool {
			return g.Kind == Registration && strings.EqualFold(g.Name, name) && !renamed[g.GroupKey]
		})
		switch {
		case f.year >= top:
			over[key] = f.whole && !f.group.End.IsZero() && f.group.End.Before(first)
		case next >= 0:
			to[key] = p.Groups[next].GroupKey
			entered[to[key]] = true
		case f.whole && f.year > 0: // a name that begins with R need not mean Reception
			f.group.moveUp(f.year)
			renamed[key] = true
		default:
			others++
		}
	}
	for i := range p.Memberships {
		m := &p.Memberships[i]
		_, moves := years[m.Person]
		if next, ok := to[m.Group]; ok && moves {
			m.Group = next
		}
	}
	groups := len(p.Groups)
	for key := range over {
		over[key] = over[key] && !entered[key]
	}
	p.without(nil, over)
	p.say(len(to) > 0, "registration groups go by years: the pupils of %s on to the next year's, as from 7A to 8A", count(len(to), "group go", "groups go"))
	p.say(len(renamed) > 0, "registration groups go by years: %s with the pupils, as from 7A to 8A", count(len(renamed), "name changes", "names change"))
	p.say(others > 0, "%s together, as vertical ones do: the name does not begin with the year of the pupils", count(others, "registration group stays", "registration groups stay"))
	p.say(groups > len(p.Groups), "%s with the top year", count(groups-len(p.Groups), "registration group ends", "registration groups end"))
}

// forms are the registration groups that go by years, the highest year first, and how
// many others there are that pupils are in.
func (p *projection) forms(years map[string]int) (forms []form, others int) {
	type pupils struct {
		of              map[int]int // by year
		moving, staying int
	}
	in := map[GroupKey]*pupils{}
	for _, m := range p.Memberships {
		if m.Group.Kind != Registration || p.person[m.Person].Kind != Student {
			continue
		}
		n := in[m.Group]
		if n == nil {
			n = &pupils{of: map[int]int{}}
			in[m.Group] = n
		}
		if year, moves := years[m.Person]; moves {
			n.of[year]++
			n.moving++
		} else {
			n.staying++
		}
	}
	for i := range p.Groups {
		g := &p.Groups[i]
		n := in[g.GroupKey]
		if n == nil || n.moving == 0 {
			continue
		}
		byYear := false
		for year, some := range n.of {
			if _, ok := afterYear(g.Name, year); ok && some*2 > n.moving {
				forms = append(forms, form{group: g, year: year, whole: n.staying == 0})
				byYear = true
			}
		}
		if !byYear {
			others++
		}
	}
	slices.SortStableFunc(forms, func(x, y form) int { return cmp.Compare(y.year, x.year) })
	return forms, others
}

// afterYear is what follows the year in a name: "A" in 7A. It is not ok for 10A when the
// year is 1.
func afterYear(name string, year int) (rest string, ok bool) {
	prefix := yearAt(year)
	if len(name) < len(prefix) || !strings.EqualFold(name[:len(prefix)], prefix) {
		return "", false
	}
	rest = name[len(prefix):]
	return rest, rest == "" || rest[0] < '0' || rest[0] > '9'
}

// nameAfter is the name one year on, or the name itself where it does not begin with
// the year.
func nameAfter(name string, year int) string {
	if rest, ok := afterYear(name, year); ok {
		return yearAt(year+1) + rest
	}
	return name
}

// moveUp makes the group one of the next year, with the same id.
func (g *Group) moveUp(year int) {
	g.Name, g.ShortName = nameAfter(g.Name, year), nameAfter(g.ShortName, year)
	if g.YearGroup != "" {
		g.YearGroup = yearAt(year + 1)
	}
}
