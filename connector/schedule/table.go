package schedule

import (
	"fmt"
	"hash/fnv"
	"time"
)

// Entry is one line of the table: a site and when it is due.
type Entry struct {
	// Key is the site's id.
	Key string
	// Spec says when.
	Spec Spec
	// Jitter is the window over which sites with the same Spec are spread. A site is
	// always moved by the same time, and never as far as its next slot.
	Jitter time.Duration
}

// same tells whether both lines make the same site due at the same moments.
func (e Entry) same(f Entry) bool {
	return e.Key == f.Key && e.Jitter == f.Jitter && e.Spec.same(f.Spec)
}

// check refuses what cannot be scheduled.
func (e Entry) check() error {
	switch {
	case e.Key == "":
		return fmt.Errorf("schedule table: an entry has no key")
	case e.Spec.IsZero():
		return fmt.Errorf("schedule table: site %s has no schedule", e.Key)
	case e.Jitter < 0:
		return fmt.Errorf("schedule table: site %s has a negative jitter", e.Key)
	}
	return nil
}

// delay is how long after the slot the site is begun. It is in whole seconds, and
// less than the time to the next slot.
func (e Entry) delay(slot time.Time) time.Duration {
	window := min(e.Jitter, e.Spec.Next(slot).Sub(slot))
	if window < time.Second {
		return 0
	}
	h := fnv.New64a()
	_, _ = h.Write([]byte(e.Key))
	return time.Duration(h.Sum64()%uint64(window/time.Second)) * time.Second //nolint:gosec // it is less than window
}

// Next returns the first moment after the instant given at which the site is to be
// begun. It makes an Entry a schedule of robfig/cron.
func (e Entry) Next(after time.Time) time.Time {
	_, at := e.next(after)
	return at
}

// next returns the slot that is begun first after the instant, and when it is begun.
func (e Entry) next(after time.Time) (slot, at time.Time) {
	// A slot that is still ahead was nominally due at most one window ago.
	for slot = e.Spec.Next(after.Add(-e.Jitter)); !slot.IsZero(); slot = e.Spec.Next(slot) {
		if at = slot.Add(e.delay(slot)); at.After(after) {
			return slot, at
		}
	}
	return time.Time{}, time.Time{}
}

// due returns the newest slot that should have been begun by now, or the zero time.
func (e Entry) due(now time.Time) time.Time {
	slot := e.Spec.Prev(now)
	if !slot.IsZero() && slot.Add(e.delay(slot)).After(now) {
		slot = e.Spec.Prev(slot.Add(-time.Nanosecond))
	}
	return slot
}
