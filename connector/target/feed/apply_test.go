package feed_test

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"

	"simscim/connector/plan"
	"simscim/connector/target"
	"simscim/scim"
)

// version is an object's version as a reader sees it.
func (s *school) version(t testing.TB, path string) string {
	t.Helper()
	a := s.get(t, path)
	if a.status != 200 {
		t.Fatalf("%s: %d %s", path, a.status, a.raw)
	}
	return a.header.Get("ETag")
}

func TestVersionsFollowChanges(t *testing.T) {
	t.Parallel()
	s := serve(t, options(t))
	s.apply(t, pupils(0, 3)...)
	s.apply(t, class("7a", pupil(0), pupil(1)))
	user, group := "/Users/"+s.ids["p-0000"], "/Groups/"+s.ids["7a"]
	department := scim.MustPath(scim.EnterpriseURN + ":department")
	move := s.change(plan.UpdateMembers, scim.Group, "7a")
	move.Add, move.Remove = []string{"p-0002"}, []string{"p-0001"}
	for _, step := range []struct {
		name        string
		change      plan.Change
		user, group string
	}{
		{"nothing new", s.change(plan.UpdateUser, scim.User, "p-0000", plan.Field{Path: "active", After: true}), "1", "1"},
		{"a value", s.change(plan.UpdateUser, scim.User, "p-0000", plan.Field{Path: department, After: "9 Red"}), "2", "1"},
		{"a value taken away", s.change(plan.UpdateUser, scim.User, "p-0000", plan.Field{Path: department}), "3", "1"},
		{"taken away again", s.change(plan.UpdateUser, scim.User, "p-0000", plan.Field{Path: department}), "3", "1"},
		{"suspended", s.change(plan.SuspendUser, scim.User, "p-0000"), "4", "1"},
		{"members", move, "4", "2"},
		{"the same members", move, "4", "2"},
		{"group renamed", s.change(plan.UpdateGroup, scim.Group, "7a", plan.Field{Path: "displayName", After: "7B"}), "4", "3"},
		{"a member deleted", s.change(plan.DeleteUser, scim.User, "p-0002"), "4", "4"},
	} {
		s.apply(t, step.change)
		if u, g := s.version(t, user), s.version(t, group); u != `W/"`+step.user+`"` || g != `W/"`+step.group+`"` {
			t.Errorf("after %s the user has %s and the group %s", step.name, u, g)
		}
	}
	if a := s.get(t, group); strings.Count(a.raw, `"value"`) != 1 || !strings.Contains(a.raw, s.ids["p-0000"]) {
		t.Errorf("the group is %s", a.raw)
	}
}

func TestReplaceGroup(t *testing.T) {
	t.Parallel()
	s := serve(t, options(t))
	s.apply(t, pupils(0, 3)...)
	s.apply(t, class("7a", pupil(0), pupil(1)))
	old := s.ids["7a"]
	ch := class("7a", pupil(2))
	ch.Action, ch.RemoteID = plan.ReplaceGroup, old
	var got []target.Outcome
	if err := s.Apply(t.Context(), []plan.Change{ch}, s.lookup, func(o target.Outcome) error { got = append(got, o); return nil }); err != nil {
		t.Fatal(err)
	}
	if len(got) != 2 || !got[0].Gone || got[0].Final || !got[1].Final || got[1].RemoteID == old || !slices.Equal(got[1].Added, []string{"p-0002"}) {
		t.Errorf("outcomes: %+v", got)
	}
	if a := s.get(t, "/Groups"); a.doc["totalResults"] != 1.0 || strings.Count(a.raw, `"value"`) != 1 {
		t.Errorf("groups: %s", a.raw)
	}
}

func TestRefusedChanges(t *testing.T) {
	t.Parallel()
	o := options(t)
	o.Writable = true
	s := serve(t, o)
	s.apply(t, pupils(0, 3)...)
	// Somebody has written a second user with the external id of another.
	twice := fmt.Sprintf(`{"schemas": [%q], "userName": "intruder", "externalId": "p-0009"}`, scim.UserURN)
	for _, body := range []string{twice, strings.Replace(twice, "intruder", "intruder2", 1)} {
		if a := s.do(t, "POST", "/Users", body); a.status != 201 {
			t.Fatal(a.raw)
		}
	}
	for name, test := range map[string]struct {
		change   plan.Change
		conflict bool
	}{
		"taken": {func() plan.Change {
			c := pupil(1)
			c.Key = "p-0100"
			c.After = with(c.After, "externalId", "p-0100")
			return c
		}(), true},
		"renamed":        {s.change(plan.RenameUser, scim.User, "p-0002", plan.Field{Path: "userName", After: "PUPIL1@oakfield.example"}), true},
		"several":        {pupil(9), false},
		"unknown action": {plan.Change{Action: "fly", Key: "x"}, false},
		"bad value":      {s.change(plan.UpdateUser, scim.User, "p-0002", plan.Field{Path: "meta.created", After: "Canary"}), false},
	} {
		var last target.Outcome
		good := s.change(plan.UpdateUser, scim.User, "p-0000", plan.Field{Path: "title", After: name})
		err := s.Apply(t.Context(), []plan.Change{test.change, good}, s.lookup, func(o target.Outcome) error {
			if o.Change.Key == test.change.Key {
				last = o
			} else if o.Err != nil {
				t.Errorf("%s: it stops another change: %v", name, o.Err)
			}
			return nil
		})
		if err != nil || last.Err == nil || !last.Final || last.Advice == "" || last.Unsettled || scim.IsConflict(last.Err) != test.conflict {
			t.Errorf("%s: %+v, %v", name, last, err)
		}
		for _, word := range []string{"pupil", "PUPIL", "oakfield", "Canary", "intruder"} {
			if last.Err != nil && strings.Contains(last.Err.Error()+last.Advice, word) {
				t.Errorf("%s: %q is repeated", name, word)
			}
		}
	}
}

func with(attrs scim.Attributes, path scim.Path, value any) scim.Attributes {
	return append(slices.Clone(attrs), scim.Attribute{Path: path, Value: value}).Sort()
}

// Sites write at the same time, and each batch is all there or not at all.
func TestSitesAtOnce(t *testing.T) {
	t.Parallel()
	s := serve(t, options(t))
	var g sync.WaitGroup
	for site := range 6 {
		g.Go(func() {
			all := pupils(site*150, site*150+150)
			s.apply(t, all...)
			s.apply(t, class(fmt.Sprint("class ", site), all...))
		})
	}
	g.Wait()
	if n, ok, err := s.Count(t.Context(), scim.User); n != 900 || !ok || err != nil {
		t.Errorf("%d users: %v", n, err)
	}
	for o, err := range s.List(t.Context(), scim.Group, nil) {
		if err != nil || len(o.Members) != 150 {
			t.Errorf("%d members: %v", len(o.Members), err)
		}
	}
}

// An end in the middle of a batch leaves nothing of it behind, and going on from there
// ends as if nothing had happened.
func TestApplyAgainAfterAnEnd(t *testing.T) {
	t.Parallel()
	s := serve(t, options(t))
	all := pupils(0, 250)
	ended := errors.New("the machine is off")
	n := 0
	err := s.Apply(t.Context(), all, s.lookup, func(o target.Outcome) error {
		if n++; n > 120 {
			return ended
		}
		s.ids[o.Change.Key] = o.RemoteID
		return nil
	})
	if !errors.Is(err, ended) {
		t.Fatalf("Apply returns %v", err)
	}
	s.apply(t, all[120:]...) // 80 of them are there already, unknown to the ledger
	if n, _, err := s.Count(t.Context(), scim.User); n != 250 || err != nil {
		t.Errorf("%d users: %v", n, err)
	}
	if s.Requests() != 4 {
		t.Errorf("%d transactions, want 4", s.Requests())
	}
}

// A feed that may be written to keeps the rules of the store.
func TestWrites(t *testing.T) {
	t.Parallel()
	o := options(t)
	o.Writable = true
	s := serve(t, o)
	s.apply(t, pupils(0, 3)...)
	ann, ben := s.ids["p-0000"], s.ids["p-0001"]
	group := func(members ...string) string {
		for i, m := range members {
			members[i] = fmt.Sprintf(`{"value": %q}`, m)
		}
		return fmt.Sprintf(`{"schemas": [%q], "displayName": "7a", "members": [%s]}`, scim.GroupURN, strings.Join(members, ","))
	}
	made := s.do(t, "POST", "/Groups", group(ann, ann))
	path := "/Groups/" + fmt.Sprint(made.doc["id"])
	patch := func(ops string) string {
		return fmt.Sprintf(`{"schemas": [%q], "Operations": [%s]}`, scim.PatchOpURN, ops)
	}
	for _, step := range []struct {
		method, path, body string
		status, members    int
	}{
		{"GET", path, "", 200, 1},
		{"PUT", path, group(ann, ben), 200, 2},
		{"PUT", path, group("nobody"), 400, 2},
		{"PATCH", path, patch(`{"op": "remove", "path": "members[value eq \"` + ann + `\"]"}`), 200, 1},
		{"PATCH", path, patch(`{"op": "add", "path": "members", "value": [{"value": "` + s.ids["p-0002"] + `"}]}`), 200, 2},
		{"POST", "/Groups", group(fmt.Sprint(made.doc["id"]), "nobody"), 400, 2},
		{"PATCH", "/Users/" + ann, patch(`{"op": "replace", "path": "userName", "value": "PUPIL1@oakfield.example"}`), 409, 2},
		{"PATCH", "/Users/" + ann, patch(`{"op": "replace", "value": {"active": false}}`), 200, 2},
		{"DELETE", "/Users/" + ben, "", 204, 1},
		{"DELETE", "/Users/" + ben, "", 404, 1},
		{"PUT", "/Users/" + ben, fmt.Sprintf(`{"schemas": [%q], "userName": "ben"}`, scim.UserURN), 404, 1},
		{"DELETE", path, "", 204, 0},
	} {
		a := s.do(t, step.method, step.path, step.body)
		if a.status != step.status {
			t.Errorf("%s %s: %d, want %d: %s", step.method, step.path, a.status, step.status, a.raw)
		}
		if left := strings.Count(s.get(t, path).raw, `"type":"User"`); left != step.members {
			t.Errorf("after %s %s there are %d members, want %d", step.method, step.path, left, step.members)
		}
	}
	if a := s.get(t, filtered(`active eq false and id eq "`+ann+`"`)); len(a.names()) != 1 {
		t.Errorf("%s: %s", url.QueryEscape(ann), a.raw)
	}
	if a := s.do(t, "DELETE", "/Users/"+ann, "", "If-Match", `W/"1"`); a.status != 412 {
		t.Errorf("a stale delete: %d", a.status)
	}
}
