package entra_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"simscim/sandbox/entra"
)

// school is a tenant with users $0 to $n and a group $g that holds $0.
func school(t *testing.T, n int, o entra.Options) *tenant {
	t.Helper()
	a := open(t, o)
	for i := range n {
		a.vars[fmt.Sprintf("$%d", i)] = a.person(i)
	}
	g := a.want(201, "POST", "/v1.0/groups", group("g", `, "uniqueName": "g", "members@odata.bind": [`+bind("$0;")+`]`))
	a.vars["$g"] = g.doc["id"].(string)
	return a
}

func bind(ids ...string) string {
	for i, id := range ids {
		ids[i] = `"https://graph.microsoft.com/v1.0/directoryObjects/` + id + `"`
	}
	return strings.Join(ids, ",")
}

func reference(id string) string {
	return `{"@odata.id": "https://graph.microsoft.com/v1.0/directoryObjects/` + id + `"}`
}

func (a *tenant) members() string {
	out := ""
	for _, id := range a.Snapshot().Groups[0].Members {
		for name, value := range a.vars {
			if value == id {
				out += name
			}
		}
	}
	return out
}

func TestUsers(t *testing.T) {
	t.Parallel()
	a := school(t, 3, entra.Options{})
	without := func(name string) string { return strings.Replace(account("new"), `"`+name+`"`, `"@odata.x"`, 1) }
	change := func(name, value string) string { return `{"` + name + `": ` + value + `}` }
	const users, one = "/v1.0/users", "/v1.0/users/$0;"
	a.play([]scene{
		{"POST", users, without("accountEnabled"), 400, "accountEnabled"},
		{"POST", users, without("displayName"), 400, "displayName"},
		{"POST", users, without("mailNickname"), 400, "mailNickname"},
		{"POST", users, without("userPrincipalName"), 400, "userPrincipalName"},
		{"POST", users, without("passwordProfile"), 400, "passwordProfile"},
		{"POST", users, strings.Replace(account("new"), "long enough", "", 1), 400, "'password'"},
		{"POST", users, account("P0"), 400, "Another object with the same value for property userPrincipalName already exists."},
		{"POST", users, account("zoë"), 400, "userPrincipalName is invalid"},
		{"POST", users, strings.Replace(account("new"), "oakfield", "elmwood", 1), 400, "verified domain"},
		{"POST", users, strings.Replace(account("new"), `"displayName"`, `"nickName": "x", "displayName"`, 1), 400, "nickName"},
		{"POST", users, "", 400, "Unable to read JSON"},
		{"POST", users, "[]", 400, "Unable to read JSON"},
		{"POST", users, account("new") + "{}", 400, "Unable to read JSON"},
		{"PATCH", one, change("employeeId", `"12345678901234567"`), 400, "too long"},
		{"PATCH", one, change("employeeId", `"1234567890123456"`), 204, ""},
		{"PATCH", one, change("jobTitle", `""`), 400, "jobTitle"},
		{"PATCH", one, change("jobTitle", `7`), 400, "jobTitle"},
		{"PATCH", one, change("jobTitle", `"Dr"`), 204, ""},
		{"PATCH", one, change("id", `"x"`), 400, "read-only"},
		{"PATCH", one, change("displayName", `null`), 400, "displayName"},
		{"PATCH", one, change("userPrincipalName", `"p1@oakfield.example"`), 400, "already exists"},
		{"PATCH", one, change("businessPhones", `["1", 2]`), 400, "businessPhones"},
		{"PATCH", one, change("accountEnabled", `false`), 204, ""},
		{"PATCH", "/v1.0/users/x", change("accountEnabled", `false`), 404, "Resource 'x' does not exist or one of its queried reference-property objects are not present."},

		{"GET", one, "", 200, `"jobTitle":"Dr"`},
		{"GET", one + "?$select=id,employeeId,accountEnabled", "", 200, `{"accountEnabled":false,"employeeId":"1234567890123456","id":"$0;"}`},
		{"GET", one + "?$select=passwordProfile", "", 200, `"passwordProfile":null`},
		{"GET", one + "?$select=nickName", "", 400, "nickName"},
		{"GET", "/v1.0/users/P1@oakfield.example", "", 200, `"id":"$1;"`},
		{"GET", "/beta/users/p1@oakfield.example", "", 200, `"id":"$1;"`},
		{"GET", "/v1.0/users/p9@oakfield.example", "", 404, "Request_ResourceNotFound"},
		{"GET", "/v1.0/users/$g;", "", 404, ""},
		{"GET", users + "?$filter=employeeId eq 'E-p1'&$select=id", "", 200, `{"value":[{"id":"$1;"}]}`},
		{"GET", users + "?$filter=employeeId eq 'none'", "", 200, `{"value":[]}`},
		{"GET", users + "?$filter=employeeId in ('e-p1','e-p2')&$select=id", "", 200, `{"value":[{"id":"$1;"},{"id":"$2;"}]}`},
		{"GET", users + "?$filter=userPrincipalName eq 'p2@oakfield.example'&$select=id", "", 200, `{"value":[{"id":"$2;"}]}`},
		{"GET", users + "?$filter=startswith(displayName,'P') and accountEnabled eq false&$select=id", "", 200, `{"value":[{"id":"$0;"}]}`},
		{"GET", users + "?$filter=jobTitle eq 'Dr'", "", 400, "not supported"},
		{"GET", users + "?$search=x", "", 400, "$search"},
		{"GET", users + "?$top=1000", "", 400, "between 1 and 999"},
		{"GET", users + "?$skiptoken=x", "", 400, "page token"},

		{"DELETE", one, "", 204, ""},
		{"DELETE", one, "", 404, ""},
		{"GET", one, "", 404, ""},
		{"POST", users, account("p0"), 201, `"displayName":"p0"`}, // the name is free again
		{"PUT", one, "{}", 405, ""},
		{"GET", "/v1.0/devices", "", 404, ""},
	})
	got := a.want(200, "GET", one[:len("/v1.0/users/")]+"$1;", "")
	if _, shown := got.doc["employeeId"]; shown {
		t.Error("employeeId is shown unasked")
	}
	a.want(400, "POST", users, account("x"), "Content-Type", "text/plain")
	if diff := cmp.Diff([]string{a.vars["$0"]}, a.Snapshot().DeletedUsers); diff != "" {
		t.Error(diff)
	}
	for _, u := range a.Snapshot().Users {
		if u.Properties["passwordProfile"] != nil {
			t.Error("the password was kept")
		}
	}
}

func TestPages(t *testing.T) {
	t.Parallel()
	a := school(t, 5, entra.Options{PageSize: 2})
	a.want(204, "DELETE", "/v1.0/users/$1;", "")
	for _, c := range []struct {
		path string
		want []int
	}{
		{"/v1.0/users?$select=id", []int{2, 2}},
		{"/v1.0/users?$select=id&$top=3", []int{3, 1}},
		{"/v1.0/groups?$select=id", []int{1}},
		{"/v1.0/groups(uniqueName='g')/members?$select=id&$top=1", []int{1}},
	} {
		var got []int
		seen := map[string]bool{}
		for next := c.path; next != ""; {
			page := a.want(200, "GET", next, "")
			got = append(got, len(page.list()))
			for _, item := range page.list() {
				seen[item.(map[string]any)["id"].(string)] = true
			}
			next, _ = page.doc["@odata.nextLink"].(string)
		}
		total := 0
		for _, n := range c.want {
			total += n
		}
		if diff := cmp.Diff(c.want, got); diff != "" || len(seen) != total {
			t.Errorf("%s: %d %s", c.path, len(seen), diff)
		}
	}
	a.want(204, "PATCH", "/v1.0/groups/$g;", `{"members@odata.bind": [`+bind("$2;", "$3;", "$4;")+`]}`)
	got := a.want(200, "GET", "/v1.0/groups(uniqueName='g')/members?$select=id", "")
	got = a.want(200, "GET", got.doc["@odata.nextLink"].(string), "")
	if len(got.list()) != 2 || got.doc["@odata.nextLink"] != nil {
		t.Errorf("the second page of members: %s", got.raw)
	}
}

func TestGroups(t *testing.T) {
	t.Parallel()
	a := school(t, 3, entra.Options{})
	const groups, one, create = "/v1.0/groups", "/v1.0/groups/$g;", "create-if-missing"
	a.play([]scene{
		{"POST", groups, strings.Replace(group("x", ""), "displayName", "@odata.x", 1), 400, "displayName"},
		{"POST", groups, strings.Replace(group("x", ""), "mailEnabled", "@odata.x", 1), 400, "mailEnabled"},
		{"POST", groups, strings.Replace(group("x", ""), "mailNickname", "@odata.x", 1), 400, "mailNickname"},
		{"POST", groups, strings.Replace(group("x", ""), "securityEnabled", "@odata.x", 1), 400, "securityEnabled"},
		{"POST", groups, group("two words", ""), 400, "mailNickname"},
		{"POST", groups, group("x@y", ""), 400, "mailNickname"},
		{"POST", groups, group(strings.Repeat("x", 65), ""), 400, "mailNickname"},
		{"POST", groups, group("x", `, "uniqueName": "G"`), 400, "uniqueName already exists"},
		{"POST", groups, strings.Replace(group("x", ""), "true", "false", 1), 400, "mail-enabled or security-enabled"},
		{"POST", groups, strings.Replace(group("x", ""), "false", "true", 1), 400, "Only Microsoft 365"},
		{"POST", groups, group("x", `, "groupTypes": ["Unified"]`), 400, "Only Microsoft 365"},
		{"POST", groups, strings.Replace(group("x", `, "groupTypes": ["Unified"]`), "false", "true", 1), 201, `"mail":"x@sandbox.onmicrosoft.com"`},
		{"POST", groups, strings.Replace(group("X", `, "groupTypes": ["Unified"]`), "false", "true", 1), 400, "mailNickname already exists"},
		{"POST", groups, group("x", ""), 201, ""}, // aliases of security groups need not be unique
		{"PATCH", one, `{"uniqueName": "h"}`, 400, "cannot be changed"},
		{"PATCH", one, `{"uniqueName": null}`, 400, "cannot be changed"},
		{"PATCH", one, `{"displayName": null}`, 400, "displayName"},
		{"PATCH", one, `{"displayName": "Year 7"}`, 204, ""},
		{"GET", one + "?$select=displayName,uniqueName", "", 200, `{"displayName":"Year 7","id":"$g;","uniqueName":"g"}`},
		{"GET", groups + "?$filter=displayName eq 'year 7'&$select=id", "", 200, `{"value":[{"id":"$g;"}]}`},
		{"GET", groups + "?$filter=description eq 'x'", "", 400, "not supported"},
		{"GET", "/v1.0/groups(uniqueName='g')", "", 200, `"id":"$g;"`},
		{"GET", "/v1.0/groups/(uniqueName='g')", "", 200, `"id":"$g;"`},
		{"GET", "/v1.0/groups(uniqueName='none')", "", 404, ""},
		{"GET", "/v1.0/groups(uniqueName=g)", "", 400, "key"},
		{"GET", "/v1.0/groups(uniqueName='it's')", "", 400, "key"},
		{"GET", "/v1.0/groups(displayName='g')", "", 400, "key"},
		{"PATCH", "/v1.0/groups(uniqueName='none')", group("none", ""), 404, ""}, // no preference
		{"GET", "/v1.0/groups/$0;", "", 404, ""},
	})
	a.want(400, "PATCH", "/v1.0/groups(uniqueName='k')", `{"displayName": "x"}`, "Prefer", create)
	a.want(400, "PATCH", "/v1.0/groups(uniqueName='k')", group("k", `, "uniqueName": "other"`), "Prefer", create)
	made := a.want(201, "PATCH", "/v1.0/groups(uniqueName='a%2Fb''c')", group("k", `, "members@odata.bind": [`+bind("$0;", "$1;")+`]`), "Prefer", create)
	if made.doc["uniqueName"] != "a/b'c" {
		t.Errorf("made %s", made.raw)
	}
	a.want(204, "PATCH", "/v1.0/groups(uniqueName='a%2Fb''c')", `{"displayName": "K"}`, "Prefer", "return=minimal, "+create)
	a.want(200, "GET", "/v1.0/groups(uniqueName='a%2Fb''c')/members", "")
	a.want(204, "DELETE", "/v1.0/groups(uniqueName='a%2Fb''c')", "")
	a.want(404, "DELETE", "/v1.0/groups(uniqueName='a%2Fb''c')", "")
	a.want(201, "PATCH", "/v1.0/groups(uniqueName='a%2Fb''c')", group("k", ""), "Prefer", create)
	if diff := cmp.Diff([]string{made.doc["id"].(string)}, a.Snapshot().DeletedGroups); diff != "" {
		t.Error(diff)
	}
}

func TestMembers(t *testing.T) {
	t.Parallel()
	a := school(t, 23, entra.Options{})
	var twenty, more []string
	for i := range 21 {
		more = append(more, fmt.Sprintf("$%d;", i+1))
	}
	twenty = append(twenty, more[:20]...)
	const one, refs, exist = "/v1.0/groups/$g;", "/v1.0/groups/$g;/members/$ref", "One or more added object references already exist for the following modified properties: 'members'."
	a.play([]scene{
		{"PATCH", one, `{"members@odata.bind": [` + bind(more...) + `]}`, 400, "maximum of 20"},
		{"PATCH", one, `{"members@odata.bind": [` + bind("$1;", "$0;") + `]}`, 400, exist},
		{"PATCH", one, `{"members@odata.bind": [` + bind("$1;", "$1;") + `]}`, 400, exist},
		{"PATCH", one, `{"members@odata.bind": [` + bind("$1;", "nobody") + `]}`, 404, "Resource 'nobody' does not exist"},
		{"PATCH", one, `{"members@odata.bind": "x"}`, 400, "members@odata.bind"},
		{"PATCH", one, `{"members@odata.bind": ["$1;"]}`, 400, "Invalid reference"},
		{"PATCH", one, `{"managers@odata.bind": []}`, 400, "managers@odata.bind"},
	})
	if got := a.members(); got != "$0" {
		t.Errorf("not all or nothing: %s", got)
	}
	a.want(204, "PATCH", one, `{"members@odata.bind": [`+bind(twenty...)+`]}`)
	a.play([]scene{
		{"POST", refs, reference("$21;"), 204, ""},
		{"POST", refs, reference("$21;"), 400, exist},
		{"POST", refs, reference("nobody"), 404, "Resource 'nobody' does not exist"},
		{"POST", refs, reference("$g;"), 400, "cannot be a member"},
		{"POST", refs, `{}`, 400, "Invalid reference"},
		{"POST", "/v1.0/groups/none/members/$ref", reference("$1;"), 404, ""},
		{"DELETE", "/v1.0/groups/$g;/members/$21;/$ref", "", 204, ""},
		{"DELETE", "/v1.0/groups/$g;/members/$21;/$ref", "", 404, ""},
		{"DELETE", "/v1.0/groups/$g;/members/nobody/$ref", "", 404, ""},
		{"DELETE", refs, "", 405, ""},
	})
	if _, _, memberships := a.Counts(); memberships != 21 {
		t.Errorf("%d members", memberships)
	}
	if got := a.Snapshot().DeletedByMember; got != nil {
		t.Errorf("deleted %v", got)
	}
}

func TestDeletingAMemberWithoutRefDeletesTheUser(t *testing.T) {
	t.Parallel()
	a := school(t, 2, entra.Options{})
	a.want(404, "DELETE", "/v1.0/groups/$g;/members/$1;", "") // no member
	a.want(204, "DELETE", "/v1.0/groups/$g;/members/$0;", "")
	a.want(404, "GET", "/v1.0/users/$0;", "")
	s := a.Snapshot()
	if diff := cmp.Diff([]string{a.vars["$0"]}, s.DeletedByMember); diff != "" {
		t.Error(diff)
	}
	if n := a.Requests()[entra.MemberDeletes]; n != 2 || len(s.Groups[0].Members) != 0 {
		t.Errorf("%d requests, members %v", n, s.Groups[0].Members)
	}
	a = open(t, entra.Options{Clients: []entra.Client{{ID: appID, Secret: "s", Roles: []string{entra.RoleGroupWrite}}}})
	a.want(403, "DELETE", "/v1.0/groups/x/members/y", "")
}

func TestMemberPermission(t *testing.T) {
	t.Parallel()
	a := open(t, entra.Options{Clients: []entra.Client{
		{ID: appID, Secret: "s", Roles: entra.AllRoles()}, {ID: "members", Secret: "s", Roles: []string{entra.RoleMemberWrite}},
	}})
	a.vars["$0"] = a.person(0)
	a.want(201, "POST", "/v1.0/groups", group("g", `, "uniqueName": "g"`))
	a.token = a.signIn(a.Clients()[1])
	const one = "/v1.0/groups(uniqueName='g')"
	a.want(403, "PATCH", one, `{"displayName": "h"}`)
	a.want(403, "PATCH", one, `{"displayName": "h", "members@odata.bind": [`+bind("$0;")+`]}`)
	a.want(204, "PATCH", one, `{"members@odata.bind": [`+bind("$0;")+`]}`)
	a.want(403, "PATCH", "/v1.0/groups(uniqueName='new')", group("new", ""), "Prefer", "create-if-missing")
}

func TestNestedGroups(t *testing.T) {
	t.Parallel()
	a := school(t, 1, entra.Options{})
	a.vars["$h"] = a.want(201, "POST", "/v1.0/groups", group("h", `, "members@odata.bind": ["https://graph.microsoft.com/v1.0/groups/$g;"]`)).doc["id"].(string)
	got := a.want(200, "GET", "/v1.0/groups/$h;/members", "")
	if member := got.list()[0].(map[string]any); member["@odata.type"] != "#microsoft.graph.group" || member["displayName"] != "g" {
		t.Errorf("members %s", got.raw)
	}
	a.wantRound("/v1.0/groups/delta", "$g g +$0", "$h h +$g")
	a.want(204, "DELETE", "/v1.0/groups/$g;", "")
	if got := a.want(200, "GET", "/v1.0/groups/$h;/members", ""); len(got.list()) != 0 {
		t.Errorf("members %s", got.raw)
	}
}

func TestClasses(t *testing.T) {
	t.Parallel()
	a := school(t, 1, entra.Options{})
	const path = "/v1.0/education/classes"
	class := `{"@odata.type": "#microsoft.graph.educationClass", "displayName": "7X Maths", "mailNickname": "7x", "classCode": "7X", "externalId": "c1", "externalSource": "sis", "term": {"externalId": "t1"}}`
	a.play([]scene{
		{"POST", path, `{"displayName": "x"}`, 400, "mailNickname"},
		{"POST", path, strings.Replace(class, "sis", "csv", 1), 400, "externalSource"},
		{"POST", path, strings.Replace(class, "classCode", "colour", 1), 400, "colour"},
		{"POST", path, strings.Replace(class, `"7x"`, `"7 x"`, 1), 400, "mailNickname"},
		{"GET", path + "/$g;", "", 404, ""},
	})
	made := a.want(201, "POST", path, class)
	a.vars["$c"] = made.doc["id"].(string)
	if made.doc["classCode"] != "7X" || made.doc["@odata.type"] != "#microsoft.graph.educationClass" {
		t.Errorf("made %s", made.raw)
	}
	a.play([]scene{
		{"POST", path, class, 400, "mailNickname already exists"},
		{"GET", path + "/$c;", "", 200, `"externalId":"c1"`},
		{"GET", "/v1.0/groups/$c;", "", 200, `"groupTypes":["Unified"]`},
		{"POST", "/v1.0/groups/$c;/members/$ref", reference("$0;"), 204, ""},
		{"POST", "/v1.0/groups/$c;/members/$ref", reference("$g;"), 400, "cannot be a member"},
	})
	if g := a.Snapshot().Groups[1]; !g.Class || !g.Unified || len(g.Members) != 1 {
		t.Errorf("the class: %+v", g)
	}
}
