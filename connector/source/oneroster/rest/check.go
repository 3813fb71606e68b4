package rest

import (
	"context"
	"errors"
	"fmt"

	"simscim/connector/source"
	"simscim/connector/source/oneroster"
	"simscim/roster"
)

// Check signs in, lists the schools, and reads one of them as a run would, keeping
// nothing.
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
	var first roster.Site
	for _, org := range orgs {
		if site, ok := oneroster.SiteOf(org, s.reader.name); ok {
			if sites++; sites == 1 {
				first = site
			}
		}
	}
	note("The service lists %d organisations; %d of them are schools.", len(orgs), sites)
	if sites == 0 {
		return notes, errors.New("no school is listed, so there is nothing to read")
	}
	if _, err := s.Sites(ctx); err != nil {
		return notes, err
	}
	snap, err := s.Read(ctx, first, source.Want{Kinds: []roster.Kind{roster.Student, roster.Staff}})
	if err != nil {
		return notes, fmt.Errorf("school %s: %w", first.ID, err)
	}
	note("School %s can be read: %d people, %d groups, %d records set aside.", first.ID, len(snap.People), len(snap.Groups), len(snap.SetAside))
	return append(notes, s.reader.shortcomings()...), nil
}
