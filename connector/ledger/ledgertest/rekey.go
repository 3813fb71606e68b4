package ledgertest

import (
	"testing"

	"simscim/connector/ledger"
	"simscim/connector/plan"
	"simscim/scim"
)

func testRekey(t *testing.T, open func(*testing.T) ledger.Ledger) {
	rekey := func(kind scim.Kind, key, newKey, sourceID string) func(ledger.Tx) error {
		return func(tx ledger.Tx) error { return tx.Rekey(target, siteA, kind, key, newKey, sourceID) }
	}
	moved := func(o plan.Known) plan.Known { // it is still the object that u1 was
		o.RemoteID = user("u1").RemoteID
		return o
	}
	cases(t, open, map[string]func(bundle){
		"name, members and claims stay": func(b bundle) {
			b.put(siteA, user("u1", named("ann")), user("u2", named("bob")), group("g1"))
			b.update(func(tx ledger.Tx) error { return tx.AddMembers(target, "g1", []string{"u1", "u2"}) })
			b.update(func(tx ledger.Tx) error { return tx.Claim(target, siteB, "u1", "b1") })
			b.update(rekey(scim.User, "u1", "new", "n1"))
			b.wantUsers(siteA, moved(user("new", named("ann"), sourced("n1"), shared)), user("u2", named("bob")))
			b.wantUsers(siteB, moved(user("new", named("ann"), sourced("b1"), shared)))
			b.wantMembers(siteA, "g1", "new", "u2")
			b.wantHolders(map[string]string{"ann": "new"}, "ann")
			b.update(rekey(scim.Group, "g1", "g9", "n9"))
			b.wantMembers(siteA, "g9", "new", "u2")
		},
		"the same key with another source id": func(b bundle) {
			b.put(siteA, user("u1", named("ann")))
			b.update(rekey(scim.User, "u1", "u1", "n1"))
			b.wantUsers(siteA, user("u1", named("ann"), sourced("n1")))
		},
		"names that the new key holds go over": func(b bundle) {
			b.put(siteA, user("u1", named("ann")))
			if lost, err := b.ReserveNames(b.Context(), target, map[string]string{"new": "ann2"}, at(1)); err != nil || len(lost) > 0 {
				b.Fatalf("lost %v, %v", lost, err)
			}
			b.update(rekey(scim.User, "u1", "new", "n1"))
			b.wantHolders(map[string]string{"ann": "new", "ann2": "new"}, "ann", "ann2")
		},
		"nobody, or onto somebody, is refused": func(b bundle) {
			b.put(siteA, user("u1"), user("u2"))
			b.refused(rekey(scim.User, "nobody", "new", "n1"))
			b.refused(rekey(scim.User, "u1", "u2", "n1"))
			b.refused(rekey(scim.User, "u1", "", "n1"))
			b.wantUsers(siteA, user("u1"), user("u2"))
		},
		"in the transaction that puts it": func(b bundle) {
			b.update(func(tx ledger.Tx) error {
				if err := tx.PutObject(target, siteA, user("u1", named("ann"))); err != nil {
					return err
				}
				return tx.Rekey(target, siteA, scim.User, "u1", "new", "n1")
			})
			b.wantUsers(siteA, moved(user("new", named("ann"), sourced("n1"))))
		},
	})
}
