package sqlledger

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"

	"simscim/connector/plan"
	"simscim/scim"
)

// view runs fn in a read-only transaction, so that all that it reads is of one moment.
func (l *Ledger) view(ctx context.Context, step string, fn func(*sql.Tx) error) error {
	t, err := l.readDB.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
	if err != nil {
		return l.w.note(failed(step, err))
	}
	defer func() { _ = t.Rollback() }()
	return l.w.note(failed(step, fn(t)))
}

// Load returns what is known about a site at a target.
func (l *Ledger) Load(ctx context.Context, target, site string) (*plan.State, error) {
	ld := loading{
		ctx:  ctx,
		site: site,
		state: &plan.State{
			Users:   map[string]*plan.Known{},
			Groups:  map[string]*plan.Known{},
			Settled: true,
		},
	}
	err := l.view(ctx, "load a site from the ledger", func(t *sql.Tx) error {
		ld.t = t
		err := t.QueryRowContext(ctx, `SELECT people, grps FROM sites WHERE id = $1`, site).
			Scan(&ld.state.LastPeople, &ld.state.LastGroups)
		if err != nil && !errors.Is(err, sql.ErrNoRows) {
			return err
		}
		var baseline, unsettled int64
		err = t.QueryRowContext(ctx, `SELECT s.id, s.baseline, s.unsettled FROM targets t JOIN scopes s ON s.target = t.id
			WHERE t.name = $1 AND s.site = $2`, target, site).Scan(&ld.scope, &baseline, &unsettled)
		if errors.Is(err, sql.ErrNoRows) {
			return nil
		}
		if err != nil {
			return err
		}
		ld.state.Baseline, ld.state.ReadAt, ld.state.Settled = baseline != 0, fromMicros(baseline), unsettled == 0
		if err := ld.intents(); err != nil {
			return err
		}
		return ld.load()
	})
	if err != nil {
		return nil, err
	}
	return ld.state, nil
}

// intents reads what an unsettled run was about to do.
func (ld *loading) intents() error {
	var list []byte
	err := ld.t.QueryRowContext(ld.ctx, `SELECT list FROM intents WHERE scope = $1`, ld.scope).Scan(&list)
	if errors.Is(err, sql.ErrNoRows) {
		return nil
	}
	if err != nil {
		return err
	}
	return json.Unmarshal(list, &ld.state.Intents)
}

// loading is one Load under way.
type loading struct {
	ctx   context.Context
	t     *sql.Tx
	site  string
	scope int64
	state *plan.State
	// objects are the objects of the site by number; keys are those of members too.
	objects map[int64]*plan.Known
	prints  unpacker
	// away are the objects whose home is another scope.
	away map[int64][]*plan.Known
	// free is where the next object is cut from.
	free []plan.Known
}

func (ld *loading) load() error {
	for _, step := range []func() error{ld.loadPaths, ld.loadObjects, ld.loadHomes, ld.loadMembers} {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

// each runs fn for each row of a query.
func (ld *loading) each(fn func(*sql.Rows) error, query string, args ...any) error {
	return each(ld.ctx, ld.t, fn, query, args...)
}

func (ld *loading) loadPaths() (err error) {
	ld.prints.paths, err = readPaths(ld.ctx, ld.t)
	return err
}

func (ld *loading) loadObjects() error {
	var count int
	if err := ld.t.QueryRowContext(ld.ctx, `SELECT count(*) FROM claims WHERE scope = $1`, ld.scope).Scan(&count); err != nil {
		return err
	}
	ld.objects = make(map[int64]*plan.Known, count)
	ld.state.Users = make(map[string]*plan.Known, count)
	ld.away = map[int64][]*plan.Known{}
	return ld.each(ld.scanObject, `SELECT o.id, o.kind, o.key, o.remote_id, c.source_id, o.home, o.status, o.name, o.prints,
			c.missed, c.missing_since, o.suspended_at,
			EXISTS (SELECT 1 FROM claims other WHERE other.object = c.object AND other.scope <> c.scope)
		FROM claims c JOIN objects o ON o.id = c.object WHERE c.scope = $1`, ld.scope)
}

func (ld *loading) scanObject(rows *sql.Rows) error {
	var id, kind, home, status, missing, suspended int64
	var prints sql.RawBytes
	if len(ld.free) == 0 {
		ld.free = make([]plan.Known, 256)
	}
	o := &ld.free[0]
	ld.free = ld.free[1:]
	err := rows.Scan(&id, &kind, &o.Key, &o.RemoteID, &o.SourceID, &home, &status, &o.Name, &prints,
		&o.Missed, &missing, &suspended, &o.Shared)
	if err != nil {
		return err
	}
	if o.Prints, err = ld.prints.unpack(prints); err != nil {
		return err
	}
	o.MissingSince, o.SuspendedAt = fromMicros(missing), fromMicros(suspended)
	o.Status = statusOf(status)
	if o.Home = ld.site; home != ld.scope {
		ld.away[home] = append(ld.away[home], o)
	}
	o.Kind = scim.User
	if kind == groupKind {
		o.Kind = scim.Group
		ld.state.Groups[o.Key] = o
	} else {
		ld.state.Users[o.Key] = o
	}
	ld.objects[id] = o
	return nil
}

// loadHomes names the homes that are other sites.
func (ld *loading) loadHomes() error {
	for home, objects := range ld.away {
		var site string
		if err := ld.t.QueryRowContext(ld.ctx, `SELECT site FROM scopes WHERE id = $1`, home).Scan(&site); err != nil {
			return err
		}
		for _, o := range objects {
			o.Home = site
		}
	}
	return nil
}

// membership is one row of members. user is nil until it is known who that is.
type membership struct {
	group, usr int64
	user       *plan.Known
}

// loadMembers fills the groups. Members mostly are users of the site, whose keys are
// there already; the others are looked up together.
func (ld *loading) loadMembers() error {
	const from = ` FROM claims c JOIN objects g ON g.id = c.object AND g.kind = 1 JOIN members m ON m.grp = g.id`
	all := make([]membership, 0, 3*len(ld.objects))
	sizes := make(map[int64]int, len(ld.state.Groups))
	strange := false
	err := ld.each(func(rows *sql.Rows) error {
		var m membership
		err := rows.Scan(&m.group, &m.usr)
		m.user = ld.objects[m.usr]
		strange = strange || m.user == nil
		sizes[m.group]++
		all = append(all, m)
		return err
	}, `SELECT m.grp, m.usr`+from+` WHERE c.scope = $1`, ld.scope)
	if err != nil {
		return err
	}
	if strange {
		err := ld.each(func(rows *sql.Rows) error {
			var id int64
			o := &plan.Known{}
			err := rows.Scan(&id, &o.Key)
			ld.objects[id] = o
			return err
		}, `SELECT DISTINCT u.id, u.key`+from+` JOIN objects u ON u.id = m.usr WHERE c.scope = $1
			AND u.status > 0 AND NOT EXISTS (SELECT 1 FROM claims own WHERE own.scope = c.scope AND own.object = m.usr)`, ld.scope)
		if err != nil {
			return err
		}
	}
	for _, m := range all {
		g, user := ld.objects[m.group], m.user
		if user == nil {
			user = ld.objects[m.usr]
		}
		if g == nil || user == nil { // a user who is no longer in the ledger
			continue
		}
		if g.Members == nil {
			g.Members = make(map[string]struct{}, sizes[m.group])
		}
		g.Members[user.Key] = struct{}{}
	}
	return nil
}

type querier interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

// each runs fn for each row of a query.
func each(ctx context.Context, q querier, fn func(*sql.Rows) error, query string, args ...any) error {
	rows, err := q.QueryContext(ctx, query, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if err := fn(rows); err != nil {
			return err
		}
	}
	return rows.Err()
}
