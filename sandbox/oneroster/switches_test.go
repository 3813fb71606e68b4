package oneroster

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"simscim/sandbox/world"
)

// leaver and others are people of a school whom deviations show.
func leaver(b *bench, r *world.Roll) *world.Person {
	for _, p := range r.People(world.Student) {
		if p.State(b.w.Today()) == world.Leaver {
			return p
		}
	}
	b.t.Fatal("nobody has left")
	return nil
}

// twice is a human with two records: the records and their schools. The first gave
// the master id.
func twice(b *bench) (first, second *world.Person, at [2]string) {
	b.t.Helper()
	byHuman := map[string][]*world.Person{}
	where := map[*world.Person]string{}
	for _, r := range b.w.Rolls() {
		for _, p := range r.People(world.Student) {
			where[p] = r.Site.ID.String()
			byHuman[p.Human().String()] = append(byHuman[p.Human().String()], p)
		}
	}
	for _, list := range byHuman { // any will do
		if len(list) == 2 && list[0].ID == list[0].Master {
			return list[0], list[1], [2]string{where[list[0]], where[list[1]]}
		}
	}
	b.t.Fatal("nobody is at two schools")
	return nil, nil, at
}

// Each deviation changes what it says, and without it the standard is kept.
func TestDeviations(t *testing.T) {
	t.Parallel()
	type check struct {
		name string
		// show is what the service shows: on with the deviation, off without.
		show    func(b *bench) string
		on, off string
		// moves tells that show moves the world.
		moves bool
	}
	user := func(v Version, kind world.Kind, i int, field string) func(b *bench) string {
		return func(b *bench) string {
			id := b.w.Rolls()[4].People(kind)[i].ID
			return raw(b.get(v, "/users/"+id.String()), "user", field)
		}
	}
	orgField := func(field string) func(b *bench) string {
		return func(b *bench) string {
			token, id := b.school(0)
			return raw(b.as(token, V11, "/orgs/"+id.String()), "org", field)
		}
	}
	status := func(v Version, path string) func(b *bench) string {
		return func(b *bench) string { return fmt.Sprint(b.get(v, path).status) }
	}
	total := func(path string) func(b *bench) string {
		return func(b *bench) string { return b.get(V11, path).header.Get("X-Total-Count") }
	}
	count := func(path, key string) func(b *bench) string {
		return func(b *bench) string { return fmt.Sprint(len(b.get(V11, path).rows(b.t, key))) }
	}
	gone := func(field string) func(b *bench) string {
		return func(b *bench) string {
			a := b.get(V12, "/users/"+leaver(b, b.w.Rolls()[4]).ID.String())
			if a.status == 404 {
				return "404"
			}
			return raw(a, "user", field)
		}
	}
	mail := func(field string) func(b *bench) string {
		return func(b *bench) string {
			for _, p := range b.w.Rolls()[4].People(world.Student) {
				if p.Email == "" {
					return raw(b.get(V12, "/users/"+p.ID.String()), "user", field)
				}
			}
			return "everybody has mail"
		}
	}
	enrolment := func(b *bench, id string) string {
		return b.get(V11, "/enrollments?limit=1&"+filtered("user.sourcedId='"+id+"'")).header.Get("X-Total-Count")
	}
	year1 := func(year int8) func(b *bench) string {
		return func(b *bench) string {
			for _, p := range b.w.Rolls()[0].People(world.Student) {
				if p.Year == year {
					return raw(b.get(V11, "/users/"+p.ID.String()), "user", "grades")
				}
			}
			return "no such year"
		}
	}
	checks := []check{
		{"booleans", user(V11, world.Student, 0, "enabledUser"), "true", `"true"`, false},
		{"refs-as-ids", func(b *bench) string {
			return fmt.Sprint(strings.HasPrefix(user(V11, world.Student, 0, "orgs")(b), `["`))
		}, "true", "false", false},
		{"relative-hrefs", href, "/orgs/ID", "ROOT/orgs/ID", false},
		{"tilde-hrefs", href, "~/ims/oneroster/v1p1/orgs/ID", "ROOT/orgs/ID", false},
		{"wrong-hrefs", href, "https://moved-years-ago.invalid/ims/oneroster/v1p1/orgs/ID", "ROOT/orgs/ID", false},
		{"empty-parent", orgField("parent"), "{}", "absent", false},
		{"dotted-filters-ignored", total("/schools?" + filtered("parent.sourcedId='x'")), "5", "0", false},
		{"dotted-filters-refused", status(V11, "/users?"+filtered("grades='07'")), "400", "200", false},
		{"filters-ignored", total("/schools?" + filtered("name='x'")), "5", "0", false},
		{"no-link", func(b *bench) string { return fmt.Sprint(b.get(V11, "/users").header.Get("Link") == "") }, "true", "false", false},
		{"no-total", func(b *bench) string { return fmt.Sprint(b.get(V11, "/users").header.Get("X-Total-Count") == "") }, "true", "false", false},
		{"no-envelope", func(b *bench) string { return fmt.Sprint(b.get(V11, "/orgs").json(b.t)["orgs"] == nil) }, "true", "false", false},
		{"no-tombstones", gone("status"), "404", `"tobedeleted"`, false},
		{"inactive-status", gone("status"), `"inactive"`, `"tobedeleted"`, false},
		{"custom-status", gone("status"), `"archived"`, `"tobedeleted"`, false},
		{"leavers-disabled", func(b *bench) string { return gone("status")(b) + gone("enabledUser")(b) }, `"active""false"`, `"tobedeleted""false"`, false},
		{"empty-username", user(V11, world.Staff, 0, "username"), `""`, "*", false},
		{"no-email", total("/users?" + filtered("email~'@'")), "0", "*", false},
		{"null-text", mail("email"), `"NULL"`, "absent", false},
		{"merged-users", func(b *bench) string {
			p, q, at := twice(b)
			both := b.get(V12, "/users/"+q.ID.String()).status
			roles, _ := json.Marshal(b.get(V12, "/users/"+p.Human().String()).json(b.t)["user"])
			return fmt.Sprint(both == 200, strings.Contains(string(roles), at[0]) && strings.Contains(string(roles), at[1]))
		}, "false true", "true false", false},
		{"dangling", func(b *bench) string { return unresolved(b) }, "[1 1 1]", "[0 0 0]", false},
		{"limit-cap=7", count("/users?limit=50", "users"), "7", "50", false},
		{"limit-cap", count("/users?limit=90", "users"), "50", "90", false},
		{"no-dates", user(V11, world.Student, 0, "dateLastModified"), "absent", "*", false},
		{"strict-dates", total("/academicSessions?" + filtered("startDate>'2026-09-01'")), "4", "2", false},
		{"overloaded", status(V11, "/users?limit=201"), "504", "200", false},
		{"secrets", user(V12, world.Student, 0, "password"), "*", "absent", false},
		{"null-lists", user(V11, world.Staff, 0, "grades"), "null", "[]", false},
		{"numeric-identifiers", func(b *bench) string { return fmt.Sprint(strings.HasPrefix(orgField("identifier")(b), `"`)) }, "false", "true", false},
		{"bare-errors", func(b *bench) string {
			return fmt.Sprint(strings.Contains(string(b.get(V11, "/nothing").body), "imsx_"))
		}, "false", "true", false},
		{"empty-204", status(V11, "/gradingPeriods"), "204", "200", false},
		{"sort-ignored", func(b *bench) string { return minor(b.t, b.get(V11, "/users?sort=familyName"), V11) }, "invalid_sort_field", "", false},
		{"sort-refused", status(V11, "/users?sort=familyName"), "400", "200", false},
		{"fields-ignored", func(b *bench) string {
			return fmt.Sprint(len(b.get(V11, "/users?fields=sourcedId&limit=1").rows(b.t, "users")[0]) > 1)
		}, "true", "false", false},
		{"no-relations", func(b *bench) string {
			return fmt.Sprint(b.get(V11, "/schools/"+b.w.Sites()[0].ID.String()+"/classes").status)
		}, "404", "200", false},
		{"v1p2-under-v1p1", func(b *bench) string {
			return fmt.Sprint(user(V11, world.Student, 0, "roles")(b) != "absent", b.get(V12, "/orgs").status)
		}, "true 404", "false 200", false},
		{"grades-kg", year1(0), `["TK"]`, `["R"]`, false},
		{"grades-kg", year1(1), `["KG"]`, `["01"]`, false},
		{"grades-kg", year1(2), `["01"]`, `["02"]`, false},
		{"grades-kg-reception", year1(0), `["KG"]`, `["R"]`, false},
		{"grades-plain", year1(3), `["3"]`, `["03"]`, false},
		{"houses-as-classes", total("/classes?" + filtered("title~'House '")), "21", "0", false},
		{"user-ids-master", func(b *bench) string {
			p, _, _ := twice(b)
			return strings.ReplaceAll(raw(b.get(V11, "/users/"+p.ID.String()), "user", "userIds"), p.Master.String(), "MASTER")
		}, `[{"type":"master","identifier":"MASTER"}]`, "[]", false},
		{"last-years-classes", total("/academicSessions"), "8", "4", false},
		{"subjects-of-courses", total("/classes?" + filtered("subjects='Mathematics'")), "0", "*", false},
		{"more-orgs", total("/orgs"), "12", "6", false},
		{"cool-down", func(b *bench) string {
			for range 4 {
				b.get(V11, "/orgs")
			}
			b.get(V11, "/orgs")
			a := b.get(V11, "/orgs")
			return fmt.Sprint(a.status, " ", a.header.Get("Retry-After"))
		}, "429 1", "200 ", false},
		{"stale-dates", func(b *bench) string {
			p := b.w.Rolls()[4].People(world.Staff)[0].ID
			if _, err := b.w.Marry(p); err != nil {
				b.t.Fatal(err)
			}
			return raw(b.get(V11, "/users/"+p.String()), "user", "dateLastModified")
		}, "*", `"2026-11-02T09:00:00.000Z"`, true},
		{"early-purge", func(b *bench) string {
			var id string
			for _, p := range b.w.Rolls()[4].People(world.Student) {
				if p.State(b.w.Today()) == world.Current && p.Registration != nil && id == "" {
					id = p.ID.String()
					if _, err := b.w.Leave(p.ID); err != nil {
						b.t.Fatal(err)
					}
				}
			}
			n := enrolment(b, id)
			b.w.Advance(25 * time.Hour)
			return fmt.Sprint(n != "0", enrolment(b, id) != "0")
		}, "true false", "true true", true},
		{"login", func(b *bench) string { return fmt.Sprint(b.send(http.MethodPost, b.url+"/oneroster/token", "").status) }, "404", "400", false},
	}
	plain := over(t, still())
	for _, c := range checks {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			on, off := "", ""
			if c.moves {
				on, off = c.show(setup(t, "mat-small", c.name)), c.show(setup(t, "mat-small"))
			} else {
				on, off = c.show(over(t, still(), c.name)), c.show(plain.with(t))
			}
			if c.on != "*" && on != c.on || c.off != "*" && off != c.off || on == off {
				t.Errorf("%s with it, %s without; want %s and %s", on, off, c.on, c.off)
			}
		})
	}
	for _, a := range Switches() {
		if !slices.ContainsFunc(checks, func(c check) bool { name, _, _ := strings.Cut(c.name, "="); return name == string(a.Switch) }) {
			t.Errorf("nothing checks %s", a.Switch)
		}
	}
	// Each number of the list of deviations has a switch.
	for n := 1; n <= 15; n++ {
		if !slices.ContainsFunc(Switches(), func(a About) bool { return a.Number == n }) {
			t.Errorf("number %d has no switch", n)
		}
	}
}

// raw is a field of a record as JSON has it.
func raw(a answer, key, field string) string {
	var whole map[string]map[string]json.RawMessage
	if err := json.Unmarshal(a.body, &whole); err != nil {
		return err.Error()
	}
	value, there := whole[key][field]
	if !there {
		return "absent"
	}
	return string(value)
}

// href is a reference's, with the server and the id taken out.
func href(b *bench) string {
	r := b.w.Rolls()[4]
	a := b.get(V11, "/users/"+r.People(world.Student)[0].ID.String())
	s := text(a.json(b.t), "user", "orgs", 0, "href")
	return strings.NewReplacer(b.url+root(V11), "ROOT", r.Site.ID.String(), "ID").Replace(s)
}

// unresolved counts the enrolments of unknown classes, users and schools.
func unresolved(b *bench) string {
	token, _ := b.school(0)
	known := map[string]bool{}
	for _, key := range []string{"orgs", "classes", "users"} {
		for _, row := range b.as(token, V11, "/"+key+"?limit=100000").rows(b.t, key) {
			known[text(row, "sourcedId")] = true
		}
	}
	var n [3]int
	for _, row := range b.as(token, V11, "/enrollments?limit=100000").rows(b.t, "enrollments") {
		for i, field := range []string{"class", "user", "school"} {
			if !known[text(row, field, "sourcedId")] {
				n[i]++
			}
		}
	}
	return fmt.Sprint(n)
}

func TestDeviationsCombine(t *testing.T) {
	t.Parallel()
	b := setup(t, "tiny", "booleans", "refs-as-ids", "no-link", "limit-cap=3", "no-dates", "null-lists")
	a := b.get(V11, "/users?limit=10")
	row := a.rows(t, "users")[0]
	if len(a.rows(t, "users")) != 3 || row["enabledUser"] != true || at(row, "orgs", 0) != b.w.Sites()[0].ID.String() || row["userIds"] != nil || a.header.Get("Link") != "" {
		t.Errorf("the first user is %v", row)
	}
	want := []string{"booleans", "refs-as-ids", "no-link", "limit-cap=3", "no-dates", "null-lists"}
	if got := b.s.Deviations(); !slices.Equal(got, want) {
		t.Errorf("on are %v", got)
	}
	for _, bad := range []string{"nonsense", "", "no-link=1", "limit-cap=0", "limit-cap=x"} {
		if err := b.s.Deviate(bad); err == nil {
			t.Errorf("%q was taken", bad)
		}
	}
	if got := b.s.Deviations(); !slices.Equal(got, want) {
		t.Errorf("a refused call left %v", got)
	}
}

// What a client that follows the headers gets is whole under every cap.
func TestCappedPagesAreWhole(t *testing.T) {
	t.Parallel()
	b := setup(t, "tiny", "limit-cap=7")
	rows := b.walk(b.token, V11, "/users?limit=1000", "users")
	ids := map[string]bool{}
	for _, row := range rows {
		ids[text(row, "sourcedId")] = true
	}
	if want := tally(b.w, b.w.Rolls()...)["users"]; len(rows) != want || len(ids) != want {
		t.Errorf("%d records with %d ids, want %d", len(rows), len(ids), want)
	}
}
