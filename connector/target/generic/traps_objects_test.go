package generic_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"simscim/config"
	"simscim/connector/plan"
	"simscim/connector/target/targettest"
	"simscim/sandbox/idp"
	"simscim/scim"
)

// The traps about single objects: what is compared, made, changed and found.

func trap10(t *testing.T) {
	w, p := lookAlike(t, "auto", idp.Options{})
	ch := account("u")
	w.made(ch)
	p.SetFaults(idp.Faults{BooleansAsText: 99, NumbersAsText: 99})
	since := w.mark()
	w.good(w.doAll(account("u"))) // 409, and what is found is as it should be
	if diff := cmp.Diff(map[string]int{"POST Users": 1, "GET Users": 1}, w.sent(since)); diff != "" {
		t.Errorf("text that means true is changed: %s", diff)
	}

	w = newWorld(t, quirks{})
	for _, name := range []string{`O"Neil\ #1+2&3=4%20é小`, `'; or "1" eq "1`, "a?b/c"} {
		ch := account(name)
		ch.After = slices.DeleteFunc(ch.After, func(a scim.Attribute) bool { return a.Path == "userName" })
		ch.After = append(ch.After, scim.Attribute{Path: "userName", Value: name}).Sort()
		id := w.made(ch)
		since := w.mark()
		found, err := w.Target.Find(t.Context(), scim.User, "userName", name, nil)
		if err != nil || len(found) != 1 || found[0].RemoteID != id {
			t.Errorf("%s is found %d times (%v)", name, len(found), err)
		}
		raw := w.Faults.Calls()[since].Query
		if strings.ContainsAny(raw, "\"\\ #+é小'") {
			t.Errorf("the query is %s", raw)
		}
		if q, err := url.ParseQuery(raw); err != nil || q.Get("filter") != "userName eq "+jsonText(t, name) || len(q) > 3 {
			t.Errorf("the filter is %s (%v)", q.Get("filter"), err)
		}
	}

	w = settings(t, quirks{}, config.Traits{StringBooleans: new(true)})
	id := w.made(account("u"))
	since = w.mark()
	w.do(plan.Change{Action: plan.SuspendUser, Kind: scim.User, Key: "u", RemoteID: id})
	if got := w.patches(since)[0]; !strings.Contains(got, `"path":"active","value":"False"`) {
		t.Errorf("where booleans are text it sends %s", got)
	}
}

func jsonText(t *testing.T, s string) string {
	t.Helper()
	var b strings.Builder
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(s); err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(b.String())
}

func trap11(t *testing.T) {
	// The server does not care what it is asked for, so that what it finds is checked here.
	w := newWorld(t, quirks{ignoreFilter: true})
	ch := account("Key")
	ch.After = slices.DeleteFunc(ch.After, func(a scim.Attribute) bool { return a.Path == "userName" || a.Path == "name.givenName" })
	ch.After = append(ch.After, scim.Attribute{Path: "userName", Value: "Zoë.STRASSE"}, scim.Attribute{Path: "name.givenName", Value: "Zoë"}).Sort()
	id := w.made(ch)
	for _, f := range []struct {
		path  scim.Path
		value string
		want  int
	}{
		{"userName", "zoë.strasse", 1},
		{"userName", "ZOE\u0308.Strasse", 1},
		{"userName", "zoe.strasse", 0},
		{"externalId", "Key", 1},
		{"externalId", "key", 0},
		{"externalId", "KEY", 0},
	} {
		found, err := w.Target.Find(t.Context(), scim.User, f.path, f.value, nil)
		if err != nil || len(found) != f.want {
			t.Errorf("%s %s finds %d (%v), want %d", f.path, f.value, len(found), err, f.want)
		}
	}
	// A name in another normal form is the same name: nothing is changed.
	w.fake.set(id, "name", map[string]any{"givenName": "Zoe\u0308", "familyName": "Bell"})
	since := w.mark()
	w.good(w.doAll(ch))
	if n := len(w.patches(since)); n != 0 {
		t.Errorf("%d changes were sent", n)
	}
}

func trap12(t *testing.T) {
	w, p := lookAlike(t, "auto", idp.Options{})
	p.SetFaults(idp.Faults{DropWrite: 1})
	w.made(account("lost"))
	if s := p.Snapshot(); len(s.Users) != 1 || s.Users[0].ID != w.known["lost"] {
		t.Errorf("after a lost answer there are %d users", len(s.Users))
	}
	for _, as400 := range []bool{false, true} {
		w, p := lookAlike(t, "auto", idp.Options{})
		stranger := account("stranger")
		stranger.After = scim.Attributes{{Path: "externalId", Value: "stranger"}, {Path: "userName", Value: "NAME-u"}}
		w.made(stranger)
		was := p.Snapshot().Users[0].Resource
		p.SetFaults(idp.Faults{ConflictAs400: as400})
		since := w.mark()
		o := w.doAll(account("u"))["u"]
		if !scim.IsConflict(o.Err) || o.Attributes || o.RemoteID != "" || !strings.Contains(o.Advice, "adopted") {
			t.Errorf("somebody else's name is %+v", o)
		}
		if s := p.Snapshot(); len(w.writes(since)) != 1 || len(s.Users) != 1 || !cmp.Equal(was, s.Users[0].Resource) {
			t.Errorf("the stranger's account was touched by one of %d writes", len(w.writes(since)))
		}
		// Our own, made by an earlier run, is recognised by its externalId and by nothing else.
		id := w.made(account("ours"))
		delete(w.known, "ours")
		if w.made(account("ours")) != id {
			t.Error("our own account is not recognised")
		}
	}
	// A 400 about something else is no conflict.
	w = intercepted(t, quirks{}, func(_ *fake, w http.ResponseWriter, r *http.Request) bool {
		if r.Method == http.MethodPost {
			refuse(w, &scim.Error{Status: 400, ScimType: scim.TypeInvalidValue})
		}
		return r.Method == http.MethodPost
	})
	if o := w.doAll(account("u"))["u"]; o.Err == nil || scim.IsConflict(o.Err) {
		t.Errorf("a refused value is %+v", o)
	}
}

func trap13(t *testing.T) {
	w := newWorld(t, quirks{})
	first, second := w.made(account("a")), w.made(account("b"))
	w.fake.set(second, "externalId", "a")
	found, err := w.Target.Find(t.Context(), scim.User, "externalId", "a", nil)
	if err != nil || len(found) != 2 {
		t.Errorf("%d users are found (%v), want both", len(found), err)
	}
	again := account("a")
	again.After = append(again.After, scim.Attribute{Path: "title", Value: "Head"})
	since := w.mark()
	o := w.doAll(again)["a"]
	if o.Err == nil || o.Attributes || !strings.Contains(o.Advice, "More than one") {
		t.Errorf("the outcome is %+v", o)
	}
	if len(w.writes(since)) != 1 || w.fake.get(first)["title"] != nil || w.fake.get(second)["title"] != nil {
		t.Errorf("one of the two was touched by %d writes", len(w.writes(since)))
	}
}

func trap14(t *testing.T) {
	w := newWorld(t, quirks{noPatch: true})
	id := w.made(account("u"))
	w.fake.set(id, "active", false) // by somebody else
	w.fake.set(id, "urn:example:badge", map[string]any{"number": "4"})
	w.good(w.doAll(update(w, "u", "Head")))
	got := w.fake.get(id)
	if got["title"] != "Head" || got["active"] != false || got["externalId"] != "u" || got["urn:example:badge"] == nil || got["name"] == nil {
		t.Errorf("after a PUT it is %v", got)
	}
	body := w.writes(0)[1]
	if !strings.HasPrefix(body, "PUT ") || !strings.Contains(body, `"active":false`) {
		t.Errorf("it sends %s", body)
	}
}

func trap15(t *testing.T) {
	for name, q := range map[string]quirks{"PATCH": {}, "PUT": {noPatch: true}} {
		w := newWorld(t, q)
		ch := account("u")
		ch.After = append(ch.After, scim.Attribute{Path: "title", Value: "Head"}, scim.Attribute{Path: "nickName", Value: ""},
			scim.Attribute{Path: "roles", Value: []any{}}).Sort()
		id := w.made(ch)
		for _, empty := range []any{nil, "", []any{}} {
			w.fake.set(id, "title", "Head")
			w.good(w.doAll(plan.Change{Action: plan.UpdateUser, Kind: scim.User, Key: "u", RemoteID: id, Set: []plan.Field{{Path: "title", After: empty}}}))
			if got, there := w.fake.get(id)["title"]; there {
				t.Errorf("%s: cleared by %v it is %v", name, empty, got)
			}
		}
		for _, body := range w.writes(0) {
			if strings.Contains(body, `""`) || strings.Contains(body, "null") || strings.Contains(body, "[]") {
				t.Errorf("%s: it sends %s", name, body)
			}
		}
	}
}

func trap17(t *testing.T) {
	for name, q := range map[string]quirks{"PATCH": {versions: true}, "PUT": {noPatch: true, versions: true}} {
		raced := false
		w := intercepted(t, q, func(f *fake, _ http.ResponseWriter, r *http.Request) bool {
			if r.Header.Get("If-Match") != "" && !raced {
				raced = true // somebody is faster, and has done half of it
				for id := range f.objects {
					f.set(id, "title", "Head")
					f.set(id, "nickName", "Nan")
					f.set(id, "meta", map[string]any{"version": "77"})
				}
			}
			return false
		})
		id := w.made(account("u"))
		w.good(w.doAll(plan.Change{Action: plan.UpdateUser, Kind: scim.User, Key: "u", RemoteID: id, Set: []plan.Field{
			{Path: "title", After: "Head"}, {Path: "userType", After: "Staff"},
		}}))
		got := w.fake.get(id)
		if !raced || got["title"] != "Head" || got["userType"] != "Staff" || got["nickName"] != "Nan" {
			t.Errorf("%s: after a lost race it is %v", name, got)
		}
		writes := w.writes(0)
		last, calls := writes[len(writes)-1], w.Faults.Calls()
		if last == writes[len(writes)-2] || name == "PATCH" && strings.Contains(last, "title") {
			t.Errorf("%s: the same is sent again: %s", name, last)
		}
		if tag := calls[len(calls)-1].Header.Get("If-Match"); tag != "77" {
			t.Errorf("%s: the last version is %q", name, tag)
		}
	}
}

func trap20(t *testing.T) {
	w, p := lookAlike(t, "auto", idp.Options{})
	w.accounts(2)
	for _, u := range p.Snapshot().Users { // by somebody else
		drop(t, w, u.ID)
	}
	since := w.mark()
	o := w.doAll(update(w, "u0000", "Head"))["u0000"]
	if o.Err == nil || !o.Gone || o.Attributes || len(w.writes(since)) != 1 {
		t.Errorf("an update of what is gone is %+v after %d writes", o, len(w.writes(since)))
	}
	o = w.doAll(plan.Change{Action: plan.DeleteUser, Kind: scim.User, Key: "u0001", RemoteID: w.known["u0001"]})["u0001"]
	if o.Err != nil || !o.Gone {
		t.Errorf("a deletion of what is gone is %+v", o)
	}
}

// drop deletes an account without the target's knowing.
func drop(t *testing.T, w *world, id string) {
	t.Helper()
	o := w.doAll(plan.Change{Action: plan.DeleteUser, Kind: scim.User, Key: "by another", RemoteID: id})["by another"]
	if o.Err != nil {
		t.Fatal(o.Err)
	}
}

func trap21(t *testing.T) {
	// The server hides what was deleted and keeps its name.
	w := intercepted(t, quirks{}, func(_ *fake, w http.ResponseWriter, r *http.Request) bool {
		if r.Method == http.MethodPost {
			refuse(w, &scim.Error{Status: 409, ScimType: scim.TypeUniqueness})
		}
		return r.Method == http.MethodPost
	})
	o := w.doAll(account("u"))["u"]
	if !scim.IsConflict(o.Err) || o.Unsettled || o.Gone || len(w.writes(0)) != 1 {
		t.Errorf("a name in the bin is %+v after %d creates", o, len(w.writes(0)))
	}
	// To suspend is to suspend, and where DELETE does no more than that nobody says gone.
	for _, profile := range []string{"slack", "atlassian"} {
		w, p := lookAlike(t, profile, idp.Options{Personality: profile})
		ch := account("u")
		ch.After = append(ch.After, scim.Attribute{Path: scim.MustPath(`emails[type eq "work"].value`), Value: "u@x.example"}).Sort()
		id := w.made(ch)
		w.good(w.doAll(plan.Change{Action: plan.SuspendUser, Kind: scim.User, Key: "u", RemoteID: id}))
		if s := p.Snapshot(); p.Requests().Deletes != 0 || len(s.Users) != 1 || s.Users[0].Active {
			t.Errorf("%s: a suspension leaves %+v", profile, s.Users)
		}
		if caps, err := w.Target.Capabilities(t.Context()); err != nil || caps.Delete || !caps.Suspend {
			t.Errorf("%s: the plan is not told that nothing is deleted (%v)", profile, err)
		}
	}
	// A slow index that answers with what was deleted is no proof that it is ours.
	w = newWorld(t, quirks{})
	old := w.made(group("g"))
	w.Faults.Inject(targettest.Fault{Method: http.MethodDelete, Times: 1, Status: http.StatusNoContent})
	w.Faults.Inject(targettest.Fault{Method: http.MethodPost, Times: 1, Cut: true})
	if o := w.doAll(replacement(w, "g"))["g"]; o.Err != nil || o.RemoteID == old {
		t.Errorf("what was deleted is taken for new: %+v", o)
	}
}
