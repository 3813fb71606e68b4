package simsid

import (
	"context"
	"errors"
	"time"

	"simscim/connector/source"
	"simscim/roster"
)

var _ source.Prober = (*Source)(nil)

var errNoDelta = errors.New("the provisioning API does not tell when records changed")

// Changed tells whether OneRoster knows of a change at the school. The provisioning API
// cannot tell.
func (s *Source) Changed(ctx context.Context, site roster.Site, since time.Time) (bool, error) {
	if s.oneroster == nil {
		return false, errNoDelta
	}
	changes, err := s.oneroster.Changes(s.school(roster.CanonicalID(site.ID)).in(ctx), since)
	return len(changes) > 0, err
}
