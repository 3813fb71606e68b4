package entra

import (
	"slices"
	"strings"

	"simscim/connector/target"
	"simscim/scim"
)

const workMail scim.Path = `emails[type eq "work"].value`

// graphUser is a user as Graph shows it, with the properties that were selected.
type graphUser map[string]any

func (u graphUser) text(name string) string {
	s, _ := u[name].(string)
	return s
}

// property is where Entra ID keeps an attribute by the default mapping of the provisioning
// app. What is not here cannot be read back.
func property(path scim.Path) (name string, ok bool) {
	switch path {
	case "id":
		return "id", true
	case externalID, scim.EnterpriseURN + ":employeeNumber":
		return "employeeId", true
	case "userName":
		return "userPrincipalName", true
	case "active":
		return "accountEnabled", true
	case "displayName", "preferredLanguage":
		return string(path), true
	case "name.givenName":
		return "givenName", true
	case "name.familyName":
		return "surname", true
	case "title":
		return "jobTitle", true
	case "userType":
		return "employeeType", true
	case workMail, `emails[type eq "work"].primary`:
		return "mail", true
	case `phoneNumbers[type eq "mobile"].value`:
		return "mobilePhone", true
	case scim.EnterpriseURN + ":department":
		return "department", true
	case scim.EnterpriseURN + ":organization":
		return "companyName", true
	case `addresses[type eq "work"].streetAddress`:
		return "streetAddress", true
	case `addresses[type eq "work"].locality`:
		return "city", true
	case `addresses[type eq "work"].region`:
		return "state", true
	case `addresses[type eq "work"].postalCode`:
		return "postalCode", true
	case `addresses[type eq "work"].country`:
		return "country", true
	default:
		return "", false
	}
}

// filterable is the property of an attribute by which Graph finds users.
func filterable(path scim.Path) (string, bool) {
	name, ok := property(path)
	return name, ok && (name != "mail" || path == workMail) && slices.Contains([]string{"employeeId", "userPrincipalName", "mail", "displayName", "givenName", "surname", "department"}, name)
}

// selected lists the properties that the paths need: what is not selected is not shown.
func selected(paths []scim.Path) string {
	names := []string{"id", "employeeId"}
	for _, path := range paths {
		if name, ok := property(path); ok && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return strings.Join(names, ",")
}

func (u graphUser) value(path scim.Path) (any, bool) {
	name, ok := property(path)
	if !ok || scim.IsUnassigned(u[name]) {
		return nil, false
	}
	if name == "mail" && path != workMail {
		return true, true // it is the only one, and so the first
	}
	return u[name], true
}

// object takes out of a user what was asked for.
func (u graphUser) object(paths []scim.Path) target.Object {
	o := target.Object{Kind: scim.User, RemoteID: u.text("id"), ExternalID: u.text("employeeId")}
	for _, path := range paths {
		if v, ok := u.value(path); ok {
			o.Attributes = append(o.Attributes, scim.Attribute{Path: path, Value: v})
		}
	}
	o.Attributes = o.Attributes.Sort()
	return o
}
