package server_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"simscim/scim"
	"simscim/scim/server"
)

func bulkBody(more string, ops ...string) string {
	return `{"schemas": ["` + scim.BulkRequestURN + `"], ` + more + `"Operations": [` + strings.Join(ops, ",") + `]}`
}

func post(bulkID, path, data string) string {
	return fmt.Sprintf(`{"method": "POST", "bulkId": %q, "path": %q, "data": %s}`, bulkID, path, data)
}

func withBulk(o *server.Options) { o.Bulk.Operations = 10 }

// results are the statuses of a bulk answer by bulkId, or by method without one.
func results(t *testing.T, a answer) map[string]string {
	t.Helper()
	if a.status != 200 || !cmp.Equal(a.body["schemas"], []any{scim.BulkResponseURN}) {
		t.Fatalf("not a bulk answer: %d %s", a.status, a.raw)
	}
	out := map[string]string{}
	for _, item := range a.body["Operations"].([]any) {
		op := item.(map[string]any)
		key, _ := op["bulkId"].(string)
		if key == "" {
			key = op["method"].(string)
		}
		status := op["status"].(string)
		if _, failed := op["response"]; failed != (status >= "400") {
			t.Errorf("%s: status %s, response %v", key, status, op["response"])
		}
		if failed, ok := op["response"].(map[string]any); ok {
			if scimType, _ := failed["scimType"].(string); scimType != "" {
				status += " " + scimType
			}
		}
		out[key] = status
	}
	return out
}

func TestBulk(t *testing.T) {
	t.Parallel()
	b := setup(t, withBulk)
	old := b.user(t, "old")
	gone := b.user(t, "gone")
	a := b.do(t, "POST", "/Bulk", bulkBody("",
		// The group comes before its members, one of which exists already.
		post("g", "/Groups", `{"schemas": ["`+scim.GroupURN+`"], "displayName": "10A", "members": [{"value": "bulkId:u"}, {"value": "`+old+`"}]}`),
		post("u", "/Users", userBody("new", `"externalId": "x"`)),
		post("taken", "/Users", userBody("OLD")),
		`{"method": "PATCH", "path": "/Users/bulkId:u", "bulkId": "p", "data": `+patchBody(`{"op": "replace", "path": "title", "value": "Dr"}`)+`}`,
		`{"method": "PUT", "path": "/Users/`+old+`", "data": `+userBody("old2")+`}`,
		`{"method": "DELETE", "path": "/Users/`+gone+`"}`,
		`{"method": "PATCH", "path": "/Users/bulkId:taken", "bulkId": "after", "data": `+patchBody(`{"op": "replace", "path": "title", "value": "Dr"}`)+`}`,
	))
	want := map[string]string{"g": "201", "u": "201", "taken": "409 uniqueness", "p": "200", "PUT": "200", "DELETE": "204", "after": "400 invalidValue"}
	if diff := cmp.Diff(want, results(t, a)); diff != "" {
		t.Error(diff)
	}
	made := a.body["Operations"].([]any)[1].(map[string]any)
	at, _ := made["location"].(string)
	id, ok := strings.CutPrefix(at, "http://idp.test/scim/v2/Users/")
	if !ok || made["version"] != `W/"1"` {
		t.Fatalf("the new user's entry: %v", made)
	}
	if got := b.must(t, 200, "GET", "/Users/"+id, "").body; got["title"] != "Dr" || got["userName"] != "new" {
		t.Errorf("the new user: %v", got)
	}
	group := b.must(t, 200, "GET", "/Groups", "").body["Resources"].([]any)[0].(map[string]any)
	var members []string
	for _, m := range group["members"].([]any) {
		members = append(members, m.(map[string]any)["value"].(string))
	}
	if diff := cmp.Diff([]string{id, old}, members); diff != "" {
		t.Error(diff)
	}
	b.must(t, 404, "GET", "/Users/"+gone, "")
	if got := b.must(t, 200, "GET", "/Users/"+old, "").body["userName"]; got != "old2" {
		t.Errorf("PUT left %v", got)
	}
}

func TestBulkOperations(t *testing.T) {
	t.Parallel()
	b := setup(t, withBulk)
	id := b.user(t, "ann")
	title := patchBody(`{"op": "replace", "path": "title", "value": "Dr"}`)
	for name, tt := range map[string]struct{ op, want string }{
		"stale version":        {`{"method": "PATCH", "version": "W/\"7\"", "path": "/Users/` + id + `", "data": ` + title + `}`, "412"},
		"read":                 {`{"method": "GET", "path": "/Users/` + id + `"}`, "400 invalidSyntax"},
		"no method":            {`{"path": "/Users"}`, "400 invalidSyntax"},
		"post on a resource":   {post("x", "/Users/"+id, userBody("x")), "400 invalidSyntax"},
		"delete of all":        {`{"method": "DELETE", "path": "/Users"}`, "400 invalidSyntax"},
		"search":               {post("x", "/Users/.search", `{}`), "400 invalidPath"},
		"bulk in bulk":         {post("x", "/Bulk", `{}`), "400 invalidPath"},
		"other host":           {`{"method": "DELETE", "path": "http://idp.test/scim/v2/Users/` + id + `"}`, "400 invalidPath"},
		"with a query":         {`{"method": "DELETE", "path": "/Users/` + id + `?x=1"}`, "400 invalidPath"},
		"escape that is none":  {`{"method": "DELETE", "path": "/Users/%zz"}`, "400 invalidPath"},
		"no path":              {`{"method": "DELETE"}`, "400 invalidPath"},
		"unknown endpoint":     {post("x", "/Cats", `{}`), "404"},
		"nobody":               {`{"method": "DELETE", "path": "/Users/nobody"}`, "404"},
		"data that is none":    {`{"method": "POST", "bulkId": "x", "path": "/Users"}`, "400 invalidSyntax"},
		"unknown reference":    {post("x", "/Users", userBody("x", `"title": "bulkId:other"`)), "400 invalidValue"},
		"reference to itself":  {post("x", "/Users", userBody("x", `"title": "bulkId:x"`)), "409"},
		"refused by validator": {post("x", "/Users", userBody("x", `"active": 7`)), "400 invalidValue"},
	} {
		got := results(t, b.do(t, "POST", "/Bulk", bulkBody("", tt.op)))
		if len(got) != 1 {
			t.Errorf("%s: %v", name, got)
		}
		for _, status := range got {
			if status != tt.want {
				t.Errorf("%s: got %s, want %s", name, status, tt.want)
			}
		}
	}
	if got := b.must(t, 200, "GET", "/Users", "").body["totalResults"]; got != 1.0 {
		t.Errorf("%v users", got)
	}
}

func TestBulkCircle(t *testing.T) {
	t.Parallel()
	b := setup(t, withBulk)
	group := func(name, member string) string {
		return post(name, "/Groups", `{"schemas": ["`+scim.GroupURN+`"], "displayName": "`+name+`", "members": [{"value": "bulkId:`+member+`"}]}`)
	}
	ops := []string{group("a", "b"), group("b", "a"), post("u", "/Users", userBody("u"))}
	want := map[string]string{"a": "409", "b": "409", "u": "201"}
	if diff := cmp.Diff(want, results(t, b.do(t, "POST", "/Bulk", bulkBody("", ops...)))); diff != "" {
		t.Error(diff)
	}
	want = map[string]string{"u": "409 uniqueness"}
	if diff := cmp.Diff(want, results(t, b.do(t, "POST", "/Bulk", bulkBody(`"failOnErrors": 1, `, ops...)))); diff != "" {
		t.Error(diff)
	}
}

func TestBulkFailOnErrors(t *testing.T) {
	t.Parallel()
	bad := func(id string) string { return post(id, "/Users", `{"schemas": ["`+scim.UserURN+`"]}`) }
	for failOn, want := range map[string]int{"": 5, `"failOnErrors": 0, `: 5, `"failOnErrors": null, `: 5, `"failOnErrors": 1, `: 2, `"failOnErrors": 2, `: 4, `"failOnErrors": 9, `: 5} {
		b := setup(t, withBulk)
		a := b.do(t, "POST", "/Bulk", bulkBody(failOn,
			post("a", "/Users", userBody("a")), bad("b"), post("c", "/Users", userBody("c")), bad("d"), post("e", "/Users", userBody("e"))))
		if got := len(results(t, a)); got != want {
			t.Errorf("%q: %d operations answered, want %d", failOn, got, want)
		}
		// What was not answered was not done.
		if got, done := b.must(t, 200, "GET", "/Users", "").body["totalResults"], (want+1)/2; got != float64(done) {
			t.Errorf("%q: %v users, want %d", failOn, got, done)
		}
	}
}

func TestBulkRefused(t *testing.T) {
	t.Parallel()
	b := setup(t, func(o *server.Options) { o.Bulk = server.Bulk{Operations: 2, Bytes: 600, ObjectStatus: true} })
	one := post("a", "/Users", userBody("a"))
	a := b.must(t, 413, "POST", "/Bulk", bulkBody("", one, post("b", "/Users", userBody("b")), post("c", "/Users", userBody("c"))))
	if !strings.Contains(a.raw, "maxOperations (2)") {
		t.Error(a.raw)
	}
	a = b.must(t, 413, "POST", "/Bulk", bulkBody("", post("a", "/Users", userBody(strings.Repeat("a", 600)))))
	if !strings.Contains(a.raw, "maxPayloadSize (600)") {
		t.Error(a.raw)
	}
	for name, body := range map[string]string{
		"no JSON":        `{`,
		"no object":      `[]`,
		"other message":  patchBody(""),
		"none":           bulkBody(""),
		"null":           bulkBody("", "null"),
		"number":         bulkBody("", "7"),
		"no bulkId":      bulkBody("", `{"method": "POST", "path": "/Users", "data": {}}`),
		"bulkId twice":   bulkBody("", one, one),
		"failOnErrors":   bulkBody(`"failOnErrors": -1, `, one),
		"half an error":  bulkBody(`"failOnErrors": 1.5, `, one),
		"name twice":     bulkBody("", `{"method": "POST", "method": "DELETE", "path": "/Users/x"}`),
		"data is a list": bulkBody("", post("x", "/Users", `["bulkId:x"]`)),
		"deep":           bulkBody("", post("x", "/Users", strings.Repeat("[", 100)+strings.Repeat("]", 100))),
	} {
		if a := b.do(t, "POST", "/Bulk", body); a.status != 400 {
			t.Errorf("%s: %d %s", name, a.status, a.raw)
		}
	}
	a = b.do(t, "POST", "/Bulk", bulkBody("", one))
	want := []any{map[string]any{
		"method": "POST", "bulkId": "a", "status": map[string]any{"code": "201"}, "location": "http://idp.test/scim/v2/Users/id-1", "version": `W/"1"`,
	}}
	if diff := cmp.Diff(want, a.body["Operations"]); diff != "" {
		t.Error(diff)
	}
	config := b.must(t, 200, "GET", "/ServiceProviderConfig", "").body["bulk"]
	if diff := cmp.Diff(map[string]any{"supported": true, "maxOperations": 2.0, "maxPayloadSize": 600.0}, config); diff != "" {
		t.Error(diff)
	}
	b.must(t, 405, "GET", "/Bulk", "")
	setup(t, nil).must(t, 501, "POST", "/Bulk", bulkBody("", one))
	setup(t, func(o *server.Options) { withBulk(o); o.ReadOnly = true }).must(t, 403, "POST", "/Bulk", bulkBody("", one))
}

func TestPartsLeftOut(t *testing.T) {
	t.Parallel()
	search := `{"schemas": ["` + scim.SearchURN + `"]}`
	b := setup(t, func(o *server.Options) { o.NoETag, o.NoSearch, o.NoSort, o.Paging = true, true, true, server.NoPaging })
	id := b.user(t, "zoe")
	b.user(t, "ann")
	a := b.must(t, 200, "GET", "/Users/"+id, "", "If-None-Match", `W/"1"`)
	if meta := a.body["meta"].(map[string]any); a.header.Get("ETag") != "" || meta["version"] != nil {
		t.Errorf("a version shows: %v", meta)
	}
	b.must(t, 200, "PATCH", "/Users/"+id, patchBody(`{"op": "replace", "path": "title", "value": "Dr"}`), "If-Match", `W/"9"`)
	b.must(t, 404, "POST", "/.search", search)
	b.must(t, 404, "POST", "/Users/.search", search)
	a = b.must(t, 200, "GET", "/Users?count=1&startIndex=2&cursor=zz&sortBy=userName", "")
	if list := a.body["Resources"].([]any); len(list) != 2 || list[0].(map[string]any)["userName"] != "zoe" {
		t.Errorf("a list without paging or sorting: %s", a.raw)
	}
	config := b.must(t, 200, "GET", "/ServiceProviderConfig", "").body
	no := map[string]any{"supported": false}
	if config["pagination"] != nil || !cmp.Equal(config["etag"], any(no)) || !cmp.Equal(config["sort"], any(no)) {
		t.Errorf("configuration: %v", config)
	}
	b.must(t, 204, "DELETE", "/Users/"+id, "", "If-Match", `W/"9"`)
}

func TestPagingByCursorOnly(t *testing.T) {
	t.Parallel()
	b := setup(t, func(o *server.Options) { o.Paging = server.CursorPaging })
	for i := range 3 {
		b.user(t, fmt.Sprint("u", i))
	}
	seen, path := 0, "/Users?count=2&startIndex=3"
	for pages := 1; ; pages++ {
		a := b.must(t, 200, "GET", path, "")
		seen += len(a.body["Resources"].([]any))
		next, more := a.body["nextCursor"].(string)
		if !more {
			if pages != 2 || seen != 3 {
				t.Errorf("%d resources on %d pages", seen, pages)
			}
			break
		}
		path = "/Users?count=2&cursor=" + next
	}
	paging := b.must(t, 200, "GET", "/ServiceProviderConfig", "").body["pagination"].(map[string]any)
	if paging["index"] != false || paging["cursor"] != true || paging["defaultPaginationMethod"] != "cursor" {
		t.Errorf("configuration: %v", paging)
	}
	b = setup(t, func(o *server.Options) { o.Paging = server.IndexPaging })
	b.user(t, "u")
	if a := b.must(t, 200, "GET", "/Users?cursor=zz", ""); a.body["startIndex"] != 1.0 {
		t.Errorf("a cursor where there is none: %s", a.raw)
	}
}

func TestUsersOnly(t *testing.T) {
	t.Parallel()
	b := setup(t, func(o *server.Options) { o.UsersOnly = true })
	b.user(t, "ann")
	b.must(t, 404, "GET", "/Groups", "")
	b.must(t, 404, "POST", "/Groups", groupBody("g"))
	for _, path := range []string{"/ResourceTypes", "/Schemas"} {
		if a := b.must(t, 200, "GET", path, ""); strings.Contains(a.raw, scim.GroupURN) {
			t.Errorf("%s tells of groups", path)
		}
	}
	a := b.must(t, 200, "POST", "/.search", `{"schemas": ["`+scim.SearchURN+`"]}`)
	if a.body["totalResults"] != 1.0 {
		t.Errorf("search: %s", a.raw)
	}
}

func TestRequireIfMatch(t *testing.T) {
	t.Parallel()
	b := setup(t, func(o *server.Options) { o.RequireIfMatch = true })
	id := b.user(t, "ann")
	body := patchBody(`{"op": "replace", "path": "title", "value": "Dr"}`)
	b.must(t, http.StatusPreconditionRequired, "PATCH", "/Users/"+id, body)
	b.must(t, http.StatusPreconditionRequired, "PUT", "/Users/"+id, userBody("bob"))
	b.must(t, http.StatusPreconditionRequired, "DELETE", "/Users/"+id, "")
	b.must(t, 412, "PATCH", "/Users/"+id, body, "If-Match", `W/"2"`)
	b.must(t, 200, "PATCH", "/Users/"+id, body, "If-Match", `W/"1"`)
	b.must(t, 412, "DELETE", "/Users/"+id, "", "If-Match", `"1"`)
	b.must(t, 204, "DELETE", "/Users/"+id, "", "If-Match", `"2"`)
}

// Whatever comes, the answer is a whole one: results or a SCIM error, and no 500.
func FuzzBulk(f *testing.F) {
	f.Add(bulkBody("", post("u", "/Users", userBody("u")), post("g", "/Groups", groupBody("g", "bulkId:u"))))
	f.Add(bulkBody(`"failOnErrors": 1, `, `{"method": "DELETE", "path": "/Users/bulkId:x", "version": "*"}`))
	f.Add(bulkBody("", `{"method": "PATCH", "path": "/Users/%2F%00", "data": {"Operations": [{"op": "remove", "path": "bulkId:"}]}}`))
	f.Fuzz(func(t *testing.T, body string) {
		b := setup(t, withBulk)
		a := b.do(t, "POST", "/Bulk", body)
		if a.status != 200 && a.status != 400 && a.status != 413 {
			t.Fatalf("%d %s", a.status, a.raw)
		}
		operations, _ := a.body["Operations"].([]any)
		for _, op := range operations {
			if status, _ := op.(map[string]any)["status"].(string); len(status) != 3 || status[0] == '5' {
				t.Errorf("status %q", status)
			}
		}
	})
}
