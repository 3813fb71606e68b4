package feed_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"simscim/connector/plan"
	"simscim/connector/target"
	"simscim/connector/target/feed"
	"simscim/internal/secret"
	"simscim/sandbox/okta"
	"simscim/scim"
)

// school is a feed that is filled by Apply and served.
type school struct {
	*feed.Feed
	handler http.Handler

	mu  sync.Mutex
	ids map[string]string
}

func serve(t testing.TB, o feed.Options) *school {
	t.Helper()
	s := &school{Feed: open(t, o), ids: map[string]string{}}
	var err error
	if s.handler, err = s.Handler(); err != nil {
		t.Fatal(err)
	}
	return s
}

func (s *school) lookup(key string) (string, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	id, ok := s.ids[key]
	return id, ok
}

func (s *school) apply(t testing.TB, changes ...plan.Change) {
	t.Helper()
	err := s.Apply(t.Context(), changes, s.lookup, func(o target.Outcome) error {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.ids[o.Change.Key] = o.RemoteID
		return o.Err
	})
	if err != nil {
		t.Error(err)
	}
}

// change is a later change to an object that is there.
func (s *school) change(action plan.Action, kind scim.Kind, key string, set ...plan.Field) plan.Change {
	id, _ := s.lookup(key)
	return plan.Change{Action: action, Kind: kind, Key: key, RemoteID: id, Set: set}
}

func pupil(n int) plan.Change {
	key := fmt.Sprintf("p-%04d", n)
	name := fmt.Sprintf("pupil%d@oakfield.example", n)
	return plan.Change{Action: plan.CreateUser, Kind: scim.User, Key: key, Label: name, After: scim.Attributes{
		{Path: "active", Value: true},
		{Path: "displayName", Value: fmt.Sprintf("Given%d Family%d", n, n)},
		{Path: "externalId", Value: key},
		{Path: "userName", Value: name},
		{Path: "name.givenName", Value: fmt.Sprintf("Given%d", n)},
		{Path: "name.familyName", Value: fmt.Sprintf("Family%d", n)},
		{Path: "password", Value: "Secret-Canary-9"},
		{Path: scim.MustPath(scim.EnterpriseURN + ":department"), Value: fmt.Sprintf("%d Blue", n%5+7)},
		{Path: scim.MustPath(`emails[type eq "work"].value`), Value: name},
		{Path: scim.MustPath(`emails[type eq "work"].primary`), Value: true},
	}.Sort()}
}

func pupils(from, to int) (all []plan.Change) {
	for n := from; n < to; n++ {
		all = append(all, pupil(n))
	}
	return all
}

func class(key string, members ...plan.Change) plan.Change {
	ch := plan.Change{Action: plan.CreateGroup, Kind: scim.Group, Key: key, After: scim.Attributes{
		{Path: "displayName", Value: "Class " + key}, {Path: "externalId", Value: key},
	}}
	for _, m := range members {
		ch.Add = append(ch.Add, m.Key)
	}
	return ch
}

type answer struct {
	status int
	header http.Header
	raw    string
	doc    map[string]any
}

// names are the user names in a list.
func (a answer) names() (names []string) {
	list, _ := a.doc["Resources"].([]any)
	for _, item := range list {
		m, _ := item.(map[string]any)
		name, _ := m["userName"].(string)
		names = append(names, strings.TrimSuffix(name, "@oakfield.example"))
	}
	return names
}

func (s *school) do(t testing.TB, method, path, body string, header ...string) answer {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), method, "https://feeds.example/feeds/okta"+path, strings.NewReader(body))
	r.Header.Set("Authorization", "Bearer "+token)
	for i := 0; i < len(header); i += 2 {
		if r.Header.Set(header[i], header[i+1]); header[i] == "RemoteAddr" {
			r.RemoteAddr = header[i+1]
		}
	}
	w := httptest.NewRecorder()
	s.handler.ServeHTTP(w, r)
	a := answer{status: w.Code, header: w.Header(), raw: w.Body.String()}
	if w.Body.Len() > 0 {
		if err := json.Unmarshal(w.Body.Bytes(), &a.doc); err != nil {
			t.Fatalf("%s %s: %v", method, path, err)
		}
	}
	return a
}

func (s *school) get(t testing.TB, path string, header ...string) answer {
	t.Helper()
	return s.do(t, "GET", path, "", header...)
}

func filtered(text string) string { return "/Users?filter=" + url.QueryEscape(text) }

// A test feed that is written to passes what Okta asks of every server.
func TestSpec(t *testing.T) {
	t.Parallel()
	o := options(t)
	o.Writable = true
	s := serve(t, o)
	s.apply(t, pupil(1))
	s.apply(t, class("7a", pupil(1)))
	web := httptest.NewServer(s.handler)
	t.Cleanup(web.Close)
	steps := okta.NewImporter(okta.ImporterOptions{Now: time.Now}).Spec(t.Context(), web.URL+"/feeds/okta", token, okta.SpecNames{})
	for _, step := range steps {
		for _, p := range step.Problems {
			t.Errorf("%s: %s", step.Name, p)
		}
	}
	if len(steps) != 15 {
		t.Errorf("%d steps, want 15", len(steps))
	}
}

// Okta imports what was applied, follows what changes, and is stopped by its safeguard.
func TestImport(t *testing.T) {
	t.Parallel()
	s := serve(t, options(t))
	all := pupils(0, 230)
	s.apply(t, all...)
	s.apply(t, class("7a", all[:120]...), class("7b", all[100:]...), class("empty"))
	web := httptest.NewServer(s.handler)
	t.Cleanup(web.Close)
	importer := okta.NewImporter(okta.ImporterOptions{})
	imported := func(want okta.Result) {
		t.Helper()
		got, err := importer.Import(t.Context(), web.URL+"/feeds/okta", token)
		if err != nil {
			t.Fatal(err)
		}
		got.Requests = 0
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
	}
	imported(okta.Result{Created: 230, Groups: 3, Memberships: 250})
	imported(okta.Result{Unchanged: 230, Groups: 3, Memberships: 250})

	s.apply(t, pupil(230), s.change(plan.SuspendUser, scim.User, "p-0001"), s.change(plan.DeleteUser, scim.User, "p-0110"),
		s.change(plan.UpdateUser, scim.User, "p-0002", plan.Field{Path: "name.familyName", After: "Newname"}))
	move := s.change(plan.UpdateMembers, scim.Group, "7a")
	move.Add, move.Remove = []string{"p-0230", "p-0150"}, []string{"p-0003"}
	s.apply(t, move, s.change(plan.DeleteGroup, scim.Group, "empty"))
	imported(okta.Result{Created: 1, Updated: 1, Deactivated: 1, Removed: 1, Unchanged: 227, Groups: 2, GroupsRemoved: 1, Memberships: 249})

	for n := range 60 {
		s.apply(t, s.change(plan.SuspendUser, scim.User, fmt.Sprintf("p-%04d", n)))
	}
	_, err := importer.Import(t.Context(), web.URL+"/feeds/okta", token)
	if _, ok := errors.AsType[*okta.SafeguardError](err); !ok {
		t.Errorf("the safeguard did not stop the import: %v", err)
	}
}

func TestReads(t *testing.T) {
	t.Parallel()
	o := options(t)
	now := time.Date(2026, 9, 1, 8, 0, 0, 0, time.UTC)
	o.Now = func() time.Time { return now }
	s := serve(t, o)
	for n := range 8 {
		s.apply(t, pupil(n))
		now = now.Add(time.Hour)
	}
	s.apply(t, class("7a", pupil(3)))
	s.apply(t, s.change(plan.SuspendUser, scim.User, "p-0002")) // at 16:00
	id, _ := s.lookup("p-0005")
	for query, want := range map[string]string{
		`userName eq "PUPIL5@OAKFIELD.EXAMPLE"`:                                       "pupil5",
		`userName eq "pupil"`:                                                         "",
		`externalId eq "p-0005"`:                                                      "pupil5",
		`externalId eq "P-0005"`:                                                      "",
		`displayName eq "given5 family5"`:                                             "pupil5",
		`id eq "` + id + `"`:                                                          "pupil5",
		`not (id eq "` + id + `") and userName sw "pupil"`:                            "pupil0 pupil1 pupil2 pupil3 pupil4 pupil6 pupil7",
		`name.familyName co "amily3" or externalId eq "p-0001"`:                       "pupil1 pupil3",
		`active eq false`:                                                             "pupil2",
		`emails[type eq "work"].value ew "4@oakfield.example"`:                        "pupil4",
		scim.EnterpriseURN + `:department eq "8 blue"`:                                "pupil1 pupil6",
		`meta.lastModified gt "2026-09-01T13:00:00Z"`:                                 "pupil2 pupil6 pupil7",
		`meta.lastModified ge "2026-09-01T13:00:00.0000000Z" and userName sw "pupil"`: "pupil2 pupil5 pupil6 pupil7",
		`meta.lastModified ge "2026-09-01T13:00:00.0000001Z"`:                         "pupil2 pupil6 pupil7",
		`meta.lastModified lt "2026-09-01T14:30:00+06:30"`:                            "",
		`meta.lastModified le "2026-09-01T14:30:00.0009+06:30"`:                       "pupil0",
		`meta.created eq "2026-09-01T10:00:00Z"`:                                      "pupil2",
		`active eq true and (meta.lastModified ge "0001-01-03T00:00:00.0000000Z" and meta.lastModified le "2026-09-01T09:30:00.0000000Z")`: "pupil0 pupil1",
		`meta.resourceType eq "User" and externalId eq "p-0001"`:                                                                           "pupil1",
		`nickName pr`: "",
		`displayName eq "x" or not (userName pr)`: "",
	} {
		a := s.get(t, filtered(query))
		if got := strings.Join(a.names(), " "); a.status != 200 || got != want || a.doc["totalResults"] != float64(len(a.names())) {
			t.Errorf("%s finds %q, want %q: %d %s", query, got, want, a.status, a.raw)
		}
	}
	for query, want := range map[string]string{
		"/Users?startIndex=0&count=2": "pupil0 pupil1",
		"/Users?startindex=7&COUNT=5": "pupil6 pupil7",
		"/Users?startIndex=9":         "",
		"/Users?startIndex=99999":     "",
		"/Users?count=0":              "",
		"/Users?sortBy=meta.lastModified&sortOrder=descending&count=3":     "pupil2 pupil7 pupil6",
		"/Users?sortBy=userName&sortOrder=descending&startIndex=3&count=2": "pupil5 pupil4",
		"/Users?sortBy=id&count=0":                                         "",
		"/Users?cursor=&count=20":                                          "pupil0 pupil1 pupil2 pupil3 pupil4 pupil5 pupil6 pupil7",
	} {
		a := s.get(t, query)
		if got := strings.Join(a.names(), " "); a.status != 200 || got != want || a.doc["totalResults"] != 8.0 {
			t.Errorf("%s shows %q, want %q: %s", query, got, want, a.raw)
		}
	}
	g := s.get(t, "/Groups?filter="+url.QueryEscape(`members.value eq "`+s.ids["p-0003"]+`"`)+"&attributes=members").doc["Resources"].([]any)
	if len(g) != 1 || fmt.Sprint(g[0].(map[string]any)["members"].([]any)[0].(map[string]any)["value"]) != s.ids["p-0003"] {
		t.Errorf("by member: %v", g)
	}
	if a := s.get(t, "/Groups?excludedAttributes=members"); strings.Contains(a.raw, "members") || !strings.Contains(a.raw, "Class 7a") {
		t.Errorf("members are not left out: %s", a.raw)
	}
	search := fmt.Sprintf(`{"schemas": [%q], "filter": "externalId eq \"p-0004\"", "attributes": ["userName"]}`, scim.SearchURN)
	if a := s.do(t, "POST", "/Users/.search", search); a.status != 200 || strings.Join(a.names(), "") != "pupil4" || strings.Contains(a.raw, "Family4") {
		t.Errorf("search: %s", a.raw)
	}
	one := s.get(t, "/Users/"+id)
	if one.status != 200 || strings.Contains(one.raw, "Canary") || one.doc["meta"].(map[string]any)["location"] != "https://feeds.example/feeds/okta/Users/"+id {
		t.Errorf("one user: %s", one.raw)
	}
	if again := s.get(t, "/Users/"+id, "If-None-Match", one.header.Get("ETag")); again.status != 304 {
		t.Errorf("an unchanged user is answered with %d", again.status)
	}
	for _, path := range []string{"/Schemas", "/ResourceTypes", "/ServiceProviderConfig"} {
		if a := s.get(t, path); a.status != 200 {
			t.Errorf("%s: %d", path, a.status)
		}
	}
}

// Pages by cursor, put together, are the list.
func TestCursor(t *testing.T) {
	t.Parallel()
	s := serve(t, options(t))
	s.apply(t, pupils(0, 25)...)
	var names []string
	for next, more := "", true; more; {
		a := s.get(t, "/Users?count=10&cursor="+url.QueryEscape(next))
		names = append(names, a.names()...)
		next, more = a.doc["nextCursor"].(string)
	}
	if len(names) != 25 || names[24] != "pupil24" {
		t.Errorf("by cursor there are %d: %v", len(names), names)
	}
}

func TestRefuses(t *testing.T) {
	t.Parallel()
	s := serve(t, options(t))
	s.apply(t, pupils(0, 3)...)
	id := s.ids["p-0001"]
	long := strings.Repeat("x", 5000)
	deep := strings.Repeat("(", 200) + "id pr" + strings.Repeat(")", 200)
	for name, test := range map[string]struct {
		method, path, body string
		header             []string
		status             int
	}{
		"create":         {"POST", "/Users", `{"userName": "x"}`, nil, 403},
		"replace":        {"PUT", "/Users/" + id, `{}`, nil, 403},
		"patch":          {"PATCH", "/Users/" + id, `{}`, nil, 403},
		"delete":         {"DELETE", "/Users/" + id, ``, nil, 403},
		"bulk":           {"POST", "/Bulk", `{}`, nil, 403},
		"nobody":         {"GET", "/Users/00919288221112222", ``, nil, 404},
		"other kind":     {"GET", "/Groups/" + id, ``, nil, 404},
		"no endpoint":    {"GET", "/Devices", ``, nil, 404},
		"no token":       {"GET", "/Users", ``, []string{"Authorization", ""}, 401},
		"other scheme":   {"GET", "/Users", ``, []string{"Authorization", "Basic " + token}, 401},
		"longer token":   {"GET", "/Users", ``, []string{"Authorization", "Bearer " + token + "x"}, 401},
		"shorter token":  {"GET", "/Users", ``, []string{"Authorization", "Bearer " + token[:20]}, 401},
		"write unsigned": {"POST", "/Users", `{}`, []string{"Authorization", "Bearer x"}, 401},
		"long query":     {"GET", "/Users?filter=" + strings.Repeat("x", 17<<10), ``, nil, 414},
		"long body":      {"POST", "/Users/.search", `{"filter": "` + strings.Repeat("x", 70<<10) + `"}`, nil, 413},
		"long filter":    {"GET", filtered(`userName eq "` + long + `"`), ``, nil, 400},
		"deep filter":    {"GET", filtered(deep), ``, nil, 400},
		"no filter":      {"GET", filtered(`userName`), ``, nil, 400},
		"injection":      {"GET", filtered(`id eq "x" OR 1=1; DROP TABLE resource`), ``, nil, 400},
		"odd operator":   {"GET", filtered(`meta.lastModified is "2026-09-01T08:00:00Z"`), ``, nil, 400},
		"password":       {"GET", filtered(`password sw "S"`), ``, nil, 403},
		"odd count":      {"GET", "/Users?count=x", ``, nil, 400},
		"stale cursor":   {"GET", "/Users?cursor=nonsense", ``, nil, 400},
	} {
		a := s.do(t, test.method, test.path, test.body, append(test.header, "RemoteAddr", fmt.Sprintf("[2001:db8:0:%x::1]:1", len(name)*1000+len(test.path)))...)
		if a.status != test.status || a.doc["status"] != fmt.Sprint(test.status) || a.doc["detail"] == "" {
			t.Errorf("%s: %d, want %d: %s", name, a.status, test.status, a.raw)
		}
	}
	for _, query := range []string{
		`userName eq "'; DROP TABLE resource; --"`, `id eq "\u0000"`, `meta.lastModified gt "not a time, but 20 bytes"`, `meta.lastModified pr`,
		`displayName co ""`, `externalId eq ""`, `externalId eq null`, `userName gt "a"`, `id co "-"`, `members.value eq "x"`, `groups.value eq "x"`,
		`urn:x:y:z eq "1"`, `emails[value co "("]`, `meta.lastModified gt "9999-12-31T23:59:59.9999999Z"`, `active eq "True"`, `name eq 7`,
	} {
		if a := s.get(t, filtered(query)); a.status != 200 {
			t.Errorf("%s: %d %s", query, a.status, a.raw)
		}
	}
	if n, _, err := s.Count(t.Context(), scim.User); n != 3 || err != nil {
		t.Errorf("%d users are left: %v", n, err)
	}
}

// Whoever fails too often waits, also with the right token; others do not.
func TestFailuresAreSlowed(t *testing.T) {
	t.Parallel()
	o := options(t)
	now := time.Date(2026, 9, 1, 8, 0, 0, 0, time.UTC)
	o.Now = func() time.Time { return now }
	s := serve(t, o)
	try := func(token, from string) int {
		return s.get(t, "/Users", "Authorization", "Bearer "+token, "RemoteAddr", from).status
	}
	for range 10 {
		if got := try("guess", "192.0.2.1:1000"); got != 401 {
			t.Fatalf("a failure is answered with %d", got)
		}
	}
	for _, with := range []string{"guess", token} {
		if got := try(with, "192.0.2.1:2000"); got != 429 {
			t.Errorf("after ten failures: %d", got)
		}
	}
	if a := s.get(t, "/Users", "RemoteAddr", "192.0.2.1:3000"); a.header.Get("Retry-After") != "3" {
		t.Errorf("Retry-After is %q", a.header.Get("Retry-After"))
	}
	if got := try(token, "192.0.2.2:1000"); got != 200 {
		t.Errorf("another address: %d", got)
	}
	if got := try("an older token, still good", "192.0.2.2:1000"); got != 200 {
		t.Errorf("the older token: %d", got)
	}
	now = now.Add(3 * time.Second)
	if got := try(token, "192.0.2.1:1000"); got != 200 {
		t.Errorf("after the wait: %d", got)
	}
	for n := range 10 { // one machine, many addresses
		try("guess", fmt.Sprintf("[2001:db8::%x]:1", n))
	}
	if got := try("guess", "[2001:db8::ffff]:1"); got != 429 {
		t.Errorf("another address of the same network: %d", got)
	}
	for n := range 9000 { // what is remembered is bounded; the first is forgotten or not
		try("guess", fmt.Sprintf("10.%d.%d.1:1", n/250, n%250))
	}
}

func TestHandlerRefusesToStart(t *testing.T) {
	t.Parallel()
	for name, bend := range map[string]func(*feed.Options){
		"no token":    func(o *feed.Options) { o.Tokens = nil },
		"short token": func(o *feed.Options) { o.Tokens = []secret.Value{secret.New("short")} },
		"underscore":  func(o *feed.Options) { o.BasePath = "/feeds/our_school" },
		"no slash":    func(o *feed.Options) { o.BasePath = "feeds" },
	} {
		o := options(t)
		bend(&o)
		if _, err := open(t, o).Handler(); err == nil || !strings.HasPrefix(err.Error(), "feed okta: ") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// What fails inside is told to the operator and not to the reader.
func TestInternalErrors(t *testing.T) {
	t.Parallel()
	o := options(t)
	var told []error
	o.Report = func(err error) { told = append(told, err) }
	s := serve(t, o)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if a := s.get(t, "/Users"); a.status != 500 || len(told) != 1 || strings.Contains(a.raw, "closed") {
		t.Errorf("%d %s, told %v", a.status, a.raw, told)
	}
}
