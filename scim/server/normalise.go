package server

import (
	"maps"
	"strings"

	"simscim/scim"
)

// checkSchemas makes sure that the body says what it is (RFC 7643 §3). Further URNs
// are let through: Entra ID names one of its own that no server knows.
func (k *kindSchema) checkSchemas(body map[string]any) error {
	v, ok := scim.Member(body, "schemas")
	list, isList := v.([]any)
	if !ok || !isList {
		return syntax("schemas must be a list")
	}
	found := false
	for _, item := range list {
		s, ok := item.(string)
		if !ok {
			return syntax("schemas must be a list of strings")
		}
		found = found || strings.EqualFold(s, k.core.ID)
	}
	if !found {
		return syntax("schemas must hold " + k.core.ID)
	}
	return nil
}

// normalise repairs a resource in the shape that known clients send it: null members
// go, extensions get the name of their schema and, unless strict, booleans as text
// become booleans, one object becomes a list of one, and a plain id a manager. It
// copies what it changes.
func (k *kindSchema) normalise(body map[string]any, strict bool) map[string]any {
	out := make(map[string]any, len(body))
	for name, v := range body {
		if v == nil {
			continue
		}
		inner, isObject := v.(map[string]any)
		urn, ok := k.known(name)
		if !ok || !isObject {
			if ok {
				name = urn
			}
			out[name] = repair(v, k.shapes[""][strings.ToLower(name)], strict)
			continue
		}
		fixed := make(map[string]any, len(inner))
		for sub, v := range inner {
			if v != nil {
				fixed[sub] = repair(v, k.shapes[strings.ToLower(urn)][strings.ToLower(sub)], strict)
			}
		}
		out[urn] = fixed
	}
	return out
}

// repair makes one value fit its attribute where the intent is plain. A shape without
// a name belongs to an attribute that is not known, which the library drops.
func repair(v any, sh shape, strict bool) any {
	if sh.name == "" {
		return v
	}
	if sh.multi {
		list, ok := v.([]any)
		if !ok {
			if strict {
				return v
			}
			list = []any{v}
		}
		single := sh
		single.multi = false
		out := make([]any, 0, len(list))
		for _, item := range list {
			if item != nil {
				out = append(out, repair(item, single, strict))
			}
		}
		return out
	}
	switch value := v.(type) {
	case string:
		switch {
		case strict:
		case sh.kind == "boolean" && strings.EqualFold(value, "true"):
			return true
		case sh.kind == "boolean" && strings.EqualFold(value, "false"):
			return false
		case sh.kind == "complex" && (sh.name == "manager" || sh.name == "members"):
			return map[string]any{"value": value}
		}
	case map[string]any:
		if sh.subs == nil {
			return v
		}
		value = maps.Clone(value)
		for name, sub := range value {
			if sub == nil {
				delete(value, name)
				continue
			}
			value[name] = repair(sub, sh.subs[strings.ToLower(name)], strict)
		}
		return value
	}
	return v
}
