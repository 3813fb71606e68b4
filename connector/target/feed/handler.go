package feed

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"simscim/scim"
	"simscim/scim/server"
)

const (
	// minToken is the shortest token in bytes: 128 bits, if it is random.
	minToken = 16
	// maxQuery and maxBody bound a request. A filter alone is bounded at 4 KiB. Whoever may
	// write sends groups, with members of a whole school.
	maxQuery         = 16 << 10
	maxBody          = 64 << 10
	maxBodyToWrite   = 4 << 20
	maxAuthorization = 4 << 10
	// One address may fail to sign in so often at once, and then once in failEvery. Of so
	// many addresses the failures are remembered.
	maxFailures  = 10
	failEvery    = 3 * time.Second
	maxAddresses = 4096
)

// Handler serves the feed to everybody with a token, below the base path.
func (f *Feed) Handler() (http.Handler, error) {
	o := f.options
	switch {
	case len(o.Tokens) == 0:
		return nil, fmt.Errorf("feed %s: it cannot be served without a token", o.Name)
	case o.BasePath != "" && !strings.HasPrefix(o.BasePath, "/"), strings.Contains(o.BasePath, "_"):
		return nil, fmt.Errorf("feed %s: the path must begin with / and have no underscore in it, which Okta does not take", o.Name)
	}
	g := &gate{caller: proxies(o.Proxies).caller, now: o.Now, failures: map[string]*rate.Limiter{}}
	for _, token := range o.Tokens {
		if len(token.Reveal()) < minToken {
			return nil, fmt.Errorf("feed %s: a token must have at least %d characters", o.Name, minToken)
		}
		g.tokens = append(g.tokens, sha256.Sum256([]byte(token.Reveal())))
	}
	limit := int64(maxBody)
	if o.Writable {
		limit = maxBodyToWrite
	}
	var err error
	g.next, err = server.New(provider{f}, server.Options{
		BasePath: o.BasePath, BaseURL: o.BaseURL,
		Authenticate: func(r *http.Request) bool { return readerOf(r.Context()) > 0 },
		ReadOnly:     !o.Writable, MaxBody: limit, FreeExtensions: true,
		Now: o.Now, NewID: o.NewID, Report: o.Report,
	})
	if err != nil {
		return nil, fmt.Errorf("feed %s: %w", o.Name, err)
	}
	return g, nil
}

// readerKey is under which a request says whose token it has, counted from 1.
type readerKey struct{}

func readerOf(ctx context.Context) int {
	reader, _ := ctx.Value(readerKey{}).(int)
	return reader
}

// gate lets in who has a token. An address from which too many others have come waits,
// whatever it brings: else a guess would still be tried.
type gate struct {
	tokens [][sha256.Size]byte
	caller func(*http.Request) string
	now    func() time.Time
	next   http.Handler

	mu       sync.Mutex
	failures map[string]*rate.Limiter
}

// ServeHTTP answers one request.
func (g *gate) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if len(r.URL.RawQuery) > maxQuery {
		server.WriteError(w, &scim.Error{Status: http.StatusRequestURITooLong, Detail: "the query string is too long"})
		return
	}
	from, now := g.caller(r), g.now()
	if g.waits(from, now) {
		server.WriteError(w, &scim.Error{
			Status: http.StatusTooManyRequests, RetryAfter: failEvery, Detail: "too many requests without a valid credential came from this address",
		})
		return
	}
	reader := g.reader(r.Header.Get("Authorization"))
	if reader == 0 {
		g.failed(from, now) // the server refuses it in its own words
	}
	g.next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), readerKey{}, reader)))
}

// reader tells whose token it is, 0 for nobody's. It looks at every token, so that the
// time taken does not tell which one was nearly right.
func (g *gate) reader(header string) (reader int) {
	scheme, token, _ := strings.Cut(header, " ")
	if !strings.EqualFold(scheme, "Bearer") || len(token) > maxAuthorization {
		return 0
	}
	sum := sha256.Sum256([]byte(strings.TrimSpace(token)))
	for i := range g.tokens {
		reader = subtle.ConstantTimeSelect(subtle.ConstantTimeCompare(sum[:], g.tokens[i][:]), i+1, reader)
	}
	return reader
}

func (g *gate) waits(from string, now time.Time) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	l, ok := g.failures[from]
	return ok && l.TokensAt(now) < 1
}

func (g *gate) failed(from string, now time.Time) {
	g.mu.Lock()
	defer g.mu.Unlock()
	l, ok := g.failures[from]
	if !ok {
		if len(g.failures) >= maxAddresses {
			g.forget(now)
		}
		l = rate.NewLimiter(rate.Every(failEvery), maxFailures)
		g.failures[from] = l
	}
	l.AllowN(now, 1)
}

// forget makes room: of those who have waited long enough nothing need be known, and if
// there are none, somebody is lucky.
func (g *gate) forget(now time.Time) {
	for from, l := range g.failures {
		if l.TokensAt(now) >= maxFailures {
			delete(g.failures, from)
		}
	}
	for from := range g.failures {
		if len(g.failures) < maxAddresses {
			return
		}
		delete(g.failures, from)
	}
}
