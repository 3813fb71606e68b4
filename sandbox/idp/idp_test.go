package idp_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"simscim/sandbox/idp"
	"simscim/scim"
)

type client struct {
	idp  *idp.IDP
	base string
	http *http.Client
}

func setup(t *testing.T, o idp.Options) *client {
	t.Helper()
	p := idp.New(o)
	s := httptest.NewServer(p.Handler())
	t.Cleanup(s.Close)
	return &client{idp: p, base: s.URL, http: s.Client()}
}

func (c *client) try(t *testing.T, method, path, body string) (*http.Response, map[string]any, error) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, c.base+c.idp.BasePath()+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+c.idp.Token())
	r.Header.Set("Content-Type", scim.MediaType)
	res, err := c.http.Do(r)
	if err != nil {
		return nil, nil, err
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		return nil, nil, err
	}
	var doc map[string]any
	if len(b) > 0 {
		if err := json.Unmarshal(b, &doc); err != nil {
			t.Fatalf("%s %s: %v in %s", method, path, err, b)
		}
	}
	return res, doc, nil
}

func (c *client) must(t *testing.T, status int, method, path, body string) map[string]any {
	t.Helper()
	res, doc, err := c.try(t, method, path, body)
	if err != nil {
		t.Fatal(err)
	}
	if res.StatusCode != status {
		t.Fatalf("%s %s: got %d, want %d: %v", method, path, res.StatusCode, status, doc)
	}
	return doc
}

func user(name string) string {
	return `{"schemas": ["` + scim.UserURN + `"], "userName": "` + name + `", "externalId": "x-` + name + `", "displayName": "<` + name + `>", "active": true, "password": "p"}`
}

func group(name string, members ...string) string {
	for i, id := range members {
		members[i] = `{"value": "` + id + `"}`
	}
	return `{"schemas": ["` + scim.GroupURN + `"], "displayName": "` + name + `", "members": [` + strings.Join(members, ",") + `]}`
}

func suspend() string {
	return `{"schemas": ["` + scim.PatchOpURN + `"], "Operations": [{"op": "replace", "path": "active", "value": false}]}`
}

func TestSnapshotAndCounts(t *testing.T) {
	t.Parallel()
	c := setup(t, idp.Options{Seed: 7})
	ann := c.must(t, 201, "POST", "/Users", user("ann"))["id"].(string)
	bob := c.must(t, 201, "POST", "/Users", user("bob"))["id"].(string)
	g := c.must(t, 201, "POST", "/Groups", group("10A", ann, bob))["id"].(string)
	c.must(t, 200, "PATCH", "/Users/"+bob, suspend())
	c.must(t, 200, "PUT", "/Users/"+bob, strings.Replace(user("bob"), `"active": true`, `"active": false, "urn:x:school": {"house": "Red"}`, 1))
	c.must(t, 200, "GET", "/Users/"+bob, "")
	c.must(t, 200, "GET", "/Users", "")
	c.must(t, 200, "GET", "/Users?filter=id%20pr", "")
	c.must(t, 200, "POST", "/Users/.search", `{"schemas": ["`+scim.SearchURN+`"]}`)
	c.must(t, 200, "GET", "/ServiceProviderConfig", "")
	c.must(t, 404, "DELETE", "/Users/nobody", "")
	c.must(t, 405, "OPTIONS", "/Users", "")

	want := idp.Snapshot{
		Users: []idp.User{
			{ID: ann, ExternalID: "x-ann", UserName: "ann", DisplayName: "<ann>", Active: true, Resource: map[string]any{
				"userName": "ann", "externalId": "x-ann", "displayName": "<ann>", "active": true,
			}},
			{ID: bob, ExternalID: "x-bob", UserName: "bob", DisplayName: "<bob>", Resource: map[string]any{
				"userName": "bob", "externalId": "x-bob", "displayName": "<bob>", "active": false, "urn:x:school": map[string]any{"house": "Red"},
			}},
		},
		Groups: []idp.Group{{ID: g, DisplayName: "10A", Members: []string{ann, bob}, Resource: map[string]any{
			"displayName": "10A", "members": []any{map[string]any{"value": ann}, map[string]any{"value": bob}},
		}}},
	}
	if diff := cmp.Diff(want, c.idp.Snapshot()); diff != "" {
		t.Error(diff)
	}
	counts := c.idp.Requests()
	if diff := cmp.Diff(idp.Requests{Creates: 3, Patches: 1, Puts: 1, Deletes: 1, Reads: 1, Lists: 1, Filters: 2, Discovery: 1, Other: 1}, counts); diff != "" {
		t.Error(diff)
	}
	if counts.Writes() != 6 || counts.Total() != 12 {
		t.Errorf("%d writes of %d", counts.Writes(), counts.Total())
	}
	c.idp.ResetRequests()
	if got := c.idp.Requests().Total(); got != 0 {
		t.Errorf("%d requests after the reset", got)
	}
	c.must(t, 204, "DELETE", "/Users/"+ann, "")
	if users, groups, memberships := c.idp.Counts(); users != 1 || groups != 1 || memberships != 1 {
		t.Errorf("%d users, %d groups, %d memberships", users, groups, memberships)
	}
	if got := c.idp.Snapshot().Groups[0].Members; !cmp.Equal(got, []string{bob}) {
		t.Errorf("members %v", got)
	}
}

// The same seed gives the same ids and token, another seed others.
func TestSeed(t *testing.T) {
	t.Parallel()
	made := map[string]int{}
	for _, seed := range []uint64{1, 1, 2} {
		c := setup(t, idp.Options{Seed: seed})
		made[c.idp.Token()+" "+c.must(t, 201, "POST", "/Users", user("ann"))["id"].(string)]++
	}
	if len(made) != 2 {
		t.Errorf("got %v", made)
	}
}

func TestDropWrite(t *testing.T) {
	t.Parallel()
	c := setup(t, idp.Options{})
	c.idp.SetFaults(idp.Faults{DropWrite: 2})
	c.must(t, 200, "GET", "/Users", "")
	c.must(t, 201, "POST", "/Users", user("ann"))
	if _, _, err := c.try(t, "POST", "/Users", user("bob")); err == nil {
		t.Fatal("the answer arrived")
	}
	if got := c.idp.Snapshot().Users; len(got) != 2 {
		t.Fatalf("the write that lost its answer was not carried out: %v", got)
	}
	c.must(t, 409, "POST", "/Users", user("bob"))
}

func TestThrottle(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 10, 1, 9, 0, 0, 0, time.UTC)
	c := setup(t, idp.Options{Now: func() time.Time { return now }})
	for _, tt := range []struct {
		faults idp.Faults
		want   string
	}{
		{idp.Faults{Throttle: 1}, ""},
		{idp.Faults{Throttle: 1, RetryAfter: 1500 * time.Millisecond}, "2"},
		{idp.Faults{Throttle: 1, RetryAfter: time.Minute, RetryAfterDate: true}, "Thu, 01 Oct 2026 09:01:00 GMT"},
	} {
		c.idp.SetFaults(tt.faults)
		res, doc, err := c.try(t, "POST", "/Users", user("ann"))
		if err != nil || res.StatusCode != 429 || res.Header.Get("Retry-After") != tt.want || doc["status"] != "429" {
			t.Errorf("got %v %v, %v", res, doc, err)
		}
		if c.idp.Faults().Throttle != 0 {
			t.Errorf("left: %+v", c.idp.Faults())
		}
		c.must(t, 200, "GET", "/Users", "")
	}
	if got := c.idp.Snapshot().Users; got != nil {
		t.Errorf("a throttled request was carried out: %v", got)
	}
}

func TestFail(t *testing.T) {
	t.Parallel()
	c := setup(t, idp.Options{})
	c.idp.SetFaults(idp.Faults{Fail: 2, FailStatus: 502})
	c.must(t, 502, "GET", "/Users", "")
	c.must(t, 502, "POST", "/Users", user("ann"))
	c.must(t, 201, "POST", "/Users", user("ann"))
	c.idp.SetFaults(idp.Faults{Fail: 1, FailWrites: true})
	c.must(t, 200, "GET", "/Users", "")
	c.must(t, 503, "POST", "/Users", user("bob"))
	if got := c.idp.Snapshot().Users; len(got) != 1 {
		t.Errorf("users: %v", got)
	}
}

func TestBentAnswers(t *testing.T) {
	t.Parallel()
	c := setup(t, idp.Options{UniqueExternalID: true, NoContent: true})
	ids := make([]string, 5)
	for i := range ids {
		ids[i] = c.must(t, 201, "POST", "/Users", user(fmt.Sprint("u", i)))["id"].(string)
	}
	c.must(t, 409, "POST", "/Users", strings.Replace(user("other"), "x-other", "x-u1", 1))
	c.must(t, 204, "PATCH", "/Users/"+ids[0], suspend())
	c.idp.SetFaults(idp.Faults{PageCap: 2, ConflictAs400: true})
	for _, query := range []string{"", "?count=4", "?startIndex=1&COUNT=100"} {
		doc := c.must(t, 200, "GET", "/Users"+query, "")
		if len(doc["Resources"].([]any)) != 2 || doc["totalResults"] != 5.0 {
			t.Errorf("%s: %v", query, doc)
		}
	}
	if doc := c.must(t, 200, "GET", "/Users?count=1", ""); len(doc["Resources"].([]any)) != 1 {
		t.Errorf("count=1: %v", doc)
	}
	c.must(t, 400, "GET", "/Users?count=x", "")
	if doc := c.must(t, 400, "POST", "/Users", user("u1")); doc["scimType"] != nil || doc["status"] != "400" {
		t.Errorf("conflict: %v", doc)
	}
	c.must(t, 201, "POST", "/Users", user("new"))
	c.must(t, 200, "GET", "/Users/"+ids[1], "")
}

func TestDelay(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := idp.New(idp.Options{})
		p.SetFaults(idp.Faults{Delay: 3 * time.Second})
		r := httptest.NewRequestWithContext(t.Context(), "GET", "/scim/v2/Users", nil)
		r.Header.Set("Authorization", "Bearer "+p.Token())
		w := httptest.NewRecorder()
		began := time.Now()
		p.Handler().ServeHTTP(w, r)
		if took := time.Since(began); took != 3*time.Second || w.Code != 200 {
			t.Errorf("%d after %s", w.Code, took)
		}
	})
}

func TestPage(t *testing.T) {
	t.Parallel()
	c := setup(t, idp.Options{})
	page := func(query string, status int) string {
		t.Helper()
		r, err := http.NewRequestWithContext(t.Context(), "GET", c.base+"/"+query, nil)
		if err != nil {
			t.Fatal(err)
		}
		res, err := c.http.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		b, err := io.ReadAll(res.Body)
		if err != nil || res.StatusCode != status {
			t.Fatalf("%s: %d, %v", query, res.StatusCode, err)
		}
		return string(b)
	}
	if got := page("", 200); !strings.Contains(got, "Nothing has arrived yet.") {
		t.Errorf("empty: %s", got)
	}
	ids := make([]string, 120)
	for i := range ids {
		ids[i] = c.must(t, 201, "POST", "/Users", user(fmt.Sprintf("u%03d", i)))["id"].(string)
	}
	c.must(t, 201, "POST", "/Groups", group("Chess & Go", ids[0], ids[1]))
	for _, tt := range []struct {
		query      string
		has, lacks []string
	}{
		{"", []string{"u000", "u049", "Page 1 of 3", "&lt;u000&gt;", "<dd>120</dd>", "<dd>2</dd>"}, []string{"u050", "<u000>", "Previous", "http://", "https://", "<script", "<link"}},
		{"?page=3", []string{"u100", "u119", "Previous"}, []string{"Next"}},
		{"?page=99", []string{"u119"}, nil},
		{"?page=x", []string{"u000"}, nil},
		{"?kind=Group", []string{"Chess &amp; Go", "Page 1 of 1"}, []string{"u000"}},
		{"?id=" + ids[5], []string{"x-u005", "Back to the list"}, []string{"password"}},
	} {
		got := page(tt.query, 200)
		for _, s := range tt.has {
			if !strings.Contains(got, s) {
				t.Errorf("%q does not show %q", tt.query, s)
			}
		}
		for _, s := range tt.lacks {
			if strings.Contains(got, s) {
				t.Errorf("%q shows %q", tt.query, s)
			}
		}
	}
	page("?id=nobody", 404)
	page("nothing-here", 404)
}

func TestConcurrentUse(t *testing.T) {
	t.Parallel()
	c := setup(t, idp.Options{})
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			for j := range 10 {
				name := fmt.Sprintf("u%d", (i*j)%20)
				if _, _, err := c.try(t, "POST", "/Users", user(name)); err != nil {
					t.Error(err)
				}
				c.idp.Snapshot()
				c.idp.SetFaults(idp.Faults{PageCap: i + 1})
				if _, _, err := c.try(t, "GET", "/Users?count=3", ""); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	seen := map[string]bool{}
	for _, u := range c.idp.Snapshot().Users {
		if seen[u.UserName] {
			t.Errorf("%s is there twice", u.UserName)
		}
		seen[u.UserName] = true
	}
}
