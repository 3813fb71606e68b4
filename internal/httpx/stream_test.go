package httpx

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

func TestStreamReadsWhatComes(t *testing.T) {
	t.Parallel()
	first := make(chan struct{})
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Total-Count", "2")
		io.WriteString(w, "one ")
		w.(http.Flusher).Flush()
		select {
		case <-first:
		case <-r.Context().Done():
		}
		io.WriteString(w, "two")
	}, nil)
	var text string
	resp, err := c.Stream(t.Context(), Request{Method: "GET", Path: "/"}, func(h http.Header, body io.Reader) error {
		head := make([]byte, 4)
		if _, err := io.ReadFull(body, head); err != nil {
			return err
		}
		close(first) // the rest is written only now: nothing was waiting for the end
		tail, err := io.ReadAll(body)
		text = h.Get("X-Total-Count") + " " + string(head) + string(tail)
		return err
	})
	if err != nil || resp.Status != 200 || resp.Body != nil || text != "2 one two" {
		t.Fatalf("got %+v, %v and %q", resp, err, text)
	}
}

func TestStreamFailures(t *testing.T) {
	t.Parallel()
	mine := errors.New("mine")
	cut := func(w http.ResponseWriter) {
		w.Header().Set("Content-Length", "100")
		io.WriteString(w, "half")
	}
	all := func(_ http.Header, body io.Reader) error {
		_, err := io.ReadAll(body)
		return err
	}
	for _, tc := range []struct {
		name     string
		retries  int
		h        func(n int32, w http.ResponseWriter, r *http.Request)
		read     func(http.Header, io.Reader) error
		attempts int32
		want     string // the error, "" for none
		status   int
	}{
		{"cut once", 2, func(n int32, w http.ResponseWriter, _ *http.Request) {
			if n == 1 {
				cut(w)
			}
		}, all, 2, "", 200},
		{"cut always", 2, func(_ int32, w http.ResponseWriter, _ *http.Request) { cut(w) }, all, 3, "GET : the connection was cut", 0},
		{"cut without retries", 0, func(_ int32, w http.ResponseWriter, _ *http.Request) { cut(w) }, all, 1, "GET : the connection was cut", 0},
		{"too large", 2, func(_ int32, w http.ResponseWriter, _ *http.Request) {
			io.WriteString(w, strings.Repeat("x", 101))
		}, all, 1, "GET : the answer is larger than is allowed", 0},
		{"as large as is allowed", 2, func(_ int32, w http.ResponseWriter, _ *http.Request) {
			io.WriteString(w, strings.Repeat("x", 100))
		}, all, 1, "", 200},
		{"the reader's own error", 2, func(_ int32, w http.ResponseWriter, _ *http.Request) {
			io.WriteString(w, "x")
		}, func(http.Header, io.Reader) error { return mine }, 1, "mine", 0},
		{"its own error, without retries", 0, func(_ int32, w http.ResponseWriter, _ *http.Request) {
			io.WriteString(w, "x")
		}, func(http.Header, io.Reader) error { return mine }, 1, "mine", 0},
		{"503 once", 2, func(n int32, w http.ResponseWriter, _ *http.Request) {
			if n == 1 {
				w.WriteHeader(503)
			}
		}, all, 2, "", 200},
		{"429 with its wait in the text", 2, func(n int32, w http.ResponseWriter, _ *http.Request) {
			if n == 1 {
				w.WriteHeader(429)
				io.WriteString(w, `{"message":"Try again in 0 seconds."}`)
			}
		}, all, 2, "", 200},
		{"429 that asks for too long a wait", 2, func(_ int32, w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Retry-After", "3600")
			w.WriteHeader(429)
		}, all, 1, "", 429},
		{"404", 2, func(_ int32, w http.ResponseWriter, _ *http.Request) { w.WriteHeader(404) }, all, 1, "", 404},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			var n atomic.Int32
			c := serve(t, func(w http.ResponseWriter, r *http.Request) { tc.h(n.Add(1), w, r) }, func(o *Options) {
				o.MaxBody, o.Retries = 100, tc.retries
			})
			resp, err := c.Stream(t.Context(), Request{Method: "GET", Path: "/"}, tc.read)
			got := ""
			if err != nil {
				got = err.Error()
			}
			if got != tc.want || n.Load() != tc.attempts || err == nil && resp.Status != tc.status {
				t.Errorf("got %+v and %q after %d attempts, want status %d, %q and %d", resp, got, n.Load(), tc.status, tc.want, tc.attempts)
			}
			// Every slot was given back, or these would wait for ever.
			for range 10 {
				c.gate.slots <- struct{}{}
				<-c.gate.slots
			}
			if len(c.gate.slots) != 0 {
				t.Error("a slot was not given back")
			}
		})
	}
}

func TestStreamEndsWithItsContext(t *testing.T) {
	t.Parallel()
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, "x")
		w.(http.Flusher).Flush()
		<-r.Context().Done()
	}, nil)
	ctx, cancel := context.WithCancel(t.Context())
	_, err := c.Stream(ctx, Request{Method: "GET", Path: "/"}, func(_ http.Header, body io.Reader) error {
		cancel()
		_, err := io.ReadAll(body)
		return err
	})
	if !errors.Is(err, context.Canceled) || c.Requests() != 1 {
		t.Errorf("got %v after %d requests", err, c.Requests())
	}
}

func TestStreamSignsInAgainOnce(t *testing.T) {
	t.Parallel()
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "new" {
			w.WriteHeader(401)
		}
	}, func(o *Options) {
		o.Authorize = func(_ context.Context, stale string) (string, error) {
			if stale == "old" {
				return "new", nil
			}
			return "old", nil
		}
	})
	reads := 0
	resp, err := c.Stream(t.Context(), Request{Method: "GET", Path: "/"}, func(http.Header, io.Reader) error {
		reads++
		return nil
	})
	if err != nil || resp.Status != 200 || reads != 1 {
		t.Errorf("got %+v, %v, %d reads", resp, err, reads)
	}
}

func TestSignCoversEveryAttempt(t *testing.T) {
	t.Parallel()
	var n atomic.Int32
	seen := make(chan string, 3)
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		seen <- r.Header.Get("Authorization") + " " + r.URL.RawQuery
		if len(seen) < 3 {
			w.WriteHeader(503)
		}
	}, func(o *Options) {
		o.Sign = func(req *http.Request) error {
			req.Header.Set("Authorization", strings.Repeat("I", int(n.Add(1)))+req.URL.RawQuery)
			return nil
		}
	})
	if _, err := c.Do(t.Context(), Request{Method: "GET", Path: "/", Query: map[string][]string{"a": {"b"}}}); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"Ia=b a=b", "IIa=b a=b", "IIIa=b a=b"} {
		if got := <-seen; got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

func TestSignThatFails(t *testing.T) {
	t.Parallel()
	broken := errors.New("the key is missing")
	c := serve(t, func(http.ResponseWriter, *http.Request) { t.Error("an unsigned call was sent") }, func(o *Options) {
		o.Sign, o.InFlight = func(*http.Request) error { return broken }, 1
	})
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for range 3 { // more than there are slots
		if _, err := c.Do(ctx, Request{Method: "GET", Path: "/"}); !errors.Is(err, broken) || err.Error() != "sign in: the key is missing" {
			t.Errorf("got %v", err)
		}
	}
	if c.Requests() != 0 {
		t.Errorf("%d requests are counted", c.Requests())
	}
}
