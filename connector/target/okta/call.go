package okta

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"simscim/connector/target"
	"simscim/internal/httpx"
	"simscim/scim"
)

// mostDetail bounds what is kept of what Okta says about an error.
const mostDetail = 2000

// call sends a request to the identity source and reads the answer into the value, unless
// that is nil. An error is the context's, of the sign-in, a *httpx.Failure, or a *scim.Error.
func (t *Target) call(ctx context.Context, r httpx.Request, into any) (*httpx.Response, error) {
	r.Path, r.Accept = t.root+r.Path, "application/json"
	resp, err := t.http.Do(ctx, r)
	if err != nil {
		return nil, err
	}
	if resp.Status < 200 || resp.Status > 299 {
		return nil, answered(resp)
	}
	if into != nil && json.Unmarshal(resp.Body, into) != nil {
		return nil, fmt.Errorf("%s %s: %w", r.Method, r.Route, errAnswer)
	}
	return resp, nil
}

var errAnswer = errors.New("the answer is not what Okta answers")

// answered is the error in an answer. Its words go no further than an advice about the
// object that was sent, and not before that object's values have been taken out.
func answered(resp *httpx.Response) error {
	e := &scim.Error{Status: resp.Status}
	var body struct {
		Code    string                          `json:"errorCode"`
		Summary string                          `json:"errorSummary"`
		Causes  []struct{ ErrorSummary string } `json:"errorCauses"`
	}
	if json.NewDecoder(bytes.NewReader(resp.Body)).Decode(&body) == nil && body.Summary != "" {
		parts := []string{body.Summary}
		for _, c := range body.Causes {
			parts = append(parts, c.ErrorSummary)
		}
		text := strings.Join(parts, "; ")
		if len(text) > mostDetail {
			text = strings.ToValidUTF8(text[:mostDetail], "")
		}
		e.Detail = text
	}
	return e
}

// segment is a key as a part of a path.
func segment(key string) string { return "/" + url.PathEscape(key) }

// refusesAll tells whether every other request would be refused as well.
func refusesAll(err error) bool {
	return target.CredentialsRefused(err) || gone(err)
}

// isLoadError tells whether the error is Okta's about what was sent, or one that may pass.
func isLoadError(err error) bool {
	_, said := errors.AsType[*scim.Error](err)
	return said || temporary(err)
}

// temporary tells whether the same request may succeed later.
func temporary(err error) bool {
	_, silent := errors.AsType[*httpx.Failure](err)
	return silent || scim.IsRetryable(err)
}

func isStatus(err error, status int) bool {
	e, ok := errors.AsType[*scim.Error](err)
	return ok && e.Status == status
}

func gone(err error) bool {
	return isStatus(err, http.StatusNotFound) || isStatus(err, http.StatusGone)
}
