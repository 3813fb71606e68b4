package sandbox

import (
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"simscim/internal/auth/keytest"
)

// play starts a sandbox whose identity provider is of a kind of its own.
func play(t *testing.T, kind string) (s *Sandbox, at string) {
	t.Helper()
	s, err := New(Options{Preset: "tiny", Seed: 3, Now: time.Now, Key: keytest.Shared(), Personality: kind})
	if err != nil {
		t.Fatal(err)
	}
	r, err := s.Listen(t.Context(), "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = r.Close() })
	return s, r.URL
}

// env is the value of a variable that the configuration refers to.
func env(t *testing.T, s *Sandbox, name string) string {
	t.Helper()
	for _, kv := range s.Env() {
		if value, ok := strings.CutPrefix(kv, name+"="); ok {
			return value
		}
	}
	t.Fatalf("there is no %s in %v", name, s.Env())
	return ""
}

func TestKinds(t *testing.T) {
	t.Parallel()
	kinds := Kinds()
	for _, want := range []string{EntraInbound, OktaSource, "generic", "strict"} {
		if !slices.Contains(kinds, want) {
			t.Errorf("%s is not among %v", want, kinds)
		}
	}
	_, err := New(Options{Now: time.Now, Preset: "tiny", Personality: "x"})
	if err == nil || !strings.Contains(err.Error(), EntraInbound) || !strings.Contains(err.Error(), "zitadel") {
		t.Errorf("an unknown kind: %v", err)
	}
}

// The configuration refers to every variable, holds none of their values, and names the
// place; so does the page.
func TestProvidersInConfigAndPage(t *testing.T) {
	t.Parallel()
	for _, kind := range []string{EntraInbound, OktaSource} {
		s, at := play(t, kind)
		text := s.Config("")
		for _, kv := range s.Env() {
			name, value, _ := strings.Cut(kv, "=")
			if value == "" || !strings.Contains(text, "env:"+name) || strings.Contains(text, value) {
				t.Errorf("%s: %s is empty, not referred to or written out", kind, name)
			}
		}
		if !strings.Contains(text, "type: "+kind) || !strings.Contains(text, ": "+at+"\n") || strings.Contains(text, "SCIM_TOKEN") || strings.Contains(text, "<no value>") {
			t.Errorf("%s: the configuration is\n%s", kind, text)
		}
		if status, page, _ := call(t, http.MethodGet, at+"/", ""); status != 200 || !strings.Contains(page, "/_sandbox/arrived") || strings.Contains(page, "/scim/v2") {
			t.Errorf("%s: the page does not show it: %d", kind, status)
		}
		for _, path := range []string{"provider", "arrived", "state"} {
			if status, _, _ := call(t, http.MethodGet, at+"/_sandbox/"+path, ""); status != 200 {
				t.Errorf("%s: %s: %d", kind, path, status)
			}
		}
	}
	_, r := start(t, "tiny")
	if status, _, _ := call(t, http.MethodGet, r.URL+"/_sandbox/provider", ""); status != 404 {
		t.Errorf("a SCIM server has a provider: %d", status)
	}
}

func TestEntraIsMounted(t *testing.T) {
	t.Parallel()
	s, at := play(t, EntraInbound)
	tenant := between(s.Config(""), "tenant: ", "\n")
	signIn := func(tenant string) (token string, status int) {
		form := url.Values{
			"grant_type": {"client_credentials"}, "client_id": {env(t, s, "ENTRA_CLIENT_ID")},
			"client_secret": {env(t, s, "ENTRA_CLIENT_SECRET")}, "scope": {at + "/.default"},
		}
		status, body, _ := call(t, http.MethodPost, at+"/"+tenant+"/oauth2/v2.0/token", form.Encode(), "Content-Type", "application/x-www-form-urlencoded")
		return between(body, `"access_token":"`, `"`), status
	}
	if _, status := signIn("other.example"); status != 400 {
		t.Errorf("another tenant: %d", status)
	}
	token, status := signIn(tenant)
	if status != 200 {
		t.Fatalf("sign in: %d", status)
	}
	read := func(token string) int {
		status, _, _ := call(t, http.MethodGet, at+"/v1.0/users?$top=1", "", "Authorization", "Bearer "+token)
		return status
	}
	if got := read(token); got != 200 {
		t.Errorf("users: %d", got)
	}
	set := func(body string) (int, string) {
		status, answer, _ := call(t, http.MethodPost, at+"/_sandbox/provider", body)
		return status, answer
	}
	for _, bad := range []string{"", `{"jobs":1}`, `{"job":"stop"}`, `{"permissions":["x"]}`, `{"faults":{"fail":-1}}`, `{"job":"pause","faults":{"failStatus":200}}`} {
		if status, _ := set(bad); status != 400 {
			t.Errorf("%q: %d", bad, status)
		}
	}
	for job, want := range map[string]string{"pause": "Paused", "quarantine": "Quarantine", "start": "Active", "restart": "Active"} {
		if _, answer := set(`{"job":"` + job + `"}`); !strings.Contains(answer, `"state": "`+want+`"`) {
			t.Errorf("%s: %s", job, answer)
		}
	}
	if status, answer := set(`{"permissions":[],"expireTokens":true,"faults":{"forgetDeltas":2}}`); status != 200 || !strings.Contains(answer, `"forgetDeltas": 2`) {
		t.Errorf("permissions: %d %s", status, answer)
	}
	if got := read(token); got != 401 {
		t.Errorf("an expired token: %d", got)
	}
	if token, _ = signIn(tenant); read(token) != 403 {
		t.Error("without a permission users are shown")
	}
	if d := s.State().Directory; d.Personality != EntraInbound || d.Requests == 0 || d.Writes != 0 {
		t.Errorf("the state is %+v", d)
	}
	if status, _, _ := call(t, http.MethodPost, at+"/_sandbox/provider", `{}`, "Origin", "https://elsewhere.example", "Sec-Fetch-Site", "cross-site"); status != 403 {
		t.Errorf("from another web site: %d", status)
	}
}

func TestOktaIsMounted(t *testing.T) {
	t.Parallel()
	s, at := play(t, OktaSource)
	root := at + "/api/v1/identity-sources/" + between(s.Config(""), "okta-identity-source\n    url: "+at+"\n    source: ", "\n")
	with := []string{"Authorization", "SSWS " + env(t, s, "OKTA_TOKEN"), "Content-Type", "application/json"}
	if status, body, _ := call(t, http.MethodGet, root+"/sessions", "", with...); status != 200 {
		t.Fatalf("sessions: %d %s", status, body)
	}
	if status, _, _ := call(t, http.MethodGet, root+"/sessions", ""); status != 401 {
		t.Errorf("without a token: %d", status)
	}
	user := `{"externalId":"1","profile":{"userName":"zoe@trust.example","email":"zoe@trust.example","firstName":"Zoe","lastName":"-"}}`
	if status, body, _ := call(t, http.MethodPost, root+"/users", user, with...); status != 200 {
		t.Fatalf("create: %d %s", status, body)
	}
	if d := s.State().Directory; d.Users != 1 || d.Writes != 1 || d.Requests != 3 || d.Personality != OktaSource {
		t.Errorf("the state is %+v", d)
	}
	for body, want := range map[string]int{"": 400, `{"job":"pause"}`: 400, `{"faults":{"skip":-1}}`: 400, `{}`: 200, `{"faults":{"skip":2}}`: 200} {
		if status, _, _ := call(t, http.MethodPost, at+"/_sandbox/provider", body); status != want {
			t.Errorf("%q: %d, want %d", body, status, want)
		}
	}
	var state struct{ Faults struct{ Skip int } }
	_, body, _ := call(t, http.MethodGet, at+"/_sandbox/provider", "")
	if err := json.Unmarshal([]byte(body), &state); err != nil || state.Faults.Skip != 2 {
		t.Errorf("the faults are %s (%v)", body, err)
	}
}

// between is what stands between two texts.
func between(s, before, after string) string {
	_, s, _ = strings.Cut(s, before)
	s, _, _ = strings.Cut(s, after)
	return s
}
