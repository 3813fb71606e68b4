package connector

import (
	"context"
	"sync"
	"time"

	"simscim/connector/ledger"
	"simscim/connector/plan"
	"simscim/connector/target"
	"simscim/scim"
)

// recorder writes what the target confirms into the ledger, in the order in which it
// was confirmed. Pieces that arrive while one transaction is being written go into the
// next one together: confirm returns when its piece is safe, and sixteen workers share
// one commit instead of paying for sixteen.
type recorder struct {
	pass  *pass
	queue chan piece
	done  chan struct{}

	mu sync.Mutex
	// ids are the target's ids of users confirmed in this run.
	ids      map[string]string
	applied  map[plan.Counter]int
	failures []target.Outcome
	// taken are the names that the target refused because somebody else has them.
	taken []string
}

// piece is one outcome on its way into the ledger.
type piece struct {
	target.Outcome
	written chan error
}

// maxBatch is the most pieces that go into one transaction.
const maxBatch = 64

func (p *pass) newRecorder() *recorder {
	r := &recorder{
		pass: p, queue: make(chan piece), done: make(chan struct{}),
		ids: map[string]string{}, applied: map[plan.Counter]int{},
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

// confirm takes one outcome and returns when it is in the ledger.
func (r *recorder) confirm(o target.Outcome) error {
	in := piece{Outcome: o, written: make(chan error, 1)}
	r.queue <- in
	if err := <-in.written; err != nil {
		return err
	}
	r.account(o)
	return nil
}

// account counts the outcome.
func (r *recorder) account(o target.Outcome) {
	r.mu.Lock()
	defer r.mu.Unlock()
	c := o.Change
	if o.Attributes && c.Kind == scim.User {
		r.ids[c.Key] = o.RemoteID
	}
	if o.Attributes && c.Action != plan.UpdateMembers || o.Gone && o.Err == nil {
		r.applied[plan.Counter(c.Action)]++
	}
	if n := len(o.Added); n > 0 {
		r.applied[plan.AddMember] += n
	}
	if n := len(o.Removed); n > 0 {
		r.applied[plan.RemoveMember] += n
	}
	if o.Err != nil {
		r.failures = append(r.failures, o)
		if name := c.After.String(userName); scim.IsConflict(o.Err) && c.Kind == scim.User && name != "" {
			r.taken = append(r.taken, name)
		}
	}
	if o.Final {
		r.pass.Watch(Event{Site: r.pass.run.Site, Name: r.pass.run.Name, Target: r.pass.run.Target, Done: 1})
	}
}

// nameConflicts tells whether names turned out to be taken at the target.
func (r *recorder) nameConflicts() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.taken) > 0
}

// tally returns what was confirmed and what was planned in vain.
func (r *recorder) tally() (applied, failed map[plan.Counter]int) {
	failed = map[plan.Counter]int{}
	for counter, tally := range r.pass.run.Changes {
		if n := tally.Planned - r.applied[counter]; n > 0 {
			failed[counter] = n
		}
	}
	return r.applied, failed
}

// write is the one goroutine that writes: it takes what is waiting and commits it.
func (r *recorder) write() {
	defer close(r.done)
	for first := range r.queue {
		batch := []piece{first}
	collect:
		for len(batch) < maxBatch {
			select {
			case next, open := <-r.queue:
				if !open {
					break collect
				}
				batch = append(batch, next)
			default:
				break collect
			}
		}
		// Confirmed is confirmed, also when the run has been told to stop.
		err := r.pass.Ledger.Update(context.Background(), func(tx ledger.Tx) error {
			for i := range batch {
				if err := r.pass.put(tx, &batch[i].Outcome); err != nil {
					return err
				}
			}
			return nil
		})
		for _, p := range batch {
			p.written <- err
		}
	}
}

// put writes one outcome.
func (p *pass) put(tx ledger.Tx, o *target.Outcome) error {
	c, name := o.Change, p.run.Target
	switch {
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
	}
	if err := p.putBack(tx, o); err != nil {
		return err
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

// putBack ends the absence of an object that was missing and is wanted again.
func (p *pass) putBack(tx ledger.Tx, o *target.Outcome) error {
	known := p.state.Users[o.Change.Key]
	if o.Change.Kind == scim.Group {
		known = p.state.Groups[o.Change.Key]
	}
	if known == nil || known.Missed == 0 || !o.Final || o.Err != nil || o.Change.Action == plan.SuspendUser {
		return nil
	}
	return tx.SetMissing(p.run.Target, p.Site.ID, o.Change.Kind, o.Change.Key, 0, time.Time{})
}
