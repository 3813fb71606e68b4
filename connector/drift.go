package connector

import (
	"context"
	"errors"
	"fmt"

	"golang.org/x/sync/errgroup"

	"simscim/connector/plan"
	"simscim/connector/target"
	"simscim/scim"
)

// driftDue tells whether this run shall read the target back: because somebody asked for
// it, because it is time, or because nobody knows how far the last run came.
func (p *pass) driftDue() bool {
	every := p.Routes.config.Drift.Every.Duration
	brokenOff := p.state.Baseline && !p.state.Settled && p.id == 0
	return p.ReadBack || brokenOff || p.apply && every > 0 && p.Now().Sub(p.state.ReadAt) >= every
}

// lookBack looks at every object of ours that has not been seen yet, and notes those that
// the target no longer has. A missing line of a list proves nothing (RFC 7644 §3.4.2.4):
// each object that was not seen is asked for by its id.
func (p *pass) lookBack(ctx context.Context, users, groups *lookFor) error {
	p.gone = map[plan.Ref]bool{}
	if p.ReadBack && !p.caps.Users && len(p.state.Users) > 0 { // that nothing was seen is not that nothing differs
		return errors.New("accounts cannot be compared: simscim check tells what is missing at the target")
	}
	for _, kind := range []struct {
		*lookFor
		has   bool
		known map[string]*plan.Known
	}{{users, p.caps.Users, p.state.Users}, {groups, p.caps.Groups, p.state.Groups}} {
		if !kind.has || len(kind.known) == 0 {
			continue
		}
		if err := p.listKnown(ctx, kind.lookFor, kind.known); err != nil {
			return err
		}
		if err := p.confirmGone(ctx, kind.lookFor, kind.known); err != nil {
			return err
		}
	}
	return nil
}

// listKnown lists the kind, where that takes fewer requests than asking for each object.
func (p *pass) listKnown(ctx context.Context, l *lookFor, known map[string]*plan.Known) error {
	if objects, kept := p.listings.get(p.run.Target, l); kept {
		for i := range objects {
			p.see(l, objects[i], p.Route.Mapping.Match)
		}
		return nil
	}
	if l.filterNeeded {
		return nil
	}
	_, err := p.listIfCheaper(ctx, l, len(known))
	return err
}

// confirmGone asks for each object of ours that was not seen.
func (p *pass) confirmGone(ctx context.Context, l *lookFor, known map[string]*plan.Known) error {
	const atOnce = 16
	type answer struct {
		key string
		obj target.Object
		ok  bool
	}
	var unseen []*plan.Known
	for _, k := range known {
		if !p.observed.Has(l.kind, k.RemoteID) {
			unseen = append(unseen, k)
		}
	}
	answers := make([]answer, len(unseen))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(atOnce)
	for i, k := range unseen {
		group.Go(func() error {
			obj, ok, err := p.target.Get(ctx, l.kind, k.RemoteID, l.paths)
			answers[i] = answer{k.Key, obj, ok}
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return fmt.Errorf("read a %s back: %w", l.kind, err)
	}
	gone := 0
	for _, a := range answers {
		if a.ok {
			p.observed.See(a.obj, nil)
		} else {
			p.gone[plan.Ref{Kind: l.kind, Key: a.key}] = true
			gone++
		}
	}
	const few = 10
	if gone > few && gone*2 > len(known) {
		return fmt.Errorf("the target does not have %d of our %d %ss any more: is it still the same one? If all is right, start anew with sync --rebuild-ledger", gone, len(known), l.kind)
	}
	return nil
}

// drifted tells which changes of the plan mend what others have done at the target: those
// that there would not be if the target were as the ledger has it.
func (p *pass) drifted() func(c *plan.Change) bool {
	if !p.readBack {
		return func(*plan.Change) bool { return false }
	}
	in := p.input()
	in.Observed, in.Gone = nil, nil
	expected := map[string]bool{}
	for _, c := range plan.Compute(in).Changes {
		expected[c.Identity(p.printer.Print)] = true
	}
	return func(c *plan.Change) bool { return !expected[c.Identity(p.printer.Print)] }
}

// remoteRefs are the target's ids of all that the ledger has of the site.
func remoteRefs(s *plan.State) map[plan.Ref]bool {
	refs := make(map[plan.Ref]bool, len(s.Users)+len(s.Groups))
	for _, k := range s.Users {
		refs[plan.Ref{Kind: scim.User, Key: k.RemoteID}] = true
	}
	for _, k := range s.Groups {
		refs[plan.Ref{Kind: scim.Group, Key: k.RemoteID}] = true
	}
	return refs
}
