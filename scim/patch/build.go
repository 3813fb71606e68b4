package patch

import (
	"slices"
	"strings"

	"simscim/scim"
)

// Field is one attribute that differs.
type Field struct {
	Path scim.Path
	// Value is the new value; nil takes the attribute away.
	Value any
	// Absent says that the target is known to hold no element that the path's selector
	// picks. MarkAbsent sets it.
	Absent bool
	// Stays says that other values of the element stay when this one is taken away, so
	// that the element may not be removed with it. MarkStaying sets it.
	Stays bool
}

// Style is the dialect of PATCH that a service reads. The zero Style is the RFC's.
type Style struct {
	Pathless Pathless
	Elements Elements
	// TitleCase writes "Add", "Remove" and "Replace".
	TitleCase bool
	// StringBooleans writes "True" and "False".
	StringBooleans bool
	// MembersByValue takes members out by the path "members" and a list of values,
	// instead of one path members[value eq "id"] for each.
	MembersByValue bool
	// MembersInObject writes lists of members as {"members": [...]}, beside the path, as
	// Salesforce does.
	MembersInObject bool
}

// Pathless says whether values that are set travel in one operation without a path.
// Values that are taken away, and elements of lists, need a path in every dialect.
type Pathless int

// The forms of setting plain attributes.
const (
	// PathEach sends one replace with a path for each attribute.
	PathEach Pathless = iota
	// Nested sends one replace of an object: {"name": {"givenName": "…"}}.
	Nested
	// Dotted sends one replace of an object with paths as names, as Entra ID does:
	// {"name.givenName": "…"}.
	Dotted
)

// Elements says how a sub-attribute of one element of a list is set, such as
// emails[type eq "work"].value, when it is not known whether the element is there.
//
// No form is right everywhere. A replace of a path that picks nothing is a 400
// noTarget by the RFC (§3.5.2.3), and adding a whole element doubles one that is there.
// The default therefore cannot do harm: it fails, atomically, where the element is
// missing, and the caller reads the resource, calls MarkAbsent and sends again.
type Elements int

// The forms of setting a sub-attribute of an element.
const (
	// ReplaceValue replaces emails[type eq "work"].value.
	ReplaceValue Elements = iota
	// AddValue adds to emails[type eq "work"].value; services made for Entra ID make
	// the missing element from the selector, others answer 400 noTarget.
	AddValue
	// ResetElement removes emails[type eq "work"] and adds the whole element. It loses
	// sub-attributes that are not among the fields.
	ResetElement
)

// Build makes the operations that carry out the fields: first what is taken away, then
// what is set, each in the order of the fields. No fields make no operations.
func Build(fields []Field, style Style) []Operation {
	b := builder{style: style, pathless: map[string]any{}}
	for _, f := range fields {
		if f.Value == nil {
			b.remove(f, fields)
		}
	}
	for _, f := range fields {
		if f.Value != nil {
			b.set(f, fields)
		}
	}
	if len(b.pathless) > 0 {
		b.add(Operation{Op: Replace, Value: b.pathless})
	}
	return b.ops
}

// AddMembers makes the operation that puts the target's ids into a group.
func AddMembers(ids []string, style Style) []Operation {
	if len(ids) == 0 {
		return nil
	}
	return []Operation{{Op: style.op(Add), Path: "members", Value: style.members(ids)}}
}

// RemoveMembers makes the operations that take the target's ids out of a group. No ids
// make no operation: a remove without members would empty the group.
func RemoveMembers(ids []string, style Style) []Operation {
	if len(ids) == 0 {
		return nil
	}
	if style.MembersByValue {
		return []Operation{{Op: style.op(Remove), Path: "members", Value: style.members(ids)}}
	}
	ops := make([]Operation, 0, len(ids))
	for _, id := range ids {
		ops = append(ops, Operation{Op: style.op(Remove), Path: "members[value eq " + scim.Quote(id) + "]"})
	}
	return ops
}

// MarkAbsent returns the fields with Absent set on those whose element the resource,
// as the target returned it, does not hold.
func MarkAbsent(fields []Field, resource map[string]any) []Field {
	out := slices.Clone(fields)
	for i, f := range out {
		p := f.Path.Parts()
		if p.SelAttr == "" {
			continue
		}
		p.Sub = p.SelAttr
		_, found := scim.Lookup(resource, p.Path())
		out[i].Absent = !found
	}
	return out
}

// MarkStaying returns the fields with Stays set on those that are taken away from an
// element of which after, the whole desired state, still holds another value.
func MarkStaying(fields []Field, after scim.Attributes) []Field {
	out := slices.Clone(fields)
	for i, f := range out {
		if f.Value != nil || f.Path.Parts().SelAttr == "" {
			continue
		}
		element := elementOf(f.Path)
		out[i].Stays = slices.ContainsFunc(after, func(a scim.Attribute) bool {
			return a.Path != f.Path && elementOf(a.Path) == element && !scim.IsUnassigned(a.Value)
		})
	}
	return out
}

func (s Style) members(ids []string) any {
	list := make([]any, 0, len(ids))
	for _, id := range ids {
		list = append(list, map[string]any{"value": id})
	}
	if s.MembersInObject {
		return map[string]any{"members": list}
	}
	return list
}

type builder struct {
	style    Style
	ops      []Operation
	pathless map[string]any
	// done are the elements that an operation has dealt with as a whole.
	done []scim.Path
}

func (b *builder) add(op Operation) {
	op.Op = b.style.op(op.Op)
	b.ops = append(b.ops, op)
}

// remove takes a value away. An element without its value is of no use, so the whole
// element goes, unless some other part of it is set by the same change.
func (b *builder) remove(f Field, fields []Field) {
	p := f.Path.Parts()
	if p.SelAttr == "" {
		b.add(Operation{Op: Remove, Path: string(f.Path)})
		return
	}
	element := elementOf(f.Path)
	if slices.Contains(b.done, element) || b.style.Elements == ResetElement && isSet(element, fields) {
		return
	}
	if p.Sub != "" && p.Sub != "value" || f.Stays || isSet(element, fields) {
		b.add(Operation{Op: Remove, Path: string(f.Path)})
		return
	}
	b.done = append(b.done, element)
	b.add(Operation{Op: Remove, Path: string(element)})
}

func (b *builder) set(f Field, fields []Field) {
	p := f.Path.Parts()
	value := b.style.value(f.Value)
	if p.SelAttr != "" {
		b.setElement(f, value, fields)
		return
	}
	switch b.style.Pathless {
	case Nested:
		nest(b.pathless, p, value)
	case Dotted:
		b.pathless[string(f.Path)] = value
	default:
		b.add(Operation{Op: Replace, Path: string(f.Path), Value: value})
	}
}

func (b *builder) setElement(f Field, value any, fields []Field) {
	p := f.Path.Parts()
	element := elementOf(f.Path)
	if slices.Contains(b.done, element) {
		return
	}
	if f.Absent || b.style.Elements == ResetElement {
		b.done = append(b.done, element)
		if !f.Absent {
			b.add(Operation{Op: Remove, Path: string(element)})
		}
		list := scim.Parts{URN: p.URN, Attr: p.Attr}.Path()
		b.add(Operation{Op: Add, Path: string(list), Value: []any{b.whole(element, fields)}})
		return
	}
	if p.Sub == "" {
		p.Sub = "value"
	}
	op := Replace
	if b.style.Elements == AddValue {
		op = Add
	}
	b.add(Operation{Op: op, Path: string(p.Path()), Value: value})
}

// whole puts together the element from all fields that set a part of it.
func (b *builder) whole(element scim.Path, fields []Field) map[string]any {
	e := element.Parts()
	out := map[string]any{e.SelAttr: e.SelValue}
	for _, f := range fields {
		if f.Value == nil || elementOf(f.Path) != element {
			continue
		}
		sub := f.Path.Parts().Sub
		if sub == "" {
			sub = "value"
		}
		out[sub] = b.style.value(f.Value)
	}
	return out
}

func elementOf(path scim.Path) scim.Path {
	p := path.Parts()
	p.Sub = ""
	return p.Path()
}

func isSet(element scim.Path, fields []Field) bool {
	return slices.ContainsFunc(fields, func(f Field) bool { return f.Value != nil && elementOf(f.Path) == element })
}

// nest puts the value into the object, with the containers that its path names.
func nest(object map[string]any, p scim.Parts, value any) {
	names := slices.DeleteFunc([]string{p.URN, p.Attr, p.Sub}, func(s string) bool { return s == "" })
	for _, name := range names[:len(names)-1] {
		inner, ok := object[name].(map[string]any)
		if !ok {
			inner = map[string]any{}
			object[name] = inner
		}
		object = inner
	}
	object[names[len(names)-1]] = value
}

func (s Style) op(name string) string {
	if s.TitleCase {
		return strings.ToUpper(name[:1]) + name[1:]
	}
	return name
}

// value is the value as the dialect writes it.
func (s Style) value(v any) any {
	if !s.StringBooleans {
		return v
	}
	switch v := v.(type) {
	case bool:
		if v {
			return "True"
		}
		return "False"
	case []any:
		out := make([]any, len(v))
		for i := range v {
			out[i] = s.value(v[i])
		}
		return out
	case map[string]any:
		out := make(map[string]any, len(v))
		for k := range v {
			out[k] = s.value(v[k])
		}
		return out
	default:
		return v
	}
}
