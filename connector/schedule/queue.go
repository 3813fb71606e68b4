package schedule

import (
	"context"
	"time"
)

// Job is one site, or several of a set, to be worked on for one slot.
type Job struct {
	// Key is the site's id, or stands for the set.
	Key string
	// Sites are the ids of the sites whose slot is due.
	Sites []string
	// Slot is the time that the schedule names, before jitter, in UTC.
	Slot time.Time
}

// Handler does the work of a job. It returns when the work has ended, which it must
// soon after its context does. It does not panic.
type Handler func(ctx context.Context, job Job)

// Runner does the work of a job. It calls each once for every site that it gets to, which
// notes that the site's slot is begun and then calls work. When the slot is not to begin,
// because the scheduler is being stopped or the site has left the table, work is not
// called. each may be called from several goroutines; it stops a panic of work.
type Runner func(ctx context.Context, job Job, each func(site string, work func()))

// Queue carries out jobs: each some time after it was submitted, at most one of a key
// at a time, as many keys at once as the queue allows. A queue shared by several
// processes keeps these promises across all of them.
type Queue interface {
	// Start names the handler and lets jobs begin. It is called once, before Submit.
	// The context's values reach the handler; its end does not, Stop's does.
	Start(ctx context.Context, handle Handler) error

	// Submit hands in a job. accepted is false, without an error, when a job of the
	// same key is already waiting or under way, and after Stop; the job is then not
	// carried out.
	Submit(ctx context.Context, job Job) (accepted bool, err error)

	// Stop begins no further job and waits for those under way. After the queue's
	// time of grace their contexts end. Jobs that never began are forgotten. When ctx
	// ends first Stop returns its error.
	Stop(ctx context.Context) error
}

// Slots remembers which slot of each site was last begun, beyond the process's life.
type Slots interface {
	// LastSlot returns that slot; ok is false for a site that never began one.
	LastSlot(ctx context.Context, key string) (slot time.Time, ok bool, err error)
	// SetLastSlot keeps it.
	SetLastSlot(ctx context.Context, key string, slot time.Time) error
	// Reopen notes that the slot, if it is the last one, is not begun after all.
	Reopen(ctx context.Context, key string, slot time.Time) error
}

// Event is something that happened in the schedule and is worth a log line or a count.
type Event struct {
	Kind EventKind
	// Key and Slot are empty where the event is not about a site.
	Key  string
	Slot time.Time
	// Err is what failed.
	Err error
	// Stack is where a job panicked. The panic's value is not kept: it may hold
	// anything, a person's name too.
	Stack string
}

// EventKind is a kind of event.
type EventKind string

// The kinds of event.
const (
	// Queued: a slot is due and its job was handed to the queue.
	Queued EventKind = "queued"
	// CaughtUp: the same, for a slot that was missed while nothing ran.
	CaughtUp EventKind = "caughtUp"
	// Skipped: a slot was due while the site was still being worked on.
	Skipped EventKind = "skipped"
	// BrokenOff: work on a site was ended by Stop; its slot is due again at the next start.
	BrokenOff EventKind = "brokenOff"
	// Panicked: the work on a site panicked, or what comes after all sites of a set.
	Panicked EventKind = "panicked"
	// Failed: the store or the queue failed; what was to be done is tried again.
	Failed EventKind = "failed"
)
