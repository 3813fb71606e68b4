package connector

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"go.uber.org/zap"

	"simscim/connector/ledger"
	"simscim/connector/plan"
	"simscim/connector/target"
	"simscim/mapper"
	"simscim/scim"
)

// phases are the steps of applying a plan: changes within one do not depend on each
// other, and each step may rely on those before it.
var phases = [][]plan.Action{
	{plan.AdoptUser, plan.CreateUser, plan.ReactivateUser, plan.RenameUser, plan.UpdateUser},
	{plan.AdoptGroup, plan.CreateGroup, plan.UpdateGroup, plan.UpdateMembers, plan.ReplaceGroup},
	{plan.DeleteGroup},
	{plan.SuspendUser},
	{plan.DeleteUser},
}

// carryOut applies the plan, unless a safeguard holds it or it is not the one that was
// saved, and records the run.
func (p *pass) carryOut(ctx context.Context, held []plan.Breach) error {
	if why := p.moved(); why != "" {
		return errors.New(why)
	}
	var approval int64
	if len(held) > 0 {
		var err error
		if approval, err = p.hold(ctx, held); err != nil || approval == 0 {
			return err
		}
	}
	id, err := p.Ledger.BeginRun(ctx, ledger.Run{Site: p.Site.ID, Target: p.run.Target, Started: p.Now()})
	if err != nil {
		return fmt.Errorf("record the beginning of the run: %w", err)
	}
	p.run.begun, p.id = true, id
	rec := p.newRecorder()
	p.passwords = p.newPasswords()
	if p.caps.Gather > 0 {
		if err = p.join(ctx, rec, approval); err == nil {
			return nil
		}
	} else {
		err = p.rounds(ctx, rec, approval)
	}
	return p.wrapUp(ctx, rec, err)
}

// wrapUp records how the run ended. err is what ended it early.
func (p *pass) wrapUp(ctx context.Context, rec *recorder, err error) error {
	rec.close()
	if err != nil || rec.unsettled {
		p.listings.forget(p.run.Target)
	}
	applied, failed := rec.tally()
	p.run.outcome(applied, rec.accepted)
	var handOver error
	if p.run.Passwords, handOver = p.passwords.handOver(err == nil && !rec.unsettled); handOver != nil {
		err = errors.Join(err, handOver)
	}
	if h := p.run.Passwords; h != nil {
		p.Log.Info("first passwords are sealed", zap.String("site", p.run.Site), zap.String("target", p.run.Target),
			zap.String("file", h.File), zap.Int("accounts", h.Accounts), zap.Bool("unfinished", h.Unfinished))
	}
	p.failed, p.tried, p.ended = rec.refusals(), len(p.plan.Changes), err
	p.conclude(err, rec)
	if err := p.settleEscrow(ctx, rec, err == nil); err != nil {
		return err
	}
	end := ledger.RunEnd{At: p.Now(), Status: string(p.run.Status), Reason: bounded(p.run.Reason), Applied: rec.sent(), Failed: failed}
	settled := err == nil && !rec.unsettled && !p.unclaimed(rec)
	if settled && len(p.intended)+len(p.state.Intents) > 0 {
		if err := p.forgetIntents(ctx); err != nil {
			return err
		}
	}
	// What is known must be recorded even when the run was told to stop.
	if err := p.Ledger.FinishRun(context.WithoutCancel(ctx), p.id, end, settled); err != nil {
		return fmt.Errorf("record the end of the run: %w", err)
	}
	return nil
}

// unclaimed tells whether the target has objects that were recognised and could not be
// taken over. The next run must look again, or it would make them a second time.
func (p *pass) unclaimed(rec *recorder) bool {
	adopts := func(a plan.Action) bool { return a == plan.AdoptUser || a == plan.AdoptGroup }
	return slices.ContainsFunc(rec.failures, func(f target.Outcome) bool { return adopts(f.Change.Action) }) ||
		slices.ContainsFunc(p.plan.Skipped, func(s plan.Skip) bool {
			return len(s.Candidates) > 0 || s.Waiting && adopts(p.escrow[plan.Ref{Kind: s.Kind, Key: s.Key}].Action)
		})
}

// rounds applies the plan, and once more what is left of it when a user name turned out
// to be held by an account that nobody knew of.
func (p *pass) rounds(ctx context.Context, rec *recorder, approval int64) error {
	for round := range maxRounds {
		if round > 0 {
			approval = 0 // it is used up
			p.gone = nil // and made anew by now
			p.observed.Outdate()
			if err := p.compare(ctx); err != nil {
				return err
			}
			// What is planned, and what is left alone and why, is another story by now.
			p.run.replanned(rec.soFar(), p.plan.Counts())
			p.run.Troubles, p.run.InGrace = nil, 0
			p.troubles()
		}
		p.Watch(Event{Site: p.run.Site, Name: p.run.Name, Target: p.run.Target, Planned: len(p.plan.Changes)})
		if err := p.notes(ctx, approval); err != nil {
			return err
		}
		rec.begin(p)
		if err := p.phases(ctx, rec); err != nil {
			return err
		}
		if p.once || !rec.nameConflicts() {
			return nil
		}
	}
	return nil
}

func (p *pass) phases(ctx context.Context, rec *recorder) error {
	for _, actions := range phases {
		var changes []plan.Change
		for i := range p.plan.Changes {
			if slices.Contains(actions, p.plan.Changes[i].Action) {
				changes = append(changes, p.plan.Changes[i])
			}
		}
		if len(changes) == 0 {
			continue
		}
		if err := p.passwords.furnish(changes); err != nil {
			return err
		}
		err := p.target.Apply(ctx, changes, rec.remoteID, func(o target.Outcome) error { return rec.confirm(p.passwords.told(o)) })
		// The next phase builds on this one, and so does the next run.
		if err = cmp.Or(err, rec.flush()); err != nil {
			return fmt.Errorf("apply: %w", err)
		}
	}
	return ctx.Err()
}

// notes records what the ledger alone has to learn from this snapshot.
func (p *pass) notes(ctx context.Context, approval int64) error {
	err := p.Ledger.Update(ctx, func(tx ledger.Tx) error {
		if approval != 0 {
			if err := tx.UseHold(approval, p.Now()); err != nil {
				return err
			}
		}
		if !p.state.Baseline || p.readBack {
			if err := tx.SetBaseline(p.run.Target, p.Site.ID, p.Now()); err != nil {
				return err
			}
		}
		for _, n := range p.plan.Notes {
			if err := p.note(tx, n); err != nil {
				return err
			}
		}
		if intents := p.intents(); len(intents) > 0 {
			return tx.SetIntents(p.run.Target, p.Site.ID, intents)
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("record what the snapshot says: %w", err)
	}
	p.count()
	return nil
}

// count remembers whose absence has just been counted.
func (p *pass) count() {
	if p.counted == nil {
		p.counted = map[plan.Ref]*plan.Known{}
	}
	for _, n := range p.plan.Notes {
		if ref := (plan.Ref{Kind: n.Kind, Key: n.Key}); n.What == plan.Missing && p.counted[ref] == nil {
			p.counted[ref] = p.ledgerHas(ref)
		}
	}
}

// uncount takes back, in what was read from the ledger, the absences that this run counted.
func (p *pass) uncount() {
	for ref, before := range p.counted {
		if known := p.ledgerHas(ref); known != nil {
			known.Missed, known.MissingSince = before.Missed, before.MissingSince
		}
	}
}

func (p *pass) ledgerHas(ref plan.Ref) *plan.Known {
	if ref.Kind == scim.Group {
		return p.state.Groups[ref.Key]
	}
	return p.state.Users[ref.Key]
}

func (p *pass) note(tx ledger.Tx, n plan.Note) error {
	switch n.What {
	case plan.Claim:
		return tx.Claim(p.run.Target, p.Site.ID, n.Key, n.SourceID)
	case plan.Unclaim:
		return tx.Unclaim(p.run.Target, p.Site.ID, n.Key)
	case plan.Awake:
		k := *p.state.Users[n.Key]
		k.Status, k.SuspendedAt, k.Members = plan.Active, time.Time{}, nil
		k.Prints = withPrint(k.Prints, "active", p.printer.Print("active", true))
		return tx.PutObject(p.run.Target, p.Site.ID, k)
	case plan.Forget:
		return tx.DropObject(p.run.Target, n.Kind, n.Key)
	case plan.Seen:
		if err := tx.PutObject(p.run.Target, p.Site.ID, p.known(n.Change, n.Change.RemoteID)); err != nil || len(n.Change.Have) == 0 {
			return err
		}
		return tx.AddMembers(p.run.Target, n.Key, n.Change.Have)
	default: // Missing, and Back with zero values
		return tx.SetMissing(p.run.Target, p.Site.ID, n.Kind, n.Key, n.Missed, n.Since)
	}
}

// conclude sets the run's status from what happened.
func (p *pass) conclude(err error, rec *recorder) {
	for _, f := range rec.failures {
		t := Trouble{Kind: f.Change.Kind, Key: f.Change.Key, Action: f.Change.Action, Reason: f.Err.Error(), Advice: f.Advice}
		p.run.Troubles = append(p.run.Troubles, t)
		p.Log.Warn("a change failed", zap.String("site", p.run.Site), zap.String("target", p.run.Target),
			zap.String("action", string(f.Change.Action)), zap.String("object", p.printer.Pseudonym(f.Change.Key)), zap.Error(f.Err))
	}
	if errors.Is(err, context.Canceled) {
		err = errors.New("it was told to stop; the next run goes on from here")
	}
	failed, applied := 0, 0
	for _, tally := range p.run.Changes {
		failed += *tally.Failed
		applied += *tally.Applied
	}
	switch {
	case err != nil && applied == 0:
		p.run.end(Failed, err.Error())
	case err != nil:
		p.run.end(Partial, err.Error())
	case failed > 0 && applied == 0 && !p.onlyRetries(rec):
		p.run.end(Failed, fmt.Sprintf("none of the %d changes could be made", failed))
	case failed > 0:
		p.run.end(Partial, fmt.Sprintf("%d of %d changes could not be made", failed, failed+applied))
	case len(p.plan.Skipped) > 0 || len(p.desired.Problems) > 0:
		p.run.end(Partial, fmt.Sprintf("%d objects were left alone", len(p.plan.Skipped)+len(p.desired.Problems)))
	default:
		p.run.end(Done, p.summary())
	}
	if n := sum(rec.accepted); n > 0 && err == nil {
		accepted := "1 change is accepted, and the target has yet to tell what became of it"
		if n > 1 {
			accepted = fmt.Sprintf("%d changes are accepted, and the target has yet to tell what became of them", n)
		}
		p.run.Reason = strings.TrimPrefix(p.run.Reason+"; ", "; ") + accepted
	}
}

func sum(counts map[plan.Counter]int) (n int) {
	for _, count := range counts {
		n += count
	}
	return n
}

// onlyRetries tells whether all that failed had failed before: the rest of the school is
// in step.
func (p *pass) onlyRetries(rec *recorder) bool {
	return !slices.ContainsFunc(rec.failures, func(f target.Outcome) bool {
		_, before := p.escrow[plan.Ref{Kind: f.Change.Kind, Key: f.Change.Key}]
		return !before
	})
}

// known is what the ledger shall hold of a change whose attributes are confirmed.
func (p *pass) known(c *plan.Change, remoteID string) plan.Known {
	if c.Action == plan.SuspendUser || p.once {
		return p.partial(c)
	}
	k := plan.Known{Kind: c.Kind, Key: c.Key, RemoteID: remoteID, Home: p.Site.ID, Status: plan.Active}
	k.SourceID = p.sourceID(c)
	k.Prints = p.printer.Prints(c.After)
	if c.Kind == scim.User {
		k.Name = c.After.String(userName)
	}
	return k
}

func (p *pass) sourceID(c *plan.Change) string {
	if c.Kind == scim.User {
		i, _ := slices.BinarySearchFunc(p.desired.Users, c.Key, func(u mapper.User, key string) int { return cmp.Compare(u.Key, key) })
		return p.desired.Users[i].Person.ID
	}
	i, _ := slices.BinarySearchFunc(p.desired.Groups, c.Key, func(g mapper.Group, key string) int { return cmp.Compare(g.Key, key) })
	return p.desired.Groups[i].SourceID
}

// withPrint returns the list with the fingerprint at path set.
func withPrint(prints plan.Prints, path scim.Path, sum uint64) plan.Prints {
	out := slices.Clone(prints)
	i, found := slices.BinarySearchFunc(out, path, func(x plan.Print, path scim.Path) int { return cmp.Compare(x.Path, path) })
	if found {
		out[i].Sum = sum
		return out
	}
	return slices.Insert(out, i, plan.Print{Path: path, Sum: sum})
}
