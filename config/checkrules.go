package config

import "strings"

// userRules checks the attribute rules of accounts.
func (c *checker) userRules(path string, rules AttributeRules) {
	path = child(path, "attributes")
	for _, r := range rules {
		at := child(path, r.Path.Value)
		c.attribute(at, r)
		if c.given(at, "unique") && !strings.EqualFold(r.Path.Value, "userName") {
			c.report(child(at, "unique"), "this is for userName only")
		}
	}
}

// attribute checks one rule. A rule that is a plain text has nothing to check.
func (c *checker) attribute(path string, r *AttributeRule) {
	parts := false
	for _, key := range []string{"value", "unique", "apply", "default"} {
		parts = parts || c.given(path, key)
	}
	if !parts {
		return
	}
	c.exactlyOne(path, "value", "unique", "")
	if !c.given(path, "unique") {
		return
	}
	if c.given(path, "apply") && r.Apply == "always" {
		c.report(child(path, "apply"), "always does not go with unique: a name once issued stays")
	}
	if c.given(path, "default") {
		c.report(child(path, "default"), "this does not go with unique; add a last candidate instead")
	}
}

// groupRules checks the rules of a list and that no two make the same groups.
func (c *checker) groupRules(path string, rules []*GroupRule) {
	derived := map[string]Pos{}
	for i, g := range rules {
		at := item(path, i)
		if c.at(at) == (Pos{}) {
			continue
		}
		c.exactlyOne(at, "from", "derive", "")
		switch {
		case c.given(at, "by") && !c.given(at, "derive"):
			c.report(child(at, "by"), "this needs derive")
		case c.given(at, "members") && !c.given(at, "from"):
			c.report(child(at, "members"), "this is for from only; who is in a derived group is said by include")
		}
		if name := g.Derive.Value; name != "" {
			if first, twice := derived[name]; twice {
				c.report(child(at, "derive"), "this name is already taken at "+first.String())
			} else {
				derived[name] = g.Derive.At
			}
		}
		attributes := child(at, "attributes")
		for _, r := range g.Attributes {
			path := child(attributes, r.Path.Value)
			c.attribute(path, r)
			if c.given(path, "unique") {
				c.report(child(path, "unique"), "this is for the userName of users only")
			}
		}
	}
}
