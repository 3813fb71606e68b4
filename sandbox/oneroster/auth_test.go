package oneroster

import (
	"crypto/hmac"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"hash"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"simscim/internal/auth/keytest"
	"simscim/internal/clock/clocktest"
	"simscim/sandbox/simsid"
	"simscim/sandbox/world"
)

func (b *bench) askToken(form url.Values, header ...string) answer {
	b.t.Helper()
	return b.send(http.MethodPost, b.url+"/oneroster/token", form.Encode(), append([]string{"Content-Type", "application/x-www-form-urlencoded"}, header...)...)
}

func basic(id, pass string) string {
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(url.QueryEscape(id)+":"+url.QueryEscape(pass)))
}

func TestDistrictTokens(t *testing.T) {
	t.Parallel()
	b := setup(t, "tiny")
	d := b.s.District()
	id, pass, scope := d.ClientID, d.ClientSecret.Reveal(), strings.Join(Scopes(V11), " ")
	form := func(pairs ...string) url.Values {
		out := url.Values{"grant_type": {"client_credentials"}, "scope": {scope}}
		for i := 0; i < len(pairs); i += 2 {
			out.Set(pairs[i], pairs[i+1])
		}
		return out
	}
	for name, c := range map[string]struct {
		a      answer
		status int
		code   string
	}{
		"basic":              {b.askToken(form(), "Authorization", basic(id, pass)), 200, ""},
		"body":               {b.askToken(form("client_id", id, "client_secret", pass)), 200, ""},
		"both":               {b.askToken(form("client_id", id, "client_secret", pass), "Authorization", basic(id, pass)), 400, "invalid_request"},
		"wrong secret":       {b.askToken(form(), "Authorization", basic(id, "x")), 401, "invalid_client"},
		"no client":          {b.askToken(form()), 401, "invalid_client"},
		"wrong client":       {b.askToken(form("client_id", "x", "client_secret", pass)), 401, "invalid_client"},
		"another grant":      {b.askToken(form("grant_type", "password", "client_id", id, "client_secret", pass)), 400, "unsupported_grant_type"},
		"no scope":           {b.askToken(form("scope", "", "client_id", id, "client_secret", pass)), 400, "invalid_scope"},
		"unknown scope":      {b.askToken(form("scope", "onerosterapi", "client_id", id, "client_secret", pass)), 400, "invalid_scope"},
		"JSON":               {b.send(http.MethodPost, b.url+"/oneroster/token", `{}`, "Content-Type", "application/json"), 400, "invalid_request"},
		"a body that is big": {b.askToken(form("x", strings.Repeat("x", maxForm))), 400, "invalid_request"},
		"GET":                {b.send(http.MethodGet, b.url+"/oneroster/token", ""), 405, ""},
	} {
		if c.a.status != c.status || c.code != "" && text(c.a.json(t), "error") != c.code {
			t.Errorf("%s: %d %s", name, c.a.status, c.a.body)
		}
	}
	token := text(b.askToken(form(), "Authorization", basic(id, pass)).json(t), "access_token")
	if a := b.as(token, V11, "/orgs"); a.status != 200 {
		t.Errorf("a token opens nothing: %d", a.status)
	}
	b.clock.Advance(DefaultTokenTTL)
	if a := b.as(token, V11, "/orgs"); a.status != 401 {
		t.Errorf("an expired token: %d", a.status)
	}
	token = text(b.askToken(form(), "Authorization", basic(id, pass)).json(t), "access_token")
	b.s.ExpireTokens()
	for name, tampered := range map[string]string{"revoked": token, "cut": token[:len(token)-2], "empty": tokenPrefix, "bits": tokenPrefix + "e30." + token[len(token)-43:]} {
		if a := b.as(tampered, V11, "/orgs"); a.status != 401 {
			t.Errorf("%s: %d", name, a.status)
		}
	}
}

func TestScopes(t *testing.T) {
	t.Parallel()
	b := setup(t, "tiny")
	site := b.w.Sites()[0].ID.String()
	paths := map[string]string{scopeCore: "/users", scopeRoster: "/schools/" + site + "/students", scopeDemographics: "/demographics"}
	for i, name := range []string{scopeCore, scopeRoster, scopeDemographics} {
		for j, v := range []Version{V11, V12} {
			token, err := b.s.seal(grant{Scopes: Scopes(v)[i : i+1], Expires: b.clock.Now().Unix() + 60})
			if err != nil {
				t.Fatal(err)
			}
			for needs, path := range paths {
				want := 403
				if needs == name || needs == scopeCore && name == scopeRoster {
					want = 200
				}
				if a := b.as(token, v, path); a.status != want {
					t.Errorf("%s with %s: %d, want %d", path, name, a.status, want)
				}
				if a := b.as(token, []Version{V12, V11}[j], path); a.status != 403 {
					t.Errorf("%s with the other version's %s: %d", path, name, a.status)
				}
			}
		}
	}
}

// A school's token shows that school and nothing else.
func TestSchoolsAreApart(t *testing.T) {
	t.Parallel()
	b := setup(t, "mat-small")
	token, id := b.school(1)
	other := b.w.Rolls()[4]
	for _, v := range []Version{V11, V12} {
		orgs := b.as(token, v, "/orgs").rows(t, "orgs")
		if len(orgs) != 1 || text(orgs[0], "sourcedId") != id.String() || text(orgs[0], "type") != "school" || orgs[0]["parent"] != nil {
			t.Errorf("the orgs are %v", orgs)
		}
		for _, path := range []string{
			"/orgs/" + other.Site.ID.String(), "/users/" + other.People(world.Student)[0].ID.String(), "/classes/" + other.Groups()[40].ID.String(),
			"/schools/" + other.Site.ID.String() + "/students", "/demographics/" + other.People(world.Student)[0].ID.String(), "/orgs/" + b.s.District().ID.String(),
		} {
			if a := b.as(token, v, path); a.status != 404 {
				t.Errorf("%s of another school: %d", path, a.status)
			}
		}
		if rows := b.as(token, v, "/users?"+filtered("sourcedId='"+other.People(world.Staff)[0].ID.String()+"'")).rows(t, "users"); len(rows) != 0 {
			t.Error("a filter reaches into another school")
		}
	}
	whole := string(b.as(token, V12, "/users?limit=100000").body) + string(b.as(token, V12, "/enrollments?limit=100000").body)
	for _, r := range b.w.Rolls() {
		if r.Site.ID != id && strings.Contains(whole, r.Site.ID.String()) {
			t.Errorf("school %s is named", r.Site.DfE)
		}
	}
	if _, err := b.w.Withdraw(id); err != nil {
		t.Fatal(err)
	}
	if a := b.as(token, V11, "/users"); a.status != 403 {
		t.Errorf("after the consent is withdrawn: %d", a.status)
	}
	if rows := b.get(V11, "/schools").rows(t, "orgs"); len(rows) != 4 {
		t.Errorf("the district has %d schools", len(rows))
	}
	b.sims.ExpireTokens()
	if a := b.as(token, V11, "/users"); a.status != 401 {
		t.Errorf("after all tokens expired: %d", a.status)
	}
}

func TestSchoolNeedsTheScope(t *testing.T) {
	t.Parallel()
	b := setup(t, "tiny")
	sc := b.sims.Schools()[0]
	form := url.Values{
		"grant_type": {"client_credentials"}, "client_id": {sc.ClientID}, "client_secret": {sc.ClientSecret.Reveal()},
		"scope": {"rapapi"}, "acr_values": {"orgselected:" + sc.Organisation.String()},
	}
	a := b.send(http.MethodPost, b.url+"/sts/connect/token", form.Encode(), "Content-Type", "application/x-www-form-urlencoded")
	if got := b.as(text(a.json(t), "access_token"), V11, "/orgs"); got.status != 403 {
		t.Errorf("a token for the provisioning API: %d", got.status)
	}
}

// The integrator's limit holds for all schools and both of SIMS ID's APIs together.
func TestIntegratorsLimit(t *testing.T) {
	t.Parallel()
	w := still()
	c := clocktest.New(time.Date(2026, 11, 2, 9, 0, 0, 0, time.UTC))
	sims, err := simsid.New(simsid.Options{World: w, Now: c.Now, Key: keytest.Shared(), PerSecond: 2})
	if err != nil {
		t.Fatal(err)
	}
	b := over(t, w)
	b.s.sims, b.sims = sims, sims
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, b.url, nil)
	if err != nil {
		t.Fatal(err)
	}
	for range 2 { // without a token, which counts too
		if _, err := sims.Admit(req, simsScope); err == nil || !strings.Contains(err.Error(), "unauthorized") {
			t.Errorf("a call without a token: %v", err)
		}
	}
	for _, v := range []Version{V11, V12} {
		a := b.as("x", v, "/orgs")
		if a.status != 429 || a.header.Get("Retry-After") != "1" || minor(t, a, v) != "server_busy" {
			t.Errorf("%s: %d %s", v, a.status, a.body)
		}
	}
	if a := b.get(V11, "/orgs"); a.status != 200 {
		t.Errorf("the district is limited as well: %d", a.status)
	}
	c.Advance(time.Second)
	if a := b.as("x", V11, "/orgs"); a.status != 401 {
		t.Errorf("a second later: %d", a.status)
	}
}

// signed makes an OAuth 1.0a header by itself, not with the code under test.
func signed(method, at, key, pass, name string, h func() hash.Hash, when time.Time, nonce string, more ...string) string {
	u, _ := url.Parse(at)
	fields := map[string]string{
		"oauth_consumer_key": key, "oauth_signature_method": name, "oauth_timestamp": fmt.Sprint(when.Unix()), "oauth_nonce": nonce, "oauth_version": "1.0",
	}
	for i := 0; i < len(more); i += 2 {
		fields[more[i]] = more[i+1]
	}
	esc := func(s string) string { return strings.ReplaceAll(url.QueryEscape(s), "+", "%20") }
	var pairs []string
	for k, v := range fields {
		pairs = append(pairs, esc(k)+"="+esc(v))
	}
	for k, vs := range u.Query() {
		for _, v := range vs {
			pairs = append(pairs, esc(k)+"="+esc(v))
		}
	}
	slices.Sort(pairs)
	base := method + "&" + esc(u.Scheme+"://"+u.Host+u.Path) + "&" + esc(strings.Join(pairs, "&"))
	mac := hmac.New(h, []byte(esc(pass)+"&"))
	mac.Write([]byte(base))
	fields["oauth_signature"] = base64.StdEncoding.EncodeToString(mac.Sum(nil))
	var out []string
	for k, v := range fields {
		out = append(out, fmt.Sprintf(`%s="%s"`, k, esc(v)))
	}
	return "OAuth " + strings.Join(out, ", ")
}

func TestOAuth1(t *testing.T) {
	t.Parallel()
	b := setup(t, "tiny")
	d, now := b.s.District(), b.clock.Now()
	key, pass := d.ClientID, d.ClientSecret.Reveal()
	at := b.url + root(V11) + "/users?limit=5&" + filtered("familyName~'o''b c' OR status='active'")
	get := func(header string) int { return b.send(http.MethodGet, at, "", "Authorization", header).status }
	good := signed("GET", at, key, pass, "HMAC-SHA256", sha256.New, now, "1", "oauth_token", "")
	for _, c := range []struct {
		name, header string
		want         int
	}{
		{"SHA-256, with an empty token", good, 200},
		{"the same again", good, 401},
		{"SHA-1", signed("GET", at, key, pass, "HMAC-SHA1", sha1.New, now, "2"), 200},
		{"a realm", strings.Replace(signed("GET", at, key, pass, "HMAC-SHA1", sha1.New, now, "3"), "OAuth ", `OAuth realm="x", `, 1), 200},
		{"wrong secret", signed("GET", at, key, "x", "HMAC-SHA1", sha1.New, now, "4"), 401},
		{"wrong key", signed("GET", at, "x", pass, "HMAC-SHA1", sha1.New, now, "5"), 401},
		{"wrong method", signed("POST", at, key, pass, "HMAC-SHA1", sha1.New, now, "6"), 401},
		{"wrong query", signed("GET", at+"0", key, pass, "HMAC-SHA1", sha1.New, now, "7"), 401},
		{"old", signed("GET", at, key, pass, "HMAC-SHA1", sha1.New, now.Add(-time.Hour), "8"), 401},
		{"from the future", signed("GET", at, key, pass, "HMAC-SHA1", sha1.New, now.Add(time.Hour), "9"), 401},
		{"plain text", signed("GET", at, key, pass, "PLAINTEXT", sha1.New, now, "10"), 400},
		{"version 2", signed("GET", at, key, pass, "HMAC-SHA1", sha1.New, now, "11", "oauth_version", "2.0"), 400},
		{"no time", signed("GET", at, key, pass, "HMAC-SHA1", sha1.New, now, "12", "oauth_timestamp", "x"), 400},
		{"nothing", "OAuth ", 400},
		{"no nonce", signed("GET", at, key, pass, "HMAC-SHA1", sha1.New, now, ""), 400},
		{"twice the key", signed("GET", at, key, pass, "HMAC-SHA1", sha1.New, now, "13") + `, oauth_consumer_key="x"`, 400},
	} {
		if got := get(c.header); got != c.want {
			t.Errorf("%s: %d, want %d", c.name, got, c.want)
		}
	}
	at = b.url + root(V12) + "/users"
	if got := get(signed("GET", at, key, pass, "HMAC-SHA256", sha256.New, now, "20")); got != 401 {
		t.Errorf("1.2 takes OAuth 1.0a: %d", got)
	}
}

// The base string of RFC 5849 §3.4.1.1, without its body and token.
func TestBaseString(t *testing.T) {
	t.Parallel()
	got := baseString("post", "http://example.com/request", []parameter{
		{"b5", "=%3D"}, {"a3", "a"}, {"c@", ""}, {"a2", "r b"}, {"oauth_signature", "x"}, {"c2", ""}, {"a3", "2 q"},
	})
	want := "POST&http%3A%2F%2Fexample.com%2Frequest&a2%3Dr%2520b%26a3%3D2%2520q%26a3%3Da%26b5%3D%253D%25253D%26c%2540%3D%26c2%3D"
	if got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestLogin(t *testing.T) {
	t.Parallel()
	b := setup(t, "tiny", "login")
	d := b.s.District()
	at := b.url + "/oneroster/login"
	if a := b.askToken(url.Values{}); a.status != 404 {
		t.Errorf("there is a token endpoint: %d", a.status)
	}
	form := url.Values{"clientid": {d.ClientID}, "clientsecret": {d.ClientSecret.Reveal()}}.Encode()
	body := fmt.Sprintf(`{"clientid":%q,"clientsecret":%q}`, d.ClientID, d.ClientSecret.Reveal())
	for kind, in := range map[string]string{"application/x-www-form-urlencoded": form, "application/json": body} {
		a := b.send(http.MethodPost, at, in, "Content-Type", kind)
		token := text(a.json(t), "token")
		cookie, _, _ := strings.Cut(a.header.Get("Set-Cookie"), ";")
		if a.status != 200 || b.as(token, V11, "/orgs").status != 200 {
			t.Errorf("%s: %d", kind, a.status)
		}
		if got := b.send(http.MethodGet, b.url+root(V12)+"/orgs", "", "Cookie", cookie); got.status != 200 {
			t.Errorf("%s: the cookie: %d", kind, got.status)
		}
	}
	for _, in := range []string{"", "clientid=x", `{"clientid":1}`, "%zz"} {
		if a := b.send(http.MethodPost, at, in, "Content-Type", "application/json"); a.status != 401 {
			t.Errorf("%q: %d", in, a.status)
		}
	}
	_ = b.s.Deviate()
	if a := b.send(http.MethodPost, at, form); a.status != 404 {
		t.Errorf("login without the deviation: %d", a.status)
	}
}

func TestWithoutSIMSID(t *testing.T) {
	t.Parallel()
	w, err := world.New(world.Options{Preset: "tiny"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := New(Options{World: w}); err == nil {
		t.Error("a service without a clock")
	}
	if _, err := New(Options{World: w, Now: time.Now, TokenTTL: -1}); err == nil {
		t.Error("a negative lifetime")
	}
	s, err := New(Options{World: w, Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	s.ExpireTokens()
	if err := s.Faults().Set(simsid.Fault{Kind: simsid.DanglingClasses}); err == nil {
		t.Error("a fault of the provisioning API was taken")
	}
}
