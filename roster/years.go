package roster

import (
	"strconv"
	"strings"
	"time"
)

// NormaliseYear reads a year group as schools write it ("Year 5", "Yr 05", "5",
// "Reception", "Year N1") and returns "N1", "N2", "R" or "1" to "14". What it does
// not know it returns trimmed, as it came.
func NormaliseYear(s string) string {
	t := strings.ToUpper(strings.TrimSpace(s))
	for _, prefix := range []string{"YEAR", "YR", "Y"} {
		if rest, ok := strings.CutPrefix(t, prefix); ok {
			t = strings.TrimLeft(rest, " .")
			break
		}
	}
	switch t {
	case "R", "RECEPTION", "0", "00":
		return "R"
	case "N1", "N2":
		return t
	}
	if n, err := strconv.Atoi(t); err == nil && n >= 1 && n <= 14 {
		return strconv.Itoa(n)
	}
	return strings.TrimSpace(s)
}

// YearNumber gives the year group's place in order: N1 is -2, N2 is -1, R is 0, 1
// to 14 are themselves. ok is false for anything else.
func YearNumber(year string) (n int, ok bool) {
	switch year {
	case "N1":
		return -2, true
	case "N2":
		return -1, true
	case "R":
		return 0, true
	}
	n, err := strconv.Atoi(year)
	return n, err == nil && n >= 1 && n <= 14
}

// AcademicYear returns the calendar year in which the academic year that holds day
// begins: 2026 for any day from 1 September 2026 to 31 August 2027. start, where
// known, is the first day of some academic year of this school; only its month and
// day count. A zero start means 1 September.
func AcademicYear(day, start time.Time) int {
	month, dom := time.September, 1
	if !start.IsZero() {
		month, dom = start.Month(), start.Day()
	}
	if day.Month() > month || (day.Month() == month && day.Day() >= dom) {
		return day.Year()
	}
	return day.Year() - 1
}

// EntryYearOf returns the calendar year in which the cohort now in yearGroup
// entered Reception, or 0 when the year group is not one of the usual ones.
func EntryYearOf(yearGroup string, academicYear int) int {
	n, ok := YearNumber(yearGroup)
	if !ok {
		return 0
	}
	return academicYear - n
}
