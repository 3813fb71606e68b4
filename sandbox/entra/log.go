package entra

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// entry is one of the provisioning log. It is kept small: a first load of a trust leaves
// a hundred thousand.
type entry struct {
	seen, at                      time.Time
	id, change, cycle             string
	job                           *job
	source, target, targetName    string
	action, status                string
	code, reason, category, final string
	changes                       []modified
}

// modified is a property that changed.
type modified struct {
	Name string `json:"displayName"`
	Old  any    `json:"oldValue"`
	New  any    `json:"newValue"`
}

func (s *Service) newEntry(j *job, externalID string, at time.Time) *entry {
	e := &entry{id: s.newID(), change: s.newID(), cycle: j.cycle, job: j, source: externalID, at: at, seen: at.Add(s.options.LogAfter)}
	s.log = append(s.log, e)
	return e
}

func (e *entry) succeed(action string) { e.finish(action, "success") }

func (e *entry) finish(action, status string) {
	e.action, e.status, e.final = action, status, "EntryExportUpdate"
	if action == "create" {
		e.final = "EntryExportAdd"
	}
}

// skip is for a record that changes nothing.
func (e *entry) skip() {
	e.finish("other", "skipped")
	e.code, e.reason, e.category = "RedundantExport", "The state of the entry in both systems is the same.", "none"
}

func (e *entry) fail(action, code, reason string) {
	e.finish(action, "failure")
	e.code, e.reason, e.category = code, reason, "nonServiceFailure"
}

func (e *entry) onto(o *object) { e.target, e.targetName = o.id, o.text("displayName") }

func (e *entry) modify(name string, before, after any) {
	shown := func(v any) any {
		if v == nil || v == "" {
			return nil
		}
		return fmt.Sprint(v)
	}
	e.changes = append(e.changes, modified{name, shown(before), shown(after)})
}

func (e *entry) modifyAll(before, changed map[string]any) {
	for _, name := range slices.Sorted(maps.Keys(changed)) {
		e.modify(name, before[name], changed[name])
	}
}

// value is what a filter's path leads to, in any case.
func (e *entry) value(path string) string {
	switch strings.ToLower(path) {
	case "id":
		return e.id
	case "activitydatetime":
		return stampOf(e.at)
	case "jobid":
		return e.job.id
	case "cycleid":
		return e.cycle
	case "changeid":
		return e.change
	case "sourceidentity/id":
		return e.source
	case "targetidentity/id":
		return e.target
	case "targetidentity/displayname":
		return e.targetName
	case "provisioningaction":
		return e.action
	default: // the status, by the name of either version
		return e.status
	}
}

// shown is the entry as a document, with the names of the version.
func (c *call) shown(e *entry) map[string]any {
	none := map[string]any{}
	identity := func(id, name string) map[string]any {
		return map[string]any{"id": id, "displayName": name, "identityType": "User", "details": none}
	}
	system := func(id, name string) map[string]any {
		return map[string]any{"id": id, "displayName": name, "details": none}
	}
	step := func(name, kind, status string) map[string]any {
		return map[string]any{"name": name, "provisioningStepType": kind, "status": status, "description": "", "details": none}
	}
	var information any
	if e.code != "" {
		information = map[string]any{
			"errorCode": e.code, "reason": e.reason, "additionalDetails": nil, "errorCategory": e.category, "recommendedAction": nil,
		}
	}
	action, status := "provisioningAction", "provisioningStatusInfo"
	if c.version == "beta" {
		action, status = "action", "statusInfo"
	}
	const app = "API-driven provisioning to Microsoft Entra ID"
	return map[string]any{
		"id": e.id, "activityDateTime": stampOf(e.at), "tenantId": c.options.Tenant, "jobId": e.job.id, "cycleId": e.cycle, "changeId": e.change,
		"durationInMilliseconds": 40, action: e.action, status: map[string]any{"status": e.status, "errorInformation": information},
		"sourceIdentity": identity(e.source, ""), "targetIdentity": identity(e.target, e.targetName),
		"sourceSystem": system(e.job.principal, "API"), "targetSystem": system(c.options.Tenant, "Microsoft Entra ID"),
		"servicePrincipal":   map[string]any{"id": e.job.principal, "displayName": app},
		"initiatedBy":        map[string]any{"id": "", "displayName": "Azure AD Provisioning Service", "initiatorType": "system"},
		"modifiedProperties": append([]modified{}, e.changes...),
		"provisioningSteps": []any{
			step("EntryImportAdd", "import", "success"), step("EntrySynchronizationAdd", "matching", "success"), step(e.final, "export", e.status),
		},
	}
}

// readLog shows what has reached the log. Texts compare by case here.
func (c *call) readLog() (reply, error) {
	if err := c.only("$filter", "$orderby", "$top", "$skiptoken"); err != nil {
		return reply{}, err
	}
	filter, err := parseFilter(c.query.Get("$filter"), c.logOperators)
	if err != nil {
		return reply{}, err
	}
	top, err := c.top(1000)
	if err != nil {
		return reply{}, err
	}
	asOf, from, err := c.logPage()
	if err != nil {
		return reply{}, err
	}
	var found []*entry
	for _, e := range c.log {
		if !e.seen.After(asOf) && e.meets(filter) {
			found = append(found, e)
		}
	}
	if err := c.orderLog(found); err != nil {
		return reply{}, err
	}
	body, page := map[string]any{}, []any{}
	for _, e := range found[min(from, len(found)):min(from+top, len(found))] {
		page = append(page, c.shown(e))
	}
	if from+top < len(found) {
		body["@odata.nextLink"] = c.next(fmt.Sprintf("%d.%d", asOf.UnixNano(), from+top))
	}
	body["value"] = page
	return reply{status: http.StatusOK, body: body}, nil
}

// logOperators are the documented ones, and "ge", which Microsoft's own samples use.
func (c *call) logOperators(path string) []string {
	status := "provisioningstatusinfo/status"
	if c.version == "beta" {
		status = "statusinfo/status"
	}
	switch strings.ToLower(path) {
	case "activitydatetime":
		return []string{"eq", "gt", "lt", "ge"}
	case "id", "jobid", "cycleid", "changeid", "sourceidentity/id", "targetidentity/id", "targetidentity/displayname", "provisioningaction", status:
		return []string{"eq", "contains"}
	default:
		return nil
	}
}

// logPage is the moment that the first page was asked for, so that what arrives later
// moves nothing, and how many entries were seen.
func (c *call) logPage() (asOf time.Time, from int, err error) {
	token := c.query.Get("$skiptoken")
	if token == "" {
		return c.at, 0, nil
	}
	moment, offset, _ := strings.Cut(token, ".")
	n, err1 := strconv.ParseInt(moment, 10, 64)
	from, err2 := strconv.Atoi(offset)
	if err1 != nil || err2 != nil || from < 0 {
		return time.Time{}, 0, badRequest("The specified page token value has expired or is not valid.")
	}
	return time.Unix(0, n), from, nil
}

func (c *call) orderLog(found []*entry) error {
	direction := 0
	switch c.query.Get("$orderby") {
	case "", "activityDateTime desc":
		slices.Reverse(found)
		direction = -1
	case "activityDateTime", "activityDateTime asc":
		direction = 1
	default:
		return badRequest("The $orderby clause is not supported.")
	}
	slices.SortStableFunc(found, func(a, b *entry) int { return direction * a.at.Compare(b.at) })
	return nil
}

func (e *entry) meets(filter []clause) bool {
	return !slices.ContainsFunc(filter, func(cl clause) bool {
		return !cl.holds(e.value(cl.path), true, false)
	})
}
