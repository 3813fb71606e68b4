package client

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"net/http"
	"strings"

	"simscim/internal/httpx"
	"simscim/scim"
)

// Paging is the way in which a server hands out long lists.
type Paging string

// The ways of paging. A cursor that a server hands out is followed in any case.
const (
	Index  Paging = "index"
	Cursor Paging = "cursor"
	// NoPaging is a server that answers with everything at once.
	NoPaging Paging = "none"
)

// Query says what to list.
type Query struct {
	// Filter is a filter expression, or empty for everything.
	Filter string
	// Excluded are attributes that need not be sent.
	Excluded []string
	// Count is the most resources a page; 0 leaves it to the server.
	Count int
	// Paging is Index where it is empty.
	Paging Paging
	// Post asks by POST /.search, which keeps what the filter holds out of URLs
	// (RFC 7644 §3.4.3, §7.5.2).
	Post bool
}

// ErrNotWhole is the error of a list that does not prove to be whole. Nothing may be
// concluded from what is missing in it.
var ErrNotWhole = errors.New("the list was not whole")

// maxEmpty is how many empty pages in a row are taken to be a slow server looking for
// more; RFC 9865 §2 allows them.
const maxEmpty = 100

// List reads all resources that the query selects, each once, by as many requests as
// it takes. The sequence ends after the first error.
//
// It advances by what was received, never by what was asked for: servers cap pages
// silently. A filter that the server answers with 404 has no matches; not so with Post,
// where 404 may as well mean that there is no such endpoint.
func (c *Client) List(ctx context.Context, kind scim.Kind, q Query) iter.Seq2[Resource, error] {
	q.Paging = cmp.Or(q.Paging, Index)
	return func(yield func(Resource, error) bool) {
		w := walk{query: q, seen: map[string]struct{}{}, cursors: map[string]struct{}{}, maxRows: c.maxRows}
		for !w.done {
			page, err := c.page(ctx, kind, w.params(), q.Post)
			if err != nil && q.Filter != "" && !q.Post && len(w.seen) == 0 && scim.IsNotFound(err) {
				return
			}
			if err != nil {
				yield(nil, fmt.Errorf("list %ss, page %d: %w", kind, w.pages+1, err))
				return
			}
			fresh, err := w.take(page)
			for _, res := range fresh {
				if !yield(res, nil) {
					return
				}
			}
			if err != nil {
				yield(nil, fmt.Errorf("list %ss, page %d: %w", kind, w.pages, err))
				return
			}
		}
	}
}

// Search is List, collected.
func (c *Client) Search(ctx context.Context, kind scim.Kind, q Query) ([]Resource, error) {
	var found []Resource
	for res, err := range c.List(ctx, kind, q) {
		if err != nil {
			return nil, err
		}
		found = append(found, res)
	}
	return found, nil
}

// Count asks how many resources of kind there are; ok is false where the server does
// not say. One resource is asked for, since some servers take a count of 0 for "use
// the default".
func (c *Client) Count(ctx context.Context, kind scim.Kind) (n int, ok bool, err error) {
	page, err := c.page(ctx, kind, parameters{Count: 1}, false)
	if err != nil {
		return 0, false, fmt.Errorf("count %ss: %w", kind, err)
	}
	if !page.Total.Known || page.Total.N < len(page.Resources) {
		return 0, false, nil
	}
	return page.Total.N, true, nil
}

// page is a ListResponse (RFC 7644 §3.4.2). Names match whatever their case.
type page struct {
	Total      number     `json:"totalResults"`
	Resources  []Resource `json:"Resources"`
	NextCursor loose      `json:"nextCursor"`
}

func (c *Client) page(ctx context.Context, kind scim.Kind, params parameters, post bool) (*page, error) {
	r := httpx.Request{Method: http.MethodGet, Path: kind.Endpoint() + params.query(), Route: kind.Endpoint()}
	if post {
		body, err := params.message()
		if err != nil {
			return nil, fmt.Errorf("encode a search: %w", err)
		}
		path := kind.Endpoint() + "/.search"
		r = httpx.Request{
			Method: http.MethodPost, Path: path, Route: path,
			Body: body, ContentType: c.opts.ContentType, Idempotent: true,
		}
	}
	resp, err := c.do(ctx, r)
	if err != nil {
		return nil, err
	}
	return decodePage(resp.Body)
}

// decodePage wants proof that the answer is a list: an error, a web page or a single
// resource sent with status 200 must never look like an empty one.
func decodePage(body []byte) (*page, error) {
	var p struct {
		page
		Schemas schemas `json:"schemas"`
	}
	if err := json.Unmarshal(body, &p); err != nil {
		return nil, fmt.Errorf("%w: the answer is not a list of resources", ErrNotWhole)
	}
	switch {
	case p.Schemas.has(scim.ErrorURN):
		return nil, fmt.Errorf("%w: the answer is an error with the status of a success", ErrNotWhole)
	case p.Resources == nil && !(p.Total.Known && p.Total.N == 0) && !p.Schemas.has(scim.ListResponseURN):
		return nil, fmt.Errorf("%w: the answer is not a list of resources", ErrNotWhole)
	}
	for _, res := range p.Resources {
		if res.ID() == "" {
			return nil, fmt.Errorf("%w: a resource came without its id", ErrNotWhole)
		}
	}
	return &p.page, nil
}

// schemas tolerates a single string in place of the list.
type schemas []string

func (s *schemas) UnmarshalJSON(b []byte) error {
	var one string
	if json.Unmarshal(b, &one) == nil {
		*s = schemas{one}
		return nil
	}
	var many []string
	if json.Unmarshal(b, &many) == nil {
		*s = many
	}
	return nil
}

func (s schemas) has(urn string) bool {
	for _, have := range s {
		if strings.EqualFold(have, urn) {
			return true
		}
	}
	return false
}

// walk keeps count of one list while it is read.
type walk struct {
	query   Query
	maxRows int

	seen    map[string]struct{}
	cursors map[string]struct{}
	cursor  string
	// rows counts all that was received, repeats included: it is the next index.
	rows, pages, empty int
	// first and last are the totals of the first and the latest page that told one.
	first, last number
	done        bool
}

// params are the parameters of the next page. All but the position stay the same from
// page to page (RFC 9865 §2).
func (w *walk) params() parameters {
	p := parameters{Filter: w.query.Filter, Excluded: w.query.Excluded}
	if w.query.Paging != NoPaging {
		p.Count = w.query.Count
	}
	switch {
	case w.cursor != "":
		p.Cursor = w.cursor
	case w.query.Paging != Cursor && w.rows > 0:
		p.StartIndex = w.rows + 1
	}
	return p
}

// take counts a page in and returns what of it is new. It sets done when the list is
// known to be whole.
func (w *walk) take(p *page) (fresh []Resource, err error) {
	w.pages++
	for _, res := range p.Resources {
		id := res.ID()
		if _, twice := w.seen[id]; !twice {
			w.seen[id] = struct{}{}
			fresh = append(fresh, res)
		}
	}
	w.rows += len(p.Resources)
	w.empty++
	if len(fresh) > 0 {
		w.empty = 0
	}
	if p.Total.Known {
		if w.last.Known && p.Total.N < w.last.N {
			// Something before our place was removed, so something else moved up past it.
			return fresh, fmt.Errorf("%w: its total shrank while it was read", ErrNotWhole)
		}
		if !w.first.Known {
			w.first = p.Total
		}
		w.last = p.Total
	}
	if len(w.seen) > w.maxRows {
		return fresh, fmt.Errorf("%w: it has more than %d resources", ErrNotWhole, w.maxRows)
	}
	if p.NextCursor != "" {
		return fresh, w.follow(string(p.NextCursor))
	}
	return fresh, w.advance(len(p.Resources), len(fresh))
}

func (w *walk) follow(next string) error {
	if _, again := w.cursors[next]; again {
		return fmt.Errorf("%w: its pages go round in a circle", ErrNotWhole)
	}
	if w.empty > maxEmpty {
		return fmt.Errorf("%w: %d pages in a row brought nothing new", ErrNotWhole, w.empty)
	}
	w.cursors[next] = struct{}{}
	w.cursor = next
	return nil
}

// advance decides after a page without a cursor: the end, the next page, or an error.
func (w *walk) advance(received, fresh int) error {
	switch {
	case w.cursor != "" || w.query.Paging != Index:
		return w.end() // the last page of a cursor, or the only one there is
	case w.last.Known && w.rows >= w.last.N:
		return w.end()
	case received == 0 && !w.last.Known:
		return w.end()
	case received == 0:
		return fmt.Errorf("%w: %d of %d resources came, then an empty page", ErrNotWhole, w.rows, w.last.N)
	case fresh == 0:
		return fmt.Errorf("%w: a page repeats what came before", ErrNotWhole)
	default:
		return nil
	}
}

// end checks the sum. Resources that were added meanwhile may be missing, as in any
// list; those of the first total may not.
func (w *walk) end() error {
	w.done = true
	if w.first.Known && len(w.seen) < w.first.N {
		return fmt.Errorf("%w: it has %d resources, and %d came", ErrNotWhole, w.first.N, len(w.seen))
	}
	return nil
}
