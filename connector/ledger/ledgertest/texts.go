package ledgertest

import (
	"fmt"
	"strings"
	"testing"

	"simscim/connector/ledger"
	"simscim/connector/plan"
	"simscim/scim"
)

func testTexts(t *testing.T, open func(*testing.T) ledger.Ledger) {
	b := bundle{T: t, Ledger: open(t)}
	kept := []string{
		"0b7e2d6c-7a1c-4e0b-9d2f-0123456789ab", "plain", "Plain", " blank ", "o'neill", `"quoted"`, `back\slash`, "'; DROP TABLE objects; --",
		"100%", "under_score", "$1", "?1", ":x", "tab\tand\nline", "\u738b\u5c0f\u660e", "\u0645\u062d\u0645\u062f", "e\u0301", "\u00e9", "\U0001f600", "\ufffd",
		strings.Repeat("k", ledger.MaxText), strings.Repeat("\u00e9", ledger.MaxText/2),
	}
	for i, s := range kept {
		t.Run(fmt.Sprint("kept ", i), func(t *testing.T) {
			b := bundle{T: t, Ledger: b.Ledger}
			b.keeps(s)
		})
	}
	refused := map[string]string{
		"nul": "a\x00b", "only nul": "\x00", "not utf-8": "a\xff", "half a rune": "\xc3", "too long": strings.Repeat("k", ledger.MaxText+1),
	}
	for name, s := range refused {
		t.Run(name, func(t *testing.T) {
			b := bundle{T: t, Ledger: b.Ledger}
			b.refuses(s, false)
		})
	}
	t.Run("empty", func(t *testing.T) {
		b := bundle{T: t, Ledger: b.Ledger}
		b.refuses("", true)
	})
	t.Run("kinds and statuses", func(t *testing.T) {
		b := bundle{T: t, Ledger: b.Ledger}
		b.refused(func(tx ledger.Tx) error {
			return tx.PutObject(target, siteA, object("Device", "u1", nil))
		})
		b.refused(func(tx ledger.Tx) error {
			return tx.PutObject(target, siteA, user("u1", func(o *plan.Known) { o.Status = "asleep" }))
		})
		b.refused(func(tx ledger.Tx) error { return tx.DropObject(target, "Device", "u1") })
		if _, err := b.Known(b.Context(), target, "Device", []string{"u1"}); err == nil {
			t.Error("a kind that there is not was looked up")
		}
	})
}

// keeps tells whether a text comes back from every place where one can stand.
func (b bundle) keeps(s string) {
	b.Helper()
	u := plan.Known{
		Kind: scim.User, Key: s, RemoteID: s, SourceID: s, Home: s, Status: plan.Active, Name: s,
		Prints: plan.Prints{{Path: scim.Path(s), Sum: 1}},
	}
	g := plan.Known{Kind: scim.Group, Key: s, RemoteID: s, SourceID: s, Home: s, Status: plan.Active, Members: set(s)}
	b.update(func(tx ledger.Tx) error {
		for _, o := range []plan.Known{u, g} {
			if err := tx.PutObject(s, s, o); err != nil {
				return err
			}
		}
		return tx.AddMembers(s, s, []string{s})
	})
	got, err := b.Load(b.Context(), s, s)
	b.must(err)
	b.same(&plan.State{Users: map[string]*plan.Known{s: &u}, Groups: map[string]*plan.Known{s: &g}, Settled: true}, got)
	holders, err := b.NameHolders(b.Context(), s, []string{scim.Fold(s)})
	b.must(err)
	b.same(map[string]string{scim.Fold(s): s}, holders)
	b.must(b.SaveSite(b.Context(), ledger.SiteRecord{ID: s, Name: s}))
}

// refuses tells whether a text is refused everywhere, with nothing kept. empty is
// refused only where something has to stand.
func (b bundle) refuses(s string, empty bool) {
	b.Helper()
	put := func(target, site string, with func(*plan.Known)) func(ledger.Tx) error {
		return func(tx ledger.Tx) error {
			if err := tx.PutObject("clean", "clean", user("witness")); err != nil {
				return err
			}
			o := user("u1", homed("clean"))
			with(&o)
			return tx.PutObject(target, site, o)
		}
	}
	same := func(*plan.Known) {}
	writes := map[string]func(ledger.Tx) error{
		"target": put(s, siteA, same),
		"site":   put(target, s, same),
		"key":    put(target, siteA, func(o *plan.Known) { o.Key = s }),
		"path":   put(target, siteA, func(o *plan.Known) { o.Prints = plan.Prints{{Path: scim.Path(s), Sum: 1}} }),
		"member": func(tx ledger.Tx) error {
			if err := tx.PutObject("clean", "clean", group("witness")); err != nil {
				return err
			}
			return tx.AddMembers("clean", "witness", []string{s})
		},
		"foreign name": func(tx ledger.Tx) error { return tx.NoteForeignName(target, s, at(1)) },
	}
	if !empty {
		writes["remote id"] = put(target, siteA, func(o *plan.Known) { o.RemoteID = s })
		writes["source id"] = put(target, siteA, func(o *plan.Known) { o.SourceID = s })
		writes["name"] = put(target, siteA, func(o *plan.Known) { o.Name = s })
		writes["home"] = put(target, siteA, func(o *plan.Known) { o.Home = s })
	}
	for place, write := range writes {
		err := b.Update(b.Context(), write)
		if err == nil {
			b.Errorf("as %s it was kept", place)
		} else if s != "" && strings.Contains(err.Error(), s) {
			b.Errorf("as %s it is repeated in the error", place)
		}
	}
	state, err := b.Load(b.Context(), "clean", "clean")
	b.must(err)
	b.same(&plan.State{Settled: true}, state)
	if err := b.SaveSite(b.Context(), ledger.SiteRecord{ID: s}); err == nil {
		b.Error("as a site's id it was kept")
	}
	if _, err := b.BeginRun(b.Context(), ledger.Run{Site: s, Target: target, Started: at(1)}); err == nil {
		b.Error("as a run's site it was kept")
	}
}
