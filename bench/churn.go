package main

import (
	"context"
	"math/rand/v2"

	"simscim/connector/source"
	"simscim/roster"
)

// churned is a roll a night later: over all schools as many people have come as have gone,
// and as many are called otherwise.
type churned struct{ *rollSource }

func (s *churned) Read(ctx context.Context, site roster.Site, want source.Want) (*roster.Snapshot, error) {
	before, err := s.rollSource.Read(ctx, site, want)
	if err != nil {
		return nil, err
	}
	sites, err := s.Sites(ctx)
	if err != nil {
		return nil, err
	}
	n := 0
	for i := range sites {
		if sites[i].ID == site.ID {
			n = s.churn()*(i+1)/s.roll.Sites - s.churn()*i/s.roll.Sites
		}
	}
	rng := rand.New(rand.NewPCG(s.Seed+1, hash(site.ID))) //nolint:gosec // a seed is wanted
	b := roster.NewBuilder(site, before.TakenAt)
	for i, p := range before.People[n:] {
		if i < n {
			p.PreferredFamilyName += "-Newname"
		}
		b.AddPerson(p)
	}
	for i := range n {
		b.AddPerson(person(rng, i+1))
	}
	return b.Finish(), nil
}
