// Package clocktest is a clock for tests, which stands still until it is moved.
package clocktest

import (
	"sync"
	"time"
)

// Clock is a time that tests move.
type Clock struct {
	mu sync.Mutex
	at time.Time
}

// New makes a clock.
func New(at time.Time) *Clock { return &Clock{at: at} }

// Now is the time that the clock shows.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

// Advance moves the clock on.
func (c *Clock) Advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}

// Set moves the clock to a time.
func (c *Clock) Set(at time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = at
}
