package connector_test

import (
	"context"
	"errors"
	"maps"
	"slices"
	"sync"
	"time"

	"simscim/connector/ledger"
	"simscim/connector/source"
	"simscim/roster"
)

// pupil is one person of the model's school.
type pupil struct {
	given, family, class string
	here                 bool
}

// reading is how well the school can be read.
type reading string

const (
	whole      reading = "whole"
	empty      reading = "without anybody"
	sparse     reading = "with most people missing"
	incomplete reading = "not whole"
	broken     reading = "not at all"
	frozen     reading = "not any more"
	unlisted   reading = "not even listed"
)

// oak is a source with one school.
type oak struct {
	now     func() time.Time
	pupils  map[string]*pupil
	classes map[string]bool
	reading reading
}

func (s *oak) Sites(context.Context) ([]roster.Site, error) {
	if s.reading == unlisted {
		return []roster.Site{{ID: "elm", Name: "Elm"}}, nil
	}
	return []roster.Site{{ID: "oak", Name: "Oak"}}, nil
}

func (s *oak) Read(_ context.Context, site roster.Site, _ source.Want) (*roster.Snapshot, error) {
	switch {
	case site.ID != "oak", s.reading == frozen:
		return nil, &source.Frozen{Reason: "it withdrew"}
	case s.reading == incomplete:
		return nil, &source.Incomplete{Reason: "page 2 is missing"}
	case s.reading == broken:
		return nil, errors.New("no answer")
	}
	b := roster.NewBuilder(site, s.now())
	for class, here := range s.classes {
		if here {
			b.AddGroup(roster.Group{GroupKey: roster.GroupKey{Kind: roster.Class, ID: class}, Name: class})
		}
	}
	n := 0
	for _, id := range slices.Sorted(maps.Keys(s.pupils)) {
		p := s.pupils[id]
		if !p.here {
			continue
		}
		if n++; s.reading == empty || s.reading == sparse && n%6 > 0 {
			continue
		}
		b.AddPerson(roster.Person{ID: id, Kind: roster.Student, State: roster.Current, GivenName: p.given, FamilyName: p.family})
		if s.classes[p.class] {
			b.AddMembership(roster.Membership{Group: roster.GroupKey{Kind: roster.Class, ID: p.class}, Person: id})
		}
	}
	return b.Finish(), nil
}

func (*oak) Check(context.Context) ([]string, error) { return nil, nil }
func (*oak) Requests() int64                         { return 0 }

// mortal is a ledger whose process can die: from then on nothing is written any more,
// as if the transaction under way had never been begun.
type mortal struct {
	ledger.Ledger

	mu   sync.Mutex
	dead bool
	// left counts the writes until it dies; 0 is never.
	left int
}

func (m *mortal) die() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.dead = true
}

func (m *mortal) died() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.dead
}

func (m *mortal) write() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.left > 0 {
		if m.left--; m.left == 0 {
			m.dead = true
		}
	}
	if m.dead {
		return errCrash
	}
	return nil
}

func (m *mortal) Update(ctx context.Context, fn func(ledger.Tx) error) error {
	if err := m.write(); err != nil {
		return err
	}
	return m.Ledger.Update(ctx, fn)
}

func (m *mortal) ReserveNames(ctx context.Context, target string, names map[string]string, at time.Time) ([]string, error) {
	if err := m.write(); err != nil {
		return nil, err
	}
	return m.Ledger.ReserveNames(ctx, target, names, at)
}

func (m *mortal) BeginRun(ctx context.Context, run ledger.Run) (int64, error) {
	if err := m.write(); err != nil {
		return 0, err
	}
	return m.Ledger.BeginRun(ctx, run)
}

func (m *mortal) FinishRun(ctx context.Context, id int64, end ledger.RunEnd, settled bool) error {
	if err := m.write(); err != nil {
		return err
	}
	return m.Ledger.FinishRun(ctx, id, end, settled)
}

func (m *mortal) NoteRun(ctx context.Context, run ledger.Run) error {
	if err := m.write(); err != nil {
		return err
	}
	return m.Ledger.NoteRun(ctx, run)
}

func (m *mortal) SaveSite(ctx context.Context, rec ledger.SiteRecord) error {
	if err := m.write(); err != nil {
		return err
	}
	return m.Ledger.SaveSite(ctx, rec)
}

func (m *mortal) Hold(ctx context.Context, h ledger.Hold) (int64, error) {
	if err := m.write(); err != nil {
		return 0, err
	}
	return m.Ledger.Hold(ctx, h)
}

func (m *mortal) SaveHealth(ctx context.Context, h ledger.Health) error {
	if err := m.write(); err != nil {
		return err
	}
	return m.Ledger.SaveHealth(ctx, h)
}
