package e2e_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"simscim/config"
	"simscim/connector"
	"simscim/connector/handover/handovertest"
	"simscim/connector/target"
	"simscim/connector/target/generic"
	"simscim/sandbox/idp"
	"simscim/sandbox/world"
)

// wire stands between simscim and a server, and notes each password that travels.
type wire struct {
	*httptest.Server
	mu sync.Mutex
	// sent are the passwords by user name, the last one of each.
	sent map[string]string
	all  []string
}

func newWire(t *testing.T, to string) *wire {
	t.Helper()
	u, err := url.Parse(to)
	check(t, err)
	w := &wire{sent: map[string]string{}}
	proxy := httputil.NewSingleHostReverseProxy(&url.URL{Scheme: u.Scheme, Host: u.Host})
	w.Server = httptest.NewServer(http.HandlerFunc(func(out http.ResponseWriter, in *http.Request) {
		body, err := io.ReadAll(in.Body)
		if err != nil {
			panic(http.ErrAbortHandler)
		}
		var user struct{ UserName, Password string }
		if json.Unmarshal(body, &user) == nil && user.Password != "" {
			w.mu.Lock()
			w.sent[user.UserName], w.all = user.Password, append(w.all, user.Password)
			w.mu.Unlock()
		}
		in.Body = io.NopCloser(bytes.NewReader(body))
		proxy.ServeHTTP(out, in)
	}))
	t.Cleanup(w.Close)
	return w
}

// TestFirstPasswords pushes to a server that demands a password of every new account, in
// fair weather and in foul: each is handed over to the administrator alone.
func TestFirstPasswords(t *testing.T) {
	t.Parallel()
	id := handovertest.NewKey(t)
	dir := t.TempDir()
	var w *wire
	r := newRig(t, setup{
		preset: "tiny", seed: 93, personality: "entra-scim",
		edit: func(text string) string {
			return strings.Replace(asked(text, "entra-scim"), "    type: scim\n",
				"    type: scim\n    handover: {dir: "+dir+", recipients: ["+id.Recipient().String()+"]}\n", 1)
		},
		target: func(r *rig, c *config.Target) (target.Target, error) {
			if w == nil {
				w = newWire(r.t, c.URL)
			}
			through := *c
			through.URL = strings.Replace(c.URL, hostOf(c.URL), hostOf(w.URL), 1)
			return generic.New(&through, generic.Options{Now: r.box.World().Now, MinWait: time.Millisecond, Unpaced: true})
		},
	})
	plans, err := r.engine.Plan(t.Context(), connector.Selection{}, connector.Manner{})
	check(t, err)
	var reports []*connector.Report
	for i, f := range []idp.Faults{{}, {Fail: 20, FailStatus: 400, FailWrites: true}, {DropWrite: 3}, {}} {
		if i > 0 {
			r.do(r.box.World().Join(r.siteID(0), world.Student, 6))
		}
		r.idp.SetFaults(f)
		reports = append(reports, r.try(t.Context()))
	}
	r.oracle.synced()

	got, first := map[string]string{}, 0
	words, random := regexp.MustCompile(`^([A-Z][a-z]{3,5}-){3}\d\d$`), regexp.MustCompile(`^\S{16}$`)
	files, err := filepath.Glob(filepath.Join(dir, "*"))
	check(t, err)
	for _, file := range files {
		for name, password := range handovertest.Open(t, file, id) {
			if _, twice := got[name]; twice && !strings.Contains(file, "unfinished") {
				t.Errorf("an account is handed over twice, the second time in %s", filepath.Base(file))
			}
			got[name] = password
			if words.MatchString(password) {
				first++
			} else if !random.MatchString(password) {
				t.Error("a password is neither of words nor random")
			}
		}
	}
	users, _ := r.stored(r.idp)
	want := map[string]string{}
	for _, u := range users {
		want[u.UserName] = w.sent[u.UserName]
	}
	if diff := cmp.Diff(want, got); diff != "" || first == 0 || first == len(got) {
		t.Errorf("%d of %d of words %s", first, len(got), diff)
	}
	if h := reports[0].Runs[0].Passwords; h == nil || h.Unfinished || h.Accounts == 0 {
		t.Errorf("%+v", h)
	}

	r.close()
	seen := map[string]string{"the log": r.log.String()}
	for what, v := range map[string]any{"the plan": plans, "the saved plan": plans.Saved(), "the reports": reports} {
		text, err := json.Marshal(v)
		check(t, err)
		seen[what] = string(text)
	}
	everything, err := filepath.Glob(filepath.Join(r.dir, "*"))
	check(t, err)
	for _, file := range append(everything, files...) {
		text, err := os.ReadFile(file)
		check(t, err)
		seen[filepath.Base(file)] = string(text)
	}
	if len(w.all) < len(users) || seen["simscim.db"] == "" {
		t.Fatalf("%d passwords travelled for %d accounts", len(w.all), len(users))
	}
	for where, text := range seen {
		for _, password := range w.all {
			if strings.Contains(text, password) {
				t.Errorf("%s holds a password", where)
			}
		}
	}
}

func hostOf(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	return u.Host
}
