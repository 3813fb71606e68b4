package simsid

import (
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"math/big"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
)

func TestTokenRequests(t *testing.T) {
	t.Parallel()
	b := setup(t)
	if _, err := b.w.Withdraw(b.w.Sites()[3].ID); err != nil {
		t.Fatal(err)
	}
	v := b.s.Vendor()
	vendor := func() url.Values { return form(v.ClientID, v.ClientSecret.Reveal(), VendorScope, v.Organisation) }
	with := func(f url.Values, name string, values ...string) url.Values {
		if f[name] = values; len(values) == 0 {
			delete(f, name)
		}
		return f
	}
	other := b.w.Sites()[1].ID.String()
	for name, c := range map[string]struct {
		form url.Values
		code string
	}{
		"a school":                    {b.school(0), ""},
		"all of a school's scopes":    {with(b.school(0), "scope", SchoolScope), ""},
		"the vendor":                  {vendor(), ""},
		"more than one acr value":     {with(b.school(0), "acr_values", "tenant:x orgselected:"+b.w.Sites()[0].ID.String()), ""},
		"no grant type":               {with(b.school(0), "grant_type"), "invalid_request"},
		"another grant type":          {with(b.school(0), "grant_type", "password"), "unsupported_grant_type"},
		"no client":                   {with(b.school(0), "client_id"), "invalid_request"},
		"unknown client":              {with(b.school(0), "client_id", "sas-simscim-x"), "invalid_client"},
		"wrong secret":                {with(b.school(0), "client_secret", "x"), "invalid_client"},
		"another school's secret":     {with(b.school(0), "client_secret", b.school(1).Get("client_secret")), "invalid_client"},
		"no secret":                   {with(b.school(0), "client_secret"), "invalid_request"},
		"no scope":                    {with(b.school(0), "scope"), "invalid_request"},
		"unknown scope":               {with(b.school(0), "scope", "rapapi everything"), "invalid_scope"},
		"a vendor's scope":            {with(b.school(0), "scope", "rapapi partner-read"), "invalid_scope"},
		"a school's scope for vendor": {with(vendor(), "scope", "onerosterapi"), "invalid_scope"},
		"no acr values":               {with(b.school(0), "acr_values"), "invalid_request"},
		"acr values without GUID":     {with(b.school(0), "acr_values", "orgselected:17"), "invalid_request"},
		"acr values with braces":      {with(b.school(0), "acr_values", "orgselected:{"+b.w.Sites()[0].ID.String()+"}"), "invalid_request"},
		"another kind of acr values":  {with(b.school(0), "acr_values", "idp:x"), "invalid_request"},
		"another school":              {with(b.school(0), "acr_values", "orgselected:"+other), "unauthorized_client"},
		"a school that does not exist": {
			with(b.school(0), "acr_values", "orgselected:"+uuid.Nil.String()), "unauthorized_client",
		},
		"the vendor for a school":  {with(vendor(), "acr_values", "orgselected:"+other), "unauthorized_client"},
		"a school that withdrew":   {b.school(3), "unauthorized_client"},
		"a parameter twice":        {with(b.school(0), "scope", "rapapi", "partner"), "invalid_request"},
		"nothing":                  {url.Values{}, "invalid_request"},
		"an oversized form":        {with(b.school(0), "x", strings.Repeat("x", maxForm)), "invalid_request"},
		"parameters in the query?": {url.Values{"grant_type": {"client_credentials"}}, "invalid_request"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := b.do(http.MethodPost, "/sts/connect/token", "", c.form)
			got := a.json(t)
			if c.code == "" {
				if a.status != http.StatusOK || got["token_type"] != "Bearer" || got["expires_in"] != 3600.0 || got["access_token"] == "" {
					t.Errorf("got %d %s", a.status, a.body)
				}
				return
			}
			if a.status != http.StatusBadRequest || got["error"] != c.code || len(got) != 1 {
				t.Errorf("got %d %s, want 400 %s", a.status, a.body, c.code)
			}
		})
	}
}

func TestTokenEndpointTakesFormsOnly(t *testing.T) {
	t.Parallel()
	b := setup(t)
	if a := b.get("/sts/connect/token", ""); a.status != http.StatusMethodNotAllowed || a.header.Get("Allow") != http.MethodPost {
		t.Errorf("GET: got %d", a.status)
	}
	res, err := http.Post(b.url+"/sts/connect/token", "application/json", strings.NewReader(`{"grant_type":"client_credentials"}`))
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusBadRequest {
		t.Errorf("JSON: got %d", res.StatusCode)
	}
	if a := b.get("/sts/nothing", ""); a.status != http.StatusNotFound {
		t.Errorf("unknown path: got %d", a.status)
	}
}

// A client that knows nothing but the address can check a token.
func TestTokenCanBeVerifiedByDiscovery(t *testing.T) {
	t.Parallel()
	b := setup(t)
	doc := b.get("/sts/.well-known/openid-configuration", "").json(t)
	if doc["issuer"] != b.url+"/sts" || doc["token_endpoint"] != b.url+"/sts/connect/token" {
		t.Fatalf("the discovery document says %v", doc)
	}
	keys := b.get(strings.TrimPrefix(doc["jwks_uri"].(string), b.url), "").json(t)["keys"].([]any)
	key := keys[0].(map[string]any)
	number := func(name string) *big.Int {
		raw, err := base64.RawURLEncoding.DecodeString(key[name].(string))
		if err != nil {
			t.Fatal(err)
		}
		return new(big.Int).SetBytes(raw)
	}
	public := &rsa.PublicKey{N: number("n"), E: int(number("e").Int64())}

	token := b.token(b.school(1))
	parts := strings.Split(token, ".")
	sig, err := base64.RawURLEncoding.DecodeString(parts[2])
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256([]byte(parts[0] + "." + parts[1]))
	if err := rsa.VerifyPKCS1v15(public, crypto.SHA256, sum[:], sig); err != nil {
		t.Fatal(err)
	}
	raw, _ := base64.RawURLEncoding.DecodeString(parts[1])
	var c claims
	if err := json.Unmarshal(raw, &c); err != nil {
		t.Fatal(err)
	}
	now := b.clock.Now().Unix()
	if c.Issuer != b.url+"/sts" || c.Organisation != b.w.Sites()[1].ID.String() || !slices.Equal(c.Scope, []string{"rapapi"}) ||
		c.Issued != now || c.NotBefore != now || c.Expires != now+3600 || c.Client != b.s.Schools()[1].ClientID || c.Audience == "" {
		t.Errorf("the claims are %+v", c)
	}
}

func TestBearerTokens(t *testing.T) {
	t.Parallel()
	b := setup(t)
	good := b.token(b.school(0))
	parts := strings.Split(good, ".")
	forged := func(claim string) string {
		return parts[0] + "." + encodeSegment([]byte(claim)) + "." + parts[2]
	}
	none := encodeSegment([]byte(`{"alg":"none","kid":"`+b.s.signer.kid+`"}`)) + "." + parts[1] + "."
	hmac := encodeSegment([]byte(`{"alg":"HS256","kid":"`+b.s.signer.kid+`"}`)) + "." + parts[1] + "." + parts[2]
	for name, c := range map[string]struct {
		token  string
		status int
	}{
		"good":           {good, 200},
		"none":           {"", 401},
		"nonsense":       {"x", 401},
		"two dots":       {"..", 401},
		"alg none":       {none, 401},
		"alg HS256":      {hmac, 401},
		"changed claims": {forged(`{"organisation":"` + b.w.Sites()[0].ID.String() + `","exp":99999999999,"scope":["rapapi"]}`), 401},
		"no signature":   {parts[0] + "." + parts[1] + ".", 401},
		"huge":           {strings.Repeat("a", 9000) + ".b.c", 401},
		"wrong scope":    {b.token(scoped(b.school(0), "partner")), 403},
		"other school":   {b.token(b.school(1)), 403},
		"the vendor":     {b.vendorToken(), 403},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := b.get(b.path(0, "/students"), c.token)
			if a.status != c.status {
				t.Errorf("got %d, want %d", a.status, c.status)
			}
			if a.status == 401 && !strings.HasPrefix(a.header.Get("WWW-Authenticate"), "Bearer") {
				t.Error("401 without a challenge")
			}
			if a.status != 200 && strings.Contains(string(a.body), "externalId") {
				t.Error("a refusal holds data")
			}
		})
	}
}

func scoped(f url.Values, scope string) url.Values {
	f.Set("scope", scope)
	return f
}

func TestTokensExpire(t *testing.T) {
	t.Parallel()
	b := setup(t, func(o *Options) { o.TokenTTL = time.Minute })
	token, path := b.token(b.school(0)), b.path(0, "")
	b.clock.Advance(59 * time.Second)
	if a := b.get(path, token); a.status != 200 {
		t.Errorf("before its end: %d", a.status)
	}
	b.clock.Advance(time.Second)
	if a := b.get(path, token); a.status != 401 {
		t.Errorf("at its end: %d", a.status)
	}
	token = b.token(b.school(0))
	b.s.ExpireTokens()
	if a := b.get(path, token); a.status != 401 {
		t.Errorf("after all were expired: %d", a.status)
	}
	if a := b.get(path, b.token(b.school(0))); a.status != 200 {
		t.Errorf("a new one: %d", a.status)
	}
	// The world's clock is another: a year on, the token is as good as it was.
	token = b.token(b.school(0))
	b.w.September()
	if a := b.get(path, token); a.status != 200 {
		t.Errorf("after September: %d", a.status)
	}
}

func TestWithdrawalStopsTokensAtOnce(t *testing.T) {
	t.Parallel()
	b := setup(t)
	token, site := b.token(b.school(0)), b.w.Sites()[0].ID
	if _, err := b.w.Withdraw(site); err != nil {
		t.Fatal(err)
	}
	if a := b.get(b.path(0, "/students"), token); a.status != 403 {
		t.Errorf("after the withdrawal: %d", a.status)
	}
	if _, err := b.w.Consent(site); err != nil {
		t.Fatal(err)
	}
	if a := b.get(b.path(0, "/students"), token); a.status != 200 {
		t.Errorf("after new consent: %d", a.status)
	}
}

func TestRateLimit(t *testing.T) {
	t.Parallel()
	b := setup(t, func(o *Options) { o.PerSecond = 5 })
	tokens := []string{b.token(b.school(0)), b.token(b.school(1))}
	// All schools share the integrator's budget.
	for i := range 5 {
		if a := b.get(b.path(i%2, ""), tokens[i%2]); a.status != 200 {
			t.Fatalf("call %d: %d", i, a.status)
		}
	}
	a := b.get(b.path(0, ""), tokens[0])
	if a.status != 429 || a.header.Get("Retry-After") != "1" || a.json(t)["message"] != "Rate limit is exceeded. Try again in 1 seconds." {
		t.Errorf("got %d %s", a.status, a.body)
	}
	b.clock.Advance(time.Second)
	if a := b.get(b.path(0, ""), tokens[0]); a.status != 200 {
		t.Errorf("a second later: %d", a.status)
	}
}
