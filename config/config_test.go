package config

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write the golden files anew")

// parseFile reads a case of testdata under its base name, so that golden files hold
// no path.
func parseFile(t *testing.T, path string) (*Config, Problems) {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return Parse(filepath.Base(path), data)
}

func cases(t *testing.T, pattern string) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("testdata", pattern))
	if err != nil || len(files) == 0 {
		t.Fatalf("no cases for %s: %v", pattern, err)
	}
	return files
}

func TestGoodFiles(t *testing.T) {
	t.Parallel()
	for _, path := range cases(t, "good.*.yaml") {
		t.Run(filepath.Base(path), func(t *testing.T) {
			t.Parallel()
			if cfg, problems := parseFile(t, path); problems != nil || cfg == nil {
				t.Errorf("problems:\n%v", problems)
			}
		})
	}
}

func TestBadFiles(t *testing.T) {
	t.Parallel()
	for _, path := range cases(t, "bad.*.yaml") {
		t.Run(filepath.Base(path), func(t *testing.T) {
			t.Parallel()
			start := time.Now()
			_, problems := parseFile(t, path)
			if took := time.Since(start); took > time.Minute {
				t.Errorf("it took %v", took)
			}
			got := problems.Error() + "\n"
			if len(problems) == 0 {
				t.Fatal("no problem was found")
			}
			if strings.Contains(got, "CANARY") {
				t.Errorf("a value that may be secret is repeated:\n%s", got)
			}
			want := strings.TrimSuffix(path, ".yaml") + ".want"
			if *update {
				if err := os.WriteFile(want, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			expected, err := os.ReadFile(want)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(expected), got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}
