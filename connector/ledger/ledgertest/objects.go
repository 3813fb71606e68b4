package ledgertest

import (
	"fmt"
	"testing"
	"time"

	"simscim/connector/ledger"
	"simscim/connector/plan"
	"simscim/scim"
)

func testObjects(t *testing.T, open func(*testing.T) ledger.Ledger) {
	full := user("u1", named("Ann.Lee@x.uk"), func(o *plan.Known) {
		o.Status = plan.Suspended
		o.Prints = plan.Prints{{Path: "active", Sum: 1}, {Path: `emails[type eq "work"].value`, Sum: 1<<64 - 1}, {Path: "userName", Sum: 0}}
		o.Missed, o.MissingSince = 3, at(1)
		o.SuspendedAt = at(2)
	})
	cases(t, open, map[string]func(bundle){
		"a site never seen": func(b bundle) {
			b.wantState(siteA, plan.State{Settled: true})
		},
		"every field comes back": func(b bundle) {
			g := group("g1", func(o *plan.Known) { o.Prints = plan.Prints{{Path: "displayName", Sum: 7}} })
			b.put(siteA, full, g)
			b.wantState(siteA, plan.State{
				Users: map[string]*plan.Known{"u1": &full}, Groups: map[string]*plan.Known{"g1": &g}, Settled: true,
			})
		},
		"putting again replaces": func(b bundle) {
			b.put(siteA, full)
			next := user("u1", named("ann.cole@x.uk"), func(o *plan.Known) {
				o.RemoteID, o.SourceID = "r2", "s2"
				o.Prints = plan.Prints{{Path: "title", Sum: 9}}
			})
			b.put(siteA, next)
			b.wantUsers(siteA, next)
		},
		"twice in one transaction, the later stays": func(b bundle) {
			b.put(siteA, full, user("u1"))
			b.wantUsers(siteA, user("u1"))
		},
		"empty home and status have their meaning": func(b bundle) {
			b.put(siteB, plan.Known{Kind: scim.User, Key: "u1"})
			b.wantUsers(siteB, plan.Known{Kind: scim.User, Key: "u1", Home: siteB, Status: plan.Active})
		},
		"a user and a group may have one key": func(b bundle) {
			u, g := user("x"), group("x")
			b.put(siteA, u, g)
			b.wantState(siteA, plan.State{
				Users: map[string]*plan.Known{"x": &u}, Groups: map[string]*plan.Known{"x": &g}, Settled: true,
			})
		},
		"targets are apart": func(b bundle) {
			b.put(siteA, user("u1"))
			other, err := b.Load(b.Context(), "another", siteA)
			b.must(err)
			b.same(&plan.State{Settled: true}, other)
		},
		"dropped is forgotten": func(b bundle) {
			b.put(siteA, full, group("g1"))
			b.update(func(tx ledger.Tx) error { return tx.DropObject(target, scim.User, "u1") })
			b.update(func(tx ledger.Tx) error { return tx.DropObject(target, scim.Group, "g1") })
			b.wantState(siteA, plan.State{Settled: true})
			b.put(siteA, user("u1"))
			b.wantUsers(siteA, user("u1"))
		},
		"what is not there can be dropped": func(b bundle) {
			b.update(func(tx ledger.Tx) error { return tx.DropObject(target, scim.User, "nobody") })
		},
		"put and dropped in one transaction": func(b bundle) {
			b.update(func(tx ledger.Tx) error {
				if err := tx.PutObject(target, siteA, full); err != nil {
					return err
				}
				return tx.DropObject(target, scim.User, "u1")
			})
			b.wantUsers(siteA)
		},
		"missing and back": func(b bundle) {
			b.put(siteA, user("u1"), group("g1"))
			b.update(func(tx ledger.Tx) error {
				if err := tx.SetMissing(target, siteA, scim.Group, "g1", 1, at(5)); err != nil {
					return err
				}
				return tx.SetMissing(target, siteA, scim.User, "u1", 2, at(4))
			})
			b.wantUsers(siteA, user("u1", func(o *plan.Known) { o.Missed, o.MissingSince = 2, at(4) }))
			if g := b.load(siteA).Groups["g1"]; g.Missed != 1 || !g.MissingSince.Equal(at(5)) {
				b.Errorf("the group is missing %d times since %v", g.Missed, g.MissingSince)
			}
			b.update(func(tx ledger.Tx) error {
				return tx.SetMissing(target, siteA, scim.User, "u1", 0, time.Time{})
			})
			b.wantUsers(siteA, user("u1"))
		},
		"baseline": func(b bundle) {
			b.update(func(tx ledger.Tx) error { return tx.SetBaseline(target, siteA, at(1)) })
			b.wantState(siteA, plan.State{Baseline: true, ReadAt: at(1), Settled: true})
			b.wantState(siteB, plan.State{Settled: true})
			b.update(func(tx ledger.Tx) error { return tx.SetBaseline(target, siteA, at(5)) })
			b.wantState(siteA, plan.State{Baseline: true, ReadAt: at(5), Settled: true})
		},
		"known by key": func(b bundle) {
			b.put(siteA, full, user("u2", named("bo")), group("u1"))
			b.update(func(tx ledger.Tx) error { return tx.Claim(target, siteB, "u2", "x2") })
			got, err := b.Known(b.Context(), target, scim.User, []string{"u1", "u2", "nobody"})
			b.must(err)
			one, two := full, user("u2", named("bo"), shared)
			one.SourceID, one.Missed, one.MissingSince, two.SourceID = "", 0, plan.Known{}.MissingSince, ""
			b.same(map[string]*plan.Known{"u1": &one, "u2": &two}, got)
			none, err := b.Known(b.Context(), "another", scim.User, []string{"u1"})
			b.must(err)
			b.same(map[string]*plan.Known{}, none)
		},
		"a reserved key is not known": func(b bundle) {
			_, err := b.ReserveNames(b.Context(), target, map[string]string{"u1": "ann"}, at(1))
			b.must(err)
			b.wantUsers(siteA)
			got, err := b.Known(b.Context(), target, scim.User, []string{"u1"})
			b.must(err)
			b.same(map[string]*plan.Known{}, got)
		},
	})
}

// testLarge is a school of 10,000 people.
func testLarge(t *testing.T, open func(*testing.T) ledger.Ledger) {
	b := bundle{T: t, Ledger: open(t)}
	want := plan.State{Users: map[string]*plan.Known{}, Groups: map[string]*plan.Known{}, Settled: true}
	var keys []string
	names := map[string]string{}
	for i := range 10_000 {
		key := fmt.Sprintf("person-%05d", i)
		u := user(key, named("name-"+key), func(o *plan.Known) { o.Prints = plan.Prints{{Path: "title", Sum: uint64(i)}} })
		want.Users[key], names[key] = &u, u.Name
		keys = append(keys, key)
	}
	everybody := group("everybody", holding(keys...))
	want.Groups["everybody"] = &everybody
	lost, err := b.ReserveNames(b.Context(), target, names, at(1))
	b.must(err)
	b.same([]string(nil), lost)
	b.update(func(tx ledger.Tx) error {
		for _, key := range keys {
			if err := tx.PutObject(target, siteA, *want.Users[key]); err != nil {
				return err
			}
		}
		if err := tx.PutObject(target, siteA, everybody); err != nil {
			return err
		}
		return tx.AddMembers(target, "everybody", keys)
	})
	b.wantState(siteA, want)
	known, err := b.Known(b.Context(), target, scim.User, keys)
	b.must(err)
	if len(known) != len(keys) {
		b.Errorf("%d objects are known, want %d", len(known), len(keys))
	}
	b.update(func(tx ledger.Tx) error { return tx.RemoveMembers(target, "everybody", keys[1:]) })
	b.wantMembers(siteA, "everybody", keys[0])
}
