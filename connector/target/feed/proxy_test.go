package feed_test

import (
	"encoding/json"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/netip"
	"net/url"
	"strings"
	"testing"
	"time"

	"simscim/connector/target/feed"
)

// outside is a reader who comes through a proxy with TLS.
type outside struct {
	*testing.T
	client *http.Client
	url    string
}

// behind puts a feed behind a proxy that says whom a request comes from, as the header
// X-Client tells it.
func behind(t *testing.T, o feed.Options) outside {
	t.Helper()
	inner := httptest.NewServer(serve(t, o).handler)
	t.Cleanup(inner.Close)
	to, err := url.Parse(inner.URL)
	if err != nil {
		t.Fatal(err)
	}
	proxy := httptest.NewTLSServer(&httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(to)
		r.Out.Header["X-Forwarded-For"] = append(r.In.Header["X-Forwarded-For"], r.In.Header.Get("X-Client"))
	}})
	t.Cleanup(proxy.Close)
	return outside{t, proxy.Client(), proxy.URL}
}

func (o outside) get(path, token, client, madeUp string) (int, string) {
	o.Helper()
	r, err := http.NewRequestWithContext(o.Context(), http.MethodGet, o.url+"/feeds/okta"+path, http.NoBody)
	if err != nil {
		o.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+token)
	r.Header.Set("X-Client", client)
	r.Header.Set("X-Forwarded-For", madeUp)
	r.Header.Set("X-Forwarded-Host", "evil.example")
	resp, err := o.client.Do(r)
	if err != nil {
		o.Fatal(err)
	}
	defer resp.Body.Close()
	var doc struct {
		Meta struct{ Location string }
	}
	if err := json.NewDecoder(resp.Body).Decode(&doc); err != nil {
		o.Fatal(err)
	}
	return resp.StatusCode, doc.Meta.Location
}

func TestGuessingThroughAProxy(t *testing.T) {
	t.Parallel()
	const attacker, okta = "203.0.113.66", "192.0.2.7"
	o := options(t)
	now := time.Now()
	o.Now = func() time.Time { return now }
	o.BaseURL = "https://scim.trust.example/feeds/okta"
	o.Proxies = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
	out := behind(t, o)
	// It names Okta, a proxy, or rubbish as where it comes from, and waits all the same.
	madeUp := []string{okta, "127.0.0.1", "unknown, " + okta, strings.Repeat("192.0.2.7,", 900)}
	slowed := 0
	for n := range 20 {
		if status, _ := out.get("/Users", "guess", attacker, madeUp[n%len(madeUp)]); status == http.StatusTooManyRequests {
			slowed++
		}
	}
	if slowed != 10 {
		t.Errorf("of 20 guesses %d were slowed, want 10", slowed)
	}
	status, location := out.get("/ServiceProviderConfig", token, okta, "")
	if want := o.BaseURL + "/ServiceProviderConfig"; status != http.StatusOK || location != want {
		t.Errorf("Okta gets %d with location %q, want %q", status, location, want)
	}

	// Without proxies all are one, which is why they are to be named.
	o.Path += "2"
	o.Proxies = nil
	out = behind(t, o)
	for range 11 {
		out.get("/Users", "guess", attacker, "")
	}
	if status, _ := out.get("/Users", token, okta, ""); status != http.StatusTooManyRequests {
		t.Errorf("an unnamed proxy was believed: %d", status)
	}
}

// Who is no proxy cannot put the blame on others by a header.
func TestBlameCannotBeShifted(t *testing.T) {
	t.Parallel()
	o := options(t)
	o.Proxies = []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}
	s := serve(t, o)
	for range 12 {
		s.get(t, "/Users", "Authorization", "Bearer guess", "RemoteAddr", "203.0.113.66:1", "X-Forwarded-For", "192.0.2.7")
	}
	proxy := net.JoinHostPort("10.0.0.1", "1")
	if a := s.get(t, "/Users", "RemoteAddr", proxy, "X-Forwarded-For", "192.0.2.7"); a.status != http.StatusOK {
		t.Errorf("Okta waits for what another did: %d", a.status)
	}
	if a := s.get(t, "/Users", "RemoteAddr", proxy, "X-Forwarded-For", "203.0.113.66"); a.status != http.StatusTooManyRequests {
		t.Errorf("whoever failed comes in by another way: %d", a.status)
	}
}
