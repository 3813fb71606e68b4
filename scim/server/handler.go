package server

import (
	"errors"
	"net/http"

	elimity "github.com/elimity-com/scim"

	"simscim/scim"
)

// handler is what the library calls after routing and validation. Its answers go into
// the exchange; to the library it says as little as possible.
type handler struct {
	server *server
	kind   scim.Kind
}

var errAnswered = errors.New("answered in the exchange")

// done hands an error to the exchange.
func (x *exchange) done(err error) error {
	if err != nil {
		x.err = err
		return errAnswered
	}
	return nil
}

// Create carries out a POST.
func (h *handler) Create(r *http.Request, attributes elimity.ResourceAttributes) (elimity.Resource, error) {
	x := exchangeOf(r)
	return elimity.Resource{}, x.done(h.server.create(x, h.kind, attributes))
}

// Get carries out a GET of one resource.
func (h *handler) Get(r *http.Request, id string) (elimity.Resource, error) {
	x := exchangeOf(r)
	return elimity.Resource{}, x.done(h.server.get(x, h.kind, id))
}

// GetAll carries out a GET of a list.
func (h *handler) GetAll(r *http.Request, _ elimity.ListRequestParams) (elimity.Page, error) {
	x := exchangeOf(r)
	return elimity.Page{}, x.done(h.server.list(x, h.kind))
}

// Replace carries out a PUT.
func (h *handler) Replace(r *http.Request, id string, attributes elimity.ResourceAttributes) (elimity.Resource, error) {
	x := exchangeOf(r)
	return elimity.Resource{}, x.done(h.server.replace(x, h.kind, id, attributes))
}

// Delete carries out a DELETE.
func (h *handler) Delete(r *http.Request, id string) error {
	x := exchangeOf(r)
	return x.done(h.server.remove(x, h.kind, id))
}

// Patch is never reached: PATCH does not go through the library, which would refuse
// what Apply understands.
func (h *handler) Patch(*http.Request, string, []elimity.PatchOperation) (elimity.Resource, error) {
	return elimity.Resource{}, errAnswered
}
