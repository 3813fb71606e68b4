package schedule_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"simscim/connector/schedule"
	"simscim/connector/schedule/local"
)

// party is a scheduler whose jobs are noted as one line each: when, and for which sites.
type party struct {
	*schedule.Scheduler
	slots *slots

	mu     sync.Mutex
	jobs   []string
	events []string
	// during is called for each site that is worked on.
	during func(ctx context.Context, site string)
}

func newParty(t *testing.T, during func(ctx context.Context, site string)) *party {
	t.Helper()
	p := &party{slots: &slots{last: map[string]time.Time{}}, during: during}
	p.rise(t)
	return p
}

// rise makes a new scheduler with what is stored, as a restart does.
func (p *party) rise(t *testing.T) {
	t.Helper()
	queue, err := local.New(local.Options{Parallel: 4, Grace: 30 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	p.Scheduler, err = schedule.New(schedule.Options{
		Queue: queue, Slots: p.slots, Now: time.Now, Run: p.run,
		Observe: func(e schedule.Event) {
			p.mu.Lock()
			defer p.mu.Unlock()
			p.events = append(p.events, fmt.Sprintf("%s %s", e.Kind, e.Key))
		},
	})
	if err != nil {
		t.Fatal(err)
	}
}

func (p *party) run(ctx context.Context, job schedule.Job, each func(string, func())) {
	began := time.Now()
	var sites []string
	for _, site := range job.Sites {
		each(site, func() {
			sites = append(sites, site)
			if p.during != nil {
				p.during(ctx, site)
			}
		})
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.jobs = append(p.jobs, fmt.Sprintf("%s for %s: %s", clock(began), clock(job.Slot), strings.Join(sites, " ")))
}

func (p *party) begin(t *testing.T, table ...schedule.Entry) {
	t.Helper()
	if err := p.Start(t.Context(), table); err != nil {
		t.Fatal(err)
	}
}

func (p *party) end(t *testing.T) {
	t.Helper()
	if err := p.Stop(t.Context()); err != nil {
		t.Error(err)
	}
}

// wants compares the jobs, and the events in any order, since it was last called.
func (p *party) wants(t *testing.T, jobs, events []string) {
	t.Helper()
	synctest.Wait()
	p.mu.Lock()
	defer p.mu.Unlock()
	slices.Sort(p.events)
	if diff := cmp.Diff([2][]string{jobs, events}, [2][]string{p.jobs, p.events}); diff != "" {
		t.Errorf("jobs and events (-want +got):\n%s", diff)
	}
	p.jobs, p.events = nil, nil
}

// members are entries of one set.
func members(t *testing.T, set, spec string, sites ...string) (table []schedule.Entry) {
	t.Helper()
	for _, site := range sites {
		e := entry(t, site, spec)
		e.Set, e.Jitter = set, 10*time.Minute
		table = append(table, e)
	}
	return table
}

func TestSetIsOneJob(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := newParty(t, nil)
		p.begin(t, append(members(t, "dir", "0 1 * * *", "a", "b", "c"), entry(t, "alone", "0 3 * * *"))...)
		slot, at, ok := p.Next("b")
		if !ok || !slot.Equal(date(1, 1, 1, 0)) || at.Sub(slot) <= 0 {
			t.Errorf("next: %s at %s", slot, at)
		}
		for _, site := range []string{"a", "c"} {
			if _, same, _ := p.Next(site); !same.Equal(at) {
				t.Errorf("%s is begun at %s, and b at %s", site, same, at)
			}
		}
		until(date(1, 1, 12, 0))
		p.wants(t, []string{clock(at) + " for Jan01 01:00:00: a b c", "Jan01 03:00:00 for Jan01 03:00:00: alone"},
			[]string{"queued a", "queued alone", "queued b", "queued c"})
		for _, site := range []string{"a", "b", "c"} {
			if !p.slots.last[site].Equal(slot) {
				t.Errorf("the last slot of %s is %s", site, p.slots.last[site])
			}
		}
		p.end(t)
	})
}

// A table in which the sites of a set are not due together is refused whole.
func TestSetHasOneTime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := newParty(t, nil)
		p.begin(t)
		other := members(t, "dir", "0 2 * * *", "b")
		err := p.Replace(append(members(t, "dir", "0 1 * * *", "a"), other...))
		if err == nil || !strings.Contains(err.Error(), "b has other times than the rest of its set") {
			t.Errorf("Replace = %v", err)
		}
		p.end(t)
	})
}

// Only those are caught up that have not begun the slot, as after a crash in the middle; and
// so is a site that comes later.
func TestSetCatchesUpByTheSite(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		until(date(1, 20, 12, 0))
		p := newParty(t, nil)
		p.slots.last["level"], p.slots.last["behind"], p.slots.last["away"] = date(1, 20, 1, 0), date(1, 18, 1, 0), date(1, 19, 1, 0)
		p.begin(t, members(t, "dir", "0 1 * * *", "level", "behind", "new")...)
		p.wants(t, []string{"Jan20 12:00:00 for Jan20 01:00:00: behind"}, []string{"caughtUp behind"})
		until(date(1, 20, 13, 0))
		if err := p.Replace(members(t, "dir", "0 1 * * *", "level", "behind", "new", "away")); err != nil {
			t.Fatal(err)
		}
		p.wants(t, []string{"Jan20 13:00:00 for Jan20 01:00:00: away"}, []string{"caughtUp away"})
		p.end(t)
	})
}

// What is to be caught up while the set is busy waits for it, and is not skipped; what is
// busy itself is.
func TestLatecomerWaitsForTheSet(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := newParty(t, func(_ context.Context, site string) {
			if site == "slow" {
				time.Sleep(80 * time.Minute)
			}
		})
		p.slots.last["late"] = date(1, 1, 0, 0).AddDate(0, 0, -5)
		table := members(t, "dir", "0 * * * *", "slow", "quick")
		p.begin(t, table...)
		until(date(1, 1, 1, 30))
		if err := p.Replace(append(table, members(t, "dir", "0 * * * *", "late")...)); err != nil {
			t.Fatal(err)
		}
		until(date(1, 1, 2, 50))
		_, at, _ := p.Next("slow")
		began, over := at.Add(-2*time.Hour), at.Add(-2*time.Hour+80*time.Minute)
		again := over.Truncate(time.Minute).Add(time.Minute)
		p.wants(t, []string{
			clock(began) + " for Jan01 01:00:00: slow quick",
			clock(again) + " for Jan01 02:00:00: late",
		}, []string{"caughtUp late", "queued quick", "queued slow", "skipped quick", "skipped slow"})
		p.end(t)
	})
}

// After a stop in the middle, those under way are ended and those that had not begun do not
// begin; at the next start both are due, and nobody else.
func TestSetIsStoppedInTheMiddle(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := newParty(t, func(ctx context.Context, site string) {
			if site == "b" {
				<-ctx.Done()
			}
		})
		yesterday := date(1, 1, 1, 0).AddDate(0, 0, -1)
		for _, site := range []string{"a", "b", "c", "other"} {
			p.slots.last[site] = yesterday
		}
		table := append(members(t, "dir", "0 1 * * *", "a", "b", "c"), entry(t, "other", "0 1 * * *"))
		p.begin(t, table...)
		until(date(1, 1, 1, 15))
		p.end(t)
		_, events := p.jobs, p.events
		if !slices.Contains(events, "brokenOff a") || !slices.Contains(events, "brokenOff b") || slices.Contains(events, "brokenOff c") {
			t.Errorf("events %q", events)
		}
		if !p.slots.last["c"].Equal(yesterday) || !p.slots.last["other"].Equal(date(1, 1, 1, 0)) {
			t.Errorf("last slots %v", p.slots.last)
		}
		p.jobs, p.events, p.during = nil, nil, nil
		p.rise(t)
		p.begin(t, table...)
		p.wants(t, []string{"Jan01 01:15:30 for Jan01 01:00:00: a b c"}, []string{"caughtUp a", "caughtUp b", "caughtUp c"})
		p.end(t)
	})
}

// One site that breaks down, leaves the table or cannot be noted takes nobody with it.
func TestSetOutlivesASite(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var p *party
		p = newParty(t, func(_ context.Context, site string) {
			switch site {
			case "a":
				if err := p.Replace(members(t, "dir", "0 1 * * *", "a", "b", "d", "e")); err != nil {
					t.Error(err)
				}
				panic("Zebedee Canary-Smythe")
			case "b":
				time.Sleep(time.Second)
				p.slots.setFail(errors.New("database is locked"))
				time.AfterFunc(10*time.Second, func() { p.slots.setFail(nil) })
			}
		})
		p.begin(t, members(t, "dir", "0 1 * * *", "a", "b", "c", "d", "e")...)
		_, at, _ := p.Next("a")
		until(date(1, 1, 1, 30))
		// d and e could not be noted, and come with the next look at the table; c is gone.
		p.wants(t, []string{
			clock(at) + " for Jan01 01:00:00: a b",
			clock(at.Truncate(time.Minute).Add(time.Minute)) + " for Jan01 01:00:00: d e",
		}, []string{"failed d", "failed e", "panicked a", "queued a", "queued b", "queued c", "queued d", "queued d", "queued e", "queued e"})
		p.end(t)
	})
}

// A site that changes its set is not worked on twice at once, and keeps its slots.
func TestSiteChangesItsSet(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := newParty(t, func(context.Context, string) { time.Sleep(70 * time.Minute) })
		p.begin(t, members(t, "dir", "0 * * * *", "a")...)
		_, at, _ := p.Next("a")
		until(date(1, 1, 1, 30))
		if err := p.Replace(members(t, "other", "0 * * * *", "a", "b")); err != nil {
			t.Fatal(err)
		}
		until(date(1, 1, 2, 15))
		p.wants(t, []string{clock(at.Add(time.Hour)) + " for Jan01 01:00:00: a"}, []string{"queued a", "queued b", "skipped a"})
		p.end(t)
	})
}
