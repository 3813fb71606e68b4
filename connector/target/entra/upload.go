package entra

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"

	"simscim/connector/plan"
	"simscim/connector/target"
	"simscim/internal/httpx"
	"simscim/scim"
)

const (
	// perUpload is how many operations a bulk request may hold.
	perUpload = 50
	// uploadTries is how often an upload is sent whose answer did not come. Each try
	// counts for the day.
	uploadTries = 3
	// maxRefused is how many uploads of one Apply may be cut in half to find the
	// operation that the service does not take.
	maxRefused = 20
	day        = 24 * time.Hour
)

// uploads is one Apply's way to bulkUpload.
type uploads struct {
	*Target
	confirm func(target.Outcome) error
	// stuck is why no further upload makes sense.
	stuck error
	// refused counts the uploads that were not taken as they were.
	refused int
}

// uploadAll sends users in as few calls as they need.
func (t *Target) uploadAll(ctx context.Context, changes []*plan.Change, confirm func(target.Outcome) error) error {
	u := &uploads{Target: t, confirm: confirm}
	for part := range slices.Chunk(changes, perUpload) {
		if err := u.send(ctx, part); err != nil {
			return err
		}
	}
	return nil
}

// send uploads a part and tells what the answer was. Its error ends the whole.
func (u *uploads) send(ctx context.Context, part []*plan.Change) error {
	err := u.stuck
	if err == nil {
		err = u.try(ctx, part)
	}
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case errors.Is(err, errNoToken):
		return err
	case target.CredentialsRefused(err):
		return refusedCredentials(err)
	case len(part) > 1 && isStatus(err, http.StatusBadRequest, http.StatusRequestEntityTooLarge) && u.refused < maxRefused:
		u.refused++
		half := len(part) / 2
		if err := u.send(ctx, part[:half]); err != nil {
			return err
		}
		return u.send(ctx, part[half:])
	case errors.Is(err, target.ErrPutOff), isStatus(err, http.StatusForbidden, http.StatusNotFound):
		u.stuck = err // the next one would meet the same
	}
	for _, ch := range part {
		o := target.Outcome{Change: ch, RemoteID: ch.RemoteID, Final: true, Accepted: err == nil}
		if err != nil {
			o.Err, o.Advice = clean(err, nil), uploadAdvice(err)
		}
		if err := u.confirm(o); err != nil {
			return err
		}
	}
	if unanswered(err) { // each further try would cost one of the day's calls
		return fmt.Errorf("bulkUpload does not answer: %w", err)
	}
	return nil
}

// try sends one bulk request until it is known to be taken or refused.
func (u *uploads) try(ctx context.Context, part []*plan.Change) error {
	body, err := bulk(part)
	if err != nil {
		return err
	}
	for n := range uploadTries {
		if n > 0 {
			if err := sleep(ctx, u.minWait<<n); err != nil {
				return err
			}
		}
		if err = u.post(ctx, body); !again(err) {
			return err
		}
	}
	return err
}

// again tells whether the same upload may go through another time.
func again(err error) bool {
	return unanswered(err) || isStatus(err, http.StatusInternalServerError, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout)
}

func unanswered(err error) bool {
	_, ok := errors.AsType[*httpx.Failure](err)
	return ok
}

// post takes a call out of the day's and sends the upload. It is not repeated below, where
// nobody would count.
func (u *uploads) post(ctx context.Context, body []byte) error {
	if _, err := u.authorize(ctx, ""); err != nil { // or the call would be taken for nothing
		return fmt.Errorf("sign in: %w", err)
	}
	ok, err := u.takeCall(ctx)
	if err != nil {
		return err
	}
	if !ok {
		return fmt.Errorf("the day's uploads are used up (%d in 24 hours): %w", u.daily(), target.ErrPutOff)
	}
	answer, err := u.upload.Do(ctx, httpx.Request{
		Method: http.MethodPost, Path: u.jobPath() + "/bulkUpload", Route: "/bulkUpload",
		Body: body, ContentType: scim.MediaType, Accept: jsonType,
	})
	if err != nil {
		return err
	}
	err = decode(answer, u.now(), nil)
	switch {
	case isStatus(err, http.StatusTooManyRequests):
		return fmt.Errorf("the service takes no more uploads for now: %w: %w", target.ErrPutOff, err)
	case err == nil && answer.Status != http.StatusAccepted:
		return &scim.Error{Status: answer.Status, Detail: "an upload is answered by 202, and this was not"}
	default:
		return err
	}
}

// takeCall counts one upload of the tenant, over all sites, processes and jobs.
func (t *Target) takeCall(ctx context.Context) (bool, error) {
	ok, err := t.count.Take(ctx, "entra uploads "+cmp.Or(t.cfg.Tenant, t.cfg.ServicePrincipal), 1, day, t.daily())
	if err != nil {
		return false, fmt.Errorf("count the day's uploads: %w", err)
	}
	return ok, nil
}

// daily is 2,000 with Entra ID P1 and P2 where the configuration does not say.
func (t *Target) daily() int { return cmp.Or(t.cfg.DailyCalls, 2000) }

func (t *Target) jobPath() string {
	return "/servicePrincipals/" + url.PathEscape(t.cfg.ServicePrincipal) + "/synchronization/jobs/" + url.PathEscape(t.cfg.Job)
}

// operation is one of a bulk request (RFC 7644 §3.7). bulkUpload knows POST alone.
type operation struct {
	Method string         `json:"method"`
	BulkID string         `json:"bulkId"`
	Path   string         `json:"path"`
	Data   map[string]any `json:"data"`
}

func bulk(part []*plan.Change) ([]byte, error) {
	operations := make([]operation, len(part))
	for i, ch := range part {
		operations[i] = operation{http.MethodPost, strconv.Itoa(i + 1), "/Users", record(ch)}
	}
	body, err := json.Marshal(map[string]any{
		"schemas": []string{scim.BulkRequestURN}, "Operations": operations, "failOnErrors": nil,
	})
	if err != nil {
		return nil, fmt.Errorf("encode an upload: %w", err)
	}
	return body, nil
}

// record is the whole desired state of a user: the service evaluates its mappings on what
// it gets, so that a part would lose attributes that depend on several. What is written only
// once is left out of an update, and what is taken away is null. A suspension is the one
// exception, since nothing else is known of a leaver.
func record(ch *plan.Change) map[string]any {
	attrs := make(scim.Attributes, 0, len(ch.After)+len(ch.Set)+1)
	for _, a := range ch.Whole() {
		if a.Path != "password" { // the service makes its own
			attrs = append(attrs, a)
		}
	}
	for _, f := range ch.Set {
		if scim.IsUnassigned(f.After) {
			attrs = append(attrs, scim.Attribute{Path: f.Path, Value: json.RawMessage("null")})
		}
	}
	if ch.Action == plan.SuspendUser {
		attrs = scim.Attributes{{Path: "active", Value: false}}
	}
	attrs = append(attrs, scim.Attribute{Path: externalID, Value: ch.Key})
	res := attrs.Sort().Resource(scim.User)
	if schemas, _ := res["schemas"].([]any); !slices.Contains(schemas, any(scim.EnterpriseURN)) {
		res["schemas"] = append(schemas, scim.EnterpriseURN) // it is asked for in any case
	}
	return res
}
