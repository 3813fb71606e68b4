package server

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"simscim/scim"
)

// exchange is one request on its way through the library: what was read from it goes
// in, what our handler decided comes out. The library's own answer is used only where
// no handler of ours was reached: for the discovery documents and for bodies that its
// validation refuses.
type exchange struct {
	r    *http.Request
	base string

	// What our handlers need beyond what the library hands them.
	listing    listing
	projection projection
	free       map[string]any
	// sent is the body as the library sees it, and kind its schema.
	sent map[string]any
	kind *kindSchema

	// What they decided. err wins over everything else.
	err    error
	status int
	body   any
	etag   string
	at     string
}

type exchangeKey struct{}

func exchangeOf(r *http.Request) *exchange {
	x, _ := r.Context().Value(exchangeKey{}).(*exchange)
	return x
}

func (s *server) newExchange(r *http.Request) *exchange {
	base := s.options.BaseURL
	if base == "" {
		scheme := "http://"
		if r.TLS != nil {
			scheme = "https://"
		}
		base = scheme + r.Host + s.options.BasePath
	}
	return &exchange{r: r, base: base}
}

// pass sends the request through the library.
func (s *server) pass(w http.ResponseWriter, x *exchange, body []byte) error {
	path, _ := strings.CutPrefix(x.r.URL.Path, s.options.BasePath)
	inner := x.r.Clone(context.WithValue(x.r.Context(), exchangeKey{}, x))
	// The library cuts "/v2" off and unescapes once more than it should; parameters
	// have been read already, and it would refuse filters that it does not know.
	inner.URL = &url.URL{Path: "/v2" + strings.ReplaceAll(path, "%", "%25")}
	inner.Body = io.NopCloser(bytes.NewReader(body))
	answer := recorder{header: http.Header{}}
	s.library.ServeHTTP(&answer, inner)
	if x.err != nil {
		return x.err
	}
	if x.status != 0 {
		return x.write(w)
	}
	if answer.status >= 400 && x.sent != nil {
		var e struct{ ScimType, Detail string }
		if err := json.Unmarshal(answer.body.Bytes(), &e); err == nil {
			return x.kind.refusal(x.sent, answer.status, e.ScimType, e.Detail)
		}
	}
	return answer.forward(w)
}

func (x *exchange) write(w http.ResponseWriter) error {
	if x.etag != "" {
		w.Header().Set("ETag", x.etag)
	}
	if x.at != "" {
		w.Header().Set("Location", x.at)
	}
	if x.body == nil {
		w.WriteHeader(x.status)
		return nil
	}
	return writeJSON(w, x.status, x.body)
}

// recorder keeps what the library answers.
type recorder struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (a *recorder) Header() http.Header         { return a.header }
func (a *recorder) WriteHeader(status int)      { a.status = status }
func (a *recorder) Write(b []byte) (int, error) { return a.body.Write(b) }

// forward sends the library's answer on, errors in our own form.
func (a *recorder) forward(w http.ResponseWriter) error {
	if a.status < 400 {
		var doc any
		if err := json.Unmarshal(a.body.Bytes(), &doc); err != nil {
			return fmt.Errorf("read the library's answer: %w", err)
		}
		return writeJSON(w, http.StatusOK, doc)
	}
	var e struct{ ScimType, Detail string }
	if err := json.Unmarshal(a.body.Bytes(), &e); err != nil {
		return errors.New("the library answered with an error that is no SCIM error")
	}
	return &scim.Error{Status: a.status, ScimType: e.ScimType, Detail: e.Detail}
}
