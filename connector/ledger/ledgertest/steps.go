package ledgertest

import (
	"strings"
	"testing"

	"simscim/connector/ledger"
	"simscim/connector/plan"
	"simscim/scim"
)

// begun starts a run and returns its id.
func (b bundle) begun(site, target string, minute int) int64 {
	b.Helper()
	id, err := b.BeginRun(b.Context(), ledger.Run{Site: site, Target: target, Started: at(minute)})
	b.must(err)
	return id
}

func (b bundle) wantSteps(run int64, want ...ledger.Step) {
	b.Helper()
	got, err := b.Steps(b.Context(), run)
	b.must(err)
	b.same(want, got)
}

func logged(run int64, steps ...ledger.Step) func(ledger.Tx) error {
	return func(tx ledger.Tx) error {
		for _, s := range steps {
			if err := tx.LogStep(run, s); err != nil {
				return err
			}
		}
		return nil
	}
}

func testSteps(t *testing.T, open func(*testing.T) ledger.Ledger) {
	rename := ledger.Step{Kind: scim.User, Key: "u1", RemoteID: "r1", Action: plan.RenameUser, Name: "Ann.Lee"}
	members := ledger.Step{Kind: scim.Group, Key: "g1", RemoteID: "r2", Action: plan.UpdateMembers, Added: []string{"u1", "u2"}, Removed: []string{"u3"}}
	start := func(b bundle) int64 {
		b.put(siteA, user("u1"), user("u2"), user("u3"), group("g1"))
		return b.begun(siteA, target, 1)
	}
	cases(t, open, map[string]func(bundle){
		"every field comes back, in order, by run": func(b bundle) {
			run, other := start(b), b.begun(siteA, target, 2)
			b.update(logged(run, rename))
			b.update(logged(other, rename))
			b.update(logged(run, members, rename))
			b.wantSteps(run, rename, members, rename)
			b.wantSteps(other, rename)
			b.wantSteps(other + 100)
		},
		"many in one transaction": func(b bundle) {
			run := start(b)
			var want []ledger.Step
			for i := range 300 {
				s := rename
				s.Name = strings.Repeat("x", i+1)
				want = append(want, s)
			}
			b.update(logged(run, want...))
			b.wantSteps(run, want...)
		},
		"members who are put in the same transaction": func(b bundle) {
			run := b.begun(siteA, target, 1)
			b.update(func(tx ledger.Tx) error {
				if err := tx.PutObject(target, siteA, user("new")); err != nil {
					return err
				}
				return tx.LogStep(run, ledger.Step{Kind: scim.Group, Key: "g1", Action: plan.CreateGroup, Added: []string{"new", "nobody"}})
			})
			b.wantSteps(run, ledger.Step{Kind: scim.Group, Key: "g1", Action: plan.CreateGroup, Added: []string{"new"}})
		},
		"a step outlives its object, a membership does not": func(b bundle) {
			run := start(b)
			gone := ledger.Step{Kind: scim.Group, Key: "g1", RemoteID: "r2", Action: plan.DeleteGroup, Removed: []string{"u1", "u2"}}
			b.update(func(tx ledger.Tx) error {
				if err := tx.LogStep(run, gone); err != nil {
					return err
				}
				if err := tx.DropObject(target, scim.User, "u2"); err != nil {
					return err
				}
				return tx.DropObject(target, scim.Group, "g1")
			})
			b.put(siteA, user("u2"))
			gone.Removed = []string{"u1"}
			b.wantSteps(run, gone)
		},
		"steps follow another key": func(b bundle) {
			run := start(b)
			elsewhere := b.begun(siteA, "another", 2)
			b.update(logged(run, rename, members))
			b.update(logged(elsewhere, rename))
			b.update(func(tx ledger.Tx) error { return tx.Rekey(target, siteA, scim.User, "u1", "new", "n1") })
			moved, with := rename, members
			moved.Key, with.Added = "new", []string{"new", "u2"}
			b.wantSteps(run, moved, with)
			b.wantSteps(elsewhere, rename)
		},
		"a transaction that fails logs nothing": func(b bundle) {
			run := start(b)
			b.refused(func(tx ledger.Tx) error {
				if err := tx.LogStep(run, rename); err != nil {
					return err
				}
				return tx.AddMembers(target, "none", []string{"u1"})
			})
			b.wantSteps(run)
		},
		"what cannot be logged": func(b bundle) {
			run := start(b)
			for name, s := range map[string]struct {
				run  int64
				step ledger.Step
			}{
				"a run that never was": {run + 100, rename},
				"no kind":              {run, ledger.Step{Key: "u1", Action: plan.RenameUser}},
				"no key":               {run, ledger.Step{Kind: scim.User, Action: plan.RenameUser}},
				"no action":            {run, ledger.Step{Kind: scim.User, Key: "u1"}},
				"a broken name":        {run, ledger.Step{Kind: scim.User, Key: "u1", Action: plan.RenameUser, Name: "a\xff"}},
				"a broken member":      {run, ledger.Step{Kind: scim.Group, Key: "g1", Action: plan.UpdateMembers, Added: []string{"\x00"}}},
			} {
				if err := b.Update(b.Context(), logged(s.run, s.step)); err == nil {
					b.Errorf("%s was accepted", name)
				}
			}
			b.wantSteps(run)
		},
	})
}

func testApplied(t *testing.T, open func(*testing.T) ledger.Ledger) {
	applied := func(b bundle, minute int, want map[plan.Counter]int) {
		b.Helper()
		got, err := b.Applied(b.Context(), target, at(minute))
		b.must(err)
		b.same(want, got)
	}
	ran := func(b bundle, site, target string, minute int, counts map[plan.Counter]int) {
		b.Helper()
		end := ledger.RunEnd{At: at(59), Status: "done", Applied: counts, Failed: map[plan.Counter]int{"createUser": 99}}
		b.must(b.FinishRun(b.Context(), b.begun(site, target, minute), end, true))
	}
	cases(t, open, map[string]func(bundle){
		"the runs of one target since a time": func(b bundle) {
			applied(b, 0, nil)
			ran(b, siteA, target, 1, map[plan.Counter]int{"suspendUser": 1, plan.AddMember: 10})
			ran(b, siteB, target, 2, map[plan.Counter]int{"suspendUser": 2})
			ran(b, siteA, target, 3, nil)
			ran(b, siteA, "another", 3, map[plan.Counter]int{"suspendUser": 100})
			applied(b, 1, map[plan.Counter]int{"suspendUser": 3, plan.AddMember: 10})
			applied(b, 2, map[plan.Counter]int{"suspendUser": 2})
			applied(b, 3, nil)
		},
		"of a run that was killed the steps count": func(b bundle) {
			b.put(siteA, user("u1"), user("u2"), group("g1"))
			ran(b, siteA, target, 1, map[plan.Counter]int{"suspendUser": 1})
			run := b.begun(siteA, target, 2)
			b.update(logged(run,
				ledger.Step{Kind: scim.User, Key: "u1", Action: plan.SuspendUser},
				ledger.Step{Kind: scim.Group, Key: "g1", Action: plan.UpdateMembers, Added: []string{"u1"}, Removed: []string{"u2"}},
				ledger.Step{Kind: scim.User, Key: "u2", Action: plan.SuspendUser}))
			want := map[plan.Counter]int{"suspendUser": 3, plan.AddMember: 1, plan.RemoveMember: 1}
			applied(b, 0, want)
			b.must(b.FinishRun(b.Context(), run, ledger.RunEnd{At: at(3), Applied: map[plan.Counter]int{"suspendUser": 2}}, true))
			applied(b, 0, map[plan.Counter]int{"suspendUser": 3})
		},
	})
}
