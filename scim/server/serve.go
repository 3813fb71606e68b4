package server

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"

	"simscim/scim"
	"simscim/scim/patch"
)

// serveLibrary prepares a request for the library: a body in the shape that it can
// validate, and everything that it would not hand on.
func (s *server) serveLibrary(kind scim.Kind, id string) func(http.ResponseWriter, *http.Request, params) error {
	return func(w http.ResponseWriter, r *http.Request, p params) error {
		x := s.newExchange(r)
		var err error
		if x.projection, err = parseProjection(p); err != nil {
			return err
		}
		switch r.Method {
		case http.MethodGet:
			if id == "" {
				if x.listing, err = s.listing(p); err != nil {
					return err
				}
			}
			return s.pass(w, x, nil)
		case http.MethodDelete:
			return s.pass(w, x, nil)
		}
		body, err := s.read(w, r)
		if err != nil {
			return err
		}
		resource, err := decode(body)
		if err != nil {
			return err
		}
		ks := s.kinds[kind]
		if err := ks.checkSchemas(resource); err != nil {
			return err
		}
		resource = ks.normalise(resource, s.options.Strict)
		if free := ks.free(resource); s.options.FreeExtensions {
			x.free = free
		}
		x.sent, x.kind = resource, ks
		if body, err = json.Marshal(resource); err != nil {
			return fmt.Errorf("encode the body for validation: %w", err)
		}
		return s.pass(w, x, body)
	}
}

func (s *server) servePatch(kind scim.Kind, id string) func(http.ResponseWriter, *http.Request, params) error {
	return func(w http.ResponseWriter, r *http.Request, p params) error {
		x := s.newExchange(r)
		var err error
		if x.projection, err = parseProjection(p); err != nil {
			return err
		}
		body, err := s.read(w, r)
		if err != nil {
			return err
		}
		if err := wellFormed(body); err != nil {
			return err
		}
		ops, err := patch.Decode(body)
		if err != nil {
			return err
		}
		_, asked := p["attributes"]
		if err := s.patch(x, kind, id, ops, s.options.NoContent && !asked); err != nil {
			return err
		}
		return x.write(w)
	}
}

// search is a POST /.search message (RFC 7644 §3.4.3): the parameters of a list that
// must not stand in a URL.
type search struct {
	Schemas                        []string
	Filter, SortBy, SortOrder      string
	StartIndex, Count              json.Number
	Cursor                         *string
	Attributes, ExcludedAttributes []string
}

// serveSearch answers a search among one kind or, with no kind, among all.
func (s *server) serveSearch(kind scim.Kind) func(http.ResponseWriter, *http.Request, params) error {
	return func(w http.ResponseWriter, r *http.Request, _ params) error {
		body, err := s.read(w, r)
		if err != nil {
			return err
		}
		if err := wellFormed(body); err != nil {
			return err
		}
		var m search
		if err := json.NewDecoder(bytes.NewReader(body)).Decode(&m); err != nil {
			return syntax("the body is not a SearchRequest message")
		}
		if len(m.Schemas) != 1 || m.Schemas[0] != scim.SearchURN {
			return syntax("schemas must hold exactly " + scim.SearchURN)
		}
		p := params{
			"filter": m.Filter, "sortby": m.SortBy, "sortorder": m.SortOrder,
			"startindex": m.StartIndex.String(), "count": m.Count.String(),
			"attributes": join(m.Attributes), "excludedattributes": join(m.ExcludedAttributes),
		}
		if m.Cursor != nil {
			p["cursor"] = *m.Cursor
		}
		x := s.newExchange(r)
		if x.listing, err = s.listing(p); err != nil {
			return err
		}
		x.projection = x.listing.projection
		if kind == "" {
			err = s.listAll(x)
		} else {
			err = s.list(x, kind)
		}
		if err != nil {
			return err
		}
		return x.write(w)
	}
}

func join(names []string) string {
	var b bytes.Buffer
	for i, name := range names {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(name)
	}
	return b.String()
}

// serveDiscovery leaves /Schemas and /ResourceTypes to the library. Paging parameters
// are ignored there and filters forbidden (RFC 7644 §4).
func (s *server) serveDiscovery(w http.ResponseWriter, r *http.Request, p params) error {
	if p["filter"] != "" {
		return &scim.Error{Status: http.StatusForbidden, Detail: "discovery documents cannot be filtered"}
	}
	return s.pass(w, s.newExchange(r), nil)
}

func (s *server) serveConfig(w http.ResponseWriter, r *http.Request, p params) error {
	if p["filter"] != "" {
		return &scim.Error{Status: http.StatusForbidden, Detail: "discovery documents cannot be filtered"}
	}
	x := s.newExchange(r)
	supported := func(yes bool) map[string]any { return map[string]any{"supported": yes} }
	doc := map[string]any{
		"schemas":        []string{"urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig"},
		"patch":          supported(!s.options.ReadOnly),
		"bulk":           s.bulkConfig(),
		"filter":         map[string]any{"supported": true, "maxResults": s.options.PageMax},
		"changePassword": supported(false),
		"sort":           supported(!s.options.NoSort),
		"etag":           supported(!s.options.NoETag),
		"authenticationSchemes": []any{map[string]any{
			"type": "oauthbearertoken", "name": "Bearer token", "description": "A token in the Authorization header, as in RFC 6750.",
			"specUri": "https://www.rfc-editor.org/info/rfc6750", "primary": true,
		}},
		"meta": map[string]any{"resourceType": "ServiceProviderConfig", "location": x.base + "/ServiceProviderConfig"},
	}
	if paging := s.pagingConfig(); paging != nil {
		doc["pagination"] = paging
	}
	return writeJSON(w, http.StatusOK, doc)
}
