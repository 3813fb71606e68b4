package connector

import (
	"slices"

	"simscim/config"
	"simscim/connector/source"
	"simscim/mapper"
	"simscim/roster"
)

// Routes says for each school what the configuration wants: its effective settings
// and its compiled rules.
type Routes struct {
	config   *config.Config
	mappings map[*config.SiteConfig]*mapper.Mapping
	digests  map[*config.SiteConfig]string
}

// Route is what is to be done with one school.
type Route struct {
	*config.SiteConfig
	Mapping *mapper.Mapping
	// digest identifies the effective settings.
	digest string
}

// Compile compiles the rules of every entry of sites and reports all problems at once.
func Compile(cfg *config.Config) (*Routes, config.Problems) {
	r := &Routes{config: cfg, mappings: map[*config.SiteConfig]*mapper.Mapping{}, digests: map[*config.SiteConfig]string{}}
	var problems config.Problems
	compiler := mapper.NewCompiler()
	for _, entry := range cfg.Entries() {
		m, found := compiler.Compile(mapper.Rules{
			Match: entry.Match, Adopt: entry.Adopt, Users: entry.Users, Groups: entry.Groups, Vars: entry.Vars,
		})
		for _, p := range found { // entries that share a mapping share its problems
			if !slices.Contains(problems, p) {
				problems = append(problems, p)
			}
		}
		r.mappings[entry], r.digests[entry] = m, digest(entry)
	}
	return r, problems.Sort()
}

// Want is what the rules use of the people of a source, all of its schools together.
func (r *Routes) Want(name string) source.Want {
	var want source.Want
	for _, entry := range r.config.Entries() {
		if entry.Source != "" && entry.Source != name {
			continue
		}
		kinds, fields := r.mappings[entry].Want()
		want.Kinds = append(want.Kinds, kinds...)
		want.Fields = append(want.Fields, fields...)
	}
	slices.Sort(want.Kinds)
	slices.Sort(want.Fields)
	want.Kinds, want.Fields = slices.Compact(want.Kinds), slices.Compact(want.Fields)
	return want
}

// source returns the settings of a source, by its name.
func (r *Routes) source(name string) *config.Source {
	if s := r.config.Sources[name]; s != nil {
		return s
	}
	return &config.Source{}
}

// target returns the settings of a target, by its name.
func (r *Routes) target(name string) *config.Target {
	if t := r.config.Targets[name]; t != nil {
		return t
	}
	return &config.Target{}
}

// byPhase tells whether some entry of sites is for schools of a phase.
func (r *Routes) byPhase() bool {
	return slices.ContainsFunc(r.config.Entries(), func(e *config.SiteConfig) bool { return e.When.Phase != "" })
}

// For returns the route of a school, or ok false when no entry of sites matches it.
func (r *Routes) For(site roster.Site) (Route, bool) {
	entry, ok := r.config.Resolve(config.SiteRef{
		Source: site.Source, ID: site.ID, DfE: site.DfE, Name: site.Name, Phase: site.Phase,
	})
	if !ok {
		return Route{}, false
	}
	return Route{SiteConfig: entry, Mapping: r.mappings[entry], digest: r.digests[entry]}, true
}
