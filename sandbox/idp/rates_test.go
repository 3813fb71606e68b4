package idp_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"simscim/sandbox/idp"
	"simscim/scim"
)

// watch is a clock that the test moves.
type watch struct{ now time.Time }

func newWatch() *watch { return &watch{now: time.Date(2026, 10, 1, 9, 0, 0, 0, time.UTC)} }

// until counts how many of the calls are let through before the first 429, and returns
// what that asks for.
func until(t *testing.T, most int, call func(i int) reply) (int, string) {
	t.Helper()
	for i := range most {
		if r := call(i); r.status == 429 {
			if r.doc["status"] != "429" {
				t.Errorf("not a SCIM error: %s", r.raw)
			}
			return i, r.header.Get("Retry-After")
		}
	}
	return most, ""
}

func TestRateLimits(t *testing.T) {
	t.Parallel()
	suspend := operations(`{"op": "replace", "path": "active", "value": false}`)
	patchUser := func(a *actor, _ int) reply { return a.ask("PATCH", "/Users/"+a.users[0], suspend) }
	get := func(path string) func(*actor, int) reply {
		return func(a *actor, _ int) reply { return a.ask("GET", path, "") }
	}
	for _, tt := range []struct {
		personality string
		call        func(a *actor, i int) reply
		// used is what making the actor has used up already.
		most, used int
		after      string
	}{
		{"slack", patchUser, 20, 3, "1"},
		{"slack", func(a *actor, _ int) reply { return a.ask("PATCH", "/Groups/"+a.group, operations(rename)) }, 180, 4, "1"},
		{"slack", get("/Users"), 1000, 0, "1"},
		{"miro", get("/Users"), 200, 3, "1"},
		{"miro", get("/Groups"), 5, 0, "6"},
		{"miro", patchUser, 100, 0, "1"},
		{"miro", func(a *actor, _ int) reply { return a.ask("DELETE", "/Users/nobody", "") }, 20, 0, "2"},
		{"miro", func(a *actor, _ int) reply { return a.ask("PATCH", "/Groups/"+a.group, operations(rename)) }, 100, 0, "1"},
		{"miro", func(a *actor, _ int) reply {
			return a.ask("PATCH", "/Groups/"+a.group, strings.Repeat(" ", 500)+operations(rename))
		}, 5, 0, "6"},
		{"github-emu", func(a *actor, i int) reply { return a.ask("POST", "/Users", person(fmt.Sprint("n", i))) }, 1000, 3, "4"},
	} {
		clock := newWatch()
		a := cast(t, idp.Options{Personality: tt.personality, RateLimits: true, Now: func() time.Time { return clock.now }})
		got, after := until(t, tt.most+1, func(i int) reply { return tt.call(a, i) })
		if got != tt.most-tt.used || after != tt.after {
			t.Errorf("%s: %d let through, want %d; Retry-After %q, want %q", tt.personality, got, tt.most-tt.used, after, tt.after)
		}
		clock.now = clock.now.Add(6 * time.Second)
		if r := tt.call(a, 5000); r.status == 429 {
			t.Errorf("%s: still refused after waiting", tt.personality)
		}
	}
}

// GitHub counts the members that are added, not the requests.
func TestMembersPerHour(t *testing.T) {
	t.Parallel()
	clock := newWatch()
	a := cast(t, idp.Options{Personality: "github-emu", RateLimits: true, Now: func() time.Time { return clock.now }})
	add := func(n int) reply { return a.ask("PATCH", "/Groups/"+a.group, a.fill(operations(addMany(n)))) }
	for _, step := range []struct{ members, status int }{{998, 200}, {1, 429}, {0, 200}, {1001, 429}} {
		if got := add(step.members); got.status != step.status {
			t.Errorf("%d members: %d", step.members, got.status)
		}
	}
	clock.now = clock.now.Add(time.Hour)
	if got := add(1000); got.status != 200 {
		t.Errorf("after an hour: %d", got.status)
	}
}

func TestOwnRates(t *testing.T) {
	t.Parallel()
	clock := newWatch()
	a := cast(t, idp.Options{Now: func() time.Time { return clock.now }, Rates: []idp.Rate{{Kind: scim.User, Most: 10, Per: time.Second}}})
	if got, after := until(t, 100, func(int) reply { return a.ask("GET", "/Users", "") }); got != 7 || after != "1" {
		t.Errorf("%d let through, Retry-After %q", got, after)
	}
	a.want(200, "GET", "/Groups", "")
	// A refused request is not carried out, and costs nothing.
	clock.now = clock.now.Add(100 * time.Millisecond)
	a.want(201, "POST", "/Users", person("late"))
	a.want(429, "POST", "/Users", person("later"))
	if got := len(a.Snapshot().Users); got != 4 {
		t.Errorf("%d users", got)
	}
}

// Without being told to, no personality limits anything.
func TestNoRateLimits(t *testing.T) {
	t.Parallel()
	a := cast(t, idp.Options{Personality: "miro"})
	if got, _ := until(t, 50, func(int) reply { return a.ask("GET", "/Groups", "") }); got != 50 {
		t.Errorf("%d let through", got)
	}
}
