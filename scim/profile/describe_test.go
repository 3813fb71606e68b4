package profile_test

import (
	"flag"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"simscim/scim/profile"
)

var update = flag.Bool("update", false, "write the table of profiles in docs/targets/profiles.md anew")

// The table that people read is the table that the program goes by.
func TestDocumentedProfiles(t *testing.T) {
	t.Parallel()
	const (
		file  = "../../docs/targets/profiles.md"
		begin = "<!-- generated: begin -->\n"
		end   = "<!-- generated: end -->\n"
	)
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	head, rest, ok := strings.Cut(string(text), begin)
	table, tail, closed := strings.Cut(rest, end)
	if !ok || !closed {
		t.Fatalf("%s has lost its markers", file)
	}
	want := "\n" + profile.Matrix() + "\n"
	if *update {
		if err := os.WriteFile(file, []byte(head+begin+want+end+tail), 0o644); err != nil { //nolint:gosec // a document
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(want, table); diff != "" {
		t.Errorf("%s is stale: go test ./scim/profile -update\n%s", file, diff)
	}
}
