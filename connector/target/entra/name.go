package entra

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"strings"

	"github.com/google/uuid"

	"simscim/internal/translit"
)

const (
	// ours begins every uniqueName that we give.
	ours = "simscim."
	// hashed begins the rest of one whose key is too long to be spelt.
	hashed = "~~"
	// longestName is Graph's for uniqueName, longestNick for mailNickname.
	longestName, longestNick = 128, 64
)

// uniqueName spells a group's key with letters, digits, full stops and hyphens, an
// underscore before what is a capital, and ~ before the two digits of any other byte:
// unique names are compared without regard to case, and keys are not. A key that is too
// long for that becomes its hash.
func uniqueName(key string) string {
	var b strings.Builder
	b.WriteString(ours)
	for i := range len(key) {
		switch c := key[i]; {
		case c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == '.' || c == '-':
			b.WriteByte(c)
		case c >= 'A' && c <= 'Z':
			b.WriteByte('_')
			b.WriteByte(c | 0x20)
		default:
			b.WriteByte('~')
			b.WriteString(hex.EncodeToString([]byte{c}))
		}
	}
	if b.Len() <= longestName {
		return b.String()
	}
	return ours + hashed + digest(key, 32)
}

// keyOf reads the key out of a unique name, or returns "" where it is not one of ours, or
// holds a hash.
func keyOf(name string) string {
	rest, ok := strings.CutPrefix(strings.ToLower(name), ours)
	if !ok || strings.HasPrefix(rest, hashed) {
		return ""
	}
	var key []byte
	for len(rest) > 0 {
		n := 1
		switch rest[0] {
		case '_':
			n = 2
			if len(rest) < n || rest[1] < 'a' || rest[1] > 'z' {
				return ""
			}
			key = append(key, rest[1]&^0x20)
		case '~':
			n = 3
			if len(rest) < n {
				return ""
			}
			c, err := hex.DecodeString(rest[1:3])
			if err != nil {
				return ""
			}
			key = append(key, c...)
		default:
			key = append(key, rest[0])
		}
		rest = rest[n:]
	}
	if uniqueName(string(key)) != strings.ToLower(name) {
		return "" // somebody else's, who happens to begin in the same way
	}
	return string(key)
}

func digest(key string, bytes int) string {
	sum := sha256.Sum256([]byte(key))
	return hex.EncodeToString(sum[:bytes])
}

// nickname is the mail nickname of a new group: its name as far as that can be spelt, and
// what tells it from others of that name. A class is found again by it, so that it follows
// from the key alone.
func nickname(kind, key, displayName string) string {
	if kind == class {
		return "class-" + digest(key, 16)
	}
	tail := "-" + digest(key, 5)
	slug := translit.Slug(displayName)
	slug = strings.Trim(slug[:min(len(slug), longestNick-len(tail))], ".-")
	if slug == "" {
		slug = "group"
	}
	return slug + tail
}

var errNotAnID = errors.New("an id is not one of Entra ID's")

// isID tells whether s has the form of an object id, and so can hold nothing that would
// lead a URL elsewhere.
func isID(s string) bool { return len(s) == 36 && uuid.Validate(s) == nil }

// groupPath is where the group with the id stands.
func groupPath(id string) (string, error) {
	if !isID(id) {
		return "", errNotAnID
	}
	return "/groups/" + id, nil
}

// refPath is where the membership stands. It is the only way in which the path of a
// member is made, and it always ends in /$ref: DELETE without that deletes the member.
func refPath(groupID, memberID string) (string, error) {
	path, err := groupPath(groupID)
	if err != nil || !isID(memberID) {
		return "", errNotAnID
	}
	return path + "/members/" + memberID + "/$ref", nil
}
