package entra

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"simscim/internal/httpx"
	"simscim/scim"
)

const (
	// jsonType is the content type of Graph.
	jsonType  = "application/json"
	batchPath = "/$batch"
)

// call is one request and what may be done with its answer.
type call struct {
	method string
	// path stands below the base and is already escaped, a query included.
	path, route string
	header      map[string]string
	body        any
}

// do sends a request to Graph and decodes the answer into out, unless that is nil. All
// of our requests may be repeated: whatever they set is set by then.
func (t *Target) do(ctx context.Context, c call, out any) (status int, err error) {
	request := httpx.Request{
		Method: c.method, Path: c.path, Route: c.route, Header: c.header,
		Accept: jsonType, Idempotent: true,
	}
	if c.body != nil {
		if request.Body, err = json.Marshal(c.body); err != nil {
			return 0, fmt.Errorf("encode a request: %w", err)
		}
		request.ContentType = jsonType
	}
	if c.method != http.MethodGet && c.path != batchPath { // a batch's parts are counted there
		if err := t.writes.Wait(ctx); err != nil {
			return 0, err
		}
	}
	answer, err := t.graph.Do(ctx, request)
	if err != nil {
		return 0, err
	}
	if err := decode(answer, t.now(), out); err != nil {
		return answer.Status, err
	}
	return answer.Status, rest(ctx, answer.Header)
}

// decode reads an answer, or the error that it is.
func decode(a *httpx.Response, now time.Time, out any) error {
	if a.Status < 200 || a.Status > 299 {
		wait, _ := httpx.RetryAfter(a.Header, now)
		return failure(a.Status, a.Body, wait)
	}
	if out == nil || len(a.Body) == 0 {
		return nil
	}
	if err := json.Unmarshal(a.Body, out); err != nil {
		return &scim.Error{Status: a.Status, Detail: "the answer is not the JSON that was expected"}
	}
	return nil
}

// codeLike is what an error code looks like: several words in one. Anything else may be
// somebody's name.
var codeLike = regexp.MustCompile(`^[A-Z][a-z]{1,30}(_?[A-Z][A-Za-z]{1,30}){1,8}$`)

// failure reads an error of Graph. Its code stands in Detail before its words, which are
// for redaction and never shown as they are.
func failure(status int, body []byte, wait time.Duration) *scim.Error {
	var doc struct {
		Error struct{ Code, Message string }
	}
	e := &scim.Error{Status: status, RetryAfter: wait}
	if json.Unmarshal(body, &doc) != nil {
		return e
	}
	e.Detail = doc.Error.Message
	if codeLike.MatchString(doc.Error.Code) {
		e.Detail = doc.Error.Code + ": " + e.Detail
	}
	if status == http.StatusBadRequest && strings.Contains(doc.Error.Message, "same value for property") {
		e.ScimType = scim.TypeUniqueness
	}
	return e
}

// rest slows down before Graph has to refuse: it says how much of our share is used once
// that is a lot. Whoever is told rests before going on.
func rest(ctx context.Context, h http.Header) error {
	used, err := strconv.ParseFloat(h.Get("x-ms-throttle-limit-percentage"), 64)
	if err != nil || !(used >= 0.8) {
		return nil
	}
	return sleep(ctx, time.Duration(min(used-0.75, 1)*4*float64(time.Second)))
}

func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}

// query writes query options. Blanks are %20, which every reader of OData knows.
func query(pairs ...string) string {
	v := url.Values{}
	for i := 0; i+1 < len(pairs); i += 2 {
		v.Set(pairs[i], pairs[i+1])
	}
	return "?" + strings.ReplaceAll(v.Encode(), "+", "%20")
}

// literal writes a string in an OData expression or key: a quote is doubled.
func literal(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }

// byName is the path of the group with the unique name.
func byName(uniqueName string) string {
	return "/groups(uniqueName=" + url.PathEscape(literal(uniqueName)) + ")"
}

var errLink = errors.New("the answer continues at another address")

// below is the path of a link of an answer, which must lead below our base: our token
// goes nowhere else.
func (t *Target) below(link string) (string, error) {
	path, ok := strings.CutPrefix(link, t.base)
	if !ok || !strings.HasPrefix(path, "/") || strings.Contains(path, "#") {
		return "", errLink
	}
	return path, nil
}

// page is a page of a list.
type page[T any] struct {
	Value []T
	Next  string `json:"@odata.nextLink"`
	Count *int   `json:"@odata.count"`
}

// maxPages bounds a list whose links lead nowhere: a tenant of a million objects has a
// thousand pages.
const maxPages = 20_000

// pages calls each with every page, until that returns false. get sends one request.
func pages[T any](t *Target, path string, get func(path string, into *page[T]) error, each func([]T) (bool, error)) error {
	for range maxPages {
		var p page[T]
		if err := get(path, &p); err != nil {
			return err
		}
		if more, err := each(p.Value); err != nil || !more || p.Next == "" {
			return err
		}
		next, err := t.below(p.Next)
		if err != nil {
			return err
		}
		if next == path {
			return errLink
		}
		path = next
	}
	return errors.New("the list does not end")
}

// isStatus tells whether err is an answer with one of the statuses.
func isStatus(err error, statuses ...int) bool {
	e, ok := errors.AsType[*scim.Error](err)
	return ok && slices.Contains(statuses, e.Status)
}
