package mapper

import (
	"slices"

	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/types"

	"simscim/roster"
)

// Want tells which kinds of person can be in scope, and which fields of a person the
// rules read, so that the source need not fetch or keep any others. Fields are named
// as rules write them; "identifiers.upn" is one id, "identifiers" are all of them.
// The kinds are all three unless include rules some out for certain.
func (m *Mapping) Want() (kinds []roster.Kind, fields []string) {
	kinds = allKinds()
	if m.include != nil {
		kinds = m.include.kinds
	}
	uses := map[string]bool{}
	m.eachRule(func(r *rule) {
		for _, use := range r.uses {
			uses[use] = true
		}
	})
	for use := range uses {
		fields = append(fields, use)
	}
	slices.Sort(fields)
	return slices.Clone(kinds), fields
}

// eachRule visits every rule that there is.
func (m *Mapping) eachRule(visit func(*rule)) {
	some := func(rules ...*rule) {
		for _, r := range rules {
			if r != nil {
				visit(r)
			}
		}
	}
	some(m.include, m.protect, m.key, m.password)
	for _, c := range m.name.candidates {
		some(c.rule)
	}
	for _, a := range m.attrs {
		some(a.value, a.fallback)
	}
	for _, g := range m.groups {
		some(g.by, g.include, g.members, g.name)
		for _, a := range g.attrs {
			some(a.value, a.fallback)
		}
	}
}

func allKinds() []roster.Kind {
	return []roster.Kind{roster.Student, roster.Staff, roster.Contact}
}

// possibleKinds tells for which kinds of person a condition can hold. It knows
// comparisons of person.kind joined by && and ||; of anything else it assumes that
// it can hold for all.
func (w *walker) possibleKinds(e ast.Expr) []roster.Kind {
	if e.Kind() == ast.LiteralKind && e.AsLiteral() == types.False {
		return nil
	}
	if e.Kind() != ast.CallKind {
		return allKinds()
	}
	args := e.AsCall().Args()
	switch e.AsCall().FunctionName() {
	case operators.LogicalAnd:
		kinds := allKinds()
		for _, arg := range args {
			some := w.possibleKinds(arg)
			kinds = slices.DeleteFunc(kinds, func(k roster.Kind) bool { return !slices.Contains(some, k) })
		}
		return kinds
	case operators.LogicalOr:
		var some []roster.Kind
		for _, arg := range args {
			some = append(some, w.possibleKinds(arg)...)
		}
		return slices.DeleteFunc(allKinds(), func(k roster.Kind) bool { return !slices.Contains(some, k) })
	case operators.Equals:
		return w.comparedKinds(args[0], args[1:], true)
	case operators.NotEquals:
		return w.comparedKinds(args[0], args[1:], false)
	case operators.In:
		if args[1].Kind() == ast.ListKind {
			return w.comparedKinds(args[0], args[1].AsList().Elements(), true)
		}
	}
	return allKinds()
}

// comparedKinds handles person.kind compared with literal texts.
func (w *walker) comparedKinds(left ast.Expr, right []ast.Expr, equal bool) []roster.Kind {
	if len(right) == 1 && left.Kind() == ast.LiteralKind {
		left, right = right[0], []ast.Expr{left}
	}
	if v, field := w.structField(left); v == nil || v.Name != "person" || field != "kind" {
		return allKinds()
	}
	var named []roster.Kind
	for _, e := range right {
		s, ok := types.String(""), false
		if e.Kind() == ast.LiteralKind {
			s, ok = e.AsLiteral().(types.String)
		}
		if !ok {
			return allKinds()
		}
		named = append(named, roster.Kind(s))
	}
	return slices.DeleteFunc(allKinds(), func(k roster.Kind) bool { return slices.Contains(named, k) != equal })
}
