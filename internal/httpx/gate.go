package httpx

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptrace"
	"sync"
	"sync/atomic"
	"time"

	"go.uber.org/zap"
)

// gate is the transport below resty: every attempt passes it, first tries and retries
// alike, so the limits hold for all of them. What the server refuses for now (429) is
// sent again here, by the same request in the same slot, as long as that is worth while:
// such a refusal is no failed try.
type gate struct {
	next  http.RoundTripper
	opts  Options
	slots chan struct{}
	pacer *pacer
	sent  atomic.Int64
}

func newGate(next http.RoundTripper, o Options) *gate {
	return &gate{next: next, opts: o, slots: make(chan struct{}, o.InFlight), pacer: newPacer(o)}
}

// RoundTrip takes a slot, waits for its turn and sends. The slot is held until the
// answer's body is closed.
func (g *gate) RoundTrip(req *http.Request) (*http.Response, error) {
	ctx := req.Context()
	select {
	case g.slots <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	resp, err := g.insist(req)
	if err != nil {
		<-g.slots
		return nil, err
	}
	resp.Body = &leavingBody{resp.Body, sync.OnceFunc(func() { <-g.slots })}
	return resp, nil
}

// insist sends until the answer is another than that the server wants no more for now.
func (g *gate) insist(req *http.Request) (*http.Response, error) {
	call, _ := req.Context().Value(callKey{}).(*call)
	for refused := false; ; refused = true {
		if err := g.pacer.wait(req.Context()); err != nil {
			return nil, err
		}
		reached, sent := call != nil && call.reached.Load(), time.Now()
		resp, err := g.send(call, req)
		if err != nil {
			return nil, err
		}
		again, err := g.heed(resp, sent, refused)
		if err != nil || !again {
			return resp, err
		}
		if call != nil {
			call.reached.Store(reached) // what is refused for now has not been carried out
		}
		if req, err = rewind(req); err != nil {
			return nil, err
		}
	}
}

// send is one attempt. Its time runs until the answer's body is closed.
func (g *gate) send(call *call, req *http.Request) (*http.Response, error) {
	ctx := req.Context()
	// Here, after all waiting: a signature holds the time.
	req, err := sign(call, req)
	if err != nil {
		return nil, err
	}
	timed, cancel := context.WithTimeout(ctx, g.opts.Timeout)
	if call != nil {
		timed = httptrace.WithClientTrace(timed, &httptrace.ClientTrace{
			GotConn: func(httptrace.GotConnInfo) { call.reached.Store(true) },
		})
	}
	g.sent.Add(1)
	if n, ok := ctx.Value(countKey{}).(*atomic.Int64); ok {
		n.Add(1)
	}
	begun := time.Now()
	resp, err := g.next.RoundTrip(req.WithContext(timed))
	g.note(call, resp, begun)
	if err != nil {
		cancel()
		return nil, err
	}
	resp.Body = &leavingBody{resp.Body, cancel}
	return resp, nil
}

// heed tells the pacer what an answer says about our pace, and whether to send the
// request again. refused says that it was refused before.
func (g *gate) heed(resp *http.Response, sent time.Time, refused bool) (again bool, err error) {
	now := time.Now()
	if resp.StatusCode != http.StatusTooManyRequests {
		g.pacer.accept()
		if wait, ok := spent(resp.Header, now); ok {
			g.pacer.refuse(now, sent, wait, true)
		}
		return false, nil
	}
	text, err := io.ReadAll(io.LimitReader(resp.Body, mostOfAFailure))
	err = errors.Join(err, resp.Body.Close())
	if err != nil {
		return false, err
	}
	resp.Body = io.NopCloser(bytes.NewReader(text))
	wait, named := refusal(resp.Header, text, now)
	if !refused {
		g.pacer.anew(now)
	}
	worthWhile := g.pacer.refuse(now, sent, wait, named)
	return worthWhile && g.opts.Retries > 0, nil
}

// rewind gives a request its body back.
func rewind(req *http.Request) (*http.Request, error) {
	if req.GetBody == nil {
		return req, nil
	}
	body, err := req.GetBody()
	if err != nil {
		return nil, err
	}
	req = req.Clone(req.Context())
	req.Body = body
	return req, nil
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

// leavingBody gives something back when the answer has been read.
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
