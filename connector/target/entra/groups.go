package entra

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"

	"simscim/connector/plan"
	"simscim/connector/target"
	"simscim/scim"
)

const (
	displayName scim.Path = "displayName"

	// The kinds of groups, by their names in the configuration.
	security     = "security"
	microsoft365 = "microsoft365"
	class        = "class"

	// perBind is how many members one request may bind.
	perBind = 20
)

// job is one change to a group under way.
type job struct {
	*run
	change *plan.Change
	id     string
	// told is set once the attributes have been confirmed: that is said only once.
	told bool
	// gone is set once Graph has said that it does not have the group.
	gone bool
}

// carryOut does the change and confirms its pieces. It returns nil after a final outcome,
// and otherwise the error that the final outcome shall tell of.
func (j *job) carryOut(ctx context.Context) error {
	add, remove := j.resolve(j.change.Add), j.resolve(j.change.Remove)
	switch j.change.Action {
	case plan.CreateGroup:
		return j.create(ctx, add)
	case plan.DeleteGroup:
		if err := j.delete(ctx); err != nil {
			return err
		}
		return j.confirmed(target.Outcome{Gone: true, Final: true})
	case plan.ReplaceGroup:
		if err := j.delete(ctx); err != nil {
			return err
		}
		if err := j.confirmed(target.Outcome{Gone: true}); err != nil {
			return err
		}
		j.id = ""
		return j.create(ctx, add)
	case plan.AdoptGroup, plan.UpdateGroup, plan.UpdateMembers:
		if err := j.rename(ctx); err != nil {
			return err
		}
		return j.move(ctx, add, remove, false)
	default:
		return fmt.Errorf("there is no action %q", j.change.Action)
	}
}

// confirmed hands an outcome on. Its error ends Apply.
func (j *job) confirmed(o target.Outcome) error {
	o.Change, o.RemoteID = j.change, j.id
	if o.Err == nil && !o.Gone && !j.told {
		o.Attributes, j.told = true, true
	}
	if err := j.confirm(o); err != nil {
		return stop{err}
	}
	return nil
}

// body is what the group is made of.
func (j *job) body() map[string]any {
	name := j.change.After.String(displayName)
	kind := j.cfg.GroupKind
	b := map[string]any{"displayName": name, "mailNickname": nickname(kind, j.change.Key, name)}
	switch kind {
	case class:
		b["externalId"], b["externalSource"] = j.change.Key, "sis"
	case microsoft365:
		b["mailEnabled"], b["securityEnabled"], b["groupTypes"] = true, false, []string{"Unified"}
	default:
		b["mailEnabled"], b["securityEnabled"] = false, true
	}
	return b
}

// create makes the group, or takes up the one that an earlier try has made. The first
// members travel with it where nobody stands in their way.
func (j *job) create(ctx context.Context, add []member) error {
	if j.cfg.GroupKind == class {
		if err := j.makeClass(ctx); err != nil {
			return err
		}
		return j.move(ctx, add, nil, true)
	}
	first := add[:min(len(add), perBind)]
	body := j.body()
	if len(first) > 0 {
		body["members@odata.bind"] = j.links(first)
	}
	err := j.upsert(ctx, body)
	if len(first) > 0 && isStatus(err, http.StatusBadRequest, http.StatusNotFound) {
		// A member who is there already, or is not known, spoils the whole.
		delete(body, "members@odata.bind")
		first = nil
		err = j.upsert(ctx, body)
	}
	if err != nil {
		return err
	}
	rest := add[len(first):]
	if err := j.confirmed(target.Outcome{Added: keys(first), Final: len(rest) == 0}); err != nil || len(rest) == 0 {
		return err
	}
	return j.move(ctx, rest, nil, false)
}

var errNoGroup = errors.New("the group is said to be there and is not found")

// upsert makes the group by its unique name, or updates it. Doing it twice is the same as
// doing it once.
func (j *job) upsert(ctx context.Context, body map[string]any) error {
	name := uniqueName(j.change.Key)
	var made graphGroup
	_, err := j.do(ctx, call{
		method: http.MethodPatch, path: byName(name), route: "/groups(uniqueName)",
		header: map[string]string{"Prefer": "create-if-missing"}, body: body,
	}, &made)
	if err != nil {
		return err
	}
	if made.ID == "" { // 204: it was there
		_, err := j.do(ctx, call{method: http.MethodGet, path: byName(name) + query("$select", "id"), route: "/groups(uniqueName)"}, &made)
		if scim.IsNotFound(err) {
			return errNoGroup
		}
		if err != nil {
			return err
		}
	}
	if !isID(made.ID) {
		return errNotAnID
	}
	j.id = made.ID
	return nil
}

// makeClass makes an education class. These know no upsert; the mail nickname, which no
// two of them can share, stands in.
func (j *job) makeClass(ctx context.Context) error {
	body := j.body()
	nick, _ := body["mailNickname"].(string)
	found, err := j.groupsBy(ctx, "mailNickname", nick)
	if err != nil {
		return err
	}
	if len(found) > 0 {
		j.id = found[0].ID
		return j.patch(ctx, map[string]any{"displayName": body["displayName"]})
	}
	var made graphGroup
	_, err = j.do(ctx, call{method: http.MethodPost, path: "/education/classes", route: "/education/classes", body: body}, &made)
	if scim.IsConflict(err) { // a try whose answer was lost
		if found, lookErr := j.groupsBy(ctx, "mailNickname", nick); lookErr == nil && len(found) > 0 {
			made, err = found[0], nil
		}
	}
	if err == nil && !isID(made.ID) {
		err = errNotAnID
	}
	j.id = made.ID
	return err
}

// rename carries out what changes of the group itself, which is its name.
func (j *job) rename(ctx context.Context) error {
	body := map[string]any{}
	for _, f := range j.change.Set {
		if f.Path == displayName && !scim.IsUnassigned(f.After) {
			body["displayName"] = f.After
		}
	}
	if len(body) == 0 {
		return nil
	}
	return j.patch(ctx, body)
}

func (j *job) patch(ctx context.Context, body map[string]any) error {
	path, err := groupPath(j.id)
	if err != nil {
		return err
	}
	_, err = j.do(ctx, call{method: http.MethodPatch, path: path, route: "/groups/{id}", body: body}, nil)
	j.gone = scim.IsNotFound(err)
	return err
}

func (j *job) delete(ctx context.Context) error {
	path, err := groupPath(j.id)
	if err != nil {
		return err
	}
	_, err = j.do(ctx, call{method: http.MethodDelete, path: path, route: "/groups/{id}"}, nil)
	if scim.IsNotFound(err) {
		return nil // which was wanted
	}
	return err
}

// links are the members as Graph wants them to be bound.
func (t *Target) links(members []member) []string {
	out := make([]string, len(members))
	for i, m := range members {
		out[i] = t.link(m.id)
	}
	return out
}

func (t *Target) link(id string) string { return t.base + "/directoryObjects/" + url.PathEscape(id) }
