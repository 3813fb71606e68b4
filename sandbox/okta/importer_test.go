package okta_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"simscim/internal/secret"
	"simscim/sandbox/okta"
	"simscim/scim"
	"simscim/scim/server"
	"simscim/scim/server/memstore"
)

// school is a SCIM server that is imported from. bend, if it is set, changes the
// documents that it answers with; block answers in its place.
type school struct {
	scim  http.Handler
	url   string
	bend  func(r *http.Request, doc map[string]any)
	block func(w http.ResponseWriter, r *http.Request) bool

	mu       sync.Mutex
	requests []string
}

const feedToken = "let-me-in"

func newSchool(t testing.TB) *school {
	t.Helper()
	var ids, ticks atomic.Int64
	h, err := server.New(memstore.New(memstore.Options{Now: time.Now}), server.Options{
		BasePath: "/scim/v2", Tokens: []secret.Value{secret.New(feedToken)}, FreeExtensions: true,
		Now:   func() time.Time { return time.Unix(1_790_000_000+ticks.Add(1), 0) },
		NewID: func() string { return fmt.Sprintf("id-%05d", ids.Add(1)) },
	})
	if err != nil {
		t.Fatal(err)
	}
	s := &school{scim: h}
	web := httptest.NewServer(s)
	t.Cleanup(web.Close)
	s.url = web.URL + "/scim/v2"
	return s
}

func (s *school) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.requests = append(s.requests, r.Header.Get("User-Agent")+" "+r.Method+" "+r.URL.RequestURI())
	if s.block != nil && s.block(w, r) {
		return
	}
	if s.bend == nil {
		s.scim.ServeHTTP(w, r)
		return
	}
	held := httptest.NewRecorder()
	s.scim.ServeHTTP(held, r)
	var doc map[string]any
	if json.Unmarshal(held.Body.Bytes(), &doc) == nil {
		s.bend(r, doc)
	}
	w.WriteHeader(held.Code)
	_ = json.NewEncoder(w).Encode(doc)
}

// write sends a write of the school's own, past what is bent.
func (s *school) write(t testing.TB, method, path, body string) string {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), method, "http://school.test/scim/v2"+path, strings.NewReader(body))
	r.Header.Set("Authorization", "Bearer "+feedToken)
	r.Header.Set("Content-Type", scim.MediaType)
	w := httptest.NewRecorder()
	s.scim.ServeHTTP(w, r)
	if w.Code >= 300 {
		t.Fatalf("%s %s: %d %s", method, path, w.Code, w.Body)
	}
	var doc struct{ ID string }
	_ = json.Unmarshal(w.Body.Bytes(), &doc) // a deletion has no body
	return doc.ID
}

func (s *school) user(t testing.TB, name string) string {
	t.Helper()
	return s.write(t, "POST", "/Users", fmt.Sprintf(`{"schemas": [%q], "userName": %q, "active": true, "name": {"givenName": "Ann", "familyName": "Lee"},
		"emails": [{"value": "%s@school.test", "primary": true}]}`, scim.UserURN, name, name))
}

func (s *school) users(t testing.TB, n int) []string {
	t.Helper()
	var ids []string
	for i := range n {
		ids = append(ids, s.user(t, fmt.Sprintf("user%d", i)))
	}
	return ids
}

func (s *school) group(t testing.TB, name string, members ...string) string {
	t.Helper()
	var list []string
	for _, m := range members {
		list = append(list, fmt.Sprintf(`{"value": %q}`, m))
	}
	return s.write(t, "POST", "/Groups", fmt.Sprintf(`{"schemas": [%q], "displayName": %q, "members": [%s]}`, scim.GroupURN, name, strings.Join(list, ",")))
}

func (s *school) patch(t testing.TB, id, value string) {
	t.Helper()
	s.write(t, "PATCH", "/Users/"+id, fmt.Sprintf(`{"schemas": [%q], "Operations": [{"op": "replace", "value": %s}]}`, scim.PatchOpURN, value))
}

func (s *school) imported(t testing.TB, app *okta.Importer, want okta.Result) {
	t.Helper()
	got, err := app.Import(t.Context(), s.url, feedToken)
	if err != nil {
		t.Fatal(err)
	}
	want.Requests = got.Requests
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestImporter(t *testing.T) {
	t.Parallel()
	s := newSchool(t)
	ids := s.users(t, 205)
	group := s.group(t, "Year 7", ids[0], ids[204])
	s.group(t, "Empty")
	app := okta.NewImporter(okta.ImporterOptions{Users: []string{"USER3"}})
	s.imported(t, app, okta.Result{Created: 204, Matched: 1, Groups: 2, Memberships: 2})
	const agent = "Okta SCIM Client 1.0.0 GET /scim/v2"
	walk := []string{agent + "/Users?startIndex=1&count=100", agent + "/Users?startIndex=101&count=100", agent + "/Users?startIndex=201&count=100"}
	want := append([]string{agent + "/Users?startIndex=1&count=2"}, append(walk, walk...)...)
	want = append(want,
		agent+"/Users?filter=userName+eq+%22nobody.imports.this%40example.invalid%22&startIndex=1&count=100",
		agent+"/Users?filter=userName+eq+%22user0%22&startIndex=1&count=100", agent+"/Users/"+ids[0],
		agent+"/Groups?startIndex=1&count=100", agent+"/Groups?startIndex=1&count=100",
		agent+"/Groups?filter=displayName+eq+%22Year+7%22&startIndex=1&count=100", agent+"/Groups/"+group)
	if diff := cmp.Diff(want, s.requests); diff != "" {
		t.Error(diff)
	}
	s.imported(t, app, okta.Result{Unchanged: 205, Groups: 2, Memberships: 2})

	s.patch(t, ids[1], `{"active": false}`)
	s.patch(t, ids[2], `{"title": "7B"}`)
	s.write(t, "DELETE", "/Users/"+ids[204], "")
	s.write(t, "DELETE", "/Groups/"+group, "")
	s.imported(t, app, okta.Result{Deactivated: 1, Updated: 1, Removed: 1, Unchanged: 202, Groups: 1, GroupsRemoved: 1})
	s.patch(t, ids[1], `{"active": true}`)
	s.imported(t, app, okta.Result{Reactivated: 1, Unchanged: 203, Groups: 1})
	got := app.Snapshot()
	if len(got.Users) != 204 || got.Users[1].Status != okta.Active || got.Users[0].Profile["email"] != "user0@school.test" || got.Groups[0].Type != okta.AppGroup {
		t.Errorf("%d users, %v, %v", len(got.Users), got.Users[:2], got.Groups)
	}
}

func TestSafeguard(t *testing.T) {
	t.Parallel()
	s := newSchool(t)
	ids := s.users(t, 110)
	app := okta.NewImporter(okta.ImporterOptions{})
	s.imported(t, app, okta.Result{Created: 110})
	for _, id := range ids[:11] {
		s.write(t, "DELETE", "/Users/"+id, "")
	}
	for _, id := range ids[11:22] {
		s.patch(t, id, `{"active": false}`)
	}
	s.imported(t, app, okta.Result{Removed: 11, Deactivated: 11, Unchanged: 88}) // 22 of 110 are 20 %
	if _, err := app.Import(t.Context(), s.url, "wrong"); err == nil {
		t.Error("a wrong token was taken")
	}
}

func TestSafeguardStops(t *testing.T) {
	t.Parallel()
	s := newSchool(t)
	ids := s.users(t, 110)
	app := okta.NewImporter(okta.ImporterOptions{})
	s.imported(t, app, okta.Result{Created: 110})
	for _, id := range ids[:23] {
		s.write(t, "DELETE", "/Users/"+id, "")
	}
	_, err := app.Import(t.Context(), s.url, feedToken)
	if e, ok := errors.AsType[*okta.SafeguardError](err); !ok || *e != (okta.SafeguardError{Unassigned: 23, Assigned: 110}) {
		t.Errorf("got %v", err)
	}
	before := len(s.requests)
	if _, err := app.Import(t.Context(), s.url, feedToken); err == nil || len(s.requests) != before {
		t.Errorf("a paused import was made: %v", err)
	}
	if n := len(app.Snapshot().Users); n != 110 {
		t.Errorf("%d users are left", n)
	}
	app.Resume()
	s.imported(t, app, okta.Result{Removed: 23, Unchanged: 87})
	app.Resume() // with nothing to resume it lets nothing through
	s.users(t, 23)
	s.imported(t, app, okta.Result{Created: 23, Unchanged: 87})
	for _, id := range ids[23:60] {
		s.patch(t, id, `{"active": false}`)
	}
	if _, err := app.Import(t.Context(), s.url, feedToken); err == nil {
		t.Error("the safeguard is gone")
	}
}

// In a small app there is no safeguard, unless it is told to begin earlier.
func TestSafeguardOfFew(t *testing.T) {
	t.Parallel()
	for _, from := range []int{0, 5} {
		s := newSchool(t)
		ids := s.users(t, 6)
		app := okta.NewImporter(okta.ImporterOptions{SafeguardFrom: from})
		s.imported(t, app, okta.Result{Created: 6})
		for _, id := range ids {
			s.write(t, "DELETE", "/Users/"+id, "")
		}
		if _, err := app.Import(t.Context(), s.url, feedToken); (err == nil) != (from == 0) {
			t.Errorf("from %d: %v", from, err)
		}
	}
}

func TestBadFeeds(t *testing.T) {
	t.Parallel()
	isList := func(r *http.Request) bool { return r.URL.Query().Has("startIndex") && !r.URL.Query().Has("filter") }
	rows := func(doc map[string]any) []any { list, _ := doc["Resources"].([]any); return list }
	first := func(doc map[string]any) map[string]any {
		if list := rows(doc); len(list) > 0 {
			return list[0].(map[string]any)
		}
		return map[string]any{}
	}
	set := func(name string, value any) func(*http.Request, map[string]any) {
		return func(r *http.Request, doc map[string]any) {
			if isList(r) {
				doc[name] = value
			}
		}
	}
	of := func(kind, name string, value any) func(*http.Request, map[string]any) {
		return func(r *http.Request, doc map[string]any) {
			if strings.HasSuffix(r.URL.Path, kind) {
				first(doc)[name] = value
			}
		}
	}
	// later changes the second whole reading of the users.
	later := func(change func(doc map[string]any)) func(*http.Request, map[string]any) {
		reads := 0
		return func(r *http.Request, doc map[string]any) {
			if !isList(r) || len(rows(doc)) != 3 {
				return
			}
			if reads++; reads == 2 {
				change(doc)
			}
		}
	}
	tests := map[string]struct {
		bend func(*http.Request, map[string]any)
		want string
	}{
		"total as text":     {set("totalResults", "3"), "totalResults is no JSON integer"},
		"total with a dot":  {set("totalResults", json.RawMessage("3.0")), "totalResults is no JSON integer"},
		"no start":          {func(_ *http.Request, doc map[string]any) { delete(doc, "startIndex") }, "startIndex is no JSON integer"},
		"another start":     {set("startIndex", 2), "startIndex is 2"},
		"another page size": {set("itemsPerPage", 100), "itemsPerPage is 100"},
		"no list":           {set("schemas", []string{scim.UserURN}), "ListResponse"},
		"short page":        {set("totalResults", 300), "it is short"},
		"too many":          {set("totalResults", 1), "more resources than totalResults"},
		"no id":             {of("/Users", "id", ""), "it has no proper id"},
		"id with bulkId":    {of("/Users", "id", "bulkId:1"), "it has no proper id"},
		"id twice":          {of("/Users", "id", "id-00002"), "it has come before"},
		"user name twice":   {of("/Users", "userName", "USER1"), "the user name has come before"},
		"no user name":      {of("/Users", "userName", nil), "resource 1: userName is missing"},
		"no given name":     {of("/Users", "name", map[string]any{"familyName": "Lee"}), "name.givenName is missing"},
		"no family name":    {of("/Users", "name", map[string]any{"givenName": "Ann"}), "name.familyName is missing"},
		"no emails":         {of("/Users", "emails", []any{}), "emails are missing"},
		"one email":         {of("/Users", "emails", map[string]any{"value": "a@b"}), "must be a list"},
		"one phone":         {of("/Users", "phoneNumbers", "1"), "must be a list"},
		"no active":         {of("/Users", "active", nil), "active is missing"},
		"active as text":    {of("/Users", "active", "True"), "wrong type"},
		"no group name":     {of("/Groups", "displayName", ""), "it needs a displayName"},
		"one member":        {of("/Groups", "members", map[string]any{"value": "id-00001"}), "it needs a displayName"},
		"another order": {later(func(doc map[string]any) {
			list := rows(doc)
			list[0], list[2] = list[2], list[0]
		}), "resource 1: it is another one"},
		"one more later": {later(func(doc map[string]any) {
			doc["totalResults"], doc["itemsPerPage"] = 4, 4
			doc["Resources"] = append(rows(doc), map[string]any{"id": "new"})
		}), "resource 4: it is another one"},
		"one less later": {later(func(doc map[string]any) {
			doc["totalResults"], doc["itemsPerPage"], doc["Resources"] = 2, 2, rows(doc)[:2]
		}), "read again: there are 2 resources after 3"},
		"a filter that is ignored": {func(r *http.Request, doc map[string]any) {
			if strings.Contains(r.URL.Query().Get("filter"), "nobody") {
				doc["totalResults"], doc["itemsPerPage"], doc["Resources"] = 1, 1, []any{map[string]any{"id": "id-00001"}}
			}
		}, "the filter finds somebody"},
		"a filter that finds nothing": {func(r *http.Request, doc map[string]any) {
			if r.URL.Query().Has("filter") {
				doc["totalResults"], doc["itemsPerPage"], doc["Resources"] = 0, 0, []any{}
			}
		}, "does not find the resource"},
		"somebody else": {func(r *http.Request, doc map[string]any) {
			if strings.HasSuffix(r.URL.Path, "/id-00001") {
				doc["id"] = "id-00002"
			}
		}, "not with the resource"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSchool(t)
			s.group(t, "Year 7", s.users(t, 3)...)
			s.bend = test.bend
			app := okta.NewImporter(okta.ImporterOptions{})
			_, err := app.Import(t.Context(), s.url, feedToken)
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want %q", err, test.want)
			}
			if got := app.Snapshot(); len(got.Users)+len(got.Groups) != 0 {
				t.Error("something was imported")
			}
		})
	}
}

func TestFeedThatIsSlowOrBusy(t *testing.T) {
	t.Parallel()
	status := func(status int, header ...string) func(http.ResponseWriter, *http.Request) bool {
		return func(w http.ResponseWriter, _ *http.Request) bool {
			for i := 0; i < len(header); i += 2 {
				w.Header().Set(header[i], header[i+1])
			}
			w.WriteHeader(status)
			return true
		}
	}
	tests := map[string]struct {
		block func(http.ResponseWriter, *http.Request) bool
		base  string
		want  string
		waits []time.Duration
	}{
		"too slow":                      {block: func(_ http.ResponseWriter, r *http.Request) bool { <-r.Context().Done(); return true }, want: "deadline"},
		"broken":                        {block: status(500), want: "answered 500"},
		"no JSON":                       {block: status(200), want: "no SCIM list"},
		"a base URL with an underscore": {base: "/our_feed", want: "underscore"},
		"busy for ever": {
			block: status(429, "Retry-After", "7"), want: "asked to wait 10 times",
			waits: []time.Duration{7e9, 7e9, 7e9, 7e9, 7e9, 7e9, 7e9, 7e9, 7e9, 7e9},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSchool(t)
			s.users(t, 1)
			s.block = test.block
			var waits []time.Duration
			o := okta.ImporterOptions{Sleep: func(_ context.Context, d time.Duration) error {
				waits = append(waits, d)
				return nil
			}}
			if test.want == "deadline" {
				o.Timeout = 200 * time.Millisecond
			}
			app := okta.NewImporter(o)
			_, err := app.Import(t.Context(), s.url+test.base, feedToken)
			if err == nil || !strings.Contains(err.Error(), test.want) || strings.Contains(err.Error(), s.url) {
				t.Errorf("got %v, want %q", err, test.want)
			}
			if diff := cmp.Diff(test.waits, waits); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// Okta waits five minutes where it is not told how long in seconds, and longer and
// longer.
func TestWaitsOfItsOwn(t *testing.T) {
	t.Parallel()
	s := newSchool(t)
	s.users(t, 1)
	left := 3
	s.block = func(w http.ResponseWriter, _ *http.Request) bool {
		if left == 0 {
			return false
		}
		left--
		w.Header().Set("Retry-After", "Tue, 01 Sep 2026 02:00:00 GMT")
		w.WriteHeader(http.StatusTooManyRequests)
		return true
	}
	var waits []time.Duration
	app := okta.NewImporter(okta.ImporterOptions{Sleep: func(_ context.Context, d time.Duration) error {
		waits = append(waits, d)
		return nil
	}})
	s.imported(t, app, okta.Result{Created: 1})
	if !cmp.Equal(waits, []time.Duration{5 * time.Minute, 10 * time.Minute, 20 * time.Minute}) {
		t.Errorf("waited %v", waits)
	}
}

// A feed that answers 404 where a filter finds nobody is tolerated, and so are members
// whom it does not have.
func TestTolerated(t *testing.T) {
	t.Parallel()
	s := newSchool(t)
	s.group(t, "Year 7", s.users(t, 2)...)
	s.block = func(w http.ResponseWriter, r *http.Request) bool {
		if !strings.Contains(r.URL.Query().Get("filter"), "nobody") {
			return false
		}
		server.WriteError(w, &scim.Error{Status: http.StatusNotFound, Detail: "there is nobody"})
		return true
	}
	s.bend = func(r *http.Request, doc map[string]any) {
		if list, ok := doc["Resources"].([]any); ok && strings.HasSuffix(r.URL.Path, "/Groups") {
			g := list[0].(map[string]any)
			g["members"] = append(g["members"].([]any), map[string]any{"value": "a group, perhaps"})
		}
	}
	s.imported(t, okta.NewImporter(okta.ImporterOptions{}), okta.Result{Created: 2, Groups: 1, Memberships: 2, Ignored: 1})
}
