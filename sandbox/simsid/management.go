package simsid

import (
	"net/http"
	"strconv"

	"github.com/google/uuid"

	"simscim/sandbox/world"
)

// Management is vendor management: the customers of an application, and their
// credentials.
func (s *Service) Management() http.Handler {
	return s.handler("management",
		route{"/v1/applications/{application}/customers", http.MethodGet, (*Service).customers},
		route{"/v1/applications/{application}/customers/{id}/credentials", http.MethodGet, (*Service).credentials},
	)
}

// asVendor checks that the vendor asks, and for its own application.
func (s *Service) asVendor(w http.ResponseWriter, r *http.Request) bool {
	c := s.authorise(w, r)
	if c == nil {
		return false
	}
	if c.Organisation != s.vendor.Organisation.String() || !c.has("partner-read") {
		fail(w, http.StatusForbidden, "the token does not allow this")
		return false
	}
	// Other screens show the application by a number, which does not work here.
	id, err := uuid.Parse(r.PathValue("application"))
	if err != nil {
		fail(w, http.StatusBadRequest, "the application is not a GUID")
		return false
	}
	if id != s.vendor.Application {
		fail(w, http.StatusNotFound, "there is no such application")
		return false
	}
	return true
}

func (s *Service) customers(w http.ResponseWriter, r *http.Request) {
	if !s.asVendor(w, r) {
		return
	}
	pg, ok := pageOf(w, r, 100)
	if !ok {
		return
	}
	sites := s.world.Sites()
	from, to := pg.bounds(len(sites))
	items := make([][]byte, 0, to-from)
	for _, site := range sites[from:to] {
		var o object
		o.int("id", site.Customer)
		o.str("name", site.Name)
		o.str("organisationId", site.ID.String())
		o.str("dfeCode", site.DfE)
		o.null("deniNumber")
		o.int("authorised", site.Authorised)
		items = append(items, o.end())
	}
	s.writePage(w, r, page{request: pg, items: items, total: len(sites)})
}

func (s *Service) credentials(w http.ResponseWriter, r *http.Request) {
	if !s.asVendor(w, r) {
		return
	}
	id, err := strconv.Atoi(r.PathValue("id"))
	if err != nil {
		fail(w, http.StatusBadRequest, "the customer is not a number")
		return
	}
	for _, site := range s.world.Sites() {
		if site.Customer != id || site.Authorised != world.Authorised {
			continue
		}
		c := s.clientOf(site.ID)
		w.Header().Set("Cache-Control", "no-store")
		writeJSON(w, http.StatusOK, map[string]any{
			"clientId": c.id, "secret": c.secret, "ocpAimKey": nil, "description": "simscim sandbox",
		})
		return
	}
	fail(w, http.StatusNotFound, "there is no such customer, or it has not given its consent")
}
