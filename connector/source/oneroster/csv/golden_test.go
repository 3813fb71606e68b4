package csv_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"simscim/connector/source/oneroster"
	"simscim/roster"
)

// TestGolden reads the folders of testdata and compares every school with the JSON
// beside them. go test -update writes that anew.
func TestGolden(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"v11", "v12"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSource(t, filepath.Join("testdata", name), oneroster.Rules{HouseClasses: "House: *"})
			sites, err := s.Sites(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			var got []*roster.Snapshot
			for _, site := range sites {
				snap, err := s.Read(t.Context(), site, everything())
				if err != nil {
					t.Fatal(err)
				}
				got = append(got, snap)
			}
			text, err := json.MarshalIndent(got, "", " ")
			if err != nil {
				t.Fatal(err)
			}
			for _, dropped := range []string{"hunter2", "01632", "cn=x", "Eted District"} {
				if bytes.Contains(text, []byte(dropped)) {
					t.Errorf("%q came through", dropped)
				}
			}
			golden := filepath.Join("testdata", name+".json")
			if *update {
				if err := os.WriteFile(golden, append(text, '\n'), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(string(bytes.TrimSpace(want)), string(text)); d != "" {
				t.Error(d)
			}
		})
	}
}

var update = flag.Bool("update", false, "write the golden files anew")
