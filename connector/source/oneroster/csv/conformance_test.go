package csv_test

import (
	"archive/zip"
	"bytes"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"simscim/connector/source"
	"simscim/connector/source/oneroster"
	"simscim/connector/source/oneroster/csv"
	"simscim/connector/source/sourcetest"
	lookalike "simscim/sandbox/oneroster"
	"simscim/sandbox/world"
)

// trust is the world that all tests share. None of them moves it.
var trust = sync.OnceValue(func() *world.World {
	w, err := world.New(world.Options{Preset: "mat-small", Seed: 7})
	if err != nil {
		panic(err)
	}
	return w
})

func TestConformance(t *testing.T) {
	t.Parallel()
	for _, v := range []lookalike.Version{lookalike.V11, lookalike.V12} {
		t.Run(string(v), func(t *testing.T) {
			t.Parallel()
			sourcetest.Run(t, func(t *testing.T) sourcetest.Fixture { return fixture(t, v) }, notOfFiles...)
		})
	}
}

// notOfFiles are the faults that files cannot have: they come without calls, pages and
// sign-in, and what is wrong with a file is wrong for all of its schools, which tests of
// their own look at.
var notOfFiles = []sourcetest.Fault{
	sourcetest.NotJSON, sourcetest.Malformed, sourcetest.CutBody, sourcetest.NoEnvelope, sourcetest.WrongItems,
	sourcetest.ServerError, sourcetest.Maintenance, sourcetest.ShortPage, sourcetest.MissingPage, sourcetest.RepeatedPage,
	sourcetest.TotalMoves, sourcetest.Endless, sourcetest.TooLarge, sourcetest.SiteBroken, sourcetest.GroupsBroken,
	sourcetest.Refused401, sourcetest.Refused403, sourcetest.Gone404, sourcetest.CredentialsRefused,
	sourcetest.OtherSite, sourcetest.OtherList, sourcetest.SignInFails,
	sourcetest.TokenExpires, sourcetest.Throttled, sourcetest.FailsOnce,
}

// files are those of the world's first two schools; the others would only cost time.
func files(v lookalike.Version) map[string]string {
	made, _ := exports.LoadOrStore(v, sync.OnceValue(func() map[string]string { return export(v) }))
	return made.(func() map[string]string)()
}

var exports sync.Map

func export(v lookalike.Version) map[string]string {
	var buf bytes.Buffer
	if err := lookalike.WriteCSV(&buf, trust(), v, lookalike.CSVOptions{BOM: true}); err != nil {
		panic(err)
	}
	z, err := zip.NewReader(bytes.NewReader(buf.Bytes()), int64(buf.Len()))
	if err != nil {
		panic(err)
	}
	out := map[string]string{}
	for _, f := range z.File {
		r, err := f.Open()
		if err != nil {
			panic(err)
		}
		text, err := io.ReadAll(r)
		if err != nil {
			panic(err)
		}
		var kept strings.Builder
		for line := range strings.Lines(string(text)) {
			if !slices.ContainsFunc(trust().Rolls()[2:], func(r *world.Roll) bool { return strings.Contains(line, r.Site.ID.String()) }) {
				kept.WriteString(line)
			}
		}
		out[f.Name] = kept.String()
	}
	return out
}

// fixture is a source over the files of the shared world.
func fixture(t *testing.T, v lookalike.Version) sourcetest.Fixture {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files(v) {
		put(t, filepath.Join(dir, name), text)
	}
	var logs bytes.Buffer
	core := zapcore.NewCore(zapcore.NewJSONEncoder(zap.NewProductionEncoderConfig()), zapcore.Lock(zapcore.AddSync(&logs)), zap.DebugLevel)
	s, err := csv.New(csv.Options{
		Name: "files", Path: dir, Now: clock, Log: zap.New(core), Rules: oneroster.Rules{HouseMetadata: "house"},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	f := sourcetest.Fixture{Source: s, Want: everything(), Size: map[string]sourcetest.Size{}, Logs: logs.String}
	for _, r := range trust().Rolls()[:2] {
		f.Size[r.Site.ID.String()] = sizeOf(r)
	}
	first := trust().Rolls()[0]
	for _, p := range first.People(world.Student)[:20] {
		f.Canaries = append(f.Canaries, p.Name())
		if p.Email != "" {
			f.Canaries = append(f.Canaries, p.Email)
		}
	}
	saved := map[string]string{}
	relist := func() {
		// As every run does before it reads.
		if _, err := s.Sites(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	f.Break = func(fault sourcetest.Fault) bool {
		names, edit := breaking(fault, first)
		if edit == nil {
			return false
		}
		for _, name := range names {
			if text, there := files(v)[name]; there {
				path := filepath.Join(dir, name)
				saved[path] = text
				put(t, path, edit(text))
			}
		}
		relist()
		return true
	}
	f.Mend = func() {
		for path, text := range saved {
			put(t, path, text)
		}
		relist()
	}
	return f
}

func put(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// breaking tells which files a fault is in, and how. Faults of the whole files are left
// out: those of one school are those of all, which the suite does not expect.
func breaking(fault sourcetest.Fault, school *world.Roll) (files []string, edit func(string) string) {
	var pupils []string
	for _, p := range school.People(world.Student) {
		if p.State(trust().Today()) == world.Current {
			pupils = append(pupils, p.ID.String())
		}
	}
	pupil, other := pupils[0], pupils[1]
	line := func(change func(string) string) func(string) string {
		return func(text string) string {
			lines := strings.SplitAfter(text, "\r\n")
			for i, l := range lines {
				if strings.HasPrefix(l, pupil) {
					lines[i] = change(l)
					break
				}
			}
			return strings.Join(lines, "")
		}
	}
	switch fault {
	case sourcetest.Withdrawn:
		return []string{"orgs.csv"}, func(text string) string {
			return strings.Replace(text, school.Site.ID.String()+",,", school.Site.ID.String()+",tobedeleted,", 1)
		}
	case sourcetest.DuplicateID:
		return []string{"users.csv", "roles.csv"}, func(text string) string { return strings.Replace(text, other, pupil, 1) }
	case sourcetest.MissingID:
		return []string{"users.csv"}, line(func(l string) string { return strings.TrimPrefix(l, pupil) })
	case sourcetest.WrongTypes:
		return []string{"users.csv"}, line(func(l string) string { return strings.Replace(l, ",true,", ",{\"a\":1},", 1) })
	case sourcetest.Dangling:
		return []string{"enrollments.csv"}, func(text string) string {
			head, rest, _ := strings.Cut(text, "\r\n")
			cells := strings.Split(head, ",")
			row := make([]string, len(cells))
			for i, c := range cells {
				row[i] = map[string]string{
					"classSourcedId": "nowhere", "schoolSourcedId": school.Site.ID.String(), "userSourcedId": pupil, "role": "student",
				}[strings.TrimPrefix(c, "\uFEFF")]
			}
			return head + "\r\n" + strings.Join(row, ",") + "\r\n" + rest
		}
	default:
		return nil, nil
	}
}

// sizeOf counts what the files say of a school: nobody who has left, though their contacts stay; registration groups
// and classes, and the year groups and houses that somebody is in.
func sizeOf(r *world.Roll) (n sourcetest.Size) {
	today := trust().Today()
	years, houses := map[int8]bool{}, map[string]bool{}
	for _, kind := range []world.Kind{world.Student, world.Staff, world.Contact} {
		for _, p := range r.People(kind) {
			if p.State(today) == world.Leaver {
				continue
			}
			n.People++
			n.Memberships += len(p.Classes)
			if p.Registration != nil || kind == world.Student && p.State(today) == world.Future {
				n.Memberships++
			}
			if kind != world.Student {
				continue
			}
			years[p.Year] = true
			n.Memberships++
			if p.House != nil {
				houses[p.House.Name] = true
				n.Memberships++
			}
		}
	}
	for _, g := range r.Groups() {
		if g.Kind == world.Class || g.Kind == world.Registration {
			n.Groups++
		}
	}
	n.Groups += len(years) + len(houses)
	return n
}

var _ source.Source = (*csv.Source)(nil)
