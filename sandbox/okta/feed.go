package okta

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"simscim/scim"
)

const (
	// pageSize is what Okta asks for, and steps by whatever it gets.
	pageSize = 100
	// maxAnswer bounds what is read of an answer.
	maxAnswer = 64 << 20
	// maxAttempts is how often Okta asks where it is told to wait, first for firstWait if
	// it is not told how long.
	maxAttempts = 10
	firstWait   = 5 * time.Minute
)

// feed is a SCIM server that is read.
type feed struct {
	options     *ImporterOptions
	base, token string
	requests    int
}

// get asks for a path below the base URL.
func (f *feed) get(ctx context.Context, path string) (int, []byte, error) {
	wait := firstWait
	for range maxAttempts {
		status, header, body, err := f.ask(ctx, path)
		if err != nil || status != http.StatusTooManyRequests {
			return status, body, err
		}
		if seconds, err := strconv.Atoi(header.Get("Retry-After")); err == nil && seconds >= 0 {
			wait = time.Duration(seconds) * time.Second
		}
		if err := f.options.Sleep(ctx, wait); err != nil {
			return 0, nil, fmt.Errorf("wait as the feed asked: %w", err)
		}
		wait *= 2
	}
	return 0, nil, fmt.Errorf("the feed asked to wait %d times", maxAttempts)
}

func (f *feed) ask(ctx context.Context, path string) (int, http.Header, []byte, error) {
	ctx, cancel := context.WithTimeout(ctx, f.options.Timeout)
	defer cancel()
	f.requests++
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, f.base+path, nil)
	if err != nil {
		return 0, nil, nil, fmt.Errorf("ask the feed: %w", err)
	}
	r.Header.Set("User-Agent", "Okta SCIM Client 1.0.0")
	r.Header.Set("Accept", scim.MediaType)
	r.Header.Set("Authorization", "Bearer "+f.token)
	resp, err := f.options.Client.Do(r)
	if err != nil {
		return 0, nil, nil, fmt.Errorf("ask the feed: %w", withoutURL(err))
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1))
	switch {
	case err != nil:
		return 0, nil, nil, fmt.Errorf("read an answer of the feed: %w", err)
	case len(body) > maxAnswer:
		return 0, nil, nil, fmt.Errorf("an answer of the feed is longer than %d bytes", maxAnswer)
	}
	return resp.StatusCode, resp.Header, body, nil
}

// withoutURL is the error without the URL, which may have a name in its filter.
func withoutURL(err error) error {
	if e, ok := errors.AsType[*url.Error](err); ok {
		return e.Err
	}
	return err
}

// list is an answer with many resources, after the counters were checked.
type list struct {
	total int
	rows  []json.RawMessage
}

// list asks for resources of a kind. The counters must be JSON integers.
func (f *feed) list(ctx context.Context, kind scim.Kind, filter string, start, count int) (list, error) {
	path := kind.Endpoint() + "?"
	if filter != "" {
		path += "filter=" + url.QueryEscape(filter) + "&"
	}
	status, body, err := f.get(ctx, fmt.Sprintf("%sstartIndex=%d&count=%d", path, start, count))
	if err != nil {
		return list{}, err
	}
	if status == http.StatusNotFound && filter != "" {
		return list{}, isError(body) // tolerated in place of an empty list
	}
	var doc struct {
		Schemas                                []string
		TotalResults, StartIndex, ItemsPerPage json.RawMessage
		Resources                              []json.RawMessage
	}
	switch {
	case status != http.StatusOK:
		return list{}, fmt.Errorf("the feed answered %d", status)
	case json.Unmarshal(body, &doc) != nil:
		return list{}, errors.New("the answer is no SCIM list")
	case !slices.Contains(doc.Schemas, scim.ListResponseURN):
		return list{}, errors.New("schemas do not name a ListResponse")
	}
	counters := map[string]json.RawMessage{"totalResults": doc.TotalResults, "startIndex": doc.StartIndex, "itemsPerPage": doc.ItemsPerPage}
	got := map[string]int{}
	for name, raw := range counters {
		if got[name], err = strconv.Atoi(string(raw)); err != nil {
			return list{}, fmt.Errorf("%s is no JSON integer", name)
		}
	}
	switch {
	case got["startIndex"] != start:
		return list{}, fmt.Errorf("startIndex is %d where %d was asked for", got["startIndex"], start)
	case got["itemsPerPage"] != len(doc.Resources):
		return list{}, fmt.Errorf("itemsPerPage is %d and there are %d resources", got["itemsPerPage"], len(doc.Resources))
	case len(doc.Resources) > count:
		return list{}, fmt.Errorf("there are %d resources where %d were asked for", len(doc.Resources), count)
	}
	return list{total: got["totalResults"], rows: doc.Resources}, nil
}

func isError(body []byte) error {
	var doc struct{ Schemas []string }
	if json.Unmarshal(body, &doc) != nil || !slices.Contains(doc.Schemas, scim.ErrorURN) {
		return errors.New("the feed answered 404 without a SCIM error")
	}
	return nil
}

// walk reads all pages. Okta steps by what it asks for, so that a page which is short
// before the end would lose people.
func (f *feed) walk(ctx context.Context, kind scim.Kind, visit func(place int, row json.RawMessage) error) (int, error) {
	seen := 0
	for start := 1; ; start += pageSize {
		page, err := f.list(ctx, kind, "", start, pageSize)
		if err != nil {
			return 0, fmt.Errorf("page from %d: %w", start, err)
		}
		for _, row := range page.rows {
			seen++
			if err := visit(seen, row); err != nil {
				return 0, fmt.Errorf("resource %d: %w", seen, err)
			}
		}
		switch {
		case seen == page.total:
			return seen, nil
		case seen > page.total:
			return 0, fmt.Errorf("page from %d: there are more resources than totalResults", start)
		case len(page.rows) < pageSize:
			return 0, fmt.Errorf("page from %d: it is short, and more should follow", start)
		}
	}
}

// twice reads all pages two times. Nothing may come twice, or in another order.
func (f *feed) twice(ctx context.Context, kind scim.Kind, visit func(row json.RawMessage) error) error {
	var order []string
	seen := map[string]bool{}
	n, err := f.walk(ctx, kind, func(_ int, row json.RawMessage) error {
		id := idIn(row)
		switch {
		case id == "" || strings.Contains(id, "bulkId"): // RFC 7643 §3.1
			return errors.New("it has no proper id")
		case seen[id]:
			return errors.New("it has come before")
		}
		seen[id], order = true, append(order, id)
		return visit(row)
	})
	if err != nil {
		return err
	}
	again, err := f.walk(ctx, kind, func(place int, row json.RawMessage) error {
		if place > n || idIn(row) != order[place-1] {
			return errors.New("it is another one")
		}
		return nil
	})
	if err == nil && again != n {
		err = fmt.Errorf("there are %d resources after %d", again, n)
	}
	if err != nil {
		return fmt.Errorf("read again: %w", err)
	}
	return nil
}

func idIn(row json.RawMessage) string {
	var r struct{ ID string }
	if json.Unmarshal(row, &r) != nil {
		return ""
	}
	return r.ID
}

// lookUp asks for one resource in the two ways in which Okta does later on: by its name,
// and by its id.
func (f *feed) lookUp(ctx context.Context, kind scim.Kind, filter, id string) error {
	found, err := f.list(ctx, kind, filter, 1, pageSize)
	if err != nil {
		return fmt.Errorf("look somebody up by filter: %w", err)
	}
	if !slices.ContainsFunc(found.rows, func(row json.RawMessage) bool { return idIn(row) == id }) {
		return errors.New("look somebody up by filter: it does not find the resource")
	}
	status, body, err := f.get(ctx, kind.Endpoint()+"/"+url.PathEscape(id))
	switch {
	case err != nil:
		return fmt.Errorf("read one resource: %w", err)
	case status != http.StatusOK || idIn(body) != id:
		return fmt.Errorf("read one resource: the feed answered %d, and not with the resource", status)
	}
	return nil
}
