package okta

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"simscim/scim"
)

// SpecNames are the values that the SPEC test makes up; empty ones have defaults.
type SpecNames struct {
	// Nobody is a user name and NoID an id that nobody has.
	Nobody, NoID string
	// New is the user name, which is an address, of the user that the test creates.
	New string
}

// StepResult is how one step of the SPEC test went; well if there are no Problems.
type StepResult struct {
	Name string
	// Optional steps may fail.
	Optional bool
	Status   int
	Took     time.Duration
	Problems []string
}

// specStep is one step. A $name in path, body or an expected value stands for a value
// that an earlier step kept.
type specStep struct {
	name         string
	optional     bool
	method, path string
	body         string
	token        string
	status       int
	within       time.Duration
	// has lists members that must not be empty, numbers those that must be numbers;
	// equal is the exact text of members, and schema is among the schemas.
	has, numbers []string
	equal        map[string]string
	schema       string
	keep         map[string]string
}

const (
	slow  = 600 * time.Millisecond
	quick = 400 * time.Millisecond
)

// specSteps are the steps of Okta's public SPEC test, in its order: three optional
// ones, then the twelve.
func specSteps(names SpecNames) []specStep {
	find := func(name string) string { return "/Users?filter=" + url.QueryEscape(userNamed(name)) }
	create := fmt.Sprintf(`{"schemas": [%q], "userName": %q, "name": {"givenName": "Runscope", "familyName": "Tester"},
		"emails": [{"primary": true, "value": %q, "type": "work"}], "displayName": "Runscope Tester", "active": true}`, scim.UserURN, names.New, names.New)
	person := []string{"name.familyName", "name.givenName", "userName", "active", "emails.0.value"}
	created := map[string]string{"name.familyName": "Tester", "name.givenName": "Runscope", "userName": names.New}
	active := map[string]string{"active": "true", "name.familyName": "Tester", "name.givenName": "Runscope", "userName": names.New}
	none := map[string]string{"totalResults": "0"}
	capitals := find(strings.ToUpper(names.New))
	return slices.Concat(discoverySteps(), []specStep{
		{
			name: "users", method: "GET", path: "/Users?count=1&startIndex=1", status: 200, within: slow, schema: scim.ListResponseURN,
			numbers: []string{"itemsPerPage", "startIndex", "totalResults"}, keep: map[string]string{"first": "Resources.0.id"},
			has: append([]string{"Resources.0.id"}, below("Resources.0.", person)...),
		},
		{name: "one user", method: "GET", path: "/Users/$first", status: 200, within: slow, equal: map[string]string{"id": "$first"}, has: person},
		{name: "a user name that nobody has", method: "GET", path: find(names.Nobody), status: 200, within: quick, schema: scim.ListResponseURN, equal: none},
		{name: "an id that nobody has", method: "GET", path: "/Users/" + names.NoID, status: 404, within: slow, schema: scim.ErrorURN, has: []string{"detail"}},
		{name: "the new user is not there yet", method: "GET", path: find(names.New), status: 200, within: slow, schema: scim.ListResponseURN, equal: none},
		{
			name: "create", method: "POST", path: "/Users", body: create, status: 201, within: slow, schema: scim.UserURN,
			has: []string{"id"}, equal: active, keep: map[string]string{"new": "id"},
		},
		{name: "read back", method: "GET", path: "/Users/$new", status: 200, within: slow, equal: created},
		{name: "create again", method: "POST", path: "/Users", body: create, status: 409, within: slow},
		{name: "user name in capitals", method: "GET", path: capitals, status: 200},
		{name: "groups", optional: true, method: "GET", path: "/Groups", status: 200, within: slow, has: []string{"Resources"}},
		{
			name: "no valid token", method: "GET", path: capitals, token: "non-token", status: 401, schema: scim.ErrorURN,
			has: []string{"detail"}, equal: map[string]string{"status": "401"},
		},
		{name: "not found", method: "GET", path: "/Users/00919288221112222", status: 404, schema: scim.ErrorURN, has: []string{"detail"}, equal: map[string]string{"status": "404"}},
	})
}

func discoverySteps() []specStep {
	return []specStep{
		{
			name: "service provider config", optional: true, method: "GET", path: "/ServiceProviderConfig", status: 200, within: quick,
			schema: "urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig",
			has: []string{
				"patch.supported", "bulk.supported", "bulk.maxOperations", "bulk.maxPayloadSize", "filter.supported", "filter.maxResults",
				"changePassword.supported", "sort.supported", "etag.supported", "authenticationSchemes.0.type", "authenticationSchemes.0.description",
			},
		},
		{
			name: "resource types", optional: true, method: "GET", path: "/ResourceTypes", status: 200, within: quick, schema: scim.ListResponseURN,
			has: []string{"Resources.0.name", "Resources.0.endpoint", "Resources.0.schema"},
		},
		{
			name: "schemas", optional: true, method: "GET", path: "/Schemas", status: 200, within: quick, schema: scim.ListResponseURN,
			has: []string{"Resources.0.id", "Resources.0.attributes"},
		},
	}
}

func below(prefix string, paths []string) []string {
	var out []string
	for _, p := range paths {
		out = append(out, prefix+p)
	}
	return out
}

// Spec runs Okta's SPEC test, which the server of an integration must pass, against the
// SCIM server at baseURL. It needs one user there, and leaves another behind. Problems
// repeat nothing that the server said.
func (i *Importer) Spec(ctx context.Context, baseURL, token string, names SpecNames) []StepResult {
	names.Nobody = cmp.Or(names.Nobody, "abcdefgh@atko.test")
	names.NoID = cmp.Or(names.NoID, "010101001010101011001010101011")
	names.New = cmp.Or(names.New, "runscope300@atko.test")
	kept := map[string]string{}
	var out []StepResult
	for _, step := range specSteps(names) {
		began := i.options.Now()
		result := StepResult{Name: step.name, Optional: step.optional}
		body, err := i.request(ctx, strings.TrimRight(baseURL, "/"), token, step.filled(kept), &result.Status)
		result.Took = i.options.Now().Sub(began)
		if err != nil {
			result.Problems = []string{err.Error()}
		} else {
			result.Problems = step.filled(kept).problems(&result, body)
		}
		for name, path := range step.keep {
			kept[name] = fmt.Sprint(at(body, path))
		}
		out = append(out, result)
	}
	return out
}

// filled is the step with the values that earlier ones kept.
func (s specStep) filled(kept map[string]string) specStep {
	equal := map[string]string{}
	for name, value := range kept {
		s.path = strings.ReplaceAll(s.path, "$"+name, url.PathEscape(value))
	}
	for path, want := range s.equal {
		if value, ok := kept[strings.TrimPrefix(want, "$")]; ok && strings.HasPrefix(want, "$") {
			want = value
		}
		equal[path] = want
	}
	s.equal = equal
	return s
}

// request sends one step as Okta's test does, which names a content type also where
// there is no content.
func (i *Importer) request(ctx context.Context, base, token string, s specStep, status *int) (any, error) {
	ctx, cancel := context.WithTimeout(ctx, i.options.Timeout)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, s.method, base+s.path, strings.NewReader(s.body))
	if err != nil {
		return nil, fmt.Errorf("make the request: %w", withoutURL(err))
	}
	r.Header.Set("User-Agent", "OKTA SCIM Integration")
	r.Header.Set("Accept", scim.MediaType)
	r.Header.Set("Accept-Charset", "utf-8")
	r.Header.Set("Content-Type", scim.MediaType+"; charset=utf-8")
	if s.body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	r.Header.Set("Authorization", cmp.Or(s.token, "Bearer "+token))
	resp, err := i.options.Client.Do(r)
	if err != nil {
		return nil, fmt.Errorf("send the request: %w", withoutURL(err))
	}
	defer resp.Body.Close()
	*status = resp.StatusCode
	var body any
	if json.NewDecoder(io.LimitReader(resp.Body, maxAnswer)).Decode(&body) != nil {
		return nil, nil // steps that look into the body will find it empty
	}
	return body, nil
}

func (s specStep) problems(got *StepResult, body any) []string {
	var out []string
	note := func(format string, args ...any) { out = append(out, fmt.Sprintf(format, args...)) }
	if got.Status != s.status {
		note("status %d, want %d", got.Status, s.status)
	}
	if s.within > 0 && got.Took >= s.within {
		note("it took %s, and %s is too long", got.Took, s.within)
	}
	for _, path := range s.has {
		if empty(at(body, path)) {
			note("%s is empty", path)
		}
	}
	for _, path := range s.numbers {
		if _, ok := at(body, path).(float64); !ok {
			note("%s is no number", path)
		}
	}
	for path, want := range s.equal {
		if fmt.Sprint(at(body, path)) != want {
			note("%s is not what it should be", path)
		}
	}
	if schemas, _ := at(body, "schemas").([]any); s.schema != "" && !slices.Contains(schemas, any(s.schema)) {
		note("schemas do not hold %s", s.schema)
	}
	slices.Sort(out)
	return out
}

func empty(v any) bool {
	switch v := v.(type) {
	case nil:
		return true
	case string:
		return v == ""
	case []any:
		return len(v) == 0
	case map[string]any:
		return len(v) == 0
	}
	return false
}

// at follows a path such as Resources.0.id.
func at(v any, path string) any {
	for name := range strings.SplitSeq(path, ".") {
		switch x := v.(type) {
		case map[string]any:
			v = x[name]
		case []any:
			i, err := strconv.Atoi(name)
			if err != nil || i < 0 || i >= len(x) {
				return nil
			}
			v = x[i]
		default:
			return nil
		}
	}
	return v
}
