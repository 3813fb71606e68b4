// Package redact takes people's data out of what a server says, so that the rest can be
// shown and logged. It knows only the values that it is given: where they are not at
// hand, nothing of the server's words may be kept.
package redact

import (
	"encoding/json"
	"html"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"simscim/scim"
)

// Value is a text that must not be repeated, and what stands in its place.
type Value struct{ Text, Name string }

// Spellings are the ways in which a server may repeat the strings inside a value.
func Spellings(name string, v any) []Value {
	var out []Value
	for _, s := range texts(v) {
		if strings.TrimSpace(s) == "" {
			continue
		}
		s = norm.NFC.String(s)
		quoted := scim.Quote(s)
		out = append(out, Value{s, name}, Value{quoted[1 : len(quoted)-1], name}, Value{strings.ReplaceAll(s, " ", "+"), name})
	}
	return out
}

// Words are the spellings and, by itself, each word of a value that is long enough to
// tell something.
func Words(name string, v any) []Value {
	out := Spellings(name, v)
	for _, s := range texts(v) {
		for _, word := range strings.FieldsFunc(s, func(r rune) bool { return !isWord(r) && r != '\'' && r != '’' }) {
			if utf8.RuneCountInString(word) > 2 {
				out = append(out, Value{norm.NFC.String(word), name})
			}
		}
	}
	return out
}

// texts are the strings inside a value.
func texts(v any) []string {
	switch v := v.(type) {
	case string:
		return []string{v}
	case []any:
		var out []string
		for _, item := range v {
			out = append(out, texts(item)...)
		}
		return out
	case map[string]any:
		var out []string
		for _, item := range v {
			out = append(out, texts(item)...)
		}
		return out
	default:
		return nil
	}
}

var emailLike = regexp.MustCompile(`[^\s"'<>()\[\]{},;:=]+@[^\s"'<>()\[\]{},;:=]+`)

// Text takes the values, and whatever looks like an e-mail address, out of a server's
// words.
func Text(said string, values []Value) string {
	// The longest first, so that a part does not spoil the whole.
	values = slices.Clone(values)
	slices.SortStableFunc(values, func(a, b Value) int { return len(b.Text) - len(a.Text) })
	values = slices.CompactFunc(values, func(a, b Value) bool { return a.Text == b.Text })
	said = plainText(said)
	for _, v := range values {
		said = replaceWord(said, v.Text, "‹"+v.Name+"›")
	}
	return emailLike.ReplaceAllString(said, "‹e-mail›")
}

var (
	jsonEscapes    = regexp.MustCompile(`(?:\\u[0-9a-fA-F]{4})+`)
	percentEscapes = regexp.MustCompile(`(?:%[0-9a-fA-F]{2})+`)
)

// plainText undoes the ways in which a server's words may hide a name from comparison:
// character references of HTML, escapes of JSON and of URLs, other normal forms.
func plainText(s string) string {
	s = html.UnescapeString(s)
	s = jsonEscapes.ReplaceAllStringFunc(s, func(escaped string) string {
		var plain string
		if json.Unmarshal([]byte(`"`+escaped+`"`), &plain) != nil {
			return "‹…›"
		}
		return plain
	})
	s = percentEscapes.ReplaceAllStringFunc(s, func(escaped string) string {
		plain, err := url.PathUnescape(escaped)
		if err != nil || !utf8.ValidString(plain) {
			return "‹…›"
		}
		return plain
	})
	return norm.NFC.String(s)
}

// replaceWord replaces text where it stands as a word of its own, in whatever case.
func replaceWord(s, text, with string) string {
	re, err := regexp.Compile("(?i)" + regexp.QuoteMeta(text))
	if err != nil {
		return "" // a text that cannot be searched for cannot be shown to be absent
	}
	var b strings.Builder
	done := 0
	for _, at := range re.FindAllStringIndex(s, -1) {
		before, _ := utf8.DecodeLastRuneInString(s[:at[0]])
		after, _ := utf8.DecodeRuneInString(s[at[1]:])
		if at[0] > 0 && isWord(before) || at[1] < len(s) && isWord(after) {
			continue
		}
		b.WriteString(s[done:at[0]])
		b.WriteString(with)
		done = at[1]
	}
	b.WriteString(s[done:])
	return b.String()
}

func isWord(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) || unicode.IsMark(r) }
