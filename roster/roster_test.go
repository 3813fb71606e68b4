package roster

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestCanonicalID(t *testing.T) {
	t.Parallel()
	const guid = "0091ce46-718e-417d-b56f-9071299b49fe"
	for in, want := range map[string]string{
		guid: guid, " 0091CE46-718E-417D-B56F-9071299B49FE ": guid, "{0091ce46-718E-417d-b56f-9071299b49fe}": guid,
		"P-17 ": "P-17", "": "", "{P17}": "{P17}", "0091ce46x718e-417d-b56f-9071299b49fe": "0091ce46x718e-417d-b56f-9071299b49fe",
	} {
		if got := CanonicalID(in); got != want {
			t.Errorf("%q: got %q, want %q", in, got, want)
		}
	}
}

func TestNormaliseDfE(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"1234567": "1234567", "123/4567": "1234567", "123-4567": "1234567", " 123 4567 ": "1234567",
		"": "", "123456": "", "12345678": "", "123/456a": "", "DENI 123": "",
	} {
		if got := NormaliseDfE(in); got != want {
			t.Errorf("%q: got %q, want %q", in, got, want)
		}
	}
}

func TestYears(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"Year 5": "5", "Yr 05": "5", "y11": "11", "5": "5", "Reception": "R", "year r": "R", "0": "R", "Year N1": "N1", "n2": "N2",
		"15": "15", "Upper Sixth": "Upper Sixth", "": "",
	} {
		if got := NormaliseYear(in); got != want {
			t.Errorf("%q: got %q, want %q", in, got, want)
		}
	}
	day := func(s string) time.Time { d, _ := time.Parse(time.DateOnly, s); return d }
	for in, want := range map[string]int{"2026-08-31": 2025, "2026-09-01": 2026, "2027-01-01": 2026} {
		if got := AcademicYear(day(in), time.Time{}); got != want {
			t.Errorf("%s is in the year that begins in %d, got %d", in, want, got)
		}
	}
	if got := AcademicYear(day("2026-09-03"), day("2025-09-04")); got != 2025 {
		t.Errorf("before the school's own first day it is still %d", got)
	}
	for year, want := range map[string]int{"R": 2026, "1": 2025, "13": 2013, "N1": 2028, "15": 0, "": 0} {
		if got := EntryYearOf(year, 2026); got != want {
			t.Errorf("year %q entered in %d, want %d", year, got, want)
		}
	}
}

// What breaks an invariant is set aside with a reason, and the rest goes on.
func TestBuilder(t *testing.T) {
	t.Parallel()
	b := NewBuilder(Site{ID: "s"}, time.Time{})
	class := GroupKey{Class, "c"}
	b.AddMembership(Membership{Group: class, Person: "2"}) // before either end is known
	b.AddPerson(Person{ID: " 2 ", Kind: Student, FamilyName: "B"})
	b.AddPerson(Person{ID: "1", Kind: Student, GivenName: "A"})
	b.AddPerson(Person{ID: "1", Kind: Staff, GivenName: "again"})
	b.AddPerson(Person{ID: "", GivenName: "nobody"})
	b.AddPerson(Person{ID: "3"})
	b.AddGroup(Group{GroupKey: class, ShortName: "7A"})
	b.AddGroup(Group{GroupKey: GroupKey{House, "c"}, Name: "Oak"}) // kind and id together are the key
	b.AddGroup(Group{GroupKey: class, Name: "again"})
	b.AddMembership(Membership{Group: class, Person: "2"})
	b.AddMembership(Membership{Group: class, Person: "1", Role: Teacher})
	b.AddMembership(Membership{Group: GroupKey{House, "c"}, Person: "1"})
	b.AddMembership(Membership{Group: class, Person: "9"})
	b.AddMembership(Membership{Group: GroupKey{Class, "9"}, Person: "1"})
	s := b.Finish()
	people := []Person{
		{ID: "1", Kind: Student, GivenName: "A", Classes: []string{"7A"}, House: "Oak"},
		{ID: "2", Kind: Student, FamilyName: "B", Classes: []string{"7A"}},
	}
	if diff := cmp.Diff(people, s.People); diff != "" {
		t.Errorf("people (-want +got):\n%s", diff)
	}
	members := []Membership{{class, "1", Teacher}, {class, "2", Member}, {GroupKey{House, "c"}, "1", Member}}
	if diff := cmp.Diff(members, s.Memberships); diff != "" {
		t.Errorf("memberships (-want +got):\n%s", diff)
	}
	aside := []SetAside{
		{"person", "1", "the id appears more than once"},
		{"person", "", "the record has no id"},
		{"person", "3", "the record has no name at all"},
		{"group", "class:c", "the id appears more than once"},
		{"membership", "class:c", "it names a person who is not in the list"},
		{"membership", "class:9", "it names a group that is not in the list"},
	}
	if diff := cmp.Diff(aside, s.SetAside); diff != "" {
		t.Errorf("set aside (-want +got):\n%s", diff)
	}
}
