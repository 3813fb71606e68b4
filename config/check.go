package config

import (
	"slices"
	"strings"
)

// checker finds what is wrong between keys: choices that exclude one another and
// names that lead nowhere. It asks for keys by path, so that what could not be
// decoded is not reported a second time as missing.
type checker struct {
	cfg      *Config
	problems *Problems
}

func (c *checker) all() {
	for name, s := range c.cfg.Sources {
		c.source(child("sources", name), s)
	}
	for name, t := range c.cfg.Targets {
		c.auth(child(child("targets", name), "auth"), &t.Auth)
	}
	for name, m := range c.cfg.Mappings {
		path := child("mappings", name)
		c.userRules(child(path, "users"), m.Users.Attributes)
		c.groupRules(child(path, "groups"), m.Groups)
	}
	for i, s := range c.cfg.Sites {
		c.site(item("sites", i), s)
	}
	c.unreachable()
	c.safeguards("safeguards", c.cfg.Safeguards)
}

// given tells whether the key at path stands in a file.
func (c *checker) given(path, key string) bool {
	_, ok := c.cfg.where[child(path, key)]
	return ok
}

// at is the place of a path, or of what it is part of.
func (c *checker) at(path string) Pos { return c.cfg.where[path] }

func (c *checker) report(path, what string) { c.reportAt(c.at(path), path, what) }

func (c *checker) reportAt(at Pos, path, what string) {
	*c.problems = append(*c.problems, Problem{At: at, Path: path, What: what})
}

// exactlyOne reports when both or neither of two keys are given.
func (c *checker) exactlyOne(path, one, other, why string) {
	switch {
	case c.given(path, one) && c.given(path, other):
		c.report(child(path, other), one+" and "+other+" exclude one another"+why)
	case !c.given(path, one) && !c.given(path, other):
		c.report(path, "one of "+one+" and "+other+" is needed"+why)
	}
}

func (c *checker) source(path string, s *Source) {
	if s.Type == "" {
		return
	}
	c.exactlyOne(path, "vendor", "credentials", "")
	if s.Environment == "custom" {
		needed := []string{"sts", "provisioning"}
		if c.given(path, "vendor") {
			needed = append(needed, "management")
		}
		for _, key := range needed {
			if !c.given(path, key) {
				c.report(path, "environment: custom needs "+key)
			}
		}
	} else {
		for _, key := range []string{"sts", "provisioning", "oneroster", "management"} {
			if c.given(path, key) {
				c.report(child(path, key), "this is for environment: custom only; the hosts of "+s.Environment+" are known")
			}
		}
	}
	seen := map[string]Pos{}
	for i, cred := range s.Credentials {
		key := strings.ToLower(cred.Organisation)
		at := child(item(child(path, "credentials"), i), "organisation")
		if first, twice := seen[key]; twice && key != "" {
			c.report(at, "this organisation already has credentials at "+first.String())
		} else {
			seen[key] = c.at(at)
		}
	}
}

// authKeys lists what each type of sign-in needs and what it may have besides.
func authKeys() []authKind {
	return []authKind{
		{"bearer", []string{"token"}, nil},
		{"basic", []string{"username", "password"}, nil},
		{"oauth2", []string{"tokenURL", "clientID", "clientSecret"}, []string{"scope"}},
	}
}

type authKind struct {
	name             string
	needed, optional []string
}

func (c *checker) auth(path string, a *TargetAuth) {
	for _, k := range authKeys() {
		for _, key := range k.needed {
			if a.Type == k.name && !c.given(path, key) {
				c.report(path, "type: "+a.Type+" needs "+key)
			}
		}
		for _, key := range slices.Concat(k.needed, k.optional) {
			if a.Type != "" && a.Type != k.name && c.given(path, key) {
				c.report(child(path, key), "this belongs to type: "+k.name+", not to "+a.Type)
			}
		}
	}
}

// safeguards reports limits that limit nothing, and perGroup where there are no groups.
func (c *checker) safeguards(path string, all Safeguards) {
	for name, s := range all {
		at := child(path, name)
		if _, ok := c.cfg.where[at]; !ok {
			continue
		}
		if !c.given(at, "percent") && !c.given(at, "count") {
			c.report(at, "one of percent and count is needed")
		}
		if c.given(at, "minSize") && !c.given(at, "percent") {
			c.report(child(at, "minSize"), "this goes with percent only")
		}
		if s.PerGroup && name != "removeMembers" {
			c.report(child(at, "perGroup"), "this is for removeMembers only")
		}
	}
}
