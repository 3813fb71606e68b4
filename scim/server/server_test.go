package server_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"simscim/internal/secret"
	"simscim/scim"
	"simscim/scim/server"
	"simscim/scim/server/memstore"
)

const token = "let-me-in"

var start = time.Date(2026, 9, 1, 8, 0, 0, 0, time.UTC)

// bench is a server with an empty store and a clock that moves a second with each look.
type bench struct {
	handler http.Handler
	store   *memstore.Store
}

func options() server.Options {
	var ids, ticks atomic.Int64
	return server.Options{
		BasePath: "/scim/v2", Tokens: []secret.Value{secret.New("other"), secret.New(token)}, FreeExtensions: true,
		Now:   func() time.Time { return start.Add(time.Duration(ticks.Add(1)) * time.Second) },
		NewID: func() string { return fmt.Sprintf("id-%d", ids.Add(1)) },
	}
}

func setup(t testing.TB, change func(*server.Options)) *bench {
	t.Helper()
	o := options()
	if change != nil {
		change(&o)
	}
	store := memstore.New(memstore.Options{Now: func() time.Time { return start }})
	h, err := server.New(store, o)
	if err != nil {
		t.Fatal(err)
	}
	return &bench{handler: h, store: store}
}

type answer struct {
	status int
	header http.Header
	body   map[string]any
	raw    string
}

func (b *bench) do(t testing.TB, method, path, body string, header ...string) answer {
	t.Helper()
	var reader io.Reader
	if body != "" {
		reader = strings.NewReader(body)
	}
	r := httptest.NewRequestWithContext(t.Context(), method, "http://idp.test/scim/v2"+path, reader)
	r.Header.Set("Authorization", "Bearer "+token)
	if body != "" {
		r.Header.Set("Content-Type", scim.MediaType)
	}
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	b.handler.ServeHTTP(w, r)
	a := answer{status: w.Code, header: w.Header(), raw: w.Body.String()}
	if w.Body.Len() > 0 {
		if got := w.Header().Get("Content-Type"); got != scim.MediaType {
			t.Errorf("%s %s: Content-Type %q", method, path, got)
		}
		if err := json.Unmarshal(w.Body.Bytes(), &a.body); err != nil {
			t.Fatalf("%s %s: %v in %s", method, path, err, w.Body)
		}
	}
	return a
}

// must is do with an expected status; errors must be whole SCIM errors.
func (b *bench) must(t testing.TB, status int, method, path, body string, header ...string) answer {
	t.Helper()
	a := b.do(t, method, path, body, header...)
	if a.status != status {
		t.Fatalf("%s %s: got %d, want %d: %s", method, path, a.status, status, a.raw)
	}
	if status >= 400 {
		if a.body["status"] != fmt.Sprint(status) || a.body["detail"] == "" || !cmp.Equal(a.body["schemas"], []any{scim.ErrorURN}) {
			t.Errorf("%s %s: not a SCIM error: %s", method, path, a.raw)
		}
	}
	return a
}

func userBody(name string, more ...string) string {
	extra := ""
	if len(more) > 0 {
		extra = ", " + strings.Join(more, ", ")
	}
	return `{"schemas": ["` + scim.UserURN + `"], "userName": "` + name + `"` + extra + `}`
}

func (b *bench) user(t testing.TB, name string, more ...string) string {
	t.Helper()
	return b.must(t, 201, "POST", "/Users", userBody(name, more...)).body["id"].(string)
}

func groupBody(name string, members ...string) string {
	list := make([]string, 0, len(members))
	for _, id := range members {
		list = append(list, `{"value": "`+id+`"}`)
	}
	return `{"schemas": ["` + scim.GroupURN + `"], "displayName": "` + name + `", "members": [` + strings.Join(list, ",") + `]}`
}

func patchBody(ops string) string {
	return `{"schemas": ["` + scim.PatchOpURN + `"], "Operations": [` + ops + `]}`
}

func TestLifeOfAUser(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	a := b.must(t, 201, "POST", "/Users", userBody("Zoe@oak.test", `"externalId": "X1"`, `"name": {"givenName": "Zoë"}`,
		`"password": "pw"`, `"id": "mine"`, `"nonsense": 1`, `"active": true`,
		`"`+scim.EnterpriseURN+`": {"department": "Maths"}`, `"urn:x:school": {"house": "Red", "years": 7, "clubs": ["a"]}`))
	want := map[string]any{
		"id": "id-1", "externalId": "X1", "userName": "Zoe@oak.test", "active": true, "name": map[string]any{"givenName": "Zoë"},
		scim.EnterpriseURN: map[string]any{"department": "Maths"},
		"urn:x:school":     map[string]any{"house": "Red", "years": 7.0, "clubs": []any{"a"}},
		"schemas":          []any{scim.UserURN, scim.EnterpriseURN, "urn:x:school"},
		"meta": map[string]any{
			"resourceType": "User", "location": "http://idp.test/scim/v2/Users/id-1", "version": `W/"1"`,
			"created": "2026-09-01T08:00:01.000Z", "lastModified": "2026-09-01T08:00:01.000Z",
		},
	}
	if diff := cmp.Diff(want, a.body); diff != "" {
		t.Fatal(diff)
	}
	if a.header.Get("Location") != "http://idp.test/scim/v2/Users/id-1" || a.header.Get("ETag") != `W/"1"` {
		t.Errorf("headers: %v", a.header)
	}
	if diff := cmp.Diff(want, b.must(t, 200, "GET", "/Users/id-1", "").body); diff != "" {
		t.Error(diff)
	}

	b.must(t, 409, "POST", "/Users", userBody("ZOE@OAK.TEST"))

	a = b.must(t, 200, "PATCH", "/Users/id-1", patchBody(`{"op": "Replace", "value": {"active": "False", "name.familyName": "Carr", "urn:x:school": {"house": "Blue"}}}`))
	if a.body["active"] != false || a.header.Get("ETag") != `W/"2"` {
		t.Errorf("after PATCH: %s", a.raw)
	}
	if diff := cmp.Diff(map[string]any{"house": "Blue", "years": 7.0, "clubs": []any{"a"}}, a.body["urn:x:school"]); diff != "" {
		t.Error(diff)
	}
	// The same again changes nothing, not even the version.
	a = b.must(t, 200, "PATCH", "/Users/id-1", patchBody(`{"op": "replace", "path": "active", "value": false}`))
	if a.header.Get("ETag") != `W/"2"` {
		t.Errorf("a PATCH without effect made version %s", a.header.Get("ETag"))
	}

	a = b.must(t, 200, "PUT", "/Users/id-1", userBody("zoe@oak.test", `"title": "Ms"`))
	if a.body["name"] != nil || a.body["externalId"] != nil || a.body["title"] != "Ms" {
		t.Errorf("PUT kept what was left out: %s", a.raw)
	}

	b.must(t, 204, "DELETE", "/Users/id-1", "")
	b.must(t, 404, "DELETE", "/Users/id-1", "")
	b.must(t, 404, "GET", "/Users/id-1", "")
	b.must(t, 404, "PATCH", "/Users/id-1", patchBody(`{"op": "replace", "path": "active", "value": false}`))
	b.must(t, 404, "PUT", "/Users/id-1", userBody("zoe@oak.test"))
	b.user(t, "zoe@oak.test")
}

func TestGroups(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	ann, bob := b.user(t, "ann", `"displayName": "Ann"`), b.user(t, "bob")
	g := b.must(t, 201, "POST", "/Groups", groupBody("10A", ann, bob, ann)).body
	id := g["id"].(string)
	want := []any{
		map[string]any{"value": ann, "display": "Ann", "type": "User", "$ref": "http://idp.test/scim/v2/Users/" + ann},
		map[string]any{"value": bob, "display": "bob", "type": "User", "$ref": "http://idp.test/scim/v2/Users/" + bob},
	}
	if diff := cmp.Diff(want, g["members"]); diff != "" {
		t.Error(diff)
	}
	u := b.must(t, 200, "GET", "/Users/"+ann, "").body
	if diff := cmp.Diff([]any{map[string]any{"value": id, "display": "10A", "type": "direct", "$ref": "http://idp.test/scim/v2/Groups/" + id}}, u["groups"]); diff != "" {
		t.Error(diff)
	}
	b.must(t, 400, "PATCH", "/Groups/"+id, patchBody(`{"op": "add", "path": "members", "value": [{"value": "nobody"}]}`))
	b.must(t, 400, "PATCH", "/Users/"+ann, patchBody(`{"op": "add", "path": "groups", "value": [{"value": "`+id+`"}]}`))
	for _, f := range []string{`groups.value eq "` + id + `" and id eq "` + ann + `"`, `groups.display eq "10a" and userName eq "ann"`} {
		if a := b.must(t, 200, "GET", "/Users?filter="+escape(f), ""); a.body["totalResults"] != 1.0 {
			t.Errorf("%s: %s", f, a.raw)
		}
	}
	if a := b.must(t, 200, "GET", "/Groups?filter="+escape(`members.value eq "`+bob+`"`), ""); a.body["totalResults"] != 1.0 {
		t.Errorf("members.value: %s", a.raw)
	}
	a := b.must(t, 200, "GET", "/Groups/"+id+"?excludedAttributes=members", "")
	if _, ok := a.body["members"]; ok {
		t.Errorf("members were excluded: %s", a.raw)
	}

	b.must(t, 200, "PATCH", "/Groups/"+id, patchBody(`{"op": "Remove", "path": "members", "value": [{"value": "`+bob+`"}]}`))
	if got := b.must(t, 200, "GET", "/Groups/"+id, "").body["members"].([]any); len(got) != 1 {
		t.Errorf("members: %v", got)
	}
	b.must(t, 204, "DELETE", "/Users/"+ann, "")
	a = b.must(t, 200, "GET", "/Groups/"+id, "")
	if _, ok := a.body["members"]; ok || a.header.Get("ETag") != `W/"3"` {
		t.Errorf("after the last member is deleted: %s", a.raw)
	}
	b.must(t, 204, "DELETE", "/Groups/"+id, "")
	if users, groups, memberships := b.store.Counts(); users != 1 || groups != 0 || memberships != 0 {
		t.Errorf("left: %d users, %d groups, %d memberships", users, groups, memberships)
	}
}

func escape(s string) string {
	return strings.NewReplacer(" ", "%20", `"`, "%22", "[", "%5B", "]", "%5D", "+", "%2B", "&", "%26", "#", "%23").Replace(s)
}

func TestLists(t *testing.T) {
	t.Parallel()
	b := setup(t, func(o *server.Options) { o.PageMax = 4; o.PageDefault = 3 })
	for i, name := range []string{"Delta", "alpha", "Echo", "bravo", "Charlie"} {
		b.user(t, name, fmt.Sprintf(`"externalId": "%d", "title": "%s", "active": %v`, i, []string{"x", "X", "y", "", "z"}[i], i%2 == 0))
	}
	for _, tt := range []struct {
		query, want  string
		total, start float64
	}{
		{"", "Delta alpha Echo", 5, 1},
		{"?startIndex=4", "bravo Charlie", 5, 4},
		{"?startIndex=2&count=2", "alpha Echo", 5, 2},
		{"?startindex=0&COUNT=1", "Delta", 5, 1},
		{"?startIndex=-7&count=1", "Delta", 5, 1},
		{"?startIndex=6", "", 5, 6},
		{"?startIndex=99999999999999999999&count=99999999999999999999", "", 5, 2147483647},
		{"?count=100", "Delta alpha Echo bravo", 5, 1},
		{"?count=0", "", 5, 1},
		{"?count=-3", "", 5, 1},
		{"?unknown=1&filter=", "Delta alpha Echo", 5, 1},
		{"?sortBy=userName", "alpha bravo Charlie", 5, 1},
		{"?sortBy=userName&sortOrder=descending&count=2", "Echo Delta", 5, 1},
		{"?sortBy=title&count=4", "Delta alpha Echo Charlie", 5, 1},
		{"?sortBy=active&startIndex=2&count=2", "bravo Delta", 5, 2},
		{"?sortBy=meta.created&sortOrder=descending&count=1", "Charlie", 5, 1},
		{"?filter=" + escape(`userName eq "ALPHA"`), "alpha", 1, 1},
		{"?filter=" + escape(`externalId eq "2"`), "Echo", 1, 1},
		{"?filter=" + escape(`externalId eq "9"`), "", 0, 1},
		{"?filter=" + escape(`id eq "id-3"`), "Echo", 1, 1},
		{"?filter=" + escape(`active eq true and not (title eq "x")`), "Echo Charlie", 2, 1},
		{"?filter=" + escape(`active eq true`) + "&count=1&startIndex=2", "Echo", 3, 2},
		{"?filter=" + escape(`meta.lastModified gt "2026-09-01T08:00:03.0000000Z"`), "bravo Charlie", 2, 1},
		{"?filter=" + escape(`schemas eq "`+scim.UserURN+`" and meta.resourceType eq "User"`), "Delta alpha Echo", 5, 1},
	} {
		a := b.must(t, 200, "GET", "/Users"+tt.query, "")
		if got := names(a); got != tt.want || a.body["totalResults"] != tt.total || a.body["startIndex"] != tt.start {
			t.Errorf("%s: %q of %v from %v, want %q of %v from %v", tt.query, got, a.body["totalResults"], a.body["startIndex"], tt.want, tt.total, tt.start)
		}
		if len(strings.Fields(tt.want)) != int(a.body["itemsPerPage"].(float64)) {
			t.Errorf("%s: itemsPerPage %v", tt.query, a.body["itemsPerPage"])
		}
	}
	for query, scimType := range map[string]string{
		"?count=NaN":                                    scim.TypeInvalidValue,
		"?startIndex=1.5":                               scim.TypeInvalidValue,
		"?cursor=&count=x":                              scim.TypeInvalidCount,
		"?cursor=zzz":                                   scim.TypeInvalidCursor,
		"?cursor=AAAAAAAAAAAAAAAAAA":                    scim.TypeInvalidCursor,
		"?filter=userName":                              scim.TypeInvalidFilter,
		"?filter=" + strings.Repeat("(", 3000):          scim.TypeInvalidFilter,
		"?sortBy=a%20b":                                 scim.TypeInvalidPath,
		"?attributes=a%5Bb%5D":                          scim.TypeInvalidValue,
		"?filter=%zz":                                   scim.TypeInvalidSyntax,
		"?filter=" + escape(`userName eq "x" and`):      scim.TypeInvalidFilter,
		"?filter=" + escape(`emails[type eq "work"`):    scim.TypeInvalidFilter,
		"?filter=" + escape(`active gt true`):           scim.TypeInvalidFilter,
		"?filter=" + escape(`userName eq "`+"\xff"+`"`): scim.TypeInvalidFilter,
	} {
		if a := b.must(t, 400, "GET", "/Users"+query, ""); a.body["scimType"] != scimType {
			t.Errorf("%s: %s, want %s", query, a.raw, scimType)
		}
	}
	b.must(t, 403, "GET", "/Users?filter="+escape(`password sw "a"`), "")
	b.must(t, 403, "GET", "/Users?sortBy=Password", "")
}

func names(a answer) string {
	var out []string
	for _, r := range a.body["Resources"].([]any) {
		name, _ := r.(map[string]any)["userName"].(string)
		if name == "" {
			name, _ = r.(map[string]any)["displayName"].(string)
		}
		out = append(out, name)
	}
	return strings.Join(out, " ")
}

// A walk by cursor sees everybody once, also while others come and go.
func TestCursor(t *testing.T) {
	t.Parallel()
	for _, query := range []string{"?count=2", "?count=2&sortBy=userName", "?count=2&filter=" + escape(`userName sw "u"`)} {
		b := setup(t, nil)
		for i := range 5 {
			b.user(t, fmt.Sprintf("u%d", i))
		}
		var got []string
		path := "/Users" + query + "&cursor="
		for range 4 {
			a := b.must(t, 200, "GET", path, "")
			got = append(got, names(a))
			next, ok := a.body["nextCursor"].(string)
			if !ok {
				break
			}
			path = "/Users" + query + "&cursor=" + next
		}
		if diff := cmp.Diff([]string{"u0 u1", "u2 u3", "u4"}, got); diff != "" {
			t.Errorf("%s: %s", query, diff)
		}
		b.must(t, 400, "GET", strings.Replace(path, "count=2", `filter=id%20pr`, 1)+"&sortBy=id", "")
	}
	t.Run("deletions", func(t *testing.T) {
		t.Parallel()
		b := setup(t, nil)
		for i := range 5 {
			b.user(t, fmt.Sprintf("u%d", i))
		}
		a := b.must(t, 200, "GET", "/Users?count=2&cursor=", "")
		b.must(t, 204, "DELETE", "/Users/id-1", "")
		b.must(t, 204, "DELETE", "/Users/id-2", "")
		a = b.must(t, 200, "GET", "/Users?count=2&cursor="+a.body["nextCursor"].(string), "")
		if got := names(a); got != "u2 u3" {
			t.Errorf("got %s", got)
		}
	})
}

func TestProjection(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	b.user(t, "zoe", `"name": {"givenName": "Zoe", "familyName": "Carr"}`, `"title": "Ms"`, `"emails": [{"value": "a", "type": "work"}, {"value": "b", "type": "home"}]`,
		`"`+scim.EnterpriseURN+`": {"department": "Art", "division": "D"}`, `"urn:x:school": {"house": "Red"}`)
	keep := func(m map[string]any) map[string]any {
		m["id"], m["schemas"] = "id-1", []any{scim.UserURN, scim.EnterpriseURN, "urn:x:school"}
		return m
	}
	for query, want := range map[string]map[string]any{
		"attributes=USERNAME":                                         {"userName": "zoe"},
		"attributes=name.givenName,emails.value":                      {"name": map[string]any{"givenName": "Zoe"}, "emails": []any{map[string]any{"value": "a"}, map[string]any{"value": "b"}}},
		"attributes=name.givenName,name.familyName":                   {"name": map[string]any{"givenName": "Zoe", "familyName": "Carr"}},
		"attributes=" + scim.EnterpriseURN + ":department,nope":       {scim.EnterpriseURN: map[string]any{"department": "Art"}},
		"attributes=" + scim.EnterpriseURN + "&excludedAttributes=id": {scim.EnterpriseURN: map[string]any{"department": "Art", "division": "D"}},
		"excludedAttributes=id,schemas,meta,emails,groups,title,name.givenName," + scim.EnterpriseURN + ":division,urn:x:school": {
			"userName": "zoe", "name": map[string]any{"familyName": "Carr"}, scim.EnterpriseURN: map[string]any{"department": "Art"},
		},
		"excludedAttributes=meta,emails.type,title,name," + scim.EnterpriseURN + ",urn:x:school:house": {
			"userName": "zoe", "emails": []any{map[string]any{"value": "a"}, map[string]any{"value": "b"}}, "urn:x:school": map[string]any{},
		},
	} {
		if diff := cmp.Diff(keep(want), b.must(t, 200, "GET", "/Users/id-1?"+query, "").body); diff != "" {
			t.Errorf("%s:\n%s", query, diff)
		}
		list := b.must(t, 200, "GET", "/Users?"+query, "").body["Resources"].([]any)
		if diff := cmp.Diff(any(keep(want)), list[0]); diff != "" {
			t.Errorf("list %s:\n%s", query, diff)
		}
	}
	// A projection must not have reached the store.
	if got := b.must(t, 200, "GET", "/Users/id-1", "").body; len(got) != 9 || len(got["name"].(map[string]any)) != 2 {
		t.Errorf("the resource has changed: %v", got)
	}
}

func TestVersions(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	b.user(t, "zoe")
	ops := func(title string) string {
		return patchBody(`{"op": "replace", "path": "title", "value": "` + title + `"}`)
	}
	if a := b.must(t, 304, "GET", "/Users/id-1", "", "If-None-Match", `W/"1"`); a.raw != "" {
		t.Errorf("304 with a body: %s", a.raw)
	}
	b.must(t, 200, "GET", "/Users/id-1", "", "If-None-Match", `W/"9"`)
	b.must(t, 200, "PATCH", "/Users/id-1", ops("a"), "If-Match", `"0", W/"1"`)
	b.must(t, 412, "PATCH", "/Users/id-1", ops("b"), "If-Match", `W/"1"`)
	b.must(t, 412, "PUT", "/Users/id-1", userBody("zoe"), "If-Match", `W/"1"`)
	b.must(t, 412, "DELETE", "/Users/id-1", "", "If-Match", `W/"1"`)
	b.must(t, 412, "DELETE", "/Users/id-1", "", "If-Match", `rubbish`)
	b.must(t, 200, "PUT", "/Users/id-1", userBody("zoe"), "If-Match", `*`)
	b.must(t, 204, "DELETE", "/Users/id-1", "", "If-Match", `W/"3"`)
}

func TestSearch(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	ids := []string{b.user(t, "a"), b.user(t, "b"), b.user(t, "c")}
	b.must(t, 201, "POST", "/Groups", groupBody("g1", ids...))
	b.must(t, 201, "POST", "/Groups", groupBody("g2"))
	search := func(more string) string { return `{"schemas": ["` + scim.SearchURN + `"]` + more + `}` }
	for _, tt := range []struct{ path, more, want string }{
		{"/Users/.search", `, "filter": "userName eq \"b\""`, "b"},
		{"/Users/.search", `, "startIndex": 2, "count": 1, "attributes": ["userName", "id"]`, "b"},
		{"/Users/.search", `, "cursor": "", "count": 2`, "a b"},
		{"/Groups/.search", `, "sortBy": "displayName", "sortOrder": "descending", "excludedAttributes": ["members"]`, "g2 g1"},
		{"/.search", ``, "a b c g1 g2"},
		{"/.search", `, "startIndex": 3, "count": 2`, "c g1"},
		{"/.search", `, "startIndex": 5, "count": 2`, "g2"},
		{"/.search", `, "filter": "meta.resourceType eq \"Group\""`, "g1 g2"},
	} {
		a := b.must(t, 200, "POST", tt.path, search(tt.more))
		if got := names(a); got != tt.want {
			t.Errorf("%s %s: got %s, want %s", tt.path, tt.more, got, tt.want)
		}
	}
	for _, more := range []string{`, "filter": "x"`, `, "count": "x"`, `, "filter": 7`, `, "attributes": "userName"`} {
		b.must(t, 400, "POST", "/Users/.search", search(more))
	}
	b.must(t, 400, "POST", "/.search", search(`, "cursor": ""`))
	b.must(t, 400, "POST", "/.search", `{}`)
	b.must(t, 405, "GET", "/.search", "")
}

func TestDiscovery(t *testing.T) {
	t.Parallel()
	b := setup(t, func(o *server.Options) {
		o.Extensions = []server.Extension{{Kind: scim.User, URN: "urn:x:pupil", Name: "Pupil", Attributes: []server.ExtensionAttribute{{Name: "boarder", Type: "boolean"}, {Name: "years", Type: "integer"}}}}
	})
	a := b.must(t, 200, "GET", "/Schemas", "")
	if a.body["totalResults"] != 4.0 || len(a.body["Resources"].([]any)) != 4 {
		t.Errorf("schemas: %s", a.raw)
	}
	b.must(t, 200, "GET", "/Schemas/"+scim.EnterpriseURN, "")
	b.must(t, 404, "GET", "/Schemas/urn:nope", "")
	b.must(t, 403, "GET", "/Schemas?filter=id%20pr", "")
	if a := b.must(t, 200, "GET", "/ResourceTypes?count=0", ""); len(a.body["Resources"].([]any)) != 2 {
		t.Errorf("resource types: %s", a.raw)
	}
	b.must(t, 200, "GET", "/ResourceTypes/Group", "")
	config := b.must(t, 200, "GET", "/ServiceProviderConfig", "").body
	want := map[string]any{"cursor": true, "index": true, "defaultPaginationMethod": "index", "defaultPageSize": 100.0, "maxPageSize": 200.0}
	if diff := cmp.Diff(want, config["pagination"]); diff != "" {
		t.Error(diff)
	}
	// A known extension is validated, a plain text repaired where it is a boolean.
	got := b.must(t, 201, "POST", "/Users", userBody("z", `"URN:X:Pupil": {"boarder": "True", "years": 3, "other": 1}`)).body
	if diff := cmp.Diff(map[string]any{"boarder": true, "years": 3.0}, got["urn:x:pupil"]); diff != "" {
		t.Error(diff)
	}
	b.must(t, 400, "POST", "/Users", userBody("y", `"urn:x:pupil": {"years": "three"}`))
	b.must(t, 400, "PATCH", "/Users/id-1", patchBody(`{"op": "replace", "path": "urn:x:pupil:years", "value": "three"}`))
	b.must(t, 200, "PATCH", "/Users/id-1", patchBody(`{"op": "replace", "path": "urn:x:pupil:years", "value": 4}`))
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	b := setup(t, func(o *server.Options) { o.MaxBody = 4096 })
	b.user(t, "zoe")
	for _, tt := range []struct {
		status             int
		method, path, body string
	}{
		{404, "GET", "/", ""},
		{404, "GET", "", ""},
		{404, "GET", "/Nonsense", ""},
		{404, "GET", "/Users/", ""},
		{404, "GET", "/Users/a/b", ""},
		{404, "GET", "/Users/00919288221112222", ""},
		{404, "GET", "/Users/%25zz", ""},
		{404, "GET", "/UsersX", ""},
		{405, "PUT", "/Users", userBody("x")},
		{405, "DELETE", "/Users", ""},
		{405, "POST", "/Users/id-1", userBody("x")},
		{405, "HEAD2", "/Users", ""},
		{405, "POST", "/Schemas", "{}"},
		{501, "POST", "/Bulk", "{}"},
		{501, "GET", "/Me", ""},
		{501, "PATCH", "/Me", "{}"},
		{400, "POST", "/Users", `{`},
		{400, "POST", "/Users", `[]`},
		{400, "POST", "/Users", `"x"`},
		{400, "POST", "/Users", `null`},
		{400, "POST", "/Users", userBody("x") + "{}"},
		{400, "POST", "/Users", `{"userName": "x"}`},
		{400, "POST", "/Users", `{"schemas": "` + scim.UserURN + `", "userName": "x"}`},
		{400, "POST", "/Users", `{"schemas": [7], "userName": "x"}`},
		{400, "POST", "/Users", groupBody("x")},
		{400, "POST", "/Users", `{"schemas": ["` + scim.UserURN + `"]}`},
		{400, "POST", "/Users", userBody("")},
		{400, "POST", "/Users", userBody("x", `"userName": "y"`)},
		{400, "POST", "/Users", userBody("x", `"USERNAME": "y"`)},
		{400, "POST", "/Users", userBody("x", `"title": "a", "\u0074itle": "b"`)},
		{400, "POST", "/Users", userBody("x", `"name": {"givenName": "a", "x": ["{,\"}"], "givenName": "b"}`)},
		{201, "POST", "/Users", userBody("y", `"name": {"givenName": "a\\"}, "emails": [{"value": "a"}, {"value": "a", "type": "{\"value\": 1, \"value\": 2}"}]`)},
		{400, "POST", "/Users", userBody("x", `"name": "Zoe"`)},
		{400, "POST", "/Users", userBody("x", `"active": "perhaps"`)},
		{400, "POST", "/Users", userBody("x", `"active": 1`)},
		{400, "POST", "/Users", userBody("x", `"emails": "e"`)},
		{400, "POST", "/Users", userBody("x", `"emails": [["e"]]`)},
		{400, "POST", "/Users", userBody("x", `"title": {"a": 1}`)},
		{400, "POST", "/Users", userBody("x", `"externalId": 7`)},
		{400, "POST", "/Users", userBody("x", `"title": `+strings.Repeat("[", 300)+strings.Repeat("]", 300))},
		{400, "POST", "/Users", strings.Repeat(`{"a":`, 500)},
		{413, "POST", "/Users", userBody("x", `"title": "`+strings.Repeat("t", 5000)+`"`)},
		{413, "PATCH", "/Users/id-1", patchBody(`{"op": "add", "path": "title", "value": "` + strings.Repeat("t", 5000) + `"}`)},
		{400, "POST", "/Groups", groupBody("g", "nobody")},
		{400, "POST", "/Groups", `{"schemas": ["` + scim.GroupURN + `"], "displayName": "g", "members": [{}]}`},
		{400, "POST", "/Groups", `{"schemas": ["` + scim.GroupURN + `"]}`},
		{400, "PATCH", "/Users/id-1", patchBody(`{"op": "remove", "path": "userName"}`)},
		{400, "PATCH", "/Users/id-1", patchBody(`{"op": "replace", "path": "userName", "value": ""}`)},
		{400, "PATCH", "/Users/id-1", patchBody(`{"op": "replace", "path": "name", "value": "x"}`)},
		{400, "PATCH", "/Users/id-1", patchBody(`{"op": "replace", "path": "active", "value": "x"}`)},
		{400, "PATCH", "/Users/id-1", patchBody(`{"op": "replace", "op": "add", "path": "title", "value": "x"}`)},
		{400, "PATCH", "/Users/id-1", patchBody(``)},
		{400, "PATCH", "/Users/id-1", `{}`},
	} {
		a := b.must(t, tt.status, tt.method, tt.path, tt.body)
		if tt.status == 405 && a.header.Get("Allow") == "" {
			t.Errorf("%s %s: no Allow header", tt.method, tt.path)
		}
	}
	b.must(t, 415, "POST", "/Users", userBody("x"), "Content-Type", "text/xml")
	b.must(t, 201, "POST", "/Users", userBody("x"), "Content-Type", "application/json")
	if users, groups, _ := b.store.Counts(); users != 3 || groups != 0 {
		t.Errorf("a refused request left %d users and %d groups", users, groups)
	}
}

// The library does not say which attribute it refuses; the answer does.
func TestRefusalsNameTheAttribute(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	b.user(t, "zoe")
	for name, body := range map[string]string{
		"userName":                         `{"schemas": ["` + scim.UserURN + `"], "title": "secret"}`,
		"active":                           userBody("x", `"active": 1, "title": "secret"`),
		"name":                             userBody("x", `"name": {"givenName": ["secret"]}`),
		"externalId":                       userBody("x", `"externalId": 7`),
		scim.EnterpriseURN + ":department": userBody("x", `"`+scim.EnterpriseURN+`": {"department": 1}`),
	} {
		a := b.must(t, 400, "POST", "/Users", body)
		if detail := a.body["detail"].(string); !strings.HasSuffix(detail, ": "+name) || strings.Contains(detail, "secret") {
			t.Errorf("%s: %s", name, detail)
		}
	}
	a := b.must(t, 400, "PATCH", "/Users/id-1", patchBody(`{"op": "add", "path": "emails", "value": "x"}`))
	if detail := a.body["detail"].(string); !strings.HasSuffix(detail, ": emails") {
		t.Error(detail)
	}
}

// A body without a declared length is cut at the limit as well.
func TestChunkedBodyIsBounded(t *testing.T) {
	t.Parallel()
	b := setup(t, func(o *server.Options) { o.MaxBody = 4096 })
	r := httptest.NewRequestWithContext(t.Context(), "POST", "/scim/v2/Users", io.LimitReader(zeros{}, 1<<30))
	r.ContentLength = -1
	r.Header.Set("Authorization", "Bearer "+token)
	w := httptest.NewRecorder()
	b.handler.ServeHTTP(w, r)
	if w.Code != 413 {
		t.Errorf("got %d", w.Code)
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = '0'
	}
	return len(p), nil
}

func TestAuthentication(t *testing.T) {
	t.Parallel()
	b := setup(t, func(o *server.Options) {
		o.Authenticate = func(r *http.Request) bool { return r.Header.Get("X-Client") == "known" }
	})
	for header, status := range map[string]int{
		"": 401, "non-token": 401, "Bearer": 401, "Bearer ": 401, "Bearer let-me-i": 401, "Bearer let-me-in2": 401, "Basic let-me-in": 401,
		"Bearer let-me-in": 200, "bearer  let-me-in": 200, "Bearer other": 200,
	} {
		a := b.must(t, status, "GET", "/Users", "", "Authorization", header)
		if status == 401 && a.header.Get("WWW-Authenticate") == "" {
			t.Errorf("%q: no WWW-Authenticate", header)
		}
	}
	b.must(t, 200, "GET", "/Users", "", "Authorization", "", "X-Client", "known")
	b.must(t, 401, "GET", "/Nonsense", "", "Authorization", "")
}

func TestReadOnly(t *testing.T) {
	t.Parallel()
	store := memstore.New(memstore.Options{})
	if _, err := store.Create(t.Context(), scim.User, server.Resource{ID: "1", Attributes: map[string]any{"userName": "zoe"}}); err != nil {
		t.Fatal(err)
	}
	h, err := server.New(store, server.Options{BasePath: "/scim/v2/", Tokens: []secret.Value{secret.New(token)}, ReadOnly: true, BaseURL: "https://feed.test/scim/v2"})
	if err != nil {
		t.Fatal(err)
	}
	b := &bench{handler: h, store: store}
	b.must(t, 403, "POST", "/Users", userBody("x"))
	b.must(t, 403, "PUT", "/Users/1", userBody("x"))
	b.must(t, 403, "PATCH", "/Users/1", patchBody(`{"op": "remove", "path": "title"}`))
	b.must(t, 403, "DELETE", "/Users/1", "")
	a := b.must(t, 200, "GET", "/Users/1", "")
	if got := a.body["meta"].(map[string]any)["location"]; got != "https://feed.test/scim/v2/Users/1" {
		t.Errorf("location %v", got)
	}
	b.must(t, 200, "POST", "/Users/.search", `{"schemas": ["`+scim.SearchURN+`"]}`)
}

func TestNewRefuses(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*server.Options){
		"nobody may":    func(o *server.Options) { o.Tokens = nil },
		"empty token":   func(o *server.Options) { o.Tokens = []secret.Value{{}} },
		"no clock":      func(o *server.Options) { o.Now = nil },
		"no ids":        func(o *server.Options) { o.NewID = nil },
		"extension URN": func(o *server.Options) { o.Extensions = []server.Extension{{Kind: scim.User, URN: "x"}} },
		"extension name": func(o *server.Options) {
			o.Extensions = []server.Extension{{Kind: scim.User, URN: "urn:x:y", Attributes: []server.ExtensionAttribute{{Name: "a b"}}}}
		},
		"extension type": func(o *server.Options) {
			o.Extensions = []server.Extension{{Kind: scim.User, URN: "urn:x:y", Attributes: []server.ExtensionAttribute{{Name: "a", Type: "blob"}}}}
		},
		"extension twice": func(o *server.Options) { o.Extensions = []server.Extension{{Kind: scim.User, URN: scim.EnterpriseURN}} },
	} {
		o := options()
		change(&o)
		if _, err := server.New(memstore.New(memstore.Options{}), o); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

// Entra ID and Okta send bodies that the RFC does not allow; strict refuses them.
func TestOddities(t *testing.T) {
	t.Parallel()
	body := userBody("zoe", `"active": "True"`, `"emails": {"value": "a", "primary": "true"}`, `"title": null`, `"phoneNumbers": [null]`,
		`"`+strings.ToUpper(scim.EnterpriseURN)+`": {"manager": "7", "department": null}`)
	b := setup(t, nil)
	got := b.must(t, 201, "POST", "/Users", body).body
	delete(got, "meta")
	want := map[string]any{
		"id": "id-1", "userName": "zoe", "active": true, "emails": []any{map[string]any{"value": "a", "primary": true}},
		scim.EnterpriseURN: map[string]any{"manager": map[string]any{"value": "7"}}, "schemas": []any{scim.UserURN, scim.EnterpriseURN},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	strict := setup(t, func(o *server.Options) { o.Strict = true })
	strict.must(t, 400, "POST", "/Users", body)
	ann := b.user(t, "ann")
	g := b.must(t, 201, "POST", "/Groups", `{"schemas": ["`+scim.GroupURN+`", "http://schemas.microsoft.com/2006/11/ResourceManagement/ADSCIM/2.0/Group"], "displayName": "g", "members": []}`).body["id"].(string)
	b.must(t, 200, "PATCH", "/Groups/"+g, patchBody(`{"op": "Add", "path": "members", "value": [{"$ref": null, "value": "`+ann+`"}]}`))
	b.must(t, 200, "PATCH", "/Groups/"+g, patchBody(`{"op": "replace", "value": {"id": "`+g+`", "displayName": "h"}}`))
	if got := b.must(t, 200, "GET", "/Groups/"+g, "").body; got["displayName"] != "h" || len(got["members"].([]any)) != 1 {
		t.Errorf("group: %v", got)
	}
	none := setup(t, func(o *server.Options) { o.NoContent = true; o.FreeExtensions = false })
	none.user(t, "a", `"urn:x:y": {"z": 1}`)
	if got := none.must(t, 200, "GET", "/Users/id-1", "").body; got["urn:x:y"] != nil {
		t.Errorf("an unknown extension was kept: %v", got)
	}
	if a := none.must(t, 204, "PATCH", "/Users/id-1", patchBody(`{"op": "add", "path": "title", "value": "t"}`)); a.raw != "" {
		t.Errorf("204 with a body")
	}
	none.must(t, 200, "PATCH", "/Users/id-1?attributes=title", patchBody(`{"op": "add", "path": "title", "value": "u"}`))
}

// Clients that change one group at once lose nothing.
func TestConcurrentPatches(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	g := b.must(t, 201, "POST", "/Groups", groupBody("g")).body["id"].(string)
	var wg sync.WaitGroup
	for i := range 16 {
		id := b.user(t, fmt.Sprintf("u%d", i))
		wg.Go(func() {
			if a := b.do(t, "PATCH", "/Groups/"+g, patchBody(`{"op": "add", "path": "members", "value": [{"value": "`+id+`"}]}`)); a.status != 200 {
				t.Errorf("got %d: %s", a.status, a.raw)
			}
			b.do(t, "GET", "/Users?filter="+escape(`groups.value eq "`+g+`"`), "")
		})
	}
	wg.Wait()
	if _, _, memberships := b.store.Counts(); memberships != 16 {
		t.Errorf("%d memberships", memberships)
	}
}

type broken struct{ server.Store }

func (broken) Get(context.Context, scim.Kind, string) (server.Resource, error) {
	return server.Resource{}, fmt.Errorf("disk on fire at zoe@oak.test")
}

func (broken) List(context.Context, scim.Kind, server.Query) (server.Page, error) {
	panic("zoe@oak.test")
}

// What goes wrong inside is told to the operator and not to the client.
func TestInternalErrors(t *testing.T) {
	t.Parallel()
	var told []string
	o := options()
	o.Report = func(err error) { told = append(told, err.Error()) }
	h, err := server.New(broken{}, o)
	if err != nil {
		t.Fatal(err)
	}
	b := &bench{handler: h}
	for _, path := range []string{"/Users/1", "/Users"} {
		if a := b.must(t, 500, "GET", path, ""); strings.Contains(a.raw, "zoe") {
			t.Errorf("leaked: %s", a.raw)
		}
	}
	if len(told) != 2 || strings.Contains(told[1], "zoe") {
		t.Errorf("reported: %v", told)
	}
}

func FuzzServe(f *testing.F) {
	for _, body := range []string{userBody("x"), groupBody("g"), patchBody(`{"op": "add", "path": "title", "value": "t"}`), `{"schemas": ["` + scim.SearchURN + `"], "filter": "id pr"}`} {
		f.Add(uint8(0), "", body)
		f.Add(uint8(7), "filter=a%20pr&count=x&cursor=", body)
	}
	f.Fuzz(func(t *testing.T, n uint8, query, body string) {
		b := setup(t, nil)
		b.user(t, "zoe")
		method := []string{"POST", "PUT", "PATCH", "GET"}[n%4]
		path := []string{"/Users", "/Users/id-1", "/Groups", "/.search", "/Users/.search"}[n/4%5]
		r := httptest.NewRequestWithContext(t.Context(), method, "/scim/v2"+path, bytes.NewReader([]byte(body)))
		r.URL.RawQuery = query
		r.Header.Set("Authorization", "Bearer "+token)
		w := httptest.NewRecorder()
		b.handler.ServeHTTP(w, r)
		if w.Code >= 500 {
			t.Fatalf("%s %s?%s with %q: %d %s", method, path, query, body, w.Code, w.Body)
		}
	})
}

func BenchmarkCreate(b *testing.B) {
	s := setup(b, nil)
	for i := 0; b.Loop(); i++ {
		body := userBody(fmt.Sprintf("user-%d@oak.test", i), fmt.Sprintf(`"externalId": "x-%d"`, i), `"name": {"givenName": "Zoe", "familyName": "Carr"}`,
			`"displayName": "Zoe Carr"`, `"emails": [{"value": "zoe@oak.test", "type": "work", "primary": true}]`, `"active": true`)
		s.must(b, 201, "POST", "/Users", body)
	}
}

func BenchmarkFind(b *testing.B) {
	s := setup(b, nil)
	for i := range 10000 {
		s.user(b, fmt.Sprintf("user-%d@oak.test", i), fmt.Sprintf(`"externalId": "x-%d"`, i))
	}
	for b.Loop() {
		s.must(b, 200, "GET", "/Users?filter="+escape(`externalId eq "x-7777"`), "")
	}
}
