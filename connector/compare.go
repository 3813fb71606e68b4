package connector

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"sync/atomic"
	"time"

	"simscim/config"
	"simscim/connector/ledger"
	"simscim/connector/plan"
	"simscim/connector/source"
	"simscim/connector/target"
	"simscim/internal/clock"
	"simscim/internal/httpx"
	"simscim/mapper"
	"simscim/roster"
	"simscim/scim"
)

// pass is one site at one target in one run.
type pass struct {
	*Engine
	Job
	mode
	snap   *roster.Snapshot
	run    *Run
	target target.Target
	// caps is what the target can do; until it was asked, everything is assumed.
	caps  target.Capabilities
	asked bool

	state   *plan.State
	foreign map[string]bool
	// observed is what was read back; nil as long as nothing was.
	observed *plan.Observed
	names    *namer
	desired  *mapper.Desired
	plan     *plan.Plan
	// readBack says that everything of ours, by the target's ids, was looked at, and gone
	// what was not there.
	readBack bool
	ours     map[plan.Ref]bool
	gone     map[plan.Ref]bool
	// counted are the objects whose absence this run has counted, as they were before: a
	// further round sees the same snapshot, and must not count it once more.
	counted map[plan.Ref]*plan.Known
	// escrow are the objects that failed before.
	escrow map[plan.Ref]ledger.Escrow
	// accepted are the objects whose change the target has taken and not yet told of.
	accepted map[plan.Ref]ledger.Accepted
	// waits says that the plan is carried out together with those of other schools.
	waits bool
	// once says that the plan may not be worked out anew: it does not follow from the roll.
	once bool
	// intended is what this run was about to do in all its rounds.
	intended []plan.Intent
	// doubts are memberships of which it stays unknown what an earlier run did to them.
	doubts []plan.Intent
	// id is the run's in the ledger, 0 until it has begun.
	id int64
	// passwords are those of the accounts that this run makes.
	passwords *passwords
	// failed of tried changes failed, and ended is what ended the run early.
	failed, tried int
	ended         error
}

// maxRounds is how often a plan may be worked out anew because a user name turned out
// to be taken.
const maxRounds = 4

func (e *Engine) newPass(j Job, m mode, snap *roster.Snapshot, run *Run) *pass {
	return &pass{Engine: e, Job: j, mode: m, snap: snap, run: run, target: e.Targets[run.Target], foreign: map[string]bool{}}
}

// pass takes the snapshot to one target and fills run. It returns true when the school
// waits to be carried out together with others.
func (e *Engine) pass(ctx context.Context, j Job, m mode, snap *roster.Snapshot, run *Run) (waits bool) {
	var calls atomic.Int64
	took := clock.Stopwatch()
	p := e.newPass(j, m, snap, run)
	run.validated(snap)
	err := e.alone(ctx, run.Target, func() error {
		before := run.Seconds
		err := p.work(httpx.CountInto(ctx, &calls))
		// Of a school that waits, whoever holds the lock has the run from here on.
		run.Requests.Target += calls.Load()
		run.Seconds = before + took().Seconds() // what was carried out meanwhile is in it
		return err
	})
	if err != nil {
		run.end(Failed, err.Error())
	}
	if m.apply && !p.waits {
		p.diagnose(ctx, err)
	}
	return p.waits
}

// work plans and, in a sync, applies. It sets the run's status; an error stands for
// Failed with the error as reason.
func (p *pass) work(ctx context.Context) (err error) {
	if err := p.compare(ctx); err != nil {
		return err
	}
	return p.judge(ctx)
}

// judge checks the finished plan against the safeguards and, in a sync, carries it out.
func (p *pass) judge(ctx context.Context) error {
	p.run.planned(p.plan.Counts())
	p.run.Least = p.caps.Least(p.plan.Changes)
	p.run.Cost = float64(p.run.Least) * p.caps.PricePerCall
	p.troubles()
	held, err := p.breaches(ctx)
	if err != nil {
		return err
	}
	if !p.apply || p.Saved != nil || len(held) > 0 { // nobody else asks which plan it is
		p.run.digest = p.plan.Digest(p.printer.Print)
	}
	if !p.apply {
		p.run.steps(p.plan, p.drifted())
		p.run.end(Done, p.summary())
		if len(held) > 0 {
			p.run.end(Held, heldReason(held))
		}
		return nil
	}
	return p.carryOut(ctx, held)
}

// compare works out the desired state and the plan. The target is asked what it can do
// only when there is something to do: an unchanged roll costs it no request.
func (p *pass) compare(ctx context.Context) error {
	if !p.asked {
		p.caps = target.Capabilities{Users: true, Groups: true, Suspend: true, Delete: true, DeleteGroups: true, RenameGroups: true}
	}
	if err := p.settle(ctx); err != nil {
		return err
	}
	if p.asked || len(p.plan.Changes)+len(p.plan.Skipped) == 0 {
		return nil
	}
	assumed := p.abilities()
	if err := p.ask(ctx); err != nil || reflect.DeepEqual(p.abilities(), assumed) {
		return err
	}
	return p.settle(ctx)
}

// ask finds out what the target can do.
func (p *pass) ask(ctx context.Context) (err error) {
	if p.asked {
		return nil
	}
	if p.caps, err = p.target.Capabilities(ctx); err != nil {
		return fmt.Errorf("find out what the target can do: %w", err)
	}
	p.asked = true
	return nil
}

func (p *pass) abilities() plan.Abilities {
	can := plan.Abilities{
		Users: p.caps.Users, Groups: p.caps.Groups,
		Suspend: p.caps.Suspend, Delete: p.caps.Delete, DeleteGroups: p.caps.DeleteGroups,
		RenameGroups: p.caps.RenameGroups, TakesPassword: p.caps.TakesPassword, NeedsPassword: p.caps.NeedsPassword,
		UserPaths: p.caps.UserPaths, GroupPaths: p.caps.GroupPaths,
		RequiredUser: p.caps.RequiredUser, RequiredGroup: p.caps.RequiredGroup, LongestUser: p.caps.LongestUser,
	}
	if p.settings().ReplaceGroups { // nothing else depends on them
		can.MembersPerCreate, can.MembersPerAdd, can.MembersPerRemove = p.caps.MembersPerCreate, p.caps.MembersPerAdd, p.caps.MembersPerRemove
	}
	return can
}

// settings are the target's in the configuration.
func (p *pass) settings() *config.Target { return p.Routes.target(p.run.Target) }

// settle plans until all names are settled: they are chosen again when the target turns
// out to hold some of them, or when another site was quicker.
func (p *pass) settle(ctx context.Context) error {
	for range maxRounds {
		if err := p.loadAccepted(ctx); err != nil { // what it tells goes into the ledger
			return err
		}
		var err error
		if p.state, err = p.Ledger.Load(ctx, p.run.Target, p.Site.ID); err != nil {
			return fmt.Errorf("read the ledger: %w", err)
		}
		p.uncount()
		if err := p.loadEscrow(ctx); err != nil {
			return err
		}
		if err := p.desire(ctx); err != nil {
			return err
		}
		if err := p.returned(ctx); err != nil {
			return err
		}
		again, err := p.observe(ctx)
		if err != nil {
			return err
		}
		if again {
			if err := p.desire(ctx); err != nil {
				return err
			}
		}
		p.plan = plan.Compute(p.input())
		if !p.apply {
			return nil
		}
		if won, err := p.reserve(ctx); won || err != nil {
			return err
		}
	}
	return errors.New("user names could not be settled: another process keeps taking them")
}

// desire maps the snapshot.
func (p *pass) desire(ctx context.Context) error {
	p.names = p.newNamer(ctx)
	p.desired = p.Route.Mapping.Map(p.snap, p.names)
	if p.names.broken != nil {
		return p.names.broken
	}
	if len(p.desired.Users) == 0 && len(p.state.Users) > 0 && len(p.desired.Problems) > 0 {
		return &source.Incomplete{Reason: "the rules failed for everybody"}
	}
	return ctx.Err()
}

func (p *pass) input() plan.Input {
	l, t := p.Route.Leavers, p.settings()
	in := plan.Input{
		Site: p.Site.ID, Target: p.run.Target,
		Desired: p.desired, State: p.state, Observed: p.observed,
		Print: p.printer.Print,
		Match: p.Route.Mapping.Match, Adopt: p.Route.Mapping.Adopt,
		Leavers: plan.Leavers{
			GraceSnapshots: l.GraceSnapshots,
			Grace:          time.Duration(l.GraceHours) * time.Hour,
			DeleteAfter:    time.Duration(l.DeleteAfterDays) * 24 * time.Hour,
		},
		Can:       p.abilities(),
		May:       plan.Modes{Users: plan.Mode(t.Users), Groups: plan.Mode(t.Groups), Replace: t.ReplaceGroups},
		Protected: protected(t.Protect),
		Waiting:   p.waiting(),
		Gone:      p.gone,
		Withheld:  p.withheld(),
		Now:       p.snap.TakenAt,
	}
	if !p.At.IsZero() { // by then, whoever has left has been gone for long enough
		in.Leavers.GraceSnapshots, in.Leavers.Grace = 1, 0
	}
	return in
}

// troubles puts the objects that a rule or the plan left out into the report.
func (p *pass) troubles() {
	for _, problem := range p.desired.Problems {
		reason := problem.Reason
		if problem.Path != "" {
			reason = string(problem.Path) + ": " + reason
		}
		p.run.Troubles = append(p.run.Troubles, Trouble{Kind: problem.Kind, Key: problem.Key, Reason: reason})
	}
	for _, s := range p.plan.Skipped {
		p.run.Troubles = append(p.run.Troubles, p.waitingTrouble(s))
	}
	for _, n := range p.plan.Notes {
		if n.What == plan.Missing && n.Kind == scim.User {
			p.run.InGrace++
		}
	}
}

// summary is the run's reason when all went well.
func (p *pass) summary() string {
	if len(p.plan.Changes) == 0 {
		return "nothing to change"
	}
	return ""
}
