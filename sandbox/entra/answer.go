package entra

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"time"
)

// reply is an answer before it is written: to the network, or into a batch.
type reply struct {
	status int
	header http.Header
	body   any
}

// problem is an error as Graph words it.
type problem struct {
	status        int
	code, message string
	// logCode is what the provisioning log calls it.
	logCode string
	// wait asks for Retry-After.
	wait   time.Duration
	header http.Header
}

// Error is the message. It names ids and properties, never their values.
func (p *problem) Error() string { return p.message }

func badRequest(format string, args ...any) error {
	return &problem{status: http.StatusBadRequest, code: "Request_BadRequest", message: fmt.Sprintf(format, args...)}
}

// missing is the answer about an object that is not there, in Graph's words.
func missing(id string) error {
	return &problem{
		status: http.StatusNotFound, code: "Request_ResourceNotFound",
		message: "Resource '" + id + "' does not exist or one of its queried reference-property objects are not present.",
	}
}

// failed is the reply for an error.
func failed(err error) reply {
	p, ok := errors.AsType[*problem](err)
	if !ok {
		p = &problem{status: http.StatusInternalServerError, code: "InternalServerError", message: err.Error()}
	}
	header := http.Header{}
	maps.Copy(header, p.header)
	if p.wait > 0 {
		header.Set("Retry-After", seconds(p.wait))
	}
	return reply{p.status, header, p}
}

// seconds rounds up: waiting less would be too little.
func seconds(d time.Duration) string { return fmt.Sprint(int64((d + time.Second - 1) / time.Second)) }

// stamp gives the reply the ids that each answer of Graph carries, and an error its body.
func (s *Service) stamp(r *http.Request, a reply) reply {
	s.mu.Lock()
	id := s.newID()
	s.mu.Unlock()
	if a.header == nil {
		a.header = http.Header{}
	}
	client := r.Header.Get("client-request-id")
	if client == "" {
		client = id
	}
	a.header.Set("request-id", id)
	a.header.Set("client-request-id", client)
	if p, ok := a.body.(*problem); ok {
		a.body = map[string]any{"error": map[string]any{
			"code": p.code, "message": p.message,
			"innerError": map[string]any{
				"date": s.now().UTC().Format("2006-01-02T15:04:05"), "request-id": id, "client-request-id": client,
			},
		}}
	}
	return a
}

func (s *Service) write(w http.ResponseWriter, r *http.Request, a reply) {
	a = s.stamp(r, a)
	maps.Copy(w.Header(), a.header)
	if a.body == nil {
		w.WriteHeader(a.status)
		return
	}
	body, err := json.Marshal(a.body)
	if err != nil { // it is made of JSON
		panic(err)
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(a.status)
	_, _ = w.Write(body) // a client that has gone cannot be told
}
