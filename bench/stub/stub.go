// Package stub is a small SCIM 2.0 service provider in memory, to measure against. It
// does the work that any server has to do for a request: it decodes the body, checks
// that names and external ids are unique, stores the resource and answers with the
// whole of it. It has PATCH, filters and index paging, and no bulk.
//
// It is not a test double: nothing in it knows who is calling. Ids are made of the
// external id, so that the bodies of one run fit another instance.
package stub

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"simscim/scim"
)

// Options say how the server behaves.
type Options struct {
	// Token that callers must bear.
	Token string
	// Delay is how long each answer is held back.
	Delay time.Duration
	// Record is told of every body that is posted; nil tells nobody.
	Record func(path string, body []byte)
	// Now is the clock.
	Now func() time.Time
}

// Server is one service provider on a loopback port.
type Server struct {
	opts     Options
	http     *http.Server
	listener net.Listener
	requests atomic.Int64

	mu    sync.RWMutex
	kinds map[scim.Kind]*shelf
}

// shelf holds the resources of one kind.
type shelf struct {
	byID map[string]map[string]any
	// order is in which order they came: what a list goes by.
	order []string
	// taken gives the id behind each external id and each folded name.
	external, names map[string]string
}

// Start listens on a free loopback port and serves until Close.
func Start(ctx context.Context, o Options) (*Server, error) {
	var lc net.ListenConfig
	listener, err := lc.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("start the stub: %w", err)
	}
	s := &Server{opts: o, listener: listener, kinds: map[scim.Kind]*shelf{}}
	for _, kind := range []scim.Kind{scim.User, scim.Group} {
		s.kinds[kind] = &shelf{byID: map[string]map[string]any{}, external: map[string]string{}, names: map[string]string{}}
	}
	s.http = &http.Server{Handler: s.handler(), ReadHeaderTimeout: 10 * time.Second}
	go func() { _ = s.http.Serve(listener) }() // ends with Close
	return s, nil
}

// URL is the SCIM base URL.
func (s *Server) URL() string { return "http://" + s.listener.Addr().String() + "/scim/v2" }

// Requests counts what has come in.
func (s *Server) Requests() int64 { return s.requests.Load() }

// Close stops the server at once.
func (s *Server) Close() error { return s.http.Close() }

// Count tells how many resources of a kind there are, and how many members they have.
func (s *Server) Count(kind scim.Kind) (resources, members int) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	for _, res := range s.kinds[kind].byID {
		list, _ := res["members"].([]any)
		members += len(list)
	}
	return len(s.kinds[kind].byID), members
}

func (s *Server) handler() http.Handler {
	mux := http.NewServeMux()
	for _, kind := range []scim.Kind{scim.User, scim.Group} {
		at := "/scim/v2" + kind.Endpoint()
		mux.HandleFunc("POST "+at, func(w http.ResponseWriter, r *http.Request) { s.create(w, r, kind) })
		mux.HandleFunc("GET "+at, func(w http.ResponseWriter, r *http.Request) { s.list(w, r, kind) })
		mux.HandleFunc("GET "+at+"/{id}", func(w http.ResponseWriter, r *http.Request) { s.get(w, r, kind) })
		mux.HandleFunc("PATCH "+at+"/{id}", func(w http.ResponseWriter, r *http.Request) { s.patch(w, r, kind) })
	}
	mux.HandleFunc("GET /scim/v2/ServiceProviderConfig", s.config)
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) { fail(w, http.StatusNotFound, "", "no such resource") })
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.requests.Add(1)
		time.Sleep(s.opts.Delay)
		if r.Header.Get("Authorization") != "Bearer "+s.opts.Token {
			fail(w, http.StatusUnauthorized, "", "the token is not valid")
			return
		}
		mux.ServeHTTP(w, r)
	})
}

// config says what the server can do (RFC 7643 §5).
func (s *Server) config(w http.ResponseWriter, _ *http.Request) {
	on, off := map[string]any{"supported": true}, map[string]any{"supported": false}
	answer(w, http.StatusOK, map[string]any{
		"schemas": []string{"urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig"},
		"patch":   on, "bulk": off, "changePassword": off, "sort": off, "etag": off,
		"filter": map[string]any{"supported": true, "maxResults": maxPage},
	})
}

// create stores a new resource (RFC 7644 §3.3).
func (s *Server) create(w http.ResponseWriter, r *http.Request, kind scim.Kind) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 1<<20))
	if err != nil {
		fail(w, http.StatusBadRequest, scim.TypeInvalidSyntax, "the body could not be read")
		return
	}
	if s.opts.Record != nil {
		s.opts.Record(kind.Endpoint(), body)
	}
	var res map[string]any
	if err := json.Unmarshal(body, &res); err != nil {
		fail(w, http.StatusBadRequest, scim.TypeInvalidSyntax, "the body is not JSON")
		return
	}
	if err := check(kind, res); err != nil {
		fail(w, http.StatusBadRequest, scim.TypeInvalidValue, err.Error())
		return
	}
	if !s.add(kind, res) {
		fail(w, http.StatusConflict, scim.TypeUniqueness, "another resource has this name or external id")
		return
	}
	meta, _ := res["meta"].(map[string]any)
	location, _ := meta["location"].(string)
	w.Header().Set("Location", location)
	answer(w, http.StatusCreated, res)
}

var errIncomplete = errors.New("schemas or the name is missing")

// check looks for what a resource must have.
func check(kind scim.Kind, res map[string]any) error {
	schemas, _ := res["schemas"].([]any)
	if !slices.Contains(schemas, any(kind.CoreURN())) || name(kind, res) == "" {
		return errIncomplete
	}
	return nil
}

func name(kind scim.Kind, res map[string]any) string {
	attr := "userName"
	if kind == scim.Group {
		attr = "displayName"
	}
	s, _ := res[attr].(string)
	return s
}

// add gives the resource its id and keeps it, unless its name is taken.
func (s *Server) add(kind scim.Kind, res map[string]any) bool {
	external, _ := res["externalId"].(string)
	sum := sha256.Sum256([]byte(external + "\x00" + name(kind, res)))
	id := hex.EncodeToString(sum[:16])
	at := s.opts.Now().UTC().Format(time.RFC3339Nano)
	res["id"] = id
	res["meta"] = map[string]any{
		"resourceType": string(kind), "created": at, "lastModified": at,
		"location": s.URL() + kind.Endpoint() + "/" + id,
	}
	fold := strings.ToLower(name(kind, res))
	s.mu.Lock()
	defer s.mu.Unlock()
	k := s.kinds[kind]
	if _, taken := k.external[external]; taken && external != "" {
		return false
	}
	if _, taken := k.names[fold]; taken && kind == scim.User {
		return false
	}
	k.byID[id], k.names[fold] = res, id
	k.order = append(k.order, id)
	if external != "" {
		k.external[external] = id
	}
	return true
}

func answer(w http.ResponseWriter, status int, body any) {
	b, err := json.Marshal(body)
	if err != nil {
		http.Error(w, "encode the answer", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", scim.MediaType)
	w.WriteHeader(status)
	_, _ = w.Write(b) // a caller who is gone needs no answer
}

// fail answers with an error body (RFC 7644 §3.12).
func fail(w http.ResponseWriter, status int, scimType, detail string) {
	body := map[string]any{
		"schemas": []string{scim.ErrorURN}, "status": fmt.Sprint(status), "detail": detail,
	}
	if scimType != "" {
		body["scimType"] = scimType
	}
	answer(w, status, body)
}
