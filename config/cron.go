package config

import (
	"strings"
	"time"

	"github.com/robfig/cron/v3"
)

// checkCron tells what is wrong with a cron expression, if anything. The parser panics
// on some texts, and takes a time zone of its own, which run.timeZone is for.
func checkCron(s string) (what string) {
	const (
		form    = `must be a cron expression of five fields (minute, hour, day, month, weekday from 0 for Sunday to 6), such as "15 2 * * *"`
		longest = 512
	)
	if len(strings.Fields(s)) != 5 || strings.Contains(s, "=") || len(s) > longest {
		return form
	}
	defer func() {
		if recover() != nil {
			what = form
		}
	}()
	schedule, err := cron.NewParser(cron.Minute | cron.Hour | cron.Dom | cron.Month | cron.Dow).Parse(s)
	if err != nil {
		return form
	}
	// Any start will do: the search goes on for five years, which hold every day there is.
	if schedule.Next(time.Date(2000, time.January, 1, 0, 0, 0, 0, time.UTC)).IsZero() {
		return "this cron expression never comes due: there is no such day"
	}
	return ""
}
