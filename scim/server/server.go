// Package server is a SCIM 2.0 service provider (RFC 7643, RFC 7644, RFC 9865) over
// any Store. Routing and the validation of bodies are elimity-com/scim's; what that
// library lacks is done here: filters, sorting, both kinds of paging, PATCH, versions,
// projection, .search, bulk, limits on requests, the service provider configuration, and an
// error body for every refusal. The library's process-wide switches are not touched.
//
// It keeps nothing: every fact is the Store's. It answers nobody without a credential,
// never returns what a schema marks as never returned, and repeats in an error nothing
// that a client sent.
package server

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"runtime/debug"
	"strings"
	"time"

	elimity "github.com/elimity-com/scim"
	"github.com/elimity-com/scim/optional"

	"simscim/internal/secret"
	"simscim/scim"
)

// Options say how the service provider behaves. Tokens or Authenticate must be set.
type Options struct {
	// BasePath is what stands before /Users in the path: "/scim/v2", or empty.
	BasePath string
	// BaseURL is what stands before /Users in locations, without a final slash. If it
	// is empty, locations follow the Host of the request.
	BaseURL string
	// Tokens are the bearer tokens that are accepted, any of them. Authenticate is
	// asked for requests that carry none of them; nil refuses those.
	Tokens       []secret.Value
	Authenticate func(r *http.Request) bool
	// ReadOnly answers every write with 403.
	ReadOnly bool
	// PageMax is the most resources a page holds, 200 if it is zero; PageDefault is how
	// many it holds if the client does not say, 100 if it is zero.
	PageMax, PageDefault int
	// MaxBody is the longest body in bytes, 4 MiB if it is zero.
	MaxBody int64
	// Bulk is what POST /Bulk takes; the zero Bulk is none.
	Bulk Bulk
	// Paging is how lists are paged.
	Paging Paging
	// NoSearch leaves out POST /.search, and NoSort ignores sortBy.
	NoSearch, NoSort bool
	// NoETag keeps versions to itself and ignores If-Match and If-None-Match.
	// RequireIfMatch refuses with 428 (RFC 6585 §3) to change a resource without If-Match.
	NoETag, RequireIfMatch bool
	// NoContent answers a successful PATCH with 204 and no body, as many services do.
	NoContent bool
	// UsersOnly leaves groups out of everything.
	UsersOnly bool
	// Strict refuses the repairable mistakes of known clients: booleans as text, one
	// object in place of a list, a manager as a plain id.
	Strict bool
	// Extensions are the extension schemas beside the enterprise user, which is always
	// there. FreeExtensions keeps every other extension that a client sends as it is;
	// otherwise unknown extensions are ignored.
	Extensions     []Extension
	FreeExtensions bool
	// Now and NewID are needed for writes only.
	Now   func() time.Time
	NewID func() string
	// Report is told of failures that the client sees as a bare 500. It may be nil.
	Report func(error)
}

// New makes the service provider. It serves everything below BasePath and answers 404
// for the rest.
func New(store Store, o Options) (http.Handler, error) {
	if len(o.Tokens) == 0 && o.Authenticate == nil {
		return nil, errors.New("a SCIM server needs tokens or a way to authenticate")
	}
	if !o.ReadOnly && (o.Now == nil || o.NewID == nil) {
		return nil, errors.New("a SCIM server that is written to needs a clock and ids")
	}
	s := &server{store: store, options: o}
	s.options.BasePath = strings.TrimRight(o.BasePath, "/")
	s.options.BaseURL = strings.TrimRight(o.BaseURL, "/")
	s.options.PageMax = orDefault(o.PageMax, 200)
	s.options.PageDefault = min(orDefault(o.PageDefault, 100), s.options.PageMax)
	if s.options.MaxBody == 0 {
		s.options.MaxBody = 4 << 20
	}
	if s.options.Bulk.Bytes == 0 {
		s.options.Bulk.Bytes = s.options.MaxBody
	}
	if s.options.Bulk.Via == nil {
		s.options.Bulk.Via = s
	}
	for _, token := range o.Tokens {
		if token.IsZero() {
			return nil, errors.New("a SCIM server cannot have an empty token")
		}
		s.tokens = append(s.tokens, sha256.Sum256([]byte(token.Reveal())))
	}
	s.directory, _ = store.(Directory)
	return s, s.assemble()
}

func orDefault(n, fallback int) int {
	if n <= 0 {
		return fallback
	}
	return n
}

type server struct {
	store     Store
	directory Directory
	options   Options
	tokens    [][sha256.Size]byte
	kinds     map[scim.Kind]*kindSchema
	// library routes, validates and serves /Schemas and /ResourceTypes.
	library elimity.Server
}

// assemble sets up the library with our schemas and handlers.
func (s *server) assemble() error {
	s.kinds = map[scim.Kind]*kindSchema{}
	args := &elimity.ServerArgs{ServiceProviderConfig: &elimity.ServiceProviderConfig{}}
	for _, kind := range s.all() {
		ks, err := newKindSchema(kind, s.options.Extensions)
		if err != nil {
			return err
		}
		s.kinds[kind] = ks
		rt := elimity.ResourceType{
			ID: optional.NewString(string(kind)), Name: string(kind), Endpoint: kind.Endpoint(),
			Schema: ks.core, Handler: &handler{server: s, kind: kind},
		}
		for _, e := range ks.extensions {
			rt.SchemaExtensions = append(rt.SchemaExtensions, elimity.SchemaExtension{Schema: e})
		}
		args.ResourceTypes = append(args.ResourceTypes, rt)
	}
	library, err := elimity.NewServer(args)
	if err != nil {
		return fmt.Errorf("set up the SCIM library: %w", err)
	}
	s.library = library
	return nil
}

// all are the resource types, users first.
func (s *server) all() []scim.Kind {
	if s.options.UsersOnly {
		return []scim.Kind{scim.User}
	}
	return []scim.Kind{scim.User, scim.Group}
}

// ServeHTTP answers one request.
func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	defer func() {
		if v := recover(); v != nil {
			if err, ok := v.(error); ok && errors.Is(err, http.ErrAbortHandler) {
				panic(v)
			}
			// The value may hold somebody's data; its type and the stack do not.
			s.report(fmt.Errorf("serve SCIM: panic of type %T\n%s", v, debug.Stack()))
			writeError(w, &scim.Error{Status: http.StatusInternalServerError, Detail: "internal error"})
		}
	}()
	//nolint:contextcheck // the exchange carries the request, and with it the context
	if err := s.serve(w, r); err != nil {
		s.fail(w, err)
	}
}

func (s *server) serve(w http.ResponseWriter, r *http.Request) error {
	if !s.authenticated(r) {
		w.Header().Set("WWW-Authenticate", `Bearer realm="scim"`)
		return &scim.Error{Status: http.StatusUnauthorized, Detail: "the request carries no valid credential"}
	}
	path, ok := strings.CutPrefix(r.URL.Path, s.options.BasePath)
	if !ok {
		return errNoEndpoint()
	}
	params, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return &scim.Error{Status: http.StatusBadRequest, ScimType: scim.TypeInvalidSyntax, Detail: "the query string is malformed"}
	}
	route, err := s.route(path, r.Method)
	if err != nil {
		if e, ok := errors.AsType[*scim.Error](err); ok && e.Status == http.StatusMethodNotAllowed {
			w.Header().Set("Allow", strings.Join(route.methods, ", "))
		}
		return err
	}
	return route.serve(w, r, fold(params))
}

// authenticated looks at every token, so that the time taken does not tell which one
// was nearly right.
func (s *server) authenticated(r *http.Request) bool {
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if strings.EqualFold(scheme, "Bearer") {
		sum := sha256.Sum256([]byte(strings.TrimSpace(token)))
		match := 0
		for i := range s.tokens {
			match |= subtle.ConstantTimeCompare(sum[:], s.tokens[i][:])
		}
		if match == 1 {
			return true
		}
	}
	return s.options.Authenticate != nil && s.options.Authenticate(r)
}

func (s *server) report(err error) {
	if s.options.Report != nil && !errors.Is(err, context.Canceled) {
		s.options.Report(err)
	}
}
