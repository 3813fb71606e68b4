package server

import (
	"errors"
	"maps"
	"net/http"
	"reflect"
	"strings"

	"simscim/scim"
	"simscim/scim/patch"
)

// attempts is how often a write is tried again after somebody else's came between its
// reading and its writing.
const attempts = 100

func (s *server) create(x *exchange, kind scim.Kind, attributes map[string]any) error {
	maps.Copy(attributes, x.free)
	attributes = clean(attributes)
	if err := s.kinds[kind].complete(attributes); err != nil {
		return err
	}
	now := s.options.Now()
	r, err := s.store.Create(x.r.Context(), kind, Resource{ID: s.options.NewID(), Attributes: attributes, Created: now, Modified: now})
	if err != nil {
		return err
	}
	x.answer(s, kind, r, http.StatusCreated)
	x.at = x.location(kind, r.ID)
	return nil
}

// replace writes what a PUT brings in place of everything that was there.
func (s *server) replace(x *exchange, kind scim.Kind, id string, attributes map[string]any) error {
	maps.Copy(attributes, x.free)
	attributes = clean(attributes)
	if err := s.kinds[kind].complete(attributes); err != nil {
		return err
	}
	r, err := s.change(x, kind, id, func(map[string]any) (map[string]any, error) { return attributes, nil })
	if err != nil {
		return err
	}
	x.answer(s, kind, r, http.StatusOK)
	return nil
}

func (s *server) patch(x *exchange, kind scim.Kind, id string, ops []patch.Operation, empty bool) error {
	ks := s.kinds[kind]
	r, err := s.change(x, kind, id, func(before map[string]any) (map[string]any, error) {
		after, err := patch.Apply(before, ops)
		if err != nil {
			return nil, err
		}
		for _, name := range ks.required {
			if scim.IsUnassigned(after[name]) && !scim.IsUnassigned(before[name]) {
				return nil, &scim.Error{Status: http.StatusBadRequest, ScimType: scim.TypeMutability, Detail: "the attribute " + name + " is required"}
			}
		}
		after, err = ks.validate(ks.normalise(after, s.options.Strict), s.options.FreeExtensions)
		if err != nil {
			return nil, err
		}
		return clean(after), nil
	})
	if err != nil {
		return err
	}
	x.answer(s, kind, r, http.StatusOK)
	if empty {
		x.status, x.body = http.StatusNoContent, nil
	}
	return nil
}

// change reads, computes and writes one resource. A change that changes nothing is not
// written, so that neither version nor time moves.
func (s *server) change(x *exchange, kind scim.Kind, id string, compute func(map[string]any) (map[string]any, error)) (Resource, error) {
	ctx := x.r.Context()
	for range attempts {
		r, err := s.store.Get(ctx, kind, id)
		if err != nil {
			return Resource{}, err
		}
		if err := s.ifMatch(x, r.Version); err != nil {
			return Resource{}, err
		}
		after, err := compute(r.Attributes)
		if err != nil {
			return Resource{}, err
		}
		if reflect.DeepEqual(r.Attributes, after) {
			return r, nil
		}
		r.Attributes, r.Modified = after, s.options.Now()
		r, err = s.store.Replace(ctx, kind, r)
		if !errors.Is(err, ErrChanged) {
			return r, err
		}
		if err := ctx.Err(); err != nil {
			return Resource{}, err
		}
	}
	return Resource{}, &scim.Error{Status: http.StatusConflict, Detail: "the resource is being changed by too many clients"}
}

func (s *server) remove(x *exchange, kind scim.Kind, id string) error {
	ctx := x.r.Context()
	r, err := s.store.Get(ctx, kind, id)
	if err != nil {
		return err
	}
	var version int64
	if err := s.ifMatch(x, r.Version); err != nil {
		return err
	}
	if !s.options.NoETag && x.r.Header.Get("If-Match") != "" {
		version = r.Version
	}
	err = s.store.Delete(ctx, kind, id, version)
	if errors.Is(err, ErrChanged) {
		return errVersion()
	}
	if err == nil {
		x.status = http.StatusNoContent
	}
	return err
}

// answer puts a resource into the exchange.
func (x *exchange) answer(s *server, kind scim.Kind, r Resource, status int) {
	x.status, x.body = status, s.show(x, kind, r, x.projection)
	if r.Version > 0 && !s.options.NoETag {
		x.etag = etag(r.Version)
	}
}

// ifMatch holds a write to the version that the client read (RFC 7644 §3.14).
func (s *server) ifMatch(x *exchange, version int64) error {
	header := x.r.Header.Get("If-Match")
	switch {
	case s.options.NoETag:
		return nil
	case header == "" && s.options.RequireIfMatch:
		return &scim.Error{Status: http.StatusPreconditionRequired, Detail: "the request needs If-Match"}
	case header == "" || tagged(header, version):
		return nil
	}
	return errVersion()
}

// tagged tells whether a list of entity tags names the version. Tags are compared
// weakly, since all of ours are weak.
func tagged(header string, version int64) bool {
	want := strings.TrimPrefix(etag(version), "W/")
	for tag := range strings.SplitSeq(header, ",") {
		tag = strings.TrimSpace(tag)
		if tag == "*" || strings.TrimPrefix(tag, "W/") == want {
			return true
		}
	}
	return false
}

func errVersion() error {
	return &scim.Error{Status: http.StatusPreconditionFailed, Detail: "the resource has another version"}
}
