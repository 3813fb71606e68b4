package patch

import (
	"encoding/json"
	"maps"
	"reflect"
	"slices"
	"strings"

	"simscim/scim"
	"simscim/scim/filter"
)

// attribute is the place that an operation changes: one member of an object that is
// the patcher's own.
type attribute struct {
	object map[string]any
	name   string
	// core says that the attribute belongs to a core schema.
	core bool
}

// members tells whether the attribute is a group's member list, whose elements are
// told apart by their value alone and have no parts that may change (RFC 7643 §4.2).
func (a attribute) members() bool { return a.core && strings.EqualFold(a.name, "members") }

// multi tells whether the attribute holds a list. Of an attribute of an extension that
// is known only by what is there and what comes.
func (a attribute) multi(value any) bool {
	if a.core {
		switch strings.ToLower(a.name) {
		case "emails", "phonenumbers", "ims", "photos", "addresses", "groups", "entitlements", "roles", "x509certificates", "members":
			return true
		}
	}
	_, have := a.object[a.name].([]any)
	_, come := value.([]any)
	return have || come
}

func (a attribute) put(v any) {
	if scim.IsUnassigned(v) && v != "" {
		delete(a.object, a.name)
		return
	}
	a.object[a.name] = v
}

// list is the present value as a list that may be changed.
func (a attribute) list() []any {
	switch v := a.object[a.name].(type) {
	case nil:
		return nil
	case []any:
		return slices.Clone(v)
	default:
		return []any{v}
	}
}

// set adds or replaces the attribute as a whole.
func (a attribute) set(kind string, value any) error {
	if a.multi(value) {
		items, ok := value.([]any)
		if !ok {
			items = []any{value}
		}
		items = slices.DeleteFunc(slices.Clone(items), scim.IsUnassigned)
		var list []any
		if kind == Add {
			list = a.list()
		}
		return a.merge(list, items)
	}
	object, isObject := value.(map[string]any)
	if !isObject {
		a.put(value)
		return nil
	}
	// Both operations set the named sub-attributes of a complex attribute and leave the
	// others (§3.5.2.3).
	have, _ := a.object[a.name].(map[string]any)
	if have = maps.Clone(have); have == nil {
		have = map[string]any{}
	}
	overlay(have, object)
	a.put(have)
	return nil
}

// overlay sets the members of src in dst; null takes a member away.
func overlay(dst, src map[string]any) {
	for name, v := range src {
		name = key(dst, name)
		if v == nil {
			delete(dst, name)
			continue
		}
		dst[name] = v
	}
}

// merge appends the items that the list does not have yet.
func (a attribute) merge(list, items []any) error {
	have := make(map[string][]int, len(list)+len(items))
	for i, item := range list {
		k := a.identity(item)
		have[k] = append(have[k], i)
	}
	var touched []int
	for _, item := range items {
		k := a.identity(item)
		if at := a.find(list, have[k], item); at >= 0 {
			touched = append(touched, at)
			continue
		}
		have[k] = append(have[k], len(list))
		touched = append(touched, len(list))
		list = append(list, item)
	}
	if err := onePrimary(list, touched); err != nil {
		return err
	}
	a.put(list)
	return nil
}

// bucket is how many elements with one value are compared in full; a list with more is
// nobody's, and comparing it would take for ever.
const bucket = 32

// identity is a text that two equal elements share.
func (a attribute) identity(item any) string {
	if m, ok := item.(map[string]any); ok {
		if v, ok := scim.Member(m, "value"); ok {
			item = v
		} else if b, err := json.Marshal(m); err == nil {
			return string(b)
		}
	}
	if s, ok := item.(string); ok {
		return s
	}
	b, _ := json.Marshal(item) // fails for nothing that came from JSON
	return string(b)
}

// find returns the index of the element that holds all of the item already, or -1.
func (a attribute) find(list []any, candidates []int, item any) int {
	if a.members() && len(candidates) > 0 {
		return candidates[0]
	}
	for _, i := range candidates[:min(len(candidates), bucket)] {
		if holds(list[i], item) {
			return i
		}
	}
	return -1
}

// holds tells whether the element has every sub-attribute of the item with its value.
func holds(element, item any) bool {
	want, ok := item.(map[string]any)
	if !ok {
		return reflect.DeepEqual(element, item)
	}
	have, ok := element.(map[string]any)
	if !ok {
		return false
	}
	for name, w := range want {
		h, ok := scim.Member(have, name)
		if !ok || !reflect.DeepEqual(h, w) {
			return false
		}
	}
	return true
}

// onePrimary makes sure that at most one element is primary: one that the operation
// touched takes it from the others (§3.5.2).
func onePrimary(list []any, touched []int) error {
	winner := -1
	for _, i := range touched {
		if i != winner && isPrimary(list[i]) {
			if winner >= 0 {
				return fault(scim.TypeInvalidValue, "more than one element is primary")
			}
			winner = i
		}
	}
	if winner < 0 {
		return nil
	}
	for i, item := range list {
		if i != winner && isPrimary(item) {
			m := maps.Clone(item.(map[string]any))
			m[key(m, "primary")] = false
			list[i] = m
		}
	}
	return nil
}

func isPrimary(item any) bool {
	m, _ := item.(map[string]any)
	v, _ := scim.Member(m, "primary")
	return v == true
}

// remove takes the attribute away or, where the client names values, those elements of
// the list. An empty list of values names nothing, so it takes nothing.
func (a attribute) remove(value any) {
	if value == nil || !a.multi(nil) {
		delete(a.object, a.name)
		return
	}
	items, ok := value.([]any)
	if !ok {
		items = []any{value}
	}
	gone := make(map[string][]any, len(items))
	for _, item := range items {
		k := a.identity(item)
		if len(gone[k]) < bucket {
			gone[k] = append(gone[k], item)
		}
	}
	a.put(slices.DeleteFunc(a.list(), func(element any) bool {
		named := gone[a.identity(element)]
		if a.members() {
			return len(named) > 0
		}
		return slices.ContainsFunc(named, func(item any) bool {
			_, plain := item.(map[string]any)
			return !plain || holds(element, item)
		})
	}))
}

// sub changes one sub-attribute: of a complex attribute, or of every element of a list.
func (a attribute) sub(kind, name string, value any) error {
	if a.members() {
		return fault(scim.TypeMutability, "the parts of a member cannot be changed")
	}
	if !a.multi(nil) {
		have, ok := a.object[a.name].(map[string]any)
		if !ok && a.object[a.name] != nil {
			return fault(scim.TypeInvalidPath, "the attribute has no sub-attributes")
		}
		if have = maps.Clone(have); have == nil {
			have = map[string]any{}
		}
		change(have, kind, name, value)
		a.put(have)
		return nil
	}
	list := a.list()
	if len(list) == 0 && kind != Remove {
		return fault(scim.TypeNoTarget, "the attribute has no elements")
	}
	return a.changeAll(list, kind, name, value, func(any) bool { return true })
}

// elements changes the elements that the path's filter picks.
func (a attribute) elements(kind string, target filter.Path, value any) error {
	if have, ok := a.object[a.name].(map[string]any); ok && have != nil {
		return fault(scim.TypeInvalidPath, "the attribute has a single value")
	}
	list := a.list()
	picks := func(item any) bool { return filter.MatchElement(target.Filter, a.name, item) }
	switch {
	case kind == Remove && target.Sub == "":
		a.put(slices.DeleteFunc(list, picks))
		return nil
	case a.members() && target.Sub != "":
		return fault(scim.TypeMutability, "the parts of a member cannot be changed")
	case !slices.ContainsFunc(list, picks):
		switch kind {
		case Remove:
			return nil
		case Replace:
			return fault(scim.TypeNoTarget, "the path's filter picks nothing")
		}
		made, ok := fromFilter(target.Filter)
		if !ok {
			return fault(scim.TypeNoTarget, "the path's filter picks nothing")
		}
		list = append(list, made)
		last := len(list) - 1
		picks = func(item any) bool { m, ok := item.(map[string]any); return ok && same(m, list[last]) }
	}
	return a.changeAll(list, kind, target.Sub, value, picks)
}

// same tells whether two values are one and the same object, not just equal ones.
func same(m map[string]any, other any) bool {
	return reflect.ValueOf(m).Pointer() == reflect.ValueOf(other).Pointer()
}

// changeAll changes the picked elements, as a whole if name is empty.
func (a attribute) changeAll(list []any, kind, name string, value any, picks func(any) bool) error {
	if items, ok := value.([]any); ok && name == "" && len(items) == 1 {
		value = items[0]
	}
	var touched []int
	for i, item := range list {
		if !picks(item) {
			continue
		}
		touched = append(touched, i)
		have, isObject := item.(map[string]any)
		come, comesObject := value.(map[string]any)
		switch {
		case name != "" && !isObject:
			return fault(scim.TypeInvalidPath, "the attribute has no sub-attributes")
		case name != "":
			have = maps.Clone(have)
			change(have, kind, name, value)
			list[i] = have
		case isObject != comesObject:
			return fault(scim.TypeInvalidValue, "the value does not fit the elements of the attribute")
		case isObject && kind == Add:
			have = maps.Clone(have)
			overlay(have, come)
			list[i] = have
		default:
			list[i] = value
		}
	}
	if err := onePrimary(list, touched); err != nil {
		return err
	}
	a.put(slices.DeleteFunc(list, scim.IsUnassigned))
	return nil
}

func change(object map[string]any, kind, name string, value any) {
	name = key(object, name)
	if kind == Remove {
		delete(object, name)
		return
	}
	object[name] = value
}

// fromFilter makes the element that a filter of equalities describes: from
// `type eq "work"` the element {"type": "work"}.
func fromFilter(e filter.Expr) (map[string]any, bool) {
	terms := []filter.Expr{e}
	if l, ok := e.(*filter.Logical); ok && !l.Or {
		terms = l.Terms
	}
	made := map[string]any{}
	for _, term := range terms {
		c, ok := term.(*filter.Compare)
		if !ok || c.Op != filter.Equal || c.Attr.URN != "" || c.Attr.Sub != "" || c.Value == nil {
			return nil, false
		}
		made[c.Attr.Name] = c.Value
	}
	return made, true
}
