package entra_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"simscim/sandbox/entra"
	"simscim/scim"
)

// record is an operation of a bulk request; more is added to its data.
func record(id, more string) string {
	return `{"method": "POST", "bulkId": "` + id + `", "path": "/Users", "data": {"schemas": ["` + scim.UserURN + `", "` + scim.EnterpriseURN + `"], "externalId": "` + id + `"` + more + `}}`
}

func newcomer(id string) string {
	return record(id, `, "userName": "`+id+`@oakfield.example", "displayName": "Person `+id+`", "active": true`)
}

func bulk(records ...string) string {
	return `{"schemas": ["` + scim.BulkRequestURN + `"], "Operations": [` + strings.Join(records, ",") + `], "failOnErrors": null}`
}

func (a *tenant) upload(records ...string) answer {
	a.t.Helper()
	return a.want(202, "POST", "$jobs;/bulkUpload", bulk(records...))
}

// statuses are the log's entries as "externalId action status code", oldest first.
func (a *tenant) statuses() []string {
	a.t.Helper()
	var out []string
	for _, item := range a.want(200, "GET", "/v1.0/auditLogs/provisioning?$orderby=activityDateTime&$filter=jobid eq '$job;'", "").list() {
		doc := item.(map[string]any)
		info := doc["provisioningStatusInfo"].(map[string]any)
		line := fmt.Sprint(doc["sourceIdentity"].(map[string]any)["id"], " ", doc["provisioningAction"], " ", info["status"])
		if e, ok := info["errorInformation"].(map[string]any); ok {
			line += fmt.Sprint(" ", e["errorCode"])
		}
		out = append(out, line)
	}
	return out
}

func (a *tenant) wantLog(want ...string) {
	a.t.Helper()
	if diff := cmp.Diff(want, a.statuses()); diff != "" {
		a.t.Error(diff)
	}
}

func TestUploadRefusals(t *testing.T) {
	t.Parallel()
	a := open(t, entra.Options{Limits: entra.Limits{Uploads: -1}})
	many := func(n int) string {
		var list []string
		for i := range n {
			list = append(list, newcomer(fmt.Sprint(i)))
		}
		return bulk(list...)
	}
	one := newcomer("1")
	const at = "$jobs;/bulkUpload"
	a.play([]scene{
		{"POST", at, "", 400, "Invalid Data Format"},
		{"POST", at, "[]", 400, "Invalid Data Format"},
		{"POST", at, bulk(), 400, "1 to 50"},
		{"POST", at, many(51), 400, "1 to 50"},
		{"POST", at, many(50), 202, ""},
		{"POST", at, strings.Replace(bulk(one), "BulkRequest", "Other", 1), 400, "schemas"},
		{"POST", at, bulk(strings.Replace(one, `"POST"`, `"PATCH"`, 1)), 400, "not POST"},
		{"POST", at, bulk(strings.Replace(one, `/Users`, `/Groups`, 1)), 400, "not /Users"},
		{"POST", at, bulk(strings.Replace(one, `/Users`, `/users`, 1)), 202, ""},
		{"POST", at, bulk(one, one), 400, "bulkId"},
		{"POST", at, bulk(strings.Replace(one, `externalId`, `xId`, 1)), 400, "externalId"},
		{"POST", at, bulk(strings.Replace(one, `"externalId": "1"`, `"externalId": 1`, 1)), 400, "externalId"},
		{"POST", at, bulk(strings.Replace(one, `"data"`, `"x"`, 1)), 400, "externalId"},
		{"GET", at, "", 405, ""},
		{"POST", strings.Replace(at, ";", ";x", 1), bulk(one), 404, "Request_ResourceNotFound"},
		{"POST", "/v1.0/servicePrincipals/x/synchronization/jobs/$job;/bulkUpload", bulk(one), 404, ""},
	})
	a.want(400, "POST", at, bulk(one), "Content-Type", "application/json")
	a.want(400, "POST", at, bulk(one), "Content-Type", "application/scim+json; charset=utf-8")
	a.want(401, "POST", at, bulk(one), "Authorization", "Bearer x")
	a.want(413, "POST", at, strings.Repeat(" ", 5<<20))
	got := a.upload(one)
	want := "/v1.0/auditLogs/provisioning/?$filter=jobid%20eq%20%27" + a.vars["$job"] + "%27"
	if !strings.HasSuffix(strings.ReplaceAll(got.header.Get("Location"), "'", "%27"), want) || got.raw != "" || got.header.Get("request-id") == "" {
		t.Errorf("the answer: %v %q", got.header, got.raw)
	}
	a.want(200, "GET", got.header.Get("Location"), "")
}

func TestPermissions(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		role string
		want []int // upload, log, job, create a group, change it
	}{
		{entra.RoleUpload, []int{202, 403, 403, 403, 403}},
		{entra.RoleUploadOwned, []int{202, 403, 403, 403, 403}},
		{entra.RoleLog, []int{403, 200, 403, 403, 403}},
		{entra.RoleSync, []int{403, 403, 200, 403, 403}},
		{entra.RoleGroupCreate, []int{403, 403, 403, 201, 403}},
		{entra.RoleGroupWrite, []int{403, 403, 403, 201, 204}},
		{entra.RoleMemberWrite, []int{403, 403, 403, 403, 404}},
	} {
		a := open(t, entra.Options{Clients: []entra.Client{{ID: appID, Secret: "s", Roles: []string{c.role}}}})
		var got []int
		for _, r := range []scene{
			{"POST", "$jobs;/bulkUpload", bulk(newcomer("1")), 0, ""},
			{"GET", "/v1.0/auditLogs/provisioning", "", 0, ""},
			{"GET", "$jobs;", "", 0, ""},
			{"POST", "/v1.0/groups", group("g", `, "uniqueName": "g"`), 0, ""},
			{"PATCH", "/v1.0/groups(uniqueName='g')", `{"displayName": "h"}`, 0, ""},
		} {
			got = append(got, a.must(r.method, r.path, r.body).status)
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s: %s", c.role, diff)
		}
	}
}

func TestProcessing(t *testing.T) {
	t.Parallel()
	a := open(t, entra.Options{})
	a.upload(newcomer("1"), newcomer("2"))
	a.clock.Advance(time.Minute - time.Second)
	if users, _, _ := a.Counts(); users != 0 {
		t.Fatal("processed too early")
	}
	a.clock.Advance(time.Second)
	if users, _, _ := a.Counts(); users != 2 {
		t.Fatal("not processed in time")
	}
	a.wantLog()
	a.clock.Advance(5 * time.Minute)
	a.wantLog("1 create success", "2 create success")
	a.upload(
		record("1", `, "title": "Dr", "active": true`), // an update leaves the rest alone
		record("2", `, "active": false`),
		newcomer("3"),
	)
	a.clock.Advance(time.Minute)
	var got []string
	for _, u := range a.Snapshot().Users {
		got = append(got, fmt.Sprint(u.EmployeeID, u.Enabled, u.DisplayName, u.Properties["jobTitle"]))
	}
	if diff := cmp.Diff([]string{"1truePerson 1Dr", "2falsePerson 2<nil>", "3truePerson 3<nil>"}, got); diff != "" {
		t.Error(diff)
	}
	a.clock.Advance(time.Hour)
	a.wantLog("1 create success", "2 create success", "1 update success", "2 update success", "3 create success")
}

func TestWhatBecomesOfRecords(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 17)
	named := func(id, name string) string {
		return record(id, `, "userName": "`+name+`", "displayName": "x"`)
	}
	for _, c := range []struct {
		name   string
		record string
		want   string
	}{
		{"create", newcomer("9"), "9 create success"},
		{"update", record("1", `, "title": "Dr"`), "1 update success"},
		{"disable", record("1", `, "active": false`), "1 update success"},
		{"nothing new", newcomer("1"), "1 other skipped RedundantExport"},
		{"no change of what was never set", record("1", `, "title": null`), "1 other skipped RedundantExport"},
		{"names in any case", strings.Replace(newcomer("9"), "userName", "username", 1), "9 create success"},
		{"taken name", named("9", "P1@oakfield.example"), "9 create success"},
		{"taken name in other case", named("9", "1@OAKFIELD.example"), "9 create failure AzureActiveDirectoryDuplicateUserPrincipalName"},
		{"rename to a taken name", record("2", `, "userName": "1@oakfield.example"`), "2 update failure AzureActiveDirectoryDuplicateUserPrincipalName"},
		{"accent", named("9", "zoë@oakfield.example"), "9 create failure AzureActiveDirectoryInvalidUserPrincipalName"},
		{"space", named("9", "z o@oakfield.example"), "9 create failure AzureActiveDirectoryInvalidUserPrincipalName"},
		{"no suffix", named("9", "zo"), "9 create failure AzureActiveDirectoryInvalidUserPrincipalName"},
		{"unverified domain", named("9", "zo@elmwood.example"), "9 create failure AzureActiveDirectoryDomainNotFound"},
		{"initial domain", named("9", "zo@sandbox.onmicrosoft.com"), "9 create success"},
		{"no user name", record("9", `, "displayName": "x"`), "9 create failure AzureActiveDirectoryInvalidValue"},
		{"no display name", record("9", `, "userName": "z@oakfield.example"`), "9 create failure AzureActiveDirectoryInvalidValue"},
		{"clears what is required", record("1", `, "displayName": ""`), "1 update failure AzureActiveDirectoryInvalidValue"},
		{"active that is text", record("9", `, "userName": "z@oakfield.example", "displayName": "x", "active": "False"`), "9 create failure AzureActiveDirectoryInvalidValue"},
		{"too long an id", newcomer(long), long + " create failure AzureActiveDirectoryInvalidValue"},
		{"custom schema", record("1", `, "urn:school:pupil": {"house": "Red"}`), "1 update success"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			a := open(t, entra.Options{})
			a.upload(newcomer("1"), newcomer("2"))
			a.Settle()
			a.upload(c.record)
			a.Settle()
			a.wantLog("1 create success", "2 create success", c.want)
		})
	}
}

func TestAccountAfterUploads(t *testing.T) {
	t.Parallel()
	a := open(t, entra.Options{})
	a.upload(record("1", `, "userName": "one@oakfield.example", "displayName": "One", "name": {"givenName": "O", "familyName": "Ne"}, "title": "Ms",
		"emails": [{"type": "home", "value": "h@x.example"}, {"type": "work", "value": "w@x.example"}], "phoneNumbers": [{"type": "mobile", "value": "0"}],
		"addresses": [{"type": "work", "locality": "Leeds"}], "urn:school:pupil": {"house": "Red"},
		"`+scim.EnterpriseURN+`": {"department": "Maths", "organization": "Oakfield"}`))
	a.Settle()
	a.upload(record("1", `, "title": "", "active": false, "`+scim.EnterpriseURN+`": {"department": null}`))
	a.Settle()
	got := a.Snapshot().Users
	want := []entra.User{{
		ID: got[0].ID, EmployeeID: "1", UserPrincipalName: "one@oakfield.example", DisplayName: "One",
		Properties: map[string]any{
			"employeeId": "1", "userPrincipalName": "one@oakfield.example", "mailNickname": "one", "displayName": "One", "givenName": "O", "surname": "Ne",
			"mail": "w@x.example", "mobilePhone": "0", "city": "Leeds", "companyName": "Oakfield", "accountEnabled": false,
		},
		Custom: map[string]any{"urn:school:pupil": map[string]any{"house": "Red"}},
	}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if w := a.Snapshot().Warnings; w != nil {
		t.Error(w)
	}
	a.upload(strings.Replace(record("1", ""), scim.EnterpriseURN, "urn:school:pupil", 1))
	if w := a.Snapshot().Warnings; len(w) != 1 {
		t.Errorf("warnings %q", w)
	}
}

func TestSeveralMatches(t *testing.T) {
	t.Parallel()
	a := open(t, entra.Options{})
	a.want(201, "POST", "/v1.0/users", account("p1"))
	a.want(201, "POST", "/v1.0/users", strings.Replace(account("p2"), "e-p2", "E-P1", 1))
	a.upload(newcomer("e-p1"))
	a.Settle()
	a.wantLog("e-p1 other failure AzureActiveDirectoryMultipleMatches")
}

func TestManagers(t *testing.T) {
	t.Parallel()
	manager := func(id, of string) string {
		return record(id, `, "userName": "`+id+`@oakfield.example", "displayName": "x", "`+scim.EnterpriseURN+`": {"manager": {"value": "`+of+`"}}`)
	}
	a := open(t, entra.Options{})
	managers := func() string {
		ids, out := map[string]string{"": "-"}, ""
		users := a.Snapshot().Users
		for _, u := range users {
			ids[u.ID] = u.EmployeeID
		}
		for _, u := range users {
			out += u.EmployeeID + ":" + ids[u.Manager] + " "
		}
		return out
	}
	a.upload(manager("1", "2"), manager("2", "3"))
	a.Settle()
	if got := managers(); got != "1:2 2:- " {
		t.Errorf("together: %s", got)
	}
	a.upload(newcomer("3"))
	a.Settle()
	if got := managers(); got != "1:2 2:3 3:- " {
		t.Errorf("late: %s", got)
	}
	a.wantLog("1 create success", "2 create success", "1 update success", "3 create success", "2 update success")
	a.upload(manager("1", ""))
	a.upload(manager("2", "3"))
	a.Settle()
	if got := managers(); got != "1:- 2:3 3:- " {
		t.Errorf("cleared: %s", got)
	}
}

func TestJobStates(t *testing.T) {
	t.Parallel()
	a := open(t, entra.Options{Jobs: 2})
	id := a.vars["$job"]
	code := func() string {
		status := a.want(200, "GET", "$jobs;", "").doc["status"].(map[string]any)
		reason := ""
		if q, ok := status["quarantine"].(map[string]any); ok {
			reason = " " + q["reason"].(string)
		}
		return status["code"].(string) + reason
	}
	wait := func(users int) {
		t.Helper()
		a.clock.Advance(time.Hour)
		if got, _, _ := a.Counts(); got != users {
			t.Errorf("%d users, want %d", got, users)
		}
	}
	a.Pause(id)
	a.upload(newcomer("1"))
	wait(0)
	a.wantLog()
	if got := code(); got != "Paused" {
		t.Error(got)
	}
	a.Start(id)
	wait(1)
	a.wantLog("1 create success")
	a.Quarantined(id, "EncounteredQuarantineException")
	if got := code(); got != "Quarantine EncounteredQuarantineException" {
		t.Error(got)
	}
	a.upload(newcomer("2"))
	wait(1)
	if got := a.Jobs()[0].Staged; got != 1 {
		t.Errorf("%d staged", got)
	}
	a.Restart(id)
	wait(1)
	if got := code(); got != "Active" {
		t.Error(got)
	}
	a.upload(newcomer("2"))
	wait(2)
	if got := a.want(200, "GET", "$jobs;", "").doc["status"].(map[string]any)["lastSuccessfulExecution"]; got == nil {
		t.Error("there is no last execution")
	}
	other := a.Jobs()[1]
	a.want(404, "GET", "/v1.0/servicePrincipals/"+other.ServicePrincipal+"/synchronization/jobs/"+id, "")
}

func TestSchemaOfAJob(t *testing.T) {
	t.Parallel()
	for most, want := range map[int]string{0: "employeeId", 64: "extensionAttribute1"} {
		a := open(t, entra.Options{EmployeeIDMax: most})
		rule := a.want(200, "GET", "$jobs;/schema", "").doc["synchronizationRules"].([]any)[0].(map[string]any)
		object := rule["objectMappings"].([]any)[0].(map[string]any)
		first := object["attributeMappings"].([]any)[0].(map[string]any)
		if source := first["source"].(map[string]any)["expression"]; first["targetAttributeName"] != want || source != "[externalId]" || first["matchingPriority"] != 1.0 {
			t.Errorf("with %d characters the app maps %v", most, first)
		}
	}
	a := open(t, entra.Options{Clients: []entra.Client{{ID: "c", Secret: "s", Roles: []string{entra.RoleUpload}}}})
	a.want(403, "GET", "$jobs;/schema", "")
	a = open(t, entra.Options{})
	a.want(404, "GET", "/v1.0/servicePrincipals/x/synchronization/jobs/$job;/schema", "")
}

func TestUploadLimits(t *testing.T) {
	t.Parallel()
	a := open(t, entra.Options{Limits: entra.Limits{Uploads: 2, UploadsPerDay: 4}})
	const at = "$jobs;/bulkUpload"
	a.upload(newcomer("1"))
	a.clock.Advance(2 * time.Second)
	a.upload(newcomer("2"))
	if got := a.want(429, "POST", at, bulk(newcomer("3"))); got.header.Get("Retry-After") != "3" {
		t.Errorf("Retry-After %q", got.header.Get("Retry-After"))
	}
	a.SetFaults(entra.Faults{NoRetryAfter: true})
	if got := a.want(429, "POST", at, bulk(newcomer("3"))); got.header.Get("Retry-After") != "" {
		t.Error("Retry-After is there")
	}
	a.SetFaults(entra.Faults{})
	a.clock.Advance(3 * time.Second)
	a.upload(newcomer("3"))
	a.clock.Advance(5 * time.Second)
	a.upload(newcomer("4"))
	a.clock.Advance(5 * time.Second)
	if got := a.want(429, "POST", at, bulk(newcomer("5"))); got.header.Get("Retry-After") != "86385" {
		t.Errorf("Retry-After %q", got.header.Get("Retry-After"))
	}
	a.clock.Advance(24*time.Hour - 15*time.Second)
	a.upload(newcomer("5"))
	if n := a.Requests()[entra.Uploads]; n != 8 {
		t.Errorf("%d uploads counted", n)
	}
}

func TestDocumentedUploadLimit(t *testing.T) {
	t.Parallel()
	a := open(t, entra.Options{})
	for i := range 40 {
		a.upload(newcomer(fmt.Sprint(i)))
	}
	a.want(429, "POST", "$jobs;/bulkUpload", bulk(newcomer("x")))
}

func TestUploadKeepsTheAliasOfAnAccount(t *testing.T) {
	t.Parallel()
	a := open(t, entra.Options{})
	a.want(201, "POST", "/v1.0/users", strings.Replace(account("p1"), `"mailNickname": "p1"`, `"mailNickname": "other"`, 1))
	a.upload(record("e-p1", `, "userName": "new@oakfield.example"`))
	a.Settle()
	u := a.Snapshot().Users[0]
	if u.UserPrincipalName != "new@oakfield.example" || u.Properties["mailNickname"] != "other" {
		t.Errorf("the account: %+v", u)
	}
}
