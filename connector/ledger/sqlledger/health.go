package sqlledger

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"simscim/connector/ledger"
)

// Health returns how a target stands.
func (l *Ledger) Health(ctx context.Context, target string) (ledger.Health, error) {
	h := ledger.Health{Target: target}
	var since, next int64
	err := l.readDB.QueryRowContext(ctx, `SELECT h.since, h.next, h.reason, h.tries
		FROM targets t JOIN health h ON h.target = t.id WHERE t.name = $1`, target).Scan(&since, &next, &h.Reason, &h.Tries)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return ledger.Health{}, failed("read how a target stands", err)
	}
	h.Since, h.Next = fromMicros(since), fromMicros(next)
	return h, nil
}

// SaveHealth keeps how a target stands.
func (l *Ledger) SaveHealth(ctx context.Context, h ledger.Health) error {
	return l.w.do(ctx, "keep how a target stands", false, func(t *tx) error {
		if err := checkText("the reason", h.Reason); err != nil {
			return err
		}
		target, err := l.target(t, h.Target)
		if err != nil {
			return err
		}
		return t.exec(`INSERT INTO health (target, since, next, reason, tries) VALUES ($1, $2, $3, $4, $5)
			ON CONFLICT (target) DO UPDATE SET since = excluded.since, next = excluded.next,
				reason = excluded.reason, tries = excluded.tries`,
			target, micros(h.Since), micros(h.Next), h.Reason, h.Tries)
	})
}

// MarkNotice notes that something is being told.
func (l *Ledger) MarkNotice(ctx context.Context, key string, at time.Time) (fresh bool, err error) {
	err = l.w.do(ctx, "note a notice", false, func(t *tx) error {
		if err := checkID("a notice's key", key); err != nil {
			return err
		}
		n, err := t.execN(`INSERT INTO notices (key, at) VALUES ($1, $2) ON CONFLICT DO NOTHING`, key, micros(at))
		fresh = n == 1
		return err
	})
	return fresh && err == nil, err
}

// ClearNotice forgets that something was told.
func (l *Ledger) ClearNotice(ctx context.Context, key string) error {
	return l.w.do(ctx, "forget a notice", false, func(t *tx) error {
		return t.exec(`DELETE FROM notices WHERE key = $1`, key)
	})
}
