package entra_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"simscim/sandbox/entra"
)

func batch(steps ...string) string { return `{"requests": [` + strings.Join(steps, ",") + `]}` }

func step(id, method, url, more string) string {
	return `{"id": "` + id + `", "method": "` + method + `", "url": "` + url + `"` + more + `}`
}

func payload(body string) string {
	return `, "headers": {"Content-Type": "application/json"}, "body": ` + body
}

// parts are the answers of a batch by id.
func (a answer) parts() map[string]int {
	out := map[string]int{}
	list, _ := a.doc["responses"].([]any)
	for _, item := range list {
		part := item.(map[string]any)
		out[part["id"].(string)] = int(part["status"].(float64))
	}
	return out
}

func TestBatch(t *testing.T) {
	t.Parallel()
	a := school(t, 3, entra.Options{})
	got := a.want(200, "POST", "/v1.0/$batch", batch(
		step("1", "POST", "/groups/$g;/members/$ref", payload(reference("$1;"))),
		step("2", "POST", "groups(uniqueName='g')/members/$ref", payload(reference("$1;"))+`, "dependsOn": ["1"]`),
		step("3", "DELETE", "/groups/$g;/members/$0;/$ref", `, "dependsOn": ["2"]`),
		step("4", "GET", "/users?$filter=employeeId eq 'e-p2'&$select=id", ""),
		step("5", "POST", "/groups/$g;/members/$ref", `, "body": `+reference("$2;")), // no content type
		step("6", "POST", "/$batch", payload(`{}`)),
		step("7", "GET", "/devices", ""),
		step("8", "PATCH", "/groups(uniqueName='new')", `, "headers": {"Content-Type": "application/json", "Prefer": "create-if-missing"}, "body": `+group("new", "")),
	))
	want := map[string]int{"1": 204, "2": 400, "3": 424, "4": 200, "5": 400, "6": 400, "7": 404, "8": 201}
	if diff := cmp.Diff(want, got.parts()); diff != "" {
		t.Error(diff)
	}
	first := got.doc["responses"].([]any)[0].(map[string]any)["id"]
	if first == "1" || !strings.Contains(got.raw, `{"value":[{"id":"`+a.vars["$2"]+`"}]}`) {
		t.Errorf("the answer: %s", got.raw)
	}
	if got := a.members(); got != "$0$1" {
		t.Errorf("members %s", got)
	}
	counts := a.Requests()
	if counts[entra.Batches] != 2 || counts[entra.MemberAdds] != 3 || counts[entra.MemberRemovals] != 0 || counts[entra.UserLists] != 1 {
		t.Errorf("counts %v", counts)
	}
}

func TestBatchRefusals(t *testing.T) {
	t.Parallel()
	a := open(t, entra.Options{})
	get := func(id, more string) string { return step(id, "GET", "/users", more) }
	var many []string
	for i := range 21 {
		many = append(many, get(fmt.Sprint(i), ""))
	}
	const at = "/v1.0/$batch"
	a.play([]scene{
		{"POST", at, batch(), 400, "maximum value of 20"},
		{"POST", at, batch(many...), 400, "maximum value of 20"},
		{"POST", at, batch(many[:20]...), 200, ""},
		{"POST", at, batch(get("1", ""), get("1", "")), 400, "not unique"},
		{"POST", at, batch(get("", "")), 400, "id"},
		{"POST", at, batch(step("1", "", "/users", "")), 400, "method"},
		{"POST", at, batch(step("1", "GET", "", "")), 400, "url"},
		{"POST", at, batch(get("1", `, "dependsOn": ["2"]`), get("2", `, "dependsOn": ["1"]`)), 400, "depends"},
		{"POST", at, batch(get("1", `, "dependsOn": ["1"]`)), 400, "depends"},
		{"POST", at, `{"requests": 7}`, 400, "payload"},
		{"POST", at, `{`, 400, "JSON"},
		{"POST", at, batch(step("1", "GET", "/users/%zz", ""), step("2", "A B", "/users", "")), 200, `"status":400`},
		{"GET", at, "", 405, ""},
	})
	a.token = ""
	a.want(401, "POST", at, batch(get("1", "")))
}

func TestBatchThrottling(t *testing.T) {
	t.Parallel()
	a := school(t, 4, entra.Options{})
	add := func(n int) string {
		return step(fmt.Sprint(n), "POST", "/groups/$g;/members/$ref", payload(reference(fmt.Sprintf("$%d;", n))))
	}
	a.SetFaults(entra.Faults{ThrottleParts: 1, RetryAfter: 7 * time.Second})
	got := a.want(200, "POST", "/v1.0/$batch", batch(add(1), add(2)))
	if diff := cmp.Diff(map[string]int{"1": 429, "2": 204}, got.parts()); diff != "" {
		t.Error(diff)
	}
	if !strings.Contains(got.raw, `"Retry-After":"7"`) {
		t.Errorf("no Retry-After in %s", got.raw)
	}
}

func TestUnits(t *testing.T) {
	t.Parallel()
	a := open(t, entra.Options{Limits: entra.Limits{ResourceUnits: 10, Writes: 2}})
	for _, c := range []struct {
		path string
		cost string
	}{
		{"/v1.0/users", "2"},
		{"/v1.0/users?$select=id", "1"},
		{"/v1.0/users?$top=5&$select=id", "1"},
		{"/v1.0/groups/x/members", "3"},
		{"/v1.0/users/x", "1"},
	} {
		if got := a.must("GET", c.path, ""); got.header.Get("x-ms-resource-unit") != c.cost {
			t.Errorf("%s costs %q", c.path, got.header.Get("x-ms-resource-unit"))
		}
	}
	if got := a.must("GET", "/v1.0/users/x", ""); got.header.Get("x-ms-throttle-limit-percentage") != "0.90" {
		t.Errorf("used %q", got.header.Get("x-ms-throttle-limit-percentage"))
	}
	got := a.want(429, "GET", "/v1.0/users", "")
	if got.header.Get("Retry-After") != "1" || got.header.Get("x-ms-throttle-information") != "ResourceUnitLimitExceeded" ||
		!strings.HasPrefix(got.header.Get("x-ms-throttle-scope"), "Tenant_Application/ReadWrite/"+a.Clients()[0].ID+"/") {
		t.Errorf("headers %v", got.header)
	}
	a.clock.Advance(10 * time.Second)
	a.want(201, "POST", "/v1.0/groups", group("a", ""))
	a.want(201, "POST", "/v1.0/groups", group("b", ""))
	if got := a.want(429, "POST", "/v1.0/groups", group("c", "")); got.header.Get("x-ms-throttle-information") != "WriteLimitExceeded" || got.header.Get("Retry-After") != "75" {
		t.Errorf("headers %v", got.header)
	}
	a.want(200, "GET", "/v1.0/groups", "")
	a.clock.Advance(75 * time.Second)
	a.want(201, "POST", "/v1.0/groups", group("c", ""))
}

func TestFaults(t *testing.T) {
	t.Parallel()
	a := school(t, 5, entra.Options{})
	join := func(n int) (answer, error) {
		return a.try("POST", "/v1.0/groups/$g;/members/$ref", reference(fmt.Sprintf("$%d;", n)))
	}
	status := func(n int) int {
		got, err := join(n)
		if err != nil {
			return 0
		}
		return got.status
	}
	a.SetFaults(entra.Faults{DropWrite: 2})
	if got := []int{status(1), status(2)}; !cmp.Equal(got, []int{204, 0}) || a.members() != "$0$1$2" {
		t.Errorf("lost answer: %v %s", got, a.members())
	}
	a.SetFaults(entra.Faults{Throttle: 1, RetryAfter: 1500 * time.Millisecond})
	if got, err := join(3); err != nil || got.status != 429 || got.header.Get("Retry-After") != "2" {
		t.Errorf("throttle: %v %v", got, err)
	}
	a.SetFaults(entra.Faults{Fail: 1, FailWrites: true, FailStatus: 502})
	a.want(200, "GET", "/v1.0/users", "")
	if got := []int{status(3), status(3)}; !cmp.Equal(got, []int{502, 204}) {
		t.Errorf("fail: %v", got)
	}
	a.SetFaults(entra.Faults{FailAfter: 1})
	if got := []int{status(4), status(4)}; !cmp.Equal(got, []int{http.StatusGatewayTimeout, 400}) {
		t.Errorf("fail after: %v", got)
	}
	a.SetFaults(entra.Faults{DropWrite: 1})
	if _, err := a.try("POST", "$jobs;/bulkUpload", bulk(newcomer("1"))); err == nil {
		t.Error("the upload was answered")
	}
	if got := a.Jobs()[0].Staged; got != 1 {
		t.Errorf("%d staged", got)
	}
	if got := a.Faults(); got != (entra.Faults{}) {
		t.Errorf("left: %+v", got)
	}
	for _, bad := range []entra.Faults{{Fail: -1}, {FailStatus: 200}, {FailAfterStatus: 600}} {
		if bad.Check() == nil {
			t.Errorf("%+v passes", bad)
		}
	}
	if err := (entra.Faults{Fail: 1, FailStatus: 500}).Check(); err != nil {
		t.Error(err)
	}
}

func TestCounts(t *testing.T) {
	t.Parallel()
	a := school(t, 1, entra.Options{})
	a.want(200, "GET", "/v1.0/users/$0;", "")
	a.want(404, "GET", "/v1.0/nothing", "")
	want := entra.Requests{entra.Tokens: 1, entra.UserWrites: 1, entra.GroupWrites: 1, entra.UserReads: 1, entra.Other: 1}
	if diff := cmp.Diff(want, a.Requests()); diff != "" || a.Requests().Total() != 5 {
		t.Error(diff)
	}
	a.ResetRequests()
	if a.Requests().Total() != 0 {
		t.Error("not reset")
	}
}
