package console_test

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"

	"simscim/console"
)

type statusFunc func(context.Context) (console.View, error)

func (f statusFunc) Status(ctx context.Context) (console.View, error) { return f(ctx) }

var noon = time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)

func view() console.View {
	return console.View{Version: "v0.1.0", At: noon, Sites: []console.Site{
		{ID: "guid-1", Name: "Quiet Primary", DfE: "123/4561", People: 210, Groups: 14, LastComplete: noon, Next: noon.Add(14*time.Hour + 15*time.Minute), Targets: []console.Target{
			{Name: "directory", Status: "done", Started: noon, Ended: noon.Add(time.Minute), Applied: map[string]int{"createUser": 3, "addMember": 12, "deleteUser": 0}},
			{
				Name: "library", Status: "partial", Ended: noon, Failed: map[string]int{"updateUser": 1}, Escrow: 4,
				Quarantine: &console.Quarantine{Since: noon, Next: noon.Add(6 * time.Hour), Reason: "it refuses the credentials"},
			},
		}},
		{ID: "guid-2", Name: "Frozen High", Frozen: true, FrozenSince: noon, FrozenReason: "the school withdrew its consent"},
		{ID: "guid-3", Name: `<script>alert("x")</script>`, Targets: []console.Target{
			{Name: "directory", Status: "held", Reason: "a safeguard was broken", Held: []console.Held{{ID: 7, Since: noon, Breaches: []string{"suspendUsers: 61 of 210 is more than 5 percent"}}}},
		}},
	}}
}

func handler(t *testing.T, change func(*console.Options)) http.Handler {
	t.Helper()
	london, err := time.LoadLocation("Europe/London")
	if err != nil {
		t.Fatal(err)
	}
	o := console.Options{
		Metrics:  http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "simscim_build_info 1\n") }),
		Status:   statusFunc(func(context.Context) (console.View, error) { return view(), nil }),
		Location: london,
	}
	if change != nil {
		change(&o)
	}
	h, err := console.New(o)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func get(h http.Handler, method, path string) *httptest.ResponseRecorder {
	rec := httptest.NewRecorder()
	h.ServeHTTP(rec, httptest.NewRequest(method, path, http.NoBody))
	return rec
}

func TestRoutes(t *testing.T) {
	t.Parallel()
	h := handler(t, nil)
	tests := []struct {
		method, path string
		status       int
		body         string
	}{
		{"GET", "/livez", 200, "ok\n"},
		{"HEAD", "/livez", 200, "ok\n"},
		{"GET", "/readyz", 200, "ok\n"},
		{"GET", "/metrics", 200, "simscim_build_info 1\n"},
		{"GET", "/nowhere", 404, "404 page not found\n"},
		{"GET", "/livez/x", 404, "404 page not found\n"},
		{"POST", "/livez", 405, "only GET and HEAD are answered here\n"},
		{"DELETE", "/", 405, "only GET and HEAD are answered here\n"},
		{"OPTIONS", "/status.json", 405, "only GET and HEAD are answered here\n"},
		{"PUT", "/metrics", 405, "only GET and HEAD are answered here\n"},
	}
	for _, tc := range tests {
		rec := get(h, tc.method, tc.path)
		if rec.Code != tc.status || rec.Body.String() != tc.body {
			t.Errorf("%s %s = %d %q, want %d %q", tc.method, tc.path, rec.Code, rec.Body, tc.status, tc.body)
		}
		for name, want := range map[string]string{"X-Content-Type-Options": "nosniff", "Cache-Control": "no-store", "Referrer-Policy": "no-referrer", "X-Frame-Options": "DENY"} {
			if got := rec.Header().Get(name); got != want {
				t.Errorf("%s %s: %s = %q, want %q", tc.method, tc.path, name, got, want)
			}
		}
		if got := rec.Header().Get("Content-Security-Policy"); !strings.HasPrefix(got, "default-src 'none'") {
			t.Errorf("%s %s: policy %q", tc.method, tc.path, got)
		}
	}
}

func TestReadiness(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		core, logs := observer.New(zapcore.DebugLevel)
		fine := func(context.Context) error { return nil }
		var storeErr error
		h := handler(t, func(o *console.Options) {
			o.Log = zap.New(core)
			o.Ready = []console.Check{{Name: "config", Check: fine}, {Name: "store", Check: func(context.Context) error { return storeErr }}}
		})
		if rec := get(h, "GET", "/readyz"); rec.Code != 200 || rec.Body.String() != "config: ok\nstore: ok\n" {
			t.Errorf("well: %d %q", rec.Code, rec.Body)
		}
		storeErr = errors.New("open /var/lib/simscim/simscim.db: disk I/O error")
		if rec := get(h, "GET", "/readyz"); rec.Code != 503 || rec.Body.String() != "config: ok\nstore: not ready\n" {
			t.Errorf("store away: %d %q", rec.Code, rec.Body)
		}
		if logs.FilterField(zap.String("check", "store")).Len() != 1 {
			t.Errorf("the reason is not in the log: %v", logs.All())
		}

		// A check that never ends, and one that panics, do not hold up the answer.
		stuck := make(chan struct{})
		h = handler(t, func(o *console.Options) {
			o.Ready = []console.Check{
				{Name: "stuck", Check: func(context.Context) error { <-stuck; return nil }},
				{Name: "mad", Check: func(context.Context) error { panic("x") }},
				{Name: "config", Check: fine},
			}
		})
		begin := time.Now()
		rec := get(h, "GET", "/readyz")
		if rec.Code != 503 || rec.Body.String() != "stuck: not ready\nmad: not ready\nconfig: ok\n" {
			t.Errorf("stuck: %d %q", rec.Code, rec.Body)
		}
		if took := time.Since(begin); took != 3*time.Second {
			t.Errorf("stuck: answered after %s, want 3s", took)
		}
		close(stuck)
	})
}

func TestStatusPage(t *testing.T) {
	t.Parallel()
	rec := get(handler(t, nil), "GET", "/")
	page := rec.Body.String()
	if rec.Code != 200 || rec.Header().Get("Content-Type") != "text/html; charset=utf-8" {
		t.Fatalf("%d %s", rec.Code, rec.Header().Get("Content-Type"))
	}
	for _, want := range []string{
		`<html lang="en-GB">`, "Version v0.1.0", "Mon 1 Jun 2026, 13:00 BST", // noon UTC in London
		"<li>3 sites</li>", "1 plans held", "1 frozen",
		"Quiet Primary", "DfE 123/4561", "210 people, 14 groups", "12 add member, 3 create user<", "failed: 1 update user",
		`<th scope="rowgroup" rowspan="2">`, "the school withdrew its consent", "no target", "not read yet",
		"4 in escrow", "4 objects in escrow", "1 targets in quarantine", "it refuses the credentials", "Mon 1 Jun 2026, 19:00 BST",
		"plan 7 is held", "61 of 210 is more than 5 percent", "simscim approve 7",
		`<time datetime="2026-06-02T02:15:00Z">Tue 2 Jun 2026, 03:15 BST</time>`,
		"&lt;script&gt;",
	} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	for _, bad := range []string{"<script", "ZgotmplZ", "src=", "http:", "https:", "style=\"", "delete user"} {
		if strings.Contains(page, bad) {
			t.Errorf("the page has %q", bad)
		}
	}
	held, frozen, quiet := strings.Index(page, "alert("), strings.Index(page, "Frozen High"), strings.Index(page, "Quiet Primary")
	if held > frozen || frozen > quiet {
		t.Error("what is urgent does not come first")
	}
}

func TestStyleMatchesThePolicy(t *testing.T) {
	t.Parallel()
	rec := get(handler(t, nil), "GET", "/")
	style := regexp.MustCompile(`(?s)<style>(.*?)</style>`).FindStringSubmatch(rec.Body.String())
	if style == nil {
		t.Fatal("the page has no style")
	}
	sum := sha256.Sum256([]byte(style[1]))
	want := "style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
	policy := rec.Header().Get("Content-Security-Policy")
	if !strings.Contains(policy, want) || strings.Contains(policy, "unsafe") {
		t.Errorf("policy %q does not allow the page's style by %s", policy, want)
	}
	if !strings.Contains(style[1], "prefers-color-scheme: dark") {
		t.Error("the style has no dark side")
	}
}

func TestEmptyStatus(t *testing.T) {
	t.Parallel()
	h := handler(t, func(o *console.Options) {
		o.Location = nil
		o.Status = statusFunc(func(context.Context) (console.View, error) { return console.View{At: noon}, nil })
	})
	if page := get(h, "GET", "/").Body.String(); !strings.Contains(page, "No site has been seen yet.") || !strings.Contains(page, "12:00 UTC") {
		t.Errorf("empty page: %s", page)
	}
	if got, want := get(h, "GET", "/status.json").Body.String(), "{\n  \"version\": \"\",\n  \"at\": \"2026-06-01T12:00:00Z\",\n  \"sites\": []\n}\n"; got != want {
		t.Errorf("empty JSON = %s", got)
	}
}

func TestStatusJSON(t *testing.T) {
	t.Parallel()
	given := view()
	h := handler(t, func(o *console.Options) {
		o.Status = statusFunc(func(context.Context) (console.View, error) { return given, nil })
	})
	rec := get(h, "GET", "/status.json")
	if rec.Code != 200 || rec.Header().Get("Content-Type") != "application/json" {
		t.Fatalf("%d %s", rec.Code, rec.Header().Get("Content-Type"))
	}
	var got console.View
	if err := json.Unmarshal(rec.Body.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	want := console.View{Version: "v0.1.0", At: noon, Sites: []console.Site{view().Sites[2], view().Sites[1], view().Sites[0]}}
	want.Sites[1].Targets = []console.Target{}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("status.json (-want +got):\n%s", diff)
	}
	if strings.Contains(rec.Body.String(), "0001-01-01") {
		t.Error("a time that is not there is written")
	}
	if diff := cmp.Diff(view(), given); diff != "" {
		t.Errorf("the caller's view was changed:\n%s", diff)
	}
}

func TestStatusThatFails(t *testing.T) {
	t.Parallel()
	core, logs := observer.New(zapcore.DebugLevel)
	h := handler(t, func(o *console.Options) {
		o.Log = zap.New(core)
		o.Status = statusFunc(func(context.Context) (console.View, error) { return console.View{}, errors.New("read sites: canary") })
	})
	for _, path := range []string{"/", "/status.json"} {
		rec := get(h, "GET", path)
		if rec.Code != 503 || strings.Contains(rec.Body.String(), "canary") {
			t.Errorf("%s = %d %q", path, rec.Code, rec.Body)
		}
	}
	if logs.Len() != 2 {
		t.Errorf("%d log lines, want 2", logs.Len())
	}
}

func TestNewRefuses(t *testing.T) {
	t.Parallel()
	if _, err := console.New(console.Options{}); err == nil {
		t.Error("New without anything gave no error")
	}
}

func TestServer(t *testing.T) {
	t.Parallel()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	entered, release := make(chan struct{}), make(chan struct{})
	h := handler(t, func(o *console.Options) {
		o.Status = statusFunc(func(context.Context) (console.View, error) { close(entered); <-release; return view(), nil })
	})
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	ended := make(chan error, 1)
	go func() { ended <- (&console.Server{Handler: h}).Serve(ctx, ln) }()

	answer := make(chan int, 1)
	go func() {
		req, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+ln.Addr().String()+"/status.json", http.NoBody)
		resp, err := http.DefaultTransport.RoundTrip(req)
		if err != nil {
			answer <- 0
			return
		}
		defer resp.Body.Close()
		answer <- resp.StatusCode
	}()
	<-entered
	cancel()
	close(release)
	if got := <-answer; got != 200 {
		t.Errorf("the answer under way at the stop = %d, want 200", got)
	}
	if err := <-ended; err != nil {
		t.Errorf("Serve = %v", err)
	}
	if _, err := net.DialTimeout("tcp", ln.Addr().String(), time.Second); err == nil {
		t.Error("the listener is still open")
	}
}

func TestServerClosesWhoWillNotEnd(t *testing.T) {
	t.Parallel()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	entered := make(chan struct{})
	slow := http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { close(entered); <-r.Context().Done() })
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- (&console.Server{Handler: slow, Grace: 20 * time.Millisecond}).Serve(ctx, ln) }()
	go func() {
		req, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+ln.Addr().String(), http.NoBody)
		if resp, err := http.DefaultTransport.RoundTrip(req); err == nil {
			_ = resp.Body.Close()
		}
	}()
	<-entered
	cancel()
	select {
	case err := <-ended:
		if err != nil {
			t.Errorf("Serve = %v", err)
		}
	case <-time.After(time.Minute):
		t.Fatal("Serve waits for an answer that never ends")
	}
}

func TestListenFails(t *testing.T) {
	t.Parallel()
	s := &console.Server{Addr: "127.0.0.1:-1", Handler: http.NotFoundHandler()}
	if err := s.ListenAndServe(t.Context()); err == nil {
		t.Error("a bad address gave no error")
	}
}
