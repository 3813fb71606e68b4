package mapper

import (
	"errors"
	"fmt"
	"math"
	"strings"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/traits"
	"cel.dev/cel-go/interpreter"

	"simscim/config"
	"simscim/roster"
)

// A rule is one compiled expression. It is safe for concurrent use.
type rule struct {
	expr config.Expr
	// where is the rule's path in the configuration.
	where string
	prog  cel.Program
	// constant is the value of a rule that depends on nothing.
	constant   any
	isConstant bool
	// field reads the value of a rule that is just person.x, group.x or site.x, of the
	// variable named by of; running CEL for these would cost ten times as much.
	field func(view any) any
	of    string
	// uses are the fields of the source that the rule depends on.
	uses []string
	// kinds are the kinds of person for whom a condition can hold.
	kinds []roster.Kind
}

// scope holds the values that the variables have at the moment. Each worker has one
// and reuses it, so that binding a person costs nothing.
type scope struct {
	person       personView
	site         *siteView
	group        any
	role         any
	value        any
	userName     any
	academicYear any
	today        any
}

// ResolveName implements the interpreter's activation.
func (s *scope) ResolveName(name string) (any, bool) {
	switch name {
	case "person":
		return &s.person, true
	case "site":
		return s.site, true
	case "group":
		return s.group, true
	case "role":
		return s.role, true
	case "value":
		return s.value, true
	case "userName":
		return s.userName, true
	case "academicYear":
		return s.academicYear, true
	case "today":
		return s.today, true
	}
	return nil, false
}

// Parent implements the interpreter's activation: there is none.
func (s *scope) Parent() cel.Activation { return nil }

// eval runs the rule. The value is one that JSON knows, trimmed where it is text. The
// error never holds a value.
func (r *rule) eval(s *scope) (any, error) {
	if r.isConstant {
		return r.constant, nil
	}
	if r.field != nil {
		view, _ := s.ResolveName(r.of)
		return native(r.field(view))
	}
	out, _, err := r.prog.Eval(s)
	if err != nil {
		return nil, ruleError(reason(err))
	}
	return native(out)
}

// text runs a rule that yields text.
func (r *rule) text(s *scope) (string, error) {
	v, err := r.eval(s)
	if err != nil || v == nil {
		return "", err
	}
	str, ok := v.(string)
	if !ok {
		return "", ruleError("the rule yields something that is not text")
	}
	return str, nil
}

// bool runs a condition; one that is not there holds.
func (r *rule) bool(s *scope) (bool, error) {
	if r == nil {
		return true, nil
	}
	v, err := r.eval(s)
	if err != nil {
		return false, err
	}
	b, ok := v.(bool)
	if !ok {
		return false, ruleError("the condition yields neither true nor false")
	}
	return b, nil
}

// ruleError is a sentence of ours without any value in it, safe to log.
type ruleError string

func (e ruleError) Error() string { return string(e) }

// reason says why an evaluation failed. The library's own texts hold values (the key
// that was missing, the text that is no number), so they only serve to tell the
// cases apart.
func reason(err error) string {
	if e, ok := errors.AsType[ruleError](err); ok {
		return string(e)
	}
	if e, ok := errors.AsType[interpreter.EvalCancelledError](err); ok && e.Cause == interpreter.CostLimitExceeded {
		return "the rule takes too long for this object"
	}
	for _, c := range []struct{ part, says string }{
		{"index out of", "the rule takes a part of a text or list that is too short (left() does not mind short texts)"},
		{"invalid substring range", "the rule takes a part of a text that is too short (left() does not mind short texts)"},
		{"no such key", "the rule looks up something that is not in the map"},
		{"division by zero", "the rule divides by zero"},
		{"modulus by zero", "the rule divides by zero"},
		{"overflow", "a number is too large"},
		{"strconv", "the rule turns a text into a number that is none"},
		{"type conversion", "the rule turns a value into a type that it does not fit"},
		{"conversion error", "the rule turns a value into a type that it does not fit"},
		{"no such overload", "the rule applies something to a value of a type that it does not take"},
	} {
		if strings.Contains(err.Error(), c.part) {
			return c.says
		}
	}
	return "the rule cannot be worked out for this object"
}

// maxDepth bounds the nesting of lists and maps that a rule may yield.
const maxDepth = 8

// native turns what CEL yields into what JSON knows. Empty values of any type are nil.
func native(v any) (any, error) { return nativeAt(v, 0) }

func nativeAt(v any, depth int) (any, error) {
	switch v := v.(type) {
	case types.String:
		if s := strings.TrimSpace(string(v)); s != "" {
			return s, nil
		}
		return nil, nil
	case types.Bool:
		return bool(v), nil
	case types.Int:
		return int64(v), nil
	case types.Uint:
		if uint64(v) > math.MaxInt64 {
			return nil, ruleError("a number is too large")
		}
		return int64(v), nil //nolint:gosec // looked at just above
	case types.Double:
		if f := float64(v); !math.IsNaN(f) && !math.IsInf(f, 0) {
			return f, nil
		}
		return nil, ruleError("the rule yields a number that is none")
	case types.Null:
		return nil, nil
	}
	if depth >= maxDepth {
		return nil, ruleError("the rule yields lists and maps nested too deep")
	}
	if list, ok := v.([]string); ok { // a plain field such as person.classes
		return nativeTexts(list), nil
	}
	if list, ok := v.(traits.Lister); ok {
		return nativeList(list, depth)
	}
	if m, ok := v.(traits.Iterable); ok {
		if index, ok := v.(traits.Indexer); ok {
			return nativeMap(m, index, depth)
		}
	}
	return nil, ruleError("the rule yields a value of a type that an attribute cannot hold")
}

func nativeTexts(list []string) any {
	var out []any
	for _, s := range list {
		if s = strings.TrimSpace(s); s != "" {
			out = append(out, s)
		}
	}
	if len(out) == 0 {
		return nil
	}
	return out
}

func nativeList(list traits.Lister, depth int) (any, error) {
	var out []any
	for it := list.Iterator(); it.HasNext() == types.True; {
		item, err := nativeAt(it.Next(), depth+1)
		if err != nil {
			return nil, err
		}
		if item != nil {
			out = append(out, item)
		}
	}
	if len(out) == 0 {
		return nil, nil
	}
	return out, nil
}

func nativeMap(keys traits.Iterable, m traits.Indexer, depth int) (any, error) {
	out := map[string]any{}
	for it := keys.Iterator(); it.HasNext() == types.True; {
		key := it.Next()
		name, ok := key.(types.String)
		if !ok {
			return nil, ruleError("the rule yields a map whose keys are not text")
		}
		item, err := nativeAt(m.Get(key), depth+1)
		if err != nil {
			return nil, err
		}
		if item != nil {
			out[string(name)] = item
		}
	}
	if len(out) == 0 {
		return nil, nil
	}
	return out, nil
}

// resultKind is what the place that a rule stands in can hold.
type resultKind string

const (
	wantBool   resultKind = "a condition (true or false)"
	wantText   resultKind = "text"
	wantNumber resultKind = "a number"
	wantTexts  resultKind = "text or a list of text"
	wantList   resultKind = "a list"
	wantMap    resultKind = "a map"
	wantAny    resultKind = "text, a number, true or false, a list or a map"
	// wantPassword is the name of a kind of password.
	wantPassword resultKind = "'random', 'words' or '' for none" //nolint:gosec // what a rule may yield, and no password
)

// accepts tells whether the place holds values of the type. What is known only when
// the rule runs is accepted, and checked then.
func (k resultKind) accepts(t *cel.Type) bool {
	switch t.Kind() {
	case types.DynKind, types.AnyKind:
		return k != wantBool
	case types.NullTypeKind:
		return k != wantBool
	case types.BoolKind:
		return k == wantBool || k == wantAny
	case types.StringKind:
		return k == wantText || k == wantTexts || k == wantAny || k == wantPassword
	case types.IntKind, types.UintKind, types.DoubleKind:
		return k == wantNumber || k == wantAny
	case types.ListKind:
		switch k {
		case wantTexts:
			elem := t.Parameters()[0].Kind()
			return elem == types.StringKind || elem == types.DynKind || elem == types.TypeParamKind
		case wantList, wantAny:
			return wantAny.accepts(t.Parameters()[0])
		}
	case types.MapKind:
		key := t.Parameters()[0].Kind()
		return (k == wantMap || k == wantAny) && wantAny.accepts(t.Parameters()[1]) &&
			(key == types.StringKind || key == types.DynKind || key == types.TypeParamKind)
	case types.TypeParamKind: // the element type of an empty list
		return true
	}
	return false
}

// holds tells whether a value, as native returns it, fits the place.
func (k resultKind) holds(v any) bool {
	switch v := v.(type) {
	case nil:
		return k != wantBool
	case bool:
		return k == wantBool || k == wantAny
	case string:
		if k == wantPassword {
			return Password(v) == RandomPassword || Password(v) == WordsPassword
		}
		return k == wantText || k == wantTexts || k == wantAny
	case int64, float64:
		return k == wantNumber || k == wantAny
	case []any:
		if k == wantTexts {
			for _, item := range v {
				if _, ok := item.(string); !ok {
					return false
				}
			}
		}
		return k == wantTexts || k == wantList || k == wantAny
	case map[string]any:
		return k == wantMap || k == wantAny
	}
	return false
}

// typeHint tells how to make a value of the wrong type fit.
func (k resultKind) typeHint(t *cel.Type) string {
	switch t.Kind() {
	case types.IntKind, types.UintKind, types.DoubleKind, types.BoolKind, types.TimestampKind, types.DurationKind:
		if k == wantText || k == wantTexts {
			return "; use string(…)"
		}
	case types.StringKind:
		if k == wantBool {
			return "; compare it with something"
		}
	}
	return ""
}

func describe(t *cel.Type) string {
	switch t.Kind() {
	case types.StringKind:
		return "text"
	case types.BoolKind:
		return "true or false"
	case types.IntKind, types.UintKind, types.DoubleKind:
		return "a number"
	case types.ListKind:
		return "a list"
	case types.MapKind:
		return "a map"
	}
	return fmt.Sprintf("a value of type %s", cel.FormatCELType(t))
}
