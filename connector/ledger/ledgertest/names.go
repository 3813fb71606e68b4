package ledgertest

import (
	"fmt"
	"slices"
	"sync"
	"testing"

	"simscim/connector/ledger"
	"simscim/scim"
)

func testNames(t *testing.T, open func(*testing.T) ledger.Ledger) {
	reserve := func(b bundle, names map[string]string, lost ...string) {
		b.Helper()
		got, err := b.ReserveNames(b.Context(), target, names, at(1))
		b.must(err)
		slices.Sort(got)
		b.same(lost, got)
	}
	foreign := func(b bundle, name string) {
		b.Helper()
		b.update(func(tx ledger.Tx) error { return tx.NoteForeignName(target, name, at(1)) })
	}
	cases(t, open, map[string]func(bundle){
		"free names have no holder": func(b bundle) {
			b.wantHolders(nil, "ann", "bo")
			b.wantHolders(nil)
		},
		"reserve": func(b bundle) {
			reserve(b, map[string]string{"u1": "Ann.Lee", "u2": "bo"})
			b.wantHolders(map[string]string{"ann.lee": "u1", "bo": "u2"}, "ann.lee", "bo", "cy")
			reserve(b, map[string]string{"u1": "Ann.Lee", "u2": "bo"})
			reserve(b, nil)
		},
		"names are taken without regard to case": func(b bundle) {
			reserve(b, map[string]string{"u1": "WEI\u00df"})
			reserve(b, map[string]string{"u2": "weiss", "u3": "other"}, "u2")
			b.wantHolders(map[string]string{"weiss": "u1", "other": "u3"}, "weiss", "other")
		},
		"one name wanted twice in a call": func(b bundle) {
			reserve(b, map[string]string{"u3": "x", "u2": "X", "u1": "x"}, "u2", "u3")
			b.wantHolders(map[string]string{"x": "u1"}, "x")
		},
		"a new name leaves the old one in quarantine": func(b bundle) {
			reserve(b, map[string]string{"u1": "old"})
			reserve(b, map[string]string{"u1": "new"})
			reserve(b, map[string]string{"u2": "old"}, "u2")
			b.wantHolders(map[string]string{"old": "u1", "new": "u1"}, "old", "new")
			reserve(b, map[string]string{"u1": "old"}) // and back
		},
		"putting issues": func(b bundle) {
			b.put(siteA, user("u1", named("Ann")))
			b.wantHolders(map[string]string{"ann": "u1"}, "ann")
			b.put(siteA, user("u1", named("Ann.Cole")))
			b.wantHolders(map[string]string{"ann": "u1", "ann.cole": "u1"}, "ann", "ann.cole")
			reserve(b, map[string]string{"u2": "ann"}, "u2")
		},
		"a leaver's name stays in quarantine": func(b bundle) {
			b.put(siteA, user("u1", named("ann")))
			b.update(func(tx ledger.Tx) error { return tx.DropObject(target, scim.User, "u1") })
			b.wantHolders(map[string]string{"ann": "u1"}, "ann")
			reserve(b, map[string]string{"u2": "Ann"}, "u2")
			reserve(b, map[string]string{"u1": "ann"})
			b.put(siteA, user("u1", named("ann")))
			b.wantUsers(siteA, user("u1", named("ann")))
			b.update(func(tx ledger.Tx) error { return tx.DropObject(target, scim.User, "u1") })
			b.wantHolders(map[string]string{"ann": "u1"}, "ann")
		},
		"a name that another key holds stays there": func(b bundle) {
			reserve(b, map[string]string{"u1": "ann"})
			b.put(siteA, user("u2", named("ann")))
			b.wantHolders(map[string]string{"ann": "u1"}, "ann")
			b.wantUsers(siteA, user("u2", named("ann")))
		},
		"two with one name in one transaction": func(b bundle) {
			b.put(siteA, user("u1", named("ann")), user("u2", named("ANN")))
			b.wantHolders(map[string]string{"ann": "u1"}, "ann")
		},
		"foreign names are taken": func(b bundle) {
			foreign(b, "Admin")
			foreign(b, "admin")
			b.wantHolders(map[string]string{"admin": ledger.Foreign}, "admin")
			reserve(b, map[string]string{"u1": "ADMIN"}, "u1")
		},
		"adopting takes a foreign name over": func(b bundle) {
			foreign(b, "ann")
			b.put(siteA, user("u1", named("Ann")))
			b.wantHolders(map[string]string{"ann": "u1"}, "ann")
			reserve(b, map[string]string{"u2": "ann"}, "u2")
		},
		"a reserved name may turn out to be foreign": func(b bundle) {
			reserve(b, map[string]string{"u1": "ann"})
			foreign(b, "ann")
			b.wantHolders(map[string]string{"ann": ledger.Foreign}, "ann")
			reserve(b, map[string]string{"u1": "ann"}, "u1")
		},
		"a name that an account of ours bears stays ours": func(b bundle) {
			b.put(siteA, user("u1", named("Ann")))
			foreign(b, "ann")
			b.wantHolders(map[string]string{"ann": "u1"}, "ann")
		},
		"targets are apart": func(b bundle) {
			reserve(b, map[string]string{"u1": "ann"})
			lost, err := b.ReserveNames(b.Context(), "another", map[string]string{"u2": "ann"}, at(1))
			b.must(err)
			b.same([]string(nil), lost)
		},
		"nothing is issued when one name cannot be": func(b bundle) {
			for _, bad := range []string{"", "a\x00b", "\xff"} {
				if _, err := b.ReserveNames(b.Context(), target, map[string]string{"u1": "fine", "u2": bad}, at(1)); err == nil {
					b.Errorf("the name %q was issued", bad)
				}
			}
			b.wantHolders(nil, "fine")
		},
		"of two at once one wins": func(b bundle) { contest(b.T, b.Ledger, b.Ledger) },
	})
}

// contest lets two ledgers of one store reserve the same names at the same time.
func contest(t *testing.T, one, two ledger.Ledger) {
	t.Helper()
	const names = 100
	lost := make([][]string, 2)
	var wg sync.WaitGroup
	for i, l := range []ledger.Ledger{one, two} {
		wg.Go(func() {
			for n := range names {
				key := fmt.Sprintf("key-%d-%d", i, n)
				gone, err := l.ReserveNames(t.Context(), target, map[string]string{key: fmt.Sprint("name-", n)}, at(n%60))
				if err != nil {
					t.Errorf("reserve: %v", err)
					return
				}
				lost[i] = append(lost[i], gone...)
			}
		})
	}
	wg.Wait()
	if n := len(lost[0]) + len(lost[1]); n != names {
		t.Errorf("%d reservations of %d were lost, want %d: one for each name", n, 2*names, names)
	}
	var folds []string
	for n := range names {
		folds = append(folds, fmt.Sprint("name-", n))
	}
	holders, err := one.NameHolders(t.Context(), target, folds)
	if err != nil {
		t.Fatal(err)
	}
	for _, fold := range folds {
		if slices.Contains(lost[0], holders[fold]) || slices.Contains(lost[1], holders[fold]) || holders[fold] == "" {
			t.Errorf("%s is held by %q, who lost it", fold, holders[fold])
		}
	}
}
