package ledgertest

import (
	"testing"
	"time"

	"simscim/connector/ledger"
	"simscim/connector/plan"
	"simscim/scim"
)

// waiting is an object in escrow since a minute.
func waiting(site, key string, minute int) ledger.Escrow {
	return ledger.Escrow{
		Target: target, Site: site, Kind: scim.User, Key: key, Action: plan.CreateUser, Change: "c-" + key,
		Reason: "the target refused a value", Advice: "look at the rule for the title", Tries: 2,
		Since: at(minute), Last: at(minute + 1), Next: at(minute + 30),
	}
}

func (b bundle) escrow(escrows ...ledger.Escrow) {
	b.Helper()
	b.update(func(tx ledger.Tx) error {
		for _, e := range escrows {
			if err := tx.PutEscrow(e); err != nil {
				return err
			}
		}
		return nil
	})
}

func (b bundle) wantEscrows(target, site string, want ...ledger.Escrow) {
	b.Helper()
	got, err := b.Escrows(b.Context(), target, site)
	b.must(err)
	b.same(want, got)
}

func testEscrow(t *testing.T, open func(*testing.T) ledger.Ledger) {
	drop := func(site string, kind scim.Kind, key string) func(ledger.Tx) error {
		return func(tx ledger.Tx) error { return tx.DropEscrow(target, site, kind, key) }
	}
	elsewhere := waiting(siteA, "u1", 4)
	elsewhere.Target = "another"
	cases(t, open, map[string]func(bundle){
		"every field comes back, oldest first": func(b bundle) {
			b.wantEscrows("", "")
			expired := waiting(siteB, "u2", 1)
			expired.Kind, expired.Next = scim.Group, time.Time{}
			b.escrow(elsewhere, waiting(siteA, "u1", 3), expired)
			b.wantEscrows("", "", expired, waiting(siteA, "u1", 3), elsewhere)
			b.wantEscrows(target, "", expired, waiting(siteA, "u1", 3))
			b.wantEscrows("", siteA, waiting(siteA, "u1", 3), elsewhere)
			b.wantEscrows(target, siteB, expired)
			b.wantEscrows("nowhere", "")
		},
		"putting again replaces": func(b bundle) {
			next := waiting(siteA, "u1", 1)
			b.escrow(next)
			next.Action, next.Change, next.Reason, next.Advice, next.Tries = plan.UpdateUser, "c", "r", "a", 3
			next.Last, next.Next = at(40), at(50)
			b.escrow(next)
			b.wantEscrows("", "", next)
		},
		"one is taken out": func(b bundle) {
			b.escrow(waiting(siteA, "u1", 1), waiting(siteB, "u1", 2), waiting(siteA, "u2", 3))
			b.update(drop(siteA, scim.User, "u1"))
			b.update(drop(siteA, scim.Group, "u2"))
			b.update(drop(siteA, scim.User, "nobody"))
			b.wantEscrows("", "", waiting(siteB, "u1", 2), waiting(siteA, "u2", 3))
		},
		"it goes with its object": func(b bundle) {
			b.put(siteA, user("u1"), group("u1"))
			mine := waiting(siteA, "u1", 1)
			grouped := mine
			grouped.Kind = scim.Group
			b.escrow(mine, grouped, waiting(siteB, "u1", 2), waiting(siteA, "u2", 3), elsewhere)
			b.update(func(tx ledger.Tx) error { return tx.DropObject(target, scim.User, "u1") })
			b.wantEscrows("", "", grouped, waiting(siteA, "u2", 3), elsewhere)
		},
		"it follows another key": func(b bundle) {
			b.put(siteA, user("u1"))
			b.escrow(waiting(siteA, "u1", 1), waiting(siteA, "new", 2), elsewhere)
			b.update(func(tx ledger.Tx) error { return tx.Rekey(target, siteA, scim.User, "u1", "new", "n1") })
			moved := waiting(siteA, "u1", 1)
			moved.Key = "new"
			b.wantEscrows("", "", moved, elsewhere)
		},
		"a transaction that fails puts nothing": func(b bundle) {
			b.refused(func(tx ledger.Tx) error {
				if err := tx.PutEscrow(waiting(siteA, "u1", 1)); err != nil {
					return err
				}
				return tx.AddMembers(target, "none", []string{"u1"})
			})
			b.wantEscrows("", "")
		},
		"what cannot be put": func(b bundle) {
			for name, change := range map[string]func(*ledger.Escrow){
				"no key":          func(e *ledger.Escrow) { e.Key = "" },
				"no kind":         func(e *ledger.Escrow) { e.Kind = "" },
				"no action":       func(e *ledger.Escrow) { e.Action = "" },
				"no target":       func(e *ledger.Escrow) { e.Target = "" },
				"no site":         func(e *ledger.Escrow) { e.Site = "" },
				"a broken reason": func(e *ledger.Escrow) { e.Reason = "\xff" },
				"a broken advice": func(e *ledger.Escrow) { e.Advice = "\x00" },
			} {
				e := waiting(siteA, "u1", 1)
				change(&e)
				if err := b.Update(b.Context(), func(tx ledger.Tx) error { return tx.PutEscrow(e) }); err == nil {
					b.Errorf("%s was accepted", name)
				}
			}
			b.wantEscrows("", "")
		},
	})
}
