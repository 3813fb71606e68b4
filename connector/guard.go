package connector

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"simscim/config"
	"simscim/connector/ledger"
	"simscim/connector/plan"
)

// counters gives the counter behind each name that a safeguard may have in the
// configuration.
var counters = map[string]plan.Counter{
	"adoptUsers":    plan.Counter(plan.AdoptUser),
	"createUsers":   plan.Counter(plan.CreateUser),
	"updateUsers":   plan.Counter(plan.UpdateUser),
	"renameUsers":   plan.Counter(plan.RenameUser),
	"suspendUsers":  plan.Counter(plan.SuspendUser),
	"deleteUsers":   plan.Counter(plan.DeleteUser),
	"adoptGroups":   plan.Counter(plan.AdoptGroup),
	"createGroups":  plan.Counter(plan.CreateGroup),
	"deleteGroups":  plan.Counter(plan.DeleteGroup),
	"removeMembers": plan.RemoveMember,
}

// oneDay is the time over which a target's own safeguards add up.
const oneDay = 24 * time.Hour

// breaches checks the finished plan against the safeguards in force for the site, and
// for the target with all of its sites.
func (p *pass) breaches(ctx context.Context) ([]plan.Breach, error) {
	var forSite, forTarget config.Safeguards
	day := p.Now()
	if !p.At.IsZero() {
		day = p.At
	}
	if w := p.Window; w != nil && w.Open(day.In(p.Routes.config.Zone())) {
		forSite, forTarget = w.Safeguards, w.TargetSafeguards
	}
	found := plan.Check(p.plan, p.state, limits(p.Route.Safeguards, forSite))
	if b, dear := p.tooDear(); dear {
		found = append(found, b)
	}
	total := limits(p.settings().Safeguards, forTarget)
	if len(total) == 0 || len(p.plan.Changes) == 0 {
		return found, nil
	}
	applied, err := p.Ledger.Applied(ctx, p.run.Target, p.Now().Add(-oneDay))
	if err != nil {
		return nil, fmt.Errorf("read the ledger: %w", err)
	}
	sizes, err := p.expected.sizes(ctx, p.Ledger, p.run.Target)
	if err != nil {
		return nil, fmt.Errorf("read the ledger: %w", err)
	}
	for counter, n := range p.gatherings[p.run.Target].counts { // about to be applied
		applied[counter] += n
	}
	if !p.apply {
		p.expected.add(p.run.Target, applied)
	}
	found = append(found, plan.CheckTotal(p.plan, applied, sizes, total)...)
	if !p.apply && len(found) == 0 {
		p.expected.take(p.run.Target, p.plan.Counts())
	}
	return found, nil
}

// tooDear holds a plan whose calls would cost more than they may.
func (p *pass) tooDear() (plan.Breach, bool) {
	most := p.settings().MaxCost
	if most == nil || p.run.Cost <= *most {
		return plan.Breach{}, false
	}
	return plan.Breach{Counter: "cost", Sentence: fmt.Sprintf("cost: about $%.2f for %d calls, $%.2f allowed", p.run.Cost, p.run.Least, *most)}, true
}

// expected is what the schools of one run share of each target: how much is there, whether
// it was asked for news, and, in a plan, what the schools before would change.
type expected struct {
	mu   sync.Mutex
	sum  map[string]map[plan.Counter]int
	size map[string]plan.Sizes
	// asked are the targets that were asked what became of earlier changes.
	asked map[string]bool
}

// first tells whether this is the first school of the run to ask for the target.
func (x *expected) first(target string) bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.asked == nil {
		x.asked = map[string]bool{}
	}
	first := !x.asked[target]
	x.asked[target] = true
	return first
}

// sizes counts a target once a run: for a large one that takes a while.
func (x *expected) sizes(ctx context.Context, l ledger.Ledger, target string) (plan.Sizes, error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if s, counted := x.size[target]; counted {
		return s, nil
	}
	s, err := l.Sizes(ctx, target)
	if err == nil {
		if x.size == nil {
			x.size = map[string]plan.Sizes{}
		}
		x.size[target] = s
	}
	return s, err
}

// add adds what is expected at the target so far to counts.
func (x *expected) add(target string, counts map[plan.Counter]int) {
	x.mu.Lock()
	defer x.mu.Unlock()
	for counter, n := range x.sum[target] {
		counts[counter] += n
	}
}

// take remembers the counts of one more plan at the target.
func (x *expected) take(target string, counts map[plan.Counter]int) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.sum == nil {
		x.sum = map[string]map[plan.Counter]int{}
	}
	if x.sum[target] == nil {
		x.sum[target] = map[plan.Counter]int{}
	}
	for counter, n := range counts {
		x.sum[target][counter] += n
	}
}

// limits are the safeguards as plans are judged by them; those of a window take the place
// of those with the same name.
func limits(usual, window config.Safeguards) []plan.Limit {
	all := maps.Clone(usual)
	if all == nil {
		all = config.Safeguards{}
	}
	maps.Copy(all, window)
	var list []plan.Limit
	for _, name := range slices.Sorted(maps.Keys(all)) {
		s := all[name]
		list = append(list, plan.Limit{
			Counter: counters[name], Percent: s.Percent, Count: s.Count, PerGroup: s.PerGroup, MinSize: s.MinSize,
		})
	}
	return list
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
