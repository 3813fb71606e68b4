package ledgertest

import (
	"fmt"
	"sync"
	"testing"

	"simscim/connector/ledger"
	"simscim/connector/plan"
	"simscim/scim"
)

// RunShared runs what two ledgers on one store must do, as two processes have them.
// open returns the two and closes them when its test ends.
func RunShared(t *testing.T, open func(t *testing.T) (one, two ledger.Ledger)) {
	pair := func(t *testing.T) (one, two bundle) {
		a, b := open(t)
		return bundle{T: t, Ledger: a}, bundle{T: t, Ledger: b}
	}
	for name, test := range map[string]func(one, two bundle){
		"one key": func(one, two bundle) { one.same(one.Key(), two.Key()) },
		"what one writes the other reads": func(one, two bundle) {
			printed := func(path scim.Path) func(*plan.Known) {
				return func(o *plan.Known) { o.Prints = plan.Prints{{Path: path, Sum: 1}, {Path: "title", Sum: 2}} }
			}
			one.put(siteA, user("u1", named("ann"), printed("a")))
			two.wantUsers(siteA, user("u1", named("ann"), printed("a")))
			two.put(siteA, user("u2", printed("b")), group("g1"))
			two.update(func(tx ledger.Tx) error { return tx.AddMembers(target, "g1", []string{"u1", "u2"}) })
			one.wantMembers(siteA, "g1", "u1", "u2")
		},
		"of two at once one wins":  func(one, two bundle) { contest(one.T, one.Ledger, two.Ledger) },
		"of two at once one tells": func(one, two bundle) { tellOnce(one.T, one.Ledger, two.Ledger) },
		"both write at once": func(one, two bundle) {
			const each = 50
			var wg sync.WaitGroup
			for i, b := range []bundle{one, two} {
				wg.Go(func() {
					for n := range each {
						err := b.Update(b.Context(), func(tx ledger.Tx) error {
							return tx.PutObject(target, fmt.Sprint("site-", n%3), user(fmt.Sprintf("u-%d-%d", i, n)))
						})
						if err != nil {
							b.Errorf("update: %v", err)
							return
						}
					}
				})
			}
			wg.Wait()
			total := 0
			for n := range 3 {
				total += len(one.load(fmt.Sprint("site-", n)).Users)
			}
			if total != 2*each {
				one.Errorf("%d users are there, want %d", total, 2*each)
			}
		},
		"an approval is used once": func(one, two bundle) {
			id, err := one.Hold(one.Context(), ledger.Hold{Site: siteA, Target: target, Digest: "d", At: at(1)})
			one.must(err)
			one.must(two.Decide(two.Context(), id, ledger.Decision{Verdict: ledger.ApprovedVerdict, At: at(2)}))
			one.update(func(tx ledger.Tx) error { return tx.UseHold(id, at(3)) })
			two.refused(func(tx ledger.Tx) error { return tx.UseHold(id, at(3)) })
		},
		"a run of one is seen by the other": func(one, two bundle) {
			id, err := one.BeginRun(one.Context(), ledger.Run{Site: siteA, Target: target, Started: at(1)})
			one.must(err)
			two.wantState(siteA, plan.State{})
			one.must(two.FinishRun(two.Context(), id, ledger.RunEnd{At: at(2), Status: "done"}, true))
			one.wantState(siteA, plan.State{Settled: true})
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(pair(t))
		})
	}
}
