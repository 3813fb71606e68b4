package console_test

import (
	"net/http"
	"testing"

	"simscim/console"
)

// feed answers every request with the method and path that it got.
func feed(name string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = w.Write([]byte(name + " " + r.Method + " " + r.URL.Path))
	})
}

// The feeds' address has nothing but the feeds, and the console's has no feed.
func TestFeedsStandApart(t *testing.T) {
	t.Parallel()
	feeds := console.Feeds(map[string]http.Handler{"/feeds/okta": feed("okta"), "/feeds/okta/second": feed("second")})
	pages := handler(t, nil)
	for path, want := range map[string]string{
		"/feeds/okta":               "okta POST /feeds/okta",
		"/feeds/okta/Users":         "okta POST /feeds/okta/Users",
		"/feeds/okta/Users/a%2Fb":   "okta POST /feeds/okta/Users/a/b",
		"/feeds/okta/livez":         "okta POST /feeds/okta/livez",
		"/feeds/okta/second/Groups": "second POST /feeds/okta/second/Groups",
	} {
		if rec := get(feeds, http.MethodPost, path); rec.Code != http.StatusOK || rec.Body.String() != want {
			t.Errorf("%s: %d %q, want %q", path, rec.Code, rec.Body, want)
		}
		if rec := get(pages, http.MethodGet, path); rec.Code != http.StatusNotFound {
			t.Errorf("the console answers %s with %d", path, rec.Code)
		}
	}
	for _, path := range []string{
		"/", "/livez", "/readyz", "/metrics", "/status.json", "/feeds", "/feeds/", "/feeds/oktas", "/FEEDS/okta", "/feeds/okta%2F..%2F..%2Fmetrics",
	} {
		if rec := get(feeds, http.MethodGet, path); rec.Code != http.StatusNotFound {
			t.Errorf("the feeds answer %s with %d: %s", path, rec.Code, rec.Body)
		}
	}
	// A path that leads upwards is sent to where it leads, which is nowhere.
	for _, path := range []string{"/feeds/okta/../../metrics", "//metrics", "/feeds/okta/./../../"} {
		rec := get(feeds, http.MethodGet, "http://scim.trust.example"+path)
		if to := rec.Header().Get("Location"); rec.Code/100 != 3 || get(feeds, http.MethodGet, to).Code != http.StatusNotFound {
			t.Errorf("%s: %d to %q", path, rec.Code, to)
		}
	}
}
