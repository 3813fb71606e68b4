package sourcetest

import (
	"context"
	"errors"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"simscim/connector/source"
	"simscim/roster"
)

func begin(t *testing.T, f Fixture) *suite {
	t.Helper()
	s := &suite{T: t, Fixture: f}
	all, err := s.Source.Sites(t.Context())
	if err != nil {
		t.Fatalf("list the schools: %v", err)
	}
	if len(all) < 2 {
		t.Fatalf("the fixture has %d schools, want at least 2", len(all))
	}
	s.sites = all
	return s
}

func (s *suite) read(site roster.Site, want source.Want) *roster.Snapshot {
	s.Helper()
	snap, err := s.Source.Read(s.Context(), site, want)
	if err != nil {
		s.Fatalf("read %s: %v", site.ID, err)
	}
	if snap.Site.ID != site.ID || snap.Site.Source != site.Source {
		s.Fatalf("asked for %s of %s, got %s of %s", site.ID, site.Source, snap.Site.ID, snap.Site.Source)
	}
	return snap
}

// need breaks the far side. A fault that a fixture cannot make has to be declared: what
// is left out stands in writing, where the suite is run.
func (s *suite) need(f Fault) {
	s.Helper()
	if s.Break == nil || !s.Break(f) {
		s.Fatalf("the fixture cannot do this, and does not say so: %s", f)
	}
}

// diff compares two snapshots but for the moment of the read.
func diff(a, b *roster.Snapshot) string {
	x, y := *a, *b
	x.TakenAt, y.TakenAt = time.Time{}, time.Time{}
	if reflect.DeepEqual(x, y) {
		return "" // which is the rule, and much quicker
	}
	return cmp.Diff(a, b, cmpopts.IgnoreFields(roster.Snapshot{}, "TakenAt"), cmpopts.EquateEmpty())
}

// clean checks that text holds nothing of a person.
func (s *suite) clean(what, text string) {
	s.Helper()
	for _, name := range s.Canaries {
		if strings.Contains(strings.ToLower(text), strings.ToLower(name)) {
			s.Errorf("%s holds a person's data", what) // and is not repeated here
		}
	}
}

func (s *suite) fails(f Fault, is func(error) bool, want string) {
	before := s.read(s.sites[0], s.Want)
	s.need(f)
	snap, err := s.Source.Read(s.Context(), s.sites[0], s.Want)
	switch {
	case err == nil || snap != nil:
		s.Fatalf("a read under this fault gives a snapshot (error %v)", err)
	case !is(err):
		s.Errorf("the error is %T (%v), want %s", err, err, want)
	}
	s.clean("the error", err.Error())
	if s.Logs != nil {
		s.clean("the log", s.Logs())
	}
	// One school's trouble is not the other's.
	if f != SignInFails {
		s.read(s.sites[1], source.Want{Kinds: []roster.Kind{roster.Staff}})
	}
	s.Mend()
	if _, err := s.Source.Sites(s.Context()); err != nil {
		s.Fatalf("list the schools after the fault: %v", err)
	}
	if d := diff(before, s.read(s.sites[0], s.Want)); d != "" {
		s.Errorf("the read after the fault differs (-before +after):\n%s", d)
	}
}

func (s *suite) survives(f Fault) {
	before := s.read(s.sites[0], s.Want)
	s.need(f)
	if d := diff(before, s.read(s.sites[0], s.Want)); d != "" {
		s.Errorf("the snapshot differs (-before +under the fault):\n%s", d)
	}
}

func (s *suite) setsAside(f Fault, entity string) {
	before := s.read(s.sites[0], s.Want)
	s.need(f)
	got := s.read(s.sites[0], s.Want)
	count := 0
	for _, a := range got.SetAside {
		if a.Reason == "" {
			s.Errorf("a %s is set aside without a reason", a.Entity)
		}
		s.clean("the reason", a.Reason+" "+a.Ref)
		if a.Entity == entity {
			count++
		}
	}
	if count == 0 {
		s.Fatalf("no %s is set aside", entity)
	}
	s.invariants(got)
	if entity == "person" {
		// Every record is accounted for: taken, or set aside as a person.
		if len(got.People)+count != len(before.People)+countOf(before, entity) {
			s.Errorf("%d people are taken and %d set aside, of %d", len(got.People), count, len(before.People))
		}
		return
	}
	if len(got.People) != len(before.People) {
		s.Errorf("%d people are taken, want %d", len(got.People), len(before.People))
	}
}

func countOf(snap *roster.Snapshot, entity string) (n int) {
	for _, a := range snap.SetAside {
		if a.Entity == entity {
			n++
		}
	}
	return n
}

func sites(s *suite) {
	again, err := s.Source.Sites(s.Context())
	if err != nil {
		s.Fatal(err)
	}
	if d := cmp.Diff(s.sites, again); d != "" {
		s.Errorf("the same schools are listed differently:\n%s", d)
	}
	seen := map[string]bool{}
	for _, site := range s.sites {
		if site.ID == "" || site.Source == "" || seen[site.ID] {
			s.Errorf("the site %+v has no id, no source, or is listed twice", site)
		}
		seen[site.ID] = true
	}
	for id := range s.Size {
		if !seen[id] {
			s.Errorf("the school %s is missing", id)
		}
	}
}

func whole(s *suite) {
	asked := s.Source.Requests()
	for _, site := range s.sites {
		snap := s.read(site, s.Want)
		got := Size{len(snap.People), len(snap.Groups), len(snap.Memberships)}
		if d := cmp.Diff(s.Size[site.ID], got); d != "" {
			s.Errorf("%s is not whole (-want +got):\n%s", site.ID, d)
		}
		if len(snap.SetAside) > 0 {
			s.Errorf("%d records of a sound roll are set aside, the first because %s", len(snap.SetAside), snap.SetAside[0].Reason)
		}
		if snap.TakenAt.IsZero() {
			s.Error("the snapshot does not tell when it was taken")
		}
		s.invariants(snap)
	}
	if s.Source.Requests() < asked {
		s.Error("the count of requests went down")
	}
}

// invariants checks what a roster.Snapshot promises.
func (s *suite) invariants(snap *roster.Snapshot) {
	s.Helper()
	people, groups := map[string]bool{}, map[roster.GroupKey]bool{}
	for i, p := range snap.People {
		if p.ID == "" || people[p.ID] || p.Kind == "" || p.State == "" {
			s.Errorf("the person %q has no id, kind or state, or is there twice", p.ID)
		}
		if i > 0 && snap.People[i-1].ID > p.ID {
			s.Error("the people are not sorted")
		}
		people[p.ID] = true
	}
	for _, g := range snap.Groups {
		if g.ID == "" || g.Kind == "" || g.Name == "" || groups[g.GroupKey] {
			s.Errorf("the group %q has no id, kind or name, or is there twice", g.GroupKey)
		}
		groups[g.GroupKey] = true
	}
	for _, m := range snap.Memberships {
		if !people[m.Person] || !groups[m.Group] || m.Role == "" {
			s.Errorf("a membership of %s points nowhere or has no role", m.Group)
		}
	}
}

func same(s *suite) {
	if d := diff(s.read(s.sites[0], s.Want), s.read(s.sites[0], s.Want)); d != "" {
		s.Errorf("two reads of one roll differ:\n%s", d)
	}
}

func kinds(s *suite) {
	for _, kind := range s.Want.Kinds {
		want := source.Want{Kinds: []roster.Kind{kind}, Fields: s.Want.Fields}
		snap := s.read(s.sites[0], want)
		if len(snap.People) == 0 {
			s.Errorf("there is no %s", kind)
		}
		for _, p := range snap.People {
			if p.Kind != kind {
				s.Fatalf("a %s came although only %s is wanted", p.Kind, kind)
			}
		}
		if len(snap.SetAside) > 0 {
			s.Errorf("%d records are set aside because other kinds are not wanted", len(snap.SetAside))
		}
	}
}

// fieldsWanted checks that what no rule names is not kept, and that leaving fields out
// changes nothing else.
func fieldsWanted(s *suite) {
	all := s.read(s.sites[0], s.Want)
	bare := s.read(s.sites[0], source.Want{Kinds: s.Want.Kinds})
	for _, p := range bare.People {
		kept := roster.Person{
			ID: p.ID, Kind: p.Kind, State: p.State, GivenName: p.GivenName, FamilyName: p.FamilyName,
			PreferredGivenName: p.PreferredGivenName, PreferredFamilyName: p.PreferredFamilyName,
		}
		if cmp.Diff(kept, p, cmpopts.EquateEmpty()) != "" {
			s.Fatalf("the person %s came with fields that nobody wants", p.ID)
		}
	}
	if cmp.Diff(all.Memberships, bare.Memberships) != "" || len(all.People) != len(bare.People) {
		s.Error("leaving out fields changed who is there, or in which group")
	}
}

func noKinds(s *suite) {
	if snap, err := s.Source.Read(s.Context(), s.sites[0], source.Want{}); err == nil {
		s.Errorf("a read of nobody gives a snapshot of %d people: it would look as if all had left", len(snap.People))
	}
}

func unknown(s *suite) {
	site := roster.Site{ID: "00000000-0000-4000-8000-00000000dead", Source: s.sites[0].Source}
	if _, err := s.Source.Read(s.Context(), site, s.Want); !source.IsFrozen(err) {
		s.Errorf("reading a school that is not aligned gives %v, want a *Frozen", err)
	}
}

// sideBySide reads several schools at once, several times each: what comes must be
// what came alone.
func sideBySide(s *suite) {
	n := min(len(s.sites), 3)
	alone := make([]*roster.Snapshot, n)
	for i := range n {
		alone[i] = s.read(s.sites[i], s.Want)
	}
	if s.Break != nil {
		s.Break(TokenExpires) // so that all ask for tokens at the same moment
	}
	var wg sync.WaitGroup
	for i := range 3 * n {
		wg.Go(func() {
			snap, err := s.Source.Read(s.Context(), s.sites[i%n], s.Want)
			if err != nil {
				s.Errorf("read beside others: %v", err)
			} else if d := diff(alone[i%n], snap); d != "" {
				s.Errorf("a school read beside others differs from when it was read alone:\n%s", d)
			}
		})
	}
	wg.Wait()
}

func cancelled(s *suite) {
	ctx, cancel := context.WithCancel(s.Context())
	cancel()
	begun := time.Now()
	snap, err := s.Source.Read(ctx, s.sites[0], s.Want)
	if snap != nil || !errors.Is(err, context.Canceled) {
		s.Errorf("a cancelled read gives %v, want the context's error", err)
	}
	if source.IsFrozen(err) {
		s.Error("a cancelled read freezes the school")
	}
	if took := time.Since(begun); took > 2*time.Second {
		s.Errorf("a cancelled read took %v", took)
	}
	if _, err := s.Source.Sites(ctx); !errors.Is(err, context.Canceled) {
		s.Errorf("a cancelled list gives %v, want the context's error", err)
	}
	s.read(s.sites[0], s.Want) // and did no harm
}

func check(s *suite) {
	notes, err := s.Source.Check(s.Context())
	if err != nil {
		s.Fatalf("check of a sound source: %v", err)
	}
	if len(notes) == 0 {
		s.Error("check has nothing to say")
	}
	for _, note := range notes {
		s.clean("a note", note)
	}
	if slices.Contains(s.cannot, CredentialsRefused) {
		return
	}
	s.need(CredentialsRefused)
	if _, err = s.Source.Check(s.Context()); err == nil {
		s.Error("check finds nothing wrong with refused credentials")
	} else {
		s.clean("the error", err.Error())
	}
}
