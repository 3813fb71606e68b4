package entra

import (
	"net/http"
	"strings"
)

func (c *call) listGroups() (reply, error) {
	filter, err := parseFilter(c.query.Get("$filter"), func(path string) []string {
		switch path {
		case "id", "displayName", "mailNickname", "uniqueName":
			return []string{"eq", "in", "startswith"}
		case "securityEnabled", "mailEnabled":
			return []string{"eq"}
		default:
			return nil
		}
	})
	if err != nil {
		return reply{}, err
	}
	return c.list(c.directory.groups, filter, c.viewGroup)
}

// uniqueName reads the key of groups(uniqueName='…'), where a quote is doubled.
func uniqueName(segment string) (string, bool) {
	rest, named := strings.CutPrefix(segment, "(uniqueName='")
	rest, closed := strings.CutSuffix(rest, "')")
	plain := strings.ReplaceAll(rest, "''", "'")
	return plain, named && closed && plain != "" && strings.Count(rest, "'") == 2*strings.Count(plain, "'")
}

// theGroup is the one in the path: by its id or by its unique name.
func (c *call) theGroup() (*object, error) {
	id := c.path[1]
	if strings.HasPrefix(id, "(") {
		name, ok := uniqueName(id)
		if !ok {
			return nil, badRequest("The key in the path is not valid.")
		}
		id = c.directory.unique[[2]string{"uniqueName", strings.ToLower(name)}]
	}
	if o := c.directory.get(id); o != nil && !o.user {
		return o, nil
	}
	return nil, missing(c.path[1])
}

func (c *call) readGroup() (reply, error) {
	o, err := c.theGroup()
	if err != nil {
		return reply{}, err
	}
	doc, err := c.viewGroup(o)
	return reply{status: http.StatusOK, body: doc}, err
}

func (c *call) createGroup() (reply, error) {
	props, err := c.object()
	if err != nil {
		return reply{}, err
	}
	return c.newGroup(props)
}

// newGroup makes a security group or a Microsoft 365 group, with its first members.
func (c *call) newGroup(props map[string]any) (reply, error) {
	if err := required(props, "displayName", "mailEnabled", "mailNickname", "securityEnabled"); err != nil {
		return reply{}, err
	}
	o := &object{id: c.newID(), created: c.at, members: map[string]int{}, left: map[string]int{}}
	if err := c.putGroup(o, props); err != nil {
		return reply{}, err
	}
	doc, err := c.viewGroup(o)
	return reply{status: http.StatusCreated, body: doc}, err
}

// putGroup changes the group and adds the members that are bound: all or nothing.
func (c *call) putGroup(o *object, given map[string]any) error {
	if err := c.check(given, groupKind); err != nil {
		return err
	}
	if err := checkNickname(given); err != nil {
		return err
	}
	props := merged(o.props, given)
	if err := required(props, "displayName", "mailEnabled", "mailNickname", "securityEnabled"); err != nil {
		return err
	}
	if old, now := o.text("uniqueName"), props["uniqueName"]; old != "" && now != old {
		return badRequest("Property 'uniqueName' cannot be changed once it is set.")
	}
	trial := object{props: props}
	switch mail, secure := props["mailEnabled"] == true, props["securityEnabled"] == true; {
	case trial.unified() && !mail, !trial.unified() && mail:
		return badRequest("Only Microsoft 365 groups can be mail-enabled, and they have to be.")
	case !mail && !secure:
		return badRequest("The group is to be mail-enabled or security-enabled.")
	case o.props != nil && o.unified() != trial.unified():
		return badRequest("Property 'groupTypes' cannot be changed in this way.")
	}
	ids, err := c.bound(o, given)
	if err != nil {
		return err
	}
	if trial.unified() {
		props["mail"] = strings.ToLower(trial.text("mailNickname")) + "@" + InitialDomain
	}
	if err := c.directory.put(o, props); err != nil {
		return err
	}
	for _, id := range ids {
		c.directory.join(o, id)
	}
	return nil
}

// updateGroup creates the group that is not there if the client prefers that and names
// it by its unique name.
func (c *call) updateGroup() (reply, error) {
	props, err := c.object()
	if err != nil {
		return reply{}, err
	}
	o, err := c.theGroup()
	if err == nil {
		roles := []string{RoleGroupWrite, RoleDirectoryWrite} // Group.Create alone changes nothing
		if _, binds := props["members@odata.bind"]; binds && len(props) == 1 {
			roles = append(roles, RoleMemberWrite)
		}
		if err := c.who.may(roles...); err != nil {
			return reply{}, err
		}
		return reply{status: http.StatusNoContent}, c.putGroup(o, props)
	}
	name, named := uniqueName(c.path[1])
	if !named || !prefers(c.r, "create-if-missing") {
		return reply{}, err
	}
	if given, ok := props["uniqueName"]; ok && given != name {
		return reply{}, badRequest("The unique name in the body is not that of the path.")
	}
	if err := c.who.may(RoleGroupCreate, RoleGroupWrite, RoleDirectoryWrite); err != nil {
		return reply{}, err
	}
	props["uniqueName"] = name
	return c.newGroup(props)
}

// prefers tells whether a Prefer header holds the preference (RFC 7240 §2).
func prefers(r *http.Request, want string) bool {
	for _, line := range r.Header.Values("Prefer") {
		for p := range strings.SplitSeq(line, ",") {
			if strings.EqualFold(strings.TrimSpace(p), want) {
				return true
			}
		}
	}
	return false
}

func (c *call) deleteGroup() (reply, error) {
	o, err := c.theGroup()
	if err != nil {
		return reply{}, err
	}
	c.directory.remove(o)
	return reply{status: http.StatusNoContent}, nil
}

// createClass makes a class, which is a Microsoft 365 group with some more properties.
func (c *call) createClass() (reply, error) {
	given, err := c.object()
	if err != nil {
		return reply{}, err
	}
	if err := c.check(given, classKind); err != nil {
		return reply{}, err
	}
	if err := required(given, "displayName", "mailNickname"); err != nil {
		return reply{}, err
	}
	if err := checkNickname(given); err != nil {
		return reply{}, err
	}
	if source := given["externalSource"]; source != nil && source != "sis" && source != "manual" {
		return reply{}, badRequest("Invalid value specified for property 'externalSource' of resource.")
	}
	props := merged(nil, given)
	props["mailEnabled"], props["securityEnabled"], props["groupTypes"] = true, false, []any{"Unified"}
	o := &object{id: c.newID(), class: true, created: c.at, members: map[string]int{}, left: map[string]int{}}
	if err := c.directory.put(o, props); err != nil {
		return reply{}, err
	}
	doc, err := c.viewClass(o)
	return reply{status: http.StatusCreated, body: doc}, err
}

func (c *call) viewClass(o *object) (map[string]any, error) {
	doc, err := c.view(o, []string{
		"displayName", "mailNickname", "description", "classCode", "externalId", "externalName", "externalSource", "externalSourceDetail", "grade", "term", "createdBy",
	}, classKind)
	if err == nil {
		doc["@odata.type"] = "#microsoft.graph.educationClass"
	}
	return doc, err
}

func (c *call) readClass() (reply, error) {
	o := c.directory.get(c.path[2])
	if o == nil || !o.class {
		return reply{}, missing(c.path[2])
	}
	doc, err := c.viewClass(o)
	return reply{status: http.StatusOK, body: doc}, err
}
