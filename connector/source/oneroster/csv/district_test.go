package csv_test

import (
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"simscim/connector/source"
	"simscim/connector/source/oneroster"
	"simscim/connector/source/oneroster/csv"
	"simscim/roster"
	"simscim/sandbox/district"
)

func everything() source.Want {
	return source.Want{
		Kinds: []roster.Kind{roster.Student, roster.Staff, roster.Contact},
		Fields: []string{
			"email", "username", "yearGroup", "entryYear", "ageBand", "registration", "house", "classes", "roles", "begin", "end",
			"identifiers.upn", "identifiers.master",
		},
	}
}

func clock() time.Time { return time.Date(2026, 11, 2, 7, 0, 0, 0, time.UTC) }

func newSource(t testing.TB, path string, rules oneroster.Rules) *csv.Source {
	t.Helper()
	s, err := csv.New(csv.Options{Name: "files", Path: path, Rules: rules, Now: clock})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// readAll reads every school of the files and counts what came.
func readAll(t testing.TB, s *csv.Source) (people, memberships int) {
	t.Helper()
	sites, err := s.Sites(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, site := range sites {
		snap, err := s.Read(t.Context(), site, everything())
		if err != nil {
			t.Fatal(err)
		}
		if len(snap.SetAside) > 0 {
			t.Fatalf("%d records are set aside, the first because %s", len(snap.SetAside), snap.SetAside[0].Reason)
		}
		people += len(snap.People)
		memberships += len(snap.Memberships)
	}
	return people, memberships
}

func writeDistrict(t testing.TB, path string, of district.Files) {
	t.Helper()
	if err := of.Write(path); err != nil {
		t.Fatal(err)
	}
}

func TestDistrict(t *testing.T) {
	t.Parallel()
	of := district.Files{Schools: 7, Users: 1400, Enrolments: 11200}
	path := filepath.Join(t.TempDir(), "district.zip")
	writeDistrict(t, path, of)
	people, memberships := readAll(t, newSource(t, path, oneroster.Rules{}))
	// Every pupil is in a year group as well.
	if people != of.Users || memberships != of.Enrolments+of.Users*9/10 {
		t.Errorf("%d people and %d memberships, want %d and %d", people, memberships, of.Users, of.Enrolments+of.Users*9/10)
	}
}

// BenchmarkDistrict reads and derives a district of the size that the largest targets
// plan for: 250,000 users and 2,000,000 enrolments at 200 schools.
func BenchmarkDistrict(b *testing.B) {
	of := district.Files{Schools: 200, Users: 250_000, Enrolments: 2_000_000}
	path := filepath.Join(b.TempDir(), "district.zip")
	writeDistrict(b, path, of)
	b.Logf("before the first read the process had needed %d MiB", peak(b))
	b.ReportAllocs()
	for b.Loop() {
		s := newSource(b, path, oneroster.Rules{})
		people, memberships := readAll(b, s)
		if people != of.Users || memberships != of.Enrolments+of.Users*9/10 {
			b.Fatalf("%d people and %d memberships", people, memberships)
		}
	}
	b.ReportMetric(float64(of.Rows()*b.N)/b.Elapsed().Seconds(), "rows/s")
	b.ReportMetric(float64(peak(b)), "peak-MiB")
}

// peak is the most memory that this process has had at once, in MiB.
func peak(t testing.TB) int {
	t.Helper()
	f, err := os.Open("/proc/self/status")
	if err != nil {
		t.Skip("this system does not tell")
	}
	defer f.Close()
	text, err := io.ReadAll(f)
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		if rest, ok := strings.CutPrefix(line, "VmHWM:"); ok {
			kib, err := strconv.Atoi(strings.Fields(rest)[0])
			if err != nil {
				t.Fatal(err)
			}
			return kib >> 10
		}
	}
	t.Skip("this system does not tell")
	return 0
}
