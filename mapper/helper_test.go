package mapper_test

import (
	"fmt"
	"iter"
	"strings"
	"testing"
	"time"

	"simscim/config"
	"simscim/mapper"
	"simscim/roster"
	"simscim/scim"
)

// namer is a name space in memory: names once issued stay.
type namer struct {
	issued map[string]string
	taken  map[string]string
	tried  map[string][]string
}

func newNamer() *namer {
	return &namer{issued: map[string]string{}, taken: map[string]string{}, tried: map[string][]string{}}
}

func (n *namer) Expect(keys []string) (nameless []string) {
	for _, key := range keys {
		if n.issued[key] == "" {
			nameless = append(nameless, key)
		}
	}
	return nameless
}

func (n *namer) Offer([]string) {}

func (n *namer) Name(key string, candidates iter.Seq[string], rename bool) (string, error) {
	old := n.issued[key]
	if old != "" && !rename {
		return old, nil
	}
	for c := range candidates {
		n.tried[key] = append(n.tried[key], c)
		if owner, ok := n.taken[scim.Fold(c)]; !ok || owner == key {
			n.issued[key], n.taken[scim.Fold(c)] = c, key
			return c, nil
		}
	}
	if old != "" {
		return old, nil
	}
	return "", fmt.Errorf("all names are taken")
}

// at makes an expression that stands at the start of a line.
func at(line int, text string) config.Expr {
	return config.Expr{Text: text, At: config.Pos{File: "site.yaml", Line: line, Col: 1}}
}

// attr makes attribute rules of path=rule texts, from line 10 on.
func attrs(pairs ...string) config.AttributeRules {
	var rules config.AttributeRules
	for i, pair := range pairs {
		path, rule, _ := strings.Cut(pair, "=")
		line := 10 + i
		rules = append(rules, &config.AttributeRule{
			Path:  config.Text{Value: path, At: config.Pos{File: "site.yaml", Line: line, Col: 1}},
			Value: config.Expr{Text: rule, At: config.Pos{File: "site.yaml", Line: line, Col: len(path) + 2}},
		})
	}
	return rules
}

// withUnique adds a user name rule with candidates.
func withUnique(rules config.AttributeRules, candidates ...string) config.AttributeRules {
	r := &config.AttributeRule{Path: config.Text{Value: "userName", At: config.Pos{File: "site.yaml", Line: 2, Col: 1}}}
	for i, c := range candidates {
		r.Unique = append(r.Unique, at(3+i, c))
	}
	return append(config.AttributeRules{r}, rules...)
}

const designName = "ascii(person.givenName).substring(0,1) + ascii(person.familyName) + '@' + site.vars.domain"

func mustCompile(t testing.TB, rules mapper.Rules) *mapper.Mapping {
	t.Helper()
	m, problems := mapper.Compile(rules)
	for _, p := range problems {
		t.Errorf("%d:%d %s: %s", p.At.Line, p.At.Col, p.Path, p.What)
	}
	if m == nil {
		t.FailNow()
	}
	return m
}

func snapshot(people []roster.Person, groups []roster.Group, members ...roster.Membership) *roster.Snapshot {
	b := roster.NewBuilder(roster.Site{ID: "S1", Source: "sims", Name: "Oakfield"}, time.Date(2026, 11, 23, 5, 0, 0, 0, time.UTC))
	for _, p := range people {
		if p.Kind == "" {
			p.Kind = roster.Student
		}
		if p.State == "" {
			p.State = roster.Current
		}
		b.AddPerson(p)
	}
	for _, g := range groups {
		b.AddGroup(g)
	}
	for _, m := range members {
		b.AddMembership(m)
	}
	return b.Finish()
}

func userNames(d *mapper.Desired) []string {
	var names []string
	for _, u := range d.Users {
		names = append(names, u.Attributes.String("userName"))
	}
	return names
}
