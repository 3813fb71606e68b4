package schedule

import (
	"time"

	"simscim/config"
)

// Check reads the schedule of every entry of sites and reports those that cannot be
// used, each once, with its place.
func Check(cfg *config.Config) config.Problems {
	var problems config.Problems
	for _, entry := range cfg.Entries() {
		if entry.Schedule.Value == "" {
			continue // reported by config already
		}
		if _, err := Parse(entry.Schedule.Value, time.UTC); err != nil {
			problems = append(problems, config.Problem{At: entry.Schedule.At, Path: "schedule", What: err.Error()})
		}
	}
	return problems.Sort()
}
