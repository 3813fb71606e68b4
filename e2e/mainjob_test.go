package e2e_test

import (
	"testing"
	"time"

	"simscim/connector/target/generic/scimmytest"
	"simscim/sandbox/world"
)

// TestMainJob takes one school through a term against both servers.
func TestMainJob(t *testing.T) {
	t.Parallel()
	t.Run("sandbox", func(t *testing.T) {
		t.Parallel()
		term(newRig(t, setup{preset: "primary", seed: 11}))
	})
	t.Run("scimmy", func(t *testing.T) {
		t.Parallel()
		url, token := scimmytest.Start(t)
		term(newRig(t, setup{preset: "tiny", seed: 12, url: url, token: token, edit: func(text string) string {
			return text + noLimits // of sixty pupils, two are too many to delete
		}}))
	})
}

// term is the story of one school: it begins, days pass, people come and go and come
// back, and old accounts are deleted. Everything is compared after each sync.
func term(r *rig) {
	r.t.Helper()
	w := r.box.World()
	site := r.siteID(0)
	r.syncAndCompare()

	for range 3 {
		w.Day()
		r.syncAndCompare()
	}

	pupils, staff := r.current(0, world.Student), r.current(0, world.Staff)
	leaver, returner, early := pupils[0], pupils[1], pupils[2]
	r.do(w.Join(site, world.Student, 3))
	r.do(w.Join(site, world.Staff, 0))
	if err := r.moveOne(pupils[3:]); err != nil && r.preset != "tiny" { // which has one class a year
		r.t.Fatal(err)
	}
	r.do(w.Marry(staff[0].ID))
	r.do(w.Leave(leaver.ID))
	r.do(w.Leave(returner.ID))
	r.do(w.Leave(early.ID))
	r.do(w.Leave(staff[1].ID))
	r.syncAndCompare()
	r.wants(leaver, true) // in grace

	// Back within the grace: nothing ever happened to the account.
	w.Advance(20 * time.Hour)
	r.do(w.Return(early.ID))
	r.syncAndCompare()
	r.wants(leaver, true)

	w.Advance(5 * time.Hour)
	r.syncAndCompare()
	r.wants(leaver, false)
	r.wants(returner, false)
	r.wants(early, true)

	w.Advance(3 * 24 * time.Hour)
	r.do(w.Return(returner.ID))
	r.syncAndCompare()
	r.wants(returner, true)

	// Leavers drop out of the source's lists long before their accounts are deleted.
	w.Advance(85 * 24 * time.Hour)
	r.syncAndCompare()
	r.wants(leaver, false)
	w.Advance(2 * 24 * time.Hour)
	r.syncAndCompare()
	if r.oracle.accounts[leaver.Human().String()] != nil {
		r.t.Error("the oracle should have let the leaver go by now")
	}
	w.Day()
	r.syncAndCompare()
}

// moveOne moves the first pupil for whom there is a parallel class.
func (r *rig) moveOne(pupils []*world.Person) (err error) {
	for _, p := range pupils {
		if _, err = r.box.World().MoveClass(p.ID); err == nil {
			return nil
		}
	}
	return err
}

// wants asserts the oracle's own opinion, so that it cannot be wrong unnoticed.
func (r *rig) wants(p *world.Person, active bool) {
	r.t.Helper()
	a := r.oracle.accounts[p.Human().String()]
	if a == nil || a.suspended == active {
		r.t.Fatalf("the story expects an account with active %v, and the oracle has %+v", active, a)
	}
}
