// Package local is the job queue of a single process: a bounded number of jobs at
// once, the rest waiting in order. It keeps nothing: jobs that wait when the process
// ends are forgotten, and the scheduler finds their slots again at the next start.
//
// Invariants: at most one job of a key waits or is under way; no more than Parallel
// are under way; a handler that leaves its goroutine frees its place.
package local

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"simscim/connector/schedule"
)

// DefaultGrace is a time of grace within which most runs end, and which a container
// platform is willing to wait for.
const DefaultGrace = 60 * time.Second

// Options make a Queue.
type Options struct {
	// Parallel is the most jobs under way at once, at least 1.
	Parallel int
	// Grace is how long Stop lets jobs go on before it ends their contexts.
	Grace time.Duration
}

// Queue is a schedule.Queue. Make one with New.
type Queue struct {
	o Options

	mu      sync.Mutex
	handle  schedule.Handler
	ctx     context.Context // of every job; its end is Stop's business
	cancel  context.CancelFunc
	stopped bool
	waiting []schedule.Job
	// busy are the keys of the jobs that wait or are under way.
	busy  map[string]bool
	under int
	// idle is closed when, after Stop, nothing is under way any more.
	idle chan struct{}
}

var _ schedule.Queue = (*Queue)(nil)

// New makes a queue that has not been started.
func New(o Options) (*Queue, error) {
	if o.Parallel < 1 || o.Grace < 0 {
		return nil, fmt.Errorf("make job queue: parallel %d and grace %s: at least 1 and 0s are needed", o.Parallel, o.Grace)
	}
	return &Queue{o: o, busy: map[string]bool{}, idle: make(chan struct{})}, nil
}

// Start names the handler.
func (q *Queue) Start(ctx context.Context, handle schedule.Handler) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.handle != nil || q.stopped {
		return errors.New("start job queue: it was started or stopped before")
	}
	q.ctx, q.cancel = context.WithCancel(context.WithoutCancel(ctx))
	q.handle = handle
	return nil
}

// Submit puts the job in line.
func (q *Queue) Submit(_ context.Context, job schedule.Job) (accepted bool, err error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	switch {
	case q.stopped || q.busy[job.Key]:
		return false, nil
	case q.handle == nil:
		return false, errors.New("submit job: the queue has not been started")
	}
	q.busy[job.Key] = true
	q.waiting = append(q.waiting, job)
	q.dispatch()
	return true, nil
}

// Len tells how many jobs wait and how many are under way.
func (q *Queue) Len() (waiting, underway int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.waiting), q.under
}

// Stop waits for the jobs under way, see schedule.Queue.
func (q *Queue) Stop(ctx context.Context) error {
	q.mu.Lock()
	first := !q.stopped
	q.stopped = true
	for _, job := range q.waiting {
		delete(q.busy, job.Key)
	}
	q.waiting = nil
	if first && q.under == 0 {
		close(q.idle)
	}
	cancel := q.cancel
	q.mu.Unlock()
	if cancel == nil {
		return nil
	}
	defer cancel()

	grace := time.NewTimer(q.o.Grace)
	defer grace.Stop()
	select {
	case <-q.idle:
		return nil
	case <-grace.C:
	case <-ctx.Done():
	}
	cancel()
	select {
	case <-q.idle:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("wait for jobs to end: %w", ctx.Err())
	}
}

// dispatch begins as many jobs as there is room for. q.mu is held.
func (q *Queue) dispatch() {
	for q.under < q.o.Parallel && len(q.waiting) > 0 {
		job := q.waiting[0]
		q.waiting = q.waiting[1:]
		q.under++
		go q.carryOut(q.ctx, job)
	}
}

// carryOut runs one job. A panic is not stopped here: the handler's contract forbids
// one, and swallowing it would hide a fault of the scheduler itself.
func (q *Queue) carryOut(ctx context.Context, job schedule.Job) {
	defer func() {
		q.mu.Lock()
		defer q.mu.Unlock()
		delete(q.busy, job.Key)
		q.under--
		q.dispatch()
		if q.stopped && q.under == 0 {
			close(q.idle)
		}
	}()
	q.handle(ctx, job)
}
