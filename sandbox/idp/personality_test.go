package idp_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"simscim/sandbox/idp"
	"simscim/scim"
)

// actor is an identity provider with a personality, with three users and, where there
// are groups, one of the first two users or of nobody.
type actor struct {
	*idp.IDP
	t     *testing.T
	users []string
	group string
}

// cast makes an actor. What it is asked for in doing so must be right for everybody.
func cast(t *testing.T, o idp.Options) *actor {
	t.Helper()
	p, err := idp.Open(o)
	if err != nil {
		t.Fatal(err)
	}
	a := &actor{IDP: p, t: t}
	for i := range 3 {
		a.users = append(a.users, a.want(201, "POST", "/Users", person(fmt.Sprint("u", i))).doc["id"].(string))
	}
	for _, body := range []string{group("10A", a.users[0], a.users[1]), group("10A")} {
		if r := a.ask("POST", "/Groups", body); r.status == 201 {
			a.group = r.doc["id"].(string)
			break
		}
	}
	return a
}

// reply is an answer.
type reply struct {
	status int
	header http.Header
	doc    map[string]any
	raw    string
}

func (a *actor) ask(method, path, body string, header ...string) reply {
	a.t.Helper()
	r := httptest.NewRequestWithContext(a.t.Context(), method, a.BasePath()+path, strings.NewReader(body))
	r.Header.Set("Authorization", "Bearer "+a.Token())
	r.Header.Set("Content-Type", scim.MediaType)
	r.Header.Set("Accept", "application/scim+json, application/json;q=0.5")
	r.Header.Set("User-Agent", "test")
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	a.Handler().ServeHTTP(w, r)
	got := reply{status: w.Code, header: w.Header(), raw: w.Body.String()}
	if w.Body.Len() > 0 {
		d := json.NewDecoder(bytes.NewReader(w.Body.Bytes()))
		if err := d.Decode(&got.doc); err != nil {
			a.t.Fatalf("%s %s: %v in %s", method, path, err, w.Body)
		}
		if length := w.Header().Get("Content-Length"); length != fmt.Sprint(w.Body.Len()) {
			a.t.Errorf("%s %s: Content-Length %s of %d", method, path, length, w.Body.Len())
		}
	}
	return got
}

func (a *actor) want(status int, method, path, body string, header ...string) reply {
	a.t.Helper()
	got := a.ask(method, path, body, header...)
	if got.status != status {
		a.t.Fatalf("%s %s %s: got %d, want %d: %s", a.Personality(), method, path, got.status, status, got.raw)
	}
	if status >= 400 && (got.doc["status"] != fmt.Sprint(status) || got.doc["detail"] == "") {
		a.t.Errorf("%s %s %s: not a SCIM error: %s", a.Personality(), method, path, got.raw)
	}
	return got
}

// path fills in "$0", "$1", "$2" and "$g", the ids of the users and of the group, and
// percent-encodes what follows "filter=".
func (a *actor) fill(s string) string {
	s = strings.NewReplacer("$0", a.users[0], "$1", a.users[1], "$2", a.users[2], "$g", a.group).Replace(s)
	if head, query, ok := strings.Cut(s, "filter="); ok {
		s = head + "filter=" + url.QueryEscape(query)
	}
	return s
}

// scene is one request and the answer that the documents promise.
type scene struct {
	method, path, body string
	status             int
	// says stands in the answer.
	says string
}

func (a *actor) play(scenes []scene) {
	a.t.Helper()
	for _, s := range scenes {
		if got := a.want(s.status, s.method, a.fill(s.path), a.fill(s.body)); !strings.Contains(got.raw, a.fill(s.says)) {
			a.t.Errorf("%s %s %s: %q is not in %s", a.Personality(), s.method, s.path, s.says, got.raw)
		}
	}
}

// person is a user with everything that anybody requires.
func person(name string) string {
	return `{"schemas": ["` + scim.UserURN + `", "` + entraUser + `"], "userName": "` + name + `", "externalId": "x-` + name + `",
		"name": {"givenName": "A", "familyName": "B"}, "displayName": "A B", "active": true, "password": "Pa55word!",
		"emails": [{"value": "` + name + `@oak.test", "type": "work", "primary": true}],
		"` + entraUser + `": {"mailNickname": "` + name + `"}}`
}

const entraUser = "urn:ietf:params:scim:schemas:extension:Microsoft:Entra:2.0:User"

func operations(ops ...string) string {
	return `{"schemas": ["` + scim.PatchOpURN + `"], "Operations": [` + strings.Join(ops, ",") + `]}`
}

const (
	addTwo     = `{"op": "add", "path": "members", "value": [{"value": "$2"}]}`
	removeOne  = `{"op": "remove", "path": "members[value eq \"$0\"]"}`
	rename     = `{"op": "replace", "path": "displayName", "value": "10B"}`
	replaceAll = `{"op": "replace", "path": "members", "value": [{"value": "$2"}]}`
	clearAll   = `{"op": "remove", "path": "members"}`
)

func many(n int, item func(i int) string) string {
	list := make([]string, n)
	for i := range list {
		list[i] = item(i)
	}
	return strings.Join(list, ",")
}

// addMany adds the same user so many times over: what counts is how many are named.
func addMany(n int) string {
	return `{"op": "add", "path": "members", "value": [` + many(n, func(int) string { return `{"value": "$2"}` }) + `]}`
}

// inBulk is a bulk request of one operation.
func inBulk(method, path, version, data string) string {
	return `{"schemas": ["` + scim.BulkRequestURN + `"], "Operations": [
		{"method": "` + method + `", "path": "` + path + `", "version": "` + version + `", "data": ` + data + `}]}`
}

func TestPersonalities(t *testing.T) {
	t.Parallel()
	names := []string{
		"atlassian", "authentik", "aws-iam-identity-center", "databricks", "entra-scim", "generic", "github-emu", "gitlab", "google", "keycloak",
		"miro", "okta-inbound", "pingone", "salesforce", "slack", "snowflake", "strict", "wso2", "zitadel", "zoom",
	}
	if diff := cmp.Diff(names, idp.Personalities()); diff != "" {
		t.Error(diff)
	}
	if _, err := idp.Open(idp.Options{Personality: "Zitadel"}); err == nil || !strings.Contains(err.Error(), "zitadel") {
		t.Errorf("unknown personality: %v", err)
	}
	for _, name := range names {
		a := cast(t, idp.Options{Personality: name})
		if groups := !slices.Contains([]string{"zitadel", "pingone"}, name); groups != (a.group != "") {
			t.Errorf("%s: group %q", name, a.group)
		}
		if got := a.ask("GET", "/Users", "", "Authorization", "Bearer wrong"); got.status != 401 {
			t.Errorf("%s: %d without a credential", name, got.status)
		}
		if got := a.ask("GET", "/Users/nobody", "", "Authorization", "bearer  "+a.Token()); got.status != 404 {
			t.Errorf("%s: %d with the scheme in lower case", name, got.status)
		}
		a.want(404, "GET", "/Users/nobody", "")
		if got := len(a.Snapshot().Users); got != 3 {
			t.Errorf("%s: %d users", name, got)
		}
	}
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	bulk := func(n int) string {
		return `{"schemas": ["` + scim.BulkRequestURN + `"], "Operations": [` + many(n, func(i int) string {
			return fmt.Sprintf(`{"method": "POST", "bulkId": "b%d", "path": "/Users", "data": %s}`, i, person(fmt.Sprint("b", i)))
		}) + `]}`
	}
	noEmail := strings.Replace(person("new"), `"emails"`, `"nicks"`, 1)
	search := `{"schemas": ["` + scim.SearchURN + `"], "filter": "userName eq \"u0\""}`
	for name, scenes := range map[string][]scene{
		"generic": {
			{"POST", "/Users/.search", search, 200, `"totalResults":1`},
			{"POST", "/Bulk", bulk(1), 501, ""},
			{"GET", `/Users?filter=userName eq "u0" or not (active eq true)`, "", 200, ""},
			{"PATCH", "/Groups/$g", operations(replaceAll, rename), 200, ""},
		},
		"strict": {
			{"PATCH", "/Users/$0", operations(`{"op": "replace", "path": "active", "value": false}`), 428, ""},
			{"DELETE", "/Users/$0", "", 428, ""},
			{"POST", "/Users", strings.Replace(person("new"), `"active": true`, `"active": "true"`, 1), 400, "active"},
			{"GET", "/Users?count=1", "", 200, `"nextCursor"`},
			{"POST", "/Users/.search", search, 200, `"totalResults":1`},
			{"POST", "/Bulk", inBulk("PATCH", "/Users/$0", "", operations(`{"op": "replace", "path": "title", "value": "Dr"}`)), 200, `"status":"428"`},
			{"POST", "/Bulk", inBulk("PATCH", "/Users/$0", `W/\"1\"`, operations(`{"op": "replace", "path": "title", "value": "Dr"}`)), 200, `"status":"200","version":"W/\"2\""`},
			{"POST", "/Bulk", inBulk("PATCH", "/Users/$0", `W/\"1\"`, operations(`{"op": "replace", "path": "title", "value": "Ms"}`)), 200, `"status":"412"`},
			{"POST", "/Bulk", bulk(1000), 200, `"bulkId":"b999"`},
			{"POST", "/Bulk", bulk(1001), 413, "maxOperations (1000)"},
		},
		"aws-iam-identity-center": {
			{"PUT", "/Groups/$g", group("10A"), 400, "ValidationException"},
			{"PUT", "/Users/$0", person("u0"), 200, ""},
			{"PATCH", "/Groups/$g", operations(addMany(100)), 200, `"members":[]`},
			{"PATCH", "/Groups/$g", operations(addMany(100), removeOne), 400, "ValidationException"},
			{"PATCH", "/Groups/$g", operations(replaceAll), 400, "ValidationException"},
			{"PATCH", "/Groups/$g", operations(clearAll), 400, "ValidationException"},
			{"PATCH", "/Groups/$g", operations(`{"op": "replace", "value": {"members": []}}`), 400, "ValidationException"},
			{"PATCH", "/Groups/$g", operations(`{"op": "replace", "path": "urn:x:y:z", "value": "1"}`), 400, "ValidationException"},
			{"PATCH", "/Groups/$g", operations(rename), 200, "10B"},
			{"POST", "/Groups", `{"schemas": ["` + scim.GroupURN + `"], "displayName": "g", "members": [` + many(101, func(int) string { return `{"value": "$0"}` }) + `]}`, 400, "too many members"},
			{"GET", "/Groups/$g", "", 200, `"members":[]`},
			{"GET", "/Groups", "", 200, `"members":[]`},
			{"POST", "/Users", strings.Replace(person("new"), `"primary": true}`, `"primary": true}, {"value": "b@oak.test"}`, 1), 400, "ValidationException"},
			{"POST", "/Users", strings.Replace(person("new"), `"primary": true`, `"primary": false`, 1), 400, "primary"},
			{"POST", "/Users", strings.Replace(person("new"), `"givenName"`, `"xName"`, 1), 400, "name.givenName is required"},
			{"PATCH", "/Users/$0", operations(`{"op": "replace", "path": "emails", "value": [{"value": "a"}, {"value": "b"}]}`), 400, "ValidationException"},
			{"POST", "/Users", person("u0"), 409, "ConflictException"},
			{"GET", "/Users/nobody", "", 404, "ResourceNotFoundException"},
			{"GET", `/Users?filter=userName eq "u0" and id eq "$0"`, "", 200, `"totalResults":1`},
			{"GET", `/Users?filter=userName sw "u"`, "", 400, "ValidationException"},
			{"GET", `/Users?filter=displayName eq "A B"`, "", 400, "ValidationException"},
			{"GET", `/Users?filter=userName eq "u0" or userName eq "u1"`, "", 400, "ValidationException"},
			{"GET", `/Groups?filter=id eq "$g" and members eq "$0"`, "", 200, `"totalResults":1`},
			{"GET", "/Users?count=1&cursor=", "", 200, `"nextCursor"`},
			{"POST", "/Users/.search", search, 404, ""},
			{"POST", "/Bulk", bulk(1), 501, ""},
		},
		"google": {
			{"GET", "/Users", "", 400, "tooMany"},
			{"GET", "/Groups?count=1", "", 400, "tooMany"},
			{"GET", `/Users?filter=userName eq "u0"`, "", 200, `"resources":[{`},
			{"GET", `/Users?filter=externalId eq "x-u0"`, "", 400, "invalidFilter"},
			{"GET", `/Groups?filter=externalId eq "x"`, "", 200, `"resources":[]`},
			{"GET", `/Groups?filter=displayName eq "10A" and externalId eq "x"`, "", 400, "invalidFilter"},
			{"POST", "/Groups", group("11B", "$0"), 400, "added by PATCH"},
			{"PUT", "/Groups/$g", group("10A"), 501, ""},
			{"PATCH", "/Groups/$g", operations(addTwo), 200, `{}`},
			{"PATCH", "/Groups/$g", operations(addMany(2)), 400, "too many members"},
			{"PATCH", "/Groups/$g", operations(addTwo, removeOne), 400, "too many members"},
			{"PATCH", "/Groups/$g", operations(addTwo, rename), 200, `{}`},
			{"PATCH", "/Groups/$g", operations(addTwo, rename, rename), 400, "too many operations"},
			{"PATCH", "/Groups/$g", operations(replaceAll), 400, "cannot be changed"},
			{"PATCH", "/Groups/$g", operations(clearAll), 400, "by a filter"},
			{"PATCH", "/Groups/$g", operations(`{"op": "remove", "path": "members", "value": [{"value": "$2"}]}`), 400, "by a filter"},
			{"PATCH", "/Groups/$g", operations(`{"op": "replace", "path": "externalId", "value": "e"}`), 400, "cannot be changed"},
			{"PATCH", "/Groups/$g", operations(`{"op": "add", "path": "externalId", "value": "e"}`), 200, `{}`},
			{"PATCH", "/Groups/$g", operations(strings.Replace(removeOne, "$0", "$2", 1)), 200, `{}`},
			{"PUT", "/Users/$0", person("u0"), 200, ""},
			{"GET", `/Users?filter=title eq "x"`, "", 400, "invalidFilter"},
			{"POST", "/Bulk", bulk(1), 501, ""},
			{"POST", "/.search", search, 404, ""},
		},
		"keycloak": {
			{"GET", `/Users?filter=id eq "$0"`, "", 200, `"totalResults":0`},
			{"GET", `/Users?filter=userName eq "u0" and id pr`, "", 200, `"Resources":[]`},
			{"GET", `/Users?filter=userName sw "u" and not (userName eq "u1")`, "", 200, `"totalResults":2`},
			{"GET", "/Users/$0", "", 200, "u0"},
		},
		"authentik": {
			{"GET", "/ServiceProviderConfig", "", 200, `"maxResults":50`},
			{"POST", "/Bulk", bulk(1), 501, ""},
		},
		"zitadel": {
			{"GET", "/Groups", "", 404, ""},
			{"POST", "/Groups", group("10A"), 404, "urn:ietf:params:scim:api:zitadel:messages:2.0:ErrorDetail"},
			{"PATCH", "/Groups/1", operations(rename), 404, ""},
			{"PATCH", "/Users/$0", operations(`{"op": "replace", "path": "active", "value": false}`), 204, ""},
			{"POST", "/Users", noEmail, 400, "emails is required"},
			{"GET", `/Users?filter=userName eq "` + strings.Repeat("é", 985) + `"`, "", 200, ""},
			{"GET", `/Users?filter=userName eq "` + strings.Repeat("é", 990) + `"`, "", 400, "invalidFilter"},
			{"POST", "/Users/.search", search, 200, `"totalResults":1`},
			{"POST", "/Bulk", bulk(100), 200, `"bulkId":"b99"`},
			{"POST", "/Bulk", bulk(101), 413, "maxOperations (100)"},
			{"POST", "/Bulk", `{"schemas": ["` + scim.BulkRequestURN + `"], "Operations": [
				{"method": "POST", "bulkId": "a", "path": "/Groups", "data": ` + group("10A") + `},
				{"method": "POST", "bulkId": "b", "path": "/Users", "data": ` + noEmail + `}]}`, 200, "emails is required"},
		},
		"pingone": {{"GET", "/Groups", "", 404, ""}, {"GET", "/ResourceTypes", "", 200, `"totalResults":1`}},
		"github-emu": {
			{"GET", `/Users?filter=userName sw "u"`, "", 400, "invalidFilter"},
			{"GET", `/Users?filter=userName eq "u0" and active eq true`, "", 400, "invalidFilter"},
			{"GET", `/Users?filter=externalId eq "x-u0"`, "", 200, `"totalResults":1`},
			{"POST", "/Groups", group("early", "nobody"), 400, "member"},
		},
		"gitlab": {
			{"GET", `/Users?filter=externalId eq "x-u0"`, "", 200, `"totalResults":1`},
			{"GET", `/Users?filter=userName eq "u0"`, "", 400, "invalidFilter"},
			{"PUT", "/Users/$0", person("u0"), 405, ""},
		},
		"slack": {
			{"GET", "/Users?count=1000", "", 200, `"itemsPerPage":3`},
			{"DELETE", "/Users/$0", "", 204, ""},
			{"GET", "/Users/$0", "", 200, `"active":false`},
			{"DELETE", "/Users/nobody", "", 404, ""},
			{"DELETE", "/Groups/$g", "", 204, ""},
			{"GET", "/Groups/$g", "", 404, ""},
		},
		"atlassian": {
			{"PATCH", "/Groups/$g", operations(rename), 400, "cannot be renamed"},
			{"PATCH", "/Groups/$g", operations(`{"op": "replace", "value": {"displayName": "10B"}}`), 400, "cannot be renamed"},
			{"PUT", "/Groups/$g", group("10B", "$0"), 400, "cannot be renamed"},
			{"PUT", "/Groups/$g", group("10A", "$0"), 200, ""},
			{"PATCH", "/Groups/$g", operations(addTwo, removeOne), 200, ""},
			{"POST", "/Users", noEmail, 400, "emails is required"},
			{"DELETE", "/Users/$0", "", 204, ""},
			{"GET", "/Users/$0", "", 200, `"active":false`},
			{"GET", `/Users?filter=userName co "u"`, "", 400, "invalidFilter"},
		},
		"databricks": {
			{"GET", "/Users?filter=" + strings.Repeat(`userName eq "u0" or `, 100) + `userName eq "u0"`, "", 400, "INVALID_FILTER"},
			{"GET", "/Users?filter=" + strings.Repeat(`userName eq "u0" or `, 99) + `userName eq "u0"`, "", 200, `"totalResults":1`},
		},
		"snowflake": {
			{"GET", "/ServiceProviderConfig", "", 200, `"supported":0`},
			{"GET", `/Users?filter=userName eq "u0" and active eq true`, "", 400, "invalidFilter"},
			{"GET", `/Users?filter=userName eq "u0" or userName eq "u1"`, "", 400, "invalidFilter"},
			{"GET", `/Users?filter=userName sw "u"`, "", 200, `"totalResults":3`},
			{"GET", `/Users?filter=userName ew "0"`, "", 400, "invalidFilter"},
		},
		"salesforce": {
			{"DELETE", "/Users/$0", "", 405, ""},
			{"PATCH", "/Groups/$g", operations(`{"op": "add", "path": "members", "value": {"members": [{"value": "$2"}]}}`), 200, "$2"},
			{"PATCH", "/Groups/$g", operations(`{"op": "remove", "path": "members", "value": {"members": [{"value": "$2"}, {"value": "$0"}]}}`), 200, `"value":"$1"}]`},
			{"DELETE", "/Groups/$g", "", 204, ""},
			{"GET", "/ServiceProviderConfig", "", 404, ""},
			{"GET", "/ServiceProviderConfigs", "", 200, `"patch":{"supported":true}`},
		},
		"miro": {
			{"PATCH", "/Groups/$g", operations(addMany(8000)), 200, ""},
			{"PATCH", "/Groups/$g", operations(addMany(8001)), 413, ""},
			{"PATCH", "/Groups/$g", strings.Repeat(" ", 800<<10) + operations(rename), 413, ""},
		},
		"wso2": {
			{"POST", "/Bulk", bulk(100), 200, ""},
			{"POST", "/Bulk", bulk(101), 413, "maxOperations (100)"},
		},
		"okta-inbound": {
			{"GET", "/Users?count=2", "", 200, `"startIndex":1`},
			{"PATCH", "/Groups/$g", operations(addTwo, removeOne), 200, ""},
			{"POST", "/Bulk", bulk(1), 501, ""},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cast(t, idp.Options{Personality: name}).play(scenes)
		})
	}
}

// Whatever comes, every personality answers with JSON and without an error of its own.
func FuzzGate(f *testing.F) {
	for i := range idp.Personalities() {
		f.Add(uint8(i), uint8(i), "filter=a%20eq%20%22b%22&count=x", operations(addTwo, removeOne, rename))
	}
	f.Add(uint8(4), uint8(7), "", operations(`{"op": "remove", "path": "members[value eq 1]"}`, `{"op": "add", "value": {"members": {"value": 7}}}`))
	f.Add(uint8(13), uint8(7), "", operations(`{"op": "add", "path": "members", "value": {"members": null}}`))
	f.Add(uint8(8), uint8(0), "", `{"schemas": [], "emails": [7], "members": 7}`)
	f.Fuzz(func(t *testing.T, who, what uint8, query, body string) {
		names := idp.Personalities()
		p := idp.New(idp.Options{Personality: names[int(who)%len(names)]})
		methods := []string{"POST", "PUT", "PATCH", "GET", "DELETE"}
		paths := []string{"/Users", "/Groups/1", "/users/1", "/.search", "/Bulk", "/ServiceProviderConfigs", "//"}
		r := httptest.NewRequestWithContext(t.Context(), methods[int(what)%5], p.BasePath()+paths[int(what)/5%7], strings.NewReader(body))
		r.URL.RawQuery = query
		r.Header.Set("Authorization", "Bearer "+p.Token())
		r.Header.Set("Accept", "application/json, application/scim+json")
		w := httptest.NewRecorder()
		p.Handler().ServeHTTP(w, r)
		if w.Code >= 500 && w.Code != 501 || w.Body.Len() > 0 && w.Code != 301 && w.Code != 307 && !json.Valid(w.Body.Bytes()) {
			t.Fatalf("%s: %s %s?%s %q: %d %s", p.Personality(), r.Method, r.URL.Path, query, body, w.Code, w.Body)
		}
	})
}
