package connector

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"simscim/connector/plan"
	"simscim/mapper"
	"simscim/roster"
	"simscim/scim"
)

// Explained says, for one person at one target, how the record becomes an account and
// what a sync would do about it now. It holds the person's data.
type Explained struct {
	Site   roster.Site
	Target string
	mapper.Explanation
	// Known is what the ledger holds, nil where there is no account of ours.
	Known *plan.Known
	// Changes are those of the next sync that concern the person; for groups, only the
	// person's own coming or going is left in Add and Remove.
	Changes []plan.Change
	// Notes and Skipped are what else the plan has to say of the person.
	Notes   []plan.Note
	Skipped []plan.Skip
}

// Explain finds the people that who may mean at the selected schools, and explains each
// at each target. who is an id, a user name, an e-mail address, or a name.
func (e *Engine) Explain(ctx context.Context, sel Selection, who string) ([]Explained, error) {
	jobs, _, err := e.Align(ctx, sel, false)
	if err != nil {
		return nil, err
	}
	var all []Explained
	var problems []error
	for _, j := range jobs {
		found, err := e.explainAt(ctx, j, who)
		if err != nil {
			problems = append(problems, fmt.Errorf("%s: %w", j.Site.Name, err))
		}
		all = append(all, found...)
	}
	if len(all) > 0 {
		return all, nil
	}
	return nil, errors.Join(problems...)
}

func (e *Engine) explainAt(ctx context.Context, j Job, who string) ([]Explained, error) {
	snap, err := e.read(ctx, j, mode{})
	if err != nil {
		return nil, err
	}
	var all []Explained
	for _, name := range j.targets {
		p := e.newPass(j, newMode(Manner{}, false), snap, newRun(j.Site, name))
		if err := p.compare(ctx); err != nil {
			return all, err
		}
		for i := range snap.People {
			if person := &snap.People[i]; p.means(person, who) {
				all = append(all, p.explain(person.ID))
			}
		}
	}
	return all, nil
}

// means tells whether who may be this person.
func (p *pass) means(person *roster.Person, who string) bool {
	for _, is := range []string{
		person.ID, person.Email, person.GivenName + " " + person.FamilyName,
		person.PreferredGivenName + " " + person.PreferredFamilyName, person.PreferredGivenName + " " + person.FamilyName,
	} {
		if strings.TrimSpace(is) != "" && scim.Fold(is) == scim.Fold(who) {
			return true
		}
	}
	for i := range p.desired.Users {
		if u := &p.desired.Users[i]; u.Person.ID == person.ID {
			return u.Key == who || scim.Fold(u.Attributes.String(userName)) == scim.Fold(who)
		}
	}
	return false
}

// explain picks out what concerns one person.
func (p *pass) explain(personID string) Explained {
	x := Explained{Site: p.snap.Site, Target: p.run.Target, Explanation: p.Route.Mapping.Explain(p.snap, personID, p.names)}
	key, _ := x.Key.Value.(string)
	for _, known := range p.state.Users {
		if known.Key == key || key == "" && known.SourceID == personID {
			x.Known, key = known, known.Key
		}
	}
	for _, c := range p.plan.Changes {
		if c.Kind == scim.User && c.Key == key {
			x.Changes = append(x.Changes, c)
		}
		if c.Kind == scim.Group && (slices.Contains(c.Add, key) || slices.Contains(c.Remove, key)) {
			only := func(list []string) []string {
				return slices.DeleteFunc(slices.Clone(list), func(k string) bool { return k != key })
			}
			c.Add, c.Remove = only(c.Add), only(c.Remove)
			x.Changes = append(x.Changes, c)
		}
	}
	for _, n := range p.plan.Notes {
		if n.Kind == scim.User && n.Key == key {
			x.Notes = append(x.Notes, n)
		}
	}
	for _, s := range p.plan.Skipped {
		if s.Kind == scim.User && s.Key == key {
			x.Skipped = append(x.Skipped, s)
		}
	}
	return x
}
