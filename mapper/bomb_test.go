package mapper_test

import (
	"strings"
	"testing"

	"simscim/mapper"
	"simscim/roster"
)

// TestGrowth: texts that grow tenfold with each step are stopped, at load where they
// depend on nobody and for the person where they do.
func TestGrowth(t *testing.T) {
	t.Parallel()
	grow := strings.Repeat(".replace('a', 'aaaaaaaaaa')", 30)
	if _, problems := mapper.Compile(oneAttribute("title='a'" + grow)); len(problems) != 1 {
		t.Error(problems)
	}
	for _, rule := range []string{
		"person.house" + grow, "lower(person.house)" + grow, "lower(person.house" + grow + ")",
		"coalesce(person.house, '')" + grow, "person.house.split('')[0]" + grow, "[1].map(x, person.house" + grow + ")[0]",
	} {
		m, problems := mapper.Compile(oneAttribute("title=" + rule))
		if m == nil {
			t.Logf("%.30s: %v", rule, problems)
			continue
		}
		d := m.Map(snapshot([]roster.Person{{ID: "1", FamilyName: "A", House: "a"}}, nil), newNamer())
		if len(d.Problems) != 1 {
			t.Errorf("%.30s: %d users", rule, len(d.Users))
		}
	}
}
