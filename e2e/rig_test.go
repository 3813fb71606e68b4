// Package e2e_test plays the main job from one end to the other: a sandbox world, read
// by the SIMS ID source, mapped and planned by the engine, and pushed to a real SCIM
// server over HTTP, all wired by a configuration file as the program does it.
//
// What should have arrived is worked out here from the world itself, by the rules that
// people are told (see oracle_test.go), never from the mapper or the plan.
package e2e_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/rsa"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"simscim/config"
	"simscim/connector"
	"simscim/connector/handover"
	"simscim/connector/ledger"
	"simscim/connector/ledger/sqlledger"
	"simscim/connector/plan"
	"simscim/connector/source"
	"simscim/connector/source/simsid"
	"simscim/connector/target"
	"simscim/connector/target/generic"
	"simscim/internal/telemetry"
	"simscim/sandbox"
	"simscim/sandbox/idp"
	"simscim/sandbox/world"
)

// signer is one key for all sandboxes: making one takes longer than a sync.
var signer = sync.OnceValues(func() (*rsa.PrivateKey, error) { return rsa.GenerateKey(rand.Reader, 2048) })

// setup chooses a rig.
type setup struct {
	preset string
	seed   uint64
	// url and token are of a target of one's own; without them it is the sandbox's.
	url, token string
	// personality is the kind of server that the sandbox's identity provider plays.
	personality string
	// edit changes the configuration text before it is read.
	edit func(string) string
	// source stands in for the SIMS ID source.
	source func(source.Source) source.Source
	// watch is told how runs get on.
	watch func(connector.Event)
	// target makes the target, and look reads what is there, where that is no SCIM server.
	target func(*rig, *config.Target) (target.Target, error)
	look   func() ([]account, []band)
	// pause is how long a run waits before it asks again what became of changes.
	pause time.Duration
}

// rig is simscim wired to a sandbox, and a view of what is at the target.
type rig struct {
	setup
	t       *testing.T
	box     *sandbox.Sandbox
	idp     *idp.IDP
	dir     string
	engine  *connector.Engine
	ledger  ledger.Ledger
	metrics *telemetry.Metrics
	log     *lines
	there   *directory
	oracle  *oracle
	close   func()
}

// lines collects log lines.
type lines struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// newRig starts a sandbox and wires simscim to it by a configuration file.
func newRig(t *testing.T, s setup) *rig {
	t.Helper()
	r := &rig{setup: s, t: t, dir: t.TempDir(), log: &lines{}}
	key, err := signer()
	check(t, err)
	now := func() time.Time {
		if r.box == nil { // while it is being made
			return world.DefaultStart()
		}
		return r.box.World().Now()
	}
	r.idp = idp.New(idp.Options{Seed: s.seed, Now: now, Personality: s.personality})
	box, err := sandbox.New(sandbox.Options{Preset: s.preset, Seed: s.seed, Now: now, Key: key, IDP: r.idp})
	check(t, err)
	r.box = box
	running, err := box.Listen(t.Context(), "127.0.0.1:0")
	check(t, err)
	t.Cleanup(func() {
		if err := running.Close(); err != nil {
			t.Errorf("stop the sandbox: %v", err)
		}
	})
	if r.url == "" {
		r.url, r.token = box.Credentials().SCIM, r.idp.Token()
	}
	r.there = &directory{url: r.url, token: r.token}
	r.oracle = newOracle(box.World())
	check(t, os.WriteFile(r.configFile(), []byte(r.configText()), 0o600))
	r.open()
	t.Cleanup(func() { r.close() })
	return r
}

func (r *rig) configFile() string { return filepath.Join(r.dir, "simscim.yaml") }

// configText is the sandbox's own configuration. Secrets come from files, because tests
// that run side by side share one environment.
func (r *rig) configText() string {
	text := r.box.Config("file:" + filepath.Join(r.dir, "simscim.db"))
	text = strings.ReplaceAll(text, r.box.Credentials().SCIM, r.url)
	for _, kv := range r.box.Env() {
		name, value, _ := strings.Cut(kv, "=")
		if strings.HasSuffix(name, "_TOKEN") {
			value = r.token
		}
		file := filepath.Join(r.dir, name)
		check(r.t, os.WriteFile(file, []byte(value+"\n"), 0o600))
		text = strings.ReplaceAll(text, "env:"+name, "file:"+file)
	}
	if r.edit != nil {
		text = r.edit(text)
	}
	return text
}

// open wires everything as the program does at its start. Only the waits between
// attempts are shorter.
func (r *rig) open() {
	r.t.Helper()
	cfg, problems := config.Load(r.configFile())
	if len(problems) > 0 {
		r.t.Fatalf("the configuration has problems:\n%v", problems)
	}
	routes, problems := connector.Compile(cfg)
	if len(problems) > 0 {
		r.t.Fatalf("the rules have problems:\n%v", problems)
	}
	log, err := telemetry.New("debug", r.log, telemetry.JSON)
	check(r.t, err)
	r.metrics, err = telemetry.NewMetrics(telemetry.MetricsOptions{Version: "test", SiteLabel: true})
	check(r.t, err)
	now := r.box.World().Now
	sources, targets := map[string]source.Source{}, map[string]target.Target{}
	for name, c := range cfg.Sources {
		src, err := simsid.New(c, simsid.Options{
			Now: now, Log: log, MinWait: time.Millisecond, MaxWait: 10 * time.Millisecond, Retries: 2,
			Observe: func(_ string, status int, _ time.Duration) { r.metrics.Request(telemetry.ToSource, name, status) },
		})
		check(r.t, err)
		sources[name] = src
		if r.source != nil {
			sources[name] = r.source(src)
		}
	}
	l, err := sqlledger.Open(r.t.Context(), cfg.Store.DSN, sqlledger.Options{Now: now})
	check(r.t, err)
	r.ledger = l
	folders := map[string]*handover.Folder{}
	for name, c := range cfg.Targets {
		if c.Handover != nil {
			folders[name], err = handover.New(c.Handover.Dir, c.Handover.Recipients)
			check(r.t, err)
		}
		if r.target != nil {
			targets[name], err = r.target(r, c)
			check(r.t, err)
			continue
		}
		targets[name], err = generic.New(c, generic.Options{
			Now: now, Log: log, MinWait: time.Millisecond, Unpaced: true,
			Observe: func(_ string, status int, _ time.Duration) { r.metrics.Request(telemetry.ToTarget, name, status) },
		})
		check(r.t, err)
	}
	r.close = sync.OnceFunc(func() {
		if err := l.Close(); err != nil {
			r.t.Errorf("close the ledger: %v", err)
		}
	})
	r.engine, err = connector.New(connector.Options{
		Sources: sources, Targets: targets, Ledger: l, Routes: routes, Handover: folders, Parallel: cfg.Run.Parallel,
		Pause: r.pause, Now: now, Log: log, Watch: r.measured,
	})
	check(r.t, err)
}

// measured feeds the metrics as the program does.
func (r *rig) measured(ev connector.Event) {
	if run := ev.Ended; run != nil {
		r.metrics.RunEnded(run.Site, run.Target, string(run.Status), time.Duration(run.Seconds*float64(time.Second)), r.box.World().Now())
		for counter, tally := range run.Changes {
			if tally.Applied != nil {
				r.metrics.Changes(string(counter), run.Target, "applied", *tally.Applied)
				r.metrics.Changes(string(counter), run.Target, "failed", *tally.Failed)
			}
		}
	}
	if r.watch != nil {
		r.watch(ev)
	}
}

// rewrite writes the configuration anew and starts with it.
func (r *rig) rewrite() {
	r.t.Helper()
	check(r.t, os.WriteFile(r.configFile(), []byte(r.configText()), 0o600))
	r.restart()
}

// lastRun is the id of the newest run.
func (r *rig) lastRun() int64 {
	r.t.Helper()
	runs, err := r.ledger.Runs(r.t.Context(), "", 1)
	check(r.t, err)
	return runs[0].ID
}

// restart is the end of one process and the beginning of another.
func (r *rig) restart() {
	r.t.Helper()
	r.close()
	r.open()
}

// sync runs a sync that must go well.
func (r *rig) sync() *connector.Report {
	r.t.Helper()
	report := r.try(r.t.Context())
	for _, run := range report.Runs {
		if run.Status != connector.Done {
			r.t.Fatalf("%s: %s: %s %+v", run.Name, run.Status, run.Reason, run.Troubles)
		}
	}
	return report
}

// try runs a sync that may end in any way.
func (r *rig) try(ctx context.Context) *connector.Report {
	r.t.Helper()
	report, err := r.engine.Sync(ctx, connector.Selection{}, connector.Manner{})
	check(r.t, err)
	return report
}

// syncAndCompare syncs, reads everything back and compares it with what the world says;
// then it syncs once more, which must not send anything to the target.
func (r *rig) syncAndCompare() {
	r.t.Helper()
	r.sync()
	r.oracle.synced()
	r.compare()
	report := r.sync()
	r.oracle.synced()
	r.quiet(report)
}

// syncAndSettle is syncAndCompare for when people went from one school to another. An
// account moves to the new school when the grace at the old one is over; if the new
// school's turn came earlier in that sync, its attributes follow with the next one.
func (r *rig) syncAndSettle() {
	r.t.Helper()
	r.sync()
	r.oracle.synced()
	r.compare()
	r.settle(r.sync)
}

// settle syncs twice more: once for what may follow, and once for nothing at all.
func (r *rig) settle(sync func() *connector.Report) {
	r.t.Helper()
	for counter, tally := range sync().Totals.Changes {
		if counter != plan.Counter(plan.UpdateUser) || tally.Planned > len(r.oracle.accounts)/20 {
			r.t.Errorf("the sync after led to %d × %s", tally.Planned, counter)
		}
	}
	r.oracle.synced()
	r.compare()
	report := sync()
	r.oracle.synced()
	r.quiet(report)
}

// quiet wants a report without a change and without a request to the target.
func (r *rig) quiet(report *connector.Report) {
	r.t.Helper()
	if n := report.Totals.Requests.Target; n != 0 {
		r.t.Errorf("an unchanged roll led to %d requests to the target", n)
	}
	for counter, tally := range report.Totals.Changes {
		r.t.Errorf("an unchanged roll led to %d × %s", tally.Planned, counter)
	}
}

// compare reads everything back, object by object, and compares it with the oracle.
func (r *rig) compare() {
	r.t.Helper()
	read := func() ([]account, []band) { return r.there.read(r.t) }
	if r.look != nil {
		read = r.look
	}
	users, groups := read()
	for _, problem := range r.oracle.compare(users, groups) {
		r.t.Error(problem)
	}
	if r.t.Failed() {
		r.t.FailNow()
	}
}

// do makes something happen in the world.
func (r *rig) do(report world.Report, err error) world.Report {
	r.t.Helper()
	check(r.t, err)
	return report
}

// current are the people of a school who are on the roll today, in a fixed order.
func (r *rig) current(site int, kind world.Kind) []*world.Person {
	w := r.box.World()
	var list []*world.Person
	for _, p := range w.People(r.siteID(site), kind) {
		if p.State(w.Today()) == world.Current && p.End == 0 && p.Master == uuid.Nil {
			list = append(list, p)
		}
	}
	return list
}

func (r *rig) siteID(i int) uuid.UUID { return r.box.World().Sites()[i].ID }

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
