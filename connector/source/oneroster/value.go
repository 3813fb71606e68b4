package oneroster

import (
	"strings"
	"time"
	"unicode"
)

// ParseDay reads a date as sources write it: 2026-09-01, or a moment whose day counts.
// Empty text is no date, which is fine.
func ParseDay(s string) (day time.Time, ok bool) {
	s = strings.TrimSpace(s)
	if s == "" || isNull(s) {
		return time.Time{}, true
	}
	if len(s) > len(time.DateOnly) && (s[len(time.DateOnly)] == 'T' || s[len(time.DateOnly)] == ' ') {
		s = s[:len(time.DateOnly)]
	}
	day, err := time.Parse(time.DateOnly, s)
	return day, err == nil
}

// ParseFlag reads a boolean, which sources write in several ways. known is false where
// the text is empty, ok where it is neither yes nor no.
func ParseFlag(s string) (value, known, ok bool) {
	switch strings.ToLower(strings.TrimSpace(s)) {
	case "true", "1", "yes", "y", "t":
		return true, true, true
	case "false", "0", "no", "n", "f":
		return false, true, true
	case "", "null":
		return false, false, true
	default:
		return false, false, false
	}
}

// isNull tells a literal NULL, which some feeds carry where there is nothing.
func isNull(s string) bool { return strings.EqualFold(s, "null") }

// clean makes one line of a text: line breaks and other control characters, which only
// ever come in by accident, become single blanks.
func clean(s string) string {
	odd := func(r rune) bool { return unicode.IsControl(r) || r == '\u2028' || r == '\u2029' || r == '\uFEFF' }
	if strings.IndexFunc(s, odd) >= 0 {
		s = strings.Join(strings.FieldsFunc(s, func(r rune) bool { return odd(r) || r == ' ' }), " ")
	}
	return strings.TrimSpace(s)
}

// isEmail is a sanity check, not a grammar: one @ with something on both sides, and
// nothing that could break out of a header or a filter.
func isEmail(s string) bool {
	local, domain, ok := strings.Cut(s, "@")
	return ok && local != "" && domain != "" && !strings.Contains(domain, "@") &&
		!strings.ContainsFunc(s, func(r rune) bool { return unicode.IsSpace(r) || unicode.IsControl(r) }) &&
		!strings.ContainsAny(s, `,;<>"()`)
}
