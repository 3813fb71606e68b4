package sqlledger

import (
	"cmp"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"simscim/connector/ledger"
)

// Hold stores a held plan.
func (l *Ledger) Hold(ctx context.Context, h ledger.Hold) (id int64, err error) {
	counts, err := packCounts(h.Counts)
	if err != nil {
		return 0, err
	}
	breaches, err := json.Marshal(h.Breaches)
	if err != nil {
		return 0, fmt.Errorf("write breaches: %w", err)
	}
	err = l.w.do(ctx, "keep a held plan", false, func(t *tx) error {
		_, scope, err := l.scope(t, h.Target, h.Site)
		if err != nil {
			return err
		}
		if err := checkID("a plan's digest", h.Digest); err != nil {
			return err
		}
		// What safeguards say may change while the plan stays; since when it is held
		// does not.
		err = t.row(`UPDATE holds SET breaches = $1, counts = $2 WHERE id = (SELECT max(id) FROM holds
				WHERE scope = $3 AND digest = $4 AND (verdict = '' OR verdict = 'approved' AND applied_at = 0))
			RETURNING id`, string(breaches), counts, scope, h.Digest).Scan(&id)
		if err == nil || !errors.Is(err, sql.ErrNoRows) {
			return err
		}
		// The old ones stay, marked, so that no id is ever given twice.
		err = t.exec(`UPDATE holds SET verdict = $1, decided_at = $2 WHERE scope = $3 AND verdict = ''`,
			ledger.Replaced, micros(h.At), scope)
		if err != nil {
			return err
		}
		err = t.row(`INSERT INTO holds (scope, digest, breaches, counts, at) VALUES ($1, $2, $3, $4, $5) RETURNING id`,
			scope, h.Digest, string(breaches), counts, micros(h.At)).Scan(&id)
		if err != nil {
			return err
		}
		return t.exec(`DELETE FROM holds WHERE scope = $1 AND id <=
			(SELECT id FROM holds WHERE scope = $1 ORDER BY id DESC LIMIT 1 OFFSET $2)`, scope, keepRuns)
	})
	if err != nil {
		return 0, err
	}
	return id, nil
}

// Holds returns undecided holds, or all, newest first.
func (l *Ledger) Holds(ctx context.Context, all bool) ([]ledger.Hold, error) {
	var holds []ledger.Hold
	query := `SELECT h.id, s.site, t.name, h.digest, h.breaches, h.counts, h.at, h.verdict, h.decided_by, h.why,
			h.decided_at, h.applied_at
		FROM holds h JOIN scopes s ON s.id = h.scope JOIN targets t ON t.id = s.target`
	if !all {
		query += ` WHERE h.verdict = ''`
	}
	err := each(ctx, l.readDB, func(rows *sql.Rows) error {
		var h ledger.Hold
		var breaches, counts string
		var at, decided, applied int64
		err := rows.Scan(&h.ID, &h.Site, &h.Target, &h.Digest, &breaches, &counts, &at, &h.Decision.Verdict, &h.Decision.By,
			&h.Decision.Why, &decided, &applied)
		if err != nil {
			return err
		}
		h.At, h.Decision.At, h.AppliedAt = fromMicros(at), fromMicros(decided), fromMicros(applied)
		if err := json.Unmarshal([]byte(breaches), &h.Breaches); err != nil {
			return fmt.Errorf("read stored breaches: %w", err)
		}
		h.Counts, err = unpackCounts(counts)
		holds = append(holds, h)
		return err
	}, query+` ORDER BY h.id DESC`)
	if err != nil {
		return nil, failed("read the holds", err)
	}
	return holds, nil
}

// Decide approves or rejects an undecided hold.
func (l *Ledger) Decide(ctx context.Context, id int64, d ledger.Decision) error {
	if d.Verdict != ledger.ApprovedVerdict && d.Verdict != ledger.RejectedVerdict {
		return fmt.Errorf("a hold is %s or %s, nothing else", ledger.ApprovedVerdict, ledger.RejectedVerdict)
	}
	return l.w.do(ctx, "decide about a hold", false, func(t *tx) error {
		for _, text := range []string{d.By, d.Why} {
			if err := checkText("the decision", text); err != nil {
				return err
			}
		}
		n, err := t.execN(`UPDATE holds SET verdict = $1, decided_by = $2, why = $3, decided_at = $4
			WHERE id = $5 AND verdict = ''`, d.Verdict, d.By, d.Why, micros(d.At), id)
		if err != nil || n == 1 {
			return err
		}
		return t.explainHold(id)
	})
}

// explainHold says why a hold is not what somebody took it for.
func (t *tx) explainHold(id int64) error {
	var verdict string
	var applied int64
	err := t.row(`SELECT verdict, applied_at FROM holds WHERE id = $1`, id).Scan(&verdict, &applied)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return fmt.Errorf("there is no hold %d", id)
	case err != nil:
		return err
	case applied != 0:
		return fmt.Errorf("hold %d has been applied already", id)
	case verdict == ledger.Replaced:
		return fmt.Errorf("hold %d was replaced by a newer plan of the same site", id)
	default:
		return fmt.Errorf("hold %d is %s", id, cmp.Or(verdict, "not decided yet"))
	}
}

// Approved returns the approved and not yet applied hold of exactly this plan.
func (l *Ledger) Approved(ctx context.Context, site, target, digest string) (id int64, ok bool, err error) {
	err = l.readDB.QueryRowContext(ctx, `SELECT h.id FROM holds h JOIN scopes s ON s.id = h.scope JOIN targets t ON t.id = s.target
		WHERE s.site = $1 AND t.name = $2 AND h.digest = $3 AND h.verdict = 'approved' AND h.applied_at = 0
		ORDER BY h.id DESC LIMIT 1`, site, target, digest).Scan(&id)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, false, nil
	}
	if err != nil {
		return 0, false, failed("look for an approval", err)
	}
	return id, true, nil
}

// UseHold marks an approved hold as applied. It can be used once.
func (u *update) UseHold(id int64, at time.Time) error {
	if at.IsZero() {
		return errors.New("use a hold: it needs its time")
	}
	n, err := u.execN(`UPDATE holds SET applied_at = $1 WHERE id = $2 AND verdict = 'approved' AND applied_at = 0`, micros(at), id)
	if err != nil || n == 1 {
		return err
	}
	return u.explainHold(id)
}
