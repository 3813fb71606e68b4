package sqlledger

import (
	"database/sql"
	"errors"
	"sync"

	"simscim/scim"
)

// A book gives numbers to texts that come again and again and never go away: targets,
// sites at targets, attribute paths. It remembers only what is committed.
type book[K comparable] struct {
	sql bookSQL[K]
	mu  sync.RWMutex
	ids map[K]int64
}

type bookSQL[K comparable] struct {
	find, add string
	args      func(K) []any
}

// place is a site at a target, by the target's number.
type place struct {
	target int64
	site   string
}

var (
	targetSQL = bookSQL[string]{
		find: `SELECT id FROM targets WHERE name = $1`,
		add:  `INSERT INTO targets (name) VALUES ($1) ON CONFLICT DO NOTHING`,
		args: func(name string) []any { return []any{name} },
	}
	scopeSQL = bookSQL[place]{
		find: `SELECT id FROM scopes WHERE target = $1 AND site = $2`,
		add:  `INSERT INTO scopes (target, site) VALUES ($1, $2) ON CONFLICT DO NOTHING`,
		args: func(p place) []any { return []any{p.target, p.site} },
	}
	pathSQL = bookSQL[scim.Path]{
		find: `SELECT id FROM paths WHERE path = $1`,
		add:  `INSERT INTO paths (path) VALUES ($1) ON CONFLICT DO NOTHING`,
		args: func(p scim.Path) []any { return []any{string(p)} },
	}
)

func newBook[K comparable](sql bookSQL[K]) *book[K] {
	return &book[K]{sql: sql, ids: map[K]int64{}}
}

func (b *book[K]) get(key K) (int64, bool) {
	b.mu.RLock()
	defer b.mu.RUnlock()
	id, ok := b.ids[key]
	return id, ok
}

// number returns the number of a text, and gives it one in t if it has none.
func (b *book[K]) number(t *tx, key K) (int64, error) {
	if id, ok := b.get(key); ok {
		return id, nil
	}
	id, ok, err := b.find(t, key)
	if err != nil || ok {
		return id, err
	}
	if err := t.exec(b.sql.add, b.sql.args(key)...); err != nil {
		return 0, err
	}
	id, _, err = b.find(t, key)
	return id, err
}

func (b *book[K]) find(t *tx, key K) (id int64, ok bool, err error) {
	err = t.row(b.sql.find, b.sql.args(key)...).Scan(&id)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, false, nil
	}
	if err != nil {
		return 0, false, err
	}
	// A number that is rolled back may be given to another text later.
	t.onCommit = append(t.onCommit, func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		b.ids[key] = id
	})
	return id, true, nil
}
