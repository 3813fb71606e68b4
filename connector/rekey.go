package connector

import (
	"context"
	"fmt"
	"strings"

	"simscim/connector/ledger"
	"simscim/connector/plan"
	"simscim/roster"
	"simscim/scim"
)

// Rekeyed says what a change of the source's ids means for one site at one target.
type Rekeyed struct {
	Site   roster.Site `json:"-"`
	SiteID string      `json:"site"`
	Name   string      `json:"name"`
	Target string      `json:"target"`
	// Moves are the objects of ours that get another key.
	Moves []Move `json:"moves"`
	// Conflicts are the new keys that an account of ours has already: it was made before
	// the ids were mapped, and somebody must decide which of the two to keep.
	Conflicts []Move `json:"conflicts"`
	// Unused are how many lines of the map meet nobody here: either the old id is not in
	// the ledger, or the new one is not in the roll.
	Unused int `json:"unused"`
}

// Move is one object that gets another key. Source ids and keys are no names.
type Move struct {
	Kind     scim.Kind `json:"kind"`
	From     string    `json:"from"`
	To       string    `json:"to"`
	SourceID string    `json:"sourceID"`
}

// Rekey tells what happens when the source's ids change as in pairs, old id to new id,
// of people and groups alike; with apply it does it. Nothing at a target is touched:
// the next sync finds the same accounts under their new keys and sets their
// externalId. Without it, the same sync would make everybody anew.
func (e *Engine) Rekey(ctx context.Context, sel Selection, pairs map[string]string, apply bool) ([]Rekeyed, error) {
	jobs, _, err := e.Align(ctx, sel, false)
	if err != nil {
		return nil, err
	}
	var all []Rekeyed
	for _, j := range jobs {
		snap, err := e.read(ctx, j, mode{})
		if err != nil {
			return all, fmt.Errorf("%s: %w", j.Site.Name, err)
		}
		for _, name := range j.targets {
			p := e.newPass(j, newMode(Manner{}, false), snap, newRun(j.Site, name))
			err := e.alone(ctx, name, func() error {
				r, err := p.rekey(ctx, pairs, apply)
				if err == nil {
					all = append(all, r)
				}
				return err
			})
			if err != nil {
				return all, fmt.Errorf("%s at %s: %w", j.Site.Name, name, err)
			}
		}
	}
	return all, nil
}

func (p *pass) rekey(ctx context.Context, pairs map[string]string, apply bool) (Rekeyed, error) {
	r := Rekeyed{Site: p.snap.Site, SiteID: p.Site.ID, Name: p.Site.Name, Target: p.run.Target, Moves: []Move{}, Conflicts: []Move{}}
	var err error
	if p.state, err = p.Ledger.Load(ctx, p.run.Target, p.Site.ID); err != nil {
		return r, fmt.Errorf("read the ledger: %w", err)
	}
	users, groups := bySource(p.state.Users), bySource(p.state.Groups)
	if err := p.desire(ctx); err != nil {
		return r, err
	}
	old := make(map[string]string, len(pairs))
	for from, to := range pairs {
		old[strings.ToLower(to)] = from
	}
	used := 0
	for i := range p.desired.Users {
		u := &p.desired.Users[i]
		if from, ok := old[strings.ToLower(u.Person.ID)]; ok {
			used += r.move(scim.User, users[from], u.Key, u.Person.ID, p.state.Users)
		}
	}
	for i := range p.desired.Groups {
		g := &p.desired.Groups[i]
		kind, id, ok := strings.Cut(g.SourceID, ":")
		if from, mapped := old[strings.ToLower(id)]; ok && mapped {
			used += r.move(scim.Group, groups[kind+":"+from], g.Key, g.SourceID, p.state.Groups)
		}
	}
	r.Unused = len(pairs) - used
	if !apply || len(r.Moves) == 0 {
		return r, nil
	}
	return r, p.Ledger.Update(ctx, func(tx ledger.Tx) error {
		for _, m := range r.Moves {
			if err := tx.Rekey(p.run.Target, p.Site.ID, m.Kind, m.From, m.To, m.SourceID); err != nil {
				return err
			}
		}
		return nil
	})
}

// bySource finds the objects that the site claims by their source ids, in lower case.
func bySource(known map[string]*plan.Known) map[string]*plan.Known {
	found := make(map[string]*plan.Known, len(known))
	for _, k := range known {
		if k.SourceID != "" {
			found[strings.ToLower(k.SourceID)] = k
		}
	}
	return found
}

// move notes that a known object gets another key; it returns 1 if the line was of use.
func (r *Rekeyed) move(kind scim.Kind, known *plan.Known, key, sourceID string, all map[string]*plan.Known) int {
	if known == nil {
		return 0
	}
	m := Move{Kind: kind, From: known.Key, To: key, SourceID: sourceID}
	switch holder := all[key]; {
	case holder != nil && holder != known:
		r.Conflicts = append(r.Conflicts, m)
	case known.Key != key || !strings.EqualFold(known.SourceID, sourceID):
		r.Moves = append(r.Moves, m)
	}
	return 1
}
