package mapper_test

import (
	"flag"
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"

	"simscim/config"
	"simscim/mapper"
	"simscim/roster"
)

var update = flag.Bool("update", false, "write the reference and golden files anew")

func TestReferenceIsUpToDate(t *testing.T) {
	t.Parallel()
	const file = "../docs/rules.md"
	if *update {
		if err := os.WriteFile(file, []byte(mapper.Reference()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	have, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(have), mapper.Reference()); diff != "" {
		t.Errorf("docs/rules.md is stale; run go test ./mapper -run Reference -update\n%s", diff)
	}
}

// TestEveryExample runs the examples of the reference page as attribute rules.
func TestEveryExample(t *testing.T) {
	t.Parallel()
	compiler := mapper.NewCompiler()
	snap := snapshot([]roster.Person{{ID: "1", FamilyName: "Example"}}, nil)
	seen := map[string]bool{}
	for _, f := range mapper.Functions() {
		if len(f.Examples) == 0 || len(f.Signatures) == 0 || f.Doc == "" || seen[f.Name] {
			t.Errorf("%s lacks documentation, or has it twice", f.Name)
		}
		seen[f.Name] = true
		for _, e := range f.Examples {
			m, problems := compiler.Compile(mapper.Rules{Users: config.UserRules{Attributes: withUnique(
				attrs("urn:x:got:value=["+e.Rule+"]", "urn:x:want:value=["+e.Result+"]", "urn:x:same:value=("+e.Rule+") == ("+e.Result+")"), "person.id")}})
			if m == nil {
				t.Errorf("%s: %v", e.Rule, problems)
				continue
			}
			user := m.Map(snap, newNamer()).Users[0]
			got, _ := user.Attributes.Get("urn:x:got:value")
			want, _ := user.Attributes.Get("urn:x:want:value")
			if same, _ := user.Attributes.Get("urn:x:same:value"); same != true {
				t.Errorf("%s yields %v, and the page says %v", e.Rule, got, want)
			}
		}
	}
}
