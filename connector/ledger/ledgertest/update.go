package ledgertest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"simscim/connector/ledger"
	"simscim/connector/plan"
	"simscim/scim"
)

func testUpdate(t *testing.T, open func(*testing.T) ledger.Ledger) {
	errStop := errors.New("stop")
	// everything does one of each kind of write.
	everything := func(tx ledger.Tx) error {
		for _, err := range []error{
			tx.PutObject(target, siteA, user("new", named("new"))),
			tx.PutObject(target, siteA, group("g2")),
			tx.PutObject("unheard-of", siteB, user("new", func(o *plan.Known) { o.Prints = plan.Prints{{Path: "fresh", Sum: 1}} })),
			tx.AddMembers(target, "g1", []string{"u1", "new"}),
			tx.SetMissing(target, siteA, scim.User, "u2", 1, at(1)),
			tx.Claim(target, siteB, "u1", "b1"),
			tx.NoteForeignName(target, "foreign", at(1)),
			tx.SetBaseline(target, siteA, at(1)),
			tx.DropObject(target, scim.User, "u3"),
		} {
			if err != nil {
				return err
			}
		}
		return nil
	}
	start := func(b bundle) (before *plan.State) {
		b.put(siteA, user("u1", named("u1")), user("u2"), user("u3"), group("g1"))
		return b.load(siteA)
	}
	unchanged := func(b bundle, before *plan.State) {
		b.Helper()
		b.same(before, b.load(siteA))
		b.same(&plan.State{Settled: true}, b.load(siteB))
		b.wantHolders(map[string]string{"u1": "u1"}, "u1", "new", "foreign")
		// What was thrown away must not be remembered either.
		b.put(siteB, user("later", homed(siteB), func(o *plan.Known) { o.Prints = plan.Prints{{Path: "other", Sum: 2}} }))
		b.update(everything)
		b.wantHolders(map[string]string{"u1": "u1", "new": "new", "foreign": ledger.Foreign}, "u1", "new", "foreign")
		b.wantMembers(siteA, "g1", "u1", "new")
		other, err := b.Load(b.Context(), "unheard-of", siteB)
		b.must(err)
		b.same(plan.Prints{{Path: "fresh", Sum: 1}}, other.Users["new"].Prints)
		b.same(plan.Prints{{Path: "other", Sum: 2}}, b.load(siteB).Users["later"].Prints)
	}
	cases(t, open, map[string]func(bundle){
		"an error keeps nothing": func(b bundle) {
			before := start(b)
			err := b.Update(b.Context(), func(tx ledger.Tx) error {
				if err := everything(tx); err != nil {
					return err
				}
				return errStop
			})
			if !errors.Is(err, errStop) {
				b.Errorf("the error is %v, want the one of fn", err)
			}
			unchanged(b, before)
		},
		"a panic keeps nothing": func(b bundle) {
			before := start(b)
			func() {
				defer func() {
					if recover() == nil {
						b.Error("the panic was swallowed")
					}
				}()
				_ = b.Update(b.Context(), func(tx ledger.Tx) error {
					if err := everything(tx); err != nil {
						return err
					}
					panic("stop")
				})
			}()
			unchanged(b, before)
		},
		"a context that ends keeps nothing": func(b bundle) {
			before := start(b)
			ctx, cancel := context.WithCancel(b.Context())
			err := b.Update(ctx, func(tx ledger.Tx) error {
				err := everything(tx)
				cancel()
				return err
			})
			if !errors.Is(err, context.Canceled) {
				b.Errorf("the error is %v, want %v", err, context.Canceled)
			}
			unchanged(b, before)
		},
		"a transaction that is over": func(b bundle) {
			var kept ledger.Tx
			b.update(func(tx ledger.Tx) error { kept = tx; return nil })
			for what, err := range map[string]error{
				"put":     kept.PutObject(target, siteA, user("u1")),
				"drop":    kept.DropObject(target, scim.User, "u1"),
				"members": kept.AddMembers(target, "g1", []string{"u1"}),
				"missing": kept.SetMissing(target, siteA, scim.User, "u1", 1, at(1)),
				"claim":   kept.Claim(target, siteA, "u1", "x"),
				"escrow":  kept.PutEscrow(waiting(siteA, "u1", 1)),
				"step":    kept.LogStep(1, ledger.Step{Kind: scim.User, Key: "u1", Action: plan.SuspendUser}),
			} {
				if err == nil {
					b.Errorf("%s after the end was accepted", what)
				}
			}
			b.wantUsers(siteA)
		},
		"nothing is a fine transaction": func(b bundle) {
			b.update(func(ledger.Tx) error { return nil })
		},
		"many at once all count": func(b bundle) {
			want := map[string]struct{}{}
			var wg sync.WaitGroup
			for w := range 8 {
				for i := range 20 {
					want[fmt.Sprintf("u-%d-%d", w, i)] = struct{}{}
				}
				wg.Go(func() {
					for i := range 20 {
						err := b.Update(b.Context(), func(tx ledger.Tx) error {
							return tx.PutObject(target, siteA, user(fmt.Sprintf("u-%d-%d", w, i)))
						})
						if err != nil {
							b.Errorf("update: %v", err)
						}
						if _, err := b.Load(b.Context(), target, siteA); err != nil {
							b.Errorf("load: %v", err)
						}
					}
				})
			}
			wg.Wait()
			got := map[string]struct{}{}
			for key := range b.load(siteA).Users {
				got[key] = struct{}{}
			}
			b.same(want, got)
		},
	})
}

// testEnd looks at what ends: contexts and the ledger itself.
func testEnd(t *testing.T, open func(*testing.T) ledger.Ledger) {
	calls := func(ctx context.Context, l ledger.Ledger) map[string]error {
		errs := map[string]error{}
		note := func(name string, err error) { errs[name] = err }
		_, err := l.Load(ctx, target, siteA)
		note("Load", err)
		_, err = l.Known(ctx, target, scim.User, []string{"u1"})
		note("Known", err)
		_, err = l.NameHolders(ctx, target, []string{"a"})
		note("NameHolders", err)
		_, err = l.ReserveNames(ctx, target, map[string]string{"u1": "a"}, at(1))
		note("ReserveNames", err)
		note("Update", l.Update(ctx, func(tx ledger.Tx) error { return tx.PutObject(target, siteA, user("u1")) }))
		id, err := l.BeginRun(ctx, ledger.Run{Site: siteA, Target: target, Started: at(1)})
		note("BeginRun", err)
		note("FinishRun", l.FinishRun(ctx, id, ledger.RunEnd{At: at(2), Status: "done"}, true))
		_, err = l.Runs(ctx, "", 10)
		note("Runs", err)
		_, _, err = l.Run(ctx, 1)
		note("Run", err)
		_, err = l.Steps(ctx, 1)
		note("Steps", err)
		_, err = l.Applied(ctx, target, at(0))
		note("Applied", err)
		_, err = l.Sizes(ctx, target)
		note("Sizes", err)
		_, err = l.Escrows(ctx, "", "")
		note("Escrows", err)
		_, err = l.Accepted(ctx, target)
		note("Accepted", err)
		_, err = l.Take(ctx, "calls", 1, time.Hour, 10)
		note("Take", err)
		_, err = l.Health(ctx, target)
		note("Health", err)
		note("SaveHealth", l.SaveHealth(ctx, ledger.Health{Target: target}))
		_, err = l.MarkNotice(ctx, "n", at(1))
		note("MarkNotice", err)
		note("ClearNotice", l.ClearNotice(ctx, "n"))
		_, err = l.Search(ctx, "u1")
		note("Search", err)
		note("Erase", l.Erase(ctx, target, scim.User, "nobody"))
		_, _, err = l.Site(ctx, siteA)
		note("Site", err)
		_, err = l.Sites(ctx)
		note("Sites", err)
		note("SaveSite", l.SaveSite(ctx, ledger.SiteRecord{ID: siteA}))
		_, err = l.Hold(ctx, ledger.Hold{Site: siteA, Target: target, Digest: "d", At: at(1)})
		note("Hold", err)
		_, err = l.Holds(ctx, true)
		note("Holds", err)
		note("Decide", l.Decide(ctx, 1, ledger.Decision{Verdict: ledger.ApprovedVerdict, At: at(1)}))
		_, _, err = l.Approved(ctx, siteA, target, "d")
		note("Approved", err)
		return errs
	}
	cases(t, open, map[string]func(bundle){
		"a context that has ended": func(b bundle) {
			ctx, cancel := context.WithCancel(b.Context())
			cancel()
			for name, err := range calls(ctx, b.Ledger) {
				if !errors.Is(err, context.Canceled) {
					b.Errorf("%s returned %v, want %v", name, err, context.Canceled)
				}
			}
			for name, err := range calls(b.Context(), b.Ledger) {
				if err != nil {
					b.Errorf("%s returned %v afterwards", name, err)
				}
			}
		},
		"a ledger that is closed": func(b bundle) {
			b.must(b.Close())
			b.must(b.Close())
			for name, err := range calls(b.Context(), b.Ledger) {
				if err == nil {
					b.Errorf("%s worked after Close", name)
				}
			}
		},
		"the key": func(b bundle) {
			key := b.Key()
			if len(key) == 0 {
				b.Fatal("there is no key")
			}
			clear(key)
			for _, c := range b.Key() {
				if c != 0 {
					return
				}
			}
			b.Error("the key is the ledger's own slice, or nothing but zeros")
		},
	})
}
