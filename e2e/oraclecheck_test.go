package e2e_test

import (
	"slices"
	"strings"
	"testing"
)

// TestOracleSees makes sure that a difference at the target does not escape the oracle.
func TestOracleSees(t *testing.T) {
	t.Parallel()
	r := newRig(t, setup{preset: "tiny", seed: 3})
	r.syncAndCompare()
	users, groups := r.there.read(t)
	no := false
	for name, spoil := range map[string]func(u []account, g []band) ([]account, []band){
		"should not be": func(u []account, g []band) ([]account, []band) {
			return append(u, account{ID: "x", ExternalID: "x"}), g
		},
		"is there twice":     func(u []account, g []band) ([]account, []band) { return append(u, u[0]), g },
		"is missing":         func(u []account, g []band) ([]account, []band) { return u[1:], g },
		"active":             func(u []account, g []band) ([]account, []band) { u[0].Active = &no; return u, g },
		"user name":          func(u []account, g []band) ([]account, []band) { u[0].UserName += "x"; return u, g },
		"family name":        func(u []account, g []band) ([]account, []band) { u[0].Name.Family += "x"; return u, g },
		"e-mail":             func(u []account, g []band) ([]account, []band) { u[0].Emails = nil; return u, g },
		"department":         func(u []account, g []band) ([]account, []band) { u[0].Enterprise.Department = ""; return u, g },
		"is called":          func(u []account, g []band) ([]account, []band) { g[0].DisplayName += "x"; return u, g },
		"lacks":              func(u []account, g []band) ([]account, []band) { g[0].Members = g[0].Members[1:]; return u, g },
		"who does not exist": func(u []account, g []band) ([]account, []band) { g[0].Members[0].Value = "x"; return u, g },
	} {
		g := slices.Clone(groups)
		for i := range g {
			g[i].Members = slices.Clone(g[i].Members)
		}
		problems := r.oracle.compare(spoil(slices.Clone(users), g))
		if !strings.Contains(strings.Join(problems, "\n"), name) {
			t.Errorf("a directory where something %s was not found out: %q", name, problems)
		}
		r.compare() // puts back what the oracle remembers
	}
}
