package csv_test

import (
	"archive/zip"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"simscim/connector/source"
	"simscim/connector/source/oneroster"
	"simscim/connector/source/oneroster/csv"
	"simscim/roster"
	"simscim/sandbox/district"
)

// golden loads a folder of testdata, by the names of its files.
func golden(t testing.TB, name string) map[string]string {
	t.Helper()
	all, err := filepath.Glob(filepath.Join("testdata", name, "*.csv"))
	if err != nil || len(all) == 0 {
		t.Fatalf("no files in %s: %v", name, err)
	}
	out := map[string]string{}
	for _, path := range all {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		out[filepath.Base(path)] = string(text)
	}
	return out
}

func folder(t testing.TB, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// replace changes one file once, and fails the test where there is nothing to change.
func replace(file, before, after string) func(testing.TB, map[string]string) {
	return func(t testing.TB, files map[string]string) {
		t.Helper()
		if !strings.Contains(files[file], before) {
			t.Fatalf("%s has no %q", file, before)
		}
		files[file] = strings.Replace(files[file], before, after, 1)
	}
}

func set(file, text string) func(testing.TB, map[string]string) {
	return func(_ testing.TB, files map[string]string) { files[file] = text }
}

func readSite(t testing.TB, s *csv.Source, id string) (*roster.Snapshot, error) {
	t.Helper()
	return s.Read(t.Context(), roster.Site{ID: id, Source: "files"}, everything())
}

// Each of these makes files that are not whole, and so no snapshot of any school.
func TestRefused(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		of   string
		edit func(testing.TB, map[string]string)
		want string
	}{
		{"no manifest", "v11", func(_ testing.TB, f map[string]string) { delete(f, "manifest.csv") }, "there is no manifest.csv"},
		{"delta", "v11", replace("manifest.csv", "file.users,bulk", "file.users,delta"), "users.csv holds changes only (delta)"},
		{"absent", "v11", replace("manifest.csv", "file.users,bulk", "file.users,absent"), "there is no users.csv"},
		{"promised", "v11", func(_ testing.TB, f map[string]string) { delete(f, "classes.csv") }, "classes.csv is missing, though"},
		{"optional but promised", "v11", func(_ testing.TB, f map[string]string) { delete(f, "courses.csv") }, "courses.csv is missing, though"},
		{"not mentioned", "v11", replace("manifest.csv", "file.orgs,bulk\r\n", ""), "does not say whether orgs.csv is whole"},
		{"another mode", "v11", replace("manifest.csv", "file.orgs,bulk", "file.orgs,some"), "neither absent nor bulk nor delta of orgs.csv"},
		{"two modes", "v11", replace("manifest.csv", "file.orgs,bulk", "file.orgs,bulk\r\nfile.orgs,delta"), "two things of the same property"},
		{"version", "v11", replace("manifest.csv", "oneroster.version,1.1", "oneroster.version,2.0"), "neither 1.1 nor 1.2"},
		{"damaged manifest", "v11", replace("manifest.csv", "file.users,bulk", "file.users"), "manifest.csv, line 11: it has 1 fields"},
		{"no column", "v11", replace("users.csv", ",role,", ",rolle,"), "users.csv has no column role"},
		{"no column that a rule uses", "v11", replace("users.csv", ",email,", ",mail,"), "users.csv has no column email"},
		{"1.2's users as 1.1", "v12", replace("manifest.csv", "version,1.2", "version,1.1"), "users.csv has no column orgSourcedIds, role"},
		{"no roles", "v12", replace("manifest.csv", "file.roles,bulk", "file.roles,absent"), "there is no roles.csv"},
		{"column twice", "v11", replace("users.csv", ",sms,", ",email,"), "users.csv has the column email twice"},
		{"semicolons", "v11", func(_ testing.TB, f map[string]string) { f["orgs.csv"] = strings.ReplaceAll(f["orgs.csv"], ",", ";") }, "not separated by commas"},
		{"UTF-16", "v11", set("users.csv", "\xFF\xFEs\x00o\x00"), "users.csv: it is UTF-16"},
		{"a web page", "v11", set("users.csv", "<!DOCTYPE html>\n<title>Sign in</title>\n"), "users.csv has no column sourcedId"},
		{"empty", "v11", set("users.csv", ""), "users.csv is empty"},
		{"a header only", "v11", func(_ testing.TB, f map[string]string) { f["users.csv"], _, _ = strings.Cut(f["users.csv"], "\n") }, "users.csv has no record at all"},
		{"cut in a row", "v11", func(_ testing.TB, f map[string]string) { f["users.csv"] = f["users.csv"][:len(f["users.csv"])-12] }, "users.csv ends in the middle of line"},
		{"cut in a quoted value", "v11", func(_ testing.TB, f map[string]string) {
			f["users.csv"], _, _ = strings.Cut(f["users.csv"], "Byron\r\nKing")
		}, "users.csv, line 3: a quoted value does not end"},
		{"a quote that swallows rows", "v11", replace("users.csv", "Lee,", "\"Lee,"), "users.csv, line 5: a quoted value does not end"},
		{"too many broken rows", "v11", func(_ testing.TB, f map[string]string) { f["users.csv"] += strings.Repeat("x\r\n", 101) }, "more than 100 rows"},
		{"an endless row", "v11", func(_ testing.TB, f map[string]string) { f["users.csv"] += strings.Repeat("x", 1<<20) }, "a record is longer than"},
		{"too many columns", "v11", func(_ testing.TB, f map[string]string) { f["users.csv"] = strings.Repeat("x,", 2000) + "\n" }, "users.csv has 2001 columns"},
		{"a school twice", "v11", replace("orgs.csv", "ash,,,Ash", "elm,,,Ash"), "the school elm is there twice"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			files := golden(t, c.of)
			c.edit(t, files)
			s := newSource(t, folder(t, files), oneroster.Rules{})
			for _, id := range []string{"elm", "ash"} {
				snap, err := readSite(t, s, id)
				if snap != nil || !source.IsIncomplete(err) {
					t.Fatalf("got the error %v, want an *Incomplete", err)
				}
				if !strings.Contains(err.Error(), c.want) {
					t.Errorf("got %q, want it to hold %q", err, c.want)
				}
				for _, private := range []string{"Byron", "Ada", "example"} {
					if strings.Contains(err.Error(), private) {
						t.Error("the error holds a person's data")
					}
				}
			}
		})
	}
}

// Each of these is read as if nothing were odd.
func TestTolerated(t *testing.T) {
	t.Parallel()
	each := func(change func(string) string) func(testing.TB, map[string]string) {
		return func(_ testing.TB, files map[string]string) {
			for name, text := range files {
				files[name] = change(text)
			}
		}
	}
	for _, c := range []struct {
		name string
		edit func(testing.TB, map[string]string)
	}{
		{"nothing", func(testing.TB, map[string]string) {}},
		{"a byte order mark", each(func(s string) string { return "\uFEFF" + s })},
		{"LF", each(func(s string) string { return strings.ReplaceAll(s, "\r\n", "\n") })},
		{"blank lines at the end", each(func(s string) string { return s + "\r\n\r\n,,,\r\n" })},
		{"no line end at the end", each(func(s string) string { return strings.TrimRight(s, "\r\n") })},
		{"empty columns at the end, as spreadsheets write them", func(_ testing.TB, f map[string]string) {
			f["classes.csv"] = strings.ReplaceAll(f["classes.csv"], "\r\n", ",,\r\n")
		}},
		{"headers in another case, with blanks", replace("users.csv", "sourcedId,status", " SourcedID ,Status")},
		{"names of files in another case", func(_ testing.TB, f map[string]string) {
			f["Users.CSV"] = f["users.csv"]
			delete(f, "users.csv")
		}},
		{"columns that nobody knows", each(func(s string) string {
			if strings.HasPrefix(s, "propertyName") {
				return s
			}
			var out strings.Builder
			for i, line := range strings.SplitAfter(s, "\r\n") {
				if line != "" && !strings.HasPrefix(line, "King\"") && !strings.HasSuffix(line, "O'Byron\r\n") {
					line = map[bool]string{true: "metadata.x", false: "x"}[i == 0] + "," + line
				} else if strings.HasSuffix(line, "O'Byron\r\n") {
					line = "x," + line
				}
				out.WriteString(line)
			}
			return out.String()
		})},
		{"status active", func(_ testing.TB, f map[string]string) {
			f["classes.csv"] = strings.NewReplacer("oak,,,", "oak,active,2026-09-01T00:00:00.000Z,", "7a,,,", "7a,Active,,").Replace(f["classes.csv"])
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			files := golden(t, "v11")
			want, err := readSite(t, newSource(t, folder(t, files), oneroster.Rules{}), "ash")
			if err != nil {
				t.Fatal(err)
			}
			c.edit(t, files)
			got, err := readSite(t, newSource(t, folder(t, files), oneroster.Rules{}), "ash")
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(want, got); d != "" {
				t.Error(d)
			}
		})
	}
}

func TestSetAside(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		of   string
		edit func(testing.TB, map[string]string)
		want []roster.SetAside
	}{
		{
			"too few fields", "v11", replace("users.csv", "pl,,,", "pl,"),
			[]roster.SetAside{{Entity: "person", Reason: "users.csv, line 5: it has 16 fields, the header has 18"}},
		},
		{
			"too many fields", "v11", replace("users.csv", "pl,,,", "pl,,,,"),
			[]roster.SetAside{{Entity: "person", Reason: "users.csv, line 5: it has 19 fields, the header has 18"}},
		},
		{
			"a stray quote", "v11", replace("users.csv", "Lee", `Le"e`),
			[]roster.SetAside{{Entity: "person", Reason: "users.csv, line 5: a quote is where it must not be"}},
		},
		{
			"not UTF-8", "v11", replace("users.csv", "Lee", "L\xE9e"),
			[]roster.SetAside{{Entity: "person", Ref: "pl", Reason: "a value of the record is not UTF-8"}},
		},
		{
			"not UTF-8, 1.2", "v12", replace("users.csv", "Lee", "L\xE9e"),
			[]roster.SetAside{{Entity: "person", Ref: "pl", Reason: "a value of the record is not UTF-8"}},
		},
		{
			"an org that is not UTF-8", "v11", replace("users.csv", "ash,student,,,Lee", "\xE9,student,,,Lee"),
			[]roster.SetAside{{Entity: "person", Ref: "pl", Reason: "a value of the record is not UTF-8"}},
		},
		{"no id", "v11", replace("users.csv", "pl,,,", ",,,"), []roster.SetAside{{Entity: "person", Reason: "the record has no id"}}},
		{
			"the same id", "v11", replace("users.csv", "pl,,,", "p7,,,"),
			[]roster.SetAside{{Entity: "person", Ref: "p7", Reason: "the id appears more than once"}},
		},
		{
			"no user of a role", "v12", replace("roles.csv", ",pl,", ",nn,"),
			[]roster.SetAside{{Entity: "person", Ref: "nn", Reason: "it has a role, but is not in users.csv"}},
		},
		{
			"an odd flag", "v11", replace("users.csv", "pl,,,false", "pl,,,perhaps"),
			[]roster.SetAside{{Entity: "person", Ref: "pl", Reason: "enabledUser is neither true nor false"}},
		},
		{"a class of no school", "v11", replace("classes.csv", "scheduled,,ash,\"", "scheduled,,,\""), []roster.SetAside{
			{Entity: "group", Ref: "7ma", Reason: "it names no school"},
			{Entity: "membership", Ref: "class:7ma", Reason: "it names a class that is not in the list"},
			{Entity: "membership", Ref: "class:7ma", Reason: "it names a class that is not in the list"},
		}},
		{"a class that is not UTF-8", "v11", replace("classes.csv", "7A,07", "7\xC4,07"), []roster.SetAside{
			{Entity: "group", Ref: "7a", Reason: "a value of the record is not UTF-8"},
			{Entity: "membership", Ref: "class:7a", Reason: "it names a class that is not in the list"},
		}},
		{
			"a broken enrolment", "v11", replace("enrollments.csv", "e2,,,", "e2,"),
			[]roster.SetAside{{Entity: "membership", Reason: "enrollments.csv, line 3: it has 8 fields, the header has 10"}},
		},
		{
			"an enrolment of nowhere", "v11", replace("enrollments.csv", "7a,ash,p7", "nn,,p7"),
			[]roster.SetAside{{Entity: "membership", Reason: "it names neither a school nor a class that is in the list"}},
		},
		{"an enrolment without a school", "v11", replace("enrollments.csv", "7a,ash,p7", "7a,,p7"), nil},
		{
			"an enrolment of an unknown status", "v11", replace("enrollments.csv", "e2,,", "e2,odd,"),
			[]roster.SetAside{{Entity: "membership", Ref: "registration:7a", Reason: "its status is not known"}},
		},
		{
			"another school's class", "v11", replace("enrollments.csv", "7a,ash,p7", "oak,ash,p7"),
			[]roster.SetAside{{Entity: "membership", Ref: "class:oak", Reason: "it names a class that is not in the list"}},
		},
		{
			"a session without dates", "v11", replace("academicSessions.csv", "2026-12-18", "Christmas"),
			[]roster.SetAside{{Entity: "session", Ref: "au", Reason: "a date of it cannot be read"}},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			files := golden(t, c.of)
			c.edit(t, files)
			snap, err := readSite(t, newSource(t, folder(t, files), oneroster.Rules{}), "ash")
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(c.want, snap.SetAside, cmpopts.EquateEmpty()); d != "" {
				t.Error(d)
			}
		})
	}
}

func TestWarnings(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		edit func(testing.TB, map[string]string)
		want roster.Warning
	}{
		{
			"a date of an enrolment", replace("enrollments.csv", "p7,student,true,2026-09-03", "p7,student,true,03/09/26"),
			roster.Warning{Entity: "membership", Field: "beginDate", Reason: "it is not a date", Count: 1},
		},
		{
			"a date of a role", replace("roles.csv", "r6,,,t,secondary,teacher,,2026-10-31", "r6,,,t,secondary,teacher,,soon"),
			roster.Warning{Entity: "person", Field: "endDate", Reason: "it is not a date", Count: 1},
		},
		{
			"a date of birth", replace("demographics.csv", "2015-02-01", "1 Feb"),
			roster.Warning{Entity: "person", Field: "birthDate", Reason: "it is not a date", Count: 1},
		},
		{
			"further ids", replace("users.csv", "{UPN:A801200001001}", "UPN=A801200001001"),
			roster.Warning{Entity: "person", Field: "userIds", Reason: "it is not a list of {type:identifier}", Count: 1},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			files := golden(t, "v12")
			c.edit(t, files)
			snap, err := readSite(t, newSource(t, folder(t, files), oneroster.Rules{}), "ash")
			if err != nil {
				t.Fatal(err)
			}
			if !slices.Contains(snap.Warnings, c.want) {
				t.Errorf("there is no %v in %v", c.want, snap.Warnings)
			}
		})
	}
}

// A role of version 1.2 that was deleted makes nobody a member of the school, and a
// school that was deleted is none.
func TestDeleted(t *testing.T) {
	t.Parallel()
	files := golden(t, "v12")
	replace("roles.csv", "r3,,", "r3,tobedeleted,")(t, files)
	replace("orgs.csv", "elm,,", "elm,tobedeleted,")(t, files)
	s := newSource(t, folder(t, files), oneroster.Rules{})
	sites, err := s.Sites(t.Context())
	if err != nil || len(sites) != 1 {
		t.Fatalf("%d schools, %v", len(sites), err)
	}
	snap, err := readSite(t, s, "ash")
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range snap.People {
		if p.ID == "pl" {
			t.Error("who has only a deleted role is there")
		}
	}
	if _, err := readSite(t, s, "elm"); !source.IsFrozen(err) {
		t.Errorf("a deleted school gives %v, want a *Frozen", err)
	}
}

// Check finds the same faults as a read without reading anybody.
func TestCheck(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		edit func(testing.TB, map[string]string)
		want string
	}{
		{"sound", func(testing.TB, map[string]string) {}, ""},
		{"no column", replace("enrollments.csv", ",role,", ",part,"), "enrollments.csv has no column role"},
		{"no column that a rule is said to use", replace("users.csv", ",username,", ",login,"), "users.csv has no column username"},
		{"delta", replace("manifest.csv", "file.roles,bulk", "file.roles,delta"), "roles.csv holds changes only"},
		{"no house", func(testing.TB, map[string]string) {}, "users.csv has no column metadata.house"},
		{"no school", func(_ testing.TB, f map[string]string) {
			f["orgs.csv"] = strings.ReplaceAll(f["orgs.csv"], ",school,", ",department,")
		}, "no organisation of type school"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			files := golden(t, "v12")
			c.edit(t, files)
			o := csv.Options{Name: "files", Path: folder(t, files), Now: clock, Want: everything()}
			if c.name == "no house" {
				o.Rules.HouseMetadata = "house"
			}
			s, err := csv.New(o)
			if err != nil {
				t.Fatal(err)
			}
			notes, err := s.Check(t.Context())
			checkIncomplete(t, err, c.want)
			if c.want == "" && !strings.Contains(strings.Join(notes, " "), "OneRoster 1.2 and hold 2 schools") {
				t.Errorf("notes: %q", notes)
			}
		})
	}
}

// zipped writes a zip; entries of another name than they have in files are given by
// rename.
func zipped(t *testing.T, files map[string]string, rename func(string) string, edit func(*zip.Writer)) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "roster.zip")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z := zip.NewWriter(f)
	for name, text := range files {
		w, err := z.Create(rename(name))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(w, text); err != nil {
			t.Fatal(err)
		}
	}
	if edit != nil {
		edit(z)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestZip(t *testing.T) {
	t.Parallel()
	same := func(s string) string { return s }
	add := func(name, text string) func(*zip.Writer) {
		return func(z *zip.Writer) {
			w, err := z.Create(name)
			if err != nil {
				t.Error(err)
			}
			if _, err := io.WriteString(w, text); err != nil {
				t.Error(err)
			}
		}
	}
	for _, c := range []struct {
		name   string
		rename func(string) string
		edit   func(*zip.Writer)
		want   string
	}{
		{"plain", same, nil, ""},
		{"in a folder", func(s string) string { return "export 2026/" + s }, nil, ""},
		{"in a folder of Windows", func(s string) string { return `export\` + s }, nil, ""},
		{"names that climb", func(s string) string { return "../../" + s }, nil, ""},
		{"beside macOS's own", same, add("__MACOSX/users.csv", "x"), ""},
		{"beside other files", same, add("readme.txt", "x"), ""},
		{"twice", same, add("more/users.csv", "x"), "users.csv is in the zip twice"},
		{"encrypted", func(s string) string {
			if s == "users.csv" {
				return "users.txt"
			}
			return s
		}, func(z *zip.Writer) {
			w, err := z.CreateRaw(&zip.FileHeader{Name: "users.csv", Flags: 1, CompressedSize64: 1, UncompressedSize64: 1})
			if err == nil {
				_, err = w.Write([]byte("x"))
			}
			if err != nil {
				t.Error(err)
			}
		}, "users.csv is encrypted"},
		{"too many entries", same, func(z *zip.Writer) {
			for range 10_000 {
				if _, err := z.Create("x"); err != nil {
					t.Error(err)
				}
			}
		}, "more than 10000"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			_, err := readSite(t, newSource(t, zipped(t, golden(t, "v11"), c.rename, c.edit), oneroster.Rules{}), "ash")
			checkIncomplete(t, err, c.want)
		})
	}
}

// checkIncomplete wants no error, or an *Incomplete that says want.
func checkIncomplete(t *testing.T, err error, want string) {
	t.Helper()
	switch {
	case want == "" && err != nil:
		t.Error(err)
	case want != "" && (!source.IsIncomplete(err) || !strings.Contains(err.Error(), want)):
		t.Errorf("got the error %v, want an *Incomplete with %q", err, want)
	}
}

// A zip that unfolds to more than is allowed is refused while it unfolds, whatever it
// says of its size, and one that was cut is none.
func TestZipLimits(t *testing.T) {
	t.Parallel()
	files := golden(t, "v11")
	files["enrollments.csv"] += strings.Repeat(strings.Repeat(" ", 1000)+"\n", 5000)
	path := zipped(t, files, func(s string) string { return s }, nil)
	s, err := csv.New(csv.Options{Name: "files", Path: path, Now: clock, MaxFile: 1 << 20})
	if err != nil {
		t.Fatal(err)
	}
	_, err = readSite(t, s, "ash")
	checkIncomplete(t, err, "the file is larger than allowed")

	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, whole[:len(whole)/2], 0o600); err != nil {
		t.Fatal(err)
	}
	_, err = readSite(t, newSource(t, path, oneroster.Rules{}), "ash")
	checkIncomplete(t, err, "is not a zip, or ends in the middle")
}

// Files that change after the schools were listed are refused once, and read by the
// next run.
func TestFilesChange(t *testing.T) {
	t.Parallel()
	files := golden(t, "v11")
	dir := folder(t, files)
	s := newSource(t, dir, oneroster.Rules{})
	list := func() {
		if _, err := s.Sites(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	list()
	if _, err := readSite(t, s, "elm"); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "users.csv"), []byte(files["users.csv"]+"\r\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := readSite(t, s, "ash")
	checkIncomplete(t, err, "the files have changed since")
	list()
	if _, err := readSite(t, s, "ash"); err != nil {
		t.Error(err)
	}
	if err := os.Remove(filepath.Join(dir, "users.csv")); err != nil {
		t.Fatal(err)
	}
	list() // the schools are still there
	_, err = readSite(t, s, "ash")
	checkIncomplete(t, err, "users.csv is missing")
}

func TestNoFiles(t *testing.T) {
	t.Parallel()
	s := newSource(t, filepath.Join(t.TempDir(), "nothing.zip"), oneroster.Rules{})
	_, err := readSite(t, s, "ash")
	checkIncomplete(t, err, "the files are not there")
	if _, err := s.Check(t.Context()); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("check says %v", err)
	}
}

// What is in memory is let go after a while, and read again when it is wanted.
func TestIdle(t *testing.T) {
	t.Parallel()
	dir := folder(t, golden(t, "v11"))
	synctest.Test(t, func(t *testing.T) {
		s, err := csv.New(csv.Options{Name: "files", Path: dir, Now: time.Now, Idle: time.Minute})
		if err != nil {
			t.Fatal(err)
		}
		read := func() {
			if _, err := readSite(t, s, "ash"); err != nil {
				t.Fatal(err)
			}
		}
		read()
		time.Sleep(59 * time.Second)
		if !csv.Holds(s) {
			t.Error("the files were let go too early")
		}
		read() // and counts anew
		time.Sleep(59 * time.Second)
		if !csv.Holds(s) {
			t.Error("the files were let go too early after the second read")
		}
		time.Sleep(2 * time.Second)
		synctest.Wait()
		if csv.Holds(s) {
			t.Error("the files are still held")
		}
		read()
		if _, err := readSite(t, s, "elm"); err != nil {
			t.Fatal(err)
		}
		if csv.Holds(s) {
			t.Error("the files are still held after the last school")
		}
	})
}

// Only what is wanted is kept, and more is read where more is wanted.
func TestWantsGrow(t *testing.T) {
	t.Parallel()
	s := newSource(t, folder(t, golden(t, "v12")), oneroster.Rules{})
	site := roster.Site{ID: "ash", Source: "files"}
	for _, c := range []struct {
		fields []string
		want   roster.Person
	}{
		{nil, roster.Person{}},
		{[]string{"email"}, roster.Person{Email: "ada@ash.example"}},
		{[]string{"identifiers.upn"}, roster.Person{Identifiers: map[string]string{"upn": "A801200001001"}}},
		{[]string{"identifiers.master", "username"}, roster.Person{Username: "a.byron", Identifiers: map[string]string{"master": "m-7"}}},
		{[]string{"ageBand", "email"}, roster.Person{AgeBand: "11-13", Email: "ada@ash.example"}},
	} {
		snap, err := s.Read(t.Context(), site, source.Want{Kinds: []roster.Kind{roster.Student}, Fields: c.fields})
		if err != nil {
			t.Fatal(err)
		}
		p := snap.People[0]
		got := roster.Person{Email: p.Email, Username: p.Username, AgeBand: p.AgeBand, Identifiers: p.Identifiers}
		if d := cmp.Diff(c.want, got); d != "" {
			t.Errorf("with %v: %s", c.fields, d)
		}
	}
}

// Who waits for the files while another reads them can be called off.
func TestCancelledLoad(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "district.zip")
	writeDistrict(t, path, district.Files{Schools: 5, Users: 2000, Enrolments: 30_000})
	s := newSource(t, path, oneroster.Rules{})
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() {
		_, err := s.Read(ctx, roster.Site{ID: district.School(0)}, everything())
		done <- err
	}()
	cancel()
	if err := <-done; err != nil && !errors.Is(err, context.Canceled) {
		t.Errorf("a cancelled read says %v", err)
	}
	if _, err := s.Read(t.Context(), roster.Site{ID: district.School(1)}, everything()); err != nil {
		t.Error(err)
	}
}

func TestNewRefuses(t *testing.T) {
	t.Parallel()
	for _, o := range []csv.Options{
		{}, {Path: "x", Version: "1.3"}, {Path: "x", Rules: oneroster.Rules{Grades: map[string]string{"KG": "Kindergarten"}}},
	} {
		if _, err := csv.New(o); err == nil {
			t.Errorf("%+v is taken", o)
		}
	}
}
