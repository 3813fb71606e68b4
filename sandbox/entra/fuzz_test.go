package entra_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"simscim/sandbox/entra"
)

// FuzzRequests sends whatever it likes with a token that may do everything: nothing is
// to panic, and nothing is the service's own fault.
func FuzzRequests(f *testing.F) {
	for _, sc := range []scene{
		{"GET", "/v1.0/users", "", 0, "$filter=employeeId in ('a','b') and startswith(displayName,'O''B')"},
		{"GET", "/v1.0/auditLogs/provisioning", "", 0, "$filter=contains(jobid,'x') and activityDateTime ge 2026-01-01T00:00:00Z&$top=2&$skiptoken=1.2"},
		{"GET", "/v1.0/groups/delta", "", 0, "$deltatoken=eyJyIjo5OTk5fQ&$select=members"},
		{"PATCH", "/v1.0/groups(uniqueName='a%2Fb')", group("g", `, "members@odata.bind": [`+bind("x")+`]`), 0, ""},
		{"POST", "/v1.0/users", account("p"), 0, ""},
		{"POST", "/v1.0/$batch", batch(step("1", "GET", "/users", ""), step("2", "POST", "/groups", payload(group("g", ""))+`, "dependsOn": ["1"]`)), 0, ""},
		{"POST", "/bulk", bulk(newcomer("1"), record("2", `, "active": null, "name": 7, "emails": [7, {"type": "work"}]`)), 0, ""},
		{"POST", "/token", "grant_type=client_credentials&client_id=x&client_assertion=e30.e30.AA&client_assertion_type=x", 0, ""},
		{"DELETE", "/v1.0/groups/a/members/b", "", 0, ""},
		{"GET", "//v1.0/users/%2F", "", 0, "%zz"},
	} {
		f.Add(sc.method, sc.path, sc.holds, sc.body)
	}
	f.Fuzz(func(t *testing.T, method, path, query, body string) {
		s := entra.New(entra.Options{Clients: []entra.Client{{ID: "x", Secret: "s", Roles: entra.AllRoles()}}})
		job := s.Jobs()[0]
		switch path { // what depends on ids
		case "/bulk":
			path = "/v1.0/servicePrincipals/" + job.ServicePrincipal + "/synchronization/jobs/" + job.ID + "/bulkUpload"
		case "/token":
			path = "/" + s.Tenant() + "/oauth2/v2.0/token"
		}
		kind := "application/json"
		if strings.HasSuffix(path, "bulkUpload") {
			kind = "application/scim+json"
		} else if strings.HasSuffix(path, "token") {
			kind = "application/x-www-form-urlencoded"
		}
		r, err := http.NewRequestWithContext(t.Context(), method, "http://host.example", strings.NewReader(body))
		if err != nil {
			t.Skip()
		}
		if r.URL, err = url.Parse("http://host.example/" + strings.TrimPrefix(path, "/")); err != nil {
			t.Skip()
		}
		r.URL.RawQuery = query
		r.Header.Set("Content-Type", kind)
		r.Header.Set("Authorization", "Bearer "+token(t, s))
		w := httptest.NewRecorder()
		s.Handler().ServeHTTP(w, r)
		if w.Code >= 500 {
			t.Errorf("%s %s?%s: %d %s", method, path, query, w.Code, w.Body)
		}
		s.Settle()
		s.Snapshot()
	})
}

func token(t *testing.T, s *entra.Service) string {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), "POST", "/"+s.Tenant()+"/oauth2/v2.0/token", strings.NewReader(form("x", "client_secret", "s").Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	w := httptest.NewRecorder()
	s.Handler().ServeHTTP(w, r)
	_, rest, _ := strings.Cut(w.Body.String(), `"access_token":"`)
	value, _, _ := strings.Cut(rest, `"`)
	return value
}
