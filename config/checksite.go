package config

import (
	"maps"
	"slices"
	"strings"

	"github.com/google/uuid"
)

func (c *checker) site(path string, s *Site) {
	c.reference(child(path, "source"), s.Source, slices.Collect(maps.Keys(c.cfg.Sources)), "sources")
	c.reference(child(path, "mapping"), s.Mapping, slices.Collect(maps.Keys(c.cfg.Mappings)), "mappings")
	seen := map[string]bool{}
	for i, t := range s.Targets {
		at := item(child(path, "targets"), i)
		c.reference(at, t, slices.Collect(maps.Keys(c.cfg.Targets)), "targets")
		if seen[t.Value] && t.Value != "" {
			c.reportAt(t.At, at, "the target "+quote(t.Value)+" is listed twice")
		}
		seen[t.Value] = true
	}
	c.organisation(child(path, "match"), s)
	c.safeguards(child(path, "safeguards"), s.Safeguards)
	if o := s.Override; o != nil {
		c.override(child(path, "override"), o, s.Mapping.Value)
	}
}

// reference reports a name that is not among the defined ones. If none is defined at
// all, that is the problem, and it is reported elsewhere.
func (c *checker) reference(path string, t Text, defined []string, section string) {
	if t.Value == "" || len(defined) == 0 || slices.Contains(defined, t.Value) {
		return
	}
	c.reportAt(t.At, path, "there is no "+quote(t.Value)+" under "+section+didYouMean(t.Value, defined))
}

// organisation checks the form of the id where only SIMS ID can have issued it.
func (c *checker) organisation(path string, s *Site) {
	id := s.Match.Organisation
	if id == "" || len(id) == 36 && uuid.Validate(id) == nil {
		return
	}
	for name, source := range c.cfg.Sources {
		if (s.Source.Value == "" || s.Source.Value == name) && source.Type != "sims-id" {
			return
		}
	}
	c.report(child(path, "organisation"), checkFormat("guid", id))
}

// override checks the rules of an override against the mapping that it changes.
func (c *checker) override(path string, o *Override, mapping string) {
	if o.Groups != nil {
		c.groupRules(child(path, "groups"), o.Groups)
	}
	if o.Users == nil {
		return
	}
	users := child(path, "users")
	c.userRules(users, o.Users.Attributes)
	m := c.cfg.Mappings[mapping]
	if m == nil {
		return
	}
	paths := make([]string, len(m.Users.Attributes))
	for i, r := range m.Users.Attributes {
		paths[i] = r.Path.Value
	}
	for _, r := range o.Users.Attributes {
		same := func(p string) bool { return strings.EqualFold(p, r.Path.Value) }
		if r.Drop && !slices.ContainsFunc(paths, same) {
			c.reportAt(r.Path.At, child(child(users, "attributes"), r.Path.Value),
				"the mapping "+quote(mapping)+" has no such attribute to drop"+didYouMean(r.Path.Value, paths))
		}
	}
}

// unreachable reports entries that stand below one that takes every school.
func (c *checker) unreachable() {
	all := map[string]Pos{}
	for i, s := range c.cfg.Sites {
		first, ok := all[""]
		if !ok {
			first, ok = all[s.Source.Value]
		}
		if ok {
			c.reportAt(s.At, item("sites", i), "no school gets here: the entry at "+first.String()+" takes them all")
		} else if s.Match.All {
			all[s.Source.Value] = s.At
		}
	}
}
