package connector

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"time"

	"simscim/connector/plan"
	"simscim/connector/target"
	"simscim/internal/clock"
	"simscim/internal/httpx"
	"simscim/scim"
)

// gathering holds the schools whose plans for a target are judged and begun, and which
// wait to be carried out together: at some targets calls are few, and what many schools
// have to say fits into one. It is used under the target's lock. Every run of the engine
// waits in the same: what waits is about to be done, and nobody may decide as if it were
// not.
type gathering struct {
	list []*joined
	// users are the keys of the users that the waiting schools write.
	users map[string]bool
	// changes counts what waits, counts the same by counter.
	changes int
	counts  map[plan.Counter]int
}

// joined is one school that waits.
type joined struct {
	*pass
	rec *recorder
}

// join lets the school wait for others. A user whom another school of the gathering is
// about to write is left to the next run, which finds the account and claims it.
func (p *pass) join(ctx context.Context, rec *recorder, approval int64) error {
	g := p.gatherings[p.run.Target]
	p.drop(g.users, "another school of this run is about to write the account; the next run goes on from there")
	p.Watch(Event{Site: p.run.Site, Name: p.run.Name, Target: p.run.Target, Planned: len(p.plan.Changes)})
	if err := p.notes(ctx, approval); err != nil {
		return err
	}
	rec.begin(p)
	p.waits = true
	p.joinedAt.Store(p.run.Target, true)
	g.add(&joined{p, rec})
	if g.changes >= p.caps.Gather {
		p.Engine.together(ctx, p.run.Target, g.take())
	}
	return nil
}

// drop takes the changes of users with these keys out of the plan.
func (p *pass) drop(keys map[string]bool, why string) {
	kept := p.plan.Changes[:0:0]
	for _, c := range p.plan.Changes {
		if c.Kind == scim.User && keys[c.Key] {
			p.plan.Skipped = append(p.plan.Skipped, plan.Skip{Kind: c.Kind, Key: c.Key, Label: c.Label, Waiting: true, Reason: why})
			continue
		}
		kept = append(kept, c)
	}
	if len(kept) < len(p.plan.Changes) {
		p.plan.Changes = kept
		p.run.replanned(map[plan.Counter]int{}, p.plan.Counts())
		p.run.Troubles, p.run.InGrace = nil, 0
		p.troubles()
	}
}

// add takes a school in.
func (g *gathering) add(j *joined) {
	if g.users == nil {
		g.users, g.counts = map[string]bool{}, map[plan.Counter]int{}
	}
	g.list = append(g.list, j)
	g.changes += len(j.plan.Changes)
	for counter, n := range j.plan.Counts() {
		g.counts[counter] += n
	}
	for i := range j.plan.Changes {
		if c := &j.plan.Changes[i]; c.Kind == scim.User {
			g.users[c.Key] = true
		}
	}
}

// take hands over who waits.
func (g *gathering) take() []*joined {
	list := g.list
	*g = gathering{}
	return list
}

// finishGathering carries out what schools of a run still wait for at its end. When it
// returns, all of them have ended, also those that another run has carried out with its
// own.
func (e *Engine) finishGathering(ctx context.Context, m mode) {
	m.joinedAt.Range(func(name, _ any) bool {
		target, _ := name.(string)
		_ = e.alone(context.WithoutCancel(ctx), target, func() error { // their runs must end, even when stopped
			if list := e.gatherings[target].take(); len(list) > 0 {
				e.together(ctx, target, list)
			}
			return nil
		})
		return true
	})
}

// together applies the plans of several schools at one target, phase by phase, and ends
// their runs. The lock of the target is held.
func (e *Engine) together(ctx context.Context, name string, list []*joined) {
	var calls atomic.Int64
	took := clock.Stopwatch()
	counted := httpx.CountInto(ctx, &calls)
	err := e.spare(ctx, list)
	if err == nil {
		err = e.applyTogether(counted, name, list)
	}
	for i, j := range list {
		if i == 0 { // what was sent together is counted once
			j.run.Requests.Target += calls.Load()
		}
		j.run.Seconds += took().Seconds()
		if end := j.wrapUp(ctx, j.rec, err); end != nil {
			j.run.end(Failed, end.Error())
		}
		j.diagnose(ctx, nil)
		e.close(ctx, j.run, true)
	}
}

// spare takes out of the plans what would end accounts that another school has claimed
// since: while the one that they leave was waiting, the one where they arrive was read.
func (e *Engine) spare(ctx context.Context, list []*joined) error {
	ends := func(c plan.Change) bool { return c.Action == plan.SuspendUser || c.Action == plan.DeleteUser }
	for _, j := range list {
		if j.once || !slices.ContainsFunc(j.plan.Changes, ends) {
			continue
		}
		now, err := e.Ledger.Load(ctx, j.run.Target, j.run.Site)
		if err != nil {
			return fmt.Errorf("read the ledger: %w", err)
		}
		claimed := map[string]bool{}
		for _, c := range j.plan.Changes {
			before, known := j.state.Users[c.Key], now.Users[c.Key]
			if ends(c) && known != nil && known.Shared && before != nil && !before.Shared {
				claimed[c.Key] = true
			}
		}
		j.drop(claimed, "another school has claimed the account in the meantime; it stays")
	}
	return nil
}

func (e *Engine) applyTogether(ctx context.Context, name string, list []*joined) error {
	order := phases
	if list[0].caps.OnePhase {
		order = [][]plan.Action{slices.Concat(phases...)}
	}
	deadline := e.Now().Add(e.Routes.target(name).ConfirmWithin.Duration)
	for _, actions := range order {
		changes, owners := phaseOf(list, actions)
		if len(changes) == 0 {
			continue
		}
		lookup := func(key string) (string, bool) {
			for _, j := range list {
				if id, ok := j.rec.remoteID(key); ok {
					return id, true
				}
			}
			return "", false
		}
		err := e.Targets[name].Apply(ctx, changes, lookup, func(o target.Outcome) error { return owners[o.Change].rec.confirm(o) })
		for _, j := range list {
			err = errors.Join(err, j.rec.flush())
		}
		if err != nil {
			return err
		}
		if err := e.await(ctx, name, list, deadline); err != nil {
			return err
		}
	}
	return ctx.Err()
}

// phaseOf puts the changes of one phase together, and remembers whose each is.
func phaseOf(list []*joined, actions []plan.Action) ([]plan.Change, map[*plan.Change]*joined) {
	var changes []plan.Change
	var whose []*joined
	for _, action := range actions { // in this order, whichever school they are of
		for _, j := range list {
			for i := range j.plan.Changes {
				if j.plan.Changes[i].Action == action {
					changes, whose = append(changes, j.plan.Changes[i]), append(whose, j)
				}
			}
		}
	}
	owners := make(map[*plan.Change]*joined, len(changes))
	for i := range changes {
		owners[&changes[i]] = whose[i]
	}
	return changes, owners
}

// firstPause is the first of the pauses between asking, which double from there.
const firstPause = 2 * time.Second

// await waits until the target has told what became of what it accepted, but not beyond
// the deadline: what is not told by then is asked for by the next run.
func (e *Engine) await(ctx context.Context, name string, list []*joined, deadline time.Time) error {
	teller, tells := e.Targets[name].(target.Teller)
	if !tells {
		return nil
	}
	for pause := min(firstPause, e.Pause); ; pause = min(2*pause, e.Pause) {
		left, err := e.collect(ctx, name, teller, list)
		if err != nil || left == 0 || !e.Now().Add(pause).Before(deadline) {
			return err
		}
		for _, j := range list {
			e.Watch(Event{Site: j.run.Site, Name: j.run.Name, Target: name, Awaited: left})
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(pause):
		}
	}
}
