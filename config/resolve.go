package config

import (
	"maps"
	"slices"
	"strings"
)

// SiteRef is what a source says of a school, for finding the entry that it falls under.
type SiteRef struct {
	// Source is the name of the source in the configuration.
	Source string
	// ID is the source's own identifier of the school.
	ID string
	// DfE is its DfE number in any form, or empty.
	DfE         string
	Name, Phase string
}

// SiteConfig holds the effective values of one entry of sites, after mapping and
// override, general and own settings have been put together. There is one for each
// entry, and it is never changed, so its address can serve as a key.
type SiteConfig struct {
	// Index is the entry's index in sites, At its place.
	Index int
	At    Pos
	// When is the condition, Source the only source it is for, or empty.
	When   SiteMatch
	Source string
	// Targets and Mapping are names.
	Targets []string
	Mapping string
	Vars    map[string]string

	Match  []Text
	Adopt  bool
	Users  UserRules
	Groups []*GroupRule

	Schedule   Text
	Safeguards Safeguards
	Leavers    Leavers

	cfg *Config
	// dfe and name are the conditions in the form in which they are compared.
	dfe  string
	name []rune
}

// Entries returns the effective values of each entry of sites, in their order.
// Entries whose mapping does not exist are left out; such a configuration has problems.
func (c *Config) Entries() []*SiteConfig { return c.entries }

// Resolve returns the first entry that matches the school: one of Entries, always the
// same one for the same entry.
func (c *Config) Resolve(ref SiteRef) (*SiteConfig, bool) {
	for _, s := range c.entries {
		if s.matches(ref) {
			return s, true
		}
	}
	return nil, false
}

func (s *SiteConfig) matches(ref SiteRef) bool {
	if s.Source != "" && s.Source != ref.Source {
		return false
	}
	m := s.When
	switch {
	case m.All:
		return true
	case m.DfE != "" && s.dfe != normaliseDfE(ref.DfE),
		m.Organisation != "" && !strings.EqualFold(m.Organisation, ref.ID),
		s.name != nil && !glob(s.name, lower(ref.Name)),
		m.Phase != "" && !strings.EqualFold(m.Phase, ref.Phase):
		return false
	}
	return m != SiteMatch{}
}

func lower(s string) []rune { return []rune(strings.ToLower(strings.TrimSpace(s))) }

// glob tells whether name fits the pattern, in which * stands for any letters and ?
// for one of them. On a mismatch only the last * is tried again, so the time is at
// most the product of both lengths.
func glob(pattern, name []rune) bool {
	p, n := 0, 0
	star, again := -1, 0
	for n < len(name) {
		switch {
		case p < len(pattern) && pattern[p] == '*':
			star, again = p, n
			p++
		case p < len(pattern) && (pattern[p] == '?' || pattern[p] == name[n]):
			p, n = p+1, n+1
		case star >= 0:
			again++
			p, n = star+1, again
		default:
			return false
		}
	}
	for p < len(pattern) && pattern[p] == '*' {
		p++
	}
	return p == len(pattern)
}

func (c *Config) resolveAll() []*SiteConfig {
	var all []*SiteConfig
	for i, s := range c.Sites {
		if m := c.Mappings[s.Mapping.Value]; m != nil {
			all = append(all, c.resolve(i, s, m))
		}
	}
	return all
}

// resolve puts one entry together. Everything that callers might change is copied.
func (c *Config) resolve(i int, s *Site, m *Mapping) *SiteConfig {
	r := &SiteConfig{
		Index: i, At: s.At, When: s.Match, Source: s.Source.Value, Mapping: m.Name,
		Vars:  maps.Clone(s.Vars),
		Match: m.Match, Adopt: m.Adopt, Users: m.Users, Groups: m.Groups,
		Schedule: s.Schedule, Safeguards: maps.Clone(c.Safeguards), Leavers: c.Leavers,
		cfg: c, dfe: normaliseDfE(s.Match.DfE),
	}
	for _, t := range s.Targets {
		r.Targets = append(r.Targets, t.Value)
	}
	if s.Match.Name != "" {
		r.name = lower(s.Match.Name)
	}
	if s.Leavers != nil {
		r.Leavers = *s.Leavers
	}
	maps.Copy(r.Safeguards, s.Safeguards)
	if s.Override != nil {
		r.override(s.Override)
	}
	return r
}

func (s *SiteConfig) override(o *Override) {
	if o.Match != nil {
		s.Match = o.Match
	}
	if o.Adopt != nil {
		s.Adopt = *o.Adopt
	}
	if o.Groups != nil {
		s.Groups = o.Groups
	}
	if o.Users == nil {
		return
	}
	if !o.Users.Protect.IsZero() {
		s.Users.Protect = o.Users.Protect
	}
	if !o.Users.Include.IsZero() {
		s.Users.Include = o.Users.Include
	}
	if !o.Users.Key.IsZero() {
		s.Users.Key = o.Users.Key
	}
	if !o.Users.Password.IsZero() {
		s.Users.Password = o.Users.Password
	}
	s.Users.Attributes = s.Users.Attributes.merge(o.Users.Attributes)
}

// merge returns the rules with those of an override in their places, new ones at the
// end, and dropped ones gone.
func (a AttributeRules) merge(over AttributeRules) AttributeRules {
	merged := slices.Clone(a)
	for _, r := range over {
		i := slices.IndexFunc(merged, func(m *AttributeRule) bool { return strings.EqualFold(m.Path.Value, r.Path.Value) })
		switch {
		case i < 0 && !r.Drop:
			merged = append(merged, r)
		case i >= 0 && r.Drop:
			merged = slices.Delete(merged, i, i+1)
		case i >= 0:
			merged[i] = r
		}
	}
	return merged
}
