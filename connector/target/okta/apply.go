package okta

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"simscim/connector/plan"
	"simscim/connector/target"
	"simscim/scim"
)

const (
	// loadTries is how often a load is sent that gets no usable answer, and loadWait the
	// first wait in between, doubling from there.
	loadTries = 3
	loadWait  = time.Second
	// maxUnanswered is how many loads in a row may get no usable answer before the target
	// is taken to be down.
	maxUnanswered = 10
)

// run is one call of Apply.
type run struct {
	*Target
	lookup  target.Lookup
	confirm func(target.Outcome) error

	jobs  []*job
	queue []*load
	// arriving are the keys of users whom this run sends, and away those whom it does not,
	// or who turned out not to have arrived.
	arriving, away map[string]bool
	unanswered     int
}

// Apply carries out changes of any kind, in as few sessions as they fit into: first users,
// then groups, then who is in them, and last who and what goes.
func (t *Target) Apply(ctx context.Context, changes []plan.Change, lookup target.Lookup, confirm func(target.Outcome) error) error {
	select {
	case t.applying <- struct{}{}:
		defer func() { <-t.applying }()
	case <-ctx.Done():
		return ctx.Err()
	}
	r := &run{Target: t, lookup: lookup, confirm: confirm, arriving: map[string]bool{}, away: map[string]bool{}}
	if err := r.prepare(changes); err != nil {
		return err
	}
	for len(r.queue) > 0 {
		more, err := r.session(ctx)
		switch {
		case errors.Is(err, target.ErrPutOff):
			return r.putOff(err)
		case err != nil:
			return fmt.Errorf("apply changes: %w", err)
		case !more:
			return r.putOff(fmt.Errorf("an import before it is not over, or failed: %w", target.ErrPutOff))
		}
	}
	return ctx.Err()
}

// prepare turns the changes into loads. What Okta would refuse has its outcome here.
func (r *run) prepare(changes []plan.Change) error {
	packers := make([]packer, numKinds)
	for i := range packers {
		packers[i].sort = sort(i)
	}
	// A name that is given up must be free before somebody else gets it.
	for _, renames := range []bool{true, false} {
		for i := range changes {
			if c := &changes[i]; (c.Action == plan.RenameUser) == renames {
				if err := r.whole(c, packers); err != nil {
					return err
				}
			}
		}
	}
	for _, j := range r.jobs {
		c := j.change
		if c.Kind == scim.Group && !j.done {
			packers[removeMembers].memberships(j, r.known(c.Remove))
			packers[addMembers].memberships(j, r.there(c.Add))
		}
		if j.left == 0 && !j.done { // nothing that is there comes or goes
			if err := r.end(j, target.Outcome{Attributes: true}); err != nil {
				return err
			}
		}
	}
	for i := range packers {
		r.queue = append(r.queue, packers[i].loads...)
	}
	return nil
}

// whole packs what a change says of the object itself.
func (r *run) whole(c *plan.Change, packers []packer) error {
	j := &job{change: c}
	r.jobs = append(r.jobs, j)
	sent, err := profileOf(c)
	if err == nil && len(entity(c.Key, sent))+len(sort(upsertUsers).kind().head)*2 > maxBytes {
		err = &unfit{why: errors.New("it is larger than a bulk request may be")}
	}
	if err != nil {
		r.away[c.Key] = c.Action == plan.CreateUser
		return r.fail(j, err, false)
	}
	switch {
	case c.Action == plan.UpdateMembers, c.Action == plan.AdoptGroup && len(sent) == 0:
	case c.Action == plan.DeleteGroup:
		packers[deleteGroups].add(part{job: j, entity: quoted(c.Key)})
	case c.Action == plan.AdoptGroup, c.Action == plan.CreateGroup, c.Action == plan.UpdateGroup:
		j.sent = sent
		packers[upsertGroups].add(part{job: j, entity: entity(c.Key, sent)})
	case !writesUser(c.Action):
		return r.fail(j, fmt.Errorf("there is no action %q", c.Action), false)
	case leaves(c):
		// Okta has no accounts that are there and not active. One that is wanted so is as it
		// should be when nothing is there; it is sent whole once it is to be active.
		r.away[c.Key] = true
		packers[deactivateUsers].add(part{job: j, entity: entity(c.Key, nil)})
	default:
		j.sent, r.arriving[c.Key] = sent, true
		packers[upsertUsers].add(part{job: j, entity: entity(c.Key, sent)})
	}
	return nil
}

// writesUser tells whether the action changes an account.
func writesUser(a plan.Action) bool {
	switch a {
	case plan.AdoptUser, plan.CreateUser, plan.ReactivateUser, plan.RenameUser, plan.UpdateUser, plan.SuspendUser:
		return true
	default:
		return false
	}
}

// leaves tells whether the account is not to be active after the change.
func leaves(c *plan.Change) bool {
	v, _ := c.After.Get(active)
	return c.Action == plan.SuspendUser || v == false
}

// known are those of the members whom Okta has had. Who goes in the same session leaves
// the groups first.
func (r *run) known(keys []string) []string {
	return slices.DeleteFunc(slices.Clone(keys), func(key string) bool {
		_, known := r.lookup(key)
		return !known
	})
}

// there are those of the members whom Okta knows, or will once the users are imported.
// The others are left out and stay unconfirmed.
func (r *run) there(keys []string) []string {
	return slices.DeleteFunc(slices.Clone(keys), func(key string) bool {
		_, known := r.lookup(key)
		return r.away[key] || !known && !r.arriving[key]
	})
}

// session carries out one session. more is false where nothing more makes sense before
// what was sent is told of.
func (r *run) session(ctx context.Context) (more bool, err error) {
	id, err := r.open(ctx)
	if err != nil {
		return false, err
	}
	sent, err := r.fill(ctx, id)
	if err != nil || len(sent) == 0 {
		r.leave(ctx, id)
		return true, err
	}
	state, err := r.start(ctx, id)
	if err != nil {
		r.leave(ctx, id) // which does nothing to one that was started after all
		return false, err
	}
	if state == stateTriggered {
		if state, err = r.follow(ctx, id); err != nil {
			return false, err
		}
	}
	switch state {
	case stateCreated: // nothing in it was anything that is there: it need not be imported
		r.leave(ctx, id)
		fallthrough
	case stateCompleted:
		return true, r.imported(ctx, sent)
	case stateTriggered:
		return false, r.accepted(sent)
	default:
		return false, r.broken(sent, state)
	}
}

// fill sends loads until the session is full. It returns those that were taken.
func (r *run) fill(ctx context.Context, id string) (sent []*load, err error) {
	var last error
	for n := 0; n < maxLoads && len(r.queue) > 0; {
		l := r.queue[0]
		l.parts = slices.DeleteFunc(l.parts, func(p part) bool { return p.job.done })
		if len(l.parts) == 0 {
			r.queue = r.queue[1:]
			continue
		}
		n++
		err := r.Target.load(ctx, id, l)
		switch {
		case err == nil:
			r.queue, sent, r.unanswered = r.queue[1:], append(sent, l), 0
			continue
		case ctx.Err() != nil || refusesAll(err) || !isLoadError(err):
			return sent, err
		}
		if refused(err) {
			if s, readErr := r.read(ctx, id); readErr != nil || !s.loading() {
				return sent, fmt.Errorf("the session is over before its time: %w", errors.Join(err, readErr))
			}
		}
		last = err
		if err := r.again(ctx, l, err); err != nil {
			return sent, err
		}
	}
	if len(sent) == 0 && len(r.queue) > 0 && last != nil {
		return nil, fmt.Errorf("a whole session was refused: %w", last)
	}
	return sent, nil
}

// again decides what becomes of a load that was not taken: it is sent once more where
// that may help, and otherwise cut in two until the entity that is to blame stands alone.
func (r *run) again(ctx context.Context, l *load, err error) error {
	if temporary(err) {
		if r.unanswered++; r.unanswered >= maxUnanswered {
			return fmt.Errorf("the target does not answer: %w", err)
		}
		if l.tries++; l.tries < loadTries {
			return r.wait(ctx, loadWait<<(l.tries-1))
		}
	}
	if len(l.parts) > 1 {
		r.queue = append(l.halves(), r.queue[1:]...)
		return nil
	}
	r.queue = r.queue[1:]
	j := l.parts[0].job
	r.away[j.change.Key] = j.change.Action == plan.CreateUser
	return r.fail(j, err, temporary(err))
}
