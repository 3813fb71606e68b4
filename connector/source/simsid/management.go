package simsid

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"simscim/connector/source"
	"simscim/internal/httpx"
	"simscim/internal/secret"
	"simscim/roster"
)

// What a customer of our application may be.
const (
	authorised = "authorised"
	pending    = "pending"
	withdrawn  = "withdrawn"
)

// customer is one school as vendor management lists it.
type customer struct {
	id    string
	state string
	site  roster.Site
}

// directory is the outcome of one listing: every school that has ever taken our
// application, by organisation.
type directory struct {
	customers map[string]customer
	order     []string
	notes     []string
}

// listCustomers reads all pages of the customer list. What cannot be used of it is set
// aside with a note; a page that fails ends it.
func (s *Source) listCustomers(ctx context.Context) (*directory, error) {
	m := s.contract.management
	d := &directory{customers: map[string]customer{}}
	l := list{
		what: "the list of customers", at: s.management, template: m.customers,
		path:  s.contract.basePath + expand(m.customers, map[string]string{"application": s.cfg.Vendor.Application}),
		shape: s.contract.shape(), paging: s.contract.paging, noContent: s.contract.envelope.emptyNoContent,
	}
	items, err := readList(s.vendor.in(ctx), &l, s.decodeCustomer, func(c customer) string { return c.id })
	if in, ok := errors.AsType[*source.Incomplete](err); ok {
		// It is no school's roll that could not be read whole.
		err = errors.New(withCause(in.Reason, in.Err))
	}
	if err != nil {
		return nil, fmt.Errorf("list aligned schools: %w", err)
	}
	ambiguous := map[string]bool{}
	for _, item := range items {
		c := item.value
		switch {
		case item.problem != "":
			d.notes = append(d.notes, fmt.Sprintf("customer %s is left out: %s", orWord(c.id, "without an id"), item.problem))
		case ambiguous[c.site.ID]:
		case d.has(c.site.ID):
			d.addTwice(c, ambiguous)
		default:
			d.customers[c.site.ID] = c
			d.order = append(d.order, c.site.ID)
		}
	}
	return d, nil
}

func (d *directory) has(org string) bool { _, ok := d.customers[org]; return ok }

// addTwice settles an organisation that is listed more than once. One authorised entry
// beside withdrawn ones is the school's newest word; two authorised ones leave open
// whose credentials to use, so the school is left out.
func (d *directory) addTwice(c customer, ambiguous map[string]bool) {
	first := d.customers[c.site.ID]
	switch {
	case c.state != authorised:
	case first.state != authorised:
		d.customers[c.site.ID] = c
	default:
		ambiguous[c.site.ID] = true
		first.state = "listed twice"
		d.customers[c.site.ID] = first
		d.notes = append(d.notes, fmt.Sprintf("organisation %s is left out: two authorised customers name it", c.site.ID))
	}
}

func (s *Source) decodeCustomer(r record) (customer, string) {
	m := s.contract.management
	f := fields{r: r}
	c := customer{id: f.text(m.id), site: roster.Site{
		ID: roster.CanonicalID(f.text(m.organisation)), Source: s.cfg.Name,
		Name: f.text(m.name), DfE: roster.NormaliseDfE(f.text(m.dfe)),
	}}
	word := f.text(m.state)
	state, known := m.states[word]
	switch {
	case f.problem != "":
		return c, f.problem
	case c.id == "":
		return c, "the record has no id"
	case c.site.ID == "":
		return c, "the record has no organisation"
	case !known:
		return c, "the contract does not know its state"
	}
	c.state = state
	return c, ""
}

// fetchCredential reads one school's client from vendor management.
func (s *Source) fetchCredential(ctx context.Context, c customer) (credential, error) {
	m := s.contract.management
	path := s.management.prefix + s.contract.basePath + expand(m.credentials, map[string]string{"application": s.cfg.Vendor.Application, "customer": c.id})
	resp, err := s.management.client.Do(s.vendor.in(ctx), httpx.Request{
		Method: http.MethodGet, Path: path, Route: m.credentials, Accept: "application/json",
	})
	if err != nil {
		return credential{}, fmt.Errorf("fetch credentials: %w", err)
	}
	switch resp.Status {
	case http.StatusOK:
	case http.StatusForbidden, http.StatusNotFound, http.StatusGone:
		return credential{}, &source.Frozen{Reason: fmt.Sprintf("vendor management gives out no credentials for it (status %d)", resp.Status)}
	default:
		return credential{}, fmt.Errorf("fetch credentials: vendor management answers %d", resp.Status)
	}
	r, err := decodeRecord(resp.Body, fieldPath{})
	if err != nil {
		return credential{}, fmt.Errorf("fetch credentials: the answer %w", err)
	}
	f := fields{r: r}
	id, key := f.text(m.clientID), f.text(m.clientSecret)
	if f.problem != "" {
		return credential{}, fmt.Errorf("fetch credentials: %s", f.problem)
	}
	if id == "" || key == "" {
		return credential{}, &source.Frozen{Reason: "vendor management holds no credentials for it"}
	}
	return credential{secret.New(id), secret.New(key)}, nil
}

// lookUp returns the customer of a school that may be read, or says why it may not.
func (d *directory) lookUp(org string) (customer, error) {
	c, ok := d.customers[org]
	if !ok {
		return c, &source.Frozen{Reason: "it is not in the list of aligned schools"}
	}
	switch c.state {
	case authorised:
		return c, nil
	case pending:
		return c, &source.Frozen{Reason: "its agreement is not yet approved"}
	case withdrawn:
		return c, &source.Frozen{Reason: "it has withdrawn its agreement"}
	default:
		return c, &source.Frozen{Reason: "vendor management does not list it clearly as authorised"}
	}
}

// expand fills the templates of a path, each value escaped as one segment.
func expand(path string, values map[string]string) string {
	for name, value := range values {
		path = strings.ReplaceAll(path, "{"+name+"}", url.PathEscape(value))
	}
	return path
}

func withCause(reason string, err error) string {
	if err == nil {
		return reason
	}
	return reason + ": " + err.Error()
}
