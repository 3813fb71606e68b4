package connector

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"go.uber.org/zap"

	"simscim/config"
	"simscim/connector/ledger"
	"simscim/connector/source"
	"simscim/internal/clock"
	"simscim/internal/httpx"
	"simscim/roster"
)

// visit takes one school through: read once, then each target in turn.
func (e *Engine) visit(ctx context.Context, j Job, m mode) []*Run {
	var calls atomic.Int64
	elapsed := clock.Stopwatch()
	if m.apply && !m.ReadBack && e.unchanged(httpx.CountInto(ctx, &calls), j) {
		return e.rest(ctx, j, calls.Load(), elapsed().Seconds())
	}
	if m.apply && !m.Retry {
		if runs := e.resting(ctx, j); len(runs) == len(j.targets) {
			return runs
		}
	}
	snap, assumed, err := e.readFor(httpx.CountInto(ctx, &calls), j, m)
	took := elapsed().Seconds()
	runs := make([]*Run, 0, len(j.targets))
	for i, name := range j.targets {
		run := newRun(j.Site, name)
		run.Assumed = assumed
		if i == 0 { // the read is counted once, with the first target
			run.Requests.Source, run.Seconds = calls.Load(), took
		}
		switch {
		case err != nil:
			run.end(statusOf(err), err.Error())
		case m.apply && !m.Retry && e.inQuarantine(ctx, run):
		default:
			if e.pass(ctx, j, m, snap, run) {
				runs = append(runs, run) // it is closed when it has been carried out
				continue
			}
		}
		e.close(ctx, run, m.apply)
		runs = append(runs, run)
	}
	return runs
}

// close tells of a run that is over, and notes it if it is to be and is not yet.
func (e *Engine) close(ctx context.Context, run *Run, note bool) {
	if note && !run.begun {
		e.noteRun(ctx, run)
	}
	e.Log.Info("site done", zap.String("site", run.Site), zap.String("target", run.Target),
		zap.String("status", string(run.Status)), zap.String("reason", run.Reason), zap.Float64("seconds", run.Seconds))
	e.Watch(Event{Site: run.Site, Name: run.Name, Target: run.Target, Ended: run})
}

// readFor reads the school, as it is or as it will be on the day that is planned for.
func (e *Engine) readFor(ctx context.Context, j Job, m mode) (snap *roster.Snapshot, assumed []string, err error) {
	snap, err = e.read(ctx, j, m)
	if err != nil || m.At.IsZero() {
		return snap, nil, err
	}
	if !m.At.After(snap.TakenAt) {
		return nil, nil, errors.New("a plan can only be made for a day to come")
	}
	snap, assumed = roster.Project(snap, m.At)
	return snap, assumed, nil
}

// noteRun records a run that wrote nothing, so that the status shows it.
func (e *Engine) noteRun(ctx context.Context, run *Run) {
	now := e.Now()
	err := e.Ledger.NoteRun(context.WithoutCancel(ctx), ledger.Run{
		Site: run.Site, Target: run.Target, Started: now,
		End: ledger.RunEnd{At: now, Status: string(run.Status), Reason: bounded(run.Reason)},
	})
	if err != nil {
		e.Log.Error("note a run", zap.String("site", run.Site), zap.String("target", run.Target), zap.Error(err))
	}
}

// bounded cuts a reason to what the ledger keeps.
func bounded(reason string) string {
	const longest = 1000
	if len(reason) <= longest {
		return reason
	}
	return strings.ToValidUTF8(reason[:longest], "") + " …"
}

// statusOf tells a school that could not be trusted, which is skipped, from a failure.
func statusOf(err error) Status {
	if source.IsFrozen(err) || source.IsIncomplete(err) {
		return Skipped
	}
	return Failed
}

// read reads the school whole and checks it against what was there the last time.
func (e *Engine) read(ctx context.Context, j Job, m mode) (*roster.Snapshot, error) {
	rec, seen, err := e.Ledger.Site(ctx, j.Site.ID)
	if err != nil {
		return nil, fmt.Errorf("read the ledger: %w", err)
	}
	rec.ID, rec.Source, rec.Name, rec.DfE = j.Site.ID, j.Site.Source, j.Site.Name, j.Site.DfE
	kinds, fields := j.Route.Mapping.Want()
	if !m.At.IsZero() { // a later day is told by these, whether or not a rule names them
		fields = append(slices.Clone(fields), "begin", "end", "yearGroup")
	}
	snap, err := j.source.Read(ctx, j.Site, source.Want{Kinds: kinds, Fields: fields})
	if frozen, ok := errors.AsType[*source.Frozen](err); ok && m.apply && seen {
		if err := e.freeze(ctx, rec, frozen.Reason); err != nil {
			return nil, err
		}
	}
	if err != nil {
		return nil, err
	}
	settings := e.Routes.source(j.Site.Source)
	if err := errors.Join(plausible(snap, rec, kinds), shrunk(snap, rec, kinds, settings.MayShrink, m.AcceptSmaller), usable(snap, settings.SetAside)); err != nil {
		return nil, err
	}
	if err := e.links.apply(snap, settings.Links); err != nil {
		return nil, err
	}
	if m.apply {
		rec.LastComplete, rec.People, rec.Groups = snap.TakenAt, len(snap.People), len(snap.Groups)
		rec.Students, rec.Staff = countKind(snap, roster.Student), countKind(snap, roster.Staff)
		rec.Name, rec.DfE, rec.Rules = snap.Site.Name, snap.Site.DfE, j.Route.digest
		rec.FrozenSince, rec.FrozenReason = time.Time{}, ""
		if err := e.Ledger.SaveSite(ctx, rec); err != nil {
			return nil, fmt.Errorf("record the read: %w", err)
		}
	}
	return snap, nil
}

// plausible refuses a snapshot that cannot be right: an empty list where people or
// groups were before. A kind of people that the rules no longer want is no such list.
func plausible(snap *roster.Snapshot, rec ledger.SiteRecord, wanted []roster.Kind) error {
	students, staff := countKind(snap, roster.Student), countKind(snap, roster.Staff)
	empty := func(what string, now, before int) error {
		if now > 0 || before == 0 {
			return nil
		}
		return &source.Incomplete{Reason: fmt.Sprintf("it came without a single %s, and there were %d before", what, before)}
	}
	problems := []error{empty("person", len(snap.People), rec.People), empty("group", len(snap.Groups), rec.Groups)}
	if slices.Contains(wanted, roster.Student) {
		problems = append(problems, empty("student", students, rec.Students))
	}
	if slices.Contains(wanted, roster.Staff) {
		problems = append(problems, empty("member of staff", staff, rec.Staff))
	}
	for _, err := range problems {
		if err != nil {
			return err
		}
	}
	return nil
}

// shrunk refuses a snapshot with far fewer people or groups than the last good one had.
// accepted lets it pass.
func shrunk(snap *roster.Snapshot, rec ledger.SiteRecord, wanted []roster.Kind, may config.Shrink, accepted bool) error {
	const few = 10 // of fewer a share means nothing
	over := func(what string, now, before int, percent float64) error {
		if accepted || now == 0 || before < few || float64(before-now)*100 <= percent*float64(before) {
			return nil
		}
		return &source.Incomplete{Reason: fmt.Sprintf("it came with %d %s, and there were %d before; mayShrink allows %g %% less. "+
			"If that is right, let it pass once with sync --accept-smaller", now, what, before, percent)}
	}
	problems := []error{over("groups", len(snap.Groups), rec.Groups, may.Groups)}
	if slices.Contains(wanted, roster.Student) {
		problems = append(problems, over("students", countKind(snap, roster.Student), rec.Students, may.People))
	}
	if slices.Contains(wanted, roster.Staff) {
		problems = append(problems, over("members of staff", countKind(snap, roster.Staff), rec.Staff, may.People))
	}
	return errors.Join(problems...)
}

// usable refuses a snapshot of which too many records had to be set aside.
func usable(snap *roster.Snapshot, limit config.SetAsideLimit) error {
	n, all := len(snap.SetAside), len(snap.SetAside)+len(snap.People)+len(snap.Groups)
	over := limit.Count != nil && n > *limit.Count || limit.Percent != nil && float64(n)*100 > *limit.Percent*float64(all)
	if !over {
		return nil
	}
	var most SetAside
	for _, s := range countSetAside(snap.SetAside) {
		if s.Count > most.Count {
			most = s
		}
	}
	return &source.Incomplete{Reason: fmt.Sprintf("%d of %d records could not be used, more than setAside allows; most often a %s: %s",
		n, all, most.Entity, most.Reason)}
}

func countKind(snap *roster.Snapshot, kind roster.Kind) int {
	n := 0
	for i := range snap.People {
		if snap.People[i].Kind == kind {
			n++
		}
	}
	return n
}
