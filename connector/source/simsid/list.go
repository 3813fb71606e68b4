package simsid

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"simscim/connector/source"
	"simscim/internal/httpx"
	"simscim/roster"
)

const (
	// mostRecords and mostPages end a list that would otherwise go on for ever. The
	// largest schools have a few thousand people.
	mostRecords = 500_000
	mostPages   = 20_000
)

// list is one paged list of the API.
type list struct {
	// what names it in reasons: "students", "the list of customers".
	what string
	at   *service
	// path is template with its ids filled in.
	template, path string
	shape          pageShape
	paging         paging
	noContent      bool
	// organisation is the one that the pages must name where they name one.
	organisation string
	// school says that the list belongs to one school, so that losing access to it
	// freezes that school.
	school bool
}

// item is one decoded record, or what is wrong with it.
type item[T any] struct {
	value   T
	problem string
}

// readList reads every page of l. decode makes a value of a record, or says what is
// wrong with it; id tells its id. The error is an *Incomplete for whatever leaves
// doubt that all records came.
//
// An id that comes back on a later page may be a flaw of the school's data, or the
// sign of a list that moved between two pages, which then lost another record. The
// list is read once more to tell: what stands still is a flaw and goes on.
func readList[T any](ctx context.Context, l *list, decode func(record) (T, string), id func(T) string) ([]item[T], error) {
	first, err := readOnce(ctx, l, decode, id)
	if err != nil {
		return nil, err
	}
	if !first.crossed {
		return first.items, nil
	}
	second, err := readOnce(ctx, l, decode, id)
	if err != nil {
		return nil, err
	}
	if second.print != first.print {
		return nil, &source.Incomplete{Reason: l.what + " changed while they were read"}
	}
	return second.items, nil
}

// walk is one reading of a list.
type walk[T any] struct {
	items []item[T]
	// crossed says that an id came back on a later page.
	crossed bool
	// print is a digest of all ids in their order.
	print [sha256.Size]byte
}

func readOnce[T any](ctx context.Context, l *list, decode func(record) (T, string), id func(T) string) (*walk[T], error) {
	w := &walk[T]{}
	total := -1
	onPage := map[string]int{}
	prints := map[[sha256.Size]byte]bool{}
	at := cursor{list: l}
	for n := 1; ; n++ {
		if n > mostPages || len(w.items) > mostRecords {
			return nil, l.incomplete(n, "are more than can be true: the list does not end", nil)
		}
		digest := sha256.New()
		p, err := l.page(ctx, n, at, func(r record) error {
			it := item[T]{problem: "the entry is no object"}
			if r != nil {
				it.value, it.problem = decode(r)
			}
			key := id(it.value)
			fmt.Fprintf(digest, "%q\n", key)
			if before := onPage[key]; key != "" && before != 0 && before != n {
				w.crossed = true
			} else if key != "" {
				onPage[key] = n
			}
			w.items = append(w.items, it)
			return nil
		})
		if err != nil {
			return nil, err
		}
		print := [sha256.Size]byte(digest.Sum(nil))
		switch {
		case total >= 0 && p.total != total:
			return nil, l.incomplete(n, fmt.Sprintf("came with a total of %d after %d before", p.total, total), nil)
		case p.total > mostRecords:
			return nil, l.incomplete(n, "tells a total that cannot be true", nil)
		case p.total >= 0 && len(w.items) > p.total:
			return nil, l.incomplete(n, fmt.Sprintf("brings more records (%d) than the total of %d", len(w.items), p.total), nil)
		case p.records > 0 && prints[print]:
			return nil, l.incomplete(n, "is the same as a page before", nil)
		}
		total = p.total
		prints[print] = true
		w.print = sha256.Sum256(append(w.print[:], print[:]...))
		if at.last(p, len(w.items)) {
			break
		}
		if err := at.advance(p); err != nil {
			return nil, l.incomplete(n, err.Error(), nil)
		}
	}
	if total >= 0 && len(w.items) != total {
		return nil, &source.Incomplete{Reason: fmt.Sprintf("%s ended after %d of %d records", l.what, len(w.items), total)}
	}
	return w, nil
}

// page fetches and decodes page n.
func (l *list) page(ctx context.Context, n int, at cursor, each func(record) error) (page, error) {
	path, query := at.where()
	resp, err := l.at.client.Do(ctx, httpx.Request{
		Method: http.MethodGet, Path: path, Query: query, Route: l.template, Accept: "application/json",
	})
	if err != nil {
		return page{}, l.noAnswer(ctx, n, err)
	}
	switch {
	case resp.Status == http.StatusOK:
	case resp.Status == http.StatusNoContent && l.noContent && n == 1:
		return page{total: -1}, nil
	case l.school && frozenStatus(resp.Status, n):
		return page{}, &source.Frozen{Reason: fmt.Sprintf("%s may not be read (status %d)", l.what, resp.Status)}
	default:
		return page{}, l.incomplete(n, fmt.Sprintf("was answered with status %d", resp.Status), nil)
	}
	p, err := decodePage(resp.Body, l.shape, each)
	if err != nil {
		return page{}, l.incomplete(n, err.Error(), nil)
	}
	if p.organisation != "" && l.organisation != "" && roster.CanonicalID(p.organisation) != l.organisation {
		return page{}, fmt.Errorf("read page %d of %s: %w", n, l.what, ErrOtherOrganisation)
	}
	return p, nil
}

// frozenStatus tells whether a status means that the school may no longer be read. A
// 404 in the middle of a list is a paging fault, not a school that is gone.
func frozenStatus(status, pageNumber int) bool {
	switch status {
	case http.StatusUnauthorized, http.StatusForbidden:
		return true
	case http.StatusNotFound, http.StatusGone:
		return pageNumber == 1
	default:
		return false
	}
}

func (l *list) incomplete(n int, what string, err error) error {
	return &source.Incomplete{Reason: fmt.Sprintf("page %d of %s %s", n, l.what, what), Err: err}
}

// noAnswer sorts the errors of a call that got no answer: the end of the context and
// what sign-in says stand for themselves.
func (l *list) noAnswer(ctx context.Context, n int, err error) error {
	if ctx.Err() != nil {
		return fmt.Errorf("read page %d of %s: %w", n, l.what, ctx.Err())
	}
	if _, ok := errors.AsType[*signInError](err); ok {
		return fmt.Errorf("read page %d of %s: %w", n, l.what, err)
	}
	return l.incomplete(n, "did not come", err)
}

// cursor is where in a list the next request stands.
type cursor struct {
	list  *list
	count int    // pages read
	rows  int    // rows to skip
	next  string // path and query of the next page (style next)
	empty bool   // the page before was empty (style next)
}

// where gives the path and query of the next request.
func (c *cursor) where() (string, url.Values) {
	p, q := c.list.paging, url.Values{}
	if c.next != "" {
		path, query, _ := strings.Cut(c.next, "?")
		values, _ := url.ParseQuery(query) // was parsed when it was taken
		return path, values
	}
	if p.style != "none" {
		q.Set(p.size, strconv.Itoa(p.records))
	}
	switch p.style {
	case "page":
		q.Set(p.number, strconv.Itoa(p.first+c.count))
	case "offset":
		q.Set(p.offset, strconv.Itoa(c.rows))
	}
	return c.list.at.prefix + c.list.path, q
}

// last tells whether p was the last page. A page that is shorter than what was asked
// for is no sign of the end: servers cap pages as they like.
func (c *cursor) last(p page, read int) bool {
	switch {
	case c.list.paging.style == "none":
		return true
	case c.list.paging.style == "next":
		return p.next == ""
	case p.records == 0:
		return true
	default:
		return p.total >= 0 && read >= p.total
	}
}

func (c *cursor) advance(p page) error {
	c.count++
	if c.list.paging.byReceived {
		c.rows += p.records
	} else {
		c.rows += c.list.paging.records
	}
	if c.list.paging.style != "next" {
		return nil
	}
	if p.records == 0 && c.empty {
		return errors.New("is empty like the one before, and yet not the last")
	}
	c.empty = p.records == 0
	return c.follow(p.next)
}

// follow takes the link to the next page. It must stay on the host: the token that
// goes with it is worth a school's data.
func (c *cursor) follow(next string) error {
	path, query := c.where()
	here, err := url.Parse(c.list.at.origin + path)
	if err != nil {
		return errors.New("has an address that cannot be read")
	}
	here.RawQuery = query.Encode()
	there, err := here.Parse(next)
	if err != nil {
		return errors.New("has a link to the next page that is no address")
	}
	if there.Scheme != here.Scheme || there.Host != here.Host || there.User != nil {
		return errors.New("has a link to the next page that leaves the host")
	}
	if _, err := url.ParseQuery(there.RawQuery); err != nil {
		return errors.New("has a link to the next page that is no address")
	}
	there.Fragment = ""
	if there.String() == here.String() {
		return errors.New("has a link to the next page that leads back to itself")
	}
	c.next = there.RequestURI()
	return nil
}
