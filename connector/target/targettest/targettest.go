// Package targettest is the suite that every target.Target passes. It talks to the
// target as the engine does and to nothing else; faults are made by a proxy in front of
// the server. What a target says that it cannot do is skipped, by capability and never
// by name.
package targettest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"simscim/connector/plan"
	"simscim/connector/target"
	"simscim/scim"
)

// Fixture is one target with a server of its own, empty at first.
type Fixture struct {
	Target target.Target
	// Faults stands between the target and the server; nil where there is no network in
	// between. Then what networks and servers do wrong is not tried.
	Faults *Proxy
	// InFlight is the most calls that the target may have under way at once.
	InFlight int
	// Logged returns all that the target has logged; nil where it logs nothing.
	Logged func() string
	// Unique says that the server refuses a user name that is taken.
	Unique bool
	// Checked says that the server refuses members that it does not know.
	Checked bool
	// Held returns what the server really holds of kind: ids, and of groups their members.
	// Without it a target that shows little is believed.
	Held func(kind scim.Kind) map[string][]string
}

// Run runs the suite, except the tests with these names: there is a target that does not
// take the names of their users. newFixture is called once for every test.
func Run(t *testing.T, newFixture func(t *testing.T) *Fixture, except ...string) {
	for name, test := range map[string]func(*suite){
		"users":                      users,
		"find":                       find,
		"count":                      count,
		"long lists":                 longLists,
		"groups":                     groups,
		"members in pieces":          membersInPieces,
		"members who are not there":  membersNotThere,
		"members refused":            membersRefused,
		"lost answer to a create":    lostAnswer,
		"lost create":                lostCreate,
		"failed create that worked":  failedButMade,
		"name is taken":              nameTaken,
		"object is there already":    alreadyThere,
		"object is gone":             objectGone,
		"too many requests":          tooManyRequests,
		"one bad object":             oneBadObject,
		"credentials refused":        credentialsRefused,
		"target is down":             targetDown,
		"cancelled":                  cancelled,
		"recording fails":            recordingFails,
		"no personal data in errors": noPersonalData,
		"calls at once":              callsAtOnce,
		"same change again":          sameChangeAgain,
		"what is written only once":  writtenOnce,
	} {
		if slices.Contains(except, name) {
			continue
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t)
			caps, err := f.Target.Capabilities(t.Context())
			if err != nil {
				t.Fatalf("capabilities: %v", err)
			}
			f.Target = fill(f.Target, caps)
			s := &suite{T: t, Fixture: f, caps: caps, known: map[string]string{}}
			test(s)
		})
	}
}

// suite is one test's world: the fixture, and what a ledger would know.
type suite struct {
	*testing.T
	*Fixture
	caps target.Capabilities

	mu sync.Mutex
	// known are the target's ids by key.
	known map[string]string
}

func (s *suite) need(has bool, what string) {
	s.Helper()
	if !has {
		s.Skipf("this target has no %s", what)
	}
}

// network skips the test where no network is in between.
func (s *suite) network() {
	s.Helper()
	s.need(s.Faults != nil, "network in between")
}

// writes counts the requests so far that may change something, where there are any.
func (s *suite) writes() int {
	if s.Faults == nil {
		return 0
	}
	return s.Faults.Writes()
}

func (s *suite) lookup(key string) (string, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	id, ok := s.known[key]
	return id, ok
}

// outcomes are what confirm was told, by key, in order.
type outcomes map[string][]target.Outcome

// last is the final outcome of the change.
func (s *suite) last(got outcomes, key string) target.Outcome {
	s.Helper()
	list := got[key]
	if len(list) == 0 || !list[len(list)-1].Final {
		s.Fatalf("%s has no final outcome among %d", key, len(list))
	}
	return list[len(list)-1]
}

// apply carries out the changes and checks what holds for all outcomes.
func (s *suite) apply(changes ...plan.Change) outcomes {
	s.Helper()
	got, err := s.try(s.Context(), changes...)
	if err != nil {
		s.Fatalf("apply: %v", err)
	}
	for _, ch := range changes {
		s.last(got, ch.Key)
	}
	return got
}

// done carries out the changes, all of which must succeed.
func (s *suite) done(changes ...plan.Change) outcomes {
	s.Helper()
	got := s.apply(changes...)
	for _, ch := range changes {
		o := s.last(got, ch.Key)
		if o.Err != nil {
			s.Fatalf("%s of %s: %v (%s)", ch.Action, ch.Key, o.Err, o.Advice)
		}
		told := 0
		for _, piece := range got[ch.Key] {
			if piece.Attributes {
				told++
			}
		}
		if !o.Gone && told != 1 {
			s.Errorf("%s of %s: its attributes are confirmed %d times, want once", ch.Action, ch.Key, told)
		}
	}
	return got
}

func (s *suite) try(ctx context.Context, changes ...plan.Change) (outcomes, error) {
	s.Helper()
	got := outcomes{}
	err := s.Target.Apply(ctx, changes, s.lookup, func(o target.Outcome) error {
		s.mu.Lock()
		defer s.mu.Unlock()
		if before := got[o.Change.Key]; len(before) > 0 && before[len(before)-1].Final {
			s.Errorf("%s: an outcome after the final one", o.Change.Key)
		}
		if o.Err != nil && (!o.Final || o.Advice == "") {
			s.Errorf("%s: an error without final and advice: %+v", o.Change.Key, o)
		}
		got[o.Change.Key] = append(got[o.Change.Key], o)
		switch {
		case o.Gone:
			delete(s.known, o.Change.Key)
		case o.Err == nil && o.RemoteID == "":
			s.Errorf("%s: confirmed without the target's id", o.Change.Key)
		case o.Err == nil:
			s.known[o.Change.Key] = o.RemoteID
		}
		return nil
	})
	return got, err
}

var userPaths = []scim.Path{
	"userName", "name.givenName", "name.familyName", "active",
	scim.MustPath(`emails[type eq "work"].value`), scim.MustPath(scim.EnterpriseURN + ":department"),
}

// person is a user to be created.
func person(key, userName, given, family string) plan.Change {
	return plan.Change{
		Action: plan.CreateUser, Kind: scim.User, Key: key, Label: userName, Reason: "new on the roll",
		After: scim.Attributes{
			{Path: "active", Value: true},
			{Path: "externalId", Value: key},
			{Path: "userName", Value: userName},
			{Path: "name.givenName", Value: given},
			{Path: "name.familyName", Value: family},
			{Path: userPaths[4], Value: userName},
			{Path: scim.MustPath(`emails[type eq "work"].primary`), Value: true},
		}.Sort(),
	}
}

// pupil is any user.
func pupil(n int) plan.Change {
	key := fmt.Sprintf("p-%04d", n)
	return person(key, fmt.Sprintf("pupil%d@oakfield.example", n), "Given"+key, "Family"+key)
}

func pupils(n int) []plan.Change {
	out := make([]plan.Change, n)
	for i := range out {
		out[i] = pupil(i)
	}
	return out
}

func keysOf(changes []plan.Change) []string {
	var keys []string
	for _, ch := range changes {
		keys = append(keys, ch.Key)
	}
	slices.Sort(keys)
	return keys
}

func group(key, name string, members ...string) plan.Change {
	return plan.Change{
		Action: plan.CreateGroup, Kind: scim.Group, Key: key, Label: name, Reason: "new group",
		After: scim.Attributes{{Path: "displayName", Value: name}, {Path: "externalId", Value: key}},
		Add:   members,
	}
}

// change is a later change to an object that was created by ch.
func (s *suite) change(ch plan.Change, action plan.Action, set ...plan.Field) plan.Change {
	s.Helper()
	id, ok := s.lookup(ch.Key)
	if !ok {
		s.Fatalf("%s is not known", ch.Key)
	}
	ch.Action, ch.RemoteID, ch.Add, ch.Remove, ch.Set = action, id, nil, nil, set
	switch action {
	case plan.SuspendUser:
		ch.After, ch.Set = scim.Attributes{{Path: "active", Value: false}}, []plan.Field{{Path: "active", After: false}}
	case plan.DeleteUser, plan.DeleteGroup:
		ch.After = nil
	default:
		ch.After = slices.Clone(ch.After)
		for _, f := range set {
			ch.After = append(ch.After, scim.Attribute{Path: f.Path, Value: f.After})
		}
		ch.After = ch.After.Sort()
	}
	return ch
}

// all reads the target back, one by one where it gives no lists.
func (s *suite) all(kind scim.Kind, paths ...scim.Path) map[string]target.Object {
	s.Helper()
	found := map[string]target.Object{}
	if s.caps.FilterNeeded {
		for _, id := range s.known {
			o, ok, err := s.Target.Get(s.Context(), kind, id, paths)
			if err != nil {
				s.Fatalf("get: %v", err)
			} else if ok {
				found[id] = o
			}
		}
		return found
	}
	for o, err := range s.Target.List(s.Context(), kind, paths) {
		if err != nil {
			s.Fatalf("list: %v", err)
		}
		if _, twice := found[o.RemoteID]; twice {
			s.Errorf("%s %s is listed twice", kind, o.RemoteID)
		}
		found[o.RemoteID] = o
	}
	return found
}

// object reads one object back by its id.
func (s *suite) object(kind scim.Kind, key string, paths ...scim.Path) target.Object {
	s.Helper()
	id, _ := s.lookup(key)
	o, ok := s.all(kind, paths...)[id]
	if !ok {
		s.Fatalf("%s is not at the target", key)
	}
	return o
}

// holds checks attribute values at the target.
func (s *suite) holds(key string, want scim.Attributes) {
	s.Helper()
	paths := make([]scim.Path, len(want))
	for i, a := range want {
		paths[i] = a.Path
	}
	o := s.object(scim.User, key, paths...)
	for _, a := range want {
		if got, _ := o.Attributes.Get(a.Path); !scim.SameValue(a.Path, got, a.Value) {
			s.Errorf("%s of %s is %v, want %v", a.Path, key, got, a.Value)
		}
	}
}

// hasMembers checks who is in a group, as far as that can be seen.
func (s *suite) hasMembers(key string, want []string) {
	s.Helper()
	id, _ := s.lookup(key)
	var got []string
	switch o := s.object(scim.Group, key); {
	case o.MembersKnown != s.caps.MembersReadable:
		s.Fatalf("that the members of %s are known is %t", key, o.MembersKnown)
	case o.MembersKnown:
		got = o.Members
	case s.Held == nil:
		return
	default:
		got = s.Held(scim.Group)[id]
	}
	ids := make([]string, 0, len(want))
	for _, member := range want {
		id, ok := s.lookup(member)
		if !ok {
			s.Fatalf("%s is not known", member)
		}
		ids = append(ids, id)
	}
	slices.Sort(ids)
	if got = slices.Sorted(slices.Values(got)); !slices.Equal(got, ids) {
		s.Errorf("%s has %d members, want %d", key, len(got), len(ids))
	}
}

// clean checks that nothing of an outcome holds any of the words.
func (s *suite) clean(o target.Outcome, words ...string) {
	s.Helper()
	texts := []string{o.Advice}
	if o.Err != nil {
		texts = append(texts, o.Err.Error(), fmt.Sprintf("%+v", o.Err))
	}
	if e, ok := errors.AsType[*scim.Error](o.Err); ok {
		texts = append(texts, e.Detail)
	}
	for _, text := range texts {
		for _, word := range words {
			if strings.Contains(strings.ToLower(text), strings.ToLower(word)) {
				s.Errorf("%q is repeated in %q", word, text)
			}
		}
	}
}
