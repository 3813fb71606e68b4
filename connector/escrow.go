package connector

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"simscim/connector/ledger"
	"simscim/connector/plan"
	"simscim/connector/target"
	"simscim/scim"
)

// loadEscrow reads which objects of the site failed before at the target.
func (p *pass) loadEscrow(ctx context.Context) error {
	list, err := p.Ledger.Escrows(ctx, p.run.Target, p.Site.ID)
	if err != nil {
		return fmt.Errorf("read the ledger: %w", err)
	}
	p.escrow = make(map[plan.Ref]ledger.Escrow, len(list))
	for _, e := range list {
		p.escrow[plan.Ref{Kind: e.Kind, Key: e.Key}] = e
	}
	return nil
}

// waiting are the changes that are not yet to be tried again.
func (p *pass) waiting() map[plan.Ref]plan.Wait {
	waits := map[plan.Ref]plan.Wait{}
	for ref, a := range p.accepted {
		waits[ref] = plan.Wait{Change: a.Change, Reason: "the target has accepted it on " + minute(a.At) + " and not yet told what became of it"}
	}
	if p.Retry {
		return waits
	}
	for ref, e := range p.escrow {
		if e.Next.IsZero() || p.Now().Before(e.Next) {
			waits[ref] = plan.Wait{Change: e.Change, Reason: "in escrow: " + e.Reason}
		}
	}
	return waits
}

// waitingTrouble reports an object that was left alone, with what the escrow has of it.
func (p *pass) waitingTrouble(s plan.Skip) Trouble {
	t := Trouble{Kind: s.Kind, Key: s.Key, Reason: s.Reason, Candidates: s.Candidates}
	if e, ok := p.escrow[plan.Ref{Kind: s.Kind, Key: s.Key}]; ok && s.Waiting {
		t.Action, t.Advice, t.Tries, t.Next = e.Action, e.Advice, e.Tries, e.Next
	}
	return t
}

// settleEscrow puts what failed in this run into escrow, and takes out what did not or is
// no longer to be done. ended says that the run came to its end.
func (p *pass) settleEscrow(ctx context.Context, rec *recorder, ended bool) error {
	failed := map[plan.Ref]bool{}
	var in []ledger.Escrow
	for i := range rec.failures {
		f := &rec.failures[i]
		failed[plan.Ref{Kind: f.Change.Kind, Key: f.Change.Key}] = true
		if errors.Is(f.Err, target.ErrPutOff) {
			continue
		}
		if refused(f.Err) || len(rec.applied) > 0 { // one that answers others refuses this one
			in = append(in, p.escrowed(f))
		}
	}
	for _, s := range p.plan.Skipped {
		if s.Waiting {
			failed[plan.Ref{Kind: s.Kind, Key: s.Key}] = true
		}
	}
	var out []plan.Ref
	for ref := range p.escrow {
		if ended && !failed[ref] {
			out = append(out, ref)
		}
	}
	if len(in)+len(out) == 0 {
		return nil
	}
	err := p.Ledger.Update(context.WithoutCancel(ctx), func(tx ledger.Tx) error {
		for _, e := range in {
			if err := tx.PutEscrow(e); err != nil {
				return err
			}
		}
		for _, ref := range out {
			if err := tx.DropEscrow(p.run.Target, p.Site.ID, ref.Kind, ref.Key); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("record what waits: %w", err)
	}
	return nil
}

// escrowed is the entry of an object that has just failed, once more or for the first
// time. Each delay is twice the one before.
func (p *pass) escrowed(f *target.Outcome) ledger.Escrow {
	c, settings, now := f.Change, p.Routes.config.Escrow, p.Now()
	e := ledger.Escrow{
		Target: p.run.Target, Site: p.Site.ID, Kind: c.Kind, Key: c.Key, Action: c.Action,
		Change: c.Identity(p.printer.Print), Reason: bounded(f.Err.Error()), Advice: bounded(f.Advice),
		Tries: 1, Since: now, Last: now,
	}
	if before, ok := p.escrow[plan.Ref{Kind: c.Kind, Key: c.Key}]; ok && before.Change == e.Change {
		e.Since, e.Tries = before.Since, before.Tries+1
	}
	delay := settings.RetryEvery.Duration
	const most = 30 // doubling more often than this overflows, and the limit is lower anyway
	if e.Tries <= most {
		delay = min(delay, settings.RetryAfter.Duration<<(e.Tries-1))
	}
	if now.Add(delay).Sub(e.Since) <= settings.Expire.Duration {
		e.Next = now.Add(delay)
	}
	return e
}

// refused tells whether the target has said no to this very object, and not merely been
// unable to answer.
func refused(err error) bool {
	e, ok := errors.AsType[*scim.Error](err)
	if !ok {
		return false
	}
	switch e.Status {
	case http.StatusUnauthorized, http.StatusTooManyRequests, http.StatusRequestTimeout:
		return false
	default:
		return e.Status < http.StatusInternalServerError
	}
}
