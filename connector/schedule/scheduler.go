package schedule

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/robfig/cron/v3"
)

// heartbeat is how often the whole table is looked through, besides the moments at
// which cron wakes up for a site. It is what finds a slot again after the clock was
// set, the machine slept, or the store or the queue failed.
const heartbeat = time.Minute

// Options make a Scheduler.
type Options struct {
	// Queue carries out the jobs.
	Queue Queue
	// Slots remembers what was begun.
	Slots Slots
	// Run does the work of a job. Its context ends when the scheduler is stopped and the
	// queue's time of grace is over. It may panic.
	Run Runner
	// Now is the clock.
	Now func() time.Time
	// Observe is told what happens; it may be called from several goroutines.
	Observe func(Event)
}

// Scheduler begins each site's slots. Make one with New. All methods are safe for
// concurrent use.
type Scheduler struct {
	o    Options
	cron *cron.Cron

	// sweeps are those begun outside cron: at the start and after a new table.
	sweeps sync.WaitGroup

	// deciding makes deciding what is due one decision at a time. It is taken before mu.
	deciding sync.Mutex

	mu    sync.Mutex
	phase phase
	// ctx is that of deciding, which goes on long after Start returned; Stop ends it.
	ctx    context.Context
	cancel context.CancelFunc
	// lines is the table by site, batches the same by job.
	lines   map[string]*line
	batches map[string]*batch
	// taken are the sites that wait in the queue or are worked on.
	taken map[string]bool
	beat  time.Time
}

type phase int

const (
	unborn phase = iota
	running
	stopped
)

// New makes a scheduler with an empty table that has not been started.
func New(o Options) (*Scheduler, error) {
	if o.Queue == nil || o.Slots == nil || o.Run == nil || o.Now == nil {
		return nil, errors.New("make scheduler: queue, slots, run and now are all needed")
	}
	if o.Observe == nil {
		o.Observe = func(Event) {}
	}
	s := &Scheduler{o: o, lines: map[string]*line{}, batches: map[string]*batch{}, taken: map[string]bool{}}
	// Entries compute in their own zone. Skip must stand outside Recover: the other
	// way round an entry that panicked once would be skipped for ever after.
	s.cron = cron.New(
		cron.WithLocation(time.UTC),
		cron.WithLogger(cron.DiscardLogger),
		cron.WithChain(cron.SkipIfStillRunning(cron.DiscardLogger), s.recoverTick()),
	)
	return s, nil
}

// Start begins with the table given, and catches up the newest slot that each site
// missed since its last one. A site without a last slot waits for its first. The
// values of ctx reach the runs, its end does not: that is Stop's business.
func (s *Scheduler) Start(ctx context.Context, table []Entry) error {
	s.deciding.Lock()
	defer s.deciding.Unlock()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.phase != unborn {
		return errors.New("start scheduler: it was started before")
	}
	if err := checkTable(table); err != nil {
		return err
	}
	if err := s.o.Queue.Start(ctx, s.work); err != nil {
		return fmt.Errorf("start queue: %w", err)
	}
	s.ctx, s.cancel = context.WithCancel(context.WithoutCancel(ctx))
	s.phase = running
	s.beat = s.o.Now()
	s.replace(table)
	s.cron.Schedule(cron.Every(heartbeat), cron.FuncJob(s.sweep))
	s.cron.Start()
	s.sweeps.Go(s.sweep)
	return nil
}

// Replace puts the table in place of the present one. Sites that are no longer in it
// are not begun any more, also where their job already waits; work under way goes on.
// Sites whose line has not changed do not notice.
func (s *Scheduler) Replace(table []Entry) error {
	if err := checkTable(table); err != nil {
		return err
	}
	s.deciding.Lock()
	defer s.deciding.Unlock()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.phase != running {
		return errors.New("replace schedule table: the scheduler is not running")
	}
	s.replace(table)
	s.sweeps.Go(s.sweep)
	return nil
}

// Stop begins nothing more and waits for the work under way, see Queue.Stop.
func (s *Scheduler) Stop(ctx context.Context) error {
	s.mu.Lock()
	was := s.phase
	s.phase = stopped
	s.mu.Unlock()
	if was != running {
		return nil
	}
	ticks := s.cron.Stop()
	err := s.o.Queue.Stop(ctx)
	s.cancel()
	s.sweeps.Wait()
	select {
	case <-ticks.Done():
	case <-ctx.Done():
		err = errors.Join(err, ctx.Err())
	}
	if err != nil {
		return fmt.Errorf("stop scheduler: %w", err)
	}
	return nil
}

// Alive returns an error when slots are not being watched: before Start, after Stop,
// or when the heartbeat has failed three times.
func (s *Scheduler) Alive() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.phase == unborn:
		return errors.New("the scheduler has not been started")
	case s.phase == stopped:
		return errors.New("the scheduler has been stopped")
	case s.o.Now().Sub(s.beat) > 3*heartbeat:
		return fmt.Errorf("the scheduler last looked at its table at %s", s.beat.UTC().Format(time.RFC3339))
	}
	return nil
}

// Next returns the slot of the site that is begun next, and when; ok is false for a
// site that is not in the table.
func (s *Scheduler) Next(key string) (slot, at time.Time, ok bool) {
	s.mu.Lock()
	var e Entry
	if l := s.lines[key]; l != nil {
		e = l.entry
	}
	s.mu.Unlock()
	slot, at = e.next(s.o.Now())
	return slot, at, !slot.IsZero()
}
