package entra

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"simscim/scim"
)

// entry is one of the provisioning log.
type entry struct {
	seen time.Time
	at   time.Time
	doc  map[string]any
}

func (s *Service) newEntry(j *job, externalID string, at time.Time) *entry {
	identity := func(id string) map[string]any {
		return map[string]any{"id": id, "displayName": "", "identityType": "User", "details": map[string]any{}}
	}
	e := &entry{at: at, seen: at.Add(s.options.LogAfter), doc: map[string]any{
		"id": s.newID(), "activityDateTime": stampOf(at), "tenantId": s.options.Tenant, "jobId": j.id, "cycleId": j.cycle, "changeId": s.newID(),
		"durationInMilliseconds": 40, "sourceIdentity": identity(externalID), "targetIdentity": identity(""),
		"sourceSystem":       map[string]any{"id": j.principal, "displayName": "API", "details": map[string]any{}},
		"targetSystem":       map[string]any{"id": s.options.Tenant, "displayName": "Microsoft Entra ID", "details": map[string]any{}},
		"servicePrincipal":   map[string]any{"id": j.principal, "displayName": "API-driven provisioning to Microsoft Entra ID"},
		"initiatedBy":        map[string]any{"id": "", "displayName": "Azure AD Provisioning Service", "initiatorType": "system"},
		"modifiedProperties": []any{}, "provisioningSteps": []any{step("EntryImportAdd", "import", "success")},
	}}
	s.log = append(s.log, e)
	return e
}

func step(name, kind, status string) map[string]any {
	return map[string]any{"name": name, "provisioningStepType": kind, "status": status, "description": "", "details": map[string]any{}}
}

// finish says how it ended.
func (e *entry) finish(action, status, last string, problem any) {
	e.doc["provisioningAction"] = action
	e.doc["provisioningStatusInfo"] = map[string]any{"status": status, "errorInformation": problem}
	steps, _ := e.doc["provisioningSteps"].([]any)
	e.doc["provisioningSteps"] = append(steps, step("EntrySynchronizationAdd", "matching", "success"), step(last, "export", status))
}

func (e *entry) succeed(action string) {
	last := "EntryExportAdd"
	if action == "update" {
		last = "EntryExportUpdate"
	}
	e.finish(action, "success", last, nil)
}

// skip is for a record that changes nothing.
func (e *entry) skip() {
	e.finish("other", "skipped", "EntryExportUpdate", information("RedundantExport", "The state of the entry in both systems is the same.", "none"))
}

func (e *entry) fail(action, code, reason string) {
	e.finish(action, "failure", "EntryExportAdd", information(code, reason, "nonServiceFailure"))
}

func information(code, reason, category string) map[string]any {
	return map[string]any{"errorCode": code, "reason": reason, "additionalDetails": nil, "errorCategory": category, "recommendedAction": nil}
}

func (e *entry) target(o *object) {
	target, _ := e.doc["targetIdentity"].(map[string]any)
	target["id"], target["displayName"] = o.id, o.text("displayName")
}

func (e *entry) modify(name string, before, after any) {
	list, _ := e.doc["modifiedProperties"].([]any)
	shown := func(v any) any {
		if v == nil || v == "" {
			return nil
		}
		return fmt.Sprint(v)
	}
	e.doc["modifiedProperties"] = append(list, map[string]any{"displayName": name, "oldValue": shown(before), "newValue": shown(after)})
}

func (e *entry) modified(before, changed map[string]any) {
	for _, name := range slices.Sorted(maps.Keys(changed)) {
		e.modify(name, before[name], changed[name])
	}
}

// value walks a filter's path, whose names are in any case.
func (e *entry) value(path string) (string, bool) {
	var at any = e.doc
	for name := range strings.SplitSeq(path, "/") {
		if name == "statusInfo" { // beta's name
			name = "provisioningStatusInfo"
		}
		object, _ := at.(map[string]any)
		at, _ = scim.Member(object, name)
	}
	s, ok := at.(string)
	return s, ok
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
	case "id", "jobid", "cycleid", "changeid", "sourceidentity/id", "sourceidentity/displayname", "targetidentity/id", "targetidentity/displayname", "provisioningaction", status:
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
		value, present := e.value(cl.path)
		return !cl.holds(value, present, false)
	})
}

// shown is the entry with the names of the version.
func (c *call) shown(e *entry) map[string]any {
	if c.version != "beta" {
		return e.doc
	}
	doc := maps.Clone(e.doc)
	doc["statusInfo"], doc["action"] = doc["provisioningStatusInfo"], doc["provisioningAction"]
	delete(doc, "provisioningStatusInfo")
	delete(doc, "provisioningAction")
	return doc
}
