package csv_test

import (
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"simscim/connector/source/oneroster"
	"simscim/roster"
)

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
