package connector

import (
	"cmp"
	"slices"
	"time"

	"simscim/connector/plan"
	"simscim/mapper"
	"simscim/roster"
	"simscim/scim"
)

// Status is how a run ended.
type Status string

// The statuses of a run.
const (
	// Done: everything that was planned is confirmed, or there was nothing to do.
	Done Status = "done"
	// Partial: some objects failed, the rest is done.
	Partial Status = "partial"
	// Failed: nothing could be done.
	Failed Status = "failed"
	// Held: a safeguard stopped the plan; nothing was written.
	Held Status = "held"
	// Skipped: the school could not, or may not, be read whole; nothing was written.
	Skipped Status = "skipped"
)

// Report is what a plan or a sync has to say. Its JSON form is a contract.
type Report struct {
	Runs   []*Run `json:"runs"`
	Totals Totals `json:"totals"`

	// listing counts the requests that listed the schools.
	listing int64
}

// Totals adds up the runs.
type Totals struct {
	Runs     int                     `json:"runs"`
	ByStatus map[Status]int          `json:"byStatus"`
	Changes  map[plan.Counter]*Tally `json:"changes"`
	Requests Requests                `json:"requests"`
	Seconds  float64                 `json:"seconds"`
	Least    int                     `json:"leastRequests,omitempty"`
}

// Run is one site at one target.
type Run struct {
	Site   string `json:"site"`
	Name   string `json:"name"`
	DfE    string `json:"dfe,omitempty"`
	Target string `json:"target"`
	Status Status `json:"status"`
	// Reason is a sentence without personal data.
	Reason   string                  `json:"reason"`
	Changes  map[plan.Counter]*Tally `json:"changes"`
	Requests Requests                `json:"requests"`
	Seconds  float64                 `json:"seconds"`
	// Least is the smallest number of requests in which the plan could be carried out at
	// the target, to be seen beside Requests.Target; 0 where there was nothing to do.
	Least int `json:"leastRequests,omitempty"`
	// Cost is what those requests would cost at a target with a price per call, in US
	// dollars.
	Cost float64 `json:"cost,omitempty"`
	// Hold is the id under which a held plan can be approved.
	Hold int64 `json:"hold,omitempty"`
	// Passwords tells where the first passwords of new accounts are.
	Passwords *Handed `json:"passwords,omitempty"`
	// InGrace counts the people who are missing but not yet suspended.
	InGrace int `json:"inGrace,omitempty"`
	// SetAside counts the records that could not be used, by reason.
	SetAside []SetAside `json:"setAside,omitempty"`
	// Dropped counts the optional values that could not be used, by reason.
	Dropped []Dropped `json:"dropped,omitempty"`
	// Assumed are the assumptions of a plan for a later day, in plain words.
	Assumed []string `json:"assumed,omitempty"`
	// Troubles are the objects that are not as they should be, and why.
	Troubles []Trouble `json:"troubles,omitempty"`
	// Plan holds the changes themselves; in plans only.
	Plan []Step `json:"plan,omitempty"`

	// digest identifies the plan.
	digest string
	// begun says that the ledger holds the beginning and the end of the run.
	begun bool
	// unrouted says that the configuration has no entry for the school.
	unrouted bool
}

// Tally counts the changes of one counter. Applied and Failed are absent from plans.
type Tally struct {
	Planned int  `json:"planned"`
	Applied *int `json:"applied,omitempty"`
	Failed  *int `json:"failed,omitempty"`
	// Accepted counts what the target has taken and not yet told of.
	Accepted int `json:"accepted,omitempty"`
}

// Requests counts HTTP requests, retries included.
type Requests struct {
	Source int64 `json:"source"`
	Target int64 `json:"target"`
}

// SetAside counts records set aside for one reason.
type SetAside struct {
	Entity string `json:"entity"`
	Reason string `json:"reason"`
	Count  int    `json:"count"`
}

// Dropped counts optional values that were dropped for one reason; their records are
// used without them.
type Dropped struct {
	Entity string `json:"entity"`
	Field  string `json:"field"`
	Reason string `json:"reason"`
	Count  int    `json:"count"`
}

// Trouble is an object that is not as it should be.
type Trouble struct {
	Kind   scim.Kind   `json:"kind"`
	Key    string      `json:"key,omitempty"`
	Action plan.Action `json:"action,omitempty"`
	Reason string      `json:"reason"`
	Advice string      `json:"advice,omitempty"`
	// Candidates are the target's ids of the objects of which somebody has to choose.
	Candidates []string `json:"candidates,omitempty"`
	// Tries is how often it has failed, Next when it is tried again; of an object in
	// escrow only. Without Next it is not tried again by itself.
	Tries int       `json:"tries,omitempty"`
	Next  time.Time `json:"next,omitzero"`
}

// Step is one change of a plan, for people and scripts that asked to see it. Unlike
// everything else in a report it holds personal data.
type Step struct {
	Action plan.Action `json:"action"`
	Kind   scim.Kind   `json:"kind"`
	Key    string      `json:"key"`
	Label  string      `json:"label,omitempty"`
	Fields []StepField `json:"fields,omitempty"`
	Add    []string    `json:"add,omitempty"`
	Remove []string    `json:"remove,omitempty"`
	Reason string      `json:"reason"`
	// Password is the kind of first password that the account is made with.
	Password mapper.Password `json:"password,omitempty"`
	// Drift says that the target was changed behind our back.
	Drift bool `json:"drift,omitempty"`
}

// StepField is one attribute that a step sets.
type StepField struct {
	Path   scim.Path `json:"path"`
	Before any       `json:"before,omitempty"`
	After  any       `json:"after"`
}

func newRun(site roster.Site, target string) *Run {
	return &Run{Site: site.ID, Name: site.Name, DfE: site.DfE, Target: target, Changes: map[plan.Counter]*Tally{}}
}

func (r *Run) end(status Status, reason string) { r.Status, r.Reason = status, reason }

// Pending tells whether the run's plan has changes.
func (r *Run) Pending() bool { return len(r.Changes) > 0 }

// Unrouted tells whether the run is of a school that the configuration leaves out.
func (r *Run) Unrouted() bool { return r.unrouted }

// planned takes the plan's counts.
func (r *Run) planned(counts map[plan.Counter]int) {
	for counter, n := range counts {
		r.Changes[counter] = &Tally{Planned: n}
	}
}

// replanned takes what was done and what is planned instead of what was not.
func (r *Run) replanned(done, counts map[plan.Counter]int) {
	r.Changes = map[plan.Counter]*Tally{}
	for counter, n := range counts {
		done[counter] += n
	}
	r.planned(done)
}

// outcome takes what was confirmed and what was accepted; whatever else was planned
// failed.
func (r *Run) outcome(applied, accepted map[plan.Counter]int) {
	for counter, tally := range r.Changes {
		done := applied[counter]
		tally.Accepted = accepted[counter]
		failed := max(tally.Planned-done-tally.Accepted, 0)
		tally.Applied, tally.Failed = &done, &failed
	}
}

// validated takes what the source had to leave out of a snapshot into the run.
func (r *Run) validated(snap *roster.Snapshot) {
	r.SetAside = countSetAside(snap.SetAside)
	for _, w := range snap.Warnings {
		r.Dropped = append(r.Dropped, Dropped(w))
	}
}

// countSetAside counts set-aside records by entity and reason, in that order.
func countSetAside(list []roster.SetAside) []SetAside {
	counts := map[roster.SetAside]int{}
	for _, s := range list {
		counts[roster.SetAside{Entity: s.Entity, Reason: s.Reason}]++
	}
	sums := make([]SetAside, 0, len(counts))
	for s, n := range counts {
		sums = append(sums, SetAside{Entity: s.Entity, Reason: s.Reason, Count: n})
	}
	slices.SortFunc(sums, func(x, y SetAside) int {
		return cmp.Or(cmp.Compare(x.Entity, y.Entity), cmp.Compare(x.Reason, y.Reason))
	})
	return sums
}

// steps writes the plan out. drifted tells which changes mend what others have done.
func (r *Run) steps(p *plan.Plan, drifted func(c *plan.Change) bool) {
	for i := range p.Changes {
		c := &p.Changes[i]
		s := Step{Action: c.Action, Kind: c.Kind, Key: c.Key, Label: c.Label, Add: c.Add, Remove: c.Remove, Reason: c.Reason, Password: c.Password, Drift: drifted(c)}
		if c.RemoteID == "" {
			for _, a := range c.After {
				if !scim.IsUnassigned(a.Value) {
					s.Fields = append(s.Fields, StepField{Path: a.Path, After: a.Value})
				}
			}
		}
		for _, f := range c.Set {
			s.Fields = append(s.Fields, StepField{Path: f.Path, Before: f.Before, After: f.After})
		}
		r.Plan = append(r.Plan, s)
	}
}

// sum adds up the runs.
func (r *Report) sum(took time.Duration) {
	t := Totals{Runs: len(r.Runs), ByStatus: map[Status]int{}, Changes: map[plan.Counter]*Tally{}, Seconds: took.Seconds()}
	for _, run := range r.Runs {
		t.ByStatus[run.Status]++
		t.Requests.Source += run.Requests.Source
		t.Requests.Target += run.Requests.Target
		t.Least += run.Least
		for counter, tally := range run.Changes {
			if t.Changes[counter] == nil {
				t.Changes[counter] = &Tally{}
			}
			t.Changes[counter].add(tally)
		}
	}
	t.Requests.Source += r.listing
	r.Totals = t
}

func (t *Tally) add(other *Tally) {
	t.Planned += other.Planned
	t.Applied = addInt(t.Applied, other.Applied)
	t.Failed = addInt(t.Failed, other.Failed)
	t.Accepted += other.Accepted
}

func addInt(sum, n *int) *int {
	if n == nil {
		return sum
	}
	total := *n
	if sum != nil {
		total += *sum
	}
	return &total
}
