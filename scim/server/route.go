package server

import (
	"net/http"
	"slices"
	"strings"

	"simscim/scim"
)

// route is what a path leads to.
type route struct {
	methods []string
	serve   func(w http.ResponseWriter, r *http.Request, p params) error
}

// route finds the endpoint. For a method that it does not have the error is a 405 and
// the route still lists the methods.
func (s *server) route(path, method string) (route, error) {
	found, ok := s.endpoint(path, method)
	if !ok {
		return route{}, errNoEndpoint()
	}
	if !slices.Contains(found.methods, method) {
		return found, &scim.Error{Status: http.StatusMethodNotAllowed, Detail: "the endpoint does not know this method"}
	}
	write := method != http.MethodGet && !strings.HasSuffix(path, "/.search")
	if write && s.options.ReadOnly {
		return found, &scim.Error{Status: http.StatusForbidden, Detail: "this service provider is read-only"}
	}
	return found, nil
}

func (s *server) endpoint(path, method string) (route, bool) {
	get, post := []string{http.MethodGet}, []string{http.MethodPost}
	switch path {
	case "/ServiceProviderConfig":
		return route{get, s.serveConfig}, true
	case "/Schemas", "/ResourceTypes":
		return route{get, s.serveDiscovery}, true
	case "/.search":
		return route{post, s.serveSearch("")}, !s.options.NoSearch
	case "/Bulk":
		return route{post, s.serveBulk}, true
	case "/Me":
		return route{[]string{method}, notImplemented}, true
	}
	if strings.HasPrefix(path, "/Schemas/") || strings.HasPrefix(path, "/ResourceTypes/") {
		return route{get, s.serveDiscovery}, true
	}
	for kind := range s.kinds {
		rest, ok := strings.CutPrefix(path, kind.Endpoint())
		switch {
		case !ok:
			continue
		case rest == "":
			return route{[]string{http.MethodGet, http.MethodPost}, s.serveLibrary(kind, "")}, true
		case rest == "/.search":
			return route{post, s.serveSearch(kind)}, !s.options.NoSearch
		}
		id, ok := strings.CutPrefix(rest, "/")
		if !ok || id == "" || strings.Contains(id, "/") {
			continue
		}
		all := []string{http.MethodGet, http.MethodPut, http.MethodPatch, http.MethodDelete}
		if method == http.MethodPatch {
			return route{all, s.servePatch(kind, id)}, true
		}
		return route{all, s.serveLibrary(kind, id)}, true
	}
	return route{}, false
}

func notImplemented(http.ResponseWriter, *http.Request, params) error {
	return errNotImplemented()
}

func errNotImplemented() error {
	return &scim.Error{Status: http.StatusNotImplemented, Detail: "the endpoint is not supported"}
}

func errNoEndpoint() error {
	return &scim.Error{Status: http.StatusNotFound, Detail: "there is no such endpoint"}
}
