package main

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/spf13/cobra"
	"go.uber.org/zap"
	"golang.org/x/sync/errgroup"

	"simscim/connector"
	"simscim/connector/ledger"
	"simscim/connector/schedule"
	"simscim/connector/schedule/local"
	"simscim/console"
)

// refreshEvery is how often the list of schools is asked for again: a school that
// aligns appears by itself, one that withdraws is frozen.
const refreshEvery = time.Hour

// flushEvery is how often notices that have gathered are sent: schools that fail for one
// reason make one notice.
const flushEvery = 5 * time.Minute

func (c *cli) runCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "run",
		Short: "Sync every school on its schedule, with health and metrics",
		Long: "run is the daemon: it syncs every school on its schedule, catches up a slot that was missed while\n" +
			"it was down, and serves /livez, /readyz, /metrics and a status page on run.listen, and SCIM feeds,\n" +
			"if there are any, on run.feeds.listen alone.\n" +
			"SIGTERM stops it in order: no new run begins, those under way may finish.",
		RunE: func(cmd *cobra.Command, _ []string) error {
			a, err := c.open(cmd.Context(), opening{exclusive: true})
			if err != nil {
				return err
			}
			defer a.close()
			d, err := c.newDaemon(a)
			if err != nil {
				return err
			}
			return d.run(cmd.Context())
		},
	}
	c.windowFlag(cmd)
	c.waitFlag(cmd)
	return cmd
}

// daemon is the program in its long-running form.
type daemon struct {
	*app
	now       func() time.Time
	zone      *time.Location
	scheduler *schedule.Scheduler
	// servers are that of the console and, if there are feeds, theirs.
	servers []*console.Server

	mu   sync.Mutex
	jobs map[string]connector.Job
	// aligned says that the schools have been listed at least once.
	aligned bool
}

func (c *cli) newDaemon(a *app) (*daemon, error) {
	zone := a.cfg.Zone()
	queue, err := local.New(local.Options{Parallel: a.cfg.Run.Parallel, Grace: local.DefaultGrace})
	if err != nil {
		return nil, err
	}
	d := &daemon{app: a, now: c.now, zone: zone, jobs: map[string]connector.Job{}}
	d.scheduler, err = schedule.New(schedule.Options{
		Queue: queue, Slots: slots{a.ledger}, Run: d.sync, Now: c.now, Observe: d.observe,
	})
	if err != nil {
		return nil, err
	}
	status := &board{ledger: a.ledger, now: c.now, version: c.version(), next: d.next}
	handler, err := console.New(console.Options{
		Metrics: a.metrics.Handler(), Status: status, Location: zone, Log: a.log,
		Ready: []console.Check{
			{Name: "store", Check: func(ctx context.Context) error { _, err := a.ledger.Sites(ctx); return err }},
			{Name: "schools", Check: func(context.Context) error { return d.listed() }},
			{Name: "scheduler", Check: func(context.Context) error { return d.scheduler.Alive() }},
		},
	})
	if err != nil {
		return nil, err
	}
	d.servers = append(d.servers, &console.Server{Addr: a.cfg.Run.Listen, Handler: handler, Log: a.log})
	feeds, err := a.feedServer()
	if err != nil {
		return nil, usageError(err)
	}
	if feeds != nil {
		d.servers = append(d.servers, feeds)
	}
	return d, nil
}

// forgive has targets in quarantine tried at the next slot: whoever starts the daemon anew
// has mostly mended something, and cannot say sync --retry while it runs.
func (d *daemon) forgive(ctx context.Context) error {
	for name := range d.targets {
		h, err := d.ledger.Health(ctx, name)
		if err != nil {
			return err
		}
		if h.Since.IsZero() {
			continue
		}
		h.Next = d.now()
		if err := d.ledger.SaveHealth(ctx, h); err != nil {
			return err
		}
	}
	return nil
}

// run serves and schedules until the context ends, then stops in order.
func (d *daemon) run(ctx context.Context) error {
	if err := d.forgive(ctx); err != nil {
		return fmt.Errorf("read how the targets stand: %w", err)
	}
	group, ctx := errgroup.WithContext(ctx)
	for _, s := range d.servers {
		group.Go(func() error { return s.ListenAndServe(ctx) })
	}
	if err := d.scheduler.Start(ctx, nil); err != nil {
		return err
	}
	group.Go(func() error {
		d.refresh(ctx)
		tick := time.NewTicker(refreshEvery)
		defer tick.Stop()
		retry := time.NewTicker(time.Minute)
		defer retry.Stop()
		flush := time.NewTicker(flushEvery)
		defer flush.Stop()
		for {
			select {
			case <-ctx.Done():
				return nil
			case <-tick.C:
				d.refresh(ctx)
			case <-flush.C:
				d.tell(ctx, nil)
			case <-retry.C:
				if d.listed() != nil {
					d.refresh(ctx)
				}
			}
		}
	})
	group.Go(func() error {
		<-ctx.Done()
		d.log.Info("stopping: runs under way may finish")
		stop, cancel := context.WithTimeout(context.WithoutCancel(ctx), local.DefaultGrace+30*time.Second)
		defer cancel()
		return d.scheduler.Stop(stop)
	})
	d.log.Info("running", zap.String("listen", d.cfg.Run.Listen), zap.String("zone", d.zone.String()))
	return group.Wait()
}

// refresh lists the schools anew and puts them on the timetable.
func (d *daemon) refresh(ctx context.Context) {
	jobs, report, err := d.engine.Align(ctx, connector.Selection{}, true)
	if err != nil {
		d.log.Error("list the schools", zap.Error(err))
		return
	}
	for _, run := range report.Runs {
		d.log.Warn("a school is left alone", zap.String("site", run.Site), zap.String("reason", run.Reason))
	}
	d.metrics.SetFrozen(frozen(report))
	d.noteUnread(report)
	var table []schedule.Entry
	byID := map[string]connector.Job{}
	for _, j := range jobs {
		spec, err := schedule.Parse(j.Route.Schedule.Value, d.zone)
		if err != nil {
			d.log.Error("a schedule cannot be used", zap.String("site", j.Site.ID), zap.Error(err))
			continue
		}
		byID[j.Site.ID] = j
		table = append(table, schedule.Entry{Key: j.Site.ID, Set: d.set(j, spec), Spec: spec, Jitter: d.cfg.Run.Jitter.Duration})
	}
	if len(table) == 0 && len(report.Runs) > 0 {
		return // no source answered: the timetable stays as it is
	}
	d.mu.Lock()
	d.jobs, d.aligned = byID, true
	d.mu.Unlock()
	if err := d.scheduler.Replace(table); err != nil && ctx.Err() == nil {
		d.log.Error("set the timetable", zap.Error(err))
	}
	d.log.Info("timetable", zap.Int("schools", len(table)))
}

// set names the schools that are begun together with this one: those with the same
// schedule and the same first target at which many schools fit into one call. That depends
// on the school's own settings alone, so that no other school's coming or going moves it.
func (d *daemon) set(j connector.Job, spec schedule.Spec) string {
	name, gathers := d.engine.Gathers(j)
	if !gathers {
		return ""
	}
	return name + " " + spec.String()
}

func frozen(report *connector.Report) int {
	n := 0
	for _, run := range report.Runs {
		if run.Status == connector.Skipped && !run.Unrouted() {
			n++
		}
	}
	return n
}

// sync is one job of the scheduler.
func (d *daemon) sync(ctx context.Context, job schedule.Job, each func(site string, work func())) {
	var list []connector.Job
	d.mu.Lock()
	for _, site := range job.Sites {
		if j, ok := d.jobs[site]; ok { // else withdrawn since it was queued
			list = append(list, j)
		}
	}
	d.mu.Unlock()
	d.engine.SyncSchools(ctx, list, each)
	d.countHolds(ctx)
}

// countHolds puts the number of held plans into the metrics.
func (d *daemon) countHolds(ctx context.Context) {
	holds, err := d.ledger.Holds(ctx, false)
	if err != nil {
		d.log.Error("count the holds", zap.Error(err))
		return
	}
	byTarget := map[string]int{}
	for name := range d.targets {
		byTarget[name] = 0
	}
	for _, h := range holds {
		byTarget[h.Target]++
	}
	d.metrics.SetHeld(byTarget)
}

func (d *daemon) observe(ev schedule.Event) {
	switch ev.Kind {
	case schedule.Skipped:
		d.metrics.SlotSkipped()
		d.log.Warn("a slot was skipped: the school's last run is still under way", zap.String("site", ev.Key), zap.Time("slot", ev.Slot))
	case schedule.CaughtUp:
		d.log.Info("a missed slot is caught up", zap.String("site", ev.Key), zap.Time("slot", ev.Slot))
	case schedule.Panicked:
		d.log.Error("a run broke down; the schedule goes on", zap.String("site", ev.Key), zap.String("stack", ev.Stack))
	case schedule.BrokenOff, schedule.Failed:
		if ev.Err == nil {
			d.log.Warn("a run was broken off; it is begun again at the next start", zap.String("site", ev.Key), zap.Time("slot", ev.Slot))
			return
		}
		d.log.Error("a slot could not be run", zap.String("site", ev.Key), zap.Time("slot", ev.Slot), zap.Error(ev.Err))
	case schedule.Queued:
	}
}

func (d *daemon) next(site string) (time.Time, bool) {
	_, at, ok := d.scheduler.Next(site)
	return at, ok
}

func (d *daemon) listed() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if !d.aligned {
		return errors.New("the schools have not been listed yet")
	}
	return nil
}

// slots keeps the last begun slot of each school in the ledger.
type slots struct{ ledger ledger.Ledger }

func (s slots) LastSlot(ctx context.Context, key string) (time.Time, bool, error) {
	rec, ok, err := s.ledger.Site(ctx, key)
	return rec.LastSlot, ok && !rec.LastSlot.IsZero(), err
}

func (s slots) SetLastSlot(ctx context.Context, key string, slot time.Time) error {
	return s.ledger.BeginSlot(ctx, key, slot)
}

func (s slots) Reopen(ctx context.Context, key string, slot time.Time) error {
	return s.ledger.ReopenSlot(ctx, key, slot)
}
