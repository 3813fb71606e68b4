package rest

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"go.uber.org/zap"

	"simscim/connector/source"
	"simscim/connector/source/oneroster"
	"simscim/internal/auth"
	"simscim/internal/httpx"
	"simscim/roster"
)

// ErrOtherSchool says that the service answered with another school's data than those
// that were asked for. Nothing of such an answer is used.
var ErrOtherSchool = errors.New("the service answered for another school than the one asked for")

// Endpoint is what a Reader needs to know of a service. Zero values mean the defaults of
// Options.
type Endpoint struct {
	// Client is made for the origin of BaseURL, see Split. It carries the sign-in; whose,
	// where a service has a token for each school, is a matter of the contexts.
	Client  *httpx.Client
	BaseURL string
	Version string
	// Name of the source in the configuration.
	Name                           string
	Rules                          oneroster.Rules
	PageSize, MaxRecords, MaxPages int
	Now                            func() time.Time
	Log                            *zap.Logger
}

// Reader reads schools from one service. It remembers what the service turned out not
// to have, and nothing of any school. It is safe for concurrent use.
type Reader struct {
	client  *httpx.Client
	base    *url.URL
	prefix  string
	version string
	name    string
	rules   oneroster.Rules
	now     func() time.Time
	log     *zap.Logger

	maxRecords, maxPages int

	mu sync.Mutex
	// pageSize only ever gets smaller.
	pageSize int
	// missing are routes that the service does not have, refused what it does not take on
	// a route: "sort", "fields", "filter" or a combination.
	missing, refused map[string]bool
	// sound says that the filter of users by school was found to hide nobody.
	sound bool
	noted map[string]bool
}

// NewReader makes a reader. It makes no call.
func NewReader(e Endpoint) (*Reader, error) {
	origin, prefix, err := Split(e.BaseURL)
	if err != nil {
		return nil, err
	}
	base, err := url.Parse(origin + prefix)
	if err != nil {
		return nil, errors.New("the base URL is not an http or https address")
	}
	e.Version = cmp.Or(e.Version, Version11)
	if e.Version != Version11 && e.Version != Version12 {
		return nil, errors.New("the version of OneRoster is 1.1 or 1.2")
	}
	if err := e.Rules.Validate(); err != nil {
		return nil, err
	}
	r := &Reader{
		client: e.Client, base: base, prefix: prefix, version: e.Version, name: e.Name, rules: e.Rules, now: e.Now, log: e.Log,
		pageSize: cmp.Or(e.PageSize, 1000), maxRecords: cmp.Or(e.MaxRecords, 20_000_000), maxPages: cmp.Or(e.MaxPages, 100_000),
		missing: map[string]bool{}, refused: map[string]bool{}, noted: map[string]bool{},
	}
	if r.now == nil {
		r.now = time.Now
	}
	if r.log == nil {
		r.log = zap.NewNop()
	}
	r.log = r.log.With(zap.String("source", e.Name))
	return r, nil
}

// Orgs lists all organisations of the service, schools and others.
func (r *Reader) Orgs(ctx context.Context) ([]oneroster.Org, error) {
	c := collection{what: "organisations", key: "orgs", shared: "/orgs", fields: "sourcedId,status,name,type,identifier,parent"}
	orgs, _, err := readCollection(ctx, r, &c, "", func(dec *json.Decoder, _ bool) (entry[oneroster.Org], verdict, error) {
		e, err := decodeEntry(dec, func(raw *rawOrg, n *notes) oneroster.Org { return raw.record(n) })
		e.id = e.value.ID
		return e, verdict{id: e.id, keep: true, usable: e.id != "" && e.value.Type != ""}, err
	})
	if err != nil {
		return nil, err
	}
	var out []oneroster.Org
	for _, e := range orgs {
		if e.notes.problem != "" {
			r.once("an organisation is left out, " + e.notes.problem)
			continue
		}
		out = append(out, e.value)
	}
	return out, nil
}

// Org reads one organisation's own record, or finds it in the list of all where the
// service has no records one by one. One that is not there, or is no school any more, is
// a *source.Frozen.
func (r *Reader) Org(ctx context.Context, id string) (oneroster.Org, error) {
	const route = "/orgs/{id}"
	if strings.Trim(id, ". ") == "" {
		// Dots would be another path than the school's.
		return oneroster.Org{}, &source.Frozen{Reason: "the school has no usable id"}
	}
	if !r.isMissing(route) {
		org, err := r.ownOrg(ctx, route, id)
		if unserved, ok := errors.AsType[*notServed](err); !ok {
			return org, err
		} else if unserved.status == http.StatusMethodNotAllowed || unserved.status == http.StatusNotImplemented {
			r.miss(route)
		}
	}
	orgs, err := r.Orgs(ctx)
	if err != nil {
		return oneroster.Org{}, err
	}
	for _, org := range orgs {
		if roster.CanonicalID(org.ID) == roster.CanonicalID(id) {
			return org, r.mustBeSchool(org)
		}
	}
	return oneroster.Org{}, &source.Frozen{Reason: "it is not in the service's list of organisations"}
}

func (r *Reader) mustBeSchool(org oneroster.Org) error {
	if _, ok := oneroster.SiteOf(org, r.name); !ok {
		return &source.Frozen{Reason: "the service no longer lists it as a school in force"}
	}
	return nil
}

func (r *Reader) ownOrg(ctx context.Context, route, id string) (oneroster.Org, error) {
	l := &list{what: "the school's record", route: route, school: true}
	var raw rawOrg
	resp, err := r.client.Stream(ctx, httpx.Request{
		Method: http.MethodGet, Path: r.prefix + "/orgs/" + url.PathEscape(id), Route: route, Accept: "application/json",
	}, func(_ http.Header, body io.Reader) error {
		raw = rawOrg{}
		if err := decodeOne(body, "org", &raw); err != nil {
			return &source.Incomplete{Reason: "the school's record " + err.Error()}
		}
		return nil
	})
	if err != nil {
		return oneroster.Org{}, l.noAnswer(ctx, 1, err)
	}
	if resp.Status != http.StatusOK {
		return oneroster.Org{}, l.refused(1, resp)
	}
	var n notes
	org := raw.record(&n)
	switch {
	case n.problem != "":
		return oneroster.Org{}, &source.Incomplete{Reason: "in the school's record " + n.problem}
	case org.ID == "":
		return oneroster.Org{}, &source.Incomplete{Reason: "the school's record does not tell whose it is"}
	case roster.CanonicalID(org.ID) != roster.CanonicalID(id):
		return oneroster.Org{}, fmt.Errorf("read the record of school %s: %w", id, ErrOtherSchool)
	}
	return org, r.mustBeSchool(org)
}

func (r *Reader) isMissing(route string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.missing[route]
}

func (r *Reader) miss(route string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.missing[route] = true
}

func (r *Reader) refuses(route, part string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.refused[route+" "+part]
}

func (r *Reader) refuse(route, part string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.refused[route+" "+part] = true
}

func (r *Reader) size() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.pageSize
}

// leastPage is the page size below which a gateway's trouble is not one of size.
const leastPage = 100

// shrink makes pages smaller after some of the size given were too much. It tells false
// where they cannot be made smaller.
func (r *Reader) shrink(was int) bool {
	if was <= leastPage {
		return false
	}
	r.mu.Lock()
	r.pageSize = min(r.pageSize, max(was/4, leastPage))
	size := r.pageSize
	r.mu.Unlock()
	r.log.Warn("a gateway gives up on large pages, so smaller ones are asked for", zap.Int("records", size))
	return true
}

// once logs a note about the service, and not again for every school.
func (r *Reader) once(note string) {
	r.mu.Lock()
	seen := r.noted[note]
	r.noted[note] = true
	r.mu.Unlock()
	if !seen {
		r.log.Warn(note)
	}
}

// signIn sorts the errors of signing in. A sign-in that is refused means that the school
// may not be read any more; one that is out of order means nothing.
func signIn(err error, school bool) error {
	refused, ok := errors.AsType[*auth.TokenError](err)
	if !ok || !school {
		return err
	}
	switch refused.Code {
	case "invalid_client", "unauthorized_client", "invalid_grant":
	case "":
		if refused.Status != http.StatusUnauthorized && refused.Status != http.StatusForbidden {
			return err
		}
	default:
		return err
	}
	return &source.Frozen{Reason: "its credentials are not accepted", Err: err}
}
