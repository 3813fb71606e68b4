package rest

import (
	"context"
	"slices"
	"sync"
	"time"

	"simscim/connector/source"
	"simscim/roster"
)

var _ source.Prober = (*Source)(nil)

// changesKept is how long one list of changes serves all schools of the service: they
// are asked for one after the other in a run.
const changesKept = 5 * time.Minute

// lastChanges is the list of changes that was asked for last.
type lastChanges struct {
	mu      sync.Mutex
	from    time.Time
	at      time.Time
	changes []Change
}

// Changed tells whether a record changed that names the school, or none in particular.
func (s *Source) Changed(ctx context.Context, site roster.Site, since time.Time) (bool, error) {
	changes, err := s.changesFrom(ctx, since)
	if err != nil {
		return false, err
	}
	org := roster.CanonicalID(site.ID)
	return slices.ContainsFunc(changes, func(c Change) bool {
		recent := c.At.IsZero() || !c.At.Before(since)
		return recent && (slices.Contains(c.Orgs, org) || !s.someSchool(c.Orgs))
	}), nil
}

// someSchool tells whether one of the organisations is a school that we know. What names
// a district, or nobody, concerns every school.
func (s *Source) someSchool(orgs []string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.ContainsFunc(orgs, func(org string) bool { return s.ids[org] != "" })
}

func (s *Source) changesFrom(ctx context.Context, since time.Time) ([]Change, error) {
	s.last.mu.Lock()
	defer s.last.mu.Unlock()
	now := s.reader.now()
	if !s.last.at.IsZero() && now.Sub(s.last.at) < changesKept && !s.last.from.After(since) {
		return s.last.changes, nil
	}
	changes, err := s.Changes(ctx, since)
	if err != nil {
		return nil, err
	}
	s.last.from, s.last.at, s.last.changes = since, now, changes
	return changes, nil
}
