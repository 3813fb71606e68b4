package config

import (
	"reflect"
	"strings"

	"simscim/internal/secret"
)

// expr reads a rule. Numbers and true or false are rules as they stand, so that
// "active: true" need not be quoted.
func (d *decoder) expr(p *Expr, n *node, path string) {
	switch {
	case !n.scalar():
		d.wrong(n, path, "a rule, which is a text")
	case strings.TrimSpace(n.text) == "":
		d.report(n.at, path, `the rule is empty; a rule for an empty text is '""'`)
	default:
		*p = d.src.expr(n)
	}
}

// secret reads a reference. Whatever stands here may be the secret itself, so no
// message repeats it.
func (d *decoder) secret(p *secret.Ref, n *node, path string) {
	if n.kind != text {
		d.report(n.at, path, `must be a reference, "env:NAME" or "file:/path"`)
		return
	}
	ref, err := secret.ParseRef(n.text)
	if err != nil {
		d.report(n.at, path, err.Error())
		return
	}
	*p = ref
}

// siteMatch reads '*' or a map of conditions.
func (d *decoder) siteMatch(p *SiteMatch, n *node, path string, at Pos) {
	switch {
	case n.kind == text && n.text == "*":
		p.All = true
	case n.kind != mapping:
		d.report(n.at, path, `must be '*' or a map of conditions, such as {dfe: "123/4567"}; allowed: `+
			strings.Join(keysOf(fieldsOf(reflect.TypeFor[SiteMatch]())), ", "))
	default:
		d.structure(reflect.ValueOf(p).Elem(), n, path, at)
	}
}

// attributes reads rules by path and keeps their order.
func (d *decoder) attributes(p *AttributeRules, n *node, path string) {
	if n.kind != mapping {
		d.wrong(n, path, "a map of attribute paths")
		return
	}
	if len(n.entries) == 0 {
		d.report(n.at, path, "this is empty; name an attribute or leave it out")
	}
	seen := make(map[string]Pos, len(n.entries))
	for _, e := range n.entries {
		at := child(path, e.key)
		name := strings.ToLower(strings.TrimSpace(e.key))
		if name == "" {
			d.report(e.at, at, "an attribute must have a path, such as name.givenName")
			continue
		}
		if first, twice := seen[name]; twice {
			d.report(e.at, at, "this is the same attribute as at "+first.String()+"; case does not matter")
			continue
		}
		seen[name] = e.at
		if rule := d.attribute(e, at); rule != nil {
			*p = append(*p, rule)
		}
	}
}

func (d *decoder) attribute(e entry, path string) *AttributeRule {
	rule := &AttributeRule{Path: Text{Value: strings.TrimSpace(e.key), At: e.at}}
	setDefaults(reflect.ValueOf(rule).Elem())
	switch n := e.value; {
	case n.kind == nothing && d.override:
		d.where[path] = e.at
		rule.Drop = true
	case n.kind == nothing:
		d.report(e.at, path, "nothing stands here; null drops an attribute, and that is for overrides only")
		return nil
	case n.kind == list:
		d.report(n.at, path, "must be a rule, or a map with value or unique, not a list")
		return nil
	case n.kind == mapping:
		d.value(reflect.ValueOf(rule).Elem(), n, path, e.at, field{})
	default:
		d.where[path] = e.at
		d.value(reflect.ValueOf(&rule.Value).Elem(), n, path, e.at, field{})
	}
	return rule
}
