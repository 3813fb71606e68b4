package entra

import (
	"errors"
	"maps"
	"reflect"
	"slices"
	"strings"
	"time"

	"simscim/scim"
)

// inbound maps a record to the properties of a user, as the default mapping of the app
// does. What the record leaves out is left out; null and empty text clear.
func inbound(data map[string]any) map[string]any {
	out := map[string]any{}
	set := func(from map[string]any, name, property string) {
		if value, ok := scim.Member(from, name); ok {
			if value == "" {
				value = nil
			}
			out[property] = value
		}
	}
	for name, property := range map[string]string{
		"externalId": "employeeId", "userName": "userPrincipalName", "active": "accountEnabled", "displayName": "displayName",
		"title": "jobTitle", "userType": "employeeType", "preferredLanguage": "preferredLanguage",
	} {
		set(data, name, property)
	}
	name := child(data, "name")
	set(name, "givenName", "givenName")
	set(name, "familyName", "surname")
	enterprise := child(data, scim.EnterpriseURN)
	set(enterprise, "department", "department")
	set(enterprise, "organization", "companyName")
	set(typed(data, "emails", "work"), "value", "mail")
	set(typed(data, "phoneNumbers", "mobile"), "value", "mobilePhone")
	address := typed(data, "addresses", "work")
	set(address, "streetAddress", "streetAddress")
	set(address, "locality", "city")
	set(address, "region", "state")
	set(address, "postalCode", "postalCode")
	set(address, "country", "country")
	return out
}

func child(of map[string]any, name string) map[string]any {
	value, _ := scim.Member(of, name)
	object, _ := value.(map[string]any)
	return object
}

// typed is the value of a multi-valued attribute that has the type.
func typed(data map[string]any, name, kind string) map[string]any {
	value, _ := scim.Member(data, name)
	list, _ := value.([]any)
	for _, item := range list {
		object, _ := item.(map[string]any)
		if got, _ := scim.Member(object, "type"); got == kind {
			return object
		}
	}
	return nil
}

// process takes one record in and logs what became of it. It tells whether it went well.
func (s *Service) process(j *job, record staged, at time.Time) bool {
	e := s.newEntry(j, record.externalID, at)
	given := inbound(record.data)
	switch found := s.directory.employee(record.externalID); len(found) {
	case 0:
		if given["accountEnabled"] == nil {
			given["accountEnabled"] = true
		}
		upn, _ := given["userPrincipalName"].(string)
		if alias, _, _ := strings.Cut(upn, "@"); alias != "" { // at creation only
			given["mailNickname"] = alias
		}
		return s.export(e, &object{id: s.newID(), user: true, created: at}, "create", given, record.data)
	case 1:
		e.onto(found[0])
		return s.export(e, found[0], "update", given, record.data)
	default:
		e.fail("other", "AzureActiveDirectoryMultipleMatches", "More than one user matches the record.")
		return false
	}
}

// export writes what is new to the user.
func (s *Service) export(e *entry, o *object, action string, given, data map[string]any) bool {
	before, manager := o.props, o.manager
	changed, custom := changes(before, given), merged(o.custom, customOf(data))
	if err := s.storeInbound(o, changed); err != nil {
		code := "AzureActiveDirectoryInvalidValue"
		if p, ok := errors.AsType[*problem](err); ok && p.logCode != "" {
			code = p.logCode
		}
		e.fail(action, code, err.Error())
		return false
	}
	same := before != nil && len(changed) == 0 && maps.EqualFunc(custom, o.custom, func(a, b any) bool { return reflect.DeepEqual(a, b) })
	o.custom = custom
	s.setManager(o, data)
	e.onto(o)
	e.modifyAll(before, changed)
	if o.manager != manager {
		e.modify("manager", manager, o.manager)
	}
	if same && o.manager == manager {
		e.skip()
		return true
	}
	e.succeed(action)
	return true
}

// storeInbound creates or changes the user. User names are not made unique for anybody.
func (s *Service) storeInbound(o *object, changed map[string]any) error {
	if o.props == nil {
		if err := required(changed, "userPrincipalName", "displayName"); err != nil {
			return err
		}
	}
	if o.props != nil && len(changed) == 0 {
		return nil
	}
	return s.putUser(o, changed)
}

// changes are the given properties that are not as they were.
func changes(old, given map[string]any) map[string]any {
	out := map[string]any{}
	for name, value := range given {
		if was, had := old[name]; value == nil && had || value != nil && !reflect.DeepEqual(was, value) {
			out[name] = value
		}
	}
	return out
}

// customOf is what the record holds in schemas that are not SCIM's.
func customOf(data map[string]any) map[string]any {
	out := map[string]any{}
	for name, value := range data {
		if strings.HasPrefix(strings.ToLower(name), "urn:") && !strings.EqualFold(name, scim.EnterpriseURN) {
			out[name] = value
		}
	}
	return out
}

// setManager points the user at the manager, by externalId, or waits for them.
func (s *Service) setManager(o *object, data map[string]any) {
	value, given := scim.Member(child(data, scim.EnterpriseURN), "manager")
	if !given {
		return
	}
	delete(s.waiting, o.id)
	manager, _ := value.(map[string]any)
	ref, _ := scim.Member(manager, "value")
	id, _ := ref.(string)
	found := s.directory.employee(id)
	switch {
	case id == "":
		o.manager = ""
	case len(found) == 1:
		o.manager = found[0].id
	default:
		s.waiting[o.id] = id
	}
}

// resolveManagers gives those who wait the managers who have come.
func (s *Service) resolveManagers(j *job, at time.Time) {
	users := slices.SortedFunc(maps.Keys(s.waiting), func(a, b string) int {
		return s.directory.objects[a].seq - s.directory.objects[b].seq
	})
	for _, id := range users {
		o, found := s.directory.get(id), s.directory.employee(s.waiting[id])
		if o == nil {
			delete(s.waiting, id)
			continue
		}
		if len(found) != 1 {
			continue
		}
		delete(s.waiting, id)
		e := s.newEntry(j, o.text("employeeId"), at)
		e.onto(o)
		e.modify("manager", o.manager, found[0].id)
		o.manager = found[0].id
		s.directory.touch(o)
		e.succeed("update")
	}
}
