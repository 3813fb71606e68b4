package telemetry

import "strings"

// telling tells whether a field of this name may hold a secret or personal data. Upper
// and lower case, and how words are joined, make no difference.
func telling(name string) bool {
	n := strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' {
			return r
		}
		return -1
	}, strings.ToLower(name))
	switch n {
	// As a part these stand in harmless names, such as siteName.
	case "name", "names", "label", "labels", "title", "key", "keys", "before", "after", "value", "values",
		"filter", "params", "args", "dsn", "sub", "jwt", "dob", "upn", "errorverbose":
		return true
	}
	for _, part := range tellingParts {
		if strings.Contains(n, part) {
			return true
		}
	}
	return false
}

// tellingParts are telling wherever they stand in a name.
var tellingParts = [...]string{
	// What opens doors.
	"authorization", "authorisation", "token", "secret", "password", "passwd", "passphrase",
	"credential", "cookie", "apikey", "privatekey", "assertion",
	// What says who somebody is.
	"username", "loginname", "displayname", "givenname", "familyname", "middlename", "preferredname",
	"fullname", "firstname", "lastname", "nickname", "formatted", "surname", "forename", "honorific",
	"email", "mailaddress", "phone", "mobile", "postcode", "postalcode", "streetaddress", "locality",
	"photo", "birth", "gender",
	// What may hold either.
	"body", "payload", "query",
}
