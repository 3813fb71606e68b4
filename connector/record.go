package connector

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"sync"
	"time"

	"simscim/connector/ledger"
	"simscim/connector/plan"
	"simscim/connector/target"
	"simscim/scim"
)

// recorder writes what the target confirms into the ledger, in the order in which it
// was confirmed. A piece that more of its object follows is safe when confirm returns.
// An object's last piece is gathered with others for a moment, because a transaction
// of two hundred costs little more than one of a single piece; whoever needs it to be
// safe calls flush.
type recorder struct {
	pass  *pass
	queue chan piece
	done  chan struct{}

	mu sync.Mutex
	// ids are the target's ids of users confirmed in this run.
	ids     map[string]string
	applied map[plan.Counter]int
	// accepted counts what the target has taken and will tell of later.
	accepted map[plan.Counter]int
	failures []target.Outcome
	// taken are the names that the target refused because somebody else has them.
	taken []string
	// unsettled says that the outcome of some change is not known.
	unsettled bool
	// broken is the first error of the ledger.
	broken error
}

// piece is one outcome on its way into the ledger, or nothing but the wish to know
// that everything before it is there.
type piece struct {
	target.Outcome
	// written is told when it is safe; nil is nobody.
	written chan error
}

const (
	// maxBatch is the most pieces that go into one transaction.
	maxBatch = 256
	// linger is the longest that a piece waits for others. What was sent within it
	// and is not yet recorded has to be looked up again after a kill.
	linger = 10 * time.Millisecond
)

// newRecorder starts the goroutine that writes.
//
//nolint:contextcheck // confirmed is confirmed: what is written does not end with the run
func (p *pass) newRecorder() *recorder {
	r := &recorder{
		pass: p, queue: make(chan piece, maxBatch), done: make(chan struct{}),
		ids: map[string]string{}, applied: map[plan.Counter]int{}, accepted: map[plan.Counter]int{},
	}
	go r.write()
	return r
}

// begin starts a round: what failed for a taken name in the round before is tried again.
func (r *recorder) begin(p *pass) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.pass, r.failures, r.taken = p, nil, nil
}

func (r *recorder) close() {
	close(r.queue)
	<-r.done
}

// remoteID is the target.Lookup of the run.
func (r *recorder) remoteID(key string) (string, bool) {
	r.mu.Lock()
	id, ok := r.ids[key]
	r.mu.Unlock()
	if ok {
		return id, true
	}
	if known := r.pass.state.Users[key]; known != nil {
		return known.RemoteID, true
	}
	return "", false
}

// confirm takes one outcome. It returns when the outcome is in the ledger or, after
// the last one of an object, when it is on its way there. An error of the ledger is
// told to all from then on.
func (r *recorder) confirm(o target.Outcome) error {
	if o.Final {
		r.queue <- piece{Outcome: o}
		r.mu.Lock()
		defer r.mu.Unlock()
		return r.broken
	}
	return r.wait(piece{Outcome: o})
}

// flush returns when everything that was confirmed is in the ledger.
func (r *recorder) flush() error { return r.wait(piece{}) }

func (r *recorder) wait(in piece) error {
	in.written = make(chan error, 1)
	r.queue <- in
	return <-in.written
}

// account counts an outcome that is in the ledger. The lock is held.
func (r *recorder) account(o *target.Outcome) {
	c := o.Change
	if o.Attributes && c.Kind == scim.User {
		r.ids[c.Key] = o.RemoteID
	}
	if o.Attributes && c.Action != plan.UpdateMembers || o.Gone && o.Final && o.Err == nil {
		r.applied[plan.Counter(c.Action)]++
	}
	if n := len(o.Added); n > 0 {
		r.applied[plan.AddMember] += n
	}
	if n := len(o.Removed); n > 0 {
		r.applied[plan.RemoveMember] += n
	}
	if o.Accepted {
		r.accepted[plan.Counter(c.Action)]++
	}
	r.unsettled = r.unsettled || o.Unsettled
	if o.Err != nil {
		r.failures = append(r.failures, *o)
		if name := c.After.String(userName); scim.IsConflict(o.Err) && c.Kind == scim.User && name != "" {
			r.taken = append(r.taken, name)
		}
	}
}

// nameConflicts tells whether names turned out to be taken at the target.
func (r *recorder) nameConflicts() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.taken) > 0
}

// soFar returns what is confirmed so far.
func (r *recorder) soFar() map[plan.Counter]int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return maps.Clone(r.applied)
}

// refusals counts the failures that say something about the target: what was put off
// says nothing.
func (r *recorder) refusals() (n int) {
	for _, f := range r.failures {
		if !errors.Is(f.Err, target.ErrPutOff) {
			n++
		}
	}
	return n
}

// tally returns what was confirmed and what was planned in vain.
func (r *recorder) tally() (applied, failed map[plan.Counter]int) {
	failed = map[plan.Counter]int{}
	for counter, tally := range r.pass.run.Changes {
		if n := tally.Planned - r.applied[counter] - r.accepted[counter]; n > 0 {
			failed[counter] = n
		}
	}
	return r.applied, failed
}

// sent is what was confirmed or accepted: safeguards count what is under way too.
func (r *recorder) sent() map[plan.Counter]int {
	sent := maps.Clone(r.applied)
	for counter, n := range r.accepted {
		if n > 0 {
			sent[counter] += n
		}
	}
	return sent
}

// write is the one goroutine that writes.
func (r *recorder) write() {
	defer close(r.done)
	timer := time.NewTimer(linger)
	defer timer.Stop()
	for first := range r.queue {
		batch := r.collect(first, timer)
		err := r.commit(batch)
		for i := range batch {
			if batch[i].written != nil {
				batch[i].written <- err
			}
		}
	}
}

// collect gathers pieces until somebody waits for one, there are enough of them, or
// the first has waited long enough.
func (r *recorder) collect(first piece, timer *time.Timer) []piece {
	batch := append(make([]piece, 0, maxBatch), first)
	timer.Reset(linger)
	for len(batch) < maxBatch && batch[len(batch)-1].written == nil {
		select {
		case next, open := <-r.queue:
			if !open {
				return batch
			}
			batch = append(batch, next)
		case <-timer.C:
			return batch
		}
	}
	return batch
}

// commit writes a batch and counts it. It returns the first error that there ever was,
// and goes on after it all the same: what is confirmed should be known.
func (r *recorder) commit(batch []piece) error {
	// Confirmed is confirmed, also when the run has been told to stop.
	err := r.pass.Ledger.Update(context.Background(), func(tx ledger.Tx) error {
		for i := range batch {
			if batch[i].Change == nil {
				continue
			}
			if err := r.pass.put(tx, &batch[i].Outcome); err != nil {
				return err
			}
		}
		return nil
	})
	r.mu.Lock()
	defer r.mu.Unlock()
	if err != nil {
		r.broken = cmp.Or(r.broken, err)
		return r.broken
	}
	final := 0
	for i := range batch {
		if batch[i].Change == nil {
			continue
		}
		r.account(&batch[i].Outcome)
		if batch[i].Final {
			final++
		}
	}
	if final > 0 {
		r.pass.Watch(Event{Site: r.pass.run.Site, Name: r.pass.run.Name, Target: r.pass.run.Target, Done: final})
	}
	return r.broken
}

// put writes one outcome.
func (p *pass) put(tx ledger.Tx, o *target.Outcome) error {
	c, name := o.Change, p.run.Target
	if step, ok := p.step(o); ok {
		if err := tx.LogStep(p.id, step); err != nil {
			return err
		}
	}
	switch {
	case o.Accepted:
		return tx.PutAccepted(ledger.Accepted{
			Target: name, Site: p.Site.ID, Action: c.Action, Change: c.Identity(p.printer.Print), At: p.Now(), Object: p.known(c, o.RemoteID),
		})
	case o.Gone:
		return tx.DropObject(name, c.Kind, c.Key)
	case o.Err != nil && !o.Attributes:
		if taken := c.After.String(userName); scim.IsConflict(o.Err) && c.Kind == scim.User && taken != "" {
			return tx.NoteForeignName(name, taken, p.Now())
		}
	case o.Attributes && c.Action != plan.UpdateMembers:
		if err := tx.PutObject(name, p.Site.ID, p.known(c, o.RemoteID)); err != nil {
			return err
		}
		if len(c.Have) > 0 {
			if err := tx.AddMembers(name, c.Key, c.Have); err != nil {
				return err
			}
		}
	}
	if len(o.Added) > 0 {
		if err := tx.AddMembers(name, c.Key, o.Added); err != nil {
			return err
		}
	}
	if len(o.Removed) > 0 {
		return tx.RemoveMembers(name, c.Key, o.Removed)
	}
	return nil
}
