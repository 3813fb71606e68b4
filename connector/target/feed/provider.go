package feed

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"

	"simscim/scim"
	"simscim/scim/filter"
	"simscim/scim/server"
)

const (
	// maxScan is how many resources one request may have decrypted, and maxScans how many
	// requests may do so at once.
	maxScan, maxScans = 250_000, 2
)

// provider is the feed as scim/server sees it.
type provider struct{ *Feed }

var _ server.Store = provider{}

func notFound() error {
	return &scim.Error{Status: http.StatusNotFound, Detail: "there is no such resource"}
}

// Get returns one resource.
func (p provider) Get(ctx context.Context, kind scim.Kind, id string) (r server.Resource, err error) {
	ok := false
	err = p.read(ctx, func(s *session) error {
		r, ok, err = s.get(ctx, kind, id)
		return err
	})
	if err == nil && !ok {
		err = notFound()
	}
	return r, err
}

// order are the attributes that the database can sort by.
func order(a filter.Attr) string {
	switch {
	case a.Name == "":
		return "seq"
	case a.Is("meta.lastModified"):
		return "modified"
	case a.Is("meta.created"):
		return "created"
	case a.Is("id"):
		return "id"
	default:
		return ""
	}
}

// List answers a query in one consistent view.
func (p provider) List(ctx context.Context, kind scim.Kind, q server.Query) (page server.Page, err error) {
	l := &listing{kind: kind, query: q, clause: p.keys.clause(kind, q.Filter), order: order(q.SortBy)}
	now := p.options.Now()
	at := p.walks.enter(ctx, l, now)
	look := l.page
	if !l.clause.exact || l.order == "" {
		look = l.scan
		select {
		case p.scans <- struct{}{}:
			defer func() { <-p.scans }()
		case <-ctx.Done():
			return page, ctx.Err()
		}
	}
	err = p.read(ctx, func(s *session) error {
		if page, err = look(ctx, s); err != nil {
			return err
		}
		return s.withMembers(ctx, kind, page.Resources)
	})
	if err == nil {
		page.Total += l.before
		p.walks.leave(at, page, now)
	}
	return page, err
}

// listing is one query on its way.
type listing struct {
	kind   scim.Kind
	query  server.Query
	clause clause
	// order is the column to sort by, empty where the content decides.
	order string
	// behind, if it is set, is the place where the page before ended, with so many before.
	behind int64
	before int
}

// page answers from what stands in clear and in hashes.
func (l *listing) page(ctx context.Context, s *session) (page server.Page, err error) {
	q := l.query
	c, offset := l.clause, int64(q.Skip)
	if l.clause.sql == everybody.sql && l.order == "seq" {
		if page.Total, offset, err = l.place(ctx, s, &c); err != nil {
			return page, err
		}
	} else {
		c = c.behind(l.behind)
		total, err := s.number(ctx, "SELECT count(*) FROM resource WHERE kind = ? AND "+c.sql, append([]any{code(l.kind)}, c.args...)...)
		if err != nil {
			return page, err
		}
		page.Total = int(total)
		c = c.behind(q.After)
	}
	if l.order == "seq" {
		page.Resources, err = s.all(ctx, l.kind, c, "ORDER BY seq LIMIT ? OFFSET ?", q.Limit, offset)
		return page, err
	}
	order := "ORDER BY " + l.order + ", seq "
	if q.Descending {
		order = "ORDER BY " + l.order + " DESC, seq "
	}
	// Places are sorted first, and then only the page's content is fetched.
	places := clause{
		sql:  "seq IN (SELECT seq FROM resource WHERE kind = ? AND " + c.sql + " " + order + "LIMIT ? OFFSET ?)",
		args: append(append([]any{code(l.kind)}, c.args...), q.Limit, offset),
	}
	page.Resources, err = s.all(ctx, l.kind, places, order)
	return page, err
}

// place finds where a page of everybody begins, without going through those before.
func (l *listing) place(ctx context.Context, s *session, c *clause) (total int, offset int64, err error) {
	all, err := s.count(ctx, l.kind)
	if err != nil {
		return 0, 0, err
	}
	if l.behind > 0 {
		passed, err := s.rank(ctx, l.kind, l.behind)
		*c = c.behind(l.behind)
		return int(all - passed), 0, err
	}
	if l.query.After > 0 {
		*c = c.behind(l.query.After)
		return int(all), 0, nil
	}
	from, offset, err := s.locate(ctx, l.kind, int64(l.query.Skip))
	*c = c.behind(from - 1)
	return int(all), offset, err
}

// behind leaves out everybody up to and including seq.
func (c clause) behind(seq int64) clause {
	if seq <= 0 {
		return c
	}
	return clause{c.sql + " AND seq > ?", append(slices.Clip(c.args), seq), c.exact}
}

// scan looks at the content of everybody who may be meant, one after the other.
func (l *listing) scan(ctx context.Context, s *session) (page server.Page, err error) {
	c := l.clause.behind(l.behind)
	n, err := s.number(ctx, "SELECT count(*) FROM resource WHERE kind = ? AND "+c.sql, append([]any{code(l.kind)}, c.args...)...)
	switch {
	case err != nil:
		return page, err
	case n > maxScan:
		return page, &scim.Error{
			Status: http.StatusBadRequest, ScimType: scim.TypeTooMany,
			Detail: "there is too much to look through: filter by userName, externalId, displayName or meta.lastModified as well, and sort by meta or not at all",
		}
	}
	var seen map[string]any
	withMembers := l.query.Filter != nil && filter.Mentions(l.query.Filter, "members") || l.query.SortBy.Is("members")
	page = server.SelectView(l.kind, func(yield func(server.Resource) bool) {
		for r, rowErr := range s.rows(ctx, l.kind, c, "ORDER BY seq") {
			if rowErr == nil && withMembers && l.kind == scim.Group {
				rowErr = s.members(ctx, r)
			}
			if err = rowErr; err != nil {
				return
			}
			seen = r.View(l.kind)
			if !yield(server.Resource{Seq: r.Seq}) { // no more than that is kept of all who are looked at
				return
			}
		}
	}, l.query, func(server.Resource) map[string]any { return seen })
	if err != nil {
		return page, err
	}
	for i, r := range page.Resources {
		list, err := s.all(ctx, l.kind, clause{sql: "seq = ?", args: []any{r.Seq}}, "")
		if err != nil || len(list) != 1 {
			return page, errors.Join(err, errors.New("a resource is gone from a consistent view"))
		}
		page.Resources[i] = list[0]
	}
	return page, nil
}

// Create stores a new resource, if the feed is writable: the server sees to that.
func (p provider) Create(ctx context.Context, kind scim.Kind, r server.Resource) (server.Resource, error) {
	err := p.write(ctx, func(s *session) error {
		members := r.Attributes["members"]
		if err := s.insert(ctx, kind, &r); err != nil {
			return err
		}
		_, err := s.enrolExactly(ctx, kind, &r, members)
		return err
	})
	return r, err
}

// Replace stores a resource in place of the version that it was made from.
func (p provider) Replace(ctx context.Context, kind scim.Kind, r server.Resource) (server.Resource, error) {
	err := p.write(ctx, func(s *session) error {
		old, ok, err := s.get(ctx, kind, r.ID)
		switch {
		case err != nil:
			return err
		case !ok:
			return notFound()
		case old.Version != r.Version:
			return server.ErrChanged
		}
		now, members := r.Modified, r.Attributes["members"]
		changed, err := s.rewrite(ctx, kind, &old, r.Attributes)
		if err != nil {
			return err
		}
		moved, err := s.enrolExactly(ctx, kind, &old, members)
		if err == nil && (changed || moved) {
			err = s.touch(ctx, &old, now)
		}
		r = old
		return err
	})
	return r, err
}

// Delete removes the resource, if it still has the version; zero stands for any.
func (p provider) Delete(ctx context.Context, kind scim.Kind, id string, version int64) error {
	return p.write(ctx, func(s *session) error {
		r, ok, err := s.get(ctx, kind, id)
		switch {
		case err != nil:
			return err
		case !ok:
			return notFound()
		case version != 0 && r.Version != version:
			return server.ErrChanged
		}
		return s.remove(ctx, r.Seq, p.options.Now())
	})
}

// enrolExactly makes those in a list of members, and nobody else, the members of a group,
// and shows them in it.
func (s *session) enrolExactly(ctx context.Context, kind scim.Kind, group *server.Resource, members any) (changed bool, err error) {
	if kind != scim.Group {
		return false, nil
	}
	list, _ := members.([]any)
	wanted := map[int64]bool{}
	for _, item := range list {
		m, _ := item.(map[string]any)
		id, _ := m["value"].(string)
		seq, ok, err := s.seqOf(ctx, id)
		if err != nil {
			return false, err
		}
		if !ok || seq == group.Seq {
			return false, noMember()
		}
		wanted[seq] = true
	}
	before, err := s.memberSeqs(ctx, group.Seq)
	if err != nil {
		return false, err
	}
	for seq := range before {
		if !wanted[seq] {
			changed = true
			if _, err := s.expel(ctx, group.Seq, seq); err != nil {
				return false, err
			}
		}
	}
	for seq := range wanted {
		added, err := s.enrol(ctx, group.Seq, seq)
		if err != nil {
			return false, err
		}
		changed = changed || added
	}
	return changed, s.members(ctx, *group)
}

func noMember() error {
	return &scim.Error{Status: http.StatusBadRequest, ScimType: scim.TypeInvalidValue, Detail: "a member does not exist"}
}

func (s *session) memberSeqs(ctx context.Context, group int64) (map[int64]bool, error) {
	rows, err := s.tx.QueryContext(ctx, "SELECT member_seq FROM member WHERE group_seq = ?", group)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	out := map[int64]bool{}
	for rows.Next() {
		var seq int64
		if err := rows.Scan(&seq); err != nil {
			return nil, fmt.Errorf("read the members: %w", err)
		}
		out[seq] = true
	}
	return out, rows.Err()
}
