package feed

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"math"
	"time"

	"simscim/scim"
	"simscim/scim/patch"
	"simscim/scim/server"
)

const externalID = "externalId"

// columns are what a resource is read from.
const columns = "seq, id, version, created, modified, content"

// rows yields the resources of a kind that meet the clause, without the members of groups.
// It ends after the first error.
func (s *session) rows(ctx context.Context, kind scim.Kind, c clause, tail string, more ...any) iter.Seq2[server.Resource, error] {
	return func(yield func(server.Resource, error) bool) {
		query := "SELECT " + columns + " FROM resource WHERE kind = ? AND " + c.sql + " " + tail //nolint:gosec // a clause holds no value, only places for values
		args := append(append([]any{code(kind)}, c.args...), more...)
		rows, err := s.tx.QueryContext(ctx, query, args...)
		if err != nil {
			yield(server.Resource{}, err)
			return
		}
		defer rows.Close()
		var sealed sql.RawBytes
		for rows.Next() {
			r, err := s.row(kind, rows, &sealed)
			if !yield(r, err) || err != nil {
				return
			}
		}
		if err := rows.Err(); err != nil {
			yield(server.Resource{}, err)
		}
	}
}

func (s *session) row(kind scim.Kind, rows *sql.Rows, sealed *sql.RawBytes) (r server.Resource, err error) {
	var created, modified int64
	if err := rows.Scan(&r.Seq, &r.ID, &r.Version, &created, &modified, sealed); err != nil {
		return r, err
	}
	r.Created, r.Modified = time.UnixMilli(created), time.UnixMilli(modified)
	content, err := s.keys.open(kind, r.ID, *sealed)
	if err != nil {
		return r, err
	}
	d := json.NewDecoder(bytes.NewReader(content))
	d.UseNumber()
	if d.Decode(&r.Attributes) != nil { // its error may repeat a value
		return r, errors.New("the content of a resource cannot be read")
	}
	patch.Numbers(r.Attributes)
	return r, nil
}

// all reads the resources that meet the clause.
func (s *session) all(ctx context.Context, kind scim.Kind, c clause, tail string, more ...any) (list []server.Resource, err error) {
	for r, err := range s.rows(ctx, kind, c, tail, more...) {
		if err != nil {
			return nil, err
		}
		list = append(list, r)
	}
	return list, nil
}

// withMembers fills in who is in each group.
func (s *session) withMembers(ctx context.Context, kind scim.Kind, list []server.Resource) error {
	if kind != scim.Group {
		return nil
	}
	for _, r := range list {
		if err := s.members(ctx, r); err != nil {
			return err
		}
	}
	return nil
}

// members fills in who is in the group, in the order in which they were created.
func (s *session) members(ctx context.Context, group server.Resource) error {
	const query = "SELECT r.id, r.kind FROM member m JOIN resource r ON r.seq = m.member_seq WHERE m.group_seq = ? ORDER BY m.member_seq"
	rows, err := s.tx.QueryContext(ctx, query, group.Seq)
	if err != nil {
		return err
	}
	defer rows.Close()
	var list []any
	for rows.Next() {
		var id string
		var kind int
		if err := rows.Scan(&id, &kind); err != nil {
			return err
		}
		m := map[string]any{"value": id}
		if kind == code(scim.Group) {
			m["type"] = string(scim.Group)
		}
		list = append(list, m)
	}
	if list != nil {
		group.Attributes["members"] = list
	}
	return rows.Err()
}

// plain reads one resource, of a group all but the members.
func (s *session) plain(ctx context.Context, kind scim.Kind, id string) (r server.Resource, ok bool, err error) {
	list, err := s.all(ctx, kind, clause{sql: "id = ?", args: []any{id}}, "")
	if err != nil || len(list) == 0 {
		return r, false, err
	}
	return list[0], true, nil
}

// get reads one resource with all that belongs to it.
func (s *session) get(ctx context.Context, kind scim.Kind, id string) (r server.Resource, ok bool, err error) {
	r, ok, err = s.plain(ctx, kind, id)
	if err == nil && ok {
		err = s.withMembers(ctx, kind, []server.Resource{r})
	}
	return r, ok, err
}

// holders reads those who carry the external id: one, unless somebody else wrote them.
func (s *session) holders(ctx context.Context, kind scim.Kind, external string) ([]server.Resource, error) {
	return s.all(ctx, kind, clause{sql: "external_id = ?", args: []any{s.keys.sum(kind, externalID, external)}}, "ORDER BY seq LIMIT 2")
}

func (s *session) number(ctx context.Context, query string, args ...any) (n int64, err error) {
	if err := s.tx.QueryRowContext(ctx, query, args...).Scan(&n); err != nil {
		return 0, fmt.Errorf("count: %w", err)
	}
	return n, nil
}

// blockBits is how many bits of a seq tell places within a block, as in schema.sql.
const blockBits = 10

// count counts a kind.
func (s *session) count(ctx context.Context, kind scim.Kind) (int64, error) {
	return s.number(ctx, "SELECT coalesce(sum(n), 0) FROM block WHERE kind = ?", code(kind))
}

// rank counts those of a kind up to and including seq.
func (s *session) rank(ctx context.Context, kind scim.Kind, seq int64) (int64, error) {
	at := seq >> blockBits
	before, err := s.number(ctx, "SELECT coalesce(sum(n), 0) FROM block WHERE kind = ? AND at < ?", code(kind), at)
	if err != nil {
		return 0, err
	}
	within, err := s.number(ctx, "SELECT count(*) FROM resource WHERE kind = ? AND seq >= ? AND seq <= ?", code(kind), at<<blockBits, seq)
	return before + within, err
}

// locate finds the block that holds the resource with so many before it: its first seq,
// and how many of those are in the block itself.
func (s *session) locate(ctx context.Context, kind scim.Kind, skip int64) (from, left int64, err error) {
	rows, err := s.tx.QueryContext(ctx, "SELECT at, n FROM block WHERE kind = ? ORDER BY at", code(kind))
	if err != nil {
		return 0, 0, err
	}
	defer rows.Close()
	for rows.Next() {
		var at, n int64
		if err := rows.Scan(&at, &n); err != nil {
			return 0, 0, err
		}
		if skip < n {
			return at << blockBits, skip, nil
		}
		skip -= n
	}
	return math.MaxInt64, 0, rows.Err() // nobody is there
}
