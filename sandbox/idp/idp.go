// Package idp is the sandbox's identity provider: a SCIM 2.0 service provider in
// memory, with a page to look at what has arrived and switches for misbehaviour.
// Everything in it is made up, and everything it does follows from its seed, its clock
// and the requests: the same requests get the same ids and the same answers.
//
// It can be many kinds of server: a personality stands between the requests and the
// service provider, refuses what that kind refuses and bends the answers as it does.
// None of them was compared with the vendor's own service, only with its documents.
//
// It is the outside world. It knows SCIM and nothing of simscim's engine, so that what
// a test reads back here has really travelled.
package idp

import (
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"simscim/internal/secret"
	"simscim/scim"
	"simscim/scim/server"
	"simscim/scim/server/memstore"
)

// Options describe the identity provider. The zero Options are an RFC-abiding one.
type Options struct {
	// BasePath is where SCIM is served, "/scim/v2" if it is empty.
	BasePath string
	// Seed decides ids and the token.
	Seed uint64
	// Now is the clock, for meta and for Retry-After. Without one time stands still.
	Now func() time.Time
	// Personality is the kind of server to be, one of Personalities; empty is Generic.
	Personality string
	// RateLimits keeps the personality's limits on requests, by the clock of Now. Rates
	// are further limits, which need no RateLimits.
	RateLimits bool
	Rates      []Rate
	// PageMax is the most resources a page holds and MaxBody the longest body in bytes.
	// Zero is what the personality says, or else 200 and 4 MiB.
	PageMax int
	MaxBody int64
	// NoContent answers PATCH with 204.
	NoContent bool
	// UniqueExternalID refuses a second user or group with the same externalId.
	UniqueExternalID bool
}

// IDP is one identity provider. Its methods are safe for concurrent use.
type IDP struct {
	options Options
	as      personality
	token   string
	store   *memstore.Store
	scim    http.Handler
	ids     atomic.Uint64
	counts  counters
	budgets []*budget

	mu     sync.Mutex
	faults Faults
}

// New is Open for options that are constants of the program; it panics if Open fails.
func New(o Options) *IDP {
	p, err := Open(o)
	if err != nil {
		panic(err)
	}
	return p
}

// Open makes an empty identity provider. It fails if there is no such personality.
func Open(o Options) (*IDP, error) {
	as, ok := personalities()[cmp.Or(o.Personality, Generic)]
	if !ok {
		return nil, fmt.Errorf("open the identity provider: there is no personality %q, only %s", o.Personality, strings.Join(Personalities(), ", "))
	}
	o.Personality = cmp.Or(o.Personality, Generic)
	o.BasePath = "/" + strings.Trim(cmp.Or(o.BasePath, "/scim/v2"), "/")
	if o.Now == nil {
		o.Now = func() time.Time { return time.Date(2026, 9, 1, 0, 0, 0, 0, time.UTC) }
	}
	p := &IDP{options: o, as: as, store: memstore.New(memstore.Options{UniqueExternalID: o.UniqueExternalID, Now: o.Now})}
	sum := sha256.Sum256(fmt.Appendf(nil, "sandbox token %d", o.Seed))
	p.token = "sandbox-" + hex.EncodeToString(sum[:12])
	p.budgets = o.budgets(as)
	so := as.server
	so.BasePath, so.Tokens, so.FreeExtensions, so.Now, so.NewID = o.BasePath, []secret.Value{secret.New(p.token)}, true, o.Now, p.newID
	so.PageMax, so.MaxBody = cmp.Or(o.PageMax, so.PageMax), cmp.Or(o.MaxBody, so.MaxBody)
	so.NoContent = so.NoContent || o.NoContent
	so.Bulk.Via = http.HandlerFunc(p.gate)
	var err error
	p.scim, err = server.New(p.store, so)
	if err != nil {
		return nil, fmt.Errorf("open the identity provider: %w", err)
	}
	return p, nil
}

// Personality is the kind of server that it is.
func (p *IDP) Personality() string { return p.options.Personality }

// Token is the bearer token that the SCIM service accepts.
func (p *IDP) Token() string { return p.token }

// BasePath is where SCIM is served below the handler's root.
func (p *IDP) BasePath() string { return p.options.BasePath }

// Handler serves SCIM below BasePath, with the faults that are set, and the page at "/".
func (p *IDP) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.Handle(p.options.BasePath+"/", http.HandlerFunc(p.serveSCIM))
	mux.HandleFunc("GET /{$}", p.servePage)
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) {
		server.WriteError(w, &scim.Error{Status: http.StatusNotFound, Detail: "SCIM is served below " + p.options.BasePath})
	})
	return mux
}

// newID makes the next id. It has the form of a UUID, as those of real services do.
func (p *IDP) newID() string {
	b := binary.BigEndian.AppendUint64(nil, p.options.Seed)
	sum := sha256.Sum256(binary.BigEndian.AppendUint64(b, p.ids.Add(1)))
	sum[6], sum[8] = sum[6]&0x0f|0x40, sum[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", sum[:4], sum[4:6], sum[6:8], sum[8:10], sum[10:16])
}
