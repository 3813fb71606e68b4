package world

import (
	"runtime"
	"slices"
	"testing"
	"time"
)

func make1(t *testing.T, preset string, seed uint64) *World {
	t.Helper()
	w, err := New(Options{Preset: preset, Seed: seed})
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func total(w *World) (c Counts) {
	for _, r := range w.Rolls() {
		c = c.Add(r.Counts(w.Today()))
	}
	return c
}

// The digests change only when the generator is meant to make other worlds.
func TestWorldsAreRepeatable(t *testing.T) {
	t.Parallel()
	for preset, want := range map[string]string{
		"tiny":      "a2b0443b82c928d63d96c8ccbd09b339",
		"primary":   "eb1040cb63731fde1a0cc68dfeeb6293",
		"secondary": "7ea385df7f01414aece8c3d70831db94",
		"mat-small": "eb30ee52e19b27264e2151eac99cb368",
		"mat-large": "7152dc010afbd26ab596aa4f2a0da0c6",
	} {
		t.Run(preset, func(t *testing.T) {
			t.Parallel()
			w := make1(t, preset, 1)
			if got := w.Digest(); got != want {
				t.Errorf("the digest of seed 1 is %s, want %s", got, want)
			}
			if preset == "mat-large" {
				return
			}
			if make1(t, preset, 2).Digest() == want {
				t.Error("another seed gives the same world")
			}
			again := make1(t, preset, 1)
			for _, w := range []*World{w, again} {
				w.Day()
				w.Advance(36 * time.Hour)
				if _, err := w.Join(w.Sites()[0].ID, Staff, 0); err != nil {
					t.Fatal(err)
				}
				w.September()
				w.Day()
			}
			if w.Digest() != again.Digest() {
				t.Error("the same calls gave another world")
			}
			if w.Digest() == want {
				t.Error("the calls changed nothing")
			}
		})
	}
}

func TestPresetSizes(t *testing.T) {
	t.Parallel()
	for preset, want := range map[string]struct {
		sites int
		low   Counts
		high  Counts
	}{
		"tiny":      {1, Counts{60, 10, 80, 14, 190, 1, 1}, Counts{60, 10, 110, 16, 220, 3, 3}},
		"primary":   {1, Counts{275, 30, 420, 20, 860, 2, 2}, Counts{275, 30, 480, 26, 960, 6, 6}},
		"secondary": {1, Counts{1063, 130, 1650, 600, 16000, 5, 5}, Counts{1063, 130, 1850, 650, 17200, 15, 20}},
		"mat-small": {5, Counts{2163, 250, 3300, 690, 19500, 10, 10}, Counts{2185, 258, 3700, 745, 20700, 40, 40}},
		"mat-large": {75, Counts{42000, 5500, 65000, 17500, 470000, 200, 200}, Counts{43500, 9000, 72000, 19500, 530000, 600, 700}},
	} {
		t.Run(preset, func(t *testing.T) {
			t.Parallel()
			w := make1(t, preset, 7)
			if got := len(w.Sites()); got != want.sites {
				t.Errorf("%d schools, want %d", got, want.sites)
			}
			got := total(w)
			between := func(what string, n, low, high int) {
				if n < low || n > high {
					t.Errorf("%d %s, want %d to %d", n, what, low, high)
				}
			}
			between("students", got.Students, want.low.Students, want.high.Students)
			between("staff", got.Staff, want.low.Staff, want.high.Staff)
			between("contacts", got.Contacts, want.low.Contacts, want.high.Contacts)
			between("groups", got.Groups, want.low.Groups, want.high.Groups)
			between("memberships", got.Memberships, want.low.Memberships, want.high.Memberships)
			between("future starters", got.Future, want.low.Future, want.high.Future)
			between("leavers", got.Leavers, want.low.Leavers, want.high.Leavers)
		})
	}
}

// Not parallel: it measures the heap.
func TestLargeTrustFitsInMemory(t *testing.T) {
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	w := make1(t, "mat-large", 3)
	runtime.GC()
	runtime.ReadMemStats(&after)
	if mb := int64(after.HeapAlloc-before.HeapAlloc) >> 20; mb > 150 {
		t.Errorf("a large trust takes %d MB", mb)
	}
	runtime.KeepAlive(w)
}

func TestOptionsAreChecked(t *testing.T) {
	t.Parallel()
	if _, err := New(Options{Preset: "huge"}); err == nil {
		t.Error("an unknown preset was taken")
	}
	if _, err := New(Options{Start: time.Unix(0, 0)}); err == nil {
		t.Error("a start in 1970 was taken")
	}
	if !slices.Contains(Presets(), make1(t, "", 0).Preset()) {
		t.Error("the default preset is none of the presets")
	}
}
