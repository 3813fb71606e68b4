package main

import (
	"fmt"
	"math/rand/v2"
	"time"

	"simscim/roster"
)

// secondary is one made-up school with Years 7 to 13 in the academic year that begins
// in its year: 1,100 pupils, each in a year group, a registration group, a house and
// twelve classes.
type secondary int

const (
	perYear  = 180 // in Years 7 to 11
	perSixth = 100 // in Years 12 and 13: the others have left
	lessons  = 12
	perSet   = 30
	pupils   = 5*perYear + 2*perSixth
)

// places is how many memberships there are.
const places = pupils * (3 + lessons)

func (y secondary) snapshot(site roster.Site, at time.Time) *roster.Snapshot {
	b := roster.NewBuilder(site, at)
	seen := map[roster.GroupKey]bool{}
	join := func(person string, kind roster.GroupKind, id, name string) {
		key := roster.GroupKey{Kind: kind, ID: id}
		if !seen[key] {
			seen[key] = true
			b.AddGroup(roster.Group{GroupKey: key, Name: name})
		}
		b.AddMembership(roster.Membership{Group: key, Person: person})
	}
	for year := 7; year <= 13; year++ {
		cohort := int(y) - year
		size := perYear
		if year > 11 {
			size = perSixth
		}
		rng := rand.New(rand.NewPCG(seed, uint64(cohort))) //nolint:gosec // a seed is wanted
		for i := range size {
			p := person(rng, 1) // a pupil
			p.YearGroup = fmt.Sprint(year)
			b.AddPerson(p)
			// Years, forms and houses stay, and pupils move on through them; classes are
			// new each September, with sets made up anew.
			join(p.ID, roster.YearGroup, fmt.Sprintf("year-%d", year), fmt.Sprintf("Year %d", year))
			form := fmt.Sprintf("%d%c", year, 'A'+i/perSet)
			join(p.ID, roster.Registration, form, form)
			join(p.ID, roster.House, fmt.Sprintf("house-%d", i%4), []string{"Ash", "Beech", "Elm", "Oak"}[i%4])
			for s := range lessons {
				set := fmt.Sprintf("%d%c/S%d", year, 'A'+(i+s*int(y))%size/perSet, s+1)
				join(p.ID, roster.Class, fmt.Sprintf("%d-%s", y, set), set)
			}
		}
	}
	return b.Finish()
}
