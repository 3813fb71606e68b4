package config

import "time"

// Zone is the time zone of schedules and windows. Loading has checked that there is one
// of the name.
func (c *Config) Zone() *time.Location {
	zone, err := time.LoadLocation(c.Run.TimeZone)
	if err != nil {
		return time.UTC
	}
	return zone
}

// Open tells whether the window is open at the time, by the days of its time zone.
func (w *Window) Open(at time.Time) bool {
	day := at.Format(time.DateOnly)
	return w.From <= day && day <= w.Until
}

// Over tells whether the window has closed for good.
func (w *Window) Over(at time.Time) bool { return at.Format(time.DateOnly) > w.Until }
