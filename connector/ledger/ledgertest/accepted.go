package ledgertest

import (
	"testing"
	"time"

	"simscim/connector/ledger"
	"simscim/connector/plan"
	"simscim/scim"
)

// taken is a change that a target has taken at a minute.
func taken(site, key string, minute int) ledger.Accepted {
	return ledger.Accepted{
		Target: target, Site: site, Action: plan.CreateUser, Change: "c-" + key, At: at(minute),
		Object: plan.Known{
			Kind: scim.User, Key: key, SourceID: "p-" + key, Home: site, Status: plan.Active, Name: key + "@x.uk",
			Prints: plan.Prints{{Path: "active", Sum: 1}, {Path: "userName", Sum: 1 << 63}},
		},
	}
}

func (b bundle) accept(list ...ledger.Accepted) {
	b.Helper()
	b.update(func(tx ledger.Tx) error {
		for _, a := range list {
			if err := tx.PutAccepted(a); err != nil {
				return err
			}
		}
		return nil
	})
}

func (b bundle) wantAccepted(target string, want ...ledger.Accepted) {
	b.Helper()
	got, err := b.Accepted(b.Context(), target)
	b.must(err)
	b.same(want, got)
}

func testAccepted(t *testing.T, open func(*testing.T) ledger.Ledger) {
	elsewhere := taken(siteA, "u1", 1)
	elsewhere.Target = "another"
	cases(t, open, map[string]func(bundle){
		"all of it comes back, oldest first": func(b bundle) {
			b.wantAccepted(target)
			b.accept(taken(siteA, "u1", 3), taken(siteB, "u1", 2), elsewhere)
			b.wantAccepted(target, taken(siteB, "u1", 2), taken(siteA, "u1", 3))
			b.wantAccepted("another", elsewhere)
			b.wantAccepted("nowhere")
		},
		"a later one takes the place of the first": func(b bundle) {
			later := taken(siteA, "u1", 5)
			later.Change, later.Object.Name = "other", "new@x.uk"
			b.accept(taken(siteA, "u1", 1), later)
			b.wantAccepted(target, later)
		},
		"dropped once told": func(b bundle) {
			b.accept(taken(siteA, "u1", 1), taken(siteA, "u2", 2))
			b.update(func(tx ledger.Tx) error { return tx.DropAccepted(target, siteA, scim.User, "u1") })
			b.update(func(tx ledger.Tx) error { return tx.DropAccepted(target, siteB, scim.User, "u2") })
			b.wantAccepted(target, taken(siteA, "u2", 2))
		},
		"erased with the person": func(b bundle) {
			b.accept(taken(siteA, "u1", 1), elsewhere)
			b.must(b.Erase(b.Context(), target, scim.User, "u1"))
			b.wantAccepted(target)
			b.wantAccepted("another", elsewhere)
		},
		"gone with the object": func(b bundle) {
			b.put(siteA, taken(siteA, "u1", 1).Object)
			b.accept(taken(siteA, "u1", 1))
			b.update(func(tx ledger.Tx) error { return tx.DropObject(target, scim.User, "u1") })
			b.wantAccepted(target)
		},
		"what cannot be kept is refused": func(b bundle) {
			for name, change := range map[string]func(*ledger.Accepted){
				"no key":    func(a *ledger.Accepted) { a.Object.Key = "" },
				"no kind":   func(a *ledger.Accepted) { a.Object.Kind = "" },
				"no action": func(a *ledger.Accepted) { a.Action = "" },
				"no site":   func(a *ledger.Accepted) { a.Site = "" },
			} {
				a := taken(siteA, "u1", 1)
				change(&a)
				if err := b.Update(b.Context(), func(tx ledger.Tx) error { return tx.PutAccepted(a) }); err == nil {
					b.Errorf("%s was kept", name)
				}
			}
			b.wantAccepted(target)
		},
	})
}

func testBudgets(t *testing.T, open func(*testing.T) ledger.Ledger) {
	cases(t, open, map[string]func(bundle){
		"no more than there is": func(b bundle) {
			take := func(key string, n int, want bool) {
				b.Helper()
				ok, err := b.Take(b.Context(), key, n, time.Hour, 10)
				b.must(err)
				b.same(want, ok)
			}
			take("calls", 7, true)
			take("calls", 4, false) // and takes nothing
			take("calls", 3, true)
			take("calls", 1, false)
			take("others", 10, true)
			ok, err := b.Take(b.Context(), "calls", 10, time.Nanosecond, 10) // so long ago that it does not count
			b.must(err)
			b.same(true, ok)
		},
	})
}

func testIntents(t *testing.T, open func(*testing.T) ledger.Ledger) {
	intents := []plan.Intent{
		{Kind: scim.User, Key: "u1", SourceID: "p1", Makes: true},
		{Kind: scim.Group, Key: "g1", Members: []string{"u1", "u2"}},
	}
	set := func(b bundle, list []plan.Intent) {
		b.Helper()
		b.update(func(tx ledger.Tx) error { return tx.SetIntents(target, siteA, list) })
	}
	want := func(b bundle, list []plan.Intent) {
		b.Helper()
		st, err := b.Load(b.Context(), target, siteA)
		b.must(err)
		b.same(list, st.Intents)
	}
	begin := func(b bundle) {
		b.Helper()
		_, err := b.BeginRun(b.Context(), ledger.Run{Site: siteA, Target: target, Started: at(1)})
		b.must(err)
	}
	cases(t, open, map[string]func(bundle){
		"known until others take their place": func(b bundle) {
			set(b, intents)
			want(b, intents)
			begin(b)
			want(b, intents)
			set(b, intents[:1])
			want(b, intents[:1])
			set(b, nil)
			want(b, nil)
		},
		"erased with the person": func(b bundle) {
			set(b, intents)
			begin(b)
			b.must(b.Erase(b.Context(), target, scim.User, "u1"))
			want(b, []plan.Intent{{Kind: scim.Group, Key: "g1", Members: []string{"u2"}}})
		},
	})
}
