package entra

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"simscim/connector/target"
	"simscim/internal/httpx"
	"simscim/scim"
)

// nobody is an id and part of a name that no object has.
const nobody = "00000000-0000-0000-0000-000000000000"

// Capabilities finds out what the application may do, by trying what changes nothing, and
// how the provisioning job is. A right that is missing leaves out what needs it, and a
// note says so.
func (t *Target) Capabilities(ctx context.Context) (target.Capabilities, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.known {
		return t.caps, nil
	}
	caps, err := t.ask(ctx)
	if err != nil {
		return target.Capabilities{}, fmt.Errorf("target %s: %w", t.name, err)
	}
	t.caps, t.known = caps, true
	return caps, nil
}

// Gather is what 200 uploads hold, a tenth of those of a day.
func (*Target) Gather() int { return perUpload * 200 }

func (t *Target) ask(ctx context.Context) (target.Capabilities, error) {
	caps := target.Capabilities{
		Summary: "Entra ID, API-driven provisioning of users, groups by Microsoft Graph",
		Users:   true, Groups: true, Suspend: true, DeleteGroups: true, RenameGroups: true, MembersReadable: true,
		FilterUsers:  []scim.Path{externalID, "userName", workMail, displayName},
		FilterGroups: []scim.Path{externalID, displayName}, PageSize: perPage,
		MembersPerCreate: perBind, MembersPerAdd: perBind * perBatch, MembersPerRemove: perBatch, Mixed: true,
		Bulk: perUpload, GroupsAlone: true, Gather: t.Gather(),
		GroupPaths:   []scim.Path{displayName},
		RequiredUser: []scim.Path{"userName", displayName}, RequiredGroup: []scim.Path{displayName},
		Notes: []string{
			fmt.Sprintf("users are uploaded %d at a time, at most %d uploads in 24 hours (dailyCalls); the provisioning log confirms them some minutes later", perUpload, t.daily()),
		},
	}
	if t.cfg.GroupKind == class {
		caps.MembersPerCreate = 0
	}
	for _, probe := range []func(context.Context, *target.Capabilities) error{t.askJob, t.askMapping, t.askUpload, t.askLog, t.askGraph} {
		if err := probe(ctx, &caps); err != nil {
			return caps, err
		}
	}
	return caps, nil
}

func note(caps *target.Capabilities, format string, args ...any) {
	caps.Notes = append(caps.Notes, fmt.Sprintf(format, args...))
}

func (t *Target) askJob(ctx context.Context, caps *target.Capabilities) error {
	s, err := t.readJob(ctx)
	switch {
	case isStatus(err, http.StatusForbidden):
		note(caps, "the permission %s is missing: whether the provisioning job is paused cannot be seen, nor where it puts a person's key, which is taken to be employeeId", permJob)
	case scim.IsNotFound(err):
		return fmt.Errorf("there is no such provisioning job: copy servicePrincipal and job out of the Provisioning API Endpoint of the provisioning app: %w", clean(err, nil))
	case err != nil:
		return fmt.Errorf("ask how the provisioning job is: %w", clean(err, nil))
	case s.trouble() != "":
		t.hindered = true
		note(caps, "%s", s.trouble())
	}
	return nil
}

// askMapping finds out where the provisioning app puts a person's key. It is employeeId
// unless somebody has changed the mapping.
func (t *Target) askMapping(ctx context.Context, caps *target.Capabilities) error {
	s, err := t.readSchema(ctx)
	e, refused := errors.AsType[*scim.Error](err)
	keys := s.keys()
	switch {
	case isStatus(err, http.StatusForbidden), slices.Contains(keys, scim.Fold("employeeId")):
		caps.LongestUser = map[scim.Path]int{externalID: longestEmployeeID}
		note(caps, "a person's key goes into employeeId, which holds %d characters: who has a longer one is left out until a rule users.key gives a shorter one, such as shortCode(person.id, %d)", longestEmployeeID, longestEmployeeID)
	case len(keys) > 0:
		note(caps, "the provisioning app does not put a person's key into employeeId, where simscim looks for it: accounts that exist are not recognised, and drift is not found")
	case err == nil, refused && !scim.IsRetryable(e) && !target.CredentialsRefused(e): // not every cloud tells
		note(caps, "by default a person's key goes into employeeId, which holds %d characters: a longer one needs a rule users.key, or another matching attribute in the provisioning app", longestEmployeeID)
	default:
		return fmt.Errorf("ask how the provisioning app maps attributes: %w", clean(err, nil))
	}
	return nil
}

// askUpload looks for the permission in the access token: every try would cost one of the
// day's uploads. Nobody promises that the token can be read; where it cannot, the first
// upload shows it.
func (t *Target) askUpload(ctx context.Context, caps *target.Capabilities) error {
	token, err := t.authorize(ctx, "")
	if err != nil {
		return fmt.Errorf("sign in: %w", err)
	}
	roles, ok := rolesIn(token)
	if ok && !slices.Contains(roles, permUpload) && !slices.Contains(roles, permUpload+".OwnedBy") {
		caps.Users = false
		note(caps, "the permission %s is missing: users cannot be uploaded", permUpload)
	}
	return nil
}

// rolesIn reads the permissions out of a token whose parts are JSON in base64.
func rolesIn(token string) ([]string, bool) {
	for part := range strings.SplitSeq(strings.TrimPrefix(token, "Bearer "), ".") {
		var claims struct{ Roles []string }
		b, err := base64.RawURLEncoding.DecodeString(part)
		if err == nil && json.Unmarshal(b, &claims) == nil && claims.Roles != nil {
			return claims.Roles, true
		}
	}
	return nil, false
}

func (t *Target) askLog(ctx context.Context, caps *target.Capabilities) error {
	answer, err := t.log.Do(ctx, httpx.Request{
		Method: http.MethodGet, Path: "/auditLogs/provisioning" + query("$top", "1"), Route: "/auditLogs/provisioning", Accept: jsonType,
	})
	if err != nil {
		return fmt.Errorf("try to read the provisioning log: %w", err)
	}
	err = decode(answer, t.now(), nil)
	if isStatus(err, http.StatusForbidden) {
		caps.Users = false
		note(caps, "the permission %s is missing: what became of uploaded users could never be confirmed, so none are", permLog)
		return nil
	}
	if err != nil {
		return fmt.Errorf("try to read the provisioning log: %w", clean(err, nil))
	}
	return nil
}

// askGraph tries what Graph allows, in one request.
func (t *Target) askGraph(ctx context.Context, caps *target.Capabilities) error {
	write := step{
		ID: "1", Method: http.MethodPatch, URL: byName(ours + nobody), // without Prefer it makes nothing
		Headers: map[string]string{"Content-Type": jsonType}, Body: map[string]any{"displayName": nobody},
	}
	steps := []step{
		{ID: "0", Method: http.MethodGet, URL: "/users" + query("$top", "1", "$select", "id")},
		write,
		{ID: "2", Method: http.MethodGet, URL: "/groups" + query("$top", "1", "$select", "id")},
	}
	if t.cfg.GroupKind == class {
		steps = append(steps, step{ID: "3", Method: http.MethodGet, URL: "/education/classes/" + nobody})
	}
	answers, err := t.batch(ctx, steps)
	if err != nil {
		return fmt.Errorf("try what Graph allows: %w", clean(err, nil))
	}
	denied := func(i int) bool {
		return i < len(answers) && answers[i] != nil && answers[i].Status == http.StatusForbidden
	}
	if denied(0) {
		// Nothing can be asked for, so nothing is: the service itself recognises accounts by
		// the matching attribute.
		caps.FilterUsers, caps.FilterNeeded = nil, true
		note(caps, "the permission %s is missing: accounts cannot be looked at, so the plan shows accounts that exist already as new, and drift is not found; the provisioning job recognises them all the same", permUsers)
	}
	if denied(1) || denied(2) {
		caps.Groups = false
		note(caps, "the permission %s is missing: there are no groups", permGroups)
	}
	if denied(3) {
		caps.Groups = false
		note(caps, "the permission %s is missing: classes cannot be made", permClass)
	}
	for _, a := range answers {
		if a != nil && (a.Status == http.StatusUnauthorized || scim.IsRetryable(a)) {
			return fmt.Errorf("try what Graph allows: %w", clean(a, nil))
		}
	}
	return nil
}
