// Package simsid looks like SIMS ID from outside: the token service (STS), vendor
// management and the provisioning API, served over a made-up world.
//
// It owns what these services answer, faults on demand included; it never changes
// the world. What the vendor documents publicly it follows; the paths and bodies of
// vendor management and of the provisioning API are a proposal of ours, as the
// vendor's are not public. No answer holds data of another organisation than the
// token's, unless a fault is told to do just that.
package simsid

import (
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
	"golang.org/x/time/rate"

	"simscim/internal/secret"
	"simscim/sandbox/world"
)

// The scopes of the two kinds of client.
const (
	SchoolScope = "partner organisation onerosterapi rapapi"
	VendorScope = "rapapi partner partner-read partner-write"
)

// DefaultTokenTTL is how long a token lives unless told otherwise.
const DefaultTokenTTL = time.Hour

// Options of a Service.
type Options struct {
	// World to show; required.
	World *world.World
	// Now is the clock of tokens and rate limits; required. It is not the world's
	// clock, which jumps by days: clients renew tokens by real time.
	Now func() time.Time
	// TokenTTL is how long a token lives; 0 means DefaultTokenTTL.
	TokenTTL time.Duration
	// PerSecond limits the calls of the whole integrator, all schools together, as the
	// vendor does (5); 0 is no limit.
	PerSecond float64
	// Key signs the tokens; without it one is made.
	Key *rsa.PrivateKey
}

// Service is the whole of the look-alike. It is safe for concurrent use.
type Service struct {
	world   *world.World
	now     func() time.Time
	ttl     time.Duration
	signer  *signer
	limiter *rate.Limiter
	faults  *Faults
	vendor  Vendor
	// clients are all schools' by client id. Schools do not come or go.
	clients    map[string]*client
	generation atomic.Int64
	requests   atomic.Int64
}

// Vendor is the technical integrator's own access.
type Vendor struct {
	Application, Organisation uuid.UUID
	ClientID                  string
	ClientSecret              secret.Value
}

// Application and VendorOrganisation are the same in every sandbox, so that the
// configuration that "simscim init" writes fits all of them.
func Application() uuid.UUID { return uuid.MustParse("00000000-0000-4000-8000-000000000001") }

// VendorOrganisation is the organisation of the technical integrator.
func VendorOrganisation() uuid.UUID { return uuid.MustParse("00000000-0000-4000-8000-000000000002") }

// School is one school's client.
type School struct {
	Organisation uuid.UUID
	ClientID     string
	ClientSecret secret.Value
}

type client struct {
	id, secret   string
	organisation uuid.UUID
	scopes       []string
	vendor       bool
}

// New makes a Service.
func New(o Options) (*Service, error) {
	if o.World == nil || o.Now == nil {
		return nil, errors.New("new SIMS ID look-alike: it needs a world and a clock")
	}
	if o.TokenTTL < 0 || o.PerSecond < 0 {
		return nil, errors.New("new SIMS ID look-alike: the token lifetime and the rate limit cannot be negative")
	}
	sig, err := newSigner(o.Key)
	if err != nil {
		return nil, fmt.Errorf("new SIMS ID look-alike: %w", err)
	}
	s := &Service{
		world: o.World, now: o.Now, ttl: o.TokenTTL, signer: sig, faults: NewFaults(FaultKinds()...),
		clients: map[string]*client{},
	}
	if s.ttl == 0 {
		s.ttl = DefaultTokenTTL
	}
	if o.PerSecond > 0 {
		s.limiter = rate.NewLimiter(rate.Limit(o.PerSecond), max(1, int(o.PerSecond)))
	}
	s.issueClients()
	return s, nil
}

// issueClients derives all ids and secrets from the world's seed.
func (s *Service) issueClients() {
	guid := func(label string) (id uuid.UUID) {
		sum := s.derive(label)
		copy(id[:], sum[:])
		id[6], id[8] = id[6]&0x0f|0x40, id[8]&0x3f|0x80
		return id
	}
	pass := func(label string) string {
		sum := s.derive(label)
		return base64.RawURLEncoding.EncodeToString(sum[:])
	}
	v := &client{
		id: "vm-" + guid("vendor client").String(), secret: pass("vendor secret"),
		organisation: VendorOrganisation(), scopes: strings.Fields(VendorScope), vendor: true,
	}
	s.clients[v.id] = v
	s.vendor = Vendor{
		Application: Application(), Organisation: v.organisation,
		ClientID: v.id, ClientSecret: secret.New(v.secret),
	}
	for _, site := range s.world.Sites() {
		c := &client{
			id: "sas-simscim-" + guid("client "+site.ID.String()).String(), secret: pass("secret " + site.ID.String()),
			organisation: site.ID, scopes: strings.Fields(SchoolScope),
		}
		s.clients[c.id] = c
	}
}

func (s *Service) derive(label string) [32]byte {
	return sha256.Sum256(fmt.Appendf(nil, "simsid %d %s %s", s.world.Seed(), s.world.Preset(), label))
}

// Vendor is the technical integrator's access.
func (s *Service) Vendor() Vendor { return s.vendor }

// Schools are all schools' clients, in the order of the world's schools.
func (s *Service) Schools() []School {
	var out []School
	for _, site := range s.world.Sites() {
		c := s.clientOf(site.ID)
		out = append(out, School{Organisation: site.ID, ClientID: c.id, ClientSecret: secret.New(c.secret)})
	}
	return out
}

func (s *Service) clientOf(site uuid.UUID) *client {
	for _, c := range s.clients {
		if c.organisation == site {
			return c
		}
	}
	return nil
}

// Faults are the switches that make the service misbehave.
func (s *Service) Faults() *Faults { return s.faults }

// ExpireTokens makes every token that was issued so far invalid.
func (s *Service) ExpireTokens() { s.generation.Add(1) }

// Requests counts the calls answered so far.
func (s *Service) Requests() int64 { return s.requests.Load() }

// route answers one path. Handlers check the method themselves, so that a wrong one
// is answered as JSON.
type route struct {
	pattern string
	method  string
	handle  func(*Service, http.ResponseWriter, *http.Request)
}

// handler is the mux of one service, with counting and faults around it. name is the
// first segment of the paths that faults match.
func (s *Service) handler(name string, routes ...route) http.Handler {
	mux := http.NewServeMux()
	for _, rt := range routes {
		mux.HandleFunc(rt.pattern, func(w http.ResponseWriter, r *http.Request) {
			if r.Method != rt.method && (rt.method != http.MethodGet || r.Method != http.MethodHead) {
				w.Header().Set("Allow", rt.method)
				fail(w, http.StatusMethodNotAllowed, "this path takes "+rt.method+" only")
				return
			}
			rt.handle(s, w, r)
		})
	}
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) { fail(w, http.StatusNotFound, "there is nothing here") })
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.requests.Add(1)
		f := s.faults.Match("/" + name + r.URL.Path)
		if f != nil && f.answer(w, r, s.now()) {
			return
		}
		mux.ServeHTTP(w, r.WithContext(withFault(r.Context(), f)))
	})
}

// base is the URL under which the service was called, up to where it is mounted.
func base(r *http.Request) string {
	scheme := "http"
	if r.TLS != nil {
		scheme = "https"
	}
	return scheme + "://" + r.Host + mount(r)
}

// mount is the prefix of the path that was stripped before the request came here.
func mount(r *http.Request) string {
	whole, _, _ := strings.Cut(r.RequestURI, "?")
	prefix, ok := strings.CutSuffix(whole, r.URL.EscapedPath())
	if !ok || !strings.HasPrefix(prefix, "/") {
		return ""
	}
	return prefix
}
