package idp_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"simscim/sandbox/idp"
	"simscim/scim"
)

func TestEntra(t *testing.T) {
	t.Parallel()
	search := `{"schemas": ["` + scim.SearchURN + `"]}`
	without := func(name string) string { return strings.Replace(person("new"), `"`+name+`"`, `"x`+name+`"`, 1) }
	op := func(s string) string { return operations(s) }
	a := cast(t, idp.Options{Personality: "entra-scim"})
	a.play([]scene{
		// Users.
		{"POST", "/Users", without("userName"), 400, "userName"},
		{"POST", "/Users", without("password"), 400, "password is required"},
		{"POST", "/Users", without("familyName"), 400, "name.familyName is required"},
		{"POST", "/Users", without("givenName"), 400, "name.givenName is required"},
		{"POST", "/Users", without("active"), 400, "active is required"},
		{"POST", "/Users", without("displayName"), 400, "displayName is required"},
		{"POST", "/Users", without("mailNickname"), 400, "mailNickname is required"},
		{"POST", "/Users", person("U0"), 400, "another object with the same value"},
		{"PUT", "/Users/$0", person("u0"), 405, ""},
		{"PATCH", "/Users/$0", op(`{"op": "replace", "path": "title", "value": "Dr"}`), 204, ""},
		{"PATCH", "/Users/$0", strings.Replace(op(`{"op": "replace", "path": "urn:ietf:params:scim:schemas:core:2.0:User:title", "value": "Ms"}`), "Operations", "operations", 1), 204, ""},
		{"PATCH", "/Users/$0", op(`{"op": "replace", "path": "password", "value": "n3w"}`), 400, "only at creation"},
		{"PATCH", "/Users/$0", op(`{"op": "replace", "value": {"password": "n3w"}}`), 400, "only at creation"},
		{"PATCH", "/Users/$0", op(`{"op": "remove", "path": "` + entraUser + `:mailNickname"}`), 400, "cannot be removed"},
		{"PATCH", "/Users/$0", op(`{"op": "replace", "path": "` + entraUser + `:mailNickname", "value": "u00"}`), 204, ""},
		{"GET", "/users/$0", "", 200, `"title":"Ms"`},

		// Groups.
		{"PATCH", "/Groups/$g", op(addMany(20)), 204, ""},
		{"PATCH", "/Groups/$g", op(addMany(21)), 400, "too many members"},
		{"PATCH", "/Groups/$g", operations(addTwo, addTwo), 400, "single operation"},
		{"PATCH", "/Groups/$g", operations(addTwo, removeOne), 400, "requests of their own"},
		{"PATCH", "/Groups/$g", operations(addTwo, rename), 400, "requests of their own"},
		{"PATCH", "/Groups/$g", operations(removeOne, rename), 400, "requests of their own"},
		{"PATCH", "/Groups/$g", op(replaceAll), 400, "all at once"},
		{"PATCH", "/Groups/$g", op(clearAll), 400, "all at once"},
		{"PATCH", "/Groups/$g", operations(removeOne, strings.Replace(removeOne, "$0", "$1", 1)), 400, "too many members"},
		{"PATCH", "/Groups/$g", op(`{"op": "remove", "path": "members", "value": [{"value": "$0"}, {"value": "$1"}]}`), 400, "too many members"},
		{"PATCH", "/Groups/$g", op(removeOne), 204, ""},
		{"PATCH", "/Groups/$g", op(`{"op": "remove", "path": "members", "value": [{"value": "$1"}]}`), 204, ""},
		{
			"PATCH", "/Groups/$g", op(`{"op": "add", "path": "members", "value": [{"value": "$0"}, {"value": "77"}]}`), 404,
			"Resource '77' does not exist or one of its queried reference-property objects are not present.",
		},
		{"PATCH", "/Groups/$g", op(`{"op": "remove", "path": "members[value eq \"77\"]"}`), 404, "Resource '77' does not exist"},
		{"PATCH", "/Groups/$g", op(rename), 204, ""},

		// Filters.
		{"GET", `/Users?filter=userName eq "u0"`, "", 200, `"totalResults":1`},
		{"GET", `/Users?filter=userName ew "0"`, "", 200, `"totalResults":1`},
		{"GET", `/Users?filter=` + entraUser + `:mailNickname eq "u1"`, "", 200, `"totalResults":1`},
		{"GET", `/Users?filter=groups.value eq "$g" and id eq "$2"`, "", 200, `"totalResults":1`},
		{"GET", `/Users?filter=groups.value eq "$g" and id eq "$0"`, "", 200, `"totalResults":0`},
		{"GET", `/Users?filter=externalId eq "x-u0"`, "", 200, `"totalResults":1`},
		{"GET", `/Users?filter=externalId eq "x-u0" and userName eq "u0"`, "", 400, "invalidFilter"},
		{"GET", `/Users?filter=userName eq "u0" or userName eq "u1"`, "", 400, "invalidFilter"},
		{"GET", `/Users?filter=userName sw "u"`, "", 400, "invalidFilter"},
		{"GET", `/Users?filter=displayName eq "A B"`, "", 400, "invalidFilter"},
		{"GET", `/Groups?filter=members.value eq "$2"`, "", 200, `"totalResults":1`},
		{"GET", `/Groups?filter=externalId eq "x"`, "", 400, "invalidFilter"},
		{"GET", "/Users?count%20=1", "", 400, "white space"},
		{"GET", "/Users?count=%201", "", 400, "white space"},
		{"GET", "/Users?count=+1", "", 400, "white space"},

		// What there is not.
		{"POST", "/Bulk", `{}`, 404, ""},
		{"GET", "/Me", "", 404, ""},
		{"POST", "/Users/.search", search, 404, ""},
	})
	a.want(400, "GET", "/Users", "", "Accept", "*/*")
	a.want(400, "GET", "/serviceproviderconfig", "", "Accept", scim.MediaType)
	// Each call costs its sender, refused or not.
	calls := idp.Requests{Creates: 12, Patches: 21, Puts: 1, Bulks: 1, Reads: 2, Lists: 4, Filters: 13, Discovery: 1}
	if diff := cmp.Diff(calls, a.Requests()); diff != "" {
		t.Error(diff)
	}
}

func TestEntraAnswers(t *testing.T) {
	t.Parallel()
	a := cast(t, idp.Options{Personality: "entra-scim"})
	r := a.want(200, "GET", "/Groups/"+a.group, "")
	want := map[string]any{
		"schemas": []any{scim.GroupURN}, "id": a.group, "displayName": "10A",
		"meta": map[string]any{"resourceType": "group", "location": "/groups/" + a.group, "created": "2026-09-01T00:00:00.000Z"},
	}
	if diff := cmp.Diff(want, r.doc); diff != "" {
		t.Error(diff)
	}
	if r.header.Get("ETag") != "" {
		t.Error("there is an ETag")
	}
	r = a.want(200, "GET", "/users?count=2", "")
	list, _ := r.doc["resources"].([]any)
	if len(list) != 2 || r.doc["Resources"] != nil || r.doc["totalResults"] != nil || r.doc["itemsPerPage"] != 2.0 {
		t.Fatalf("the list: %s", r.raw)
	}
	meta := list[0].(map[string]any)["meta"]
	if diff := cmp.Diff(map[string]any{"resourceType": "user", "location": "/users/" + a.users[0]}, meta); diff != "" {
		t.Error(diff)
	}
	r = a.want(200, "GET", "/users?count=2&cursor="+r.doc["nextCursor"].(string), "")
	if list, _ = r.doc["resources"].([]any); len(list) != 1 || r.doc["nextCursor"] != nil {
		t.Errorf("the second page: %s", r.raw)
	}
	r = a.want(201, "POST", "/users", person("new"))
	if at := r.header.Get("Location"); at != "/users/"+r.doc["id"].(string) {
		t.Errorf("Location %q", at)
	}
	if r.doc["password"] != nil {
		t.Error("the password came back")
	}
	config := a.want(200, "GET", "/serviceproviderconfig", "").doc
	wantPaging := map[string]any{"cursor": true, "index": false, "defaultPaginationMethod": "cursor", "defaultPageSize": 100.0, "maxPageSize": 1000.0}
	if diff := cmp.Diff(wantPaging, config["pagination"]); diff != "" {
		t.Error(diff)
	}
	wantBulk := map[string]any{"supported": false, "maxOperations": 0.0, "maxPayloadSize": 0.0}
	if diff := cmp.Diff(wantBulk, config["bulk"]); diff != "" {
		t.Error(diff)
	}
}
