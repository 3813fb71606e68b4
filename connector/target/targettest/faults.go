package targettest

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	"simscim/connector/plan"
	"simscim/connector/target"
	"simscim/scim"
)

// once checks that exactly one object with the key is at the target, and that it is the
// one that was confirmed.
func (s *suite) once(key string, kind scim.Kind) {
	s.Helper()
	all := s.all(kind)
	if _, ok := all[s.known[key]]; !ok {
		s.Errorf("another id was confirmed than the object has")
	}
	n := len(all)
	if s.Held != nil {
		n = len(s.Held(kind))
	}
	if n != 1 {
		s.Errorf("%d objects are at the target, want 1", n)
	}
}

func lostAnswer(s *suite) {
	s.network()
	s.Faults.Inject(Fault{Method: http.MethodPost, Body: "p-0001", Times: 1, Deliver: true, Cut: true})
	ch := pupil(1)
	s.done(ch)
	s.once(ch.Key, scim.User)
	s.holds(ch.Key, ch.After)
}

func lostCreate(s *suite) {
	s.network()
	s.Faults.Inject(Fault{Method: http.MethodPost, Body: "p-0001", Times: 1, Cut: true})
	ch := pupil(1)
	s.done(ch)
	s.once(ch.Key, scim.User)
}

func failedButMade(s *suite) {
	s.network()
	s.need(s.caps.Groups, "groups")
	for _, status := range []int{500, 502, 503, 504} {
		s.Faults.Inject(Fault{Method: http.MethodPost, Body: "g-1", Times: 1, Deliver: true, Status: status, Answer: "<html>"})
		member := pupil(status)
		s.done(member)
		g := group("g-1", "Orchestra", member.Key)
		s.done(g)
		s.once(g.Key, scim.Group)
		s.hasMembers(g.Key, []string{member.Key})
		s.done(s.change(g, plan.DeleteGroup))
	}
}

func nameTaken(s *suite) {
	s.need(s.Unique, "unique user names")
	first := person("k-1", "same.name@oakfield.example", "Ann", "Same")
	s.done(first)
	second := person("k-2", "Same.Name@oakfield.example", "Bob", "Same")
	got := s.apply(second, pupil(3))
	if o := s.last(got, "k-2"); !scim.IsConflict(o.Err) || o.Attributes {
		s.Errorf("a taken name gives %v, want a conflict", o.Err)
	} else {
		s.clean(o, "same.name", "Bob")
	}
	if o := s.last(got, "p-0003"); o.Err != nil {
		s.Errorf("a conflict stopped another change: %v", o.Err)
	}
	s.holds("k-1", first.After)
	s.done(pupil(4))
	rename := s.change(pupil(4), plan.RenameUser, plan.Field{Path: "userName", After: first.Label})
	if o := s.last(s.apply(rename), "p-0004"); !scim.IsConflict(o.Err) {
		s.Errorf("a rename to a taken name gives %v, want a conflict", o.Err)
	}
}

// alreadyThere creates what an earlier run has created without knowing it.
func alreadyThere(s *suite) {
	s.need(s.Unique, "unique user names")
	ch := pupil(1)
	id := s.done(ch)[ch.Key][0].RemoteID
	later := pupil(1)
	for i, a := range later.After {
		if a.Path == "name.givenName" {
			later.After[i].Value = "Later"
		}
	}
	if o := s.last(s.done(later), ch.Key); o.RemoteID != id || !o.Attributes {
		s.Errorf("what was there is confirmed as another object, or without its attributes")
	}
	s.once(ch.Key, scim.User)
	s.holds(ch.Key, later.After)
}

func tooManyRequests(s *suite) {
	s.network()
	for _, wait := range []string{"0", time.Unix(0, 0).UTC().Format(http.TimeFormat)} {
		s.Faults.Inject(Fault{
			Method: http.MethodPost, Times: 2, Status: http.StatusTooManyRequests,
			Header: map[string]string{"Retry-After": wait},
		})
	}
	s.done(pupils(5)...)
	if n := len(s.all(scim.User)); n != 5 {
		s.Errorf("%d users are at the target, want 5", n)
	}
}

func oneBadObject(s *suite) {
	s.network()
	for _, status := range []int{400, 403, 500, 503} {
		s.Faults.Inject(Fault{Method: http.MethodPost, Body: fmt.Sprintf("p-%04d", status), Status: status, Answer: "no"})
	}
	all := pupils(20)
	for _, n := range []int{400, 403, 500, 503} {
		all = append(all, pupil(n))
	}
	got := s.apply(all...)
	for _, ch := range all[:20] {
		if o := s.last(got, ch.Key); o.Err != nil {
			s.Errorf("a bad object stopped another: %v", o.Err)
		}
	}
	for _, ch := range all[20:] {
		o := s.last(got, ch.Key)
		if o.Err == nil {
			s.Errorf("%s: a failure is not told", ch.Key)
		}
	}
	s.Faults.Mend()
	if n := len(s.all(scim.User)); n != 20 {
		s.Errorf("%d users are at the target, want 20", n)
	}
}

func credentialsRefused(s *suite) {
	s.network()
	s.Faults.Inject(Fault{Status: http.StatusUnauthorized, Answer: "{}"})
	got, err := s.try(s.Context(), pupils(50)...)
	if err == nil {
		s.Fatal("refused credentials do not end Apply")
	}
	if len(got) != 0 {
		s.Errorf("%d changes have an outcome, want none", len(got))
	}
	if n := s.Faults.Writes(); n > 2*s.InFlight {
		s.Errorf("%d calls were sent with refused credentials", n)
	}
}

func targetDown(s *suite) {
	s.network()
	s.Faults.Inject(Fault{Cut: true})
	got, err := s.try(s.Context(), pupils(100)...)
	if err == nil {
		s.Error("a target that does not answer does not end Apply")
	}
	for _, list := range got {
		if list[len(list)-1].Err == nil {
			s.Error("a change is confirmed without an answer")
		}
	}
	if len(got) > 50 {
		s.Errorf("%d objects were tried at a target that does not answer", len(got))
	}
}

func cancelled(s *suite) {
	if s.Faults != nil {
		s.Faults.Inject(Fault{Method: http.MethodPost, Delay: 50 * time.Millisecond})
	}
	ctx, cancel := context.WithCancel(s.Context())
	defer cancel()
	var ended, late atomic.Bool
	var confirmed atomic.Int64
	err := s.Target.Apply(ctx, pupils(200), s.lookup, func(target.Outcome) error {
		if ended.Load() {
			late.Store(true)
		}
		if confirmed.Add(1) == 3 {
			cancel()
		}
		return nil
	})
	ended.Store(true)
	if !errors.Is(err, context.Canceled) {
		s.Errorf("a cancelled Apply returns %v", err)
	}
	if s.Faults != nil {
		s.Faults.Mend()
	}
	// What a bulk request has brought is known, and is told.
	if n := confirmed.Load(); late.Load() || n > int64(3+2*s.InFlight*max(s.caps.Bulk, 1)) {
		s.Errorf("%d outcomes came after a cancellation at the third", n)
	}
}

func recordingFails(s *suite) {
	broken := errors.New("the disk is full")
	err := s.Target.Apply(s.Context(), pupils(100), s.lookup, func(target.Outcome) error { return broken })
	if !errors.Is(err, broken) {
		s.Errorf("Apply returns %v, want what confirm returned", err)
	}
	if n := s.writes(); n > s.InFlight {
		s.Errorf("%d writes were sent and could not be recorded; at most %d may be", n, s.InFlight)
	}
}

// noPersonalData has servers repeat everything that they were sent.
func noPersonalData(s *suite) {
	s.network()
	words := []string{"Zebedee", "Quizzle", "zq.canary", "O'Canary"}
	ch := person("k-canary", "zq.canary@oakfield.example", `Zebedee "Zed"`, "Quizzle-O'Canary")
	s.done(ch)
	second := ch
	second.Key = "k-canary-2"
	second.After = append(scim.Attributes(nil), ch.After...)
	for i, a := range second.After {
		if a.Path == externalID {
			second.After[i].Value = second.Key
		}
	}
	answers := []string{
		`{"schemas":["urn:ietf:params:scim:api:messages:2.0:Error"],"status":"%d","scimType":"Quizzle","detail":"cannot take %s"}`,
		`{"error":{"code":"x","message":"ZEBEDEE quizzle-o'canary and zq.canary%40oakfield.example: %s"}}`,
		"<html><title>Zebedee &quot;Zed&quot; Quizzle-O'Canary</title>%s",
		"cannot save %s",
	}
	statuses := []int{400, 409, 422, 500}
	for i, answer := range answers {
		for _, status := range []int{400, statuses[i]} {
			s.repeatAll(status, strings.Replace(answer, "%d", fmt.Sprint(status), 1))
			got := s.apply(second)
			s.clean(s.last(got, second.Key), words...)
			for _, later := range []plan.Change{
				s.change(ch, plan.UpdateUser, plan.Field{Path: "name.givenName", Before: "Zebedee", After: "Zebedee Canary"}),
				s.change(ch, plan.RenameUser, plan.Field{Path: "userName", After: "zq.canary2"}),
				s.change(ch, plan.SuspendUser),
				s.change(ch, plan.DeleteUser),
			} {
				s.clean(s.last(s.apply(later), ch.Key), words...)
			}
			s.Faults.Mend()
		}
	}
	for _, word := range words {
		if strings.Contains(s.Logged(), word) {
			s.Errorf("%q is in the log", word)
		}
	}
}

// repeatAll has every write answered with what was sent in it.
func (s *suite) repeatAll(status int, answer string) {
	for _, method := range []string{http.MethodPost, http.MethodPatch, http.MethodPut, http.MethodDelete} {
		s.Faults.Inject(Fault{Method: method, Status: status, Answer: answer})
	}
}

const externalID scim.Path = "externalId"

func callsAtOnce(s *suite) {
	s.network()
	s.Faults.Inject(Fault{Delay: 5 * time.Millisecond})
	s.done(pupils(60)...)
	if peak := s.Faults.Peak(); peak > s.InFlight {
		s.Errorf("%d calls were under way at once, the limit is %d", peak, s.InFlight)
	} else if peak < min(s.InFlight, 2) && s.caps.Bulk <= 1 {
		s.Errorf("never more than %d calls were under way at once", peak)
	}
}
