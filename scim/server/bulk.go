package server

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"simscim/scim"
)

// Bulk is what POST /Bulk takes (RFC 7644 §3.7). Without Operations it is answered 501
// and advertised as unsupported.
type Bulk struct {
	// Operations and Bytes are the most of one request; zero bytes stands for MaxBody.
	Operations int
	Bytes      int64
	// ObjectStatus writes a status as {"code": "201"}, as the example in §3.7.2 does,
	// and not as "201", as those in §3.7.3 do. Both kinds of server exist.
	ObjectStatus bool
	// Via carries out the operations, for whoever stands in front of the server; nil is
	// the server itself.
	Via http.Handler
}

// bulkPrefix begins a reference to a resource that the same request creates.
const bulkPrefix = "bulkId:"

type bulkRequest struct {
	Schemas      []string
	FailOnErrors json.Number
	Operations   []*bulkOperation
}

// bulkOperation is one operation and what became of it.
type bulkOperation struct {
	Method, BulkID, Version, Path string
	Data                          json.RawMessage

	// refs are the bulkIds that the operation refers to.
	refs []string
	// id is the resource that it has created. answered tells it from one that was never
	// attempted.
	id       string
	answered bool
	answer   recorder
}

func (s *server) serveBulk(w http.ResponseWriter, r *http.Request, _ params) error {
	if s.options.Bulk.Operations == 0 {
		return errNotImplemented()
	}
	limit := s.options.Bulk.Bytes
	body, err := s.readUpTo(w, r, limit, fmt.Sprintf("the bulk request exceeds the maxPayloadSize (%d)", limit))
	if err != nil {
		return err
	}
	m, most, err := decodeBulk(body)
	if err != nil {
		return err
	}
	if limit := s.options.Bulk.Operations; len(m.Operations) > limit {
		return &scim.Error{
			Status: http.StatusRequestEntityTooLarge,
			Detail: fmt.Sprintf("the bulk request exceeds the maxOperations (%d)", limit),
		}
	}
	if err := s.runBulk(r, m.Operations, most); err != nil {
		return err
	}
	answers := []any{}
	for _, op := range m.Operations {
		if op.answered {
			answers = append(answers, s.bulkAnswer(op))
		}
	}
	return writeJSON(w, http.StatusOK, map[string]any{"schemas": []string{scim.BulkResponseURN}, "Operations": answers})
}

// decodeBulk reads the message. most is after how many errors to stop, 0 for never.
func decodeBulk(body []byte) (m bulkRequest, most int, err error) {
	if err := wellFormed(body); err != nil {
		return m, 0, err
	}
	if err := json.Unmarshal(body, &m); err != nil {
		return m, 0, syntax("the body is not a BulkRequest message")
	}
	if len(m.Schemas) != 1 || !strings.EqualFold(m.Schemas[0], scim.BulkRequestURN) {
		return m, 0, syntax("schemas must hold exactly " + scim.BulkRequestURN)
	}
	if m.FailOnErrors != "" {
		if most, err = strconv.Atoi(m.FailOnErrors.String()); err != nil || most < 0 {
			return m, 0, badValue("failOnErrors must be a whole number")
		}
	}
	if len(m.Operations) == 0 {
		return m, 0, syntax("Operations is missing or empty")
	}
	seen := make(map[string]bool, len(m.Operations))
	for _, op := range m.Operations {
		switch {
		case op == nil:
			return m, 0, syntax("an operation must be an object")
		case op.BulkID == "" && op.Method == http.MethodPost:
			return m, 0, syntax("an operation with POST needs a bulkId")
		case op.BulkID != "" && seen[op.BulkID]:
			return m, 0, badValue("a bulkId stands twice in one request")
		}
		seen[op.BulkID] = true
		if op.refs, err = op.references(); err != nil {
			return m, 0, err
		}
	}
	return m, most, nil
}

// runBulk carries the operations out in their order, except that one which refers to
// what another creates waits for it (RFC 7644 §3.7.2). References in a circle cannot be
// resolved, since a resource is created whole: 409, as §3.7.1 allows.
func (s *server) runBulk(r *http.Request, ops []*bulkOperation, most int) error {
	creates := make(map[string]*bulkOperation, len(ops))
	for _, op := range ops {
		if op.Method == http.MethodPost {
			creates[op.BulkID] = op
		}
	}
	waiting, failed := ops, 0
	for len(waiting) > 0 {
		var still []*bulkOperation
		for _, op := range waiting {
			if err := r.Context().Err(); err != nil {
				return err
			}
			ready, refusal := op.ready(creates)
			switch {
			case refusal != nil:
				op.refuse(refusal)
			case ready:
				s.perform(r, op, creates)
			default:
				still = append(still, op)
				continue
			}
			if op.answer.status >= 400 {
				if failed++; failed == most {
					return nil
				}
			}
		}
		if len(still) == len(waiting) {
			for _, op := range still {
				op.refuse(&scim.Error{Status: http.StatusConflict, Detail: "bulkId references form a circle"})
				if failed++; failed == most {
					return nil
				}
			}
			return nil
		}
		waiting = still
	}
	return nil
}

// ready tells whether everything that the operation refers to is there.
func (op *bulkOperation) ready(creates map[string]*bulkOperation) (bool, error) {
	for _, ref := range op.refs {
		switch create := creates[ref]; {
		case create == nil:
			return false, badValue("a bulkId reference names no operation that creates a resource")
		case create.answered && create.id == "":
			return false, badValue("a bulkId reference names an operation that failed")
		case !create.answered:
			return false, nil
		}
	}
	return true, nil
}

// perform sends the operation through the service as a request of its own.
func (s *server) perform(r *http.Request, op *bulkOperation, creates map[string]*bulkOperation) {
	path, data, err := op.resolve(creates)
	if err == nil {
		err = op.check(path)
	}
	if err != nil {
		op.refuse(err)
		return
	}
	inner, err := http.NewRequestWithContext(r.Context(), op.Method, s.options.BasePath+path, bytes.NewReader(data))
	if err != nil {
		op.refuse(&scim.Error{Status: http.StatusBadRequest, ScimType: scim.TypeInvalidPath, Detail: "the path of the operation cannot be read"})
		return
	}
	inner.Host, inner.TLS, inner.RemoteAddr = r.Host, r.TLS, r.RemoteAddr
	inner.Header = r.Header.Clone()
	for _, name := range []string{"If-Match", "If-None-Match", "Content-Length"} {
		inner.Header.Del(name)
	}
	if op.Version != "" {
		inner.Header.Set("If-Match", op.Version)
	}
	op.answered, op.answer = true, recorder{header: http.Header{}, status: http.StatusOK}
	s.options.Bulk.Via.ServeHTTP(&op.answer, inner)
	if op.Method == http.MethodPost && op.answer.status < 300 {
		var made struct{ ID string }
		_ = json.Unmarshal(op.answer.body.Bytes(), &made) // without an id references to it fail
		op.id = made.ID
	}
}

// check lets resources be written, and nothing else: no reads, no searches, no bulk
// inside bulk.
func (op *bulkOperation) check(path string) error {
	parsed, err := url.Parse(path)
	if err != nil || parsed.IsAbs() || parsed.Host != "" || parsed.RawQuery != "" {
		return &scim.Error{Status: http.StatusBadRequest, ScimType: scim.TypeInvalidPath, Detail: "the path of an operation is relative to the service and has no query"}
	}
	_, id, single := strings.Cut(strings.TrimPrefix(path, "/"), "/")
	switch {
	case strings.HasPrefix(path, "/Bulk"), id == ".search", !strings.HasPrefix(path, "/"):
		return &scim.Error{Status: http.StatusBadRequest, ScimType: scim.TypeInvalidPath, Detail: "the path of an operation leads to a resource or a resource type"}
	case op.Method == http.MethodPost && !single:
	case single && (op.Method == http.MethodPut || op.Method == http.MethodPatch || op.Method == http.MethodDelete):
	default:
		return syntax("the method of an operation is POST on a resource type, or PUT, PATCH or DELETE on a resource")
	}
	return nil
}

func (op *bulkOperation) refuse(err error) {
	op.answered, op.answer = true, recorder{header: http.Header{}}
	e, ok := errors.AsType[*scim.Error](err)
	if !ok {
		e = &scim.Error{Status: http.StatusInternalServerError}
	}
	writeError(&op.answer, e)
}

// bulkAnswer is the operation's entry in the response. The body is sent for failures
// only, as §3.7 allows: of what was written the client knows everything but the id,
// which the location ends with.
func (s *server) bulkAnswer(op *bulkOperation) map[string]any {
	status := any(strconv.Itoa(op.answer.status))
	if s.options.Bulk.ObjectStatus {
		status = map[string]any{"code": status}
	}
	out := map[string]any{"method": op.Method, "status": status}
	if op.BulkID != "" {
		out["bulkId"] = op.BulkID
	}
	if op.answer.status >= 400 {
		out["response"] = json.RawMessage(op.answer.body.Bytes())
		return out
	}
	if tag := op.answer.header.Get("ETag"); tag != "" {
		out["version"] = tag
	}
	if at := op.answer.header.Get("Location"); at != "" {
		out["location"] = at
	}
	return out
}

// references lists the bulkIds in the path and, as whole strings, in the data.
func (op *bulkOperation) references() ([]string, error) {
	var refs []string
	for part := range strings.SplitSeq(op.Path, "/") {
		if ref, ok := strings.CutPrefix(part, bulkPrefix); ok {
			refs = append(refs, ref)
		}
	}
	if !bytes.Contains(op.Data, []byte(`"`+bulkPrefix)) {
		return refs, nil
	}
	data, err := decode(op.Data)
	if err != nil {
		return nil, err
	}
	mapStrings(data, func(s string) string {
		if ref, ok := strings.CutPrefix(s, bulkPrefix); ok {
			refs = append(refs, ref)
		}
		return s
	})
	return refs, nil
}

// resolve puts ids in place of the references.
func (op *bulkOperation) resolve(creates map[string]*bulkOperation) (path string, data []byte, err error) {
	if len(op.refs) == 0 {
		return op.Path, op.Data, nil
	}
	real := func(s string) string {
		if ref, ok := strings.CutPrefix(s, bulkPrefix); ok {
			return creates[ref].id
		}
		return s
	}
	parts := strings.Split(op.Path, "/")
	for i, part := range parts {
		if parts[i] = real(part); parts[i] != part {
			parts[i] = url.PathEscape(parts[i])
		}
	}
	if len(op.Data) == 0 {
		return strings.Join(parts, "/"), nil, nil
	}
	object, err := decode(op.Data)
	if err != nil {
		return "", nil, err
	}
	data, err = json.Marshal(mapStrings(object, real))
	return strings.Join(parts, "/"), data, err
}

// mapStrings changes every string value, in place where it can.
func mapStrings(v any, change func(string) string) any {
	switch v := v.(type) {
	case string:
		return change(v)
	case []any:
		for i := range v {
			v[i] = mapStrings(v[i], change)
		}
	case map[string]any:
		for name := range v {
			v[name] = mapStrings(v[name], change)
		}
	}
	return v
}

// bulkConfig is the part of the service provider configuration.
func (s *server) bulkConfig() map[string]any {
	b := s.options.Bulk
	if b.Operations == 0 {
		return map[string]any{"supported": false, "maxOperations": 0, "maxPayloadSize": 0}
	}
	return map[string]any{"supported": true, "maxOperations": b.Operations, "maxPayloadSize": b.Bytes}
}
