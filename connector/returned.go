package connector

import (
	"context"
	"fmt"
	"time"

	"simscim/connector/ledger"
	"simscim/connector/plan"
)

// returned ends the absence of whoever, and of whatever group, is on the roll again. That
// is so from the moment at which the roll was read, whatever becomes of the run.
func (p *pass) returned(ctx context.Context) error {
	var back []*plan.Known
	note := func(known *plan.Known) {
		if known != nil && known.Missed > 0 {
			back = append(back, known)
		}
	}
	for i := range p.desired.Users {
		note(p.state.Users[p.desired.Users[i].Key])
	}
	for i := range p.desired.Groups {
		note(p.state.Groups[p.desired.Groups[i].Key])
	}
	if len(back) == 0 {
		return nil
	}
	for _, known := range back {
		known.Missed, known.MissingSince = 0, time.Time{}
	}
	if !p.apply {
		return nil
	}
	err := p.Ledger.Update(ctx, func(tx ledger.Tx) error {
		for _, known := range back {
			if err := tx.SetMissing(p.run.Target, p.Site.ID, known.Kind, known.Key, 0, time.Time{}); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("record who is back: %w", err)
	}
	return nil
}
