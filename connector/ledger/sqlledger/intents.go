package sqlledger

import (
	"encoding/json"
	"fmt"
	"slices"

	"simscim/connector/plan"
	"simscim/scim"
)

// SetIntents notes what a run is about to do.
func (u *update) SetIntents(target, site string, intents []plan.Intent) error {
	_, scope, err := u.l.scope(u.tx, target, site)
	if err != nil {
		return err
	}
	return u.tx.putIntents(scope, intents)
}

func (t *tx) putIntents(scope int64, intents []plan.Intent) error {
	if len(intents) == 0 {
		return t.exec(`DELETE FROM intents WHERE scope = $1`, scope)
	}
	list, err := json.Marshal(intents)
	if err != nil {
		return fmt.Errorf("note what is about to be done: %w", err)
	}
	return t.exec(`INSERT INTO intents (scope, list) VALUES ($1, $2) ON CONFLICT (scope) DO UPDATE SET list = excluded.list`, scope, list)
}

// eraseIntents takes a person out of what runs at a target are about to do.
func (t *tx) eraseIntents(target int64, kind scim.Kind, key string) error {
	rows, err := t.query(`SELECT i.scope, i.list FROM scopes s JOIN intents i ON i.scope = s.id WHERE s.target = $1`, target)
	if err != nil {
		return err
	}
	defer rows.Close()
	kept := map[int64][]plan.Intent{}
	for rows.Next() {
		var scope int64
		var list []byte
		var intents []plan.Intent
		if err := rows.Scan(&scope, &list); err != nil {
			return err
		}
		if err := json.Unmarshal(list, &intents); err != nil {
			return err
		}
		kept[scope] = without(intents, kind, key)
	}
	if err := rows.Err(); err != nil {
		return err
	}
	for scope, intents := range kept {
		if err := t.putIntents(scope, intents); err != nil {
			return err
		}
	}
	return nil
}

func without(intents []plan.Intent, kind scim.Kind, key string) []plan.Intent {
	intents = slices.DeleteFunc(intents, func(in plan.Intent) bool { return in.Kind == kind && in.Key == key })
	if kind == scim.User {
		for i := range intents {
			intents[i].Members = slices.DeleteFunc(intents[i].Members, func(member string) bool { return member == key })
		}
	}
	return intents
}
