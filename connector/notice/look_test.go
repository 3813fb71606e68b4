package notice

import (
	"slices"
	"testing"
	"time"

	"simscim/connector"
	"simscim/connector/ledger"
)

// ago is a run that began so many hours before noon and took a minute.
func ago(hours float64, target, status, reason string) ledger.Run {
	start := noon.Add(-time.Duration(hours * float64(time.Hour)))
	run := ledger.Run{Target: target, Started: start}
	if status != "" {
		run.End = ledger.RunEnd{At: start.Add(time.Minute), Status: status, Reason: reason}
	}
	return run
}

func TestStale(t *testing.T) {
	t.Parallel()
	const stale = "School 01 has had no good run for 36 hours at directory"
	hourly := func(from, to int, status string) []ledger.Run {
		var runs []ledger.Run
		for h := from; h <= to; h++ {
			runs = append(runs, ago(float64(h)/2, "directory", status, "x"))
		}
		return runs
	}
	for name, tc := range map[string]struct {
		runs   []ledger.Run
		frozen string
		want   string
		reason string
	}{
		"never run":            {},
		"good":                 {runs: []ledger.Run{ago(10, "directory", "done", "")}},
		"partly good":          {runs: []ledger.Run{ago(10, "directory", "partial", "")}},
		"just in time":         {runs: []ledger.Run{ago(36, "directory", "done", "")}},
		"nothing began":        {runs: []ledger.Run{ago(40, "directory", "done", "")}, want: stale, reason: "no run was begun since"},
		"skipped since":        {runs: []ledger.Run{ago(1, "directory", "skipped", "the list was short"), ago(40, "directory", "done", "")}, want: stale, reason: "its last run ended as skipped: the list was short"},
		"frozen":               {runs: []ledger.Run{ago(40, "directory", "done", "")}, frozen: "no longer among those that share", want: stale, reason: "frozen: no longer among those that share"},
		"killed since":         {runs: []ledger.Run{ago(1, "directory", "", ""), ago(40, "directory", "done", "")}, want: stale, reason: "its last run did not end"},
		"new, not good yet":    {runs: []ledger.Run{ago(1, "directory", "held", ""), ago(20, "directory", "held", "")}},
		"never good":           {runs: []ledger.Run{ago(1, "directory", "held", "x"), ago(40, "directory", "held", "x")}, want: stale, reason: "its last run ended as held: x"},
		"moved elsewhere":      {runs: []ledger.Run{ago(1, "other", "done", ""), ago(90, "directory", "done", "")}},
		"good elsewhere":       {runs: []ledger.Run{ago(1, "other", "done", ""), ago(1, "directory", "failed", "x"), ago(40, "directory", "done", "")}, want: stale, reason: "its last run ended as failed: x"},
		"no target":            {runs: []ledger.Run{ago(1, "", "skipped", "x"), ago(40, "", "skipped", "x")}},
		"good behind many bad": {runs: append(hourly(1, 69, "failed"), hourly(70, 71, "done")...)},
		"bad for very long":    {runs: hourly(1, 2000, "failed"), want: stale, reason: "its last run ended as failed: x"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			rec := ledger.SiteRecord{ID: "site-01", Name: "School 01", DfE: "1234567"}
			if tc.frozen != "" {
				rec.FrozenSince, rec.FrozenReason = noon, tc.frozen
			}
			b.store.sites["site-01"], b.store.runs["site-01"] = rec, tc.runs
			b.Look(t.Context())
			b.Flush(t.Context())
			sent := slices.Clone(b.box.sent)
			if tc.want == "" {
				b.told(t)
				if len(sent) != 0 {
					t.Errorf("told %s", sent[0].Title())
				}
				return
			}
			if len(sent) != 1 || sent[0].Title() != tc.want || sent[0].Schools[0].Reason != tc.reason {
				t.Fatalf("told %+v", sent)
			}
		})
	}
}

func TestStaleIsToldOncePerWay(t *testing.T) {
	t.Parallel()
	const stale = "School 01 has had no good run for 36 hours at directory"
	b := newBench(t)
	b.store.sites["site-01"] = ledger.SiteRecord{ID: "site-01", Name: "School 01"}
	b.store.runs["site-01"] = []ledger.Run{ago(40, "directory", "done", "")}
	b.Look(t.Context())
	b.told(t, stale)
	b.Look(t.Context())
	b.told(t)
	b.run(connector.Done, 1, 0, "")
	b.told(t)
	b.Look(t.Context())
	b.told(t, stale)
}

func TestWaysWaitAsLongAsEachSays(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	patient := &outbox{}
	b.ways = append(b.ways, &way{
		id: "patient", on: map[Kind]bool{Stale: true}, staleAfter: 72*time.Hour + 30*time.Minute, sender: patient,
		tells: map[string]event{}, ends: map[string]bool{},
	})
	b.store.sites["site-01"] = ledger.SiteRecord{ID: "site-01", Name: "School 01"}
	b.store.runs["site-01"] = []ledger.Run{ago(40, "directory", "done", "")}
	b.Look(t.Context())
	b.told(t, "School 01 has had no good run for 36 hours at directory")
	if got := patient.titles(); got != nil {
		t.Errorf("told too early: %v", got)
	}
	b.now = noon.Add(33 * time.Hour)
	b.Look(t.Context())
	b.told(t)
	if got := patient.titles(); len(got) != 1 || got[0] != "School 01 has had no good run for 72 hours and 30 min at directory" {
		t.Errorf("told %v", got)
	}
}
