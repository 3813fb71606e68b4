package connector

import (
	"context"
	"fmt"
	"slices"
	"time"

	"go.uber.org/zap"

	"simscim/connector/ledger"
	"simscim/connector/plan"
	"simscim/connector/target"
)

// acceptedFor is how long a change that was accepted is waited for. One that is never
// told of is then sent again: the target recognises it.
const acceptedFor = 24 * time.Hour

// collect asks the target what became of the changes that it accepted, in this run or an
// earlier one, and records it. It returns how many are still open. list are the schools
// of this run that are being carried out, if any.
func (e *Engine) collect(ctx context.Context, name string, teller target.Teller, list []*joined) (left int, err error) {
	accepted, err := e.Ledger.Accepted(ctx, name)
	if err != nil || len(accepted) == 0 {
		return 0, err
	}
	pending := make([]target.Pending, 0, len(accepted))
	open := make(map[plan.Ref]ledger.Accepted, len(accepted))
	for _, a := range accepted {
		pending = append(pending, target.Pending{Kind: a.Object.Kind, Key: a.Object.Key, Since: a.At})
		open[plan.Ref{Kind: a.Object.Kind, Key: a.Object.Key}] = a
	}
	results, err := teller.Results(ctx, pending)
	if err != nil {
		return len(open), fmt.Errorf("ask what became of accepted changes: %w", err)
	}
	err = e.Ledger.Update(context.WithoutCancel(ctx), func(tx ledger.Tx) error {
		for _, r := range results {
			a, ok := open[plan.Ref{Kind: r.Kind, Key: r.Key}]
			if !ok {
				continue
			}
			if err := e.told(tx, name, a, r); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return len(open), fmt.Errorf("record what became of accepted changes: %w", err)
	}
	for _, r := range results {
		ref := plan.Ref{Kind: r.Kind, Key: r.Key}
		if a, ok := open[ref]; ok {
			delete(open, ref)
			if !tellRun(list, a, r) && r.Err != nil { // a run logs its own
				e.Log.Warn("an accepted change failed", zap.String("site", a.Site), zap.String("target", name),
					zap.String("action", string(a.Action)), zap.String("object", e.printer.Pseudonym(r.Key)), zap.Error(r.Err))
			}
		}
	}
	return len(open), nil
}

// told records what became of one change.
func (e *Engine) told(tx ledger.Tx, name string, a ledger.Accepted, r target.Result) error {
	o := a.Object
	if err := tx.DropAccepted(name, a.Site, o.Kind, o.Key); err != nil {
		return err
	}
	if r.Err != nil {
		now := e.Now()
		settings := e.Routes.config.Escrow
		return tx.PutEscrow(ledger.Escrow{
			Target: name, Site: a.Site, Kind: o.Kind, Key: o.Key, Action: a.Action, Change: a.Change,
			Reason: bounded(r.Err.Error()), Advice: bounded(r.Advice), Tries: 1, Since: a.At, Last: now, Next: now.Add(settings.RetryAfter.Duration),
		})
	}
	if o.RemoteID = r.RemoteID; o.RemoteID == "" {
		o.RemoteID = o.Key
	}
	return tx.PutObject(name, a.Site, o)
}

// tellRun counts what was told in the run of the school that is waiting for it, if there
// is one.
func tellRun(list []*joined, a ledger.Accepted, r target.Result) (counted bool) {
	i := slices.IndexFunc(list, func(j *joined) bool { return j.run.Site == a.Site })
	return i >= 0 && list[i].rec.told(a, r)
}

// told counts an accepted change that is confirmed, or has failed after all, unless an
// earlier run had it accepted.
func (r *recorder) told(a ledger.Accepted, result target.Result) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	counter := plan.Counter(a.Action)
	if r.accepted[counter] == 0 {
		return false
	}
	r.accepted[counter]--
	if result.Err != nil {
		c := &plan.Change{Action: a.Action, Kind: a.Object.Kind, Key: a.Object.Key}
		r.failures = append(r.failures, target.Outcome{Change: c, Err: result.Err, Advice: result.Advice, Final: true})
		return true
	}
	r.applied[counter]++
	r.ids[a.Object.Key] = result.RemoteID
	return true
}

// loadAccepted reads what the target has accepted of the site, after asking it once a run
// what has become of it.
func (p *pass) loadAccepted(ctx context.Context) error {
	p.accepted = nil
	teller, tells := p.target.(target.Teller)
	if !tells {
		return nil
	}
	if p.apply && p.expected.first(p.run.Target) {
		if _, err := p.collect(ctx, p.run.Target, teller, nil); err != nil {
			return err
		}
	}
	list, err := p.Ledger.Accepted(ctx, p.run.Target)
	if err != nil {
		return fmt.Errorf("read the ledger: %w", err)
	}
	p.accepted = map[plan.Ref]ledger.Accepted{}
	for _, a := range list {
		if a.Site == p.Site.ID && p.Now().Sub(a.At) < acceptedFor {
			p.accepted[plan.Ref{Kind: a.Object.Kind, Key: a.Object.Key}] = a
		}
	}
	return nil
}
