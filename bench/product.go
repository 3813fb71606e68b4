package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"simscim/bench/stub"
	"simscim/config"
	"simscim/connector"
	"simscim/connector/ledger/sqlledger"
	"simscim/connector/plan"
	"simscim/connector/source"
	"simscim/connector/target"
	"simscim/connector/target/generic"
	"simscim/scim"
)

const (
	tokenEnv = "BENCH_TOKEN"
	token    = "a-token-for-the-stub"
)

// configuration is what is measured: five attributes besides active, each account in
// the groups of its classes, no limit on the rate. extras add to it.
const configuration = `
version: 1
sources:
  roll:
    type: sims-id
    environment: sandbox
    credentials:
      - {organisation: 00000000-0000-4000-8000-000000000000, clientID: "env:BENCH_ID", clientSecret: "env:BENCH_SECRET"}
targets:
  directory:
    type: scim
    url: %[1]s
    auth: {type: bearer, token: "env:BENCH_TOKEN"}
    limits: {perSecond: 0, inFlight: %[2]d}
%[3]smappings:
  standard:
    users:
      include: person.state == 'current' && person.kind in ['student', 'staff']
      attributes:
        userName:
          unique:
            - ascii(person.givenName).substring(0, 1) + ascii(person.familyName) + '@' + site.vars.domain
            - ascii(person.givenName) + '.' + ascii(person.familyName) + '@' + site.vars.domain
        name.givenName: person.preferredGivenName
        name.familyName: person.preferredFamilyName
        displayName: person.preferredGivenName + ' ' + person.preferredFamilyName
        title: "person.kind == 'staff' ? 'Staff' : 'Year ' + person.yearGroup"
%[6]s    groups:
      - {from: class, displayName: "'OAK ' + group.name"}
%[4]ssites:
  - {match: "*", targets: [directory], mapping: standard, vars: {domain: oakfield.sch.uk}}
%[5]s`

// extras are further lines of the configuration: of the target, of the attributes and group
// rules, and after everything.
type extras struct{ Target, Groups, End, Attributes string }

const targetName = "directory"

// configure reads the configuration for a target at url.
func configure(url string, inFlight int, more extras) (*config.Config, *connector.Routes, error) {
	cfg, problems := config.Parse("bench.yaml", fmt.Appendf(nil, configuration, url, inFlight, more.Target, more.Groups, more.End, more.Attributes))
	if len(problems) > 0 {
		return nil, nil, problems
	}
	routes, problems := connector.Compile(cfg)
	if len(problems) > 0 {
		return nil, nil, problems
	}
	return cfg, routes, nil
}

// syncTask is one sync by a process that has just started: with a new ledger it is the
// first one, with an old ledger one over an unchanged roll.
func syncTask(ctx context.Context, t *task) (*result, error) {
	tape := &tape{}
	opts := stub.Options{Token: token, Delay: t.Delay, Now: time.Now}
	if t.Bodies != "" {
		opts.Record = tape.record
	}
	server, err := stub.Start(ctx, opts)
	if err != nil {
		return nil, err
	}
	defer server.Close()
	src := &rollSource{roll: t.Roll, now: time.Now}
	if t.Held {
		if err := src.hold(ctx); err != nil {
			return nil, err
		}
	}
	r, stop := &result{}, watch()
	report, err := syncOnce(ctx, t, src, server.URL())
	if err := cmp.Or(err, stop(r)); err != nil {
		return nil, err
	}
	r.ReadSeconds, r.Requests = time.Duration(src.spent.Load()).Seconds(), server.Requests()
	if err := verify(report, t, server); err != nil {
		return nil, err
	}
	return r, tape.save(t.Bodies)
}

// syncOnce opens everything, syncs and closes it again, as `simscim sync` does.
func syncOnce(ctx context.Context, t *task, src source.Source, url string) (_ *connector.Report, err error) {
	cfg, routes, err := configure(url, t.InFlight, t.Extras)
	if err != nil {
		return nil, err
	}
	books, err := sqlledger.Open(ctx, "file:"+t.Ledger, sqlledger.Options{})
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, books.Close()) }() //nolint:contextcheck // what is confirmed is kept, whatever has ended
	var directory target.Target = nod{}
	if !t.Nod {
		if directory, err = generic.New(cfg.Targets[targetName], generic.Options{}); err != nil {
			return nil, err
		}
	}
	engine, err := connector.New(connector.Options{
		Sources: map[string]source.Source{sourceName: src}, Targets: map[string]target.Target{targetName: directory},
		Ledger: books, Routes: routes, Parallel: t.Parallel, Now: time.Now,
	})
	if err != nil {
		return nil, err
	}
	return engine.Sync(ctx, connector.Selection{}, connector.Manner{})
}

// verify makes sure that the work was done that is being timed.
func verify(report *connector.Report, t *task, server *stub.Server) error {
	want := t.Roll
	for _, run := range report.Runs {
		if run.Status != connector.Done {
			return fmt.Errorf("a run ended as %s: %s", run.Status, run.Reason)
		}
	}
	if len(report.Runs) != want.Sites {
		return fmt.Errorf("%d sites were worked on instead of %d", len(report.Runs), want.Sites)
	}
	if t.Again {
		if len(report.Totals.Changes) > 0 {
			return errors.New("there were changes over an unchanged roll")
		}
		return nil
	}
	for counter, n := range map[plan.Counter]int{
		plan.Counter(plan.CreateUser): want.users(), plan.Counter(plan.CreateGroup): want.groups(), plan.AddMember: want.memberships(),
	} {
		if tally := report.Totals.Changes[counter]; tally == nil || tally.Applied == nil || *tally.Applied != n {
			return fmt.Errorf("the report does not count %d of %s", n, counter)
		}
	}
	if t.Nod {
		return nil
	}
	users, _ := server.Count(scim.User)
	groups, members := server.Count(scim.Group)
	if users != want.users() || groups != want.groups() || members != want.memberships() {
		return fmt.Errorf("the target has %d users, %d groups and %d members", users, groups, members)
	}
	return nil
}
