package generic_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"simscim/config"
	"simscim/connector/plan"
	"simscim/connector/target/targettest"
	"simscim/sandbox/idp"
	"simscim/scim"
)

// The traps about groups and their members.

// A removal is a filter in the path for each member, or a list beside the path: each
// server gets the one that it understands.
func trap06(t *testing.T) {
	const path, values = `"path":"members[value eq `, `"op":"remove","path":"members","value":[{"value":`
	for profile, forms := range map[string][2]string{
		"entra-scim":              {path, values},
		"google":                  {path, values},
		"keycloak":                {path, values},
		"aws-iam-identity-center": {values, path},
		"salesforce":              {`"op":"remove","path":"members","value":{"members":[{"value":`, path},
	} {
		w, p := lookAlike(t, profile, idp.Options{Personality: profile})
		keys := w.accounts(5)
		w.made(group("g", keys...))
		since := w.mark()
		w.good(w.doAll(w.later("g", nil, keys[1:4])))
		for _, body := range w.patches(since) {
			if !strings.Contains(body, forms[0]) || strings.Contains(body, forms[1]) {
				t.Errorf("%s: members are removed by %s", profile, body)
			}
			if strings.Contains(body, `"path":"members"}`) {
				t.Errorf("%s: all members are removed by %s", profile, body)
			}
		}
		want := []string{w.known[keys[0]], w.known[keys[4]]}
		if diff := cmp.Diff(want, p.Snapshot().Groups[0].Members); diff != "" {
			t.Errorf("%s: %s", profile, diff)
		}
	}
}

func trap07(t *testing.T) {
	w := newWorld(t, quirks{checkMembers: true})
	keys := w.accounts(230)
	id := w.made(group("g", keys[:220]...))
	since := w.mark()
	w.good(w.doAll(w.later("g", keys[220:], nil)))
	if n := w.sent(since)["PATCH Groups"]; n != 1 {
		t.Errorf("ten more members took %d requests", n)
	}
	w.good(w.doAll(w.later("g", nil, nil, plan.Field{Path: "displayName", After: "New"})))
	w.good(w.doAll(w.later("g", []string{"nobody"}, []string{"nobody else"}))) // both unknown: nothing to send
	if n := w.sent(since)["PATCH Groups"]; n != 2 {
		t.Errorf("a new name and members who are not there took %d requests", n-1)
	}
	w.good(w.doAll(w.later("g", nil, keys)))
	if members, _ := w.fake.get(id)["members"].([]any); len(members) != 0 {
		t.Errorf("%d members are left", len(members))
	}
	for _, body := range w.writes(0) {
		if n := strings.Count(body, "id/"); n > 100 {
			t.Errorf("a request names %d members", n)
		}
		for _, form := range []string{`"op":"replace","path":"members`, `"value":[]`, `"members":[]`, `"path":"members"}`} {
			if strings.Contains(body, form) {
				t.Errorf("a request holds %s", form)
			}
		}
	}
}

func trap08(t *testing.T) {
	w, p := lookAlike(t, "entra-scim", idp.Options{Personality: "entra-scim"})
	keys := w.accounts(30)
	w.made(group("g", keys[:3]...))
	since := w.mark()
	w.good(w.doAll(w.later("g", keys[3:28], keys[:2], plan.Field{Path: "displayName", After: "New"})))
	var kinds []string
	for _, body := range w.patches(since) {
		kind := ""
		for _, op := range []string{"replace", "add", "remove"} {
			if strings.Contains(body, `"op":"`+op+`"`) {
				kind += op
			}
		}
		kinds = append(kinds, kind)
	}
	// Twenty at most come in at once, one goes out at a time, and nobody before all are in.
	if diff := cmp.Diff([]string{"replace", "add", "add", "remove", "remove"}, kinds); diff != "" {
		t.Error(diff)
	}
	if g := p.Snapshot().Groups[0]; g.DisplayName != "New" || len(g.Members) != 26 {
		t.Errorf("the group is called %s and has %d members", g.DisplayName, len(g.Members))
	}
}

func trap09(t *testing.T) {
	for _, profile := range []string{"aws-iam-identity-center", "entra-scim"} { // an empty list, and none
		w, p := lookAlike(t, profile, idp.Options{Personality: profile})
		keys := w.accounts(4)
		w.made(group("g", keys[:3]...))
		found, err := w.Target.Find(t.Context(), scim.Group, "displayName", "Group g", nil)
		if err != nil || len(found) != 1 || found[0].MembersKnown {
			t.Errorf("%s: %d groups are found (%v), whose members must be unknown", profile, len(found), err)
		}
		// Found again after a lost answer it is not taken for empty, nor is anybody taken out
		// because of what it shows.
		p.SetFaults(idp.Faults{DropWrite: 1})
		o := w.doAll(group("h", keys...))["h"]
		if o.Err != nil || len(o.Added) != 4 {
			t.Errorf("%s: the outcome is %+v", profile, o)
		}
		groups := p.Snapshot().Groups
		if len(groups) != 2 || len(groups[0].Members) != 3 || len(groups[1].Members) != 4 {
			t.Errorf("%s: the groups are %+v", profile, groups)
		}
	}
}

func trap26(t *testing.T) {
	w := newWorld(t, quirks{checkMembers: true})
	keys := w.accounts(2)
	id := w.made(group("g", keys[0], "not yet", keys[1]))
	o := w.doAll(w.later("g", []string{"not yet"}, nil))["g"]
	if o.Err != nil || len(o.Added) != 0 {
		t.Errorf("a member who is not there is confirmed: %+v", o)
	}
	if members, _ := w.fake.get(id)["members"].([]any); len(members) != 2 {
		t.Errorf("the group has %d members, want the two who are there", len(members))
	}
	w.made(account("not yet"))
	if o := w.doAll(w.later("g", []string{"not yet"}, nil))["g"]; len(o.Added) != 1 {
		t.Errorf("a member who is there by now is not added: %+v", o)
	}
}

func trap27(t *testing.T) {
	w, p := lookAlike(t, "atlassian", idp.Options{Personality: "atlassian"})
	w.made(group("g"))
	since := w.mark()
	name := plan.Field{Path: "displayName", After: "New"}
	o := w.doAll(w.later("g", nil, nil, name))["g"]
	if o.Err == nil || o.Gone || !strings.Contains(o.Advice, "Leave the group's name") || len(w.writes(since)) != 0 {
		t.Errorf("the outcome is %+v after %d writes", o, len(w.writes(since)))
	}
	if caps, err := w.Target.Capabilities(t.Context()); err != nil || caps.RenameGroups {
		t.Errorf("the plan is not told (%v)", err)
	}
	if g := p.Snapshot().Groups; len(g) != 1 || g[0].DisplayName != "Group g" {
		t.Errorf("the groups are %+v", g)
	}

	// Where the name is what people know a group by, a rename still is one of this group.
	w, p = lookAlike(t, "snowflake", idp.Options{Personality: "snowflake"})
	id := w.made(group("g"))
	since = w.mark()
	w.good(w.doAll(w.later("g", nil, nil, name)))
	if diff := cmp.Diff(map[string]int{"PATCH Groups": 1}, w.sent(since)); diff != "" {
		t.Error(diff)
	}
	if g := p.Snapshot().Groups; len(g) != 1 || g[0].ID != id || g[0].DisplayName != "New" {
		t.Errorf("the groups are %+v", g)
	}
}

func trap18(t *testing.T) {
	people, keys := users(12)
	for name, q := range map[string]quirks{
		"as text, out of order": {bulk: 50},
		"as an object":          {bulk: 50, bulkObject: true},
		"cut off":               {bulk: 50, bulkStops: 3},
		"by bytes":              {bulk: 50, bulkBytes: 1500},
	} {
		w := newWorld(t, q)
		stranger := w.made(account(keys[3]))
		w.fake.set(stranger, "externalId", "somebody else")
		delete(w.known, keys[3])
		last := w.doAll(people...)
		for _, key := range keys {
			o := last[key]
			if key == keys[3] {
				if !scim.IsConflict(o.Err) || o.Attributes {
					t.Errorf("%s: a taken name within a success is %+v", name, o)
				}
			} else if o.Err != nil || w.fake.get(w.known[key])["externalId"] != key {
				t.Errorf("%s: %s is at %q (%v)", name, key, w.known[key], o.Err)
			}
		}
		w.once(12)
	}
	unnumbered(t)
	w, p := lookAlike(t, "wso2", idp.Options{Personality: "wso2"})
	p.SetFaults(idp.Faults{BulkReversed: 9, BulkMissing: 1})
	keys = w.accounts(12) // the last of them is carried out and not told of
	w.each(12)
	p.SetFaults(idp.Faults{BulkMissing: 1})
	w.good(w.doAll(group("g1", keys[:2]...), group("g2", keys[2:]...)))
	if n := len(p.Snapshot().Groups); n != 2 {
		t.Errorf("there are %d groups, want 2", n)
	}
}

// unnumbered gets bulk answers in another order and without a bulkId: what belongs to
// whom is then looked up, not guessed.
func unnumbered(t *testing.T) {
	t.Helper()
	q := quirks{bulk: 50}
	w := settings(t, q, q.traits())
	people, keys := users(6)
	made := `{"method":"POST","status":"201","location":"https://idp.example/Users/%s"}`
	var ops []string
	for i, key := range keys {
		id := w.made(account(key))
		ops = append([]string{strings.Replace(made, "%s", []string{id, "strange"}[i%2], 1)}, ops...)
	}
	w.Faults.Inject(targettest.Fault{Path: "/Bulk", Status: http.StatusOK, Answer: `{"Operations":[` + strings.Join(ops, ",") + `]}`})
	clear(w.known)
	w.good(w.doAll(people...))
	for _, key := range keys {
		if w.fake.get(w.known[key])["externalId"] != key {
			t.Errorf("%s is taken to be %q", key, w.known[key])
		}
	}
}

func trap19(t *testing.T) {
	w, p := lookAlike(t, "wso2", idp.Options{Personality: "wso2"})
	keys := w.accounts(40)
	w.good(w.doAll(group("g1", keys[:20]...), group("g2", keys[10:]...)))
	if sent := w.sent(0); sent["POST Bulk"] != 2 || sent["POST Groups"] != 0 {
		t.Errorf("the requests are %v, want everything by bulk", sent)
	}
	for _, body := range w.writes(0) {
		if strings.Contains(body, "bulkId:") {
			t.Error("a request refers to what it makes itself")
		}
	}
	for i, want := range [][]string{keys[:20], keys[10:]} {
		g := p.Snapshot().Groups[i]
		var ids []string
		for _, key := range want {
			ids = append(ids, w.known[key])
		}
		if diff := cmp.Diff(ids, g.Members); diff != "" {
			t.Error(diff)
		}
	}
}

func trap23(t *testing.T) {
	w, p := lookAlike(t, "auto", idp.Options{})
	p.SetFaults(idp.Faults{BulkRefused: 9})
	keys := w.accounts(30)
	w.good(w.doAll(group("g", keys...)))
	w.each(30)
	if n := p.Requests().Bulks; n != 1 {
		t.Errorf("bulk was tried %d times, want once", n)
	}

	// filter.supported is the number 0 where filters work.
	w, _ = lookAlike(t, "snowflake", idp.Options{Personality: "snowflake"})
	w.accounts(3)
	since := w.mark()
	found, err := w.Target.Find(t.Context(), scim.User, "userName", "name-u0001", nil)
	if err != nil || len(found) != 1 || w.Faults.Calls()[since].Query == "" || w.mark() != since+1 {
		t.Errorf("%d users are found (%v) by %d requests", len(found), err, w.mark()-since)
	}

	// And filters are refused where they are advertised: then the list is read.
	w = intercepted(t, quirks{}, func(_ *fake, w http.ResponseWriter, r *http.Request) bool {
		if !r.URL.Query().Has("filter") {
			return false
		}
		refuse(w, &scim.Error{Status: 400, ScimType: scim.TypeInvalidFilter})
		return true
	})
	w.made(account("u"))
	for range 2 {
		if found, err := w.Target.Find(t.Context(), scim.User, "userName", "name-u", nil); err != nil || len(found) != 1 {
			t.Errorf("%d users are found (%v)", len(found), err)
		}
	}
	if n := w.sent(0)["GET Users"]; n != 3 {
		t.Errorf("it took %d requests, want one refusal and two lists", n)
	}
	if caps, err := settings(t, quirks{}, config.Traits{Bulk: new(0)}).Target.Capabilities(t.Context()); err != nil || caps.Bulk > 1 {
		t.Errorf("what is configured does not overrule the server (%v)", err)
	}
}
