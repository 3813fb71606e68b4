package patch

import (
	"maps"
	"slices"
	"strings"

	"simscim/scim"
	"simscim/scim/filter"
)

// Apply carries out the operations, in order, on a resource and returns the result.
// The resource itself stays as it is; what no operation touches is shared with the
// result. Errors are *scim.Error, with the scimType that RFC 7644 §3.5.2 asks for.
//
// It also accepts what clients in the field send: paths as member names in an
// operation without a path, members taken out by value, members in an object beside
// their path (Salesforce's form), "True" for true, a manager as a plain id, an add whose selector picks nothing (the element is made from the
// selector), and id, meta, schemas and groups in a value without a path, which are
// ignored.
func Apply(resource map[string]any, ops []Operation) (map[string]any, error) {
	p := patcher{res: maps.Clone(resource)}
	if p.res == nil {
		p.res = map[string]any{}
	}
	for _, op := range ops {
		if err := p.apply(op); err != nil {
			return nil, err
		}
	}
	return p.res, nil
}

// patcher holds the result so far: the top-level object is its own, everything below
// is copied before it is changed.
type patcher struct{ res map[string]any }

func (p *patcher) apply(op Operation) error {
	kind := strings.ToLower(op.Op)
	switch kind {
	case Add, Replace, Remove:
	default:
		return fault(scim.TypeInvalidSyntax, "op must be add, remove or replace")
	}
	if kind == Add && op.Value == nil {
		return fault(scim.TypeInvalidValue, "add needs a value")
	}
	path := strings.TrimSpace(op.Path)
	if path == "" || strings.EqualFold(path, scim.UserURN) || strings.EqualFold(path, scim.GroupURN) {
		if kind == Remove {
			return fault(scim.TypeNoTarget, "remove needs a path")
		}
		return p.applyObject(kind, "", op.Value)
	}
	if urn, ok := p.extension(path); ok {
		if kind == Remove || op.Value == nil {
			delete(p.res, urn)
			return nil
		}
		return p.applyObject(kind, urn, op.Value)
	}
	target, err := filter.ParsePath(path)
	if err != nil {
		return err
	}
	if target.Attr.URN == "" {
		switch strings.ToLower(target.Attr.Name) {
		case "id", "meta", "groups":
			return fault(scim.TypeMutability, "the attribute is read-only")
		case "schemas":
			return nil // the server keeps it in step with the extensions itself
		}
	}
	return p.applyPath(kind, target, op.Value)
}

// extension tells whether the path names a whole extension, and returns the name under
// which the resource holds it. "urn:…:2.0:User" could also be the attribute "User" of
// "urn:…:2.0"; what follows a version is taken for the end of a schema's URN.
func (p *patcher) extension(path string) (string, bool) {
	if len(path) < 5 || !strings.EqualFold(path[:4], "urn:") || strings.ContainsAny(path, "[ ") {
		return "", false
	}
	for key := range p.res {
		if strings.EqualFold(key, path) {
			return key, true
		}
	}
	segments := strings.Split(path, ":")
	return path, len(segments) > 2 && isVersion(segments[len(segments)-2])
}

func isVersion(segment string) bool {
	return segment != "" && strings.Trim(segment, "0123456789.") == ""
}

// nestedExtension is extension for a name whose value is an object. Such a name is a
// schema's unless something says that it is an attribute: a version further up, or an
// extension that has the name but for its end.
func (p *patcher) nestedExtension(name string) (string, bool) {
	if urn, ok := p.extension(name); ok || len(name) < 5 || !strings.EqualFold(name[:4], "urn:") || strings.ContainsAny(name, "[ ") {
		return urn, ok
	}
	if slices.ContainsFunc(strings.Split(name, ":"), isVersion) {
		return "", false
	}
	_, inside := scim.Member(p.res, name[:strings.LastIndexByte(name, ':')])
	return name, !inside
}

// applyObject carries out an operation without a path, or one on a whole extension:
// each member of the value is an attribute of its own.
func (p *patcher) applyObject(kind, urn string, value any) error {
	object, ok := value.(map[string]any)
	if !ok {
		return fault(scim.TypeInvalidValue, "an operation without a path needs an object")
	}
	for _, name := range slices.Sorted(maps.Keys(object)) {
		v := object[name]
		switch lower := strings.ToLower(name); {
		case urn == "" && (lower == "id" || lower == "meta" || lower == "schemas" || lower == "groups"):
			continue
		case urn != "":
			name = urn + ":" + name
		}
		if _, isObject := v.(map[string]any); isObject || v == nil {
			if inner, ok := p.nestedExtension(name); ok && urn == "" {
				if err := p.whole(kind, inner, v); err != nil {
					return err
				}
				continue
			}
		}
		target, err := filter.ParsePath(name)
		if err != nil {
			return fault(scim.TypeInvalidPath, "a name in the value is not an attribute path")
		}
		if v == nil && kind == Add {
			continue
		}
		if err := p.applyPath(kind, target, v); err != nil {
			return err
		}
	}
	return nil
}

func (p *patcher) whole(kind, urn string, value any) error {
	if value == nil {
		if kind == Replace {
			delete(p.res, urn)
		}
		return nil
	}
	return p.applyObject(kind, urn, value)
}

func (p *patcher) applyPath(kind string, target filter.Path, value any) error {
	object := p.res
	var extension string
	if target.Attr.URN != "" {
		extension = key(p.res, target.Attr.URN)
		inner, _ := p.res[extension].(map[string]any)
		if object = maps.Clone(inner); object == nil {
			object = map[string]any{}
		}
	}
	attr := attribute{object: object, name: key(object, target.Attr.Name), core: target.Attr.URN == ""}
	value = normalise(attr.name, target, value)
	if value == nil && kind == Replace {
		kind = Remove // null is "unassigned" (RFC 7643 §2.5)
	}
	sub := target.Attr.Sub
	var err error
	switch {
	case target.Filter != nil:
		err = attr.elements(kind, target, value)
	case kind == Remove && sub == "":
		attr.remove(value)
	case sub != "":
		err = attr.sub(kind, sub, value)
	default:
		err = attr.set(kind, value)
	}
	if err != nil || target.Attr.URN == "" {
		return err
	}
	delete(p.res, extension)
	if len(object) > 0 {
		p.res[extension] = object
	}
	return nil
}

// key is the name under which the object holds the member, or the name as given.
func key(object map[string]any, name string) string {
	if _, ok := object[name]; ok {
		return name
	}
	for k := range object {
		if strings.EqualFold(k, name) {
			return k
		}
	}
	return name
}

// normalise repairs values that clients are known to send in the wrong type.
func normalise(name string, target filter.Path, value any) any {
	sub := target.Attr.Sub
	if target.Sub != "" {
		sub = target.Sub
	}
	switch v := value.(type) {
	case string:
		flag := sub == "" && strings.EqualFold(name, "active") || strings.EqualFold(sub, "primary")
		if b, ok := boolean(v); ok && flag {
			return b
		}
		if strings.EqualFold(name, "manager") && sub == "" && target.Attr.URN != "" {
			if v == "" {
				return nil
			}
			return map[string]any{"value": v}
		}
	case map[string]any:
		inner, _ := scim.Member(v, "members")
		if list, ok := inner.([]any); ok && len(v) == 1 && strings.EqualFold(name, "members") {
			return normalise(name, target, list)
		}
		return element(v)
	case []any:
		out := make([]any, len(v))
		for i, item := range v {
			if out[i] = item; item != nil {
				if m, ok := item.(map[string]any); ok {
					out[i] = element(m)
				}
			}
		}
		return out
	}
	return value
}

// element copies an object, with "primary" as a boolean.
func element(m map[string]any) map[string]any {
	m = maps.Clone(m)
	for k, v := range m {
		if s, ok := v.(string); ok && strings.EqualFold(k, "primary") {
			if b, ok := boolean(s); ok {
				m[k] = b
			}
		}
	}
	return m
}

func boolean(s string) (value, ok bool) {
	return strings.EqualFold(s, "true"), strings.EqualFold(s, "true") || strings.EqualFold(s, "false")
}
