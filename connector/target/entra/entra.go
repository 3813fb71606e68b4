// Package entra is the target for Microsoft Entra ID: users go by API-driven inbound
// provisioning (bulkUpload), groups and their members by Microsoft Graph, which is also
// where both are read.
//
// An upload is an answer of 202 and no more. What became of a user is told later by the
// provisioning log, and only then is it confirmed. The service itself decides by its
// matching attribute whether a record creates or updates, so that sending one twice does
// no harm. There is no delete: leavers are suspended.
//
// Groups are made by their uniqueName, which is our key in safe characters: making one
// twice gives one group. Members are added in twenties and removed one by one, many of
// these to a batch; "already there" and "not there any more" are successes.
//
// Invariants: a user is never deleted, and the URL that would do it by way of a group
// cannot be built; no call to bulkUpload is made that the tenant's day does not hold; no
// error or advice holds a value of the object that it is about.
package entra

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"go.uber.org/zap"
	"golang.org/x/time/rate"

	"simscim/config"
	"simscim/connector/target"
	"simscim/internal/auth"
	"simscim/internal/httpx"
)

// Options is what the configuration does not say.
type Options struct {
	// Now is the clock; nil is time.Now.
	Now func() time.Time
	// Log gets one debug line a request, without any content; nil is none.
	Log *zap.Logger
	// Observe is told of every request to Graph; status is 0 when there was no answer.
	Observe func(route string, status int, took time.Duration)
	// Counter counts the uploads of the day, in a store that all processes share.
	Counter Counter
	// Unpaced leaves Microsoft's rates out, against a look-alike that has none.
	Unpaced bool
	// MinWait is the first wait before a request is repeated, doubling from there; 0 is
	// 250 ms.
	MinWait time.Duration
}

// Counter lets no more than limit calls be taken in any time of length per.
type Counter interface {
	// Take takes n calls, or returns false and takes none.
	Take(ctx context.Context, key string, n int, per time.Duration, limit int) (ok bool, err error)
}

const (
	// retries of one request, with growing waits.
	retries = 5
	// maxWait is the longest wait that Graph may ask for before the object is left for
	// the next run.
	maxWait = time.Minute
	// uploadsPerSecond stays below 40 in 5 seconds, readsPerSecond of the log below 5 in
	// 10 seconds.
	uploadsPerSecond, readsPerSecond = 7.5, 0.48
	// writesPerSecond and writesAtOnce keep the writes of users, groups and members, parts
	// of batches included, below 3,000 in any 150 seconds.
	writesPerSecond, writesAtOnce = 16, 500
)

// Target is one tenant with its provisioning job.
type Target struct {
	name  string
	cfg   *config.Target
	now   func() time.Time
	count Counter
	// minWait is the first wait between tries of our own.
	minWait   time.Duration
	authorize auth.Authorize
	// graph is for users and groups, upload for bulkUpload and log for the provisioning
	// log: each has a limit of its own at Microsoft.
	graph, upload, log *httpx.Client
	// base is where Graph stands, with its version.
	base string
	// writes paces what changes something; the parts of a batch count each for itself.
	writes *rate.Limiter

	mu    sync.Mutex
	caps  target.Capabilities
	known bool
	// hindered says that the job processed nothing when it was asked how it is.
	hindered bool
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
	where, err := cloudOf(cfg)
	if err != nil {
		return nil, err
	}
	if err := check(cfg, o); err != nil {
		return nil, err
	}
	authorize, err := signIn(cfg, o, where)
	if err != nil {
		return nil, fmt.Errorf("auth: %w", err)
	}
	t := &Target{
		name: cfg.Name, cfg: cfg, authorize: authorize, now: o.Now, count: o.Counter, minWait: cmp.Or(o.MinWait, 250*time.Millisecond),
		base: where.graph + "/v1.0", writes: rate.NewLimiter(writesPerSecond, writesAtOnce),
	}
	if t.now == nil {
		t.now = time.Now
	}
	pace := func(perSecond float64) float64 { return perSecond }
	if o.Unpaced {
		t.writes = rate.NewLimiter(rate.Inf, 0)
		pace = func(float64) float64 { return 0 }
	}
	options := httpx.Options{
		BaseURL: t.base, PerSecond: cfg.Limits.PerSecond, InFlight: max(cfg.Limits.InFlight, 1),
		Timeout: cmp.Or(cfg.Timeout.Duration, 30*time.Second), Retries: retries, MinWait: o.MinWait, MaxWait: maxWait,
		CAFile: cfg.CAFile, Authorize: authorize, Log: o.Log, Observe: o.Observe,
	}
	if t.graph, err = httpx.New(options); err != nil {
		return nil, err
	}
	options.PerSecond, options.InFlight = pace(uploadsPerSecond), 1
	if t.upload, err = httpx.New(options); err != nil {
		return nil, err
	}
	options.PerSecond = pace(readsPerSecond)
	t.log, err = httpx.New(options)
	return t, err
}

// check refuses what no request could be made with.
func check(cfg *config.Target, o Options) error {
	switch {
	case cfg.Tenant == "" && cfg.Auth.Type != "managed-identity":
		return errors.New("tenant: the id or a domain of the Entra tenant is needed")
	case cfg.ServicePrincipal == "" || cfg.Job == "":
		return errors.New("servicePrincipal and job are needed: they stand in the Provisioning API Endpoint of the provisioning app")
	case o.Counter == nil:
		return errors.New("there is nothing to count the day's uploads with")
	}
	return nil
}

// Requests counts the HTTP requests sent so far, retries included. Those for tokens are
// not among them.
func (t *Target) Requests() int64 {
	return t.graph.Requests() + t.upload.Requests() + t.log.Requests()
}
