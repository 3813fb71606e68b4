package e2e_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"simscim/connector"
	"simscim/connector/plan"
	"simscim/sandbox/idp"
	"simscim/sandbox/world"
	"simscim/scim/profile"
)

// TestEveryKindOfServer plays the main job against each server that the sandbox can be,
// with the profile of the same name: a first sync, an ordinary day with leavers, their
// suspension, and a sync without anything to do. What is there is taken from the server's
// own store, because some of them never show it.
func TestEveryKindOfServer(t *testing.T) {
	t.Parallel()
	for _, name := range idp.Personalities() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, setup{preset: "tiny", seed: 91, personality: name, edit: func(text string) string { return asked(text, name) }})
			r.oracle.filled = true
			steps := []func(){
				func() {},
				func() { r.churn() },
				func() { r.box.World().Advance(25 * time.Hour) }, // over for whoever was missing before
				func() { r.box.World().Advance(25 * time.Hour) },
			}
			for i, step := range steps {
				step()
				for _, run := range r.try(t.Context()).Runs {
					if run.Status != connector.Done {
						t.Fatalf("step %d: %s: %s %+v", i, run.Status, run.Reason, run.Troubles)
					}
				}
				r.oracle.synced()
				users, groups := r.stored(r.idp)
				for _, problem := range r.oracle.compare(users, groups) {
					if len(groups) > 0 || !strings.HasPrefix(problem, "group ") { // some have no groups
						t.Errorf("step %d: %s", i, problem)
					}
				}
			}
			r.quiet(r.sync())
			if name == "strict" || name == "wso2" || name == "zitadel" {
				if r.idp.Requests().Bulks == 0 {
					t.Error("the server takes bulk requests and got none")
				}
			}
		})
	}
}

// asked adds to the configuration what the provider's documents ask for.
func asked(text, name string) string {
	if _, known := profile.Named(name); known {
		text = strings.Replace(text, "    type: scim\n", "    type: scim\n    profile: "+name+"\n", 1)
	}
	for rule, filled := range map[string]string{
		"name.givenName: person.preferredGivenName":    "name.givenName: {value: person.preferredGivenName, default: \"'-'\"}",
		"name.familyName: person.preferredFamilyName":  "name.familyName: {value: person.preferredFamilyName, default: \"'-'\"}",
		"emails[type eq \"work\"].value: person.email": "emails[type eq \"work\"].value: {value: person.email, default: userName}",
	} {
		text = strings.Replace(text, rule, filled, 1)
	}
	more := ""
	switch name {
	case "entra-scim":
		text = withPasswords(text)
		more = "        urn:ietf:params:scim:schemas:extension:Microsoft:Entra:2.0:User:mailNickname: userName.split('@')[0]\n"
	case "aws-iam-identity-center":
		more = "        emails[type eq \"work\"].primary: \"true\"\n"
	}
	return strings.Replace(text, "        active: \"true\"\n", "        active: \"true\"\n"+more, 1)
}

// withPasswords adds a rule for first passwords.
func withPasswords(text string) string {
	return strings.Replace(text, "      attributes:\n", "      password: \"person.kind == 'student' ? 'words' : 'random'\"\n      attributes:\n", 1)
}

// stored is what the server holds, in the form in which others are read back. A server
// without groups has none to compare, and gets those that there should be.
func (r *rig) stored(p *idp.IDP) (users []account, groups []band) {
	r.t.Helper()
	s := p.Snapshot()
	for _, u := range s.Users {
		users = append(users, as[account](r.t, u.ID, u.Resource))
	}
	for _, g := range s.Groups {
		groups = append(groups, as[band](r.t, g.ID, g.Resource))
	}
	return users, groups
}

func as[T any](t *testing.T, id string, resource map[string]any) (v T) {
	t.Helper()
	data, err := json.Marshal(resource)
	check(t, err)
	check(t, json.Unmarshal(data, &v))
	withID, err := json.Marshal(map[string]string{"id": id})
	check(t, err)
	check(t, json.Unmarshal(withID, &v))
	return v
}

// TestAdoption takes over an account that is there already: seen at the first look, or
// only when the create is refused.
func TestAdoption(t *testing.T) {
	t.Parallel()
	for name, late := range map[string]bool{"seen at the first look": false, "seen when the create is refused": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, setup{preset: "tiny", seed: 92, edit: func(text string) string {
				return strings.Replace(text, "    match: [externalId, userName]\n", "    match: [externalId, userName]\n    adopt: true\n", 1)
			}})
			want := map[plan.Action]int{plan.AdoptUser: 1}
			if late {
				r.sync()
				r.do(r.box.World().Join(r.siteID(0), world.Student, 2))
				want = map[plan.Action]int{}
			}
			user := r.nextName()
			r.there.create(t, user)
			if !late {
				report, err := r.engine.Plan(t.Context(), connector.Selection{}, connector.Manner{})
				check(t, err)
				listed := false
				for _, step := range report.Runs[0].Plan {
					listed = listed || step.Action == plan.AdoptUser && strings.Contains(step.Reason, "userName")
				}
				if !listed {
					t.Error("the plan does not list what would be adopted, and by which rule")
				}
			}
			run := r.in(connector.Manner{})
			for action, n := range want {
				if applied(run, action) != n {
					t.Errorf("%s: %d, want %d", action, applied(run, action), n)
				}
			}
			if run.Status != connector.Done {
				t.Fatalf("%s: %s %+v", run.Status, run.Reason, run.Troubles)
			}
			r.oracle.synced()
			r.compare()
			r.quiet(r.sync())
		})
	}
}

// TestReplacedGroups makes class groups anew where members leave one by one.
func TestReplacedGroups(t *testing.T) {
	t.Parallel()
	r := newRig(t, setup{preset: "tiny", seed: 93, personality: "entra-scim", edit: func(text string) string {
		return strings.Replace(asked(text, "entra-scim"), "    type: scim\n", "    type: scim\n    replaceGroups: true\n", 1) +
			"\nleavers: {graceSnapshots: 1, graceHours: 0}\nsafeguards: {suspendUsers: {percent: 100}, removeMembers: {percent: 100}, deleteGroups: {percent: 100}}\n"
	}})
	r.oracle.filled = true
	r.sync()
	users, groups := r.stored(r.idp)
	key := map[string]string{}
	for _, u := range users {
		key[u.ID] = u.ExternalID
	}
	class := slices.IndexFunc(groups, func(g band) bool { return strings.Contains(g.ExternalID, ":class:") && len(g.Members) > 8 })
	stay := slices.Clone(groups[class].Members)
	for _, p := range r.current(0, world.Student) {
		if at := slices.IndexFunc(stay, func(m member) bool { return key[m.Value] == p.ID.String() }); at >= 0 && len(stay) > 2 {
			r.do(r.box.World().Leave(p.ID))
			stay = slices.Delete(stay, at, at+1)
		}
	}
	r.box.World().Advance(24 * time.Hour)
	run := r.in(connector.Manner{})
	if run.Status != connector.Done || applied(run, plan.ReplaceGroup) != 1 {
		t.Fatalf("%s: %s %v %+v", run.Status, run.Reason, run.Changes, run.Troubles)
	}
	if int64(run.Least) > run.Requests.Target || float64(run.Requests.Target) > 1.2*float64(run.Least)+5 {
		t.Errorf("%d requests, %d would do", run.Requests.Target, run.Least)
	}
	_, now := r.stored(r.idp)
	anew := slices.IndexFunc(now, func(g band) bool { return g.ExternalID == groups[class].ExternalID })
	if len(now) != len(groups) || now[anew].ID == groups[class].ID {
		t.Errorf("%d groups, %d before; the class has the id %s, before %s", len(now), len(groups), now[anew].ID, groups[class].ID)
	}
	if diff := cmp.Diff(stay, now[anew].Members, cmpopts.SortSlices(func(a, b member) bool { return a.Value < b.Value })); diff != "" {
		t.Error(diff)
	}
	r.quiet(r.sync())
}
