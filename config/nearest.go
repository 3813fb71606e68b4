package config

import (
	"slices"
	"strconv"
	"strings"

	"simscim/internal/nearest"
)

// didYouMean is a question that names the allowed word nearest to the given one, or
// the list of what is allowed when nothing is near and the list is short.
func didYouMean(given string, allowed []string) string {
	if near := nearestOnly(given, allowed); near != "" {
		return near
	}
	if len(allowed) == 0 || len(allowed) > 16 {
		return ""
	}
	return "; allowed: " + strings.Join(slices.Sorted(slices.Values(allowed)), ", ")
}

// nearestOnly is the question alone, for where what is allowed is listed anyway.
func nearestOnly(given string, allowed []string) string {
	if near := nearest.To(given, allowed); near != "" {
		return `; did you mean "` + near + `"?`
	}
	return ""
}

// quote shows a short text of the configuration in a message; a long one is cut,
// control characters are escaped.
func quote(s string) string {
	const longest = 60
	if r := []rune(s); len(r) > longest {
		s = string(r[:longest]) + "…"
	}
	return strconv.Quote(s)
}
