//go:build unix

package crash_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// TestKilledAnywhere kills the program again and again.
func TestKilledAnywhere(t *testing.T) {
	t.Parallel()
	want := wanted(t)
	var kills atomic.Int64
	// A story brings four kills or so: an instant drawn by lot may come too late for a run
	// that took less time than the undisturbed one. Then there are more stories.
	for told := 0; told < want && int(kills.Load()) < want && !t.Failed(); {
		first := told
		told += (want-int(kills.Load()))/4 + 1
		t.Run(fmt.Sprint("stories from ", first), func(t *testing.T) {
			for seed := uint64(first); seed < uint64(told); seed++ {
				t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
					t.Parallel()
					s := &story{T: t, home: newHome(t, seed%worlds), lot: rand.New(rand.NewPCG(seed, 43)), undisturbed: undisturbed(t, seed%worlds)}
					s.tell()
					kills.Add(int64(s.kills))
				})
			}
		})
	}
	t.Logf("%d kills", kills.Load())
	if n := kills.Load(); n < int64(want) {
		t.Errorf("the program was killed %d times, and not %d", n, want)
	}
}

// worlds is how many schools there are: each needs an undisturbed story of its own.
const worlds = 4

// after is how things stand after a stage of an undisturbed story.
type after struct {
	content []string
	calls   int
	took    time.Duration
}

var references [worlds]struct {
	once   sync.Once
	stages []after
}

// undisturbed tells the story of a school without any disturbance.
func undisturbed(t *testing.T, seed uint64) []after {
	t.Helper()
	r := &references[seed]
	r.once.Do(func() {
		h := newHome(t, seed)
		for _, stage := range stages {
			stage.happens(t, h.box.World())
			got := h.run(t, &gate{}, "sync", "--no-progress")
			if got.code != 0 || got.writes == 0 {
				t.Fatalf("%s: exit code %d, %d writes:\n%s", stage.name, got.code, got.writes, got.output)
			}
			r.stages = append(r.stages, after{content(t, h.box.IDP().Snapshot()), got.calls, got.took})
		}
	})
	if len(r.stages) != len(stages) {
		t.Fatal("the undisturbed story did not come to its end")
	}
	return r.stages
}

// story is one school, killed at instants drawn by lot.
type story struct {
	*testing.T
	*home
	lot         *rand.Rand
	undisturbed []after
	kills       int
	// told are the instants of the stage under way.
	told []string
}

func (s *story) tell() {
	for i, stage := range stages {
		stage.happens(s, s.box.World())
		s.told = nil
		s.killSome(s.undisturbed[i])
		s.converges(stage.name, s.undisturbed[i])
	}
}

// killSome runs the program and kills it, once to three times.
func (s *story) killSome(ref after) {
	left := ref.calls
	for range 1 + max(0, s.lot.IntN(5)-2) { // mostly once
		at := draw(s.lot, left, ref.took)
		got := s.run(s, &gate{at: at, lose: loseSome(s.lot, 12)}, "sync", "--no-progress")
		s.told = append(s.told, at.String())
		if got.killed {
			s.kills++
		} else if got.code != 0 {
			s.Fatalf("%s: exit code %d:\n%s", strings.Join(s.told, ", then "), got.code, got.output)
		}
		left = max(1, left-got.writes)
	}
}

// converges lets the program run to its end and looks at what is there.
func (s *story) converges(stage string, ref after) {
	s.Helper()
	where := fmt.Sprintf("%s, killed %s", stage, strings.Join(s.told, ", then "))
	g := &gate{}
	if s.lot.IntN(3) == 0 {
		g.lose = loseSome(s.lot, 20)
	}
	got := s.run(s, g, "sync", "--no-progress")
	if got.code != 0 {
		s.Fatalf("%s: the run after ends with %d:\n%s", where, got.code, got.output)
	}
	if diff := cmp.Diff(ref.content, content(s, s.box.IDP().Snapshot())); diff != "" {
		s.Fatalf("%s: not what an undisturbed program leaves there:\n%s\n%s", where, diff, got.output)
	}
	if got := s.run(s, &gate{}, "sync", "--no-progress"); got.code != 0 || got.calls != 0 {
		s.Fatalf("%s: one more sync ends with %d and sends %d requests:\n%s", where, got.code, got.calls, got.output)
	}
}
