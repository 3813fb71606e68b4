package simsid

import (
	"encoding/json"
	"errors"
	"strconv"
	"strings"
	"time"
)

// fieldPath names a place in a JSON value: one name a level. Empty but not nil is the
// value itself; nil is no place at all.
type fieldPath []string

// parseFieldPath reads "yearGroup.name", or "$" for the value itself.
func parseFieldPath(s string) (fieldPath, bool) {
	if s == "$" {
		return fieldPath{}, true
	}
	var path fieldPath
	var name strings.Builder
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] == '\\' && i+1 < len(s) && s[i+1] == '.':
			i++
			name.WriteByte('.')
		case s[i] == '.':
			path = append(path, name.String())
			name.Reset()
		default:
			name.WriteByte(s[i])
		}
	}
	path = append(path, name.String())
	for _, n := range path {
		if strings.TrimSpace(n) == "" {
			return nil, false
		}
	}
	return path, true
}

func (p fieldPath) String() string {
	if len(p) == 0 {
		return "$"
	}
	return strings.Join(p, ".")
}

// record is one decoded JSON object. Numbers are json.Number.
type record map[string]any

var (
	errNotText = errors.New("is not text")
	errNotDate = errors.New("is not a date")
)

// at returns the value at path; what is missing on the way is nil. ok is false where
// something on the way is there but is no object.
func (r record) at(path fieldPath) (v any, ok bool) {
	if path == nil {
		return nil, true
	}
	v = map[string]any(r)
	for _, name := range path {
		m, isObject := v.(map[string]any)
		if !isObject {
			return nil, v == nil
		}
		v = m[name]
	}
	return v, true
}

// text returns the text at path, trimmed. Numbers and truth values become text, since
// sources disagree on how to write ids and flags; anything else is an error.
func (r record) text(path fieldPath) (string, error) {
	v, ok := r.at(path)
	if !ok {
		return "", errNotText
	}
	return textOf(v)
}

func textOf(v any) (string, error) {
	switch v := v.(type) {
	case nil:
		return "", nil
	case string:
		return strings.TrimSpace(v), nil
	case json.Number:
		return v.String(), nil
	case bool:
		return strconv.FormatBool(v), nil
	default:
		return "", errNotText
	}
}

// list returns the objects at path: those of an array, a single one, or none.
func (r record) list(path fieldPath) ([]record, error) {
	v, ok := r.at(path)
	if !ok {
		return nil, errNotText
	}
	switch v := v.(type) {
	case nil:
		return nil, nil
	case map[string]any:
		return []record{v}, nil
	case []any:
		out := make([]record, 0, len(v))
		for _, item := range v {
			switch item := item.(type) {
			case nil:
			case map[string]any:
				out = append(out, item)
			default:
				return nil, errors.New("holds something that is no object")
			}
		}
		return out, nil
	default:
		return nil, errors.New("is neither an object nor a list")
	}
}

// texts returns the texts at path: those of an array, a single one, or none.
func (r record) texts(path fieldPath) ([]string, error) {
	v, ok := r.at(path)
	if !ok {
		return nil, errNotText
	}
	items, isList := v.([]any)
	if !isList {
		items = []any{v}
	}
	var out []string
	for _, item := range items {
		s, err := textOf(item)
		if err != nil {
			return nil, err
		}
		if s != "" {
			out = append(out, s)
		}
	}
	return out, nil
}

// date returns the calendar day at path, at midnight UTC, zero where there is none.
// A time of day is dropped: school dates are days.
func (r record) date(path fieldPath) (time.Time, error) {
	s, err := r.text(path)
	if err != nil || s == "" {
		return time.Time{}, err
	}
	return parseDate(s)
}

func parseDate(s string) (time.Time, error) {
	if len(s) > 10 && (s[10] == 'T' || s[10] == ' ') {
		s = s[:10]
	}
	t, err := time.Parse(time.DateOnly, s)
	if err != nil {
		return time.Time{}, errNotDate // the parser's text repeats the value
	}
	return t, nil
}

// fields reads several fields of one record and remembers the first that has the wrong
// type. The reason names the field as the source does, never its value.
type fields struct {
	r       record
	problem string
}

func (f *fields) note(path fieldPath, err error) {
	if err != nil && f.problem == "" {
		f.problem = "the field " + path.String() + " " + err.Error()
	}
}

func (f *fields) text(path fieldPath) string {
	s, err := f.r.text(path)
	f.note(path, err)
	return s
}

func (f *fields) texts(path fieldPath) []string {
	s, err := f.r.texts(path)
	f.note(path, err)
	return s
}

func (f *fields) date(path fieldPath) time.Time {
	t, err := f.r.date(path)
	f.note(path, err)
	return t
}

func (f *fields) list(path fieldPath) []record {
	l, err := f.r.list(path)
	f.note(path, err)
	return l
}
