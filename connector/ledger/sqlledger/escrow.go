package sqlledger

import (
	"cmp"
	"context"
	"database/sql"
	"fmt"

	"simscim/connector/ledger"
	"simscim/scim"
)

// PutEscrow puts an object into escrow.
func (u *update) PutEscrow(e ledger.Escrow) error {
	kind, err := kindNumber(e.Kind)
	if err != nil {
		return err
	}
	err = cmp.Or(checkID("a key", e.Key), checkID("an action", string(e.Action)), checkText("a change", e.Change),
		checkText("the reason", e.Reason), checkText("the advice", e.Advice))
	if err != nil {
		return err
	}
	_, scope, err := u.l.scope(u.tx, e.Target, e.Site)
	if err != nil {
		return err
	}
	err = u.exec(`INSERT INTO escrow (scope, kind, key, action, change, reason, advice, tries, since, last, next)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
		ON CONFLICT (scope, kind, key) DO UPDATE SET action = excluded.action, change = excluded.change,
			reason = excluded.reason, advice = excluded.advice, tries = excluded.tries, since = excluded.since,
			last = excluded.last, next = excluded.next`,
		scope, kind, e.Key, string(e.Action), e.Change, e.Reason, e.Advice, e.Tries, micros(e.Since), micros(e.Last), micros(e.Next))
	if err != nil {
		return fmt.Errorf("put an object into escrow: %w", err)
	}
	return nil
}

// DropEscrow takes an object out of escrow.
func (u *update) DropEscrow(target, site string, kind scim.Kind, key string) error {
	return u.dropOf(`DELETE FROM escrow WHERE scope = $1 AND kind = $2 AND key = $3`, target, site, kind, key)
}

// dropOf runs a query that drops a row by scope, kind and key.
func (u *update) dropOf(query, target, site string, kind scim.Kind, key string) error {
	k, err := kindNumber(kind)
	if err != nil {
		return err
	}
	_, scope, err := u.l.scope(u.tx, target, site)
	if err != nil {
		return err
	}
	return u.exec(query, scope, k, key)
}

// atTarget is true for a row of escrow at the target $3: EXISTS keeps SQLite from
// asking for each scope of the target in turn.
const atTarget = `EXISTS (SELECT 1 FROM scopes s WHERE s.id = escrow.scope AND s.target = $3)`

// dropEscrows takes an object out of escrow at all sites.
func (t *tx) dropEscrows(target, kind int64, key string) error {
	return t.exec(`DELETE FROM escrow WHERE key = $1 AND kind = $2 AND `+atTarget, key, kind, target)
}

// Escrows returns the objects that wait, oldest first.
func (l *Ledger) Escrows(ctx context.Context, target, site string) ([]ledger.Escrow, error) {
	var escrows []ledger.Escrow
	err := each(ctx, l.readDB, func(rows *sql.Rows) error {
		var e ledger.Escrow
		var kind, since, last, next int64
		err := rows.Scan(&e.Target, &e.Site, &kind, &e.Key, &e.Action, &e.Change, &e.Reason, &e.Advice, &e.Tries,
			&since, &last, &next)
		e.Kind = kindOf(kind)
		e.Since, e.Last, e.Next = fromMicros(since), fromMicros(last), fromMicros(next)
		escrows = append(escrows, e)
		return err
	}, `SELECT t.name, s.site, e.kind, e.key, e.action, e.change, e.reason, e.advice, e.tries, e.since, e.last, e.next
		FROM escrow e JOIN scopes s ON s.id = e.scope JOIN targets t ON t.id = s.target
		WHERE ($1 = '' OR t.name = $1) AND ($2 = '' OR s.site = $2)
		ORDER BY e.since, t.name, s.site, e.kind, e.key`, target, site)
	if err != nil {
		return nil, failed("read the escrow", err)
	}
	return escrows, nil
}
