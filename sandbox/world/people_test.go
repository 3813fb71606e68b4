package world

import (
	"strings"
	"testing"
	"unicode"

	"github.com/google/uuid"
	"golang.org/x/text/unicode/norm"
)

// Every school has one of each case that breaks naming rules.
func TestSchoolsHaveAwkwardNames(t *testing.T) {
	t.Parallel()
	cases := map[string]func(p *Person) bool{
		"apostrophe":        func(p *Person) bool { return strings.Contains(p.Family, "'") },
		"typographic":       func(p *Person) bool { return strings.Contains(p.Family, "’") },
		"Mc":                func(p *Person) bool { return strings.Contains(p.Family, "Mc") },
		"O'":                func(p *Person) bool { return strings.HasPrefix(p.Family, "O'") },
		"van der":           func(p *Person) bool { return strings.HasPrefix(p.Family, "van der ") },
		"hyphenated family": func(p *Person) bool { return strings.Contains(p.Family, "-") },
		"hyphenated given":  func(p *Person) bool { return strings.Contains(p.Given, "-") },
		"diacritics":        func(p *Person) bool { return strings.ContainsAny(p.Given+p.Family, "ëéśŁŞş") },
		"decomposed":        func(p *Person) bool { return !norm.NFC.IsNormalString(p.Given + p.Family) },
		"blank in given":    func(p *Person) bool { return strings.Contains(p.Given, " ") },
		"no given name":     func(p *Person) bool { return p.Given == "" },
		"no family name":    func(p *Person) bool { return p.Family == "" },
		"two-letter family": func(p *Person) bool { return len(p.Family) == 2 },
		"preferred given":   func(p *Person) bool { return p.PreferredGiven != "" },
		"preferred family":  func(p *Person) bool { return p.PreferredFamily != "" },
		"another script": func(p *Person) bool {
			return strings.ContainsFunc(p.PreferredGiven, func(r rune) bool { return unicode.Is(unicode.Han, r) })
		},
		"no email":           func(p *Person) bool { return p.Email == "" },
		"mostly unpreferred": func(p *Person) bool { return p.PreferredGiven == "" },
	}
	for _, preset := range []string{"tiny", "mat-small"} {
		for _, r := range make1(t, preset, 9).Rolls() {
			for name, holds := range cases {
				n := 0
				for _, p := range r.People(Student) {
					if holds(p) {
						n++
					}
				}
				if n == 0 {
					t.Errorf("%s: nobody at %s has the case %s", preset, r.Site.DfE, name)
				}
			}
		}
	}
}

func TestTwinsAndNamesakes(t *testing.T) {
	t.Parallel()
	for _, preset := range []string{"tiny", "primary", "mat-small"} {
		for _, r := range make1(t, preset, 4).Rolls() {
			twins, names := 0, map[string]int{}
			for _, p := range r.People(Student) {
				names[p.Name()]++
				if p.Twin == uuid.Nil {
					continue
				}
				twins++
				q, ok := r.Person(p.Twin)
				if !ok || q.Twin != p.ID || q.Family != p.Family || q.Born != p.Born || q.Year != p.Year || q.Given == p.Given {
					t.Errorf("%s: the twin of %s is %+v", preset, p.ID, q)
				}
			}
			namesakes, staffToo := 0, 0
			for _, n := range names {
				if n > 1 {
					namesakes++
				}
			}
			for _, p := range r.People(Staff) {
				if names[p.Name()] > 0 {
					staffToo++
				}
			}
			size := len(r.People(Student))
			if twins < 2 || twins%2 != 0 || twins > max(6, size/15) {
				t.Errorf("%s: %d twins among %d", preset, twins, size)
			}
			if namesakes < max(1, size/260) || staffToo < 1 {
				t.Errorf("%s: %d names are there twice, %d of them among the staff too", preset, namesakes, staffToo)
			}
		}
	}
}

func TestSharesOfSpecialCases(t *testing.T) {
	t.Parallel()
	w := make1(t, "mat-small", 6)
	n, mail, preferred, mono := 0.0, 0.0, 0.0, 0.0
	humans := map[uuid.UUID][]*Person{}
	for _, r := range w.Rolls() {
		for _, kind := range []Kind{Student, Staff} {
			for _, p := range r.People(kind) {
				n++
				if p.Email == "" {
					mail++
				}
				if p.PreferredGiven != "" {
					preferred++
				}
				if p.Given == "" || p.Family == "" {
					mono++
				}
				if p.Master != uuid.Nil {
					humans[p.Master] = append(humans[p.Master], p)
				}
			}
		}
	}
	if share := mail / n; share < 0.05 || share > 0.15 {
		t.Errorf("%.3f have no address", share)
	}
	if share := preferred / n; share < 0.02 || share > 0.12 {
		t.Errorf("%.3f have a preferred name", share)
	}
	if share := mono / n; share < 0.002 || share > 0.02 {
		t.Errorf("%.3f have one name only", share)
	}
	pupils, staff := 0, 0
	for master, records := range humans {
		first, second := records[0], records[1]
		if len(records) != 2 || first.ID == second.ID || first.Name() != second.Name() || first.Kind != second.Kind {
			t.Errorf("the records of %s do not fit", master)
		}
		if first.ID != master && second.ID != master {
			t.Errorf("no record has the id %s", master)
		}
		if first.Kind == Student {
			pupils++
		} else {
			staff++
		}
	}
	if pupils != 10 || staff < 2 || staff > 5 {
		t.Errorf("%d pupils and %d staff are at two schools", pupils, staff)
	}
}

func TestAgeBands(t *testing.T) {
	t.Parallel()
	day := ymd(2026, 11, 2)
	for born, want := range map[Date]string{
		ymd(2021, 11, 3): "<5", ymd(2021, 11, 2): "5-7", ymd(2019, 11, 3): "5-7", ymd(2019, 11, 2): "7-11", ymd(2015, 11, 3): "7-11",
		ymd(2015, 11, 2): "11-13", ymd(2013, 11, 2): "13-16", ymd(2010, 11, 3): "13-16", ymd(2010, 11, 2): ">16", 0: "",
	} {
		if got := (&Person{Born: born}).AgeBand(day); got != want {
			t.Errorf("born on %s: %q, want %q", born, got, want)
		}
	}
	if got := (&Person{Kind: Staff, Born: ymd(1980, 1, 1)}).AgeBand(day); got != "" {
		t.Errorf("staff: %q", got)
	}
	// A cohort has the ages of its year.
	for _, p := range make1(t, "secondary", 1).Rolls()[0].People(Student) {
		if p.Year == 7 && p.State(day) == Current && p.AgeBand(ymd(2026, 9, 1)) != "11-13" {
			t.Errorf("a pupil of Year 7 born on %s", p.Born)
		}
	}
}

func TestStates(t *testing.T) {
	t.Parallel()
	p := &Person{Start: 100, End: 200}
	for day, want := range map[Date]State{99: Future, 100: Current, 200: Current, 201: Leaver} {
		if got := p.State(day); got != want {
			t.Errorf("day %d: %s, want %s", day, got, want)
		}
	}
}

func TestGroupsOfDifferentKindsMayShareAnID(t *testing.T) {
	t.Parallel()
	for _, r := range make1(t, "mat-small", 1).Rolls() {
		shared := 0
		for _, g := range r.Groups() {
			if g.Kind == House {
				if y, ok := r.Group(YearGroup, g.ID); ok && y != g {
					shared++
				}
			}
		}
		if shared != 1 {
			t.Errorf("%d houses share the id of a year group", shared)
		}
	}
}

func TestClassCodes(t *testing.T) {
	t.Parallel()
	w := make1(t, "secondary", 1)
	slashes, ampersands, tutors, twoTeachers := 0, 0, 0, 0
	r := w.Rolls()[0]
	for _, g := range r.Groups() {
		switch {
		case g.Kind == Registration && strings.HasPrefix(g.Name, g.Year) && len(g.Name) == len(g.Year)+3:
			tutors++
		case g.Kind != Class:
			continue
		}
		if strings.Contains(g.Name, "/") {
			slashes++
		}
		if strings.Contains(g.Name, "&") {
			ampersands++
		}
		teachers, members := 0, 0
		for p, teacher := range r.Members(g) {
			members++
			if teacher {
				teachers++
			}
			if teacher != (p.Kind == Staff) {
				t.Errorf("%s has a wrong role in %s", p.ID, g.Name)
			}
		}
		if teachers == 0 || members < 5 || members > 45 {
			t.Errorf("%s has %d members, %d of them teachers", g.Name, members, teachers)
		}
		if g.Kind == Class && teachers > 1 {
			twoTeachers++
		}
	}
	if slashes < 500 || ampersands < 30 || tutors < 40 || twoTeachers < 10 {
		t.Errorf("%d slashes, %d ampersands, %d tutor groups, %d with two teachers", slashes, ampersands, tutors, twoTeachers)
	}
}
