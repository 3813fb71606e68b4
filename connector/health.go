package connector

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.uber.org/zap"

	"simscim/connector/ledger"
	"simscim/connector/target"
)

// resting reports a school of which all targets are in quarantine and not yet to be tried
// again, in the order of its targets; of any other school it reports nothing.
func (e *Engine) resting(ctx context.Context, j Job) []*Run {
	runs := make([]*Run, 0, len(j.targets))
	for _, name := range j.targets {
		run := newRun(j.Site, name)
		if !e.inQuarantine(ctx, run) {
			return nil
		}
		runs = append(runs, run)
	}
	for _, run := range runs {
		e.close(ctx, run, true)
	}
	return runs
}

// inQuarantine ends a run at a target that is to be left alone.
func (e *Engine) inQuarantine(ctx context.Context, run *Run) bool {
	h, err := e.Ledger.Health(ctx, run.Target)
	if err != nil || h.Since.IsZero() || !e.Now().Before(h.Next) {
		return false // an error of the ledger is told by the run itself
	}
	run.end(Skipped, fmt.Sprintf("the target is in quarantine since %s: %s. It is tried again on %s, or at once with sync --retry",
		minute(h.Since), h.Reason, minute(h.Next)))
	return true
}

// diagnose puts a target into quarantine that refuses the credentials or most of the
// changes, and takes it out after a run that went well.
func (p *pass) diagnose(ctx context.Context, runErr error) {
	ctx = context.WithoutCancel(ctx)
	before, err := p.Ledger.Health(ctx, p.run.Target)
	if err != nil {
		p.Log.Error("read the ledger", zap.Error(err))
		return
	}
	now, settings := p.Now(), p.Routes.config.Quarantine
	after := before
	switch why := p.illness(runErr); {
	case why != "":
		if before.Since.IsZero() {
			after.Since, after.Tries = now, 0
		} else {
			after.Tries++
		}
		after.Reason, after.Next = why, now.Add(settings.RetryEvery.Duration)
	case before.Since.IsZero() || p.run.Status != Done && p.run.Status != Partial:
		return
	default:
		after = ledger.Health{}
	}
	after.Target = p.run.Target
	if err := p.Ledger.SaveHealth(ctx, after); err != nil {
		p.Log.Error("record the health of a target", zap.String("target", p.run.Target), zap.Error(err))
		return
	}
	if before.Since.IsZero() != after.Since.IsZero() {
		p.Log.Warn("quarantine", zap.String("target", p.run.Target), zap.Bool("in", !after.Since.IsZero()), zap.String("reason", after.Reason))
	}
}

// illness says why the target shall be left alone for a while, or "".
func (p *pass) illness(runErr error) string {
	settings := p.Routes.config.Quarantine
	if target.CredentialsRefused(errors.Join(runErr, p.ended)) {
		return "it refuses the credentials"
	}
	if p.failed >= settings.MinFailures && float64(p.failed)*100 > settings.Percent*float64(p.tried) {
		return fmt.Sprintf("%d of %d changes failed, more than %g %%", p.failed, p.tried, settings.Percent)
	}
	return ""
}

func minute(t time.Time) string { return t.Format("2 January 2006 15:04 MST") }
