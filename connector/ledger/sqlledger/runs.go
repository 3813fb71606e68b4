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
	"simscim/connector/plan"
)

// keepRuns is how many runs and how many holds of a site at a target are kept. Runs that
// have written something, or may have when they were killed, are kept for keepWrites at least, however many they are: sums
// of what was applied must not miss one. The steps of runs go after keepWrites, since
// they may have names in them.
const (
	keepRuns   = 200
	keepWrites = 90 * 24 * time.Hour
)

// BeginRun notes that a run starts. The mark that it leaves survives a power cut.
func (l *Ledger) BeginRun(ctx context.Context, run ledger.Run) (id int64, err error) {
	err = l.w.do(ctx, "note the start of a run", true, func(t *tx) error {
		at, scope, err := l.scope(t, run.Target, run.Site)
		if err != nil {
			return err
		}
		err = t.row(`INSERT INTO runs (scope, target, started) VALUES ($1, $2, $3) RETURNING id`,
			scope, at.target, micros(run.Started)).Scan(&id)
		if err != nil {
			return err
		}
		return t.exec(`UPDATE scopes SET unsettled = $1 WHERE id = $2`, id, scope)
	})
	if err != nil {
		return 0, err
	}
	return id, nil
}

// FinishRun notes how a run ended.
func (l *Ledger) FinishRun(ctx context.Context, id int64, end ledger.RunEnd, settled bool) error {
	e, err := packEnd(end)
	if err != nil {
		return failed("note the end of a run", err)
	}
	return l.w.do(ctx, "note the end of a run", false, func(t *tx) error {
		var scope int64
		err := t.row(`UPDATE runs SET ended = $1, status = $2, reason = $3, applied = $4, failed = $5
			WHERE id = $6 AND ended = 0 RETURNING scope`,
			micros(end.At), end.Status, end.Reason, e.applied, e.failed, id).Scan(&scope)
		if errors.Is(err, sql.ErrNoRows) {
			return fmt.Errorf("run %d is not under way", id)
		}
		if err != nil {
			return err
		}
		if settled {
			// A later run that has begun since has a mark of its own.
			if err := t.exec(`UPDATE scopes SET unsettled = 0 WHERE id = $1 AND unsettled = $2`, scope, id); err != nil {
				return err
			}
		}
		return pruneRuns(t, scope, end.At)
	})
}

// NoteRun notes a run that wrote nothing.
func (l *Ledger) NoteRun(ctx context.Context, run ledger.Run) error {
	e, err := packEnd(run.End)
	if err != nil {
		return failed("note a run", err)
	}
	return l.w.do(ctx, "note a run", false, func(t *tx) error {
		at, scope, err := l.scope(t, run.Target, run.Site)
		if err != nil {
			return err
		}
		err = t.exec(`INSERT INTO runs (scope, target, started, ended, status, reason, applied, failed)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`, scope, at.target, micros(run.Started), micros(run.End.At), run.End.Status, run.End.Reason, e.applied, e.failed)
		if err != nil {
			return err
		}
		return pruneRuns(t, scope, run.End.At)
	})
}

const (
	pruneOldRuns = `DELETE FROM runs WHERE scope = $1 AND (applied = '' AND ended <> 0 OR started < $2) AND id <=
		(SELECT id FROM runs WHERE scope = $1 ORDER BY id DESC LIMIT 1 OFFSET $3)`
	pruneOldSteps = `DELETE FROM steps WHERE run IN (SELECT id FROM runs WHERE scope = $1 AND started < $2)`
)

// pruneRuns forgets old runs; their steps go with them.
func pruneRuns(t *tx, scope int64, now time.Time) error {
	old := micros(now.Add(-keepWrites))
	if err := t.exec(pruneOldRuns, scope, old, keepRuns); err != nil {
		return err
	}
	return t.exec(pruneOldSteps, scope, old)
}

// packedEnd is how a run ended, as it is stored.
type packedEnd struct{ applied, failed string }

func packEnd(end ledger.RunEnd) (p packedEnd, err error) {
	if end.At.IsZero() {
		return p, errors.New("the end needs its time")
	}
	if err := cmp.Or(checkText("the status", end.Status), checkText("the reason", end.Reason)); err != nil {
		return p, err
	}
	if p.applied, err = packCounts(end.Applied); err != nil {
		return p, err
	}
	p.failed, err = packCounts(end.Failed)
	return p, err
}

const selectRuns = `SELECT r.id, s.site, t.name, r.started, r.ended, r.status, r.reason, r.applied, r.failed
	FROM runs r JOIN scopes s ON s.id = r.scope JOIN targets t ON t.id = r.target`

// Run returns one run.
func (l *Ledger) Run(ctx context.Context, id int64) (run ledger.Run, ok bool, err error) {
	run, err = scanRun(l.readDB.QueryRowContext(ctx, selectRuns+` WHERE r.id = $1`, id))
	if errors.Is(err, sql.ErrNoRows) {
		return ledger.Run{}, false, nil
	}
	return run, err == nil, failed("read a run", err)
}

// Runs returns the newest runs first.
func (l *Ledger) Runs(ctx context.Context, site string, limit int) ([]ledger.Run, error) {
	var runs []ledger.Run
	err := each(ctx, l.readDB, func(rows *sql.Rows) error {
		r, err := scanRun(rows)
		runs = append(runs, r)
		return err
	}, selectRuns+` WHERE $1 = '' OR s.site = $1 ORDER BY r.id DESC LIMIT $2`, site, max(limit, 0))
	if err != nil {
		return nil, failed("read the runs", err)
	}
	return runs, nil
}

func scanRun(row scanner) (r ledger.Run, err error) {
	var started, ended int64
	var applied, failedCounts string
	err = row.Scan(&r.ID, &r.Site, &r.Target, &started, &ended, &r.End.Status, &r.End.Reason, &applied, &failedCounts)
	if err != nil {
		return r, err
	}
	r.Started, r.End.At = fromMicros(started), fromMicros(ended)
	if r.End.Applied, err = unpackCounts(applied); err != nil {
		return r, err
	}
	r.End.Failed, err = unpackCounts(failedCounts)
	return r, err
}

func packCounts(counts map[plan.Counter]int) (string, error) {
	if len(counts) == 0 {
		return "", nil
	}
	b, err := json.Marshal(counts)
	if err != nil {
		return "", fmt.Errorf("write counts: %w", err)
	}
	return string(b), nil
}

func unpackCounts(s string) (counts map[plan.Counter]int, err error) {
	if s == "" {
		return nil, nil
	}
	if err := json.Unmarshal([]byte(s), &counts); err != nil {
		return nil, fmt.Errorf("read stored counts: %w", err)
	}
	return counts, nil
}
