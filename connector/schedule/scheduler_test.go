package schedule_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"simscim/connector/schedule"
	"simscim/connector/schedule/local"
)

// slots is a store of last slots in memory that can be made to fail.
type slots struct {
	mu   sync.Mutex
	last map[string]time.Time
	fail error
}

func (s *slots) LastSlot(_ context.Context, key string) (time.Time, bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	at, ok := s.last[key]
	return at, ok, s.fail
}

func (s *slots) SetLastSlot(_ context.Context, key string, slot time.Time) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.fail != nil {
		return s.fail
	}
	if s.last == nil {
		s.last = map[string]time.Time{}
	}
	s.last[key] = slot
	return nil
}

func (s *slots) Reopen(_ context.Context, key string, slot time.Time) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.last[key].Equal(slot) {
		s.last[key] = slot.Add(-time.Microsecond)
	}
	return nil
}

func (s *slots) setFail(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fail = err
}

// bench is a scheduler on a local queue whose runs and events are noted.
type bench struct {
	*schedule.Scheduler
	slots *slots
	queue *local.Queue

	mu     sync.Mutex
	runs   []string
	events []string
	stacks []string
}

// setup makes a bench in a bubble; run is what a run does for a site after it was noted.
func setup(t *testing.T, parallel int, run func(context.Context, schedule.Job)) *bench {
	t.Helper()
	b := &bench{slots: &slots{last: map[string]time.Time{}}}
	var err error
	if b.queue, err = local.New(local.Options{Parallel: parallel, Grace: 30 * time.Second}); err != nil {
		t.Fatal(err)
	}
	b.Scheduler, err = schedule.New(schedule.Options{
		Queue: b.queue, Slots: b.slots, Now: time.Now,
		Run: func(ctx context.Context, job schedule.Job, each func(string, func())) {
			for _, site := range job.Sites {
				each(site, func() {
					b.mu.Lock()
					b.runs = append(b.runs, fmt.Sprintf("%s %s for %s", site, clock(time.Now()), clock(job.Slot)))
					b.mu.Unlock()
					if run != nil {
						run(ctx, schedule.Job{Key: site, Slot: job.Slot})
					}
				})
			}
		},
		Observe: func(e schedule.Event) {
			b.mu.Lock()
			defer b.mu.Unlock()
			b.events = append(b.events, fmt.Sprintf("%s %s", e.Kind, e.Key))
			if e.Stack != "" {
				b.stacks = append(b.stacks, e.Stack)
			}
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func clock(at time.Time) string { return at.UTC().Format("Jan02 15:04:05") }

func (b *bench) start(t *testing.T, table ...schedule.Entry) {
	t.Helper()
	if err := b.Start(t.Context(), table); err != nil {
		t.Fatal(err)
	}
}

func (b *bench) stop(t *testing.T) {
	t.Helper()
	if err := b.Stop(t.Context()); err != nil {
		t.Errorf("stop: %v", err)
	}
}

func (b *bench) check(t *testing.T, want ...string) {
	t.Helper()
	synctest.Wait()
	b.mu.Lock()
	defer b.mu.Unlock()
	if diff := cmp.Diff(want, b.runs); diff != "" {
		t.Errorf("runs (-want +got):\n%s", diff)
	}
	b.runs = nil
}

func (b *bench) checkEvents(t *testing.T, want ...string) {
	t.Helper()
	synctest.Wait()
	b.mu.Lock()
	defer b.mu.Unlock()
	if diff := cmp.Diff(want, b.events); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
	b.events = nil
}

func until(at time.Time) { time.Sleep(time.Until(at)) }

// A bubble's clock starts at midnight UTC on 1 January 2000, when London is on GMT.
func date(month time.Month, day, hour, minute int) time.Time {
	return time.Date(2000, month, day, hour, minute, 0, 0, time.UTC)
}

func entry(t *testing.T, key, spec string) schedule.Entry {
	t.Helper()
	return schedule.Entry{Key: key, Spec: mustParse(t, spec, zone(t, "Europe/London"))}
}

func TestRunsOnceAtEachClockChange(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		until(date(3, 25, 12, 0)) // forward on 26 March 2000
		b := setup(t, 2, nil)
		b.start(t, entry(t, "a", "30 1 * * *"))
		until(date(3, 27, 12, 0))
		b.check(t, "a Mar26 01:00:00 for Mar26 01:00:00", "a Mar27 00:30:00 for Mar27 00:30:00")
		b.stop(t)
	})
	synctest.Test(t, func(t *testing.T) {
		until(date(10, 28, 12, 0)) // back on 29 October 2000
		b := setup(t, 2, nil)
		b.start(t, entry(t, "a", "30 1 * * *"))
		until(date(10, 30, 12, 0))
		b.check(t, "a Oct29 00:30:00 for Oct29 00:30:00", "a Oct30 01:30:00 for Oct30 01:30:00")
		b.stop(t)
	})
}

func TestRestartInTheDoubledHourDoesNotRunAgain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		until(date(10, 29, 1, 5)) // 01:05 for the second time
		b := setup(t, 1, nil)
		b.slots.last["a"] = date(10, 29, 0, 30)
		b.start(t, entry(t, "a", "30 1 * * *"))
		until(date(10, 29, 23, 0))
		b.check(t)
		b.stop(t)
	})
}

func TestCatchesUpTheNewestMissedSlotOnly(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		until(date(1, 20, 12, 0))
		b := setup(t, 4, nil)
		b.slots.last["behind"] = date(1, 10, 2, 15)
		b.slots.last["level"] = date(1, 20, 2, 15)
		b.slots.last["ahead"] = date(12, 1, 2, 15) // written under a wrong clock
		b.start(t, entry(t, "behind", "15 2 * * *"), entry(t, "level", "15 2 * * *"),
			entry(t, "new", "15 2 * * *"), entry(t, "ahead", "15 2 * * *"))
		b.check(t, "behind Jan20 12:00:00 for Jan20 02:15:00")
		b.checkEvents(t, "caughtUp behind")
		until(date(1, 21, 12, 0))
		synctest.Wait()
		b.mu.Lock()
		if len(b.runs) != 4 {
			t.Errorf("runs on the next day: %q, want one for each of the four sites", b.runs)
		}
		b.mu.Unlock()
		if got := b.slots.last["behind"]; !got.Equal(date(1, 21, 2, 15)) {
			t.Errorf("last slot = %s", got)
		}
		b.stop(t)
	})
}

func TestSkipsWhileTheSiteIsBusy(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := setup(t, 2, func(_ context.Context, job schedule.Job) {
			if job.Key == "slow" {
				time.Sleep(25 * time.Minute)
			}
		})
		b.start(t, entry(t, "slow", "*/10 * * * *"), entry(t, "quick", "55 * * * *"))
		until(date(1, 1, 1, 0).Add(time.Second))
		b.check(t, "slow Jan01 00:10:00 for Jan01 00:10:00", "slow Jan01 00:40:00 for Jan01 00:40:00",
			"quick Jan01 00:55:00 for Jan01 00:55:00")
		b.checkEvents(t, "queued slow", "skipped slow", "skipped slow", "queued slow", "skipped slow", "queued quick", "skipped slow")
		b.stop(t)
	})
}

func TestPanicLosesNeitherScheduleNorPlace(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := setup(t, 1, func(_ context.Context, job schedule.Job) {
			if job.Key == "bad" {
				panic("Zebedee Canary-Smythe")
			}
		})
		b.start(t, entry(t, "bad", "0 * * * *"), entry(t, "good", "30 * * * *"))
		until(date(1, 1, 3, 45))
		b.check(t, "good Jan01 00:30:00 for Jan01 00:30:00",
			"bad Jan01 01:00:00 for Jan01 01:00:00", "good Jan01 01:30:00 for Jan01 01:30:00",
			"bad Jan01 02:00:00 for Jan01 02:00:00", "good Jan01 02:30:00 for Jan01 02:30:00",
			"bad Jan01 03:00:00 for Jan01 03:00:00", "good Jan01 03:30:00 for Jan01 03:30:00")
		if len(b.stacks) != 3 {
			t.Errorf("%d panics were reported, want 3", len(b.stacks))
		}
		for _, s := range append(b.stacks, b.events...) {
			if strings.Contains(s, "Zebedee") {
				t.Errorf("the panic's value got out: %s", s)
			}
		}
		b.stop(t)
	})
}

func TestStopGivesGraceThenEndsTheContext(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var ended time.Duration
		b := setup(t, 1, func(ctx context.Context, _ schedule.Job) {
			<-ctx.Done()
			ended = time.Since(date(1, 1, 1, 0))
			time.Sleep(3 * time.Second)
		})
		b.start(t, entry(t, "under way", "0 1 * * *"), entry(t, "waiting", "0 1 * * *"))
		until(date(1, 1, 1, 0).Add(10 * time.Second))
		synctest.Wait()
		b.stop(t)
		if ended != 40*time.Second {
			t.Errorf("the context ended after %s, want 40s: 10s of work and 30s of grace", ended)
		}
		if got := time.Since(date(1, 1, 1, 0)); got != 43*time.Second {
			t.Errorf("Stop returned after %s, want 43s", got)
		}
		if err := b.Alive(); err == nil {
			t.Error("a stopped scheduler says that it is alive")
		}
		if err := b.Replace(nil); err == nil {
			t.Error("a stopped scheduler takes a table")
		}
		// What was broken off and what never began are both due at the next start.
		second := setup(t, 1, nil)
		second.slots = b.slots
		second.Scheduler, _ = schedule.New(schedule.Options{
			Queue: second.queue, Slots: b.slots, Now: time.Now,
			Run: func(_ context.Context, job schedule.Job, each func(string, func())) {
				each(job.Key, func() { second.runs = append(second.runs, job.Key) })
			},
		})
		first := b.runs[0]
		second.start(t, entry(t, "under way", "0 1 * * *"), entry(t, "waiting", "0 1 * * *"))
		synctest.Wait()
		if want, _, _ := strings.Cut(first, " Jan"); len(second.runs) != 1 || second.runs[0] != want {
			t.Errorf("caught up: %q, want %q, which was broken off", second.runs, want)
		}
		second.stop(t)
	})
}

func TestStopReturnsWhenItsContextEnds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		b := setup(t, 1, func(context.Context, schedule.Job) { <-release })
		b.start(t, entry(t, "deaf", "0 1 * * *"))
		until(date(1, 1, 1, 1))
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if err := b.Stop(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Stop = %v, want the deadline", err)
		}
		close(release)
		synctest.Wait()
	})
}

func TestReplace(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := setup(t, 1, nil)
		b.start(t, entry(t, "kept", "0 6 * * *"), entry(t, "gone", "0 6 * * *"), entry(t, "moved", "0 6 * * *"))
		until(date(1, 1, 5, 0))
		// A moved site does not make up for a slot that was not planned at the time.
		if err := b.Replace([]schedule.Entry{entry(t, "kept", "0 6 * * *"), entry(t, "moved", "0 4 * * *"), entry(t, "come", "0 7 * * *")}); err != nil {
			t.Fatal(err)
		}
		until(date(1, 2, 5, 0))
		b.check(t, "kept Jan01 06:00:00 for Jan01 06:00:00", "come Jan01 07:00:00 for Jan01 07:00:00", "moved Jan02 04:00:00 for Jan02 04:00:00")

		bad := []schedule.Entry{{Key: "", Spec: mustParse(t, "0 1 * * *", time.UTC)}, {Key: "x"}, entry(t, "y", "0 1 * * *"), entry(t, "y", "0 1 * * *"), {Key: "z", Spec: mustParse(t, "0 1 * * *", time.UTC), Jitter: -1}}
		err := b.Replace(bad)
		for _, want := range []string{"no key", "x has no schedule", "y stands in it twice", "z has a negative jitter"} {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("Replace = %v, want all problems, also %q", err, want)
			}
		}
		if _, _, ok := b.Next("kept"); !ok {
			t.Error("a table that was refused took the place of the one before")
		}
		if slot, at, ok := b.Next("come"); !ok || !slot.Equal(date(1, 2, 7, 0)) || !at.Equal(slot) {
			t.Errorf("Next(come) = %s, %s, %v", slot, at, ok)
		}
		if _, _, ok := b.Next("gone"); ok {
			t.Error("a removed site still has a next slot")
		}
		b.stop(t)
	})
}

func TestRemovedSiteIsNotBegunFromTheLine(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := setup(t, 1, func(context.Context, schedule.Job) { time.Sleep(time.Hour) })
		b.start(t, entry(t, "first", "0 1 * * *"), entry(t, "second", "1 1 * * *"))
		until(date(1, 1, 1, 30))
		if err := b.Replace([]schedule.Entry{entry(t, "first", "0 1 * * *")}); err != nil {
			t.Fatal(err)
		}
		until(date(1, 1, 5, 0))
		b.check(t, "first Jan01 01:00:00 for Jan01 01:00:00")
		b.stop(t)
	})
}

func TestFailingStoreDelaysButDoesNotLose(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := setup(t, 1, nil)
		b.start(t, entry(t, "a", "0 1 * * *"))
		until(date(1, 1, 0, 59))
		b.slots.setFail(errors.New("database is locked"))
		until(date(1, 1, 1, 10).Add(30 * time.Second))
		b.check(t)
		b.slots.setFail(nil)
		until(date(1, 1, 2, 0))
		b.check(t, "a Jan01 01:11:00 for Jan01 01:00:00")
		b.stop(t)
	})
	synctest.Test(t, func(t *testing.T) {
		b := setup(t, 1, nil)
		b.slots.setFail(errors.New("database is locked"))
		b.slots.last["a"] = date(1, 1, 0, 0).AddDate(0, 0, -3)
		b.start(t, entry(t, "a", "0 1 * * *"))
		until(date(1, 1, 0, 30).Add(time.Second))
		b.slots.setFail(nil)
		until(date(1, 1, 0, 45))
		b.check(t, "a Jan01 00:31:00 for Dec31 01:00:00")
		b.stop(t)
	})
}

func TestSlotBegunByAnotherProcessIsLeftAlone(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := setup(t, 1, nil)
		b.start(t, entry(t, "a", "0 1 * * *"))
		until(date(1, 1, 0, 59))
		synctest.Wait()
		b.slots.mu.Lock()
		b.slots.last["a"] = date(1, 1, 1, 0)
		b.slots.mu.Unlock()
		until(date(1, 1, 1, 0).Add(time.Second))
		b.check(t)
		b.stop(t)
	})
}

func TestAlive(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := setup(t, 1, nil)
		if err := b.Alive(); err == nil {
			t.Error("alive before Start")
		}
		b.start(t)
		if err := b.Start(t.Context(), nil); err == nil {
			t.Error("a second Start gave no error")
		}
		until(date(1, 9, 0, 0))
		if err := b.Alive(); err != nil {
			t.Errorf("Alive after days = %v", err)
		}
		b.stop(t)
		b.stop(t)
	})
	if _, err := schedule.New(schedule.Options{}); err == nil {
		t.Error("New without anything gave no error")
	}
}

func TestAliveNoticesAClockThatRunsAhead(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var ahead time.Duration
		q, _ := local.New(local.Options{Parallel: 1})
		s, err := schedule.New(schedule.Options{
			Queue: q, Slots: &slots{}, Run: func(context.Context, schedule.Job, func(string, func())) {},
			Now: func() time.Time { return time.Now().Add(ahead) },
		})
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Start(t.Context(), nil); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		ahead = 4 * time.Minute
		if err := s.Alive(); err == nil {
			t.Error("no heartbeat for four minutes and still alive")
		}
		if err := s.Stop(t.Context()); err != nil {
			t.Error(err)
		}
	})
}
