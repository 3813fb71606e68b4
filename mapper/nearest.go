package mapper

import (
	"fmt"
	"slices"
	"strings"
)

// orNearest ends a sentence about an unknown name with the nearest valid one, or with
// all of them when none is near.
func orNearest(name string, valid []string) string {
	if n := nearest(name, valid); n != "" {
		return fmt.Sprintf("; did you mean %q?", n)
	}
	if len(valid) == 0 {
		return "; there are none"
	}
	valid = slices.Clone(valid)
	slices.Sort(valid)
	return "; there is " + strings.Join(valid, ", ")
}

// nearest returns the name that takes the fewest edits, if these are few enough to
// be a slip: a third of the letters, and at least one.
func nearest(name string, valid []string) string {
	best, most := "", max(1, len(name)/3)+1
	for _, v := range slices.Sorted(slices.Values(valid)) {
		if d := distance(strings.ToLower(name), strings.ToLower(v)); d < most {
			best, most = v, d
		}
	}
	return best
}

// distance counts the insertions, deletions, replacements and swaps of neighbours
// between two words.
func distance(a, b string) int {
	x, y := []rune(a), []rune(b)
	if len(x) > 64 || len(y) > 64 {
		return len(x) + len(y)
	}
	before, last, row := make([]int, len(y)+1), make([]int, len(y)+1), make([]int, len(y)+1)
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(x); i++ {
		row[0] = i
		for j := 1; j <= len(y); j++ {
			cost := 1
			if x[i-1] == y[j-1] {
				cost = 0
			}
			row[j] = min(last[j]+1, row[j-1]+1, last[j-1]+cost)
			if i > 1 && j > 1 && x[i-1] == y[j-2] && x[i-2] == y[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, last, row = last, row, before
	}
	return last[len(y)]
}
