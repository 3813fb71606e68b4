package targettest

import (
	"fmt"
	"net/http"
	"slices"

	"simscim/connector/plan"
	"simscim/scim"
)

// names are the names that systems stumble over.
var names = [][3]string{
	{"siân.ó'neill@oakfield.example", "Siân", "Ó'Neill"},
	{`quote"back\slash`, `Jo "JJ"`, `Back\slash`},
	{"plus+amp&hash#pct%", "A+B & C#", "100%"},
	{"wáng.小明", "小明", "王"},
	{"soren.ostergaard", "Søren", "Østergård-Łukasz"},
}

func users(s *suite) {
	var all []plan.Change
	for i, n := range names {
		all = append(all, person(fmt.Sprintf("key %d/ä\"\\", i), n[0], n[1], n[2]))
	}
	s.done(all...)
	for _, ch := range all {
		s.holds(ch.Key, ch.After)
	}

	first, rest := all[0], all[1:]
	s.done(s.change(first, plan.UpdateUser,
		plan.Field{Path: "name.familyName", After: "Ó'Neill-Ŵyn"},
		plan.Field{Path: userPaths[4], After: "new@oakfield.example"},
		plan.Field{Path: userPaths[5], After: "Science"}))
	s.holds(first.Key, scim.Attributes{
		{Path: "name.familyName", Value: "Ó'Neill-Ŵyn"},
		{Path: "name.givenName", Value: "Siân"},
		{Path: userPaths[4], Value: "new@oakfield.example"},
		{Path: userPaths[5], Value: "Science"},
		{Path: "externalId", Value: first.Key},
	})
	cleared := []plan.Field{{Path: userPaths[5]}}
	left := scim.Attributes{{Path: userPaths[5]}, {Path: "userName", Value: names[0][0]}}
	if !slices.Contains(s.caps.RequiredUser, "emails") {
		cleared, left = append(cleared, plan.Field{Path: userPaths[4]}), append(left, scim.Attribute{Path: userPaths[4]})
	}
	s.done(s.change(first, plan.UpdateUser, cleared...))
	s.holds(first.Key, left)
	s.done(s.change(first, plan.RenameUser, plan.Field{Path: "userName", After: "renamed@oakfield.example"}))
	s.holds(first.Key, scim.Attributes{{Path: "userName", Value: "renamed@oakfield.example"}})
	for _, ch := range rest {
		s.holds(ch.Key, ch.After)
	}
	s.leave(first)
}

// leave goes through the steps of leaving and coming back.
func (s *suite) leave(ch plan.Change) {
	s.Helper()
	if s.caps.Suspend {
		s.done(s.change(ch, plan.SuspendUser))
		s.holds(ch.Key, scim.Attributes{{Path: "active", Value: false}, {Path: "name.givenName", Value: "Siân"}})
		s.done(s.change(ch, plan.ReactivateUser, plan.Field{Path: "active", After: true}))
		s.holds(ch.Key, scim.Attributes{{Path: "active", Value: true}})
	}
	if !s.caps.Delete {
		return
	}
	drop := s.change(ch, plan.DeleteUser)
	for range 2 { // the second time it is gone already, which is what was wanted
		if o := s.last(s.done(drop), ch.Key); !o.Gone {
			s.Errorf("a deleted user is not told to be gone")
		}
	}
	if _, there := s.all(scim.User)[drop.RemoteID]; there {
		s.Errorf("a deleted user is still listed")
	}
}

func find(s *suite) {
	var all []plan.Change
	for i, n := range names {
		all = append(all, person(fmt.Sprintf("key %d/ä\"\\", i), n[0], n[1], n[2]))
	}
	s.done(all...)
	for _, path := range s.caps.FilterUsers {
		for _, ch := range all {
			value := ch.After.String(path)
			if path == "id" {
				value = s.known[ch.Key]
			}
			if value == "" { // nobody here has one
				continue
			}
			found, err := s.Target.Find(s.Context(), scim.User, path, value, userPaths)
			if err != nil {
				s.Fatalf("find by %s: %v", path, err)
			}
			if len(found) != 1 || found[0].RemoteID != s.known[ch.Key] {
				s.Errorf("by %s %d users are found, want the one", path, len(found))
			}
		}
	}
	if s.caps.FilterNeeded {
		return
	}
	// By an attribute that nobody filters by, and by one that nobody has.
	found, err := s.Target.Find(s.Context(), scim.User, "name.familyName", names[1][2], nil)
	if err != nil || len(found) != 1 {
		s.Errorf("by family name %d users are found (%v), want 1", len(found), err)
	}
	for _, path := range []scim.Path{"externalId", "userName"} {
		found, err = s.Target.Find(s.Context(), scim.User, path, "nobody", nil)
		if err != nil || len(found) != 0 {
			s.Errorf("nobody is found %d times by %s (%v)", len(found), path, err)
		}
	}
}

func count(s *suite) {
	check := func(want int) {
		n, ok, err := s.Target.Count(s.Context(), scim.User)
		if err != nil || ok && n != want {
			s.Errorf("count is %d (%v), want %d", n, err, want)
		}
	}
	check(0)
	s.done(pupils(3)...)
	check(3)
}

func longLists(s *suite) {
	all := pupils(130)
	s.done(all...)
	if s.caps.FilterNeeded {
		for _, err := range s.Target.List(s.Context(), scim.User, nil) {
			if err != nil {
				return
			}
		}
		s.Fatal("a list that cannot be had ends without an error")
	}
	found := s.all(scim.User, "userName")
	if len(found) != len(all) {
		s.Fatalf("%d users are listed, want %d", len(found), len(all))
	}
	for _, ch := range all {
		if o := found[s.known[ch.Key]]; o.Attributes.String("userName") != ch.Label {
			s.Fatalf("a listed user has the wrong name")
		}
	}
}

func groups(s *suite) {
	s.need(s.caps.Groups, "groups")
	all := pupils(6)
	s.done(all...)
	keys := keysOf(all)
	g := group("class:7a", `7A "Maths" & Ŵelsh`, keys[:4]...)
	got := s.done(g)[g.Key]
	if !got[0].Attributes || !slices.Equal(added(got), keys[:4]) {
		s.Errorf("a create confirms %v, want attributes and %v", got, keys[:4])
	}
	s.hasMembers(g.Key, keys[:4])

	move := s.change(g, plan.UpdateMembers)
	move.Add, move.Remove = keys[4:], keys[:2]
	got = s.done(move)[g.Key]
	if !slices.Equal(added(got), keys[4:]) || !slices.Equal(removed(got), keys[:2]) {
		s.Errorf("an update confirms %v and %v", added(got), removed(got))
	}
	s.hasMembers(g.Key, keys[2:])

	// Adding who is in and removing who is out changes nothing (RFC 7644 §3.5.2).
	again := s.change(g, plan.UpdateMembers)
	again.Add, again.Remove = keys[4:], keys[:2]
	s.done(again)
	s.hasMembers(g.Key, keys[2:])

	s.rename(g, keys[0])
	s.hasMembers(g.Key, append(slices.Clone(keys[2:]), keys[0]))

	empty := s.change(g, plan.UpdateMembers)
	empty.Remove = append(slices.Clone(keys[2:]), keys[0])
	s.done(empty)
	s.hasMembers(g.Key, nil)
	if o := s.last(s.done(s.change(g, plan.DeleteGroup)), g.Key); !o.Gone {
		s.Errorf("a deleted group is not told to be gone")
	}
	if n := len(s.all(scim.User)); n != len(all) {
		s.Errorf("%d users are left after a group was deleted, want %d", n, len(all))
	}
}

// rename gives a group a new name and a member. Where names stay, that is said before
// anything is sent.
func (s *suite) rename(g plan.Change, member string) {
	s.Helper()
	ch := s.change(g, plan.UpdateGroup, plan.Field{Path: "displayName", After: "7A Maths"})
	if s.caps.RenameGroups {
		ch.Add = []string{member}
		s.done(ch)
		if o := s.object(scim.Group, g.Key, "displayName"); o.Attributes.String("displayName") != "7A Maths" {
			s.Errorf("a group is not renamed")
		}
		return
	}
	before := s.writes()
	if o := s.last(s.apply(ch), g.Key); o.Err == nil || o.Gone || s.Faults.Writes() != before {
		s.Errorf("a rename that is not possible gives %v after %d writes", o.Err, s.Faults.Writes()-before)
	}
	ch = s.change(g, plan.UpdateMembers)
	ch.Add = []string{member}
	s.done(ch)
}

func objectGone(s *suite) {
	ch := pupil(1)
	s.done(ch)
	update := s.change(ch, plan.UpdateUser, plan.Field{Path: "name.givenName", After: "New"})
	s.need(s.caps.Delete, "way to delete")
	s.done(s.change(ch, plan.DeleteUser))
	o := s.last(s.apply(update), ch.Key)
	if !o.Gone || o.Err == nil {
		s.Errorf("an update of what is gone: gone is %t and the error %v", o.Gone, o.Err)
	}
}

func sameChangeAgain(s *suite) {
	ch := pupil(1)
	s.done(ch)
	update := s.change(ch, plan.UpdateUser,
		plan.Field{Path: "name.givenName", After: "New"}, plan.Field{Path: userPaths[5], After: "Art"})
	s.done(update)
	before := s.writes()
	s.done(update)
	s.holds(ch.Key, update.After)
	if n := len(s.all(scim.User)); n != 1 {
		s.Errorf("%d users are at the target, want 1", n)
	}
	if s.Faults == nil {
		return
	}
	// One change is one write, and no write is a create.
	if n := s.writes() - before; n != 1 {
		s.Errorf("an update took %d writes, want 1", n)
	}
	for _, c := range s.Faults.Calls()[1:] {
		if c.Method == http.MethodPost && len(s.all(scim.User)) != 1 {
			s.Errorf("an update created something")
		}
	}
}

// writtenOnce lets somebody change at the target what was written only when the object was
// made; that stays in all that comes later.
func writtenOnce(s *suite) {
	ch := pupil(1)
	s.done(ch)
	s.done(s.change(ch, plan.UpdateUser, plan.Field{Path: "name.givenName", After: "Theirs"}))
	later := s.change(ch, plan.UpdateUser, plan.Field{Path: userPaths[5], After: "Art"})
	later.CreateOnly = []scim.Path{"name.givenName"}
	s.done(later)
	s.holds(ch.Key, scim.Attributes{{Path: "name.givenName", Value: "Theirs"}, {Path: userPaths[5], Value: "Art"}})

	if !s.caps.Groups || !s.caps.RenameGroups {
		return
	}
	g := group("class:7a", "7A")
	s.done(g)
	s.done(s.change(g, plan.UpdateGroup, plan.Field{Path: "displayName", After: "Theirs"}))
	for _, action := range []plan.Action{plan.AdoptGroup, plan.UpdateMembers} {
		move := s.change(g, action)
		move.CreateOnly = []scim.Path{"displayName"}
		if action == plan.UpdateMembers {
			move.Add = []string{ch.Key}
		}
		s.done(move)
	}
	s.hasMembers(g.Key, []string{ch.Key})
	if name := s.object(scim.Group, g.Key, "displayName").Attributes.String("displayName"); name != "Theirs" {
		s.Errorf("the group's name is written again")
	}
}
