package okta

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"simscim/connector/target"
	"simscim/scim"
)

// sample is how many accounts that came or changed, accounts that went, and groups of each
// session are read back, spread evenly over it.
const sample = 10

var (
	errLeftOut  = errors.New("the import was completed, and it is not there")
	errNotTaken = errors.New("the import was completed, and it is not as it was sent")
	errStays    = errors.New("the import was completed, and it is still there")
	errMembers  = errors.New("the import was completed, and members are not as they were sent")
)

// check reads a sample of what was imported back, and all of a sort where its sample is
// not as it should be. It returns what is wrong by piece.
func (t *Target) check(ctx context.Context, pieces []*piece) (map[*piece]error, error) {
	sorts := make([][]*piece, 3)
	for _, p := range pieces {
		switch {
		case p.job.change.Kind == scim.Group:
			sorts[2] = append(sorts[2], p)
		case p.deactivates:
			sorts[1] = append(sorts[1], p)
		default:
			sorts[0] = append(sorts[0], p)
		}
	}
	faults := map[*piece]error{}
	for _, all := range sorts {
		few := spread(all, sample)
		found, err := t.readBack(ctx, few)
		if err == nil && len(found) > 0 && len(few) < len(all) {
			found, err = t.readBack(ctx, all)
		}
		if err != nil {
			return nil, fmt.Errorf("read back what was imported: %w", err)
		}
		maps.Copy(faults, found)
	}
	return faults, nil
}

// spread picks n of the list evenly.
func spread[T any](list []T, n int) []T {
	if len(list) <= n {
		return list
	}
	out := make([]T, n)
	for i := range out {
		out[i] = list[i*(len(list)-1)/(n-1)]
	}
	return out
}

// readBack reads the pieces back, several at once.
func (t *Target) readBack(ctx context.Context, pieces []*piece) (map[*piece]error, error) {
	faults := make([]error, len(pieces))
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(t.inFlight)
	for i, p := range pieces {
		g.Go(func() (err error) {
			faults[i], err = t.compare(ctx, p)
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	found := map[*piece]error{}
	for i, fault := range faults {
		if fault != nil {
			found[pieces[i]] = fault
		}
	}
	return found, nil
}

// compare reads one object back and says what is wrong with it.
func (t *Target) compare(ctx context.Context, p *piece) (fault, err error) {
	c := p.job.change
	there, ok, err := t.record(ctx, c.Kind, c.Key)
	switch {
	case err != nil:
		return nil, err
	case p.deletes && ok, p.deactivates && ok && t.untouched(there):
		return errStays, nil
	case p.deletes, p.deactivates:
		return nil, nil
	case !ok:
		return errLeftOut, nil
	case p.whole && !p.job.sent.sameAs(there.Profile, c.Kind):
		return errNotTaken, nil
	case len(p.add)+len(p.remove) == 0:
		return nil, nil
	}
	members, err := t.members(ctx, c.Key)
	if err != nil {
		return nil, err
	}
	in := make(map[string]bool, len(members))
	for _, key := range members {
		in[key] = true
	}
	for _, key := range p.add {
		if !in[key] {
			p.missing = append(p.missing, key)
		}
	}
	if len(p.missing) > 0 || slices.ContainsFunc(p.remove, func(key string) bool { return in[key] }) {
		return errMembers, nil
	}
	return nil, nil
}

// untouched tells whether the record is older than the last import. That somebody who is
// deactivated cannot be read is seen, but not promised.
func (t *Target) untouched(there record) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return !there.Updated.IsZero() && there.Updated.Before(t.started.Add(-skew))
}

// skew is how far Okta's clock and ours may be apart.
const skew = 2 * time.Minute

// Results tells what became of accounts and groups whose import was not over in time:
// when no import runs any more that was begun before, the object itself shows it.
func (t *Target) Results(ctx context.Context, pending []target.Pending) ([]target.Result, error) {
	if len(pending) == 0 {
		return nil, nil
	}
	active, err := t.sessions(ctx)
	if err != nil {
		return nil, err
	}
	decided := slices.DeleteFunc(slices.Clone(pending), func(p target.Pending) bool {
		return slices.ContainsFunc(active, func(s session) bool { return s.running() && !s.Created.After(p.Since) })
	})
	out := make([]target.Result, len(decided))
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(t.inFlight)
	for i, p := range decided {
		g.Go(func() (err error) {
			out[i], err = t.result(ctx, p)
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return nil, fmt.Errorf("ask what became of an import: %w", err)
	}
	return out, nil
}

func (t *Target) result(ctx context.Context, p target.Pending) (target.Result, error) {
	r := target.Result{Kind: p.Kind, Key: p.Key, RemoteID: p.Key}
	there, ok, err := t.record(ctx, p.Kind, p.Key)
	switch {
	case err != nil:
		return r, err
	case !ok:
		r.Err = errLeftOut
	case p.Kind == scim.User && there.Updated.Before(p.Since.Add(-t.within-skew)):
		r.Err = errNotTaken
	}
	if r.Err != nil {
		r.RemoteID, r.Advice = "", advice(nil, r.Err)
	}
	return r, nil
}
