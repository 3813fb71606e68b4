package server

import (
	"net/http"

	"simscim/scim"
)

func (s *server) get(x *exchange, kind scim.Kind, id string) error {
	r, err := s.store.Get(x.r.Context(), kind, id)
	if err != nil {
		return err
	}
	if header := x.r.Header.Get("If-None-Match"); header != "" && r.Version > 0 && !s.options.NoETag && tagged(header, r.Version) {
		x.status, x.etag = http.StatusNotModified, etag(r.Version)
		return nil
	}
	x.answer(s, kind, r, http.StatusOK)
	return nil
}

// list answers one page of one kind.
func (s *server) list(x *exchange, kind scim.Kind) error {
	l := x.listing
	q, err := s.query(kind, l)
	if err != nil {
		return err
	}
	if l.byCursor {
		return s.listByCursor(x, kind, q)
	}
	page, err := s.store.List(x.r.Context(), kind, q)
	if err != nil {
		return err
	}
	x.status, x.body = http.StatusOK, map[string]any{
		"schemas": []string{scim.ListResponseURN}, "totalResults": page.Total, "startIndex": l.startIndex,
		"itemsPerPage": len(page.Resources), "Resources": s.showAll(x, kind, page.Resources),
	}
	return nil
}

// listByCursor answers one page by cursor (RFC 9865). One resource more than the page
// holds is asked for, which tells whether there is a next page.
func (s *server) listByCursor(x *exchange, kind scim.Kind, q Query) error {
	l := x.listing
	sum := l.sum(kind)
	q.Skip = 0
	if l.cursor != "" {
		c, err := parseCursor(l.cursor, sum)
		if err != nil {
			return err
		}
		if c.skip != (l.sortBy != "") {
			return &scim.Error{Status: http.StatusBadRequest, ScimType: scim.TypeInvalidCursor, Detail: "the cursor does not belong to this query"}
		}
		if c.skip {
			q.Skip = int(c.at)
		} else {
			q.After = c.at
		}
	}
	q.Limit = l.count + 1
	page, err := s.store.List(x.r.Context(), kind, q)
	if err != nil {
		return err
	}
	body := map[string]any{"schemas": []string{scim.ListResponseURN}, "totalResults": page.Total}
	if len(page.Resources) > l.count && l.count > 0 {
		page.Resources = page.Resources[:l.count]
		next := cursor{sum: sum, at: page.Resources[l.count-1].Seq}
		if l.sortBy != "" {
			next.skip, next.at = true, int64(q.Skip+l.count)
		}
		body["nextCursor"] = next.String()
	}
	page.Resources = page.Resources[:min(l.count, len(page.Resources))]
	body["itemsPerPage"], body["Resources"] = len(page.Resources), s.showAll(x, kind, page.Resources)
	x.status, x.body = http.StatusOK, body
	return nil
}

// listAll answers a search among users and groups: the users come first, each kind in
// its own order. Cursors do not reach across kinds.
func (s *server) listAll(x *exchange) error {
	l := x.listing
	if l.byCursor {
		return &scim.Error{Status: http.StatusBadRequest, ScimType: scim.TypeInvalidCursor, Detail: "cursors work within one resource type"}
	}
	total, left := 0, l.count
	resources := []any{}
	for _, kind := range s.all() {
		q, err := s.query(kind, l)
		if err != nil {
			return err
		}
		q.Skip, q.Limit = max(0, l.startIndex-1-total), left
		page, err := s.store.List(x.r.Context(), kind, q)
		if err != nil {
			return err
		}
		total += page.Total
		left -= len(page.Resources)
		resources = append(resources, s.showAll(x, kind, page.Resources)...)
	}
	x.status, x.body = http.StatusOK, map[string]any{
		"schemas": []string{scim.ListResponseURN}, "totalResults": total, "startIndex": l.startIndex,
		"itemsPerPage": len(resources), "Resources": resources,
	}
	return nil
}

func (s *server) showAll(x *exchange, kind scim.Kind, list []Resource) []any {
	out := make([]any, 0, len(list))
	for _, r := range list {
		out = append(out, s.show(x, kind, r, x.listing.projection))
	}
	return out
}
