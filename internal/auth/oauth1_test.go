package auth

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"simscim/internal/secret"
	"simscim/internal/secret/secrettest"
)

func parse(t *testing.T, s string) *url.URL {
	t.Helper()
	u, err := url.Parse(s)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

// The parameters of the example of RFC 5849 §3.4.1.1, its form fields in the query.
func TestOAuth1BaseStringOfTheRFC(t *testing.T) {
	t.Parallel()
	got, err := baseString("post", parse(t, "HTTP://EXAMPLE.COM:80/request?b5=%3D%253D&a3=a&c%40=&a2=r%20b&c2&a3=2+q"), []param{
		{"oauth_consumer_key", "9djdj82h48djs9d2"},
		{"oauth_token", "kkk9d7dh3k39sjv7"},
		{"oauth_signature_method", "HMAC-SHA1"},
		{"oauth_timestamp", "137131201"},
		{"oauth_nonce", "7d8f3e4a"},
	})
	const want = "POST&http%3A%2F%2Fexample.com%2Frequest&a2%3Dr%2520b%26a3%3D2%2520q%26a3%3Da%26b5%3D%253D%25253D%26c%2540%3D%26c2%3D%26" +
		"oauth_consumer_key%3D9djdj82h48djs9d2%26oauth_nonce%3D7d8f3e4a%26oauth_signature_method%3DHMAC-SHA1%26" +
		"oauth_timestamp%3D137131201%26oauth_token%3Dkkk9d7dh3k39sjv7"
	if err != nil || got != want {
		t.Errorf("got %s, %v\nwant %s", got, err, want)
	}
}

// Two signatures of the example of RFC 5849 §1.2.
func TestOAuth1SignaturesOfTheRFC(t *testing.T) {
	t.Parallel()
	common := func(stamp, nonce string, more ...param) []param {
		return append([]param{
			{"oauth_consumer_key", "dpf43f3p2l4k3l03"},
			{"oauth_signature_method", HMACSHA1},
			{"oauth_timestamp", stamp},
			{"oauth_nonce", nonce},
		}, more...)
	}
	for _, tc := range []struct {
		method, url, tokenSecret, want string
		params                         []param
	}{
		{
			"POST", "https://photos.example.net/token", "hdhd0244k9j7ao03", "gKgrFCywp7rO0OXSjdot/IHF7IU=",
			common("137131201", "walatlh", param{"oauth_token", "hh5s93j4hdidpola"}, param{"oauth_verifier", "hfdp7dh39dks9884"}),
		},
		{
			"GET", "http://photos.example.net/photos?file=vacation.jpg&size=original", "pfkkdhi9sl3r4s00", "MdpQcU8iPSUjWoN/UDMsK2sui9I=",
			common("137131202", "chapoH", param{"oauth_token", "nnch734d00sl2jdk"}),
		},
	} {
		got, err := signature(tc.method, parse(t, tc.url), tc.params, "kd94hf93k423kf44", tc.tokenSecret)
		if err != nil || got != tc.want {
			t.Errorf("%s: got %s, %v, want %s", tc.url, got, err, tc.want)
		}
	}
}

func TestOAuth1Sign(t *testing.T) {
	t.Parallel()
	o := OAuth1{
		ConsumerKey: secrettest.File(t, "key"), ConsumerSecret: secrettest.File(t, "s&cret"),
		Now: func() time.Time { return time.Unix(1700000000, 0) }, Nonce: func() string { return "n0nce" },
	}
	req, err := http.NewRequestWithContext(t.Context(), "GET", "https://sis.example/v1p1/users?filter=dateLastModified%3E%272026-01-01%27&limit=2", nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := o.Sign(req); err != nil {
		t.Fatal(err)
	}
	base := "GET&https%3A%2F%2Fsis.example%2Fv1p1%2Fusers&filter%3DdateLastModified%253E%25272026-01-01%2527%26limit%3D2%26oauth_consumer_key%3Dkey%26" +
		"oauth_nonce%3Dn0nce%26oauth_signature_method%3DHMAC-SHA256%26oauth_timestamp%3D1700000000%26oauth_version%3D1.0"
	mac := hmac.New(sha256.New, []byte("s%26cret&"))
	mac.Write([]byte(base))
	want := `OAuth oauth_consumer_key="key", oauth_nonce="n0nce", oauth_signature_method="HMAC-SHA256", oauth_timestamp="1700000000", ` +
		`oauth_version="1.0", oauth_signature="` + escape(base64.StdEncoding.EncodeToString(mac.Sum(nil))) + `"`
	if got := req.Header.Get("Authorization"); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestOAuth1Refuses(t *testing.T) {
	t.Parallel()
	good := OAuth1{
		ConsumerKey: secrettest.File(t, "key"), ConsumerSecret: secrettest.File(t, "CANARY"),
		Now: func() time.Time { return time.Unix(1700000000, 0) }, Nonce: func() string { return "n" },
	}
	for name, change := range map[string]func(*OAuth1, *http.Request){
		"a form": func(_ *OAuth1, r *http.Request) {
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded; charset=utf-8")
		},
		"another method":    func(o *OAuth1, _ *http.Request) { o.Method = "PLAINTEXT" },
		"no key":            func(o *OAuth1, _ *http.Request) { o.ConsumerKey = secret.Ref{} },
		"no secret":         func(o *OAuth1, _ *http.Request) { o.ConsumerSecret = secret.Ref{} },
		"an odd query":      func(_ *OAuth1, r *http.Request) { r.URL.RawQuery = "a=%zz" },
		"a secret of lines": func(o *OAuth1, _ *http.Request) { o.ConsumerSecret = secrettest.File(t, "CANARY\nx") },
	} {
		o := good
		req, err := http.NewRequestWithContext(t.Context(), "GET", "https://sis.example/users", nil)
		if err != nil {
			t.Fatal(err)
		}
		change(&o, req)
		if err := o.Sign(req); err == nil || strings.Contains(err.Error(), "CANARY") || req.Header.Get("Authorization") != "" {
			t.Errorf("%s: got %v", name, err)
		}
	}
}
