package okta_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"simscim/sandbox/okta"
)

func TestSessionStates(t *testing.T) {
	t.Parallel()
	ann := users(person("a", "ann"))
	tests := map[string]func(t *testing.T, b *bench, s string){
		"one at a time": func(t *testing.T, b *bench, s string) {
			b.refused(t, 400, "E0000001", "POST", "/sessions", "")
			b.must(t, 202, "POST", s+"/bulk-upsert", ann)
			b.wait(okta.NewSessionAfter)
			b.refused(t, 400, "E0000001", "POST", "/sessions", "")
		},
		"without data it cannot start": func(t *testing.T, b *bench, s string) {
			b.refused(t, 400, "E0000001", "POST", s+"/start-import", "")
			b.is(t, s, okta.Created)
		},
		"unknown ids are no data": func(t *testing.T, b *bench, s string) {
			b.must(t, 202, "POST", s+"/bulk-delete", idsToDelete("nobody"))
			b.must(t, 202, "POST", s+"/bulk-groups-delete", `{"externalIds": ["nothing"]}`)
			b.is(t, s, okta.Created)
			b.refused(t, 400, "E0000001", "POST", s+"/start-import", "")
		},
		"a refused load is no data": func(t *testing.T, b *bench, s string) {
			b.refused(t, 400, "E0000001", "POST", s+"/bulk-upsert", users())
			b.is(t, s, okta.Created)
		},
		"started once": func(t *testing.T, b *bench, s string) {
			b.must(t, 202, "POST", s+"/bulk-upsert", ann)
			b.must(t, 200, "POST", s+"/start-import", "")
			b.refused(t, 400, "E0000001", "POST", s+"/start-import", "")
			b.refused(t, 400, "E0000001", "POST", s+"/bulk-upsert", ann)
			b.refused(t, 400, "E0000001", "DELETE", s, "")
			b.wait(time.Hour)
			b.refused(t, 400, "E0000001", "POST", s+"/bulk-upsert", ann)
		},
		"five minutes between imports": func(t *testing.T, b *bench, s string) {
			b.must(t, 202, "POST", s+"/bulk-upsert", ann)
			b.wait(time.Hour)
			b.must(t, 200, "POST", s+"/start-import", "")
			b.wait(okta.NewSessionAfter - time.Second)
			b.is(t, s, okta.Completed)
			b.refused(t, 400, "E0000001", "POST", "/sessions", "")
			b.wait(time.Second)
			b.open(t)
		},
		"cancelled, another may follow at once": func(t *testing.T, b *bench, s string) {
			b.must(t, 202, "POST", s+"/bulk-upsert", ann)
			b.must(t, 204, "DELETE", s, "")
			b.is(t, s, okta.Closed)
			b.refused(t, 400, "E0000001", "DELETE", s, "")
			b.load(t, "bulk-upsert", users(person("b", "bob")))
			if got := b.snapshot().Users; len(got) != 1 {
				t.Errorf("data of a cancelled session was imported: %v", got)
			}
		},
		"requests keep it alive, idle it expires": func(t *testing.T, b *bench, s string) {
			b.wait(okta.IdleLimit - time.Second)
			b.must(t, 202, "POST", s+"/bulk-upsert", ann)
			b.wait(okta.IdleLimit - time.Second)
			b.is(t, s, okta.InProgress)
			b.wait(okta.IdleLimit)
			b.is(t, s, okta.Expired)
			b.refused(t, 400, "E0000001", "POST", s+"/start-import", "")
			b.open(t)
		},
		"fifty loads": func(t *testing.T, b *bench, s string) {
			for i := range okta.MaxLoads {
				b.must(t, 202, "POST", s+"/bulk-upsert", users(person(fmt.Sprint(i), fmt.Sprint("user", i))))
			}
			b.refused(t, 400, "E0000001", "POST", s+"/bulk-upsert", ann)
			b.must(t, 200, "POST", s+"/start-import", "")
			b.org.Settle()
			if got := b.snapshot(); len(got.Users) != okta.MaxLoads || got.Sessions[0] != (okta.Session{ID: got.Sessions[0].ID, Status: okta.Completed, Loads: okta.MaxLoads}) {
				t.Errorf("got %d users, %v", len(got.Users), got.Sessions)
			}
		},
		"an import that goes wrong": func(t *testing.T, b *bench, s string) {
			b.org.SetFaults(okta.Faults{ImportError: 1})
			b.must(t, 202, "POST", s+"/bulk-upsert", ann)
			b.must(t, 200, "POST", s+"/start-import", "")
			b.wait(time.Hour)
			b.is(t, s, okta.Failed)
			if got := b.snapshot().Users; len(got) != 0 {
				t.Errorf("it was imported all the same: %v", got)
			}
		},
		"unknown session": func(t *testing.T, b *bench, _ string) {
			for _, path := range []string{"/sessions/none", "/sessions/none/", "/elsewhere"} {
				b.refused(t, 404, "E0000007", "GET", path, "")
			}
			b.refused(t, 404, "E0000007", "POST", "/sessions/none/bulk-upsert", ann)
			b.refused(t, 404, "E0000007", "DELETE", "/sessions/none", "")
			b.refused(t, 404, "E0000007", "POST", "/sessions/none/start-import", "")
		},
		"methods that are not there": func(t *testing.T, b *bench, s string) {
			b.refused(t, 405, "E0000022", "PUT", s, "")
			b.refused(t, 405, "E0000022", "GET", s+"/start-import", "")
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t, nil)
			test(t, b, b.open(t))
		})
	}
}

// Sessions of one source are worked off one after another; the list has those that are
// not done.
func TestImportsQueue(t *testing.T) {
	t.Parallel()
	b := setup(t, func(o *okta.Options) { o.ImportTakes = 10 * time.Minute })
	var sessions []string
	for i := range 3 {
		s := b.open(t)
		b.must(t, 202, "POST", s+"/bulk-upsert", users(person(fmt.Sprint(i), fmt.Sprint("user", i))))
		b.must(t, 200, "POST", s+"/start-import", "")
		sessions = append(sessions, s)
		b.wait(okta.NewSessionAfter)
	}
	// 15 minutes on, the first is done since 10, the second will be at 20, the third at 30.
	count := func() []int {
		list := b.must(t, 200, "GET", "/sessions", "").text
		return []int{strings.Count(list, okta.Triggered), len(b.snapshot().Users)}
	}
	var got [][]int
	for range 4 {
		got = append(got, count())
		b.wait(5 * time.Minute)
	}
	if diff := cmp.Diff([][]int{{2, 1}, {1, 2}, {1, 2}, {0, 3}}, got); diff != "" {
		t.Error(diff)
	}
	b.is(t, sessions[2], okta.Completed)
}

func TestBadLoads(t *testing.T) {
	t.Parallel()
	long := func(n int) string { return strings.Repeat("é", n) }
	field := func(name, value string) string {
		return users(fmt.Sprintf(`{"externalId": "a", "profile": {%q: %s}}`, name, value))
	}
	group := func(name, value string) string {
		return fmt.Sprintf(`{"profiles": [{"externalId": "g", "profile": {%q: %s}}]}`, name, value)
	}
	var many []string
	for i := range okta.MaxEntities + 1 {
		many = append(many, fmt.Sprint(i))
	}
	var people []string
	for _, id := range many {
		people = append(people, person(id, "user"+id))
	}
	quoted := `"` + strings.Join(many, `","`) + `"`
	const upsert, remove, groupsUp, groupsDown, join, leave = "bulk-upsert", "bulk-delete", "bulk-groups-upsert", "bulk-groups-delete", "bulk-group-memberships-upsert", "bulk-group-memberships-delete"
	tests := []struct {
		name, path, body string
		code             string // empty is fine
	}{
		{"no JSON", upsert, `{"entityType"`, "E0000003"},
		{"no body", upsert, "", "E0000003"},
		{"a list", upsert, `[]`, "E0000003"},
		{"profiles of the wrong kind", upsert, `{"entityType": "USERS", "profiles": {}}`, "E0000003"},
		{"no entity type", upsert, `{"profiles": [` + person("a", "ann") + `]}`, "E0000001"},
		{"groups as users", upsert, `{"entityType": "GROUPS", "profiles": [` + person("a", "ann") + `]}`, "E0000001"},
		{"nobody", upsert, users(), "E0000001"},
		{"null", upsert, `{"entityType": "USERS", "profiles": [null]}`, "E0000001"},
		{"two hundred", upsert, users(people[1:]...), ""},
		{"one more", upsert, users(people...), "E0000001"},
		{"one more to delete", remove, idsToDelete(many...), "E0000001"},
		{"one more group", groupsUp, groups(many...), "E0000001"},
		{"one more group to delete", groupsDown, `{"externalIds": [` + quoted + `]}`, "E0000001"},
		{"many members of one group", join, members("g", many...), ""},
		{"too many bytes", upsert, users(person("a", "ann")) + strings.Repeat(" ", okta.MaxLoadBytes), "E0000001"},
		{"very many bytes", upsert, users(person("a", "ann")) + strings.Repeat(" ", 2<<20), "E0000001"},
		{"no id", upsert, users(person("", "ann")), "E0000001"},
		{"longest id", upsert, users(person(long(512), "ann")), ""},
		{"id too long", upsert, users(person(long(513), "ann")), "E0000001"},
		{"id to delete too long", remove, idsToDelete(long(513)), "E0000001"},
		{"no profile", upsert, users(`{"externalId": "a"}`), "E0000001"},
		{"longest user name", upsert, field("userName", `"`+long(100)+`"`), ""},
		{"user name too long", upsert, field("userName", `"`+long(101)+`"`), "E0000001"},
		{"shortest email", upsert, field("email", `"a@b.c"`), ""},
		{"email too short", upsert, field("email", `"a@b."`), "E0000001"},
		{"first name too long", upsert, field("firstName", `"`+long(51)+`"`), "E0000001"},
		{"empty last name", upsert, field("lastName", `""`), "E0000001"},
		{"null last name", upsert, field("lastName", `null`), "E0000001"},
		{"null address", upsert, field("homeAddress", `null`), ""},
		{"mobile too long", upsert, field("mobilePhone", `"`+long(101)+`"`), "E0000001"},
		{"address too long", upsert, field("homeAddress", `"`+long(4097)+`"`), "E0000001"},
		{"own attribute", upsert, field("yearGroup", `"7"`), ""},
		{"own attribute that is a number", upsert, field("yearGroup", `7`), "E0000001"},
		{"own attribute that is a list", upsert, field("yearGroup", `["7"]`), "E0000001"},
		{"longest group name", groupsUp, group("displayName", `"`+long(255)+`"`), ""},
		{"group name too long", groupsUp, group("displayName", `"`+long(256)+`"`), "E0000001"},
		{"empty group name", groupsUp, group("displayName", `""`), "E0000001"},
		{"description too long", groupsUp, group("description", `"`+long(1025)+`"`), "E0000001"},
		{"group id too long", groupsUp, groups(strings.Repeat("g", 256)), "E0000001"},
		{"no groups", groupsUp, `{}`, "E0000001"},
		{"no groups to delete", groupsDown, `{"externalIds": []}`, "E0000001"},
		{"empty group id", groupsDown, `{"externalIds": [""]}`, "E0000001"},
		{"no memberships", join, `{"memberships": []}`, "E0000001"},
		{"no members", leave, `{"memberships": [{"groupExternalId": "g", "memberExternalIds": []}]}`, "E0000001"},
		{"no group", leave, members("", "a"), "E0000001"},
		{"member id too long", join, members("g", long(256)), "E0000001"},
		{"unknown kind of load", "bulk-devices-upsert", users(person("a", "ann")), "E0000007"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			b := setup(t, nil)
			path := b.open(t) + "/" + test.path
			a := b.do(t, "POST", path, test.body)
			if test.code == "" && a.status != 202 || test.code != "" && a.body["errorCode"] != test.code {
				t.Errorf("got %d %.300s, want %q", a.status, a.text, test.code)
			}
			if strings.Contains(a.text, "yearGroup") || strings.Contains(a.text, "ééé") {
				t.Errorf("the error repeats what was sent: %.300s", a.text)
			}
		})
	}
}

func FuzzLoad(f *testing.F) {
	for _, body := range []string{users(person("a", "ann")), groups("g"), members("g", "a"), `{"externalIds": ["g"]}`, idsToDelete("a")} {
		f.Add(body)
	}
	f.Fuzz(func(t *testing.T, body string) {
		b := setup(t, nil)
		b.load(t, "bulk-upsert", users(person("a", "ann")), "bulk-groups-upsert", groups("g"))
		s := b.open(t)
		for _, kind := range []string{"bulk-upsert", "bulk-delete", "bulk-groups-upsert", "bulk-groups-delete", "bulk-group-memberships-upsert", "bulk-group-memberships-delete"} {
			if a := b.do(t, "POST", s+"/"+kind, body); a.status != 202 && a.status != 400 {
				t.Errorf("%s: got %d", kind, a.status)
			}
		}
		b.do(t, "POST", s+"/start-import", "")
		b.org.Settle()
		if got := b.snapshot(); len(got.Users) == 0 || got.Users[0].ExternalID == "" {
			t.Errorf("users: %v", got.Users)
		}
	})
}
