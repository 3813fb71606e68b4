// Package okta is the target for an Okta organisation that takes its people from an
// identity source (Identity Sources API). Whatever is to be done goes into sessions: bulk
// requests that say who and what there is, and one import that carries them out.
//
// A session holds fifty requests of two hundred entities each, and the next one may begin
// five minutes after the last was started; so everything is packed as tight as it goes,
// and changes of many schools go out together. Everything is named by our own key, which
// is the external id there: sending a record twice does no harm, and nothing has to be
// looked up before it is made. Who is suspended is deactivated; Okta then shows nothing of
// the account until it is sent again. Accounts are never deleted.
//
// Of single records an import tells nothing: one that Okta cannot take is left out in
// silence. So a sample is read back after each import, and all of it where the sample is
// not as it should be.
//
// Invariants: what has been started is never sent again before its end is known or its
// time is over; a session is closed only when nobody has touched it for a while; nothing
// is confirmed without a completed import; no error or advice holds a value of the object
// that it is about.
package okta

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/url"
	"sync"
	"time"

	"github.com/google/uuid"
	"go.uber.org/zap"

	"simscim/config"
	"simscim/connector/target"
	"simscim/internal/httpx"
	"simscim/scim"
)

// Options is what the configuration does not say.
type Options struct {
	// Now is the clock; nil is time.Now.
	Now func() time.Time
	// Wait waits between sessions and for imports, by the same clock; nil waits in real
	// time.
	Wait func(ctx context.Context, d time.Duration) error
	// NewID makes the ids of sign-ins, each of which Okta takes once; nil is random UUIDs.
	NewID func() string
	// Log gets one debug line a request, without any content; nil is none.
	Log *zap.Logger
	// Observe is told of every request; status is 0 when there was no answer.
	Observe func(route string, status int, took time.Duration)
	// MinWait is the first wait before a request is repeated, doubling from there; 0 is
	// 250 ms.
	MinWait time.Duration
}

const (
	// retries of one request that may be repeated, with growing waits.
	retries = 5
	// maxWait is the longest wait that the rate limit may ask for: it counts by minutes.
	maxWait = 90 * time.Second
	// gather is how many changes are handed over together: those of a large trust at its
	// first load, so that no session but the last goes out half full. An ordinary night has
	// a few hundred.
	gather = 120_000
	// membersPerLoad is about how many members fit into a bulk request.
	membersPerLoad = 4_000
)

// Target is one identity source of one organisation.
type Target struct {
	name string
	http *httpx.Client
	// root is the path of the identity source.
	root     string
	inFlight int
	// within is how long a session, and the end of an import, is waited for.
	within time.Duration
	now    func() time.Time
	wait   func(ctx context.Context, d time.Duration) error
	// applying holds who applies: sessions of one source are made one after another.
	applying chan struct{}

	mu sync.Mutex
	// started is when the last import was started by us.
	started time.Time
	// asked says that the source has answered, so that a 404 is about a record.
	asked bool
}

var (
	_ target.Target   = (*Target)(nil)
	_ target.Teller   = (*Target)(nil)
	_ target.Gatherer = (*Target)(nil)
)

// New makes a target. It makes no request.
func New(cfg *config.Target, o Options) (*Target, error) {
	t, err := newTarget(cfg, o)
	if err != nil {
		return nil, fmt.Errorf("target %s: %w", cfg.Name, err)
	}
	return t, nil
}

func newTarget(cfg *config.Target, o Options) (*Target, error) {
	u, err := url.Parse(cfg.URL)
	if err != nil || u.RawQuery != "" || u.Fragment != "" || u.User != nil {
		return nil, errors.New("url: it is the address of the organisation, such as https://trust.okta.com, without query, fragment and user")
	}
	if cfg.Source == "" {
		return nil, errors.New("source: the id of the identity source is needed")
	}
	authorize, err := signIn(cfg, o)
	if err != nil {
		return nil, fmt.Errorf("auth: %w", err)
	}
	t := &Target{
		name: cfg.Name, root: "/api/v1/identity-sources/" + url.PathEscape(cfg.Source), inFlight: max(cfg.Limits.InFlight, 1),
		within: cfg.ConfirmWithin.Duration, now: o.Now, wait: o.Wait, applying: make(chan struct{}, 1),
	}
	if t.now == nil {
		t.now = time.Now
	}
	if t.wait == nil {
		t.wait = wait
	}
	t.http, err = httpx.New(httpx.Options{
		BaseURL: cfg.URL, PerSecond: cfg.Limits.PerSecond, InFlight: t.inFlight,
		Timeout: cmp.Or(cfg.Timeout.Duration, 30*time.Second), Retries: retries, MinWait: o.MinWait, MaxWait: maxWait,
		CAFile: cfg.CAFile, Authorize: authorize, Log: o.Log, Observe: o.Observe,
	})
	return t, err
}

// wait waits in real time.
func wait(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}

func newID(o Options) func() string {
	if o.NewID != nil {
		return o.NewID
	}
	return uuid.NewString
}

// Requests counts the HTTP requests sent so far, retries included. Those for tokens are
// not among them.
func (t *Target) Requests() int64 { return t.http.Requests() }

// Gather is the same as in the capabilities.
func (*Target) Gather() int { return gather }

// Capabilities asks whether the identity source is there and may be read.
func (t *Target) Capabilities(ctx context.Context) (target.Capabilities, error) {
	if err := t.ask(ctx); err != nil {
		return target.Capabilities{}, fmt.Errorf("target %s: %w", t.name, err)
	}
	return target.Capabilities{
		Summary: "Okta identity source: imports of up to 10,000 entities, five minutes apart",
		Users:   true, Groups: true,
		// Users are not looked up: sending one who is there is a two-hundredth of a request,
		// and asking is a whole one. Groups are, for who is in them already.
		FilterGroups: []scim.Path{externalID}, FilterNeeded: true, MembersReadable: true,
		Suspend: true, DeleteGroups: true, RenameGroups: true,
		MembersPerCreate: membersPerLoad, MembersPerAdd: membersPerLoad, MembersPerRemove: membersPerLoad,
		Mixed: true, Bulk: maxEntities, Gather: t.Gather(), OnePhase: true,
		GroupPaths:    []scim.Path{"displayName", "description"},
		RequiredUser:  []scim.Path{userName, "name.givenName", "name.familyName", "emails"},
		RequiredGroup: []scim.Path{"displayName"},
		LongestUser:   longest(),
		OneValue:      true,
		Notes: []string{
			"Suspending deactivates the account; nothing of it can be read until it is active again. Accounts are not deleted.",
			"All values are strings. The longest: userName, email, secondEmail and mobilePhone 100 characters, firstName and lastName 50, keys 255, a group's name 255, its description 1,024.",
			"An attribute of the identity source is named by the last part of the SCIM path; emails of type work are email, others secondEmail.",
			"Attributes that are written only once (apply: create) are left out of a changed account; an account that comes back is sent with them.",
			"Okta leaves out in silence what it cannot take, such as a user name that is in use; a sample of each import is read back, and Import Monitoring in its console shows the rest.",
		},
	}, nil
}

// ask makes sure, once, that the identity source is there.
func (t *Target) ask(ctx context.Context) error {
	t.mu.Lock()
	asked := t.asked
	t.mu.Unlock()
	if asked {
		return nil
	}
	if _, err := t.sessions(ctx); err != nil {
		if scim.IsNotFound(err) {
			return fmt.Errorf("there is no such identity source, or the API is not switched on for the organisation: %w", err)
		}
		if words := denial(err); words != "" {
			return fmt.Errorf("%s: %w", words, err)
		}
		return err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.asked = true
	return nil
}
