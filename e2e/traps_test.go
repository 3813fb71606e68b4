package e2e_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"simscim/connector"
	"simscim/connector/plan"
	"simscim/sandbox/idp"
	"simscim/sandbox/world"
)

// TestTraps has those of the numbered traps of SCIM clients in which it is the engine
// that decides. The others, and the target's part in these, are in the tests of the
// generic target.
func TestTraps(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]func(*testing.T){
		"trap 02 missing in a list is not gone":                    missingInAList,
		"trap 12 a found account is adopted only if a rule allows": foundByName,
		"trap 20 deleted behind our back and changed here":         deletedBehindOurBack,
		"trap 21 a leaver is suspended and not deleted":            leaverIsSuspended,
		"trap 26 users before groups":                              usersBeforeGroups,
		"trap 28 two schools write one account":                    twoSchoolsOneAccount,
		"trap 30 a target whose clock is wrong":                    wrongClock,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t)
		})
	}
}

// hider is an identity provider that leaves one account out of its lists, total and all,
// as happens where accounts come and go between two pages.
type hider struct {
	*idp.IDP
	mu     sync.Mutex
	hidden string
}

func (h *hider) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h.mu.Lock()
	hidden := h.hidden
	h.mu.Unlock()
	if hidden == "" || r.Method != http.MethodGet || !strings.HasSuffix(r.URL.Path, "/Users") || r.URL.Query().Has("filter") {
		h.Handler().ServeHTTP(w, r)
		return
	}
	rec := httptest.NewRecorder()
	h.Handler().ServeHTTP(rec, r)
	var page struct {
		Schemas      []string         `json:"schemas"`
		TotalResults int              `json:"totalResults"`
		Resources    []map[string]any `json:"Resources"`
	}
	if json.Unmarshal(rec.Body.Bytes(), &page) != nil {
		w.WriteHeader(http.StatusInternalServerError)
		return
	}
	page.TotalResults--
	page.Resources = slices.DeleteFunc(page.Resources, func(u map[string]any) bool { return u["id"] == hidden })
	w.Header().Set("Content-Type", "application/scim+json")
	_ = json.NewEncoder(w).Encode(page) // the client has gone if this fails
}

func missingInAList(t *testing.T) {
	h := &hider{IDP: idp.New(idp.Options{Seed: 81})}
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	r := newRig(t, setup{preset: "tiny", seed: 81, url: s.URL + h.BasePath(), token: h.Token()})
	r.syncAndCompare()
	h.mu.Lock()
	h.hidden = h.Snapshot().Users[3].ID
	h.mu.Unlock()
	before := state(h.IDP)
	run := r.in(connector.Manner{ReadBack: true})
	if run.Status != connector.Done || len(run.Changes) != 0 {
		t.Errorf("%s: %s, with the changes %v", run.Status, run.Reason, run.Changes)
	}
	if state(h.IDP) != before {
		t.Error("an account that a list left out led to a write")
	}
}

func foundByName(t *testing.T) {
	r := newRig(t, setup{preset: "tiny", seed: 82})
	r.syncAndCompare()
	r.do(r.box.World().Join(r.siteID(0), world.Student, 1))
	name := r.nextName()
	stranger := r.there.create(t, name)
	before := state(r.idp)
	run := r.try(t.Context()).Runs[0]
	if len(run.Troubles) != 1 || applied(run, plan.AdoptUser) != 0 || state(r.idp) != before {
		t.Errorf("without a rule: %s, with %d troubles: was the account touched?", run.Status, len(run.Troubles))
	}
	r.reconfigure(func(text string) string {
		return strings.Replace(text, "match: [externalId, userName]", "match: [externalId, userName]\n    adopt: true", 1)
	})
	r.syncAndCompare()
	for _, u := range r.idp.Snapshot().Users {
		if strings.EqualFold(u.UserName, name) && (u.ID != stranger || u.ExternalID == "") {
			t.Errorf("the account of that name is %s, want the one that was there", u.ID)
		}
	}
}

func deletedBehindOurBack(t *testing.T) {
	r := newRig(t, setup{preset: "tiny", seed: 83})
	r.syncAndCompare()
	w, teacher := r.box.World(), r.current(0, world.Staff)[0]
	users, _, _ := r.idp.Counts()
	for _, u := range r.idp.Snapshot().Users {
		if u.ExternalID == teacher.Human().String() {
			r.there.send(t, http.MethodDelete, "/Users/"+u.ID, "", http.StatusNoContent)
		}
	}
	if now, _, _ := r.idp.Counts(); now != users-1 {
		t.Fatalf("%d of %d accounts are left: the trap was not laid", now, users)
	}
	w.Advance(time.Hour)
	r.do(w.Marry(teacher.ID))
	r.idp.ResetRequests()
	r.try(t.Context())
	if n := r.idp.Requests(); n.Patches > 3 {
		t.Errorf("what is gone was changed %d times", n.Patches)
	}
	r.oracle.synced()
	delete(r.oracle.names, teacher.Human().String()) // of a new account, after the new name
	r.syncAndCompare()                               // it is made anew, with its memberships
}

func leaverIsSuspended(t *testing.T) {
	r := newRig(t, setup{preset: "tiny", seed: 84})
	r.syncAndCompare()
	w, leaver := r.box.World(), r.current(0, world.Student)[0]
	w.Advance(time.Hour)
	r.do(w.Leave(leaver.ID))
	r.idp.ResetRequests()
	for range 4 {
		w.Advance(25 * time.Hour)
		r.syncAndCompare()
	}
	r.wants(leaver, false)
	if n := r.idp.Requests().Deletes; n != 0 {
		t.Errorf("%d deletions were sent", n)
	}
	for _, u := range r.idp.Snapshot().Users {
		if u.ExternalID == leaver.Human().String() && u.Active {
			t.Error("the leaver's account is in use")
		}
	}
	r.do(w.Return(leaver.ID))
	r.syncAndCompare()
	r.wants(leaver, true)
}

func usersBeforeGroups(t *testing.T) {
	p := newPicky(t, 85)
	var mu sync.Mutex
	var order []string
	strangers := 0
	p.refuse(func(r *http.Request, body string) int {
		mu.Lock()
		defer mu.Unlock()
		if r.Method != http.MethodPost {
			return 0
		}
		order = append(order, r.URL.Path[strings.LastIndex(r.URL.Path, "/"):])
		var group struct{ Members []struct{ Value string } }
		if json.Unmarshal([]byte(body), &group) != nil {
			return http.StatusBadRequest
		}
		there := map[string]bool{}
		for _, u := range p.Snapshot().Users {
			there[u.ID] = true
		}
		for _, m := range group.Members {
			if !there[m.Value] {
				strangers++
			}
		}
		return 0
	})
	r := p.rig(t, 85, "")
	r.syncAndCompare()
	first := slices.Index(order, "/Groups")
	if first < 1 || slices.Contains(order[first:], "/Users") {
		t.Errorf("of %d creates the first group is number %d, before some users", len(order), first)
	}
	if strangers != 0 {
		t.Errorf("%d members were sent before they were there", strangers)
	}
}

func twoSchoolsOneAccount(t *testing.T) {
	r := newRig(t, setup{preset: "mat-small", seed: 86})
	r.there.bulk = true
	w, pupil := r.box.World(), r.current(0, world.Student)[0]
	r.syncAndCompare()
	users, _, _ := r.idp.Counts()
	r.do(w.DualRegister(pupil.ID, r.siteID(1)))
	r.syncAndCompare() // its last sync sends nothing: the two do not undo each other's work
	if now, _, _ := r.idp.Counts(); now != users {
		t.Errorf("a second registration changed the number of accounts from %d to %d", users, now)
	}
	w.Advance(time.Hour)
	r.do(w.Leave(pupil.ID))
	r.sync()
	r.oracle.synced()
	w.Advance(25 * time.Hour)
	r.syncAndSettle()
	r.wants(pupil, true)
	for _, u := range r.idp.Snapshot().Users {
		if u.ExternalID == pupil.Human().String() && !u.Active {
			t.Error("one school's leaver was suspended at the other")
		}
	}
}

// wrongClock has a target a year behind: what changed when, by its clock, is of no
// account.
func wrongClock(t *testing.T) {
	var asked sync.Map
	p := idp.New(idp.Options{Seed: 87, Now: func() time.Time { return world.DefaultStart().AddDate(-1, 0, 0) }})
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked.Store(strconv.Quote(r.URL.RawQuery), true)
		p.Handler().ServeHTTP(w, r)
	}))
	t.Cleanup(s.Close)
	r := newRig(t, setup{preset: "tiny", seed: 87, url: s.URL + p.BasePath(), token: p.Token()})
	r.syncAndCompare()
	r.churn()
	r.syncAndCompare()
	users, _ := r.there.read(t)
	there := slices.IndexFunc(users, func(u account) bool { return u.ExternalID == r.current(0, world.Staff)[1].Human().String() })
	r.there.patch(t, "/Users/"+users[there].ID, `[{"op":"replace","path":"displayName","value":"Somebody Else"}]`)
	run := r.in(connector.Manner{ReadBack: true})
	if run.Status != connector.Done || applied(run, plan.UpdateUser) != 1 {
		t.Errorf("%s: %s, with the changes %v, want the one that was made there", run.Status, run.Reason, run.Changes)
	}
	r.compare()
	for query := range asked.Range {
		if text, _ := query.(string); strings.Contains(text, "lastModified") {
			t.Errorf("the target was asked %s", text)
		}
	}
}
