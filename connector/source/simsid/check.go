package simsid

import (
	"context"
	"errors"
	"fmt"

	"simscim/roster"
)

// Check tries the whole chain once, as a run would use it: the vendor's token and the
// list of customers, then one school's token, its record, and one page of its
// students. It ends with what is known of the contract.
func (s *Source) Check(ctx context.Context) ([]string, error) {
	var notes []string
	note := func(format string, args ...any) { notes = append(notes, fmt.Sprintf(format, args...)) }
	if s.hosts.plain() {
		note("The services are spoken to over http: credentials and pupils' data cross the network unprotected.")
	}
	err := s.try(ctx, note)
	switch {
	case s.oneroster != nil:
		note("Schools are read through OneRoster 1.1; which parts of it SIMS ID serves is not published, so this is unverified against the live service.")
	case s.contract.Verified:
		note("The contract %q says of itself that it is verified against the live service.", s.contract.Name)
	default:
		note("The contract of the provisioning API (%s) is unverified against the live service.", s.contract.Name)
	}
	return notes, err
}

func (s *Source) try(ctx context.Context, note func(string, ...any)) error {
	org, problem := "", error(nil)
	if s.vendor != nil {
		sites, err := s.Sites(ctx)
		if err != nil {
			return err
		}
		s.mu.Lock()
		d := s.directory
		s.mu.Unlock()
		note("Vendor management lists %s, of which %d are authorised.", countOf(len(d.order), "school"), len(sites))
		for _, n := range d.notes {
			note("In vendor management %s.", n)
		}
		if len(sites) == 0 {
			return errors.New("no school is authorised, so there is nothing to read")
		}
		org = sites[0].ID
	} else {
		note("The configuration lists credentials for %s.", countOf(len(s.order), "school"))
		// Every listed school is tried: each has credentials that somebody typed in.
		for _, o := range s.order {
			if _, err := s.Describe(ctx, o); err != nil {
				problem = errors.Join(problem, fmt.Errorf("organisation %s: %w", o, err))
			} else if org == "" {
				org = o
			}
		}
		if org == "" {
			return problem
		}
	}
	return errors.Join(problem, s.trySchool(ctx, org, note))
}

// trySchool reads one school's record and a single record of its people.
func (s *Source) trySchool(ctx context.Context, org string, note func(string, ...any)) error {
	site, err := s.Describe(ctx, org)
	if err != nil {
		return fmt.Errorf("organisation %s: %w", org, err)
	}
	note("Organisation %s can be read; its record names the same organisation, DfE number %s.", org, orWord(site.DfE, "unknown"))
	if s.oneroster != nil {
		return nil
	}
	kind := roster.Student
	template, ok := s.contract.people.paths[kind]
	if !ok {
		return nil
	}
	r := &reading{source: s, contract: s.contract, org: org, school: s.school(org)}
	l := r.list(plural(kind), template, nil)
	l.paging.records = 1
	p, err := l.page(r.school.in(ctx), 1, cursor{list: l}, func(record) error { return nil })
	switch {
	case err != nil:
		return fmt.Errorf("organisation %s: %w", org, err)
	case p.total >= 0:
		note("A page of %s came as the contract says; the list has %d.", plural(kind), p.total)
	default:
		note("A page of %s came as the contract says.", plural(kind))
	}
	return nil
}

func orWord(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}

func countOf(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
