package ledgertest

import (
	"sync"
	"sync/atomic"
	"testing"

	"simscim/connector/ledger"
)

func testHealth(t *testing.T, open func(*testing.T) ledger.Ledger) {
	want := func(b bundle, want ledger.Health) {
		b.Helper()
		got, err := b.Health(b.Context(), want.Target)
		b.must(err)
		b.same(want, got)
	}
	ill := ledger.Health{Target: target, Since: at(1), Next: at(2), Reason: "the token is refused", Tries: 3}
	cases(t, open, map[string]func(bundle){
		"one never heard of is well": func(b bundle) { want(b, ledger.Health{Target: target}) },
		"every field comes back, by target": func(b bundle) {
			b.must(b.SaveHealth(b.Context(), ill))
			want(b, ill)
			want(b, ledger.Health{Target: "another"})
		},
		"and well again": func(b bundle) {
			b.must(b.SaveHealth(b.Context(), ill))
			b.must(b.SaveHealth(b.Context(), ledger.Health{Target: target}))
			want(b, ledger.Health{Target: target})
		},
		"what cannot be kept": func(b bundle) {
			for _, h := range []ledger.Health{{}, {Target: target, Reason: "\xff"}} {
				if err := b.SaveHealth(b.Context(), h); err == nil {
					b.Errorf("%+v was kept", h)
				}
			}
		},
	})
}

func testNotices(t *testing.T, open func(*testing.T) ledger.Ledger) {
	mark := func(b bundle, key string, want bool) {
		b.Helper()
		fresh, err := b.MarkNotice(b.Context(), key, at(1))
		b.must(err)
		b.same(want, fresh)
	}
	cases(t, open, map[string]func(bundle){
		"told once, until it is over": func(b bundle) {
			mark(b, "held:12", true)
			mark(b, "held:12", false)
			mark(b, "held:13", true)
			b.must(b.ClearNotice(b.Context(), "held:12"))
			b.must(b.ClearNotice(b.Context(), "never told"))
			mark(b, "held:12", true)
			mark(b, "held:13", false)
		},
		"a key that cannot be": func(b bundle) {
			for _, key := range []string{"", "\xff"} {
				if fresh, err := b.MarkNotice(b.Context(), key, at(1)); err == nil || fresh {
					b.Errorf("%q was noted", key)
				}
			}
		},
		"of two at once one tells": func(b bundle) { tellOnce(b.T, b.Ledger, b.Ledger) },
	})
}

// tellOnce lets two ledgers of one store mark the same notice at the same time.
func tellOnce(t *testing.T, one, two ledger.Ledger) {
	t.Helper()
	var told atomic.Int32
	var wg sync.WaitGroup
	for _, l := range []ledger.Ledger{one, two} {
		wg.Go(func() {
			fresh, err := l.MarkNotice(t.Context(), "quarantine:directory", at(1))
			if err != nil {
				t.Errorf("mark: %v", err)
			}
			if fresh {
				told.Add(1)
			}
		})
	}
	wg.Wait()
	if n := told.Load(); n != 1 {
		t.Errorf("it was told %d times", n)
	}
}
