package entra_test

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"simscim/config"
	"simscim/connector/plan"
	"simscim/connector/target"
	"simscim/connector/target/entra"
	"simscim/internal/clock/clocktest"
	"simscim/internal/secret/secrettest"
	"simscim/internal/telemetry/logtest"
	sandbox "simscim/sandbox/entra"
	"simscim/scim"
)

func newClock() *clocktest.Clock { return clocktest.New(time.Date(2026, 9, 1, 2, 0, 0, 0, time.UTC)) }

// counter counts calls in memory.
type counter struct {
	clock *clocktest.Clock
	mu    sync.Mutex
	taken []time.Time
	keys  map[string]bool
}

func (c *counter) Take(_ context.Context, key string, n int, per time.Duration, limit int) (bool, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.keys == nil {
		c.keys = map[string]bool{}
	}
	c.keys[key] = true
	now := c.clock.Now()
	c.taken = slices.DeleteFunc(c.taken, func(at time.Time) bool { return now.Sub(at) >= per })
	if len(c.taken)+n > limit {
		return false, nil
	}
	for range n {
		c.taken = append(c.taken, now)
	}
	return true, nil
}

// world is a look-alike of a tenant with a target in front of it.
type world struct {
	*testing.T
	*sandbox.Service
	clock  *clocktest.Clock
	count  *counter
	cfg    *config.Target
	server *httptest.Server
	target *entra.Target
	log    *logtest.Buffer

	mu    sync.Mutex
	known map[string]string
}

type setting struct {
	sandbox sandbox.Options
	change  func(*config.Target)
	// wrap stands between the target and the look-alike.
	wrap func(http.Handler) http.Handler
}

func newWorld(t *testing.T, s setting) *world {
	t.Helper()
	w := &world{T: t, clock: newClock(), known: map[string]string{}, log: &logtest.Buffer{}}
	w.count = &counter{clock: w.clock}
	s.sandbox.Now = w.clock.Now
	s.sandbox.Domains = append(s.sandbox.Domains, "oakfield.example")
	if s.sandbox.EmployeeIDMax == 0 {
		s.sandbox.EmployeeIDMax = 64
	}
	w.Service = sandbox.New(s.sandbox)
	handler := w.Service.Handler()
	if s.wrap != nil {
		handler = s.wrap(handler)
	}
	w.server = httptest.NewServer(handler)
	t.Cleanup(w.server.Close)
	client, job := w.Clients()[0], w.Jobs()[0]
	w.cfg = &config.Target{
		Name: "entra", Type: "entra-inbound", Tenant: w.Tenant(), ServicePrincipal: job.ServicePrincipal, Job: job.ID, GroupKind: "security",
		Cloud: "custom", Login: w.server.URL, Graph: w.server.URL,
		Auth: config.TargetAuth{
			Type: "secret", ClientID: secrettest.File(t, client.ID),
			ClientSecret: secrettest.File(t, client.Secret+strings.Repeat("x", 1-min(1, len(client.Secret)))),
		},
		Limits: config.Limits{InFlight: 8}, Timeout: config.Duration{Duration: time.Minute},
	}
	if s.change != nil {
		s.change(w.cfg)
	}
	w.target = w.newTarget()
	return w
}

func (w *world) newTarget() *entra.Target {
	w.Helper()
	target, err := entra.New(w.cfg, entra.Options{
		Now: w.clock.Now, Log: w.log.Logger(), Counter: w.count, Unpaced: true, MinWait: time.Millisecond,
	})
	if err != nil {
		w.Fatal(err)
	}
	return target
}

func (w *world) lookup(key string) (string, bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	id, ok := w.known[key]
	return id, ok
}

// apply returns the outcomes by key, in order.
func (w *world) apply(changes ...plan.Change) map[string][]target.Outcome {
	w.Helper()
	got, err := w.try(w.Context(), changes...)
	if err != nil {
		w.Fatalf("apply: %v", err)
	}
	return got
}

func (w *world) try(ctx context.Context, changes ...plan.Change) (map[string][]target.Outcome, error) {
	got := map[string][]target.Outcome{}
	err := w.target.Apply(ctx, changes, w.lookup, func(o target.Outcome) error {
		w.mu.Lock()
		defer w.mu.Unlock()
		got[o.Change.Key] = append(got[o.Change.Key], o)
		if o.Attributes {
			w.known[o.Change.Key] = o.RemoteID
		}
		return nil
	})
	return got, err
}

// accepted uploads users, all of which must be taken, and returns them as pending.
func (w *world) accepted(changes ...plan.Change) []target.Pending {
	w.Helper()
	var pending []target.Pending
	for key, list := range w.apply(changes...) {
		if o := list[0]; len(list) != 1 || !o.Final || !o.Accepted || o.Err != nil {
			w.Fatalf("%s: %+v (%v)", key, list, o.Err)
		}
		pending = append(pending, target.Pending{Kind: scim.User, Key: key, Since: w.clock.Now()})
	}
	return pending
}

// results settles the look-alike and reads what it says.
func (w *world) results(pending []target.Pending) map[string]target.Result {
	w.Helper()
	w.clock.Advance(10 * time.Minute)
	w.Settle()
	list, err := w.target.Results(w.Context(), pending)
	if err != nil {
		w.Fatalf("results: %v", err)
	}
	got := map[string]target.Result{}
	for _, r := range list {
		if _, twice := got[r.Key]; twice {
			w.Errorf("%s is told of twice", r.Key)
		}
		got[r.Key] = r
		if r.Err == nil {
			w.known[r.Key] = r.RemoteID
		}
	}
	return got
}

// confirmed uploads users and has them all confirmed.
func (w *world) confirmed(changes ...plan.Change) map[string]target.Result {
	w.Helper()
	got := w.results(w.accepted(changes...))
	for _, ch := range changes {
		if r, ok := got[ch.Key]; !ok || r.Err != nil || r.RemoteID == "" {
			w.Fatalf("%s: %+v", ch.Key, r)
		}
	}
	return got
}

// user is a user to be created, with the attributes given as pairs of path and value.
func user(key, name string, more ...scim.Attribute) plan.Change {
	after := append(scim.Attributes{
		{Path: "active", Value: true},
		{Path: "externalId", Value: key},
		{Path: "userName", Value: name},
		{Path: "displayName", Value: "Display " + key},
		{Path: "name.givenName", Value: "Given" + key},
		{Path: "name.familyName", Value: "Family" + key},
	}, more...)
	return plan.Change{Action: plan.CreateUser, Kind: scim.User, Key: key, Label: name, After: after.Sort(), Reason: "new on the roll"}
}

func pupil(n int) plan.Change {
	key := "p" + string(rune('a'+n/1000%26)) + string(rune('a'+n/100%10)) + string(rune('a'+n/10%10)) + string(rune('a'+n%10))
	return user(key, key+"@oakfield.example")
}

func pupils(n int) []plan.Change {
	out := make([]plan.Change, n)
	for i := range out {
		out[i] = pupil(i)
	}
	return out
}

func group(key, name string, members ...string) plan.Change {
	return plan.Change{
		Action: plan.CreateGroup, Kind: scim.Group, Key: key, Label: name, Reason: "new group",
		After: scim.Attributes{{Path: "displayName", Value: name}, {Path: "externalId", Value: key}}, Add: members,
	}
}

func keysOf(changes []plan.Change) []string {
	var out []string
	for _, ch := range changes {
		out = append(out, ch.Key)
	}
	return out
}

// find is the one group or user of a snapshot that is looked for.
func (w *world) userAt(key string) sandbox.User {
	w.Helper()
	users := w.Snapshot().Users
	at := slices.IndexFunc(users, func(u sandbox.User) bool { return u.EmployeeID == key })
	if at < 0 {
		w.Fatalf("%s is not at the tenant", key)
	}
	return users[at]
}

func (w *world) members(name string) []string {
	w.Helper()
	ids := map[string]string{}
	for key, id := range w.known {
		ids[id] = key
	}
	for _, g := range w.Snapshot().Groups {
		if g.DisplayName == name {
			var out []string
			for _, id := range g.Members {
				out = append(out, ids[id])
			}
			slices.Sort(out)
			return out
		}
	}
	w.Fatalf("the group %s is not at the tenant", name)
	return nil
}

// nobodyDeleted is what holds after every test.
func (w *world) nobodyDeleted() {
	w.Helper()
	s := w.Snapshot()
	if len(s.DeletedUsers)+len(s.DeletedByMember) > 0 || w.Requests()[sandbox.MemberDeletes]+w.Requests()[sandbox.UserDeletes] > 0 {
		w.Errorf("users were deleted: %v", s.DeletedUsers)
	}
}

// refuse answers requests whose path and body hold the texts in place of the look-alike.
func refuse(next http.Handler, path, body string, status int, answer string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		sent, err := io.ReadAll(r.Body)
		if err != nil {
			return
		}
		r.Body = io.NopCloser(bytes.NewReader(sent))
		if strings.Contains(r.URL.Path, path) && strings.Contains(string(sent), body) {
			w.WriteHeader(status)
			_, _ = io.WriteString(w, strings.ReplaceAll(answer, "%s", strings.Trim(scim.Quote(string(sent)), `"`)))
			return
		}
		next.ServeHTTP(w, r)
	})
}
