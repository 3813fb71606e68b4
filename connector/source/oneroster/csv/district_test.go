package csv_test

import (
	"archive/zip"
	"bufio"
	"fmt"
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
)

// size of a generated district.
type size struct{ schools, users, enrollments int }

func (s size) rows() int { return s.schools + 4 + s.schools*(40+300) + s.users + s.enrollments }

// guid is a made-up GUID that depends on its arguments only.
func guid(kind, n int) string {
	x := uint64(n)*0x9E3779B97F4A7C15 + uint64(kind)*0xD1B54A32D192ED03
	x ^= x >> 29
	return fmt.Sprintf("%08x-%04x-4%03x-8%03x-%012x", uint32(x>>32), uint16(x>>16), uint16(x)&0xFFF, kind, n)
}

// writeDistrict writes a district of version 1.1 as a zip: schools with 40 homerooms and
// 300 classes each, nine of ten users pupils, and enrolments spread evenly.
func writeDistrict(t testing.TB, path string, s size) {
	t.Helper()
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z := zip.NewWriter(f)
	file := func(name, header string, write func(w *bufio.Writer)) {
		w, err := z.Create(name + ".csv")
		if err != nil {
			t.Fatal(err)
		}
		buf := bufio.NewWriterSize(w, 1<<16)
		fmt.Fprint(buf, header, "\r\n")
		write(buf)
		if err := buf.Flush(); err != nil {
			t.Fatal(err)
		}
	}
	file("manifest", "propertyName,value", func(w *bufio.Writer) {
		fmt.Fprint(w, "manifest.version,1.0\r\noneroster.version,1.1\r\n")
		for _, n := range []string{"orgs", "academicSessions", "courses", "classes", "users", "enrollments"} {
			fmt.Fprintf(w, "file.%s,bulk\r\n", n)
		}
		fmt.Fprint(w, "file.demographics,absent\r\n")
	})
	file("orgs", "sourcedId,status,dateLastModified,name,type,identifier,parentSourcedId", func(w *bufio.Writer) {
		fmt.Fprintf(w, "%s,,,The Trust,district,,\r\n", guid(0, 0))
		for i := range s.schools {
			fmt.Fprintf(w, "%s,,,School %d,school,%07d,%s\r\n", guid(1, i), i, 9000000+i, guid(0, 0))
		}
	})
	file("academicSessions", "sourcedId,status,dateLastModified,title,type,startDate,endDate,parentSourcedId,schoolYear", func(w *bufio.Writer) {
		fmt.Fprintf(w, "%s,,,2026/27,schoolYear,2026-09-01,2027-08-31,,2027\r\n", guid(2, 0))
		fmt.Fprintf(w, "%s,,,Autumn,term,2026-09-01,2026-12-18,%s,2027\r\n", guid(2, 1), guid(2, 0))
		fmt.Fprintf(w, "%s,,,Spring,term,2027-01-05,2027-03-26,%s,2027\r\n", guid(2, 2), guid(2, 0))
	})
	file("courses", "sourcedId,status,dateLastModified,schoolYearSourcedId,title,courseCode,grades,orgSourcedId,subjects,subjectCodes", func(w *bufio.Writer) {
		for i := range 20 {
			fmt.Fprintf(w, "%s,,,,Course %d,C%d,,,Subject %d,\r\n", guid(3, i), i, i, i)
		}
	})
	const perSchool = 340
	header := "sourcedId,status,dateLastModified,title,grades,courseSourcedId,classCode,classType,location,schoolSourcedId,termSourcedIds,subjects,subjectCodes,periods"
	file("classes", header, func(w *bufio.Writer) {
		for i := range s.schools * perSchool {
			kind, title := "scheduled", fmt.Sprintf("%dx/Ma%d", 7+i%5, i%perSchool)
			if i%perSchool < 40 {
				kind, title = "homeroom", fmt.Sprintf("%d%c", 7+i%5, 'A'+i%perSchool/5)
			}
			fmt.Fprintf(w, "%s,,,%s,%02d,%s,%s,%s,Room 1,%s,\"%s,%s\",,,\r\n",
				guid(4, i), title, 7+i%5, guid(3, i%20), title, kind, guid(1, i/perSchool), guid(2, 1), guid(2, 2))
		}
	})
	header = "sourcedId,status,dateLastModified,enabledUser,orgSourcedIds,role,username,userIds,givenName,familyName,middleName,identifier,email,sms,phone,agentSourcedIds,grades,password"
	file("users", header, func(w *bufio.Writer) {
		for i := range s.users {
			role, grade := "student", strconv.Itoa(7+i/s.schools%5)
			if i%10 == 9 {
				role, grade = "teacher", ""
			}
			fmt.Fprintf(w, "%s,,,true,%s,%s,user%d,{UPN:A%d},Given%d,\"Family, %d\",,%d,user%d@district.example,0,0,,%s,secret\r\n",
				guid(5, i), guid(1, i%s.schools), role, i, i, i%1000, i, i, i, grade)
		}
	})
	file("enrollments", "sourcedId,status,dateLastModified,classSourcedId,schoolSourcedId,userSourcedId,role,primary,beginDate,endDate", func(w *bufio.Writer) {
		for i := range s.enrollments {
			user := i % s.users
			at := user % s.schools
			class := at*perSchool + (i/s.users*37+user/s.schools)%perSchool
			role := "student"
			if user%10 == 9 {
				role = "teacher"
			}
			fmt.Fprintf(w, "%s,,,%s,%s,%s,%s,true,2026-09-01,\r\n", guid(6, i), guid(4, class), guid(1, at), guid(5, user), role)
		}
	})
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
}

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

func TestDistrict(t *testing.T) {
	t.Parallel()
	of := size{schools: 7, users: 1400, enrollments: 11200}
	path := filepath.Join(t.TempDir(), "district.zip")
	writeDistrict(t, path, of)
	people, memberships := readAll(t, newSource(t, path, oneroster.Rules{}))
	// Every pupil is in a year group as well.
	if people != of.users || memberships != of.enrollments+of.users*9/10 {
		t.Errorf("%d people and %d memberships, want %d and %d", people, memberships, of.users, of.enrollments+of.users*9/10)
	}
}

// BenchmarkDistrict reads and derives a district of the size that the largest targets
// plan for: 250,000 users and 2,000,000 enrolments at 200 schools.
func BenchmarkDistrict(b *testing.B) {
	of := size{schools: 200, users: 250_000, enrollments: 2_000_000}
	path := filepath.Join(b.TempDir(), "district.zip")
	writeDistrict(b, path, of)
	b.Logf("before the first read the process had needed %d MiB", peak(b))
	b.ReportAllocs()
	for b.Loop() {
		s := newSource(b, path, oneroster.Rules{})
		people, memberships := readAll(b, s)
		if people != of.users || memberships != of.enrollments+of.users*9/10 {
			b.Fatalf("%d people and %d memberships", people, memberships)
		}
	}
	b.ReportMetric(float64(of.rows()*b.N)/b.Elapsed().Seconds(), "rows/s")
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
