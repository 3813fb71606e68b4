package schedule

import (
	"cmp"
	"errors"
	"fmt"
	"hash/fnv"
	"time"
)

// Entry is one line of the table: a site and when it is due.
type Entry struct {
	// Key is the site's id.
	Key string
	// Set, if not empty, names the sites that are worked on in one job. They have the same
	// Spec and Jitter, and are moved by the same time.
	Set string
	// Spec says when.
	Spec Spec
	// Jitter is the window over which sites, and sets, with the same Spec are spread. A site is
	// always moved by the same time, and never as far as its next slot.
	Jitter time.Duration
}

// sameTimes tells whether both lines are due for the same slots.
func (e Entry) sameTimes(f Entry) bool { return e.Jitter == f.Jitter && e.Spec.same(f.Spec) }

// setMark begins the key of a set's job. No site's id has a NUL in it.
const setMark = "\x00"

// job is the key of the job that the site is worked on in.
func (e Entry) job() string {
	if e.Set != "" {
		return setMark + e.Set
	}
	return e.Key
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

// checkTable refuses a table with all that is wrong with it.
func checkTable(table []Entry) error {
	seen := make(map[string]bool, len(table))
	sets := map[string]Entry{}
	var problems []error
	for _, e := range table {
		first, known := sets[e.Set]
		switch err := e.check(); {
		case err != nil:
			problems = append(problems, err)
		case seen[e.Key]:
			problems = append(problems, fmt.Errorf("schedule table: site %s stands in it twice", e.Key))
		case known && !first.sameTimes(e):
			problems = append(problems, fmt.Errorf("schedule table: site %s has other times than the rest of its set", e.Key))
		case e.Set != "":
			sets[e.Set] = e
		}
		seen[e.Key] = true
	}
	return errors.Join(problems...)
}

// delay is how long after the slot the site is begun. It is in whole seconds, and
// less than the time to the next slot.
func (e Entry) delay(slot time.Time) time.Duration {
	window := min(e.Jitter, e.Spec.Next(slot).Sub(slot))
	if window < time.Second {
		return 0
	}
	h := fnv.New64a()
	_, _ = h.Write([]byte(cmp.Or(e.Set, e.Key)))
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
