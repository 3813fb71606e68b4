package e2e_test

import (
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"simscim/connector"
	"simscim/sandbox/world"
)

// noLimits are safeguards that let a roll-over pass.
const noLimits = `
safeguards:
  suspendUsers: {percent: 100}
  deleteUsers: {percent: 100}
  deleteGroups: {percent: 100}
  removeMembers: {percent: 100, perGroup: true}
`

// TestTrust takes five schools that share people through a withdrawn consent and a
// September.
func TestTrust(t *testing.T) {
	t.Parallel()
	r := newRig(t, setup{preset: "mat-small", seed: 5})
	r.there.bulk = true
	w := r.box.World()
	r.syncAndCompare()
	if n := r.atTwoSchools(); n < 5 {
		t.Fatalf("only %d people are at two schools: this world shows too little", n)
	}

	// A pupil at two schools has one account, and keeps it for as long as either needs it.
	pupil := r.current(0, world.Student)[0]
	second := r.do(w.DualRegister(pupil.ID, r.siteID(1))).People[0]
	users, _, _ := r.idp.Counts()
	r.syncAndCompare()
	if now, _, _ := r.idp.Counts(); now != users {
		t.Errorf("the second registration changed the number of accounts from %d to %d", users, now)
	}

	// The third school withdraws; an ordinary day there changes nothing any more.
	withdrawn := r.siteID(2)
	r.do(w.Withdraw(withdrawn))
	before := state(r.idp)
	r.frozen(r.try(t.Context()), withdrawn)
	r.oracle.synced()
	if state(r.idp) != before {
		t.Error("the withdrawal alone led to a write")
	}
	w.Day()
	r.do(w.Leave(pupil.ID))
	r.do(w.Leave(r.current(2, world.Student)[0].ID))
	r.freezeAndCompare(withdrawn)
	w.Advance(25 * time.Hour)
	r.freezeAndCompare(withdrawn)
	r.wants(pupil, true) // the second school still has the pupil

	r.do(w.Consent(withdrawn))
	r.do(w.Leave(second))
	r.syncAndSettle()
	w.Advance(25 * time.Hour)
	r.syncAndSettle()
	r.wants(pupil, false)
	r.september()
}

// september is the roll-over: held by the safeguards as they are, applied with them
// raised.
func (r *rig) september() {
	r.t.Helper()
	w := r.box.World()
	w.September()
	before := state(r.idp)
	held := 0
	for _, run := range r.try(r.t.Context()).Runs {
		if run.Status == connector.Held {
			held++
		} else if run.Status != connector.Done {
			r.t.Errorf("%s: %s: %s", run.Name, run.Status, run.Reason)
		}
	}
	if held < 4 {
		r.t.Errorf("of five schools that roll over only %d were held", held)
	}
	if held == 5 && state(r.idp) != before {
		r.t.Error("a held roll-over was written")
	}
	r.reconfigure(func(text string) string { return text + noLimits })
	r.syncAndCompare()
	w.Advance(25 * time.Hour)
	r.syncAndSettle()
}

// reconfigure changes the configuration and starts anew.
func (r *rig) reconfigure(edit func(string) string) {
	r.t.Helper()
	text, err := os.ReadFile(r.configFile())
	check(r.t, err)
	check(r.t, os.WriteFile(r.configFile(), []byte(edit(string(text))), 0o600))
	r.restart()
}

// freezeAndCompare is syncAndCompare while one school is frozen.
func (r *rig) freezeAndCompare(site uuid.UUID) {
	r.t.Helper()
	r.frozen(r.try(r.t.Context()), site)
	r.oracle.synced()
	r.compare()
	r.settle(func() *connector.Report {
		report := r.try(r.t.Context())
		r.frozen(report, site)
		return report
	})
}

// frozen wants a report in which all is done but for one school, which was skipped.
func (r *rig) frozen(report *connector.Report, site uuid.UUID) {
	r.t.Helper()
	for _, run := range report.Runs {
		switch {
		case run.Site == site.String():
			if run.Status != connector.Skipped || !strings.Contains(run.Reason, "frozen") || len(run.Changes) > 0 {
				r.t.Errorf("the school that withdrew: %s: %s, %d changes", run.Status, run.Reason, len(run.Changes))
			}
		case run.Status != connector.Done:
			r.t.Errorf("%s: %s: %s", run.Name, run.Status, run.Reason)
		}
	}
	if len(report.Runs) != 5 {
		r.t.Errorf("the report has %d runs of 5 schools", len(report.Runs))
	}
}

// atTwoSchools counts the humans who are on the roll of more than one school.
func (r *rig) atTwoSchools() int {
	n := 0
	for _, records := range r.oracle.records() {
		if len(records) > 1 {
			n++
		}
	}
	return n
}
