package e2e_test

import (
	"crypto/rand"
	"encoding/base64"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"testing"
	"time"

	"simscim/config"
	"simscim/connector"
	"simscim/connector/ledger"
	"simscim/connector/ledger/sqlledger"
	"simscim/connector/plan"
	"simscim/connector/source"
	"simscim/connector/source/simsid"
	"simscim/connector/target"
	"simscim/connector/target/entra"
	"simscim/connector/target/feed"
	"simscim/connector/target/generic"
	"simscim/connector/target/okta"
	"simscim/internal/secret"
	"simscim/internal/secret/secrettest"
	"simscim/sandbox"
	entrabox "simscim/sandbox/entra"
	oktabox "simscim/sandbox/okta"
	"simscim/sandbox/world"
)

// example is a file of examples/ on its way to the sandbox: hosts, ids and secrets are
// the sandbox's, and all else is as it stands in the file.
type example struct {
	*testing.T
	box    *sandbox.Sandbox
	now    func() time.Time
	ledger ledger.Ledger
}

// TestExamples loads each example as it stands, and plans a first sync with it.
func TestExamples(t *testing.T) {
	t.Parallel()
	aim := map[string]struct {
		target string
		open   func(*example, *config.Target) (target.Target, error)
		// account tells whether the rules give the person an account.
		account func(*world.Person) bool
	}{
		"trust-entra.yaml":     {"entra", (*example).entra, anybody},
		"trust-okta.yaml":      {"okta", (*example).okta, anybody},
		"trust-okta-feed.yaml": {"okta", (*example).feed, anybody},
		"vendor-scim.yaml":     {"product", (*example).scim, func(p *world.Person) bool { return p.Kind == world.Student || p.Teaching }},
	}
	files, err := filepath.Glob("../examples/*.yaml")
	check(t, err)
	if len(files) != len(aim) {
		t.Errorf("there are %d examples, and %d of them are tried", len(files), len(aim))
	}
	for name, a := range aim {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cfg, problems := config.Load("../examples/" + name)
			if len(problems) > 0 {
				t.Fatalf("the configuration has problems:\n%v", problems)
			}
			routes, problems := connector.Compile(cfg)
			if len(problems) > 0 {
				t.Fatalf("the rules have problems:\n%v", problems)
			}
			x := newExample(t)
			there, err := a.open(x, cfg.Targets[a.target])
			check(t, err)
			x.plans(cfg, routes, map[string]target.Target{a.target: there}, a.account)
		})
	}
}

func anybody(*world.Person) bool { return true }

func newExample(t *testing.T) *example {
	t.Helper()
	x := &example{T: t, now: world.DefaultStart}
	key, err := signer()
	check(t, err)
	x.box, err = sandbox.New(sandbox.Options{Preset: "mat-small", Seed: 77, Now: x.now, Key: key})
	check(t, err)
	running, err := x.box.Listen(t.Context(), "127.0.0.1:0")
	check(t, err)
	t.Cleanup(func() { check(t, running.Close()) })
	x.ledger, err = sqlledger.Open(t.Context(), "file:"+filepath.Join(t.TempDir(), "simscim.db"), sqlledger.Options{Now: x.now})
	check(t, err)
	t.Cleanup(func() { check(t, x.ledger.Close()) })
	return x
}

// plans wants a plan that makes the accounts and groups of every school, and nothing that
// is not as it should be.
func (x *example) plans(cfg *config.Config, routes *connector.Routes, targets map[string]target.Target, account func(*world.Person) bool) {
	x.Helper()
	src, err := x.source(cfg.Sources["sims"])
	check(x, err)
	engine, err := connector.New(connector.Options{
		Sources: map[string]source.Source{"sims": src}, Targets: targets, Ledger: x.ledger, Routes: routes, Now: x.now,
	})
	check(x, err)
	report, err := engine.Plan(x.Context(), connector.Selection{}, connector.Manner{})
	check(x, err)
	runs := map[string]*connector.Run{}
	for _, run := range report.Runs {
		if run.Status != connector.Done || len(run.Troubles) > 0 || len(run.Dropped) > 0 {
			x.Errorf("%s: %s: %s %+v %+v", run.Name, run.Status, run.Reason, run.Troubles, run.Dropped)
		}
		runs[run.Site] = run
	}
	users := map[string]bool{}
	for _, roll := range x.box.World().Rolls() {
		run := runs[roll.Site.ID.String()]
		if run == nil {
			x.Errorf("%s has no plan", roll.Site.ID)
			continue
		}
		there := 0
		for human, p := range presentAt(roll, world.DateOf(x.now())) {
			if account(p) {
				there++
				users[human] = true
			}
		}
		if got := planned(run, plan.CreateUser); got != there {
			x.Errorf("%s: %d accounts are planned for %d people", run.Name, got, there)
		}
		if got := planned(run, plan.CreateGroup); got == 0 || got < classes(roll) {
			x.Errorf("%s: %d groups are planned, and there are %d classes", run.Name, got, classes(roll))
		}
	}
	if len(users) < 1000 {
		x.Errorf("only %d people were mapped", len(users))
	}
}

func classes(roll *world.Roll) (n int) {
	for _, g := range roll.Groups() {
		if g.Kind == world.Class {
			n++
		}
	}
	return n
}

// planned counts the changes of one action.
func planned(run *connector.Run, a plan.Action) int {
	if tally := run.Changes[plan.Counter(a)]; tally != nil {
		return tally.Planned
	}
	return 0
}

func (x *example) secret(content string) secret.Ref { return secrettest.File(x.T, content) }

// serve makes a look-alike reachable.
func (x *example) serve(h http.Handler) (url string) {
	s := httptest.NewServer(h)
	x.Cleanup(s.Close)
	return s.URL
}

func (x *example) source(cfg *config.Source) (source.Source, error) {
	c := x.box.Credentials()
	cfg.Environment, cfg.STS, cfg.Provisioning, cfg.Management = "custom", c.STS, c.Provisioning, c.Management
	cfg.Vendor.Application, cfg.Vendor.Organisation = c.Vendor.Application.String(), c.Vendor.Organisation.String()
	cfg.Vendor.ClientID, cfg.Vendor.ClientSecret = x.secret(c.Vendor.ClientID), x.secret(c.Vendor.ClientSecret.Reveal())
	cfg.Limits.PerSecond = 0
	return simsid.New(cfg, simsid.Options{Now: x.now, MinWait: time.Millisecond})
}

func (x *example) entra(cfg *config.Target) (target.Target, error) {
	s := entrabox.New(entrabox.Options{Now: x.now, Domains: []string{"trust.example"}})
	client, job, at := s.Clients()[0], s.Jobs()[0], x.serve(s.Handler())
	cfg.Cloud, cfg.Login, cfg.Graph = "custom", at, at
	cfg.Tenant, cfg.ServicePrincipal, cfg.Job = s.Tenant(), job.ServicePrincipal, job.ID
	cfg.Auth = config.TargetAuth{Type: "secret", ClientID: x.secret(client.ID), ClientSecret: x.secret(client.Secret)}
	return entra.New(cfg, entra.Options{Now: x.now, Counter: x.ledger, Unpaced: true, MinWait: time.Millisecond})
}

func (x *example) okta(cfg *config.Target) (target.Target, error) {
	org := oktabox.New(oktabox.Options{Now: x.now, PerMinute: 1_000_000})
	cfg.URL, cfg.Source = x.serve(org.Handler()), org.Sources()[0]
	cfg.Auth = config.TargetAuth{Type: "ssws", Token: x.secret(org.Token())}
	cfg.Limits.PerSecond = 0
	return okta.New(cfg, okta.Options{Now: x.now, MinWait: time.Millisecond})
}

func (x *example) feed(cfg *config.Target) (target.Target, error) {
	key := make([]byte, 32)
	_, err := rand.Read(key)
	check(x, err)
	f, err := feed.Open(x.Context(), feed.Options{
		Name: cfg.Name, Path: filepath.Join(x.TempDir(), "feed.db"), Key: secret.New(base64.StdEncoding.EncodeToString(key)),
		Tokens: []secret.Value{secret.New("sandbox-feed-token")}, BasePath: cfg.Path, Now: x.now,
	})
	if err != nil {
		return nil, err
	}
	x.Cleanup(func() { check(x, f.Close()) })
	_, err = f.Handler() // which looks at the path
	return f, err
}

func (x *example) scim(cfg *config.Target) (target.Target, error) {
	c := x.box.Credentials()
	cfg.URL, cfg.Auth.Token = c.SCIM, x.secret(c.IDPToken.Reveal())
	return generic.New(cfg, generic.Options{Now: x.now, MinWait: time.Millisecond, Unpaced: true})
}
