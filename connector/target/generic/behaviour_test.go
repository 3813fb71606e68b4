package generic_test

import (
	"encoding/json"
	"errors"
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
	"simscim/connector/target/generic"
	"simscim/connector/target/targettest"
	"simscim/internal/secret/secrettest"
	"simscim/scim"
)

// world is a fake server, a target for it, and what a ledger would know.
type world struct {
	*testing.T
	*targettest.Fixture
	fake  *fake
	mu    sync.Mutex
	known map[string]string
}

func (w *world) lookup(key string) (string, bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	id, ok := w.known[key]
	return id, ok
}

func newWorld(t *testing.T, q quirks) *world {
	t.Helper()
	f, url := newFake(t, q)
	return &world{
		T: t, Fixture: fixtureWith(t, url, "token", "auto", q.traits(), targettest.Fixture{}), fake: f, known: map[string]string{},
	}
}

// traits are what discovery cannot find out about the fake.
func (q quirks) traits() config.Traits {
	var traits config.Traits
	if q.bulk > 0 {
		traits.Bulk, traits.BulkBytes = &q.bulk, &q.bulkBytes
	}
	if q.search {
		traits.Search = &q.search
	}
	return traits
}

// do applies one change and returns its outcomes.
func (w *world) do(ch plan.Change) []target.Outcome {
	w.Helper()
	var got []target.Outcome
	err := w.Target.Apply(w.Context(), []plan.Change{ch}, w.lookup, func(o target.Outcome) error {
		got = append(got, o)
		if o.RemoteID != "" {
			w.known[ch.Key] = o.RemoteID
		}
		return nil
	})
	if err != nil {
		w.Fatal(err)
	}
	return got
}

// made creates an object and returns the target's id.
func (w *world) made(ch plan.Change) string {
	w.Helper()
	got := w.do(ch)
	if o := got[len(got)-1]; o.Err != nil {
		w.Fatalf("%v (%s)", o.Err, o.Advice)
	}
	return w.known[ch.Key]
}

// writes are the bodies of the writes since the mark, with their methods.
func (w *world) writes(since int) []string {
	var out []string
	for _, c := range w.Faults.Calls()[since:] {
		if c.Method != http.MethodGet {
			out = append(out, c.Method+" "+c.Body)
		}
	}
	return out
}

func user(key string) plan.Change {
	return plan.Change{Action: plan.CreateUser, Kind: scim.User, Key: key, Label: "name-" + key, After: scim.Attributes{
		{Path: "active", Value: true}, {Path: "externalId", Value: key}, {Path: "name.givenName", Value: "Ann"}, {Path: "userName", Value: "name-" + key},
	}}
}

func group(key string, members ...string) plan.Change {
	return plan.Change{Action: plan.CreateGroup, Kind: scim.Group, Key: key, After: scim.Attributes{{Path: "displayName", Value: "Group " + key}}, Add: members}
}

func TestSuspendSendsExactlyThat(t *testing.T) {
	t.Parallel()
	w := newWorld(t, quirks{})
	id := w.made(user("u"))
	before := len(w.Faults.Calls())
	w.do(plan.Change{Action: plan.SuspendUser, Kind: scim.User, Key: "u", RemoteID: id, After: scim.Attributes{{Path: "active", Value: false}}})
	want := []string{`PATCH {"Operations":[{"op":"replace","path":"active","value":false}],"schemas":["` + scim.PatchOpURN + `"]}`}
	if diff := cmp.Diff(want, w.writes(before)); diff != "" {
		t.Error(diff)
	}
}

func TestReplaceKeepsWhatItDoesNotKnow(t *testing.T) {
	t.Parallel()
	w := newWorld(t, quirks{noPatch: true})
	id := w.made(user("u"))
	w.fake.set(id, "urn:other", map[string]any{"desk": "4"})
	w.fake.set(id, "phoneNumbers", []any{map[string]any{"value": "1", "type": "work"}})
	before := w.fake.get(id)
	w.do(plan.Change{Action: plan.UpdateUser, Kind: scim.User, Key: "u", RemoteID: id, Set: []plan.Field{
		{Path: "title", After: "Head"}, {Path: scim.MustPath(scim.EnterpriseURN + ":department"), After: "Art"}, {Path: "nickName"},
	}})
	after := w.fake.get(id)
	before["title"], before[scim.EnterpriseURN] = "Head", map[string]any{"department": "Art"}
	before["schemas"] = []any{scim.UserURN, scim.EnterpriseURN}
	before["meta"] = after["meta"]
	if diff := cmp.Diff(before, after); diff != "" {
		t.Error(diff)
	}
}

func TestReplaceReadsAgainWhenSomebodyElseWasFaster(t *testing.T) {
	t.Parallel()
	w := newWorld(t, quirks{noPatch: true, versions: true})
	id := w.made(user("u"))
	w.Faults.Inject(targettest.Fault{Method: http.MethodPut, Times: 2, Status: http.StatusPreconditionFailed})
	change := plan.Change{Action: plan.UpdateUser, Kind: scim.User, Key: "u", RemoteID: id, Set: []plan.Field{{Path: "title", After: "Head"}}}
	if o := w.do(change)[0]; o.Err != nil || w.fake.get(id)["title"] != "Head" {
		t.Errorf("after two lost races: %v", o.Err)
	}
	w.Faults.Inject(targettest.Fault{Method: http.MethodPut, Status: http.StatusPreconditionFailed})
	change.Set[0].After = "Deputy"
	if o := w.do(change)[0]; o.Err == nil {
		t.Error("a race that is always lost is a success")
	}
}

func TestElementThatIsNotThereIsMade(t *testing.T) {
	t.Parallel()
	for name, q := range map[string]quirks{"PATCH": {}, "PUT": {noPatch: true}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, q)
			id := w.made(user("u"))
			work := scim.MustPath(`emails[type eq "work"].value`)
			set := func(v any) target.Outcome {
				return w.do(plan.Change{Action: plan.UpdateUser, Kind: scim.User, Key: "u", RemoteID: id, Set: []plan.Field{{Path: work, After: v}}})[0]
			}
			for _, v := range []any{nil, "a@x.example", "b@x.example", nil} {
				if o := set(v); o.Err != nil {
					t.Fatalf("set to %v: %v (%s)", v, o.Err, o.Advice)
				}
				got, _ := scim.Lookup(w.fake.get(id), work)
				if !scim.SameValue(work, got, v) {
					t.Errorf("it is %v, want %v", got, v)
				}
			}
		})
	}
}

// A target that keeps no externalId cannot tell whether a lost create was carried out;
// a second one must not be sent.
func TestLostCreateWithoutExternalID(t *testing.T) {
	t.Parallel()
	w := newWorld(t, quirks{noExternalID: true})
	w.Faults.Inject(targettest.Fault{Method: http.MethodPost, Times: 1, Deliver: true, Cut: true})
	g := group("g")
	got := w.do(g)
	o := got[0]
	if o.Err == nil || !o.Final || !o.Unsettled || !strings.Contains(o.Advice, "keeps no externalId") || scim.IsConflict(o.Err) {
		t.Errorf("the outcome is %+v, want an ambiguous failure", o)
	}
	if n := len(w.writes(0)); n != 1 {
		t.Errorf("%d creates were sent, want 1", n)
	}
}

func TestSeveralWithOneExternalID(t *testing.T) {
	t.Parallel()
	w := newWorld(t, quirks{})
	first := w.made(group("g"))
	second := group("other")
	second.After = scim.Attributes{{Path: "displayName", Value: "Double"}, {Path: "externalId", Value: "g"}}
	w.made(second)
	w.Faults.Inject(targettest.Fault{Method: http.MethodPost, Status: http.StatusConflict})
	before := len(w.Faults.Calls())
	if o := w.do(group("g"))[0]; scim.IsConflict(o.Err) || o.Attributes || !strings.Contains(o.Advice, "More than one") {
		t.Errorf("the outcome is %+v", o)
	}
	if n := len(w.writes(before)); n != 1 || w.fake.get(first)["displayName"] != "Group g" {
		t.Errorf("%d writes were sent, want only the create", n)
	}
}

// What was there already is taken up: members who are in are confirmed without a
// request, others are added, and nobody is taken out.
func TestTakeUpOfAGroup(t *testing.T) {
	t.Parallel()
	w := newWorld(t, quirks{})
	for _, key := range []string{"a", "b", "c"} {
		w.made(user(key))
	}
	id := w.made(group("g", "a", "c"))
	w.Faults.Inject(targettest.Fault{Method: http.MethodPost, Times: 1, Status: http.StatusConflict})
	before := len(w.Faults.Calls())
	again := group("g", "a", "b")
	again.After[0].Value = "New name"
	got := w.do(again)
	var added []string
	for i, o := range got {
		added = append(added, o.Added...)
		if o.RemoteID != id || o.Err != nil || o.Final != (i == len(got)-1) {
			t.Errorf("outcome %d is %+v", i, o)
		}
	}
	if diff := cmp.Diff([]string{"a", "b"}, added); diff != "" {
		t.Error(diff)
	}
	if n := len(w.writes(before)); n != 2 {
		t.Errorf("%d writes, want the create and one change", n)
	}
	if members, _ := w.fake.get(id)["members"].([]any); len(members) != 3 || w.fake.get(id)["displayName"] != "New name" {
		t.Errorf("the group is %v", w.fake.get(id))
	}
}

// What was made before is there already: whatever has become of what is written only once,
// it stays.
func TestTakeUpLeavesWhatIsWrittenOnce(t *testing.T) {
	t.Parallel()
	for name, q := range map[string]quirks{"PATCH": {}, "PUT": {noPatch: true}, "bulk": {bulk: 5}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, q)
			ch := user("u")
			ch.After = append(ch.After, scim.Attribute{Path: "title", Value: "Pupil"}, scim.Attribute{Path: "nickName", Value: "A"}).Sort()
			ch.CreateOnly = []scim.Path{"title"}
			id := w.made(ch)
			if title := w.fake.get(id)["title"]; title != "Pupil" {
				t.Fatalf("a create gives the title %v", title)
			}
			w.fake.set(id, "title", "Theirs")
			w.fake.set(id, "nickName", "Theirs")
			w.Faults.Inject(targettest.Fault{Method: http.MethodPost, Times: 1, Status: http.StatusConflict})
			w.made(ch)
			if got := w.fake.get(id); got["title"] != "Theirs" || got["nickName"] != "A" {
				t.Errorf("title is %v and nickName %v", got["title"], got["nickName"])
			}
		})
	}
}

// The one member whom the server refuses is found by halving; the rest get in.
func TestRefusedMemberIsFoundByHalving(t *testing.T) {
	t.Parallel()
	w := newWorld(t, quirks{checkMembers: true})
	var keys []string
	for i := range 64 {
		key := fmt.Sprintf("u%02d", i)
		w.made(user(key))
		keys = append(keys, key)
	}
	id := w.made(group("g"))
	w.known["zz"] = "unknown"
	before := len(w.Faults.Calls())
	ch := plan.Change{Action: plan.UpdateMembers, Kind: scim.Group, Key: "g", RemoteID: id, Add: append(keys, "zz")}
	got := w.do(ch)
	if o := got[len(got)-1]; o.Err == nil || !o.Final || strings.Contains(o.Advice, "unknown") {
		t.Errorf("the last outcome is %+v", o)
	}
	if members, _ := w.fake.get(id)["members"].([]any); len(members) != len(keys) {
		t.Errorf("%d members are in, want %d", len(members), len(keys))
	}
	if n := len(w.writes(before)); n > 16 {
		t.Errorf("it took %d requests", n)
	}
}

func TestRequestsOfAFirstSync(t *testing.T) {
	t.Parallel()
	w := newWorld(t, quirks{})
	var keys []string
	for i := range 150 {
		key := fmt.Sprintf("u%03d", i)
		w.made(user(key))
		keys = append(keys, key)
	}
	for i := range 10 {
		w.made(group(fmt.Sprint("g", i), keys[i:i+30]...))
	}
	w.made(group("all", keys...))
	// Three documents, one request an object, and one more for the second half of a group
	// that is larger than a request.
	if n := w.Target.Requests(); n != 3+150+11+1 {
		t.Errorf("%d requests were sent, want %d", n, 3+150+11+1)
	}
	if _, err := w.Target.Capabilities(t.Context()); err != nil || w.Target.Requests() != 165 {
		t.Errorf("what is known is asked again (%v)", err)
	}
}

func TestGroupThatCannotBeRenamed(t *testing.T) {
	t.Parallel()
	w := newWorld(t, quirks{noRename: true})
	id := w.made(group("g"))
	before := len(w.Faults.Calls())
	o := w.do(plan.Change{Action: plan.UpdateGroup, Kind: scim.Group, Key: "g", RemoteID: id, Set: []plan.Field{{Path: "displayName", After: "x"}}})[0]
	if o.Err == nil || !o.Final || len(w.writes(before)) != 0 {
		t.Errorf("the outcome is %+v", o)
	}
}

func TestMembersThatCannotBeChangedSafely(t *testing.T) {
	t.Parallel()
	w := newWorld(t, quirks{noPatch: true, hideMembers: true})
	w.made(user("a"))
	id := w.made(group("g", "a"))
	o := w.do(plan.Change{Action: plan.UpdateMembers, Kind: scim.Group, Key: "g", RemoteID: id, Add: []string{"a"}})[0]
	if o.Err == nil || !strings.Contains(o.Advice, "delete") && !strings.Contains(o.Advice, "Delete") {
		t.Errorf("the outcome is %+v", o)
	}
}

func TestRedirectsAreReportedAndNotFollowed(t *testing.T) {
	t.Parallel()
	hits := 0
	elsewhere := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { hits++ }))
	t.Cleanup(elsewhere.Close)
	w := newWorld(t, quirks{})
	w.made(user("a"))
	for _, status := range []int{301, 302, 307, 308} {
		w.Faults.Inject(targettest.Fault{Method: http.MethodPost, Times: 1, Status: status, Header: map[string]string{"Location": elsewhere.URL + "/Users"}})
		if o := w.do(user("b"))[0]; o.Err == nil || !strings.Contains(o.Advice, "redirects") {
			t.Errorf("%d: the outcome is %+v", status, o)
		}
	}
	if hits != 0 {
		t.Errorf("%d calls went to another host", hits)
	}
}

func TestSlowAnswerIsAmbiguous(t *testing.T) {
	t.Parallel()
	_, url := newFake(t, quirks{})
	host := targettest.NewProxy(t, strings.TrimSuffix(url, "/scim"))
	tg, err := generic.New(&config.Target{
		Name: "t", Profile: "generic", URL: host.URL + "/scim", Auth: config.TargetAuth{Type: "bearer", Token: secrettest.File(t, "token")},
		Limits: config.Limits{InFlight: 1}, Timeout: config.Duration{Duration: time.Second},
	}, generic.Options{MinWait: time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	host.Inject(targettest.Fault{Delay: time.Hour})
	var last target.Outcome
	err = tg.Apply(t.Context(), []plan.Change{user("u")}, func(string) (string, bool) { return "", false }, func(o target.Outcome) error {
		last = o
		return nil
	})
	if err != nil || last.Err == nil || !last.Unsettled {
		t.Errorf("the outcome is %+v (%v), want an ambiguous one", last, err)
	}
}

func TestSignInWithOAuth2(t *testing.T) {
	t.Parallel()
	tokens := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(map[string]any{"access_token": "token", "token_type": "Bearer", "expires_in": 60})
	}))
	t.Cleanup(tokens.Close)
	_, url := newFake(t, quirks{})
	cfg := &config.Target{Name: "t", URL: url, Limits: config.Limits{InFlight: 1}, Auth: config.TargetAuth{
		Type: "oauth2", TokenURL: tokens.URL, ClientID: secrettest.File(t, "c"), ClientSecret: secrettest.File(t, "s"),
	}}
	tg, err := generic.New(cfg, generic.Options{MinWait: time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tg.Capabilities(t.Context()); err != nil {
		t.Error(err)
	}
	tokens.Close()
	tg, err = generic.New(cfg, generic.Options{MinWait: time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	err = tg.Apply(t.Context(), []plan.Change{user("u")}, nil, func(target.Outcome) error { return errors.New("an outcome without a token") })
	if err == nil || strings.Contains(err.Error(), "outcome") {
		t.Errorf("without a token Apply returns %v", err)
	}
}

func TestNewRefuses(t *testing.T) {
	t.Parallel()
	good := func() *config.Target {
		return &config.Target{Name: "t", URL: "https://idp.example/scim", Auth: config.TargetAuth{Type: "bearer"}}
	}
	for name, spoil := range map[string]func(*config.Target){
		"profile":  func(c *config.Target) { c.Profile = "nobody" },
		"no url":   func(c *config.Target) { c.URL = "" },
		"query":    func(c *config.Target) { c.URL += "?x=CANARY" },
		"password": func(c *config.Target) { c.URL = "https://a:CANARY@idp.example/scim" },
		"scheme":   func(c *config.Target) { c.URL = "ftp://idp.example" },
		"auth":     func(c *config.Target) { c.Auth.Type = "magic" },
		"ca file":  func(c *config.Target) { c.CAFile = "/nonexistent/ca.pem" },
	} {
		cfg := good()
		spoil(cfg)
		_, err := generic.New(cfg, generic.Options{})
		if err == nil || strings.Contains(err.Error(), "CANARY") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := generic.New(good(), generic.Options{}); err != nil {
		t.Error(err)
	}
}

func TestSizeOfRequestsIsLearned(t *testing.T) {
	t.Parallel()
	w := newWorld(t, quirks{maxMembers: 12, maxInline: 12})
	var keys []string
	for i := range 90 {
		key := fmt.Sprintf("u%02d", i)
		w.made(user(key))
		keys = append(keys, key)
	}
	w.made(group("first", keys...))
	before := len(w.Faults.Calls())
	w.made(group("second", keys...))
	// 90 members by 11, which is 90 halved until it fits.
	if n := len(w.writes(before)); n != 9 {
		t.Errorf("the second group took %d requests, want 9", n)
	}
}
