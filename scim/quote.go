package scim

import (
	"encoding/json"
	"errors"
	"strings"
)

// Quote writes s as a JSON string for use in a filter or a path (RFC 7644
// §3.4.2.2): quotes, backslashes and control characters escaped, and nothing else.
func Quote(s string) string { return quote(s) }

func quote(s string) string {
	var b strings.Builder
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(s); err != nil { // a string always encodes
		panic(err)
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// unquote reads one JSON string from the start of s and returns what follows it.
func unquote(s string) (value, rest string, err error) {
	if !strings.HasPrefix(s, `"`) {
		return "", "", errors.New("the value in a selector stands in double quotes")
	}
	for i := 1; i < len(s); i++ {
		switch s[i] {
		case '\\':
			i++
		case '"':
			if err := json.Unmarshal([]byte(s[:i+1]), &value); err != nil {
				return "", "", errors.New("the quoted value is not valid")
			}
			return value, s[i+1:], nil
		}
	}
	return "", "", errors.New("the quoted value has no end")
}
