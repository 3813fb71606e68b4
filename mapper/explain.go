package mapper

import (
	"slices"

	"cel.dev/cel-go/common/types"

	"simscim/config"
	"simscim/roster"
	"simscim/scim"
)

// Explanation says how one person's record becomes an account, or why it does not.
// It holds the person's data and is for terminals only.
type Explanation struct {
	// Person is the record; nil if the snapshot has none of that id, and then nothing
	// else is set.
	Person *roster.Person
	// InScope tells whether the person gets an account, by Include.
	InScope bool
	Include Trace
	// Key is the identity. Its trace has no rule where the default is used.
	Key Trace
	// Records are the ids of all records of this account, sorted; Main is the one whose
	// data the attributes come from.
	Records []string
	Main    string
	// Candidates are the rules for the user name and what they yield, spelled as user
	// names; UserName is the one that was issued.
	Candidates []Trace
	UserName   string
	Attributes []AttributeTrace
	// Password is the rule for the first password; without text if there is none.
	Password Trace
	// Groups are those of the groups that the rules looked at the person for.
	Groups []GroupTrace
	// Problems are the rules that failed, as Map reports them for this person.
	Problems []Problem
}

// Trace is a rule and what came of it.
type Trace struct {
	// Where is the path of the rule, such as users.include, and At its place.
	Where string
	At    config.Pos
	Rule  string
	Value any
	// Err says why the rule failed, without a value; empty if it did not.
	Err string
}

// AttributeTrace is one attribute and where it comes from.
type AttributeTrace struct {
	Path  scim.Path
	Value any
	// Rule is the rule for it, without text for externalId, userName and an active
	// that no rule names. Default is set where that rule was used.
	Rule    Trace
	Default *Trace
	// CreateOnly tells that it is written only when the account is made.
	CreateOnly bool
}

// GroupTrace is one group, and whether the person is in it.
type GroupTrace struct {
	Key, SourceID string
	DisplayName   string
	Role          roster.Role
	// Where is the path of the group's rule.
	Where string
	In    bool
	// Err says which rule failed, and why.
	Err string
}

// Explain works out for one person what Map works out for everybody, and keeps the
// steps. names is asked for that person's user name only.
func (m *Mapping) Explain(snap *roster.Snapshot, personID string, names Namer) Explanation {
	w := m.begin(snap)
	w.findScope()
	w.link()
	e := w.byPerson[personID]
	if e == nil {
		return Explanation{}
	}
	s := w.base
	s.person.Person = e.person
	x := Explanation{Person: e.person, InScope: e.inOut == inScope, Include: m.include.trace(&s), Key: m.key.trace(&s), Main: personID}
	if m.include == nil {
		x.Include.Value = true
	}
	if m.key == nil {
		x.Key.Value, _ = m.keyOf(&s)
	}
	if e.err != nil {
		x.Problems = append(x.Problems, *e.err)
	}
	x.Records = w.records(e)
	if !e.counts() {
		return x
	}
	if i := slices.IndexFunc(w.accounts, func(a account) bool { return a.key == e.key }); i >= 0 {
		a := &w.accounts[i]
		x.Main = a.main.person.ID
		s.person.Person = a.main.person
		w.explainUser(&x, &s, a, names)
	}
	for _, id := range x.Records {
		w.explainGroups(&x, &s, w.byPerson[id])
	}
	return x
}

// records lists the records of the account that e belongs to.
func (w *work) records(e *entry) []string {
	ids := []string{e.person.ID}
	for i := range w.entries {
		if o := &w.entries[i]; o != e && e.counts() && o.counts() && o.key == e.key {
			ids = append(ids, o.person.ID)
		}
	}
	slices.Sort(ids)
	return ids
}

func (w *work) explainUser(x *Explanation, s *scope, a *account, names Namer) {
	for i := range w.name.candidates {
		c := &w.name.candidates[i]
		t := c.rule.trace(s)
		if t.Err == "" {
			t.Value = c.name(s)
		}
		x.Candidates = append(x.Candidates, t)
	}
	w.issueName(s, a, names)
	x.UserName = a.name
	if a.err != nil {
		x.Problems = append(x.Problems, *a.err)
		return
	}
	s.userName = types.String(a.name)
	_, path, err := w.attributes(s, a.key, a.name)
	if err == nil {
		path = "password"
		_, err = w.passwordFor(s)
	}
	if err != nil {
		a.fail(path, err.Error())
		x.Problems = append(x.Problems, *a.err)
	}
	x.Password = w.password.trace(s)
	for i, from := range w.layout {
		t := AttributeTrace{Path: w.attrPaths[i]}
		switch from {
		case fromKey:
			t.Value = a.key
		case fromName:
			t.Value = a.name
		case fromNothing:
			t.Value = true
		default:
			t = w.attrs[from].trace(s)
		}
		x.Attributes = append(x.Attributes, t)
	}
}

// trace runs a rule and keeps what came of it; no rule leaves an empty trace.
func (r *rule) trace(s *scope) Trace {
	if r == nil {
		return Trace{}
	}
	t := Trace{Where: r.where, At: r.expr.At, Rule: r.expr.Text}
	v, err := r.eval(s)
	if err != nil {
		t.Err = err.Error()
		return t
	}
	t.Value = v
	return t
}

func (a *attrRule) trace(s *scope) AttributeTrace {
	t := AttributeTrace{Path: a.path, Rule: a.value.trace(s), CreateOnly: a.create}
	if t.Rule.Err == "" && t.Rule.Value == nil && a.fallback != nil {
		d := a.fallback.trace(s)
		t.Default = &d
	}
	v, err := a.eval(s)
	if err != nil && t.Rule.Err == "" && (t.Default == nil || t.Default.Err == "") {
		t.Rule.Err = err.Error() // of the wrong type
	}
	t.Value = v
	return t
}

// explainGroups finds the groups of one record.
func (w *work) explainGroups(x *Explanation, s *scope, e *entry) {
	for _, ms := range w.snap.Memberships {
		if ms.Person != e.person.ID {
			continue
		}
		i := slices.IndexFunc(w.snap.Groups, func(g roster.Group) bool { return g.GroupKey == ms.Group })
		if i >= 0 {
			w.explainFrom(x, s, e, &w.snap.Groups[i], ms.Role)
		}
	}
	s.person.Person = e.person
	for i := range w.groups {
		g := &w.groups[i]
		if g.derive == "" {
			continue
		}
		key := w.snap.Site.ID + ":derived:" + g.derive
		values, err := g.valuesFor(s)
		if err != nil {
			x.Groups = append(x.Groups, GroupTrace{Key: key, Where: g.where, Err: err.Error()})
		}
		for _, v := range values {
			t := GroupTrace{Key: key, Where: g.where, In: true}
			if g.by != nil {
				t.Key += ":" + v
			}
			s.value = types.String(v)
			t.name(s, g)
			x.Groups = append(x.Groups, t)
		}
	}
}

// explainFrom tells about one membership at the school.
func (w *work) explainFrom(x *Explanation, s *scope, e *entry, group *roster.Group, role roster.Role) {
	s.group, s.person.Person, s.role = group, e.person, types.String(role)
	for i := range w.groups {
		g := &w.groups[i]
		if g.from != group.Kind {
			continue
		}
		t := GroupTrace{Key: w.snap.Site.ID + ":" + group.GroupKey.String(), SourceID: group.GroupKey.String(), Role: role, Where: g.where}
		in, err := g.include.bool(s)
		if err == nil && !in {
			continue // a later rule may take the group
		}
		if err != nil {
			t.Err = "include: " + err.Error()
		} else if t.In, err = g.members.bool(s); err != nil {
			t.Err = "members: " + err.Error()
		} else {
			t.name(s, g)
		}
		x.Groups = append(x.Groups, t)
		return
	}
}

func (t *GroupTrace) name(s *scope, g *groupRule) {
	name, err := g.name.text(s)
	if err != nil {
		t.Err = "displayName: " + err.Error()
	}
	t.DisplayName = name
}
