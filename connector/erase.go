package connector

import (
	"context"
	"errors"
	"fmt"

	"simscim/connector/ledger"
	"simscim/connector/plan"
	"simscim/connector/target"
	"simscim/scim"
)

// Erase removes a person whom Ledger.Search found from the store and, with atTarget,
// the account from the target first. Whoever is still on the roll and in scope gets a
// new account at the next sync; what a target keeps of a deleted account is the target's
// own affair.
func (e *Engine) Erase(ctx context.Context, f ledger.Found, atTarget bool) error {
	if f.Kind != scim.User {
		return errors.New("only a person can be erased; groups follow the roll")
	}
	return e.alone(ctx, f.Target, func() error {
		if atTarget && f.RemoteID != "" {
			if err := e.deleteAccount(ctx, f); err != nil {
				return err
			}
		}
		if err := e.Ledger.Erase(ctx, f.Target, f.Kind, f.Key); err != nil {
			return fmt.Errorf("erase from the store: %w", err)
		}
		return nil
	})
}

// deleteAccount deletes one account of ours at its target, now.
func (e *Engine) deleteAccount(ctx context.Context, f ledger.Found) error {
	t := e.Targets[f.Target]
	if t == nil {
		return fmt.Errorf("the target %s is no longer in the configuration", f.Target)
	}
	caps, err := t.Capabilities(ctx)
	if err != nil {
		return fmt.Errorf("find out what the target can do: %w", err)
	}
	isProtected := protected(e.Routes.target(f.Target).Protect)
	switch {
	case !caps.Delete:
		return fmt.Errorf("the target %s does not delete accounts; ask its administrators, then erase without --at-target", f.Target)
	case isProtected != nil && isProtected(scim.User, f.Name, f.RemoteID):
		return fmt.Errorf("the account is protected at the target %s", f.Target)
	}
	change := plan.Change{Action: plan.DeleteUser, Kind: scim.User, Key: f.Key, RemoteID: f.RemoteID, Label: f.Name}
	var failed error
	err = t.Apply(ctx, []plan.Change{change}, func(string) (string, bool) { return "", false }, func(o target.Outcome) error {
		failed = errors.Join(failed, o.Err)
		return nil
	})
	if err := errors.Join(err, failed); err != nil {
		return fmt.Errorf("delete the account at the target: %w; nothing was erased", err)
	}
	return nil
}
