// Package connector is the engine: it takes one site at a time from its source to its
// targets. Each step has its own file, in the order in which they happen:
//
//	align    which schools there are, and what the configuration says of each
//	read     one school's roll, complete or not at all
//	names    who is called what at the target
//	observe  what the target already holds, where the ledger cannot know
//	compare  the desired state, and the plan that leads to it
//	guard    safeguards on the finished plan, and holds
//	escrow   the objects, and health the targets, that are left alone after failures
//	apply    the plan, phase by phase
//	record   what was confirmed, into the ledger
//	report   what happened
//
// The engine knows no product by name: it sees sources, targets and the ledger only
// through their contracts. Planning and syncing are the same path; a sync goes on
// where a plan stops.
package connector

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"io"
	"slices"
	"sync"
	"time"

	"go.uber.org/zap"
	"golang.org/x/sync/semaphore"

	"simscim/config"
	"simscim/connector/handover"
	"simscim/connector/ledger"
	"simscim/connector/source"
	"simscim/connector/target"
	"simscim/internal/clock"
)

// Options is what an engine works with.
type Options struct {
	// Sources and Targets by their names in the configuration.
	Sources map[string]source.Source
	Targets map[string]target.Target
	Ledger  ledger.Ledger
	Routes  *Routes
	// Handover are the folders that first passwords go to, by target; those of other
	// targets are thrown away.
	Handover map[string]*handover.Folder
	// Rand is where passwords come from; nil is crypto/rand.
	Rand io.Reader
	// Window, if not nil, holds the limits that are in force on its days.
	Window *config.Window
	// Pause is how long to wait at most before a target is asked again what became of what it
	// has accepted; 0 is 15 seconds.
	Pause time.Duration
	// Parallel is how many sites are read and mapped at once, whoever asked for it; 0 is 1.
	// At one target, sites are always worked on one after the other.
	Parallel int
	// Now is the clock.
	Now func() time.Time
	Log *zap.Logger
	// Watch is told how a run gets on; it may be nil.
	Watch func(Event)
}

// Event is a step of a run, for progress bars and metrics.
type Event struct {
	Site, Name, Target string
	// Planned is set once, when a plan is about to be applied: how many changes.
	Planned int
	// Done counts changes that just got their final outcome.
	Done int
	// Awaited counts the changes that the target has accepted, and of which the run waits to
	// be told what became of them; those of all schools at the target.
	Awaited int
	// Ended is set with the run's last event.
	Ended *Run
}

// Engine runs sites. It is safe for concurrent use.
type Engine struct {
	Options
	printer *ledger.Printer
	// busy holds a lock for each target: two schools that share a person, or want the
	// same name, must not decide at the same time.
	busy map[string]*semaphore.Weighted
	// gatherings are the schools that wait at each target, under the same locks.
	gatherings map[string]*gathering
	// places are taken by the sites that are worked on.
	places chan struct{}
	// links are the administrator's files of who is one person.
	links *links
}

// New makes an engine.
func New(o Options) (*Engine, error) {
	if o.Ledger == nil || o.Routes == nil || o.Now == nil {
		return nil, errors.New("an engine needs a ledger, routes and a clock")
	}
	o.Parallel, o.Pause = max(o.Parallel, 1), cmp.Or(o.Pause, 15*time.Second)
	if o.Log == nil {
		o.Log = zap.NewNop()
	}
	if o.Rand == nil {
		o.Rand = rand.Reader
	}
	if o.Watch == nil {
		o.Watch = func(Event) {}
	}
	e := &Engine{
		Options: o, printer: ledger.NewPrinter(o.Ledger.Key()), links: &links{}, places: make(chan struct{}, o.Parallel),
		busy: map[string]*semaphore.Weighted{}, gatherings: map[string]*gathering{},
	}
	for name := range o.Targets {
		e.busy[name], e.gatherings[name] = semaphore.NewWeighted(1), &gathering{}
	}
	return e, nil
}

// alone calls do while nobody else works at the target. A caller whose context ends
// waits no longer and gets its error.
func (e *Engine) alone(ctx context.Context, target string, do func() error) error {
	lock := e.busy[target]
	if lock == nil { // a target that has left the configuration
		return do()
	}
	if err := lock.Acquire(ctx, 1); err != nil {
		return err
	}
	defer lock.Release(1)
	return do()
}

// Manner is how a run is done. The zero Manner is the usual one.
type Manner struct {
	// Saved, if not nil, are the only plans that are applied, and each only if it is
	// still exactly what would be planned now.
	Saved *SavedPlans
	// At plans for a later day, as far as today's data tells. Not for a sync.
	At time.Time
	// ReadBack compares with the targets themselves and not with the ledger alone.
	ReadBack bool
	// Retry tries at once what waits in escrow, and targets in quarantine.
	Retry bool
	// AcceptSmaller takes a school for what it is that has shrunk by more than it may.
	AcceptSmaller bool
}

// Plan works out what a sync would do now, and writes nothing anywhere.
func (e *Engine) Plan(ctx context.Context, sel Selection, m Manner) (*Report, error) {
	return e.run(ctx, sel, newMode(m, false))
}

// Sync plans and applies.
func (e *Engine) Sync(ctx context.Context, sel Selection, m Manner) (*Report, error) {
	if !m.At.IsZero() {
		return nil, errors.New("only a plan can be made for a later day")
	}
	return e.run(ctx, sel, newMode(m, true))
}

// SyncSchools syncs schools that Align found, each at all of its targets, several at once;
// at targets where calls are few they are carried out together. around is called for each
// school and calls work, or does not, and then the school is left out.
func (e *Engine) SyncSchools(ctx context.Context, jobs []Job, around func(site string, work func())) []*Run {
	return e.visitAll(ctx, jobs, newMode(Manner{}, true), around)
}

// Gathers tells at which of the school's targets, the first that is one of them, schools
// are carried out together. It asks no target.
func (e *Engine) Gathers(j Job) (target string, ok bool) {
	i := slices.IndexFunc(j.targets, func(name string) bool { return gathers(e.Targets[name]) })
	if i < 0 {
		return "", false
	}
	return j.targets[i], true
}

func gathers(t target.Target) bool {
	g, ok := t.(target.Gatherer)
	return ok && g.Gather() > 0
}

// mode says how far a run goes.
type mode struct {
	Manner
	apply bool
	// listings are shared by the schools of the run.
	listings *listings
	// expected sums, in a plan, what the schools before would change at each target.
	expected *expected
	// joinedAt are the targets at which schools of the run wait, or have waited, for others.
	joinedAt *sync.Map
}

func newMode(m Manner, apply bool) mode {
	return mode{Manner: m, apply: apply, listings: &listings{}, expected: &expected{}, joinedAt: &sync.Map{}}
}

// run works on every selected site. It returns an error only when it could not even
// begin; whatever goes wrong with a site stands in its part of the report.
func (e *Engine) run(ctx context.Context, sel Selection, m mode) (*Report, error) {
	took := clock.Stopwatch()
	jobs, report, err := e.Align(ctx, sel, m.apply)
	if err != nil {
		return nil, err
	}
	report.Runs = append(report.Runs, e.visitAll(ctx, jobs, m, func(_ string, work func()) { work() })...)
	slices.SortStableFunc(report.Runs, func(x, y *Run) int {
		return cmp.Or(cmp.Compare(x.Name, y.Name), cmp.Compare(x.Site, y.Site), cmp.Compare(x.Target, y.Target))
	})
	report.sum(took())
	return report, nil
}

// visitAll takes schools through, several at once, and returns when all of their runs have
// ended.
func (e *Engine) visitAll(ctx context.Context, jobs []Job, m mode, around func(site string, work func())) (runs []*Run) {
	var mu sync.Mutex
	var group sync.WaitGroup
	for _, j := range jobs {
		e.places <- struct{}{}
		group.Go(func() {
			defer func() { <-e.places }()
			around(j.Site.ID, func() {
				visited := e.visit(ctx, j, m)
				mu.Lock()
				defer mu.Unlock()
				runs = append(runs, visited...)
			})
		})
	}
	group.Wait()
	e.finishGathering(ctx, m)
	return runs
}
