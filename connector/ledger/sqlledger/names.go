package sqlledger

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"simscim/connector/ledger"
	"simscim/scim"
)

// fold is the form in which a name is held.
func fold(name string) (string, error) {
	f := scim.Fold(name)
	if err := checkID("a user name", f); err != nil {
		return "", err
	}
	return f, nil
}

var holdersOf = list(`SELECT n.fold, coalesce(o.key, '')
	FROM targets t JOIN names n ON n.target = t.id LEFT JOIN objects o ON o.id = n.holder
	WHERE t.name = $1 AND n.fold IN (%s)`, 2)

// NameHolders tells who holds the names that are taken.
func (l *Ledger) NameHolders(ctx context.Context, target string, folds []string) (map[string]string, error) {
	if len(folds) == 1 {
		return l.nameHolder(ctx, target, folds[0])
	}
	holders := map[string]string{}
	err := l.view(ctx, "look up user names", func(t *sql.Tx) error {
		args := []any{target}
		for chunk := range slices.Chunk(folds, maxRows) {
			args = args[:1]
			for _, f := range chunk {
				args = append(args, f)
			}
			err := each(ctx, t, func(rows *sql.Rows) error {
				var f, key string
				err := rows.Scan(&f, &key)
				holders[f] = cmp.Or(key, ledger.Foreign)
				return err
			}, holdersOf[len(chunk)], args...)
			if err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return holders, nil
}

// nameHolder tells who holds one name. When many people are called alike, one name
// after the other is tried for each of them.
func (l *Ledger) nameHolder(ctx context.Context, target, fold string) (map[string]string, error) {
	var f, key string
	switch err := l.holderOf.QueryRowContext(ctx, target, fold).Scan(&f, &key); {
	case errors.Is(err, sql.ErrNoRows):
		return map[string]string{}, nil
	case err != nil:
		return nil, failed("look up a user name", err)
	}
	return map[string]string{f: cmp.Or(key, ledger.Foreign)}, nil
}

// claim is one key that wants one name.
type claim struct {
	key, fold string
	id        int64
}

// ReserveNames issues names, all that are free. Of two keys that want the same name
// in one call the smaller gets it.
func (l *Ledger) ReserveNames(ctx context.Context, target string, names map[string]string, at time.Time) (lost []string, err error) {
	if len(names) == 0 {
		return nil, ctx.Err()
	}
	claims := make([]claim, 0, len(names))
	for _, key := range slices.Sorted(maps.Keys(names)) {
		f, err := fold(names[key])
		if err := cmp.Or(err, checkID("a key", key)); err != nil {
			return nil, failed("issue user names", err)
		}
		claims = append(claims, claim{key: key, fold: f})
	}
	err = l.w.do(ctx, "issue user names", false, func(t *tx) error {
		target, err := l.target(t, target)
		if err != nil {
			return err
		}
		r := reserving{tx: t, target: target, at: micros(at)}
		for chunk := range slices.Chunk(claims, maxRows) {
			if err := r.number(chunk); err != nil {
				return err
			}
		}
		// The table of names is sorted by name; equal ones stay in the order of keys.
		slices.SortStableFunc(claims, func(a, b claim) int { return cmp.Compare(a.fold, b.fold) })
		for chunk := range slices.Chunk(claims, maxRows) {
			if err := r.reserve(chunk); err != nil {
				return err
			}
		}
		slices.Sort(r.lost)
		lost = r.lost
		return nil
	})
	if err != nil {
		return nil, err
	}
	return lost, nil
}

type reserving struct {
	*tx
	target, at int64
	lost       []string
}

var (
	findKeys = list(`SELECT id, key FROM objects WHERE target = $1 AND kind = 0 AND key IN (%s)`, 2)
	addKeys  = bulk(`INSERT INTO objects (target, kind, key) VALUES %s ON CONFLICT DO NOTHING RETURNING id, key`, 3, 1)
	addNames = bulk(`INSERT INTO names (target, fold, holder, since) VALUES %s ON CONFLICT DO NOTHING RETURNING fold, holder`, 4, 1)
	getNames = list(`SELECT fold, holder FROM names WHERE target = $1 AND fold IN (%s)`, 2)
)

// reserve issues the names that are free, and looks up who holds the others.
func (r *reserving) reserve(claims []claim) error {
	args := make([]any, 0, 4*len(claims))
	for _, c := range claims {
		args = append(args, r.target, c.fold, c.id, r.at)
	}
	holders := make(map[string]int64, len(claims))
	if err := r.holders(holders, addNames[len(claims)], args); err != nil {
		return err
	}
	args = append(args[:0], r.target)
	for _, c := range claims {
		if _, issued := holders[c.fold]; !issued {
			args = append(args, c.fold)
		}
	}
	if n := len(args) - 1; n > 0 {
		if err := r.holders(holders, getNames[n], args); err != nil {
			return err
		}
	}
	for _, c := range claims {
		if holders[c.fold] != c.id {
			r.lost = append(r.lost, c.key)
		}
	}
	return nil
}

// number gives a number to each key that has none, and finds those of the others.
func (r *reserving) number(claims []claim) error {
	args := make([]any, 0, 3*len(claims))
	for _, c := range claims {
		args = append(args, r.target, userKind, c.key)
	}
	ids := make(map[string]int64, len(claims))
	if err := r.ids(ids, addKeys[len(claims)], args); err != nil {
		return err
	}
	args = append(args[:0], r.target)
	for _, c := range claims {
		if ids[c.key] == 0 {
			args = append(args, c.key)
		}
	}
	if n := len(args) - 1; n > 0 {
		if err := r.ids(ids, findKeys[n], args); err != nil {
			return err
		}
	}
	for i := range claims {
		claims[i].id = ids[claims[i].key]
	}
	return nil
}

// ids adds the numbers that a query yields for keys.
func (r *reserving) ids(ids map[string]int64, query string, args []any) error {
	rows, err := r.query(query, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var id int64
		var key string
		if err := rows.Scan(&id, &key); err != nil {
			return err
		}
		ids[key] = id
	}
	return rows.Err()
}

// holders adds who holds names, as a query yields it, with 0 for somebody else's account.
func (r *reserving) holders(holders map[string]int64, query string, args []any) error {
	rows, err := r.query(query, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var f string
		var holder sql.NullInt64
		if err := rows.Scan(&f, &holder); err != nil {
			return err
		}
		holders[f] = holder.Int64
	}
	return rows.Err()
}

// NoteForeignName records that an account which is not ours holds the name. A name
// that a confirmed account of ours bears at this moment stays ours: then the other
// account is our own, seen by somebody who did not know it yet.
func (u *update) NoteForeignName(target, name string, at time.Time) error {
	if err := u.flush(); err != nil {
		return err
	}
	f, err := fold(name)
	if err != nil {
		return err
	}
	id, err := u.l.target(u.tx, target)
	if err != nil {
		return err
	}
	var status int64
	var borne string
	err = u.row(`SELECT o.status, o.name FROM names n JOIN objects o ON o.id = n.holder
		WHERE n.target = $1 AND n.fold = $2`, id, f).Scan(&status, &borne)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return fmt.Errorf("look up a name: %w", err)
	}
	if err == nil && status != noStatus && scim.Fold(borne) == f {
		return nil
	}
	return u.exec(`INSERT INTO names (target, fold, holder, since) VALUES ($1, $2, NULL, $3)
		ON CONFLICT (target, fold) DO UPDATE SET holder = NULL, since = excluded.since WHERE names.holder IS NOT NULL`,
		id, f, micros(at))
}
