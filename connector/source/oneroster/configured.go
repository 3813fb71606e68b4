package oneroster

import (
	"time"

	"simscim/config"
)

// Configured makes rules of what the configuration says. now is the clock; its location
// decides what day it is at the school.
func Configured(d config.Derive, now func() time.Time) Rules {
	return Rules{
		Grades: d.Grades, HouseMetadata: d.HouseMetadata, HouseClasses: d.HouseClasses,
		Today: func() time.Time {
			year, month, day := now().Date()
			return time.Date(year, month, day, 0, 0, 0, 0, time.UTC)
		},
	}
}
