package sqlledger

import (
	"context"
	"database/sql"
	"slices"

	"simscim/connector/plan"
	"simscim/scim"
)

var knownObjects = list(`SELECT o.key, o.remote_id, coalesce(s.site, ''), o.status, o.name, o.prints, o.suspended_at,
		EXISTS (SELECT 1 FROM claims other WHERE other.object = o.id AND other.scope <> o.home)
	FROM targets t JOIN objects o ON o.target = t.id LEFT JOIN scopes s ON s.id = o.home
	WHERE t.name = $1 AND o.kind = $2 AND o.key IN (%s) AND o.status > 0`, 3)

// Known returns the objects of ours with the keys, whichever sites claim them.
func (l *Ledger) Known(ctx context.Context, target string, kind scim.Kind, keys []string) (map[string]*plan.Known, error) {
	found := map[string]*plan.Known{}
	number, err := kindNumber(kind)
	if err != nil {
		return nil, err
	}
	err = l.view(ctx, "look up objects", func(t *sql.Tx) error {
		var prints unpacker
		if prints.paths, err = readPaths(ctx, t); err != nil {
			return err
		}
		args := []any{target, number}
		for chunk := range slices.Chunk(keys, maxRows) {
			args = args[:2]
			for _, key := range chunk {
				args = append(args, key)
			}
			err := each(ctx, t, func(rows *sql.Rows) error {
				o := &plan.Known{Kind: kind}
				var status, suspended int64
				var blob sql.RawBytes
				err := rows.Scan(&o.Key, &o.RemoteID, &o.Home, &status, &o.Name, &blob, &suspended, &o.Shared)
				if err != nil {
					return err
				}
				o.Status, o.SuspendedAt = statusOf(status), fromMicros(suspended)
				found[o.Key] = o
				o.Prints, err = prints.unpack(blob)
				return err
			}, knownObjects[len(chunk)], args...)
			if err != nil {
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

// readPaths returns the paths that prints refer to.
func readPaths(ctx context.Context, t *sql.Tx) (map[int64]scim.Path, error) {
	paths := map[int64]scim.Path{}
	return paths, each(ctx, t, func(rows *sql.Rows) error {
		var id int64
		var path string
		err := rows.Scan(&id, &path)
		paths[id] = scim.Path(path)
		return err
	}, `SELECT id, path FROM paths`)
}

func statusOf(number int64) plan.Status {
	if number == suspendedStatus {
		return plan.Suspended
	}
	return plan.Active
}
