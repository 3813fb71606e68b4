// Package clock measures how long things took. What time it is, is always handed in,
// so that tests and the sandbox can move it; how long something took is not, because
// under a clock that is moved by hand everything would seem to take no time.
package clock

import "time"

// Stopwatch starts now and returns a function that gives the real time since then.
func Stopwatch() func() time.Duration {
	begun := time.Now()
	return func() time.Duration { return time.Since(begun) }
}
