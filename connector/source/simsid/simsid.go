// Package simsid reads schools from SIMS ID: tokens from its token service (STS), the
// aligned schools and their credentials from vendor management, and each school's roll
// from the provisioning API, page by page, as a contract file describes it.
//
// It never writes to the school's side, and decides nothing about accounts. What it
// promises:
//   - a read is whole or an error, and its organisation is the one asked for;
//   - no token serves a school other than the one that it was issued for;
//   - what no rule wants is dropped where it is decoded, and no reason, error or log
//     line holds anything of a person but an id;
//   - all calls of one configured source share one budget, tokens included.
package simsid

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
	"sync"
	"time"

	"go.uber.org/zap"

	"simscim/config"
	"simscim/connector/source"
	"simscim/connector/source/oneroster/rest"
	"simscim/internal/httpx"
	"simscim/roster"
)

// Options are what a Source needs besides its configuration. Zero values mean the
// defaults in the comments.
type Options struct {
	// Now is the clock; nil is time.Now. Its location decides what day it is.
	Now func() time.Time
	// Log gets notes on schools, never on people; nil is none.
	Log *zap.Logger
	// Contract replaces both the configuration's contract file and the built-in one.
	Contract *Contract
	// CAFile is a PEM file of authorities to trust instead of the system's.
	CAFile string
	// UserAgent is sent with every call.
	UserAgent string
	// Timeout of one attempt of a call; 0 is 60 s.
	Timeout time.Duration
	// Retries is how many further attempts a call has; 0 is 5, below 0 is none.
	Retries int
	// MinWait and MaxWait bound the waits between attempts; 0 is 2 s and 2 min.
	MinWait, MaxWait time.Duration
	// MaxBody is the most bytes of one answer; 0 is 16 MiB.
	MaxBody int64
	// Observe is told of every attempt.
	Observe func(route string, status int, took time.Duration)
}

// Source is one configured access to SIMS ID.
type Source struct {
	cfg      *config.Source
	contract *Contract
	hosts    hosts
	now      func() time.Time
	log      *zap.Logger

	sts, management, provisioning *service
	// oneroster stands in place of provisioning where the configuration says so.
	oneroster *rest.Reader

	// vendor is nil when the schools' credentials are listed in the configuration.
	vendor *party
	listed map[string]*config.Credential
	order  []string

	mu        sync.Mutex
	schools   map[string]*school
	directory *directory
}

// service is one base URL: an HTTP client of its host, and the path before the
// contract's paths.
type service struct {
	client         *httpx.Client
	origin, prefix string
}

var _ source.Source = (*Source)(nil)

// New makes a source of its configuration. It reads the contract file but makes no
// call and resolves no secret.
func New(cfg *config.Source, o Options) (*Source, error) {
	s := &Source{cfg: cfg, now: o.Now, log: o.Log, contract: o.Contract, schools: map[string]*school{}}
	if s.now == nil {
		s.now = time.Now
	}
	if s.log == nil {
		s.log = zap.NewNop()
	}
	s.log = s.log.With(zap.String("source", cfg.Name))
	var err error
	if s.contract == nil {
		if s.contract, err = contractOf(cfg); err != nil {
			return nil, err
		}
	}
	if s.hosts, err = hostsOf(cfg); err != nil {
		return nil, fmt.Errorf("source %s: %w", cfg.Name, err)
	}
	if err := s.takeCredentials(); err != nil {
		return nil, fmt.Errorf("source %s: %w", cfg.Name, err)
	}
	if err := s.connect(o); err != nil {
		return nil, fmt.Errorf("source %s: %w", cfg.Name, err)
	}
	return s, nil
}

func contractOf(cfg *config.Source) (*Contract, error) {
	if cfg.Contract != "" {
		return LoadContract(cfg.Contract)
	}
	return DefaultContract()
}

func (s *Source) takeCredentials() error {
	switch {
	case s.cfg.Vendor != nil && len(s.cfg.Credentials) > 0:
		return errors.New("schools are found either by vendor or by credentials, not by both")
	case s.cfg.Vendor != nil:
		if s.contract.management.customers == "" {
			return errors.New("the contract has no management section, so schools cannot be found by vendor")
		}
		s.vendor = s.vendorParty()
		return nil
	case len(s.cfg.Credentials) == 0:
		return errors.New("needs vendor or credentials to find schools")
	}
	s.listed = map[string]*config.Credential{}
	for _, c := range s.cfg.Credentials {
		org := roster.CanonicalID(c.Organisation)
		if org == "" {
			return errors.New("a credential has no organisation")
		}
		if s.listed[org] != nil {
			return fmt.Errorf("organisation %s has credentials twice", org)
		}
		s.listed[org] = c
		s.order = append(s.order, org)
	}
	return nil
}

// connect makes the HTTP clients. They are siblings: one budget for all of them.
func (s *Source) connect(o Options) error {
	retries := 5
	if o.Retries != 0 {
		retries = max(o.Retries, 0)
	}
	origin, prefix, err := split(s.hosts.sts)
	if err != nil {
		return err
	}
	sts, err := httpx.New(httpx.Options{
		BaseURL: origin, PerSecond: s.cfg.Limits.PerSecond, InFlight: s.cfg.Limits.InFlight,
		Timeout: orElse(o.Timeout, time.Minute), Retries: retries,
		MinWait: orElse(o.MinWait, 2*time.Second), MaxWait: orElse(o.MaxWait, 2*time.Minute),
		MaxBody: orElse(o.MaxBody, 16<<20), CAFile: o.CAFile, UserAgent: o.UserAgent,
		Log: o.Log, Observe: o.Observe,
	})
	if err != nil {
		return fmt.Errorf("set up the token service: %w", err)
	}
	s.sts = &service{sts, origin, prefix}
	if s.cfg.API == oneRosterAPI {
		err = s.connectOneRoster()
	} else if s.provisioning, err = s.sibling(s.hosts.provisioning); err != nil {
		err = fmt.Errorf("set up the provisioning API: %w", err)
	}
	if err != nil {
		return err
	}
	if s.vendor == nil {
		return nil
	}
	if s.management, err = s.sibling(s.hosts.management); err != nil {
		return fmt.Errorf("set up vendor management: %w", err)
	}
	return nil
}

func (s *Source) sibling(base string) (*service, error) {
	origin, prefix, err := split(base)
	if err != nil {
		return nil, err
	}
	c, err := s.sts.client.Sibling(origin, s.authorize)
	if err != nil {
		return nil, err
	}
	return &service{c, origin, prefix}, nil
}

// split takes a base URL apart into what names the host and the path on it.
func split(base string) (origin, prefix string, err error) {
	u, err := url.Parse(base)
	if err != nil || u.Host == "" {
		return "", "", errors.New("a base URL is not an http or https address")
	}
	return u.Scheme + "://" + u.Host, strings.TrimRight(u.EscapedPath(), "/"), nil
}

func orElse[T comparable](v, otherwise T) T {
	var zero T
	if v == zero {
		return otherwise
	}
	return v
}

// Requests counts the HTTP requests sent so far, retries and tokens included.
func (s *Source) Requests() int64 { return s.sts.client.Requests() }

// shape is where the parts of a list's answer stand.
func (c *Contract) shape() pageShape {
	shape := pageShape{items: c.envelope.items, total: c.envelope.total, organisation: c.envelope.organisation}
	if c.paging.style == "next" {
		shape.next = c.paging.nextAt
	}
	return shape
}

// today is the calendar day of the clock, as midnight UTC like all dates here.
func (s *Source) today() time.Time {
	y, m, d := s.now().Date()
	return time.Date(y, m, d, 0, 0, 0, 0, time.UTC)
}
