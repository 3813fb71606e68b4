package filter

import (
	"cmp"
	"encoding/json"
	"strings"
	"time"

	"simscim/scim"
)

// Match tells whether the resource, as it would be sent, meets the filter. A nil
// filter is met by everything.
func Match(e Expr, resource map[string]any) bool {
	return match(e, resource, CaseExact)
}

// MatchElement tells whether one element of the multi-valued attribute named parent
// meets the filter from inside its brackets. A plain value counts as an object with
// the member "value".
func MatchElement(e Expr, parent string, element any) bool {
	object, ok := element.(map[string]any)
	if !ok {
		object = map[string]any{"value": element}
	}
	return match(e, object, func(a Attr) bool { return CaseExact(Attr{Name: parent, Sub: a.Name}) })
}

// CaseExact tells whether strings of the attribute are compared with case. Strings
// are not unless RFC 7643 says so (§2.2): ids, external ids and references are, and
// so are the sub-attributes that hold the id of another resource.
func CaseExact(a Attr) bool {
	if strings.EqualFold(a.Sub, "$ref") {
		return true
	}
	name := strings.ToLower(a.Name)
	if a.URN != "" {
		return strings.EqualFold(a.URN, scim.EnterpriseURN) && name == "manager" && strings.EqualFold(a.Sub, "value")
	}
	switch name {
	case "id", "externalid", "meta", "password", "profileurl", "x509certificates":
		return true
	case "members", "groups", "photos":
		return a.Sub == "" || strings.EqualFold(a.Sub, "value")
	default:
		return false
	}
}

func match(e Expr, object map[string]any, exact func(Attr) bool) bool {
	switch e := e.(type) {
	case nil:
		return true
	case *Not:
		return !match(e.X, object, exact)
	case *Logical:
		for _, term := range e.Terms {
			if match(term, object, exact) == e.Or {
				return e.Or
			}
		}
		return !e.Or
	case *Element:
		return e.match(object)
	case *Compare:
		return e.match(object, exact)
	default:
		return false
	}
}

// match looks for one element that meets the whole inner filter. A complex attribute
// with a single value is a list of one.
func (e *Element) match(object map[string]any) bool {
	v, ok := e.Attr.in(object)
	if !ok {
		return false
	}
	list, isList := v.([]any)
	if !isList {
		list = []any{v}
	}
	for _, item := range list {
		if MatchElement(e.Filter, e.Attr.Name, item) {
			return true
		}
	}
	return false
}

// in finds the value of the attribute, leaving its sub-attribute aside.
func (a Attr) in(object map[string]any) (any, bool) {
	if a.URN != "" {
		extension, _ := scim.Member(object, a.URN)
		object, _ = extension.(map[string]any)
	}
	v, ok := scim.Member(object, a.Name)
	return v, ok && !scim.IsUnassigned(v)
}

func (e *Compare) match(object map[string]any, exact func(Attr) bool) bool {
	found := false
	var hit bool
	for v := range e.Attr.values(object) {
		found = true
		if e.test(v, exact(e.Attr)) {
			hit = true
			break
		}
	}
	if found {
		return hit
	}
	// Nothing is there: that is equal to null, and differs from every other value.
	return e.Op == Equal && e.Value == nil || e.Op == NotEqual && e.Value != nil
}

// values yields every value that the comparison is about. Of a complex value without
// a named sub-attribute that is its "value" (RFC 7644 §3.4.2.2).
func (a Attr) values(object map[string]any) func(func(any) bool) {
	return func(yield func(any) bool) {
		v, ok := a.in(object)
		if !ok {
			return
		}
		list, isList := v.([]any)
		if !isList {
			list = []any{v}
		}
		for _, item := range list {
			m, isObject := item.(map[string]any)
			if !isObject {
				if a.Sub != "" && !strings.EqualFold(a.Sub, "value") {
					continue
				}
			} else if item, ok = scim.Member(m, cmp.Or(a.Sub, "value")); !ok {
				if a.Sub != "" {
					continue
				}
				item = m
			}
			if !scim.IsUnassigned(item) && !yield(item) {
				return
			}
		}
	}
}

func (e *Compare) test(v any, exact bool) bool {
	if e.Op == Present {
		return true
	}
	if e.Value == nil {
		return e.Op == NotEqual
	}
	switch e.Op {
	case Contains, StartsWith, EndsWith:
		have, ok := v.(string)
		if !ok {
			return false
		}
		want, _ := e.Value.(string)
		if !exact {
			have, want = scim.Fold(have), scim.Fold(want)
		}
		switch e.Op {
		case Contains:
			return strings.Contains(have, want)
		case StartsWith:
			return strings.HasPrefix(have, want)
		default:
			return strings.HasSuffix(have, want)
		}
	}
	order, comparable := compare(v, e.Value, exact)
	switch e.Op {
	case Equal:
		return comparable && order == 0
	case NotEqual:
		return !comparable || order != 0
	case Greater:
		return comparable && order > 0
	case GreaterOrEqual:
		return comparable && order >= 0
	case Less:
		return comparable && order < 0
	default:
		return comparable && order <= 0
	}
}

// compare orders a value of the resource and one of the filter, if they are of one
// kind: two times by time, two numbers by number, anything else by its string.
func compare(have, want any, exact bool) (order int, ok bool) {
	switch w := want.(type) {
	case string:
		switch h := have.(type) {
		case string:
			if a, b, ok := times(h, w); ok {
				return a.Compare(b), true
			}
			if exact {
				return cmp.Compare(h, w), true
			}
			return cmp.Compare(scim.Fold(h), scim.Fold(w)), true
		case bool:
			// Some clients write booleans as strings: active eq "True".
			return boolOrder(h, strings.EqualFold(w, "true")), strings.EqualFold(w, "true") || strings.EqualFold(w, "false")
		}
	case bool:
		switch h := have.(type) {
		case bool:
			return boolOrder(h, w), true
		case string:
			return boolOrder(strings.EqualFold(h, "true"), w), strings.EqualFold(h, "true") || strings.EqualFold(h, "false")
		}
	case int64:
		if h, ok := have.(int64); ok {
			return cmp.Compare(h, w), true
		}
		f, ok := number(have)
		return cmp.Compare(f, float64(w)), ok
	case float64:
		f, ok := number(have)
		return cmp.Compare(f, w), ok
	}
	return 0, false
}

func boolOrder(a, b bool) int {
	switch {
	case a == b:
		return 0
	case b:
		return -1
	default:
		return 1
	}
}

func number(v any) (float64, bool) {
	switch v := v.(type) {
	case int64:
		return float64(v), true
	case float64:
		return v, true
	case int:
		return float64(v), true
	case json.Number:
		f, err := v.Float64()
		return f, err == nil
	default:
		return 0, false
	}
}

// times reads both strings as xsd:dateTime (RFC 7643 §2.3.5). The look at the fourth
// and the tenth byte spares the parser for nearly every string.
func times(a, b string) (x, y time.Time, ok bool) {
	if len(a) < 19 || len(b) < 19 || a[4] != '-' || b[4] != '-' || a[10] != 'T' || b[10] != 'T' {
		return x, y, false
	}
	x, err := time.Parse(time.RFC3339, a)
	if err != nil {
		return x, y, false
	}
	y, err = time.Parse(time.RFC3339, b)
	return x, y, err == nil
}
