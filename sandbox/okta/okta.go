// Package okta looks like Okta from outside, in both directions. An Org is what a
// client of the Identity Sources API talks to; an Importer is Okta as a client, which
// imports from somebody's SCIM server.
//
// Documented by Okta, and kept to: the paths, bodies and limits of sessions, loads and
// single records; the states of a session, the five-minute rule, one import after
// another, the end of an idle session; that ids nobody has are ignored in silence, that
// a load of nothing else leaves a session CREATED, and that a user is deactivated, not
// deleted; the form of errors; the headers of rate limits; signing in with an SSWS
// token or with private_key_jwt. Of the importer: its requests, their order and headers,
// the attributes it needs, the safeguard, and that imported groups are APP_GROUPs.
//
// Inferred, as no document says it: that the five minutes run also when the import is
// done before; that attributes left out of an upsert stay and null clears them; that a
// user who was deleted cannot be read back, stays in groups, and is active again by an
// upsert; that members must be known when the import runs; which records fail in an
// import (Org.Snapshot tells them, as Okta's System Log would); that an import which ends
// in ERROR has changed nothing; that single records change at once; that the scope to
// manage does not let read; that too many bytes, loads or entities are 400 and an unknown
// session is 404; 200 memberships on a page; 600 requests a minute.
//
// It is the outside world: it knows SCIM and nothing of simscim's engine. All in it
// follows from its seed, its clock and the requests. Errors never repeat a value that
// was sent.
package okta

import (
	"cmp"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"time"
)

// The scopes of the Identity Sources API.
const (
	ScopeManage = "okta.identitySources.manage"
	ScopeRead   = "okta.identitySources.read"
)

// Limits of the API.
const (
	// NewSessionAfter is how long after a session was triggered the next may be made.
	NewSessionAfter = 5 * time.Minute
	// IdleLimit is how long a session that was not triggered lives without requests.
	IdleLimit = 24 * time.Hour
	// MaxLoads is how many bulk requests a session takes, MaxEntities how many entities
	// one of them and MaxLoadBytes how many bytes.
	MaxLoads     = 50
	MaxEntities  = 200
	MaxLoadBytes = 200_000
)

// Options describe the organisation. The zero Options have one identity source and
// take an SSWS token only.
type Options struct {
	// Seed decides ids and tokens.
	Seed uint64
	// Now is the clock of everything. Without one time stands still.
	Now func() time.Time
	// Sources are the ids of the identity sources, one of a made-up id if empty.
	Sources []string
	// ClientID and Key are of the service app that signs in with private_key_jwt; without
	// a Key there is none. Scopes are what it was granted, both if nil.
	ClientID string
	Key      *rsa.PublicKey
	Scopes   []string
	// TokenTTL is how long an access token lives, an hour if zero.
	TokenTTL time.Duration
	// ImportTakes is how long the import of a session takes, NewSessionAfter how long after
	// it was triggered the next may be made: the documented time if zero.
	ImportTakes, NewSessionAfter time.Duration
	// PerMinute is the rate limit of the API, 600 if zero.
	PerMinute int
}

// Org is one Okta organisation. Its methods are safe for concurrent use.
type Org struct {
	options Options
	token   string
	handler http.Handler

	mu      sync.Mutex
	faults  Faults
	counts  Requests
	serial  uint64
	sources map[string]*source
	// names are the users of all sources by user name, folded.
	names map[string]*user
	// access are the access tokens that were issued, assertions the jti's that were used,
	// until they end anyway.
	access     map[string]grant
	assertions map[string]time.Time
	window     window
}

// New makes an organisation without users.
func New(o Options) *Org {
	if o.Now == nil {
		o.Now = func() time.Time { return time.Date(2026, 9, 1, 0, 0, 0, 0, time.UTC) }
	}
	o.ClientID = cmp.Or(o.ClientID, "0oasandboxserviceapp")
	o.TokenTTL = cmp.Or(o.TokenTTL, time.Hour)
	o.PerMinute = cmp.Or(o.PerMinute, 600)
	o.NewSessionAfter = cmp.Or(o.NewSessionAfter, NewSessionAfter)
	if len(o.Sources) == 0 {
		o.Sources = []string{"0oasandboxidentities"}
	}
	if o.Scopes == nil {
		o.Scopes = []string{ScopeManage, ScopeRead}
	}
	org := &Org{options: o, sources: map[string]*source{}, names: map[string]*user{}, access: map[string]grant{}, assertions: map[string]time.Time{}}
	for _, id := range o.Sources {
		org.sources[id] = newSource(org, id)
	}
	org.token = "00" + org.derive("SSWS token")
	org.handler = org.routes()
	return org
}

// Token is the SSWS token that the API accepts.
func (o *Org) Token() string { return o.token }

// ClientID is the service app's.
func (o *Org) ClientID() string { return o.options.ClientID }

// Sources are the ids of the identity sources.
func (o *Org) Sources() []string { return slices.Clone(o.options.Sources) }

// Handler serves the token endpoint and the Identity Sources API.
func (o *Org) Handler() http.Handler { return o.handler }

// newID makes the next id, in the form of Okta's: 20 characters, the first three of
// which tell what it is of.
func (o *Org) newID(prefix string) string {
	o.serial++
	return prefix + o.derive(fmt.Sprintf("id %d", o.serial))[:17]
}

func (o *Org) derive(label string) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "okta %d %s", o.options.Seed, label))
	return hex.EncodeToString(sum[:20])
}
