package entra_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"simscim/internal/clock/clocktest"
	"simscim/sandbox/entra"
)

// tenant is a look-alike behind a server, and a client that has signed in.
type tenant struct {
	*entra.Service
	t     *testing.T
	clock *clocktest.Clock
	base  string
	token string
	// vars are put in the place of $names in paths and bodies.
	vars map[string]string
}

func open(t *testing.T, o entra.Options) *tenant {
	t.Helper()
	c := clocktest.New(time.Date(2026, 9, 1, 8, 0, 0, 0, time.UTC))
	o.Now = c.Now
	if o.Domains == nil {
		o.Domains = []string{"oakfield.example"}
	}
	if o.TokenTTL == 0 {
		o.TokenTTL = 1000 * time.Hour
	}
	s := entra.New(o)
	server := httptest.NewServer(s.Handler())
	t.Cleanup(server.Close)
	a := &tenant{Service: s, t: t, clock: c, base: server.URL, vars: map[string]string{}}
	job := s.Jobs()[0]
	a.vars["$job"], a.vars["$jobs"] = job.ID, "/v1.0/servicePrincipals/"+job.ServicePrincipal+"/synchronization/jobs/"+job.ID
	if client := s.Clients()[0]; client.Secret != "" {
		a.token = a.signIn(client)
	}
	return a
}

func (a *tenant) signIn(c entra.Client) string {
	a.t.Helper()
	got := a.post("/"+a.Tenant()+"/oauth2/v2.0/token", form(c.ID, "client_secret", c.Secret))
	if got.status != 200 {
		a.t.Fatalf("sign in: %d %s", got.status, got.raw)
	}
	return got.doc["access_token"].(string)
}

func form(id string, more ...string) url.Values {
	v := url.Values{"client_id": {id}, "grant_type": {"client_credentials"}, "scope": {"https://graph.microsoft.com/.default"}}
	for i := 0; i < len(more); i += 2 {
		v.Set(more[i], more[i+1])
	}
	return v
}

func (a *tenant) post(path string, v url.Values) answer {
	a.t.Helper()
	return a.must("POST", path, v.Encode(), "Content-Type", "application/x-www-form-urlencoded")
}

type answer struct {
	status int
	header http.Header
	raw    string
	doc    map[string]any
}

func (a answer) list() []any {
	list, _ := a.doc["value"].([]any)
	return list
}

func (a *tenant) fill(s string) string {
	for name, value := range a.vars {
		s = strings.ReplaceAll(s, name+";", value)
	}
	return s
}

// try sends a request; names and values of headers follow the body.
func (a *tenant) try(method, path, body string, headers ...string) (answer, error) {
	at := a.fill(path)
	if !strings.HasPrefix(at, "http") {
		at = a.base + at
	}
	if base, query, ok := strings.Cut(at, "?"); ok { // filters are written plainly in the tests
		at = base + "?" + strings.ReplaceAll(query, " ", "%20")
	}
	r, err := http.NewRequestWithContext(a.t.Context(), method, at, strings.NewReader(a.fill(body)))
	if err != nil {
		a.t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+a.token)
	r.Header.Set("Content-Type", "application/json")
	if strings.HasSuffix(path, "bulkUpload") {
		r.Header.Set("Content-Type", "application/scim+json")
	}
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		return answer{}, err
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		return answer{}, err
	}
	got := answer{status: res.StatusCode, header: res.Header, raw: string(b)}
	if len(b) > 0 {
		if err := json.Unmarshal(b, &got.doc); err != nil {
			a.t.Fatalf("%s %s: %v in %s", method, path, err, b)
		}
	}
	return got, nil
}

func (a *tenant) must(method, path, body string, headers ...string) answer {
	a.t.Helper()
	got, err := a.try(method, path, body, headers...)
	if err != nil {
		a.t.Fatalf("%s %s: %v", method, path, err)
	}
	return got
}

func (a *tenant) want(status int, method, path, body string, headers ...string) answer {
	a.t.Helper()
	got := a.must(method, path, body, headers...)
	if got.status != status {
		a.t.Fatalf("%s %s: got %d, want %d: %s", method, path, got.status, status, got.raw)
	}
	return got
}

// scene is a request and what the answer is to hold.
type scene struct {
	method, path, body string
	status             int
	holds              string
}

func (a *tenant) play(scenes []scene) {
	a.t.Helper()
	for i, sc := range scenes {
		got := a.must(sc.method, sc.path, sc.body)
		if got.status != sc.status || !strings.Contains(got.raw, a.fill(sc.holds)) {
			a.t.Errorf("%d: %s %s %s: got %d %s, want %d %q", i, sc.method, sc.path, sc.body, got.status, got.raw, sc.status, sc.holds)
		}
	}
}

// person makes an account through Graph.
func (a *tenant) person(n int) string {
	a.t.Helper()
	got := a.want(201, "POST", "/v1.0/users", account(fmt.Sprintf("p%d", n)))
	return got.doc["id"].(string)
}

func account(name string) string {
	return `{"accountEnabled": true, "displayName": "` + name + `", "mailNickname": "` + name + `", "userPrincipalName": "` + name +
		`@oakfield.example", "employeeId": "e-` + name + `", "passwordProfile": {"password": "long enough", "forceChangePasswordNextSignIn": false}}`
}

func group(name, more string) string {
	return `{"displayName": "` + name + `", "mailEnabled": false, "mailNickname": "` + name + `", "securityEnabled": true` + more + `}`
}
