package filter

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"

	"simscim/scim"
)

// Eq writes the filter `path eq "value"` for a request. A selector in the path goes
// into the brackets: `emails[type eq "work" and value eq "x"]`, the only form that
// the RFC's grammar has for it.
func Eq(path scim.Path, value string) string {
	p := path.Parts()
	if p.SelAttr == "" {
		return string(path) + " eq " + scim.Quote(value)
	}
	sub := p.Sub
	if sub == "" {
		sub = "value"
	}
	element := scim.Parts{URN: p.URN, Attr: p.Attr}.Path()
	return string(element) + "[" + p.SelAttr + " eq " + scim.Quote(p.SelValue) + " and " + sub + " eq " + scim.Quote(value) + "]"
}

// And joins filters; empty ones are left out. Parentheses are written only where the
// meaning needs them, since several services do not read them.
func And(filters ...string) string {
	filters = slices.DeleteFunc(slices.Clone(filters), func(f string) bool { return f == "" })
	if len(filters) == 1 {
		return filters[0]
	}
	for i, f := range filters {
		if e, err := Parse(f); err != nil || isOr(e) {
			filters[i] = "(" + f + ")"
		}
	}
	return strings.Join(filters, " and ")
}

func isOr(e Expr) bool {
	l, ok := e.(*Logical)
	return ok && l.Or
}

// String writes the attribute with its URN, if it has one.
func (a Attr) String() string {
	s := a.Name
	if a.URN != "" {
		s = a.URN + ":" + s
	}
	if a.Sub != "" {
		s += "." + a.Sub
	}
	return s
}

func (e *Compare) String() string {
	s := e.Attr.String() + " " + string(e.Op)
	if e.Op != Present {
		s += " " + literal(e.Value)
	}
	return s
}

func (e *Element) String() string { return e.Attr.String() + "[" + e.Filter.String() + "]" }

func (e *Not) String() string { return "not (" + e.X.String() + ")" }

func (e *Logical) String() string {
	join := " and "
	if e.Or {
		join = " or "
	}
	terms := make([]string, len(e.Terms))
	for i, term := range e.Terms {
		terms[i] = term.String()
		if _, nested := term.(*Logical); nested {
			terms[i] = "(" + terms[i] + ")"
		}
	}
	return strings.Join(terms, join)
}

func literal(v any) string {
	switch v := v.(type) {
	case string:
		return scim.Quote(v)
	case bool:
		return strconv.FormatBool(v)
	case int64:
		return strconv.FormatInt(v, 10)
	case float64:
		b, err := json.Marshal(v)
		if err != nil { // not a number, or infinite: no filter says that
			return "null"
		}
		return string(b)
	default:
		return "null"
	}
}
