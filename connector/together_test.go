package connector

import (
	"context"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"simscim/config"
	"simscim/connector/plan"
	"simscim/connector/source"
	"simscim/connector/target"
	"simscim/roster"
)

// Gather makes slow a target.Gatherer.
func (s *slow) Gather() int { return s.gather }

// moving is a source whose roll is told school by school; day is when it is read.
type moving struct {
	trust
	day  int
	roll map[string][]string
}

func (s *moving) Read(_ context.Context, site roster.Site, _ source.Want) (*roster.Snapshot, error) {
	b := roster.NewBuilder(site, time.Date(2026, 11, 23+s.day, 2, 0, 0, 0, time.UTC))
	key := roster.GroupKey{Kind: roster.Class, ID: "c-" + site.ID}
	b.AddGroup(roster.Group{GroupKey: key, Name: "7A"})
	for _, id := range s.roll[site.ID] {
		b.AddPerson(roster.Person{ID: id, Kind: roster.Student, State: roster.Current, GivenName: "Ann", FamilyName: id})
		b.AddMembership(roster.Membership{Group: key, Person: id})
	}
	return b.Finish(), nil
}

// aligned lists the schools as a timetable does.
func aligned(t *testing.T, e *Engine) []Job {
	t.Helper()
	jobs, _, err := e.Align(t.Context(), Selection{}, true)
	if err != nil {
		t.Fatal(err)
	}
	return jobs
}

func always(_ string, work func()) { work() }

// What a timetable begins at once goes out at once, without the schools that may not begin.
func TestSchoolsOfATimetable(t *testing.T) {
	t.Parallel()
	tgt := &slow{gather: 1000}
	e := gatherEngine(t, 10, tgt, time.Minute)
	jobs := aligned(t, e)
	for _, j := range jobs {
		if name, ok := e.Gathers(j); !ok || name != "dir" {
			t.Errorf("%s gathers at %q", j.Site.ID, name)
		}
	}
	runs := e.SyncSchools(t.Context(), jobs, func(site string, work func()) {
		if site != "school-04" {
			work()
		}
	})
	if len(runs) != 9 || !slices.Equal(tgt.calls, []int{27, 9}) {
		t.Fatalf("%d runs, calls with %v changes", len(runs), tgt.calls)
	}
	for _, run := range runs {
		if run.Status != Done || run.Site == "school-04" {
			t.Errorf("%s: %s %s", run.Site, run.Status, run.Reason)
		}
	}
	one := gatherEngine(t, 1, &yes{}, time.Minute)
	if name, ok := one.Gathers(aligned(t, one)[0]); ok {
		t.Errorf("a plain target gathers: %s", name)
	}
}

// The first target that gathers, in the school's own order, decides whom it goes with.
func TestFirstTargetThatGathers(t *testing.T) {
	t.Parallel()
	e := &Engine{Options: Options{Targets: map[string]target.Target{"plain": &yes{}, "idle": &slow{}, "a": &slow{gather: 5}, "b": &slow{gather: 9}}}}
	for want, order := range map[string][]string{"b": {"plain", "idle", "b", "a"}, "a": {"a", "b"}, "": {"idle", "plain", "gone"}} {
		if got, ok := e.Gathers(Job{targets: order}); got != want || ok != (want != "") {
			t.Errorf("%v: %q", order, got)
		}
	}
}

// A run that is told to stop ends the schools that wait; the next goes on from there.
func TestStopWhileSchoolsWait(t *testing.T) {
	t.Parallel()
	tgt := &slow{gather: 1000}
	e := gatherEngine(t, 4, tgt, time.Minute)
	jobs := aligned(t, e)
	ctx, stop := context.WithCancel(t.Context())
	var mu sync.Mutex
	begun := 0
	runs := e.SyncSchools(ctx, jobs, func(_ string, work func()) {
		mu.Lock()
		defer mu.Unlock()
		if begun == 2 {
			return
		}
		work()
		if begun++; begun == 2 {
			stop()
		}
	})
	if len(runs) != 2 || len(tgt.calls) != 0 {
		t.Fatalf("%d runs, calls with %v changes", len(runs), tgt.calls)
	}
	for _, run := range runs {
		if run.Status != Failed || !strings.Contains(run.Reason, "told to stop") {
			t.Errorf("%s: %s %s", run.Site, run.Status, run.Reason)
		}
	}
	noted, err := e.Ledger.Runs(t.Context(), "", 10)
	if err != nil || len(noted) != 2 || noted[0].End.At.IsZero() || noted[1].End.At.IsZero() {
		t.Errorf("%v: %+v", err, noted)
	}
	for _, run := range e.SyncSchools(t.Context(), jobs, always) {
		if run.Status != Done || *run.Changes["createUser"].Applied != 3 {
			t.Errorf("%s: %s %s", run.Site, run.Status, run.Reason)
		}
	}
}

// No more schools are worked on at once than may be, however many runs there are.
func TestPlacesAreSharedByRuns(t *testing.T) {
	t.Parallel()
	e := gatherEngine(t, 12, &slow{gather: 1000}, time.Minute)
	jobs := aligned(t, e)
	var mu sync.Mutex
	under, most := 0, 0
	count := func(n int) {
		mu.Lock()
		defer mu.Unlock()
		under += n
		most = max(most, under)
	}
	var group sync.WaitGroup
	for part := range slices.Chunk(jobs, 4) {
		group.Go(func() {
			e.SyncSchools(t.Context(), part, func(_ string, work func()) {
				count(1)
				defer count(-1)
				work()
			})
		})
	}
	group.Wait()
	if most > e.Parallel {
		t.Errorf("%d schools at once, %d may be", most, e.Parallel)
	}
}

// Two runs at one target wait in one place: the one that ends first carries out what waits
// of the other, which then finds its schools done.
func TestRunsGatherTogether(t *testing.T) {
	t.Parallel()
	tgt := &slow{gather: 1000}
	e := gatherEngine(t, 3, tgt, time.Minute)
	jobs := aligned(t, e)
	waits, over := make(chan struct{}), make(chan struct{})
	ended := make(chan []*Run)
	go func() {
		ended <- e.SyncSchools(t.Context(), jobs[:2], func(site string, work func()) {
			if site == "school-01" { // the first school waits, this one has not begun
				<-waits
				<-over
			}
			work()
			if site == "school-00" {
				close(waits)
			}
		})
	}()
	<-waits
	second := e.SyncSchools(t.Context(), jobs[2:], always)
	close(over)
	first := <-ended
	if !slices.Equal(tgt.calls, []int{6, 2, 3, 1}) {
		t.Errorf("calls with %v changes", tgt.calls)
	}
	for _, run := range append(first, second...) {
		if run.Status != Done || *run.Changes["createUser"].Applied != 3 {
			t.Errorf("%s: %s %s", run.Site, run.Status, run.Reason)
		}
	}
}

// A target's own safeguards count what waits to be done there.
func TestSafeguardsCountWhatWaits(t *testing.T) {
	t.Parallel()
	tgt := &slow{gather: 1000}
	e := gatherEngine(t, 10, tgt, time.Minute)
	ten := 10
	e.Routes.config.Targets["dir"].Safeguards = config.Safeguards{"createUsers": {Count: &ten}}
	report, err := e.Sync(t.Context(), Selection{}, Manner{})
	if err != nil || report.Totals.ByStatus[Done] != 3 || report.Totals.ByStatus[Held] != 7 || !slices.Equal(tgt.calls, []int{9, 3}) {
		t.Errorf("%v: %v, calls with %v changes", err, report.Totals.ByStatus, tgt.calls)
	}
}

// Somebody whose grace at one school ends in the night in which the next school has them
// keeps the account.
func TestArrivalSparesWhoWaits(t *testing.T) {
	t.Parallel()
	both := map[string][]string{"school-00": {"a", "b", "x"}, "school-01": {"c"}}
	left := map[string][]string{"school-00": {"a", "b"}, "school-01": {"c"}}
	moved := map[string][]string{"school-00": {"a", "b"}, "school-01": {"c", "x"}}
	src, tgt := &moving{trust: trust{schools: 2}}, &slow{gather: 1000}
	e := rekeyEngine(t, src, tgt)
	e.Routes.config.Targets["dir"].ConfirmWithin.Duration = time.Minute
	jobs := aligned(t, e)
	for day, roll := range []map[string][]string{both, left, moved, moved} {
		src.day, src.roll = 2*day, roll
		for _, run := range e.SyncSchools(t.Context(), jobs, always) {
			want := Done
			if day == 2 && run.Site == "school-00" {
				want = Partial // it says that somebody is left alone
			}
			if run.Status != want {
				t.Errorf("day %d: %s: %s %s", day, run.Site, run.Status, run.Reason)
			}
		}
	}
	if slices.Contains(tgt.actions, plan.SuspendUser) {
		t.Error("the account was suspended")
	}
	for site, claimed := range map[string]bool{"school-00": false, "school-01": true} {
		st, err := e.Ledger.Load(t.Context(), "dir", site)
		if err != nil {
			t.Fatal(err)
		}
		if x := st.Users["sims:x"]; (x != nil) != claimed || claimed && x.Status != plan.Active {
			t.Errorf("%s has %+v", site, x)
		}
	}
}

// A leaver whom no school has is suspended, together with the rest.
func TestLeaverWhoWaitsIsSuspended(t *testing.T) {
	t.Parallel()
	src, tgt := &moving{trust: trust{schools: 2}}, &slow{gather: 1000}
	e := rekeyEngine(t, src, tgt)
	e.Routes.config.Targets["dir"].ConfirmWithin.Duration = time.Minute
	for day := range 3 {
		src.day, src.roll = 2*day, map[string][]string{"school-00": {"a", "b"}, "school-01": {"c"}}
		if day == 0 {
			src.roll["school-00"] = append(src.roll["school-00"], "x")
		}
		e.SyncSchools(t.Context(), aligned(t, e), always)
	}
	st, err := e.Ledger.Load(t.Context(), "dir", "school-00")
	if err != nil || st.Users["sims:x"].Status != plan.Suspended || !slices.Contains(tgt.actions, plan.SuspendUser) {
		t.Errorf("%v: %+v", err, st.Users["sims:x"])
	}
}

// Taking a run back at such a target does not wait for a sync.
func TestUndoDoesNotWait(t *testing.T) {
	t.Parallel()
	src, tgt := &moving{trust: trust{schools: 1}, roll: map[string][]string{"school-00": {"a", "b", "x"}}}, &slow{gather: 1000}
	e := rekeyEngine(t, src, tgt)
	e.Routes.config.Targets["dir"].ConfirmWithin.Duration = time.Minute
	for day := range 3 { // after the grace x is out of the class
		if src.day = 2 * day; day > 0 {
			src.roll["school-00"] = []string{"a", "b"}
		}
		e.SyncSchools(t.Context(), aligned(t, e), always)
	}
	members := func() int {
		st, err := e.Ledger.Load(t.Context(), "dir", "school-00")
		if err != nil {
			t.Fatal(err)
		}
		for _, g := range st.Groups {
			return len(g.Members)
		}
		return 0
	}
	if members() != 2 {
		t.Fatalf("%d members", members())
	}
	runs, err := e.Ledger.Runs(t.Context(), "", 1)
	if err != nil {
		t.Fatal(err)
	}
	report, err := e.Undo(t.Context(), runs[0].ID, true)
	if err != nil || report.Runs[0].Status == "" || members() != 3 {
		t.Errorf("%v: %s %s, %d members", err, report.Runs[0].Status, report.Runs[0].Reason, members())
	}
	if runs, err = e.Ledger.Runs(t.Context(), "", 1); err != nil || runs[0].End.At.IsZero() {
		t.Errorf("%v: the run of the undo has not ended", err)
	}
}
