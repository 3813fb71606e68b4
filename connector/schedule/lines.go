package schedule

import (
	"context"
	"runtime/debug"
	"sync"
	"time"

	"github.com/robfig/cron/v3"
)

// line is one entry of the table with what is known of it.
type line struct {
	entry Entry
	id    cron.EntryID
	// added is when the line came into the table: a site without a last slot is not
	// due for anything before.
	added time.Time

	// mu makes deciding about one site one decision at a time.
	mu sync.Mutex
	// known says that handled has been read from the store.
	known bool
	// handled is the newest slot that was decided about: begun, queued or skipped.
	handled time.Time
	// wake is the moment before which nothing can be due.
	wake time.Time
}

// replace puts the table into cron. s.mu is held.
func (s *Scheduler) replace(table []Entry) {
	now := s.o.Now()
	next := make(map[string]*line, len(table))
	for _, e := range table {
		old := s.lines[e.Key]
		if old != nil && old.entry.same(e) {
			next[e.Key] = old
			continue
		}
		l := &line{entry: e, added: now}
		if old != nil {
			// With a new schedule the site waits for its next slot: one that lies in
			// the past was not missed, it was not planned.
			l.known, l.handled = true, now
		}
		l.id = s.cron.Schedule(e, cron.FuncJob(func() { s.consider(l) }))
		next[e.Key] = l
	}
	for key, old := range s.lines {
		if next[key] != old {
			s.cron.Remove(old.id)
		}
	}
	s.lines = next
}

// sweep considers every line.
func (s *Scheduler) sweep() {
	s.mu.Lock()
	s.beat = s.o.Now()
	lines := make([]*line, 0, len(s.lines))
	for _, l := range s.lines {
		lines = append(lines, l)
	}
	s.mu.Unlock()
	for _, l := range lines {
		s.consider(l)
	}
}

// current tells whether the line is still in the table of a running scheduler, and
// gives the context for work on it.
func (s *Scheduler) current(l *line) (context.Context, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.ctx, s.phase == running && s.lines[l.entry.Key] == l
}

// consider hands the site's slot to the queue if one is due that was not decided
// about yet. What fails stays undecided, and the next sweep finds it again.
//
//nolint:contextcheck // it goes on after its caller returned, under the scheduler's own context
func (s *Scheduler) consider(l *line) {
	ctx, ok := s.current(l)
	if !ok {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	now := s.o.Now()
	if now.Before(l.wake) {
		return
	}
	if !l.known && !s.recall(ctx, l, now) {
		return
	}
	slot := l.entry.due(now)
	if slot.IsZero() || !slot.After(l.handled) {
		l.wake = l.entry.Next(now)
		return
	}
	job := Job{Key: l.entry.Key, Slot: slot}
	accepted, err := s.o.Queue.Submit(ctx, job)
	if err != nil {
		s.o.Observe(Event{Kind: Failed, Key: job.Key, Slot: slot, Err: err})
		return
	}
	l.handled = slot
	kind := Queued
	switch {
	case !accepted:
		kind = Skipped
	case now.Sub(slot.Add(l.entry.delay(slot))) > heartbeat:
		kind = CaughtUp
	}
	s.o.Observe(Event{Kind: kind, Key: job.Key, Slot: slot})
}

// recall reads the site's last slot from the store.
func (s *Scheduler) recall(ctx context.Context, l *line, now time.Time) bool {
	last, ok, err := s.o.Slots.LastSlot(ctx, l.entry.Key)
	switch {
	case err != nil:
		s.o.Observe(Event{Kind: Failed, Key: l.entry.Key, Err: err})
		return false
	case !ok:
		last = l.added
	case last.After(now):
		// A clock that was once wrong must not keep a school waiting for years.
		last = now
	}
	l.known, l.handled = true, last
	return true
}

// work is the queue's handler: it notes that the slot is begun, and runs it.
func (s *Scheduler) work(ctx context.Context, job Job) {
	defer func() {
		if recover() != nil {
			s.o.Observe(Event{Kind: Panicked, Key: job.Key, Slot: job.Slot, Stack: string(debug.Stack())})
		}
	}()
	s.mu.Lock()
	l := s.lines[job.Key]
	s.mu.Unlock()
	if l == nil || !s.begin(ctx, l, job) {
		return
	}
	s.o.Run(ctx, job)
	if ctx.Err() != nil {
		s.reopen(ctx, job)
	}
}

// begin records the slot as begun. It is not when another process was first, or when
// the store failed; then the slot is due again.
func (s *Scheduler) begin(ctx context.Context, l *line, job Job) bool {
	last, ok, err := s.o.Slots.LastSlot(ctx, job.Key)
	if err == nil && ok && !last.Before(job.Slot) && !last.After(s.o.Now()) {
		return false
	}
	if err == nil {
		err = s.o.Slots.SetLastSlot(ctx, job.Key, job.Slot)
	}
	if err != nil {
		l.mu.Lock()
		l.handled, l.wake = job.Slot.Add(-time.Second), time.Time{}
		l.mu.Unlock()
		s.o.Observe(Event{Kind: Failed, Key: job.Key, Slot: job.Slot, Err: err})
		return false
	}
	return true
}

// reopen makes the slot of a run that was broken off due again at the next start.
func (s *Scheduler) reopen(ctx context.Context, job Job) {
	const patience = 5 * time.Second
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), patience)
	defer cancel()
	err := s.o.Slots.SetLastSlot(ctx, job.Key, job.Slot.Add(-time.Second))
	s.o.Observe(Event{Kind: BrokenOff, Key: job.Key, Slot: job.Slot, Err: err})
}

// recoverTick keeps the schedule going when deciding about a site panics.
func (s *Scheduler) recoverTick() cron.JobWrapper {
	return func(j cron.Job) cron.Job {
		return cron.FuncJob(func() {
			defer func() {
				if recover() != nil {
					s.o.Observe(Event{Kind: Panicked, Stack: string(debug.Stack())})
				}
			}()
			j.Run()
		})
	}
}
