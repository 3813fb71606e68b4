package httpx

import (
	"context"
	"io"
	"net/http"
	"net/http/httptrace"
	"sync"
	"sync/atomic"
	"time"

	"go.uber.org/zap"
	"golang.org/x/time/rate"
)

// gate is the transport below resty: every attempt passes it, first tries and retries
// alike, so the limits hold for all of them.
type gate struct {
	next    http.RoundTripper
	opts    Options
	slots   chan struct{}
	limiter *rate.Limiter
	sent    atomic.Int64

	mu          sync.Mutex
	pausedUntil time.Time
}

func newGate(next http.RoundTripper, o Options) *gate {
	g := &gate{next: next, opts: o, slots: make(chan struct{}, o.InFlight), limiter: rate.NewLimiter(rate.Inf, 1)}
	if o.PerSecond > 0 {
		// A burst of one: a school's system is better served by an even stream.
		g.limiter = rate.NewLimiter(rate.Limit(o.PerSecond), 1)
	}
	return g
}

// RoundTrip waits for the pause, a slot and the rate, then sends. The slot is held and
// the attempt's time runs until the answer's body is closed.
func (g *gate) RoundTrip(req *http.Request) (*http.Response, error) {
	ctx := req.Context()
	if err := g.enter(ctx); err != nil {
		return nil, err
	}
	call, _ := ctx.Value(callKey{}).(*call)
	// Here, after all waiting: a signature holds the time.
	req, err := sign(call, req)
	if err != nil {
		<-g.slots
		return nil, err
	}
	timed, cancel := context.WithTimeout(ctx, g.opts.Timeout)
	if call != nil {
		timed = httptrace.WithClientTrace(timed, &httptrace.ClientTrace{
			GotConn: func(httptrace.GotConnInfo) { call.reached.Store(true) },
		})
	}
	leave := sync.OnceFunc(func() {
		cancel()
		<-g.slots
	})
	g.sent.Add(1)
	if n, ok := ctx.Value(countKey{}).(*atomic.Int64); ok {
		n.Add(1)
	}
	begun := time.Now()
	resp, err := g.next.RoundTrip(req.WithContext(timed))
	g.note(call, resp, begun)
	if err != nil {
		leave()
		return nil, err
	}
	if resp.StatusCode == http.StatusTooManyRequests {
		g.pause(resp.Header)
	}
	resp.Body = &leavingBody{resp.Body, leave}
	return resp, nil
}

func (g *gate) enter(ctx context.Context) error {
	for {
		wait := g.pauseLeft()
		if wait <= 0 {
			break
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(wait):
		}
	}
	select {
	case g.slots <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	if err := g.limiter.Wait(ctx); err != nil {
		<-g.slots
		return err
	}
	return nil
}

func (g *gate) pauseLeft() time.Duration {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.pausedUntil.IsZero() {
		return 0
	}
	return time.Until(g.pausedUntil)
}

// pause keeps everybody from calling for as long as the server asked, and for a second
// where it did not say: one 429 speaks for all of our calls.
func (g *gate) pause(h http.Header) {
	wait, ok := RetryAfter(h, time.Now())
	if !ok {
		wait = time.Second
	}
	wait = min(wait, g.opts.MaxWait)
	g.mu.Lock()
	defer g.mu.Unlock()
	if until := time.Now().Add(wait); until.After(g.pausedUntil) {
		g.pausedUntil = until
	}
}

func (g *gate) note(call *call, resp *http.Response, begun time.Time) {
	if call == nil {
		return
	}
	took, status := time.Since(begun), 0
	if resp != nil {
		status = resp.StatusCode
	}
	if g.opts.Observe != nil {
		g.opts.Observe(call.request.Route, status, took)
	}
	if ce := g.opts.Log.Check(zap.DebugLevel, "http"); ce != nil {
		ce.Write(zap.String("method", call.request.Method), zap.String("route", call.request.Route),
			zap.Int("status", status), zap.Duration("took", took))
	}
}

// leavingBody gives the slot back when the answer has been read.
type leavingBody struct {
	io.ReadCloser
	leave func()
}

func (b *leavingBody) Close() error {
	err := b.ReadCloser.Close()
	b.leave()
	return err
}

type countKey struct{}

// CountInto returns a context under which every attempt, of whatever client, is counted
// in n as well.
func CountInto(ctx context.Context, n *atomic.Int64) context.Context {
	return context.WithValue(ctx, countKey{}, n)
}
