package entra_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"simscim/sandbox/entra"
)

const logPath = "/v1.0/auditLogs/provisioning"

func ids(list []any) []string {
	out := []string{}
	for _, item := range list {
		out = append(out, item.(map[string]any)["sourceIdentity"].(map[string]any)["id"].(string))
	}
	return out
}

func TestLogFilters(t *testing.T) {
	t.Parallel()
	a := open(t, entra.Options{Limits: entra.Limits{LogReads: -1}})
	a.upload(newcomer("1"), record("B2", ""))
	a.clock.Advance(time.Minute)
	a.upload(newcomer("3"))
	a.clock.Advance(time.Hour)
	for _, c := range []struct {
		filter string
		want   []string
	}{
		{"", []string{"3", "B2", "1"}}, // newest first
		{"jobid eq '$job;'", []string{"3", "B2", "1"}},
		{"jobId eq '$job;' and provisioningStatusInfo/status eq 'failure'", []string{"B2"}},
		{"provisioningStatusInfo/status eq 'Failure'", []string{}}, // by case
		{"jobid eq 'x'", []string{}},
		{"sourceIdentity/id eq 'B2'", []string{"B2"}},
		{"sourceIdentity/id eq 'b2'", []string{}},
		{"contains(sourceIdentity/id, 'B')", []string{"B2"}},
		{"activityDateTime gt 2026-09-01T08:01:00Z", []string{"3"}},
		{"activityDateTime ge 2026-09-01T08:01:00Z", []string{"3", "B2", "1"}},
		{"activityDateTime lt 2026-09-01T08:02:00Z and provisioningAction eq 'create'", []string{"B2", "1"}},
		{"sourceIdentity/id eq 'O''Brien'", []string{}},
	} {
		got := a.want(200, "GET", logPath+"?$filter="+c.filter, "")
		if diff := cmp.Diff(c.want, ids(got.list())); diff != "" {
			t.Errorf("%s: %s", c.filter, diff)
		}
	}
	for _, bad := range []string{
		"jobid", "jobid eq", "jobid eq 'x", "jobid eq 'x' or jobid eq 'y'", "jobid eq 'x' and", "jobid ne 'x'", "password eq 'x'", "statusInfo/status eq 'x'",
		"activityDateTime gt '2026-09-01T08:01:00Z'", "activityDateTime gt yesterday", "activityDateTime le 2026-09-01T08:01:00Z", "contains(jobid)",
		"jobid eq 'x' jobid eq 'y'", "( jobid eq 'x' )", "jobid in ('x')", "', '", "contains(jobid, 'x') )", "'jobid' eq 'x'", strings.Repeat("jobid eq 'x' and ", 600) + "jobid eq 'x'",
	} {
		a.want(400, "GET", logPath+"?$filter="+bad, "")
	}
	for _, bad := range []string{"$top=0", "$top=1001", "$top=x", "$skiptoken=x", "$skiptoken=1.-1", "$orderby=id", "$select=id", "$count=true"} {
		a.want(400, "GET", logPath+"?"+bad, "")
	}
	got := a.want(200, "GET", strings.Replace(logPath, "v1.0", "beta", 1)+"?$filter=statusInfo/status eq 'failure'", "").list()
	if diff := cmp.Diff([]string{"B2"}, ids(got)); diff != "" {
		t.Error(diff)
	}
	if doc := got[0].(map[string]any); doc["action"] != "create" || doc["statusInfo"] == nil || doc["provisioningStatusInfo"] != nil {
		t.Errorf("beta: %v", doc)
	}
}

func TestLogEntry(t *testing.T) {
	t.Parallel()
	a := open(t, entra.Options{})
	a.upload(newcomer("1"))
	a.Settle()
	a.upload(record("1", `, "title": "Dr"`), record("2", ""))
	a.Settle()
	list := a.want(200, "GET", logPath+"?$orderby=activityDateTime asc", "").list()
	user := a.Snapshot().Users[0]
	update, failure := list[1].(map[string]any), list[2].(map[string]any)
	want := map[string]any{
		"activityDateTime": "2026-09-01T08:00:00Z", "tenantId": a.Tenant(), "jobId": a.vars["$job"], "provisioningAction": "update",
		"provisioningStatusInfo": map[string]any{"status": "success", "errorInformation": nil},
		"modifiedProperties":     []any{map[string]any{"displayName": "jobTitle", "oldValue": nil, "newValue": "Dr"}},
		"sourceIdentity":         map[string]any{"id": "1", "displayName": "", "identityType": "User", "details": map[string]any{}},
		"targetIdentity":         map[string]any{"id": user.ID, "displayName": "Person 1", "identityType": "User", "details": map[string]any{}},
	}
	got := map[string]any{}
	for name := range want {
		got[name] = update[name]
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	wantError := map[string]any{
		"errorCode": "AzureActiveDirectoryInvalidValue", "reason": "A value is required for property 'userPrincipalName' of resource.",
		"additionalDetails": nil, "errorCategory": "nonServiceFailure", "recommendedAction": nil,
	}
	if diff := cmp.Diff(wantError, failure["provisioningStatusInfo"].(map[string]any)["errorInformation"]); diff != "" {
		t.Error(diff)
	}
	if failure["targetIdentity"].(map[string]any)["id"] != "" || failure["cycleId"] != update["cycleId"] || failure["changeId"] == update["changeId"] {
		t.Errorf("the failure: %v", failure)
	}
}

func TestLogPages(t *testing.T) {
	t.Parallel()
	a := open(t, entra.Options{Limits: entra.Limits{LogReads: -1}})
	var records, want []string
	for i := range 7 {
		records = append(records, newcomer(fmt.Sprint(i)))
		want = append([]string{fmt.Sprint(i)}, want...)
	}
	a.upload(records...)
	a.clock.Advance(time.Hour)
	var got []string
	next := logPath + "?$top=3&$filter=jobid eq '$job;'"
	for pages := 0; next != ""; pages++ {
		page := a.want(200, "GET", next, "")
		got = append(got, ids(page.list())...)
		next, _ = page.doc["@odata.nextLink"].(string)
		if pages == 0 { // what arrives meanwhile moves nothing
			a.upload(newcomer("8"))
			a.clock.Advance(time.Hour)
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestLogLimit(t *testing.T) {
	t.Parallel()
	a := open(t, entra.Options{Clients: []entra.Client{
		{ID: appID, Secret: "s", Roles: entra.AllRoles()},
		{ID: strings.Replace(appID, "1", "2", 1), Secret: "s", Roles: []string{entra.RoleAuditLog}},
	}})
	for range 5 {
		a.want(200, "GET", logPath, "")
	}
	if got := a.want(429, "GET", logPath, ""); got.header.Get("Retry-After") != "" || !strings.Contains(got.raw, "TooManyRequests") {
		t.Errorf("at the limit: %v %s", got.header, got.raw)
	}
	first := a.token
	a.token = a.signIn(a.Clients()[1])
	a.want(200, "GET", logPath, "") // the limit is each client's own
	a.token = first
	a.clock.Advance(10 * time.Second)
	a.want(200, "GET", logPath, "")
}
