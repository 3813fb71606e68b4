package schedule

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// fieldNames and fieldSpans describe the five fields; a span is the number of values.
func fieldNames() [5]string {
	return [5]string{"minute", "hour", "day of the month", "month", "weekday"}
}
func fieldSpans() [5]int { return [5]int{60, 24, 31, 12, 7} }

// splitFields brings the expression into the form of five fields with single blanks,
// and refuses what the library would take in a sense that nobody means, or would
// panic on.
func splitFields(text string) (string, error) {
	if len(text) > maxSpec {
		return "", fmt.Errorf("parse schedule: it is longer than %d bytes", maxSpec)
	}
	text = strings.TrimSpace(text)
	switch {
	case text == "":
		return "", errors.New("parse schedule: it is empty; five fields are needed, such as 15 2 * * *")
	case strings.HasPrefix(text, "@"):
		return "", fmt.Errorf("parse schedule %q: write five fields instead, such as 15 2 * * *", text)
	case strings.HasPrefix(text, "TZ=") || strings.HasPrefix(text, "CRON_TZ="):
		return "", fmt.Errorf("parse schedule %q: the time zone is set once for all schedules, not in the expression", text)
	}
	fields := strings.Fields(text)
	if len(fields) != 5 {
		return "", fmt.Errorf("parse schedule %q: it has %d fields; five are needed: minute, hour, day of the month, month, weekday", text, len(fields))
	}
	names, spans := fieldNames(), fieldSpans()
	for i, field := range fields {
		for part := range strings.SplitSeq(field, ",") {
			if err := checkPart(part, spans[i]); err != nil {
				return "", fmt.Errorf("parse schedule %q: %s %q: %w", text, names[i], field, err)
			}
		}
	}
	if saysSeven(fields[4]) {
		return "", fmt.Errorf("parse schedule %q: weekday %q: weekdays are 0 (Sunday) to 6 (Saturday), or sun to sat", text, fields[4])
	}
	return strings.Join(fields, " "), nil
}

// checkPart looks at one part of a comma-separated field. The library skips empty
// parts, ignores what follows "*-", and takes a step longer than the field as a step
// that is taken once.
func checkPart(part string, span int) error {
	if part == "" {
		return errors.New("a value is missing beside a comma")
	}
	values, step, stepped := strings.Cut(part, "/")
	if strings.HasPrefix(values, "*-") || strings.HasPrefix(values, "?-") {
		return errors.New("a range starts with a number")
	}
	if !stepped {
		return nil
	}
	n, err := strconv.Atoi(step)
	if err != nil || n < 1 || n >= span {
		return fmt.Errorf("the step must be a number from 1 to %d", span-1)
	}
	return nil
}

// saysSeven tells whether a weekday field says 7 for Sunday, which other crons allow.
func saysSeven(field string) bool {
	for part := range strings.SplitSeq(field, ",") {
		values, _, _ := strings.Cut(part, "/")
		for end := range strings.SplitSeq(values, "-") {
			if strings.TrimLeft(end, "0") == "7" {
				return true
			}
		}
	}
	return false
}
