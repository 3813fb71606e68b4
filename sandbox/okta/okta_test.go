package okta_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"simscim/sandbox/okta"
)

// bench is an organisation behind a server, with a clock that tests move.
type bench struct {
	org  *okta.Org
	url  string
	api  string
	auth string
	now  atomic.Int64
}

func (b *bench) clock() time.Time { return time.Unix(b.now.Load(), 0).UTC() }

func (b *bench) wait(d time.Duration) { b.now.Add(int64(d / time.Second)) }

func setup(t testing.TB, change func(*okta.Options)) *bench {
	t.Helper()
	b := &bench{}
	b.now.Store(time.Date(2026, 9, 1, 2, 0, 0, 0, time.UTC).Unix())
	o := okta.Options{Seed: 7, Now: b.clock, ImportTakes: time.Minute}
	if change != nil {
		change(&o)
	}
	b.org = okta.New(o)
	// It is mounted below a path, as in the sandbox.
	s := httptest.NewServer(http.StripPrefix("/okta", b.org.Handler()))
	t.Cleanup(s.Close)
	b.url, b.auth = s.URL+"/okta", "SSWS "+b.org.Token()
	b.api = b.url + "/api/v1/identity-sources/" + b.org.Sources()[0]
	return b
}

type answer struct {
	status int
	header http.Header
	text   string
	body   map[string]any
}

func (b *bench) do(t testing.TB, method, path, body string) answer {
	t.Helper()
	a, err := b.try(t, method, path, body)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func (b *bench) try(t testing.TB, method, path, body string) (answer, error) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, b.api+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", b.auth)
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		return answer{}, err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	a := answer{status: resp.StatusCode, header: resp.Header, text: string(text)}
	_ = json.Unmarshal(text, &a.body) // lists are looked at as text
	return a, err
}

func (b *bench) must(t testing.TB, status int, method, path, body string) answer {
	t.Helper()
	a := b.do(t, method, path, body)
	if a.status != status {
		t.Fatalf("%s %s: got %d, want %d: %s", method, path, a.status, status, a.text)
	}
	return a
}

// refused is must for errors, whose code it compares.
func (b *bench) refused(t testing.TB, status int, code, method, path, body string) {
	t.Helper()
	a := b.must(t, status, method, path, body)
	if a.body["errorCode"] != code || a.body["errorSummary"] == "" || a.body["errorId"] == "" || a.body["errorCauses"] == nil {
		t.Errorf("%s %s: want an error %s: %s", method, path, code, a.text)
	}
}

// open makes a session and returns its path.
func (b *bench) open(t testing.TB) string {
	t.Helper()
	id, _ := b.must(t, 200, "POST", "/sessions", "").body["id"].(string)
	return "/sessions/" + id
}

func (b *bench) is(t testing.TB, session, status string) {
	t.Helper()
	if got := b.must(t, 200, "GET", session, "").body["status"]; got != status {
		t.Errorf("the session is %v, want %s", got, status)
	}
}

// load brings data in by a session of its own, and is done when that is.
func (b *bench) load(t testing.TB, loads ...string) {
	t.Helper()
	s := b.open(t)
	for i := 0; i < len(loads); i += 2 {
		b.must(t, 202, "POST", s+"/"+loads[i], loads[i+1])
	}
	b.must(t, 200, "POST", s+"/start-import", "")
	b.org.Settle()
	b.wait(okta.NewSessionAfter)
}

func (b *bench) snapshot() okta.Snapshot { return b.org.Snapshot(b.org.Sources()[0]) }

func person(id, name string) string {
	return fmt.Sprintf(`{"externalId": %q, "profile": {"userName": %q, "email": %q, "firstName": "Ann", "lastName": "Lee"}}`, id, name, name+"@school.test")
}

func users(people ...string) string {
	return `{"entityType": "USERS", "profiles": [` + strings.Join(people, ",") + `]}`
}

func idsToDelete(ids ...string) string {
	var out []string
	for _, id := range ids {
		out = append(out, fmt.Sprintf(`{"externalId": %q}`, id))
	}
	return users(out...)
}

func groups(ids ...string) string {
	var out []string
	for _, id := range ids {
		out = append(out, fmt.Sprintf(`{"externalId": %q, "profile": {"displayName": "Group %s"}}`, id, id))
	}
	return `{"profiles": [` + strings.Join(out, ",") + `]}`
}

func members(group string, ids ...string) string {
	return fmt.Sprintf(`{"memberships": [{"groupExternalId": %q, "memberExternalIds": ["%s"]}]}`, group, strings.Join(ids, `","`))
}

func TestImport(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	s := b.open(t)
	b.is(t, s, okta.Created)
	b.must(t, 202, "POST", s+"/bulk-upsert", users(person("a", "ann"), person("b", "bob"), person("c", "cid")))
	b.is(t, s, okta.InProgress)
	b.must(t, 202, "POST", s+"/bulk-groups-upsert", groups("g", "h"))
	b.must(t, 202, "POST", s+"/bulk-group-memberships-upsert", members("g", "a", "b", "nobody"))
	b.must(t, 202, "POST", s+"/bulk-group-memberships-upsert", members("no group", "a"))
	started := b.must(t, 200, "POST", s+"/start-import", "")
	if started.body["status"] != okta.Triggered || started.body["importType"] != "INCREMENTAL" || started.body["identitySourceId"] != b.org.Sources()[0] {
		t.Errorf("started: %s", started.text)
	}
	if got := b.snapshot(); len(got.Users) != 0 {
		t.Error("the import was done before its time")
	}
	b.wait(time.Minute)
	b.is(t, s, okta.Completed)
	got := b.snapshot()
	if len(got.Users) != 3 || got.Users[0].Status != okta.Active || got.Users[0].Profile["userName"] != "ann" {
		t.Errorf("users: %v", got.Users)
	}
	if len(got.Groups) != 2 || got.Groups[0].Type != okta.AppGroup || !cmp.Equal(got.Groups[0].Members, []string{"a", "b"}) {
		t.Errorf("groups: %v", got.Groups)
	}

	b.wait(okta.NewSessionAfter)
	b.load(t, "bulk-delete", idsToDelete("b", "nobody"), "bulk-group-memberships-delete", members("g", "a"), "bulk-groups-delete", `{"externalIds": ["h", "nothing"]}`)
	got = b.snapshot()
	if len(got.Users) != 3 || got.Users[1].Status != okta.Deprovisioned || len(got.Groups) != 1 || !cmp.Equal(got.Groups[0].Members, []string{"b"}) {
		t.Errorf("after deletion: %v %v", got.Users, got.Groups)
	}
	b.refused(t, 404, "E0000007", "GET", "/users/b", "")
	b.load(t, "bulk-upsert", users(`{"externalId": "b", "profile": {"lastName": "New", "homeAddress": null}}`))
	if got := b.snapshot().Users[1]; got.Status != okta.Active || got.Profile["lastName"] != "New" || got.Profile["userName"] != "bob" {
		t.Errorf("brought back: %v", got)
	}
	want := okta.Requests{Sessions: 3, Loads: 8, Imports: 3, Polls: 3, Reads: 1}
	if diff := cmp.Diff(want, b.org.Requests()); diff != "" {
		t.Error(diff)
	}
}

// What speaks against a record is not told to who sent it.
func TestImportLeavesOut(t *testing.T) {
	t.Parallel()
	b := setup(t, func(o *okta.Options) { o.Sources = []string{"one", "two"} })
	two := b.url + "/api/v1/identity-sources/two"
	b.load(t, "bulk-upsert", users(person("a", "ann"), person("b", "ANN"), `{"externalId": "c", "profile": {"userName": "cid"}}`),
		"bulk-groups-upsert", `{"profiles": [{"externalId": "g", "profile": {"description": "x"}}]}`)
	b.api = two
	b.load(t, "bulk-upsert", users(person("z", "Ann")))
	want := []okta.Failure{{ExternalID: "b", Reason: "another user has the user name"}, {ExternalID: "c", Reason: "email is missing"}, {ExternalID: "g", Reason: "displayName is missing"}}
	got := b.snapshot()
	if diff := cmp.Diff(want, got.Failures); diff != "" || len(got.Users) != 1 || len(got.Groups) != 0 {
		t.Error(diff, got.Users, got.Groups)
	}
	if got := b.org.Snapshot("two"); len(got.Users) != 0 || len(got.Failures) != 1 {
		t.Errorf("a user name was given twice: %v", got)
	}
}
