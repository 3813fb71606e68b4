package entra

import (
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// maxBound is how many members and owners a request may bind.
const maxBound = 20

// bound are the ids of "members@odata.bind", checked: one that is not there or is a
// member already spoils them all.
func (c *call) bound(g *object, given map[string]any) ([]string, error) {
	total, members := 0, []string(nil)
	for _, name := range slices.Sorted(maps.Keys(given)) {
		if !strings.HasSuffix(name, "@odata.bind") {
			continue
		}
		list, ok := given[name].([]any)
		if !ok || name != "members@odata.bind" && name != "owners@odata.bind" {
			return nil, badRequest("Invalid value specified for property '%s' of resource.", name)
		}
		total += len(list)
		for _, item := range list {
			o, err := c.referenced(item)
			if err != nil {
				return nil, err
			}
			if name == "members@odata.bind" {
				members = append(members, o.id)
			}
		}
	}
	if total > maxBound {
		return nil, badRequest("The number of references in the request exceeds the maximum of %d.", maxBound)
	}
	for i, id := range members {
		if err := admits(g, c.directory.get(id)); err != nil {
			return nil, err
		}
		if slices.Contains(members[:i], id) {
			return nil, exists()
		}
	}
	return members, nil
}

// referenced is the object of a reference, which is a whole URL.
func (c *call) referenced(value any) (*object, error) {
	invalid := badRequest("Invalid reference: it is to be the URL of a directory object.")
	s, _ := value.(string)
	u, err := url.Parse(s)
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
		return nil, invalid
	}
	path := strings.Split(strings.Trim(u.Path, "/"), "/")
	if len(path) != 3 || path[0] != "v1.0" && path[0] != "beta" || !slices.Contains([]string{"directoryObjects", "users", "groups"}, path[1]) {
		return nil, invalid
	}
	o := c.directory.get(path[2])
	if o == nil || path[1] == "users" && !o.user || path[1] == "groups" && o.user {
		return nil, missing(path[2])
	}
	return o, nil
}

func exists() error {
	return badRequest("One or more added object references already exist for the following modified properties: 'members'.")
}

// admits tells whether the object can become a member.
func admits(g, o *object) error {
	if _, is := g.members[o.id]; is {
		return exists()
	}
	if o == g || g.unified() && !o.user {
		return badRequest("The object cannot be a member of this group.")
	}
	return nil
}

func (c *call) addMember() (reply, error) {
	g, err := c.theGroup()
	if err != nil {
		return reply{}, err
	}
	doc, err := c.object()
	if err != nil {
		return reply{}, err
	}
	o, err := c.referenced(doc["@odata.id"])
	if err != nil {
		return reply{}, err
	}
	if err := admits(g, o); err != nil {
		return reply{}, err
	}
	c.directory.join(g, o.id)
	return reply{status: http.StatusNoContent}, nil
}

// theMember is the group and the member in the path.
func (c *call) theMember() (g, o *object, err error) {
	if g, err = c.theGroup(); err != nil {
		return nil, nil, err
	}
	o = c.directory.get(c.path[3])
	if o == nil {
		return nil, nil, missing(c.path[3])
	}
	if _, is := g.members[o.id]; !is {
		return nil, nil, missing(c.path[3])
	}
	return g, o, nil
}

func (c *call) removeMember() (reply, error) {
	g, o, err := c.theMember()
	if err != nil {
		return reply{}, err
	}
	c.directory.leave(g, o.id)
	return reply{status: http.StatusNoContent}, nil
}

// deleteMember is what leaving out /$ref does: the member itself is deleted. It is
// remembered, so that a test can prove that nobody asked for it.
func (c *call) deleteMember() (reply, error) {
	_, o, err := c.theMember()
	if err != nil {
		return reply{}, err
	}
	c.directory.remove(o)
	c.directory.byMember = append(c.directory.byMember, o.id)
	return reply{status: http.StatusNoContent}, nil
}

// listMembers pages by the order in which members came.
func (c *call) listMembers() (reply, error) {
	g, err := c.theGroup()
	if err != nil {
		return reply{}, err
	}
	if err := c.only("$select", "$top", "$skiptoken"); err != nil {
		return reply{}, err
	}
	top, err := c.top(999)
	if err != nil {
		return reply{}, err
	}
	rev, err := strconv.Atoi("0" + c.query.Get("$skiptoken"))
	if err != nil {
		return reply{}, badRequest("The specified page token value has expired or is not valid.")
	}
	ids := since(g.members, rev)
	body := map[string]any{}
	if len(ids) > top {
		ids = ids[:top]
		body["@odata.nextLink"] = c.next(strconv.Itoa(g.members[ids[top-1]]))
	}
	page := []any{}
	for _, id := range ids {
		o := c.directory.get(id)
		show, kindName := c.viewUser, "user"
		if !o.user {
			show, kindName = c.viewGroup, "group"
		}
		doc, err := show(o)
		if err != nil {
			return reply{}, err
		}
		doc["@odata.type"] = "#microsoft.graph." + kindName
		page = append(page, doc)
	}
	body["value"] = page
	return reply{status: http.StatusOK, body: body}, nil
}
