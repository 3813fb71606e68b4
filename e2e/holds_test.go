package e2e_test

import (
	"bytes"
	"context"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"simscim/connector"
	"simscim/connector/ledger"
	"simscim/sandbox/world"
)

// TestSavedPlan applies what was saved, and nothing else.
func TestSavedPlan(t *testing.T) {
	t.Parallel()
	r := newRig(t, setup{preset: "tiny", seed: 51})
	first := r.save()
	r.applies(first)
	r.oracle.synced()
	r.compare()
	r.quiet(r.sync())

	r.churn()
	saved := r.save()
	r.do(r.box.World().Join(r.siteID(0), world.Student, 2))
	for _, old := range []*connector.SavedPlans{first, saved} {
		before := state(r.idp)
		report, err := r.engine.Sync(t.Context(), connector.Selection{}, connector.Manner{Saved: old})
		check(t, err)
		if run := report.Runs[0]; run.Status != connector.Failed || !strings.Contains(run.Reason, "moved") {
			t.Errorf("a plan of another world: %s: %s", run.Status, run.Reason)
		}
		if state(r.idp) != before {
			t.Error("a plan of another world was applied")
		}
	}
	r.applies(r.save())
	r.oracle.synced()
	r.compare()
	// The absence of the leaver was counted by the refused syncs too: not at all.
	r.quiet(r.sync())
}

// save plans, and takes the saved form through a file as the program does. A plan
// writes nothing anywhere.
func (r *rig) save() *connector.SavedPlans {
	r.t.Helper()
	before, writes := state(r.idp), r.idp.Requests().Writes()
	report, err := r.engine.Plan(r.t.Context(), connector.Selection{}, connector.Manner{})
	check(r.t, err)
	if state(r.idp) != before || r.idp.Requests().Writes() != writes {
		r.t.Error("a plan was written to the target")
	}
	data, err := json.Marshal(report.Saved())
	check(r.t, err)
	for _, run := range report.Runs {
		for _, step := range run.Plan {
			if step.Kind == "User" && strings.Contains(string(data), step.Label) {
				r.t.Errorf("the saved plan holds a user name")
			}
		}
	}
	saved, err := connector.ReadSaved(bytes.NewReader(data))
	check(r.t, err)
	return saved
}

func (r *rig) applies(saved *connector.SavedPlans) {
	r.t.Helper()
	report, err := r.engine.Sync(r.t.Context(), connector.Selection{}, connector.Manner{Saved: saved})
	check(r.t, err)
	for _, run := range report.Runs {
		if run.Status != connector.Done {
			r.t.Fatalf("%s: %s: %s %+v", run.Name, run.Status, run.Reason, run.Troubles)
		}
	}
}

// TestHolds stops a plan that suspends too many, and lets exactly that one pass.
func TestHolds(t *testing.T) {
	t.Parallel()
	r := newRig(t, setup{preset: "tiny", seed: 52})
	r.syncAndCompare()
	for _, p := range r.current(0, world.Student)[:12] {
		r.do(r.box.World().Leave(p.ID))
	}
	r.syncAndCompare()
	r.box.World().Advance(25 * time.Hour)

	first := r.held()
	if again := r.held(); again != first {
		t.Errorf("the same plan is held as %d and as %d", first, again)
	}
	// Another change makes another plan: the old approval is not one of it.
	r.decide(first, ledger.ApprovedVerdict)
	r.do(r.box.World().Join(r.siteID(0), world.Student, 2))
	second := r.held()
	if second == first {
		t.Error("another plan is held under the old id")
	}
	r.decide(second, ledger.RejectedVerdict)
	third := r.held()
	r.decide(third, ledger.ApprovedVerdict)
	r.syncAndCompare()

	// The approval is used up.
	for _, p := range r.current(0, world.Student)[:12] {
		r.do(r.box.World().Leave(p.ID))
	}
	r.syncAndCompare()
	r.box.World().Advance(25 * time.Hour)
	if fourth := r.held(); fourth == third {
		t.Error("a used approval came back")
	}
}

// held syncs a plan that must be held, and returns the hold's id.
func (r *rig) held() int64 {
	r.t.Helper()
	before, calls := state(r.idp), r.idp.Requests().Total()
	run := r.try(r.t.Context()).Runs[0]
	if run.Status != connector.Held || run.Hold == 0 || !strings.Contains(run.Reason, "suspendUser") {
		r.t.Fatalf("%s, hold %d: %s", run.Status, run.Hold, run.Reason)
	}
	if state(r.idp) != before || r.idp.Requests().Total() != calls {
		r.t.Error("a held plan touched the target")
	}
	return run.Hold
}

func (r *rig) decide(id int64, verdict string) {
	r.t.Helper()
	d := ledger.Decision{Verdict: verdict, By: "the head of IT", Why: "a test", At: r.box.World().Now()}
	check(r.t, r.engine.Ledger.Decide(context.WithoutCancel(r.t.Context()), id, d))
}
