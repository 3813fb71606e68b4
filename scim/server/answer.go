package server

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"

	"simscim/scim"
)

// fail writes an error. What is not meant for the client is reported and hidden.
func (s *server) fail(w http.ResponseWriter, err error) {
	e, ok := errors.AsType[*scim.Error](err)
	if !ok {
		s.report(fmt.Errorf("serve SCIM: %w", err))
		e = &scim.Error{Status: http.StatusInternalServerError, Detail: "internal error"}
	}
	writeError(w, e)
}

// WriteError writes the error as a SCIM answer (RFC 7644 §3.12), for whoever stands
// in front of the server and has to refuse a request itself.
func WriteError(w http.ResponseWriter, e *scim.Error) { writeError(w, e) }

func writeError(w http.ResponseWriter, e *scim.Error) {
	body := map[string]any{"schemas": []string{scim.ErrorURN}, "status": strconv.Itoa(e.Status), "detail": e.Detail}
	if e.Detail == "" {
		body["detail"] = http.StatusText(e.Status)
	}
	if e.ScimType != "" {
		body["scimType"] = e.ScimType
	}
	if e.RetryAfter > 0 && w.Header().Get("Retry-After") == "" {
		w.Header().Set("Retry-After", strconv.Itoa(int((e.RetryAfter + 999999999).Seconds())))
	}
	_ = writeJSON(w, e.Status, body) // an error body always encodes; a lost client is no news
}

func writeJSON(w http.ResponseWriter, status int, v any) error {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return fmt.Errorf("encode the answer: %w", err)
	}
	h := w.Header()
	h.Set("Content-Type", scim.MediaType)
	h.Set("Content-Length", strconv.Itoa(b.Len()))
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	_, _ = w.Write(b.Bytes()) // the client has gone if this fails
	return nil
}
