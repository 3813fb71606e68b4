package mapper

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/cost"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/types"

	"simscim/config"
	"simscim/internal/nearest"
)

// slot is a place in the rules that an expression stands in.
type slot struct {
	where string
	sees  []string
	want  resultKind
}

// checker compiles the expressions of one set of rules and gathers their problems.
type checker struct {
	*Compiler
	vars     map[string]string
	problems config.Problems
}

func (c *checker) problem(at config.Pos, where, what string) {
	c.problems = append(c.problems, config.Problem{At: at, Path: where, What: what})
}

// compile returns the rule, or nil when there is none or it has problems.
func (c *checker) compile(e config.Expr, s slot) *rule {
	if e.IsZero() {
		return nil
	}
	before := len(c.problems)
	parsed, issues := c.env.Parse(e.Text)
	if issues.Err() != nil {
		for _, err := range issues.Errors() {
			c.problem(e.Place(err.Location.Line(), err.Location.Column()+1), s.where, syntaxMessage(err.Message))
		}
		return nil
	}
	reported := map[int64]bool{}
	w := &walker{variables: c.variables, sees: s.sees, vars: c.vars, asked: map[string]bool{}, uses: map[string]bool{}}
	info := parsed.NativeRep().SourceInfo()
	w.report = func(id int64, what string) {
		if !reported[id] {
			reported[id] = true
			c.problem(placeOf(e, info, id), s.where, what)
		}
	}
	w.walk(parsed.NativeRep().Expr())
	checked, issues := c.env.Check(parsed)
	if issues.Err() != nil {
		for _, err := range issues.Errors() {
			if !reported[err.ExprID] {
				at := e.Place(err.Location.Line(), err.Location.Column()+1)
				if err.ExprID != 0 {
					at = placeOf(e, info, err.ExprID)
				}
				c.problem(at, s.where, c.checkMessage(err.Message, s.sees))
			}
		}
	}
	if len(c.problems) > before {
		return nil
	}
	if t := checked.OutputType(); !s.want.accepts(t) {
		c.problem(e.Place(1, 1), s.where, fmt.Sprintf("the rule yields %s; it has to yield %s%s", describe(t), s.want, s.want.typeHint(t)))
		return nil
	}
	return c.program(e, s, w, checked)
}

// program plans a checked expression.
func (c *checker) program(e config.Expr, s slot, w *walker, checked *cel.Ast) *rule {
	r := &rule{expr: e, where: s.where}
	for use := range w.uses {
		r.uses = append(r.uses, use)
	}
	slices.Sort(r.uses)
	r.kinds = w.possibleKinds(checked.NativeRep().Expr())
	estimate, err := c.env.EstimateCost(checked, sizes{})
	if err != nil {
		c.problem(e.Place(1, 1), s.where, "the cost of the rule cannot be estimated")
		return nil
	}
	if estimate.Min > maxCost {
		c.problem(e.Place(1, 1), s.where, "the rule takes too long")
		return nil
	}
	opts := []cel.ProgramOption{cel.EvalOptions(cel.OptOptimize)}
	if w.loops || estimate.Max > maxCost {
		opts = append(opts, cel.CostLimit(maxCost))
	}
	if r.prog, err = c.env.Program(checked, opts...); err != nil {
		c.problem(e.Place(1, 1), s.where, "the rule cannot be planned: "+err.Error())
		return nil
	}
	if w.idents == 0 {
		return c.constant(r, s)
	}
	root := checked.NativeRep().Expr()
	if v, name := w.structField(root); v != nil && !root.AsSelect().IsTestOnly() {
		i := slices.IndexFunc(v.Fields, func(f Field) bool { return f.Name == name })
		r.of, r.field = v.Name, v.Fields[i].get
	}
	return r
}

// constant works out a rule that depends on nothing, once and for all. One that fails
// does so for everybody.
func (c *checker) constant(r *rule, s slot) *rule {
	v, err := r.eval(&scope{})
	switch {
	case err != nil:
		c.problem(r.expr.Place(1, 1), s.where, "the rule always fails: "+err.Error())
		return nil
	case !s.want.holds(v):
		c.problem(r.expr.Place(1, 1), s.where, fmt.Sprintf("the rule has to yield %s", s.want))
		return nil
	}
	r.constant, r.isConstant = v, true
	return r
}

// placeOf finds an expression in the file. A selection is where its field is, not
// where its full stop is.
func placeOf(e config.Expr, info *ast.SourceInfo, id int64) config.Pos {
	span, ok := info.GetOffsetRange(id)
	if !ok {
		return e.Place(1, 1)
	}
	if runes := []rune(e.Text); int(span.Start) < len(runes) && runes[span.Start] == '.' {
		span.Start++
	}
	at := info.GetLocationByOffset(span.Start)
	return e.Place(at.Line(), at.Column()+1)
}

func syntaxMessage(m string) string {
	m = strings.ReplaceAll(m, "\n", " ")
	if head, _, ok := strings.Cut(m, " expecting "); ok {
		m = head
	}
	if strings.Contains(m, "code point size exceeds limit") {
		return fmt.Sprintf("the rule is longer than %d characters", maxRuleLength)
	}
	if strings.Contains(m, "recursion") || strings.Contains(m, "expression node") {
		return "the rule is nested too deep or too large"
	}
	return strings.Replace(lowerFirst(m), "mismatched input '<EOF>'", "the rule ends too early", 1)
}

// checkMessage puts a finding of the type checker into the words of the
// configuration. What it does not know it passes on as it is.
func (c *checker) checkMessage(m string, sees []string) string {
	if q := regexp.MustCompile(`^undeclared reference to '([^']*)'`).FindStringSubmatch(m); q != nil {
		names := slices.Clone(sees)
		for name := range c.functions {
			names = append(names, name)
		}
		what := fmt.Sprintf("%q is not known", q[1])
		if n := nearest.To(q[1], names); n != "" {
			return what + fmt.Sprintf("; did you mean %q?", n)
		}
		return what + "; there is " + strings.Join(sees, ", ") + ", and the functions of docs/rules.md"
	}
	if q := regexp.MustCompile(`^found no matching overload for '([^']*)' applied to '(.*)'$`).FindStringSubmatch(m); q != nil {
		return c.overloadMessage(q[1], q[2])
	}
	return lowerFirst(m)
}

func (c *checker) overloadMessage(name, args string) string {
	if op, ok := operators.FindReverse(name); ok {
		if op == "" {
			op = strings.Trim(name, "_@!")
		}
		hint := ""
		if op == "+" && strings.Contains(args, "string") && strings.Contains(args, "int") {
			hint = "; use string(…) for the number"
		}
		return fmt.Sprintf("%q does not go with %s%s", op, args, hint)
	}
	if f := c.functions[name]; f != nil {
		return fmt.Sprintf("%s cannot be called with %s; it is %s", name, args, strings.Join(f.Signatures, " or "))
	}
	return fmt.Sprintf("%s cannot be called with %s", name, args)
}

func lowerFirst(s string) string {
	if s == "" {
		return s
	}
	return strings.ToLower(s[:1]) + s[1:]
}

// sizes tells the cost estimate how large a school's texts and lists get.
type sizes struct{}

// EstimateSize implements the estimator.
func (sizes) EstimateSize(n cost.AstNode) *cost.SizeEstimate {
	if len(n.Path()) == 0 {
		return nil
	}
	switch n.Type().Kind() {
	case types.StringKind:
		return &cost.SizeEstimate{Min: 0, Max: 100}
	case types.ListKind, types.MapKind:
		return &cost.SizeEstimate{Min: 0, Max: 100}
	}
	return nil
}

// EstimateCallCost implements the estimator: our functions take time in proportion to
// their texts and yield no longer ones.
func (sizes) EstimateCallCost(function, _ string, _ *cost.AstNode, args []cost.AstNode) *cost.CallEstimate {
	switch function {
	case "ascii", "clean", "slug", "lower", "upper", "titleCase", "initials", "left", "right", "digits", "letters",
		"pad", "coalesce", "shortCode", "yearAdd", "yearName", "twoDigits":
		return cost.NewCallEstimate(cost.Estimate{Min: 1, Max: 100}, &cost.SizeEstimate{Min: 0, Max: 200})
	}
	return nil
}
