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
		c.target(child("targets", name), t)
	}
	c.feeds()
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
	for name, w := range c.cfg.Windows {
		c.window(child("windows", name), w)
	}
	for i, n := range c.cfg.Notices {
		c.notice(item("notices", i), n)
	}
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

// sourceKeys are the keys of each type of source: what it needs, and what it may have.
// What is in neither belongs to another type; what is in none of the lists, to all.
func sourceKeys() []typeKeys {
	return []typeKeys{
		{"sims-id", nil, []string{
			"environment", "sts", "provisioning", "oneroster", "management", "api", "contract", "vendor", "credentials",
			"scope", "derive", "delta", "limits",
		}},
		{"oneroster", []string{"url", "auth"}, []string{"version", "derive", "delta", "limits"}},
		{"oneroster-csv", []string{"path"}, []string{"derive"}},
	}
}

// typeKeys are the keys that go with one type.
type typeKeys struct {
	name             string
	needed, optional []string
}

func (k *typeKeys) has(key string) bool {
	return slices.Contains(k.needed, key) || slices.Contains(k.optional, key)
}

// byType reports the keys that a type needs and that are not there, and those that
// belong to other types.
func (c *checker) byType(path, name string, kinds []typeKeys) {
	at := slices.IndexFunc(kinds, func(k typeKeys) bool { return k.name == name })
	if at < 0 {
		return // reported already
	}
	for _, key := range kinds[at].needed {
		if !c.given(path, key) {
			c.report(path, "type: "+name+" needs "+key)
		}
	}
	told := map[string]bool{}
	for _, k := range kinds {
		for _, key := range slices.Concat(k.needed, k.optional) {
			if c.given(path, key) && !kinds[at].has(key) && !told[key] {
				told[key] = true
				c.report(child(path, key), "this belongs to type: "+k.name+", not to "+name)
			}
		}
	}
}

func (c *checker) source(path string, s *Source) {
	c.byType(path, s.Type, sourceKeys())
	if s.Auth != nil {
		c.byType(child(path, "auth"), s.Auth.Type, []typeKeys{
			{"bearer", []string{"token"}, nil},
			{"oauth2", []string{"tokenURL", "clientID", "clientSecret"}, []string{"scope", "style"}},
			{"oauth1", []string{"clientID", "clientSecret"}, []string{"signature"}},
		})
	}
	if s.Type == "sims-id" {
		c.simsID(path, s)
	}
}

func (c *checker) simsID(path string, s *Source) {
	c.exactlyOne(path, "vendor", "credentials", "")
	if s.API == "provisioning" {
		for key, why := range map[string]string{
			"derive": "the provisioning API tells years and houses itself",
			"delta":  "the provisioning API does not tell when records changed",
		} {
			if c.given(path, key) {
				c.report(child(path, key), "this is for api: oneroster only; "+why)
			}
		}
	}
	if s.Environment == "custom" {
		needed := []string{"sts", s.API}
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

// auth checks a target's sign-in, and that it is one of those for the target's type.
func (c *checker) auth(path string, t *Target) {
	ways := map[string][]string{
		"scim":                 {"bearer", "basic", "oauth2", "secret", "certificate", "managed-identity", "workload-identity"},
		"entra-inbound":        {"secret", "certificate", "managed-identity", "workload-identity"},
		"okta-identity-source": {"private-key-jwt", "ssws"},
	}[t.Type]
	if t.Auth.Type != "" && ways != nil && !slices.Contains(ways, t.Auth.Type) {
		c.report(child(path, "type"), t.Type+" takes "+strings.Join(ways, ", "))
		return
	}
	c.byType(path, t.Auth.Type, []typeKeys{
		{"bearer", []string{"token"}, nil},
		{"basic", []string{"username", "password"}, nil},
		{"oauth2", []string{"tokenURL", "clientID", "clientSecret"}, []string{"scope"}},
		{"secret", []string{"clientID", "clientSecret"}, []string{"tenant"}},
		{"certificate", []string{"clientID", "privateKey"}, []string{"tenant"}},
		{"managed-identity", nil, []string{"clientID"}},
		{"workload-identity", nil, []string{"clientID", "tenant"}},
		{"private-key-jwt", []string{"clientID", "privateKey"}, []string{"keyID"}},
		{"ssws", []string{"token"}, nil},
	})
	if t.Type == "scim" && (t.Auth.Type == "secret" || t.Auth.Type == "certificate") && t.Auth.Tenant == "" {
		c.report(path, "type: "+t.Auth.Type+" needs tenant")
	}
	if t.Type == "entra-inbound" && c.given(path, "tenant") {
		c.report(child(path, "tenant"), "this is the target's own tenant, which stands beside auth")
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
