package entra

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"

	"golang.org/x/sync/errgroup"

	"simscim/connector/plan"
	"simscim/connector/target"
	"simscim/internal/httpx"
	"simscim/scim"
)

const externalID scim.Path = "externalId"

// maxUnanswered is how many groups in a row may get no answer at all, each after its
// retries, before Graph is taken to be down.
const maxUnanswered = 10

var errNoDelete = errors.New("accounts are not deleted by API-driven provisioning")

// Apply uploads the users and then carries out the groups, several at once.
func (t *Target) Apply(ctx context.Context, changes []plan.Change, lookup target.Lookup, confirm func(target.Outcome) error) error {
	var users []*plan.Change
	groups := make(chan *plan.Change, len(changes))
	for i := range changes {
		switch ch := &changes[i]; {
		case ch.Kind == scim.Group:
			groups <- ch
		case ch.Action == plan.DeleteUser:
			advice := "Delete the account at Entra ID, or leave it suspended."
			if err := confirm(target.Outcome{Change: ch, RemoteID: ch.RemoteID, Final: true, Err: errNoDelete, Advice: advice}); err != nil {
				return err
			}
		default:
			users = append(users, ch)
		}
	}
	close(groups)
	if err := t.uploadAll(ctx, users, confirm); err != nil {
		return fmt.Errorf("apply changes: %w", err)
	}
	r := &run{Target: t, lookup: lookup, confirm: confirm}
	if err := r.crew(ctx, groups); err != nil {
		return fmt.Errorf("apply changes: %w", err)
	}
	return nil
}

// run is one Apply's work on groups.
type run struct {
	*Target
	lookup  target.Lookup
	confirm func(target.Outcome) error

	stopped    atomic.Bool
	unanswered atomic.Int64
}

// crew lets several workers take groups. When one of them has had to stop, the groups at
// hand are still brought to their end.
func (r *run) crew(ctx context.Context, groups <-chan *plan.Change) error {
	var g errgroup.Group
	for range min(max(r.cfg.Limits.InFlight, 1), len(groups)) {
		g.Go(func() error {
			for ch := range groups {
				if r.stopped.Load() {
					return nil
				}
				err := ctx.Err()
				if err == nil {
					err = r.group(ctx, ch)
				}
				if err != nil {
					r.stopped.Store(true)
					return err
				}
			}
			return nil
		})
	}
	return g.Wait()
}

// stop is an error that ends Apply.
type stop struct{ error }

func (s stop) Unwrap() error { return s.error }

// group carries out one change. It returns the error that ends the whole.
func (r *run) group(ctx context.Context, ch *plan.Change) error {
	j := &job{run: r, change: ch, id: ch.RemoteID}
	err := j.carryOut(ctx)
	if err == nil {
		r.unanswered.Store(0)
		return nil
	}
	if s, ok := errors.AsType[stop](err); ok {
		return s.error
	}
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case errors.Is(err, errNoToken):
		return err
	case target.CredentialsRefused(err):
		return refusedCredentials(err)
	}
	_, silent := errors.AsType[*httpx.Failure](err)
	values := j.values()
	o := target.Outcome{Change: ch, RemoteID: j.id, Final: true, Err: clean(err, values), Advice: groupAdvice(err, values), Gone: j.gone}
	if err := r.confirm(o); err != nil {
		return err
	}
	if !silent {
		r.unanswered.Store(0)
	} else if r.unanswered.Add(1) >= maxUnanswered {
		return fmt.Errorf("microsoft graph does not answer: %w", err)
	}
	return nil
}

func refusedCredentials(err error) error {
	if errors.Is(err, target.ErrCredentials) {
		return err
	}
	return fmt.Errorf("%w: %w", target.ErrCredentials, clean(err, nil))
}
