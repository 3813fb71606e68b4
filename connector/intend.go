package connector

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"simscim/connector/ledger"
	"simscim/connector/plan"
	"simscim/mapper"
	"simscim/scim"
)

// intents are what the plan is about to make, and to change of memberships. They are noted
// before anything is sent: of a run that is killed it is then known what may be at the
// target although the ledger does not have it, even if the roll no longer asks for it.
func (p *pass) intents() []plan.Intent {
	p.unresolved()
	list := p.intended // of rounds before
	if list == nil {
		list = slices.Clone(p.doubts) // of runs before
	}
	for i := range p.plan.Changes {
		c := &p.plan.Changes[i]
		in := plan.Intent{Kind: c.Kind, Key: c.Key}
		switch c.Action {
		case plan.CreateUser, plan.CreateGroup, plan.AdoptUser, plan.AdoptGroup, plan.ReplaceGroup:
			in.Makes, in.SourceID = true, p.sourceID(c)
		}
		if c.Kind == scim.Group {
			in.Members = append(append(in.Members, c.Add...), c.Remove...)
		}
		if in.Makes || len(in.Members) > 0 {
			list = append(list, in)
		}
	}
	p.intended = slices.Clip(list)
	return list
}

// unresolved finds the memberships that a run before left in doubt and that this plan does
// not look at, because the roll lacks their group just now. They stay in doubt until it is
// back, or gone.
func (p *pass) unresolved() {
	if p.intended != nil {
		return // a round before has found them
	}
	for _, in := range p.state.Intents {
		if in.Kind == scim.Group && len(in.Members) > 0 && p.state.Groups[in.Key] != nil && !p.wanted(in) {
			in.Makes = false
			p.doubts = append(p.doubts, in)
		}
	}
}

// forgetIntents leaves of what was noted only what is still in doubt.
func (p *pass) forgetIntents(ctx context.Context) error {
	err := p.Ledger.Update(context.WithoutCancel(ctx), func(tx ledger.Tx) error {
		return tx.SetIntents(p.run.Target, p.Site.ID, p.doubts)
	})
	if err != nil {
		return fmt.Errorf("record that all is settled: %w", err)
	}
	return nil
}

// lookForIntended takes what an unsettled run was about to make into the search, if
// neither the ledger nor the roll has it any more.
func (p *pass) lookForIntended(users, groups *lookFor) {
	users.paths = withPaths(users.paths, scim.Attributes{{Path: userName}})
	for _, in := range p.state.Intents {
		l, known := users, p.state.Users
		if in.Kind == scim.Group {
			l, known = groups, p.state.Groups
		}
		if in.Makes && known[in.Key] == nil && !l.keys[in.Key] {
			l.add(in.Key, nil, nil)
		}
	}
}

// claimIntended takes what was found of it for ours: nobody else gives our externalIds,
// and the run is known to have been about to. From then on it is planned for like
// everything else; what is no longer wanted leaves in steps.
func (p *pass) claimIntended(ctx context.Context) error {
	var found []plan.Known
	for _, in := range p.state.Intents {
		known := p.state.Users
		if in.Kind == scim.Group {
			known = p.state.Groups
		}
		if !in.Makes || known[in.Key] != nil || p.wanted(in) {
			continue
		}
		if obj := p.observed.Only(in.Kind, in.Key); obj != nil {
			k := plan.Known{
				Kind: in.Kind, Key: in.Key, RemoteID: obj.RemoteID, SourceID: in.SourceID, Home: p.Site.ID, Status: plan.Active,
				Name: obj.Attributes.String(userName), Members: map[string]struct{}{},
			}
			found = append(found, k)
			known[in.Key] = &k
		}
	}
	if len(found) == 0 || !p.apply {
		return nil
	}
	err := p.Ledger.Update(ctx, func(tx ledger.Tx) error {
		for _, k := range found {
			if err := tx.PutObject(p.run.Target, p.Site.ID, k); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("record what a run that was broken off has made: %w", err)
	}
	return nil
}

// wanted tells whether the roll still asks for the object: then it is recognised, and
// taken over, like any other.
func (p *pass) wanted(in plan.Intent) bool {
	if in.Kind == scim.Group {
		_, found := slices.BinarySearchFunc(p.desired.Groups, in.Key, func(g mapper.Group, key string) int { return cmp.Compare(g.Key, key) })
		return found
	}
	_, found := slices.BinarySearchFunc(p.desired.Users, in.Key, func(u mapper.User, key string) int { return cmp.Compare(u.Key, key) })
	return found
}
