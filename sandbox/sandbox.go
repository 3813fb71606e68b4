// Package sandbox puts the dummy world together: look-alikes of SIMS ID and OneRoster
// services and an identity provider under one address, with an index page and controls to move time on.
//
// It is the outside world: it imports nothing of the connector, and everything that
// it shows is made up from a seed. It has no protection of its own beyond refusing
// requests from other web sites, so it belongs on the loopback interface.
package sandbox

import (
	"crypto/rsa"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	"simscim/sandbox/idp"
	"simscim/sandbox/oneroster"
	"simscim/sandbox/simsid"
	"simscim/sandbox/world"
)

// DefaultAddr is where the sandbox listens unless told otherwise.
const DefaultAddr = "127.0.0.1:8467"

// scimPath is where the identity provider serves SCIM.
const scimPath = "/scim/v2"

// rosterPath is where the OneRoster services stand.
const rosterPath = "/oneroster"

// Options choose a sandbox.
type Options struct {
	// Preset, Seed and Start make the world; see world.Options.
	Preset string
	Seed   uint64
	Start  time.Time
	// Now is the clock of tokens and limits; required.
	Now func() time.Time
	// BaseURL is where the sandbox will be reached; empty means DefaultAddr. Listen
	// sets it to where it really is.
	BaseURL string
	// TokenTTL, PerSecond and Key are the token service's; see simsid.Options.
	TokenTTL  time.Duration
	PerSecond float64
	Key       *rsa.PrivateKey
	// IDP is the identity provider to mount; without one an empty one is made of the
	// seed. Its base path is to be /scim/v2.
	IDP *idp.IDP
	// Personality is the kind of identity provider to make, one of Kinds, with its limits on
	// requests; empty is a well-behaved SCIM server, which there is also beside the kinds
	// that speak no SCIM. Those of SCIM servers are of no account beside IDP.
	Personality string
}

// Sandbox is the dummy world and its services. It is safe for concurrent use.
type Sandbox struct {
	world  *world.World
	simsid *simsid.Service
	roster *oneroster.Service
	idp    *idp.IDP
	// provider is nil if the identity provider is a SCIM server.
	provider provider
	kind     string
	handler  http.Handler

	mu   sync.RWMutex
	base string
}

// New makes a sandbox. Nothing listens yet.
func New(o Options) (*Sandbox, error) {
	if o.Now == nil {
		return nil, errors.New("new sandbox: it needs a clock")
	}
	own, err := newProvider(o)
	if err != nil {
		return nil, fmt.Errorf("new sandbox: %w", err)
	}
	if o.IDP == nil {
		personality := o.Personality
		if own != nil {
			personality = ""
		}
		o.IDP, err = idp.Open(idp.Options{BasePath: scimPath, Seed: o.Seed, Now: o.Now, Personality: personality, RateLimits: true})
		if err != nil {
			return nil, fmt.Errorf("new sandbox: %w", err)
		}
	}
	if at := o.IDP.BasePath(); at != scimPath {
		return nil, fmt.Errorf("new sandbox: the identity provider stands at %s, not at %s", at, scimPath)
	}
	w, err := world.New(world.Options{Preset: o.Preset, Seed: o.Seed, Start: o.Start})
	if err != nil {
		return nil, fmt.Errorf("new sandbox: %w", err)
	}
	sims, err := simsid.New(simsid.Options{World: w, Now: o.Now, TokenTTL: o.TokenTTL, PerSecond: o.PerSecond, Key: o.Key})
	if err != nil {
		return nil, fmt.Errorf("new sandbox: %w", err)
	}
	roster, err := oneroster.New(oneroster.Options{World: w, SIMS: sims, Now: o.Now, TokenTTL: o.TokenTTL})
	if err != nil {
		return nil, fmt.Errorf("new sandbox: %w", err)
	}
	s := &Sandbox{world: w, simsid: sims, roster: roster, idp: o.IDP, provider: own, kind: o.IDP.Personality(), base: strings.TrimSuffix(o.BaseURL, "/")}
	if own != nil {
		s.kind = o.Personality
	}
	if s.base == "" {
		s.base = "http://" + DefaultAddr
	}
	s.handler = s.routes()
	return s, nil
}

// routes mounts the services. The identity provider's page, which it has at its root,
// stands at /directory/.
func (s *Sandbox) routes() http.Handler {
	mux := http.NewServeMux()
	for prefix, h := range map[string]http.Handler{
		"/sts":          s.simsid.STS(),
		"/management":   s.simsid.Management(),
		"/provisioning": s.simsid.Provisioning(),
		rosterPath:      s.roster.Handler(),
		"/directory":    s.idp.Handler(),
	} {
		mux.Handle(prefix+"/", http.StripPrefix(prefix, h))
	}
	mux.Handle(scimPath+"/", s.idp.Handler())
	if s.provider != nil {
		for _, root := range s.provider.roots() {
			mux.Handle(root, s.provider.Handler())
		}
	}
	mux.HandleFunc("GET /{$}", s.index)
	s.control(mux)
	return mux
}

// Handler serves the whole sandbox.
func (s *Sandbox) Handler() http.Handler { return s.handler }

// World is what the services show; it can be moved on.
func (s *Sandbox) World() *world.World { return s.world }

// SIMSID are the SIMS ID services, for their faults and counters.
func (s *Sandbox) SIMSID() *simsid.Service { return s.simsid }

// OneRoster are the OneRoster services, for their deviations, faults and counters.
func (s *Sandbox) OneRoster() *oneroster.Service { return s.roster }

// IDP is the identity provider, for what has arrived there, its faults and counters.
func (s *Sandbox) IDP() *idp.IDP { return s.idp }

// BaseURL is where the sandbox is reached, without a slash at the end.
func (s *Sandbox) BaseURL() string {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.base
}
