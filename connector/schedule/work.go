package schedule

import (
	"context"
	"runtime/debug"
	"strings"
	"sync"
	"time"

	"github.com/robfig/cron/v3"
)

// work is the queue's handler: it has the sites of the job worked on, and makes those due
// again that were broken off.
func (s *Scheduler) work(ctx context.Context, job Job) {
	defer s.release(job.Sites)
	defer func() { s.panicked(recover(), Event{Key: strings.TrimPrefix(job.Key, setMark), Slot: job.Slot}) }()
	var mu sync.Mutex
	var begun []string
	s.o.Run(ctx, job, func(site string, work func()) {
		defer func() { s.panicked(recover(), Event{Key: site, Slot: job.Slot}) }()
		if !s.begin(ctx, site, job) {
			return
		}
		mu.Lock()
		begun = append(begun, site)
		mu.Unlock()
		work()
	})
	if ctx.Err() == nil {
		return
	}
	for _, site := range begun {
		s.reopen(ctx, site, job.Slot)
	}
}

// panicked reports what was recovered, if anything, with what it is about. The value itself
// is not kept: it may hold anything.
func (s *Scheduler) panicked(value any, about Event) {
	if value != nil {
		about.Kind, about.Stack = Panicked, string(debug.Stack())
		s.o.Observe(about)
	}
}

// begin records the site's slot as begun. It is not when the scheduler is being stopped,
// the site has left the table, another process was first, or the store failed; then the
// slot is due again.
func (s *Scheduler) begin(ctx context.Context, site string, job Job) bool {
	s.mu.Lock()
	l, may := s.lines[site], s.phase == running
	s.mu.Unlock()
	if l == nil || !may {
		return false
	}
	last, ok, err := s.o.Slots.LastSlot(ctx, site)
	if err == nil && ok && !last.Before(job.Slot) && !last.After(s.o.Now()) {
		return false
	}
	if err == nil {
		err = s.o.Slots.SetLastSlot(ctx, site, job.Slot)
	}
	if err != nil {
		s.postpone(l, job)
		s.o.Observe(Event{Kind: Failed, Key: site, Slot: job.Slot, Err: err})
	}
	return err == nil
}

// postpone makes the slot of a site that could not begin due again at once.
func (s *Scheduler) postpone(l *line, job Job) {
	s.deciding.Lock()
	defer s.deciding.Unlock()
	s.release([]string{l.entry.Key})
	l.handled = job.Slot.Add(-time.Second)
	s.mu.Lock()
	defer s.mu.Unlock()
	if b := s.batches[l.entry.job()]; b != nil {
		b.wake = time.Time{}
	}
}

// reopen makes the slot of a site that was broken off due again at the next start.
func (s *Scheduler) reopen(ctx context.Context, site string, slot time.Time) {
	const patience = 5 * time.Second
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), patience)
	defer cancel()
	s.o.Observe(Event{Kind: BrokenOff, Key: site, Slot: slot, Err: s.o.Slots.Reopen(ctx, site, slot)})
}

// recoverTick keeps the schedule going when deciding about a site panics.
func (s *Scheduler) recoverTick() cron.JobWrapper {
	return func(j cron.Job) cron.Job {
		return cron.FuncJob(func() {
			defer func() { s.panicked(recover(), Event{}) }()
			j.Run()
		})
	}
}
