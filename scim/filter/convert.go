package filter

import (
	"encoding/json"
	"math"
	"strconv"
	"strings"

	parser "github.com/scim2/filter-parser/v2"
)

// convert turns the library's tree into ours and puts back what the place-holders
// stand for. Chains of one operator become one Logical.
func (p *lexer) convert(tree parser.Expression) (Expr, error) {
	switch t := tree.(type) {
	case *parser.LogicalExpression:
		return p.logical(t)
	case *parser.NotExpression:
		x, err := p.convert(t.Expression)
		if err != nil {
			return nil, err
		}
		return &Not{X: x}, nil
	case *parser.AttributeExpression:
		return p.compare(t)
	default:
		return nil, invalid("the filter is not well formed")
	}
}

func (p *lexer) logical(t *parser.LogicalExpression) (Expr, error) {
	out := &Logical{Or: t.Operator == parser.OR}
	for _, side := range []parser.Expression{t.Left, t.Right} {
		e, err := p.convert(side)
		if err != nil {
			return nil, err
		}
		// Both operators are associative, so (a and b) and c is a and b and c.
		if l, ok := e.(*Logical); ok && l.Or == out.Or {
			out.Terms = append(out.Terms, l.Terms...)
			continue
		}
		out.Terms = append(out.Terms, e)
	}
	return out, nil
}

// plain reads a text that is one comparison with strings, booleans or "pr", or several
// joined by "and". Nearly every filter that is ever sent is one, and the library takes
// 0.1 ms for each comparison. What it cannot read is left to the library.
func (p *lexer) plain(text string) (parser.Expression, bool) {
	if strings.ContainsAny(text, "()") {
		return nil, false
	}
	var tree parser.Expression
	for words := strings.FieldsFunc(text, func(r rune) bool { return r == ' ' }); ; {
		term, rest, ok := p.plainTerm(words)
		if !ok {
			return nil, false
		}
		if tree == nil {
			tree = term
		} else {
			tree = &parser.LogicalExpression{Left: tree, Right: term, Operator: parser.AND}
		}
		if len(rest) == 0 {
			return tree, true
		}
		if !strings.EqualFold(rest[0], "and") {
			return nil, false
		}
		words = rest[1:]
	}
}

func (p *lexer) plainTerm(words []string) (term *parser.AttributeExpression, rest []string, ok bool) {
	if len(words) < 2 {
		return nil, nil, false
	}
	name, sub, dotted := strings.Cut(words[0], ".")
	if !isName(name) || dotted && !isName(sub) {
		return nil, nil, false
	}
	term = &parser.AttributeExpression{
		AttributePath: parser.AttributePath{AttributeName: name}, Operator: parser.CompareOperator(strings.ToLower(words[1])),
	}
	if dotted {
		term.AttributePath.SubAttribute = &sub
	}
	switch Op(term.Operator) {
	case Present:
		return term, words[2:], true
	case Equal, NotEqual, Contains, StartsWith, EndsWith, Greater, GreaterOrEqual, Less, LessOrEqual:
	default:
		return nil, nil, false
	}
	if len(words) < 3 {
		return nil, nil, false
	}
	switch value := words[2]; {
	case strings.EqualFold(value, "true"):
		term.CompareValue = true
	case strings.EqualFold(value, "false"):
		term.CompareValue = false
	case len(value) > 2 && value[0] == '"' && strings.IndexByte(value[1:], '"') == len(value)-2:
		term.CompareValue = value[1 : len(value)-1]
	default:
		return nil, nil, false
	}
	return term, words[3:], true
}

func (p *lexer) compare(t *parser.AttributeExpression) (Expr, error) {
	c := &Compare{
		Attr: Attr{Name: t.AttributePath.AttributeName, Sub: t.AttributePath.SubAttributeName()},
		Op:   Op(strings.ToLower(string(t.Operator))),
	}
	var err error
	if c.Value, err = p.value(t.CompareValue); err != nil {
		return nil, err
	}
	if err := c.check(); err != nil {
		return nil, err
	}
	if i, ok := holder(c.Attr.Name, pathHolder); ok && i < len(p.paths) {
		c.Attr = p.paths[i]
		return c, nil
	}
	i, ok := holder(c.Attr.Name, elementHolder)
	if !ok || i >= len(p.elements) {
		return c, nil
	}
	element := p.elements[i]
	if c.Attr.Sub == "" {
		return element, nil
	}
	// emails[type eq "work"].value eq "x"
	c.Attr = Attr{Name: c.Attr.Sub}
	terms := []Expr{element.Filter, c}
	if l, ok := element.Filter.(*Logical); ok && !l.Or {
		terms = append(append([]Expr(nil), l.Terms...), c)
	}
	return &Element{Attr: element.Attr, Filter: &Logical{Terms: terms}}, nil
}

func holder(name, prefix string) (int, bool) {
	digits, ok := strings.CutPrefix(name, prefix)
	if !ok {
		return 0, false
	}
	i, err := strconv.Atoi(digits)
	return i, err == nil
}

func (p *lexer) value(v any) (any, error) {
	switch v := v.(type) {
	case string:
		i, err := strconv.Atoi(v)
		if err != nil || i >= len(p.strings) {
			return nil, invalid("the filter is not well formed")
		}
		return p.strings[i], nil
	case json.Number:
		if i, err := v.Int64(); err == nil {
			return i, nil
		}
		f, err := v.Float64()
		if err != nil {
			return nil, invalid("a number in the filter is out of range")
		}
		if f == math.Trunc(f) && math.Abs(f) < 1<<53 {
			return int64(f), nil
		}
		return f, nil
	default:
		return v, nil
	}
}

// check refuses comparisons that have no meaning for the type of the value
// (RFC 7644 table 3): order of booleans and of null, parts of anything but strings.
func (c *Compare) check() error {
	switch c.Op {
	case Contains, StartsWith, EndsWith:
		if _, ok := c.Value.(string); !ok {
			return invalid("co, sw and ew compare strings only")
		}
	case Greater, GreaterOrEqual, Less, LessOrEqual:
		switch c.Value.(type) {
		case bool, nil:
			return invalid("gt, ge, lt and le do not compare booleans or null")
		}
	}
	return nil
}
