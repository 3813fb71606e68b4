package targettest

import (
	"slices"
	"strings"
	"time"

	"simscim/connector/plan"
	"simscim/connector/target"
	"simscim/scim"
)

func added(list []target.Outcome) []string {
	var keys []string
	for _, o := range list {
		keys = append(keys, o.Added...)
	}
	return sorted(keys)
}

func removed(list []target.Outcome) []string {
	var keys []string
	for _, o := range list {
		keys = append(keys, o.Removed...)
	}
	return sorted(keys)
}

func sorted(keys []string) []string {
	slices.Sort(keys)
	return keys
}

// membersInPieces moves more members than fit into one request, and checks that each
// piece is recorded before the next request of the group is sent.
func membersInPieces(s *suite) {
	s.need(s.caps.Groups, "groups")
	all := pupils(130)
	s.done(all...)
	keys := keysOf(all)

	g := group("all-students", "All students", keys...)
	if got := s.inOrder(g); !slices.Equal(added(got), keys) {
		s.Errorf("%d members are confirmed, want %d", len(added(got)), len(keys))
	}
	s.hasMembers(g.Key, keys)

	change := s.change(g, plan.UpdateMembers)
	change.Remove = keys[:110]
	if got := s.inOrder(change); !slices.Equal(removed(got), keys[:110]) {
		s.Errorf("%d removals are confirmed, want 110", len(removed(got)))
	}
	s.hasMembers(g.Key, keys[110:])
}

// inOrder applies one change to a group and watches the calls while pieces are recorded.
func (s *suite) inOrder(ch plan.Change) []target.Outcome {
	s.Helper()
	var got []target.Outcome
	err := s.Target.Apply(s.Context(), []plan.Change{ch}, s.lookup, func(o target.Outcome) error {
		before := s.writes()
		time.Sleep(10 * time.Millisecond)
		if n := s.writes(); n != before {
			s.Errorf("a request was sent before the piece was recorded")
		}
		got = append(got, o)
		return nil
	})
	if err != nil {
		s.Fatalf("apply: %v", err)
	}
	for i, o := range got {
		if o.Err != nil {
			s.Fatalf("piece %d: %v (%s)", i, o.Err, o.Advice)
		}
		if o.Final != (i == len(got)-1) || o.Attributes != (i == 0) {
			s.Errorf("piece %d of %d: final is %t, attributes %t", i, len(got), o.Final, o.Attributes)
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.known[ch.Key] = got[0].RemoteID
	return got
}

// membersNotThere leaves out who has no account, and leaves them unconfirmed.
func membersNotThere(s *suite) {
	s.need(s.caps.Groups, "groups")
	all := pupils(2)
	s.done(all...)
	keys := keysOf(all)
	g := group("g", "Choir", "absent-1", keys[0])
	if got := s.done(g)["g"]; !slices.Equal(added(got), keys[:1]) {
		s.Errorf("confirmed members are %v, want %v", added(got), keys[:1])
	}
	change := s.change(g, plan.UpdateMembers)
	change.Add, change.Remove = []string{"absent-1", keys[1]}, []string{"absent-2"}
	if got := s.done(change)["g"]; !slices.Equal(added(got), keys[1:]) || removed(got) != nil {
		s.Errorf("confirmed members are %v and %v, want %v", added(got), removed(got), keys[1:])
	}
	s.hasMembers("g", keys)
	nobody := s.change(g, plan.UpdateMembers)
	nobody.Add = []string{"absent-1"}
	before := s.writes()
	if o := s.last(s.done(nobody), "g"); len(o.Added) != 0 {
		s.Errorf("an absent member is confirmed")
	}
	if s.writes() != before {
		s.Errorf("a change with nothing to send was sent")
	}
}

// membersRefused has one member whom the server does not know any more: the others get
// in all the same.
func membersRefused(s *suite) {
	s.need(s.caps.Groups, "groups")
	all := pupils(9)
	s.done(all...)
	keys := keysOf(all)
	g := group("g", "Chess", keys[0])
	s.done(g)
	s.mu.Lock()
	s.known["p-deleted"] = strings.Repeat("0", 24)
	s.mu.Unlock()
	change := s.change(g, plan.UpdateMembers)
	change.Add = append(slices.Clone(keys[1:]), "p-deleted")
	got := s.apply(change)
	if o := s.last(got, "g"); s.Checked && o.Err == nil {
		s.Errorf("a refused member is no error")
	}
	confirmed := slices.DeleteFunc(added(got["g"]), func(key string) bool { return key == "p-deleted" && !s.Checked })
	if !slices.Equal(confirmed, keys[1:]) {
		s.Errorf("confirmed members are %v, want %v", confirmed, keys[1:])
	}
	if s.Checked {
		s.hasMembers("g", keys)
	}
	if _, ok := s.all(scim.Group)[s.known["g"]]; !ok {
		s.Errorf("the group is gone")
	}
}
