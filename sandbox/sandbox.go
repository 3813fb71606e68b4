// Package sandbox puts the dummy world together: SIMS ID look-alikes and an identity
// provider under one address, with an index page and controls to move time on.
//
// It is the outside world: it imports nothing of the connector, and everything that
// it shows is made up from a seed. It has no protection of its own beyond refusing
// requests from other web sites, so it belongs on the loopback interface.
package sandbox

import (
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	"simscim/internal/secret"
	"simscim/sandbox/simsid"
	"simscim/sandbox/world"
)

// DefaultAddr is where the sandbox listens unless told otherwise.
const DefaultAddr = "127.0.0.1:8467"

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
	// IDP is the identity provider to mount at /scim/v2, with the bearer token that
	// it accepts. It sees paths such as /Users.
	IDP      http.Handler
	IDPToken secret.Value
}

// Sandbox is the dummy world and its services. It is safe for concurrent use.
type Sandbox struct {
	world   *world.World
	simsid  *simsid.Service
	idp     http.Handler
	token   secret.Value
	handler http.Handler

	mu   sync.RWMutex
	base string
}

// New makes a sandbox. Nothing listens yet.
func New(o Options) (*Sandbox, error) {
	if o.Now == nil || o.IDP == nil {
		return nil, errors.New("new sandbox: it needs a clock and an identity provider")
	}
	w, err := world.New(world.Options{Preset: o.Preset, Seed: o.Seed, Start: o.Start})
	if err != nil {
		return nil, fmt.Errorf("new sandbox: %w", err)
	}
	sims, err := simsid.New(simsid.Options{World: w, Now: o.Now, TokenTTL: o.TokenTTL, PerSecond: o.PerSecond, Key: o.Key})
	if err != nil {
		return nil, fmt.Errorf("new sandbox: %w", err)
	}
	s := &Sandbox{world: w, simsid: sims, idp: o.IDP, token: o.IDPToken, base: strings.TrimSuffix(o.BaseURL, "/")}
	if s.base == "" {
		s.base = "http://" + DefaultAddr
	}
	s.handler = s.routes()
	return s, nil
}

// IDPToken is the bearer token that goes with a seed, for whoever makes the identity
// provider to mount.
func IDPToken(seed uint64) secret.Value {
	sum := sha256.Sum256(fmt.Appendf(nil, "sandbox identity provider %d", seed))
	return secret.New(base64.RawURLEncoding.EncodeToString(sum[:24]))
}

// routes mounts the services. Paths are cleaned by nobody: a service sees its part of
// the path as it came.
func (s *Sandbox) routes() http.Handler {
	mux := http.NewServeMux()
	for prefix, h := range map[string]http.Handler{
		"/sts":          s.simsid.STS(),
		"/management":   s.simsid.Management(),
		"/provisioning": s.simsid.Provisioning(),
		"/scim/v2":      s.idp,
	} {
		mux.Handle(prefix+"/", http.StripPrefix(prefix, h))
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

// BaseURL is where the sandbox is reached, without a slash at the end.
func (s *Sandbox) BaseURL() string {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.base
}
