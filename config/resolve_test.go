package config

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

const resolveFile = `version: 1
sources:
  sims: {type: sims-id, credentials: [{organisation: 3b1e2f64-9c0d-4c3e-8a51-0f6f0d7c9b12, clientID: env:A, clientSecret: env:B}]}
  other: {type: sims-id, credentials: [{organisation: 3b1e2f64-9c0d-4c3e-8a51-0f6f0d7c9b13, clientID: env:A, clientSecret: env:B}]}
targets:
  directory: {type: scim, url: https://idp.example, auth: {type: bearer, token: env:T}}
mappings:
  standard:
    match: [externalId, userName]
    users:
      attributes:
        userName: {unique: [person.username]}
        title: person.yearGroup
        displayName: person.givenName
    groups:
      - {from: class, displayName: group.name}
  plain: {users: {attributes: {userName: person.id}}}
sites:
  - {match: {dfe: 123/4567}, source: other, targets: [directory], mapping: plain}
  - match: {dfe: "123 4567"}
    targets: [directory]
    mapping: standard
    vars: {prefix: OAK}
    override:
      adopt: true
      users:
        include: person.kind == 'staff'
        attributes:
          Title: null
          DISPLAYNAME: person.familyName
          locale: "'en-GB'"
      groups:
        - {derive: staff, displayName: "'Staff'"}
    safeguards: {deleteUsers: {count: 3}}
    leavers: {graceHours: 48}
  - {match: {organisation: AB1E2F64-9C0D-4C3E-8A51-0F6F0D7C9B12}, targets: [directory], mapping: plain}
  - {match: {name: "St * ?chool", phase: Primary}, targets: [directory], mapping: plain}
  - {match: '*', source: sims, targets: [directory], mapping: plain}
safeguards: {suspendUsers: {count: 7}}
`

func resolveConfig(t *testing.T) *Config {
	t.Helper()
	cfg, problems := Parse("r.yaml", []byte(resolveFile))
	if problems != nil {
		t.Fatal(problems)
	}
	return cfg
}

func TestResolve(t *testing.T) {
	t.Parallel()
	cfg := resolveConfig(t)
	for _, c := range []struct {
		name string
		ref  SiteRef
		want int
	}{
		{"DfE number in another form, source fits", SiteRef{Source: "other", DfE: "123-4567"}, 0},
		{"DfE number, first entry is for another source", SiteRef{Source: "sims", DfE: "1234567"}, 1},
		{"organisation in lower case", SiteRef{Source: "other", ID: "ab1e2f64-9c0d-4c3e-8a51-0f6f0d7c9b12"}, 2},
		{"name pattern and phase, any case", SiteRef{Source: "other", Name: "ST MARY'S SCHOOL", Phase: "primary"}, 3},
		{"all conditions must hold", SiteRef{Source: "other", Name: "St Mary's School", Phase: "secondary"}, -1},
		{"a star takes the rest of its source", SiteRef{Source: "sims", Name: "Oakfield"}, 4},
		{"nothing fits", SiteRef{Source: "other", Name: "Oakfield"}, -1},
		{"an empty DfE number fits no condition", SiteRef{Source: "other", DfE: ""}, -1},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			got, ok := cfg.Resolve(c.ref)
			switch {
			case ok != (c.want >= 0):
				t.Fatalf("found: %v", ok)
			case ok && (got.Index != c.want || got != cfg.Entries()[c.want]):
				t.Errorf("got entry %d, want %d", got.Index, c.want)
			}
		})
	}
}

func TestDescribe(t *testing.T) {
	t.Parallel()
	var got []string
	for _, o := range resolveConfig(t).Entries()[1].Describe() {
		got = append(got, strings.TrimSpace(fmt.Sprintf("%s = %s [%s] %s", o.Path, o.Value, o.From, o.At)))
	}
	want := []string{
		"sites[1] = dfe: 123 4567 [site] r.yaml:20:5",
		"targets = directory [site] r.yaml:21:5",
		"mapping = standard [site] r.yaml:22:5",
		"vars.prefix = OAK [site] r.yaml:23:12",
		"schedule = 15 2 * * * [default]",
		"match = externalId, userName [mapping standard] r.yaml:9:5",
		"adopt = true [override] r.yaml:25:7",
		"users.include = person.kind == 'staff' [override] r.yaml:27:9",
		"users.attributes.userName = unique: person.username [mapping standard] r.yaml:12:9",
		"users.attributes.DISPLAYNAME = person.familyName [override] r.yaml:30:11",
		"users.attributes.locale = 'en-GB' [override] r.yaml:31:11",
		"groups[0] = derive: staff; displayName: 'Staff' [override] r.yaml:33:11",
		"safeguards.deleteGroups = more than 20 % or 200 changes (percent from 10 up) [default]",
		"safeguards.deleteUsers = more than 3 changes [site] r.yaml:34:18",
		"safeguards.removeMembers = more than 50 % (percent from 10 up) of each group [default]",
		"safeguards.suspendUsers = more than 7 changes [general] r.yaml:39:14",
		"leavers.graceSnapshots = 2 [default]",
		"leavers.graceHours = 48 [site] r.yaml:35:15",
		"leavers.deleteAfterDays = 90 [default]",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// An override changes its own entry only.
func TestOverrideLeavesMappingAlone(t *testing.T) {
	t.Parallel()
	cfg := resolveConfig(t)
	m := cfg.Mappings["standard"]
	if len(m.Users.Attributes) != 3 || m.Adopt || len(m.Groups) != 1 || m.Groups[0].From != "class" {
		t.Errorf("the mapping was changed: %+v", m)
	}
	if s := cfg.Entries()[3]; len(s.Safeguards) != 4 || s.Safeguards["deleteUsers"].Percent == nil {
		t.Errorf("the safeguards of another entry were changed: %+v", s.Safeguards)
	}
}

func TestOverrideMayEmptyGroups(t *testing.T) {
	t.Parallel()
	cfg, problems := parseFile(t, "testdata/good.every-key.yaml")
	if problems != nil {
		t.Fatal(problems)
	}
	first, second := cfg.Entries()[0], cfg.Entries()[1]
	if len(first.Groups) != 0 || len(second.Groups) != 2 {
		t.Errorf("groups: %d and %d, want 0 and 2", len(first.Groups), len(second.Groups))
	}
}

// globSlow is the definition of a pattern, in exponential time.
func globSlow(p, s []rune) bool {
	switch {
	case len(p) == 0:
		return len(s) == 0
	case p[0] == '*':
		return globSlow(p[1:], s) || len(s) > 0 && globSlow(p, s[1:])
	default:
		return len(s) > 0 && (p[0] == '?' || p[0] == s[0]) && globSlow(p[1:], s[1:])
	}
}

func TestGlobFollowsDefinition(t *testing.T) {
	t.Parallel()
	letters := rapid.SampledFrom([]rune("ab*?"))
	rapid.Check(t, func(t *rapid.T) {
		p := rapid.SliceOfN(letters, 0, 7).Draw(t, "pattern")
		s := rapid.SliceOfN(rapid.SampledFrom([]rune("ab")), 0, 9).Draw(t, "name")
		if got, want := glob(p, s), globSlow(p, s); got != want {
			t.Fatalf("glob(%q, %q) = %v, want %v", string(p), string(s), got, want)
		}
	})
}
