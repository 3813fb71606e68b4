package server_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"simscim/scim"
)

// oktaStep is one step of the test that Okta asks of a SCIM 2.0 server before it
// imports from it. A $name in path, body or an expected value stands for a value that
// an earlier step kept.
type oktaStep struct {
	name         string
	method, path string
	body         string
	token        string
	status       int
	within       time.Duration
	// has lists members that must not be empty, numbers those that must be numbers,
	// equal the exact text of a member, list a value that a member must contain.
	has, numbers []string
	equal, list  map[string]string
	keep         map[string]string
}

func oktaSteps() []oktaStep {
	const slow = 600 * time.Millisecond
	find := func(name string) string { return "/Users?filter=" + escape(`userName eq "`+name+`"`) }
	create := `{"schemas":["` + scim.UserURN + `"],"userName":"runscope300@atko.test","name":{"givenName":"Runscope","familyName":"Tester"},
		"emails":[{"primary":true,"value":"runscope300@atko.test","type":"work"}],"displayName":"Runscope Tester","active":true}`
	listURN, errorURN := map[string]string{"schemas": scim.ListResponseURN}, map[string]string{"schemas": scim.ErrorURN}
	return []oktaStep{
		{
			name: "service provider config", method: "GET", path: "/ServiceProviderConfig", status: 200, within: 400 * time.Millisecond,
			list: map[string]string{"schemas": "urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig"},
			has: []string{
				"patch.supported", "bulk.supported", "bulk.maxOperations", "bulk.maxPayloadSize", "filter.supported", "filter.maxResults",
				"changePassword.supported", "sort.supported", "etag.supported", "authenticationSchemes.0.type", "authenticationSchemes.0.description",
			},
		},
		{
			name: "resource types", method: "GET", path: "/ResourceTypes", status: 200, within: 400 * time.Millisecond, list: listURN,
			has: []string{"Resources.0.name", "Resources.0.endpoint", "Resources.0.schema"},
		},
		{
			name: "schemas", method: "GET", path: "/Schemas", status: 200, within: 400 * time.Millisecond, list: listURN,
			has: []string{"Resources.0.id", "Resources.0.attributes"},
		},
		{
			name: "users", method: "GET", path: "/Users?count=1&startIndex=1", status: 200, within: slow, list: listURN,
			numbers: []string{"itemsPerPage", "startIndex", "totalResults"}, keep: map[string]string{"first": "Resources.0.id"},
			has: []string{"Resources.0.id", "Resources.0.name.familyName", "Resources.0.name.givenName", "Resources.0.userName", "Resources.0.active", "Resources.0.emails.0.value"},
		},
		{
			name: "one user", method: "GET", path: "/Users/$first", status: 200, within: slow, equal: map[string]string{"id": "$first"},
			has: []string{"name.familyName", "name.givenName", "userName", "active", "emails.0.value"},
		},
		{
			name: "a user name that nobody has", method: "GET", path: find("abcdefgh@atko.test"), status: 200, within: 400 * time.Millisecond,
			list: listURN, equal: map[string]string{"totalResults": "0"},
		},
		{name: "an id that nobody has", method: "GET", path: "/Users/010101001010101011001010101011", status: 404, within: slow, list: errorURN, has: []string{"detail"}},
		{
			name: "the new user is not there yet", method: "GET", path: find("runscope300@atko.test"), status: 200, within: slow,
			list: listURN, equal: map[string]string{"totalResults": "0"},
		},
		{
			name: "create", method: "POST", path: "/Users", body: create, status: 201, within: slow, keep: map[string]string{"new": "id"}, has: []string{"id"},
			equal: map[string]string{"active": "true", "name.familyName": "Tester", "name.givenName": "Runscope", "userName": "runscope300@atko.test"},
			list:  map[string]string{"schemas": scim.UserURN},
		},
		{
			name: "read back", method: "GET", path: "/Users/$new", status: 200, within: slow,
			equal: map[string]string{"userName": "runscope300@atko.test", "name.familyName": "Tester", "name.givenName": "Runscope"},
		},
		{name: "create again", method: "POST", path: "/Users", body: create, status: 409, within: slow, list: errorURN},
		{name: "user name in capitals", method: "GET", path: find("RUNSCOPE300@ATKO.TEST"), status: 200, equal: map[string]string{"totalResults": "1"}},
		{name: "groups", method: "GET", path: "/Groups", status: 200, within: slow, list: listURN, has: []string{"Resources.0.id"}},
		{
			name: "no valid token", method: "GET", path: find("RUNSCOPE300@ATKO.TEST"), token: "non-token", status: 401, list: errorURN,
			has: []string{"detail"}, equal: map[string]string{"status": "401"},
		},
		{name: "not found", method: "GET", path: "/Users/00919288221112222", status: 404, list: errorURN, has: []string{"detail"}, equal: map[string]string{"status": "404"}},
	}
}

func TestOktaSpec(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	// The first steps look at somebody who is there already.
	id := b.user(t, "ann", `"name": {"givenName": "Ann", "familyName": "Lee"}`, `"active": true`, `"emails": [{"value": "ann@atko.test", "primary": true}]`)
	b.must(t, 201, "POST", "/Groups", groupBody("10A", id))
	kept := map[string]string{}
	for _, step := range oktaSteps() {
		step.run(t, b.handler, kept)
	}
}

func (step oktaStep) run(t *testing.T, h http.Handler, kept map[string]string) {
	fill := func(s string) string {
		for name, value := range kept {
			s = strings.ReplaceAll(s, "$"+name, value)
		}
		return s
	}
	r := httptest.NewRequestWithContext(t.Context(), step.method, "http://idp.test/scim/v2"+fill(step.path), strings.NewReader(step.body))
	r.Header.Set("Authorization", "Bearer "+token)
	if step.token != "" {
		r.Header.Set("Authorization", step.token)
	}
	r.Header.Set("Accept", "application/scim+json")
	r.Header.Set("Accept-Charset", "utf-8")
	r.Header.Set("User-Agent", "OKTA SCIM Integration")
	// Okta names a content type also where there is no content.
	r.Header.Set("Content-Type", "application/scim+json; charset=utf-8")
	if step.body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	w := httptest.NewRecorder()
	began := time.Now()
	h.ServeHTTP(w, r)
	if took := time.Since(began); step.within > 0 && took > step.within {
		t.Errorf("%s: took %s", step.name, took)
	}
	if w.Code != step.status {
		t.Fatalf("%s: got %d, want %d: %s", step.name, w.Code, step.status, w.Body)
	}
	var doc any
	if err := json.Unmarshal(w.Body.Bytes(), &doc); err != nil {
		t.Fatalf("%s: %v", step.name, err)
	}
	for _, path := range step.has {
		if v := at(doc, path); v == nil || v == "" || len(fmt.Sprint(v)) == 0 {
			t.Errorf("%s: %s is empty in %s", step.name, path, w.Body)
		}
	}
	for _, path := range step.numbers {
		if _, ok := at(doc, path).(float64); !ok {
			t.Errorf("%s: %s is no number in %s", step.name, path, w.Body)
		}
	}
	for path, want := range step.equal {
		if got := fmt.Sprint(at(doc, path)); got != fill(want) {
			t.Errorf("%s: %s is %s, want %s", step.name, path, got, fill(want))
		}
	}
	for path, want := range step.list {
		if list, _ := at(doc, path).([]any); !strings.Contains(fmt.Sprint(list...), want) {
			t.Errorf("%s: %s does not hold %s in %s", step.name, path, want, w.Body)
		}
	}
	for name, path := range step.keep {
		kept[name] = fmt.Sprint(at(doc, path))
	}
}

// at follows a path such as Resources.0.id.
func at(v any, path string) any {
	for name := range strings.SplitSeq(path, ".") {
		switch x := v.(type) {
		case map[string]any:
			v = x[name]
		case []any:
			var i int
			if _, err := fmt.Sscan(name, &i); err != nil || i >= len(x) {
				return nil
			}
			v = x[i]
		default:
			return nil
		}
	}
	return v
}
