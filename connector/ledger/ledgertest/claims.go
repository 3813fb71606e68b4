package ledgertest

import (
	"testing"
	"time"

	"simscim/connector/ledger"
	"simscim/connector/plan"
	"simscim/scim"
)

func testClaims(t *testing.T, open func(*testing.T) ledger.Ledger) {
	claim := func(site, key, sourceID string) func(ledger.Tx) error {
		return func(tx ledger.Tx) error { return tx.Claim(target, site, key, sourceID) }
	}
	unclaim := func(site, key string) func(ledger.Tx) error {
		return func(tx ledger.Tx) error { return tx.Unclaim(target, site, key) }
	}
	cases(t, open, map[string]func(bundle){
		"a claimed user is seen by both sites": func(b bundle) {
			b.put(siteA, user("u1", named("ann")))
			b.update(claim(siteB, "u1", "b1"))
			b.wantUsers(siteA, user("u1", named("ann"), shared))
			b.wantUsers(siteB, user("u1", named("ann"), shared, sourced("b1")))
		},
		"putting is claiming": func(b bundle) {
			b.put(siteA, user("u1"))
			b.put(siteB, user("u1", sourced("b1"), homed(siteA)))
			b.wantUsers(siteA, user("u1", shared))
			b.wantUsers(siteB, user("u1", shared, sourced("b1")))
		},
		"a home may be given away": func(b bundle) {
			b.put(siteA, user("u1"))
			b.put(siteB, user("u1", homed(siteB)))
			b.wantUsers(siteA, user("u1", shared, homed(siteB)))
		},
		"nobody cannot be claimed": func(b bundle) {
			b.update(claim(siteB, "nobody", "b1"))
			b.wantUsers(siteB)
		},
		"a home that is left moves to the oldest claim": func(b bundle) {
			b.put(siteA, user("u1"))
			b.update(claim("school-z", "u1", "z1"))
			b.update(claim(siteB, "u1", "b1"))
			b.update(claim("school-z", "u1", "z2")) // stays as old as it is
			b.update(unclaim(siteA, "u1"))
			b.wantUsers(siteA)
			b.wantUsers(siteB, user("u1", shared, homed("school-z"), sourced("b1")))
			b.update(unclaim(siteB, "u1"))
			b.wantUsers("school-z", user("u1", homed("school-z"), sourced("z2")))
		},
		"a guest that leaves moves nothing": func(b bundle) {
			b.put(siteA, user("u1"))
			b.update(claim(siteB, "u1", "b1"))
			b.update(unclaim(siteB, "u1"))
			b.wantUsers(siteA, user("u1"))
			b.wantUsers(siteB)
		},
		"the last claim stays": func(b bundle) {
			b.put(siteA, user("u1"))
			b.update(unclaim(siteA, "u1"))
			b.wantUsers(siteA, user("u1"))
		},
		"a claim that is not there can be taken away": func(b bundle) {
			b.put(siteA, user("u1"))
			b.update(unclaim(siteB, "u1"))
			b.update(unclaim(siteB, "nobody"))
			b.wantUsers(siteA, user("u1"))
		},
		"missing belongs to the claim": func(b bundle) {
			b.put(siteA, user("u1"))
			b.update(claim(siteB, "u1", "b1"))
			b.update(func(tx ledger.Tx) error { return tx.SetMissing(target, siteB, scim.User, "u1", 2, at(3)) })
			b.wantUsers(siteA, user("u1", shared))
			b.wantUsers(siteB, user("u1", shared, sourced("b1"), func(o *plan.Known) { o.Missed, o.MissingSince = 2, at(3) }))
			b.update(func(tx ledger.Tx) error { return tx.SetMissing(target, siteB, scim.User, "u1", 0, time.Time{}) })
			b.wantUsers(siteB, user("u1", shared, sourced("b1")))
		},
		"dropping takes every claim": func(b bundle) {
			b.put(siteA, user("u1"))
			b.update(claim(siteB, "u1", "b1"))
			b.update(func(tx ledger.Tx) error { return tx.DropObject(target, scim.User, "u1") })
			b.wantUsers(siteA)
			b.wantUsers(siteB)
			b.put(siteB, user("u1", homed(siteB)))
			b.wantUsers(siteA)
			b.wantUsers(siteB, user("u1", homed(siteB)))
		},
		"a group belongs to the site that put it last": func(b bundle) {
			b.put(siteA, group("g1"), group("g2"))
			b.put(siteB, group("g1"))
			a, other := group("g2"), group("g1", homed(siteB))
			b.wantState(siteA, plan.State{Groups: map[string]*plan.Known{"g2": &a}, Settled: true})
			b.wantState(siteB, plan.State{Groups: map[string]*plan.Known{"g1": &other}, Settled: true})
		},
	})
}

func testMembers(t *testing.T, open func(*testing.T) ledger.Ledger) {
	add := func(group string, users ...string) func(ledger.Tx) error {
		return func(tx ledger.Tx) error { return tx.AddMembers(target, group, users) }
	}
	remove := func(group string, users ...string) func(ledger.Tx) error {
		return func(tx ledger.Tx) error { return tx.RemoveMembers(target, group, users) }
	}
	start := func(b bundle) {
		b.put(siteA, user("u1"), user("u2"), user("u3"), group("g1"), group("g2"))
		b.update(add("g1", "u1", "u2"))
	}
	cases(t, open, map[string]func(bundle){
		"add and remove": func(b bundle) {
			start(b)
			b.wantMembers(siteA, "g1", "u1", "u2")
			b.wantMembers(siteA, "g2")
			b.update(add("g1", "u2", "u3", "u3"))
			b.update(remove("g1", "u1", "nobody"))
			b.wantMembers(siteA, "g1", "u2", "u3")
			b.update(remove("g1"))
			b.update(add("g1"))
			b.wantMembers(siteA, "g1", "u2", "u3")
		},
		"a group with its members in one transaction": func(b bundle) {
			b.put(siteA, user("u1"), user("u2"))
			b.update(func(tx ledger.Tx) error {
				for _, g := range []string{"g1", "g2", "g3"} {
					if err := tx.PutObject(target, siteA, group(g)); err != nil {
						return err
					}
					if err := tx.AddMembers(target, g, []string{"u1", "u2"}); err != nil {
						return err
					}
				}
				return tx.RemoveMembers(target, "g2", []string{"u1"})
			})
			b.wantMembers(siteA, "g1", "u1", "u2")
			b.wantMembers(siteA, "g2", "u2")
		},
		"putting a group leaves its members": func(b bundle) {
			start(b)
			b.put(siteA, group("g1"), user("u1", named("ann")))
			b.wantMembers(siteA, "g1", "u1", "u2")
		},
		"who is not in the ledger is left out": func(b bundle) {
			start(b)
			_, err := b.ReserveNames(b.Context(), target, map[string]string{"soon": "soon"}, at(1))
			b.must(err)
			b.update(add("g1", "nobody", "soon", "u3"))
			b.wantMembers(siteA, "g1", "u1", "u2", "u3")
			b.put(siteA, user("nobody"), user("soon"))
			b.wantMembers(siteA, "g1", "u1", "u2", "u3")
		},
		"who comes later in the transaction is left out": func(b bundle) {
			start(b)
			b.update(func(tx ledger.Tx) error {
				if err := tx.AddMembers(target, "g2", []string{"u4"}); err != nil {
					return err
				}
				return tx.PutObject(target, siteA, user("u4"))
			})
			b.wantMembers(siteA, "g2")
		},
		"a group that is not there": func(b bundle) {
			start(b)
			b.refused(func(tx ledger.Tx) error {
				if err := tx.PutObject(target, siteA, user("u4")); err != nil {
					return err
				}
				return tx.AddMembers(target, "none", []string{"u1"})
			})
			b.wantUsers(siteA, user("u1"), user("u2"), user("u3"))
			b.update(remove("none", "u1"))
		},
		"memberships go with the user, for good": func(b bundle) {
			start(b)
			b.update(func(tx ledger.Tx) error { return tx.DropObject(target, scim.User, "u1") })
			b.wantMembers(siteA, "g1", "u2")
			b.put(siteA, user("u1"), user("u9"))
			b.wantMembers(siteA, "g1", "u2")
			b.update(add("g1", "u1"))
			b.wantMembers(siteA, "g1", "u1", "u2")
		},
		"memberships go with the newest user, too": func(b bundle) {
			start(b)
			b.put(siteA, user("u4"))
			b.update(add("g1", "u4"))
			b.update(func(tx ledger.Tx) error { return tx.DropObject(target, scim.User, "u4") })
			b.put(siteA, user("u5")) // must not inherit what the last one had
			b.wantMembers(siteA, "g1", "u1", "u2")
		},
		"memberships go with the group": func(b bundle) {
			start(b)
			b.update(func(tx ledger.Tx) error {
				if err := tx.DropObject(target, scim.Group, "g1"); err != nil {
					return err
				}
				return tx.PutObject(target, siteA, group("g1"))
			})
			b.wantMembers(siteA, "g1")
		},
		"a group that goes in the same transaction": func(b bundle) {
			start(b)
			b.refused(func(tx ledger.Tx) error {
				if err := tx.AddMembers(target, "g1", []string{"u3"}); err != nil {
					return err
				}
				if err := tx.DropObject(target, scim.Group, "g1"); err != nil {
					return err
				}
				return tx.AddMembers(target, "g1", []string{"u1"})
			})
			b.wantMembers(siteA, "g1", "u1", "u2")
		},
		"a member that only another site claims": func(b bundle) {
			start(b)
			b.put(siteB, user("guest", homed(siteB)))
			b.update(add("g1", "guest"))
			b.wantMembers(siteA, "g1", "u1", "u2", "guest")
		},
		"targets are apart": func(b bundle) {
			start(b)
			b.update(func(tx ledger.Tx) error {
				for _, o := range []plan.Known{user("u1"), group("g1")} {
					if err := tx.PutObject("another", siteA, o); err != nil {
						return err
					}
				}
				return tx.RemoveMembers("another", "g1", []string{"u1"})
			})
			b.wantMembers(siteA, "g1", "u1", "u2")
		},
	})
}
