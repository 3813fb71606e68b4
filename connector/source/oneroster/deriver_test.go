package oneroster_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"simscim/connector/source"
	"simscim/connector/source/oneroster"
	"simscim/roster"
)

const school = "school-1"

var everything = source.Want{
	Kinds: []roster.Kind{roster.Student, roster.Staff, roster.Contact},
	Fields: []string{
		"email", "username", "yearGroup", "entryYear", "ageBand", "registration", "house", "classes", "roles", "begin", "end", "identifiers",
	},
}

func day(s string) time.Time {
	t, err := time.Parse(time.DateOnly, s)
	if err != nil {
		panic(err)
	}
	return t
}

// feed is a tiny school: one pupil and one teacher in a registration group and a class.
// A test changes what it is about.
type feed struct {
	rules       oneroster.Rules
	want        source.Want
	today       string
	sessions    []oneroster.Session
	courses     []oneroster.Course
	classes     []oneroster.Class
	users       []oneroster.User
	enrollments []oneroster.Enrollment
}

func tiny() *feed {
	return &feed{
		want: everything, today: "2026-11-02",
		sessions: []oneroster.Session{
			{ID: "y", Type: "schoolYear", Start: day("2026-09-03"), End: day("2027-08-31")},
			{ID: "t1", Type: "term", ParentID: "y", Start: day("2026-09-03"), End: day("2026-12-18")},
			{ID: "t2", Type: "term", ParentID: "y", Start: day("2027-01-05"), End: day("2027-07-20")},
		},
		courses: []oneroster.Course{{ID: "co", Title: "Maths 7", Subjects: []string{"Mathematics"}}},
		classes: []oneroster.Class{
			{ID: "7A", Title: "7A", Type: "homeroom", SchoolID: school, Grades: []string{"07"}, TermIDs: []string{"y"}},
			{ID: "ma", Title: "7x/Ma1", Code: "Ma1", Type: "scheduled", CourseID: "co", SchoolID: school, Grades: []string{"7"}, TermIDs: []string{"t1", "t2"}},
		},
		users: []oneroster.User{
			{
				ID: "p1", GivenName: "Ada", FamilyName: "Byron", Grades: []string{"07"}, Enabled: true, EnabledKnown: true, Email: "ada@example.org", Username: "ada",
				Roles: roleHere("student"), Status: "active",
			},
			{ID: "s1", GivenName: "Mary", FamilyName: "Som", Roles: roleHere("teacher"), Email: "mary@example.org", Username: "mary"},
		},
		enrollments: []oneroster.Enrollment{
			{ID: "e1", UserID: "p1", ClassID: "7A", SchoolID: school, Role: "student"},
			{ID: "e2", UserID: "p1", ClassID: "ma", SchoolID: school, Role: "student"},
			{ID: "e3", UserID: "s1", ClassID: "ma", SchoolID: school, Role: "teacher"},
		},
	}
}

func roleHere(words ...string) []oneroster.UserRole {
	var out []oneroster.UserRole
	for _, w := range words {
		out = append(out, oneroster.UserRole{Role: w, OrgID: school, Primary: true})
	}
	return out
}

func (f *feed) finish(t *testing.T) (*roster.Snapshot, error) {
	t.Helper()
	at := day(f.today).Add(7 * time.Hour)
	d := oneroster.NewDeriver(roster.Site{ID: school, Source: "or"}, f.rules, f.want, at)
	for _, e := range f.enrollments {
		d.Enrollment(e)
	}
	for _, u := range f.users {
		d.User(u)
	}
	for _, c := range f.classes {
		d.Class(c)
	}
	for _, c := range f.courses {
		d.Course(c)
	}
	for _, s := range f.sessions {
		d.Session(s)
	}
	return d.Finish()
}

func (f *feed) snapshot(t *testing.T) *roster.Snapshot {
	t.Helper()
	snap, err := f.finish(t)
	if err != nil {
		t.Fatal(err)
	}
	return snap
}

func find(t *testing.T, snap *roster.Snapshot, id string) roster.Person {
	t.Helper()
	for _, p := range snap.People {
		if p.ID == id {
			return p
		}
	}
	t.Fatalf("%s is not in the snapshot", id)
	return roster.Person{}
}

func groupKeys(snap *roster.Snapshot) []string {
	out := []string{}
	for _, g := range snap.Groups {
		out = append(out, g.String()+"="+g.Name)
	}
	return out
}

func members(snap *roster.Snapshot) []string {
	out := []string{}
	for _, m := range snap.Memberships {
		out = append(out, m.Group.String()+" "+m.Person+" "+string(m.Role))
	}
	return out
}

func TestWhole(t *testing.T) {
	t.Parallel()
	f := tiny()
	snap := f.snapshot(t)
	want := &roster.Snapshot{
		Site:    roster.Site{ID: school, Source: "or", YearStart: day("2026-09-03")},
		TakenAt: day("2026-11-02").Add(7 * time.Hour),
		People: []roster.Person{
			{
				ID: "p1", Kind: roster.Student, State: roster.Current, GivenName: "Ada", FamilyName: "Byron", YearGroup: "7", EntryYear: 2019, AgeBand: "11-13",
				Registration: "7A", Classes: []string{"7x/Ma1"}, Roles: []string{"student"}, Email: "ada@example.org", Username: "ada",
			},
			{
				ID: "s1", Kind: roster.Staff, State: roster.Current, GivenName: "Mary", FamilyName: "Som", Classes: []string{"7x/Ma1"}, Roles: []string{"teacher"},
				Email: "mary@example.org", Username: "mary",
			},
		},
		Groups: []roster.Group{
			{
				GroupKey: roster.GroupKey{Kind: roster.Class, ID: "ma"}, Name: "7x/Ma1", ShortName: "Ma1", Subject: "Mathematics", YearGroup: "7",
				Begin: day("2026-09-03"), End: day("2027-07-20"),
			},
			{GroupKey: roster.GroupKey{Kind: roster.Registration, ID: "7A"}, Name: "7A", YearGroup: "7", Begin: day("2026-09-03"), End: day("2027-08-31")},
			{GroupKey: roster.GroupKey{Kind: roster.YearGroup, ID: "7"}, Name: "Year 7", ShortName: "7", YearGroup: "7"},
		},
		Memberships: []roster.Membership{
			{Group: roster.GroupKey{Kind: roster.Class, ID: "ma"}, Person: "p1", Role: roster.Member},
			{Group: roster.GroupKey{Kind: roster.Class, ID: "ma"}, Person: "s1", Role: roster.Teacher},
			{Group: roster.GroupKey{Kind: roster.Registration, ID: "7A"}, Person: "p1", Role: roster.Member},
			{Group: roster.GroupKey{Kind: roster.YearGroup, ID: "7"}, Person: "p1", Role: roster.Member},
		},
	}
	if d := cmp.Diff(want, snap, cmpopts.EquateEmpty()); d != "" {
		t.Error(d)
	}
}

func TestStates(t *testing.T) {
	t.Parallel()
	role := func(word, begin, end string) oneroster.UserRole {
		r := oneroster.UserRole{Role: word, OrgID: school}
		if begin != "" {
			r.Begin = day(begin)
		}
		if end != "" {
			r.End = day(end)
		}
		return r
	}
	for _, c := range []struct {
		name  string
		user  func(*oneroster.User)
		state roster.State
		kind  roster.Kind
	}{
		{"as it is", func(*oneroster.User) {}, roster.Current, roster.Student},
		{"deleted", func(u *oneroster.User) { u.Status = "tobedeleted" }, roster.Leaver, roster.Student},
		{"status in another case", func(u *oneroster.User) { u.Status = "ToBeDeleted" }, roster.Leaver, roster.Student},
		{"inactive", func(u *oneroster.User) { u.Status = "inactive" }, roster.Leaver, roster.Student},
		{"no status, as in bulk files", func(u *oneroster.User) { u.Status = "" }, roster.Current, roster.Student},
		{"disabled", func(u *oneroster.User) { u.Enabled = false }, roster.Leaver, roster.Student},
		{"nothing said of enabled", func(u *oneroster.User) { u.Enabled, u.EnabledKnown = false, false }, roster.Current, roster.Student},
		{"disabled, with a status of the source's own", func(u *oneroster.User) { u.Enabled, u.Status = false, "archived" }, roster.Leaver, roster.Student},
		{"role ahead", func(u *oneroster.User) { u.Roles = []oneroster.UserRole{role("student", "2026-11-03", "")} }, roster.Future, roster.Student},
		{"role from today", func(u *oneroster.User) { u.Roles = []oneroster.UserRole{role("student", "2026-11-02", "")} }, roster.Current, roster.Student},
		{"last day", func(u *oneroster.User) { u.Roles = []oneroster.UserRole{role("student", "", "2026-11-02")} }, roster.Current, roster.Student},
		{"role over", func(u *oneroster.User) { u.Roles = []oneroster.UserRole{role("student", "", "2026-11-01")} }, roster.Leaver, roster.Student},
		{
			"left and came back", func(u *oneroster.User) {
				u.Roles = []oneroster.UserRole{role("student", "2024-09-01", "2025-07-20"), role("student", "2026-09-01", "")}
			}, roster.Current, roster.Student,
		},
		{
			"a pupil once, an aide now", func(u *oneroster.User) {
				u.Roles = []oneroster.UserRole{role("student", "", "2026-07-20"), role("aide", "2026-09-01", "")}
			}, roster.Current, roster.Staff,
		},
		{"a teacher who is a parent", func(u *oneroster.User) { u.Roles = roleHere("parent", "teacher") }, roster.Current, roster.Staff},
		{"a principal", func(u *oneroster.User) { u.Roles = roleHere("principal") }, roster.Current, roster.Staff},
		{"a guardian", func(u *oneroster.User) { u.Roles = roleHere("guardian") }, roster.Current, roster.Contact},
		{"a proctor too", func(u *oneroster.User) { u.Roles = roleHere("proctor", "counselor") }, roster.Current, roster.Staff},
		{"an extension too", func(u *oneroster.User) { u.Roles = roleHere("ext:governor", "teacher") }, roster.Current, roster.Staff},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			f := tiny()
			c.user(&f.users[0])
			p := find(t, f.snapshot(t), "p1")
			if p.State != c.state || p.Kind != c.kind {
				t.Errorf("got a %s %s, want a %s %s", p.State, p.Kind, c.state, c.kind)
			}
		})
	}
}

func TestSetAside(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		edit func(*feed)
		want []roster.SetAside
	}{
		{"nothing", func(*feed) {}, nil},
		{
			"no id", func(f *feed) { f.users = append(f.users, oneroster.User{ID: " ", Roles: roleHere("student")}) },
			[]roster.SetAside{{Entity: "person", Reason: "the record has no id"}},
		},
		{
			"the same id", func(f *feed) { f.users = append(f.users, f.users[0]) },
			[]roster.SetAside{{Entity: "person", Ref: "p1", Reason: "the id appears more than once"}},
		},
		{
			"no name", func(f *feed) {
				f.users = append(f.users, oneroster.User{ID: "x", Roles: roleHere("student"), GivenName: "\n"})
			},
			[]roster.SetAside{{Entity: "person", Ref: "x", Reason: "the record has no name at all"}},
		},
		{
			"unknown status", func(f *feed) {
				f.users = append(f.users, oneroster.User{ID: "x", GivenName: "X", Roles: roleHere("student"), Status: "frozen"})
			},
			[]roster.SetAside{{Entity: "person", Ref: "x", Reason: "its status is not known"}},
		},
		{
			"unknown role", func(f *feed) {
				f.users = append(f.users, oneroster.User{ID: "x", GivenName: "X", Roles: roleHere("governor")})
			},
			[]roster.SetAside{{Entity: "person", Ref: "x", Reason: "its role is not known"}},
		},
		{
			"no role", func(f *feed) { f.users = append(f.users, oneroster.User{ID: "x", GivenName: "X", Roles: roleHere("")}) },
			[]roster.SetAside{{Entity: "person", Ref: "x", Reason: "it has no role"}},
		},
		{"a proctor is passed over", func(f *feed) { f.users = append(f.users, oneroster.User{ID: "x", Roles: roleHere("proctor")}) }, nil},
		{"another school's user is passed over", func(f *feed) {
			f.users = append(f.users, oneroster.User{ID: "", Roles: []oneroster.UserRole{{Role: "student", OrgID: "school-2"}}})
		}, nil},
		{"another school's class and enrolment are passed over", func(f *feed) {
			f.classes = append(f.classes, oneroster.Class{ID: "", SchoolID: "school-2"})
			f.enrollments = append(f.enrollments, oneroster.Enrollment{UserID: "p9", ClassID: "c9", SchoolID: "school-2"})
		}, nil},
		{
			"a class without an id", func(f *feed) { f.classes = append(f.classes, oneroster.Class{Title: "x", SchoolID: school}) },
			[]roster.SetAside{{Entity: "group", Reason: "the record has no id"}},
		},
		{
			"a class without a school", func(f *feed) { f.classes = append(f.classes, oneroster.Class{ID: "x"}) },
			[]roster.SetAside{{Entity: "group", Ref: "x", Reason: "it names no school"}},
		},
		{
			"a class twice", func(f *feed) { f.classes = append(f.classes, f.classes[1]) },
			[]roster.SetAside{{Entity: "group", Ref: "ma", Reason: "the id appears more than once"}},
		},
		{
			"an enrolment in an unknown class", func(f *feed) { f.enrollments[1].ClassID = "nn" },
			[]roster.SetAside{{Entity: "membership", Ref: "class:nn", Reason: "it names a class that is not in the list"}},
		},
		{
			"an enrolment of an unknown user", func(f *feed) { f.enrollments[0].UserID = "nn" },
			[]roster.SetAside{{Entity: "membership", Ref: "registration:7A", Reason: "it names a person who is not in the list"}},
		},
		{"an enrolment without a school", func(f *feed) { f.enrollments[1].SchoolID = "" }, nil},
		{"a deleted enrolment that points nowhere", func(f *feed) {
			f.enrollments = append(f.enrollments, oneroster.Enrollment{UserID: "n", ClassID: "n", SchoolID: school, Status: "tobedeleted"})
		}, nil},
		{"an enrolment in a deleted class", func(f *feed) { f.classes[1].Status = "tobedeleted" }, nil},
		{
			"an enrolment with an unknown role", func(f *feed) { f.enrollments[1].Role = "mascot" },
			[]roster.SetAside{{Entity: "membership", Ref: "class:ma", Reason: "its role is not known"}},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			f := tiny()
			c.edit(f)
			if d := cmp.Diff(c.want, f.snapshot(t).SetAside, cmpopts.EquateEmpty()); d != "" {
				t.Error(d)
			}
		})
	}
}

func warning(entity, field, reason string, n int) roster.Warning {
	return roster.Warning{Entity: entity, Field: field, Reason: reason, Count: n}
}

func TestWarnings(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		edit func(*feed)
		want []roster.Warning
	}{
		{"nothing", func(*feed) {}, nil},
		{"empty email", func(f *feed) { f.users[0].Email, f.users[1].Email = "", " " }, nil},
		{
			"NULL", func(f *feed) { f.users[0].Email, f.users[0].Username = "NULL", "null" },
			[]roster.Warning{warning("person", "email", "it says NULL", 1), warning("person", "username", "it says NULL", 1)},
		},
		{"no address", func(f *feed) { f.users[0].Email = "ada at home" }, []roster.Warning{warning("person", "email", "it is not an e-mail address", 1)}},
		{"not asked, not warned", func(f *feed) { f.users[0].Email, f.want.Fields = "NULL", nil }, nil},
		{
			"kindergarten", func(f *feed) { f.users[0].Grades = []string{"KG"} },
			[]roster.Warning{warning("person", "grades", "the grade KG is no year group unless the configuration says which", 1)},
		},
		{"nonsense", func(f *feed) { f.users[0].Grades = []string{"Ada"} }, []roster.Warning{warning("person", "grades", "the grade is not known", 1)}},
		{
			"two years", func(f *feed) { f.users[0].Grades = []string{"7", "8"} },
			[]roster.Warning{warning("person", "grades", "the grades name several year groups", 1)},
		},
		{
			"unknown term", func(f *feed) { f.classes[1].TermIDs = []string{"nn"} },
			[]roster.Warning{warning("group", "terms", "it names a session that is not in the list", 1)},
		},
		{
			"unknown course", func(f *feed) { f.classes[1].CourseID = "nn" },
			[]roster.Warning{warning("group", "course", "it names a course that is not in the list", 1)},
		},
		{
			"an unknown role beside a known one", func(f *feed) { f.users[0].Roles = roleHere("student", "mascot") },
			[]roster.Warning{warning("person", "role", "the role is not known", 1)},
		},
		{"dates the wrong way round", func(f *feed) {
			f.enrollments[1].Begin, f.enrollments[1].End = day("2026-12-01"), day("2026-11-01")
		}, []roster.Warning{warning("membership", "endDate", "it ends before it begins", 1)}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			f := tiny()
			c.edit(f)
			snap := f.snapshot(t)
			if d := cmp.Diff(c.want, snap.Warnings, cmpopts.EquateEmpty()); d != "" {
				t.Error(d)
			}
			if len(snap.SetAside) > 0 {
				t.Errorf("set aside: %v", snap.SetAside)
			}
		})
	}
}

func TestGroups(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name    string
		edit    func(*feed)
		groups  []string
		members []string
	}{
		{
			"a class that is over", func(f *feed) {
				f.sessions = append(f.sessions, oneroster.Session{ID: "old", Type: "schoolYear", Start: day("2025-09-01"), End: day("2026-08-31")})
				f.classes[1].TermIDs = []string{"old"}
			},
			[]string{"registration:7A=7A", "year:7=Year 7"},
			[]string{"registration:7A p1 member", "year:7 p1 member"},
		},
		{
			"a class whose terms are deleted", func(f *feed) {
				f.sessions[1].Status, f.sessions[2].Status = "tobedeleted", "tobedeleted"
			},
			[]string{"registration:7A=7A", "year:7=Year 7"},
			[]string{"registration:7A p1 member", "year:7 p1 member"},
		},
		{
			"in the holidays after its term", func(f *feed) { f.today, f.classes[1].TermIDs = "2026-12-29", []string{"t1"} },
			[]string{"class:ma=7x/Ma1", "registration:7A=7A", "year:7=Year 7"},
			[]string{"class:ma p1 member", "class:ma s1 teacher", "registration:7A p1 member", "year:7 p1 member"},
		},
		{
			"on the first day of the next term", func(f *feed) { f.today, f.classes[1].TermIDs = "2027-01-05", []string{"t1"} },
			[]string{"registration:7A=7A", "year:7=Year 7"},
			[]string{"registration:7A p1 member", "year:7 p1 member"},
		},
		{
			"in August", func(f *feed) { f.today = "2027-08-20" },
			[]string{"class:ma=7x/Ma1", "registration:7A=7A", "year:7=Year 7"},
			[]string{"class:ma p1 member", "class:ma s1 teacher", "registration:7A p1 member", "year:7 p1 member"},
		},
		{
			"an enrolment that is over", func(f *feed) { f.enrollments[1].End = day("2026-11-01") },
			[]string{"class:ma=7x/Ma1", "registration:7A=7A", "year:7=Year 7"},
			[]string{"class:ma s1 teacher", "registration:7A p1 member", "year:7 p1 member"},
		},
		{
			"an enrolment still ahead", func(f *feed) { f.enrollments[1].Begin = day("2026-11-03") },
			[]string{"class:ma=7x/Ma1", "registration:7A=7A", "year:7=Year 7"},
			[]string{"class:ma s1 teacher", "registration:7A p1 member", "year:7 p1 member"},
		},
		{
			"next year's classes beside this year's", func(f *feed) {
				f.sessions = append(f.sessions, oneroster.Session{ID: "next", Type: "schoolYear", Start: day("2027-09-01"), End: day("2028-08-31")})
				f.classes = append(f.classes, oneroster.Class{ID: "0A", Title: "8A", Type: "homeroom", SchoolID: school, TermIDs: []string{"next"}})
				f.enrollments = append(f.enrollments, oneroster.Enrollment{UserID: "p1", ClassID: "0A", SchoolID: school, Role: "student"})
			},
			[]string{"class:ma=7x/Ma1", "registration:7A=7A", "year:7=Year 7"},
			[]string{"class:ma p1 member", "class:ma s1 teacher", "registration:7A p1 member", "year:7 p1 member"},
		},
		{
			"all enrolments over, and still on the roll", func(f *feed) {
				f.enrollments[0].End, f.enrollments[1].End = day("2026-10-01"), day("2026-10-01")
			},
			[]string{"class:ma=7x/Ma1", "registration:7A=7A", "year:7=Year 7"},
			[]string{"class:ma s1 teacher", "year:7 p1 member"},
		},
		{
			"houses by a pattern", func(f *feed) {
				f.rules.HouseClasses = "house *"
				f.classes = append(f.classes, oneroster.Class{ID: "h", Title: "House Red/Rot", Type: "homeroom", SchoolID: school})
				f.enrollments = append(f.enrollments, oneroster.Enrollment{UserID: "p1", ClassID: "h", Role: "student"})
			},
			[]string{"class:ma=7x/Ma1", "house:h=Red/Rot", "registration:7A=7A", "year:7=Year 7"},
			[]string{"class:ma p1 member", "class:ma s1 teacher", "house:h p1 member", "registration:7A p1 member", "year:7 p1 member"},
		},
		{
			"houses by metadata", func(f *feed) {
				f.rules.HouseMetadata = "House"
				f.users[0].Metadata = map[string]string{"house": " Red  Kite "}
			},
			[]string{"class:ma=7x/Ma1", "house:red kite=Red Kite", "registration:7A=7A", "year:7=Year 7"},
			[]string{"class:ma p1 member", "class:ma s1 teacher", "house:red kite p1 member", "registration:7A p1 member", "year:7 p1 member"},
		},
		{
			"the year of the registration group where the pupil has no grade", func(f *feed) { f.users[0].Grades = nil },
			[]string{"class:ma=7x/Ma1", "registration:7A=7A", "year:7=Year 7"},
			[]string{"class:ma p1 member", "class:ma s1 teacher", "registration:7A p1 member", "year:7 p1 member"},
		},
		{
			"a class of mixed ages tells no year", func(f *feed) {
				f.users[0].Grades, f.classes[0].Grades, f.classes[0].Title = nil, []string{"R", "1"}, "Oak"
			},
			[]string{"class:ma=7x/Ma1", "registration:7A=Oak"},
			[]string{"class:ma p1 member", "class:ma s1 teacher", "registration:7A p1 member"},
		},
		{
			"a leaver makes no year group", func(f *feed) { f.users[0].Status = "tobedeleted" },
			[]string{"class:ma=7x/Ma1", "registration:7A=7A"},
			[]string{"class:ma p1 member", "class:ma s1 teacher", "registration:7A p1 member"},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			f := tiny()
			c.edit(f)
			snap := f.snapshot(t)
			if d := cmp.Diff(c.groups, groupKeys(snap)); d != "" {
				t.Errorf("groups: %s", d)
			}
			if d := cmp.Diff(c.members, members(snap)); d != "" {
				t.Errorf("memberships: %s", d)
			}
			if p := find(t, snap, "p1"); p.State == roster.Future {
				t.Error("the pupil is taken for a future starter")
			}
		})
	}
}
