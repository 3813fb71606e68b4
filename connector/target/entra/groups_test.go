package entra_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"simscim/config"
	"simscim/connector/plan"
	"simscim/connector/target"
	sandbox "simscim/sandbox/entra"
	"simscim/scim"
)

// filled is a world with n users who are confirmed.
func filled(t *testing.T, n int, s setting) (*world, []string) {
	t.Helper()
	w := newWorld(t, s)
	all := pupils(n)
	w.confirmed(all...)
	return w, keysOf(all)
}

// done applies one change to a group, which must succeed, and returns its pieces.
func (w *world) done(ch plan.Change) []target.Outcome {
	w.Helper()
	list := w.apply(ch)[ch.Key]
	if len(list) == 0 || !list[len(list)-1].Final {
		w.Fatalf("%s has no final outcome", ch.Key)
	}
	for i, o := range list {
		if o.Err != nil {
			w.Fatalf("%s: %v (%s)", ch.Key, o.Err, o.Advice)
		}
		if !o.Gone && (o.Attributes != (i == 0) || o.RemoteID == "") {
			w.Errorf("piece %d: attributes %t, id %q", i, o.Attributes, o.RemoteID)
		}
	}
	return list
}

func (w *world) later(ch plan.Change, action plan.Action) plan.Change {
	w.Helper()
	id, ok := w.lookup(ch.Key)
	if !ok {
		w.Fatalf("%s is not known", ch.Key)
	}
	ch.Action, ch.RemoteID, ch.Add, ch.Remove = action, id, nil, nil
	return ch
}

func added(list []target.Outcome) (out []string) {
	for _, o := range list {
		out = append(out, o.Added...)
	}
	slices.Sort(out)
	return out
}

func TestGroupLifeCycle(t *testing.T) {
	t.Parallel()
	for _, kind := range []string{"security", "microsoft365", "class"} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			w, keys := filled(t, 60, setting{change: func(c *config.Target) { c.GroupKind = kind }})
			g := group("site:Class:7A", "7A «Maths» & Ŵelsh", keys[:50]...)
			if diff := cmp.Diff(keys[:50], added(w.done(g))); diff != "" {
				t.Errorf("confirmed members (-want +got):\n%s", diff)
			}
			held := w.Snapshot().Groups[0]
			if held.Unified != (kind != "security") || held.Class != (kind == "class") {
				t.Errorf("the group is %+v", held)
			}
			// Made a second time, by a run that does not know of the first, it is the same group.
			if again := w.done(g); again[0].RemoteID != held.ID || !slices.Equal(added(again), keys[:50]) {
				t.Errorf("made again it is %s with %d members", again[0].RemoteID, len(added(again)))
			}
			found, err := w.target.Find(t.Context(), scim.Group, "externalId", g.Key, []scim.Path{"displayName"})
			if err != nil || len(found) != 1 || found[0].ExternalID != g.Key || len(found[0].Members) != 50 {
				t.Errorf("by its key %+v is found (%v)", found, err)
			}

			move := w.later(g, plan.UpdateMembers)
			move.Add, move.Remove = keys[50:], keys[:30]
			w.done(move)
			if diff := cmp.Diff(keys[30:], w.members(g.Label)); diff != "" {
				t.Errorf("members (-want +got):\n%s", diff)
			}
			w.done(move) // who is in stays in, who is out stays out

			rename := w.later(g, plan.UpdateGroup)
			rename.Set = []plan.Field{{Path: "displayName", After: "8A Maths"}}
			w.done(rename)
			if diff := cmp.Diff(keys[30:], w.members("8A Maths")); diff != "" {
				t.Errorf("members after a rename (-want +got):\n%s", diff)
			}
			if n := len(w.Snapshot().Groups); n != 1 {
				t.Errorf("there are %d groups, want 1", n)
			}
			drop := w.later(g, plan.DeleteGroup)
			for range 2 { // the second time it is gone already
				if list := w.done(drop); !list[0].Gone {
					t.Error("a deleted group is not told to be gone")
				}
			}
			w.nobodyDeleted()
			if users, groups, _ := w.Counts(); users != 60 || groups != 0 {
				t.Errorf("%d users and %d groups are left", users, groups)
			}
		})
	}
}

// A year of pupils comes and goes in few requests: 20 × 20 come and 20 go with each.
func TestMembersTravelTogether(t *testing.T) {
	t.Parallel()
	w, keys := filled(t, 840, setting{})
	w.ResetRequests()
	g := group("all", "All students", keys...)
	if n := len(added(w.done(g))); n != 840 {
		t.Errorf("%d members are confirmed, want 840", n)
	}
	want := sandbox.Requests{sandbox.GroupWrites: 1 + 41, sandbox.Batches: 3}
	got := w.Requests()
	delete(got, sandbox.Tokens)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("requests of a create (-want +got):\n%s", diff)
	}
	w.ResetRequests()
	move := w.later(g, plan.UpdateMembers)
	move.Remove = keys[:200]
	w.done(move)
	if got := w.Requests(); got[sandbox.MemberRemovals] != 200 || got[sandbox.Batches] != 10 {
		t.Errorf("200 removals took %v", got)
	}
	if diff := cmp.Diff(keys[200:], w.members("All students")); diff != "" {
		t.Errorf("members (-want +got):\n%s", diff)
	}
	w.nobodyDeleted()
}

func TestReplacedGroup(t *testing.T) {
	t.Parallel()
	w, keys := filled(t, 30, setting{})
	g := group("c", "Choir", keys[:10]...)
	id := w.done(g)[0].RemoteID
	anew := w.later(g, plan.ReplaceGroup)
	anew.Add = keys[5:30]
	list := w.apply(anew)[g.Key]
	if len(list) != 3 || !list[0].Gone || list[0].Final || list[1].RemoteID == id || !list[2].Final {
		t.Fatalf("the outcomes are %+v", list)
	}
	if diff := cmp.Diff(keys[5:30], w.members("Choir")); diff != "" {
		t.Errorf("members (-want +got):\n%s", diff)
	}
}

func TestOneMemberIsNotThere(t *testing.T) {
	t.Parallel()
	for name, id := range map[string]string{"deleted": "00000000-0000-4000-8000-00000000dead", "no id at all": "0000/../../users"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w, keys := filled(t, 30, setting{})
			w.known["absent"] = id
			g := group("g", "Chess", append(slices.Clone(keys), "absent")...)
			list := w.apply(g)["g"]
			last := list[len(list)-1]
			if last.Err == nil || last.Advice == "" || last.Gone || !slices.Equal(added(list), keys) {
				t.Errorf("%d members are confirmed and the error is %v", len(added(list)), last.Err)
			}
			if diff := cmp.Diff(keys, w.members("Chess")); diff != "" {
				t.Errorf("members (-want +got):\n%s", diff)
			}
			move := w.later(g, plan.UpdateMembers)
			move.Remove = append([]string{"absent"}, keys[:5]...)
			list = w.apply(move)["g"]
			if got := w.members("Chess"); !slices.Equal(got, keys[5:]) {
				t.Errorf("after the removal %d are left", len(got))
			}
			if wrong := name != "deleted"; (list[len(list)-1].Err != nil) != wrong {
				t.Errorf("removing who is not there gives %v", list[len(list)-1].Err)
			}
			w.nobodyDeleted()
		})
	}
}

func TestGroupIsGone(t *testing.T) {
	t.Parallel()
	w, keys := filled(t, 3, setting{})
	g := group("g", "Gone", keys[:1]...)
	w.done(g)
	w.done(w.later(g, plan.DeleteGroup))
	update := w.later(g, plan.UpdateMembers)
	for name, change := range map[string]func(*plan.Change){
		"name": func(c *plan.Change) {
			c.Action, c.Set = plan.UpdateGroup, []plan.Field{{Path: "displayName", After: "X"}}
		},
		"one more": func(c *plan.Change) { c.Add = keys[1:] },
		"one less": func(c *plan.Change) { c.Remove = keys[:1] },
	} {
		ch := update
		change(&ch)
		list := w.apply(ch)["g"]
		if o := list[len(list)-1]; !o.Gone || o.Err == nil {
			t.Errorf("%s: gone is %t and the error %v", name, o.Gone, o.Err)
		}
	}
}

func TestGroupTroubles(t *testing.T) {
	t.Parallel()
	for name, f := range map[string]sandbox.Faults{
		"throttled":       {Throttle: 1},
		"parts throttled": {ThrottleParts: 7},
		"lost answer":     {DropWrite: 1},
		"lost batch":      {DropWrite: 2},
		"failed but done": {FailAfter: 2},
		"503 and then ok": {Fail: 3, FailWrites: true},
		"delta lost":      {ForgetDeltas: 1},
		"many throttled":  {ThrottleParts: 25},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, kind := range []string{"security", "class"} {
				w, keys := filled(t, 90, setting{change: func(c *config.Target) { c.GroupKind = kind }})
				w.SetFaults(f)
				w.done(group("g", "Orchestra", keys...))
				if diff := cmp.Diff(keys, w.members("Orchestra")); diff != "" {
					t.Errorf("%s: members (-want +got):\n%s", kind, diff)
				}
				if n := len(w.Snapshot().Groups); n != 1 {
					t.Errorf("%s: there are %d groups, want 1", kind, n)
				}
			}
		})
	}
}

// Whoever is told that most of the tenant's share is used rests before going on.
func TestResourceUnits(t *testing.T) {
	t.Parallel()
	var used atomic.Value
	used.Store("")
	w := newWorld(t, setting{wrap: func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("x-ms-throttle-limit-percentage", used.Load().(string))
			next.ServeHTTP(w, r)
		})
	}})
	if _, err := w.target.Capabilities(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		used  string
		least time.Duration
	}{{"0.5", 0}, {"nonsense", 0}, {"NaN", 0}, {"0.80", 200 * time.Millisecond}, {"0.9", 600 * time.Millisecond}} {
		used.Store(tt.used)
		begun := time.Now()
		if _, _, err := w.target.Count(t.Context(), scim.Group); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(begun); took < tt.least {
			t.Errorf("at %s a call took %v, want %v at least", tt.used, took, tt.least)
		}
	}
}

func TestReadGroups(t *testing.T) {
	t.Parallel()
	w, keys := filled(t, 250, setting{sandbox: sandbox.Options{PageSize: 40}})
	long := strings.Repeat("Ünsafe key ", 20)
	for i, key := range []string{"s:Class:7A", "s:class:7a", long, "plain"} {
		w.done(group(key, fmt.Sprintf("Group %d", i), keys[:60*(i+1)]...))
	}
	paths := []scim.Path{"displayName", "externalId"}
	members := map[string]int{}
	for o, err := range w.target.List(t.Context(), scim.Group, paths) {
		if err != nil {
			t.Fatal(err)
		}
		if !o.MembersKnown {
			t.Errorf("the members of a group are not known")
		}
		members[o.Attributes.String("displayName")+" "+o.ExternalID] = len(o.Members)
	}
	want := map[string]int{"Group 0 s:Class:7A": 60, "Group 1 s:class:7a": 120, "Group 2 ": 180, "Group 3 plain": 240}
	if diff := cmp.Diff(want, members); diff != "" {
		t.Errorf("the list (-want +got):\n%s", diff)
	}
	// A key too long to be read out of the name is found all the same.
	found, err := w.target.Find(t.Context(), scim.Group, "externalId", long, paths)
	if err != nil || len(found) != 1 || found[0].ExternalID != long || len(found[0].Members) != 180 {
		t.Errorf("by a long key %d are found (%v)", len(found), err)
	}
	found, err = w.target.Find(t.Context(), scim.Group, "displayName", "Group 1", paths)
	if err != nil || len(found) != 1 || found[0].ExternalID != "s:class:7a" {
		t.Errorf("by name %+v is found (%v)", found, err)
	}
	o, ok, err := w.target.Get(t.Context(), scim.Group, w.known["plain"], paths)
	if err != nil || !ok || len(o.Members) != 240 {
		t.Errorf("by id it is %t with %d members (%v)", ok, len(o.Members), err)
	}
	for _, kind := range []scim.Kind{scim.Group, scim.User} {
		if _, ok, err := w.target.Get(t.Context(), kind, "00000000-0000-4000-8000-00000000dead", paths); ok || err != nil {
			t.Errorf("what is not there is found %t (%v)", ok, err)
		}
	}
}

func TestReadUsers(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setting{sandbox: sandbox.Options{PageSize: 7}})
	mail := scim.MustPath(`emails[type eq "work"].value`)
	name := "o'neill.ann@oakfield.example"
	w.confirmed(append(pupils(1100), user("k'1", name, scim.Attribute{Path: mail, Value: name}))...)
	paths := []scim.Path{"userName", "active", "name.givenName", mail, scim.MustPath("urn:oakfield:2.0:User:house")}
	n := 0
	w.ResetRequests()
	for o, err := range w.target.List(t.Context(), scim.User, paths) {
		if err != nil {
			t.Fatal(err)
		}
		if id, _ := w.lookup(o.ExternalID); id != o.RemoteID || o.Attributes.String("userName") == "" {
			t.Fatalf("%+v is listed", o)
		}
		n++
	}
	if lists := w.Requests()[sandbox.UserLists]; n != 1101 || lists != 3 { // the first is Capabilities
		t.Errorf("%d users are listed by %d requests, want 1101 by 2", n, lists-1)
	}
	want := target.Object{Kind: scim.User, RemoteID: w.known["k'1"], ExternalID: "k'1", Attributes: scim.Attributes{
		{Path: "active", Value: true}, {Path: mail, Value: name}, {Path: "name.givenName", Value: "Givenk'1"}, {Path: "userName", Value: name},
	}}
	for path, value := range map[scim.Path]string{"externalId": "k'1", "userName": strings.ToUpper(name), mail: name} {
		found, err := w.target.Find(t.Context(), scim.User, path, value, paths)
		if diff := cmp.Diff([]target.Object{want}, found); err != nil || diff != "" {
			t.Errorf("by %s (%v) (-want +got):\n%s", path, err, diff)
		}
	}
	if found, err := w.target.Find(t.Context(), scim.User, "externalId", "nobody", paths); err != nil || found == nil || len(found) != 0 {
		t.Errorf("nobody is found as %v (%v)", found, err)
	}
}

// Whatever Graph repeats of what it was sent, nothing of it is told.
func TestNoPersonalData(t *testing.T) {
	t.Parallel()
	for _, status := range []int{400, 403, 404, 409, 500} {
		w, keys := filled(t, 2, setting{wrap: func(next http.Handler) http.Handler {
			answer := `{"error":{"code":"Zebedee","message":"cannot take %s"}}`
			next = refuse(next, "uniqueName", "Quizzle", status, answer)
			return refuse(next, "bulkUpload", "zebedee", status, answer)
		}})
		changes := []plan.Change{
			group("site:quizzle", "Dr Quizzle's Choir", keys...),
			user("zebedee-key", "zebedee@oakfield.example", scim.Attribute{Path: "title", Value: "Zebedee"}),
		}
		for key, list := range w.apply(changes...) {
			o := list[len(list)-1]
			if o.Err == nil || o.Advice == "" {
				t.Fatalf("%d: %s is told of as %+v", status, key, o)
			}
			texts := []string{o.Err.Error(), fmt.Sprintf("%+v", o.Err), o.Advice, w.log.String()}
			for _, text := range texts {
				for _, word := range []string{"zebedee@", "zebedee-key", "quizzle", "Quizzle"} {
					if strings.Contains(text, word) {
						t.Errorf("%d: %q is in %q", status, word, text)
					}
				}
			}
		}
	}
}

// What a small change of a group takes is what reports say that it takes at the least:
// groups do not travel with users.
func TestSmallChangesOfGroupsTakeTheLeast(t *testing.T) {
	t.Parallel()
	w, keys := filled(t, 30, setting{})
	caps, err := w.target.Capabilities(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var all []plan.Change
	for i := range 3 {
		all = append(all, group(fmt.Sprint("site:Class:", i), fmt.Sprint("Class ", i), keys[:5]...))
	}
	takes := func(changes []plan.Change) {
		t.Helper()
		before := w.target.Requests()
		for _, ch := range changes {
			w.done(ch)
		}
		if took, least := w.target.Requests()-before, caps.Least(changes); took != 3 || least != 3 {
			t.Errorf("%s takes %d requests, and %d are said to be the least", changes[0].Action, took, least)
		}
	}
	takes(all)
	for i := range all {
		all[i] = w.later(all[i], plan.UpdateMembers)
		all[i].Add, all[i].Remove = keys[5:], keys[:4]
	}
	takes(all)
	for i := range all {
		all[i] = w.later(all[i], plan.DeleteGroup)
	}
	takes(all)
}
