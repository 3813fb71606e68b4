package connector

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"simscim/config"
	"simscim/connector/source"
	"simscim/roster"
)

func TestReadPairs(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		text string
		want map[string]string
		errs []string
	}{
		"plain":          {"a,1\nb,2\n", map[string]string{"a": "1", "b": "2"}, nil},
		"as Excel":       {"\ufeffA,1\r\n\"b\", 2\r\n", map[string]string{"a": "1", "b": "2"}, nil},
		"comments":       {"# who is who\na,1\n\n", map[string]string{"a": "1"}, nil},
		"empty":          {"", map[string]string{}, nil},
		"columns":        {"a\nb,2,3\nc,3\n", nil, []string{"f:1: 1 columns", "f:2: 3 columns"}},
		"empty columns":  {"a,\n ,2\n", nil, []string{"f:1: an empty", "f:2: an empty"}},
		"twice":          {"a,1\nA,2\n", nil, []string{"f:2: this id"}},
		"unclosed quote": {"a,\"1\n", nil, []string{"f: "}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := readPairs("f", strings.NewReader(tc.text))
			if len(tc.errs) == 0 {
				if diff := cmp.Diff(tc.want, got); err != nil || diff != "" {
					t.Fatalf("%v %s", err, diff)
				}
				return
			}
			if err == nil {
				t.Fatal("it was accepted")
			}
			for _, want := range tc.errs {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("%q does not say %q", err, want)
				}
			}
		})
	}
}

func TestLinksAreReadAgainWhenTheFileChanges(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "links.csv")
	write := func(s string) {
		if err := os.WriteFile(path, []byte(s), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	var l links
	link := func() string {
		snap := &roster.Snapshot{People: []roster.Person{{ID: "P1"}, {ID: "p2"}}}
		if err := l.apply(snap, path); err != nil {
			t.Fatal(err)
		}
		if snap.People[1].Identifiers != nil {
			t.Error("somebody who is not in the file has a link")
		}
		return snap.People[0].Identifiers["link"]
	}
	write("p1,one\n")
	if got := link(); got != "one" {
		t.Errorf("got %q", got)
	}
	write("p1,another\n")
	if got := link(); got != "another" {
		t.Errorf("got %q after a change", got)
	}
	if err := l.apply(&roster.Snapshot{}, path+"x"); err == nil {
		t.Error("a missing file was accepted")
	}
}

func TestTooManySetAsideIsIncomplete(t *testing.T) {
	t.Parallel()
	snap := &roster.Snapshot{People: make([]roster.Person, 18), SetAside: []roster.SetAside{
		{Entity: "person", Ref: "1", Reason: "no name"}, {Entity: "person", Ref: "2", Reason: "no name"},
	}}
	pct, num := func(f float64) *float64 { return &f }, func(n int) *int { return &n }
	for name, tc := range map[string]struct {
		limit config.SetAsideLimit
		whole bool
	}{
		"no limit":      {config.SetAsideLimit{}, true},
		"at the count":  {config.SetAsideLimit{Count: num(2)}, true},
		"over it":       {config.SetAsideLimit{Count: num(1)}, false},
		"none at all":   {config.SetAsideLimit{Count: num(0)}, false},
		"at the share":  {config.SetAsideLimit{Percent: pct(10)}, true},
		"over it too":   {config.SetAsideLimit{Percent: pct(9.9)}, false},
		"one of either": {config.SetAsideLimit{Percent: pct(50), Count: num(1)}, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if err := usable(snap, tc.limit); source.IsIncomplete(err) == tc.whole || (err == nil) != tc.whole {
				t.Errorf("got %v", err)
			}
		})
	}
}
