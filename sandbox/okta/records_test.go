package okta_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"simscim/sandbox/okta"
)

func TestSingleUsers(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	b.must(t, 200, "POST", "/users", person("a/b c", "ann"))
	b.refused(t, 400, "E0000001", "POST", "/users", person("a/b c", "other"))
	b.refused(t, 400, "E0000001", "POST", "/users", person("b", "ANN"))
	b.refused(t, 400, "E0000001", "POST", "/users", `{"externalId": "c", "profile": {"firstName": "Cid"}}`)
	b.refused(t, 400, "E0000003", "POST", "/users", `{`)
	b.refused(t, 400, "E0000001", "POST", "/users", person(strings.Repeat("x", 256), "long"))
	path := "/users/" + url.PathEscape("a/b c")
	a := b.must(t, 200, "GET", path, "")
	if a.body["externalId"] != "a/b c" || a.body["created"] != "2026-09-01T02:00:00.000Z" {
		t.Errorf("got %s", a.text)
	}
	b.must(t, 200, "PATCH", path, `{"profile": {"mobilePhone": "1"}}`)
	b.must(t, 200, "PATCH", path, `{"profile": {"lastName": "New"}}`)
	if got := b.snapshot().Users[0].Profile; got["mobilePhone"] != "1" || got["lastName"] != "New" || got["firstName"] != "Ann" {
		t.Errorf("after PATCH: %v", got)
	}
	b.must(t, 200, "PUT", path, person("a/b c", "ann"))
	if got := b.snapshot().Users[0].Profile; got["mobilePhone"] != "" || got["lastName"] != "Lee" {
		t.Errorf("after PUT: %v", got)
	}
	b.refused(t, 400, "E0000001", "PUT", path, `{"profile": {"lastName": "Lee"}}`)
	b.refused(t, 400, "E0000001", "PATCH", path, `{"externalId": "x", "profile": {"lastName": "Lee"}}`)
	b.must(t, 204, "DELETE", path, "")
	for _, method := range []string{"GET", "DELETE", "PUT", "PATCH"} {
		b.refused(t, 404, "E0000007", method, path, "")
	}
	b.must(t, 200, "POST", "/users", person("a/b c", "ann"))
	if got := b.snapshot().Users; len(got) != 1 || got[0].Status != okta.Active {
		t.Errorf("brought back: %v", got)
	}
}

func TestSingleGroups(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	a := b.must(t, 200, "POST", "/groups", `{"externalId": "g", "profile": {"displayName": "Year 7", "description": "x"}}`)
	id, _ := a.body["id"].(string)
	b.refused(t, 400, "E0000001", "POST", "/groups", `{"externalId": "g", "profile": {"displayName": "Year 7"}}`)
	b.refused(t, 400, "E0000001", "POST", "/groups", `{"externalId": "h", "profile": {"description": "x"}}`)
	b.must(t, 200, "POST", "/groups/"+id, `{"profile": {"description": null}}`)
	b.refused(t, 400, "E0000001", "POST", "/groups/g", `{"profile": {"displayName": null}}`)
	b.must(t, 200, "POST", "/groups/g", `{"profile": {"displayName": "Year 8"}}`)
	if got := b.must(t, 200, "GET", "/groups/g", "").body; !cmp.Equal(got, map[string]any{"id": id, "externalId": "g", "profile": map[string]any{"displayName": "Year 8"}}) {
		t.Errorf("got %v", got)
	}
	b.must(t, 200, "POST", "/users", person("a", "ann"))
	b.must(t, 204, "POST", "/groups/g/membership", `{"memberExternalId": "a"}`)
	b.must(t, 204, "POST", "/groups/"+id+"/membership", `{"memberExternalId": "a"}`)
	b.refused(t, 404, "E0000007", "POST", "/groups/g/membership", `{"memberExternalId": "nobody"}`)
	b.refused(t, 400, "E0000003", "POST", "/groups/g/membership", `{"memberExternalId": 1}`)
	b.must(t, 204, "DELETE", "/groups/g/membership/a", "")
	b.refused(t, 404, "E0000007", "DELETE", "/groups/g/membership/a", "")
	b.must(t, 204, "DELETE", "/groups/g", "")
	for _, path := range []string{"/groups/g", "/groups/" + id, "/groups/g/membership"} {
		b.refused(t, 404, "E0000007", "GET", path, "")
	}
}

func TestMembershipPages(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	var people, ids []string
	for i := range 7 {
		ids = append(ids, fmt.Sprintf("é&%d", i))
		people = append(people, person(ids[i], fmt.Sprint("user", i)))
	}
	b.load(t, "bulk-upsert", users(people...), "bulk-groups-upsert", groups("g"), "bulk-group-memberships-upsert", members("g", ids...))
	next, pages := "/groups/g/membership?limit=3", 0
	var got []string
	for next != "" {
		a := b.must(t, 200, "GET", next, "")
		list, _ := a.body["memberExternalIds"].([]any)
		for _, id := range list {
			got = append(got, id.(string))
		}
		next, pages = "", pages+1
		for _, link := range a.header.Values("Link") {
			if target, ok := strings.CutSuffix(link, `>; rel="next"`); ok {
				next = strings.TrimPrefix(strings.TrimPrefix(target, "<"), b.api)
			}
		}
	}
	if !cmp.Equal(got, ids) || pages != 3 {
		t.Errorf("%d pages: %v", pages, got)
	}
	if a := b.must(t, 200, "GET", "/groups/g/membership?after="+url.QueryEscape("ÿ"), ""); a.text != `{"memberExternalIds":[]}` {
		t.Errorf("got %s", a.text)
	}
	for _, limit := range []string{"0", "1001", "x"} {
		b.refused(t, 400, "E0000001", "GET", "/groups/g/membership?limit="+limit, "")
	}
}

func TestRateLimit(t *testing.T) {
	t.Parallel()
	b := setup(t, func(o *okta.Options) { o.PerMinute = 3 })
	reset := strconv.FormatInt(b.now.Load()+60, 10)
	var got [][]string
	for range 4 {
		a := b.do(t, "GET", "/sessions", "")
		got = append(got, []string{strconv.Itoa(a.status), a.header.Get("X-Rate-Limit-Limit"), a.header.Get("X-Rate-Limit-Remaining"), a.header.Get("X-Rate-Limit-Reset")})
	}
	want := [][]string{{"200", "3", "2", reset}, {"200", "3", "1", reset}, {"200", "3", "0", reset}, {"429", "3", "0", reset}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	b.wait(59 * time.Second)
	b.refused(t, 429, "E0000047", "GET", "/sessions", "")
	b.wait(time.Second)
	b.must(t, 200, "GET", "/sessions", "")
}

func TestFaults(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	b.org.SetFaults(okta.Faults{Throttle: 1, Fail: 1})
	a := b.must(t, 429, "GET", "/sessions", "")
	if a.header.Get("X-Rate-Limit-Remaining") != "0" || a.header.Get("X-Rate-Limit-Reset") != strconv.FormatInt(b.now.Load()+1, 10) {
		t.Errorf("headers: %v", a.header)
	}
	b.refused(t, 500, "E0000009", "GET", "/sessions", "")
	b.org.SetFaults(okta.Faults{Fail: 1, FailStatus: 503, FailWrites: true})
	b.must(t, 200, "GET", "/sessions", "")
	b.refused(t, 503, "E0000009", "POST", "/sessions", "")
	b.org.SetFaults(okta.Faults{DropWrite: 2})
	s := b.open(t)
	if _, err := b.try(t, "POST", s+"/bulk-upsert", users(person("a", "ann"))); err == nil {
		t.Error("the answer came")
	}
	b.is(t, s, okta.InProgress)
	b.must(t, 204, "DELETE", s, "")
	b.org.SetFaults(okta.Faults{Skip: 1})
	b.load(t, "bulk-upsert", users(person("a", "ann"), person("b", "bob")))
	if got := b.snapshot(); len(got.Users) != 1 || len(got.Failures) != 1 || got.Failures[0].ExternalID != "a" {
		t.Errorf("got %v, %v", got.Users, got.Failures)
	}
	if left := b.org.Faults(); left != (okta.Faults{}) {
		t.Errorf("left: %+v", left)
	}
	for _, f := range []okta.Faults{{Fail: -1}, {Skip: -1}, {FailStatus: 200}, {FailStatus: 600}} {
		if f.Check() == nil {
			t.Errorf("%+v passed", f)
		}
	}
	if err := (okta.Faults{Fail: 1, FailStatus: 599}).Check(); err != nil {
		t.Error(err)
	}
}

func TestMediaType(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	r, err := http.NewRequestWithContext(t.Context(), "POST", b.api+"/users", strings.NewReader(person("a", "ann")))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", b.auth)
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != 415 {
		t.Errorf("got %d", resp.StatusCode)
	}
}
