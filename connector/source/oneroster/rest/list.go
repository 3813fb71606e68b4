package rest

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"hash/maphash"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"simscim/connector/source"
	"simscim/internal/httpx"
)

// list is one paged list, asked for in one way.
type list struct {
	// what names it in reasons: "classes".
	what string
	// key is its envelope's.
	key string
	// route is the path with {id}, for logs; path has the id filled in.
	route, path string
	query       url.Values
	// school says that the list is read for one school, so that a refusal freezes it.
	school bool
	// optional says that a refusal means no more than that there is no such list.
	optional bool
}

// notServed is the error of a list that the service does not have, or not in the way
// that it was asked for.
type notServed struct {
	// query says that the path may be right, and what was asked along with it is not.
	query  bool
	status int
	reason imsx
}

func (e *notServed) Error() string {
	return fmt.Sprintf("the service answers %d%s", e.status, e.reason.word())
}

// unsteady marks what may come of a list that changed while it was read. One more
// reading tells.
type unsteady struct{ err error }

func (e *unsteady) Error() string { return e.err.Error() }
func (e *unsteady) Unwrap() error { return e.err }

// heavy marks what a gateway says that has no patience for a page.
type heavy struct{ err error }

func (e *heavy) Error() string { return e.err.Error() }
func (e *heavy) Unwrap() error { return e.err }

// walk is one reading of a list.
type walk[T any] struct {
	kept []T
	// records counts all entries, usable those that name what such a record must, foreign
	// those that name another school.
	records, usable, foreign int
	// crossed says that an id came back on a later page.
	crossed bool
	// print is a digest of all ids in their order.
	print [sha256.Size]byte
	// unsorted says that the service reports the sort field as invalid, unfiltered that
	// it does so with the filter.
	unsorted, unfiltered bool
}

// verdict says what an entry is to the reading.
type verdict struct {
	id                    string
	keep, usable, foreign bool
}

// readList reads every page of l, decoding each entry with one, and keeps what one says
// is to be kept. The error is an *Incomplete for whatever leaves doubt that all records
// came.
//
// An id that comes back on a later page may be a flaw of the school's data, or the sign
// of a list that moved between two pages, which then lost another record. The list is
// read once more to tell: what stands still is a flaw and goes on. A total that moved
// gets one more reading too.
//
// Where a gateway gives up on a page, the list is begun anew with smaller ones, and so
// are all that follow.
func readList[T any](ctx context.Context, r *Reader, l *list, one func(*json.Decoder) (T, verdict, error)) (*walk[T], error) {
	for {
		size := r.size()
		w, err := readSteady(ctx, r, l, one)
		tooMuch, ok := errors.AsType[*heavy](err)
		switch {
		case !ok:
			return w, err
		case !r.shrink(size):
			return nil, tooMuch.err
		}
	}
}

func readSteady[T any](ctx context.Context, r *Reader, l *list, one func(*json.Decoder) (T, verdict, error)) (*walk[T], error) {
	first, err := readOnce(ctx, r, l, one)
	moved, isMoved := errors.AsType[*unsteady](err)
	switch {
	case isMoved:
	case err != nil || !first.crossed:
		return first, err
	}
	second, err := readOnce(ctx, r, l, one)
	if again, ok := errors.AsType[*unsteady](err); ok {
		return nil, again.err
	}
	switch {
	case err != nil:
		return nil, err
	case second.crossed && (isMoved || second.print != first.print):
		return nil, &source.Incomplete{Reason: l.what + " changed while they were read"}
	case isMoved:
		r.log.Info("list read again: " + moved.Error())
	}
	return second, nil
}

func readOnce[T any](ctx context.Context, r *Reader, l *list, one func(*json.Decoder) (T, verdict, error)) (*walk[T], error) {
	w := &walk[T]{}
	at := cursor{reader: r, list: l, size: r.size(), total: -1, visited: map[string]bool{}, prints: map[[sha256.Size]byte]bool{}}
	seed := maphash.MakeSeed()
	// onPage has an entry of a few bytes for every record of the list, kept or not: a
	// district of two million enrolments takes some 60 MiB for as long as it is read.
	onPage := map[uint64]int32{}
	for n := 1; ; n++ {
		var batch pageBatch[T]
		p, err := fetch(ctx, r, l, n, at.address(), func() func(*json.Decoder) error {
			batch = pageBatch[T]{digest: sha256.New()} // a page that was cut is read from its start
			return func(dec *json.Decoder) error { return batch.add(dec, one) }
		})
		if err != nil {
			return nil, err
		}
		w.unsorted = w.unsorted || p.status.has("invalidsortfield")
		w.unfiltered = w.unfiltered || p.status.has("invalidfilterfield")
		for _, id := range batch.ids {
			key := maphash.String(seed, id)
			if before := onPage[key]; before != 0 && before != int32(n) {
				w.crossed = true
			} else {
				onPage[key] = int32(n)
			}
		}
		w.kept = append(w.kept, batch.kept...)
		w.records, w.usable, w.foreign = w.records+p.records, w.usable+batch.usable, w.foreign+batch.foreign
		print := [sha256.Size]byte(batch.digest.Sum(nil))
		w.print = sha256.Sum256(append(w.print[:], print[:]...))
		if len(batch.ids) == 0 {
			print = [sha256.Size]byte{} // without ids, pages cannot be told apart
		}
		last, err := at.advance(n, p, print)
		if err != nil {
			return nil, err
		}
		if last {
			return w, nil
		}
	}
}

// pageBatch is what one page gave, before the page has proved to be whole.
type pageBatch[T any] struct {
	kept            []T
	ids             []string
	usable, foreign int
	digest          interface {
		io.Writer
		Sum([]byte) []byte
	}
}

func (b *pageBatch[T]) add(dec *json.Decoder, one func(*json.Decoder) (T, verdict, error)) error {
	v, is, err := one(dec)
	if err != nil {
		return err
	}
	fmt.Fprintf(b.digest, "%q\n", is.id)
	if is.id != "" {
		b.ids = append(b.ids, is.id)
	}
	if is.keep {
		b.kept = append(b.kept, v)
	}
	if is.usable {
		b.usable++
	}
	if is.foreign {
		b.foreign++
	}
	return nil
}

// answer is a page with what its headers say.
type answer struct {
	page
	links links
	// total is -1 where the header is missing or no number.
	total int
}

// fetch gets page n of l and decodes it while it comes. begin is called for each attempt.
func fetch(ctx context.Context, r *Reader, l *list, n int, address string, begin func() func(*json.Decoder) error) (answer, error) {
	var a answer
	path, query, _ := strings.Cut(address, "?")
	values, _ := url.ParseQuery(query) // was parsed when it was taken
	resp, err := r.client.Stream(ctx, httpx.Request{
		Method: http.MethodGet, Path: path, Query: values, Route: l.route, Accept: "application/json",
	}, func(h http.Header, body io.Reader) error {
		a = answer{total: totalOf(h)}
		var err error
		if a.page, err = decodeOrEmpty(body, l.key, begin()); err == nil {
			a.links, err = parseLinks(h.Values("Link"))
		}
		if err != nil {
			return l.incomplete(n, err.Error(), nil)
		}
		return nil
	})
	if err != nil {
		return a, l.noAnswer(ctx, n, err)
	}
	if resp.Status == http.StatusOK || resp.Status == http.StatusNoContent {
		if resp.Status == http.StatusOK && a.empty {
			return a, l.incomplete(n, source.ErrCut.Error(), nil)
		}
		if a.null && a.total != 0 {
			return a, l.incomplete(n, errNoEnvelope.Error(), nil)
		}
		return a, nil
	}
	return a, l.refused(n, resp)
}

// totalOf reads X-Total-Count. What is no number tells nothing; the list is then read
// until an empty page.
func totalOf(h http.Header) int {
	n, err := strconv.ParseInt(strings.TrimSpace(h.Get("X-Total-Count")), 10, 64)
	if err != nil || n < 0 {
		return -1
	}
	return int(n)
}

// refused sorts the statuses that are no success.
func (l *list) refused(n int, resp *httpx.Response) error {
	status, said := resp.Status, parseImsx(resp.Body)
	switch status {
	case http.StatusUnauthorized, http.StatusForbidden:
		switch {
		case l.optional:
			return &notServed{status: status, reason: said}
		case l.school:
			return &source.Frozen{Reason: fmt.Sprintf("%s may not be read (status %d)", l.what, status)}
		}
	case http.StatusNotFound, http.StatusGone, http.StatusMethodNotAllowed, http.StatusNotImplemented:
		// Later on it is a paging fault, not a list that does not exist.
		if n == 1 {
			return &notServed{status: status, reason: said}
		}
	case http.StatusBadRequest, http.StatusUnprocessableEntity:
		if n == 1 {
			return &notServed{query: true, status: status, reason: said}
		}
	}
	err := l.incomplete(n, fmt.Sprintf("was answered with status %d%s", status, said.word()), nil)
	if status == http.StatusBadGateway || status == http.StatusGatewayTimeout {
		return &heavy{err}
	}
	return err
}

func (l *list) incomplete(n int, what string, err error) error {
	return &source.Incomplete{Reason: fmt.Sprintf("page %d of %s %s", n, l.what, what), Err: err}
}

func (l *list) ended(rows, total int) error {
	return &source.Incomplete{Reason: fmt.Sprintf("%s ended after %d of %d records", l.what, rows, total)}
}

// noAnswer sorts the errors of a call that got no usable answer: the end of the context
// and what sign-in says stand for themselves.
func (l *list) noAnswer(ctx context.Context, n int, err error) error {
	if ctx.Err() != nil {
		return fmt.Errorf("read page %d of %s: %w", n, l.what, ctx.Err())
	}
	if source.IsIncomplete(err) {
		return err
	}
	if _, ok := errors.AsType[*httpx.Failure](err); ok {
		return l.incomplete(n, "did not come", err)
	}
	return fmt.Errorf("read page %d of %s: %w", n, l.what, signIn(err, l.school))
}
