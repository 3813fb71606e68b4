package config

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// String is the place as editors and compilers write it: "file:line:col".
func (p Pos) String() string {
	switch {
	case p.File == "" && p.Line == 0:
		return ""
	case p.Line == 0:
		return p.File
	default:
		return fmt.Sprintf("%s:%d:%d", p.File, p.Line, p.Col)
	}
}

// compare orders places by file, line and column.
func (p Pos) compare(q Pos) int {
	return cmp.Or(cmp.Compare(p.File, q.File), cmp.Compare(p.Line, q.Line), cmp.Compare(p.Col, q.Col))
}

// Problem is one thing that is wrong with the configuration.
type Problem struct {
	// At is the place of the key or value that is to be mended.
	At Pos
	// Path leads to it through the keys, such as sites[0].source. It is empty when the
	// file as a whole is meant.
	Path string
	// What says what is wrong and what is allowed. It never repeats a value that may be
	// a secret.
	What string
}

// String is the problem on one line.
func (p Problem) String() string {
	parts := make([]string, 0, 3)
	for _, s := range []string{p.At.String(), p.Path, p.What} {
		if s != "" {
			parts = append(parts, s)
		}
	}
	return strings.Join(parts, ": ")
}

// Problems is everything that is wrong, by place.
type Problems []Problem

// Error is one line for each problem.
func (ps Problems) Error() string {
	lines := make([]string, len(ps))
	for i, p := range ps {
		lines[i] = p.String()
	}
	return strings.Join(lines, "\n")
}

// Err is ps as an error, and nil if there are none. An empty Problems put straight
// into an error variable would not compare equal to nil.
func (ps Problems) Err() error {
	if len(ps) == 0 {
		return nil
	}
	return ps
}

// Sort orders by place and drops repetitions, for callers that add problems of
// their own, such as those of the rules.
func (ps Problems) Sort() Problems {
	slices.SortStableFunc(ps, func(x, y Problem) int {
		return cmp.Or(x.At.compare(y.At), cmp.Compare(x.Path, y.Path), cmp.Compare(x.What, y.What))
	})
	return slices.Compact(ps)
}
