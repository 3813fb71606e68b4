package okta_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"simscim/sandbox/okta"
)

func TestSpec(t *testing.T) {
	t.Parallel()
	s := newSchool(t)
	s.group(t, "Year 7", s.user(t, "ann"))
	steps := okta.NewImporter(okta.ImporterOptions{Now: time.Now}).Spec(t.Context(), s.url, feedToken, okta.SpecNames{})
	required := 0
	for _, step := range steps {
		if !step.Optional {
			required++
		}
		for _, p := range step.Problems {
			t.Errorf("%s: %s", step.Name, p)
		}
	}
	if required != 11 || len(steps) != 15 || steps[8].Status != 201 || steps[8].Took <= 0 {
		t.Errorf("%d steps, of which %d required, created: %+v", len(steps), required, steps[8])
	}
	// The test asks for the name in capitals and does not look who is found.
	r := httptest.NewRequestWithContext(t.Context(), "GET", "http://school.test/scim/v2/Users?filter=userName+eq+%22RUNSCOPE300@ATKO.TEST%22", nil)
	r.Header.Set("Authorization", "Bearer "+feedToken)
	w := httptest.NewRecorder()
	s.scim.ServeHTTP(w, r)
	if !strings.Contains(w.Body.String(), `"totalResults":1`) {
		t.Errorf("capitals: %s", w.Body)
	}
	// The user that it left behind can be imported.
	s.imported(t, okta.NewImporter(okta.ImporterOptions{Users: []string{"RUNSCOPE300@atko.test"}}), okta.Result{Created: 1, Matched: 1, Groups: 1, Memberships: 1})
}

// Each fault is found in the steps that it breaks, and in no others.
func TestSpecFails(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		empty bool
		bend  func(*http.Request, map[string]any)
		block func(http.ResponseWriter, *http.Request) bool
		want  []string
	}{
		"an empty server": {empty: true, want: []string{"users", "one user", "groups"}},
		"read-only": {
			block: func(w http.ResponseWriter, r *http.Request) bool {
				if r.Method == http.MethodPost {
					w.WriteHeader(http.StatusForbidden)
				}
				return r.Method == http.MethodPost
			},
			want: []string{"create", "read back", "create again"},
		},
		"counters as text": {bend: func(_ *http.Request, doc map[string]any) {
			if _, ok := doc["itemsPerPage"]; ok {
				doc["itemsPerPage"] = "1"
			}
		}, want: []string{"users"}},
		"errors without a schema": {bend: func(_ *http.Request, doc map[string]any) {
			if _, ok := doc["detail"]; ok {
				delete(doc, "schemas")
			}
		}, want: []string{"an id that nobody has", "no valid token", "not found"}},
		"another person": {bend: func(_ *http.Request, doc map[string]any) {
			if _, ok := doc["userName"]; ok {
				doc["userName"] = "somebody"
			}
		}, want: []string{"create", "read back"}},
		"no answer": {block: func(_ http.ResponseWriter, r *http.Request) bool {
			if r.URL.Path == "/scim/v2/Groups" {
				panic(http.ErrAbortHandler)
			}
			return false
		}, want: []string{"groups"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSchool(t)
			if !test.empty {
				s.group(t, "Year 7", s.user(t, "ann"))
			}
			s.bend, s.block = test.bend, test.block
			var got []string
			for _, step := range okta.NewImporter(okta.ImporterOptions{}).Spec(t.Context(), s.url, feedToken, okta.SpecNames{New: "new@school.test"}) {
				if len(step.Problems) > 0 {
					got = append(got, step.Name)
				}
				if text := strings.Join(step.Problems, " "); strings.Contains(text, "new@") || strings.Contains(text, s.url) {
					t.Errorf("the problems repeat what was said: %s", text)
				}
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestSpecMeasures(t *testing.T) {
	t.Parallel()
	s := newSchool(t)
	s.group(t, "Year 7", s.user(t, "ann"))
	var looks atomic.Int64
	clock := func() time.Time { return time.Unix(0, looks.Add(int64(500*time.Millisecond))) }
	var late []string
	for _, step := range okta.NewImporter(okta.ImporterOptions{Now: clock}).Spec(t.Context(), s.url, feedToken, okta.SpecNames{}) {
		if len(step.Problems) > 0 {
			late = append(late, step.Name)
		}
	}
	// Half a second is too long for what has to take less than 400 ms.
	if diff := cmp.Diff([]string{"service provider config", "resource types", "schemas", "a user name that nobody has"}, late); diff != "" {
		t.Error(diff)
	}
}
