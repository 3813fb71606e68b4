// Package entra is a look-alike of Microsoft Entra ID in memory, as far as a connector
// that pushes accounts and groups meets it: sign-in of applications, API-driven inbound
// provisioning with its log, and users, groups and classes in Microsoft Graph. All of it
// stands under one host. Everything follows from the seed, the clock and the requests;
// nothing happens in the background: what is due is done when the next request comes.
//
// Documented by Microsoft, and kept to as far as the documents say: the paths, methods,
// permissions and headers; the bulk request of at most 50 operations, 202 without a
// body, 40 calls in 5 seconds and a limit per 24 hours; staging, matching of externalId
// with employeeId, user names that nobody makes unique, 202 from a paused job, the log's
// delay, form and filters, and its 5 calls in 10 seconds; quarantine that ends with a
// restart, which throws away what was staged; upsert by uniqueName, at most 20 members
// in a request and all of them or none, the path that deletes the member itself, batches
// of 20, delta links, resource units and their headers; employeeId of 16 characters.
//
// Inferred, for want of a document: the texts and most codes of errors; that limits on
// uploads are per tenant, slide, and do not count what they refuse; that attributes left
// out of an operation keep their values and null or an empty one clears them; that a
// manager who arrives late is an entry of its own in the log; that a record which
// changes nothing is logged as skipped; that a quarantined job stages without
// processing; page sizes; that the log begins with what is newest. Failed records
// are not tried again by themselves, and no accidental-deletion threshold is kept.
//
// It was never compared with the service itself. It is the outside world: it knows SCIM
// and nothing of simscim's engine.
package entra

import (
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"
)

// Options describe a tenant. The zero Options are one where time stands still, with one
// client that may do everything and one provisioning job that is active.
type Options struct {
	// Now is the clock. Seed decides ids and secrets.
	Now  func() time.Time
	Seed uint64
	// Tenant is the directory's id; empty is one of the seed.
	Tenant string
	// Domains are the verified ones, beside the tenant's own InitialDomain.
	Domains []string
	// Clients are the applications and managed identities that may sign in. Without any
	// there is one application with AllRoles. One without an id gets an id and a secret of
	// the seed.
	Clients []Client
	// TokenTTL is how long tokens last, an hour if it is zero.
	TokenTTL time.Duration
	// Jobs is how many provisioning jobs there are, 1 if it is zero.
	Jobs int
	// ProcessAfter is how long records stay staged, LogAfter how long after that the log
	// shows them; 1 and 5 minutes if zero.
	ProcessAfter, LogAfter time.Duration
	// EmployeeIDMax is the longest employeeId, 16 characters if it is zero. With more the
	// app says that it matches by another attribute, for which employeeId stands here.
	EmployeeIDMax int
	// PageSize is how many objects a page of a list, the log or a delta holds unless the
	// client asks for fewer or, but for deltas, more; 100 if it is zero.
	PageSize int
	Limits   Limits
}

// longestEmployeeID is what Microsoft's employeeId holds.
const longestEmployeeID = 16

// InitialDomain is verified in each tenant.
const InitialDomain = "sandbox.onmicrosoft.com"

// Service is one tenant. Its methods are safe for concurrent use.
type Service struct {
	options Options
	now     func() time.Time
	key     [32]byte
	clients map[string]*Client
	routes  []route

	mu         sync.Mutex
	ids        uint64
	generation int64
	faults     Faults
	counts     Requests
	budgets    budgets
	directory  *directory
	jobs       []*job
	log        []*entry
	warnings   []string
	cursors    []cursor
	// waiting maps users to the externalId of a manager who has not come yet.
	waiting map[string]string
}

// New makes an empty tenant.
func New(o Options) *Service {
	if o.Now == nil {
		o.Now = func() time.Time { return time.Date(2026, 9, 1, 0, 0, 0, 0, time.UTC) }
	}
	s := &Service{now: o.Now, clients: map[string]*Client{}, counts: Requests{}, directory: newDirectory(), waiting: map[string]string{}}
	s.key = sha256.Sum256(fmt.Appendf(nil, "entra key %d", o.Seed))
	s.options = o
	o.Tenant = cmp.Or(o.Tenant, s.newID())
	o.TokenTTL = cmp.Or(o.TokenTTL, time.Hour)
	o.Jobs = cmp.Or(o.Jobs, 1)
	o.ProcessAfter, o.LogAfter = cmp.Or(o.ProcessAfter, time.Minute), cmp.Or(o.LogAfter, 5*time.Minute)
	o.EmployeeIDMax, o.PageSize = cmp.Or(o.EmployeeIDMax, longestEmployeeID), cmp.Or(o.PageSize, 100)
	o.Limits = o.Limits.documented()
	if o.Clients = slices.Clone(o.Clients); len(o.Clients) == 0 {
		o.Clients = []Client{{Roles: AllRoles()}}
	}
	s.options = o
	for i := range o.Clients {
		c := &o.Clients[i]
		if c.ID == "" {
			sum := sha256.Sum256(fmt.Appendf(nil, "entra secret %d", o.Seed))
			c.ID, c.Secret = s.newID(), "sandbox-"+hex.EncodeToString(sum[:12])
		}
		s.clients[strings.ToLower(c.ID)] = c
	}
	for range o.Jobs {
		s.jobs = append(s.jobs, s.newJob())
	}
	s.budgets = newBudgets(o.Limits)
	s.routes = s.table()
	return s
}

// Tenant is the directory's id.
func (s *Service) Tenant() string { return s.options.Tenant }

// Clients are those that may sign in.
func (s *Service) Clients() []Client {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.options.Clients)
}

// Consent replaces what the tenant lets a client do, if there is one of that id. Tokens
// that it has already say what they said.
func (s *Service) Consent(id string, roles []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if c := s.clients[strings.ToLower(id)]; c != nil {
		c.Roles = roles
	}
}

// ExpireTokens makes all tokens issued until now worthless.
func (s *Service) ExpireTokens() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.generation++
}

// Handler serves sign-in, the metadata service of managed identities, and Graph below
// /v1.0 and /beta.
func (s *Service) Handler() http.Handler { return http.HandlerFunc(s.serve) }

func (s *Service) serve(w http.ResponseWriter, r *http.Request) {
	path, err := segments(r.URL)
	at := strings.Join(path, "/")
	switch {
	case err != nil:
		s.write(w, r, failed(badRequest("the path is not well formed")))
	case path[0] == "v1.0" || path[0] == "beta":
		s.serveGraph(w, r, path)
	case at == "metadata/identity/oauth2/token":
		s.serveIdentity(w, r)
	case len(path) == 4 && strings.HasSuffix(at, "/oauth2/v2.0/token"):
		s.serveToken(w, r, path[0])
	case len(path) == 4 && strings.HasSuffix(at, "/v2.0/.well-known/openid-configuration"):
		s.serveDiscovery(w, r, path[0])
	default:
		s.write(w, r, failed(&problem{status: http.StatusNotFound, code: "ResourceNotFound", message: "Nothing is served here."}))
	}
}

// segments splits the path before it decodes it, so that a key may hold a slash. A key
// in brackets becomes a segment of its own: groups(uniqueName='a') is groups, (…).
func segments(u *url.URL) ([]string, error) {
	var out []string
	for part := range strings.SplitSeq(strings.Trim(u.EscapedPath(), "/"), "/") {
		plain, err := url.PathUnescape(part)
		if err != nil {
			return nil, err
		}
		if name, key, ok := strings.Cut(plain, "("); ok && name != "" && strings.HasSuffix(key, ")") {
			out = append(out, name, "("+key)
			continue
		}
		out = append(out, plain)
	}
	return out, nil
}

// newID makes the next id, in the form of a UUID. The lock is held, or nobody else knows
// the service yet.
func (s *Service) newID() string {
	s.ids++
	b := binary.BigEndian.AppendUint64([]byte("entra"), s.options.Seed)
	sum := sha256.Sum256(binary.BigEndian.AppendUint64(b, s.ids))
	sum[6], sum[8] = sum[6]&0x0f|0x40, sum[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", sum[:4], sum[4:6], sum[6:8], sum[8:10], sum[10:16])
}
