package connector

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"simscim/connector/ledger"
	"simscim/connector/plan"
)

// counters gives the counter behind each name that a safeguard may have in the
// configuration.
var counters = map[string]plan.Counter{
	"createUsers":   plan.Counter(plan.CreateUser),
	"updateUsers":   plan.Counter(plan.UpdateUser),
	"renameUsers":   plan.Counter(plan.RenameUser),
	"suspendUsers":  plan.Counter(plan.SuspendUser),
	"deleteUsers":   plan.Counter(plan.DeleteUser),
	"deleteGroups":  plan.Counter(plan.DeleteGroup),
	"removeMembers": plan.RemoveMember,
}

// breaches checks the finished plan against the safeguards in force for the site.
func (p *pass) breaches() []plan.Breach {
	var limits []plan.Limit
	for _, name := range slices.Sorted(maps.Keys(p.Route.Safeguards)) {
		s := p.Route.Safeguards[name]
		limits = append(limits, plan.Limit{
			Counter: counters[name], Percent: s.Percent, Count: s.Count, PerGroup: s.PerGroup, MinSize: s.MinSize,
		})
	}
	return plan.Check(p.plan, p.state, limits)
}

func heldReason(breaches []plan.Breach) string {
	return "held by a safeguard: " + strings.Join(sentences(breaches), "; ")
}

func sentences(breaches []plan.Breach) []string {
	list := make([]string, 0, len(breaches))
	for _, b := range breaches {
		list = append(list, b.Sentence)
	}
	return list
}

// hold stores a plan that breaks a safeguard, unless exactly this plan was approved.
// It returns the id of the approval that lets the plan pass, or 0.
func (p *pass) hold(ctx context.Context, breaches []plan.Breach) (approval int64, err error) {
	id, approved, err := p.Ledger.Approved(ctx, p.Site.ID, p.run.Target, p.run.digest)
	if err != nil {
		return 0, fmt.Errorf("look for an approval: %w", err)
	}
	if approved {
		return id, nil
	}
	p.run.Hold, err = p.Ledger.Hold(ctx, ledger.Hold{
		Site: p.Site.ID, Target: p.run.Target, Digest: p.run.digest,
		Breaches: sentences(breaches), Counts: p.plan.Counts(), At: p.Now(),
	})
	if err != nil {
		return 0, fmt.Errorf("store the held plan: %w", err)
	}
	p.run.end(Held, heldReason(breaches))
	return 0, nil
}
