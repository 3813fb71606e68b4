package roster

import "strings"

// CanonicalID returns a source's id as we keep it: trimmed, and a GUID in lower case
// without braces. The same GUID comes back in different spellings from different
// endpoints and interfaces of one system, and must not become a second person or
// school. Any other id is opaque.
func CanonicalID(id string) string {
	id = strings.TrimSpace(id)
	bare := strings.TrimSuffix(strings.TrimPrefix(id, "{"), "}")
	if IsGUID(bare) {
		return strings.ToLower(bare)
	}
	return id
}

// IsGUID tells whether s is a GUID in its usual form, without braces.
func IsGUID(s string) bool {
	if len(s) != 36 {
		return false
	}
	for i := range len(s) {
		switch c := s[i]; {
		case i == 8 || i == 13 || i == 18 || i == 23:
			if c != '-' {
				return false
			}
		case c >= '0' && c <= '9', c >= 'a' && c <= 'f', c >= 'A' && c <= 'F':
		default:
			return false
		}
	}
	return true
}
