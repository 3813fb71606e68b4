package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"time"

	"go.uber.org/zap"

	"simscim/config"
	"simscim/connector"
	"simscim/connector/ledger"
	"simscim/connector/ledger/sqlledger"
	"simscim/connector/schedule"
	"simscim/connector/source"
	"simscim/connector/target"
	"simscim/connector/target/generic"
	"simscim/internal/telemetry"
)

// app is everything wired together.
type app struct {
	cfg     *config.Config
	routes  *connector.Routes
	sources map[string]source.Source
	targets map[string]target.Target
	ledger  ledger.Ledger
	engine  *connector.Engine
	log     *zap.Logger
	metrics *telemetry.Metrics
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

// open wires everything that the configuration names. Nothing is called yet.
func (c *cli) open(ctx context.Context, watch func(connector.Event)) (*app, error) {
	log, err := telemetry.New(c.logLevel, c.errOut, c.logFormat())
	if err != nil {
		return nil, usageError(fmt.Errorf("--log-level: %w", err))
	}
	cfg, routes, err := c.load()
	if err != nil {
		return nil, err
	}
	return c.wire(ctx, cfg, routes, log, watch)
}

func (c *cli) wire(ctx context.Context, cfg *config.Config, routes *connector.Routes, log *zap.Logger, watch func(connector.Event)) (*app, error) {
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
	if err := a.connect(c.now); err != nil {
		return nil, usageError(err)
	}
	key, err := cfg.Store.Key.Resolve()
	if err != nil {
		return nil, usageError(fmt.Errorf("store.key: %w", err))
	}
	a.ledger, err = sqlledger.Open(ctx, cfg.Store.DSN, sqlledger.Options{Key: key, Now: c.now})
	if err != nil {
		return nil, fmt.Errorf("open the store: %w", err)
	}
	a.engine, err = connector.New(connector.Options{
		Sources: a.sources, Targets: a.targets, Ledger: a.ledger, Routes: routes,
		Parallel: cfg.Run.Parallel, Now: c.now, Log: log, Watch: a.watch(watch),
	})
	return a, err
}

// connect makes the sources and targets.
func (a *app) connect(now func() time.Time) error {
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
	for name, cfg := range a.cfg.Targets {
		observe := func(_ string, status int, _ time.Duration) { a.metrics.Request(telemetry.ToTarget, name, status) }
		t, err := generic.New(cfg, generic.Options{Now: now, Log: a.log, Observe: observe})
		if err != nil {
			problems = append(problems, err)
			continue
		}
		a.targets[name] = t
	}
	return errors.Join(problems...)
}

// watch puts the metrics in front of whoever else watches.
func (a *app) watch(next func(connector.Event)) func(connector.Event) {
	return func(ev connector.Event) {
		if run := ev.Ended; run != nil {
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

func (a *app) close() {
	if a == nil || a.ledger == nil {
		return
	}
	if err := a.ledger.Close(); err != nil {
		a.log.Error("close the store", zap.Error(err))
	}
}

// selection is what --site and --target select; names that do not exist are refused.
func (c *cli) selection(cfg *config.Config) (connector.Selection, error) {
	for _, name := range c.targets {
		if cfg.Targets[name] == nil {
			return connector.Selection{}, usageError(fmt.Errorf("--target: there is no target %q in the configuration", name))
		}
	}
	return connector.Selection{Sites: c.sites, Targets: c.targets}, nil
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
