package connector

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"simscim/config"
	"simscim/connector/plan"
	"simscim/connector/source"
	"simscim/connector/target"
	"simscim/roster"
	"simscim/scim"
)

// trust is a source with several schools of three pupils each.
type trust struct {
	school
	schools int
}

func (s *trust) Sites(context.Context) (list []roster.Site, err error) {
	for i := range s.schools {
		list = append(list, roster.Site{ID: fmt.Sprintf("school-%02d", i), Name: fmt.Sprintf("School %02d", i)})
	}
	return list, nil
}

func (s *trust) Read(_ context.Context, site roster.Site, _ source.Want) (*roster.Snapshot, error) {
	b := roster.NewBuilder(site, time.Date(2026, 11, 23, 2, 0, 0, 0, time.UTC))
	key := roster.GroupKey{Kind: roster.Class, ID: "c-" + site.ID}
	b.AddGroup(roster.Group{GroupKey: key, Name: "7A"})
	for _, id := range []string{"1", "2", "3"} {
		b.AddPerson(roster.Person{ID: site.ID + id, Kind: roster.Student, State: roster.Current, GivenName: "Ann", FamilyName: site.ID + id})
		b.AddMembership(roster.Membership{Group: key, Person: site.ID + id})
	}
	return b.Finish(), nil
}

// slow takes users now and tells later what became of them; groups it takes at once.
type slow struct {
	yes
	gather int
	// calls are how many changes came with each call of Apply, actions what they were.
	calls   []int
	actions []plan.Action
	// tell is how often Results must be asked before it tells anything, fail the key that
	// fails, and putOff how many users are sent before no more may be.
	tell   int
	fail   string
	putOff int
	asked  int
}

func (s *slow) Capabilities(ctx context.Context) (target.Capabilities, error) {
	caps, err := s.yes.Capabilities(ctx)
	caps.Gather, caps.PricePerCall = s.gather, 0.002
	return caps, err
}

func (s *slow) Apply(ctx context.Context, changes []plan.Change, lookup target.Lookup, confirm func(target.Outcome) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	s.calls = append(s.calls, len(changes))
	for i := range changes {
		c := &changes[i]
		s.actions = append(s.actions, c.Action)
		o := target.Outcome{Change: c, RemoteID: "r-" + c.Key, Final: true, Accepted: true}
		if c.Kind == scim.Group {
			o.Accepted, o.Attributes, o.Removed = false, true, c.Remove
			for _, key := range c.Add {
				if _, ok := lookup(key); ok {
					o.Added = append(o.Added, key)
				}
			}
		} else if s.putOff > 0 && i >= s.putOff {
			o = target.Outcome{Change: c, Final: true, Err: fmt.Errorf("the day's calls are used up: %w", target.ErrPutOff)}
		}
		if err := confirm(o); err != nil {
			return err
		}
	}
	return nil
}

func (s *slow) Results(_ context.Context, pending []target.Pending) (list []target.Result, err error) {
	if s.asked++; s.asked <= s.tell {
		return nil, nil
	}
	for _, p := range pending {
		r := target.Result{Kind: p.Kind, Key: p.Key, RemoteID: "r-" + p.Key}
		if p.Key == s.fail {
			r.RemoteID, r.Err, r.Advice = "", errors.New("the domain does not exist"), "verify the domain"
		}
		list = append(list, r)
	}
	return list, nil
}

func gatherEngine(t *testing.T, schools int, tgt target.Target, within time.Duration) *Engine {
	t.Helper()
	e := rekeyEngine(t, &trust{schools: schools}, tgt)
	e.Routes.config.Targets["dir"].ConfirmWithin.Duration = within
	e.Parallel, e.places = 3, make(chan struct{}, 3)
	return e
}

// Many schools go out in one call, and every one is confirmed in its own run.
func TestSchoolsGoOutTogether(t *testing.T) {
	t.Parallel()
	tgt := &slow{gather: 1000}
	e := gatherEngine(t, 10, tgt, time.Minute)
	report, err := e.Sync(t.Context(), Selection{}, Manner{})
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(tgt.calls, []int{30, 10}) {
		t.Errorf("calls with %v changes", tgt.calls)
	}
	if len(report.Runs) != 10 {
		t.Fatalf("%d runs", len(report.Runs))
	}
	for _, run := range report.Runs {
		if run.Status != Done || *run.Changes["createUser"].Applied != 3 || *run.Changes[plan.AddMember].Applied != 3 {
			t.Errorf("%s: %s %s", run.Site, run.Status, run.Reason)
		}
		if run.Cost == 0 {
			t.Error("a call has a price and the plan has none")
		}
	}
	if report, err = e.Sync(t.Context(), Selection{}, Manner{}); err != nil || report.Totals.ByStatus[Done] != 10 || len(tgt.calls) != 2 {
		t.Errorf("%v, %v, %d calls", err, report.Totals.ByStatus, len(tgt.calls))
	}
}

// A school does not wait once enough has come together.
func TestGatheringEnds(t *testing.T) {
	t.Parallel()
	tgt := &slow{gather: 12}
	e := gatherEngine(t, 10, tgt, time.Minute)
	if _, err := e.Sync(t.Context(), Selection{}, Manner{}); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(tgt.calls, []int{9, 3, 9, 3, 9, 3, 3, 1}) {
		t.Errorf("calls with %v changes", tgt.calls)
	}
}

// What the target tells within the time is confirmed in the run; what it does not is
// waited for by the next, and never sent twice.
func TestToldLater(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		tgt := &slow{gather: 1000, tell: 3}
		e := gatherEngine(t, 2, tgt, time.Hour)
		report, err := e.Sync(t.Context(), Selection{}, Manner{})
		if err != nil || report.Totals.ByStatus[Done] != 2 || tgt.asked != 4 {
			t.Fatalf("%v: %v after asking %d times", err, report.Totals.ByStatus, tgt.asked)
		}

		tgt = &slow{gather: 1000, tell: 100}
		e = gatherEngine(t, 2, tgt, time.Minute)
		report, err = e.Sync(t.Context(), Selection{}, Manner{})
		if err != nil {
			t.Fatal(err)
		}
		for _, run := range report.Runs {
			tally := run.Changes["createUser"]
			if tally.Accepted != 3 || *tally.Applied != 0 || *tally.Failed != 0 {
				t.Errorf("%s: %+v", run.Reason, tally)
			}
		}
		sent := len(tgt.calls)
		report, err = e.Sync(t.Context(), Selection{}, Manner{})
		if err != nil || report.Totals.ByStatus[Partial] != 2 {
			t.Fatalf("%v: %v", err, report.Totals.ByStatus)
		}
		for i := range tgt.calls[sent:] {
			if tgt.calls[sent+i] > 2 { // the two groups at most
				t.Errorf("accepted changes were sent again: %v", tgt.calls)
			}
		}
		tgt.tell = 0
		for range 2 { // the first learns of the accounts and fills the groups
			if report, err = e.Sync(t.Context(), Selection{}, Manner{}); err != nil {
				t.Fatal(err)
			}
		}
		if report.Totals.ByStatus[Done] != 2 || len(report.Totals.Changes) > 0 {
			t.Errorf("%v %v", report.Totals.ByStatus, report.Totals.Changes)
		}
	})
}

// While a run waits it says for how many changes, asks at growing distances, and counts the
// time as its own.
func TestWaitingIsTold(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := gatherEngine(t, 2, &slow{gather: 1000, tell: 5}, time.Hour)
		told := map[string][]int{}
		e.Watch = func(ev Event) {
			if ev.Awaited > 0 {
				told[ev.Site] = append(told[ev.Site], ev.Awaited)
			}
		}
		report, err := e.Sync(t.Context(), Selection{}, Manner{})
		if err != nil {
			t.Fatal(err)
		}
		for _, run := range report.Runs {
			if got := told[run.Site]; !slices.Equal(got, []int{6, 6, 6, 6, 6}) {
				t.Errorf("%s is told of %v", run.Site, got)
			}
			if want := (2 + 4 + 8 + 15 + 15) * time.Second; run.Seconds < want.Seconds() || run.Seconds > want.Seconds()+1 {
				t.Errorf("%s took %v s, want %s", run.Site, run.Seconds, want)
			}
		}
	})
}

// One that failed after all is in escrow, with the target's advice.
func TestToldOfAFailure(t *testing.T) {
	t.Parallel()
	tgt := &slow{gather: 1000, fail: "sims:school-012"}
	e := gatherEngine(t, 2, tgt, time.Minute)
	report, err := e.Sync(t.Context(), Selection{}, Manner{})
	if err != nil {
		t.Fatal(err)
	}
	if report.Runs[0].Status != Done || report.Runs[1].Status != Partial || len(report.Runs[1].Troubles) != 1 || report.Runs[1].Troubles[0].Advice != "verify the domain" {
		t.Errorf("%s, %s %+v", report.Runs[0].Status, report.Runs[1].Status, report.Runs[1].Troubles)
	}
	list, err := e.Ledger.Escrows(t.Context(), "dir", "")
	if err != nil || len(list) != 1 || list[0].Key != tgt.fail {
		t.Errorf("%v %+v", err, list)
	}
}

// What was put off is no failure of the target: it waits in no escrow and brings nobody
// into quarantine.
func TestPutOff(t *testing.T) {
	t.Parallel()
	tgt := &slow{gather: 1000, putOff: 4}
	e := gatherEngine(t, 3, tgt, time.Minute)
	e.Routes.config.Quarantine = config.Quarantine{Percent: 1, MinFailures: 1}
	if _, err := e.Sync(t.Context(), Selection{}, Manner{}); err != nil {
		t.Fatal(err)
	}
	tgt.putOff = 0
	for range 2 {
		report, err := e.Sync(t.Context(), Selection{}, Manner{})
		if err != nil || report.Totals.ByStatus[Skipped] > 0 {
			t.Fatalf("%v %v", err, report.Totals.ByStatus)
		}
	}
	for i := range 3 {
		st, err := e.Ledger.Load(t.Context(), "dir", fmt.Sprintf("school-%02d", i))
		if err != nil || len(st.Users) != 3 || len(st.Groups) != 1 {
			t.Errorf("school %d: %v %d users", i, err, len(st.Users))
		}
		for _, g := range st.Groups {
			if len(g.Members) != 3 {
				t.Errorf("school %d: %d members", i, len(g.Members))
			}
		}
	}
}

// A plan that costs more than it may is held.
func TestMaxCost(t *testing.T) {
	t.Parallel()
	tgt := &slow{gather: 1}
	e := gatherEngine(t, 1, tgt, time.Minute)
	most := 0.001
	e.Routes.config.Targets["dir"].MaxCost = &most
	report, err := e.Sync(t.Context(), Selection{}, Manner{})
	if err != nil || report.Runs[0].Status != Held || len(tgt.calls) > 0 {
		t.Fatalf("%v %s %s", err, report.Runs[0].Status, report.Runs[0].Reason)
	}
}
