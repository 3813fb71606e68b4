package oneroster_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"simscim/connector/source"
	"simscim/connector/source/oneroster"
	"simscim/roster"
)

// crowd adds pupils with a place in 7A from the day given.
func (f *feed) crowd(n int, from string) {
	for i := range n {
		id := fmt.Sprintf("%s-%d", from, i)
		f.users = append(f.users, oneroster.User{ID: id, GivenName: "X", Roles: roleHere("student"), Grades: []string{"7"}, Email: "x@example.org", Username: "x"})
		f.enrollments = append(f.enrollments, oneroster.Enrollment{UserID: id, ClassID: "7A", SchoolID: school, Role: "student", Begin: day(from)})
	}
}

func TestFutureStarters(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name  string
		edit  func(*feed)
		state roster.State
		in    []string // of 7A
	}{
		{"all places ahead", func(f *feed) { f.crowd(1, "2026-11-16") }, roster.Future, []string{"2026-11-16-0", "p1"}},
		{"one place in force", func(f *feed) {
			f.crowd(1, "2026-11-16")
			f.enrollments = append(f.enrollments, oneroster.Enrollment{UserID: "2026-11-16-0", ClassID: "ma", SchoolID: school, Role: "student"})
		}, roster.Current, []string{"p1"}},
		{"one place that is over", func(f *feed) {
			f.crowd(1, "2026-11-16")
			f.enrollments = append(f.enrollments, oneroster.Enrollment{
				UserID: "2026-11-16-0", ClassID: "ma", SchoolID: school, Role: "student", Begin: day("2026-09-03"), End: day("2026-10-01"),
			})
		}, roster.Current, []string{"p1"}},
		{"most of the school: it is the holidays", func(f *feed) { f.crowd(2, "2026-11-16") }, roster.Current, []string{"p1"}},
		{"the role says since when", func(f *feed) {
			f.crowd(1, "2026-11-16")
			f.users[len(f.users)-1].Roles[0].Begin = day("2026-09-03")
		}, roster.Current, []string{"p1"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			f := tiny()
			c.edit(f)
			snap := f.snapshot(t)
			if got := find(t, snap, "2026-11-16-0").State; got != c.state {
				t.Errorf("got %s, want %s", got, c.state)
			}
			var in []string
			for _, m := range snap.Memberships {
				if m.Group.Kind == roster.Registration {
					in = append(in, m.Person)
				}
			}
			if d := cmp.Diff(c.in, in); d != "" {
				t.Error(d)
			}
		})
	}
}

func TestGrades(t *testing.T) {
	t.Parallel()
	later := map[string]string{"tk": "R", "KG": "1", "01": "2", " 12 ": "Year 13", "Other": ""}
	for _, c := range []struct {
		table map[string]string
		grade string
		want  string
		warns bool
	}{
		{nil, "R", "R", false},
		{nil, "07", "7", false},
		{nil, "7", "7", false},
		{nil, "Year 7", "7", false},
		{nil, "14", "14", false},
		{nil, "n2", "N2", false},
		{nil, "0", "R", false},
		{nil, "15", "", true},
		{nil, "KG", "", true},
		{nil, "TK", "", true},
		{nil, "PR", "", true},
		{nil, "", "", false},
		{later, "TK", "R", false},
		{later, "kg", "1", false},
		{later, "01", "2", false},
		{later, "12", "13", false},
		{later, "1", "1", false}, // another spelling is another grade
		{later, "Other", "", false},
		{map[string]string{"KG": "R"}, "KG", "R", false},
		{map[string]string{"KG": "R"}, "01", "1", false},
	} {
		t.Run(fmt.Sprint(len(c.table), " ", c.grade), func(t *testing.T) {
			t.Parallel()
			f := tiny()
			f.rules.Grades = c.table
			f.users[0].Grades, f.classes[0].Grades, f.classes[1].Grades = []string{c.grade}, nil, nil
			snap := f.snapshot(t)
			if got := find(t, snap, "p1").YearGroup; got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
			if warned := len(snap.Warnings) > 0; warned != c.warns {
				t.Errorf("warnings: %v", snap.Warnings)
			}
		})
	}
	for _, bad := range []map[string]string{{"KG": "Kindergarten"}, {"kg": "R", "KG": "1"}, {"01": "15"}} {
		if (oneroster.Rules{Grades: bad}).Validate() == nil {
			t.Errorf("%v is taken", bad)
		}
		f := tiny()
		f.rules.Grades = bad
		if snap, err := f.finish(t); err == nil {
			t.Errorf("%v gives a snapshot of %d people", bad, len(snap.People))
		}
	}
}

// The entry year counts from the school's own year, which need not begin in September,
// and for newcomers from the day on which they start.
func TestEntryYear(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		today, yearStart, begin string
		want                    int
	}{
		{"2026-11-02", "2026-09-03", "", 2019},
		{"2027-08-31", "2026-09-03", "", 2019},
		{"2026-11-02", "2026-08-17", "", 2019},
		{"2027-08-17", "2026-08-17", "", 2020},
		{"2027-06-01", "2026-09-03", "2027-06-07", 2019},
		{"2027-06-01", "2026-09-03", "2027-09-06", 2020},
		{"2027-06-01", "2026-09-03", "2027-08-25", 2020}, // before the first day of the year that it is meant for
	} {
		t.Run(c.today+" "+c.yearStart+" "+c.begin, func(t *testing.T) {
			t.Parallel()
			f := tiny()
			f.today = c.today
			f.sessions[0].Start = day(c.yearStart)
			if c.begin != "" {
				f.users[0].Roles[0].Begin = day(c.begin)
			}
			if got := find(t, f.snapshot(t), "p1").EntryYear; got != c.want {
				t.Errorf("got %d, want %d", got, c.want)
			}
		})
	}
}

// Of the calendars of a district, the one counts that the school's own classes follow.
func TestYearStart(t *testing.T) {
	t.Parallel()
	f := tiny()
	f.sessions = append(f.sessions,
		oneroster.Session{ID: "other", Type: "schoolYear", Start: day("2026-10-01"), End: day("2027-09-30")},
		oneroster.Session{ID: "next", Type: "schoolYear", Start: day("2027-09-02"), End: day("2028-08-31")},
		oneroster.Session{ID: "loop", Type: "term", ParentID: "loop"},
	)
	f.classes[0].TermIDs = append(f.classes[0].TermIDs, "next", "loop")
	if got := f.snapshot(t).Site.YearStart; !got.Equal(day("2026-09-03")) {
		t.Errorf("got %s", got)
	}
	f = tiny()
	f.sessions = nil
	if got := f.snapshot(t).Site.YearStart; !got.IsZero() {
		t.Errorf("without sessions: got %s", got)
	}
}

func TestAgeBands(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ born, grade, want string }{
		{"2015-11-02", "", "11-13"}, // eleven today
		{"2015-11-03", "", "7-11"},  // tomorrow
		{"2015-11-03", "9", "7-11"}, // the birth date knows better
		{"", "R", "<5"},
		{"", "7", "11-13"},
		{"", "12", ">16"},
		{"", "", ""},
		{"2027-01-01", "7", "11-13"}, // not born yet
	} {
		t.Run(c.born+" "+c.grade, func(t *testing.T) {
			t.Parallel()
			f := tiny()
			f.users[0].Grades, f.classes[0].Grades = []string{c.grade}, nil
			if c.born != "" {
				f.users[0].BirthDate = day(c.born)
			}
			if got := find(t, f.snapshot(t), "p1").AgeBand; got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
			f.want.Fields = nil
			if got := find(t, f.snapshot(t), "p1").AgeBand; got != "" {
				t.Errorf("not asked for, got %q", got)
			}
		})
	}
}

func TestIdentifiers(t *testing.T) {
	t.Parallel()
	user := func(u *oneroster.User) {
		u.MasterID, u.Identifier = "{0F000000-0000-4000-8000-00000000000A}", " 1042 "
		u.UserIDs = map[string]string{"UPN": "A1", "LDAP": "cn=x", "Fed": "NULL"}
	}
	for _, c := range []struct {
		fields []string
		want   map[string]string
	}{
		{nil, nil},
		{[]string{"email"}, nil},
		{[]string{"identifiers.upn"}, map[string]string{"upn": "A1"}},
		{[]string{"identifiers.master", "identifiers.identifier"}, map[string]string{"master": "0f000000-0000-4000-8000-00000000000a", "identifier": "1042"}},
		{[]string{"identifiers"}, map[string]string{"master": "0f000000-0000-4000-8000-00000000000a", "identifier": "1042", "UPN": "A1", "LDAP": "cn=x"}},
	} {
		t.Run(fmt.Sprint(c.fields), func(t *testing.T) {
			t.Parallel()
			f := tiny()
			user(&f.users[0])
			f.want.Fields = c.fields
			if d := cmp.Diff(c.want, find(t, f.snapshot(t), "p1").Identifiers); d != "" {
				t.Error(d)
			}
		})
	}
}

// A human with two records stays two people, and one at two schools is seen by each with
// the part that they have there.
func TestOneHumanManyRecords(t *testing.T) {
	t.Parallel()
	f := tiny()
	parent := oneroster.User{ID: "s1-parent", GivenName: "Mary", FamilyName: "Som", Roles: roleHere("parent"), Username: "mary", Email: "mary@example.org"}
	f.users = append(f.users, parent)
	f.users[1].Roles = append(f.users[1].Roles, oneroster.UserRole{Role: "principal", OrgID: "school-2"})
	f.users[0].Roles = append(f.users[0].Roles, oneroster.UserRole{Role: "student", OrgID: "school-2", End: day("2026-10-01")})
	snap := f.snapshot(t)
	if got := find(t, snap, "s1-parent"); got.Kind != roster.Contact {
		t.Errorf("the parent is %s", got.Kind)
	}
	if got := find(t, snap, "s1"); cmp.Diff([]string{"teacher"}, got.Roles) != "" {
		t.Errorf("the teacher has the roles %v", got.Roles)
	}
	if got := find(t, snap, "p1"); got.State != roster.Current || !got.End.IsZero() {
		t.Errorf("leaving the other school shows here: %s until %s", got.State, got.End)
	}
}

func TestNamesAreOneLine(t *testing.T) {
	t.Parallel()
	f := tiny()
	f.users[0].GivenName, f.users[0].FamilyName, f.users[0].PreferredGivenName = "Ada\r\nLovelace", " O\u2019Byron\u2028King ", "NULL"
	f.classes[1].Title = "7x/Ma1\n"
	snap := f.snapshot(t)
	p := find(t, snap, "p1")
	if p.GivenName != "Ada Lovelace" || p.FamilyName != "O\u2019Byron King" || p.PreferredGivenName != "" {
		t.Errorf("got %q %q %q", p.GivenName, p.FamilyName, p.PreferredGivenName)
	}
	if snap.Groups[0].Name != "7x/Ma1" {
		t.Errorf("got %q", snap.Groups[0].Name)
	}
}

// GUIDs come in different spellings from different files and endpoints.
func TestGUIDsOfAnySpelling(t *testing.T) {
	t.Parallel()
	const guid, shouted = "0f000000-0000-4000-8000-00000000000a", "{0F000000-0000-4000-8000-00000000000A}"
	f := tiny()
	f.users[0].ID = shouted
	f.enrollments[0].UserID, f.enrollments[1].UserID = guid, guid
	snap := f.snapshot(t)
	if p := find(t, snap, guid); p.Registration != "7A" || len(snap.SetAside) > 0 {
		t.Errorf("registration %q, set aside %v", p.Registration, snap.SetAside)
	}
}

func TestIncomplete(t *testing.T) {
	t.Parallel()
	for name, edit := range map[string]func(*feed){
		"classes, but nobody in them": func(f *feed) { f.users, f.enrollments = nil, nil },
		"all enrolments point nowhere": func(f *feed) {
			for i := range f.enrollments {
				f.enrollments[i].UserID = "nn"
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := tiny()
			edit(f)
			if _, err := f.finish(t); !source.IsIncomplete(err) {
				t.Errorf("got %v, want an *Incomplete", err)
			}
		})
	}
}

// Whatever order records come in, the snapshot is the same.
func TestOrderDoesNotMatter(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(r *rapid.T) {
		f := tiny()
		f.rules.HouseMetadata = "house"
		f.crowd(rapid.IntRange(0, 6).Draw(r, "newcomers"), "2026-11-16")
		f.crowd(rapid.IntRange(0, 6).Draw(r, "settled"), "2026-09-03")
		houses := rapid.SampledFrom([]string{"", "Red", "red", "RED ", "Kite"})
		grades := rapid.SampledFrom([]string{"", "7", "08", "KG", "x"})
		for i := range f.users {
			f.users[i].Metadata = map[string]string{"house": houses.Draw(r, "house")}
			f.users[i].Grades = []string{grades.Draw(r, "grade")}
		}
		want := f.snapshot(t)
		random := rand.New(rand.NewPCG(rapid.Uint64().Draw(r, "seed"), 1))
		random.Shuffle(len(f.users), func(i, j int) { f.users[i], f.users[j] = f.users[j], f.users[i] })
		random.Shuffle(len(f.sessions), func(i, j int) { f.sessions[i], f.sessions[j] = f.sessions[j], f.sessions[i] })
		random.Shuffle(len(f.classes), func(i, j int) { f.classes[i], f.classes[j] = f.classes[j], f.classes[i] })
		random.Shuffle(len(f.enrollments), func(i, j int) { f.enrollments[i], f.enrollments[j] = f.enrollments[j], f.enrollments[i] })
		if d := cmp.Diff(want, f.snapshot(t), cmpopts.EquateEmpty()); d != "" {
			r.Error(d)
		}
	})
}

// A grade says a year group, nothing, or why it says nothing, and never repeats itself.
func FuzzGrades(f *testing.F) {
	for _, s := range []string{"R", "07", "KG", "Year 7", "", "13", "-1", "0x7", "\xff", "Ada Byron"} {
		f.Add(s, "KG", "R")
	}
	f.Fuzz(func(t *testing.T, grade, from, to string) {
		feed := tiny()
		feed.rules.Grades = map[string]string{from: to}
		feed.users[0].Grades, feed.classes[0].Grades, feed.classes[1].Grades = []string{grade}, nil, nil
		snap, err := feed.finish(t)
		if err != nil {
			if feed.rules.Validate() == nil {
				t.Fatal(err)
			}
			return
		}
		year := find(t, snap, "p1").YearGroup
		if _, ok := roster.YearNumber(year); !ok && year != "" {
			t.Errorf("%q is no year group", year)
		}
		if year == "" && len(snap.Warnings) > 1 {
			t.Errorf("warned of it %d times", len(snap.Warnings))
		}
	})
}
