package generic

import (
	"errors"
	"fmt"
	"net/http"
	"slices"

	"simscim/connector/target/redact"
	"simscim/internal/httpx"
	"simscim/scim"
)

// clean returns the error without what the server wrote about the object.
func (j *job) clean(err error) error {
	e, ok := errors.AsType[*scim.Error](err)
	if !ok {
		return err
	}
	copied := *e
	copied.Detail = j.redact(e.Detail)
	return &copied
}

// advice says in plain words what happened and what to do about it.
func (j *job) advice(err error) string {
	e, ok := errors.AsType[*scim.Error](err)
	if !ok {
		return otherAdvice(err)
	}
	advice := statusAdvice(e)
	if said := j.redact(e.Detail); said != "" {
		advice += fmt.Sprintf(" The target said: %q.", said)
	}
	return advice
}

func otherAdvice(err error) string {
	f, ok := errors.AsType[*httpx.Failure](err)
	switch {
	case ok && f.Ambiguous:
		return "No answer came (" + f.What + "), so it is not known whether the change was carried out. It is looked up before it is tried again."
	case ok:
		return "The target could not be reached: " + f.What + ". Check the url, the network and the proxy; it is tried again."
	case errors.Is(err, errUnfound):
		return "The target answered that it made the object but does not find it. Its index may be slow; it is looked up at the next run."
	case errors.Is(err, errUnsure):
		return "No answer came to the create, and the target keeps no externalId by which to tell whether it was carried out. Look at the object at the target; delete it there, or allow it to be adopted by name."
	case errors.Is(err, errSeveral):
		return "More than one object at the target carries this externalId. Delete the ones that are not in use; none is touched until then."
	case errors.Is(err, errUnanswered):
		return "The target's answer to a bulk request left this object out, so it is not known whether it was made. It is looked up before it is tried again."
	case errors.Is(err, errFixed):
		return "Write this attribute only when the group is made (apply: create), or delete the group at the target to have it made anew."
	case errors.Is(err, errNoRename):
		return "Leave the group's name as it is, or delete the group at the target to have it made anew."
	case errors.Is(err, errMembersHidden):
		return "This target can take members only when a group is made. Delete the group at the target to have it made anew."
	default:
		return "The target's answer could not be understood. Check that the url is the SCIM base URL, the one below which /Users stands."
	}
}

func statusAdvice(e *scim.Error) string {
	switch {
	case scim.IsConflict(e):
		return "Another object at the target already holds a value that must be unique, most likely the name. Rename or delete that object, or allow it to be adopted."
	case e.Status < 300:
		return "A success was answered without proof that the change was made. Check that the url is the SCIM base URL and that no proxy or sign-in page stands in between."
	case e.Status < 400:
		return "The address redirects elsewhere, and writes are not sent after a redirect. Put the final address into the target's url."
	}
	switch e.Status {
	case http.StatusUnauthorized:
		return "The credentials are refused. Renew the token or the client secret."
	case http.StatusForbidden:
		return "The credentials may not do this. Give them the right to read and write users and groups."
	case http.StatusNotFound, http.StatusGone:
		return "The target does not have the object any more: somebody deleted it there. The next comparison decides whether it is made anew."
	case http.StatusPreconditionFailed, http.StatusPreconditionRequired:
		return "Somebody else kept changing the object at the same time. It is tried again."
	case http.StatusRequestEntityTooLarge:
		return "The object is too large for the target, even alone."
	case http.StatusTooManyRequests:
		return "The target asks for fewer calls, for longer than can be waited. Lower limits.perSecond of the target."
	}
	switch {
	case e.Status >= 500 && e.Status != http.StatusNotImplemented:
		return fmt.Sprintf("The target is in trouble (%d). It is tried again; if it stays, tell its provider the time of the failure.", e.Status)
	case e.Status == http.StatusNotImplemented || e.Status == http.StatusMethodNotAllowed:
		return "The target does not offer this operation. Set the target's profile to one that fits it."
	case e.ScimType == scim.TypeMutability:
		return "The target does not allow this attribute to be changed. Write it only when the account is made (apply: create)."
	default:
		return "The target does not accept one of the values. Compare the rules with the attributes that it takes."
	}
}

// redact takes out of a server's words every value of the object, every id that was
// sent, and whatever looks like an e-mail address. Where the object's values are not at
// hand, as with a suspension or a deletion, nothing of the words is kept.
func (j *job) redact(said string) string {
	if said == "" || j.change.Kind == scim.User && j.change.After.String("userName") == "" {
		return ""
	}
	return redact.Text(said, j.values())
}

// values lists the texts that must not be repeated.
func (j *job) values() []redact.Value {
	var out []redact.Value
	spellings := redact.Spellings
	if j.change.Kind == scim.User {
		spellings = redact.Words
	}
	add := func(name string, v any) { out = append(out, spellings(name, v)...) }
	for _, a := range j.change.After {
		add(string(a.Path), a.Value)
	}
	for _, f := range j.change.Set {
		add(string(f.Path), f.Before)
		add(string(f.Path), f.After)
	}
	label := "userName"
	if j.change.Kind == scim.Group {
		label = "displayName"
	}
	add(label, j.change.Label)
	add("externalId", j.change.Key)
	add("id", j.id)
	for _, m := range j.resolve(slices.Concat(j.change.Add, j.change.Remove)) {
		out = append(out, redact.Spellings("member", m.id)...)
	}
	return out
}
