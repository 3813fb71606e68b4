package generic_test

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"simscim/config"
	"simscim/connector/plan"
	"simscim/connector/target"
	"simscim/connector/target/generic"
	"simscim/connector/target/targettest"
	"simscim/scim"
)

func replacement(w *world, key string, members ...string) plan.Change {
	ch := group(key, members...)
	ch.Action, ch.RemoteID = plan.ReplaceGroup, w.known[key]
	return ch
}

func TestGroupIsMadeAnew(t *testing.T) {
	t.Parallel()
	w := newWorld(t, quirks{bulk: 50})
	people, keys := users(130)
	w.good(w.doAll(people...))
	old := w.made(group("g", keys[:4]...))
	for _, there := range []bool{true, false} { // the second time somebody was faster
		if !there {
			old = w.known["g"]
			w.Faults.Inject(targettest.Fault{Method: http.MethodDelete, Times: 1, Status: http.StatusNotFound})
		}
		got := w.do(replacement(w, "g", keys...))
		if o := got[0]; !o.Gone || o.Final || o.Attributes || o.RemoteID != old {
			t.Errorf("the first outcome is %+v, want that the old one is gone", o)
		}
		var added []string
		for i, o := range got[1:] {
			added = append(added, o.Added...)
			if o.Err != nil || o.Gone || o.RemoteID == old || o.Attributes != (i == 0) || o.Final != (i == len(got)-2) {
				t.Errorf("outcome %d is %+v", i+1, o)
			}
		}
		if diff := cmp.Diff(keys, added); diff != "" {
			t.Error(diff)
		}
	}
	if w.fake.get(w.known["g"]) == nil {
		t.Error("there is no new group")
	}
}

// Whoever is killed between the two halves, or after them, finds one group at the end.
func TestGroupMadeAnewAfterAKill(t *testing.T) {
	t.Parallel()
	for _, outcomes := range []int{1, 2} {
		w := newWorld(t, quirks{})
		w.made(user("a"))
		w.made(group("g", "a"))
		killed, n := errors.New("killed"), 0
		err := w.Target.Apply(t.Context(), []plan.Change{replacement(w, "g", "a")}, w.lookup, func(target.Outcome) error {
			if n++; n == outcomes {
				return killed
			}
			return nil
		})
		if !errors.Is(err, killed) {
			t.Fatalf("Apply returns %v", err)
		}
		// The next run does not know of a group; it looks, and makes one where there is none.
		found, err := w.Target.Find(t.Context(), scim.Group, "externalId", "g", nil)
		if err != nil || len(found) != outcomes-1 {
			t.Fatalf("%d groups are found (%v), want %d", len(found), err, outcomes-1)
		}
		if len(found) == 0 {
			w.made(group("g", "a"))
		}
		w.once(2)
	}
}

// A server whose index is slow still finds the group that was deleted; it is not taken
// for the new one.
func TestGroupMadeAnewIsNotTheOldOne(t *testing.T) {
	t.Parallel()
	w := newWorld(t, quirks{})
	old := w.made(group("g"))
	w.Faults.Inject(targettest.Fault{Method: http.MethodDelete, Times: 1, Status: http.StatusNoContent}) // and it stays
	w.Faults.Inject(targettest.Fault{Method: http.MethodPost, Times: 1, Cut: true})
	got := w.do(replacement(w, "g"))
	if o := got[len(got)-1]; o.Err != nil || o.RemoteID == old || o.RemoteID == "" {
		t.Errorf("the last outcome is %+v", o)
	}
}

func TestPatchAfterALostRace(t *testing.T) {
	t.Parallel()
	set := func(w *world, id string) plan.Change {
		return plan.Change{Action: plan.UpdateUser, Kind: scim.User, Key: "u", RemoteID: id, Set: []plan.Field{
			{Path: "nickName", After: "Nan"}, {Path: "title", After: "Head"},
		}}
	}
	t.Run("what still differs is sent", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t, quirks{versions: true})
		id := w.made(user("u"))
		w.Faults.Inject(targettest.Fault{Method: http.MethodPatch, Times: 1, Status: http.StatusPreconditionFailed})
		w.fake.set(id, "title", "Head") // by whoever was faster
		if o := w.do(set(w, id))[0]; o.Err != nil || !o.Final {
			t.Fatalf("the outcome is %+v", o)
		}
		writes := w.writes(0)
		if last := writes[len(writes)-1]; strings.Contains(last, "title") || !strings.Contains(last, "Nan") {
			t.Errorf("the second try is %s", last)
		}
	})
	t.Run("nothing is left", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t, quirks{versions: true})
		id := w.made(user("u"))
		w.Faults.Inject(targettest.Fault{Method: http.MethodPatch, Times: 1, Deliver: true, Status: http.StatusPreconditionFailed})
		w.fake.set(id, "title", "Head")
		w.fake.set(id, "nickName", "Nan")
		before := len(w.Faults.Calls())
		if o := w.do(set(w, id))[0]; o.Err != nil || !o.Attributes {
			t.Errorf("the outcome is %+v", o)
		}
		if n := len(w.writes(before)); n != 1 {
			t.Errorf("%d changes were sent, want 1", n)
		}
	})
	t.Run("three times", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t, quirks{versions: true})
		id := w.made(user("u"))
		w.Faults.Inject(targettest.Fault{Method: http.MethodPatch, Status: http.StatusPreconditionFailed})
		before := len(w.Faults.Calls())
		if o := w.do(set(w, id))[0]; o.Err == nil || !o.Final || !strings.Contains(o.Advice, "Somebody else") {
			t.Errorf("the outcome is %+v", o)
		}
		if n := len(w.writes(before)); n != 4 {
			t.Errorf("%d changes were sent, want one and three more", n)
		}
	})
}

// Versions that the configuration asks for are sent with the first change.
func TestVersionsAreSentWhereTheyAreAskedFor(t *testing.T) {
	t.Parallel()
	yes := true
	f, url := newFake(t, quirks{versions: true})
	w := &world{T: t, Fixture: fixtureWith(t, url, "token", "auto", config.Traits{ETag: &yes}, targettest.Fixture{}), fake: f, known: map[string]string{}}
	w.made(user("u"))
	before := len(w.Faults.Calls())
	w.good(w.doAll(update(w, "u", "Head")))
	w.good(w.doAll(plan.Change{Action: plan.DeleteUser, Kind: scim.User, Key: "u", RemoteID: w.known["u"]}))
	if diff := cmp.Diff(map[string]int{"GET Users": 2, "PATCH Users": 1, "DELETE Users": 1}, w.sent(before)); diff != "" {
		t.Error(diff)
	}
}

// Members and attributes travel apart where a server wants it, and by its limits.
func TestTraitsOverruleTheServer(t *testing.T) {
	t.Parallel()
	no, add, remove := false, 3, 1
	f, url := newFake(t, quirks{})
	traits := config.Traits{MixAddRemove: &no, MembersPerAdd: &add, MembersPerRemove: &remove, RemoveForm: "values", StringBooleans: new(true)}
	w := &world{T: t, Fixture: fixtureWith(t, url, "token", "auto", traits, targettest.Fixture{}), fake: f, known: map[string]string{}}
	people, keys := users(8)
	w.good(w.doAll(people...))
	id := w.made(group("g", keys[:3]...))
	before := len(w.Faults.Calls())
	w.good(w.doAll(plan.Change{
		Action: plan.UpdateGroup, Kind: scim.Group, Key: "g", RemoteID: id, Set: []plan.Field{{Path: "displayName", After: "New"}},
		Add: keys[3:8], Remove: keys[:2],
	}))
	var ops []string
	for _, body := range w.writes(before) {
		ops = append(ops, fmt.Sprint(strings.Count(body, `"op":"replace"`), strings.Count(body, `"op":"add"`), strings.Count(body, `"op":"remove","path":"members","value"`), strings.Count(body, `{"value":"`)))
	}
	if diff := cmp.Diff([]string{"1 0 0 0", "0 1 0 3", "0 1 0 2", "0 0 1 1", "0 0 1 1"}, ops); diff != "" {
		t.Error(diff)
	}
	if members, _ := f.get(id)["members"].([]any); len(members) != 6 || f.get(id)["displayName"] != "New" {
		t.Errorf("the group is %v", f.get(id))
	}
	w.good(w.doAll(plan.Change{Action: plan.SuspendUser, Kind: scim.User, Key: keys[0], RemoteID: w.known[keys[0]], After: scim.Attributes{{Path: "active", Value: false}}}))
	if writes := w.writes(before); !strings.Contains(writes[len(writes)-1], `"value":"False"`) {
		t.Errorf("the suspension is %s", writes[len(writes)-1])
	}
	caps, err := w.Target.Capabilities(t.Context())
	if err != nil || caps.Mixed || caps.MembersPerAdd != 3 || caps.MembersPerRemove != 1 || caps.MembersPerCreate != 100 {
		t.Errorf("the capabilities are %+v (%v)", caps, err)
	}
	if !slices.ContainsFunc(caps.Notes, func(s string) bool { return strings.Contains(s, "100 on creation, 3 in, 1 out") }) {
		t.Errorf("the notes do not tell the traits: %q", caps.Notes)
	}
}

func TestTraitsThatAreNoPaths(t *testing.T) {
	t.Parallel()
	_, err := generic.New(&config.Target{
		Name: "t", URL: "https://idp.example/scim", Auth: config.TargetAuth{Type: "bearer"},
		Traits: config.Traits{FilterGroups: []config.Text{{Value: "a b"}}},
	}, generic.Options{})
	if err == nil || !strings.Contains(err.Error(), "traits") {
		t.Errorf("New returns %v", err)
	}
}

// What a person is called stays out of URLs; our own key may stand there.
func TestSearchByPost(t *testing.T) {
	t.Parallel()
	find := func(w *world, path scim.Path, value string) {
		w.Helper()
		found, err := w.Target.Find(t.Context(), scim.User, path, value, nil)
		if err != nil || len(found) != 1 {
			w.Errorf("by %s %d users are found (%v)", path, len(found), err)
		}
	}
	t.Run("offered", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t, quirks{search: true})
		w.made(user("u"))
		before := len(w.Faults.Calls())
		find(w, "userName", "name-u")
		find(w, "externalId", "u")
		if diff := cmp.Diff(map[string]int{"POST Users": 1, "GET Users": 1}, w.sent(before)); diff != "" {
			t.Error(diff)
		}
		if c := w.Faults.Calls()[before]; !strings.HasSuffix(c.Path, "/Users/.search") || !strings.Contains(c.Body, "name-u") {
			t.Errorf("the search is %+v", c)
		}
	})
	for _, status := range []int{404, 405, 501} {
		t.Run(fmt.Sprint(status), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, quirks{search: true})
			w.made(user("u"))
			w.Faults.Inject(targettest.Fault{Path: "/.search", Status: status})
			before := len(w.Faults.Calls())
			find(w, "userName", "name-u")
			find(w, "userName", "NAME-U")
			if diff := cmp.Diff(map[string]int{"POST Users": 1, "GET Users": 2}, w.sent(before)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// AWS changes three attributes of a group and no others; nothing is sent that it refuses.
func TestAttributesOfGroupsThatStay(t *testing.T) {
	t.Parallel()
	f, url := newFake(t, quirks{})
	w := &world{T: t, Fixture: fixture(t, url, "token", "aws-iam-identity-center", targettest.Fixture{}), fake: f, known: map[string]string{}}
	id := w.made(group("g"))
	before := len(w.Faults.Calls())
	set := func(path scim.Path) target.Outcome {
		return w.do(plan.Change{Action: plan.UpdateGroup, Kind: scim.Group, Key: "g", RemoteID: id, Set: []plan.Field{{Path: path, After: "x"}}})[0]
	}
	if o := set("description"); o.Err == nil || !o.Final || !strings.Contains(o.Advice, "only when the group is made") || len(w.writes(before)) != 0 {
		t.Errorf("the outcome is %+v", o)
	}
	if o := set("displayName"); o.Err != nil {
		t.Error(o.Err)
	}
}

func TestOnePupilMoreInALargeGroup(t *testing.T) {
	t.Parallel()
	w := newWorld(t, quirks{})
	var keys []string
	for i := range 5000 {
		key := fmt.Sprintf("00000000-0000-4000-8000-%012d", i)
		w.known[key] = key
		keys = append(keys, key)
	}
	id := w.made(group("all", keys[1:]...))
	before, sent := len(w.Faults.Calls()), w.Target.Requests()
	w.good(w.doAll(plan.Change{Action: plan.UpdateMembers, Kind: scim.Group, Key: "all", RemoteID: id, Add: keys[:1]}))
	if n := w.Target.Requests() - sent; n != 1 {
		t.Errorf("%d requests were sent, want 1", n)
	}
	if n := len(w.Faults.Calls()[before].Body); n >= 1000 {
		t.Errorf("the request has %d bytes, want fewer than 1000", n)
	}
	if members, _ := w.fake.get(id)["members"].([]any); len(members) != 5000 {
		t.Errorf("%d members are in the group", len(members))
	}
}

// Entra ID answers 400 to a name that is taken, whatever scimType it gives: whether the
// name is taken is looked up, and the account of that name is not touched.
func TestStatusThatMayMeanAConflict(t *testing.T) {
	t.Parallel()
	f, url := newFake(t, quirks{})
	w := &world{T: t, Fixture: fixture(t, url, "token", "entra-scim", targettest.Fixture{}), fake: f, known: map[string]string{}}
	other := w.made(user("other"))
	before := f.get(other)
	create := func(name string) target.Outcome {
		w.Faults.Inject(targettest.Fault{
			Method: http.MethodPost, Path: "/users", Times: 1, Status: http.StatusBadRequest,
			Answer: `{"schemas":["` + scim.ErrorURN + `"],"status":"400","scimType":"invalidSyntax"}`,
		})
		ch := user("mine")
		ch.After[3].Value = name
		return w.do(ch)[0]
	}
	if o := create("NAME-other"); !scim.IsConflict(o.Err) || o.Attributes || !o.Final {
		t.Errorf("a taken name is %+v", o)
	}
	if o := create("name-free"); o.Err == nil || scim.IsConflict(o.Err) {
		t.Errorf("a refused value is %+v", o)
	}
	if diff := cmp.Diff(before, f.get(other)); diff != "" {
		t.Error(diff)
	}
}
