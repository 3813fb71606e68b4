package entra

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"simscim/connector/target"
	"simscim/connector/target/redact"
	"simscim/internal/httpx"
	"simscim/scim"
)

// patience is how long an upload may go unlogged before the job's health is looked at: the
// log takes five to ten minutes as a rule.
const patience = 15 * time.Minute

// entry is one of the provisioning log.
type entry struct {
	ActivityDateTime       time.Time
	JobID                  string
	ProvisioningStatusInfo struct {
		Status           string
		ErrorInformation *struct{ ErrorCode, RecommendedAction string }
	}
	SourceIdentity, TargetIdentity struct{ ID, DisplayName string }
	ModifiedProperties             []struct{ OldValue, NewValue string }
}

// Results reads what the provisioning log says of users that were uploaded. Where it says
// nothing at all of any of them for a while, or the job was hindered at the start, it is
// asked how it is, and what hinders it is the error.
func (t *Target) Results(ctx context.Context, pending []target.Pending) ([]target.Result, error) {
	since := map[string]time.Time{}
	oldest := t.now()
	for _, p := range pending {
		if p.Kind != scim.User {
			continue
		}
		since[p.Key] = p.Since
		if p.Since.Before(oldest) {
			oldest = p.Since
		}
	}
	if len(since) == 0 {
		return nil, nil
	}
	newest, err := t.readLog(ctx, oldest, since)
	if err != nil {
		return nil, fmt.Errorf("read the provisioning log: %w", clean(err, nil))
	}
	if len(newest) == 0 && (t.now().Sub(oldest) > patience || t.wasHindered()) {
		return nil, t.health(ctx)
	}
	out := make([]target.Result, 0, len(newest))
	for _, p := range pending {
		if e, ok := newest[p.Key]; ok && p.Kind == scim.User {
			out = append(out, e.result(p.Key))
		}
	}
	return out, nil
}

func (t *Target) wasHindered() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.hindered
}

// health is what hinders the job, or nil.
func (t *Target) health(ctx context.Context) error {
	s, err := t.readJob(ctx)
	switch {
	case isStatus(err, http.StatusForbidden):
		return errors.New("nothing of what was uploaded is in the provisioning log, and the application may not ask why: " +
			"see whether the provisioning job is paused, or give the permission " + permJob)
	case err != nil:
		return fmt.Errorf("ask how the provisioning job is: %w", clean(err, nil))
	case s.trouble() != "":
		return errors.New(s.trouble())
	default:
		return nil
	}
}

// readLog returns the newest entry of each key that is later than its time in since.
func (t *Target) readLog(ctx context.Context, from time.Time, since map[string]time.Time) (map[string]*entry, error) {
	filter := "jobid eq " + literal(t.cfg.Job) + " and activityDateTime gt " + from.UTC().Truncate(time.Second).Add(-time.Second).Format(time.RFC3339)
	newest := map[string]*entry{}
	get := func(path string, into *page[entry]) error {
		answer, err := t.log.Do(ctx, httpx.Request{
			Method: http.MethodGet, Path: path, Route: "/auditLogs/provisioning", Accept: jsonType,
		})
		if err != nil {
			return err
		}
		return decode(answer, t.now(), into)
	}
	err := pages(t, "/auditLogs/provisioning"+query("$filter", filter, "$top", "999"), get, func(list []entry) (bool, error) {
		for i := range list {
			e := &list[i]
			key := e.SourceIdentity.ID
			at, wanted := since[key]
			if !wanted || !e.ActivityDateTime.After(at) || e.JobID != t.cfg.Job {
				continue
			}
			if before := newest[key]; before == nil || e.ActivityDateTime.After(before.ActivityDateTime) {
				kept := *e
				newest[key] = &kept
			}
		}
		return true, nil
	})
	return newest, err
}

// result tells what the entry says of the user with the key.
func (e *entry) result(key string) target.Result {
	r := target.Result{Kind: scim.User, Key: key, RemoteID: e.TargetIdentity.ID}
	code := e.code()
	switch e.ProvisioningStatusInfo.Status {
	case "success", "warning":
	case "skipped":
		if code != "" && code != "RedundantExport" {
			r.Err, r.Advice = logError(code), e.advice(key, "The provisioning job left the record out. Look at the scope and the matching attribute of the provisioning app.")
		}
	default:
		r.Err, r.Advice = logError(code), e.advice(key, codeAdvice(code, key))
	}
	if r.Err == nil && !isID(r.RemoteID) {
		r.Err = errNoAccount
		r.Advice = "The log names no account at Entra ID. As a rule the scope of the provisioning app leaves the record out."
	}
	return r
}

var errNoAccount = errors.New("the provisioning log tells of no account for the record")

// code is the error's code, if it is one.
func (e *entry) code() string {
	info := e.ProvisioningStatusInfo.ErrorInformation
	if info == nil || !codeLike.MatchString(info.ErrorCode) {
		return ""
	}
	return info.ErrorCode
}

// logError is the error of a code. A taken name is a conflict, so that another is chosen.
func logError(code string) error {
	e := &scim.Error{Status: http.StatusBadRequest, ScimType: scim.TypeInvalidValue, Detail: code}
	if duplicate(code) {
		e.Status, e.ScimType = http.StatusConflict, scim.TypeUniqueness
	}
	if code == "" {
		code = "no code"
	}
	return fmt.Errorf("the provisioning log says %s: %w", code, e)
}

func duplicate(code string) bool {
	return strings.Contains(code, "Duplicate") || strings.Contains(code, "AlreadyExists") || strings.Contains(code, "ObjectConflict")
}

// longestEmployeeID is what Entra ID's employeeId holds, in characters.
const longestEmployeeID = 16

func codeAdvice(code, key string) string {
	switch {
	case duplicate(code):
		return "Another account already holds the name, or another value that must be unique. Rename or delete that account, or give another name by the rules."
	case strings.Contains(code, "InvalidUserPrincipalName"):
		return "Entra ID does not take the user name: letters without accents, digits and ' . - _ ! # ^ ~ before the @."
	case strings.Contains(code, "Domain"):
		return "The part of the user name behind the @ is not a verified domain of the tenant."
	case strings.Contains(code, "MultipleMatches"):
		return "Several accounts carry this person's key in the matching attribute. Delete the ones that are not in use; none is touched until then."
	case len([]rune(key)) > longestEmployeeID:
		return fmt.Sprintf("The person's key has more than the %d characters that employeeId holds. Give a shorter one by the rule users.key, or map externalId to another attribute in the provisioning app.", longestEmployeeID)
	default:
		return "Look at the record in the provisioning log, under the provisioning app, and compare the rules with its attribute mapping."
	}
}

// advice adds what Microsoft recommends, without the values that stand in the entry.
func (e *entry) advice(key, ours string) string {
	info := e.ProvisioningStatusInfo.ErrorInformation
	if info == nil || info.RecommendedAction == "" {
		return ours
	}
	values := slices.Concat(
		redact.Spellings("externalId", key), redact.Spellings("id", e.TargetIdentity.ID),
		redact.Words("displayName", e.SourceIdentity.DisplayName), redact.Words("displayName", e.TargetIdentity.DisplayName))
	for _, p := range e.ModifiedProperties {
		values = slices.Concat(values, redact.Words("value", p.OldValue), redact.Words("value", p.NewValue))
	}
	return fmt.Sprintf("%s Entra ID recommends: %q.", ours, redact.Text(quoted(info.RecommendedAction), values))
}
