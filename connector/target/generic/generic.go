// Package generic is the target for any SCIM 2.0 server. It turns changes into
// requests and requests into confirmed outcomes, by what the server's profile says
// that it can do; it decides nothing about who should exist.
//
// Invariants: every piece is confirmed before the next request of its object is sent;
// a create is repeated only after the object has been looked for; nothing is taken for
// ours that does not carry our externalId; no outcome's error or advice holds a value
// of the object that it is about.
package generic

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"go.uber.org/zap"

	"simscim/config"
	"simscim/connector/target"
	"simscim/internal/auth"
	"simscim/internal/httpx"
	"simscim/scim"
	"simscim/scim/client"
	"simscim/scim/profile"
)

// Options is what the configuration does not say.
type Options struct {
	// Now is the clock; nil is time.Now.
	Now func() time.Time
	// Log gets one debug line a request, without any content; nil is none.
	Log *zap.Logger
	// Observe is told of every request; status is 0 when there was no answer.
	Observe func(route string, status int, took time.Duration)
	// Authorize signs in where the type of sign-in is none of those that SCIM servers
	// share; it is asked for the value of the Authorization header, given the last one if
	// that was refused.
	Authorize func(ctx context.Context, stale string) (string, error)
	// Unpaced leaves the provider's own rates out, against a look-alike that has none.
	Unpaced bool
	// MinWait is the first wait before a request is repeated, doubling from there; 0 is
	// 250 ms.
	MinWait time.Duration
}

const (
	// retries of one request, with growing waits: about eight seconds in all.
	retries = 5
	// maxWait is the longest wait that a server may ask for before the object is left
	// for the next run.
	maxWait = time.Minute
)

// Target is one SCIM server.
type Target struct {
	name     string
	inFlight int
	client   *client.Client
	// wantsVersion is set where every change shall carry If-Match: by the profile, or once
	// the server has refused one without.
	wantsVersion atomic.Bool
	// maxMembers is how many members a request may hold as far as the server has taught
	// us by 413; 0 is not yet.
	maxMembers atomic.Int64
	// bulkOps is the same for the operations of a bulk request, and bulkLost counts such
	// requests in a row without an answer.
	bulkOps, bulkLost atomic.Int64
	log               *zap.Logger

	mu sync.Mutex
	// profile grows from the table's entry to what was discovered.
	profile profile.Profile
	ready   bool
}

var _ target.Target = (*Target)(nil)

// New makes a target. It makes no request.
func New(cfg *config.Target, o Options) (*Target, error) {
	p, ok := profile.Named(cmp.Or(cfg.Profile, "auto"))
	if !ok {
		return nil, fmt.Errorf("target %s: there is no profile %q; there are %s", cfg.Name, cfg.Profile, strings.Join(profile.Names(), ", "))
	}
	if err := checkURL(cfg.URL); err != nil {
		return nil, fmt.Errorf("target %s: url: %w", cfg.Name, err)
	}
	authorize, err := authorizer(cfg, o.Authorize)
	if err != nil {
		return nil, fmt.Errorf("target %s: auth: %w", cfg.Name, err)
	}
	known, err := traits(&cfg.Traits)
	if err != nil {
		return nil, fmt.Errorf("target %s: traits: %w", cfg.Name, err)
	}
	p.Override(known)
	if o.Unpaced {
		p.Rate = profile.Rate{}
	}
	inFlight := lower(max(cfg.Limits.InFlight, 1), p.Rate.InFlight)
	h, err := httpx.New(httpx.Options{
		BaseURL: cfg.URL, PerSecond: lower(cfg.Limits.PerSecond, p.Rate.PerSecond), InFlight: inFlight,
		PerMinute: p.Rate.PerMinute, PerHour: p.Rate.PerHour, PerDay: p.Rate.PerDay,
		Timeout: max(cfg.Timeout.Duration, p.Timeout), Retries: retries, MinWait: o.MinWait, MaxWait: maxWait,
		CAFile: cfg.CAFile, UserAgent: p.UserAgent, Authorize: authorize,
		Log: o.Log, Observe: o.Observe,
	})
	if err != nil {
		return nil, fmt.Errorf("target %s: %w", cfg.Name, err)
	}
	c := client.New(h, client.Options{Accept: p.Accept, ContentType: p.ContentType, LowerEndpoints: p.LowerEndpoints, Now: o.Now})
	t := &Target{name: cfg.Name, inFlight: inFlight, client: c, log: o.Log, profile: p, ready: !p.Ask}
	if t.log == nil {
		t.log = zap.NewNop()
	}
	// Versions that are asked for by name go with every change. Where discovery alone
	// finds that there are some, reading one before each change would double the requests.
	t.wantsVersion.Store(p.ETag)
	return t, nil
}

func traits(c *config.Traits) (profile.Traits, error) {
	users, err := paths(c.FilterUsers)
	groups, groupsErr := paths(c.FilterGroups)
	return profile.Traits{
		Patch: c.Patch, Bulk: c.Bulk, BulkBytes: c.BulkBytes,
		MembersPerCreate: c.MembersPerCreate, MembersPerAdd: c.MembersPerAdd, MembersPerRemove: c.MembersPerRemove,
		MixAddRemove: c.MixAddRemove, RemoveForm: c.RemoveForm, MembersReadable: c.MembersReadable,
		GroupRename: c.GroupRename, FilterUsers: users, FilterGroups: groups,
		Search: c.Search, Paging: client.Paging(c.Paging), PageSize: c.PageSize,
		ETag: c.ETag, StringBooleans: c.StringBooleans, Accept: c.Accept, ContentType: c.ContentType,
	}, cmp.Or(err, groupsErr)
}

// paths reads attribute paths. An empty list is not nil: it says that there are none.
func paths(texts []config.Text) ([]scim.Path, error) {
	if texts == nil {
		return nil, nil
	}
	out := make([]scim.Path, len(texts))
	for i, text := range texts {
		var err error
		if out[i], err = scim.ParsePath(text.Value); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// lower returns the smaller limit, where 0 is none.
func lower[N int | float64](a, b N) N {
	if a == 0 || b == 0 {
		return max(a, b)
	}
	return min(a, b)
}

func checkURL(s string) error {
	u, err := url.Parse(s)
	if err != nil {
		return errors.New("it is not an address")
	}
	if u.RawQuery != "" || u.Fragment != "" || u.User != nil {
		return errors.New("it may have no query, no fragment and no user in it")
	}
	return nil
}

// signInError marks that there are no credentials to go on with.
type signInError struct{ error }

func (e signInError) Unwrap() error { return e.error }

// Is lets the engine know it without knowing us.
func (e signInError) Is(err error) bool { return err == target.ErrCredentials }

func authorizer(cfg *config.Target, other auth.Authorize) (auth.Authorize, error) {
	var inner auth.Authorize
	switch a := cfg.Auth; a.Type {
	case "bearer":
		inner = auth.Bearer(a.Token)
	case "basic":
		inner = auth.Basic(a.Username, a.Password)
	case "oauth2":
		hc, err := auth.NewHTTP(cfg.CAFile, cmp.Or(cfg.Timeout.Duration, 30*time.Second))
		if err != nil {
			return nil, err
		}
		inner = auth.OAuth2(auth.ClientCredentials{
			TokenURL: a.TokenURL, ClientID: a.ClientID, ClientSecret: a.ClientSecret, Scope: a.Scope, HTTP: hc,
		})
	default:
		if other == nil {
			return nil, fmt.Errorf("there is no sign-in of type %q", a.Type)
		}
		inner = other
	}
	return func(ctx context.Context, stale string) (string, error) {
		value, err := inner(ctx, stale)
		if err != nil && ctx.Err() == nil {
			return "", signInError{err}
		}
		return value, err
	}, nil
}

// Requests counts the HTTP requests sent so far, retries included.
func (t *Target) Requests() int64 { return t.client.Requests() }

// discover returns the profile, which it asks the server for the first time.
func (t *Target) discover(ctx context.Context) (*profile.Profile, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.ready {
		p, err := profile.Discover(ctx, t.client, t.profile)
		if err != nil {
			return nil, fmt.Errorf("target %s: %w", t.name, err)
		}
		t.profile, t.ready = p, true
	}
	p := t.profile
	return &p, nil
}

// Capabilities finds out what the target can hold and do.
func (t *Target) Capabilities(ctx context.Context) (target.Capabilities, error) {
	p, err := t.discover(ctx)
	if err != nil {
		return target.Capabilities{}, err
	}
	return target.Capabilities{
		Summary: summary(p),
		Users:   p.Users, Groups: p.Groups,
		FilterUsers: p.FilterUsers, FilterGroups: p.FilterGroups, FilterNeeded: p.FilterNeeded,
		MembersReadable: p.MembersReadable, PageSize: p.PageMax,
		Suspend: p.Suspend, Delete: p.Delete,
		DeleteGroups: p.DeleteGroups, RenameGroups: p.GroupRename, TakesPassword: p.TakesPassword(), NeedsPassword: p.PasswordRequired,
		PricePerCall:     p.PricePerCall,
		MembersPerCreate: p.MembersPerCreate, MembersPerAdd: p.MembersPerAdd, MembersPerRemove: p.MembersPerRemove,
		Mixed: p.MixAddRemove, Bulk: p.Bulk.Operations,
		UserPaths: p.UserPaths, GroupPaths: p.GroupPaths, OneValue: p.OneValue,
		RequiredUser: p.RequiredUser, RequiredGroup: p.RequiredGroup,
		Notes: notes(p),
	}, nil
}

// notes are all traits, and then what else is known.
func notes(p *profile.Profile) []string {
	traits := p.Describe()
	out := make([]string, 0, len(traits)+len(p.Notes))
	for _, t := range traits {
		out = append(out, t.Name+": "+t.Value)
	}
	return append(out, p.Notes...)
}

func summary(p *profile.Profile) string {
	parts := []string{"SCIM 2.0", "PUT"}
	if p.Patch {
		parts[1] = "PATCH"
	}
	if len(p.FilterUsers) > 0 {
		parts = append(parts, "filter")
	}
	switch p.Paging {
	case client.Cursor:
		parts = append(parts, "cursor paging")
	case client.NoPaging:
		parts = append(parts, "no paging")
	default:
		parts = append(parts, "index paging")
	}
	if p.Bulk.Operations > 1 {
		parts = append(parts, "bulk")
	}
	if !p.Groups {
		parts = append(parts, "no groups")
	}
	return strings.Join(parts, ", ")
}
