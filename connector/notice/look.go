package notice

import (
	"context"
	"time"

	"go.uber.org/zap"

	"simscim/connector"
	"simscim/connector/ledger"
)

// Look reads from the ledger how targets and schools stand: which targets are in
// quarantine or out of it again, and which schools have had no good run for too long.
// Nothing is sent before Flush.
func (d *Desk) Look(ctx context.Context) {
	if len(d.ways) == 0 {
		return
	}
	for _, target := range d.Targets {
		d.lookAtTarget(ctx, target)
	}
	d.lookAtSchools(ctx)
}

func (d *Desk) lookAtTarget(ctx context.Context, target string) {
	h, err := d.Ledger.Health(ctx, target)
	if err != nil {
		d.Log.Error("read how a target stands", zap.String("target", target), zap.Error(err))
		return
	}
	e := event{key: "quarantine:" + target, kind: Recovered, target: target}
	if !h.Since.IsZero() {
		e.kind, e.reason, e.next = Quarantine, h.Reason, h.Next
	}
	for _, w := range d.ways {
		w.tell(e)
	}
}

func (d *Desk) lookAtSchools(ctx context.Context) {
	longest := time.Duration(0)
	for _, w := range d.ways {
		if w.on[Stale] {
			longest = max(longest, w.staleAfter)
		}
	}
	if longest == 0 {
		return
	}
	now := d.Now()
	sites, err := d.Ledger.Sites(ctx)
	if err != nil {
		d.Log.Error("read the schools", zap.Error(err))
		return
	}
	for _, rec := range sites {
		runs, err := d.recent(ctx, rec.ID, now.Add(-longest))
		if err != nil {
			d.Log.Error("read the runs of a school", zap.String("site", rec.ID), zap.Error(err))
			return
		}
		for target, s := range standings(runs) {
			for _, w := range d.ways {
				if s.stale(now, w.staleAfter) {
					w.tell(event{key: staleKey(rec.ID, target), kind: Stale, target: target, school: s.school(rec)})
				}
			}
		}
	}
}

// recent returns the runs of a school, newest first, back to one that began before since
// where there is such a one.
func (d *Desk) recent(ctx context.Context, site string, since time.Time) ([]ledger.Run, error) {
	for limit := 64; ; limit *= 4 {
		runs, err := d.Ledger.Runs(ctx, site, limit)
		if err != nil || len(runs) < limit || runs[len(runs)-1].Started.Before(since) {
			return runs, err
		}
	}
}

// standing is how a school stands at a target.
type standing struct {
	// visited is when the school was last worked on at any target.
	visited        time.Time
	newest, oldest ledger.Run
	lastGood       time.Time
}

func standings(runs []ledger.Run) map[string]*standing {
	at := map[string]*standing{}
	for _, run := range runs { // newest first
		if run.Target == "" {
			continue // it did not get as far as a target
		}
		s := at[run.Target]
		if s == nil {
			s = &standing{visited: runs[0].Started, newest: run}
			at[run.Target] = s
		}
		s.oldest = run
		if status := connector.Status(run.End.Status); s.lastGood.IsZero() && (status == connector.Done || status == connector.Partial) {
			s.lastGood = run.End.At
		}
	}
	return at
}

// stale tells whether there was no good run for longer than after, counted from the
// first run where there was none. A target that runs of the school elsewhere have left
// behind is no longer one of its own.
func (s *standing) stale(now time.Time, after time.Duration) bool {
	since := s.lastGood
	if since.IsZero() {
		since = s.oldest.Started
	}
	return now.Sub(since) > after && s.visited.Sub(s.newest.Started) <= after
}

func (s *standing) school(rec ledger.SiteRecord) School {
	school := School{Site: rec.ID, Name: rec.Name, DfE: rec.DfE, LastGood: s.lastGood}
	switch {
	case !rec.FrozenSince.IsZero():
		school.Reason = "frozen: " + rec.FrozenReason
	case s.newest.End.At.IsZero():
		school.Reason = "its last run did not end"
	case s.newest.End.At.After(s.lastGood):
		school.Reason = "its last run ended as " + s.newest.End.Status + ": " + s.newest.End.Reason
	default:
		school.Reason = "no run was begun since"
	}
	return school
}
