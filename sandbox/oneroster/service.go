// Package oneroster looks like two OneRoster services over one made-up world: SIMS ID's,
// where a school's token shows that school alone, and a district's, where OAuth 2 or
// OAuth 1.0a credentials show every school of the trust that consents. Both serve
// versions 1.1 and 1.2 of the rostering service at the same paths, and the same records
// are written as files (WriteCSV). Switches make it deviate from the standard in ways
// that real services do, and faults make single calls fail.
//
// It owns how OneRoster says what the world holds; it never changes the world. A
// person's sourcedId is their GUID in the provisioning API. Registration groups are
// classes of type homeroom, teaching groups are scheduled classes with a course of
// their subject, years are grades, houses are metadata of users. No answer holds data
// of a school that the caller may not see, unless a fault is told to claim so.
//
// What the provisioning API tells and OneRoster has no place for:
//   - the age band (only the grade, and a pupil's date of birth in demographics);
//   - the ids of year groups, and of houses unless these are classes;
//   - a school's phase, and the first day of its academic year apart from the sessions;
//   - the days on which a group begins and ends, but for those of its terms;
//   - the state on the roll: 1.1 has the begin of enrolments for pupils who are still to
//     come, enabledUser for staff who are, and the status for leavers; 1.2 has the dates
//     of roles; files in bulk mode have no leavers;
//   - the first and last day on the roll in 1.1;
//   - preferred names in 1.1;
//   - that two records are one human's, in 1.1 (userMasterIdentifier in 1.2).
//
// The versions differ in one word: staff of the office are administrator in 1.1 and
// siteAdministrator in 1.2, which has no other administrator of a school.
//
// And what only OneRoster tells: a user name, which 1.1 demands and the world has not.
// It is the e-mail address there, and the id of people who have none.
package oneroster

import (
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
	"golang.org/x/time/rate"

	"simscim/internal/secret"
	"simscim/sandbox/simsid"
	"simscim/sandbox/world"
)

// DefaultTokenTTL is how long a district's token lives unless told otherwise.
const DefaultTokenTTL = time.Hour

// The paths of the two versions, below where the service is mounted.
const (
	Path11 = "/ims/oneroster/v1p1"
	Path12 = "/ims/oneroster/rostering/v1p2"
)

// coolDownRate is how many lists a second the switch cool-down allows.
const coolDownRate = 5

// Options of a Service.
type Options struct {
	// World to show; required.
	World *world.World
	// SIMS checks the tokens of schools; without it there is the district's access only.
	SIMS *simsid.Service
	// Now is the clock of tokens and limits; required. What changes is dated by it or by
	// the world's clock, whichever is ahead.
	Now func() time.Time
	// TokenTTL is how long a district's token lives; 0 means DefaultTokenTTL.
	TokenTTL time.Duration
}

// Service is both look-alikes. It is safe for concurrent use.
type Service struct {
	world    *world.World
	sims     *simsid.Service
	now      func() time.Time
	ttl      time.Duration
	faults   *simsid.Faults
	district District
	key      [32]byte
	nonces   nonces
	limiter  *rate.Limiter

	generation atomic.Int64
	issued     atomic.Int64
	requests   atomic.Int64

	mu   sync.Mutex
	on   switches
	hist *history
	// views are the schools as they were when the world last moved.
	views map[uuid.UUID]*school
	found results
}

// District is the access to all schools at once.
type District struct {
	ID uuid.UUID
	// ClientID and ClientSecret are for OAuth 2 client credentials, and the consumer key
	// and secret of OAuth 1.0a.
	ClientID     string
	ClientSecret secret.Value
}

// New makes a Service.
func New(o Options) (*Service, error) {
	if o.World == nil || o.Now == nil {
		return nil, errors.New("new OneRoster look-alike: it needs a world and a clock")
	}
	if o.TokenTTL < 0 {
		return nil, errors.New("new OneRoster look-alike: the token lifetime cannot be negative")
	}
	s := &Service{
		world: o.World, sims: o.SIMS, now: o.Now, ttl: o.TokenTTL, faults: simsid.NewFaults(FaultKinds()...),
		limiter: rate.NewLimiter(coolDownRate, coolDownRate), on: switches{}, hist: newHistory(), views: map[uuid.UUID]*school{},
	}
	if s.ttl == 0 {
		s.ttl = DefaultTokenTTL
	}
	// All secrets come from the seed, so that a configuration fits the sandbox again.
	pass := s.derive("district secret")
	s.key = s.derive("token key")
	s.district = District{
		ID: districtID(o.World), ClientID: "district-" + districtID(o.World).String()[:8],
		ClientSecret: secret.New(base64.RawURLEncoding.EncodeToString(pass[:])),
	}
	s.hist.see(o.World.Rolls(), o.World.Now(), o.Now())
	return s, nil
}

func (s *Service) derive(label string) [32]byte {
	return sha256.Sum256(fmt.Appendf(nil, "oneroster %d %s %s", s.world.Seed(), s.world.Preset(), label))
}

// District is the access to all schools.
func (s *Service) District() District { return s.district }

// Faults make single calls fail.
func (s *Service) Faults() *simsid.Faults { return s.faults }

// Deviate switches on the deviations given and all others off: see Switches. One takes
// a value, as in limit-cap=25.
func (s *Service) Deviate(names ...string) error {
	on, err := parse(names)
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.on, s.found = on, results{}
	clear(s.views)
	return nil
}

// Deviations are the switches that are on.
func (s *Service) Deviations() []string { return s.switches().names() }

// switches are those that are on. The set is never changed.
func (s *Service) switches() switches {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.on
}

// ExpireTokens makes every token of the district that was issued so far invalid, and
// those of the schools too.
func (s *Service) ExpireTokens() {
	s.generation.Add(1)
	if s.sims != nil {
		s.sims.ExpireTokens()
	}
}

// Requests counts the calls answered so far.
func (s *Service) Requests() int64 { return s.requests.Load() }

// trust is what a caller may see, as the world is now. A school's id picks that school.
func (s *Service) trust(v Version, one uuid.UUID) *trust {
	s.mu.Lock()
	defer s.mu.Unlock()
	now, rolls := s.world.Now(), s.world.Rolls()
	s.hist.see(rolls, now, s.now())
	var schools []*school
	for _, r := range rolls {
		if one != uuid.Nil && r.Site.ID != one || r.Site.Authorised != world.Authorised {
			continue
		}
		view := s.views[r.Site.ID]
		if view == nil || view.roll != r || view.day != world.DateOf(now) {
			view = newSchool(r, world.DateOf(now), s.on, s.hist)
			s.views[r.Site.ID] = view
		}
		schools = append(schools, view)
	}
	return newTrust(s.world, v, schools, one == uuid.Nil, s.on, world.DateOf(now))
}

// results keeps the outcome of filters and sorts, as each page of a list asks for the
// same again.
type results struct {
	schools []*school
	lists   map[string][]*record
}

// maxResults bounds how many lists are kept.
const maxResults = 32

// recall returns the list of an earlier call, if the schools are as they were then.
func (s *Service) recall(t *trust, key string) ([]*record, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !slices.Equal(s.found.schools, t.schools) {
		return nil, false
	}
	found, ok := s.found.lists[key]
	return found, ok
}

func (s *Service) remember(t *trust, key string, found []*record) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !slices.Equal(s.found.schools, t.schools) || len(s.found.lists) >= maxResults || s.found.lists == nil {
		s.found = results{slices.Clone(t.schools), map[string][]*record{}}
	}
	s.found.lists[key] = found
}

// Handler serves the service and its page.
func (s *Service) Handler() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.requests.Add(1)
		f := s.faults.Match("/oneroster" + r.URL.Path)
		if f != nil && s.answer(f, w, r) {
			return
		}
		s.route(w, r, f)
	})
}
