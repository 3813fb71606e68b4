package entra_test

import (
	"io"
	"net/http"
	"strings"
	"testing"

	sandbox "simscim/sandbox/entra"
)

// Where the provisioning app puts a person's key decides how long it may be. Whoever has
// not been told takes nothing for granted but what can be put right.
func TestWhereTheKeyGoes(t *testing.T) {
	t.Parallel()
	mapped := func(mappings string) string {
		return `{"synchronizationRules":[{},{"objectMappings":[{"attributeMappings":[` + mappings + `]}]}]}`
	}
	for name, tt := range map[string]struct {
		// answer is what the app is said to map, with a status before it where that is not 200.
		status int
		answer string
		most   int
		says   string
	}{
		"as Microsoft sets it up": {most: 16, says: "shortCode(person.id, 16)"},
		"by its schema": {
			answer: mapped(`{"targetAttributeName":"mail","source":null},{"targetAttributeName":"EmployeeId","source":{"expression":"[urn:ietf:params:scim:schemas:core:2.0:User:externalId]"}}`),
			most:   16, says: "shortCode(person.id, 16)",
		},
		"elsewhere": {
			answer: mapped(`{"targetAttributeName":"extensionAttribute1","matchingPriority":1,"source":{"expression":"[externalId]"}},{"targetAttributeName":"employeeId","source":{"expression":"[title]"}}`),
			says:   "not recognised",
		},
		"shortened there":     {answer: mapped(`{"targetAttributeName":"employeeId","source":{"expression":"Left([externalId], 16)"}}`), says: "by default"},
		"nothing is told":     {answer: `{}`, says: "by default"},
		"no schema":           {answer: `{"synchronizationRules":"none"}`, says: "by default"},
		"no such thing there": {status: http.StatusNotFound, answer: `{"error":{"code":"ResourceNotFound","message":"x"}}`, says: "by default"},
		"not allowed":         {status: http.StatusForbidden, answer: `{"error":{"code":"Forbidden","message":"x"}}`, most: 16, says: "shortCode(person.id, 16)"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, setting{sandbox: sandbox.Options{EmployeeIDMax: 16}, wrap: func(next http.Handler) http.Handler {
				return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					if tt.answer == "" || !strings.HasSuffix(r.URL.Path, "/schema") {
						next.ServeHTTP(w, r)
						return
					}
					w.Header().Set("Content-Type", "application/json")
					w.WriteHeader(max(tt.status, http.StatusOK))
					_, _ = io.WriteString(w, tt.answer)
				})
			}})
			caps, err := w.target.Capabilities(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if got := caps.LongestUser["externalId"]; got != tt.most {
				t.Errorf("a key may have %d characters, want %d", got, tt.most)
			}
			if !strings.Contains(strings.Join(caps.Notes, "\n"), tt.says) {
				t.Errorf("%q is not said in %q", tt.says, caps.Notes)
			}
		})
	}
}
