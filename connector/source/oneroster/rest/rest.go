// Package rest reads schools from OneRoster REST services of versions 1.1 and 1.2.
//
// It speaks the protocol: which list is asked for and how, paging, and the lenient
// decoding of what real services send. What a record means for a school's roll is the
// business of the package above it. It never writes to a service. What it promises:
//   - a list is whole or an error: an answer without its envelope, a total that does not
//     add up, a page that came twice or a link that leads astray is never taken for an
//     empty or a shorter list;
//   - filters, sorting and field selection are asked for and never relied on;
//   - pages are decoded while they come in, and of lists that a service has only for all
//     of its schools nothing is kept but the rows of the school that is read;
//   - passwords, telephone numbers and whatever else has no place in the record model
//     are not decoded, and no error or log line holds anything of a person.
package rest

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"go.uber.org/zap"

	"simscim/connector/source"
	"simscim/connector/source/oneroster"
	"simscim/internal/httpx"
	"simscim/roster"
)

// The versions of OneRoster. The version is told by the configuration and not by the
// path: there are services that have 1.2's records below 1.1's root.
const (
	Version11 = "1.1"
	Version12 = "1.2"
)

// Limits on the calls to a service, shared by all of its schools.
type Limits struct {
	// PerSecond is the most calls begun in a second; 0 is no limit.
	PerSecond float64
	// InFlight is the most calls at once; 0 is 4.
	InFlight int
}

// Options are what a Source needs. Zero values mean the defaults in the comments.
type Options struct {
	// Name of the source in the configuration.
	Name string
	// BaseURL is the root of the service, below which /orgs stands.
	BaseURL string
	// Version is Version11 or Version12; empty is Version11.
	Version string
	// Authorize returns the Authorization header, see package auth. Sign stands instead
	// of it where each request is signed.
	Authorize func(ctx context.Context, stale string) (string, error)
	Sign      func(req *http.Request) error
	Limits    Limits
	// Rules say how to work out what OneRoster has no place for.
	Rules oneroster.Rules
	// PageSize is the number of records asked for at once; 0 is 1000.
	PageSize int
	// Now is the clock; nil is time.Now. Its location decides what day it is.
	Now func() time.Time
	// Log gets notes on lists, never on people; nil is none.
	Log *zap.Logger
	// Observe is told of every attempt of a call.
	Observe func(route string, status int, took time.Duration)
	// CAFile is a PEM file of authorities to trust instead of the system's.
	CAFile string
	// UserAgent is sent with every call.
	UserAgent string
	// Timeout of one attempt, to the last byte of a page; 0 is 2 min.
	Timeout time.Duration
	// Retries is how many further attempts a call has; 0 is 5, below 0 is none.
	Retries int
	// MinWait and MaxWait bound the waits between attempts; 0 is 2 s and 2 min.
	MinWait, MaxWait time.Duration
	// MaxBody is the most bytes of one page; 0 is 64 MiB.
	MaxBody int64
	// MaxRecords and MaxPages end a list that would otherwise go on for ever; 0 is 20
	// million and 100 000.
	MaxRecords, MaxPages int
}

// DefaultScope is what OAuth 2 client credentials ask for where the configuration does
// not say: to read top-level lists, a school's own lists, and demographics, and no more.
func DefaultScope(version string) string {
	root := "https://purl.imsglobal.org/spec/or/v1p1/scope/"
	if version == Version12 {
		root = "https://purl.imsglobal.org/spec/or/v1p2/scope/"
	}
	return root + "roster-core.readonly " + root + "roster.readonly " + root + "roster-demographics.readonly"
}

// Source is one OneRoster service with one sign-in for all of its schools.
type Source struct {
	reader *Reader
	plain  bool // spoken to over http
	log    *zap.Logger

	mu sync.Mutex
	// ids are the schools' ids as the service spells them, by ours.
	ids map[string]string

	last lastChanges
}

var (
	_ source.Source    = (*Source)(nil)
	_ source.Describer = (*Source)(nil)
)

// New makes a source. It makes no call and resolves no secret.
func New(o Options) (*Source, error) {
	fail := func(err error) (*Source, error) { return nil, fmt.Errorf("source %s: %w", o.Name, err) }
	if o.Authorize != nil && o.Sign != nil {
		return fail(errors.New("requests are either authorised or signed, not both"))
	}
	origin, _, err := Split(o.BaseURL)
	if err != nil {
		return fail(err)
	}
	retries := 5
	if o.Retries != 0 {
		retries = max(o.Retries, 0)
	}
	client, err := httpx.New(httpx.Options{
		BaseURL: origin, PerSecond: o.Limits.PerSecond, InFlight: cmp.Or(o.Limits.InFlight, 4),
		Timeout: cmp.Or(o.Timeout, 2*time.Minute), Retries: retries,
		MinWait: cmp.Or(o.MinWait, 2*time.Second), MaxWait: cmp.Or(o.MaxWait, 2*time.Minute),
		MaxBody: cmp.Or(o.MaxBody, 64<<20), CAFile: o.CAFile, UserAgent: o.UserAgent,
		Authorize: o.Authorize, Sign: o.Sign, Log: o.Log, Observe: o.Observe,
	})
	if err != nil {
		return fail(err)
	}
	reader, err := NewReader(Endpoint{
		Client: client, BaseURL: o.BaseURL, Version: o.Version, Name: o.Name, Rules: o.Rules, PageSize: o.PageSize,
		MaxRecords: o.MaxRecords, MaxPages: o.MaxPages, Now: o.Now, Log: o.Log,
	})
	if err != nil {
		return fail(err)
	}
	return &Source{reader: reader, plain: httpx.Unprotected(origin), log: reader.log, ids: map[string]string{}}, nil
}

// Split takes a base URL apart into the origin, which an httpx client is made for, and
// the path before the paths of the service.
func Split(base string) (origin, prefix string, err error) {
	u, err := url.Parse(base)
	if err != nil || u.Host == "" || (u.Scheme != "https" && u.Scheme != "http") {
		return "", "", errors.New("the base URL is not an http or https address")
	}
	if u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return "", "", errors.New("the base URL must have no user, query or fragment")
	}
	return u.Scheme + "://" + u.Host, strings.TrimRight(u.EscapedPath(), "/"), nil
}

// Sites lists the schools of the service: organisations of type school that are not
// deleted. Districts, departments and the like are no sites.
func (s *Source) Sites(ctx context.Context) ([]roster.Site, error) {
	orgs, err := s.reader.Orgs(ctx)
	if err != nil {
		return nil, fmt.Errorf("list schools: %w", err)
	}
	var sites []roster.Site
	ids := map[string]string{}
	for _, org := range orgs {
		site, ok := oneroster.SiteOf(org, s.reader.name)
		if !ok {
			continue
		}
		if _, twice := ids[site.ID]; twice {
			s.log.Warn("school left out, its id appears more than once", zap.String("school", site.ID))
			continue
		}
		ids[site.ID] = org.ID
		sites = append(sites, site)
	}
	// The order is ours: not every service sorts.
	slices.SortFunc(sites, func(a, b roster.Site) int { return cmp.Compare(a.ID, b.ID) })
	s.mu.Lock()
	s.ids = ids
	s.mu.Unlock()
	return sites, nil
}

// spelled gives a school's id as the service spells it, as far as that is known.
func (s *Source) spelled(id string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return cmp.Or(s.ids[roster.CanonicalID(id)], id)
}

// Describe reads the record of one school.
func (s *Source) Describe(ctx context.Context, organisation string) (roster.Site, error) {
	org, err := s.reader.Org(ctx, s.spelled(organisation))
	if err != nil {
		return roster.Site{}, err
	}
	site, _ := oneroster.SiteOf(org, s.reader.name)
	return site, nil
}

// Read reads one school whole, see Reader.Read.
func (s *Source) Read(ctx context.Context, site roster.Site, want source.Want) (*roster.Snapshot, error) {
	return s.reader.Read(ctx, s.spelled(site.ID), site, want)
}

// Requests counts the HTTP requests sent so far, retries included, without those for
// OAuth 2 tokens.
func (s *Source) Requests() int64 { return s.reader.client.Requests() }
