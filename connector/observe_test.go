package connector

import (
	"context"
	"fmt"
	"iter"
	"sync/atomic"
	"testing"
	"time"

	"simscim/connector/source"
	"simscim/connector/target"
	"simscim/roster"
	"simscim/scim"
)

// crowd is a school of many pupils.
type crowd struct {
	school
	pupils int
}

func (c *crowd) Read(_ context.Context, site roster.Site, _ source.Want) (*roster.Snapshot, error) {
	b := roster.NewBuilder(site, time.Date(2026, 11, 23, 2, 0, 0, 0, time.UTC))
	for i := range c.pupils {
		b.AddPerson(roster.Person{ID: fmt.Sprint("p", i), Kind: roster.Student, State: roster.Current, GivenName: "Ann", FamilyName: fmt.Sprint("a", i)})
	}
	return b.Finish(), nil
}

// mute is a target that does not say how many users it has.
type mute struct {
	yes
	users, pages int
	finds        atomic.Int64
}

func (m *mute) Capabilities(ctx context.Context) (target.Capabilities, error) {
	caps, err := m.yes.Capabilities(ctx)
	caps.Groups, caps.PageSize, caps.FilterUsers = false, 10, []scim.Path{"externalId"}
	return caps, err
}

func (*mute) Count(context.Context, scim.Kind) (int, bool, error) { return 0, false, nil }

func (m *mute) List(context.Context, scim.Kind, []scim.Path) iter.Seq2[target.Object, error] {
	return func(yield func(target.Object, error) bool) {
		for i := range m.users {
			if i%10 == 0 {
				m.pages++
			}
			if !yield(target.Object{Kind: scim.User, RemoteID: fmt.Sprint(i), ExternalID: fmt.Sprint("other-", i)}, nil) {
				return
			}
		}
	}
}

func (m *mute) Find(context.Context, scim.Kind, scim.Path, string, []scim.Path) ([]target.Object, error) {
	m.finds.Add(1)
	return nil, nil
}

// A target that does not say how many objects it has is listed for a quarter of what the
// search would cost, and searched only if it has more.
func TestUncountedTargets(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ pupils, users, pages, finds int }{
		"small target":         {40, 95, 10, 0},
		"large target":         {40, 5000, 11, 40},
		"not worth a page":     {3, 5000, 0, 3},
		"nobody there":         {40, 0, 0, 0},
		"just a page too many": {8, 21, 3, 8},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tgt := &mute{users: c.users}
			e := rekeyEngine(t, &crowd{pupils: c.pupils}, tgt)
			e.Routes.config.Mappings["m"].Match = nil
			report, err := e.Plan(t.Context(), Selection{}, Manner{})
			if err != nil || report.Runs[0].Status != Done {
				t.Fatal(err, report.Runs[0].Reason)
			}
			if got := report.Runs[0].Changes["createUser"].Planned; got != c.pupils {
				t.Errorf("%d accounts to make", got)
			}
			if tgt.pages != c.pages || int(tgt.finds.Load()) != c.finds {
				t.Errorf("%d pages and %d searches, want %d and %d", tgt.pages, tgt.finds.Load(), c.pages, c.finds)
			}
		})
	}
}
