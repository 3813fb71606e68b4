package connector

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"

	"go.uber.org/zap"

	"simscim/config"
	"simscim/connector/source"
)

// unchanged tells whether a full read of the school may be left out this time: the
// source tells of no change, everything of the last run is done, the rules are the same,
// and the last full read is not too long ago. In doubt the school is read.
func (e *Engine) unchanged(ctx context.Context, j Job) bool {
	delta := e.Routes.source(j.Site.Source).Delta
	prober, can := j.source.(source.Prober)
	if !can || delta.FullEvery.Duration <= 0 {
		return false
	}
	rec, seen, err := e.Ledger.Site(ctx, j.Site.ID)
	switch {
	case err != nil, !seen, rec.LastComplete.IsZero(), !rec.FrozenSince.IsZero(), rec.Rules != j.Route.digest:
		return false
	case e.Now().Sub(rec.LastComplete) >= delta.FullEvery.Duration:
		return false
	case !e.atRest(ctx, j):
		return false
	}
	changed, err := prober.Changed(ctx, j.Site, rec.LastComplete.Add(-delta.Overlap.Duration))
	if err != nil {
		e.Log.Info("the source does not tell what changed; the school is read whole", zap.String("site", j.Site.ID), zap.Error(err))
		return false
	}
	return !changed
}

// atRest tells whether the last run at each target did all that it planned.
func (e *Engine) atRest(ctx context.Context, j Job) bool {
	const enough = 50 // runs of one site at all of its targets
	runs, err := e.Ledger.Runs(ctx, j.Site.ID, enough)
	if err != nil {
		return false
	}
	done := map[string]bool{}
	for _, run := range runs { // newest first
		if _, newer := done[run.Target]; !newer {
			done[run.Target] = run.End.Status == string(Done)
		}
	}
	for _, name := range j.targets {
		if !done[name] {
			return false
		}
	}
	return true
}

// rest reports a school that need not be read.
func (e *Engine) rest(ctx context.Context, j Job, requests int64, seconds float64) []*Run {
	runs := make([]*Run, 0, len(j.targets))
	for i, name := range j.targets {
		run := newRun(j.Site, name)
		if i == 0 {
			run.Requests.Source, run.Seconds = requests, seconds
		}
		run.end(Done, "nothing has changed at the source since the last full read")
		e.close(ctx, run, true)
		runs = append(runs, run)
	}
	return runs
}

// digest identifies the effective settings of the school.
func digest(s *config.SiteConfig) string {
	h := sha256.New()
	for _, o := range s.Describe() {
		fmt.Fprintf(h, "%q %q\n", o.Path, o.Value)
	}
	return hex.EncodeToString(h.Sum(nil)[:12])
}
