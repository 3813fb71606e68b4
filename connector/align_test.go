package connector

import "testing"

func TestGlobs(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		pattern, s string
		want       bool
	}{
		{"admin*", "Admin.Jones@trust.example", true},
		{"break?glass@*", "BREAK-GLASS@trust.example", true},
		{"10A*", "10A/Ma1", true},
		{"*/Ma1", "10A/Ma1", true},
		{"10A", "10A/Ma1", false},
		{"[", "[", false}, // no pattern at all
		{"admin", "administrator", false},
	} {
		if got := globs(tt.pattern, tt.s); got != tt.want {
			t.Errorf("%s takes %s: %v, want %v", tt.pattern, tt.s, got, tt.want)
		}
	}
}
