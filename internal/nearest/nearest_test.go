package nearest_test

import (
	"strings"
	"testing"

	"simscim/internal/nearest"
)

func TestTo(t *testing.T) {
	t.Parallel()
	words := []string{"graceHours", "graceSnapshots", "id", "from", "form"}
	for given, want := range map[string]string{
		"gracehours": "graceHours", "graceSnapshot": "graceSnapshots", "garceHours": "graceHours",
		"fron": "from", "fomr": "form", "idd": "id", "x": "", "": "", "deleteAfterDays": "", strings.Repeat("graceHours", 1000): "",
	} {
		if got := nearest.To(given, words); got != want {
			t.Errorf("%.20q: %q, want %q", given, got, want)
		}
	}
	if got := nearest.To("any", nil); got != "" {
		t.Errorf("of no words it is %q", got)
	}
}

func TestDistance(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		one, other string
		want       int
	}{
		{"", "", 0},
		{"", "abc", 3},
		{"abc", "ABC", 0},
		{"abc", "acb", 1},
		{"abc", "abd", 1},
		{"abc", "ab", 1},
		{"école", "ecole", 1},
		{strings.Repeat("a", 65), "a", 66},
	} {
		if got := nearest.Distance(tc.one, tc.other); got != tc.want || got != nearest.Distance(tc.other, tc.one) {
			t.Errorf("%q and %q: %d, want %d, and the same the other way round", tc.one, tc.other, got, tc.want)
		}
	}
}
