package config

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// Origin is one effective value of a site entry and where it comes from.
type Origin struct {
	// Path is the key as a site's entry, its mapping or the general sections have it. The
	// first one is the entry itself with its condition.
	Path  string
	Value string
	// At is the place in the files; it is zero for a default.
	At Pos
	// From is "default", "mapping NAME", "override", "general" or "site".
	From string
}

// Describe lists the effective values of the entry in a fixed order: what the entry
// says itself, the rules for users and groups, then safeguards and leavers.
func (s *SiteConfig) Describe() []Origin {
	d := describer{s: s, site: item("sites", s.Index), mapping: child("mappings", s.Mapping)}
	d.entry()
	d.rules()
	d.groups()
	d.limits()
	return d.list
}

type describer struct {
	s             *SiteConfig
	site, mapping string
	list          []Origin
}

// from is one place that a value may have been given at.
type from struct{ path, name string }

// add appends a value, given at the first of the places where the files have it.
func (d *describer) add(path, value string, places ...from) {
	o := Origin{Path: path, Value: value, From: "default"}
	for _, p := range places {
		if at, ok := d.s.cfg.where[p.path]; ok {
			o.At, o.From = at, p.name
			break
		}
	}
	d.list = append(d.list, o)
}

// ofRules are the places of a key of the rules.
func (d *describer) ofRules(key string) []from {
	return []from{
		{d.site + ".override." + key, "override"},
		{d.mapping + "." + key, "mapping " + d.s.Mapping},
	}
}

func (d *describer) entry() {
	s := d.s
	own := func(key, value string) { d.add(key, value, from{d.site + "." + key, "site"}) }
	d.list = append(d.list, Origin{Path: d.site, Value: s.When.String(), At: s.At, From: "site"})
	if s.Source != "" {
		own("source", s.Source)
	}
	own("targets", strings.Join(s.Targets, ", "))
	own("mapping", s.Mapping)
	for _, name := range slices.Sorted(maps.Keys(s.Vars)) {
		own("vars."+name, s.Vars[name])
	}
	own("schedule", s.Schedule.Value)
}

func (d *describer) rules() {
	s := d.s
	match := make([]string, len(s.Match))
	for i, m := range s.Match {
		match[i] = m.Value
	}
	d.add("match", strings.Join(match, ", "), d.ofRules("match")...)
	d.add("adopt", strconv.FormatBool(s.Adopt), d.ofRules("adopt")...)
	if !s.Users.Protect.IsZero() {
		d.add("users.protect", s.Users.Protect.Text, d.ofRules("users.protect")...)
	}
	if !s.Users.Password.IsZero() {
		d.add("users.password", s.Users.Password.Text, d.ofRules("users.password")...)
	}
	d.add("users.include", s.Users.Include.Text, d.ofRules("users.include")...)
	if !s.Users.Key.IsZero() {
		d.add("users.key", s.Users.Key.Text, d.ofRules("users.key")...)
	}
	for _, r := range s.Users.Attributes {
		path := child("users.attributes", r.Path.Value)
		o := Origin{Path: path, Value: r.String(), At: r.Path.At, From: "mapping " + s.Mapping}
		if at, ok := s.cfg.where[child(d.site+".override.users.attributes", r.Path.Value)]; ok && at == r.Path.At {
			o.From = "override"
		}
		d.list = append(d.list, o)
	}
}

func (d *describer) groups() {
	name := "mapping " + d.s.Mapping
	if _, ok := d.s.cfg.where[d.site+".override.groups"]; ok {
		name = "override"
	}
	for i, g := range d.s.Groups {
		d.list = append(d.list, Origin{Path: item("groups", i), Value: g.String(), At: g.At, From: name})
	}
}

func (d *describer) limits() {
	s := d.s
	for _, name := range slices.Sorted(maps.Keys(s.Safeguards)) {
		d.add("safeguards."+name, s.Safeguards[name].String(),
			from{d.site + ".safeguards." + name, "site"}, from{"safeguards." + name, "general"})
	}
	leavers := func(key string, value int) {
		d.add("leavers."+key, strconv.Itoa(value),
			from{d.site + ".leavers." + key, "site"}, from{"leavers." + key, "general"})
	}
	leavers("graceSnapshots", s.Leavers.GraceSnapshots)
	leavers("graceHours", s.Leavers.GraceHours)
	leavers("deleteAfterDays", s.Leavers.DeleteAfterDays)
}

// String is the condition as it would stand on one line of a file.
func (m SiteMatch) String() string {
	if m.All {
		return "*"
	}
	var parts []string
	for _, p := range [...][2]string{{"dfe", m.DfE}, {"organisation", m.Organisation}, {"name", m.Name}, {"phase", m.Phase}} {
		if p[1] != "" {
			parts = append(parts, p[0]+": "+p[1])
		}
	}
	return strings.Join(parts, ", ")
}

// String is the rule on one line.
func (r *AttributeRule) String() string {
	var b strings.Builder
	switch {
	case r.Drop:
		return "(dropped)"
	case len(r.Unique) > 0:
		texts := make([]string, len(r.Unique))
		for i, e := range r.Unique {
			texts[i] = e.oneLine()
		}
		b.WriteString("unique: " + strings.Join(texts, " | "))
	default:
		b.WriteString(r.Value.oneLine())
	}
	if !r.Default.IsZero() {
		b.WriteString("; default: " + r.Default.oneLine())
	}
	if r.Apply == "create" {
		b.WriteString("; apply: create")
	}
	return b.String()
}

// String is the rule on one line.
func (g *GroupRule) String() string {
	var parts []string
	add := func(key, value string) {
		if value != "" {
			parts = append(parts, key+": "+value)
		}
	}
	add("from", g.From)
	add("derive", g.Derive.Value)
	add("by", g.By.oneLine())
	add("include", g.Include.oneLine())
	add("members", g.Members.oneLine())
	add("displayName", g.DisplayName.oneLine())
	for _, r := range g.Attributes {
		add(r.Path.Value, r.String())
	}
	if g.KeepEmpty {
		add("keepEmpty", "true")
	}
	return strings.Join(parts, "; ")
}

// String is the limit on one line.
func (s *Safeguard) String() string {
	var parts []string
	if s.Percent != nil {
		parts = append(parts, strconv.FormatFloat(*s.Percent, 'f', -1, 64)+" %")
	}
	if s.Count != nil {
		parts = append(parts, fmt.Sprintf("%d changes", *s.Count))
	}
	what := strings.Join(parts, " or ")
	if s.Percent != nil && s.MinSize > 1 {
		what += fmt.Sprintf(" (percent from %d up)", s.MinSize)
	}
	if s.PerGroup {
		what += " of each group"
	}
	return "more than " + what
}

// oneLine is the text of a rule; one of several lines is put into one.
func (e Expr) oneLine() string {
	text := strings.TrimSpace(e.Text)
	if strings.Contains(text, "\n") {
		text = strings.Join(strings.Fields(text), " ")
	}
	return text
}
