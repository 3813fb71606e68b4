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
		if err := os.WriteFile(file, []byte(head+begin+want+end+tail), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(want, table); diff != "" {
		t.Errorf("%s is stale: go test ./scim/profile -update\n%s", file, diff)
	}
}

// Every profile has the same traits in the same order, and no trait is left empty: what
// differs after discovery is found by comparing them one by one.
func TestDescribe(t *testing.T) {
	t.Parallel()
	var names []string
	for _, name := range append(profile.Names(), "nobody") {
		p, _ := profile.Named(name)
		var own []string
		for _, trait := range p.Describe() {
			if trait.Value == "" || strings.ContainsAny(trait.Value, "|\n") {
				t.Errorf("%s: %s is %q", name, trait.Name, trait.Value)
			}
			own = append(own, trait.Name)
		}
		if names == nil {
			names = own
		}
		if diff := cmp.Diff(names, own); diff != "" {
			t.Errorf("%s\n%s", name, diff)
		}
	}
	p, _ := profile.Named("entra-scim")
	got := map[string]string{}
	for _, trait := range p.Describe() {
		got[trait.Name] = trait.Value
	}
	for name, want := range map[string]string{
		"PATCH": "users and groups", "PUT": "none", "members per request": "0 on creation, 20 in, 1 out, never mixed",
		"members shown": "never", "paging": "cursor, 100 a page", "bulk": "none", "name taken": "409, 400", "password needed": "yes",
		"calls": "20 a second", "headers": "Accept application/json, Content-Type application/scim+json, User-Agent of any kind",
	} {
		if got[name] != want {
			t.Errorf("%s is %q, want %q", name, got[name], want)
		}
	}
}

func TestDescribeNumbers(t *testing.T) {
	t.Parallel()
	for want, bulk := range map[string]profile.Bulk{
		"none":                              {},
		"1,000 operations, 1 MB":            {Operations: 1000, Bytes: 1 << 20},
		"50 operations, 1.5 MB, references": {Operations: 50, Bytes: 1_500_000, References: true},
		"1,234,567 operations, 800 kB":      {Operations: 1234567, Bytes: 800_000},
		"2 operations, of any size":         {Operations: 2},
	} {
		p := profile.Profile{Bulk: bulk}
		for _, trait := range p.Describe() {
			if trait.Name == "bulk" && trait.Value != want {
				t.Errorf("got %q, want %q", trait.Value, want)
			}
		}
	}
}
