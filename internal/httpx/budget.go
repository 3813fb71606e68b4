package httpx

import (
	"errors"
	"time"
)

// longestBudgetWait is how long a request waits for a budget: what is spent for longer
// is an error, which the next run finds gone.
const longestBudgetWait = time.Hour

var errSpent = errors.New("the budget of requests is spent")

// budget lets at most a number of requests go in any stretch of time as long as its
// window, wherever that begins: servers count from the minute, the hour, or the first.
type budget struct {
	window time.Duration
	// sent holds when the last requests went: a ring, next the oldest.
	sent []time.Time
	next int
}

func newBudgets(o Options) []*budget {
	var list []*budget
	add := func(most int, window time.Duration) {
		if most > 0 {
			list = append(list, &budget{window: window, sent: make([]time.Time, most)})
		}
	}
	add(o.PerMinute, time.Minute)
	add(o.PerHour, time.Hour)
	add(o.PerDay, 24*time.Hour)
	return list
}

// left is how long there is no request left.
func (b *budget) left(now time.Time) time.Duration {
	oldest := b.sent[b.next]
	if oldest.IsZero() {
		return 0
	}
	return oldest.Add(b.window).Sub(now)
}

// book takes one request.
func (b *budget) book(now time.Time) {
	b.sent[b.next] = now
	b.next = (b.next + 1) % len(b.sent)
}
