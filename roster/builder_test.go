package roster_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"simscim/roster"
)

func TestWarningsAreCountedAndSorted(t *testing.T) {
	t.Parallel()
	b := roster.NewBuilder(roster.Site{ID: "s"}, time.Time{})
	b.Expect(2, 1, 2) // which must not change anything
	for range 3 {
		b.Warn("person", "email", "it is empty")
	}
	b.Warn("group", "terms", "it is empty")
	b.Warn("person", "email", "it says NULL")
	b.AddPerson(roster.Person{ID: "p", GivenName: "X"})
	want := []roster.Warning{
		{Entity: "group", Field: "terms", Reason: "it is empty", Count: 1},
		{Entity: "person", Field: "email", Reason: "it is empty", Count: 3},
		{Entity: "person", Field: "email", Reason: "it says NULL", Count: 1},
	}
	got := b.Finish()
	if d := cmp.Diff(want, got.Warnings); d != "" {
		t.Error(d)
	}
	if len(got.People) != 1 || len(got.SetAside) != 0 {
		t.Errorf("%d people, %d set aside", len(got.People), len(got.SetAside))
	}
}
