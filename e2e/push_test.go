package e2e_test

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"simscim/connector"
	"simscim/connector/plan"
	"simscim/connector/source"
	"simscim/roster"
	"simscim/sandbox/idp"
	"simscim/sandbox/world"
	"simscim/scim"
	"simscim/scim/server"
)

// picky is a SCIM server that refuses some requests: those for which no returns a
// status that is not 0.
type picky struct {
	*idp.IDP
	url string

	mu sync.Mutex
	no func(r *http.Request, body string) int
}

func newPicky(t *testing.T, seed uint64) *picky {
	t.Helper()
	p := &picky{IDP: idp.New(idp.Options{Seed: seed})}
	s := httptest.NewServer(p)
	t.Cleanup(s.Close)
	p.url = s.URL + p.BasePath()
	return p
}

func (p *picky) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	r.Body = io.NopCloser(bytes.NewReader(body))
	p.mu.Lock()
	no := p.no
	p.mu.Unlock()
	if no != nil {
		if status := no(r, string(body)); status != 0 {
			server.WriteError(w, &scim.Error{Status: status, Detail: "no"})
			return
		}
	}
	p.Handler().ServeHTTP(w, r)
}

func (p *picky) refuse(no func(r *http.Request, body string) int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.no = no
}

// rig wires simscim to it, with more configuration at the end of the sandbox's own.
func (p *picky) rig(t *testing.T, seed uint64, more string) *rig {
	t.Helper()
	return newRig(t, setup{preset: "tiny", seed: seed, url: p.url, token: p.Token(), edit: func(text string) string { return text + "\n" + more }})
}

func (r *rig) in(m connector.Manner) *connector.Run {
	r.t.Helper()
	report, err := r.engine.Sync(r.t.Context(), connector.Selection{}, m)
	check(r.t, err)
	return report.Runs[0]
}

func applied(run *connector.Run, a plan.Action) int {
	if tally := run.Changes[plan.Counter(a)]; tally != nil {
		return *tally.Applied
	}
	return 0
}

// TestEscrow leaves one refused account behind, tries it after growing delays only, and
// at once when something about it changes or somebody asks for it.
func TestEscrow(t *testing.T) {
	t.Parallel()
	p := newPicky(t, 71)
	r := p.rig(t, 71, "escrow: {retryAfter: 1h, retryEvery: 3h, expire: 8h}")
	victim := r.current(0, world.Student)[3]
	tries := 0
	p.refuse(func(q *http.Request, body string) int {
		if q.Method == http.MethodPost && strings.Contains(body, victim.ID.String()) && strings.Contains(body, "userName") {
			tries++
			return http.StatusBadRequest
		}
		return 0
	})
	run := r.in(connector.Manner{})
	if run.Status != connector.Partial || tries != 1 {
		t.Fatalf("%s after %d tries: %s", run.Status, tries, run.Reason)
	}
	w := r.box.World()
	for _, step := range []struct {
		after time.Duration
		tries int
	}{
		{0, 1}, {59 * time.Minute, 1}, {2 * time.Minute, 2}, // the first delay
		{time.Hour, 2}, {61 * time.Minute, 3}, // twice as long
		{2 * time.Hour, 3}, {61 * time.Minute, 4}, // no longer than retryEvery
		{48 * time.Hour, 4}, // expired
	} {
		w.Advance(step.after)
		run := r.in(connector.Manner{})
		if tries != step.tries {
			t.Fatalf("%v later: %d tries, want %d", step.after, tries, step.tries)
		}
		if run.Status != connector.Partial || len(run.Troubles) != 1 || !strings.Contains(run.Troubles[0].Reason, "refused") && run.Troubles[0].Advice == "" {
			t.Fatalf("%v later: %s: %+v", step.after, run.Status, run.Troubles)
		}
		if run.Requests.Target > 0 && step.tries == tries && len(run.Changes) == 0 {
			t.Errorf("%v later: %d requests for nothing", step.after, run.Requests.Target)
		}
	}
	p.refuse(nil)
	if run := r.in(connector.Manner{}); run.Status != connector.Partial || len(run.Changes) > 0 {
		t.Errorf("an expired object was tried: %s %v", run.Status, run.Changes)
	}
	if run := r.in(connector.Manner{Retry: true}); run.Status != connector.Done || applied(run, plan.CreateUser) != 1 {
		t.Errorf("asked for, it was not tried: %s %+v", run.Status, run.Troubles)
	}
	r.oracle.synced()
	r.compare()
	r.quiet(r.sync())
}

// TestChangeEndsEscrow tries an object at once when its record has changed.
func TestChangeEndsEscrow(t *testing.T) {
	t.Parallel()
	p := newPicky(t, 72)
	r := p.rig(t, 72, "")
	victim := r.current(0, world.Staff)[0]
	p.refuse(func(q *http.Request, body string) int {
		if q.Method == http.MethodPost && strings.Contains(body, victim.ID.String()) && strings.Contains(body, "userName") {
			return http.StatusBadRequest
		}
		return 0
	})
	r.in(connector.Manner{})
	p.refuse(nil)
	r.do(r.box.World().Marry(victim.ID))
	if run := r.in(connector.Manner{}); run.Status != connector.Done || applied(run, plan.CreateUser) != 1 {
		t.Fatalf("%s: %s %+v", run.Status, run.Reason, run.Troubles)
	}
}

// TestQuarantine leaves a target alone that refuses the credentials or most changes.
func TestQuarantine(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		no     func(q *http.Request, body string) int
		reason string
	}{
		"credentials": {func(*http.Request, string) int { return http.StatusUnauthorized }, "it refuses the credentials"},
		"most changes": {func(q *http.Request, body string) int {
			if q.Method == http.MethodPost && strings.Contains(body, "@") && strings.Contains(body, "Student") {
				return http.StatusBadRequest
			}
			return 0
		}, "changes failed, more than 40 %"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newPicky(t, 73)
			r := p.rig(t, 73, "quarantine: {retryEvery: 6h}")
			p.refuse(c.no)
			r.in(connector.Manner{})
			sent := p.Requests().Total()
			run := r.in(connector.Manner{})
			if run.Status != connector.Skipped || !strings.Contains(run.Reason, c.reason) || p.Requests().Total() != sent || run.Requests.Source != 0 {
				t.Fatalf("%s: %s (%d requests to the source)", run.Status, run.Reason, run.Requests.Source)
			}
			p.refuse(nil)
			r.box.World().Advance(5 * time.Hour)
			if run := r.in(connector.Manner{}); run.Status != connector.Skipped {
				t.Errorf("too early: %s", run.Status)
			}
			if run := r.in(connector.Manner{Retry: true}); run.Status != connector.Done {
				t.Errorf("asked for: %s: %s %+v", run.Status, run.Reason, run.Troubles)
			}
			if run := r.in(connector.Manner{}); run.Status != connector.Done || len(run.Changes) > 0 {
				t.Errorf("well again: %s: %s", run.Status, run.Reason)
			}
		})
	}
}

// TestQuarantineIsTried lets one run through each time that the target is to be tried.
func TestQuarantineIsTried(t *testing.T) {
	t.Parallel()
	p := newPicky(t, 74)
	r := p.rig(t, 74, "quarantine: {retryEvery: 6h}")
	p.refuse(func(*http.Request, string) int { return http.StatusUnauthorized })
	r.in(connector.Manner{})
	r.box.World().Advance(6 * time.Hour)
	if run := r.in(connector.Manner{}); run.Status != connector.Failed {
		t.Errorf("it was not tried: %s", run.Status)
	}
	if run := r.in(connector.Manner{}); run.Status != connector.Skipped {
		t.Errorf("it was tried twice: %s", run.Status)
	}
	p.refuse(nil)
	r.box.World().Advance(6 * time.Hour)
	if run := r.in(connector.Manner{}); run.Status != connector.Done {
		t.Errorf("%s: %s", run.Status, run.Reason)
	}
}

// TestTargetSafeguard counts all schools together, over a day.
func TestTargetSafeguard(t *testing.T) {
	t.Parallel()
	limit := func(n string) func(string) string {
		return func(text string) string {
			return strings.Replace(text, "    limits: {perSecond: 0, inFlight: 8}\n\nmappings", "    limits: {perSecond: 0, inFlight: 8}\n    safeguards: {createUsers: {count: "+n+"}}\n\nmappings", 1)
		}
	}
	r := newRig(t, setup{preset: "mat-small", seed: 75, edit: limit("1000")})
	report := r.try(t.Context())
	held, done, created := 0, 0, 0
	for _, run := range report.Runs {
		switch run.Status {
		case connector.Held:
			held++
			if !strings.Contains(run.Reason, "for the whole target") {
				t.Errorf("held: %s", run.Reason)
			}
		case connector.Done:
			done++
			created += applied(run, plan.CreateUser)
		}
	}
	if held == 0 || created > 1000 {
		t.Fatalf("%d schools held, %d done with %d accounts", held, done, created)
	}
	r.box.World().Advance(25 * time.Hour)
	for _, run := range r.try(t.Context()).Runs {
		if run.Status == connector.Done && applied(run, plan.CreateUser) > 1000 {
			t.Errorf("%s: %d accounts", run.Name, applied(run, plan.CreateUser))
		}
	}
}

// cutShort leaves a share of the people out, without a word.
type cutShort struct {
	source.Source
	share float64
}

func (c *cutShort) Read(ctx context.Context, site roster.Site, want source.Want) (*roster.Snapshot, error) {
	snap, err := c.Source.Read(ctx, site, want)
	if err == nil {
		n := int(float64(len(snap.People)) * (1 - c.share))
		gone := map[string]bool{}
		for _, p := range snap.People[n:] {
			gone[p.ID] = true
		}
		snap.People = snap.People[:n]
		snap.Memberships = slices.DeleteFunc(snap.Memberships, func(m roster.Membership) bool { return gone[m.Person] })
	}
	return snap, err
}

// TestShrunkenSchool is refused before anything is planned, and let pass once.
func TestShrunkenSchool(t *testing.T) {
	t.Parallel()
	cut := &cutShort{}
	r := newRig(t, setup{preset: "tiny", seed: 76, source: func(s source.Source) source.Source {
		cut.Source = s
		return cut
	}})
	r.sync()
	cut.share = 0.4
	r.box.World().Advance(24 * time.Hour)
	for range 2 {
		run := r.in(connector.Manner{})
		if run.Status != connector.Skipped || !strings.Contains(run.Reason, "students, and there were") || run.InGrace != 0 {
			t.Fatalf("%s: %s", run.Status, run.Reason)
		}
	}
	if run := r.in(connector.Manner{AcceptSmaller: true}); run.Status != connector.Done || run.InGrace == 0 {
		t.Fatalf("%s: %s", run.Status, run.Reason)
	}
	if run := r.in(connector.Manner{}); run.Status == connector.Skipped {
		t.Errorf("the new size is not the measure now: %s", run.Reason)
	}
}

// TestDrift finds and mends what others have changed, deleted and switched on.
func TestDrift(t *testing.T) {
	t.Parallel()
	r := newRig(t, setup{preset: "tiny", seed: 77})
	r.syncAndCompare()
	users, groups := r.there.read(t)
	r.there.patch(t, "/Users/"+users[0].ID, `[{"op":"replace","path":"displayName","value":"Somebody Else"}]`)
	r.there.send(t, http.MethodDelete, "/Users/"+users[1].ID, "", http.StatusNoContent)
	var full band
	for _, g := range groups {
		if len(g.Members) > 3 && g.Members[0].Value != users[1].ID {
			full = g
		}
	}
	r.there.patch(t, "/Groups/"+full.ID, `[{"op":"remove","path":"members[value eq \"`+full.Members[0].Value+`\"]"}]`)
	for _, g := range groups {
		if g.ID != full.ID {
			r.there.send(t, http.MethodDelete, "/Groups/"+g.ID, "", http.StatusNoContent)
			break
		}
	}
	r.quiet(r.sync()) // nobody has looked
	report, err := r.engine.Plan(t.Context(), connector.Selection{}, connector.Manner{ReadBack: true})
	check(t, err)
	drifted := map[plan.Action]int{}
	for _, step := range report.Runs[0].Plan {
		if !step.Drift {
			t.Errorf("%s of a %s is no drift", step.Action, step.Kind)
		}
		drifted[step.Action]++
	}
	if drifted[plan.UpdateUser] != 1 || drifted[plan.CreateUser] != 1 || drifted[plan.CreateGroup] != 1 || drifted[plan.UpdateMembers] < 1 {
		t.Fatalf("drift: %v", drifted)
	}
	if run := r.in(connector.Manner{ReadBack: true}); run.Status != connector.Done {
		t.Fatalf("%s: %s %+v", run.Status, run.Reason, run.Troubles)
	}
	r.compare()
	r.quiet(r.sync())
	report, err = r.engine.Plan(t.Context(), connector.Selection{}, connector.Manner{ReadBack: true})
	check(t, err)
	if n := len(report.Runs[0].Plan); n > 0 {
		t.Errorf("%d changes after mending: %+v", n, report.Runs[0].Plan[0])
	}
}

// TestDriftIsLookedForOnSchedule reads back in an ordinary sync when it is due.
func TestDriftIsLookedForOnSchedule(t *testing.T) {
	t.Parallel()
	r := newRig(t, setup{preset: "tiny", seed: 78, edit: func(s string) string { return s + "\ndrift: {every: 168h}\n" }})
	r.sync()
	users, _ := r.there.read(t)
	r.there.patch(t, "/Users/"+users[0].ID, `[{"op":"replace","path":"displayName","value":"Somebody Else"}]`)
	r.box.World().Advance(time.Hour)
	r.quiet(r.sync())
	r.box.World().Advance(168 * time.Hour)
	if run := r.in(connector.Manner{}); applied(run, plan.UpdateUser) < 1 {
		t.Errorf("drift was not looked for: %v", run.Changes)
	}
	r.oracle.synced()
	r.compare()
}

// TestWrongTarget refuses to make everybody anew where most of ours are gone.
func TestWrongTarget(t *testing.T) {
	t.Parallel()
	r := newRig(t, setup{preset: "tiny", seed: 79})
	r.sync()
	users, _ := r.there.read(t)
	for _, u := range users[:len(users)*6/10] {
		r.there.send(t, http.MethodDelete, "/Users/"+u.ID, "", http.StatusNoContent)
	}
	run := r.in(connector.Manner{ReadBack: true})
	if run.Status != connector.Failed || !strings.Contains(run.Reason, "is it still the same one") {
		t.Errorf("%s: %s", run.Status, run.Reason)
	}
}

// TestUndo takes back suspensions and memberships.
func TestUndo(t *testing.T) {
	t.Parallel()
	r := newRig(t, setup{preset: "tiny", seed: 80, edit: func(s string) string {
		return s + "\nleavers: {graceSnapshots: 1, graceHours: 0}\n"
	}})
	r.sync()
	before := contents(t, r)
	for _, p := range r.current(0, world.Student)[:3] {
		r.do(r.box.World().Leave(p.ID))
	}
	r.box.World().Advance(24 * time.Hour)
	if run := r.in(connector.Manner{}); applied(run, plan.SuspendUser) != 3 {
		t.Fatalf("%s: %s %v", run.Status, run.Reason, run.Changes)
	}
	after := state(r.idp)
	id := r.lastRun()
	shown, err := r.engine.Undo(t.Context(), id, false)
	check(t, err)
	if run := shown.Runs[0]; len(run.Plan) < 4 || state(r.idp) != after {
		t.Fatalf("%d steps, %s", len(run.Plan), run.Reason)
	}
	done, err := r.engine.Undo(t.Context(), id, true)
	check(t, err)
	if run := done.Runs[0]; run.Status != connector.Done || applied(run, plan.ReactivateUser) != 3 {
		t.Fatalf("%s: %s %+v", run.Status, run.Reason, run.Troubles)
	}
	if diff := cmp.Diff(before, contents(t, r)); diff != "" {
		t.Error(diff)
	}
	again, err := r.engine.Undo(t.Context(), id, false)
	check(t, err)
	if n := len(again.Runs[0].Plan); n > 0 {
		t.Errorf("%d steps left after undoing", n)
	}
	if _, err := r.engine.Undo(t.Context(), 99999, false); err == nil {
		t.Error("a run that never was can be undone")
	}
	if run := r.in(connector.Manner{}); applied(run, plan.SuspendUser) != 3 { // the roll rules again
		t.Errorf("%s: %v", run.Status, run.Changes)
	}
}

// contents is who is at the target and in which groups.
func contents(t *testing.T, r *rig) map[string][]string {
	t.Helper()
	all := map[string][]string{}
	users, groups := r.there.read(t)
	for _, u := range users {
		all[u.ID] = []string{u.UserName, strconv.FormatBool(*u.Active)}
	}
	for _, g := range groups {
		for _, m := range g.Members {
			all[g.ID] = append(all[g.ID], m.Value)
		}
		slices.Sort(all[g.ID])
	}
	return all
}

// TestErase leaves nothing of a person in the store.
func TestErase(t *testing.T) {
	t.Parallel()
	r := newRig(t, setup{preset: "tiny", seed: 81})
	r.sync()
	users, _ := r.there.read(t)
	name := users[0].UserName
	found, err := r.ledger.Search(t.Context(), strings.ToUpper(name))
	check(t, err)
	if len(found) != 1 || found[0].Key != users[0].ExternalID {
		t.Fatalf("found %+v", found)
	}
	check(t, r.engine.Erase(t.Context(), found[0], true))
	for _, text := range []string{name, users[0].ExternalID, users[0].ID} {
		if found, err := r.ledger.Search(t.Context(), text); err != nil || len(found) > 0 {
			t.Errorf("%d are still found by %q: %v", len(found), text, err)
		}
	}
	if left, _ := r.there.read(t); len(left) != len(users)-1 {
		t.Errorf("%d of %d accounts are left at the target", len(left), len(users))
	}
	r.sync() // still on the roll: a new account
	r.oracle.synced()
	r.compare()
}

// TestModes keeps targets to what they may do.
func TestModes(t *testing.T) {
	t.Parallel()
	for mode, want := range map[string][]plan.Action{
		"users: upsert\n    groups: upsert": {plan.UpdateUser, plan.CreateUser},
		"users: create\n    groups: create": {plan.CreateUser},
		"users: full\n    groups: off":      {plan.UpdateUser, plan.CreateUser, plan.SuspendUser},
	} {
		t.Run(strings.Fields(mode)[1], func(t *testing.T) {
			t.Parallel()
			r := newRig(t, setup{preset: "tiny", seed: 82, edit: func(s string) string {
				return strings.Replace(s, "    type: scim\n", "    type: scim\n    "+mode+"\n", 1) + "\nleavers: {graceSnapshots: 1, graceHours: 0}\n"
			}})
			r.sync()
			r.churn()
			r.box.World().Advance(24 * time.Hour)
			run := r.in(connector.Manner{})
			if run.Status != connector.Done {
				t.Fatalf("%s: %s %+v", run.Status, run.Reason, run.Troubles)
			}
			for _, a := range []plan.Action{plan.CreateUser, plan.UpdateUser, plan.SuspendUser, plan.DeleteGroup} {
				allowed := false
				for _, w := range want {
					allowed = allowed || w == a
				}
				if did := applied(run, a) > 0; did != allowed {
					t.Errorf("%s: %v, want %v", a, did, allowed)
				}
			}
			if run.Changes[plan.RemoveMember] != nil {
				t.Errorf("%d members were taken out", *run.Changes[plan.RemoveMember].Applied)
			}
			r.quiet(r.sync())
		})
	}
}

// TestProtected never writes what is protected, on either side.
func TestProtected(t *testing.T) {
	t.Parallel()
	r := newRig(t, setup{preset: "tiny", seed: 83})
	r.sync()
	users, _ := r.there.read(t)
	staff := r.current(0, world.Staff)
	pupil := r.current(0, world.Student)[0]
	var name string
	for _, u := range users {
		if u.ExternalID == staff[0].ID.String() {
			name = u.UserName
		}
	}
	r.setup.edit = func(s string) string {
		s = strings.Replace(s, "    type: scim\n", "    type: scim\n    protect: {users: [\""+strings.ToUpper(name[:4])+"*"+"\"]}\n", 1)
		s = strings.Replace(s, "    users:\n      include", "    users:\n      protect: person.id == '"+pupil.ID.String()+"'\n      include", 1)
		return s + "\nleavers: {graceSnapshots: 1, graceHours: 0}\n"
	}
	r.rewrite()
	r.do(r.box.World().Marry(staff[0].ID))
	r.do(r.box.World().Leave(pupil.ID))
	r.box.World().Advance(24 * time.Hour)
	before := state(r.idp)
	run := r.in(connector.Manner{})
	if state(r.idp) != before {
		t.Errorf("something was written: %s %v", run.Status, run.Changes)
	}
	if run.Status != connector.Partial || len(run.Troubles) != 1 || !strings.Contains(run.Troubles[0].Reason, "protected") {
		t.Errorf("%s: %+v", run.Status, run.Troubles)
	}
}

// TestLookAhead plans for next September without writing anything.
func TestLookAhead(t *testing.T) {
	t.Parallel()
	r := newRig(t, setup{preset: "tiny", seed: 84})
	r.sync()
	before := state(r.idp)
	report, err := r.engine.Plan(t.Context(), connector.Selection{}, connector.Manner{At: time.Date(2027, 9, 1, 0, 0, 0, 0, time.UTC)})
	check(t, err)
	run := report.Runs[0]
	if run.Changes[plan.Counter(plan.SuspendUser)] == nil || run.Changes[plan.Counter(plan.UpdateUser)] == nil || len(run.Assumed) == 0 {
		t.Errorf("%s: %s %v, %d assumptions", run.Status, run.Reason, run.Changes, len(run.Assumed))
	}
	if state(r.idp) != before {
		t.Error("a look ahead was written")
	}
	if _, err := r.engine.Sync(t.Context(), connector.Selection{}, connector.Manner{At: time.Now()}); err == nil {
		t.Error("a later day can be synced")
	}
	r.quiet(r.sync())
}
