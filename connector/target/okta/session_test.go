package okta_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"simscim/config"
	"simscim/connector/plan"
	"simscim/connector/target"
	"simscim/connector/target/okta"
	"simscim/internal/secret/secrettest"
	sandbox "simscim/sandbox/okta"
	"simscim/scim"
)

// statuses are the states of the sessions so far.
func (b *bench) statuses() (list []string) {
	for _, s := range b.snapshot().Sessions {
		list = append(list, s.Status)
	}
	return list
}

func (b *bench) wants(statuses ...string) {
	b.Helper()
	if diff := cmp.Diff(statuses, b.statuses()); diff != "" {
		b.Error("sessions:", diff)
	}
}

func TestOneSessionHoldsTenThousand(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	b.done(users(10_000)...)
	got := b.snapshot()
	if len(got.Users) != 10_000 || len(got.Sessions) != 1 || got.Sessions[0].Loads != 50 {
		t.Errorf("%d users by %v", len(got.Users), got.Sessions)
	}
	// Beside the loads: the source is looked at, a session made, started and looked after,
	// and ten users are read back.
	if n := b.target.Requests(); n > 50+25 {
		t.Errorf("%d requests", n)
	}
}

// A trust's first load takes no more sessions than its loads fill.
func TestFirstLoadOfATrust(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	var mu sync.Mutex
	longest := 0
	b.put(func(w http.ResponseWriter, r *http.Request, org http.Handler) {
		mu.Lock()
		if strings.Contains(r.URL.Path, "/bulk-") {
			longest = max(longest, int(r.ContentLength))
		}
		mu.Unlock()
		org.ServeHTTP(w, r)
	})
	const people, classes, size = 25_000, 900, 60
	changes, all := users(people), keys(people)
	for i := range classes {
		at := i * 27
		changes = append(changes, group(fmt.Sprintf("class-%04d", i), all[at:at+size]...))
	}
	changes = append(changes, group("everybody", all...))
	begun := b.clock.Now()
	b.done(changes...)
	got := b.snapshot()
	loads := 0
	for _, s := range got.Sessions {
		loads += s.Loads
	}
	// 125 loads of users, 5 of groups, and 79,000 memberships of 23 bytes each.
	least := 125 + 5 + ((people+classes*size)*(len(key(0))+3)+190_000-1)/190_000
	if loads > least+1 || len(got.Sessions) != (loads+49)/50 {
		t.Errorf("%d loads in %d sessions; at best %d", loads, len(got.Sessions), least)
	}
	if longest > 190_000 {
		t.Errorf("a load has %d bytes", longest)
	}
	if len(got.Users) != people || len(got.Groups) != classes+1 || len(got.Groups[classes].Members) != people {
		t.Errorf("%d users, %d groups", len(got.Users), len(got.Groups))
	}
	if took := b.clock.Now().Sub(begun); took > 12*time.Minute {
		t.Errorf("it took %v", took)
	}
	// Each group is told of first as itself, and its members once.
	added, ended := map[string]int{}, map[string]bool{}
	for _, o := range b.got {
		if ended[o.Change.Key] {
			t.Fatal("an outcome after the final one")
		}
		added[o.Change.Key] += len(o.Added)
		ended[o.Change.Key] = o.Final
	}
	if added["everybody"] != people || added["class-0000"] != size {
		t.Errorf("%d and %d members are confirmed", added["everybody"], added["class-0000"])
	}
}

// die has the process end when a request comes by whose path ends in a word: nothing of
// it, or of what it does afterwards, arrives.
func (b *bench) die(t *testing.T, word string) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var mu sync.Mutex
	dead := false
	b.put(func(w http.ResponseWriter, r *http.Request, org http.Handler) {
		mu.Lock()
		defer mu.Unlock()
		if dead = dead || strings.HasSuffix(r.URL.Path, word) || word == "poll" && strings.Contains(r.URL.Path, "/sessions/") && r.Method == http.MethodGet; dead {
			cancel()
			panic(http.ErrAbortHandler)
		}
		org.ServeHTTP(w, r)
	})
	err := b.target.Apply(ctx, users(300), b.lookup, func(o target.Outcome) error {
		t.Errorf("%s has an outcome: %v", o.Change.Key, o.Err)
		return nil
	})
	if !errors.Is(err, context.Canceled) {
		t.Fatalf("got %v", err)
	}
	b.put(nil)
}

func TestKilledBeforeTheStart(t *testing.T) {
	t.Parallel()
	for _, word := range []string{"bulk-upsert", "start-import"} {
		t.Run(word, func(t *testing.T) {
			t.Parallel()
			b := setup(t, nil)
			b.die(t, word)
			begun := b.clock.Now()
			b.T = t
			b.done(users(300)...)
			b.wants(sandbox.Closed, sandbox.Completed)
			if got := b.snapshot(); len(got.Users) != 300 {
				t.Errorf("%d users", len(got.Users))
			}
			if took := b.clock.Now().Sub(begun); took < time.Minute || took > 3*time.Minute {
				t.Errorf("what was left behind was waited for for %v", took)
			}
		})
	}
}

func TestKilledBeforeTheEnd(t *testing.T) {
	t.Parallel()
	b := setup(t, func(o *sandbox.Options, _ *config.Target) { o.ImportTakes = 8 * time.Minute })
	b.die(t, "poll")
	b.wants(sandbox.Triggered)
	begun := b.clock.Now()
	b.done(users(300)...)
	b.wants(sandbox.Completed, sandbox.Completed)
	if took := b.clock.Now().Sub(begun); took < 16*time.Minute {
		t.Errorf("the import that ran was not waited for: %v", took)
	}
}

// A process that goes on with its session is not disturbed by another one.
func TestSomebodyElseIsAtWork(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	b.die(t, "start-import")
	looks := 0
	b.put(func(w http.ResponseWriter, r *http.Request, org http.Handler) {
		if r.Method == http.MethodGet && strings.HasSuffix(r.URL.Path, "/sessions") {
			if looks++; looks < 20 { // the other one goes on loading
				_, _ = fmt.Fprintf(w, `[{"id":"x","status":"IN_PROGRESS","lastUpdated":%q}]`, b.clock.Now().Format(time.RFC3339))
				return
			}
		}
		if r.Method == http.MethodDelete && looks < 20 {
			t.Error("a session at work was closed")
		}
		org.ServeHTTP(w, r)
	})
	b.done(user(1))
}

func TestFiveMinutes(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	b.done(user(1))
	started := b.clock.Now()
	b.done(user(2))
	if took := b.clock.Now().Sub(started); took < 4*time.Minute || took > 7*time.Minute {
		t.Errorf("the second session was over after %v", took)
	}
	if n := b.org.Requests(); n.Sessions != 2 {
		t.Errorf("%d sessions were asked for", n.Sessions)
	}
}

// Who may not wait is put off, whether or not this process knows of the last import.
func TestPutOff(t *testing.T) {
	t.Parallel()
	b := setup(t, func(_ *sandbox.Options, c *config.Target) { c.ConfirmWithin.Duration = 2 * time.Minute })
	b.done(user(1))
	fresh, err := okta.New(&config.Target{
		Name: "okta", URL: b.url, Source: b.org.Sources()[0], Limits: config.Limits{InFlight: 1},
		Auth:          config.TargetAuth{Type: "ssws", Token: secrettest.File(t, b.org.Token())},
		ConfirmWithin: config.Duration{Duration: 2 * time.Minute},
	}, okta.Options{Now: b.clock.Now, Wait: b.clock.Wait, MinWait: time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	for _, tgt := range []*okta.Target{b.target, fresh} {
		b.target = tgt
		if err := b.apply(user(2), user(3), group("g", key(2))); err != nil {
			t.Fatal(err)
		}
		for _, k := range []string{key(2), key(3), "g"} {
			if o := b.last(k); !errors.Is(o.Err, target.ErrPutOff) || o.Unsettled || o.Advice == "" {
				t.Errorf("%s: %+v", k, o)
			}
		}
	}
	b.wants(sandbox.Completed)
	b.clock.Wait(t.Context(), 5*time.Minute)
	b.done(user(2))
}

func TestLeftOutInSilence(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	b.org.SetFaults(sandbox.Faults{Skip: 2})
	if err := b.apply(append(users(60), group("g", keys(60)...))...); err != nil {
		t.Fatal(err)
	}
	for i := range 60 {
		if o := b.last(key(i)); (o.Err != nil) != (i < 2) || o.Unsettled || (o.Err != nil) != (o.Advice != "") || o.Attributes == (i < 2) {
			t.Errorf("user %d: %+v", i, o)
		}
	}
	o := b.last("g")
	if o.Err == nil || !o.Attributes || len(o.Added) != 58 || slices.Contains(o.Added, key(0)) {
		t.Errorf("group: %v, %d members", o.Err, len(o.Added))
	}
	// A name that somebody has is left out as well.
	taken := user(70)
	taken.After[6].Value = strings.ToUpper(user(5).Label)
	b.got = nil
	if err := b.apply(taken, user(71)); err != nil {
		t.Fatal(err)
	}
	if b.last(key(70)).Err == nil || b.last(key(71)).Err != nil {
		t.Errorf("got %v, %v", b.last(key(70)).Err, b.last(key(71)).Err)
	}
}

func TestImportFails(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	b.org.SetFaults(sandbox.Faults{ImportError: 1})
	if err := b.apply(users(10_100)...); err != nil {
		t.Fatal(err)
	}
	sent, not := b.last(key(0)), b.last(key(10_050))
	if !sent.Unsettled || sent.Err == nil || errors.Is(sent.Err, target.ErrPutOff) || !strings.Contains(sent.Advice, "Import Monitoring") {
		t.Errorf("sent: %+v", sent)
	}
	if !errors.Is(not.Err, target.ErrPutOff) || not.Unsettled {
		t.Errorf("not sent: %+v", not)
	}
	b.wants(sandbox.Failed)
	b.done(user(1))
}

func TestToldLater(t *testing.T) {
	t.Parallel()
	b := setup(t, func(_ *sandbox.Options, c *config.Target) { c.ConfirmWithin.Duration = 12 * time.Minute })
	b.done(append(users(3), group("old", key(0)))...)
	b.knows(keys(3))
	b.org.SetFaults(sandbox.Faults{Skip: 1})
	b.put(func(w http.ResponseWriter, r *http.Request, org http.Handler) {
		if r.Method == http.MethodGet && strings.Contains(r.URL.Path, "/sessions/") { // it never seems to end
			_, _ = io.WriteString(w, `{"id":"x","status":"TRIGGERED"}`)
			return
		}
		org.ServeHTTP(w, r)
	})
	move := later(group("old"), plan.UpdateMembers)
	move.Add = []string{key(1)}
	update := later(user(2), plan.UpdateUser, plan.Field{Path: "title", After: "Prefect"})
	if err := b.apply(user(8), user(9), update, later(user(0), plan.SuspendUser), group("new", key(1)), move); err != nil {
		t.Fatal(err)
	}
	var pending []target.Pending
	for _, c := range []string{key(8), key(9), key(2), "new", key(0), "old"} {
		o := b.last(c)
		if told := c != key(0) && c != "old"; o.Accepted != told || (o.Err == nil) != told || o.Attributes || !told && (!o.Unsettled || !errors.Is(o.Err, target.ErrPutOff)) {
			t.Errorf("%s: %+v", c, o)
		}
		if o.Accepted {
			pending = append(pending, target.Pending{Kind: o.Change.Kind, Key: c, Since: b.clock.Now()})
		}
	}
	results, err := b.target.Results(t.Context(), pending)
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for _, r := range results {
		got[r.Key] = r.RemoteID
		if (r.Err == nil) != (r.RemoteID != "") || (r.Err == nil) != (r.Advice == "") {
			t.Errorf("result: %+v", r)
		}
	}
	// The first user was left out; who was not touched is not as the change wants.
	if diff := cmp.Diff(map[string]string{key(8): "", key(9): key(9), key(2): key(2), "new": "new"}, got); diff != "" {
		t.Error(diff)
	}
	results, err = b.target.Results(t.Context(), []target.Pending{{Kind: scim.User, Key: key(1), Since: b.clock.Now().Add(time.Hour)}})
	if err != nil || len(results) != 1 || results[0].Err == nil {
		t.Errorf("an account that nothing has happened to: %v, %v", results, err)
	}
}

func TestNothingIsToldWhileItRuns(t *testing.T) {
	t.Parallel()
	b := setup(t, func(o *sandbox.Options, c *config.Target) {
		o.ImportTakes, c.ConfirmWithin.Duration = time.Hour, time.Minute
	})
	if err := b.apply(user(1)); err != nil || !b.last(key(1)).Accepted {
		t.Fatalf("got %v, %+v", err, b.got)
	}
	pending := []target.Pending{{Kind: scim.User, Key: key(1), Since: b.clock.Now()}}
	if results, err := b.target.Results(t.Context(), pending); err != nil || len(results) != 0 {
		t.Errorf("told: %v, %v", results, err)
	}
	b.org.Settle()
	if results, err := b.target.Results(t.Context(), pending); err != nil || len(results) != 1 || results[0].Err != nil {
		t.Errorf("told: %v, %v", results, err)
	}
}

// Whether Okta shows who was deactivated or not: one whom nothing has happened to stays.
func TestSuspendedAndStillThere(t *testing.T) {
	t.Parallel()
	for since, stays := range map[time.Duration]bool{-time.Hour: true, time.Minute: false} {
		b := setup(t, nil)
		b.done(user(1))
		b.knows([]string{key(1)})
		b.clock.Wait(t.Context(), time.Hour)
		at := b.clock.Now().Add(since).Format(time.RFC3339)
		b.put(func(w http.ResponseWriter, r *http.Request, org http.Handler) {
			if strings.Contains(r.URL.Path, "/users/") {
				_, _ = fmt.Fprintf(w, `{"externalId":%q,"profile":{},"lastUpdated":%q}`, key(1), at)
				return
			}
			org.ServeHTTP(w, r)
		})
		if err := b.apply(later(user(1), plan.SuspendUser)); err != nil {
			t.Fatal(err)
		}
		if o := b.last(key(1)); (o.Err != nil) != stays || o.Attributes == stays {
			t.Errorf("changed %v after: %+v", since, o)
		}
	}
}

// A session of nothing that Okta knows cannot be started, and need not be.
func TestNothingToImport(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	b.done(later(user(1), plan.SuspendUser), later(group("g"), plan.DeleteGroup))
	b.wants(sandbox.Closed)
	inactive := user(2)
	inactive.After[0].Value = false
	b.done(inactive)
	if got := b.snapshot(); len(got.Users) != 0 {
		t.Errorf("users: %v", got.Users)
	}
}

// Whatever answer is lost, the same users come out, once each.
func TestLostAnswers(t *testing.T) {
	t.Parallel()
	for lost := 1; lost <= 5; lost++ {
		t.Run(strconv.Itoa(lost), func(t *testing.T) {
			t.Parallel()
			b := setup(t, nil)
			b.org.SetFaults(sandbox.Faults{DropWrite: lost})
			b.done(append(users(250), group("g", keys(250)...))...)
			got := b.snapshot()
			if len(got.Users) != 250 || len(got.Groups) != 1 || len(got.Groups[0].Members) != 250 {
				t.Errorf("%d users, %d groups", len(got.Users), len(got.Groups))
			}
		})
	}
}

// Repeated loads count, so that what no longer fits goes into another session.
func TestRepeatsCount(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	b.org.SetFaults(sandbox.Faults{DropWrite: 7})
	b.done(users(10_000)...)
	got := b.snapshot()
	if len(got.Users) != 10_000 || len(got.Sessions) != 2 || got.Sessions[0].Loads != 50 || got.Sessions[1].Loads != 1 {
		t.Errorf("%d users by %v", len(got.Users), got.Sessions)
	}
}

// The answer that says that nothing is left of the limit is heeded before one refuses.
func TestRateLimitHeaders(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	var mu sync.Mutex
	var held time.Time
	var gap time.Duration
	calls := 0
	b.put(func(w http.ResponseWriter, r *http.Request, org http.Handler) {
		mu.Lock()
		defer mu.Unlock()
		if calls++; calls == 3 {
			held = time.Now()
			w = spent{w, held.Truncate(time.Second).Add(2 * time.Second)}
		} else if calls == 4 {
			gap = time.Since(held)
		}
		org.ServeHTTP(w, r)
	})
	b.done(user(1))
	if gap < 900*time.Millisecond {
		t.Errorf("the next request came after %v", gap)
	}
}

// spent says that nothing is left until then.
type spent struct {
	http.ResponseWriter
	until time.Time
}

func (s spent) WriteHeader(status int) {
	s.Header().Set("X-Rate-Limit-Remaining", "0")
	s.Header().Set("X-Rate-Limit-Reset", strconv.FormatInt(s.until.Unix(), 10))
	s.ResponseWriter.WriteHeader(status)
}
