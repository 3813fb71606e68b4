package roster_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"simscim/roster"
)

func on(day string) time.Time {
	t, err := time.Parse(time.DateOnly, day)
	if err != nil {
		panic(err)
	}
	return t
}

// readOn is the day on which the schools of these tests are read.
const readOn = "2026-11-02"

// school builds a snapshot from lines:
//
//	person ID KIND STATE [begin] [end]
//	group KIND/ID NAME [year] [begin] [end]
//	in KIND/ID PERSON… (a * before a person makes a teacher)
//
// A dash is an empty field.
func school(t *testing.T, lines string) *roster.Snapshot {
	t.Helper()
	b := roster.NewBuilder(roster.Site{ID: "s"}, on(readOn).Add(7*time.Hour))
	for line := range strings.Lines(lines) {
		f := strings.Fields(line)
		field := func(i int) string {
			if i >= len(f) || f[i] == "-" {
				return ""
			}
			return f[i]
		}
		date := func(i int) (day time.Time) {
			if s := field(i); s != "" {
				day = on(s)
			}
			return day
		}
		key := func(s string) roster.GroupKey {
			kind, id, _ := strings.Cut(s, "/")
			return roster.GroupKey{Kind: roster.GroupKind(kind), ID: id}
		}
		switch field(0) {
		case "":
		case "person":
			b.AddPerson(roster.Person{
				ID: f[1], GivenName: "X", Kind: roster.Kind(f[2]), State: roster.State(f[3]), Begin: date(4), End: date(5),
			})
		case "group":
			b.AddGroup(roster.Group{
				GroupKey: key(f[1]), Name: strings.ReplaceAll(f[2], "_", " "), YearGroup: field(3), Begin: date(4), End: date(5),
			})
		case "in":
			for _, who := range f[2:] {
				m := roster.Membership{Group: key(f[1]), Person: who, Role: roster.Member}
				if id, teaches := strings.CutPrefix(who, "*"); teaches {
					m.Person, m.Role = id, roster.Teacher
				}
				b.AddMembership(m)
			}
		default:
			t.Fatalf("cannot read %q", line)
		}
	}
	s := b.Finish()
	if len(s.SetAside) > 0 {
		t.Fatal(s.SetAside)
	}
	return s
}

// shown writes a school in a few lines: people with state, year, registration, house and
// classes; groups with their members.
func shown(s *roster.Snapshot) []string {
	var out []string
	for _, p := range s.People {
		out = append(out, strings.TrimRight(fmt.Sprintf("%s %s %s|%s|%s|%s", p.ID, p.State, p.YearGroup, p.Registration, p.House, strings.Join(p.Classes, ",")), "|"))
	}
	for _, g := range s.Groups {
		line := fmt.Sprintf("%s %q", g.GroupKey, g.Name)
		for _, m := range s.Memberships {
			if m.Group == g.GroupKey {
				line += " " + strings.TrimPrefix("*"+m.Person, map[bool]string{true: "*"}[m.Role == roster.Member])
			}
		}
		out = append(out, line)
	}
	return out
}

func TestProject(t *testing.T) {
	t.Parallel()
	const next = "2027-09-01"
	for name, c := range map[string]struct {
		school, at string
		want       []string
		says       []string // each a part of one assumption
		silent     []string // parts that no assumption has
	}{
		"dates before September": {
			school: `
				person gone student current - 2027-02-01
				person last student current - 2027-03-01
				person long student current - 2020-01-01
				person soon student future 2027-03-01
				person late student future 2027-03-02
				person open student future
				person old student leaver 2020-09-01 2026-10-01
				person t staff current - 2027-01-31
				group year/7 Year_7
				group class/a 7A/Ma - 2026-09-01 2027-02-28
				group class/b 7A/En
				in year/7 gone last long soon late
				in class/a gone last *t
				in class/b gone last *t`,
			at: "2027-03-01",
			want: []string{
				"gone leaver 7", "last current 7|||7A/En", "late future 7", "long current 7", "old leaver ", "open future ",
				"soon current 7", "t leaver ", `class:b "7A/En" last`, `year:7 "Year 7" last late long soon`,
			},
			says:   []string{"2 people leave before 1 March 2027", "1 person starts", "1 class is over", "1 future starter is without a start date", "nobody else comes"},
			silent: []string{"academic year", "age bands"},
		},
		"a primary school moves up": {
			school: `
				person n student current
				person r student current
				person one student current
				person two student current
				person new student future 2027-09-01
				person t staff current
				person c contact current
				group year/n Nursery
				group year/r Reception
				group year/1 Year_1
				group year/2 Year_2
				group house/h Oak
				group registration/f Elm
				group class/1 1/Ma
				group class/s Staff_meeting
				in year/n n
				in year/r r new
				in year/1 one
				in year/2 two
				in house/h r two
				in registration/f r one two *t
				in class/1 one *t
				in class/s *t`,
			at: next,
			want: []string{
				"c current ", "n current R", "new current R", "one current 2|Elm", "r current 1|Elm|Oak", "t current |Elm||Staff meeting", "two leaver 2",
				`class:s "Staff meeting" *t`, `house:h "Oak" r`, `registration:f "Elm" one r *t`,
				`year:1 "Year 1" r`, `year:2 "Year 2" one`, `year:n "Nursery"`, `year:r "Reception" n new`,
			},
			says: []string{
				"on 1 September 2027 an academic year begins", "1 class ends", "Year 2 is the top year of the school: 1 pupil leaves",
				"1 registration group stays together", "1 person starts",
			},
			silent: []string{"sixth form"},
		},
		"tutor groups by letters": {
			school: `
				person a7 student current
				person a8 student current
				person b8 student current
				person a9 student current
				person c9 student current
				person new student future 2027-08-27
				person t staff current
				group year/7 Year_7
				group year/8 Year_8
				group year/9 Year_9
				group registration/1 7A 7
				group registration/2 8A 8
				group registration/3 9A 9 2026-09-01 2027-08-31
				group registration/4 8B 8
				in year/7 a7 new
				in year/8 a8 b8
				in year/9 a9 c9
				in registration/1 a7 new *t
				in registration/2 a8
				in registration/3 a8 a9 c9
				in registration/4 b8`,
			at: next,
			want: []string{
				"a7 current 8|8A", "a8 current 9|9A", "a9 leaver 9", "b8 current 9|9B", "c9 leaver 9", "new current 7|7A", "t current |7A",
				`registration:1 "7A" new *t`, `registration:2 "8A" a7`, `registration:3 "9A" a8`, `registration:4 "9B" b8`,
				`year:7 "Year 7" new`, `year:8 "Year 8" a7`, `year:9 "Year 9" a8 b8`,
			},
			says: []string{"the pupils of 2 groups go on to the next year's", "1 name changes"},
		},
		"tutor groups by staff codes": {
			school: `
				person a student current
				person b student current
				person c student current
				person t staff current
				group year/7 Year_7
				group year/8 Year_8
				group year/9 Year_9
				group registration/1 7ABC 7 2026-09-01 2027-08-31
				group registration/2 8DEF 8 2026-09-01 2027-08-31
				group registration/3 9XYZ 9 2026-09-01 2027-08-31
				in year/7 a
				in year/8 b
				in year/9 c
				in registration/1 a *t
				in registration/2 b
				in registration/3 c *t`,
			at: "2028-09-01",
			want: []string{
				"a current 9|9ABC", "b leaver 9", "c leaver 9", "t current |9ABC", `registration:1 "9ABC" a *t`,
				`year:7 "Year 7"`, `year:8 "Year 8"`, `year:9 "Year 9" a`,
			},
			says: []string{"on 1 September 2027", "on 1 September 2028", "2 names change", "1 registration group ends with the top year"},
		},
		"names that free each other": {
			school: `
				person a student current
				person b student current
				person c student current
				person top student current
				person x student current
				person y student current
				group year/5 Year_5
				group year/6 Year_6
				group year/7 Year_7
				group registration/1 5A
				group registration/2 6A
				group registration/3 5C
				group registration/4 5C
				in year/5 a x y
				in year/6 b c
				in year/7 top
				in registration/1 a
				in registration/2 b c
				in registration/3 x
				in registration/4 y`,
			at: next,
			want: []string{
				"a current 6|6A", "b current 7|7A", "c current 7|7A", "top leaver 7", "x current 6|6C", "y current 6|6C",
				`registration:1 "6A" a`, `registration:2 "7A" b c`, `registration:3 "6C" x`, `registration:4 "6C" y`,
				`year:5 "Year 5"`, `year:6 "Year 6" a x y`, `year:7 "Year 7" b c`,
			},
			says: []string{"4 names change"},
		},
		"names that need not be years": {
			school: `
				person a student current
				person b student current
				person c student current
				person d student current
				person e student current
				person new student future 2027-09-01
				person r student current
				person top student current
				group year/r Reception
				group year/1 Year_1
				group year/2 Year_2
				group year/3 Year_3
				group registration/1 Robin
				group registration/2 10
				group registration/3 2M
				group registration/4 1N
				in year/r r
				in year/1 a e new
				in year/2 b c
				in year/3 d top
				in registration/1 r
				in registration/2 a
				in registration/3 b c d
				in registration/4 e new`,
			at: next,
			want: []string{
				"a current 2|10", "b current 3|3M", "c current 3|3M", "d leaver 3", "e current 2|1N", "new current 1|1N", "r current 1|Robin", "top leaver 3",
				`registration:1 "Robin" r`, `registration:2 "10" a`, `registration:3 "3M" b c`, `registration:4 "1N" e new`,
				`year:1 "Year 1" new r`, `year:2 "Year 2" a e`, `year:3 "Year 3" b c`, `year:r "Reception"`,
			},
			says: []string{"3 registration groups stay together", "1 name changes"},
		},
		"staff alone": {
			school: `
				person t staff current
				group class/1 Ma
				in class/1 *t`,
			at:     next,
			want:   []string{"t current "},
			says:   []string{"1 class ends"},
			silent: []string{"academic year", "top year"},
		},
		"a sixth form": {
			school: `
				person a student current
				person b student current
				person c student current - 2027-07-31
				group year/11 Year_11
				group year/12 Year_12
				group year/13 Year_13
				in year/11 a
				in year/12 b
				in year/13 c`,
			at:   next,
			want: []string{"a current 12", "b current 13", "c leaver 13", `year:11 "Year 11"`, `year:12 "Year 12" a`, `year:13 "Year 13" b`},
			says: []string{"the school has a sixth form: 1 pupil goes on from Year 11 to Year 12", "1 person leaves"},
		},
		"years that cannot be counted on": {
			school: `
				person a student current
				person b student current
				person c student current
				person d student current
				group year/x Unit
				group year/3 Year_3
				group year/5 Year_5
				in year/x a
				in year/3 b d
				in year/5 c`,
			at:   next,
			want: []string{"a current Unit", "b current 4", "c leaver 5", "d current 4", `year:3 "Year 3"`, `year:5 "Year 5"`, `year:x "Unit" a`},
			says: []string{"1 pupil is in no year group that has a next one", "no group for Year 4: 2 pupils are in none"},
		},
		"classes that are dated beyond": {
			school: `
				person a student current
				person b student current
				group year/10 Year_10
				group year/11 Year_11
				group class/1 GCSE - 2026-09-01 2028-06-30
				group class/2 Early - 2027-08-23
				group class/3 Undated
				group class/4 Empty
				in year/10 a
				in year/11 b
				in class/1 a b
				in class/2 a
				in class/3 a`,
			at: next,
			want: []string{
				"a current 11|||Early,GCSE", "b leaver 11", `class:1 "GCSE" a`, `class:2 "Early" a`, `year:10 "Year 10"`, `year:11 "Year 11" a`,
			},
			says: []string{"2 classes end"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, said := roster.Project(school(t, c.school), on(c.at))
			if diff := cmp.Diff(c.want, shown(got)); diff != "" {
				t.Errorf("the school (-want +got):\n%s", diff)
			}
			all := strings.Join(said, "\n")
			for _, part := range c.says {
				if !strings.Contains(all, part) {
					t.Errorf("nothing is said of %q:\n%s", part, all)
				}
			}
			for _, part := range c.silent {
				if strings.Contains(all, part) {
					t.Errorf("too much is said of %q:\n%s", part, all)
				}
			}
		})
	}
}

// A few pupils above the last real year are not a year: the school would seem to have a
// sixth form, and nobody to leave.
func TestKeptBackPupilsAreNoTopYear(t *testing.T) {
	t.Parallel()
	lines := "group year/10 Year_10\ngroup year/11 Year_11\ngroup year/12 Year_12\nperson z student current\nin year/12 z\n"
	for i := range 25 {
		lines += fmt.Sprintf("person a%d student current\nperson b%d student current\nin year/10 a%d\nin year/11 b%d\n", i, i, i, i)
	}
	got, said := roster.Project(school(t, lines), on("2027-09-01"))
	left := 0
	for _, p := range got.People {
		if p.State == roster.Leaver {
			left++
		}
	}
	if all := strings.Join(said, "\n"); left != 26 || !strings.Contains(all, "25 pupils leave") || !strings.Contains(all, "a group for Year 12") {
		t.Errorf("%d leave:\n%s", left, all)
	}
}

// In August the top year may have left already; the year below is not taken for it.
func TestTheTopYearMayHaveLeftInSummer(t *testing.T) {
	t.Parallel()
	s := school(t, `
		person a student current
		person b student current - 2027-07-31
		group year/5 Year_5
		group year/6 Year_6
		in year/5 a
		in year/6 b`)
	summer, _ := roster.Project(s, on("2027-08-15"))
	got, _ := roster.Project(summer, on("2027-09-01"))
	want := []string{"a current 6", "b leaver 6", `year:5 "Year 5"`, `year:6 "Year 6" a`}
	if diff := cmp.Diff(want, shown(got)); diff != "" {
		t.Error(diff)
	}
}

func TestProjectToSchoolsOwnYear(t *testing.T) {
	t.Parallel()
	s := school(t, "person a student current\nperson b student current\ngroup year/1 Year_1\ngroup year/2 Year_2\nin year/1 a\nin year/2 b")
	s.Site.YearStart = on("2026-09-03")
	s.People[0].AgeBand, s.People[0].EntryYear = "5-7", 2025
	got, said := roster.Project(s, on("2027-09-02"))
	if got.People[0].YearGroup != "1" || !strings.Contains(strings.Join(said, "\n"), "begins on 3 September 2027 at this school") {
		t.Errorf("year %s; %q", got.People[0].YearGroup, said)
	}
	got, said = roster.Project(s, on("2027-09-03"))
	p := got.People[0]
	if p.YearGroup != "2" || p.EntryYear != 2025 || p.AgeBand != "5-7" || !strings.Contains(strings.Join(said, "\n"), "age bands stay") {
		t.Errorf("%+v; %q", p, said)
	}
	if want := on("2027-09-03"); !got.Site.YearStart.Equal(want) || !got.TakenAt.Equal(want) {
		t.Errorf("the year began on %s, seen on %s", got.Site.YearStart, got.TakenAt)
	}
	if got, said := roster.Project(s, on("2026-11-01")); got != s || len(said) != 1 {
		t.Errorf("the past is %v, %q", got, said)
	}
}

// What no rule wants is not in the snapshot, and the projection does not bring it back.
func TestProjectFillsNothingIn(t *testing.T) {
	t.Parallel()
	s := school(t, `
		person a student current
		person b student current
		group year/7 Year_7
		group year/8 Year_8
		group registration/1 7A
		group class/1 Ma - - 2028-01-01
		group class/2 En
		in year/7 a
		in year/8 b
		in registration/1 a
		in class/1 a b
		in class/2 a b`)
	for i := range s.People {
		s.People[i].YearGroup, s.People[i].Registration, s.People[i].Classes = "", "", nil
	}
	got, _ := roster.Project(s, on("2027-09-01"))
	want := []string{"a current ", "b leaver ", `class:1 "Ma" a`, `registration:1 "8A" a`, `year:7 "Year 7"`, `year:8 "Year 8" a`}
	if diff := cmp.Diff(want, shown(got)); diff != "" {
		t.Error(diff)
	}
}

// anySchool draws a school; dated ones have people who come and go by date.
func anySchool(t *rapid.T, dated bool) *roster.Snapshot {
	b := roster.NewBuilder(roster.Site{ID: "s"}, on(readOn).Add(7*time.Hour))
	day := func(label string) (day time.Time) {
		if dated && rapid.Bool().Draw(t, label+"?") {
			day = on(readOn).AddDate(0, 0, rapid.IntRange(-400, 900).Draw(t, label))
		}
		return day
	}
	years := rapid.SliceOfNDistinct(rapid.SampledFrom([]string{"N2", "R", "1", "2", "3", "4", "11", "12", "13"}), 1, 6, rapid.ID).Draw(t, "years")
	var keys []roster.GroupKey
	group := func(kind roster.GroupKind, name string) {
		key := roster.GroupKey{Kind: kind, ID: fmt.Sprint(len(keys))}
		keys = append(keys, key)
		b.AddGroup(roster.Group{GroupKey: key, Name: name, Begin: day("begins"), End: day("ends")})
	}
	group(roster.House, "Oak")
	for _, y := range years {
		group(roster.YearGroup, y)
		for _, form := range rapid.SliceOfN(rapid.SampledFrom([]string{y + "A", y + "B", "Elm"}), 0, 2).Draw(t, "forms") {
			group(roster.Registration, form)
		}
		group(roster.Class, y+"/Ma")
	}
	for i := range rapid.IntRange(1, 30).Draw(t, "people") {
		p := roster.Person{ID: fmt.Sprintf("p%02d", i), GivenName: "X", State: roster.Current, Begin: day("begin"), End: day("end")}
		p.Kind = rapid.SampledFrom([]roster.Kind{roster.Student, roster.Student, roster.Student, roster.Staff, roster.Contact}).Draw(t, "kind")
		if dated {
			p.State = rapid.SampledFrom([]roster.State{roster.Current, roster.Current, roster.Future, roster.Leaver}).Draw(t, "state")
		}
		b.AddPerson(p)
		for _, key := range rapid.SliceOfNDistinct(rapid.SampledFrom(keys), 0, 4, rapid.ID).Draw(t, "in") {
			role := roster.Member
			if p.Kind == roster.Staff {
				role = roster.Teacher
			}
			b.AddMembership(roster.Membership{Group: key, Person: p.ID, Role: role})
		}
	}
	return b.Finish()
}

func inOrder(x, y roster.Membership) int {
	return strings.Compare(fmt.Sprint(x.Group.Kind, " ", x.Group.ID, " ", x.Person, " ", x.Role), fmt.Sprint(y.Group.Kind, " ", y.Group.ID, " ", y.Person, " ", y.Role))
}

func TestProjectionsAreSound(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		s := anySchool(t, rapid.Bool().Draw(t, "dated"))
		before := fmt.Sprintf("%+v", *s)
		at := on(readOn).AddDate(0, 0, rapid.IntRange(0, 800).Draw(t, "days"))
		got, said := roster.Project(s, at)
		if after := fmt.Sprintf("%+v", *s); after != before {
			t.Fatal("the input was changed")
		}
		again, saidAgain := roster.Project(s, at)
		if diff := cmp.Diff(got, again) + cmp.Diff(said, saidAgain); diff != "" {
			t.Fatalf("it is not the same twice: %s", diff)
		}
		people, groups := map[string]roster.Person{}, map[roster.GroupKey]bool{}
		for _, p := range s.People {
			people[p.ID] = p
		}
		for _, g := range s.Groups {
			groups[g.GroupKey] = true
		}
		if len(got.People) != len(s.People) {
			t.Fatalf("%d people, there were %d", len(got.People), len(s.People))
		}
		here := map[string]roster.Person{}
		for i, p := range got.People {
			was, known := people[p.ID]
			if !known || i > 0 && got.People[i-1].ID >= p.ID {
				t.Fatalf("%s is invented or out of order", p.ID)
			}
			if was.State == roster.Leaver && p.State != roster.Leaver || was.State == roster.Current && p.State == roster.Future {
				t.Fatalf("%s was %s and is %s", p.ID, was.State, p.State)
			}
			if p.Kind != roster.Student && p.State == roster.Leaver && was.State != roster.Leaver && p.End != was.End {
				t.Fatalf("%s leaves without a date", p.ID)
			}
			here[p.ID] = p
		}
		still := map[roster.GroupKey]bool{}
		for _, g := range got.Groups {
			if !groups[g.GroupKey] {
				t.Fatalf("%s is invented", g.GroupKey)
			}
			still[g.GroupKey] = true
		}
		for i, m := range got.Memberships {
			p, known := here[m.Person]
			if !known || !still[m.Group] || p.State == roster.Leaver && people[m.Person].State != roster.Leaver {
				t.Fatalf("membership %v points nowhere, or at somebody who left", m)
			}
			if i > 0 && inOrder(got.Memberships[i-1], m) >= 0 {
				t.Fatalf("membership %v is out of order or there twice", m)
			}
		}
	})
}

// Before the next September only what has dates changes.
func TestProjectBeforeSeptember(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		s := anySchool(t, false)
		at := on(readOn).Add(time.Duration(rapid.IntRange(8, 302*24).Draw(t, "hours")) * time.Hour)
		got, _ := roster.Project(s, at)
		got.TakenAt = s.TakenAt
		if diff := cmp.Diff(s, got); diff != "" {
			t.Fatal(diff)
		}
	})
}

// The way does not matter: two steps lead to where one does.
func TestProjectInSteps(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		s := anySchool(t, false)
		first := rapid.IntRange(0, 900).Draw(t, "first")
		second := first + rapid.IntRange(0, 900).Draw(t, "second")
		one, _ := roster.Project(s, s.TakenAt.AddDate(0, 0, second))
		half, _ := roster.Project(s, s.TakenAt.AddDate(0, 0, first))
		two, _ := roster.Project(half, s.TakenAt.AddDate(0, 0, second))
		if diff := cmp.Diff(one, two); diff != "" {
			t.Fatalf("one step and two (-one +two):\n%s", diff)
		}
	})
}
