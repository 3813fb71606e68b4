package simsid

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"simscim/connector/source"
	"simscim/roster"
)

func day(s string) time.Time {
	t, err := time.Parse(time.DateOnly, s)
	if err != nil {
		panic(err)
	}
	return t
}

// readingOf is a read on 10 July 2026, late in the academic year 2025/26.
func readingOf(t testing.TB, want source.Want) *reading {
	t.Helper()
	return &reading{
		contract: contractWith(t), today: day("2026-07-10"), want: newWanted(want), ids: map[string]bool{},
		build: roster.NewBuilder(roster.Site{ID: "o-1"}, day("2026-07-10")),
	}
}

func decoded(t testing.TB, text string) record {
	t.Helper()
	dec := json.NewDecoder(strings.NewReader(text))
	dec.UseNumber()
	var r record
	if err := dec.Decode(&r); err != nil {
		t.Fatal(err)
	}
	return r
}

func TestPerson(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, in string
		want     roster.Person
		problem  string
	}{
		{
			name: "all there is",
			in: `{"externalId":"{AAAAAAAA-0000-4000-8000-00000000000F}","personType":"Student","forename":" Zoë ","surname":"O'Neill","preferredForename":"Zo",
				"ageRange":"11-13","onRollState":"Current","startDate":"2022-09-01T00:00:00Z","yearGroup":{"id":"y","name":"Year 07"},"registrationGroup":{"name":"7A"},
				"house":{"name":"Kestrel"},"email":"z@oak.example","username":"zo","masterId":12,"roles":["Prefect",null,""],"phone":"1","password":"2"}`,
			want: roster.Person{
				ID: "aaaaaaaa-0000-4000-8000-00000000000f", Kind: roster.Student, State: roster.Current, GivenName: "Zoë", FamilyName: "O'Neill",
				PreferredGivenName: "Zo", AgeBand: "11-13", Begin: day("2022-09-01"), YearGroup: "7", Registration: "7A", House: "Kestrel",
				Email: "z@oak.example", Username: "zo", Identifiers: map[string]string{"master": "12"}, Roles: []string{"Prefect"},
			},
		},
		{
			name: "numbers for ids and nulls", in: `{"externalId":7,"surname":"A","classes":null,"yearGroup":null,"email":"NULL","roles":"Teaching"}`,
			want: roster.Person{ID: "7", Kind: roster.Student, State: roster.Current, FamilyName: "A", Roles: []string{"Teaching"}},
		},
		{
			name: "truth values for text", in: `{"externalId":"x","surname":true}`,
			want: roster.Person{ID: "x", Kind: roster.Student, State: roster.Current, FamilyName: "true"},
		},
		{
			name: "not yet there", in: `{"externalId":"x","surname":"A","startDate":"2026-07-11"}`,
			want: roster.Person{ID: "x", Kind: roster.Student, State: roster.Future, FamilyName: "A", Begin: day("2026-07-11")},
		},
		{
			name: "last day", in: `{"externalId":"x","surname":"A","leavingDate":"2026-07-10"}`,
			want: roster.Person{ID: "x", Kind: roster.Student, State: roster.Current, FamilyName: "A", End: day("2026-07-10")},
		},
		{
			name: "day after", in: `{"externalId":"x","surname":"A","leavingDate":"2026-07-09","onRollState":"Moved"}`,
			want: roster.Person{ID: "x", Kind: roster.Student, State: roster.Leaver, FamilyName: "A", End: day("2026-07-09")},
		},
		{
			name: "the word counts before the dates", in: `{"externalId":"x","surname":"A","leavingDate":"2020-07-09","onRollState":"Current"}`,
			want: roster.Person{ID: "x", Kind: roster.Student, State: roster.Current, FamilyName: "A", End: day("2020-07-09")},
		},
		{name: "unknown state", in: `{"externalId":"x","surname":"A","onRollState":"Guest"}`, problem: "does not know its state"},
		{name: "no id", in: `{"surname":"A"}`, problem: "no id"},
		{name: "blank id", in: `{"externalId":" ","surname":"A"}`, problem: "no id"},
		{name: "id is a list", in: `{"externalId":["x"],"surname":"A"}`, problem: "the field externalId is not text"},
		{name: "name is an object", in: `{"externalId":"x","surname":{"text":"Canary"}}`, problem: "the field surname is not text"},
		{name: "year group is text", in: `{"externalId":"x","surname":"A","yearGroup":"Canary"}`, problem: "the field yearGroup.name is not text"},
		{name: "date is none", in: `{"externalId":"x","surname":"A","startDate":"Canary"}`, problem: "the field startDate is not a date"},
		{name: "classes are text", in: `{"externalId":"x","surname":"A","classes":"Canary"}`, problem: "the field classes is neither"},
		{name: "classes hold text", in: `{"externalId":"x","surname":"A","classes":["Canary"]}`, problem: "the field classes holds something"},
		{name: "another type", in: `{"externalId":"x","surname":"A","personType":"Staff"}`, problem: "another type than the list"},
		{name: "unknown type", in: `{"externalId":"x","surname":"A","personType":"Canary"}`, problem: "does not know its type"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			h, problem := readingOf(t, everything()).person(roster.Student, decoded(t, c.in))
			if c.problem != "" {
				if !strings.Contains(problem, c.problem) || strings.Contains(problem, "Canary") {
					t.Errorf("the problem is %q, want %q", problem, c.problem)
				}
				return
			}
			if d := cmp.Diff(c.want, h.person, cmpopts.EquateEmpty()); d != "" || problem != "" {
				t.Errorf("problem %q, (-want +got)\n%s", problem, d)
			}
		})
	}
}

// TestUnwantedFieldsDoNoHarm: a field that nobody wants may hold anything.
func TestUnwantedFieldsDoNoHarm(t *testing.T) {
	t.Parallel()
	in := `{"externalId":"x","surname":"A","email":{"a":1},"house":7,"roles":{},"masterId":[],"ageRange":[1],"username":{}}`
	r := readingOf(t, source.Want{Kinds: []roster.Kind{roster.Staff}})
	r.contract.membership.refs = nil
	want := roster.Person{ID: "x", Kind: roster.Staff, State: roster.Current, FamilyName: "A"}
	h, problem := r.person(roster.Staff, decoded(t, in))
	if d := cmp.Diff(want, h.person, cmpopts.EquateEmpty()); d != "" || problem != "" {
		t.Errorf("problem %q, (-want +got)\n%s", problem, d)
	}
}

func TestMembershipsOfARecord(t *testing.T) {
	t.Parallel()
	r := readingOf(t, everything())
	for _, g := range []roster.GroupKey{{Kind: roster.Class, ID: "c1"}, {Kind: roster.Class, ID: "c2"}, {Kind: roster.YearGroup, ID: "y1"}, {Kind: roster.House, ID: "h1"}} {
		r.build.AddGroup(roster.Group{GroupKey: g, Name: "Year 7"})
	}
	for _, in := range []string{
		`{"externalId":"a","surname":"A","yearGroup":{"id":"y1","name":"Year 7"},"house":{},"classes":[{"id":"c1","role":"Teacher"},{"id":"c2","role":"Owner"},null,{"id":"c9"}]}`,
		`{"externalId":"a","surname":"B","house":{"id":"h1"}}`, // the same id again: its groups go with it
	} {
		h, problem := r.person(roster.Student, decoded(t, in))
		r.take(item[human]{h, problem})
	}
	snap := r.build.Finish()
	want := []roster.Membership{
		{Group: roster.GroupKey{Kind: roster.Class, ID: "c1"}, Person: "a", Role: roster.Teacher},
		{Group: roster.GroupKey{Kind: roster.YearGroup, ID: "y1"}, Person: "a", Role: roster.Member},
	}
	if d := cmp.Diff(want, snap.Memberships); d != "" {
		t.Errorf("memberships (-want +got)\n%s", d)
	}
	var aside []string
	for _, a := range snap.SetAside {
		aside = append(aside, a.Entity+" "+a.Ref)
	}
	if d := cmp.Diff([]string{"membership class:c2", "person a", "membership class:c9"}, aside); d != "" {
		t.Errorf("set aside (-want +got)\n%s", d)
	}
}

// TestEntryYear: a pupil's cohort counts from this academic year, a future starter's
// from the one that they start in, and staff have none.
func TestEntryYear(t *testing.T) {
	t.Parallel()
	r := readingOf(t, source.Want{Kinds: []roster.Kind{roster.Student, roster.Staff}, Fields: []string{"entryYear"}})
	for _, p := range []roster.Person{
		{ID: "now", Kind: roster.Student, State: roster.Current, FamilyName: "A", YearGroup: "7"},
		{ID: "soon", Kind: roster.Student, State: roster.Future, FamilyName: "A", YearGroup: "7", Begin: day("2026-09-01")},
		{ID: "staff", Kind: roster.Staff, State: roster.Current, FamilyName: "A", YearGroup: "7"},
	} {
		r.build.AddPerson(p)
	}
	snap := r.build.Finish()
	r.settle(snap)
	got := map[string]int{}
	for _, p := range snap.People {
		got[p.ID] = p.EntryYear
		if p.YearGroup != "" {
			t.Error("the year group is kept though no rule wants it")
		}
	}
	if d := cmp.Diff(map[string]int{"now": 2018, "soon": 2019, "staff": 0}, got); d != "" {
		t.Errorf("entry years (-want +got)\n%s", d)
	}
}

func TestGroup(t *testing.T) {
	t.Parallel()
	r := readingOf(t, everything())
	g, problem := r.group("", decoded(t, `{"externalId":"g","type":"Class","shortName":"7A/Ma1","name":"7A Maths","subject":"Maths","yearGroup":"Year 7","startDate":"2025-09-01","endDate":"2026-08-31"}`))
	want := roster.Group{
		GroupKey: roster.GroupKey{Kind: roster.Class, ID: "g"}, Name: "7A Maths", ShortName: "7A/Ma1", Subject: "Maths", YearGroup: "7",
		Begin: day("2025-09-01"), End: day("2026-08-31"),
	}
	if d := cmp.Diff(want, g.group); d != "" || problem != "" {
		t.Errorf("problem %q, (-want +got)\n%s", problem, d)
	}
	for in, want := range map[string]string{
		`{"externalId":"g","type":"Orchestra"}`:               "does not know its type of group",
		`{"externalId":"g"}`:                                  "does not know its type of group",
		`{"type":"Class"}`:                                    "no id",
		`{"externalId":"g","type":"Class","name":[]}`:         "the field name is not text",
		`{"externalId":"g","type":"Class","endDate":"never"}`: "the field endDate is not a date",
	} {
		if _, problem := r.group("", decoded(t, in)); !strings.Contains(problem, want) {
			t.Errorf("%s: the problem is %q, want %q", in, problem, want)
		}
	}
	if g, problem := r.group("House", decoded(t, `{"externalId":"g"}`)); problem != "" || g.group.Kind != roster.House {
		t.Errorf("a group of a list by type is %s with problem %q", g.group.GroupKey, problem)
	}
}
