package mapper

import (
	"fmt"
	"slices"
	"strings"

	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/types"
)

// walker goes through a parsed expression before the type checker does. It knows the
// configuration: which variables this place has, which vars the site sets. It notes
// what the expression depends on.
type walker struct {
	variables map[string]*Variable
	sees      []string
	vars      map[string]string
	report    func(id int64, what string)

	bound []string
	// asked are the site.vars.x that the expression asks for with has().
	asked map[string]bool
	uses  map[string]bool
	// idents counts the uses of variables; without any, the rule is constant.
	idents int
	loops  bool
}

// walk notes the questions of has() first, because they may stand after the use.
func (w *walker) walk(e ast.Expr) {
	ast.PreOrderVisit(e, ast.NewExprVisitor(func(e ast.Expr) {
		if e.Kind() == ast.SelectKind && e.AsSelect().IsTestOnly() {
			if v, field := w.structField(e.AsSelect().Operand()); v != nil && v.Name+"."+field == "site.vars" {
				w.asked[e.AsSelect().FieldName()] = true
			}
		}
	}))
	w.visit(e)
}

func (w *walker) visit(e ast.Expr) {
	switch e.Kind() {
	case ast.IdentKind:
		w.ident(e)
	case ast.SelectKind:
		w.selection(e)
	case ast.CallKind:
		w.call(e)
	case ast.ListKind:
		for _, item := range e.AsList().Elements() {
			w.visit(item)
		}
	case ast.MapKind:
		for _, entry := range e.AsMap().Entries() {
			w.visit(entry.AsMapEntry().Key())
			w.visit(entry.AsMapEntry().Value())
		}
	case ast.StructKind:
		w.report(e.ID(), "a rule may not make objects")
	case ast.ComprehensionKind:
		w.comprehension(e.AsComprehension())
	}
}

// ident is a variable that stands for itself, not followed by a field.
func (w *walker) ident(e ast.Expr) {
	v := w.variable(e)
	if v == nil {
		return
	}
	w.idents++
	if w.visible(e.ID(), v) && len(v.Fields) > 0 {
		w.report(e.ID(), fmt.Sprintf("%s alone is not a value; name one of its fields, such as %s.%s", v.Name, v.Name, v.Fields[0].Name))
	}
}

// variable returns the variable of ours that an identifier names, or nil.
func (w *walker) variable(e ast.Expr) *Variable {
	if e.Kind() != ast.IdentKind {
		return nil
	}
	name, absolute := strings.CutPrefix(e.AsIdent(), ".")
	if !absolute && slices.Contains(w.bound, name) {
		return nil
	}
	return w.variables[name]
}

func (w *walker) visible(id int64, v *Variable) bool {
	if slices.Contains(w.sees, v.Name) {
		return true
	}
	w.report(id, fmt.Sprintf("%s is not known here; there is %s", v.Name, strings.Join(w.sees, ", ")))
	return false
}

// structField returns the variable and the field of an expression such as person.id.
func (w *walker) structField(e ast.Expr) (*Variable, string) {
	if e.Kind() != ast.SelectKind {
		return nil, ""
	}
	if v := w.variable(e.AsSelect().Operand()); v != nil && len(v.Fields) > 0 {
		return v, e.AsSelect().FieldName()
	}
	return nil, ""
}

func (w *walker) selection(e ast.Expr) {
	sel := e.AsSelect()
	if v, field := w.structField(sel.Operand()); v != nil && (field == "identifiers" || field == "vars") {
		w.mapKey(e.ID(), sel.Operand(), v, field, sel.FieldName())
		return
	}
	if v, field := w.structField(e); v != nil {
		w.field(e.ID(), sel.Operand().ID(), v, field, "")
		return
	}
	w.visit(sel.Operand())
}

// field checks person.x and notes the use.
func (w *walker) field(id, operand int64, v *Variable, name, key string) {
	w.idents++
	if !w.visible(operand, v) {
		return
	}
	i := slices.IndexFunc(v.Fields, func(f Field) bool { return f.Name == name })
	if i < 0 {
		names := make([]string, len(v.Fields))
		for i, f := range v.Fields {
			names[i] = f.Name
		}
		w.report(id, fmt.Sprintf("%s has no field %q%s", v.Name, name, orNearest(name, names)))
		return
	}
	if v.Name != "person" {
		return
	}
	if key != "" {
		w.uses[name+"."+key] = true
		return
	}
	if len(v.Fields[i].needs) == 0 {
		w.uses[name] = true
	}
	for _, need := range v.Fields[i].needs {
		w.uses[need] = true
	}
}

// mapKey checks person.identifiers.x and site.vars.x.
func (w *walker) mapKey(id int64, operand ast.Expr, v *Variable, field, key string) {
	w.field(operand.ID(), operand.AsSelect().Operand().ID(), v, field, key)
	if v.Name != "site" || field != "vars" || w.asked[key] {
		return
	}
	if _, ok := w.vars[key]; !ok {
		names := make([]string, 0, len(w.vars))
		for name := range w.vars {
			names = append(names, name)
		}
		w.report(id, fmt.Sprintf("site.vars.%s is not set for these schools%s", key, orNearest(key, names)))
	}
}

func (w *walker) call(e ast.Expr) {
	call := e.AsCall()
	if call.FunctionName() == operators.Index && len(call.Args()) == 2 {
		v, field := w.structField(call.Args()[0])
		if key := call.Args()[1]; v != nil && (field == "identifiers" || field == "vars") && key.Kind() == ast.LiteralKind {
			if s, ok := key.AsLiteral().(types.String); ok {
				w.mapKey(key.ID(), call.Args()[0], v, field, string(s))
				return
			}
		}
	}
	if call.IsMemberFunction() {
		w.visit(call.Target())
	}
	for _, arg := range call.Args() {
		w.visit(arg)
	}
}

// comprehension visits what a macro such as exists was expanded to. Its variables
// hide ours of the same name.
func (w *walker) comprehension(c ast.ComprehensionExpr) {
	w.loops = true
	w.visit(c.IterRange())
	w.visit(c.AccuInit())
	n := len(w.bound)
	w.bound = append(w.bound, c.AccuVar())
	w.visit(c.Result())
	w.bound = append(w.bound, c.IterVar())
	if c.HasIterVar2() {
		w.bound = append(w.bound, c.IterVar2())
	}
	w.visit(c.LoopCondition())
	w.visit(c.LoopStep())
	w.bound = w.bound[:n]
}
