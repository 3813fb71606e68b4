package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"go.uber.org/zap"

	"simscim/config"
	"simscim/connector"
	"simscim/connector/handover"
	"simscim/connector/ledger"
	"simscim/connector/ledger/sqlledger"
	"simscim/connector/notice"
	"simscim/connector/schedule"
	"simscim/connector/source"
	"simscim/connector/target"
	"simscim/internal/telemetry"
)

// app is everything wired together.
type app struct {
	cfg     *config.Config
	routes  *connector.Routes
	sources map[string]source.Source
	targets map[string]target.Target
	// handover are the folders that first passwords go to, by target.
	handover map[string]*handover.Folder
	ledger   ledger.Ledger
	engine   *connector.Engine
	log      *zap.Logger
	metrics  *telemetry.Metrics
	notices  *notice.Desk
}

// load reads and checks the configuration, rules included, and reports every problem.
func (c *cli) load() (*config.Config, *connector.Routes, error) {
	cfg, problems := config.Load(c.configs...)
	var routes *connector.Routes
	if cfg != nil {
		var more config.Problems
		routes, more = connector.Compile(cfg)
		problems = append(append(problems, more...), schedule.Check(cfg)...).Sort()
	}
	if len(problems) == 0 {
		return cfg, routes, nil
	}
	if len(c.configs) == 1 && missing(c.configs[0]) {
		return nil, nil, usageError(fmt.Errorf("there is no configuration %s\nTry: simscim init, or simscim demo to look around first", c.configs[0]))
	}
	for _, p := range problems {
		fmt.Fprintln(c.errOut, p)
	}
	return nil, nil, usageError(fmt.Errorf("the configuration has %s; nothing was done", count(len(problems), "problem")))
}

// opening says what a command needs of the store and of the engine.
type opening struct {
	// exclusive keeps every other simscim that writes away from the store.
	exclusive bool
	// rebuild puts the store aside first, when all else is known to be well.
	rebuild bool
	// day is a later day that is planned for.
	day time.Time
	// watch is told how a run gets on; it may be nil.
	watch func(connector.Event)
}

// selected makes the function of a command that works on the selected schools.
func (c *cli) selected(opens func() opening, work func(ctx context.Context, a *app, sel connector.Selection) error) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, _ []string) error {
		a, err := c.open(cmd.Context(), opens())
		if err != nil {
			return err
		}
		defer a.close()
		return work(cmd.Context(), a, c.selection())
	}
}

// open wires everything that the configuration names. Nothing is called yet.
func (c *cli) open(ctx context.Context, o opening) (*app, error) {
	log, err := telemetry.New(c.logLevel, c.errOut, c.logFormat())
	if err != nil {
		return nil, usageError(fmt.Errorf("--log-level: %w", err))
	}
	cfg, routes, err := c.load()
	if err != nil {
		return nil, err
	}
	return c.wire(ctx, cfg, routes, log, o)
}

func (c *cli) wire(ctx context.Context, cfg *config.Config, routes *connector.Routes, log *zap.Logger, o opening) (*app, error) {
	metrics, err := telemetry.NewMetrics(telemetry.MetricsOptions{Version: c.version()})
	if err != nil {
		return nil, err
	}
	if missing := missingSecrets(cfg); len(missing) > 0 {
		return nil, usageError(fmt.Errorf("%s\nNothing was done", strings.Join(missing, "\n")))
	}
	a := &app{
		cfg: cfg, routes: routes, log: log, metrics: metrics,
		sources: map[string]source.Source{}, targets: map[string]target.Target{},
	}
	if err := a.connectSources(c.now); err != nil {
		return nil, usageError(err)
	}
	if err := c.checkTargets(cfg); err != nil {
		return nil, err
	}
	window, err := c.windowOf(cfg, o.day)
	if err != nil {
		return nil, err
	}
	if o.rebuild {
		if err := c.setStoreAside(cfg.Store.DSN); err != nil { //nolint:contextcheck // it waits for nobody
			return nil, err
		}
	}
	if a.ledger, err = c.store(ctx, cfg, o.exclusive); err != nil {
		return nil, err
	}
	if a.handover, err = handovers(cfg); err != nil {
		a.close()
		return nil, usageError(err)
	}
	if err := errors.Join(a.connectTargets(ctx, c.now), a.desk(c.now)); err != nil {
		a.close()
		return nil, usageError(err)
	}
	a.engine, err = connector.New(connector.Options{
		Sources: a.sources, Targets: a.targets, Ledger: a.ledger, Routes: routes, Window: window, Handover: a.handover,
		Parallel: cfg.Run.Parallel, Now: c.now, Log: log, Watch: a.watch(o.exclusive, o.watch),
	})
	return a, err
}

// store opens the store.
func (c *cli) store(ctx context.Context, cfg *config.Config, exclusive bool) (ledger.Ledger, error) {
	key, err := cfg.Store.Key.Resolve()
	if err != nil {
		return nil, usageError(fmt.Errorf("store.key: %w", err))
	}
	l, err := sqlledger.Open(ctx, cfg.Store.DSN, sqlledger.Options{Key: key, Now: c.now, Exclusive: exclusive, Wait: c.wait})
	switch busy, isBusy := errors.AsType[*ledger.Busy](err); {
	case isBusy:
		return nil, fmt.Errorf("%w; nothing was done\nTry: again when it is done, or --wait 10m", busy)
	case errors.Is(err, ledger.ErrDamaged):
		return nil, fmt.Errorf("%w\nTry: a backup, or simscim sync --rebuild-ledger, which puts the store aside and makes a new one "+
			"by reading the targets", err)
	case err != nil:
		return nil, err // it names the step and, where that matters, the store
	default:
		return l, nil
	}
}

// setStoreAside makes room for a new store.
func (c *cli) setStoreAside(dsn string) error {
	aside, err := sqlledger.SetAside(dsn, c.now())
	switch busy, isBusy := errors.AsType[*ledger.Busy](err); {
	case isBusy:
		return fmt.Errorf("%w; nothing was done\nTry: again when it is done", busy)
	case errors.Is(err, fs.ErrNotExist):
		fmt.Fprintln(c.errOut, "There is no store to put aside. One is made by reading the targets.")
		return nil
	case err != nil:
		return err
	default:
		fmt.Fprintf(c.errOut, "The store is now %s. A new one is made by reading the targets.\n", aside)
		return nil
	}
}

// desk sets up the notices.
func (a *app) desk(now func() time.Time) (err error) {
	a.notices, err = notice.New(a.cfg.Notices, notice.Options{
		Ledger: a.ledger, Targets: slices.Sorted(maps.Keys(a.cfg.Targets)), Now: now, Location: a.cfg.Zone(), Log: a.log,
	})
	return err
}

// windowOf finds the window that --window names, and refuses one that is over on the day,
// which is today unless it is planned for.
func (c *cli) windowOf(cfg *config.Config, day time.Time) (*config.Window, error) {
	if c.window == "" {
		return nil, nil
	}
	if day.IsZero() {
		day = c.now().In(cfg.Zone())
	}
	w := cfg.Windows[c.window]
	switch {
	case w == nil:
		return nil, usageError(fmt.Errorf("--window: there is no window %q in the configuration; it has %s",
			c.window, cmp.Or(joined(slices.Sorted(maps.Keys(cfg.Windows))), "none")))
	case w.Over(day):
		return nil, usageError(fmt.Errorf("--window: %s ended on %s; the usual limits hold. Leave the flag out", c.window, w.Until))
	case !w.Open(day):
		fmt.Fprintf(c.errOut, "The window %s opens on %s; until then the usual limits hold.\n", c.window, w.From)
	}
	return w, nil
}

// connectSources makes the sources.
func (a *app) connectSources(now func() time.Time) error {
	var problems []error
	for name, cfg := range a.cfg.Sources {
		observe := func(_ string, status int, _ time.Duration) { a.metrics.Request(telemetry.ToSource, name, status) }
		src, err := newSource(cfg, sourceOptions{want: a.routes.Want(name), now: now, log: a.log, observe: observe})
		if err != nil {
			problems = append(problems, err)
			continue
		}
		a.sources[name] = src
	}
	return errors.Join(problems...)
}

// connectTargets makes the targets, some of which need the store.
func (a *app) connectTargets(ctx context.Context, now func() time.Time) error {
	var problems []error
	for name, cfg := range a.cfg.Targets {
		observe := func(_ string, status int, _ time.Duration) { a.metrics.Request(telemetry.ToTarget, name, status) }
		o := targetOptions{store: a.cfg.Store.DSN, feeds: a.cfg.Run.Feeds, ledger: a.ledger, now: now, log: a.log, observe: observe}
		t, err := newTarget(ctx, cfg, o)
		if err != nil {
			problems = append(problems, err)
			continue
		}
		a.targets[name] = t
	}
	return errors.Join(problems...)
}

// watch puts the metrics, and of runs that write the notices, in front of whoever else
// watches.
func (a *app) watch(writes bool, next func(connector.Event)) func(connector.Event) {
	return func(ev connector.Event) {
		if run := ev.Ended; run != nil {
			if writes {
				a.notices.RunEnded(run)
			}
			now := time.Now()
			a.metrics.RunEnded(run.Site, run.Target, string(run.Status), time.Duration(run.Seconds*float64(time.Second)), now)
			if run.Status == connector.Done {
				a.metrics.Complete(run.Site, run.Target, now)
			}
			for counter, tally := range run.Changes {
				if tally.Applied != nil {
					a.metrics.Changes(string(counter), run.Target, "applied", *tally.Applied)
					a.metrics.Changes(string(counter), run.Target, "failed", *tally.Failed)
				}
			}
		}
		if next != nil {
			next(ev)
		}
	}
}

// tell sends the notices that a command has gathered. A notice that cannot be delivered
// fails no sync: it is logged, and told again the next time.
func (a *app) tell(ctx context.Context, report *connector.Report) {
	ctx = context.WithoutCancel(ctx)
	a.noteUnread(report)
	a.notices.Look(ctx)
	a.notices.Flush(ctx)
}

// noteUnread takes the schools that never came as far as a target into the notices.
func (a *app) noteUnread(report *connector.Report) {
	if report == nil {
		return
	}
	for _, run := range report.Runs {
		if run.Target == "" {
			a.notices.RunEnded(run)
		}
	}
}

func (a *app) close() {
	if a == nil || a.ledger == nil {
		return
	}
	for name, t := range a.targets {
		if c, ok := t.(io.Closer); ok {
			if err := c.Close(); err != nil {
				a.log.Error("close a target", zap.String("target", name), zap.Error(err))
			}
		}
	}
	if err := a.ledger.Close(); err != nil {
		a.log.Error("close the store", zap.Error(err))
	}
}

// selection is what --site and --target select.
func (c *cli) selection() connector.Selection {
	return connector.Selection{Sites: c.sites, Targets: c.targets}
}

// checkTargets refuses names in --target that do not exist.
func (c *cli) checkTargets(cfg *config.Config) error {
	for _, name := range c.targets {
		if cfg.Targets[name] == nil {
			return usageError(fmt.Errorf("--target: there is no target %q in the configuration", name))
		}
	}
	return nil
}

// logFormat is lines for people on a terminal and JSON for machines.
func (c *cli) logFormat() telemetry.Format {
	if isTerminal(c.errOut) {
		return telemetry.Console
	}
	return telemetry.JSON
}

func missing(path string) bool {
	_, err := os.Stat(path)
	return errors.Is(err, fs.ErrNotExist)
}

// count writes "1 problem", "3 problems".
func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	if stem, ok := strings.CutSuffix(noun, "y"); ok {
		return thousands(n) + " " + stem + "ies"
	}
	return thousands(n) + " " + noun + "s"
}
