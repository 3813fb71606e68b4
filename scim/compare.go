package scim

import (
	"encoding/json"
	"math"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"
)

// IsUnassigned tells whether a value means "no value" (RFC 7643 §2.5): null, the
// empty string, an empty list, an empty object.
func IsUnassigned(v any) bool {
	switch v := v.(type) {
	case nil:
		return true
	case string:
		return v == ""
	case []any:
		return len(v) == 0
	case map[string]any:
		return len(v) == 0
	default:
		return false
	}
}

// SameValue tells whether two values of the attribute at path are equal for our
// purposes: unassigned forms are one, numbers are compared as numbers, "True" is
// true, names are compared in Unicode normal form C, lists of plain values without
// order, and user names without case (RFC 7643 §4.1.1).
func SameValue(path Path, a, b any) bool {
	return string(Canonical(path, a)) == string(Canonical(path, b))
}

// Canonical writes a value of the attribute at path so that two values are the same
// exactly when their canonical forms are the same bytes. It is what fingerprints
// are made of.
func Canonical(path Path, v any) []byte {
	if IsUnassigned(v) {
		return nil
	}
	return canonical(nil, path, v)
}

func canonical(dst []byte, path Path, v any) []byte {
	switch v := v.(type) {
	case string:
		switch {
		case strings.EqualFold(v, "true"):
			return append(dst, "true"...)
		case strings.EqualFold(v, "false"):
			return append(dst, "false"...)
		case path == "userName":
			v = Fold(v)
		case !norm.NFC.IsNormalString(v):
			v = norm.NFC.String(v)
		}
		return strconv.AppendQuote(dst, v)
	case bool:
		return strconv.AppendBool(dst, v)
	case int:
		return strconv.AppendInt(dst, int64(v), 10)
	case int64:
		return strconv.AppendInt(dst, v, 10)
	case float64:
		if v == math.Trunc(v) && math.Abs(v) < 1<<53 {
			return strconv.AppendInt(dst, int64(v), 10)
		}
		return strconv.AppendFloat(dst, v, 'g', -1, 64)
	case json.Number:
		if f, err := v.Float64(); err == nil {
			return canonical(dst, path, f)
		}
		return strconv.AppendQuote(dst, v.String())
	case []any:
		return canonicalList(dst, v)
	case map[string]any:
		return canonicalObject(dst, v)
	case nil:
		return append(dst, "null"...)
	default:
		// A value that did not come from JSON or from a rule is a mistake of ours.
		panic("scim: a value that JSON does not know")
	}
}

func canonicalList(dst []byte, list []any) []byte {
	items := make([]string, 0, len(list))
	for _, item := range list {
		items = append(items, string(canonical(nil, "", item)))
	}
	slices.Sort(items)
	dst = append(dst, '[')
	for _, item := range items {
		dst = append(append(dst, item...), ',')
	}
	return append(dst, ']')
}

func canonicalObject(dst []byte, object map[string]any) []byte {
	names := make([]string, 0, len(object))
	for name, v := range object {
		if !IsUnassigned(v) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	dst = append(dst, '{')
	for _, name := range names {
		dst = append(strconv.AppendQuote(dst, strings.ToLower(name)), ':')
		dst = append(canonical(dst, "", object[name]), ',')
	}
	return append(dst, '}')
}

// Fold is the form in which user names are compared: NFC, then Unicode case
// folding. Two people may not hold names with the same fold.
func Fold(s string) string {
	ascii := true
	for i := range len(s) {
		if s[i] >= 0x80 {
			ascii = false
			break
		}
	}
	if ascii {
		return strings.ToLower(s)
	}
	return norm.NFC.String(cases.Fold().String(norm.NFC.String(s)))
}
