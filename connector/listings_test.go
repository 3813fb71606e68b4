package connector

import (
	"context"
	"iter"
	"sync/atomic"
	"testing"

	"simscim/connector/source"
	"simscim/connector/target"
	"simscim/roster"
	"simscim/scim"
)

// schools is a source with several schools, nobody at two of them.
type schools struct {
	school
	ids []string
}

func (s *schools) Sites(context.Context) ([]roster.Site, error) {
	var sites []roster.Site
	for _, id := range s.ids {
		sites = append(sites, roster.Site{ID: id, Name: id})
	}
	return sites, nil
}

func (s *schools) Read(ctx context.Context, site roster.Site, want source.Want) (*roster.Snapshot, error) {
	return (&school{suffix: "-" + site.ID}).Read(ctx, site, want)
}

// peopled is a target that holds strangers, and counts how often it is looked at.
type peopled struct {
	yes
	strangers     int
	counts, lists atomic.Int32
}

func (p *peopled) Capabilities(ctx context.Context) (target.Capabilities, error) {
	caps, err := p.yes.Capabilities(ctx)
	caps.PageSize = 100
	caps.FilterUsers, caps.FilterGroups = []scim.Path{externalID}, []scim.Path{externalID}
	return caps, err
}

func (p *peopled) Count(context.Context, scim.Kind) (int, bool, error) {
	p.counts.Add(1)
	return p.strangers, true, nil
}

func (p *peopled) List(_ context.Context, kind scim.Kind, _ []scim.Path) iter.Seq2[target.Object, error] {
	p.lists.Add(1)
	return func(yield func(target.Object, error) bool) {
		yield(target.Object{Kind: kind, RemoteID: "x", Attributes: scim.Attributes{{Path: userName, Value: "annp1"}}}, nil)
	}
}

// The schools of one run share what the first of them saw at the target.
func TestSchoolsOfARunShareTheListing(t *testing.T) {
	t.Parallel()
	for name, strangers := range map[string]int{"empty": 0, "peopled": 1} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tgt := &peopled{strangers: strangers}
			e := rekeyEngine(t, &schools{ids: []string{"oak", "elm", "ash"}}, tgt)
			report, err := e.Sync(t.Context(), Selection{}, Manner{})
			if err != nil || report.Totals.ByStatus[Done] != 3 {
				t.Fatalf("%+v, %v", report, err)
			}
			if tgt.counts.Load() != 2 || tgt.lists.Load() != int32(2*strangers) {
				t.Errorf("%d counts and %d lists; want 2 and %d", tgt.counts.Load(), tgt.lists.Load(), 2*strangers)
			}
			names := map[string]bool{}
			for _, c := range tgt.changes {
				if name := c.After.String(userName); name != "" {
					if names[name] || strangers > 0 && name == "annp1" {
						t.Errorf("the name %q was given twice", name)
					}
					names[name] = true
				}
			}
		})
	}
}
