// Package nearest finds the word that somebody meant. It never decides anything: its
// answers are for messages only.
package nearest

import (
	"cmp"
	"slices"
	"strings"
)

// longest is up to how many letters a word is looked at.
const longest = 64

// To returns the word of allowed that is closest to given, in any case, or "" if none is
// close: at most a third of its letters wrong, and two of them in any case.
func To(given string, allowed []string) string {
	best, bestDistance := "", -1
	for _, word := range slices.Sorted(slices.Values(allowed)) {
		d := Distance(given, word)
		if d <= max(2, len(word)/3) && d < max(len(given), len(word)) && (bestDistance < 0 || d < bestDistance) {
			best, bestDistance = word, d
		}
	}
	return best
}

// Distance is the number of letters to insert, delete, replace or swap with their
// neighbour to get from one word to the other, in any case. Of words longer than any name
// it is all of their letters.
func Distance(one, other string) int {
	x, y := []rune(strings.ToLower(one)), []rune(strings.ToLower(other))
	if len(x) > longest || len(y) > longest {
		return len(x) + len(y)
	}
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
