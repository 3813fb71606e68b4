package world

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"
	"pgregory.net/rapid"
)

// check returns what is wrong with a world.
func check(w *World) error {
	today := w.Today()
	ids := map[uuid.UUID]bool{}
	masters := map[uuid.UUID][]*Person{}
	for _, r := range w.Rolls() {
		groups := map[*Group]bool{}
		for i, g := range r.Groups() {
			groups[g] = true
			if i > 0 && compareGroups(r.Groups()[i-1], g) >= 0 {
				return fmt.Errorf("group %s is out of order or there twice", g.ID)
			}
			if g.Name == "" || g.Short == "" {
				return fmt.Errorf("group %s has no name", g.ID)
			}
		}
		for kind := Student; kind <= Contact; kind++ {
			for i, p := range r.People(kind) {
				if i > 0 && comparePeople(r.People(kind)[i-1], p) >= 0 {
					return fmt.Errorf("person %s is out of order", p.ID)
				}
				if err := checkPerson(r, p, groups, today); err != nil {
					return fmt.Errorf("%s %s (%s): %w", kind, p.ID, r.Site.Phase, err)
				}
				if ids[p.ID] {
					return fmt.Errorf("two people have the id %s", p.ID)
				}
				ids[p.ID] = true
				if p.Master != uuid.Nil {
					masters[p.Master] = append(masters[p.Master], p)
				}
			}
		}
	}
	return nil
}

func checkPerson(r *Roll, p *Person, groups map[*Group]bool, today Date) error {
	switch {
	case p.Given == "" && p.Family == "":
		return fmt.Errorf("no name")
	case !utf8.ValidString(p.Given + p.Family + p.PreferredGiven + p.PreferredFamily):
		return fmt.Errorf("a name is not UTF-8")
	case p.End != 0 && p.End < p.Start && p.End+1 != p.Start:
		return fmt.Errorf("left on %s before the start on %s", p.End, p.Start)
	case p.Email != "" && !strings.HasSuffix(p.Email, ".example"):
		return fmt.Errorf("an address outside of the reserved names")
	case p.State(today) == Leaver && p.memberships() > 0:
		return fmt.Errorf("a leaver is in groups")
	case p.Kind == Contact && p.memberships() > 0:
		return fmt.Errorf("a contact is in groups")
	case p.Kind == Contact:
		if of, ok := r.Person(p.Of); !ok || of.Kind != Student {
			return fmt.Errorf("the pupil is not at the school")
		}
	}
	if p.Kind == Student && p.State(today) == Current {
		switch {
		case p.YearGroup == nil || p.YearGroup.year != p.Year:
			return fmt.Errorf("a pupil of year %d is in the year group %v", p.Year, p.YearGroup)
		case p.Registration == nil:
			return fmt.Errorf("a pupil of year %d has no registration group", p.Year)
		case r.Site.Phase != Special && p.House == nil:
			return fmt.Errorf("a pupil has no house")
		case r.Site.Phase == Secondary && len(p.Classes) == 0:
			return fmt.Errorf("a pupil of year %d has no classes", p.Year)
		case r.Site.Phase == Secondary && p.Registration.year != p.Year:
			return fmt.Errorf("a pupil of year %d is in tutor group %s", p.Year, p.Registration.Short)
		}
	}
	seen := map[*Group]bool{}
	for _, g := range []*Group{p.YearGroup, p.Registration, p.House} {
		if g != nil && !groups[g] {
			return fmt.Errorf("a group that the school does not have")
		}
	}
	for _, m := range p.Classes {
		if !groups[m.Group] || seen[m.Group] {
			return fmt.Errorf("class %s is not there or there twice", m.Group.Short)
		}
		if m.Teacher != (p.Kind == Staff) {
			return fmt.Errorf("wrong role in %s", m.Group.Short)
		}
		if p.Kind == Student && m.Group.year != p.Year {
			return fmt.Errorf("a pupil of year %d is in class %s", p.Year, m.Group.Short)
		}
		seen[m.Group] = true
	}
	return nil
}

func TestFreshWorldsAreSound(t *testing.T) {
	t.Parallel()
	for _, preset := range Presets() {
		t.Run(preset, func(t *testing.T) {
			t.Parallel()
			if err := check(make1(t, preset, 11)); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestWorldStaysSound(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		preset := rapid.SampledFrom([]string{"tiny", "tiny", "tiny", "primary", "primary", "primary", "primary", "mat-small"}).Draw(t, "preset")
		w, err := New(Options{Preset: preset, Seed: rapid.Uint64Range(0, 50).Draw(t, "seed")})
		if err != nil {
			t.Fatal(err)
		}
		someone := func(kind Kind) uuid.UUID {
			all := w.Rolls()
			list := all[rapid.IntRange(0, len(all)-1).Draw(t, "school")].People(kind)
			return list[rapid.IntRange(0, len(list)-1).Draw(t, "person")].ID
		}
		somewhere := func() uuid.UUID {
			all := w.Sites()
			return all[rapid.IntRange(0, len(all)-1).Draw(t, "site")].ID
		}
		kinds := rapid.SampledFrom([]Kind{Student, Staff})
		steps := rapid.IntRange(1, 6).Draw(t, "steps")
		for range steps {
			before := w.Rolls()
			var err error
			switch rapid.IntRange(0, 10).Draw(t, "step") {
			case 0:
				w.Day()
			case 1:
				w.September()
			case 2:
				w.Advance(time.Duration(rapid.IntRange(-5, 24*500).Draw(t, "hours")) * time.Hour)
			case 3:
				_, err = w.Join(somewhere(), kinds.Draw(t, "kind"), rapid.IntRange(-1, 15).Draw(t, "year"))
			case 4:
				_, err = w.Leave(someone(kinds.Draw(t, "kind")))
			case 5:
				_, err = w.Return(someone(kinds.Draw(t, "kind")))
			case 6:
				_, err = w.MoveClass(someone(Student))
			case 7:
				_, err = w.Marry(someone(kinds.Draw(t, "kind")))
			case 8:
				_, err = w.DualRegister(someone(Student), somewhere())
			case 9:
				_, err = w.Withdraw(somewhere())
			case 10:
				_, err = w.Consent(uuid.UUID{})
			}
			if err != nil && !slices.Equal(before, w.Rolls()) {
				t.Fatalf("a refused call changed the world: %v", err)
			}
			if err := check(w); err != nil {
				t.Fatal(err)
			}
		}
	})
}
