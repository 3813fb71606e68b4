package simsid

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"

	"github.com/google/uuid"

	"simscim/sandbox/world"
)

// maxPageSize is the most that a page holds; more is capped, and the envelope tells.
const maxPageSize = 500

// Provisioning is the provisioning API.
func (s *Service) Provisioning() http.Handler {
	people := func(kind world.Kind) func(*Service, http.ResponseWriter, *http.Request) {
		return func(s *Service, w http.ResponseWriter, r *http.Request) { s.people(w, r, kind) }
	}
	return s.handler("provisioning",
		route{"/v1/organisation/{organisation}", http.MethodGet, (*Service).organisation},
		route{"/v1/organisation/{organisation}/students", http.MethodGet, people(world.Student)},
		route{"/v1/organisation/{organisation}/staff", http.MethodGet, people(world.Staff)},
		route{"/v1/organisation/{organisation}/contacts", http.MethodGet, people(world.Contact)},
		route{"/v1/organisation/{organisation}/groups", http.MethodGet, (*Service).groups},
		route{"/v1/organisation/{organisation}/groups/{type}/{group}/members", http.MethodGet, (*Service).members},
		route{"/v1/swagger.json", http.MethodGet, (*Service).swagger},
		route{"/v1/docs", http.MethodGet, (*Service).docs},
	)
}

// roll checks that the token is the organisation's own and returns its roll as it is
// now. It has answered when it returns nil.
func (s *Service) roll(w http.ResponseWriter, r *http.Request) *world.Roll {
	c := s.authorise(w, r)
	if c == nil {
		return nil
	}
	id, err := uuid.Parse(r.PathValue("organisation"))
	if err != nil {
		fail(w, http.StatusBadRequest, "the organisation is not a GUID")
		return nil
	}
	// Whether the organisation exists is nobody's business but its own.
	if c.Organisation != id.String() || !c.has("rapapi") || !s.consents(id) {
		fail(w, http.StatusForbidden, "the token does not allow this")
		return nil
	}
	roll, ok := s.world.Roll(id)
	if !ok {
		fail(w, http.StatusNotFound, "there is no such organisation")
		return nil
	}
	return roll
}

func (s *Service) organisation(w http.ResponseWriter, r *http.Request) {
	roll := s.roll(w, r)
	if roll == nil {
		return
	}
	id := roll.Site.ID
	if is(r.Context(), OtherOrganisation) {
		id = s.another(id)
	}
	var o, whole object
	o.id("id", id)
	o.str("name", roll.Site.Name)
	o.str("dfeNumber", roll.Site.DfE)
	o.str("phase", roll.Site.Phase)
	o.str("academicYearStart", fmt.Sprintf("%d-09-01", roll.Year))
	whole.raw("organisation", o.end())
	writeBody(w, http.StatusOK, whole.end())
}

func (s *Service) people(w http.ResponseWriter, r *http.Request, kind world.Kind) {
	roll := s.roll(w, r)
	if roll == nil {
		return
	}
	list, today := roll.People(kind), s.world.Today()
	s.list(w, r, roll, len(list), func(i int) []byte { return encodePerson(list[i], today) })
}

func (s *Service) groups(w http.ResponseWriter, r *http.Request) {
	roll := s.roll(w, r)
	if roll == nil {
		return
	}
	list := roll.Groups()
	if name := r.URL.Query().Get("type"); name != "" {
		kind, ok := groupKind(name)
		if !ok {
			fail(w, http.StatusBadRequest, "there is no such type of group")
			return
		}
		list = slices.DeleteFunc(slices.Clone(list), func(g *world.Group) bool { return g.Kind != kind })
	}
	s.list(w, r, roll, len(list), func(i int) []byte { return encodeGroup(list[i]) })
}

func groupKind(name string) (world.GroupKind, bool) {
	for kind := world.YearGroup; kind <= world.Class; kind++ {
		if kind.String() == name {
			return kind, true
		}
	}
	return 0, false
}

func (s *Service) members(w http.ResponseWriter, r *http.Request) {
	roll := s.roll(w, r)
	if roll == nil {
		return
	}
	kind, ok := groupKind(r.PathValue("type"))
	id, err := uuid.Parse(r.PathValue("group"))
	if !ok || err != nil {
		fail(w, http.StatusBadRequest, "a group is asked for by its type and GUID")
		return
	}
	g, ok := roll.Group(kind, id)
	if !ok {
		fail(w, http.StatusNotFound, "there is no such group")
		return
	}
	var items [][]byte
	for p, teacher := range roll.Members(g) {
		items = append(items, encodeMember(p, teacher))
	}
	s.list(w, r, roll, len(items), func(i int) []byte { return items[i] })
}

// list answers one page of an organisation's list.
func (s *Service) list(w http.ResponseWriter, r *http.Request, roll *world.Roll, total int, item func(int) []byte) {
	pg, ok := pageOf(w, r, 200)
	if !ok {
		return
	}
	if is(r.Context(), RepeatedPage) && pg.number > 1 {
		pg.skip = -1
	}
	from, to := pg.bounds(total)
	items := make([][]byte, 0, to-from)
	for i := from; i < to; i++ {
		items = append(items, item(i))
	}
	s.writePage(w, r, page{request: pg, organisation: roll.Site.ID, items: items, total: total})
}

// pageRequest is which page was asked for.
type pageRequest struct {
	number, size int
	// skip is how many pages off the answer lies, for a fault.
	skip int
}

// page is the answer.
type page struct {
	request      pageRequest
	organisation uuid.UUID
	items        [][]byte
	total        int
}

func pageOf(w http.ResponseWriter, r *http.Request, size int) (pageRequest, bool) {
	pg := pageRequest{number: 1, size: size}
	query := r.URL.Query()
	for name, into := range map[string]*int{"page": &pg.number, "pageSize": &pg.size} {
		text := query.Get(name)
		if text == "" {
			continue
		}
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 || n > 1_000_000_000 {
			fail(w, http.StatusBadRequest, "page and pageSize are whole numbers from 1")
			return pg, false
		}
		*into = n
	}
	pg.size = min(pg.size, maxPageSize)
	return pg, true
}

// bounds are the items of the page; beyond the end there are none.
func (p pageRequest) bounds(total int) (from, to int) {
	from = min((p.number-1+p.skip)*p.size, total)
	return from, min(from+p.size, total)
}

// writePage writes the envelope around the items.
func (s *Service) writePage(w http.ResponseWriter, r *http.Request, p page) {
	if f := faultOf(r.Context()); f != nil {
		p = f.spoil(p, s)
	}
	var o object
	if p.organisation != uuid.Nil {
		o.id("organisationId", p.organisation)
	}
	size := 200
	for _, item := range p.items {
		size += len(item) + 1
	}
	o.name("items")
	o.b = append(append(make([]byte, 0, size), o.b...), '[')
	for i, item := range p.items {
		if i > 0 {
			o.b = append(o.b, ',')
		}
		o.b = append(o.b, item...)
	}
	o.b = append(o.b, ']')
	o.int("page", p.request.number)
	o.int("pageSize", p.request.size)
	o.int("totalItems", p.total)
	writeBody(w, http.StatusOK, o.end())
}
