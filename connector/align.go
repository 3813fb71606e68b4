package connector

import (
	"context"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"
	"sync/atomic"

	"go.uber.org/zap"

	"simscim/connector/ledger"
	"simscim/connector/source"
	"simscim/internal/httpx"
	"simscim/roster"
)

// Selection narrows a run. Empty lists select everything.
type Selection struct {
	// Sites are ids, DfE numbers in any form, or globs over ids and names.
	Sites []string
	// Targets are names of targets.
	Targets []string
}

// Job is one school to work on: one that shares its data, and that the configuration
// has an entry for.
type Job struct {
	Site  roster.Site
	Route Route

	source source.Source
	// targets are those of the route's that are selected.
	targets []string
}

// Align finds the schools to work on. Schools that the ledger knows but that are no
// longer aligned are frozen: left as they are, reported and, with record, remembered.
// The report holds them, and the schools that the configuration has no entry for.
func (e *Engine) Align(ctx context.Context, sel Selection, record bool) ([]Job, *Report, error) {
	known, err := e.Ledger.Sites(ctx)
	if err != nil {
		return nil, nil, fmt.Errorf("read the ledger: %w", err)
	}
	report := &Report{}
	var listing atomic.Int64
	defer func() { report.listing = listing.Load() }()
	ctx = httpx.CountInto(ctx, &listing)
	var jobs []Job
	for _, name := range slices.Sorted(maps.Keys(e.Sources)) {
		src := e.Sources[name]
		sites, err := src.Sites(ctx)
		if err != nil {
			e.Log.Error("list the schools of a source", zap.String("source", name), zap.Error(err))
			report.Runs = append(report.Runs, unlisted(name, known, sel, err)...)
			continue
		}
		aligned := map[string]bool{}
		for _, site := range sites {
			site.Source = name
			if aligned[site.ID] {
				continue
			}
			aligned[site.ID] = true
			if !sel.site(site) {
				continue
			}
			j, run := e.assign(ctx, site, src, sel)
			if run != nil {
				report.Runs = append(report.Runs, run)
			} else {
				jobs = append(jobs, j)
			}
		}
		runs, err := e.vanished(ctx, name, known, aligned, sel, record)
		if err != nil {
			return nil, nil, err
		}
		report.Runs = append(report.Runs, runs...)
	}
	return jobs, report, nil
}

// assign decides what to do with an aligned school; run is set when that is nothing.
func (e *Engine) assign(ctx context.Context, site roster.Site, src source.Source, sel Selection) (j Job, run *Run) {
	if d, can := src.(source.Describer); can && site.Phase == "" && e.Routes.byPhase() {
		described, err := d.Describe(ctx, site.ID)
		if err != nil {
			run = newRun(site, "")
			run.end(statusOf(err), err.Error())
			return Job{}, run
		}
		site.Phase = described.Phase
	}
	route, ok := e.Routes.For(site)
	if !ok {
		run = newRun(site, "")
		run.end(Skipped, "no entry of sites in the configuration matches this school")
		run.unrouted = true
		return Job{}, run
	}
	j = Job{Site: site, source: src, Route: route}
	for _, t := range route.Targets {
		if len(sel.Targets) == 0 || slices.Contains(sel.Targets, t) {
			j.targets = append(j.targets, t)
		}
	}
	return j, nil
}

// vanished reports, and in a sync records, the schools that the source no longer lists.
func (e *Engine) vanished(ctx context.Context, name string, known map[string]ledger.SiteRecord, aligned map[string]bool, sel Selection, record bool) ([]*Run, error) {
	const reason = "the school is no longer among those that share their data; its accounts and groups are left as they are"
	var runs []*Run
	for _, id := range slices.Sorted(maps.Keys(known)) {
		rec := known[id]
		site := siteOf(rec)
		if rec.Source != name || aligned[id] || !sel.site(site) {
			continue
		}
		run := newRun(site, "")
		run.end(Skipped, "frozen: "+reason)
		runs = append(runs, run)
		if record {
			if err := e.freeze(ctx, rec, reason); err != nil {
				return nil, err
			}
		}
	}
	return runs, nil
}

// freeze records since when, and why, a school may not be read.
func (e *Engine) freeze(ctx context.Context, rec ledger.SiteRecord, reason string) error {
	if rec.FrozenSince.IsZero() {
		rec.FrozenSince = e.Now()
		e.Log.Warn("a school is frozen", zap.String("site", rec.ID), zap.String("reason", reason))
	}
	rec.FrozenReason = reason
	if err := e.Ledger.SaveSite(ctx, rec); err != nil {
		return fmt.Errorf("record a frozen school: %w", err)
	}
	return nil
}

// unlisted is the report of a source that did not tell which schools it has: every
// school known of it is left alone, each with the reason.
func unlisted(name string, known map[string]ledger.SiteRecord, sel Selection, err error) []*Run {
	status, reason := Failed, fmt.Sprintf("the schools of source %s could not be listed: %v", name, err)
	var runs []*Run
	for _, id := range slices.Sorted(maps.Keys(known)) {
		if site := siteOf(known[id]); site.Source == name && sel.site(site) {
			run := newRun(site, "")
			run.end(status, reason)
			runs = append(runs, run)
		}
	}
	if len(runs) == 0 {
		run := newRun(roster.Site{Source: name}, "")
		run.end(status, reason)
		runs = append(runs, run)
	}
	return runs
}

func siteOf(rec ledger.SiteRecord) roster.Site {
	return roster.Site{ID: rec.ID, Source: rec.Source, Name: rec.Name, DfE: rec.DfE}
}

// site tells whether the selection takes the school.
func (s Selection) site(site roster.Site) bool {
	if len(s.Sites) == 0 {
		return true
	}
	for _, pattern := range s.Sites {
		if dfe := roster.NormaliseDfE(pattern); dfe != "" && dfe == site.DfE {
			return true
		}
		if globs(pattern, site.ID) || globs(pattern, site.Name) {
			return true
		}
	}
	return false
}

// globs tells whether the pattern takes s, in any case. A class is called 10A/Ma1: the
// slash is a letter like any other.
func globs(pattern, s string) bool {
	plain := func(s string) string { return strings.ReplaceAll(strings.ToLower(s), "/", "\x00") }
	ok, err := path.Match(plain(pattern), plain(s))
	return err == nil && ok
}
