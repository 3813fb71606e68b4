package config

import "time"

// Open tells whether the window is open at the time, by the days of its time zone.
func (w *Window) Open(at time.Time) bool {
	day := at.Format(time.DateOnly)
	return w.From <= day && day <= w.Until
}

// Over tells whether the window has closed for good.
func (w *Window) Over(at time.Time) bool { return at.Format(time.DateOnly) > w.Until }
