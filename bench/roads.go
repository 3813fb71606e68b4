package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http/httptest"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"

	"simscim/config"
	"simscim/connector"
	"simscim/connector/ledger/sqlledger"
	"simscim/connector/source"
	"simscim/connector/target"
	"simscim/connector/target/entra"
	"simscim/connector/target/okta"
	"simscim/internal/secret"
	entraworld "simscim/sandbox/entra"
	oktaworld "simscim/sandbox/okta"
)

// multi is a trust of 60 schools, as large as the largest there are.
var multi = roll{Seed: seed, Sites: 60, People: 1_700}

// churn is how many people come, how many go and how many change in a night: 0.5 % in all.
func (r roll) churn() int { return r.users() / 200 / 3 }

// entraTrust is the trust's way into Entra ID, whose uploads of 50 are counted by the day.
func entraTrust(ctx context.Context, b *bench) ([]figure, error) {
	r, err := b.measure(ctx, task{What: "entra", Roll: multi, Parallel: 2, Ledger: filepath.Join(b.dir, "entra.db")})
	if err != nil {
		return nil, err
	}
	first, second, night := float64(r.Calls[0]), float64(r.Calls[1]), float64(r.Calls[2])
	note := fmt.Sprintf("%d users of %d schools; %.0f on the first day, %.0f on the second, %.0f s", multi.users(), multi.Sites, first, second, r.Seconds)
	return []figure{
		{What: "uploads of the first load", Unit: "requests", Value: first + second, Bound: "<=", Limit: float64((multi.users() + 49) / 50), Note: note},
		{What: "uploads of the first day", Unit: "requests", Value: first, Bound: "<=", Limit: 2_000, Note: "what a tenant may do in 24 hours"},
		{What: "uploads of a night", Unit: "requests", Value: night, Bound: "<=", Limit: 11, Note: fmt.Sprintf("%d come, as many go, and as many change", multi.churn())},
		memory("peak memory", r, 0, "the look-alike's included"),
	}, nil
}

// oktaTrust is the trust's way into Okta, in sessions of 50 requests of 200 users.
func oktaTrust(ctx context.Context, b *bench) ([]figure, error) {
	r, err := b.measure(ctx, task{What: "okta", Roll: multi, Parallel: 2, Ledger: filepath.Join(b.dir, "okta.db"), Extras: addressed})
	if err != nil {
		return nil, err
	}
	const most = oktaworld.MaxLoads * oktaworld.MaxEntities
	return []figure{
		{
			What: "sessions of the first load", Value: float64(r.Calls[0]), Bound: "<=", Limit: float64((multi.users() + most - 1) / most),
			Note: fmt.Sprintf("%d users of %d schools, %.0f s", multi.users(), multi.Sites, r.Seconds),
		},
		memory("peak memory", r, 0, "the look-alike's included"),
	}, nil
}

// addressed gives everybody an address, without which Okta and a feed take nobody.
var addressed = extras{Attributes: "        emails[type eq \"work\"].value: userName\n"}

// clock is a time that the measurement moves.
type clock struct{ at atomic.Int64 }

func newClock() *clock {
	c := &clock{}
	c.at.Store(today().UnixNano())
	return c
}

func (c *clock) now() time.Time          { return time.Unix(0, c.at.Load()).UTC() }
func (c *clock) advance(d time.Duration) { c.at.Add(int64(d)) }
func (c *clock) wait(ctx context.Context, d time.Duration) error {
	c.advance(d)
	return ctx.Err()
}

// patient lets time pass for the provisioning log, while the engine waits for it.
type patient struct {
	*entra.Target
	clock *clock
}

func (p patient) Results(ctx context.Context, pending []target.Pending) ([]target.Result, error) {
	p.clock.advance(6 * time.Minute)
	return p.Target.Results(ctx, pending)
}

// entraTask loads the trust, goes on the day after, and then has a night as any other.
func entraTask(ctx context.Context, t *task) (*result, error) {
	c := newClock()
	// What is counted by the second is left out, since the clock stands still meanwhile.
	tenant := entraworld.New(entraworld.Options{
		Seed: seed, Now: c.now, Domains: []string{"oakfield.sch.uk"}, EmployeeIDMax: 64, TokenTTL: 365 * 24 * time.Hour, PageSize: 1000,
		Limits: entraworld.Limits{Uploads: -1, LogReads: -1, ResourceUnits: -1, Writes: -1},
	})
	web := httptest.NewServer(tenant.Handler())
	defer web.Close()
	client, job := tenant.Clients()[0], tenant.Jobs()[0]
	id, err := keep(t, "client", client.ID)
	if err != nil {
		return nil, err
	}
	key, err := keep(t, "key", client.Secret)
	if err != nil {
		return nil, err
	}
	cfg := &config.Target{
		Name: targetName, Type: "entra-inbound", Tenant: tenant.Tenant(), ServicePrincipal: job.ServicePrincipal, Job: job.ID, GroupKind: "security",
		Cloud: "custom", Login: web.URL, Graph: web.URL,
		Auth: config.TargetAuth{Type: "secret", ClientID: id, ClientSecret: key},
	}
	open := func(books *sqlledger.Ledger) (target.Target, error) {
		made, err := entra.New(cfg, entra.Options{Now: c.now, Counter: books, Unpaced: true})
		return patient{made, c}, err
	}
	t.Extras.End = "leavers: {graceSnapshots: 1, graceHours: 0}\n"
	src := &rollSource{roll: t.Roll, now: c.now}
	r, stop := &result{}, watch()
	for i, src := range []source.Source{src, src, &churned{src}} {
		tenant.ResetRequests()
		report, err := trustSync(ctx, t, src, c, open)
		if err != nil {
			return nil, err
		}
		if n := report.Totals.ByStatus[connector.Done]; i > 0 && n != t.Roll.Sites {
			return nil, fmt.Errorf("sync %d: of %d schools %v: %s", i+1, n, report.Totals.ByStatus, report.Runs[0].Reason)
		}
		r.Calls = append(r.Calls, int64(tenant.Requests()[entraworld.Uploads]))
		c.advance(24 * time.Hour)
	}
	if err := stop(r); err != nil {
		return nil, err
	}
	suspended := 0
	users := tenant.Snapshot().Users
	for _, u := range users {
		if !u.Enabled {
			suspended++
		}
	}
	if len(users) != t.Roll.users()+t.Roll.churn() || suspended != t.Roll.churn() {
		return nil, fmt.Errorf("the tenant has %d users, of whom %d are suspended", len(users), suspended)
	}
	return r, nil
}

// oktaTask loads the trust.
func oktaTask(ctx context.Context, t *task) (*result, error) {
	c := newClock()
	org := oktaworld.New(oktaworld.Options{Seed: seed, Now: c.now, ImportTakes: time.Minute, PerMinute: 1_000_000})
	web := httptest.NewServer(org.Handler())
	defer web.Close()
	key, err := keep(t, "key", org.Token())
	if err != nil {
		return nil, err
	}
	cfg := &config.Target{
		Name: targetName, Type: "okta-identity-source", URL: web.URL, Source: org.Sources()[0],
		ConfirmWithin: config.Duration{Duration: 20 * time.Minute}, Auth: config.TargetAuth{Type: "ssws", Token: key},
	}
	r, stop := &result{}, watch()
	report, err := trustSync(ctx, t, &rollSource{roll: t.Roll, now: c.now}, c, func(*sqlledger.Ledger) (target.Target, error) {
		return okta.New(cfg, okta.Options{Now: c.now, Wait: c.wait})
	})
	if err := cmp.Or(err, stop(r)); err != nil {
		return nil, err
	}
	s := org.Snapshot(org.Sources()[0])
	if len(s.Users) != t.Roll.users() || report.Totals.ByStatus[connector.Done] != t.Roll.Sites {
		return nil, fmt.Errorf("the organisation has %d users, and of the schools %v", len(s.Users), report.Totals.ByStatus)
	}
	r.Calls = []int64{int64(len(s.Sessions))}
	return r, nil
}

// trustSync opens everything, syncs by the clock and closes it again.
func trustSync(
	ctx context.Context, t *task, src source.Source, c *clock, open func(*sqlledger.Ledger) (target.Target, error),
) (_ *connector.Report, err error) {
	_, routes, err := configure("http://127.0.0.1:1/scim/v2", 1, t.Extras)
	if err != nil {
		return nil, err
	}
	books, err := sqlledger.Open(ctx, "file:"+t.Ledger, sqlledger.Options{Now: c.now})
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, books.Close()) }() //nolint:contextcheck // what is confirmed is kept, whatever has ended
	directory, err := open(books)
	if err != nil {
		return nil, err
	}
	engine, err := connector.New(connector.Options{
		Sources: map[string]source.Source{sourceName: src}, Targets: map[string]target.Target{targetName: directory},
		Ledger: books, Routes: routes, Parallel: t.Parallel, Now: c.now, Pause: time.Millisecond,
	})
	if err != nil {
		return nil, err
	}
	return engine.Sync(ctx, connector.Selection{}, connector.Manner{})
}

// keep writes a secret beside the ledger, and returns the reference to it.
func keep(t *task, name, value string) (secret.Ref, error) {
	path := t.Ledger + "." + name
	if err := os.WriteFile(path, []byte(value), 0o600); err != nil {
		return secret.Ref{}, fmt.Errorf("keep a secret: %w", err)
	}
	return secret.ParseRef("file:" + path)
}
