package csv_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"simscim/connector/source/oneroster"
	"simscim/connector/source/oneroster/csv"
	"simscim/roster"
	lookalike "simscim/sandbox/oneroster"
)

// The ways in which real exports deviate must not change a school, but for what the
// deviation takes away.
func TestDeviations(t *testing.T) {
	t.Parallel()
	read := func(t *testing.T, v lookalike.Version, rules oneroster.Rules, names []string) *roster.Snapshot {
		t.Helper()
		path := filepath.Join(t.TempDir(), "roster.zip")
		f, err := os.Create(path)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		o := lookalike.CSVOptions{School: trust().Rolls()[0].Site.ID, Deviations: names, LF: true, LineBreaks: true}
		if err := lookalike.WriteCSV(f, trust(), v, o); err != nil {
			t.Fatal(err)
		}
		s, err := csv.New(csv.Options{Name: "files", Path: path, Rules: rules, Now: clock})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		sites, err := s.Sites(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		snap, err := s.Read(t.Context(), sites[0], everything())
		if err != nil {
			t.Fatal(err)
		}
		return snap
	}
	house := oneroster.Rules{HouseMetadata: "house"}
	table := func(names ...string) oneroster.Rules {
		r := oneroster.Rules{HouseMetadata: "house", Grades: map[string]string{}}
		for i := 0; i < len(names); i += 2 {
			r.Grades[names[i]] = names[i+1]
		}
		return r
	}
	for _, v := range []lookalike.Version{lookalike.V11, lookalike.V12} {
		t.Run(string(v), func(t *testing.T) {
			t.Parallel()
			want := read(t, v, house, nil)
			for _, c := range []struct {
				switches []lookalike.Switch
				rules    oneroster.Rules
				// alter takes from the usual snapshot what the deviation takes away.
				alter    func(*roster.Snapshot)
				setAside int
			}{
				{[]lookalike.Switch{lookalike.NoTombstones}, house, nil, 0},
				{[]lookalike.Switch{lookalike.EmptyUsername}, house, func(s *roster.Snapshot) {
					for i := range s.People {
						s.People[i].Username = ""
					}
				}, 0},
				{[]lookalike.Switch{lookalike.NoEmail}, house, func(s *roster.Snapshot) {
					for i := range s.People {
						s.People[i].Email = ""
					}
				}, 0},
				{[]lookalike.Switch{lookalike.NullText}, house, func(s *roster.Snapshot) {
					for i := range s.People {
						if s.People[i].Email == "" {
							s.People[i].Username = ""
						}
					}
				}, 0},
				{[]lookalike.Switch{lookalike.Dangling}, house, nil, 2}, // the third is of another school
				{[]lookalike.Switch{lookalike.Secrets}, house, nil, 0},
				{[]lookalike.Switch{lookalike.KGReception}, table("KG", "R"), nil, 0},
				{[]lookalike.Switch{lookalike.KGYearOne}, table("TK", "R", "KG", "1", "01", "2", "02", "3", "03", "4", "04", "5", "05", "6"), nil, 0},
				{[]lookalike.Switch{lookalike.PlainGrades}, house, nil, 0},
				{[]lookalike.Switch{lookalike.OldClasses}, house, nil, 0},
				{[]lookalike.Switch{lookalike.MoreOrgs}, house, nil, 0},
				{[]lookalike.Switch{lookalike.EmptyUsername, lookalike.Secrets, lookalike.OldClasses, lookalike.Dangling}, house, func(s *roster.Snapshot) {
					for i := range s.People {
						s.People[i].Username = ""
					}
				}, 2},
			} {
				names := []string{}
				for _, s := range c.switches {
					names = append(names, string(s))
				}
				t.Run(names[len(names)-1], func(t *testing.T) {
					t.Parallel()
					expect := *want
					expect.People = append([]roster.Person(nil), want.People...)
					if c.alter != nil {
						c.alter(&expect)
					}
					got := read(t, v, c.rules, names)
					if d := cmp.Diff(&expect, got, cmpopts.IgnoreFields(roster.Snapshot{}, "Warnings", "SetAside"), cmpopts.EquateEmpty()); d != "" {
						t.Error(d)
					}
					if len(got.SetAside) != c.setAside {
						t.Errorf("%d records are set aside, want %d: %v", len(got.SetAside), c.setAside, got.SetAside)
					}
				})
			}
			for _, s := range []lookalike.Switch{lookalike.InactiveStatus, lookalike.DisabledLeavers, lookalike.CustomStatus} {
				t.Run(string(s), func(t *testing.T) {
					t.Parallel()
					leavers, others := 0, &roster.Snapshot{}
					for _, p := range read(t, v, house, []string{string(s)}).People {
						if p.State == roster.Leaver {
							leavers++
							continue
						}
						others.People = append(others.People, p)
					}
					var still []roster.Person
					for _, p := range want.People {
						if p.State != roster.Leaver {
							still = append(still, p)
						}
					}
					if leavers == 0 || cmp.Diff(still, others.People) != "" {
						t.Errorf("%d leavers; the others: %s", leavers, cmp.Diff(still, others.People))
					}
				})
			}
			t.Run("houses-as-classes", func(t *testing.T) {
				t.Parallel()
				got := read(t, v, oneroster.Rules{HouseClasses: "House *"}, []string{string(lookalike.HouseClasses)})
				if d := cmp.Diff(want.People, got.People, cmpopts.EquateEmpty()); d != "" {
					t.Errorf("the people differ: %s", d)
				}
			})
		})
	}
}
