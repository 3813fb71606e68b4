package e2e_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"simscim/connector"
	"simscim/connector/plan"
	"simscim/sandbox/idp"
	"simscim/sandbox/world"
)

// TestTargetThatMisbehaves syncs while the identity provider does not do as it should.
// The rest is done, nothing is made twice, and once it is well again everything is as it
// should be.
func TestTargetThatMisbehaves(t *testing.T) {
	t.Parallel()
	for name, f := range map[string]struct {
		faults idp.Faults
		// whole says that the sync gets over the fault by itself.
		whole bool
	}{
		"the answer to the first create is lost": {idp.Faults{DropWrite: 1}, true},
		"the answer to a later write is lost":    {idp.Faults{DropWrite: 40}, true},
		"the answer to a group is lost":          {idp.Faults{DropWrite: 75}, true},
		"some writes fail with 500":              {idp.Faults{Fail: 30, FailStatus: 500, FailWrites: true}, false},
		"some requests fail with 503":            {idp.Faults{Fail: 4}, true},
		"some writes are refused":                {idp.Faults{Fail: 9, FailStatus: 400, FailWrites: true}, false},
		"429 without a word":                     {idp.Faults{Throttle: 3}, true},
		"429 with seconds":                       {idp.Faults{Throttle: 2, RetryAfter: time.Second}, true},
		"429 with a date":                        {idp.Faults{Throttle: 2, RetryAfter: time.Second, RetryAfterDate: true}, true},
		"it is slow":                             {idp.Faults{Delay: 5 * time.Millisecond}, true},
		"pages are short":                        {idp.Faults{PageCap: 7}, true},
		"a conflict is called 400":               {idp.Faults{ConflictAs400: true}, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, setup{preset: "tiny", seed: 31})
			r.idp.SetFaults(f.faults)
			for _, run := range r.try(t.Context()).Runs {
				switch {
				case f.whole && run.Status != connector.Done:
					t.Errorf("%s: %s %+v", run.Status, run.Reason, run.Troubles)
				case !f.whole && run.Status != connector.Partial && run.Status != connector.Failed:
					t.Errorf("%s: %s: the faults went by unseen", run.Status, run.Reason)
				}
				if !f.whole && *run.Changes["createUser"].Applied < 30 {
					t.Errorf("only %d users were created: the rest did not go on", *run.Changes["createUser"].Applied)
				}
			}
			r.idp.SetFaults(idp.Faults{})
			r.box.World().Advance(61 * time.Minute) // what was refused is tried again after an hour
			r.syncAndCompare()
			r.churn()
			r.idp.SetFaults(f.faults)
			r.try(t.Context())
			r.oracle.synced()
			r.idp.SetFaults(idp.Faults{})
			r.box.World().Advance(61 * time.Minute)
			r.syncAndCompare()
		})
	}
}

// churn lets a few things happen at the first school.
func (r *rig) churn() {
	r.t.Helper()
	w := r.box.World()
	w.Advance(time.Hour)
	pupils, staff := r.current(0, world.Student), r.current(0, world.Staff)
	r.do(w.Join(r.siteID(0), world.Student, 1))
	r.do(w.Join(r.siteID(0), world.Student, 4))
	r.do(w.Join(r.siteID(0), world.Staff, 0))
	r.do(w.Leave(pupils[0].ID))
	r.do(w.Marry(staff[0].ID))
}

// TestTakenName creates an account whose user name a stranger's account turns out to
// have. The stranger is left alone. Where accounts are recognised by externalId alone,
// the next candidate is taken; where also by user name, it may be the pupil's own
// account, so nothing is made and somebody is told.
func TestTakenName(t *testing.T) {
	t.Parallel()
	for name, f := range map[string]struct{ recognise, as400 bool }{
		"by externalId":                    {false, false},
		"by externalId, with a vague 400":  {false, true},
		"by user name too":                 {true, false},
		"by user name too, with vague 400": {true, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, setup{preset: "tiny", seed: 32, edit: func(text string) string {
				if f.recognise {
					return text
				}
				return strings.ReplaceAll(text, "match: [externalId, userName]", "match: [externalId]")
			}})
			r.syncAndCompare()
			r.do(r.box.World().Join(r.siteID(0), world.Student, 1))
			name := r.nextName()
			stranger := r.there.create(t, name)
			r.idp.SetFaults(idp.Faults{ConflictAs400: f.as400})
			run := r.try(t.Context()).Runs[0]
			r.idp.SetFaults(idp.Faults{})
			r.there.remove(t, stranger, name)
			if !f.recognise {
				if run.Status != connector.Done {
					t.Fatalf("%s: %s %+v", run.Status, run.Reason, run.Troubles)
				}
				r.oracle.synced()
				r.compare()
				for _, u := range r.oracle.last {
					if strings.EqualFold(u.UserName, name) {
						t.Errorf("the new pupil is called %s, which was the stranger's", name)
					}
				}
				return
			}
			if run.Status != connector.Partial && run.Status != connector.Failed || len(run.Troubles) != 1 || !strings.Contains(run.Troubles[0].Reason, "userName") {
				t.Errorf("%s: %s %+v", run.Status, run.Reason, run.Troubles)
			}
			r.syncAndCompare() // the stranger has gone
		})
	}
}

// TestTakenNameStays leaves the stranger's account where it is: the next runs say the
// same, and the rest of the school goes on. Allowed to, they adopt it.
func TestTakenNameStays(t *testing.T) {
	t.Parallel()
	r := newRig(t, setup{preset: "tiny", seed: 33})
	r.syncAndCompare()
	r.do(r.box.World().Join(r.siteID(0), world.Student, 1))
	r.there.create(t, r.nextName())
	users, _, _ := r.idp.Counts()
	for day := range 3 {
		run := r.try(t.Context()).Runs[0]
		if len(run.Troubles) != 1 || !strings.Contains(run.Troubles[0].Reason, "userName") || day > 0 && run.Status != connector.Partial {
			t.Errorf("day %d: %s: %s %+v", day, run.Status, run.Reason, run.Troubles)
		}
		r.do(r.box.World().Join(r.siteID(0), world.Staff, 0))
	}
	if now, _, _ := r.idp.Counts(); now != users+2 {
		t.Errorf("of two new members of staff and one pupil with a taken name, %d got accounts", now-users)
	}
	r.reconfigure(func(text string) string {
		return strings.Replace(text, "match: [externalId, userName]", "match: [externalId, userName]\n    adopt: true", 1)
	})
	r.syncAndCompare()
	if now, _, _ := r.idp.Counts(); now != users+3 {
		t.Errorf("there are %d accounts more than before: the stranger's should have been adopted", now-users)
	}
}

// nextName is the user name of the one account that the next sync would create.
func (r *rig) nextName() string {
	r.t.Helper()
	report, err := r.engine.Plan(r.t.Context(), connector.Selection{}, connector.Manner{})
	check(r.t, err)
	for _, step := range report.Runs[0].Plan {
		if step.Action == plan.CreateUser {
			return step.Label
		}
	}
	r.t.Fatal("the plan creates nobody")
	return ""
}

// TestStoppedAnywhere ends a sync at points drawn by lot. The process that comes after
// knows no more than the ledger does, and ends in the desired state without a duplicate.
func TestStoppedAnywhere(t *testing.T) {
	t.Parallel()
	for seed := range uint64(8) {
		t.Run(fmt.Sprint("lot ", seed), func(t *testing.T) {
			t.Parallel()
			lot := rand.New(rand.NewPCG(seed, 41))
			var stop func()
			left := 0
			r := newRig(t, setup{preset: "tiny", seed: 40 + seed, watch: func(ev connector.Event) {
				if ev.Done > 0 {
					if left--; left == 0 {
						stop()
					}
				}
			}})
			interrupted := func(within int) {
				for range 2 {
					var ctx context.Context
					ctx, stop = context.WithCancel(t.Context())
					left = 1 + lot.IntN(within)
					r.try(ctx)
					stop()
					r.restart()
				}
			}
			interrupted(50)
			r.syncAndCompare()
			r.churn()
			interrupted(4)
			r.oracle.synced()
			r.syncAndCompare()
		})
	}
}

// TestLostLedger begins anew with an empty store: everything is recognised by its
// externalId, nothing is written to the target, and the run after that is silent.
func TestLostLedger(t *testing.T) {
	t.Parallel()
	r := newRig(t, setup{preset: "tiny", seed: 71})
	r.syncAndCompare()
	before := state(r.idp)
	r.close()
	files, err := filepath.Glob(filepath.Join(r.dir, "simscim.db*"))
	check(t, err)
	for _, file := range files {
		check(t, os.Remove(file))
	}
	r.open()
	r.syncAndCompare()
	if state(r.idp) != before {
		t.Error("the target was written to")
	}
}
