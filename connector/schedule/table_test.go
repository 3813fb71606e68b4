package schedule_test

import (
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"

	"simscim/connector/schedule"
)

func TestJitterSpreadsAndStaysPut(t *testing.T) {
	t.Parallel()
	spec := mustParse(t, "15 2 * * *", zone(t, "Europe/London"))
	night := time.Date(2027, 3, 1, 0, 0, 0, 0, time.UTC)
	slot := spec.Next(night)
	perMinute := map[int]int{}
	for i := range 1000 {
		e := schedule.Entry{Key: fmt.Sprintf("site-%d", i), Spec: spec, Jitter: 10 * time.Minute}
		at := e.Next(night)
		if at.Before(slot) || at.Sub(slot) >= 10*time.Minute {
			t.Fatalf("site %d begins at %s, outside the window", i, at)
		}
		perMinute[int(at.Sub(slot)/time.Minute)]++
		// The same moment every night, also across the clock change of 28 March.
		for day := 1; day < 60; day++ {
			from := night.AddDate(0, 0, day)
			if got := e.Next(from).Sub(spec.Next(from)); got != at.Sub(slot) {
				t.Fatalf("site %d: moved by %s on day %d and by %s at first", i, got, day, at.Sub(slot))
			}
		}
	}
	for minute := range 10 {
		if n := perMinute[minute]; n < 50 || n > 150 {
			t.Errorf("%d of 1000 sites begin in minute %d of 10", n, minute)
		}
	}
}

func TestJitterNeverReachesTheNextSlot(t *testing.T) {
	t.Parallel()
	london := zone(t, "Europe/London")
	rapid.Check(t, func(t *rapid.T) {
		e := schedule.Entry{
			Key:    rapid.StringMatching(`[a-z0-9-]{1,12}`).Draw(t, "key"),
			Spec:   mustParse(t, drawSpec(t), london),
			Jitter: time.Duration(rapid.IntRange(0, 3*3600).Draw(t, "jitter")) * time.Second,
		}
		at := time.Date(2026, 10, 24, 20, 0, 0, 0, time.UTC).Add(time.Duration(rapid.IntRange(0, 8*3600).Draw(t, "from")) * time.Second)
		slot := e.Spec.Next(at.Add(-e.Jitter - 2*time.Hour))
		for range 20 {
			moment := e.Next(at)
			if !moment.After(at) {
				t.Fatalf("Next(%s) = %s", at, moment)
			}
			// Each slot has one moment of its own, before the next slot.
			for !e.Spec.Next(slot).After(moment) {
				slot = e.Spec.Next(slot)
			}
			if moment.Sub(slot) > e.Jitter {
				t.Fatalf("%s is %s after its slot, more than the window of %s", moment, moment.Sub(slot), e.Jitter)
			}
			at = moment
		}
	})
}
