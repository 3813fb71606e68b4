package notice

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"

	"simscim/config"
	"simscim/internal/secret/secrettest"
)

var update = flag.Bool("update", false, "write the golden files anew")

// samples are one notice of each kind. The golden files show each in every shape.
func samples() map[string]Notice {
	london := time.FixedZone("GMT", 0)
	at := time.Date(2026, 11, 23, 6, 5, 0, 0, london)
	oakfield := School{Site: "3b1e2f64-9c0d-4c3e-8a51-0f6f0d7c9b12", Name: "Oakfield School", DfE: "1234567"}
	held, failed, stale := oakfield, oakfield, oakfield
	held.Hold = 12
	held.Reason = "held by a safeguard: 61 of 402 users would be suspended, more than 5 %"
	failed.Reason = "the target could not be reached: no answer in time"
	stale.LastGood = at.Add(-40 * time.Hour)
	stale.Reason = "its last run ended as skipped: page 3 of students came without its item list"
	elm := School{Site: "elm", Name: "Elm <Grove> & *St Mary's* [x](https://evil.example) <!channel>\r\nBcc: all@evil.example", Reason: "another reason", Hold: 13}
	return map[string]Notice{
		"held":       {Kind: Held, Target: "directory", Schools: []School{held}, At: at},
		"failed":     {Kind: Failed, Target: "directory", Schools: []School{failed}, At: at},
		"stale":      {Kind: Stale, Target: "directory", Schools: []School{stale}, After: 36 * time.Hour, At: at},
		"quarantine": {Kind: Quarantine, Target: "directory", Reason: "the access was refused (401) five times in a row", Next: at.Add(24 * time.Hour), At: at},
		"recovered":  {Kind: Recovered, Target: "directory", At: at},
		"hostile":    {Kind: Held, Target: "directory", Schools: []School{elm, held}, At: at},
	}
}

// golden compares with a file of testdata.
func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	file := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(file, append(got, '\n'), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(strings.Split(strings.TrimSpace(string(want)), "\n"), strings.Split(string(got), "\n")); diff != "" {
		t.Errorf("%s (-want +got):\n%s", file, diff)
	}
}

// hook starts a server and a way of the given type to it, which waits milliseconds
// between tries.
func hook(t *testing.T, kind string, h http.HandlerFunc, change func(*config.Notice)) (*webhook, *observer.ObservedLogs) {
	t.Helper()
	return hookWithin(t, time.Minute, kind, h, change)
}

// hookWithin is hook with a time in which answers must come.
func hookWithin(t *testing.T, timeout time.Duration, kind string, h http.HandlerFunc, change func(*config.Notice)) (*webhook, *observer.ObservedLogs) {
	t.Helper()
	srv := httptest.NewServer(h)
	t.Cleanup(srv.Close)
	n := &config.Notice{Type: kind, URL: secrettest.File(t, srv.URL+"/hooks/verysecret?sig=a%2Fb%3D&v=1")}
	if change != nil {
		change(n)
	}
	core, logs := observer.New(zapcore.DebugLevel)
	w, err := newWebhook(n, zap.New(core), patience{timeout: timeout, pause: time.Millisecond, longest: 50 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	return w, logs
}

func TestShapes(t *testing.T) {
	t.Parallel()
	for _, kind := range []string{"webhook", "teams", "slack"} {
		for name, n := range samples() {
			t.Run(kind+"/"+name, func(t *testing.T) {
				t.Parallel()
				var got []byte
				w, _ := hook(t, kind, func(_ http.ResponseWriter, r *http.Request) {
					got, _ = io.ReadAll(r.Body)
					if r.Method != "POST" || r.URL.Path != "/hooks/verysecret" || r.URL.Query().Get("sig") != "a/b=" || r.URL.Query().Get("v") != "1" ||
						r.Header.Get("Content-Type") != "application/json" || r.Header.Get("Authorization") != "" {
						t.Errorf("got %s %s %v", r.Method, r.URL, r.Header)
					}
				}, nil)
				if err := w.Send(t.Context(), n); err != nil {
					t.Fatal(err)
				}
				golden(t, kind+"."+name+".json", indented(t, got))
			})
		}
	}
}

func indented(t *testing.T, b []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	if err := json.Indent(&out, b, "", "  "); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func TestAToken(t *testing.T) {
	t.Parallel()
	var got string
	w, _ := hook(t, "webhook", func(_ http.ResponseWriter, r *http.Request) { got = r.Header.Get("Authorization") },
		func(n *config.Notice) { n.Token = secrettest.File(t, "s3cret") })
	if err := w.Send(t.Context(), samples()["held"]); err != nil || got != "Bearer s3cret" {
		t.Errorf("got %q, %v", got, err)
	}
}

func TestHostileAnswers(t *testing.T) {
	t.Parallel()
	var leaked atomic.Bool
	other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { leaked.Store(true) }))
	t.Cleanup(other.Close)
	for name, tc := range map[string]struct {
		answer   http.HandlerFunc
		want     string
		attempts int32 // 0 is any: how long a server may ask to be left alone is not ours to say
	}{
		"accepted":   {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(202) }, "", 1},
		"no content": {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(204) }, "", 1},
		"failing":    {func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "verysecret", 500) }, "deliver the notice: the answer was 500", 3},
		"refused":    {func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "invalid_payload verysecret", 400) }, "deliver the notice: the answer was 400", 1},
		"gone":       {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(410) }, "deliver the notice: the answer was 410", 1},
		"throttled":  {func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("Retry-After", "0"); w.WriteHeader(429) }, "deliver the notice: the answer was 429", 0},
		"much too busy": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Retry-After", "86400")
			w.WriteHeader(503)
		}, "deliver the notice: the answer was 503", 1},
		"redirect": {
			func(w http.ResponseWriter, r *http.Request) {
				http.Redirect(w, r, other.URL+"/verysecret", http.StatusTemporaryRedirect)
			},
			"deliver the notice: the answer is a redirect (307), which is not followed; give the address that it leads to", 1,
		},
		"slow": {func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }, "deliver the notice: POST notice: no answer in time", 3},
		"cut":  {func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, "deliver the notice: POST notice: the connection was cut", 3},
		"endless": {func(w http.ResponseWriter, _ *http.Request) {
			for range 3 << 10 {
				if _, err := w.Write(make([]byte, 1<<10)); err != nil {
					return
				}
			}
		}, "deliver the notice: POST notice: the answer is larger than is allowed", 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			timeout := time.Minute
			if name == "slow" { // but long enough for each try to arrive
				timeout = time.Second
			}
			var n atomic.Int32
			w, logs := hookWithin(t, timeout, "webhook", func(w http.ResponseWriter, r *http.Request) {
				n.Add(1)
				_, _ = io.Copy(io.Discard, r.Body)
				tc.answer(w, r)
			}, nil)
			got := ""
			if err := w.Send(t.Context(), samples()["held"]); err != nil {
				got = err.Error()
			}
			if got != tc.want || tc.attempts > 0 && n.Load() != tc.attempts {
				t.Errorf("got %q after %d attempts, want %q after %d", got, n.Load(), tc.want, tc.attempts)
			}
			for _, line := range logs.All() {
				if text := line.Message + " " + toJSON(t, line.ContextMap()); strings.Contains(text, "verysecret") || strings.Contains(text, "127.0.0.1") {
					t.Errorf("logged: %s", text)
				}
			}
		})
	}
	t.Cleanup(func() {
		if leaked.Load() {
			t.Error("the redirect was followed")
		}
	})
}

func toJSON(t *testing.T, v any) string {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestASlowReceiverDoesNotHoldUpACancelledSync(t *testing.T) {
	t.Parallel()
	w, _ := hook(t, "webhook", func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body) // only then does the server see the caller leave
		<-r.Context().Done()
	}, nil)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if err := w.Send(ctx, samples()["held"]); err == nil {
		t.Error("a notice counts as delivered without an answer")
	}
}

func TestAddressesThatCannotBeUsed(t *testing.T) {
	t.Parallel()
	for _, address := range []string{
		"hooks.example/verysecret", "ftp://hooks.example/verysecret", "http://hooks.example/verysecret", "https:///verysecret",
		"https://user:verysecret@hooks.example/", "https://hooks.example/?a=%zzverysecret", "https://hooks.example/%zzverysecret", "verysecret\x00",
	} {
		_, err := newWebhook(&config.Notice{Type: "slack", URL: secrettest.File(t, address)}, nil, patience{})
		if err == nil || strings.Contains(err.Error(), "verysecret") || !strings.HasPrefix(err.Error(), "url: ") {
			t.Errorf("%q: got %v", address, err)
		}
	}
	good := secrettest.File(t, "https://hooks.example/x")
	if _, err := newWebhook(&config.Notice{Type: "webhook", URL: good, CAFile: "no-such-file"}, nil, patience{}); err == nil {
		t.Error("a missing caFile is accepted")
	}
}
