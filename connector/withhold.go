package connector

import (
	"slices"

	"simscim/config"
	"simscim/connector/plan"
	"simscim/scim"
)

// protected makes the predicate of what the configuration protects, nil for nothing.
func protected(c config.Protect) func(kind scim.Kind, name, remoteID string) bool {
	if len(c.Users)+len(c.Groups)+len(c.IDs) == 0 {
		return nil
	}
	return func(kind scim.Kind, name, remoteID string) bool {
		patterns := c.Users
		if kind == scim.Group {
			patterns = c.Groups
		}
		return remoteID != "" && slices.Contains(c.IDs, remoteID) ||
			name != "" && slices.ContainsFunc(patterns, func(pattern string) bool { return globs(pattern, name) })
	}
}

// withheld names the people and groups that were set aside, by the source or by a rule.
// They are neither changed nor taken to be missing.
func (p *pass) withheld() plan.Withheld {
	w := plan.Withheld{People: map[string]bool{}, Groups: map[string]bool{}}
	for _, s := range p.snap.SetAside {
		switch {
		case s.Entity == "person" && s.Ref != "":
			w.People[s.Ref] = true
		case s.Entity == "group" && s.Ref != "":
			w.Groups[s.Ref] = true
		case s.Entity == "person" || s.Entity == "group":
			w.Freeze = "a record without an id was set aside, so nobody can be said to have left"
		}
	}
	p.withholdHidden(&w)
	for _, id := range p.desired.Protected {
		w.People[id] = true
	}
	for _, problem := range p.desired.Problems {
		set := w.People
		if problem.Kind == scim.Group {
			set = w.Groups
			if problem.Key != "" { // for a rule with by, the key stands without the value
				w.GroupsBelow = append(w.GroupsBelow, problem.Key+":")
			}
		}
		for _, id := range []string{problem.SourceID, problem.Key} {
			if id != "" {
				set[id] = true
			}
		}
	}
	return w
}

// withholdHidden withholds whoever the snapshot does not have at all when a record was
// set aside because another one has its id: it may be anybody's.
func (p *pass) withholdHidden(w *plan.Withheld) {
	people, groups := map[string]bool{}, map[string]bool{}
	hiddenPerson, hiddenGroup := false, false
	for i := range p.snap.People {
		id := p.snap.People[i].ID
		people[id] = true
		hiddenPerson = hiddenPerson || w.People[id]
	}
	for i := range p.snap.Groups {
		id := p.snap.Groups[i].String()
		groups[id] = true
		hiddenGroup = hiddenGroup || w.Groups[id]
	}
	withhold := func(known map[string]*plan.Known, there, set map[string]bool) {
		for _, k := range known {
			if k.SourceID != "" && !there[k.SourceID] {
				set[k.SourceID] = true
			}
		}
	}
	if hiddenPerson {
		withhold(p.state.Users, people, w.People)
	}
	if hiddenGroup {
		withhold(p.state.Groups, groups, w.Groups)
	}
}
