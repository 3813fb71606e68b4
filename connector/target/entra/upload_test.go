package entra_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"simscim/config"
	"simscim/connector/plan"
	"simscim/connector/target"
	sandbox "simscim/sandbox/entra"
	"simscim/scim"
)

func TestUsersAreConfirmedByTheLog(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setting{})
	custom := scim.MustPath("urn:oakfield:2.0:User:house")
	head := user("head", "head@oakfield.example")
	ch := user("k1", "ann@oakfield.example",
		scim.Attribute{Path: custom, Value: "Red"},
		scim.Attribute{Path: scim.MustPath(scim.EnterpriseURN + ":manager.value"), Value: "head"},
		scim.Attribute{Path: scim.MustPath(`emails[type eq "work"].value`), Value: "ann@oakfield.example"},
		scim.Attribute{Path: "title", Value: "Year 7"})
	pending := w.accepted(ch, head)
	early, err := w.target.Results(t.Context(), pending)
	if err != nil || len(early) != 0 {
		t.Fatalf("before the log has anything, %v is told (%v)", early, err)
	}
	got := w.results(pending)
	u := w.userAt("k1")
	if r := got["k1"]; r.Err != nil || r.RemoteID != u.ID {
		t.Fatalf("the result is %+v, want the id %s", r, u.ID)
	}
	if u.Manager != w.userAt("head").ID || u.Properties["jobTitle"] != "Year 7" || u.Properties["mail"] != "ann@oakfield.example" || !u.Enabled {
		t.Errorf("the account is %+v", u)
	}
	if diff := cmp.Diff(map[string]any{"urn:oakfield:2.0:User": map[string]any{"house": "Red"}}, u.Custom); diff != "" {
		t.Errorf("custom attributes (-want +got):\n%s", diff)
	}

	// An attribute that is taken away is cleared; the rest stays.
	less := ch
	less.Action, less.RemoteID = plan.UpdateUser, u.ID
	less.Set = []plan.Field{{Path: "title"}}
	less.After = nil
	for _, a := range ch.After {
		if a.Path != "title" {
			less.After = append(less.After, a)
		}
	}
	w.confirmed(less)
	if u := w.userAt("k1"); u.Properties["jobTitle"] != nil || u.Properties["mail"] == nil {
		t.Errorf("after an update the account is %+v", u.Properties)
	}

	suspend := plan.Change{
		Action: plan.SuspendUser, Kind: scim.User, Key: "k1", RemoteID: u.ID, Label: "ann@oakfield.example",
		After: scim.Attributes{{Path: "active", Value: false}},
	}
	w.confirmed(suspend)
	if u := w.userAt("k1"); u.Enabled || u.Properties["givenName"] != "Givenk1" {
		t.Errorf("a suspended account is %+v", u)
	}
	// The same again changes nothing, and is confirmed all the same.
	if r := w.confirmed(suspend)["k1"]; r.RemoteID != u.ID {
		t.Errorf("a skipped record is told of as %+v", r)
	}
	back := less
	back.Action, back.Set = plan.ReactivateUser, []plan.Field{{Path: "active", After: true}}
	w.confirmed(back)
	if !w.userAt("k1").Enabled {
		t.Error("the account stays suspended")
	}
	if len(w.Snapshot().Warnings) > 0 {
		t.Errorf("the look-alike warns: %v", w.Snapshot().Warnings)
	}
	w.nobodyDeleted()
}

func TestUploadsAreFew(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setting{})
	if _, err := w.target.Capabilities(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.accepted(pupils(510)...)
	if n := w.Requests()[sandbox.Uploads]; n != 11 {
		t.Errorf("510 users take %d uploads, want 11", n)
	}
	if len(w.count.taken) != 11 {
		t.Errorf("%d uploads are counted, want 11", len(w.count.taken))
	}
}

func TestTheDaysUploads(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setting{change: func(c *config.Target) { c.DailyCalls = 3 }})
	all := pupils(260)
	got := w.apply(all...)
	later := 0
	for _, ch := range all {
		o := got[ch.Key][0]
		if o.Err == nil {
			continue
		}
		later++
		if !errors.Is(o.Err, target.ErrPutOff) || o.Advice == "" || !strings.Contains(o.Err.Error(), "the day's uploads are used up") {
			t.Fatalf("what the day does not hold is told of as %v (%s)", o.Err, o.Advice)
		}
	}
	if n := w.Requests()[sandbox.Uploads]; later != 110 || n != 3 {
		t.Errorf("%d are put off after %d uploads, want 110 after 3", later, n)
	}
	w.target = w.newTarget() // another process
	if o := w.apply(pupil(900)); !errors.Is(o[pupil(900).Key][0].Err, target.ErrPutOff) {
		t.Error("another process uploads in spite of the day")
	}
	w.clock.Advance(24 * time.Hour)
	w.accepted(all[150:]...)
}

// The service's own count may be less than ours, when others upload as well.
func TestTheServiceTakesNoMore(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setting{sandbox: sandbox.Options{Limits: sandbox.Limits{UploadsPerDay: 2}}})
	got := w.apply(pupils(200)...)
	off := 0
	for _, list := range got {
		if errors.Is(list[0].Err, target.ErrPutOff) {
			off++
		}
	}
	if off != 100 {
		t.Errorf("%d are put off, want 100", off)
	}
}

func TestUploadTroubles(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		faults  sandbox.Faults
		uploads int
		fails   bool
	}{
		"lost answer":     {faults: sandbox.Faults{DropWrite: 1}, uploads: 2},
		"throttled":       {faults: sandbox.Faults{Throttle: 1}, uploads: 2},
		"503 and then ok": {faults: sandbox.Faults{Fail: 2, FailWrites: true}, uploads: 3},
		"504 but done":    {faults: sandbox.Faults{FailAfter: 1}, uploads: 2},
		"503 for good":    {faults: sandbox.Faults{Fail: 50, FailWrites: true}, uploads: 3, fails: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, setting{})
			if _, err := w.target.Capabilities(t.Context()); err != nil {
				t.Fatal(err)
			}
			w.SetFaults(tt.faults)
			o := w.apply(pupil(1))[pupil(1).Key][0]
			if o.Accepted == tt.fails || (o.Err != nil) != tt.fails || tt.fails && o.Advice == "" {
				t.Errorf("the outcome is %+v", o)
			}
			if n := w.Requests()[sandbox.Uploads]; n != tt.uploads {
				t.Errorf("%d uploads were sent, want %d", n, tt.uploads)
			}
			if n := len(w.count.taken); n > tt.uploads {
				t.Errorf("%d uploads are counted, and %d were sent", n, tt.uploads)
			}
			w.SetFaults(sandbox.Faults{})
			if !tt.fails {
				w.results([]target.Pending{{Kind: scim.User, Key: pupil(1).Key, Since: w.clock.Now().Add(-time.Second)}})
				if users, _, _ := w.Counts(); users != 1 {
					t.Errorf("there are %d accounts, want 1", users)
				}
			}
		})
	}
}

// One record that the service does not take does not keep the others back.
func TestOneBadRecord(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setting{wrap: func(next http.Handler) http.Handler {
		return refuse(next, "bulkUpload", `"pabcd"`, http.StatusBadRequest, "{}")
	}})
	changes := append(pupils(60), user("pabcd", "bad@oakfield.example"))
	got := w.apply(changes...)
	for _, ch := range changes {
		o := got[ch.Key][0]
		if bad := ch.Key == "pabcd"; o.Accepted == bad || bad != (o.Err != nil) {
			t.Errorf("%s: %+v", ch.Key, o)
		}
	}
}

func TestResultsOfFailures(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setting{sandbox: sandbox.Options{EmployeeIDMax: 16}})
	w.confirmed(user("first", "same@oakfield.example"))
	for name, tt := range map[string]struct {
		change   plan.Change
		conflict bool
		says     string
	}{
		"taken name":   {user("k-taken", "Same@oakfield.example"), true, "Another account already holds"},
		"letters":      {user("k-letters", "siân@oakfield.example"), false, "letters without accents"},
		"domain":       {user("k-domain", "ann@elsewhere.example"), false, "not a verified domain"},
		"key too long": {user("a-key-of-more-than-sixteen", "long@oakfield.example"), false, "users.key"},
	} {
		r := w.results(w.accepted(tt.change))[tt.change.Key]
		if r.Err == nil || scim.IsConflict(r.Err) != tt.conflict || !strings.Contains(r.Advice, tt.says) {
			t.Errorf("%s: %v (%s)", name, r.Err, r.Advice)
		}
		for _, word := range []string{"same@", "siân", "ann@", "long@", tt.change.Key} {
			if strings.Contains(fmt.Sprint(r.Err)+r.Advice, word) {
				t.Errorf("%s: %q is repeated in %v (%s)", name, word, r.Err, r.Advice)
			}
		}
	}
}

// A result belongs to the newest upload: an older entry of the log says nothing of it.
func TestResultsAreNewer(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setting{})
	ch := pupil(1)
	w.confirmed(ch)
	w.clock.Advance(time.Hour)
	ch.Action = plan.UpdateUser
	ch.After = append(ch.After, scim.Attribute{Path: "title", Value: "Prefect"}).Sort()
	pending := w.accepted(ch)
	if got, err := w.target.Results(t.Context(), pending); err != nil || len(got) != 0 {
		t.Errorf("an old entry is told of as %v (%v)", got, err)
	}
	if r := w.results(pending)[ch.Key]; r.Err != nil || r.RemoteID == "" {
		t.Errorf("the new one is %+v", r)
	}
}

func TestManyResults(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setting{sandbox: sandbox.Options{PageSize: 10, Limits: sandbox.Limits{LogReads: -1, Uploads: -1}}})
	if got := w.confirmed(pupils(1200)...); len(got) != 1200 {
		t.Errorf("%d are confirmed, want 1200", len(got))
	}
	if n := w.Requests()[sandbox.LogReads]; n > 4 {
		t.Errorf("1,200 entries took %d reads", n)
	}
}

// The log never says how long to wait.
func TestTheLogIsThrottled(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setting{})
	pending := w.accepted(pupil(1))
	w.clock.Advance(10 * time.Minute)
	w.Settle()
	for range 5 { // somebody else spends what there is
		if _, err := w.target.Results(t.Context(), pending); err != nil {
			t.Fatal(err)
		}
	}
	go func() {
		time.Sleep(100 * time.Millisecond)
		w.clock.Advance(11 * time.Second)
	}()
	got, err := w.target.Results(t.Context(), pending)
	if err != nil || len(got) != 1 {
		t.Errorf("after throttling %v is told (%v)", got, err)
	}
}

func TestAJobThatDoesNotRun(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		stop func(*sandbox.Service, string)
		says string
	}{
		"paused":     {func(s *sandbox.Service, id string) { s.Pause(id) }, "is paused"},
		"quarantine": {func(s *sandbox.Service, id string) { s.Quarantined(id, "EncounteredQuarantineException") }, "EncounteredQuarantineException"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, setting{})
			pending := w.accepted(pupil(1))
			tt.stop(w.Service, w.cfg.Job)
			w.clock.Advance(5 * time.Minute)
			if got, err := w.target.Results(t.Context(), pending); err != nil || len(got) != 0 {
				t.Errorf("before long %v is told (%v)", got, err)
			}
			w.clock.Advance(15 * time.Minute)
			if _, err := w.target.Results(t.Context(), pending); err == nil || !strings.Contains(err.Error(), tt.says) {
				t.Errorf("after a while the error is %v", err)
			}
			// A process that sees it from the start does not wait.
			w.target = w.newTarget()
			caps, err := w.target.Capabilities(t.Context())
			if err != nil || !strings.Contains(strings.Join(caps.Notes, "\n"), tt.says) {
				t.Errorf("the notes are %q (%v)", caps.Notes, err)
			}
			if _, err := w.target.Results(t.Context(), w.accepted(pupil(2))); err == nil || !strings.Contains(err.Error(), tt.says) {
				t.Errorf("at once the error is %v", err)
			}
			w.Start(w.cfg.Job)
			if r := w.results(pending)[pupil(1).Key]; r.Err != nil || r.RemoteID == "" {
				t.Errorf("once it runs the result is %+v", r)
			}
		})
	}
}

func TestDeletionIsRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setting{})
	id := w.confirmed(pupil(1))[pupil(1).Key].RemoteID
	before := w.target.Requests()
	o := w.apply(plan.Change{Action: plan.DeleteUser, Kind: scim.User, Key: pupil(1).Key, RemoteID: id})[pupil(1).Key][0]
	if o.Err == nil || o.Gone || o.Advice == "" || w.target.Requests() != before {
		t.Errorf("a deletion is %+v", o)
	}
	w.nobodyDeleted()
}

func TestApplyEnds(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setting{})
	broken := errors.New("the disk is full")
	err := w.target.Apply(t.Context(), pupils(200), w.lookup, func(target.Outcome) error { return broken })
	if !errors.Is(err, broken) || w.Requests()[sandbox.Uploads] != 1 {
		t.Errorf("after an error of confirm it is %v, and %d uploads", err, w.Requests()[sandbox.Uploads])
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := w.try(ctx, pupils(200)...); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled it is %v", err)
	}
}

// A service that is down does not use up the day's calls.
func TestTheServiceIsDown(t *testing.T) {
	t.Parallel()
	dead := httptest.NewServer(http.NotFoundHandler())
	dead.Close()
	for name, at := range map[string]func(*config.Target){
		"sign-in": func(c *config.Target) { c.Login = dead.URL },
		"graph":   func(c *config.Target) { c.Graph = dead.URL },
	} {
		w := newWorld(t, setting{})
		at(w.cfg)
		w.target = w.newTarget()
		changes := pupils(500)
		for i := range 100 {
			changes = append(changes, group(fmt.Sprint("g", i), "Choir"))
		}
		for _, part := range [][]plan.Change{changes[:500], changes[500:]} {
			got, err := w.try(t.Context(), part...)
			if err == nil || len(got) > 50 || len(w.count.taken) > 3 {
				t.Errorf("%s: %d outcomes and %d calls, and then %v", name, len(got), len(w.count.taken), err)
			}
		}
	}
}
