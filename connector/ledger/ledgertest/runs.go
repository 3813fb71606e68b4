package ledgertest

import (
	"testing"

	"simscim/connector/ledger"
	"simscim/connector/plan"
)

func testRuns(t *testing.T, open func(*testing.T) ledger.Ledger) {
	begin := func(b bundle, site string, minute int) int64 {
		b.Helper()
		id, err := b.BeginRun(b.Context(), ledger.Run{Site: site, Target: target, Started: at(minute)})
		b.must(err)
		return id
	}
	finish := func(b bundle, id int64, settled bool) {
		b.Helper()
		b.must(b.FinishRun(b.Context(), id, ledger.RunEnd{At: at(59), Status: "done"}, settled))
	}
	settled := func(b bundle, want bool) {
		b.Helper()
		if got := b.load(siteA).Settled; got != want {
			b.Errorf("settled is %v, want %v", got, want)
		}
	}
	cases(t, open, map[string]func(bundle){
		"every field comes back, newest first": func(b bundle) {
			none, err := b.Runs(b.Context(), "", 10)
			b.must(err)
			b.same([]ledger.Run(nil), none)
			first := ledger.Run{Site: siteA, Target: target, Started: at(1), End: ledger.RunEnd{
				At: at(2), Status: "partial", Reason: "3 accounts are in escrow",
				Applied: map[plan.Counter]int{"createUser": 12, plan.AddMember: 30}, Failed: map[plan.Counter]int{"createUser": 3},
			}}
			first.ID = begin(b, siteA, 1)
			b.must(b.FinishRun(b.Context(), first.ID, first.End, true))
			killed := ledger.Run{ID: begin(b, siteB, 3), Site: siteB, Target: target, Started: at(3)}
			last := ledger.Run{ID: begin(b, siteA, 4), Site: siteA, Target: target, Started: at(4)}

			all, err := b.Runs(b.Context(), "", 10)
			b.must(err)
			b.same([]ledger.Run{last, killed, first}, all)
			ofA, err := b.Runs(b.Context(), siteA, 10)
			b.must(err)
			b.same([]ledger.Run{last, first}, ofA)
			two, err := b.Runs(b.Context(), "", 2)
			b.must(err)
			b.same([]ledger.Run{last, killed}, two)
			none, err = b.Runs(b.Context(), "nowhere", 10)
			b.must(err)
			b.same([]ledger.Run(nil), none)
			none, err = b.Runs(b.Context(), "", 0)
			b.must(err)
			b.same([]ledger.Run(nil), none)
		},
		"one by its id": func(b bundle) {
			_, ok, err := b.Ledger.Run(b.Context(), 1)
			b.must(err)
			b.same(false, ok)
			want := ledger.Run{Site: siteA, Target: target, Started: at(1)}
			want.ID = begin(b, siteA, 1)
			begin(b, siteB, 2)
			got, ok, err := b.Ledger.Run(b.Context(), want.ID)
			b.must(err)
			b.same(true, ok)
			b.same(want, got)
			finish(b, want.ID, true)
			want.End = ledger.RunEnd{At: at(59), Status: "done"}
			got, _, err = b.Ledger.Run(b.Context(), want.ID)
			b.must(err)
			b.same(want, got)
		},
		"a run under way is unsettled": func(b bundle) {
			settled(b, true)
			id := begin(b, siteA, 1)
			settled(b, false)
			b.same(&plan.State{Settled: true}, b.load(siteB))
			finish(b, id, true)
			settled(b, true)
		},
		"an unsettled end stays so until a settled one": func(b bundle) {
			finish(b, begin(b, siteA, 1), false)
			settled(b, false)
			id := begin(b, siteA, 2)
			settled(b, false)
			finish(b, id, true)
			settled(b, true)
		},
		"a killed run is unsettled until a settled one": func(b bundle) {
			begin(b, siteA, 1)
			finish(b, begin(b, siteA, 2), true)
			settled(b, true)
		},
		"an old run does not settle for a newer one": func(b bundle) {
			old := begin(b, siteA, 1)
			begin(b, siteA, 2)
			finish(b, old, true)
			settled(b, false)
		},
		"ends that cannot be": func(b bundle) {
			id := begin(b, siteA, 1)
			for name, end := range map[string]struct {
				id int64
				at ledger.RunEnd
			}{
				"no such run": {id + 100, ledger.RunEnd{At: at(2)}},
				"no time":     {id, ledger.RunEnd{}},
			} {
				if err := b.FinishRun(b.Context(), end.id, end.at, true); err == nil {
					b.Errorf("%s: the end was accepted", name)
				}
			}
			settled(b, false)
			finish(b, id, true)
			if err := b.FinishRun(b.Context(), id, ledger.RunEnd{At: at(3)}, false); err == nil {
				b.Error("a run ended twice")
			}
			settled(b, true)
		},
	})
}

func testNotedRuns(t *testing.T, open func(*testing.T) ledger.Ledger) {
	noted := ledger.Run{Site: siteA, Target: target, Started: at(2), End: ledger.RunEnd{At: at(3), Status: "skipped", Reason: "the list was cut"}}
	cases(t, open, map[string]func(bundle){
		"it is the newest run": func(b bundle) {
			id, err := b.BeginRun(b.Context(), ledger.Run{Site: siteA, Target: target, Started: at(1)})
			b.must(err)
			b.must(b.FinishRun(b.Context(), id, ledger.RunEnd{At: at(1), Status: "done"}, true))
			b.must(b.NoteRun(b.Context(), noted))
			runs, err := b.Runs(b.Context(), siteA, 1)
			b.must(err)
			if len(runs) != 1 || runs[0].End.Status != "skipped" || !runs[0].Started.Equal(at(2)) {
				b.Errorf("got %+v", runs)
			}
		},
		"what was unsettled stays so, and what was not too": func(b bundle) {
			b.must(b.NoteRun(b.Context(), noted))
			if !b.load(siteA).Settled {
				b.Error("a run that wrote nothing unsettled the site")
			}
			_, err := b.BeginRun(b.Context(), ledger.Run{Site: siteA, Target: target, Started: at(1)})
			b.must(err)
			b.must(b.NoteRun(b.Context(), noted))
			if b.load(siteA).Settled {
				b.Error("a run that wrote nothing settled the site")
			}
		},
		"without an end it is refused": func(b bundle) {
			if err := b.NoteRun(b.Context(), ledger.Run{Site: siteA, Target: target, Started: at(1)}); err == nil {
				b.Error("it was accepted")
			}
		},
	})
}

func testSites(t *testing.T, open func(*testing.T) ledger.Ledger) {
	cases(t, open, map[string]func(bundle){
		"every field comes back": func(b bundle) {
			none, err := b.Sites(b.Context())
			b.must(err)
			b.same(map[string]ledger.SiteRecord{}, none)
			full := ledger.SiteRecord{
				ID: siteA, Source: "sims", Name: "Ysgol y Garreg W\u00e9n", DfE: "123/4567", LastComplete: at(1), People: 900, Groups: 70,
				Students: 700, Staff: 90, Rules: "r1",
				FrozenSince: at(2), FrozenReason: "the school is no longer aligned", LastSlot: at(3),
			}
			b.must(b.BeginSlot(b.Context(), siteA, at(3)))
			b.must(b.BeginSlot(b.Context(), siteA, at(2))) // an older slot changes nothing
			stale := full
			stale.LastSlot = at(1) // nor does saving the site
			b.must(b.SaveSite(b.Context(), stale))
			b.must(b.SaveSite(b.Context(), ledger.SiteRecord{ID: siteB}))
			got, err := b.Sites(b.Context())
			b.must(err)
			b.same(map[string]ledger.SiteRecord{siteA: full, siteB: {ID: siteB}}, got)
			one, ok, err := b.Site(b.Context(), siteA)
			b.must(err)
			b.same(full, one)
			b.same(true, ok)
			one, ok, err = b.Site(b.Context(), "nowhere")
			b.must(err)
			b.same(ledger.SiteRecord{}, one)
			b.same(false, ok)
		},
		"a slot may begin at a site that was never read": func(b bundle) {
			b.must(b.BeginSlot(b.Context(), siteA, at(3)))
			got, err := b.Sites(b.Context())
			b.must(err)
			b.same(map[string]ledger.SiteRecord{siteA: {ID: siteA, LastSlot: at(3)}}, got)
		},
		"a slot that was broken off is to begin again": func(b bundle) {
			b.must(b.BeginSlot(b.Context(), siteA, at(3)))
			b.must(b.ReopenSlot(b.Context(), siteA, at(2))) // another one was begun since
			b.must(b.ReopenSlot(b.Context(), siteB, at(3))) // nothing was
			got, err := b.Sites(b.Context())
			b.must(err)
			b.same(map[string]ledger.SiteRecord{siteA: {ID: siteA, LastSlot: at(3)}}, got)
			b.must(b.ReopenSlot(b.Context(), siteA, at(3)))
			one, _, err := b.Site(b.Context(), siteA)
			b.must(err)
			b.same(true, one.LastSlot.Before(at(3)) && one.LastSlot.After(at(2)))
			b.must(b.BeginSlot(b.Context(), siteA, at(3)))
			one, _, err = b.Site(b.Context(), siteA)
			b.must(err)
			b.same(at(3), one.LastSlot)
		},
		"saving replaces, and the sizes are in the state": func(b bundle) {
			b.must(b.SaveSite(b.Context(), ledger.SiteRecord{ID: siteA, People: 1, Groups: 2, FrozenSince: at(1)}))
			b.must(b.SaveSite(b.Context(), ledger.SiteRecord{ID: siteA, People: 900, Groups: 70}))
			got, err := b.Sites(b.Context())
			b.must(err)
			b.same(map[string]ledger.SiteRecord{siteA: {ID: siteA, People: 900, Groups: 70}}, got)
			b.wantState(siteA, plan.State{Settled: true, LastPeople: 900, LastGroups: 70})
		},
	})
}
