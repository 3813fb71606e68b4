package sqlledger

import (
	"cmp"
	"errors"
	"fmt"
	"slices"

	"simscim/connector/plan"
	"simscim/scim"
)

// put is one object that waits to be written.
type put struct {
	target, kind, home, scope, status int64
	fold                              string
	prints                            []byte
	known                             plan.Known
	id                                int64
}

// PutObject records a confirmed object.
func (u *update) PutObject(target, site string, o plan.Known) error {
	p, err := u.newPut(target, site, o)
	if err != nil {
		return err
	}
	// One statement must not meet the same row twice.
	again := slices.ContainsFunc(u.puts, func(q put) bool {
		return q.known.Key == o.Key && q.kind == p.kind && q.target == p.target
	})
	// A user who is put after a membership was must not get it.
	early := p.kind == userKind && len(u.members) > 0
	if again || early || len(u.puts) == maxRows {
		if err := u.flush(); err != nil {
			return err
		}
	}
	u.puts = append(u.puts, p)
	return nil
}

func (u *update) newPut(target, site string, o plan.Known) (p put, err error) {
	if u.over {
		return put{}, errOver
	}
	if p.kind, err = kindNumber(o.Kind); err != nil {
		return put{}, err
	}
	if p.status, err = statusNumber(o.Status); err != nil {
		return put{}, err
	}
	err = cmp.Or(checkID("a key", o.Key), checkText("an id of the target", o.RemoteID),
		checkText("an id of the source", o.SourceID), checkText("a user name", o.Name))
	if err != nil {
		return put{}, err
	}
	at, scope, err := u.l.scope(u.tx, target, site)
	if err != nil {
		return put{}, err
	}
	p.target, p.scope, p.home = at.target, scope, scope
	if o.Kind == scim.User && o.Home != "" && o.Home != site {
		if _, p.home, err = u.l.scope(u.tx, target, o.Home); err != nil {
			return put{}, err
		}
	}
	if o.Kind == scim.User && o.Name != "" {
		if p.fold, err = fold(o.Name); err != nil {
			return put{}, err
		}
	}
	if p.prints, err = u.l.packPrints(u.tx, o.Prints); err != nil {
		return put{}, err
	}
	p.known = o
	return p, nil
}

var (
	putObjects = bulk(`INSERT INTO objects (target, kind, key, remote_id, home, status, name, prints,
			suspended_at) VALUES %s
		ON CONFLICT (target, kind, key) DO UPDATE SET remote_id = excluded.remote_id, home = excluded.home,
			status = excluded.status, name = excluded.name, prints = excluded.prints,
			suspended_at = excluded.suspended_at
		RETURNING id, target, kind, key`, 9, 1)
	putClaims = bulk(`INSERT INTO claims (scope, object, source_id, since, missed, missing_since) VALUES %s
		ON CONFLICT (scope, object) DO UPDATE SET source_id = excluded.source_id, missed = excluded.missed,
			missing_since = excluded.missing_since
		WHERE claims.source_id <> excluded.source_id OR claims.missed <> excluded.missed
			OR claims.missing_since <> excluded.missing_since`, 6, 1)
	// A group belongs to one site: the one that put it last.
	dropStrayClaims = list(`DELETE FROM claims WHERE object IN (%s)
		AND scope <> (SELECT home FROM objects WHERE objects.id = claims.object)`, 1)
	// A name that a key of ours holds stays with it, whoever the target gave it to.
	putNames = bulk(`INSERT INTO names (target, fold, holder, since) VALUES %s
		ON CONFLICT (target, fold) DO UPDATE SET holder = excluded.holder, since = excluded.since
		WHERE names.holder IS NULL`, 4, 1)
)

// flush writes what waits.
func (u *update) flush() error {
	if err := u.flushPuts(); err != nil {
		return err
	}
	if err := u.flushMembers(); err != nil {
		return err
	}
	return u.flushSteps()
}

// flushPuts writes the objects that wait, with their claims and names.
func (u *update) flushPuts() error {
	if len(u.puts) == 0 {
		return nil
	}
	puts := u.puts
	u.puts = u.puts[:0]
	if err := u.writeObjects(puts); err != nil {
		return fmt.Errorf("record objects: %w", err)
	}
	if err := u.writeClaims(puts); err != nil {
		return fmt.Errorf("record claims: %w", err)
	}
	if err := u.writeNames(puts); err != nil {
		return fmt.Errorf("record names: %w", err)
	}
	return nil
}

func (u *update) writeObjects(puts []put) error {
	args := make([]any, 0, 9*len(puts))
	for i := range puts {
		p := &puts[i]
		o := &p.known
		args = append(args, p.target, p.kind, o.Key, o.RemoteID, p.home, p.status, o.Name, p.prints,
			micros(o.SuspendedAt))
	}
	rows, err := u.query(putObjects[len(puts)], args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	found := 0
	for rows.Next() {
		var q put
		if err := rows.Scan(&q.id, &q.target, &q.kind, &q.known.Key); err != nil {
			return err
		}
		same := func(p put) bool {
			return p.known.Key == q.known.Key && p.kind == q.kind && p.target == q.target
		}
		// The order of RETURNING is nowhere promised, but it is nearly always the one of
		// the rows that went in.
		i := found
		if i >= len(puts) || !same(puts[i]) {
			i = slices.IndexFunc(puts, same)
		}
		if i < 0 {
			return errors.New("the database returned an object that was not put")
		}
		puts[i].id = q.id
		found++
	}
	if err := rows.Err(); err != nil {
		return err
	}
	if found != len(puts) {
		return fmt.Errorf("the database kept %d objects of %d", found, len(puts))
	}
	return rows.Close()
}

func (u *update) writeClaims(puts []put) error {
	now := u.l.tick()
	args := make([]any, 0, 6*len(puts))
	var groups []any
	for i := range puts {
		p := &puts[i]
		o := &p.known
		args = append(args, p.scope, p.id, o.SourceID, now, o.Missed, micros(o.MissingSince))
		if p.kind == groupKind {
			groups = append(groups, p.id)
			u.groups[groupRef{target: p.target, key: o.Key}] = p.id
		}
	}
	if err := u.exec(putClaims[len(puts)], args...); err != nil || len(groups) == 0 {
		return err
	}
	return u.exec(dropStrayClaims[len(groups)], groups...)
}

func (u *update) writeNames(puts []put) error {
	named := make([]*put, 0, len(puts))
	for i := range puts {
		if puts[i].fold != "" {
			named = append(named, &puts[i])
		}
	}
	slices.SortStableFunc(named, func(a, b *put) int {
		return cmp.Or(cmp.Compare(a.target, b.target), cmp.Compare(a.fold, b.fold))
	})
	named = slices.CompactFunc(named, func(a, b *put) bool { return a.target == b.target && a.fold == b.fold })
	if len(named) == 0 {
		return nil
	}
	now := micros(u.l.now())
	args := make([]any, 0, 4*len(named))
	for _, p := range named {
		args = append(args, p.target, p.fold, p.id, now)
	}
	return u.exec(putNames[len(named)], args...)
}
