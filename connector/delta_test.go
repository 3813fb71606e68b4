package connector

import (
	"context"
	"errors"
	"testing"
	"time"

	"simscim/config"
	"simscim/connector/source"
	"simscim/roster"
)

// probed is a school that tells whether something changed, and counts its full reads.
type probed struct {
	school
	now     func() time.Time
	changed bool
	err     error
	since   time.Time
	reads   int
}

func (p *probed) Read(ctx context.Context, site roster.Site, want source.Want) (*roster.Snapshot, error) {
	p.reads++
	snap, err := p.school.Read(ctx, site, want)
	snap.TakenAt = p.now()
	return snap, err
}

func (p *probed) Changed(_ context.Context, _ roster.Site, since time.Time) (bool, error) {
	p.since = since
	return p.changed, p.err
}

func TestDeltaLeavesOutReads(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 23, 2, 0, 0, 0, time.UTC)
	src := &probed{now: func() time.Time { return now }}
	e := rekeyEngine(t, src, &yes{})
	e.Now = src.now
	settings := e.Routes.config.Sources["sims"]
	settings.Delta = config.Delta{FullEvery: config.Duration{Duration: 24 * time.Hour}, Overlap: config.Duration{Duration: time.Hour}}
	first := now
	sync := func(step string, reads int) *Report {
		t.Helper()
		report, err := e.Sync(t.Context(), Selection{}, Manner{})
		if err != nil || report.Totals.ByStatus[Done] != 1 {
			t.Fatalf("%s: %+v, %v", step, report.Runs[0], err)
		}
		if src.reads != reads {
			t.Fatalf("%s: %d full reads, want %d", step, src.reads, reads)
		}
		return report
	}
	sync("the first is always full", 1)
	now = now.Add(2 * time.Hour)
	report := sync("nothing changed", 1)
	if !src.since.Equal(first.Add(-time.Hour)) || report.Runs[0].Reason == "" {
		t.Errorf("asked for changes since %v", src.since)
	}
	src.changed = true
	sync("something changed", 2)
	src.changed = false
	sync("and is at rest again", 2)
	src.err = errors.New("no dates")
	sync("the source cannot tell", 3)
	src.err = nil
	now = now.Add(24 * time.Hour)
	sync("the last full read is too long ago", 4)
	settings.Delta.FullEvery.Duration = 0
	sync("switched off", 5)
	settings.Delta.FullEvery.Duration = 24 * time.Hour
	entry := e.Routes.config.Entries()[0]
	entry.Leavers.GraceHours++
	e.Routes.digests[entry] = digest(entry)
	sync("the rules changed", 6)
	sync("and are known now", 6)
	if report, err := e.Plan(t.Context(), Selection{}, Manner{}); err != nil || report.Totals.ByStatus[Done] != 1 || src.reads != 7 {
		t.Errorf("a plan must read whole: %d reads, %v", src.reads, err)
	}
}

// Whoever is missing is only missed by complete reads: a delta neither counts absence
// nor ends it.
func TestDeltaNeverProvesAbsence(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 23, 2, 0, 0, 0, time.UTC)
	src := &probed{now: func() time.Time { return now }}
	tgt := &yes{}
	e := rekeyEngine(t, src, tgt)
	e.Now = src.now
	settings := e.Routes.config.Sources["sims"]
	for range 2 { // the second read has everybody under other ids: the first are missing
		if _, err := e.Sync(t.Context(), Selection{}, Manner{}); err != nil {
			t.Fatal(err)
		}
		src.suffix = "-new"
	}
	settings.Delta.FullEvery.Duration = 1000 * time.Hour
	tgt.changes = nil
	for range 5 {
		now = now.Add(48 * time.Hour)
		if _, err := e.Sync(t.Context(), Selection{}, Manner{}); err != nil {
			t.Fatal(err)
		}
	}
	if len(tgt.changes) > 0 {
		t.Errorf("%d changes without a full read", len(tgt.changes))
	}
	settings.Delta.FullEvery.Duration = 0
	if _, err := e.Sync(t.Context(), Selection{}, Manner{}); err != nil || len(tgt.changes) == 0 {
		t.Errorf("a full read does not end the grace: %v", err)
	}
}
