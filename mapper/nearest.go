package mapper

import (
	"fmt"
	"slices"
	"strings"

	"simscim/internal/nearest"
)

// orNearest ends a sentence about an unknown name with the nearest valid one, or with
// all of them when none is near.
func orNearest(name string, valid []string) string {
	if n := nearest.To(name, valid); n != "" {
		return fmt.Sprintf("; did you mean %q?", n)
	}
	if len(valid) == 0 {
		return "; there are none"
	}
	valid = slices.Clone(valid)
	slices.Sort(valid)
	return "; there is " + strings.Join(valid, ", ")
}
