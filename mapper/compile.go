package mapper

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"simscim/config"
	"simscim/roster"
	"simscim/scim"
)

// Rules are the effective rules of one entry of sites, as the configuration has
// merged them.
type Rules struct {
	Match  []config.Text
	Adopt  bool
	Users  config.UserRules
	Groups []*config.GroupRule
	// Vars are what rules see as site.vars.
	Vars map[string]string
	// SourceScope stands before ids that are not globally unique; without it, the
	// name of the source that the site comes from does.
	SourceScope string
}

// Mapping is a set of compiled rules. It is safe for concurrent use.
type Mapping struct {
	// Match lists the attributes by which existing objects are recognised.
	Match []scim.Path
	// Adopt allows taking over existing objects that were not ours.
	Adopt bool

	vars    map[string]string
	scope   string
	include *rule
	// protect is the condition on who is left alone, nil for nobody.
	protect *rule
	key     *rule
	name    nameRule
	// password yields the kind of first password, nil for none.
	password *rule
	attrs    []attrRule
	// attrPaths are the paths of a user's attributes in order, with those that no
	// rule names; createOnly are those of them that are written at creation only.
	attrPaths  []scim.Path
	createOnly []scim.Path
	// layout says for each of attrPaths where its value comes from.
	layout []int
	groups []groupRule
}

// nameRule issues user names.
type nameRule struct {
	// candidates are tried in order; a single plain rule has one.
	candidates []candidate
	// numbered says that the candidates may be varied when they are all taken.
	numbered bool
	rename   bool
}

// candidate is one rule for a user name. tail is the part of it from the last @ on,
// where that can be told: it serves the fallback for people whose name spells nothing.
type candidate struct{ rule, tail *rule }

// attrRule is the rule of one attribute.
type attrRule struct {
	path  scim.Path
	want  resultKind
	value *rule
	// fallback is used when value yields nothing.
	fallback *rule
	create   bool
}

// groupRule makes groups.
type groupRule struct {
	from       roster.GroupKind
	derive     string
	where      string
	by         *rule
	include    *rule
	members    *rule
	name       *rule
	attrs      []attrRule
	createOnly []scim.Path
	keepEmpty  bool
}

// Compile checks and compiles rules. It reports every problem of every rule at once.
func Compile(rules Rules) (*Mapping, config.Problems) { return NewCompiler().Compile(rules) }

// Compile checks and compiles rules. It reports every problem of every rule at once;
// the mapping is nil when there are any.
func (c *Compiler) Compile(rules Rules) (*Mapping, config.Problems) {
	k := &checker{Compiler: c, vars: rules.Vars}
	m := &Mapping{Adopt: rules.Adopt, vars: rules.Vars, scope: rules.SourceScope}
	k.match(m, rules.Match)
	person := []string{"person", "site", "academicYear", "today"}
	m.include = k.compile(rules.Users.Include, slot{"users.include", person, wantBool})
	m.protect = k.compile(rules.Users.Protect, slot{"users.protect", person, wantBool})
	m.key = k.compile(rules.Users.Key, slot{"users.key", person, wantText})
	m.password = k.compile(rules.Users.Password, slot{"users.password", append(slices.Clone(person), "userName"), wantPassword})
	k.users(m, rules.Users, person)
	k.groups(m, rules.Groups)
	if len(k.problems) > 0 {
		return nil, k.problems.Sort()
	}
	m.arrange()
	m.createOnly = createOnly(m.attrs)
	return m, nil
}

// arrange puts the attributes in order once, so that it need not be done for each
// person.
func (m *Mapping) arrange() {
	from := map[scim.Path]int{"active": fromNothing, "externalId": fromKey, "userName": fromName}
	for i, a := range m.attrs {
		from[a.path] = i
	}
	m.attrPaths = slices.Sorted(maps.Keys(from))
	for _, path := range m.attrPaths {
		m.layout = append(m.layout, from[path])
	}
}

func createOnly(attrs []attrRule) []scim.Path {
	var paths []scim.Path
	for _, a := range attrs {
		if a.create {
			paths = append(paths, a.path)
		}
	}
	slices.Sort(paths)
	return paths
}

// match checks the attributes by which existing objects are recognised. externalId
// may stand here, though no rule may write it.
func (c *checker) match(m *Mapping, match []config.Text) {
	for i, t := range match {
		where := fmt.Sprintf("match[%d]", i)
		path, err := scim.ParsePath(t.Value)
		if err != nil {
			c.problem(t.At, where, err.Error())
			continue
		}
		if path != "externalId" {
			want, what := checkPath(scim.User, path)
			if what == "" && want != wantText && want != wantAny {
				what = fmt.Sprintf("%s cannot be matched by: it is not text", path)
			}
			if what != "" {
				c.problem(t.At, where, what)
				continue
			}
		}
		if slices.Contains(m.Match, path) {
			c.problem(t.At, where, fmt.Sprintf("%s stands here twice", path))
			continue
		}
		m.Match = append(m.Match, path)
	}
}

// users compiles the rules of a user's attributes.
func (c *checker) users(m *Mapping, rules config.UserRules, sees []string) {
	named := false
	for _, p := range c.paths(scim.User, "users.attributes", rules.Attributes) {
		if p.path == "userName" {
			named = true
			c.userName(m, p, sees)
			continue
		}
		if a, ok := c.attribute(p, append(slices.Clone(sees), "userName")); ok {
			m.attrs = append(m.attrs, a)
		}
	}
	if !named {
		at := rules.Include.At
		if len(rules.Attributes) > 0 {
			at = rules.Attributes[0].Path.At
		}
		c.problem(at, "users.attributes", "there is no rule for userName, which every account needs (RFC 7643 §4.1.1)")
	}
}

// ruleAt is an attribute rule whose path is good.
type ruleAt struct {
	*config.AttributeRule
	path  scim.Path
	want  resultKind
	where string
}

// paths checks the paths of attribute rules, one by one and against each other.
func (c *checker) paths(kind scim.Kind, where string, rules config.AttributeRules) []ruleAt {
	var good []ruleAt
	for _, r := range rules {
		at := r.Path.At
		p := ruleAt{AttributeRule: r, where: where + "." + r.Path.Value}
		path, err := scim.ParsePath(r.Path.Value)
		if err != nil {
			c.problem(at, p.where, err.Error())
			continue
		}
		p.path = path
		var what string
		if p.want, what = checkPath(kind, path); what != "" {
			c.problem(at, p.where, what)
			continue
		}
		if i := slices.IndexFunc(good, func(o ruleAt) bool { return sameSpot(o.path, path) }); i >= 0 {
			o := good[i]
			if o.path == path {
				c.problem(at, p.where, fmt.Sprintf("there is a rule for %s already, in line %d", path, o.Path.At.Line))
			} else {
				c.problem(at, p.where, fmt.Sprintf("the rule for %s in line %d writes the same attribute", o.path, o.Path.At.Line))
			}
			continue
		}
		if what := r.Apply; what != "" && what != "always" && what != "create" {
			c.problem(at, p.where+".apply", fmt.Sprintf("%q is not known; there is always, create", what))
		}
		good = append(good, p)
	}
	return good
}

// attribute compiles the rule of any attribute but userName.
func (c *checker) attribute(p ruleAt, sees []string) (attrRule, bool) {
	a := attrRule{path: p.path, want: p.want, create: p.Apply == "create"}
	before := len(c.problems)
	if len(p.Unique) > 0 {
		c.problem(p.Unique[0].At, p.where+".unique", "only userName can be unique")
	}
	if p.Value.IsZero() && len(p.Unique) == 0 {
		c.problem(p.Path.At, p.where, "there is no rule; give a value")
	}
	a.value = c.compile(p.Value, slot{p.where, sees, p.want})
	a.fallback = c.compile(p.Default, slot{p.where + ".default", sees, p.want})
	return a, len(c.problems) == before
}

// userName compiles the rules for the user name.
func (c *checker) userName(m *Mapping, p ruleAt, sees []string) {
	exprs := p.Unique
	switch {
	case len(exprs) > 0 && !p.Value.IsZero():
		c.problem(p.Value.At, p.where, "give either a value or unique, not both")
	case len(exprs) == 0 && p.Value.IsZero():
		c.problem(p.Path.At, p.where, "there is no rule; give a value, or a list of rules as unique")
	case len(exprs) == 0:
		exprs = []config.Expr{p.Value}
		m.name.rename = p.Apply == "always"
	}
	if !p.Default.IsZero() {
		c.problem(p.Default.At, p.where+".default", "userName takes no default: further rules under unique serve the same end")
	}
	m.name.numbered = len(p.Unique) > 0
	for i, e := range exprs {
		where := p.where
		if m.name.numbered {
			where = fmt.Sprintf("%s.unique[%d]", p.where, i)
		}
		if e.IsZero() {
			c.problem(e.At, where, "the rule is empty")
			continue
		}
		s := slot{where, sees, wantText}
		if r := c.compile(e, s); r != nil {
			m.name.candidates = append(m.name.candidates, candidate{rule: r, tail: c.tail(e, s)})
		}
	}
}

// groups compiles the rules for groups.
func (c *checker) groups(m *Mapping, rules []*config.GroupRule) {
	derived := map[string]int{}
	for i, r := range rules {
		where := fmt.Sprintf("groups[%d]", i)
		g := groupRule{where: where, from: roster.GroupKind(r.From), derive: strings.TrimSpace(r.Derive.Value), keepEmpty: r.KeepEmpty}
		switch {
		case r.From != "" && g.derive != "":
			c.problem(r.At, where, "give either from or derive, not both")
		case r.From != "":
			c.fromRule(&g, r)
		case g.derive != "":
			if strings.Contains(g.derive, ":") {
				c.problem(r.Derive.At, where+".derive", "the name may not hold a colon")
			}
			if line, twice := derived[g.derive]; twice {
				c.problem(r.Derive.At, where+".derive", fmt.Sprintf("there is a group %q already, in line %d", g.derive, line))
			}
			derived[g.derive] = r.At.Line
			c.deriveRule(&g, r)
		default:
			c.problem(r.At, where, "give from (a kind of group that the school keeps) or derive (a name)")
		}
		if r.DisplayName.IsZero() {
			c.problem(r.At, where+".displayName", "a group needs a rule for its name")
		}
		g.createOnly = createOnly(g.attrs)
		m.groups = append(m.groups, g)
	}
}

func (c *checker) fromRule(g *groupRule, r *config.GroupRule) {
	kinds := []string{string(roster.YearGroup), string(roster.Registration), string(roster.House), string(roster.Class)}
	if !slices.Contains(kinds, r.From) {
		c.problem(r.At, g.where+".from", fmt.Sprintf("%q is not a kind of group%s", r.From, orNearest(r.From, kinds)))
	}
	if !r.By.IsZero() {
		c.problem(r.By.At, g.where+".by", "by goes with derive")
	}
	sees := []string{"group", "site", "academicYear", "today"}
	g.include = c.compile(r.Include, slot{g.where + ".include", sees, wantBool})
	g.members = c.compile(r.Members, slot{g.where + ".members", append([]string{"person", "role"}, sees...), wantBool})
	c.groupAttributes(g, r, sees)
}

func (c *checker) deriveRule(g *groupRule, r *config.GroupRule) {
	if !r.Members.IsZero() {
		c.problem(r.Members.At, g.where+".members", "members goes with from; who is in a derived group is decided by include")
	}
	person := []string{"person", "site", "academicYear", "today"}
	g.include = c.compile(r.Include, slot{g.where + ".include", person, wantBool})
	g.by = c.compile(r.By, slot{g.where + ".by", person, wantTexts})
	sees := []string{"site", "academicYear", "today"}
	if !r.By.IsZero() {
		sees = append([]string{"value"}, sees...)
	}
	c.groupAttributes(g, r, sees)
}

func (c *checker) groupAttributes(g *groupRule, r *config.GroupRule, sees []string) {
	g.name = c.compile(r.DisplayName, slot{g.where + ".displayName", sees, wantText})
	for _, p := range c.paths(scim.Group, g.where+".attributes", r.Attributes) {
		if a, ok := c.attribute(p, sees); ok {
			g.attrs = append(g.attrs, a)
		}
	}
}
