package idp_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"simscim/sandbox/idp"
	"simscim/scim"
)

func TestPages(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		personality, query string
		rows               int
	}{
		{"aws-iam-identity-center", "?count=100", 50},
		{"aws-iam-identity-center", "?count=100&cursor=", 50},
		{"keycloak", "?count=1000", 100},
		{"atlassian", "?count=1000", 100},
		{"zitadel", "?count=1000", 100},
		{"authentik", "?count=1000", 50},
		{"slack", "", 10},
		{"slack", "?count=1000", 120},
		{"google", "?count=7&filter=userName%20eq%20%22u1%22", 1},
		{"entra-scim", "?count=1000", 100},
		{"okta-inbound", "?count=7&startIndex=117", 4},
		{"generic", "?count=7", 7},
	} {
		a := cast(t, idp.Options{Personality: tt.personality})
		for i := range 117 {
			a.want(201, "POST", "/Users", person(fmt.Sprint("more", i)))
		}
		r := a.want(200, "GET", "/Users"+tt.query, "")
		list, ok := r.doc["Resources"].([]any)
		if !ok {
			list, _ = r.doc["resources"].([]any)
		}
		if len(list) != tt.rows {
			t.Errorf("%s %q: %d rows, want %d", tt.personality, tt.query, len(list), tt.rows)
		}
		if total, given := r.doc["totalResults"]; given && total != 120.0 && tt.personality != "google" {
			t.Errorf("%s: totalResults %v", tt.personality, total)
		}
	}
}

func TestHeaders(t *testing.T) {
	t.Parallel()
	a := cast(t, idp.Options{Personality: "github-emu"})
	a.want(403, "GET", "/Users", "", "User-Agent", "")
	a = cast(t, idp.Options{Personality: "zoom"})
	for _, accept := range []string{"", "*/*", "application/json", "application/scim+jsonx", ";;"} {
		a.want(406, "GET", "/Users", "", "Accept", accept)
	}
	a.want(200, "GET", "/Users", "", "Accept", "application/json, application/scim+json;q=0.9")
}

// rows are the user names of a list.
func rows(r reply) []string {
	list, _ := r.doc["Resources"].([]any)
	var out []string
	for _, item := range list {
		out = append(out, item.(map[string]any)["userName"].(string))
	}
	return out
}

func TestMovingPages(t *testing.T) {
	t.Parallel()
	a := cast(t, idp.Options{})
	for _, tt := range []struct {
		faults idp.Faults
		want   []string
	}{
		{idp.Faults{PageRepeat: 1}, []string{"u0", "u0", "u2"}},
		{idp.Faults{PageSkip: 1}, []string{"u0", "u2", "u2"}},
		{idp.Faults{PageCap: 1, PageRepeat: 1, PageSkip: 1}, []string{"u0", "u0"}},
	} {
		a.SetFaults(tt.faults)
		got := rows(a.want(200, "GET", "/Users?count=1", ""))
		got = append(got, rows(a.want(200, "GET", "/Users?startIndex=2&count=1", ""))...)
		got = append(got, rows(a.want(200, "GET", "/Users?startIndex=3&count=1", ""))...)
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("%+v: %s", tt.faults, diff)
		}
		if left := a.Faults(); left.PageRepeat != 0 || left.PageSkip != 0 {
			t.Errorf("left: %+v", left)
		}
	}
}

func TestFaultsAfterTheWrite(t *testing.T) {
	t.Parallel()
	a := cast(t, idp.Options{})
	a.SetFaults(idp.Faults{FailAfter: 1, FailAfterGroups: true})
	a.want(201, "POST", "/Users", person("plain"))
	a.want(500, "POST", "/Groups", group("11B"))
	a.SetFaults(idp.Faults{FailAfter: 1, FailAfterStatus: 504})
	a.want(200, "GET", "/Users", "")
	a.want(504, "POST", "/Users", person("late"))
	a.want(201, "POST", "/Users", person("last"))
	s := a.Snapshot()
	if len(s.Users) != 6 || s.Users[4].UserName != "late" || len(s.Groups) != 2 {
		t.Errorf("what was answered with an error was not done: %d users, %d groups", len(s.Users), len(s.Groups))
	}
}

func TestNotEnabled(t *testing.T) {
	t.Parallel()
	a := cast(t, idp.Options{Personality: "entra-scim"})
	a.SetFaults(idp.Faults{NotEnabled: true})
	for _, path := range []string{"/users", "/serviceproviderconfig"} {
		if r := a.want(400, "GET", path, ""); !strings.Contains(r.raw, "No 'scimapiconsumptions' resource found") {
			t.Errorf("%s: %s", path, r.raw)
		}
	}
	a.SetFaults(idp.Faults{})
	a.want(200, "GET", "/users", "")
}

func TestPreconditionFault(t *testing.T) {
	t.Parallel()
	a := cast(t, idp.Options{})
	a.SetFaults(idp.Faults{Precondition: 2})
	a.want(201, "POST", "/Users", person("new"))
	a.want(412, "PATCH", "/Users/"+a.users[0], suspend())
	a.want(412, "DELETE", "/Users/"+a.users[0], "")
	if u := a.Snapshot().Users[0]; !u.Active {
		t.Error("the refused write was carried out")
	}
	a.want(200, "PATCH", "/Users/"+a.users[0], suspend())
}

func TestSpoiltReads(t *testing.T) {
	t.Parallel()
	a := cast(t, idp.Options{NoContent: true})
	a.SetFaults(idp.Faults{NotFound: 1, NullMembers: 1})
	a.want(200, "GET", `/Users?filter=userName%20eq%20%22u0%22`, "")
	a.want(404, "GET", `/Users?filter=userName%20eq%20%22x%22`, "")
	a.want(200, "GET", `/Users?filter=userName%20eq%20%22x%22`, "")
	a.want(204, "PATCH", "/Users/"+a.users[0], suspend())
	r := a.want(200, "PATCH", "/Groups/"+a.group, operations(rename))
	if members, there := r.doc["members"]; !there || members != nil || r.doc["id"] != a.group {
		t.Errorf("members are not null: %s", r.raw)
	}
	a.want(204, "PATCH", "/Groups/"+a.group, operations(rename))

	a.SetFaults(idp.Faults{NumbersAsText: 1, BooleansAsText: 2})
	if r := a.want(200, "GET", "/Users", ""); r.doc["totalResults"] != "3" || strings.Count(r.raw, `"active":"True"`) != 2 {
		t.Errorf("numbers and booleans: %s", r.raw)
	}
	if r := a.want(200, "GET", "/Users/"+a.users[0], ""); r.doc["active"] != "False" {
		t.Errorf("booleans: %s", r.raw)
	}
	if r := a.want(200, "GET", "/Users/"+a.users[0], ""); r.doc["active"] != false {
		t.Errorf("afterwards: %s", r.raw)
	}
}

func TestSpoiltBulk(t *testing.T) {
	t.Parallel()
	n := 0
	bulk := func() string {
		n++
		return `{"schemas": ["` + scim.BulkRequestURN + `"], "Operations": [` + many(3, func(i int) string {
			return fmt.Sprintf(`{"method": "POST", "bulkId": "b%d", "path": "/Users", "data": %s}`, i, person(fmt.Sprintf("n%d-%d", n, i)))
		}) + `]}`
	}
	answered := func(r reply) string {
		var ids []string
		for _, op := range r.doc["Operations"].([]any) {
			ids = append(ids, op.(map[string]any)["bulkId"].(string))
		}
		return strings.Join(ids, " ")
	}
	a := cast(t, idp.Options{Personality: "strict"})
	a.SetFaults(idp.Faults{BulkReversed: 1, BulkMissing: 2})
	for _, want := range []string{"b1 b0", "b0 b1", "b0 b1 b2"} {
		if got := answered(a.want(200, "POST", "/Bulk", bulk())); got != want {
			t.Errorf("answers %q, want %q", got, want)
		}
	}
	if got := len(a.Snapshot().Users); got != 12 {
		t.Errorf("%d users: an answer that is missing does not mean that nothing was done", got)
	}

	a = cast(t, idp.Options{})
	supported := func() any {
		return a.want(200, "GET", "/ServiceProviderConfig", "").doc["bulk"].(map[string]any)["supported"]
	}
	a.SetFaults(idp.Faults{BulkRefused: 1})
	if supported() != true {
		t.Error("bulk is not announced")
	}
	a.want(501, "POST", "/Bulk", bulk())
	if supported() != false || len(a.Snapshot().Users) != 3 {
		t.Error("after the refusal")
	}
	if got := a.Requests(); got.Bulks != 1 {
		t.Errorf("counts: %+v", got)
	}
}

func TestCheckFaults(t *testing.T) {
	t.Parallel()
	for _, f := range []idp.Faults{{BulkMissing: -1}, {RetryAfter: -1}, {FailAfterStatus: 200}, {FailStatus: 600}} {
		if f.Check() == nil {
			t.Errorf("%+v passes", f)
		}
	}
	if err := (idp.Faults{Fail: 1, FailStatus: 503, FailAfterStatus: 504}).Check(); err != nil {
		t.Error(err)
	}
}
