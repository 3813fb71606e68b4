package connector

import (
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"simscim/connector/plan"
	"simscim/connector/target"
	"simscim/internal/httpx"
	"simscim/scim"
)

// gathering holds the schools of a run whose plans are judged and begun, and which wait to
// be carried out together: at some targets calls are few, and what many schools have to
// say fits into one.
type gathering struct {
	mu      sync.Mutex
	waiting map[string][]*joined
}

// joined is one school that waits.
type joined struct {
	*pass
	rec *recorder
}

// join lets the school wait for others. A user whom another school of the gathering is
// about to write is left to the next run, which finds the account and claims it.
func (p *pass) join(ctx context.Context, rec *recorder, approval int64) error {
	p.leaveOut(p.gathering.users(p.run.Target))
	p.Watch(Event{Site: p.run.Site, Name: p.run.Name, Target: p.run.Target, Planned: len(p.plan.Changes)})
	if err := p.notes(ctx, approval); err != nil {
		return err
	}
	rec.begin(p)
	p.waits = true
	if p.gathering.add(&joined{p, rec}) >= p.caps.Gather {
		p.Engine.together(ctx, p.run.Target, p.gathering.take(p.run.Target))
	}
	return nil
}

// leaveOut takes the changes of users out of the plan that another school has.
func (p *pass) leaveOut(theirs map[string]bool) {
	kept := p.plan.Changes[:0:0]
	for _, c := range p.plan.Changes {
		if c.Kind == scim.User && theirs[c.Key] {
			p.plan.Skipped = append(p.plan.Skipped, plan.Skip{
				Kind: c.Kind, Key: c.Key, Label: c.Label, Waiting: true,
				Reason: "another school of this run is about to write the account; the next run goes on from there",
			})
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

// add takes a school in and returns how many changes wait at its target.
func (g *gathering) add(j *joined) (changes int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.waiting == nil {
		g.waiting = map[string][]*joined{}
	}
	g.waiting[j.run.Target] = append(g.waiting[j.run.Target], j)
	for _, w := range g.waiting[j.run.Target] {
		changes += len(w.plan.Changes)
	}
	return changes
}

// take hands over who waits at a target.
func (g *gathering) take(target string) []*joined {
	g.mu.Lock()
	defer g.mu.Unlock()
	list := g.waiting[target]
	delete(g.waiting, target)
	return list
}

// users are the keys of the users that the waiting schools write.
func (g *gathering) users(target string) map[string]bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	keys := map[string]bool{}
	for _, j := range g.waiting[target] {
		for i := range j.plan.Changes {
			if c := &j.plan.Changes[i]; c.Kind == scim.User {
				keys[c.Key] = true
			}
		}
	}
	return keys
}

// finishGathering carries out what still waits at the end of a run.
func (e *Engine) finishGathering(ctx context.Context, g *gathering) {
	for name := range e.busy {
		if list := g.take(name); len(list) > 0 {
			_ = e.alone(context.WithoutCancel(ctx), name, func() error { // their runs must end, even when stopped
				e.together(ctx, name, list)
				return nil
			})
		}
	}
}

// together applies the plans of several schools at one target, phase by phase, and ends
// their runs. The lock of the target is held.
func (e *Engine) together(ctx context.Context, name string, list []*joined) {
	var calls atomic.Int64
	counted := httpx.CountInto(ctx, &calls)
	err := e.applyTogether(counted, name, list)
	for i, j := range list {
		if i == 0 { // what was sent together is counted once
			j.run.Requests.Target += calls.Load()
		}
		if end := j.wrapUp(ctx, j.rec, err); end != nil {
			j.run.end(Failed, end.Error())
		}
		j.diagnose(ctx, nil)
		e.close(ctx, j.run, true)
	}
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

// await waits until the target has told what became of what it accepted, but not beyond
// the deadline: what is not told by then is asked for by the next run.
func (e *Engine) await(ctx context.Context, name string, list []*joined, deadline time.Time) error {
	teller, tells := e.Targets[name].(target.Teller)
	if !tells {
		return nil
	}
	for {
		left, err := e.collect(ctx, name, teller, list)
		if err != nil || left == 0 || !e.Now().Add(e.Pause).Before(deadline) {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(e.Pause):
		}
	}
}
