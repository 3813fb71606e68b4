package csv_test

import (
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"simscim/connector/source"
	"simscim/connector/source/oneroster"
	"simscim/roster"
)

// FuzzUsers puts anything in the place of users.csv: what comes is a sound snapshot or an
// *Incomplete, and the reasons hold nothing of the file.
func FuzzUsers(f *testing.F) {
	text := golden(f, "v11")["users.csv"]
	head, _, _ := strings.Cut(text, "\r\n")
	f.Add(text)
	f.Add(head + "\n")
	f.Add(head + "\r\np7,,,true,ash,student,\"a\nb\",,A,B,,,,,,,7,\r\n")
	f.Add(head + "\np7,,,true,ash,student,\"a,,A,B\n\n\"\"\n")
	f.Add("\xEF\xBB\xBF\"sourcedId\"\n\x00\n")
	f.Fuzz(func(t *testing.T, users string) { sound(t, "users.csv", users) })
}

// FuzzEnrollments does the same with enrollments.csv.
func FuzzEnrollments(f *testing.F) {
	text := golden(f, "v11")["enrollments.csv"]
	head, _, _ := strings.Cut(text, "\r\n")
	f.Add(text)
	f.Add(head + "\r\n,,,,,,,,,\r\ne,,,7a,ash,p7,student,x,0001-01-01,9999-12-31")
	f.Add(head + "\re,,,7a,,p7,teacher,,,\r")
	f.Fuzz(func(t *testing.T, enrollments string) { sound(t, "enrollments.csv", enrollments) })
}

// FuzzManifest does the same with manifest.csv.
func FuzzManifest(f *testing.F) {
	f.Add(golden(f, "v11")["manifest.csv"])
	f.Add(golden(f, "v12")["manifest.csv"])
	f.Add("propertyName,value\nfile.users,delta\n")
	f.Add("value,propertyName\n1.1,oneroster.version\nbulk,\" file.users\"")
	f.Fuzz(func(t *testing.T, manifest string) { sound(t, "manifest.csv", manifest) })
}

// sound reads both schools with one file replaced.
func sound(t *testing.T, name, text string) {
	files := golden(t, "v11")
	files[name] = text
	s := newSource(t, folder(t, files), oneroster.Rules{})
	for _, id := range []string{"elm", "ash"} {
		snap, err := readSite(t, s, id)
		if err != nil {
			if !source.IsIncomplete(err) {
				t.Fatalf("%T: %v", err, err)
			}
			continue
		}
		people := map[string]bool{}
		for _, p := range snap.People {
			if p.ID == "" || p.Kind == "" || p.State == "" || people[p.ID] {
				t.Errorf("a person has no id, kind or state, or is there twice")
			}
			people[p.ID] = true
		}
		for _, m := range snap.Memberships {
			if !people[m.Person] {
				t.Error("a membership points nowhere")
			}
		}
	}
}

// In whatever order the rows of a file come, each school is the same.
func TestRowOrderDoesNotMatter(t *testing.T) {
	t.Parallel()
	for _, of := range []string{"v11", "v12"} {
		t.Run(of, func(t *testing.T) {
			t.Parallel()
			files := golden(t, of)
			// A value with a line break is two lines, which must not be parted.
			files["users.csv"] = strings.Replace(files["users.csv"], "O'Byron\r\nKing", "O'Byron King", 1)
			read := func(files map[string]string) (out []*roster.Snapshot) {
				s := newSource(t, folder(t, files), oneroster.Rules{HouseClasses: "House: *"})
				for _, id := range []string{"elm", "ash"} {
					snap, err := readSite(t, s, id)
					if err != nil {
						t.Fatal(err)
					}
					out = append(out, snap)
				}
				return out
			}
			want := read(files)
			rapid.Check(t, func(r *rapid.T) {
				random := rand.New(rand.NewPCG(rapid.Uint64().Draw(r, "seed"), 1))
				mixed := map[string]string{}
				for _, name := range slices.Sorted(maps.Keys(files)) {
					lines := strings.SplitAfter(strings.TrimSuffix(files[name], "\r\n"), "\r\n")
					lines[len(lines)-1] += "\r\n"
					rows := lines[1:]
					random.Shuffle(len(rows), func(i, j int) { rows[i], rows[j] = rows[j], rows[i] })
					mixed[name] = strings.Join(lines, "")
				}
				if d := cmp.Diff(want, read(mixed)); d != "" {
					r.Error(d)
				}
			})
		})
	}
}
