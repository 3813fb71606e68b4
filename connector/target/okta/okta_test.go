package okta_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"simscim/config"
	"simscim/connector/plan"
	"simscim/connector/target"
	"simscim/connector/target/okta"
	"simscim/internal/clock/clocktest"
	"simscim/internal/secret/secrettest"
	"simscim/internal/telemetry/logtest"
	sandbox "simscim/sandbox/okta"
	"simscim/scim"
)

// clock is a clock that waiting moves.
type clock struct{ *clocktest.Clock }

func newClock() clock { return clock{clocktest.New(time.Date(2026, 9, 1, 2, 0, 0, 0, time.UTC))} }

func (c clock) Wait(ctx context.Context, d time.Duration) error {
	c.Advance(d)
	return ctx.Err()
}

// front is what stands before the organisation.
type front func(w http.ResponseWriter, r *http.Request, org http.Handler)

// bench is a target with an organisation of its own.
type bench struct {
	*testing.T
	org    *sandbox.Org
	clock  clock
	target *okta.Target
	// front stands before the organisation, once it is put there.
	mu    sync.Mutex
	front front
	log   *logtest.Buffer
	got   []target.Outcome
	known map[string]bool
	url   string
}

func setup(t *testing.T, change func(o *sandbox.Options, c *config.Target)) *bench {
	t.Helper()
	b := &bench{T: t, clock: newClock(), log: &logtest.Buffer{}}
	o := sandbox.Options{Seed: 3, Now: b.clock.Now, ImportTakes: 40 * time.Second, PerMinute: 1_000_000}
	c := &config.Target{
		Name: "okta", Type: "okta-identity-source", Limits: config.Limits{InFlight: 4},
		ConfirmWithin: config.Duration{Duration: 20 * time.Minute}, Timeout: config.Duration{Duration: time.Minute},
	}
	if change != nil {
		change(&o, c)
	}
	b.org = sandbox.New(o)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b.mu.Lock()
		f := b.front
		b.mu.Unlock()
		if f != nil {
			f(w, r, b.org.Handler())
			return
		}
		b.org.Handler().ServeHTTP(w, r)
	}))
	t.Cleanup(s.Close)
	b.url = s.URL
	c.URL, c.Source = s.URL, b.org.Sources()[0]
	if c.Auth.Type == "" {
		c.Auth = config.TargetAuth{Type: "ssws", Token: secrettest.File(t, b.org.Token())}
	}
	var err error
	b.target, err = okta.New(c, okta.Options{Now: b.clock.Now, Wait: b.clock.Wait, MinWait: time.Millisecond, Log: b.log.Logger()})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// put puts something before the organisation; nil takes it away.
func (b *bench) put(f front) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.front = f
}

// lookup is what a ledger would know.
func (b *bench) lookup(key string) (string, bool) { return key, b.known[key] }

func (b *bench) knows(keys []string) {
	b.known = map[string]bool{}
	for _, key := range keys {
		b.known[key] = true
	}
}

// apply carries out changes and keeps the outcomes.
func (b *bench) apply(changes ...plan.Change) error {
	b.Helper()
	b.got = nil
	return b.target.Apply(b.Context(), changes, b.lookup, func(o target.Outcome) error {
		b.got = append(b.got, o)
		return nil
	})
}

// done is apply where everything succeeds.
func (b *bench) done(changes ...plan.Change) {
	b.Helper()
	if err := b.apply(changes...); err != nil {
		b.Fatal(err)
	}
	final := 0
	for _, o := range b.got {
		if o.Err != nil || o.Accepted {
			b.Fatalf("%s: %v (%s), accepted %t", o.Change.Action, o.Err, o.Advice, o.Accepted)
		}
		if o.Final {
			final++
		}
	}
	if final != len(changes) {
		b.Fatalf("%d final outcomes of %d", final, len(changes))
	}
}

func (b *bench) last(key string) target.Outcome {
	b.Helper()
	for _, o := range b.got {
		if o.Change.Key == key && o.Final {
			return o
		}
	}
	b.Fatalf("%s has no outcome", key)
	return target.Outcome{}
}

func (b *bench) snapshot() sandbox.Snapshot { return b.org.Snapshot(b.org.Sources()[0]) }

func key(i int) string { return fmt.Sprintf("sims-3f2b-%06d", i) }

func user(i int) plan.Change {
	name := fmt.Sprintf("pupil%d@oakfield.example", i)
	return plan.Change{
		Action: plan.CreateUser, Kind: scim.User, Key: key(i), Label: name,
		After: scim.Attributes{
			{Path: "active", Value: true},
			{Path: scim.MustPath(`emails[type eq "work"].primary`), Value: true},
			{Path: scim.MustPath(`emails[type eq "work"].value`), Value: name},
			{Path: "externalId", Value: key(i)},
			{Path: "name.familyName", Value: "Quizzle"},
			{Path: "name.givenName", Value: "Zebedee"},
			{Path: "userName", Value: name},
		},
	}
}

func users(n int) (list []plan.Change) {
	for i := range n {
		list = append(list, user(i))
	}
	return list
}

func keys(n int) (list []string) {
	for i := range n {
		list = append(list, key(i))
	}
	return list
}

func group(name string, members ...string) plan.Change {
	return plan.Change{
		Action: plan.CreateGroup, Kind: scim.Group, Key: name, Label: "Class " + name,
		After: scim.Attributes{{Path: "displayName", Value: "Class " + name}, {Path: "externalId", Value: name}}, Add: members,
	}
}

// later is a later change of an object.
func later(c plan.Change, a plan.Action, set ...plan.Field) plan.Change {
	c.Action, c.RemoteID, c.Add, c.Set = a, c.Key, nil, set
	switch a {
	case plan.SuspendUser:
		c.After = scim.Attributes{{Path: "active", Value: false}}
	case plan.DeleteGroup:
		c.After = nil
	default:
		c.After = append(scim.Attributes{}, c.After...)
		for _, f := range set {
			c.After = append(c.After, scim.Attribute{Path: f.Path, Value: f.After})
		}
		c.After = c.After.Sort()
	}
	return c
}

func TestLoad(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	all := users(3)
	b.done(append(all, group("7A", keys(3)...), group("7B"))...)
	got := b.snapshot()
	if len(got.Users) != 3 || len(got.Groups) != 2 || len(got.Groups[0].Members) != 3 || len(got.Sessions) != 1 || got.Sessions[0].Loads != 3 {
		t.Fatalf("got %+v", got)
	}
	p := got.Users[0].Profile
	if p["userName"] != all[0].Label || p["email"] != all[0].Label || p["firstName"] != "Zebedee" || p["lastName"] != "Quizzle" || len(p) != 4 {
		t.Errorf("profile: %v", p)
	}
	if o := b.last("7A"); o.RemoteID != "7A" || !o.Attributes || len(o.Added) != 3 {
		t.Errorf("outcome: %+v", o)
	}

	// Leaving, coming back, another name, and a group that goes: all in one session.
	b.clock.Wait(t.Context(), time.Hour)
	b.knows(keys(3))
	rename := later(all[1], plan.RenameUser, plan.Field{Path: "userName", After: "new@oakfield.example"})
	move := later(group("7A"), plan.UpdateMembers)
	move.Remove = keys(2)[1:]
	b.done(later(all[0], plan.SuspendUser), rename, move, later(group("7B"), plan.DeleteGroup))
	got = b.snapshot()
	if got.Users[0].Status != sandbox.Deprovisioned || got.Users[1].Profile["userName"] != "new@oakfield.example" || len(got.Groups) != 1 || len(got.Groups[0].Members) != 2 {
		t.Errorf("got %+v", got)
	}
	if o := b.last("7B"); !o.Gone || o.Attributes {
		t.Errorf("outcome: %+v", o)
	}
	if o := b.last("7A"); !o.Attributes || len(o.Removed) != 1 {
		t.Errorf("outcome: %+v", o)
	}
	obj, ok, err := b.target.Get(t.Context(), scim.User, key(0), []scim.Path{"userName", "active"})
	if active, _ := obj.Attributes.Get("active"); err != nil || !ok || active != false {
		t.Errorf("who was suspended is %v, %t, %v", obj, ok, err)
	}
	b.done(later(all[0], plan.ReactivateUser, plan.Field{Path: "active", After: true}))
	if got := b.snapshot().Users[0]; got.Status != sandbox.Active || got.Profile["userName"] != all[0].Label {
		t.Errorf("brought back: %+v", got)
	}
}

// What is written only once is sent when the record is made, and again with somebody who
// comes back: of them nothing shows what Okta has kept.
func TestWrittenOnce(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	once := user(0)
	once.After = append(once.After, scim.Attribute{Path: "title", Value: "Pupil"}).Sort()
	once.CreateOnly = []scim.Path{"title"}
	title := func(want string) {
		t.Helper()
		if got := b.snapshot().Users[0].Profile["title"]; got != want {
			t.Errorf("the title is %q, want %q", got, want)
		}
	}
	next := func(c plan.Change) {
		t.Helper()
		b.clock.Wait(t.Context(), time.Hour)
		b.done(c)
	}
	b.done(once)
	title("Pupil")
	next(later(user(0), plan.UpdateUser, plan.Field{Path: "title", After: "Theirs"}))
	next(later(once, plan.UpdateUser, plan.Field{Path: "department", After: "Art"}))
	title("Theirs")
	next(later(once, plan.SuspendUser))
	next(later(once, plan.ReactivateUser, plan.Field{Path: "active", After: true}))
	title("Pupil")

	// A group that is as it should be but for its name is taken over without a word.
	g := group("7A")
	next(g)
	g = later(g, plan.AdoptGroup)
	g.CreateOnly = []scim.Path{"displayName"}
	sessions := len(b.snapshot().Sessions)
	next(g)
	if o := b.last("7A"); !o.Attributes || len(b.snapshot().Sessions) != sessions {
		t.Errorf("the outcome is %+v, after %d sessions more", o, len(b.snapshot().Sessions)-sessions)
	}
}

// Names that systems stumble over come out as they went in.
func TestNames(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	var all []plan.Change
	for i, n := range [][3]string{
		{"siân.ó'neill@oakfield.example", "Siân", "Ó'Neill"},
		{`quote"back\slash`, `Jo "JJ"`, `Back\slash`},
		{"plus+amp&hash#pct%", "A+B & C#", "<100%>"},
		{"wáng.小明", "小明", "王"},
	} {
		c := user(i)
		c.Key = fmt.Sprintf("key %d/ä\"\\%%?#", i)
		c.After[2].Value, c.After[3].Value, c.After[6].Value = n[0], c.Key, n[0]
		c.After[5].Value, c.After[4].Value = n[1], n[2]
		all = append(all, c)
	}
	b.done(append(all, group("7/A \"ü\"", all[0].Key, all[3].Key))...)
	for _, c := range all {
		var paths []scim.Path
		for _, a := range c.After {
			paths = append(paths, a.Path)
		}
		found, err := b.target.Find(t.Context(), scim.User, "externalId", c.Key, paths)
		if err != nil || len(found) != 1 {
			t.Fatalf("%d are found: %v", len(found), err)
		}
		if diff := cmp.Diff(c.After, found[0].Attributes); diff != "" {
			t.Error(diff)
		}
	}
	obj, ok, err := b.target.Get(t.Context(), scim.Group, "7/A \"ü\"", []scim.Path{"displayName"})
	if err != nil || !ok || !obj.MembersKnown || len(obj.Members) != 2 || obj.Attributes.String("displayName") != "Class 7/A \"ü\"" {
		t.Errorf("group: %+v, %t, %v", obj, ok, err)
	}
	// Okta's own id of a group is nobody's key.
	if found, err := b.target.Find(t.Context(), scim.Group, "externalId", b.snapshot().Groups[0].ID, nil); err != nil || len(found) != 0 {
		t.Errorf("by Okta's id %d groups are found: %v", len(found), err)
	}
}

// What Okta would refuse is refused here, and what it refuses all the same is found out;
// the rest goes on.
func TestOneBadRecord(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	all := users(120)
	long := later(all[3], plan.CreateUser, plan.Field{Path: "name.middleName", After: strings.Repeat("x", 5000)})
	number := later(all[4], plan.CreateUser, plan.Field{Path: "yearGroup", After: 7})
	all[3], all[4] = long, number
	if err := b.apply(append(all, group("g", keys(6)...))...); err != nil {
		t.Fatal(err)
	}
	for i := range 120 {
		o := b.last(key(i))
		if bad := i == 3 || i == 4; (o.Err != nil) != bad || bad && o.Advice == "" {
			t.Errorf("user %d: %+v", i, o)
		}
		if o.Err != nil && (strings.Contains(o.Err.Error()+o.Advice, "xxxx") || strings.Contains(o.Err.Error()+o.Advice, "Quizzle")) {
			t.Errorf("a value is told: %v, %s", o.Err, o.Advice)
		}
	}
	if len(b.snapshot().Users) != 118 {
		t.Errorf("%d users", len(b.snapshot().Users))
	}
}

// Who leaves is taken out of the groups in the session that deactivates the account.
func TestLeaver(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	b.done(append(users(2), group("g", keys(2)...))...)
	b.knows(keys(2))
	move := later(group("g"), plan.UpdateMembers)
	move.Remove = keys(1)
	b.done(move, later(user(0), plan.SuspendUser))
	if o := b.last("g"); len(o.Removed) != 1 || len(b.snapshot().Groups[0].Members) != 1 || len(b.snapshot().Sessions) != 2 {
		t.Errorf("outcome: %+v; %+v", o, b.snapshot())
	}
}

// A member who is neither there nor comes is left out, and nothing is sent for nobody.
func TestMembersWhoAreNotThere(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	b.done(user(0), group("g", "absent", key(0)))
	if o := b.last("g"); len(o.Added) != 1 || o.Added[0] != key(0) {
		t.Errorf("members: %v", o.Added)
	}
	move := later(group("g"), plan.UpdateMembers)
	move.Add = []string{"absent"}
	before := b.org.Requests()
	b.done(move)
	if b.org.Requests() != before {
		t.Error("something was sent")
	}
}

func TestNoLists(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	n := 0
	for _, err := range b.target.List(t.Context(), scim.User, nil) {
		if n++; err == nil {
			t.Error("a list without an error")
		}
	}
	if _, err := b.target.Find(t.Context(), scim.User, "userName", "x", nil); err == nil || n != 1 {
		t.Error("looked for by user name")
	}
	caps, err := b.target.Capabilities(t.Context())
	if err != nil || !caps.FilterNeeded || caps.Delete || !caps.OnePhase {
		t.Errorf("got %+v, %v", caps, err)
	}
}
