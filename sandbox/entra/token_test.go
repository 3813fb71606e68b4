package entra_test

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"maps"
	"strings"
	"testing"
	"time"

	"simscim/internal/auth/keytest"
	"simscim/sandbox/entra"
)

const appID = "5f0b3b1e-0000-4000-8000-000000000001"

func sign(t *testing.T, k *rsa.PrivateKey, header, claims map[string]any) string {
	t.Helper()
	part := func(v any) string {
		b, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		return base64.RawURLEncoding.EncodeToString(b)
	}
	text := part(header) + "." + part(claims)
	sum := sha256.Sum256([]byte(text))
	var sig []byte
	var err error
	if header["alg"] == "PS256" {
		sig, err = rsa.SignPSS(rand.Reader, k, crypto.SHA256, sum[:], nil)
	} else {
		sig, err = rsa.SignPKCS1v15(rand.Reader, k, crypto.SHA256, sum[:])
	}
	if err != nil {
		t.Fatal(err)
	}
	return text + "." + base64.RawURLEncoding.EncodeToString(sig)
}

func with(m map[string]any, name string, value any) map[string]any {
	out := maps.Clone(m)
	out[name] = value
	return out
}

func TestSecret(t *testing.T) {
	t.Parallel()
	a := open(t, entra.Options{Clients: []entra.Client{
		{ID: appID, Secret: "right", Roles: []string{entra.RoleUserRead}},
		{ID: "5f0b3b1e-0000-4000-8000-000000000002", Managed: true},
	}, TokenTTL: time.Minute})
	at := "/" + a.Tenant() + "/oauth2/v2.0/token"
	for _, c := range []struct {
		name, path string
		set        []string
		status     int
		holds      string
	}{
		{"wrong secret", at, []string{"client_secret", "wrong"}, 401, "AADSTS7000215: "},
		{"no secret", at, nil, 401, "AADSTS7000216: "},
		{"both", at, []string{"client_secret", "right", "client_assertion", "a.b.c"}, 400, "AADSTS90023: "},
		{"unknown tenant", "/other/oauth2/v2.0/token", []string{"client_secret", "right"}, 400, "AADSTS90002: "},
		{"unknown client", at, []string{"client_id", "x", "client_secret", "right"}, 400, "AADSTS700016: "},
		{"managed identity", at, []string{"client_id", "5f0b3b1e-0000-4000-8000-000000000002", "client_secret", "right"}, 400, "AADSTS700016: "},
		{"no grant", at, []string{"grant_type", ""}, 400, "AADSTS900144: "},
		{"other grant", at, []string{"grant_type", "password"}, 400, "AADSTS70003: "},
		{"scope", at, []string{"client_secret", "right", "scope", "User.Read.All"}, 400, "AADSTS1002012: "},
		{"scopes without a resource", at, []string{"client_secret", "right", "scope", "openid profile"}, 400, "AADSTS1002012: "},
		{"resource", at, []string{"client_secret", "right", "scope", "https://other.example/.default"}, 400, "AADSTS500011: "},
	} {
		got := a.post(c.path, form(appID, c.set...))
		if got.status != c.status || !strings.Contains(got.raw, c.holds) || got.doc["error_codes"] == nil {
			t.Errorf("%s: got %d %s, want %d %s", c.name, got.status, got.raw, c.status, c.holds)
		}
	}
	got := a.post(at, form(strings.ToUpper(appID), "client_secret", "right"))
	if got.status != 200 || got.doc["expires_in"] != 59.0 || got.doc["token_type"] != "Bearer" {
		t.Fatalf("the token: %d %s", got.status, got.raw)
	}
	a.want(200, "GET", "/v1.0/users", "")
	a.want(403, "POST", "/v1.0/users", account("p"))
	a.clock.Advance(time.Minute)
	if got := a.want(401, "GET", "/v1.0/users", ""); !strings.Contains(got.raw, `"code":"InvalidAuthenticationToken"`) || !strings.Contains(got.raw, "expired") {
		t.Errorf("expired: %s", got.raw)
	}
	a.token = a.signIn(a.Clients()[0])
	a.want(200, "GET", "/v1.0/users", "")
	a.ExpireTokens()
	a.want(401, "GET", "/v1.0/users", "")
	for _, bad := range []string{"", "Bearer", "Basic x", "Bearer a.b", "Bearer " + strings.Replace(a.token, ".", "A.", 1)} {
		if got := a.must("GET", "/v1.0/users", "", "Authorization", bad); got.status != 401 {
			t.Errorf("%q: %d", bad, got.status)
		}
	}
	a.SetFaults(entra.Faults{FailTokens: 1})
	if got := a.post(at, form(appID, "client_secret", "right")); got.status != 503 {
		t.Errorf("told to fail: %d", got.status)
	}
}

func TestAssertion(t *testing.T) {
	t.Parallel()
	year := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	k, cert := keytest.Certificate(t, year, year.AddDate(1, 0, 0))
	other, _ := keytest.Certificate(t, year, year.AddDate(1, 0, 0))
	a := open(t, entra.Options{Clients: []entra.Client{{
		ID: appID, Certificates: []*x509.Certificate{cert},
		Federated: []entra.Federation{{Issuer: "https://cluster.example", Subject: "system:serviceaccount:simscim:simscim", Key: &other.PublicKey}},
	}}})
	now := a.clock.Now()
	thumb := sha256.Sum256(cert.Raw)
	header := map[string]any{"alg": "RS256", "typ": "JWT", "x5t#S256": base64.RawURLEncoding.EncodeToString(thumb[:])}
	at := "/" + a.Tenant() + "/oauth2/v2.0/token"
	own := map[string]any{
		"iss": appID, "sub": appID, "aud": a.base + at, "jti": "1", "nbf": now.Unix(), "exp": now.Add(10 * time.Minute).Unix(),
	}
	federated := map[string]any{
		"iss": "https://cluster.example", "sub": "system:serviceaccount:simscim:simscim", "aud": []string{"api://AzureADTokenExchange"},
		"exp": now.Add(time.Hour).Unix(),
	}
	for _, c := range []struct {
		name      string
		assertion string
		holds     string
	}{
		{"certificate", sign(t, k, header, own), "access_token"},
		{"PS256", sign(t, k, with(header, "alg", "PS256"), own), "access_token"},
		{"issuer as audience", sign(t, k, header, with(own, "aud", a.base+"/"+a.Tenant()+"/v2.0")), "access_token"},
		{"federated", sign(t, other, map[string]any{"alg": "RS256"}, federated), "access_token"},
		{"other key", sign(t, other, header, own), "AADSTS700027: "},
		{"other certificate", sign(t, k, with(header, "x5t#S256", "x"), own), "AADSTS700027: "},
		{"no algorithm", sign(t, k, with(header, "alg", "none"), own), "AADSTS700027: "},
		{"audience", sign(t, k, header, with(own, "aud", "https://elsewhere.example"+at)), "AADSTS700023: "},
		{"subject", sign(t, k, header, with(own, "sub", "x")), "AADSTS50027: "},
		{"no id", sign(t, k, header, with(own, "jti", "")), "AADSTS50027: "},
		{"expired", sign(t, k, header, with(own, "exp", now.Add(-6*time.Minute).Unix())), "AADSTS700024: "},
		{"not yet", sign(t, k, header, with(own, "nbf", now.Add(6*time.Minute).Unix())), "AADSTS700024: "},
		{"malformed", "a.b.c", "AADSTS50027: "},
		{"two parts", "a.b", "AADSTS50027: "},
		{"federated issuer", sign(t, other, header, with(federated, "iss", "https://x.example")), "AADSTS70021: "},
		{"federated subject", sign(t, other, header, with(federated, "sub", "x")), "AADSTS70021: "},
		{"federated audience", sign(t, other, header, with(federated, "aud", "x")), "AADSTS70021: "},
		{"federated key", sign(t, k, header, federated), "AADSTS700027: "},
		{"federated expired", sign(t, other, header, with(federated, "exp", now.Add(-time.Hour).Unix())), "AADSTS700024: "},
	} {
		got := a.post(at, form(appID, "client_assertion", c.assertion, "client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"))
		if !strings.Contains(got.raw, c.holds) {
			t.Errorf("%s: got %d %s, want %s", c.name, got.status, got.raw, c.holds)
		}
	}
	if got := a.post(at, form(appID, "client_assertion", sign(t, k, header, own))); got.status != 400 {
		t.Errorf("without a type: %d", got.status)
	}
	a.clock.Advance(366 * 24 * time.Hour)
	if got := a.post(at, form(appID, "client_assertion", sign(t, k, header, own), "client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer")); !strings.Contains(got.raw, "AADSTS7000222: ") {
		t.Errorf("expired certificate: %s", got.raw)
	}
}

func TestManagedIdentity(t *testing.T) {
	t.Parallel()
	one := entra.Client{ID: appID, Managed: true, Roles: []string{entra.RoleUserRead}}
	two := entra.Client{ID: "5f0b3b1e-0000-4000-8000-000000000002", Managed: true}
	const path = "/metadata/identity/oauth2/token?api-version=2018-02-01&resource=https%3A%2F%2Fgraph.microsoft.com%2F"
	a := open(t, entra.Options{Clients: []entra.Client{one}})
	a.want(400, "GET", path, "")
	a.want(400, "GET", path, "", "Metadata", "true", "X-Forwarded-For", "192.0.2.1")
	a.want(400, "GET", strings.Replace(path, "api-version", "x", 1), "", "Metadata", "true")
	a.want(400, "GET", strings.Replace(path, "graph", "other", 1), "", "Metadata", "true")
	a.want(405, "POST", path, "", "Metadata", "true")
	got := a.want(200, "GET", path, "", "Metadata", "true")
	if got.doc["expires_in"] != "3600000" || got.doc["client_id"] != appID {
		t.Errorf("the token: %s", got.raw)
	}
	a.token = got.doc["access_token"].(string)
	a.want(200, "GET", "/v1.0/users", "")

	a = open(t, entra.Options{Clients: []entra.Client{one, two}})
	a.want(400, "GET", path, "", "Metadata", "true") // which of them?
	a.want(200, "GET", path+"&client_id="+two.ID, "", "Metadata", "true")
	a.want(400, "GET", path+"&client_id=x", "", "Metadata", "true")
	if n := a.Requests()[entra.Identities]; n != 3 {
		t.Errorf("%d requests for tokens", n)
	}
}

// Microsoft's libraries ask where to sign in and add scopes of OpenID Connect.
func TestLibrariesSignIn(t *testing.T) {
	t.Parallel()
	a := open(t, entra.Options{Clients: []entra.Client{{ID: appID, Secret: "right"}}})
	got := a.must("GET", "/"+a.Tenant()+"/v2.0/.well-known/openid-configuration", "")
	at, _ := got.doc["token_endpoint"].(string)
	if got.status != 200 || !strings.HasPrefix(at, "https://") || !strings.HasSuffix(at, "/"+a.Tenant()+"/oauth2/v2.0/token") {
		t.Errorf("got %d %s", got.status, got.raw)
	}
	if got := a.must("GET", "/other/v2.0/.well-known/openid-configuration", ""); got.status != 400 || !strings.Contains(got.raw, "AADSTS90002: ") {
		t.Errorf("another tenant: got %d %s", got.status, got.raw)
	}
	got = a.post("/"+a.Tenant()+"/oauth2/v2.0/token", form(appID, "client_secret", "right", "scope", "https://graph.microsoft.com/.default openid offline_access profile"))
	if got.status != 200 {
		t.Errorf("sign in: got %d %s", got.status, got.raw)
	}
}
