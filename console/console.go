package console

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"time"

	"go.uber.org/zap"
)

// Check is one thing that must be well for simscim to be ready.
type Check struct {
	// Name is one word, such as "store".
	Name string
	// Check returns an error when it is not well. Its text goes to the log only.
	Check func(ctx context.Context) error
}

// Options make the handler.
type Options struct {
	// Ready are the checks behind /readyz.
	Ready []Check
	// Metrics serves /metrics.
	Metrics http.Handler
	// Status is behind / and /status.json.
	Status Status
	// Location is the zone in which the page shows times; nil is UTC.
	Location *time.Location
	// Log takes what goes wrong; nil is nowhere.
	Log *zap.Logger
}

// patience is how long a check or a status may take. Probes of Kubernetes are often
// set to wait no longer than that.
const patience = 3 * time.Second

type console struct {
	o    Options
	page *page
}

// New makes the handler of all routes.
func New(o Options) (http.Handler, error) {
	if o.Metrics == nil || o.Status == nil {
		return nil, errors.New("make console: metrics and status are both needed")
	}
	if o.Location == nil {
		o.Location = time.UTC
	}
	if o.Log == nil {
		o.Log = zap.NewNop()
	}
	page, err := newPage(o.Location)
	if err != nil {
		return nil, err
	}
	c := &console{o: o, page: page}
	mux := http.NewServeMux()
	mux.HandleFunc("/livez", c.livez)
	mux.HandleFunc("/readyz", c.readyz)
	mux.Handle("/metrics", o.Metrics)
	mux.HandleFunc("/status.json", c.statusJSON)
	mux.HandleFunc("/{$}", c.statusPage)
	return harden(mux), nil
}

// livez says that the process answers, and nothing about what it depends on: a
// restart would not help a store that is away.
func (c *console) livez(w http.ResponseWriter, _ *http.Request) { text(w, http.StatusOK, "ok\n") }

// readyz runs all checks at once and says which of them are not well.
func (c *console) readyz(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), patience)
	defer cancel()
	errs := make([]error, len(c.o.Ready))
	var wg sync.WaitGroup
	for i, check := range c.o.Ready {
		wg.Go(func() { errs[i] = within(ctx, check.Check) })
	}
	wg.Wait()

	status, body := http.StatusOK, ""
	for i, check := range c.o.Ready {
		word := "ok"
		if errs[i] != nil {
			status, word = http.StatusServiceUnavailable, "not ready"
			c.o.Log.Warn("a readiness check failed", zap.String("check", check.Name), zap.Error(errs[i]))
		}
		body += check.Name + ": " + word + "\n"
	}
	if body == "" {
		body = "ok\n"
	}
	text(w, status, body)
}

// within calls check and gives up waiting for it when the context ends, so that a
// check that does not heed its context cannot hold up the answer.
func within(ctx context.Context, check func(context.Context) error) error {
	done := make(chan error, 1)
	go func() {
		defer func() {
			if recover() != nil {
				done <- errors.New("the check panicked")
			}
		}()
		done <- check(ctx)
	}()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

func text(w http.ResponseWriter, status int, body string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write([]byte(body))
}

// harden lets only reads through and sets the headers that every answer has.
func harden(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("X-Frame-Options", "DENY")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cache-Control", "no-store")
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			h.Set("Allow", "GET, HEAD")
			text(w, http.StatusMethodNotAllowed, "only GET and HEAD are answered here\n")
			return
		}
		next.ServeHTTP(w, r)
	})
}
