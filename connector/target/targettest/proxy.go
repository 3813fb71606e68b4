package targettest

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"simscim/scim"
)

// Proxy stands between a target and its server and does what networks and servers do
// now and then. It works with any server, so every server meets the same faults.
type Proxy struct {
	// URL takes the place of the server's.
	URL string

	upstream string
	client   *http.Client

	mu     sync.Mutex
	faults []*Fault
	calls  []Call
	now    int
	peak   int
}

// Fault is something that goes wrong with the calls that match.
type Fault struct {
	// Method, Path and Body select calls: the method, and parts of path and body.
	// Empty ones match anything.
	Method, Path, Body string
	// Times is how often it happens; 0 is always.
	Times int

	// Delay holds the call up before anything else.
	Delay time.Duration
	// Deliver passes the call on to the server all the same, and throws its answer away.
	Deliver bool
	// Cut ends the connection without an answer.
	Cut bool
	// Status, Header and Answer are answered in place of the server. In Answer, %s
	// stands for the body of the call, as the inside of a JSON string.
	Status int
	Header map[string]string
	Answer string
}

// Call is one call that came by. Query is as it stood in the URL.
type Call struct {
	Method, Path, Query, Body string
	Header                    http.Header
}

// NewProxy starts a proxy in front of upstream, a base URL.
func NewProxy(t testing.TB, upstream string) *Proxy {
	t.Helper()
	p := &Proxy{upstream: strings.TrimRight(upstream, "/"), client: &http.Client{
		Transport:     &http.Transport{MaxIdleConnsPerHost: 64},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
	server := httptest.NewServer(p)
	p.URL = server.URL
	t.Cleanup(func() {
		server.CloseClientConnections()
		server.Close()
		p.client.CloseIdleConnections()
	})
	return p
}

// Inject arranges a fault.
func (p *Proxy) Inject(f Fault) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.faults = append(p.faults, &f)
}

// Mend takes all faults away.
func (p *Proxy) Mend() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.faults = nil
}

// Calls returns the calls so far.
func (p *Proxy) Calls() []Call {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.calls)
}

// Writes counts the calls so far that may change something.
func (p *Proxy) Writes() int {
	n := 0
	for _, c := range p.Calls() {
		if c.Method != http.MethodGet {
			n++
		}
	}
	return n
}

// Peak is the most calls that were under way at once.
func (p *Proxy) Peak() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.peak
}

// ServeHTTP passes a call on, or does what a fault says.
func (p *Proxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	fault := p.enter(Call{r.Method, r.URL.Path, r.URL.RawQuery, string(body), r.Header.Clone()})
	defer p.leave()
	if fault == nil {
		p.forward(w, r, body)
		return
	}
	select {
	case <-time.After(fault.Delay):
	case <-r.Context().Done():
		return
	}
	if fault.Deliver {
		p.forward(httptest.NewRecorder(), r, body)
	}
	switch {
	case fault.Cut:
		if conn, _, err := http.NewResponseController(w).Hijack(); err == nil {
			_ = conn.Close()
		}
	case fault.Status != 0:
		for name, value := range fault.Header {
			w.Header().Set(name, value)
		}
		w.WriteHeader(fault.Status)
		quoted := scim.Quote(string(body))
		_, _ = fmt.Fprint(w, strings.ReplaceAll(fault.Answer, "%s", quoted[1:len(quoted)-1]))
	default:
		p.forward(w, r, body)
	}
}

func (p *Proxy) enter(c Call) *Fault {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.calls = append(p.calls, c)
	p.now++
	p.peak = max(p.peak, p.now)
	for i, f := range p.faults {
		if f.Method != "" && f.Method != c.Method || !strings.Contains(c.Path, f.Path) || !strings.Contains(c.Body, f.Body) {
			continue
		}
		if f.Times > 0 {
			if f.Times--; f.Times == 0 {
				p.faults = slices.Delete(p.faults, i, i+1)
			}
		}
		return f
	}
	return nil
}

func (p *Proxy) leave() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.now--
}

func (p *Proxy) forward(w http.ResponseWriter, r *http.Request, body []byte) {
	// What has been delivered is delivered, even when the caller goes away.
	ctx := context.WithoutCancel(r.Context())
	out, err := http.NewRequestWithContext(ctx, r.Method, p.upstream+r.URL.RequestURI(), bytes.NewReader(body))
	if err != nil {
		w.WriteHeader(http.StatusBadGateway)
		return
	}
	out.Header = r.Header.Clone()
	resp, err := p.client.Do(out)
	if err != nil {
		w.WriteHeader(http.StatusBadGateway)
		return
	}
	defer resp.Body.Close()
	maps.Copy(w.Header(), resp.Header)
	w.WriteHeader(resp.StatusCode)
	_, _ = io.Copy(w, resp.Body)
}
