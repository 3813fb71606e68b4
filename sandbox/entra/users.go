package entra

import (
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// view shows the properties that are selected, or those shown without asking.
func (c *call) view(o *object, defaults []string, kindOf func(string) kind) (map[string]any, error) {
	names := defaults
	if c.query.Has("$select") {
		names = strings.Split(c.query.Get("$select"), ",")
	}
	out := map[string]any{}
	for _, name := range names {
		name = strings.TrimSpace(name)
		switch k := kindOf(name); {
		case k == kindUnknown:
			return nil, badRequest("Could not find a property named '%s'.", name)
		case name == "id":
		case name == "createdDateTime":
			out[name] = o.created.UTC().Format(time.RFC3339)
		case name == "passwordProfile": // never shown
			out[name] = nil
		case k == kindTexts && o.props[name] == nil:
			out[name] = []any{}
		default:
			out[name] = o.props[name]
		}
	}
	out["id"] = o.id
	return out, nil
}

func (c *call) viewUser(o *object) (map[string]any, error) {
	return c.view(o, userDefaults(), userKind)
}

func (c *call) viewGroup(o *object) (map[string]any, error) {
	return c.view(o, groupDefaults(), groupKind)
}

// list answers with a page of what meets the filter.
func (c *call) list(from []*object, filter []clause, show func(*object) (map[string]any, error)) (reply, error) {
	if err := c.only("$filter", "$select", "$top", "$skiptoken", "$count"); err != nil {
		return reply{}, err
	}
	top, err := c.top(999)
	if err != nil {
		return reply{}, err
	}
	if token := c.query.Get("$skiptoken"); token != "" {
		seq, err := strconv.Atoi(token)
		if err != nil {
			return reply{}, badRequest("The specified page token value has expired or is not valid.")
		}
		from = after(from, seq)
	}
	body, page, last := map[string]any{}, []any{}, 0
	for _, o := range from {
		if o.gone != "" || !o.meets(filter) {
			continue
		}
		if len(page) == top {
			body["@odata.nextLink"] = c.next(strconv.Itoa(last))
			break
		}
		doc, err := show(o)
		if err != nil {
			return reply{}, err
		}
		page, last = append(page, doc), o.seq
	}
	body["value"] = page
	return reply{status: http.StatusOK, body: body}, nil
}

// meets compares texts regardless of case, as the directory does.
func (o *object) meets(filter []clause) bool {
	return !slices.ContainsFunc(filter, func(cl clause) bool {
		value, present := o.text(cl.path), o.props[cl.path] != nil
		switch v := o.props[cl.path].(type) {
		case bool:
			value = strconv.FormatBool(v)
		case nil:
			if cl.path == "id" {
				value, present = o.id, true
			}
		}
		return !cl.holds(value, present, true)
	})
}

func (c *call) listUsers() (reply, error) {
	filter, err := parseFilter(c.query.Get("$filter"), func(path string) []string {
		switch path {
		case "id", "userPrincipalName", "mail", "mailNickname", "employeeId", "displayName", "givenName", "surname", "department":
			return []string{"eq", "in", "startswith"}
		case "accountEnabled":
			return []string{"eq"}
		default:
			return nil
		}
	})
	if err != nil {
		return reply{}, err
	}
	from := c.directory.users
	for _, cl := range filter { // the two that are looked up often need no walk
		switch {
		case cl.path == "employeeId" && cl.op == "eq" && cl.values[0].quoted:
			from = c.directory.employee(cl.values[0].text)
		case cl.path == "userPrincipalName" && cl.op == "eq":
			from = nil
			if o := c.directory.user(cl.values[0].text); o != nil {
				from = []*object{o}
			}
		}
	}
	return c.list(from, filter, c.viewUser)
}

func (c *call) theUser() (*object, error) {
	if o := c.directory.user(c.path[1]); o != nil {
		return o, nil
	}
	return nil, missing(c.path[1])
}

func (c *call) readUser() (reply, error) {
	o, err := c.theUser()
	if err != nil {
		return reply{}, err
	}
	doc, err := c.viewUser(o)
	return reply{status: http.StatusOK, body: doc}, err
}

func (c *call) createUser() (reply, error) {
	props, err := c.object()
	if err != nil {
		return reply{}, err
	}
	if err := required(props, "accountEnabled", "displayName", "mailNickname", "passwordProfile", "userPrincipalName"); err != nil {
		return reply{}, err
	}
	profile, _ := props["passwordProfile"].(map[string]any)
	if password, _ := profile["password"].(string); password == "" {
		return reply{}, badRequest("A value is required for property 'password' of resource.")
	}
	o := &object{id: c.newID(), user: true, created: c.at}
	if err := c.putUser(o, props); err != nil {
		return reply{}, err
	}
	doc, err := c.viewUser(o)
	return reply{status: http.StatusCreated, body: doc}, err
}

// putUser changes the user by the properties that are given.
func (s *Service) putUser(o *object, given map[string]any) error {
	if err := s.check(given, userKind); err != nil {
		return err
	}
	for _, name := range []string{"accountEnabled", "displayName", "mailNickname", "userPrincipalName"} {
		if value, ok := given[name]; ok && value == nil {
			return badRequest("A value is required for property '%s' of resource.", name)
		}
	}
	if name, ok := given["userPrincipalName"].(string); ok {
		if err := s.checkName(name); err != nil {
			return err
		}
	}
	if err := checkNickname(given); err != nil {
		return err
	}
	return s.directory.put(o, merged(o.props, given))
}

// merged lays the given properties over the old ones. Passwords are never kept.
func merged(old, given map[string]any) map[string]any {
	out := map[string]any{}
	maps.Copy(out, old)
	for name, value := range given {
		switch {
		case value == nil:
			delete(out, name)
		case name != "passwordProfile" && !strings.Contains(name, "@odata."):
			out[name] = value
		}
	}
	return out
}

func (c *call) updateUser() (reply, error) {
	o, err := c.theUser()
	if err != nil {
		return reply{}, err
	}
	props, err := c.object()
	if err != nil {
		return reply{}, err
	}
	return reply{status: http.StatusNoContent}, c.putUser(o, props)
}

func (c *call) deleteUser() (reply, error) {
	o, err := c.theUser()
	if err != nil {
		return reply{}, err
	}
	c.directory.remove(o)
	return reply{status: http.StatusNoContent}, nil
}
