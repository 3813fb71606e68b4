package rest

import (
	"bytes"
	"encoding/json"
	"strings"
	"time"

	"simscim/connector/source/oneroster"
)

// The types below read what services send in place of what the standard says: numbers
// for ids, "true" for true, an id for a reference, null for nothing. Reading them never
// fails: what is of no use at all is marked odd, and the record's decoder decides.

// text is a string, or a number or boolean as it was written.
type text struct {
	s   string
	odd bool
}

func (t *text) UnmarshalJSON(b []byte) error {
	*t = text{}
	switch {
	case len(b) == 0 || string(b) == "null":
	case b[0] == '"':
		if json.Unmarshal(b, &t.s) != nil {
			t.odd = true
			return nil
		}
		t.s = strings.TrimSpace(t.s)
	case b[0] == '{' || b[0] == '[':
		t.odd = true
	default:
		t.s = string(b)
	}
	return nil
}

// texts is a list of texts; one text alone is a list of one.
type texts struct {
	all []string
	odd bool
}

func (t *texts) UnmarshalJSON(b []byte) error {
	*t = texts{}
	var list []text
	if len(b) > 0 && b[0] == '[' {
		if json.Unmarshal(b, &list) != nil {
			t.odd = true
		}
	} else {
		list = make([]text, 1)
		_ = list[0].UnmarshalJSON(b) // never fails
	}
	for _, one := range list {
		t.odd = t.odd || one.odd
		if one.s != "" && !isNull(one.s) {
			t.all = append(t.all, one.s)
		}
	}
	return nil
}

// ref is a reference to another record. Only its sourcedId counts: the href is not
// reliable in the wild. An empty object is no reference.
type ref struct {
	id  string
	odd bool
}

func (r *ref) UnmarshalJSON(b []byte) error {
	*r = ref{}
	var id text
	switch {
	case len(b) > 0 && b[0] == '{':
		var object struct {
			SourcedID text `json:"sourcedId"`
		}
		r.odd = json.Unmarshal(b, &object) != nil
		id = object.SourcedID
	default:
		_ = id.UnmarshalJSON(b) // never fails
	}
	r.id, r.odd = id.s, r.odd || id.odd
	if isNull(r.id) {
		r.id = ""
	}
	return nil
}

// isNull tells a literal NULL, which some feeds carry where there is nothing.
func isNull(s string) bool { return strings.EqualFold(s, "null") }

// refs is a list of references, or one alone that is an object.
type refs struct {
	ids []string
	odd bool
}

func (r *refs) UnmarshalJSON(b []byte) error {
	*r = refs{}
	var list []ref
	switch {
	case len(b) == 0 || string(b) == "null":
	case b[0] == '[':
		r.odd = json.Unmarshal(b, &list) != nil
	case b[0] == '{':
		list = make([]ref, 1)
		_ = list[0].UnmarshalJSON(b) // never fails
	default:
		r.odd = true
	}
	for _, one := range list {
		r.odd = r.odd || one.odd
		if one.id != "" {
			r.ids = append(r.ids, one.id)
		}
	}
	return nil
}

// listOf is a list of objects; what is no list, or holds something else, is odd.
type listOf[T any] struct {
	all []T
	odd bool
}

func (l *listOf[T]) UnmarshalJSON(b []byte) error {
	*l = listOf[T]{}
	if string(b) == "null" {
		return nil
	}
	var raw []json.RawMessage
	if json.Unmarshal(b, &raw) != nil {
		l.odd = true
		return nil
	}
	for _, one := range raw {
		var v T
		if string(one) == "null" {
			continue
		}
		if json.Unmarshal(one, &v) != nil {
			l.odd = true
			continue
		}
		l.all = append(l.all, v)
	}
	return nil
}

// bag is a free object of which only plain values are kept.
type bag map[string]string

func (m *bag) UnmarshalJSON(b []byte) error {
	*m = nil
	var raw map[string]text
	if len(b) == 0 || b[0] != '{' || json.NewDecoder(bytes.NewReader(b)).Decode(&raw) != nil {
		return nil
	}
	for name, v := range raw {
		if v.s == "" || v.odd {
			continue
		}
		if *m == nil {
			*m = bag{}
		}
		(*m)[name] = v.s
	}
	return nil
}

// only keeps the one field that somebody wants.
func (m bag) only(name string) map[string]string {
	if v := m[name]; name != "" && v != "" {
		return map[string]string{name: v}
	}
	return nil
}

// notes collects what was dropped from a record, and what makes it unusable.
type notes struct {
	problem  string
	warnings []warning
}

type warning struct{ field, reason string }

func (n *notes) fail(field, reason string) {
	if n.problem == "" {
		n.problem = "its " + field + " " + reason
	}
}

func (n *notes) warn(field, reason string) {
	n.warnings = append(n.warnings, warning{field, reason})
}

// must reads a text without which the record is of no use where it is odd. That it may
// not be empty is the Deriver's to say.
func (n *notes) must(field string, t text) string {
	if t.odd {
		n.fail(field, "is not text")
	}
	return t.s
}

// may reads an optional text.
func (n *notes) may(field string, t text) string {
	if t.odd {
		n.warn(field, "it is not text")
	}
	return t.s
}

func (n *notes) mustRef(field string, r ref) string {
	if r.odd {
		n.fail(field, "is not a reference")
	}
	return r.id
}

func (n *notes) mayRef(field string, r ref) string {
	if r.odd {
		n.warn(field, "it is not a reference")
	}
	return r.id
}

func (n *notes) mayList(field string, t texts) []string {
	if t.odd {
		n.warn(field, "it is not a list of texts")
	}
	return t.all
}

func (n *notes) day(field string, t text) time.Time {
	d, ok := oneroster.ParseDay(t.s)
	if !ok || t.odd {
		n.warn(field, "it is not a date")
		return time.Time{}
	}
	return d
}

func (n *notes) flag(field string, t text) (value, known bool) {
	value, known, ok := oneroster.ParseFlag(t.s)
	if !ok || t.odd {
		n.warn(field, "it is neither true nor false")
	}
	return value, known && ok
}
