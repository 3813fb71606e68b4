package generic_test

import (
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"simscim/config"
	"simscim/connector/plan"
	"simscim/connector/target"
	"simscim/connector/target/generic"
	"simscim/connector/target/targettest"
	"simscim/internal/secret/secrettest"
	"simscim/sandbox/idp"
	"simscim/scim"
)

// The traps about calls: repeating, redirects, addresses, credentials and clocks.

func trap16(t *testing.T) {
	for _, status := range []int{500, 502, 503, 504} {
		for _, made := range []bool{false, true} {
			w := newWorld(t, quirks{})
			w.Faults.Inject(targettest.Fault{Method: http.MethodPost, Times: 1, Deliver: made, Status: status})
			w.made(account("u"))
			var order []string
			for _, c := range w.Faults.Calls() {
				if strings.HasSuffix(c.Path, "/Users") {
					order = append(order, c.Method)
				}
			}
			want := []string{"POST", "GET", "POST"}
			if made {
				want = want[:2]
			}
			if diff := cmp.Diff(want, slices.Compact(order)); diff != "" {
				t.Errorf("%d: %s", status, diff)
			}
			w.once(1)
		}
	}
	for name, after := range map[string]func() string{
		"seconds": func() string { return "1" },
		"date":    func() string { return time.Now().Add(2 * time.Second).UTC().Format(http.TimeFormat) },
	} {
		var refused, again time.Time
		w := intercepted(t, quirks{}, func(_ *fake, w http.ResponseWriter, r *http.Request) bool {
			if r.Method != http.MethodPost {
				return false
			}
			if refused.IsZero() {
				refused = time.Now()
				w.Header().Set("Retry-After", after())
				refuse(w, &scim.Error{Status: http.StatusTooManyRequests})
				return true
			}
			again = time.Now()
			return false
		})
		w.made(account("u"))
		if n := w.sent(0)["POST Users"]; n != 2 || again.Sub(refused) < 900*time.Millisecond {
			t.Errorf("%s: sent %d times, again after %s", name, n, again.Sub(refused))
		}
		w.once(1)
	}
}

func trap22(t *testing.T) {
	w := newWorld(t, quirks{mute: true}) // a Location below another base, and none in the body
	keys := w.accounts(3)
	w.made(group("g", keys...))
	w.good(w.doAll(update(w, keys[0], "Head"), w.later("g", nil, keys[:1])))
	if w.fake.get(w.known[keys[0]])["title"] != "Head" { // its meta.location is on another host
		t.Error("the update went elsewhere")
	}
	for _, c := range w.Faults.Calls() {
		if !strings.HasPrefix(c.Path, "/scim/") {
			t.Errorf("%s went to %s", c.Method, c.Path)
		}
	}
	w = served(t, "generic", "/scim", func(w http.ResponseWriter, r *http.Request) { // and on another host
		w.Header().Set("Location", "https://elsewhere.invalid/v9/Users/a%2Fb")
		w.WriteHeader(map[string]int{http.MethodPost: 201, http.MethodPatch: 204}[r.Method])
	})
	if id := w.made(account("u")); id != "a/b" {
		t.Errorf("the id is %q", id)
	}
	w.good(w.doAll(update(w, "u", "Head")))
	if c := w.Faults.Calls(); len(c) != 2 || c[1].Path != "/scim/Users/a/b" {
		t.Errorf("%d calls, the last to %s", len(c), c[len(c)-1].Path)
	}
	w, p := lookAlike(t, "entra-scim", idp.Options{Personality: "entra-scim"}) // relative, in lower case
	w.accounts(1)
	w.good(w.doAll(update(w, "u0000", "Head")))
	if got := p.Snapshot().Users[0].Resource["title"]; got != "Head" {
		t.Errorf("the title is %v", got)
	}
}

func trap24(t *testing.T) {
	w := newWorld(t, quirks{search: true})
	ch := account("opaque-key")
	ch.After = slices.DeleteFunc(ch.After, func(a scim.Attribute) bool { return a.Path == "userName" })
	ch.After = append(ch.After, scim.Attribute{Path: "userName", Value: "zebedee.quizzle"}).Sort()
	w.made(ch)
	for _, path := range []scim.Path{"userName", "externalId"} {
		if found, err := w.Target.Find(t.Context(), scim.User, path, ch.After.String(path), nil); err != nil || len(found) != 1 {
			t.Errorf("by %s %d users are found (%v)", path, len(found), err)
		}
	}
	w.good(w.doAll(ch)) // 409, looked for by externalId
	searched := false
	for _, c := range w.Faults.Calls() {
		searched = searched || strings.HasSuffix(c.Path, "/.search")
		if strings.Contains(c.Path+c.Query, "zebedee") {
			t.Errorf("a name stands in the address of a %s", c.Method)
		}
	}
	if !searched {
		t.Error("nothing was searched by POST: the trap was not laid")
	}
	if strings.Contains(w.Logged(), "zebedee") || strings.Contains(w.Logged(), "filter=") || w.Logged() == "" {
		t.Error("the log is empty, or holds a name or a query")
	}
}

func trap25(t *testing.T) {
	var elsewhere atomic.Int64
	other := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		elsewhere.Add(1)
		answer(w, http.StatusCreated, map[string]any{"id": "elsewhere"})
	}))
	t.Cleanup(other.Close)
	for _, status := range []int{301, 302, 303, 307, 308} {
		w := newWorld(t, quirks{})
		id := w.made(account("u"))
		w.Faults.Inject(targettest.Fault{Path: "/Users", Status: status, Header: map[string]string{"Location": other.URL + "/scim/Users/" + id}})
		since := w.mark()
		for key, o := range w.doAll(account("new"), update(w, "u", "Head")) {
			if o.Err == nil || o.Attributes || !strings.Contains(o.Advice, "redirects") {
				t.Errorf("%d: the outcome of %s is %+v", status, key, o)
			}
		}
		if diff := cmp.Diff(map[string]int{"POST Users": 1, "PATCH Users": 1}, w.sent(since)); diff != "" {
			t.Errorf("%d: %s", status, diff)
		}
		if _, err := w.listed(); err == nil {
			t.Errorf("%d: a list from another host is taken", status)
		}
	}
	if n := elsewhere.Load(); n != 0 {
		t.Errorf("%d calls went to another host", n)
	}
}

func trap29(t *testing.T) {
	for name, lasting := range map[string]bool{"renewed": false, "refused for good": true} {
		var tokens, calls atomic.Int64
		issuer := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			answer(w, 200, map[string]any{"access_token": "token-" + strconv.FormatInt(tokens.Add(1), 10), "token_type": "Bearer", "expires_in": 3600})
		}))
		t.Cleanup(issuer.Close)
		f := &fake{objects: map[string]map[string]any{}, kinds: map[string]scim.Kind{}}
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			// The first token ends after a few calls, hours before its time.
			good := "Bearer token-1"
			if calls.Add(1) > 6 {
				good = "Bearer token-2"
			}
			if lasting && calls.Load() > 6 || r.Header.Get("Authorization") != good {
				refuse(w, &scim.Error{Status: http.StatusUnauthorized})
				return
			}
			r.Header.Set("Authorization", "Bearer token")
			f.ServeHTTP(w, r)
		}))
		t.Cleanup(s.Close)
		tg, err := generic.New(&config.Target{
			Name: "t", Profile: "generic", URL: s.URL + "/scim", Limits: config.Limits{InFlight: 1},
			Auth: config.TargetAuth{Type: "oauth2", TokenURL: issuer.URL, ClientID: secrettest.File(t, "c"), ClientSecret: secrettest.File(t, "s")},
		}, generic.Options{MinWait: time.Millisecond})
		if err != nil {
			t.Fatal(err)
		}
		people, _ := users(20)
		made := 0
		err = tg.Apply(t.Context(), people, func(string) (string, bool) { return "", false }, func(o target.Outcome) error {
			if o.Err == nil {
				made++
			}
			return nil
		})
		switch {
		case !lasting && (err != nil || made != 20 || tokens.Load() != 2 || len(f.objects) != 20):
			t.Errorf("%s: %d made with %d tokens (%v)", name, made, tokens.Load(), err)
		case lasting && (!target.CredentialsRefused(err) || made != 6 || tokens.Load() != 2 || calls.Load() != 8):
			t.Errorf("%s: %d made with %d tokens by %d calls (%v)", name, made, tokens.Load(), calls.Load(), err)
		}
	}
}

func trap30(t *testing.T) {
	for name, off := range map[string]time.Duration{"slow": -time.Hour, "fast": time.Hour} {
		clock := func() time.Time { return time.Now().Add(off) }
		var refused, again time.Time
		w := intercepted(t, quirks{}, func(_ *fake, w http.ResponseWriter, r *http.Request) bool {
			w.Header().Set("Date", clock().UTC().Format(http.TimeFormat))
			if r.Method != http.MethodPatch {
				return false
			}
			if !refused.IsZero() {
				again = time.Now()
				return false
			}
			refused = time.Now()
			w.Header().Set("Retry-After", clock().Add(2*time.Second).UTC().Format(http.TimeFormat))
			refuse(w, &scim.Error{Status: http.StatusTooManyRequests})
			return true
		})
		id := w.made(account("u"))
		o := w.doAll(plan.Change{Action: plan.SuspendUser, Kind: scim.User, Key: "u", RemoteID: id})["u"]
		if wait := again.Sub(refused); o.Err != nil || wait < 900*time.Millisecond || wait > time.Minute {
			t.Errorf("%s: two seconds by a server's clock are %s (%v)", name, wait, o.Err)
		}
		// What is asked never depends on when something was changed there.
		for _, c := range w.Faults.Calls() {
			if strings.Contains(c.Query+c.Body, "lastModified") {
				t.Errorf("%s: a request asks by date: %s?%s", name, c.Path, c.Query)
			}
		}
	}
}
