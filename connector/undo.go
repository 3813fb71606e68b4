package connector

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"simscim/connector/ledger"
	"simscim/connector/plan"
	"simscim/connector/target"
	"simscim/internal/clock"
	"simscim/internal/httpx"
	"simscim/mapper"
	"simscim/roster"
)

// step is what the ledger keeps of an outcome so that it can be taken back. What a run
// makes needs none: the accounts and groups that it made stay. What the target has only
// accepted is kept too: whether it came about is seen from the ledger when it is undone.
func (p *pass) step(o *target.Outcome) (ledger.Step, bool) {
	c := o.Change
	s := ledger.Step{Kind: c.Kind, Key: c.Key, RemoteID: o.RemoteID, Action: c.Action}
	switch c.Action {
	case plan.SuspendUser, plan.ReactivateUser:
		return s, o.Attributes || o.Accepted
	case plan.RenameUser:
		if known := p.state.Users[c.Key]; known != nil {
			s.Name = known.Name
		}
		return s, (o.Attributes || o.Accepted) && s.Name != ""
	case plan.UpdateGroup, plan.UpdateMembers, plan.AdoptGroup:
		s.Action, s.Added, s.Removed = plan.UpdateMembers, o.Added, o.Removed
		return s, len(o.Added)+len(o.Removed) > 0
	case plan.DeleteUser, plan.DeleteGroup, plan.ReplaceGroup:
		return s, o.Gone
	default:
		return s, false
	}
}

// Undo plans the inverse of a run, as far as the ledger knows it: suspensions and
// reactivations, user names, memberships. With apply it carries it out, through the same
// safeguards as any other plan. What was deleted stays deleted, what was made stays, and
// values of attributes are not kept; the report's troubles say so. The next sync follows
// the roll again, whatever was undone.
func (e *Engine) Undo(ctx context.Context, runID int64, apply bool) (*Report, error) {
	rec, ok, err := e.Ledger.Run(ctx, runID)
	if err != nil {
		return nil, fmt.Errorf("read the ledger: %w", err)
	}
	if !ok {
		return nil, fmt.Errorf("there is no run %d in the store", runID)
	}
	steps, err := e.Ledger.Steps(ctx, runID)
	if err != nil {
		return nil, fmt.Errorf("read the ledger: %w", err)
	}
	if e.Targets[rec.Target] == nil {
		return nil, fmt.Errorf("the run's target %s is no longer in the configuration", rec.Target)
	}
	j, err := e.job(ctx, rec.Site)
	if err != nil {
		return nil, err
	}
	elapsed := clock.Stopwatch()
	run := newRun(j.Site, rec.Target)
	m := newMode(Manner{}, apply)
	if waits := e.undo(ctx, j, m, run, steps); !waits {
		e.close(ctx, run, apply)
	}
	e.finishGathering(ctx, m)
	report := &Report{Runs: []*Run{run}}
	report.sum(elapsed())
	return report, nil
}

// job makes the job of a school that the ledger knows, without asking its source.
func (e *Engine) job(ctx context.Context, site string) (Job, error) {
	rec, seen, err := e.Ledger.Site(ctx, site)
	if err != nil {
		return Job{}, fmt.Errorf("read the ledger: %w", err)
	}
	route, ok := e.Routes.For(siteOf(rec))
	if !seen || !ok {
		return Job{}, errors.New("no entry of sites in the configuration matches the run's school any more")
	}
	return Job{Site: siteOf(rec), Route: route}, nil
}

// undo fills run. It returns true when the run is yet to be carried out, with others.
func (e *Engine) undo(ctx context.Context, j Job, m mode, run *Run, steps []ledger.Step) (waits bool) {
	var calls atomic.Int64
	elapsed := clock.Stopwatch()
	p := e.newPass(j, m, &roster.Snapshot{Site: j.Site, TakenAt: e.Now()}, run)
	p.once = true
	err := e.alone(ctx, run.Target, func() error {
		err := p.takeBack(httpx.CountInto(ctx, &calls), steps)
		run.Requests.Target, run.Seconds = calls.Load(), elapsed().Seconds()
		return err
	})
	if err != nil {
		run.end(Failed, err.Error())
	}
	return p.waits
}

// takeBack plans and, in a sync, applies the inverse of the steps.
func (p *pass) takeBack(ctx context.Context, steps []ledger.Step) (err error) {
	if p.state, err = p.Ledger.Load(ctx, p.run.Target, p.Site.ID); err != nil {
		return fmt.Errorf("read the ledger: %w", err)
	}
	if err := p.ask(ctx); err != nil {
		return err
	}
	p.desired = &mapper.Desired{Site: p.Site}
	p.plan = plan.Invert(p.Site.ID, p.run.Target, p.state, undone(steps))
	return p.judge(ctx)
}

// undone turns the ledger's steps into those of a plan.
func undone(steps []ledger.Step) []plan.Done {
	list := make([]plan.Done, 0, len(steps))
	for _, s := range steps {
		list = append(list, plan.Done{Kind: s.Kind, Key: s.Key, Action: s.Action, Name: s.Name, Added: s.Added, Removed: s.Removed})
	}
	return list
}

// partial is what the ledger shall hold of an account after a change that says only what
// differs, as a suspension does.
func (p *pass) partial(c *plan.Change) plan.Known {
	k := *p.state.Users[c.Key]
	k.Members = nil
	for _, f := range c.Set {
		k.Prints = withPrint(k.Prints, f.Path, p.printer.Print(f.Path, f.After))
		if name, ok := f.After.(string); ok && f.Path == userName {
			k.Name = name
		}
	}
	switch c.Action {
	case plan.SuspendUser:
		k.Status, k.SuspendedAt = plan.Suspended, p.snap.TakenAt
	case plan.ReactivateUser:
		k.Status, k.SuspendedAt = plan.Active, time.Time{}
	}
	return k
}
