package entra

import (
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"

	"simscim/connector/target"
	"simscim/connector/target/redact"
	"simscim/internal/httpx"
	"simscim/scim"
)

// The permissions of the application that the target needs, by their names in Entra ID.
const (
	permUpload = "SynchronizationData-User.Upload"
	permLog    = "ProvisioningLog.Read.All"
	permJob    = "Synchronization.Read.All"
	permUsers  = "User.Read.All"
	permGroups = "Group.ReadWrite.All"
	permClass  = "EduRoster.ReadWrite.All"
)

// clean returns the error without what the server wrote about the object, but for the
// error's code. Without values nothing of its words is kept.
func clean(err error, values []redact.Value) error {
	e, ok := errors.AsType[*scim.Error](err)
	if !ok {
		return err
	}
	copied := *e
	copied.Detail = said(e, values)
	if errors.Is(err, target.ErrPutOff) {
		return fmt.Errorf("%w: %w", target.ErrPutOff, &copied)
	}
	return &copied
}

// said is what may be repeated of a server's words.
func said(e *scim.Error, values []redact.Value) string {
	if len(values) > 0 {
		return redact.Text(e.Detail, values)
	}
	code, _, coded := strings.Cut(e.Detail, ": ")
	if !coded || !codeLike.MatchString(code) {
		return ""
	}
	return code
}

// values lists the texts of a group that must not be repeated.
func (j *job) values() []redact.Value {
	out := redact.Spellings("displayName", j.change.Label)
	for _, a := range j.change.After {
		out = append(out, redact.Spellings(string(a.Path), a.Value)...)
	}
	for _, f := range j.change.Set {
		out = append(out, redact.Spellings(string(f.Path), f.Before)...)
		out = append(out, redact.Spellings(string(f.Path), f.After)...)
	}
	out = append(out, redact.Spellings("externalId", j.change.Key)...)
	out = append(out, redact.Spellings("mailNickname", nickname(j.cfg.GroupKind, j.change.Key, j.change.After.String(displayName)))...)
	for _, m := range j.resolve(slices.Concat(j.change.Add, j.change.Remove)) {
		out = append(out, redact.Spellings("member", m.id)...)
	}
	out = append(out, redact.Spellings("uniqueName", uniqueName(j.change.Key))...)
	return append(out, redact.Spellings("id", j.id)...)
}

// noAnswer is the advice where there was no answer to speak of.
func noAnswer(err error) string {
	if f, ok := errors.AsType[*httpx.Failure](err); ok {
		return "No answer came (" + f.What + "). It is sent again at the next run, which does no harm if it was carried out."
	}
	if errors.Is(err, target.ErrPutOff) {
		return "It is sent once more calls are allowed. Raise dailyCalls if the tenant has Entra ID Governance."
	}
	return "Nothing was sent. Look at the log of this run."
}

const strangeAnswer = "The answer is not one of Microsoft's. See whether a proxy or a sign-in page stands in between."

func uploadAdvice(err error) string {
	e, ok := errors.AsType[*scim.Error](err)
	if !ok || errors.Is(err, target.ErrPutOff) {
		return noAnswer(err)
	}
	switch {
	case e.Status < 400:
		return strangeAnswer
	case e.Status == http.StatusForbidden:
		return "The application may not upload. Give it the permission " + permUpload + " with admin consent."
	case e.Status == http.StatusNotFound:
		return "There is no such provisioning job. Copy servicePrincipal and job out of the Provisioning API Endpoint of the provisioning app."
	case e.Status >= 500:
		return fmt.Sprintf("The provisioning service is in trouble (%d). It is sent again at the next run.", e.Status)
	default:
		return "The provisioning service does not take the record in this form. Compare the rules with the attributes of the provisioning app."
	}
}

func groupAdvice(err error, values []redact.Value) string {
	switch {
	case errors.Is(err, errNotAnID):
		return "The store holds an id that Entra ID cannot have given out. Compare the target's settings with those of the run that made it."
	case errors.Is(err, errNoGroup):
		return "Graph answered that the group is there and does not find it. It is looked for again at the next run."
	}
	e, ok := errors.AsType[*scim.Error](err)
	if !ok {
		return noAnswer(err)
	}
	advice := statusAdvice(e)
	if words := said(e, values); words != "" {
		advice += fmt.Sprintf(" Graph said: %q.", words)
	}
	return advice
}

func statusAdvice(e *scim.Error) string {
	switch {
	case e.Status < 400:
		return strangeAnswer
	case scim.IsConflict(e):
		return "Another group already holds a value that must be unique, most likely its mail nickname. Rename or delete that group."
	case e.Status == http.StatusForbidden:
		return "The application may not do this. Give it the permission " + permGroups + " (for classes " + permClass + ") with admin consent."
	case e.Status == http.StatusNotFound:
		return "Entra ID does not have the group, or one of its members, any more. The next comparison decides what is made anew."
	case e.Status == http.StatusTooManyRequests:
		return "Graph asks for fewer calls, for longer than can be waited. Lower limits.perSecond of the target."
	case e.Status >= 500:
		return fmt.Sprintf("Graph is in trouble (%d). It is tried again at the next run.", e.Status)
	default:
		return "Graph does not accept one of the values. Compare the rules for groups with what a group of this kind may hold."
	}
}

var inQuotes = regexp.MustCompile(`"[^"]*"|(^|[^\pL\d])'[^']*'|‘[^’]*’|“[^”]*”`)

// quoted takes out what stands in quotation marks: there a text that is the same for
// everybody names what it is about.
func quoted(s string) string { return inQuotes.ReplaceAllString(s, " ‹…›") }
