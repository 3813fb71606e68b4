package schedule

import (
	"context"
	"time"

	"github.com/robfig/cron/v3"
)

// line is one site of the table with what is known of it. Scheduler.deciding guards it.
type line struct {
	entry Entry
	// added is when the line came into the table: a site without a last slot is not
	// due for anything before.
	added time.Time
	// known says that handled has been read from the store.
	known bool
	// handled is the newest slot that was decided about: begun, queued or skipped.
	handled time.Time
}

// batch is what falls due at once: the sites of a set, or one site that is in none.
// Scheduler.deciding guards it.
type batch struct {
	// entry is that of any of the sites: they are due at the same moments.
	entry Entry
	id    cron.EntryID
	lines []*line
	// wake is the moment before which nothing can be due.
	wake time.Time
}

// replace puts the table into cron. s.deciding and s.mu are held.
func (s *Scheduler) replace(table []Entry) {
	now := s.o.Now()
	lines, batches := make(map[string]*line, len(table)), map[string]*batch{}
	for _, e := range table {
		l := s.lines[e.Key]
		switch {
		case l == nil:
			l = &line{added: now}
		case !l.entry.sameTimes(e):
			// With a new schedule the site waits for its next slot: one that lies in
			// the past was not missed, it was not planned.
			l = &line{added: now, known: true, handled: now}
		}
		l.entry, lines[e.Key] = e, l
		b := batches[e.job()]
		if b == nil {
			b = &batch{entry: e}
			batches[e.job()] = b
		}
		b.lines = append(b.lines, l)
	}
	for key, b := range batches {
		if old := s.batches[key]; old != nil && old.entry.sameTimes(b.entry) {
			b.id = old.id
			continue
		}
		b.id = s.cron.Schedule(b.entry, cron.FuncJob(func() { s.consider(key) }))
	}
	for key, old := range s.batches {
		if b := batches[key]; b == nil || b.id != old.id {
			s.cron.Remove(old.id)
		}
	}
	s.lines, s.batches = lines, batches
}

// sweep considers the whole table.
func (s *Scheduler) sweep() {
	s.mu.Lock()
	s.beat = s.o.Now()
	keys := make([]string, 0, len(s.batches))
	for key := range s.batches {
		keys = append(keys, key)
	}
	s.mu.Unlock()
	for _, key := range keys {
		s.consider(key)
	}
}

// current gives the batch with the key and the context for work on it, or nil once it has
// left the table or the scheduler does not run any more.
func (s *Scheduler) current(key string) (context.Context, *batch) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.phase != running {
		return s.ctx, nil
	}
	return s.ctx, s.batches[key]
}

// consider hands a slot to the queue if one is due that was not decided about yet. What
// fails stays undecided, and the next sweep finds it again.
//
//nolint:contextcheck // it goes on after its caller returned, under the scheduler's own context
func (s *Scheduler) consider(key string) {
	s.deciding.Lock()
	defer s.deciding.Unlock()
	ctx, b := s.current(key)
	now := s.o.Now()
	if b == nil || now.Before(b.wake) {
		return
	}
	slot := b.entry.due(now)
	due, all := s.due(ctx, b, slot, now)
	switch {
	case len(due) > 0:
		s.submit(ctx, b, due, slot, now)
	case all:
		b.wake = b.entry.Next(now)
	}
}

// due returns the lines of the batch whose slot is to begin now. all is false when the
// store did not tell of all of them.
func (s *Scheduler) due(ctx context.Context, b *batch, slot, now time.Time) (due []*line, all bool) {
	all = true
	for _, l := range b.lines {
		switch {
		case !l.known && !s.recall(ctx, l, now):
			all = false
		case slot.IsZero() || !slot.After(l.handled):
		case s.isTaken(l.entry.Key):
			l.handled = slot
			s.o.Observe(Event{Kind: Skipped, Key: l.entry.Key, Slot: slot})
		default:
			due = append(due, l)
		}
	}
	return due, all
}

// submit hands the lines of a batch to the queue in one job. A queue that has a job of the
// same key already does not take it: of a set other sites are still worked on, and these
// wait for the next sweep.
func (s *Scheduler) submit(ctx context.Context, b *batch, due []*line, slot, now time.Time) {
	job := Job{Key: b.entry.job(), Slot: slot}
	for _, l := range due {
		job.Sites = append(job.Sites, l.entry.Key)
	}
	s.take(job.Sites)
	accepted, err := s.o.Queue.Submit(ctx, job)
	if err != nil || !accepted {
		s.release(job.Sites)
	}
	kind := Queued
	switch {
	case err != nil:
		kind = Failed
	case !accepted:
		return
	case now.Sub(slot.Add(b.entry.delay(slot))) > heartbeat:
		kind = CaughtUp
	}
	for _, l := range due {
		if err == nil {
			l.handled = slot
		}
		s.o.Observe(Event{Kind: kind, Key: l.entry.Key, Slot: slot, Err: err})
	}
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

func (s *Scheduler) isTaken(site string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.taken[site]
}

func (s *Scheduler) take(sites []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, site := range sites {
		s.taken[site] = true
	}
}

func (s *Scheduler) release(sites []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, site := range sites {
		delete(s.taken, site)
	}
}
