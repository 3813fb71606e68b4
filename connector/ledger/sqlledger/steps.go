package sqlledger

import (
	"context"
	"database/sql"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"time"

	"simscim/connector/ledger"
	"simscim/connector/plan"
	"simscim/scim"
)

// pendingStep is one step that waits to be written.
type pendingStep struct {
	run, target, seq, kind int64
	ledger.Step
}

var (
	addSteps = bulk(`INSERT INTO steps (run, seq, kind, key, remote_id, action, name, added, removed) VALUES %s`, 9, 1)
	findLive = list(`SELECT id, key FROM objects WHERE target = $1 AND kind = 0 AND key IN (%s) AND status > 0`, 2)
	keysOf   = list(`SELECT id, key FROM objects WHERE status > 0 AND id IN (%s)`, 1)
)

// stepAtTarget is true for a row of steps at the target $3.
const stepAtTarget = `EXISTS (SELECT 1 FROM runs r WHERE r.id = steps.run AND r.target = $3)`

// LogStep notes what a run has confirmed. Members who are not in the ledger are left
// out, as they are by AddMembers.
func (u *update) LogStep(run int64, s ledger.Step) error {
	if u.over {
		return errOver
	}
	kind, err := kindNumber(s.Kind)
	if err != nil {
		return err
	}
	err = errors.Join(checkID("a key", s.Key), checkText("an id of the target", s.RemoteID),
		checkID("an action", string(s.Action)), checkText("a user name", s.Name))
	for _, key := range slices.Concat(s.Added, s.Removed) {
		err = errors.Join(err, checkID("a key", key))
	}
	if err != nil {
		return err
	}
	target, err := u.targetOfRun(run)
	if err != nil {
		return err
	}
	s.Added, s.Removed = slices.Clone(s.Added), slices.Clone(s.Removed)
	u.steps = append(u.steps, pendingStep{run: run, target: target, seq: u.l.tick(), kind: kind, Step: s})
	if len(u.steps) == maxRows {
		return u.flush()
	}
	return nil
}

func (u *update) targetOfRun(run int64) (target int64, err error) {
	if target, ok := u.runs[run]; ok {
		return target, nil
	}
	err = u.row(`SELECT target FROM runs WHERE id = $1`, run).Scan(&target)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, fmt.Errorf("there is no run %d", run)
	}
	if err == nil {
		u.runs[run] = target
	}
	return target, err
}

func (u *update) flushSteps() error {
	if len(u.steps) == 0 {
		return nil
	}
	steps := u.steps
	u.steps = nil
	ids, err := u.membersOfSteps(steps)
	if err != nil {
		return fmt.Errorf("look up the members of steps: %w", err)
	}
	args := make([]any, 0, 9*len(steps))
	for _, s := range steps {
		args = append(args, s.run, s.seq, s.kind, s.Key, s.RemoteID, string(s.Action), s.Name,
			packMembers(ids[s.target], s.Added), packMembers(ids[s.target], s.Removed))
	}
	if err := u.exec(addSteps[len(steps)], args...); err != nil {
		return fmt.Errorf("record steps: %w", err)
	}
	return nil
}

// membersOfSteps looks up the numbers of all members by target and key.
func (u *update) membersOfSteps(steps []pendingStep) (map[int64]map[string]int64, error) {
	keys := map[int64][]string{}
	for _, s := range steps {
		keys[s.target] = slices.Concat(keys[s.target], s.Added, s.Removed)
	}
	ids := map[int64]map[string]int64{}
	for target, all := range keys {
		ids[target] = map[string]int64{}
		slices.Sort(all)
		for chunk := range slices.Chunk(slices.Compact(all), maxRows) {
			args := []any{target}
			for _, key := range chunk {
				args = append(args, key)
			}
			rows, err := u.query(findLive[len(chunk)], args...)
			if err != nil {
				return nil, err
			}
			if err := scanKeys(rows, func(id int64, key string) { ids[target][key] = id }); err != nil {
				return nil, err
			}
		}
	}
	return ids, nil
}

func scanKeys(rows *sql.Rows, found func(id int64, key string)) error {
	defer rows.Close()
	for rows.Next() {
		var id int64
		var key string
		if err := rows.Scan(&id, &key); err != nil {
			return err
		}
		found(id, key)
	}
	return rows.Err()
}

// packMembers writes the numbers of members as uvarints.
func packMembers(ids map[string]int64, keys []string) (blob []byte) {
	for _, key := range keys {
		if id, ok := ids[key]; ok {
			blob = binary.AppendUvarint(blob, uint64(id)) //nolint:gosec // numbers of rows are positive
		}
	}
	return blob
}

var errMembers = fmt.Errorf("stored members of a step cannot be read: %w", ledger.ErrDamaged)

func unpackMembers(blob []byte) (ids []int64, err error) {
	for len(blob) > 0 {
		id, size := binary.Uvarint(blob)
		if size <= 0 {
			return nil, errMembers
		}
		ids = append(ids, int64(id)) //nolint:gosec // a number that does not fit is nobody's
		blob = blob[size:]
	}
	return ids, nil
}

// Steps returns what a run confirmed. Members who have left the ledger since are no
// longer among them.
func (l *Ledger) Steps(ctx context.Context, run int64) ([]ledger.Step, error) {
	var steps []ledger.Step
	err := l.view(ctx, "read the steps of a run", func(t *sql.Tx) error {
		var added, removed [][]int64
		err := each(ctx, t, func(rows *sql.Rows) error {
			var s ledger.Step
			var kind int64
			var in, out []byte
			if err := rows.Scan(&kind, &s.Key, &s.RemoteID, &s.Action, &s.Name, &in, &out); err != nil {
				return err
			}
			s.Kind = kindOf(kind)
			came, err := unpackMembers(in)
			if err != nil {
				return err
			}
			left, err := unpackMembers(out)
			steps, added, removed = append(steps, s), append(added, came), append(removed, left)
			return err
		}, `SELECT kind, key, remote_id, action, name, added, removed FROM steps WHERE run = $1 ORDER BY seq`, run)
		if err != nil {
			return err
		}
		keys, err := keysByNumber(ctx, t, slices.Concat(slices.Concat(added...), slices.Concat(removed...)))
		for i := range steps {
			steps[i].Added, steps[i].Removed = pick(keys, added[i]), pick(keys, removed[i])
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return steps, nil
}

func keysByNumber(ctx context.Context, q querier, ids []int64) (map[int64]string, error) {
	keys := make(map[int64]string, len(ids))
	slices.Sort(ids)
	for chunk := range slices.Chunk(slices.Compact(ids), maxRows) {
		args := make([]any, 0, len(chunk))
		for _, id := range chunk {
			args = append(args, id)
		}
		rows, err := q.QueryContext(ctx, keysOf[len(chunk)], args...)
		if err != nil {
			return nil, err
		}
		if err := scanKeys(rows, func(id int64, key string) { keys[id] = key }); err != nil {
			return nil, err
		}
	}
	return keys, nil
}

// pick returns the keys that there still are, in order.
func pick(keys map[int64]string, ids []int64) (picked []string) {
	for _, id := range ids {
		if key, ok := keys[id]; ok {
			picked = append(picked, key)
		}
	}
	return picked
}

const appliedSince = `SELECT r.id, r.ended, r.applied FROM targets t JOIN runs r ON r.target = t.id
	WHERE t.name = $1 AND r.started >= $2 AND (r.applied <> '' OR r.ended = 0)`

// Applied sums what runs at the target have applied since. A run that was killed, or is
// still under way, has no sum yet: of it the steps are counted.
func (l *Ledger) Applied(ctx context.Context, target string, since time.Time) (map[plan.Counter]int, error) {
	total := map[plan.Counter]int{}
	err := l.view(ctx, "sum what was applied", func(t *sql.Tx) error {
		var open []int64
		err := each(ctx, t, func(rows *sql.Rows) error {
			var id, ended int64
			var applied string
			if err := rows.Scan(&id, &ended, &applied); err != nil {
				return err
			}
			if ended == 0 {
				open = append(open, id)
			}
			counts, err := unpackCounts(applied)
			for c, n := range counts {
				total[c] += n
			}
			return err
		}, appliedSince, target, micros(since))
		for _, run := range open {
			if err == nil {
				err = countSteps(ctx, t, run, total)
			}
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return total, nil
}

func countSteps(ctx context.Context, q querier, run int64, total map[plan.Counter]int) error {
	return each(ctx, q, func(rows *sql.Rows) error {
		var c plan.Change
		var in, out []byte
		if err := rows.Scan(&c.Action, &in, &out); err != nil {
			return err
		}
		added, err := unpackMembers(in)
		if err != nil {
			return err
		}
		removed, err := unpackMembers(out)
		c.Add, c.Remove = make([]string, len(added)), make([]string, len(removed))
		c.Count(total)
		return err
	}, `SELECT action, added, removed FROM steps WHERE run = $1`, run)
}

func kindOf(number int64) scim.Kind {
	if number == groupKind {
		return scim.Group
	}
	return scim.User
}
