package okta_test

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"maps"
	"net/http"
	"net/url"
	"testing"
	"time"

	"simscim/internal/auth/keytest"
	"simscim/sandbox/okta"
)

// assertion signs claims. The header is the usual one unless another is given.
func assertion(t testing.TB, key *rsa.PrivateKey, claims map[string]any, header string) string {
	t.Helper()
	if header == "" {
		header = `{"alg": "RS256", "typ": "JWT"}`
	}
	body, err := json.Marshal(claims)
	if err != nil {
		t.Fatal(err)
	}
	text := base64.RawURLEncoding.EncodeToString([]byte(header)) + "." + base64.RawURLEncoding.EncodeToString(body)
	sum := sha256.Sum256([]byte(text))
	signature, err := rsa.SignPKCS1v15(rand.Reader, key, crypto.SHA256, sum[:])
	if err != nil {
		t.Fatal(err)
	}
	return text + "." + base64.RawURLEncoding.EncodeToString(signature)
}

func (b *bench) claims(id string) map[string]any {
	return map[string]any{"iss": b.org.ClientID(), "sub": b.org.ClientID(), "aud": b.url + "/oauth2/v1/token", "exp": b.now.Load() + 300, "iat": b.now.Load(), "jti": id}
}

func form(scope, assertion string) url.Values {
	return url.Values{
		"grant_type": {"client_credentials"}, "scope": {scope}, "client_assertion": {assertion},
		"client_assertion_type": {"urn:ietf:params:oauth:client-assertion-type:jwt-bearer"},
	}
}

func (b *bench) signIn(t testing.TB, f url.Values) (int, map[string]any) {
	t.Helper()
	resp, err := http.PostForm(b.url+"/oauth2/v1/token", f)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var body map[string]any
	if err := json.NewDecoder(resp.Body).Decode(&body); err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, body
}

func TestServiceApp(t *testing.T) {
	t.Parallel()
	key := keytest.New(t)
	b := setup(t, func(o *okta.Options) { o.Key = &key.PublicKey })
	status, body := b.signIn(t, form(okta.ScopeManage+" "+okta.ScopeRead, assertion(t, key, b.claims("1"), "")))
	if status != 200 || body["token_type"] != "Bearer" || body["expires_in"] != 3600.0 || body["scope"] != okta.ScopeManage+" "+okta.ScopeRead {
		t.Fatalf("got %d %v", status, body)
	}
	token, _ := body["access_token"].(string)
	b.auth = "Bearer " + token
	b.is(t, b.open(t), okta.Created)

	_, body = b.signIn(t, form(okta.ScopeRead, assertion(t, key, b.claims("2"), "")))
	token, _ = body["access_token"].(string)
	b.auth = "Bearer " + token
	b.refused(t, 403, "E0000006", "POST", "/sessions", "")
	b.must(t, 200, "GET", "/sessions", "")
	b.wait(time.Hour)
	b.refused(t, 401, "E0000011", "GET", "/sessions", "")

	_, body = b.signIn(t, form(okta.ScopeManage, assertion(t, key, b.claims("3"), "")))
	token, _ = body["access_token"].(string)
	b.auth = "Bearer " + token
	b.refused(t, 403, "E0000006", "GET", "/sessions", "")
	b.org.ExpireTokens()
	b.refused(t, 401, "E0000011", "POST", "/sessions", "")
	for _, auth := range []string{"", "Bearer", "SSWS", "SSWS wrong", "Bearer " + b.org.Token(), "Basic " + b.org.Token()} {
		b.auth = auth
		b.refused(t, 401, "E0000011", "GET", "/sessions", "")
	}
	b.auth = "SSWS " + b.org.Token()
	b.must(t, 200, "GET", "/sessions", "")
	if n := b.org.Requests().Tokens; n != 3 {
		t.Errorf("%d token requests were counted", n)
	}
}

func TestBadSignIn(t *testing.T) {
	t.Parallel()
	key, other := keytest.New(t), keytest.New(t)
	b := setup(t, func(o *okta.Options) { o.Key, o.Scopes = &key.PublicKey, []string{okta.ScopeRead} })
	with := func(id, name string, value any) string {
		c := maps.Clone(b.claims(id))
		if c[name] = value; value == nil {
			delete(c, name)
		}
		return assertion(t, key, c, "")
	}
	good := with("good", "iss", b.org.ClientID())
	if status, body := b.signIn(t, form(okta.ScopeRead, good)); status != 200 {
		t.Fatalf("got %d %v", status, body)
	}
	but := func(name string, values ...string) url.Values {
		f := form(okta.ScopeRead, with("but", "x", 1))
		f[name] = values
		return f
	}
	now := b.now.Load()
	tests := map[string]struct {
		form url.Values
		code string
	}{
		"used twice":         {form(okta.ScopeRead, good), "invalid_client"},
		"another issuer":     {form(okta.ScopeRead, with("i", "iss", "somebody")), "invalid_client"},
		"another subject":    {form(okta.ScopeRead, with("s", "sub", "somebody")), "invalid_client"},
		"no subject":         {form(okta.ScopeRead, with("n", "sub", nil)), "invalid_client"},
		"another audience":   {form(okta.ScopeRead, with("a", "aud", b.url)), "invalid_client"},
		"other audiences":    {form(okta.ScopeRead, with("l", "aud", []string{b.url})), "invalid_client"},
		"no audience":        {form(okta.ScopeRead, with("m", "aud", nil)), "invalid_client"},
		"expired":            {form(okta.ScopeRead, with("e", "exp", now)), "invalid_client"},
		"never expires":      {form(okta.ScopeRead, with("v", "exp", nil)), "invalid_client"},
		"expires too late":   {form(okta.ScopeRead, with("t", "exp", now+3601)), "invalid_client"},
		"expiry is text":     {form(okta.ScopeRead, with("x", "exp", "soon")), "invalid_client"},
		"from the future":    {form(okta.ScopeRead, with("f", "iat", now+60)), "invalid_client"},
		"another key":        {form(okta.ScopeRead, assertion(t, other, b.claims("k"), "")), "invalid_client"},
		"another algorithm":  {form(okta.ScopeRead, assertion(t, key, b.claims("h"), `{"alg": "HS256"}`)), "invalid_client"},
		"no algorithm":       {form(okta.ScopeRead, assertion(t, key, b.claims("o"), `{"alg": "none"}`)), "invalid_client"},
		"no token":           {form(okta.ScopeRead, "a.b"), "invalid_client"},
		"no base64":          {form(okta.ScopeRead, "!.!.!"), "invalid_client"},
		"not granted":        {form(okta.ScopeManage, with("g", "x", 1)), "invalid_scope"},
		"no scope":           {form("", with("p", "x", 1)), "invalid_scope"},
		"another grant":      {but("grant_type", "password"), "unsupported_grant_type"},
		"another assertion":  {but("client_assertion_type", "jwt"), "invalid_client"},
		"a parameter twice":  {but("grant_type", "client_credentials", "client_credentials"), "unsupported_grant_type"},
		"one very long form": {but("x", string(make([]byte, 20<<10))), "invalid_request"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			status, body := b.signIn(t, test.form)
			want := 400
			if test.code == "invalid_client" {
				want = 401
			}
			if status != want || body["error"] != test.code || body["error_description"] == "" {
				t.Errorf("got %d %v, want %d %s", status, body, want, test.code)
			}
		})
	}
	t.Run("a list of audiences", func(t *testing.T) {
		t.Parallel()
		if status, body := b.signIn(t, form(okta.ScopeRead, with("many", "aud", []string{"x", b.url + "/oauth2/v1/token"}))); status != 200 {
			t.Errorf("got %d %v", status, body)
		}
	})
	t.Run("no service app", func(t *testing.T) {
		t.Parallel()
		b := setup(t, nil)
		if status, _ := b.signIn(t, form(okta.ScopeRead, assertion(t, key, b.claims("1"), ""))); status != 401 {
			t.Errorf("got %d", status)
		}
	})
}
