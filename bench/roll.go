package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync/atomic"
	"time"

	"simscim/connector/source"
	"simscim/roster"
)

// roll describes schools that are made up from a seed, the same every time.
type roll struct {
	Seed  uint64
	Sites int
	// People, Groups and Places (memberships of each person) are per site.
	People, Groups, Places int
}

// Totals over all sites.
func (r roll) users() int       { return r.Sites * r.People }
func (r roll) groups() int      { return r.Sites * r.Groups }
func (r roll) memberships() int { return r.Sites * r.People * r.Places }

// sourceName is the source's name in the configuration.
const sourceName = "roll"

// rollSource reads the schools of a roll. It keeps nothing: each read makes the school's
// snapshot anew, unless it was told to hold that.
type rollSource struct {
	roll
	now  func() time.Time
	held *roster.Snapshot
	// spent is the time that reading took.
	spent atomic.Int64
}

var _ source.Source = (*rollSource)(nil)

func (s *rollSource) Sites(context.Context) ([]roster.Site, error) {
	list := make([]roster.Site, s.roll.Sites)
	for i := range list {
		rng := rand.New(rand.NewPCG(s.Seed, uint64(i))) //nolint:gosec // a seed is wanted
		list[i] = roster.Site{ID: guid(rng), Name: fmt.Sprintf("School %02d", i+1), DfE: fmt.Sprintf("%07d", 9000000+i)}
	}
	return list, nil
}

func (s *rollSource) Read(_ context.Context, site roster.Site, _ source.Want) (*roster.Snapshot, error) {
	begun := s.now()
	defer func() { s.spent.Add(int64(s.now().Sub(begun))) }()
	if s.held != nil {
		return s.held, nil
	}
	return s.snapshot(site, begun), nil
}

// hold makes the only school's snapshot now, so that a read takes no time.
func (s *rollSource) hold(ctx context.Context) error {
	list, err := s.Sites(ctx)
	if err != nil {
		return err
	}
	list[0].Source = sourceName
	s.held = s.snapshot(list[0], s.now())
	return nil
}

func (*rollSource) Check(context.Context) ([]string, error) { return nil, nil }
func (*rollSource) Requests() int64                         { return 0 }

// snapshot makes up one school.
func (r roll) snapshot(site roster.Site, at time.Time) *roster.Snapshot {
	rng := rand.New(rand.NewPCG(r.Seed, hash(site.ID))) //nolint:gosec // a seed is wanted
	b := roster.NewBuilder(site, at)
	groups := make([]roster.GroupKey, r.Groups)
	for i := range groups {
		groups[i] = roster.GroupKey{Kind: roster.Class, ID: guid(rng)}
		b.AddGroup(roster.Group{GroupKey: groups[i], Name: fmt.Sprintf("%d%c/Ma%d", 7+i%7, 'A'+rune(i%26), i)})
	}
	for i := range r.People {
		p := person(rng, i)
		b.AddPerson(p)
		for n := range r.Places {
			b.AddMembership(roster.Membership{Group: groups[(i*r.Places+n)%len(groups)], Person: p.ID})
		}
	}
	return b.Finish()
}

// person makes up a pupil, and every ninth time a member of staff.
func person(rng *rand.Rand, i int) roster.Person {
	p := roster.Person{
		ID: guid(rng), Kind: roster.Student, State: roster.Current,
		GivenName: givenNames[rng.IntN(len(givenNames))], FamilyName: familyName(rng),
		YearGroup: years[i%len(years)],
	}
	if i%9 == 0 {
		p.Kind, p.YearGroup = roster.Staff, ""
	}
	p.PreferredGivenName, p.PreferredFamilyName = p.GivenName, p.FamilyName
	return p
}

var (
	years      = []string{"7", "8", "9", "10", "11", "12", "13"}
	givenNames = []string{
		"Aisha", "Alfie", "Amelia", "Anaïs", "Beatrice", "Callum", "Chloë", "Daniel", "Élodie", "Ethan", "Fatima", "Freya",
		"George", "Grace", "Hannah", "Harry", "Imogen", "Isaac", "Jack", "Jasmine", "Kai", "Layla", "Leo", "Łukasz", "Maya",
		"Mohammed", "Niamh", "Noah", "Olivia", "Oscar", "Poppy", "Quentin", "Rhys", "Rosie", "Siân", "Søren", "Theo", "Uma",
		"Violet", "William", "Xanthe", "Yusuf", "Zara", "Zoë",
	}
	prefixes = []string{"", "", "", "", "O’", "Mc", "Fitz", "van der "}
	onsets   = []string{"Ash", "Bar", "Cald", "Dun", "Eal", "Far", "Gar", "Har", "Ing", "Kirk", "Lang", "Mar", "Nor", "Oak", "Pem", "Rad", "Stan", "Thorn", "Up", "Wal", "Whit", "York"}
	codas    = []string{"bridge", "brook", "bury", "by", "cliffe", "combe", "croft", "dale", "den", "field", "ford", "ham", "hurst", "ley", "man", "more", "shaw", "son", "stead", "ton", "wick", "worth"}
)

func familyName(rng *rand.Rand) string {
	pick := func(list []string) string { return list[rng.IntN(len(list))] }
	return pick(prefixes) + pick(onsets) + pick(codas)
}

// guid makes an id of the usual form.
func guid(rng *rand.Rand) string {
	hi, lo := rng.Uint64(), rng.Uint64()
	return fmt.Sprintf("%08x-%04x-4%03x-8%03x-%012x", uint32(hi>>32), uint16(hi>>16), hi&0xfff, lo>>52, lo&0xffffffffffff) //nolint:gosec // the cut is wanted
}

// hash is FNV-1a.
func hash(s string) uint64 {
	h := uint64(14695981039346656037)
	for i := range len(s) {
		h = (h ^ uint64(s[i])) * 1099511628211
	}
	return h
}
