package sqlledger

import (
	"context"
	"database/sql"

	"simscim/connector/ledger"
	"simscim/connector/plan"
	"simscim/scim"
)

// maxFound is how many objects a search returns at most.
const maxFound = 100

// searches are the ways to find objects, by the text $1 or, folded, $2. Ids of sources
// and targets have no index: they are asked for by a person, now and then, while an
// index would have to be kept up with every object.
const searches = `SELECT id FROM objects WHERE target IN (SELECT id FROM targets) AND kind IN (0, 1) AND key = $1
	UNION SELECT id FROM objects WHERE remote_id = $1 AND status > 0
	UNION SELECT object FROM claims WHERE source_id = $1
	UNION SELECT holder FROM names WHERE target IN (SELECT id FROM targets) AND fold = $2 AND holder IS NOT NULL`

// Search finds objects by exactly what somebody may have at hand.
func (l *Ledger) Search(ctx context.Context, text string) ([]ledger.Found, error) {
	if text == "" {
		return nil, ctx.Err()
	}
	var found []ledger.Found
	err := l.view(ctx, "search the ledger", func(t *sql.Tx) error {
		paths, err := readPaths(ctx, t)
		if err != nil {
			return err
		}
		var ids []int64
		prints := unpacker{paths: paths}
		err = each(ctx, t, func(rows *sql.Rows) error {
			id, f, err := scanFound(rows, &prints)
			ids, found = append(ids, id), append(found, f)
			return err
		}, `SELECT o.id, t.name, o.kind, o.key, o.remote_id, coalesce(s.site, ''), o.status, o.name, o.prints, o.suspended_at
			FROM objects o JOIN targets t ON t.id = o.target LEFT JOIN scopes s ON s.id = o.home
			WHERE o.id IN (`+searches+`) ORDER BY t.name, o.kind, o.key LIMIT $3`, text, scim.Fold(text), maxFound)
		if err != nil {
			return err
		}
		for i := range found {
			if err := addSites(ctx, t, ids[i], &found[i]); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return found, nil
}

func scanFound(rows *sql.Rows, prints *unpacker) (id int64, f ledger.Found, err error) {
	var kind, status, suspended int64
	var blob sql.RawBytes
	err = rows.Scan(&id, &f.Target, &kind, &f.Key, &f.RemoteID, &f.Home, &status, &f.Name, &blob, &suspended)
	if err != nil {
		return 0, f, err
	}
	f.Kind, f.SuspendedAt = kindOf(kind), fromMicros(suspended)
	if status != noStatus {
		f.Status = statusOf(status)
	}
	f.Prints, err = prints.unpack(blob)
	return id, f, err
}

func addSites(ctx context.Context, q querier, id int64, f *ledger.Found) error {
	err := each(ctx, q, func(rows *sql.Rows) error {
		var site string
		err := rows.Scan(&site)
		f.Sites = append(f.Sites, site)
		return err
	}, `SELECT s.site FROM claims c JOIN scopes s ON s.id = c.scope WHERE c.object = $1 ORDER BY s.site`, id)
	f.Shared = len(f.Sites) > 1
	return err
}

// Sizes counts what the ledger holds at a target.
func (l *Ledger) Sizes(ctx context.Context, target string) (s plan.Sizes, err error) {
	err = l.view(ctx, "count what is at a target", func(t *sql.Tx) error {
		// The plus keeps SQLite off an index that would take it through the table in
		// the order of keys, which takes twenty times as long.
		err := each(ctx, t, func(rows *sql.Rows) error {
			var kind, status int64
			var n int
			err := rows.Scan(&kind, &status, &n)
			switch {
			case kind == groupKind:
				s.Groups += n
			case status == suspendedStatus:
				s.Suspended = n
			default:
				s.Users = n
			}
			return err
		}, `SELECT kind, status, count(*) FROM objects
			WHERE +target = (SELECT id FROM targets WHERE name = $1) AND status > 0 GROUP BY kind, status`, target)
		if err != nil {
			return err
		}
		return t.QueryRowContext(ctx, `SELECT count(*) FROM targets t JOIN objects g ON g.target = t.id AND g.kind = 1
			JOIN members m ON m.grp = g.id JOIN objects u ON u.id = m.usr AND u.status > 0
			WHERE t.name = $1`, target).Scan(&s.Members)
	})
	return s, err
}
