package httpx

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"
)

// serve starts a server and a client for it that waits milliseconds, not seconds.
func serve(t *testing.T, h http.HandlerFunc, change func(*Options)) *Client {
	t.Helper()
	srv := httptest.NewServer(h)
	t.Cleanup(srv.Close)
	o := Options{BaseURL: srv.URL, Retries: 2, MinWait: time.Millisecond, MaxWait: 50 * time.Millisecond, Timeout: time.Minute}
	if change != nil {
		change(&o)
	}
	c, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestWhatIsRepeated(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		method     string
		idempotent bool
		status     int
		attempts   int32
	}{
		{"GET", false, 500, 3},
		{"GET", false, 404, 1},
		{"PUT", false, 503, 3},
		{"DELETE", false, 502, 3},
		{"PATCH", false, 503, 1},
		{"PATCH", true, 504, 3},
		{"POST", false, 500, 1},
		{"POST", false, 503, 1},
		{"POST", true, 500, 3},
		{"POST", false, 400, 1},
	} {
		t.Run(fmt.Sprintf("%s/%v/%d", tc.method, tc.idempotent, tc.status), func(t *testing.T) {
			t.Parallel()
			var n atomic.Int32
			c := serve(t, func(w http.ResponseWriter, r *http.Request) {
				n.Add(1)
				if body, _ := io.ReadAll(r.Body); r.Method != "GET" && r.Method != "DELETE" && string(body) != `{"a":1}` {
					t.Errorf("attempt %d came with body %q", n.Load(), body)
				}
				w.Header().Set("Retry-After", "0")
				w.WriteHeader(tc.status)
			}, nil)
			req := Request{Method: tc.method, Path: "/x", Idempotent: tc.idempotent}
			if tc.method != "GET" && tc.method != "DELETE" {
				req.Body = []byte(`{"a":1}`)
			}
			resp, err := c.Do(t.Context(), req)
			if err != nil || resp.Status != tc.status {
				t.Fatalf("got %v, %v; want status %d", resp, err, tc.status)
			}
			if n.Load() != tc.attempts || c.Requests() != int64(tc.attempts) {
				t.Errorf("%d attempts arrived, %d counted; want %d", n.Load(), c.Requests(), tc.attempts)
			}
		})
	}
}

func TestSignInIsRefreshedOnce(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name, accepted string
		status, calls  int
	}{
		{"second is good", "Bearer 2", 200, 2},
		{"none is good", "Bearer 9", 401, 2},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			var asked []string
			c := serve(t, func(w http.ResponseWriter, r *http.Request) {
				if r.Header.Get("Authorization") != tc.accepted {
					w.WriteHeader(401)
				}
			}, func(o *Options) {
				o.Authorize = func(_ context.Context, stale string) (string, error) {
					asked = append(asked, stale)
					return fmt.Sprintf("Bearer %d", len(asked)), nil
				}
			})
			resp, err := c.Do(t.Context(), Request{Method: "GET", Path: "/"})
			if err != nil || resp.Status != tc.status || len(asked) != tc.calls || asked[1] != "Bearer 1" {
				t.Fatalf("got %+v, %v after %q", resp, err, asked)
			}
		})
	}
}

func TestRedirects(t *testing.T) {
	t.Parallel()
	var leaked atomic.Bool
	other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { leaked.Store(true) }))
	t.Cleanup(other.Close)
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/away":
			http.Redirect(w, r, other.URL+"/x", http.StatusTemporaryRedirect)
		case "/turn":
			http.Redirect(w, r, "/there", http.StatusFound)
		case "/keep":
			http.Redirect(w, r, "/there", http.StatusPermanentRedirect)
		case "/there":
			body, _ := io.ReadAll(r.Body)
			fmt.Fprintf(w, "%s %s", r.Method, body)
		}
	}, nil)
	for path, want := range map[string]string{"/away": "307 ", "/turn": "302 ", "/keep": "200 POST b"} {
		resp, err := c.Do(t.Context(), Request{Method: "POST", Path: path, Body: []byte("b")})
		if err != nil {
			t.Fatal(err)
		}
		if got := fmt.Sprintf("%d %s", resp.Status, resp.Body); got != want {
			t.Errorf("%s: got %q, want %q", path, got, want)
		}
	}
	if leaked.Load() {
		t.Error("the other host was called")
	}
}

func TestInFlightAndRate(t *testing.T) {
	t.Parallel()
	var now, most atomic.Int32
	c := serve(t, func(http.ResponseWriter, *http.Request) {
		if n := now.Add(1); n > most.Load() {
			most.Store(n)
		}
		time.Sleep(2 * time.Millisecond)
		now.Add(-1)
	}, func(o *Options) { o.InFlight, o.PerSecond = 3, 400 })
	begun := time.Now()
	var wg sync.WaitGroup
	for range 41 {
		wg.Go(func() {
			if _, err := c.Do(t.Context(), Request{Method: "GET", Path: "/"}); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if most.Load() > 3 {
		t.Errorf("%d calls were in flight, 3 allowed", most.Load())
	}
	if took := time.Since(begun); took < 95*time.Millisecond {
		t.Errorf("41 calls at 400 a second took only %v", took)
	}
}

func TestOne429SlowsEverybody(t *testing.T) {
	t.Parallel()
	var first atomic.Bool
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if first.CompareAndSwap(false, true) {
			w.Header().Set("Retry-After", time.Now().Add(time.Minute).UTC().Format(http.TimeFormat))
			w.WriteHeader(429)
		}
	}, func(o *Options) { o.MaxWait, o.Retries = time.Hour, 0 })
	if resp, err := c.Do(t.Context(), Request{Method: "POST", Path: "/"}); err != nil || resp.Status != 429 {
		t.Fatalf("got %v, %v", resp, err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if _, err := c.Do(ctx, Request{Method: "GET", Path: "/"}); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a second call was not held back: %v", err)
	}
	if c.Requests() != 1 {
		t.Errorf("%d requests were sent, want 1", c.Requests())
	}
}

func TestAskedToWaitTooLong(t *testing.T) {
	t.Parallel()
	c := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Retry-After", "3600")
		w.WriteHeader(429)
	}, nil)
	resp, err := c.Do(t.Context(), Request{Method: "GET", Path: "/"})
	if err != nil || resp.Status != 429 || c.Requests() != 1 {
		t.Fatalf("got %v, %v after %d requests", resp, err, c.Requests())
	}
}

func TestFailures(t *testing.T) {
	t.Parallel()
	const canary = "Zebedee"
	cut := func(w http.ResponseWriter, _ *http.Request) {
		conn, _, err := w.(http.Hijacker).Hijack()
		if err == nil {
			conn.Close()
		}
	}
	odd := func(w http.ResponseWriter, _ *http.Request) {
		conn, _, err := w.(http.Hijacker).Hijack()
		if err == nil {
			io.WriteString(conn, canary+" is not HTTP\r\n\r\n")
			conn.Close()
		}
	}
	big := func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, strings.Repeat(canary, 1000)) }
	slow := func(_ http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body) // only then does the server see the client go
		<-r.Context().Done()
	}
	for _, tc := range []struct {
		name      string
		h         http.HandlerFunc
		what      string
		ambiguous bool
	}{
		{"cut", cut, "the connection was cut", true},
		{"not http", odd, "the connection failed", true},
		{"too large", big, "the answer is larger than is allowed", true},
		{"slow", slow, "no answer in time", true},
		{"refused", nil, "the connection was refused", false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			core, logs := observer.New(zapcore.DebugLevel)
			c := serve(t, tc.h, func(o *Options) {
				o.Log, o.MaxBody, o.Retries = zap.New(core), 100, 1
				if tc.name == "slow" { // but long enough to be reached
					o.Timeout = time.Second
				}
				if tc.h == nil {
					o.BaseURL = "http://127.0.0.1:1"
				}
			})
			_, err := c.Do(t.Context(), Request{
				Method: "POST", Path: "/Users/" + canary, Route: "/Users/{id}", Body: []byte(canary),
				Query: url.Values{"filter": {canary}},
			})
			f, ok := errors.AsType[*Failure](err)
			if !ok || f.What != tc.what || IsAmbiguous(err) != tc.ambiguous {
				t.Fatalf("got %v (%+v)", err, f)
			}
			if text := fmt.Sprintf("%v %+v", err, logs.All()); strings.Contains(text, canary) {
				t.Errorf("personal data leaked: %s", text)
			}
		})
	}
}

func TestRetryAfterForms(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 9, 1, 2, 0, 0, 0, time.UTC)
	for value, want := range map[string]string{
		"":                              "0s false",
		"7":                             "7s true",
		" 0 ":                           "0s true",
		"-3":                            "0s false",
		"soon":                          "0s false",
		"Tue, 01 Sep 2026 02:00:30 GMT": "30s true",
		"Tue, 01 Sep 2026 01:00:00 GMT": "0s true",
		"99999999999999999999":          "0s false",
	} {
		d, ok := RetryAfter(http.Header{"Retry-After": {value}}, now)
		if got := fmt.Sprint(d, ok); got != want {
			t.Errorf("%q: got %s, want %s", value, got, want)
		}
	}
	fast := http.Header{"Retry-After": {"Tue, 01 Sep 2026 05:00:30 GMT"}, "Date": {"Tue, 01 Sep 2026 05:00:00 GMT"}}
	if d, ok := RetryAfter(fast, now); !ok || d != 30*time.Second {
		t.Errorf("by a clock that is fast: got %v %v, want 30s", d, ok)
	}
	if d, ok := waitInText([]byte(`{"statusCode":429,"message":"Rate limit is exceeded. Try again in 3 seconds."}`)); !ok || d != 3*time.Second {
		t.Errorf("the wait in the text was not read: %v %v", d, ok)
	}
}

func TestBadOptions(t *testing.T) {
	t.Parallel()
	for _, o := range []Options{
		{BaseURL: ""}, {BaseURL: "ftp://x"}, {BaseURL: "http://"}, {BaseURL: "https://x", CAFile: "/does/not/exist"},
	} {
		if _, err := New(o); err == nil {
			t.Errorf("%+v was accepted", o)
		}
	}
}
