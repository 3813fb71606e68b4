package generic_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"simscim/connector/plan"
	"simscim/connector/target"
	"simscim/connector/target/targettest"
	"simscim/scim"
)

// doAll applies changes and returns the last outcome of each.
func (w *world) doAll(changes ...plan.Change) map[string]target.Outcome {
	w.Helper()
	last := map[string]target.Outcome{}
	err := w.Target.Apply(w.Context(), changes, w.lookup, func(o target.Outcome) error {
		w.mu.Lock()
		defer w.mu.Unlock()
		if last[o.Change.Key].Final {
			w.Errorf("%s: an outcome after the final one", o.Change.Key)
		}
		if o.Err == nil && o.RemoteID != "" {
			w.known[o.Change.Key] = o.RemoteID
		}
		o.Added = append(last[o.Change.Key].Added, o.Added...)
		last[o.Change.Key] = o
		return nil
	})
	if err != nil {
		w.Fatal(err)
	}
	if len(last) != len(changes) {
		w.Fatalf("%d changes have an outcome, want %d", len(last), len(changes))
	}
	return last
}

// good fails the test where a change failed.
func (w *world) good(last map[string]target.Outcome) {
	w.Helper()
	for key, o := range last {
		if o.Err != nil || !o.Final {
			w.Fatalf("%s: %v (%s)", key, o.Err, o.Advice)
		}
	}
}

// sent counts the requests so far by method and path, without ids.
func (w *world) sent(since int) map[string]int {
	n := map[string]int{}
	for _, c := range w.Faults.Calls()[since:] {
		parts := strings.Split(strings.TrimPrefix(c.Path, "/scim"), "/")
		n[c.Method+" "+parts[1]]++
	}
	return n
}

// once checks that the server holds exactly one user for each of n.
func (w *world) once(n int) {
	w.Helper()
	if held := w.held(); held != n {
		w.Errorf("the server holds %d objects, want %d", held, n)
	}
}

func (w *world) held() int {
	w.fake.mu.Lock()
	defer w.fake.mu.Unlock()
	return len(w.fake.objects)
}

func users(n int) (changes []plan.Change, keys []string) {
	for i := range n {
		key := fmt.Sprintf("u%04d", i)
		changes, keys = append(changes, user(key)), append(keys, key)
	}
	return changes, keys
}

func update(w *world, key, title string) plan.Change {
	set := []plan.Field{{Path: "title", After: title}}
	return plan.Change{Action: plan.UpdateUser, Kind: scim.User, Key: key, RemoteID: w.known[key], Set: set, After: scim.Attributes{{Path: "title", Value: title}}}
}

func TestBulkRequestsOfAFirstSync(t *testing.T) {
	t.Parallel()
	w := newWorld(t, quirks{bulk: 100})
	people, keys := users(250)
	w.good(w.doAll(people...))
	groups := []plan.Change{group("all", keys...)}
	for i := range 40 {
		groups = append(groups, group(fmt.Sprint("g", i), keys[i:i+30]...))
	}
	last := w.doAll(groups...)
	w.good(last)
	for _, g := range groups {
		if diff := cmp.Diff(g.Add, last[g.Key].Added); diff != "" {
			t.Errorf("%s: %s", g.Key, diff)
		}
	}
	if members, _ := w.fake.get(w.known["all"])["members"].([]any); len(members) != 250 {
		t.Errorf("%d members are in the large group, want 250", len(members))
	}
	// The group that does not fit into one operation goes alone: a create and two changes.
	want := map[string]int{"GET ServiceProviderConfig": 1, "GET ResourceTypes": 1, "GET Schemas": 1, "POST Bulk": 3 + 1, "POST Groups": 1, "PATCH Groups": 2}
	if diff := cmp.Diff(want, w.sent(0)); diff != "" {
		t.Error(diff)
	}
}

func TestBulkOfAllKinds(t *testing.T) {
	t.Parallel()
	for name, q := range map[string]quirks{"plain": {bulk: 50}, "versions": {bulk: 50, versions: true}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, q)
			people, keys := users(6)
			w.good(w.doAll(people...))
			drop := func(key string) plan.Change {
				return plan.Change{Action: plan.DeleteUser, Kind: scim.User, Key: key, RemoteID: w.known[key]}
			}
			w.good(w.doAll(update(w, keys[0], "Head"), drop(keys[4]))) // teaches versions
			before := len(w.Faults.Calls())
			suspend := plan.Change{
				Action: plan.SuspendUser, Kind: scim.User, Key: keys[1], RemoteID: w.known[keys[1]], After: scim.Attributes{{Path: "active", Value: false}},
			}
			last := w.doAll(update(w, keys[0], "Deputy"), suspend, drop(keys[2]), user("new"))
			w.good(last)
			if !last[keys[2]].Gone || last[keys[0]].Gone {
				t.Errorf("gone are %v and %v", last[keys[2]].Gone, last[keys[0]].Gone)
			}
			if w.fake.get(w.known[keys[0]])["title"] != "Deputy" || w.fake.get(w.known[keys[1]])["active"] != false || w.fake.get(w.known[keys[2]]) != nil {
				t.Error("the server holds something else")
			}
			want := map[string]int{"POST Bulk": 1}
			if q.versions {
				want["GET Users"] = 3
			}
			if diff := cmp.Diff(want, w.sent(before)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestBulkOperationsThatAreRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t, quirks{bulk: 50, checkMembers: true})
	people, keys := users(4)
	w.good(w.doAll(people...))

	// A name that somebody else has, and somebody who is not there any more.
	twin := user("twin")
	twin.After[3].Value = "name-" + keys[0]
	lost := update(w, keys[1], "Head")
	lost.RemoteID = "nobody"
	last := w.doAll(twin, lost, update(w, keys[2], "Head"), user("fine"))
	if o := last["twin"]; !scim.IsConflict(o.Err) || o.Attributes || strings.Contains(o.Advice, keys[0]) {
		t.Errorf("a taken name is %+v", o)
	}
	if o := last[keys[1]]; !scim.IsNotFound(o.Err) || !o.Gone {
		t.Errorf("an update of what is gone is %+v", o)
	}
	if last[keys[2]].Err != nil || last["fine"].Err != nil {
		t.Error("what is refused keeps the others from being done")
	}

	// One member of several that the server does not know.
	w.known["zz"] = "unknown"
	last = w.doAll(group("g", keys[0], keys[1], keys[2]), group("bad", keys[0], "zz"))
	if o := last["g"]; o.Err != nil || len(o.Added) != 3 {
		t.Errorf("a good group is %+v", o)
	}
	if o := last["bad"]; o.Err == nil || strings.Contains(o.Advice, "unknown") {
		t.Errorf("a group with an unknown member is %+v", o)
	}
}

// What is created already is taken up, as after a single create.
func TestBulkFindsWhatIsThere(t *testing.T) {
	t.Parallel()
	w := newWorld(t, quirks{bulk: 50})
	people, keys := users(3)
	w.good(w.doAll(people...))
	ids := []string{w.known[keys[0]], w.known[keys[1]], w.known[keys[2]]}
	for i := range people {
		people[i].After = append(slices.Clone(people[i].After), scim.Attribute{Path: "title", Value: "Head"}).Sort()
	}
	w.good(w.doAll(people...))
	w.once(3)
	for i, key := range keys {
		if w.known[key] != ids[i] || w.fake.get(ids[i])["title"] != "Head" {
			t.Errorf("%s is not taken up", key)
		}
	}
}

func TestBulkIsHalvedUntilItFits(t *testing.T) {
	t.Parallel()
	w := newWorld(t, quirks{bulk: 100})
	w.fake.bulk = 30 // less than it is said to take
	people, _ := users(90)
	w.good(w.doAll(people...))
	w.once(90)
	before := len(w.Faults.Calls())
	more, _ := users(140)
	w.good(w.doAll(more[90:]...))
	if diff := cmp.Diff(map[string]int{"POST Bulk": 3}, w.sent(before)); diff != "" { // 22 at once, which is 90 halved
		t.Error(diff)
	}
}

func TestBulkKeepsToItsBytes(t *testing.T) {
	t.Parallel()
	const limit = 4000
	w := newWorld(t, quirks{bulk: 1000, bulkBytes: limit})
	people, _ := users(60)
	large := user("large")
	large.After = append(slices.Clone(large.After), scim.Attribute{Path: "title", Value: strings.Repeat("x", limit)}).Sort()
	w.good(w.doAll(append(people, large)...))
	w.once(61)
	sent := w.sent(0)
	if sent["POST Users"] != 1 || sent["POST Bulk"] < 2 || sent["POST Bulk"] > 6 {
		t.Errorf("the requests are %v, want one large account alone and the others in a few pieces", sent)
	}
	for _, c := range w.Faults.Calls() {
		if strings.HasSuffix(c.Path, "/Bulk") && len(c.Body) > limit*95/100 {
			t.Errorf("a bulk request has %d bytes", len(c.Body))
		}
	}
}

func TestBulkThatIsOnlyAdvertised(t *testing.T) {
	t.Parallel()
	for _, status := range []int{400, 403, 404, 405, 501} {
		t.Run(fmt.Sprint(status), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, quirks{bulk: 200})
			w.Faults.Inject(targettest.Fault{Method: http.MethodPost, Path: "/Bulk", Status: status})
			people, _ := users(50)
			w.good(w.doAll(people[:25]...))
			w.good(w.doAll(people[25:]...))
			w.once(50)
			if sent := w.sent(0); sent["POST Bulk"] != 1 || sent["POST Users"] != 50 {
				t.Errorf("the requests are %v, want one try at bulk", sent)
			}
			caps, err := w.Target.Capabilities(t.Context())
			if err != nil || caps.Bulk > 1 || !slices.ContainsFunc(caps.Notes, func(s string) bool { return strings.Contains(s, "refuses bulk") }) {
				t.Errorf("the capabilities do not tell of it (%v): %d, %q", err, caps.Bulk, caps.Notes)
			}
			if !strings.Contains(w.Logged(), "refuses bulk") {
				t.Error("the log does not tell of it")
			}
		})
	}
}

// After an answer that is lost every create is looked up before it is sent again, and
// nothing is made twice.
func TestBulkWithALostAnswer(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]targettest.Fault{
		"carried out": {Deliver: true, Cut: true},
		"not arrived": {Cut: true},
		"504 after":   {Deliver: true, Status: http.StatusGatewayTimeout},
		"500":         {Status: http.StatusInternalServerError},
		"nonsense":    {Deliver: true, Status: http.StatusOK, Answer: `{"Operations": "none"}`},
		"202":         {Deliver: true, Status: http.StatusAccepted},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, quirks{bulk: 100})
			people, keys := users(60)
			w.good(w.doAll(people[:30]...))
			fault.Path, fault.Times = "/Bulk", 1
			w.Faults.Inject(fault)
			before := len(w.Faults.Calls())
			changes := slices.Clone(people[30:])
			for _, key := range keys[:10] {
				changes = append(changes, update(w, key, "Head"))
			}
			for _, key := range keys[10:15] {
				changes = append(changes, plan.Change{Action: plan.DeleteUser, Kind: scim.User, Key: key, RemoteID: w.known[key]})
			}
			w.good(w.doAll(changes...))
			w.once(60 - 5)
			want := 30
			if fault.Deliver {
				want = 0
			}
			if sent := w.sent(before); sent["POST Users"] != want || sent["GET Users"] < 30 {
				t.Errorf("the requests are %v, want %d creates after as many look-ups", sent, want)
			}
		})
	}
}

func TestBulkThatNeverAnswersIsGivenUp(t *testing.T) {
	t.Parallel()
	w := newWorld(t, quirks{bulk: 10})
	w.Faults.Inject(targettest.Fault{Path: "/Bulk", Deliver: true, Status: http.StatusBadGateway})
	for i := range 6 {
		people, _ := users(10 * (i + 1))
		w.good(w.doAll(people[10*i:]...))
	}
	w.once(60)
	if n := w.sent(0)["POST Bulk"]; n != 3 {
		t.Errorf("bulk was tried %d times, want 3", n)
	}
}

// Operations that were put off, or that the server does not take by bulk, are sent alone.
func TestBulkOperationsThatWerePutOff(t *testing.T) {
	t.Parallel()
	for _, status := range []string{"405", "429", "501", "503"} {
		t.Run(status, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, quirks{bulk: 10})
			people, keys := users(2)
			w.good(w.doAll(people...))
			answer := fmt.Sprintf(`{"Operations":[{"method":"POST","bulkId":"0","status":%q},{"method":"PATCH","bulkId":"1","status":%[1]q}]}`, status)
			w.Faults.Inject(targettest.Fault{Path: "/Bulk", Times: 1, Status: http.StatusOK, Answer: answer})
			before := len(w.Faults.Calls())
			w.good(w.doAll(user("new"), update(w, keys[0], "Head")))
			w.once(3)
			if sent := w.sent(before); sent["POST Users"] != 1 || sent["PATCH Users"] != 1 {
				t.Errorf("the requests are %v", sent)
			}
		})
	}
}

func TestBulkRefusedForItsCredentialsEndsApply(t *testing.T) {
	t.Parallel()
	w := newWorld(t, quirks{bulk: 10})
	w.Faults.Inject(targettest.Fault{Path: "/Bulk", Status: http.StatusUnauthorized})
	people, _ := users(25)
	err := w.Target.Apply(t.Context(), people, w.lookup, func(target.Outcome) error { t.Error("there is an outcome"); return nil })
	if !scim.IsUnauthorised(err) {
		t.Errorf("Apply returns %v", err)
	}
}
