package config

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
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
	if near := nearest(given, allowed); near != "" {
		return `; did you mean "` + near + `"?`
	}
	return ""
}

// nearest returns the allowed word that is closest to given, or "" if none is close:
// at most a third of its letters wrong, and two of them in any case.
func nearest(given string, allowed []string) string {
	const longest = 64
	if len(given) > longest {
		return ""
	}
	best, bestDistance := "", -1
	for _, word := range slices.Sorted(slices.Values(allowed)) {
		d := distance(strings.ToLower(given), strings.ToLower(word))
		if d <= max(2, len(word)/3) && d < max(len(given), len(word)) && (bestDistance < 0 || d < bestDistance) {
			best, bestDistance = word, d
		}
	}
	return best
}

// distance is the number of letters to insert, delete, replace or swap with their
// neighbour to get from a to b.
func distance(a, b string) int {
	x, y := []rune(a), []rune(b)
	before, last, row := make([]int, len(y)+1), make([]int, len(y)+1), make([]int, len(y)+1)
	for j := range last {
		last[j] = j
	}
	for i := range x {
		row[0] = i + 1
		for j := range y {
			cost := cmp.Compare(x[i], y[j])
			row[j+1] = min(last[j+1]+1, row[j]+1, last[j]+cost*cost)
			if i > 0 && j > 0 && x[i] == y[j-1] && x[i-1] == y[j] {
				row[j+1] = min(row[j+1], before[j-1]+1)
			}
		}
		before, last, row = last, row, before
	}
	return last[len(y)]
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
