// Package idp is the sandbox's identity provider: a SCIM 2.0 service provider in
// memory, with a page to look at what has arrived and switches for misbehaviour.
// Everything in it is made up, and everything it does follows from its seed, its clock
// and the requests: the same requests get the same ids and the same answers.
//
// It is the outside world. It knows SCIM and nothing of simscim's engine, so that what
// a test reads back here has really travelled.
package idp

import (
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
	// PageMax is the most resources a page holds, 200 if it is zero.
	PageMax int
	// MaxBody is the longest body in bytes, 4 MiB if it is zero.
	MaxBody int64
	// NoContent answers PATCH with 204.
	NoContent bool
	// UniqueExternalID refuses a second user or group with the same externalId.
	UniqueExternalID bool
}

// IDP is one identity provider. Its methods are safe for concurrent use.
type IDP struct {
	options Options
	token   string
	store   *memstore.Store
	scim    http.Handler
	ids     atomic.Uint64
	counts  counters

	mu     sync.Mutex
	faults Faults
}

// New makes an empty identity provider.
func New(o Options) *IDP {
	if o.BasePath == "" {
		o.BasePath = "/scim/v2"
	}
	o.BasePath = "/" + strings.Trim(o.BasePath, "/")
	if o.Now == nil {
		o.Now = func() time.Time { return time.Date(2026, 9, 1, 0, 0, 0, 0, time.UTC) }
	}
	p := &IDP{options: o, store: memstore.New(memstore.Options{UniqueExternalID: o.UniqueExternalID, Now: o.Now})}
	sum := sha256.Sum256(fmt.Appendf(nil, "sandbox token %d", o.Seed))
	p.token = "sandbox-" + hex.EncodeToString(sum[:12])
	handler, err := server.New(p.store, server.Options{
		BasePath: o.BasePath, Tokens: []secret.Value{secret.New(p.token)},
		PageMax: o.PageMax, MaxBody: o.MaxBody, NoContent: o.NoContent, FreeExtensions: true,
		Now: o.Now, NewID: p.newID,
	})
	if err != nil { // only options that are not ours to give can be wrong
		panic(err)
	}
	p.scim = handler
	return p
}

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
