// Package httpx makes the HTTP clients that talk to sources and targets: one Client a
// host, on resty, with the limits, retries and silence that simscim needs everywhere.
//
// Waiting is a matter of real time, so this package, unlike most, looks at the clock
// itself.
//
// What it promises: calls begun per second, minute, hour and day and calls in flight stay
// under the limits, whoever calls; an answer of 429 stops the whole client for as long as
// the server asks, and afterwards it keeps to what the server bears; only what may safely
// be repeated is repeated; no redirect leaves the host or changes the method; no body, no
// query and no header value is ever logged or put into an error.
package httpx

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"sync/atomic"
	"time"

	"github.com/go-resty/resty/v2"
	"go.uber.org/zap"
)

// Options says how a Client behaves. Zero values mean the defaults in the comments.
type Options struct {
	// BaseURL is put before every path.
	BaseURL string
	// PerSecond is the most calls begun in a second; 0 is no limit but the pace that the
	// server teaches by its refusals.
	PerSecond float64
	// PerMinute, PerHour and PerDay are the most calls in any minute, hour and day; 0 is
	// no limit. They are counted from the client's making.
	PerMinute, PerHour, PerDay int
	// InFlight is the most calls under way at once, until the last byte of the answer;
	// 0 is 8.
	InFlight int
	// Timeout of one attempt, to the last byte of the body, without the time spent
	// waiting for the limits; 0 is 30 s.
	Timeout time.Duration
	// Retries is how many further attempts a call may have; 0 is none. What the server
	// refused for now by 429 does not count: with any retries at all it is sent again
	// until MaxWait has passed without anything being accepted.
	Retries int
	// MinWait is the first wait between attempts, doubling from there; 0 is 250 ms.
	MinWait time.Duration
	// MaxWait is the longest wait between attempts. A server that asks for a longer one
	// is not waited for: its answer is returned. 0 is 30 s.
	MaxWait time.Duration
	// MaxBody is the most bytes of an answer; 0 is 32 MiB.
	MaxBody int64
	// CAFile is a PEM file of authorities to trust instead of the system's.
	CAFile string
	// UserAgent is sent with every call.
	UserAgent string
	// Authorize returns the value of the Authorization header. stale is the value that
	// was just refused with 401, and "" otherwise. Nil means no sign-in.
	Authorize func(ctx context.Context, stale string) (string, error)
	// Sign adds to each attempt what covers the whole request, such as the signature of
	// OAuth 1.0a, right before it is sent. It stands instead of Authorize.
	Sign func(req *http.Request) error
	// Log gets one debug line an attempt: method, route, status, duration.
	Log *zap.Logger
	// Observe is told of every attempt; status is 0 when there was no answer.
	Observe func(route string, status int, took time.Duration)
}

// Client calls one host. It is safe for concurrent use.
type Client struct {
	resty   *resty.Client
	gate    *gate
	opts    Options
	baseURL string
}

// Request is one call.
type Request struct {
	Method string
	// Path stands below the base URL and is already escaped.
	Path  string
	Query url.Values
	Body  []byte
	// ContentType of Body, and Accept: both may be empty.
	ContentType, Accept string
	Header              map[string]string
	// Route is the path without ids, for logs and metrics: "/Users/{id}".
	Route string
	// Idempotent says that the call may be repeated when it is not known whether it
	// arrived. GET, HEAD, PUT and DELETE always may.
	Idempotent bool
}

// Response is what the server answered, whatever the status.
type Response struct {
	Status int
	Header http.Header
	Body   []byte
}

// New makes a client. It makes no call.
func New(o Options) (*Client, error) {
	base, err := url.Parse(o.BaseURL)
	if err != nil || base.Host == "" || (base.Scheme != "https" && base.Scheme != "http") {
		return nil, errors.New("the base URL is not an http or https address")
	}
	o.InFlight = cmp.Or(o.InFlight, 8)
	o.Timeout = cmp.Or(o.Timeout, 30*time.Second)
	o.MinWait = cmp.Or(o.MinWait, 250*time.Millisecond)
	o.MaxWait = cmp.Or(o.MaxWait, 30*time.Second)
	o.MaxBody = cmp.Or(o.MaxBody, 32<<20)
	o.UserAgent = cmp.Or(o.UserAgent, "simscim")
	if o.Log == nil {
		o.Log = zap.NewNop()
	}
	transport, err := newTransport(o)
	if err != nil {
		return nil, err
	}
	c := &Client{opts: o, gate: newGate(transport, o), baseURL: strings.TrimRight(o.BaseURL, "/")}
	c.resty = resty.NewWithClient(&http.Client{Transport: c.gate, CheckRedirect: checkRedirect}).
		SetLogger(silent{}). // resty's own lines hold URLs with their queries
		SetResponseBodyLimit(int(o.MaxBody)).
		SetRetryCount(o.Retries).
		SetRetryWaitTime(o.MinWait).
		SetRetryMaxWaitTime(o.MaxWait).
		SetRetryAfter(c.retryAfter)
	return c, nil
}

func newTransport(o Options) (*http.Transport, error) {
	conf := &tls.Config{MinVersion: tls.VersionTLS12}
	if o.CAFile != "" {
		pem, err := os.ReadFile(o.CAFile)
		if err != nil {
			return nil, fmt.Errorf("read certificate authorities: %w", err)
		}
		conf.RootCAs = x509.NewCertPool()
		if !conf.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("read certificate authorities: %s holds no PEM certificate", o.CAFile)
		}
	}
	dialer := &net.Dialer{Timeout: 10 * time.Second, KeepAlive: 30 * time.Second}
	return &http.Transport{
		Proxy:               http.ProxyFromEnvironment,
		DialContext:         dialer.DialContext,
		TLSClientConfig:     conf,
		TLSHandshakeTimeout: 10 * time.Second,
		ForceAttemptHTTP2:   true,
		MaxIdleConns:        o.InFlight,
		MaxIdleConnsPerHost: o.InFlight,
		IdleConnTimeout:     90 * time.Second,
	}, nil
}

// checkRedirect follows a redirect only on the same host and with the same method:
// anything else would carry our credentials elsewhere, or turn a write into a read.
// What is not followed is returned as the answer that it is.
func checkRedirect(req *http.Request, via []*http.Request) error {
	first := via[0]
	if len(via) > 3 || req.Method != first.Method || req.URL.Host != first.URL.Host || req.URL.Scheme != first.URL.Scheme {
		return http.ErrUseLastResponse
	}
	return nil
}

// Requests counts the attempts sent so far.
func (c *Client) Requests() int64 { return c.gate.sent.Load() }

// Do carries out one call, with its retries. Every answer is a Response, whatever its
// status; an error is a *Failure, an error of Authorize or Sign, or the context's.
func (c *Client) Do(ctx context.Context, r Request) (*Response, error) {
	return c.do(ctx, r, nil)
}

func (c *Client) do(ctx context.Context, r Request, s *stream) (*Response, error) {
	stale := ""
	for {
		auth, err := c.authorize(ctx, stale)
		if err != nil {
			return nil, err
		}
		resp, err := c.attempt(ctx, r, auth, s)
		if err != nil {
			return nil, err
		}
		if resp.Status != http.StatusUnauthorized || auth == "" || stale != "" {
			return resp, nil
		}
		stale = auth // once, with fresh credentials
	}
}

func (c *Client) authorize(ctx context.Context, stale string) (string, error) {
	if c.opts.Authorize == nil {
		return "", nil
	}
	auth, err := c.opts.Authorize(ctx, stale)
	if err != nil {
		return "", fmt.Errorf("sign in: %w", err)
	}
	return auth, nil
}

// attempt runs the call through resty, which repeats it as far as it may be. s is nil
// unless the body is read as it comes.
func (c *Client) attempt(ctx context.Context, r Request, auth string, s *stream) (*Response, error) {
	call := &call{request: &r, sign: c.opts.Sign}
	req := c.resty.R().SetContext(context.WithValue(ctx, callKey{}, call)).SetHeader("User-Agent", c.opts.UserAgent)
	if auth != "" {
		req.SetHeader("Authorization", auth)
	}
	if r.Accept != "" {
		req.SetHeader("Accept", r.Accept)
	}
	if r.Body != nil {
		req.SetBody(r.Body).SetHeader("Content-Type", cmp.Or(r.ContentType, "application/json"))
	}
	for name, value := range r.Header {
		req.SetHeader(name, value)
	}
	if len(r.Query) > 0 {
		req.SetQueryParamsFromValues(r.Query)
	}
	req.SetDoNotParseResponse(s != nil)
	req.AddRetryCondition(func(resp *resty.Response, err error) bool {
		if err == nil && s != nil {
			if err = s.consume(resp); s.own {
				return false
			}
		}
		return mayRepeat(&r, resp, err)
	})
	resp, err := req.Execute(r.Method, c.baseURL+r.Path)
	if s != nil && (err == nil || errors.Is(err, errWaitTooLong)) {
		if err = s.consume(resp); s.own {
			return nil, err
		}
	}
	if signing, ok := errors.AsType[*signError](err); ok {
		return nil, signing.err
	}
	if err != nil && !errors.Is(err, errWaitTooLong) {
		if ctx.Err() != nil && !call.reached.Load() {
			return nil, ctx.Err()
		}
		return nil, newFailure(r, err, call.reached.Load(), ctx.Err())
	}
	return &Response{Status: resp.StatusCode(), Header: resp.Header(), Body: resp.Body()}, nil
}

// mayRepeat tells whether a call may be sent again after this answer or failure: only
// where doing it twice is the same as doing it once. The gate has seen to 429.
func mayRepeat(r *Request, resp *resty.Response, err error) bool {
	if err != nil {
		_, signing := errors.AsType[*signError](err)
		return !signing && !errors.Is(err, errSpent) && !errors.Is(err, context.Canceled) && !errors.Is(err, resty.ErrResponseBodyTooLarge) && r.repeatable()
	}
	switch resp.StatusCode() {
	case http.StatusInternalServerError, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return r.repeatable()
	default:
		return false
	}
}

func (r *Request) repeatable() bool {
	switch r.Method {
	case http.MethodGet, http.MethodHead, http.MethodPut, http.MethodDelete:
		return true
	default:
		return r.Idempotent
	}
}

// callKey is the context key of the call's own notes.
type callKey struct{}

// call holds what the transport finds out about one call.
type call struct {
	request *Request
	sign    func(req *http.Request) error
	// reached is set once some attempt had a connection to send on.
	reached atomic.Bool
}

// silent swallows resty's log lines.
type silent struct{}

func (silent) Errorf(string, ...any) {}
func (silent) Warnf(string, ...any)  {}
func (silent) Debugf(string, ...any) {}
