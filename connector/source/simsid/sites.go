package simsid

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"go.uber.org/zap"
	"golang.org/x/sync/errgroup"

	"simscim/connector/source"
	"simscim/internal/httpx"
	"simscim/roster"
)

// Sites lists the schools that may be read now, and only those: a school that has
// withdrawn, waits for approval or is gone is not in it, and Read of it is a *Frozen
// with the reason. The list is whole or an error.
//
// By vendor management the sites carry what the customer list tells: id, name and DfE
// number. With listed credentials each school's own record is read for that.
func (s *Source) Sites(ctx context.Context) ([]roster.Site, error) {
	if s.vendor == nil {
		return s.listedSites(ctx)
	}
	d, err := s.refreshDirectory(ctx)
	if err != nil {
		return nil, err
	}
	for _, note := range d.notes {
		s.log.Warn("customer left out", zap.String("reason", note))
	}
	var sites []roster.Site
	for _, org := range d.order {
		if c := d.customers[org]; c.state == authorised {
			sites = append(sites, c.site)
		}
	}
	return sites, nil
}

func (s *Source) listedSites(ctx context.Context) ([]roster.Site, error) {
	sites := make([]roster.Site, len(s.order))
	frozen := make([]error, len(s.order))
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(max(s.cfg.Limits.InFlight, 1))
	for i, org := range s.order {
		g.Go(func() error {
			site, err := s.Describe(gctx, org)
			if source.IsFrozen(err) {
				frozen[i] = err
				return nil
			}
			sites[i] = site
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return nil, fmt.Errorf("list schools: %w", err)
	}
	var out []roster.Site
	for i, site := range sites {
		if frozen[i] != nil {
			s.log.Warn("school left out", zap.String("organisation", s.order[i]), zap.Error(frozen[i]))
			continue
		}
		out = append(out, site)
	}
	return out, nil
}

// Describe reads one school's own record. It proves that the answers are of the
// school that was asked for, and tells more than the customer list does: the phase,
// and when the academic year starts.
func (s *Source) Describe(ctx context.Context, organisation string) (roster.Site, error) {
	org := roster.CanonicalID(organisation)
	if s.oneroster != nil {
		_, site, err := s.oneRosterSite(ctx, org, "")
		return site, err
	}
	c := s.contract.site
	resp, err := s.provisioning.client.Do(s.school(org).in(ctx), httpx.Request{
		Method: http.MethodGet, Route: c.path, Accept: "application/json",
		Path: s.provisioning.prefix + s.contract.basePath + expand(c.path, map[string]string{"organisation": org}),
	})
	if err != nil {
		return roster.Site{}, siteError(ctx, org, err)
	}
	switch {
	case resp.Status == http.StatusOK:
	case frozenStatus(resp.Status, 1):
		return roster.Site{}, &source.Frozen{Reason: fmt.Sprintf("its record may not be read (status %d)", resp.Status)}
	default:
		return roster.Site{}, &source.Incomplete{Reason: fmt.Sprintf("the school's record was answered with status %d", resp.Status)}
	}
	r, err := decodeRecord(resp.Body, c.record)
	if err != nil {
		return roster.Site{}, &source.Incomplete{Reason: "the school's record " + err.Error()}
	}
	f := fields{r: r}
	id, dfe := roster.CanonicalID(f.text(c.id)), roster.NormaliseDfE(f.text(c.dfe))
	site := roster.Site{ID: org, Source: s.cfg.Name, Name: f.text(c.name), DfE: dfe, Phase: f.text(c.phase), YearStart: f.date(c.yearStart)}
	switch {
	case f.problem != "":
		return roster.Site{}, &source.Incomplete{Reason: "in the school's record " + f.problem}
	case id == "":
		return roster.Site{}, &source.Incomplete{Reason: "the school's record does not tell whose it is"}
	case id != org:
		return roster.Site{}, fmt.Errorf("read the record of organisation %s: %w", org, ErrOtherOrganisation)
	}
	return site, nil
}

func siteError(ctx context.Context, org string, err error) error {
	if ctx.Err() != nil {
		err = ctx.Err()
	} else if _, ok := errors.AsType[*signInError](err); !ok {
		return &source.Incomplete{Reason: "the school's record did not come", Err: err}
	}
	return fmt.Errorf("read the record of organisation %s: %w", org, err)
}
