package mapper

import (
	"strings"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/types"

	"simscim/config"
)

// tail compiles the end of a user name rule, from the text with the last @ on: of
// ascii(person.familyName) + '@' + site.vars.domain it is '@' + site.vars.domain. It
// returns nil when the rule is not such a sum.
func (c *checker) tail(e config.Expr, s slot) *rule {
	parsed, issues := c.env.Parse(e.Text)
	if issues.Err() != nil {
		return nil
	}
	terms := sum(parsed.NativeRep().Expr(), nil)
	for i := len(terms) - 1; i > 0; i-- {
		literal, ok := "", false
		if terms[i].Kind() == ast.LiteralKind {
			var v types.String
			v, ok = terms[i].AsLiteral().(types.String)
			literal = string(v)
		}
		_, domain, found := strings.Cut(literal, "@")
		if !ok || !found {
			continue
		}
		parts := []string{`"@` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(domain) + `"`}
		for _, t := range terms[i+1:] {
			part, err := cel.ExprToString(t, parsed.NativeRep().SourceInfo())
			if err != nil {
				return nil
			}
			parts = append(parts, "("+part+")")
		}
		// A part of a rule without problems has none either; were there any, there
		// is no tail, which is no problem of the rules.
		quiet := &checker{Compiler: c.Compiler, vars: c.vars}
		return quiet.compile(config.Expr{Text: strings.Join(parts, " + "), At: e.At}, s)
	}
	return nil
}

// sum flattens a + b + c into its terms.
func sum(e ast.Expr, terms []ast.Expr) []ast.Expr {
	if e.Kind() == ast.CallKind && e.AsCall().FunctionName() == operators.Add {
		for _, arg := range e.AsCall().Args() {
			terms = sum(arg, terms)
		}
		return terms
	}
	return append(terms, e)
}
