package entra

import (
	"maps"
	"slices"
	"strings"
	"unicode/utf8"
)

// kind is what values a property takes.
type kind byte

const (
	kindUnknown kind = iota
	kindText
	kindFlag
	kindTexts
	kindObject
	kindReadOnly
)

// userKind says what a user's property takes. Only those are served that a school's
// roll could fill.
func userKind(name string) kind {
	switch name {
	case "displayName", "givenName", "surname", "userPrincipalName", "mailNickname", "employeeId", "employeeType", "jobTitle", "department",
		"companyName", "officeLocation", "mail", "mobilePhone", "faxNumber", "preferredLanguage", "usageLocation", "userType",
		"onPremisesImmutableId", "streetAddress", "city", "state", "postalCode", "country", "ageGroup", "consentProvidedForMinor",
		"employeeHireDate", "employeeLeaveDateTime":
		return kindText
	case "accountEnabled":
		return kindFlag
	case "businessPhones", "otherMails":
		return kindTexts
	case "passwordProfile", "employeeOrgData", "onPremisesExtensionAttributes":
		return kindObject
	case "id", "createdDateTime", "deletedDateTime":
		return kindReadOnly
	default:
		return kindUnknown
	}
}

func groupKind(name string) kind {
	switch name {
	case "displayName", "description", "mailNickname", "uniqueName", "visibility", "preferredLanguage":
		return kindText
	case "mailEnabled", "securityEnabled":
		return kindFlag
	case "groupTypes":
		return kindTexts
	case "id", "createdDateTime", "deletedDateTime", "mail":
		return kindReadOnly
	default:
		return kindUnknown
	}
}

func classKind(name string) kind {
	switch name {
	case "displayName", "mailNickname", "description", "classCode", "externalId", "externalName", "externalSource", "externalSourceDetail", "grade":
		return kindText
	case "term", "createdBy":
		return kindObject
	case "id":
		return kindReadOnly
	default:
		return kindUnknown
	}
}

// userDefaults are the properties that a user is shown with where none are selected:
// neither employeeId nor accountEnabled is among them.
func userDefaults() []string {
	return []string{
		"businessPhones", "displayName", "givenName", "id", "jobTitle", "mail", "mobilePhone", "officeLocation", "preferredLanguage", "surname", "userPrincipalName",
	}
}

func groupDefaults() []string {
	return []string{
		"id", "createdDateTime", "deletedDateTime", "description", "displayName", "groupTypes", "mail", "mailEnabled", "mailNickname",
		"preferredLanguage", "securityEnabled", "uniqueName", "visibility",
	}
}

// longest is a text property's documented length in characters, zero for none.
func (s *Service) longest(name string) int {
	switch name {
	case "employeeId":
		return s.options.EmployeeIDMax
	case "displayName":
		return 256
	case "jobTitle", "uniqueName":
		return 128
	case "givenName", "surname", "department", "companyName", "mailNickname", "mobilePhone":
		return 64
	default:
		return 0
	}
}

// check refuses values that do not fit their properties. Null clears.
func (s *Service) check(props map[string]any, kindOf func(string) kind) error {
	for _, name := range slices.Sorted(maps.Keys(props)) {
		k, value := kindOf(name), props[name]
		switch {
		case strings.HasSuffix(name, "@odata.bind"), name == "@odata.type":
			continue
		case k == kindUnknown:
			return badRequest("Resource does not exist: one of the properties is not declared: %s.", name)
		case k == kindReadOnly:
			return badRequest("Property '%s' is read-only and cannot be set.", name)
		case value != nil && !k.takes(value):
			return badRequest("Invalid value specified for property '%s' of resource.", name)
		}
		if most := s.longest(name); most > 0 && k == kindText && value != nil && utf8.RuneCountInString(value.(string)) > most {
			return &problem{
				status: 400, code: "Request_BadRequest", logCode: "AzureActiveDirectoryInvalidValue",
				message: "Invalid value specified for property '" + name + "': it is too long.",
			}
		}
	}
	return nil
}

// takes tells whether the value is of the kind. Empty text is none.
func (k kind) takes(value any) bool {
	switch v := value.(type) {
	case string:
		return k == kindText && v != ""
	case bool:
		return k == kindFlag
	case []any:
		for _, item := range v {
			if _, ok := item.(string); !ok {
				return false
			}
		}
		return k == kindTexts
	case map[string]any:
		return k == kindObject
	default:
		return false
	}
}

// required refuses an object without the properties that its creation needs.
func required(props map[string]any, names ...string) error {
	for _, name := range names {
		if props[name] == nil {
			return badRequest("A value is required for property '%s' of resource.", name)
		}
	}
	return nil
}

// checkName refuses user names that Entra ID does: only these characters, and a suffix
// that is a verified domain.
func (s *Service) checkName(name string) error {
	invalid := func(code, message string) error {
		return &problem{status: 400, code: "Request_BadRequest", logCode: code, message: message}
	}
	local, domain, ok := strings.Cut(name, "@")
	legal := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("'.-_!#^~", r)
	}
	if !ok || local == "" || len(local) > 64 || strings.IndexFunc(local, func(r rune) bool { return !legal(r) }) >= 0 {
		return invalid("AzureActiveDirectoryInvalidUserPrincipalName", "Property userPrincipalName is invalid.")
	}
	for _, verified := range append([]string{InitialDomain}, s.options.Domains...) {
		if strings.EqualFold(domain, verified) {
			return nil
		}
	}
	return invalid("AzureActiveDirectoryDomainNotFound",
		"The domain portion of the userPrincipalName property is invalid: the domain does not exist. You must use one of the verified domain names in your organization.")
}

// checkNickname refuses what a mail alias may not hold.
func checkNickname(props map[string]any) error {
	s, _ := props["mailNickname"].(string)
	bad := func(r rune) bool { return r <= ' ' || r > 126 || strings.ContainsRune(`@()\[]";:<>,`, r) }
	if strings.IndexFunc(s, bad) >= 0 {
		return badRequest("Invalid value specified for property 'mailNickname' of resource.")
	}
	return nil
}
