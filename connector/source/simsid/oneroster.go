package simsid

import (
	"cmp"
	"context"
	"fmt"

	"simscim/connector/source"
	"simscim/connector/source/oneroster"
	"simscim/connector/source/oneroster/rest"
	"simscim/roster"
)

// oneRosterAPI is the value of sources.NAME.api that reads schools through OneRoster.
const oneRosterAPI = "oneroster"

// connectOneRoster makes the reader of SIMS ID's OneRoster service. It speaks version
// 1.1, with the tokens of the same token service.
func (s *Source) connectOneRoster() error {
	at, err := s.sibling(s.hosts.oneroster)
	if err != nil {
		return fmt.Errorf("set up OneRoster: %w", err)
	}
	s.oneroster, err = rest.NewReader(rest.Endpoint{
		Client: at.client, BaseURL: s.hosts.oneroster, Version: rest.Version11, Name: s.cfg.Name,
		Rules: oneroster.Configured(s.cfg.Derive, s.now), Now: s.now, Log: s.log,
	})
	if err != nil {
		return fmt.Errorf("set up OneRoster: %w", err)
	}
	return nil
}

// readOneRoster reads one school through OneRoster.
func (s *Source) readOneRoster(ctx context.Context, org string, site roster.Site, want source.Want) (*roster.Snapshot, error) {
	id, found, err := s.oneRosterSite(ctx, org, site.DfE)
	if err != nil {
		return nil, err
	}
	found.Name, found.DfE = cmp.Or(found.Name, site.Name), cmp.Or(found.DfE, site.DfE)
	return s.oneroster.Read(s.school(org).in(ctx), id, found, want)
}

// oneRosterSite finds the school that a token is good for, and proves that it is the
// one asked for: by its sourcedId, which should be the organisation's GUID, or, since
// the vendor does not say what the sourcedId of a school is, by its DfE number when the
// token shows one school only.
func (s *Source) oneRosterSite(ctx context.Context, org, dfe string) (id string, site roster.Site, err error) {
	orgs, err := s.oneroster.Orgs(s.school(org).in(ctx))
	if err != nil {
		return "", roster.Site{}, fmt.Errorf("read the organisations of %s: %w", org, err)
	}
	var schools []roster.Site
	var ids []string
	for _, o := range orgs {
		found, ok := oneroster.SiteOf(o, s.cfg.Name)
		if !ok {
			continue
		}
		if roster.CanonicalID(o.ID) == org {
			found.ID = org
			return o.ID, found, nil
		}
		schools, ids = append(schools, found), append(ids, o.ID)
	}
	if len(schools) == 1 && dfe != "" && schools[0].DfE == dfe {
		schools[0].ID = org
		return ids[0], schools[0], nil
	}
	return "", roster.Site{}, fmt.Errorf("read the organisations of %s: %w", org, ErrOtherOrganisation)
}
