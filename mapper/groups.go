package mapper

import (
	"cmp"
	"slices"
	"strings"

	"cel.dev/cel-go/common/types"

	"simscim/roster"
	"simscim/scim"
)

// makeGroups runs the rules for groups in order. The first rule that takes a group of
// the school decides about it.
func (w *work) makeGroups() {
	members := map[roster.GroupKey][]roster.Membership{}
	if slices.ContainsFunc(w.groups, func(g groupRule) bool { return g.from != "" }) {
		for _, ms := range w.snap.Memberships {
			members[ms.Group] = append(members[ms.Group], ms)
		}
	}
	taken := map[roster.GroupKey]bool{}
	s := w.base
	for i := range w.groups {
		g := &w.groups[i]
		if g.derive != "" {
			w.derive(&s, g)
			continue
		}
		for j := range w.snap.Groups {
			if group := &w.snap.Groups[j]; group.Kind == g.from && !taken[group.GroupKey] {
				taken[group.GroupKey] = w.fromGroup(&s, g, group, members[group.GroupKey])
			}
		}
	}
}

// fromGroup makes a group of one of the school's; it tells whether the rule takes it.
// A group whose members cannot all be decided on is a problem as a whole: a member
// left out for a failed rule would be a member removed.
func (w *work) fromGroup(s *scope, g *groupRule, group *roster.Group, members []roster.Membership) bool {
	s.group = group
	out := Group{Key: w.snap.Site.ID + ":" + group.GroupKey.String(), SourceID: group.GroupKey.String()}
	in, err := g.include.bool(s)
	if err != nil {
		w.groupProblem(out, "", "include: "+err.Error())
		return true
	}
	if !in {
		return false
	}
	for _, ms := range members {
		e := w.byPerson[ms.Person]
		if e == nil || !e.counts() {
			continue
		}
		if g.members != nil {
			s.person.Person, s.role = e.person, types.String(ms.Role)
			in, err := g.members.bool(s)
			if err != nil {
				w.groupProblem(out, "", "members: "+err.Error())
				return true
			}
			if !in {
				continue
			}
		}
		out.Members = append(out.Members, e.key)
	}
	w.addGroup(s, g, out)
	return true
}

// counts tells whether a record makes its person a member of groups.
func (e *entry) counts() bool {
	return e.key != "" && (e.inOut == inScope || e.inOut == inDoubt && (e.err == nil || e.err.Key != ""))
}

// derive makes a group of our own, or one for each value.
func (w *work) derive(s *scope, g *groupRule) {
	key := w.snap.Site.ID + ":derived:" + g.derive
	groups := map[string]*Group{}
	if g.by == nil {
		groups[""] = &Group{Key: key}
	}
	failed := ""
	for i := range w.entries {
		e := &w.entries[i]
		if !e.counts() {
			continue
		}
		s.person.Person = e.person
		values, err := g.valuesFor(s)
		if err != nil {
			failed = cmp.Or(failed, err.Error())
			continue
		}
		for _, v := range values {
			if groups[v] == nil {
				groups[v] = &Group{Key: key + ":" + v}
			}
			groups[v].Members = append(groups[v].Members, e.key)
		}
	}
	if failed != "" && g.by != nil {
		// Which of the groups the person is in is not known, nor whether one of them
		// has nobody else: all of them stay as they are.
		w.groupProblem(Group{Key: key}, "", failed)
	}
	for v, out := range groups {
		switch {
		case failed != "":
			w.groupProblem(*out, "", failed)
		case len(out.Members) > 0 || g.keepEmpty:
			s.value = types.String(v)
			w.addGroup(s, g, *out)
		}
	}
}

// valuesFor tells which of a rule's groups the person in the scope belongs to. A rule
// without by has one group, of the value "".
func (g *groupRule) valuesFor(s *scope) ([]string, error) {
	in, err := g.include.bool(s)
	if err != nil {
		return nil, ruleError("include: " + err.Error())
	}
	switch {
	case !in:
		return nil, nil
	case g.by == nil:
		return []string{""}, nil
	}
	v, err := g.by.eval(s)
	if err != nil {
		return nil, ruleError("by: " + err.Error())
	}
	var values []string
	switch v := v.(type) {
	case string:
		values = append(values, v)
	case []any:
		for _, item := range v {
			if text, ok := item.(string); ok {
				values = append(values, text)
			}
		}
	}
	return values, nil
}

// addGroup names a group, gives it its attributes and takes it over.
func (w *work) addGroup(s *scope, g *groupRule, out Group) {
	name, err := g.name.text(s)
	switch name = strings.TrimSpace(name); {
	case err != nil:
		w.groupProblem(out, "displayName", err.Error())
		return
	case name == "":
		w.groupProblem(out, "displayName", "the rule for the group's name yields nothing")
		return
	}
	out.Attributes = append(make(scim.Attributes, 0, len(g.attrs)+2),
		scim.Attribute{Path: "displayName", Value: name}, scim.Attribute{Path: "externalId", Value: out.Key})
	for i := range g.attrs {
		v, err := g.attrs[i].eval(s)
		if err != nil {
			w.groupProblem(out, g.attrs[i].path, err.Error())
			return
		}
		out.Attributes = append(out.Attributes, scim.Attribute{Path: g.attrs[i].path, Value: v})
	}
	out.Attributes = out.Attributes.Sort()
	out.CreateOnly = g.createOnly
	slices.Sort(out.Members)
	out.Members = slices.Compact(out.Members)
	w.desired.Groups = append(w.desired.Groups, out)
}

func (w *work) groupProblem(g Group, path scim.Path, reason string) {
	w.desired.Problems = append(w.desired.Problems, Problem{Kind: scim.Group, SourceID: g.SourceID, Key: g.Key, Path: path, Reason: reason})
}
