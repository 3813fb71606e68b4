package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"simscim/connector/source"
	"simscim/connector/source/oneroster"
	"simscim/connector/source/oneroster/csv"
	"simscim/sandbox/district"
)

// wide is a district of the size that the largest targets plan for.
var wide = district.Files{Schools: 200, Users: 250_000, Enrolments: 2_000_000}

// wholeDistrict reads OneRoster files and maps each school, in one pass.
func wholeDistrict(ctx context.Context, b *bench) ([]figure, error) {
	path := filepath.Join(b.dir, "district.zip")
	if err := wide.Write(path); err != nil {
		return nil, err
	}
	var rates, peaks []float64
	for range min(b.pairs, 3) {
		r, err := b.measure(ctx, task{What: "district", Files: wide, Path: path})
		if err != nil {
			return nil, err
		}
		rates, peaks = append(rates, r.Rate), append(peaks, r.PeakMiB)
	}
	note := fmt.Sprintf("%d schools, %d users, %d enrolments", wide.Schools, wide.Users, wide.Enrolments)
	rate := figure{What: "read and mapped", Unit: "rows/s", Bound: ">=", Limit: 100_000, Note: note}
	rate.Value, rate.Low, rate.High = median(rates)
	memory := figure{What: "peak memory", Unit: "MiB", Bound: "<", Limit: 300, Note: "user names issued school by school"}
	memory.Value, memory.Low, memory.High = median(peaks)
	return []figure{rate, memory}, nil
}

// today is when the district is read: in the autumn term of its files.
func today() time.Time { return time.Date(2026, 11, 2, 7, 0, 0, 0, time.UTC) }

// districtTask does what a sync does with a source, school by school, and throws away
// what each should have.
func districtTask(ctx context.Context, t *task) (*result, error) {
	_, routes, err := configure("http://127.0.0.1:1/scim/v2", 1, extras{})
	if err != nil {
		return nil, err
	}
	r, stop := &result{}, watch()
	src, err := csv.New(csv.Options{Name: sourceName, Path: t.Path, Rules: oneroster.Rules{}, Now: today})
	if err != nil {
		return nil, err
	}
	sites, err := src.Sites(ctx)
	if err != nil {
		return nil, err
	}
	users, places := 0, 0
	for _, site := range sites {
		route, ok := routes.For(site)
		if !ok {
			return nil, errors.New("no entry of the configuration matches the school")
		}
		kinds, fields := route.Mapping.Want()
		snap, err := src.Read(ctx, site, source.Want{Kinds: kinds, Fields: fields})
		if err != nil {
			return nil, err
		}
		d := route.Mapping.Map(snap, newNamer())
		if len(d.Problems) > 0 || len(snap.SetAside) > 0 {
			return nil, fmt.Errorf("school %s: %d problems, %d records set aside", site.ID, len(d.Problems), len(snap.SetAside))
		}
		users += len(d.Users)
		for i := range d.Groups {
			places += len(d.Groups[i].Members)
		}
	}
	if err := stop(r); err != nil {
		return nil, err
	}
	r.Rate = float64(t.Files.Rows()) / r.Seconds
	// What is timed must be right: everybody has an account and is in all their classes.
	if len(sites) != t.Files.Schools || users != t.Files.Users || places != t.Files.Enrolments {
		return nil, fmt.Errorf("%d schools, %d users and %d places were mapped", len(sites), users, places)
	}
	return r, nil
}
