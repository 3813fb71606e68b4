package scim

import (
	"cmp"
	"slices"
	"strings"
)

// Attribute is one attribute and its value. A value is what JSON knows: string,
// bool, int64, float64, []any or map[string]any; nil and "" and an empty list all
// mean "unassigned" (RFC 7643 §2.5).
type Attribute struct {
	Path  Path
	Value any
}

// Attributes is a list of attributes sorted by path, each path once. It is the form
// in which a resource is compared; Resource gives the form in which it is sent.
type Attributes []Attribute

// Sort puts the list in order. Of two attributes with one path the later stays.
func (a Attributes) Sort() Attributes {
	slices.SortStableFunc(a, func(x, y Attribute) int { return cmp.Compare(x.Path, y.Path) })
	out := a[:0]
	for i, attr := range a {
		if i+1 < len(a) && a[i+1].Path == attr.Path {
			continue
		}
		out = append(out, attr)
	}
	return out
}

// Get returns the value at path. The list must be sorted.
func (a Attributes) Get(path Path) (any, bool) {
	i, ok := slices.BinarySearchFunc(a, path, func(x Attribute, p Path) int { return cmp.Compare(x.Path, p) })
	if !ok {
		return nil, false
	}
	return a[i].Value, true
}

// String returns the string at path, or "".
func (a Attributes) String(path Path) string {
	v, _ := a.Get(path)
	s, _ := v.(string)
	return s
}

// Resource builds the JSON object that a create or a replace sends: nested, with
// its schemas, without unassigned attributes. Every call returns a fresh map.
func (a Attributes) Resource(kind Kind) map[string]any {
	res := map[string]any{}
	schemas := []any{kind.CoreURN()}
	for _, attr := range a {
		if IsUnassigned(attr.Value) {
			continue
		}
		p := attr.Path.Parts()
		if p.URN != "" && !slices.Contains(schemas, any(p.URN)) {
			schemas = append(schemas, p.URN)
		}
		p.set(res, attr.Value)
	}
	res["schemas"] = schemas
	return res
}

// set puts value at the path into res, making the containers on the way.
func (p Parts) set(res map[string]any, value any) {
	at := res
	if p.URN != "" {
		at = child(at, p.URN)
	}
	if p.SelAttr != "" {
		at = p.element(at)
		at[cmp.Or(p.Sub, "value")] = value
		return
	}
	if p.Sub != "" {
		at = child(at, p.Attr)
		at[p.Sub] = value
		return
	}
	at[p.Attr] = value
}

// element returns the element of the multi-valued attribute that the selector
// picks, made if it is not there.
func (p Parts) element(at map[string]any) map[string]any {
	list, _ := at[p.Attr].([]any)
	for _, item := range list {
		if m, ok := item.(map[string]any); ok && m[p.SelAttr] == any(p.SelValue) {
			return m
		}
	}
	m := map[string]any{p.SelAttr: p.SelValue}
	at[p.Attr] = append(list, m)
	return m
}

func child(at map[string]any, name string) map[string]any {
	if m, ok := at[name].(map[string]any); ok {
		return m
	}
	m := map[string]any{}
	at[name] = m
	return m
}

// Lookup reads the value at path from a resource as a server returned it. Names
// are compared without case (RFC 7643 §2.1). Unassigned values are not found.
func Lookup(resource map[string]any, path Path) (any, bool) {
	p := path.Parts()
	at := resource
	if p.URN != "" {
		m, ok := Member(resource, p.URN)
		at, ok = asObject(m, ok)
		if !ok {
			return nil, false
		}
	}
	v, ok := Member(at, p.Attr)
	if !ok {
		return nil, false
	}
	if p.SelAttr != "" {
		v, ok = p.pick(v)
		if !ok {
			return nil, false
		}
		p.Sub = cmp.Or(p.Sub, "value")
	}
	if p.Sub != "" {
		m, isObject := asObject(v, ok)
		if !isObject {
			return nil, false
		}
		v, ok = Member(m, p.Sub)
	}
	return v, ok && !IsUnassigned(v)
}

// pick finds the element that the selector names. Servers that keep one value
// without a type are met half-way: a list of exactly one element without the
// selecting attribute counts as that element.
func (p Parts) pick(v any) (any, bool) {
	list, _ := v.([]any)
	for _, item := range list {
		m, ok := item.(map[string]any)
		if !ok {
			continue
		}
		if s, ok := Member(m, p.SelAttr); ok {
			if str, ok := s.(string); ok && strings.EqualFold(str, p.SelValue) {
				return m, true
			}
		} else if len(list) == 1 {
			return m, true
		}
	}
	return nil, false
}

// Member returns the member of a JSON object by name without regard to case.
func Member(object map[string]any, name string) (any, bool) {
	if v, ok := object[name]; ok {
		return v, true
	}
	for k, v := range object {
		if strings.EqualFold(k, name) {
			return v, true
		}
	}
	return nil, false
}

func asObject(v any, ok bool) (map[string]any, bool) {
	if !ok {
		return nil, false
	}
	m, ok := v.(map[string]any)
	return m, ok
}
