package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"simscim/sandbox/idp"
)

// allowed is how many requests a second a limited directory takes.
const allowed = 200

// directory is the sandbox's identity provider on a loopback port, with a look at what
// comes in.
type directory struct {
	idp      *idp.IDP
	http     *http.Server
	url      string
	requests atomic.Int64
	// longest is the length of the longest body.
	longest atomic.Int64
}

// open starts a directory of a personality, empty for a plain one, that limits its callers
// in one of two ways, or not at all.
func open(ctx context.Context, personality, limit string) (*directory, error) {
	o := idp.Options{Seed: seed, Now: time.Now, Personality: personality}
	admit := func(time.Time) bool { return true }
	switch limit {
	case "":
	case "bucket":
		o.Rates = []idp.Rate{{Most: allowed, Per: time.Second}}
	case "windows":
		admit = (&windows{}).admit
	default:
		return nil, fmt.Errorf("there is no limit %q", limit)
	}
	var lc net.ListenConfig
	listener, err := lc.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("start the directory: %w", err)
	}
	d := &directory{idp: idp.New(o)}
	d.url = "http://" + listener.Addr().String() + d.idp.BasePath()
	d.http = &http.Server{Handler: d.watch(admit, d.idp.Handler()), ReadHeaderTimeout: 10 * time.Second}
	go func() { _ = d.http.Serve(listener) }() // ends with Close
	return d, nil
}

func (d *directory) Close() error { return d.http.Close() }

// reset forgets what has come in.
func (d *directory) reset() {
	d.requests.Store(0)
	d.longest.Store(0)
}

// watch counts, and refuses what is not admitted.
func (d *directory) watch(admit func(time.Time) bool, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		d.requests.Add(1)
		if !admit(time.Now()) {
			w.Header().Set("Retry-After", "1")
			w.WriteHeader(http.StatusTooManyRequests)
			return
		}
		if r.Header.Get("Authorization") == "Bearer "+token {
			r.Header.Set("Authorization", "Bearer "+d.idp.Token())
		}
		body := &counted{ReadCloser: r.Body}
		r.Body = body
		next.ServeHTTP(w, r)
		for old := d.longest.Load(); body.n > old && !d.longest.CompareAndSwap(old, body.n); old = d.longest.Load() {
		}
	})
}

// counted counts the bytes of a body.
type counted struct {
	io.ReadCloser
	n int64
}

func (c *counted) Read(p []byte) (int, error) {
	n, err := c.ReadCloser.Read(p)
	c.n += int64(n)
	return n, err
}

// windows allows so many requests in each second, counted from the first.
type windows struct {
	mu    sync.Mutex
	begun time.Time
	n     int
}

func (w *windows) admit(now time.Time) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if passed := now.Sub(w.begun); w.begun.IsZero() {
		w.begun = now
	} else if passed >= time.Second {
		w.begun, w.n = w.begun.Add(passed.Truncate(time.Second)), 0
	}
	w.n++
	return w.n <= allowed
}
