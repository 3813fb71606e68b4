package okta

import (
	"errors"
	"fmt"
	"net/http"
	"strings"

	"simscim/connector/target"
	"simscim/connector/target/redact"
	"simscim/internal/httpx"
	"simscim/scim"
)

// importError is an import that ended otherwise than it should.
type importError struct{ state string }

func (e *importError) Error() string {
	return "the import ended as " + strings.ToValidUTF8(e.state, "")
}

// clean returns the error without what Okta wrote about the object.
func clean(j *job, err error) error {
	e, ok := errors.AsType[*scim.Error](err)
	if !ok {
		return err
	}
	copied := *e
	copied.Detail = said(j, e)
	return &copied
}

// advice says in plain words what happened and what to do about it. j is nil where the
// object is not at hand.
func advice(j *job, err error) string {
	if e, ok := errors.AsType[*scim.Error](err); ok {
		text := statusAdvice(e)
		if words := said(j, e); words != "" {
			text += fmt.Sprintf(" Okta said: %q.", words)
		}
		return text
	}
	_, isUnfit := errors.AsType[*unfit](err)
	_, isImport := errors.AsType[*importError](err)
	f, isFailure := errors.AsType[*httpx.Failure](err)
	switch {
	case errors.Is(err, target.ErrPutOff):
		return "Okta takes a session five minutes after the last, and one import after another. The next run sends it; a longer confirmWithin lets a run wait for more."
	case isUnfit:
		return "Okta would refuse it. Change the rule so that it yields what fits: text, not too long, and a name at the identity source for each."
	case isImport:
		return "Look at Reports > Import Monitoring in Okta's console for what went wrong. It is tried again."
	case errors.Is(err, errLeftOut), errors.Is(err, errNotTaken):
		return "Okta leaves out in silence what it cannot take: most often the user name is in use, an attribute that its profile demands is missing, or the import waits to be confirmed by an administrator. Look at Reports > Import Monitoring and at the import settings of the identity source."
	case errors.Is(err, errStays):
		return "Look at Reports > Import Monitoring, and at what the identity source's settings say is done when somebody is deactivated there."
	case errors.Is(err, errMembers):
		return "Members whom Okta does not know are left out in silence. It is tried again."
	case isFailure:
		return "No usable answer came (" + f.What + "). It is tried again."
	default:
		return "Okta's answer could not be understood. Check that the url is the address of the organisation."
	}
}

// denial says in plain words that the credentials are not taken, or are not enough.
func denial(err error) string {
	switch {
	case isStatus(err, http.StatusUnauthorized):
		return "the token or the key is refused: it is wrong, has ended or was revoked"
	case isStatus(err, http.StatusForbidden):
		return "the credentials may not do this: grant " + scopeManage + " and " + scopeRead + ", and a role that may manage the identity source"
	default:
		return ""
	}
}

func statusAdvice(e *scim.Error) string {
	switch e.Status {
	case http.StatusUnauthorized:
		return "The credentials are refused. Renew the token or the key."
	case http.StatusForbidden:
		return "The credentials may not do this. Grant " + scopeManage + " and " + scopeRead + ", and a role that may manage the identity source."
	case http.StatusTooManyRequests:
		return "Okta asks for fewer calls, for longer than can be waited. Lower limits.perSecond of the target, or raise the share of the app in Okta's rate limits."
	case http.StatusRequestEntityTooLarge:
		return "The object is too large for Okta, even alone."
	}
	if e.Status >= http.StatusInternalServerError {
		return fmt.Sprintf("Okta is in trouble (%d). It is tried again.", e.Status)
	}
	return "Okta does not accept one of the values. Compare the rules with the schema of the identity source."
}

// said is what Okta wrote, without the object's values. Where they are not at hand
// nothing of it is kept.
func said(j *job, e *scim.Error) string {
	if j == nil || e.Detail == "" || len(j.change.After) == 0 || j.change.Kind == scim.User && j.change.After.String(userName) == "" {
		return ""
	}
	c := j.change
	spell := redact.Words
	if c.Kind == scim.Group {
		spell = redact.Spellings
	}
	var values []redact.Value
	for _, a := range c.After {
		values = append(values, spell(string(a.Path), a.Value)...)
	}
	for _, f := range c.Set {
		values = append(append(values, spell(string(f.Path), f.Before)...), spell(string(f.Path), f.After)...)
	}
	values = append(append(values, spell("name", c.Label)...), spell("externalId", c.Key)...)
	for _, list := range [][]string{c.Add, c.Remove} {
		for _, key := range list {
			values = append(values, redact.Spellings("member", key)...)
		}
	}
	return redact.Text(e.Detail, values)
}
