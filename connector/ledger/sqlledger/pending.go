package sqlledger

import (
	"context"
	"errors"
	"time"

	"simscim/connector/ledger"
	"simscim/connector/plan"
	"simscim/scim"
)

var errPending = errors.New("not built yet")

func (l *Ledger) Run(context.Context, int64) (ledger.Run, bool, error) {
	return ledger.Run{}, false, nil
}
func (l *Ledger) Steps(context.Context, int64) ([]ledger.Step, error) { return nil, errPending }
func (l *Ledger) Applied(context.Context, string, time.Time) (map[plan.Counter]int, error) {
	return map[plan.Counter]int{}, nil
}
func (l *Ledger) Sizes(context.Context, string) (plan.Sizes, error) { return plan.Sizes{}, nil }
func (l *Ledger) Site(ctx context.Context, id string) (ledger.SiteRecord, bool, error) {
	all, err := l.Sites(ctx)
	rec, ok := all[id]
	return rec, ok, err
}
func (l *Ledger) Escrows(context.Context, string, string) ([]ledger.Escrow, error) { return nil, nil }
func (l *Ledger) RetryEscrows(context.Context, string, string) (int, error)        { return 0, nil }
func (l *Ledger) Health(context.Context, string) (ledger.Health, error)            { return ledger.Health{}, nil }
func (l *Ledger) SaveHealth(context.Context, ledger.Health) error                  { return nil }
func (l *Ledger) MarkNotice(context.Context, string, time.Time) (bool, error)      { return true, nil }
func (l *Ledger) ClearNotice(context.Context, string) error                        { return nil }
func (l *Ledger) Search(context.Context, string) ([]ledger.Found, error)           { return nil, nil }
func (l *Ledger) Erase(context.Context, string, scim.Kind, string) error           { return errPending }
func (u *update) PutEscrow(ledger.Escrow) error                                    { return nil }
func (u *update) DropEscrow(string, string, scim.Kind, string) error               { return nil }
func (u *update) LogStep(int64, ledger.Step) error                                 { return nil }
