package ledgertest

import (
	"slices"
	"testing"
	"time"

	"simscim/connector/ledger"
	"simscim/connector/plan"
)

func testHolds(t *testing.T, open func(*testing.T) ledger.Ledger) {
	hold := func(b bundle, site, digest string, minute int) int64 {
		b.Helper()
		id, err := b.Hold(b.Context(), ledger.Hold{Site: site, Target: target, Digest: digest, At: at(minute)})
		b.must(err)
		return id
	}
	decide := func(b bundle, id int64, verdict string) {
		b.Helper()
		b.must(b.Decide(b.Context(), id, ledger.Decision{Verdict: verdict, By: "head of IT", Why: "roll-over", At: at(30)}))
	}
	approved := func(b bundle, digest string, want int64) {
		b.Helper()
		id, ok, err := b.Approved(b.Context(), siteA, target, digest)
		b.must(err)
		if id != want || ok != (want != 0) {
			b.Errorf("approved is %d, %v, want %d", id, ok, want)
		}
	}
	use := func(id int64) func(ledger.Tx) error {
		return func(tx ledger.Tx) error { return tx.UseHold(id, at(40)) }
	}
	ids := func(b bundle, all bool, want ...int64) {
		b.Helper()
		holds, err := b.Holds(b.Context(), all)
		b.must(err)
		var got []int64
		for _, h := range holds {
			got = append(got, h.ID)
		}
		b.same(want, got)
	}
	cases(t, open, map[string]func(bundle){
		"from held to applied": func(b bundle) {
			ids(b, true)
			h := ledger.Hold{
				Site: siteA, Target: target, Digest: "d1", Breaches: []string{"12 % of users would be suspended", "two"},
				Counts: map[plan.Counter]int{"suspendUser": 120}, At: at(1),
			}
			var err error
			h.ID, err = b.Hold(b.Context(), h)
			b.must(err)
			got, err := b.Holds(b.Context(), false)
			b.must(err)
			b.same([]ledger.Hold{h}, got)
			approved(b, "d1", 0)

			h.Decision = ledger.Decision{Verdict: ledger.ApprovedVerdict, By: "head of IT", Why: "roll-over", At: at(30)}
			b.must(b.Decide(b.Context(), h.ID, h.Decision))
			ids(b, false)
			approved(b, "d1", h.ID)
			approved(b, "d2", 0)

			b.update(use(h.ID))
			approved(b, "d1", 0)
			h.AppliedAt = at(40)
			got, err = b.Holds(b.Context(), true)
			b.must(err)
			b.same([]ledger.Hold{h}, got)
			b.refused(use(h.ID))
		},
		"the same plan keeps its id": func(b bundle) {
			id := hold(b, siteA, "d1", 1)
			again, err := b.Hold(b.Context(), ledger.Hold{
				Site: siteA, Target: target, Digest: "d1", Breaches: []string{"a limit that is new"}, At: at(2),
			})
			b.must(err)
			b.same(id, again)
			holds, err := b.Holds(b.Context(), false)
			b.must(err)
			b.same([]ledger.Hold{{ID: id, Site: siteA, Target: target, Digest: "d1", Breaches: []string{"a limit that is new"}, At: at(1)}}, holds)
			decide(b, id, ledger.ApprovedVerdict)
			b.same(id, hold(b, siteA, "d1", 3))
			approved(b, "d1", id)
		},
		"a newer plan replaces an undecided one": func(b bundle) {
			one := hold(b, siteA, "d1", 1)
			other := hold(b, siteB, "d1", 1)
			two := hold(b, siteA, "d2", 2)
			if one == two || one == other {
				b.Fatal("two holds have one id")
			}
			ids(b, false, sorted(two, other)...)
			holds, err := b.Holds(b.Context(), true)
			b.must(err)
			i := slices.IndexFunc(holds, func(h ledger.Hold) bool { return h.ID == one })
			if i < 0 || holds[i].Decision.Verdict != ledger.Replaced {
				b.Errorf("the old hold is not among %v as %s", holds, ledger.Replaced)
			}
			if err := b.Decide(b.Context(), one, ledger.Decision{Verdict: ledger.ApprovedVerdict, At: at(3)}); err == nil {
				b.Error("a replaced hold was approved")
			}
		},
		"a rejected plan is asked about again": func(b bundle) {
			one := hold(b, siteA, "d1", 1)
			decide(b, one, ledger.RejectedVerdict)
			ids(b, false)
			approved(b, "d1", 0)
			b.refused(use(one))
			two := hold(b, siteA, "d1", 2)
			ids(b, false, two)
			ids(b, true, sorted(two, one)...)
		},
		"an applied plan that comes back is a new one": func(b bundle) {
			one := hold(b, siteA, "d1", 1)
			decide(b, one, ledger.ApprovedVerdict)
			b.update(use(one))
			two := hold(b, siteA, "d1", 2)
			if one == two {
				b.Error("the applied hold was opened again")
			}
			ids(b, false, two)
		},
		"targets and sites are apart": func(b bundle) {
			decide(b, hold(b, siteB, "d1", 1), ledger.ApprovedVerdict)
			approved(b, "d1", 0)
		},
		"decisions that cannot be": func(b bundle) {
			id := hold(b, siteA, "d1", 1)
			for name, d := range map[string]struct {
				id      int64
				verdict string
			}{
				"no such hold": {id + 100, ledger.ApprovedVerdict},
				"no verdict":   {id, ""},
				"replaced":     {id, ledger.Replaced},
				"nonsense":     {id, "maybe"},
			} {
				if err := b.Decide(b.Context(), d.id, ledger.Decision{Verdict: d.verdict, At: at(2)}); err == nil {
					b.Errorf("%s was accepted", name)
				}
			}
			b.refused(use(id))
			b.refused(use(id + 100))
			ids(b, false, id)
			decide(b, id, ledger.RejectedVerdict)
			if err := b.Decide(b.Context(), id, ledger.Decision{Verdict: ledger.ApprovedVerdict, At: at(2)}); err == nil {
				b.Error("a hold was decided twice")
			}
		},
		"using is part of its transaction": func(b bundle) {
			id := hold(b, siteA, "d1", 1)
			decide(b, id, ledger.ApprovedVerdict)
			b.refused(func(tx ledger.Tx) error {
				if err := tx.UseHold(id, at(1)); err != nil {
					return err
				}
				return tx.AddMembers(target, "none", []string{"u1"})
			})
			approved(b, "d1", id)
			b.refused(func(tx ledger.Tx) error { return tx.UseHold(id, time.Time{}) })
			approved(b, "d1", id)
		},
	})
}

// sorted is newest first: ids grow.
func sorted(ids ...int64) []int64 {
	slices.Sort(ids)
	slices.Reverse(ids)
	return ids
}
