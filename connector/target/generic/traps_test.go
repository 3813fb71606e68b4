package generic_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"simscim/config"
	"simscim/connector/plan"
	"simscim/connector/target/targettest"
	"simscim/sandbox/idp"
	"simscim/scim"
	"simscim/scim/client"
)

// TestTraps walks into every trap that SCIM clients are known to fall into, by number.
// Where a server's part and the engine's part both matter there is a second test of the
// number in e2e; 28 is there alone, as one target cannot see who else writes.
func TestTraps(t *testing.T) {
	t.Parallel()
	for _, trap := range []struct {
		name string
		test func(*testing.T)
	}{
		{"trap 01 the last page told by its length", trap01},
		{"trap 02 rows that move between pages", trap02},
		{"trap 03 names in lower case and numbers as text", trap03},
		{"trap 04 nothing found, told by 404 or by an empty list", trap04},
		{"trap 05 success without a body or without members", trap05},
		{"trap 06 two ways of taking a member out", trap06},
		{"trap 07 all members sent with replace", trap07},
		{"trap 08 additions and removals in one request", trap08},
		{"trap 09 groups that do not show their members", trap09},
		{"trap 10 booleans as text, and filters that need escaping", trap10},
		{"trap 11 case and normal form in comparisons", trap11},
		{"trap 12 a create whose answer is lost, or that meets a name", trap12},
		{"trap 13 one externalId on two objects", trap13},
		{"trap 14 a PUT that drops what it does not know", trap14},
		{"trap 15 clearing a value", trap15},
		{"trap 16 a POST repeated blindly, and when to repeat", trap16},
		{"trap 17 412 answered with the same body", trap17},
		{"trap 18 bulk answers taken at their word", trap18},
		{"trap 19 references by bulkId", trap19},
		{"trap 20 404 to an update and to a deletion", trap20},
		{"trap 21 a deleted account that still holds its name", trap21},
		{"trap 22 locations that lead elsewhere", trap22},
		{"trap 23 abilities that are only advertised", trap23},
		{"trap 24 names of people in URLs and logs", trap24},
		{"trap 25 redirects", trap25},
		{"trap 26 a group before its members", trap26},
		{"trap 27 a group that is renamed", trap27},
		{"trap 29 a token that ends in mid run", trap29},
		{"trap 30 a server with another clock", trap30},
	} {
		t.Run(trap.name, func(t *testing.T) {
			t.Parallel()
			trap.test(t)
		})
	}
}

// lookAlike is a world in front of the sandbox's look-alike of a server.
func lookAlike(t *testing.T, profile string, o idp.Options) (*world, *idp.IDP) {
	t.Helper()
	o.BasePath = "/scim"
	p := idp.New(o)
	s := httptest.NewServer(p.Handler())
	t.Cleanup(s.Close)
	return &world{T: t, Fixture: fixture(t, s.URL+"/scim", p.Token(), profile, targettest.Fixture{}), known: map[string]string{}}, p
}

// served is a world in front of a handler that stands below base.
func served(t *testing.T, profile, base string, h http.HandlerFunc) *world {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return &world{T: t, Fixture: fixture(t, s.URL+base, "token", profile, targettest.Fixture{}), known: map[string]string{}}
}

// intercepted is a world whose requests are seen by look first; unless that has answered, the
// fake goes on with them.
func intercepted(t *testing.T, q quirks, look func(f *fake, w http.ResponseWriter, r *http.Request) (answered bool)) *world {
	t.Helper()
	f := &fake{quirks: q, objects: map[string]map[string]any{}, kinds: map[string]scim.Kind{}}
	w := served(t, "auto", "/scim", func(w http.ResponseWriter, r *http.Request) {
		if !look(f, w, r) {
			f.ServeHTTP(w, r)
		}
	})
	w.fake = f
	return w
}

// account is a user who has what every look-alike asks for.
func account(key string) plan.Change {
	return plan.Change{Action: plan.CreateUser, Kind: scim.User, Key: key, Label: "name-" + key, After: scim.Attributes{
		{Path: "active", Value: true},
		{Path: "displayName", Value: "Ann " + key},
		{Path: "externalId", Value: key},
		{Path: "name.familyName", Value: "Bell"},
		{Path: "name.givenName", Value: "Ann"},
		{Path: "password", Value: "Secret-" + key},
		{Path: scim.MustPath("urn:ietf:params:scim:schemas:extension:Microsoft:Entra:2.0:User:mailNickname"), Value: "nick" + key},
		{Path: "userName", Value: "name-" + key},
	}.Sort()}
}

// accounts makes n of them.
func (w *world) accounts(n int) (keys []string) {
	w.Helper()
	changes, keys := users(n)
	for i, key := range keys {
		changes[i] = account(key)
	}
	w.good(w.doAll(changes...))
	return keys
}

// later is a change to a group that is there.
func (w *world) later(key string, add, remove []string, set ...plan.Field) plan.Change {
	ch := group(key, add...)
	ch.Action, ch.RemoteID, ch.Remove, ch.Set = plan.UpdateMembers, w.known[key], remove, set
	if len(set) > 0 {
		ch.Action = plan.UpdateGroup
	}
	return ch
}

// listed counts how often each user is listed.
func (w *world) listed() (times map[string]int, err error) {
	times = map[string]int{}
	for o, err := range w.Target.List(w.Context(), scim.User, nil) {
		if err != nil {
			return times, err
		}
		times[o.RemoteID]++
	}
	return times, nil
}

// each wants n users, each once.
func (w *world) each(n int) {
	w.Helper()
	times, err := w.listed()
	if err != nil || len(times) != n {
		w.Errorf("%d users are listed (%v), want %d", len(times), err, n)
	}
	for id, n := range times {
		if n != 1 {
			w.Errorf("%s is listed %d times", id, n)
		}
	}
}

// patches are the bodies of the PATCHes since the mark.
func (w *world) patches(since int) (bodies []string) {
	for _, body := range w.writes(since) {
		if rest, ok := strings.CutPrefix(body, "PATCH "); ok {
			bodies = append(bodies, rest)
		}
	}
	return bodies
}

// mark is how many calls there have been.
func (w *world) mark() int { return len(w.Faults.Calls()) }

func trap01(t *testing.T) {
	w, _ := lookAlike(t, "aws-iam-identity-center", idp.Options{Personality: "aws-iam-identity-center"})
	w.accounts(120) // pages of 50, where 100 are asked for
	w.each(120)
	w, p := lookAlike(t, "auto", idp.Options{})
	w.accounts(20)
	p.SetFaults(idp.Faults{PageCap: 7})
	w.each(20)
	// Without a total only an empty page is the last one.
	w = served(t, "generic", "/scim", func(w http.ResponseWriter, r *http.Request) {
		answer(w, 200, map[string]any{"schemas": []string{scim.ListResponseURN}, "Resources": map[string][]any{
			"": {map[string]any{"id": "a"}, map[string]any{"id": "b"}}, "3": {map[string]any{"id": "c"}}, "4": {},
		}[r.URL.Query().Get("startIndex")]})
	})
	w.each(3)
}

func trap02(t *testing.T) {
	w, p := lookAlike(t, "auto", idp.Options{PageMax: 10})
	keys := w.accounts(35)
	p.SetFaults(idp.Faults{PageRepeat: 3}) // every later page
	w.each(35)
	for _, f := range []idp.Faults{{PageSkip: 1}, {PageRepeat: 1}} { // both lose a row
		p.SetFaults(f)
		times, err := w.listed()
		if !errors.Is(err, client.ErrNotWhole) || len(times) != 34 {
			t.Errorf("a list that lost a row has %d users and ends in %v", len(times), err)
		}
		for _, key := range keys {
			id := w.known[key]
			if _, there, err := w.Target.Get(t.Context(), scim.User, id, nil); times[id] == 0 && (!there || err != nil) {
				t.Errorf("who is missing in a list is taken to be gone (%v)", err)
			}
		}
	}
}

func trap03(t *testing.T) {
	w := served(t, "generic", "/scim", func(w http.ResponseWriter, r *http.Request) {
		body := `{"totalResults":"3","itemsPerPage":"2","startIndex":"1","resources":[{"id":"a"},{"id":"b"}]}`
		if r.URL.Query().Get("startIndex") == "3" {
			body = `{"TotalResults":"3","startIndex":"3","RESOURCES":[{"id":"c"}]}`
		}
		w.Header().Set("Content-Type", scim.MediaType)
		_, _ = w.Write([]byte(body))
	})
	w.each(3)
	if n, ok, err := w.Target.Count(t.Context(), scim.User); n != 3 || !ok || err != nil {
		t.Errorf("the count is %d, %t (%v)", n, ok, err)
	}
	w, _ = lookAlike(t, "entra-scim", idp.Options{Personality: "entra-scim"})
	w.accounts(110) // two pages by cursor, without a total
	w.each(110)
}

func trap04(t *testing.T) {
	w, p := lookAlike(t, "generic", idp.Options{})
	for _, notFound := range []int{0, 1} {
		p.SetFaults(idp.Faults{NotFound: notFound})
		found, err := w.Target.Find(t.Context(), scim.User, "userName", "nobody", nil)
		if err != nil || len(found) != 0 {
			t.Errorf("nobody is found %d times (%v)", len(found), err)
		}
		// Looked for after a failure, and not there: it is made.
		key := []string{"empty", "missing"}[notFound]
		p.SetFaults(idp.Faults{Fail: 1, FailWrites: true, NotFound: 2 * notFound})
		since := w.mark()
		w.made(account(key))
		if n := w.sent(since)["POST Users"]; n != 2 || w.sent(since)["GET Users"] == 0 {
			t.Errorf("the requests are %v, want a look-up between two creates", w.sent(since))
		}
	}
	p.SetFaults(idp.Faults{})
	w.each(2)
	// A list without a filter that is not found is no empty directory.
	w = served(t, "generic", "/scim", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNotFound) })
	if times, err := w.listed(); err == nil {
		t.Errorf("a list that is not there has %d users and no error", len(times))
	}
}

func trap05(t *testing.T) {
	for name, lay := range map[string]func() (*world, *idp.IDP){
		"204": func() (*world, *idp.IDP) { return lookAlike(t, "auto", idp.Options{NoContent: true}) },
		"200 with null": func() (*world, *idp.IDP) {
			w, p := lookAlike(t, "auto", idp.Options{})
			p.SetFaults(idp.Faults{NullMembers: 99})
			return w, p
		},
		"200 with {}": func() (*world, *idp.IDP) { return lookAlike(t, "google", idp.Options{Personality: "google"}) },
	} {
		w, p := lay()
		keys := w.accounts(4)
		w.made(group("g", keys[:2]...))
		o := w.doAll(w.later("g", keys[2:], keys[:1]))["g"]
		if o.Err != nil || !o.Final || o.Gone || len(o.Added) != 2 {
			t.Errorf("%s: the outcome is %+v", name, o)
		}
		if members := p.Snapshot().Groups[0].Members; len(members) != 3 {
			t.Errorf("%s: the group has %d members, want 3", name, len(members))
		}
	}
}

// settings are what a person has configured.
func settings(t *testing.T, q quirks, traits config.Traits) *world {
	t.Helper()
	f, url := newFake(t, q)
	return &world{T: t, Fixture: fixtureWith(t, url, "token", "auto", traits, targettest.Fixture{}), fake: f, known: map[string]string{}}
}
