package console

import (
	"cmp"
	"context"
	"slices"
	"time"
)

// Status tells how things stand. It is asked once for each view of the page.
type Status interface {
	Status(ctx context.Context) (View, error)
}

// View is how things stand. It is what /status.json shows, and holds no personal data.
type View struct {
	// Version of the program.
	Version string `json:"version"`
	// At is when it was put together.
	At time.Time `json:"at"`
	// Sites are the schools, in any order.
	Sites []Site `json:"sites"`
}

// Site is one school.
type Site struct {
	ID   string `json:"id"`
	Name string `json:"name"`
	DfE  string `json:"dfe,omitempty"`
	// LastComplete is when the roll was last read whole; People and Groups are the
	// sizes of that read.
	LastComplete time.Time `json:"lastComplete,omitzero"`
	People       int       `json:"people"`
	Groups       int       `json:"groups"`
	// Frozen says that the school may not be read, since FrozenSince, for FrozenReason.
	Frozen       bool      `json:"frozen"`
	FrozenSince  time.Time `json:"frozenSince,omitzero"`
	FrozenReason string    `json:"frozenReason,omitempty"`
	// Next is when the next run is to begin; zero where none is planned.
	Next time.Time `json:"next,omitzero"`
	// Targets are where the school is provisioned to.
	Targets []Target `json:"targets"`
}

// Target is one school at one target: its last run and what waits there.
type Target struct {
	Name string `json:"name"`
	// Status of the last run: done, partial, failed, held, skipped, running, or empty
	// where there was none.
	Status string `json:"status,omitempty"`
	// Reason is a sentence on why it is so.
	Reason  string    `json:"reason,omitempty"`
	Started time.Time `json:"started,omitzero"`
	Ended   time.Time `json:"ended,omitzero"`
	// Applied and Failed count the last run's changes by counter.
	Applied map[string]int `json:"applied,omitempty"`
	Failed  map[string]int `json:"failed,omitempty"`
	// Held are the plans that wait for a decision.
	Held []Held `json:"held,omitempty"`
	// Escrow counts the objects that failed and wait for their next try.
	Escrow int `json:"escrow,omitempty"`
	// Quarantine is set while the target, for all schools, is left alone.
	Quarantine *Quarantine `json:"quarantine,omitempty"`
}

// Quarantine is since when, until when and why a target is left alone.
type Quarantine struct {
	Since  time.Time `json:"since"`
	Next   time.Time `json:"next"`
	Reason string    `json:"reason"`
}

// Held is a plan that a safeguard stopped.
type Held struct {
	ID    int64     `json:"id"`
	Since time.Time `json:"since,omitzero"`
	// Breaches are the sentences of the safeguards that were broken.
	Breaches []string `json:"breaches"`
}

// urgency orders what needs somebody's attention before what does not.
func urgency(s *Site) int {
	worst := 9
	if s.Frozen {
		worst = 1
	}
	for _, t := range s.Targets {
		switch {
		case len(t.Held) > 0:
			return 0
		case t.Status == "failed" || t.Quarantine != nil:
			worst = min(worst, 2)
		case t.Status == "partial" || t.Escrow > 0:
			worst = min(worst, 3)
		}
	}
	return worst
}

// sortSites puts what is urgent first, then by name and id.
func sortSites(sites []Site) []Site {
	sites = slices.Clone(sites)
	slices.SortStableFunc(sites, func(a, b Site) int {
		return cmp.Or(cmp.Compare(urgency(&a), urgency(&b)), cmp.Compare(a.Name, b.Name), cmp.Compare(a.ID, b.ID))
	})
	return sites
}

// summary counts what stands at the top of the page.
type summary struct{ Sites, Frozen, Held, Failing, Running, Quarantined, Escrow int }

func summarise(sites []Site) summary {
	s, quarantined := summary{Sites: len(sites)}, map[string]bool{}
	for _, site := range sites {
		if site.Frozen {
			s.Frozen++
		}
		for _, t := range site.Targets {
			s.Held += len(t.Held)
			s.Escrow += t.Escrow
			if t.Quarantine != nil {
				quarantined[t.Name] = true
			}
			switch t.Status {
			case "failed", "partial":
				s.Failing++
			case "running":
				s.Running++
			}
		}
	}
	s.Quarantined = len(quarantined)
	return s
}
