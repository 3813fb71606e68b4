package mapper_test

import (
	"fmt"
	"testing"

	"simscim/config"
	"simscim/mapper"
	"simscim/roster"
)

// BenchmarkMap maps 10,000 people with five attribute rules besides the user name.
func BenchmarkMap(b *testing.B) {
	for _, known := range []bool{true, false} {
		name := "names=known"
		if !known {
			name = "names=new"
		}
		b.Run(name, func(b *testing.B) {
			m := mustCompile(b, mapper.Rules{
				Users: config.UserRules{
					Include: at(1, "person.state == 'current' && person.kind in ['student', 'staff']"),
					Attributes: withUnique(attrs(
						"name.givenName=person.preferredGivenName",
						"name.familyName=person.preferredFamilyName",
						"displayName=person.preferredGivenName + ' ' + person.preferredFamilyName",
						"active=person.state == 'current'",
						"title=person.kind == 'staff' ? 'Staff' : 'Year ' + person.yearGroup",
					), designName),
				},
				Vars: map[string]string{"domain": "oakfield.sch.uk"},
			})
			snap := crowd(10_000)
			names := newNamer()
			m.Map(snap, names)
			b.ReportAllocs()
			b.ResetTimer()
			for b.Loop() {
				if !known {
					names = newNamer()
				}
				if d := m.Map(snap, names); len(d.Users) != 10_000 || len(d.Problems) != 0 {
					b.Fatal(len(d.Users), len(d.Problems))
				}
			}
			b.ReportMetric(float64(len(snap.People)*b.N)/b.Elapsed().Seconds(), "persons/s")
		})
	}
}

func crowd(n int) *roster.Snapshot {
	people := make([]roster.Person, n)
	for i := range people {
		people[i] = roster.Person{
			ID: fmt.Sprintf("%08x-0000-4000-8000-%012x", i*2654435761%(1<<32), i), GivenName: fmt.Sprintf("Zoë%d", i%97), FamilyName: fmt.Sprintf("O’Neill-%d", i),
			YearGroup: fmt.Sprint(7 + i%7), Registration: "7A",
		}
	}
	return snapshot(people, nil)
}
