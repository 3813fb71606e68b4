package ledgertest

import (
	"fmt"
	"testing"

	"simscim/connector/ledger"
	"simscim/connector/plan"
	"simscim/scim"
)

func (b bundle) wantFound(text string, want ...ledger.Found) {
	b.Helper()
	got, err := b.Search(b.Context(), text)
	b.must(err)
	b.same(want, got)
}

// found is what a search returns for an object of the sites.
func found(o plan.Known, sites ...string) ledger.Found {
	o.SourceID, o.Shared = "", len(sites) > 1
	return ledger.Found{Target: target, Known: o, Sites: sites}
}

func testSearch(t *testing.T, open func(*testing.T) ledger.Ledger) {
	ann := user("u1", named("Ann.Lee"), func(o *plan.Known) {
		o.Status, o.SuspendedAt = plan.Suspended, at(1)
		o.Prints = plan.Prints{{Path: "title", Sum: 9}}
	})
	cases(t, open, map[string]func(bundle){
		"by key, ids and name": func(b bundle) {
			b.put(siteA, ann, user("u2", named("bo")), group("g1"))
			b.update(func(tx ledger.Tx) error { return tx.Claim(target, siteB, "u1", "b1") })
			for _, text := range []string{"u1", "r-u1", "s-u1", "b1", "ann.lee", "ANN.LEE"} {
				b.wantFound(text, found(ann, siteA, siteB))
			}
			b.wantFound("g1", found(group("g1"), siteA))
			for _, text := range []string{"", "U1", "u", "ann", "%", "u_", "site", "\x00", "\xff"} {
				b.wantFound(text)
			}
		},
		"names in quarantine": func(b bundle) {
			b.put(siteA, ann)
			b.put(siteA, user("u1", named("ann.cole")))
			b.wantFound("ann.lee", found(user("u1", named("ann.cole")), siteA))
			b.update(func(tx ledger.Tx) error { return tx.DropObject(target, scim.User, "u1") })
			gone := ledger.Found{Target: target, Known: plan.Known{Kind: scim.User, Key: "u1"}}
			for _, text := range []string{"ann.lee", "ann.cole", "u1"} {
				b.wantFound(text, gone)
			}
			b.wantFound("r-u1")
		},
		"names of others are nobody's": func(b bundle) {
			b.update(func(tx ledger.Tx) error { return tx.NoteForeignName(target, "admin", at(1)) })
			b.wantFound("admin")
		},
		"at all targets, users first, and at most 100": func(b bundle) {
			b.put(siteA, user("x"), group("x"))
			b.update(func(tx ledger.Tx) error { return tx.PutObject("another", siteA, user("x")) })
			other := found(user("x"), siteA)
			other.Target = "another"
			b.wantFound("x", other, found(user("x"), siteA), found(group("x"), siteA))
			for i := range 150 {
				b.put(siteA, user(fmt.Sprint("many-", i), func(o *plan.Known) { o.RemoteID = "same" }))
			}
			got, err := b.Search(b.Context(), "same")
			b.must(err)
			b.same(100, len(got))
		},
	})
}

func testErase(t *testing.T, open func(*testing.T) ledger.Ledger) {
	erase := func(b bundle, kind scim.Kind, key string) {
		b.Helper()
		b.must(b.Erase(b.Context(), target, kind, key))
	}
	// A group with the key of the user has nothing to do with it.
	namesake := group("u1", sourced("sg"), func(o *plan.Known) { o.RemoteID = "rg" })
	start := func(b bundle) (run int64) {
		b.put(siteA, user("u1", named("ann")), user("u2", named("bo")), group("g1"), namesake)
		run = b.begun(siteA, target, 1)
		b.update(func(tx ledger.Tx) error { return tx.AddMembers(target, "g1", []string{"u1", "u2"}) })
		b.update(func(tx ledger.Tx) error { return tx.Claim(target, siteB, "u1", "b1") })
		b.put(siteA, user("u1", named("ann.cole")))
		b.update(logged(run,
			ledger.Step{Kind: scim.User, Key: "u1", Action: plan.RenameUser, Name: "ann"},
			ledger.Step{Kind: scim.Group, Key: "g1", Action: plan.UpdateMembers, Added: []string{"u1", "u2"}},
			ledger.Step{Kind: scim.User, Key: "u2", Action: plan.ReactivateUser}))
		b.escrow(waiting(siteA, "u1", 1), waiting(siteB, "u1", 2), waiting(siteA, "u2", 3))
		return run
	}
	cases(t, open, map[string]func(bundle){
		"nothing of a person is left": func(b bundle) {
			run := start(b)
			erase(b, scim.User, "u1")
			b.wantUsers(siteA, user("u2", named("bo")))
			b.wantUsers(siteB)
			b.wantMembers(siteA, "g1", "u2")
			b.wantMembers(siteA, "u1")
			b.wantHolders(map[string]string{"bo": "u2"}, "ann", "ann.cole", "bo")
			b.wantEscrows("", "", waiting(siteA, "u2", 3))
			b.wantSteps(run,
				ledger.Step{Kind: scim.Group, Key: "g1", Action: plan.UpdateMembers, Added: []string{"u2"}},
				ledger.Step{Kind: scim.User, Key: "u2", Action: plan.ReactivateUser})
			for _, text := range []string{"ann", "ann.cole", "r-u1", "s-u1", "b1"} {
				b.wantFound(text)
			}
			b.wantFound("u1", found(namesake, siteA))
		},
		"who comes again is somebody new": func(b bundle) {
			run := start(b)
			erase(b, scim.User, "u1")
			b.put(siteA, user("u1", named("ann")))
			b.wantMembers(siteA, "g1", "u2")
			got, err := b.Steps(b.Context(), run)
			b.must(err)
			b.same([]string{"u2"}, got[0].Added)
		},
		"a leaver of whom only the name is held": func(b bundle) {
			run := start(b)
			b.update(func(tx ledger.Tx) error { return tx.DropObject(target, scim.User, "u1") })
			b.wantHolders(map[string]string{"ann": "u1", "ann.cole": "u1"}, "ann", "ann.cole")
			erase(b, scim.User, "u1")
			b.wantHolders(nil, "ann", "ann.cole")
			got, err := b.Steps(b.Context(), run)
			b.must(err)
			b.same(2, len(got))
		},
		"one who never was created": func(b bundle) {
			b.escrow(waiting(siteA, "u9", 1))
			erase(b, scim.User, "u9")
			b.wantEscrows("", "")
		},
		"a group": func(b bundle) {
			start(b)
			erase(b, scim.Group, "g1")
			s := b.load(siteA)
			b.same(2, len(s.Users))
			b.same(1, len(s.Groups))
		},
		"what is not there, and elsewhere": func(b bundle) {
			start(b)
			before := b.load(siteA)
			erase(b, scim.User, "nobody")
			b.must(b.Erase(b.Context(), "another", scim.User, "u1"))
			b.same(before, b.load(siteA))
			if err := b.Erase(b.Context(), target, "Device", "u1"); err == nil {
				b.Error("a kind that there is not was erased")
			}
		},
	})
}

func testSizes(t *testing.T, open func(*testing.T) ledger.Ledger) {
	want := func(b bundle, want plan.Sizes) {
		b.Helper()
		got, err := b.Sizes(b.Context(), target)
		b.must(err)
		b.same(want, got)
	}
	cases(t, open, map[string]func(bundle){
		"all sites together": func(b bundle) {
			want(b, plan.Sizes{})
			b.put(siteA, user("u1"), user("u2"), group("g1"), user("u3", func(o *plan.Known) { o.Status = plan.Suspended }))
			b.put(siteB, user("u4"), group("g2"))
			b.update(func(tx ledger.Tx) error { return tx.Claim(target, siteB, "u1", "b1") })
			b.update(func(tx ledger.Tx) error { return tx.AddMembers(target, "g1", []string{"u1", "u2", "u3"}) })
			b.update(func(tx ledger.Tx) error { return tx.AddMembers(target, "g2", []string{"u1"}) })
			b.update(func(tx ledger.Tx) error { return tx.PutObject("another", siteA, user("u1")) })
			_, err := b.ReserveNames(b.Context(), target, map[string]string{"soon": "soon"}, at(1))
			b.must(err)
			want(b, plan.Sizes{Users: 3, Suspended: 1, Groups: 2, Members: 4})
			b.update(func(tx ledger.Tx) error { return tx.DropObject(target, scim.User, "u1") })
			want(b, plan.Sizes{Users: 2, Suspended: 1, Groups: 2, Members: 2})
		},
	})
}
