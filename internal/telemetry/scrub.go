package telemetry

import (
	"regexp"
	"strings"
)

// The patterns are compiled once, at load; they are constants in all but name.
//
// An e-mail address is what most user names are. A query may hold a filter, and a
// filter holds a name: targets like to repeat it in their errors.
var (
	filterPattern = regexp.MustCompile(`(?i)\b(eq|ne|co|sw|ew|gt|ge|lt|le)\s*\\?"[^"]*"?`)
	queryPattern  = regexp.MustCompile(`(https?://[^\s"'?#]+|/[^\s"'?#]*)\?[^\s"']*`)
	mailPattern   = regexp.MustCompile(`[^\s"'<>()\[\]{}:;,=/\\@]+(@|%40)[^\s"'<>()\[\]{}:;,=/\\@]+`)
	bearerPattern = regexp.MustCompile(`(?i)\b(bearer|basic)\s+[A-Za-z0-9._~+/=-]{8,}`)
	jwtPattern    = regexp.MustCompile(`eyJ[A-Za-z0-9_-]{8,}(\.[A-Za-z0-9_-]*){0,2}`)
	userPattern   = regexp.MustCompile(`(://)[^\s/@"']*@`)
)

// scrub hides what looks like an address, a credential or a query in a text.
func scrub(s string) string {
	if strings.Contains(s, `"`) {
		s = filterPattern.ReplaceAllString(s, "$1 <value>")
	}
	if strings.Contains(s, "?") {
		s = queryPattern.ReplaceAllString(s, "$1?<query>")
	}
	if strings.Contains(s, "@") {
		s = userPattern.ReplaceAllString(s, "${1}<user>@")
	}
	if strings.Contains(s, "@") || strings.Contains(s, "%40") {
		s = mailPattern.ReplaceAllString(s, "<email>")
	}
	if strings.Contains(s, "eyJ") {
		s = jwtPattern.ReplaceAllString(s, "<token>")
	}
	return bearerPattern.ReplaceAllString(s, "$1 <token>")
}
