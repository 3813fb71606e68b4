package client

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"simscim/internal/httpx"
	"simscim/scim"
)

// BulkOperation is one write of a bulk request (RFC 7644 §3.7).
type BulkOperation struct {
	// Method is POST, PUT, PATCH or DELETE.
	Method string
	Kind   scim.Kind
	// ID is the server's id of the resource; empty for a POST.
	ID string
	// BulkID tells the answers apart. A POST must have one, and so should each of
	// several operations on one resource.
	BulkID string
	// Version is sent where it is not empty, in place of If-Match.
	Version string
	// Data is the resource or the PatchOp message; nil for a DELETE.
	Data json.RawMessage
}

// Size is how many bytes the operation takes up in a request, at most.
func (o BulkOperation) Size() int {
	const names = len(`{"method":"DELETE","bulkId":,"version":,"path":"/Groups/","data":},`)
	// An id grows by its escaping to three times its length, other strings to six.
	return names + len(o.Data) + 3*len(o.ID) + 6*(len(o.BulkID)+len(o.Version)) + 4
}

// BulkOverhead is how many bytes a bulk request takes up besides its operations.
const BulkOverhead = len(`{"schemas":["`+scim.BulkRequestURN+`"],"failOnErrors":2147483647,"Operations":[]}`) + 1

// BulkState says what is known of an operation.
type BulkState int

// The states of an operation.
const (
	// Unknown is an operation that the answer says nothing of: it may have been carried
	// out.
	Unknown BulkState = iota
	// Answered is an operation with a status of its own.
	Answered
	// NotAttempted is an operation behind the point at which the server stopped.
	NotAttempted
)

// BulkResult is what became of one operation.
type BulkResult struct {
	State BulkState
	// Status is that of the operation, 0 unless Answered.
	Status int
	// ID is empty where the server did not say it, which after a successful POST means
	// that it must be looked up.
	ID, Location, Version string
	// Err is nil where the operation succeeded or was not answered.
	Err *scim.Error
}

// Bulk sends the operations in one request and returns a result for each, in their
// order. failOnErrors is after how many errors the server shall stop; 0 is never.
//
// The error is about the request as a whole: 413 is a *scim.Error like any other.
// Where the server took the request, yet what it answered does not make sense, there is
// no error and the operations are Unknown. As after Create, what is not known to have
// happened may have happened all the same.
func (c *Client) Bulk(ctx context.Context, ops []BulkOperation, failOnErrors int) ([]BulkResult, error) {
	if len(ops) == 0 {
		return nil, nil
	}
	body, err := encodeBulk(ops, failOnErrors)
	if err != nil {
		return nil, fmt.Errorf("encode a bulk request: %w", err)
	}
	creates := slices.ContainsFunc(ops, func(o BulkOperation) bool { return o.Method == http.MethodPost })
	resp, err := c.do(ctx, httpx.Request{
		Method: http.MethodPost, Path: "/Bulk", Route: "/Bulk",
		Body: body, ContentType: c.opts.ContentType, Idempotent: !creates,
	})
	if err != nil {
		return nil, err
	}
	return c.settle(ops, decodeBulk(resp.Body), failOnErrors), nil
}

func encodeBulk(ops []BulkOperation, failOnErrors int) ([]byte, error) {
	type operation struct {
		Method  string          `json:"method"`
		BulkID  string          `json:"bulkId,omitempty"`
		Version string          `json:"version,omitempty"`
		Path    string          `json:"path"`
		Data    json.RawMessage `json:"data,omitempty"`
	}
	message := struct {
		Schemas      []string    `json:"schemas"`
		FailOnErrors int         `json:"failOnErrors,omitempty"`
		Operations   []operation `json:"Operations"`
	}{[]string{scim.BulkRequestURN}, failOnErrors, make([]operation, 0, len(ops))}
	given := make(map[string]struct{}, len(ops))
	for _, o := range ops {
		path, err := o.path()
		if err != nil {
			return nil, err
		}
		if _, twice := given[o.BulkID]; twice && o.BulkID != "" {
			return nil, errors.New("two operations have one bulkId")
		}
		given[o.BulkID] = struct{}{}
		message.Operations = append(message.Operations, operation{o.Method, o.BulkID, o.Version, path, o.Data})
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false) // it would lengthen the data beyond Size
	err := e.Encode(message)
	return b.Bytes(), err
}

func (o BulkOperation) path() (string, error) {
	switch o.Method {
	case http.MethodPost:
		if o.BulkID == "" || o.ID != "" {
			return "", errors.New("a POST has a bulkId and no id")
		}
		return o.Kind.Endpoint(), nil
	case http.MethodPut, http.MethodPatch, http.MethodDelete:
		return resourcePath(o.Kind, o.ID)
	default:
		return "", errors.New("an operation is POST, PUT, PATCH or DELETE")
	}
}

// bulkAnswer is what a server says of one operation.
type bulkAnswer struct {
	Method   loose
	BulkID   text
	Version  loose
	Location loose
	Status   bulkStatus
	Response json.RawMessage
}

// UnmarshalJSON never fails, so that one odd answer leaves the others readable.
func (a *bulkAnswer) UnmarshalJSON(b []byte) error {
	type plain bulkAnswer
	var p plain
	if json.Unmarshal(b, &p) == nil {
		*a = bulkAnswer(p)
	}
	return nil
}

// bulkStatus is "201" or {"code":"201"}: RFC 7644 has the one in §3.7.3 and the other in
// §3.7.2, and servers send bare numbers as well. 0 is anything else.
type bulkStatus int

func (s *bulkStatus) UnmarshalJSON(b []byte) error {
	var object struct{ Code number }
	var code number
	if json.Unmarshal(b, &object) == nil {
		code = object.Code
	} else {
		_ = code.UnmarshalJSON(b) // never fails: what is no number stays unknown
	}
	if code.N >= 100 && code.N <= 599 {
		*s = bulkStatus(code.N)
	}
	return nil
}

// decodeBulk returns no answers where the body holds none that can be read.
func decodeBulk(body []byte) []bulkAnswer {
	var message struct{ Operations []bulkAnswer }
	if json.Unmarshal(body, &message) != nil {
		return nil
	}
	return message.Operations
}

// settle gives each operation the answer that is about it.
func (c *Client) settle(ops []BulkOperation, answers []bulkAnswer, failOnErrors int) []BulkResult {
	results := make([]BulkResult, len(ops))
	failures := 0
	for _, a := range answers {
		if a.Status != 0 && !succeeded(int(a.Status)) {
			failures++
		}
	}
	stopped := failOnErrors > 0 && failures >= failOnErrors
	last := -1
	for i, at := range match(ops, answers, stopped) {
		if at < 0 || results[at].State == Answered || answers[i].Status == 0 {
			continue
		}
		results[at] = c.result(ops[at], &answers[i])
		last = max(last, at)
	}
	if stopped {
		for i := last + 1; i < len(results); i++ {
			results[i].State = NotAttempted
		}
	}
	return results
}

func (c *Client) result(op BulkOperation, a *bulkAnswer) BulkResult {
	r := BulkResult{State: Answered, Status: int(a.Status), Location: string(a.Location), Version: string(a.Version)}
	if !succeeded(r.Status) {
		r.Err = c.decodeError(&httpx.Response{Status: r.Status, Body: a.Response})
		return r
	}
	var made struct {
		ID   text
		Meta struct{ Version loose }
	}
	_ = json.Unmarshal(a.Response, &made) // absent more often than not
	r.ID = cmp.Or(string(made.ID), idFromLocation(op.Kind, r.Location), op.ID)
	r.Version = cmp.Or(r.Version, string(made.Meta.Version))
	return r
}

// match returns, for each answer, the place of the operation that it is about, or -1.
// An answer is known by its bulkId or by its location. What has neither is known by its
// place, but only in an answer that keeps the order and leaves nothing out before its
// end; and never for a POST, where a mistake would give one person's account to another.
func match(ops []BulkOperation, answers []bulkAnswer, stopped bool) []int {
	byName := index(ops)
	places := make([]int, len(answers))
	inOrder := len(answers) == len(ops) || stopped && len(answers) < len(ops)
	for i := range answers {
		places[i] = byName.find(&answers[i])
		inOrder = inOrder && (places[i] < 0 || places[i] == i)
	}
	if !inOrder {
		return places
	}
	for i, a := range answers {
		nameless := places[i] < 0 && a.BulkID == "" && a.Location == ""
		if nameless && ops[i].Method != http.MethodPost && strings.EqualFold(string(a.Method), ops[i].Method) {
			places[i] = i
		}
	}
	return places
}

// operationIndex finds operations by what answers call them: their bulkId, or method,
// kind and id. The latter is -1 where it is not unique.
type operationIndex map[string]int

func index(ops []BulkOperation) operationIndex {
	x := make(operationIndex, 2*len(ops))
	for i, o := range ops {
		if o.BulkID != "" {
			x["bulkId "+o.BulkID] = i
		}
		if o.ID == "" {
			continue
		}
		name := named(o.Method, o.Kind, o.ID)
		if _, twice := x[name]; twice {
			x[name] = -1
			continue
		}
		x[name] = i
	}
	return x
}

func (x operationIndex) find(a *bulkAnswer) int {
	if a.BulkID != "" {
		if at, ok := x["bulkId "+string(a.BulkID)]; ok {
			return at
		}
	}
	for _, kind := range []scim.Kind{scim.User, scim.Group} {
		if id := idFromLocation(kind, string(a.Location)); id != "" {
			if at, ok := x[named(string(a.Method), kind, id)]; ok {
				return at
			}
		}
	}
	return -1
}

func named(method string, kind scim.Kind, id string) string {
	return strings.ToUpper(method) + " " + string(kind) + " " + strconv.Quote(id)
}
