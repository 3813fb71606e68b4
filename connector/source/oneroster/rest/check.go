package rest

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"simscim/connector/source"
	"simscim/connector/source/oneroster"
	"simscim/roster"
)

// Check signs in, lists the schools, reads the record of one, and of each list that a
// read needs a single record.
func (s *Source) Check(ctx context.Context) ([]string, error) {
	var notes []string
	note := func(format string, args ...any) { notes = append(notes, fmt.Sprintf(format, args...)) }
	if s.plain {
		note("The service is spoken to over http: credentials and pupils' data cross the network unprotected.")
	}
	orgs, err := s.reader.Orgs(ctx)
	if err != nil {
		return notes, fmt.Errorf("list schools: %w", err)
	}
	sites := 0
	var id string
	var first roster.Site
	for _, org := range orgs {
		if site, ok := oneroster.SiteOf(org, s.reader.name); ok {
			if sites++; sites == 1 {
				id, first = org.ID, site
			}
		}
	}
	note("The service lists %d organisations; %d of them are schools.", len(orgs), sites)
	if sites == 0 {
		return notes, errors.New("no school is listed, so there is nothing to read")
	}
	if _, err := s.reader.Org(ctx, id); err != nil {
		return notes, fmt.Errorf("school %s: %w", first.ID, err)
	}
	note("The record of school %s names the same school, DfE number %s.", first.ID, cmp.Or(first.DfE, "unknown"))
	for _, c := range []*collection{sessionCollection(), classCollection(), enrollmentCollection(), userCollection(s.reader.version)} {
		if err := s.reader.probe(ctx, c, id, note); err != nil {
			return notes, fmt.Errorf("school %s: %w", first.ID, err)
		}
	}
	for _, shortcoming := range s.reader.shortcomings() {
		note("%s", shortcoming)
	}
	return notes, nil
}

// probe reads one record of a list, the school's own if there is one.
func (r *Reader) probe(ctx context.Context, c *collection, school string, note func(string, ...any)) error {
	for _, route := range []string{c.own, c.shared} {
		if route == "" {
			continue
		}
		l := c.list(attempt{route: route}, school)
		address := r.prefix + l.path + "?" + url.Values{"limit": {"1"}}.Encode()
		a, err := fetch(ctx, r, l, 1, address, func() func(*json.Decoder) error { return skip })
		if missing(err) {
			continue
		}
		if err != nil {
			return err
		}
		count := ""
		if a.total >= 0 {
			count = " (" + strconv.Itoa(a.total) + " records)"
		}
		switch {
		case route == c.own:
			note("The school's own list of %s%s can be read.", c.what, count)
		case c.own != "":
			note("There is no list of %s for one school: unless the service filters, each school's read walks the whole list%s.", c.what, count)
		default:
			note("The list of %s%s can be read.", c.what, count)
		}
		return nil
	}
	return &source.Incomplete{Reason: "the service does not give a list of " + c.what}
}

// shortcomings are the notes made on the service so far.
func (r *Reader) shortcomings() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	var out []string
	for _, note := range slices.Sorted(maps.Keys(r.noted)) {
		out = append(out, strings.ToUpper(note[:1])+note[1:]+".")
	}
	return out
}
