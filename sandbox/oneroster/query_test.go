package oneroster

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"simscim/sandbox/world"
)

func filtered(text string) string { return "filter=" + url.QueryEscape(text) }

// minor is the code of an error or warning, in either version's shape.
func minor(t *testing.T, a answer, v Version) string {
	t.Helper()
	body := a.json(t)
	if a.status == http.StatusOK {
		list, _ := body["statusInfoSet"].([]any)
		if len(list) == 0 {
			return ""
		}
		if major, severity := text(list[0], "imsx_codeMajor"), text(list[0], "imsx_severity"); major != "success" || severity != "warning" {
			t.Errorf("a warning says %s, %s", major, severity)
		}
		body, _ = list[0].(map[string]any)
	} else if v == V11 {
		body, _ = at(body, "statusInfoSet", 0).(map[string]any)
	}
	if a.status != http.StatusOK && (text(body, "imsx_codeMajor") != "failure" || text(body, "imsx_severity") != "error") {
		t.Errorf("an error says %s, %s", text(body, "imsx_codeMajor"), text(body, "imsx_severity"))
	}
	if text(body, "imsx_description") == "" {
		t.Error("there is no description")
	}
	if v == V12 {
		return text(body, "imsx_CodeMinor", "imsx_codeMinorField", 0, "imsx_codeMinorFieldValue")
	}
	return text(body, "imsx_codeMinor")
}

func TestWarningsAndErrorsOfQueries(t *testing.T) {
	t.Parallel()
	b := setup(t, "tiny")
	for _, c := range []struct {
		query      string
		status     int
		one, other string // codes of 1.1 and 1.2
	}{
		{"", 200, "", ""},
		{"sort=familyName&orderBy=desc", 200, "", ""},
		{"sort=nothing", 200, "invalid_sort_field", "invalid_sort_field"},
		{"fields=givenName,nothing", 200, "invalid_selection_field", "invalid_selection_field"},
		{"fields=", 400, "invalid_blank_selection_field", "invalid_selection_field"},
		{"fields=givenName,,role", 400, "invalid_blank_selection_field", "invalid_selection_field"},
		{filtered("nothing='x'"), 400, "invalid_filter_field", "invalid_filter_field"},
		{filtered("metadata.house.x.y='x'"), 400, "invalid_filter_field", "invalid_filter_field"},
		{filtered("grades.x='07'"), 400, "invalid_filter_field", "invalid_filter_field"},
		{filtered("status=active"), 400, "invalid data", "invaliddata"},
		{filtered("status=’active’"), 400, "invalid data", "invaliddata"},
		{filtered("status='active"), 400, "invalid data", "invaliddata"},
		{filtered("status='active' and status='active'"), 400, "invalid data", "invaliddata"},
		{filtered("status='active' AND "), 400, "invalid data", "invaliddata"},
		{filtered("status='active' AND status='active' AND status='active'"), 400, "invalid data", "invaliddata"},
		{filtered("='x'"), 400, "invalid data", "invaliddata"},
		{filtered("status!'x'"), 400, "invalid data", "invaliddata"},
		{"limit=0", 400, "invalid data", "invaliddata"},
		{"limit=x", 400, "invalid data", "invaliddata"},
		{"limit=-1", 400, "invalid data", "invaliddata"},
		{"offset=-1", 400, "invalid data", "invaliddata"},
		{"offset=99999999999999999999", 400, "invalid data", "invaliddata"},
		{"orderBy=up", 400, "invalid data", "invaliddata"},
		{"filter=%zz", 400, "invalid data", "invaliddata"},
	} {
		for v, want := range map[Version]string{V11: c.one, V12: c.other} {
			a := b.get(v, "/users?"+c.query)
			if got := minor(t, a, v); a.status != c.status || got != want {
				t.Errorf("%s %q: %d %q, want %d %q", v, c.query, a.status, got, c.status, want)
			}
		}
	}
	if a := b.get(V11, "/users?sort=nothing&limit=5"); len(a.rows(t, "users")) != 5 {
		t.Error("a warning takes the records away")
	}
	if a := b.get(V11, "/users?"+filtered("roles.role='x'")); minor(t, a, V11) != "invalid_filter_field" {
		t.Error("1.1 knows a field of 1.2")
	}
}

func TestOtherErrors(t *testing.T) {
	t.Parallel()
	b := setup(t, "tiny")
	for _, c := range []struct {
		a          answer
		status     int
		one, other string
	}{
		{b.get(V11, "/nothing"), 404, "unknown object", ""},
		{b.get(V12, "/nothing"), 404, "", "unknownobject"},
		{b.as("x", V11, "/users"), 401, "unauthorized", ""},
		{b.as("x", V12, "/users"), 401, "", "unauthorisedrequest"},
		{b.send(http.MethodPost, b.url+root(V11)+"/users", "{}"), 405, "unsupported", ""},
	} {
		v, want := V11, c.one
		if c.other != "" {
			v, want = V12, c.other
		}
		if got := minor(t, c.a, v); c.a.status != c.status || got != want {
			t.Errorf("%d %q, want %d %q", c.a.status, got, c.status, want)
		}
	}
}

func TestFilters(t *testing.T) {
	t.Parallel()
	b := over(t, still())
	roll := b.w.Rolls()[4]
	pupil := roll.People(world.Student)[0]
	house := pupil.House
	for _, p := range roll.People(world.Student) {
		if house == nil {
			pupil, house = p, p.House
		}
	}
	count := func(keep func(*world.Roll, *world.Person) bool) (n int) {
		for _, r := range b.w.Rolls() {
			for _, kind := range []world.Kind{world.Student, world.Staff, world.Contact} {
				for _, p := range r.People(kind) {
					if keep(r, p) {
						n++
					}
				}
			}
		}
		return n
	}
	today := b.w.Today()
	left := func(p *world.Person) bool { return p.State(today) == world.Leaver }
	for _, c := range []struct {
		filter string
		want   int
	}{
		{"status='active'", count(func(_ *world.Roll, p *world.Person) bool { return !left(p) })},
		{"status!='active'", count(func(_ *world.Roll, p *world.Person) bool { return left(p) })},
		{"STATUS='active'", -1},
		{"sourcedId='" + pupil.ID.String() + "'", 1},
		{"familyName='" + strings.ReplaceAll(pupil.Family, "'", "''") + "'", count(func(_ *world.Roll, p *world.Person) bool { return strings.EqualFold(p.Family, pupil.Family) })},
		{"familyName='O''BRIEN-mcdonald'", count(func(_ *world.Roll, p *world.Person) bool { return p.Family == "O'Brien-McDonald" })},
		{"familyName~'brien'", count(func(_ *world.Roll, p *world.Person) bool { return strings.Contains(strings.ToLower(p.Family), "brien") })},
		{"role='student' AND grades='10'", count(func(_ *world.Roll, p *world.Person) bool { return p.Kind == world.Student && p.Year == 10 })},
		{"grades='R' OR grades='01'", count(func(_ *world.Roll, p *world.Person) bool { return p.Kind == world.Student && p.Year < 2 })},
		{"role='teacher' OR role='guardian'", count(func(_ *world.Roll, p *world.Person) bool { return p.Teaching || p.Kind == world.Contact })},
		{"orgs.sourcedId='" + roll.Site.ID.String() + "'", count(func(r *world.Roll, _ *world.Person) bool { return r.Site.ID == roll.Site.ID })},
		{"email!='x@y'", count(func(*world.Roll, *world.Person) bool { return true })},
		{"email>''", count(func(_ *world.Roll, p *world.Person) bool { return p.Email != "" })},
		{"metadata.house='" + house.Name + "'", count(func(_ *world.Roll, p *world.Person) bool { return p.House != nil && p.House.Name == house.Name })},
		{"agents.sourcedId='" + pupil.ID.String() + "'", count(func(_ *world.Roll, p *world.Person) bool { return p.Of == pupil.ID })},
		{"enabledUser='false' AND role='student'", count(func(_ *world.Roll, p *world.Person) bool { return p.Kind == world.Student && left(p) })},
		{"givenName=''", count(func(_ *world.Roll, p *world.Person) bool { return p.Given == "" })},
	} {
		a := b.get(V11, "/users?limit=1&"+filtered(c.filter))
		if c.want < 0 {
			if a.status != 400 {
				t.Errorf("%s: %d", c.filter, a.status)
			}
			continue
		}
		if got := a.header.Get("X-Total-Count"); got != fmt.Sprint(c.want) {
			t.Errorf("%s: %s, want %d", c.filter, got, c.want)
		}
	}
}

func TestSortAndFields(t *testing.T) {
	t.Parallel()
	b := over(t, still())
	for _, order := range []string{"asc", "desc"} {
		var ids []string
		for _, row := range b.walk(b.token, V12, "/users?limit=5000&fields=sourcedId&sort=sourcedId&orderBy="+order, "users") {
			ids = append(ids, text(row, "sourcedId"))
		}
		want := slices.Sorted(slices.Values(ids))
		if order == "desc" {
			slices.Reverse(want)
		}
		if !slices.Equal(ids, want) {
			t.Errorf("%s: the ids are not in order", order)
		}
	}
	a := b.get(V12, "/users?limit=3&fields=givenName,sourcedId&"+filtered("roles.role='student'"))
	for _, row := range a.rows(t, "users") {
		if len(row) != 2 || text(row, "sourcedId") == "" {
			t.Errorf("a record has %d fields", len(row))
		}
	}
	id := text(a.rows(t, "users")[0], "sourcedId")
	one := b.get(V12, "/users/"+id+"?fields=grades,nothing")
	if user := one.json(t)["user"].(map[string]any); len(user) != 1 || minor(t, one, V12) != "invalid_selection_field" {
		t.Errorf("one record: %s", one.body)
	}
	// The year 2026 in a sort by a date, and one by a list.
	rows := b.get(V11, "/academicSessions?sort=startDate&orderBy=desc").rows(t, "academicSessions")
	if text(rows[0], "title") != "Summer 2026/27" {
		t.Errorf("the last to start is %v", rows[0]["title"])
	}
}

func TestPagesAndLinks(t *testing.T) {
	t.Parallel()
	b := setup(t, "tiny")
	total := len(b.w.Rolls()[0].People(world.Student))
	a := b.get(V11, "/students?limit=20&offset=20&sort=sourcedId&"+filtered("role='student'"))
	h := a.header.Get("Link")
	want := map[string]string{"first": "0", "prev": "0", "next": "40", "last": fmt.Sprint((total - 1) / 20 * 20)}
	for rel, offset := range want {
		u, err := url.Parse(link(h, rel))
		if err != nil {
			t.Fatal(err)
		}
		q := u.Query()
		got := []string{q.Get("offset"), q.Get("limit"), q.Get("sort"), q.Get("filter"), u.Scheme + "://" + u.Host + u.Path}
		if diff := cmp.Diff([]string{offset, "20", "sourcedId", "role='student'", b.url + root(V11) + "/students"}, got); diff != "" {
			t.Errorf("%s: %s", rel, diff)
		}
	}
	if n := a.header.Get("X-Total-Count"); n != fmt.Sprint(total) {
		t.Errorf("the total is %s, want %d", n, total)
	}
	a = b.get(V11, "/students?offset=100000")
	if len(a.rows(t, "users")) != 0 || link(a.header.Get("Link"), "next") != "" || !strings.Contains(string(a.body), `"users":[]`) {
		t.Errorf("beyond the end: %s", a.body)
	}
	if rows := b.get(V11, "/users").rows(t, "users"); len(rows) != 100 {
		t.Errorf("a page without a limit has %d", len(rows))
	}
}

// A filter is read without harm whatever it says.
func FuzzParseFilter(f *testing.F) {
	for _, seed := range []string{"status='active'", "a.b>='x' AND c~'y''z'", "familyName!='' OR x", "='", "status=''''", "roles.org.sourcedId<'2026-01-01'"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		parsed, wrong := parseFilter(text, userKind, V12)
		if (parsed == nil) == (wrong == nil) {
			t.Fatal("a filter is read or refused")
		}
		if parsed != nil {
			if n := len(parsed.clauses); n < 1 || n > 2 {
				t.Fatalf("%d clauses", n)
			}
			parsed.match(object{{"familyName", "x"}, {"roles", []object{{{"role", "student"}}}}}, switches{})
		}
	})
}
