// Package translit writes names in ASCII: Łukasz as Lukasz, Søren as Soren, 王小明 as
// Wang Xiao Ming. It never decides what a name should be, only how to spell it.
//
// Every function returns printable ASCII without blanks at its ends, gives its own
// output back unchanged, and may return nothing at all: a name of emoji has no
// spelling. Callers need something to fall back on. Letters are spelled before they
// are lower-cased, because İ in lower case is an i and a combining dot.
package translit

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/gosimple/unidecode"
)

// Limits of a user name: the local part as RFC 5321 §4.5.3.1.1 has it, which is also
// what Entra ID allows, and the whole as RFC 5321 §4.5.3.1.3 has a path.
const (
	maxLocal = 64
	maxName  = 254
)

// ASCII spells s in printable ASCII: case, blanks and punctuation stay, typographic
// quotes and dashes become plain ones, runs of blanks become one.
func ASCII(s string) string {
	if isTidy(s) {
		return s
	}
	var b strings.Builder
	b.Grow(len(s))
	blank := false
	put := func(c byte) {
		switch {
		case c == ' ':
			blank = b.Len() > 0
		case c > ' ' && c < 0x7f:
			if blank {
				b.WriteByte(' ')
				blank = false
			}
			b.WriteByte(c)
		}
	}
	for _, r := range s {
		if r < utf8.RuneSelf {
			put(plain(r))
			continue
		}
		spell(r, put)
	}
	return b.String()
}

// isTidy tells whether s is what ASCII would return, without building anything: most
// names are.
func isTidy(s string) bool {
	for i := range len(s) {
		c := s[i]
		if c < ' ' || c >= 0x7f || c == '`' || c == ' ' && (i == 0 || i == len(s)-1 || s[i-1] == ' ') {
			return false
		}
	}
	return true
}

// plain maps the ASCII characters that do not stay as they are.
func plain(r rune) byte {
	switch r {
	case '\t', '\n', '\r', '\v', '\f':
		return ' '
	case '`':
		return '\''
	}
	return byte(r) //nolint:gosec // only called for ASCII
}

// spell puts the spelling of a character outside ASCII.
func spell(r rune, put func(byte)) {
	switch r {
	case '\u2018', '\u2019', '\u201B', '\u02BC', '\u02B9', '\u02BB', '\u00B4', '\u2032', '\uFF07':
		put('\'')
		return
	case '\u2010', '\u2011', '\u2012', '\u2013', '\u2014', '\u2015', '\u2212', '\uFF0D':
		put('-')
		return
	case utf8.RuneError:
		return
	}
	if unicode.IsSpace(r) {
		put(' ')
		return
	}
	if unicode.Is(unicode.Cf, r) || unicode.IsControl(r) || unicode.Is(unicode.Co, r) {
		return
	}
	letter := unicode.IsLetter(r) || unicode.IsMark(r)
	out := unidecode.Unidecode(string(r))
	if out == "[?]" { // the table's word for "no spelling known"
		return
	}
	for i := range len(out) {
		c := out[i]
		// Soft signs and gutturals come back as apostrophes and the like, which no
		// one writes in a name's usual spelling.
		if letter && !isAlnum(c) && c != ' ' {
			continue
		}
		put(plain(rune(c)))
	}
}

func isAlnum(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
}

// Clean spells s in lower case with letters, digits, full stops and hyphens only;
// everything else falls away: "van der Berg" is "vanderberg".
func Clean(s string) string {
	return keep(ASCII(s), ".-")
}

// Slug spells s in lower case with letters, digits and full stops, and one hyphen
// for each run of anything else: "10A/Ma 1" is "10a-ma-1". Apostrophes fall away.
func Slug(s string) string {
	s = ASCII(s)
	var b strings.Builder
	b.Grow(len(s))
	gap := false
	for i := range len(s) {
		c := lower(s[i])
		switch {
		case isAlnum(c) || c == '.':
			if gap && b.Len() > 0 {
				b.WriteByte('-')
			}
			gap = false
			b.WriteByte(c)
		case c != '\'':
			gap = true
		}
	}
	return b.String()
}

// UserName makes a user name of s: spelled, in lower case, of letters, digits and
// . - _ ' with at most one @ and something on both sides of it. Full stops, hyphens
// and underscores at the ends of the local part, and full stops in a row, are what
// an empty name leaves behind in a pattern and fall away. It returns "" when nothing
// usable is left or the name would be too long.
func UserName(s string) string {
	s = ASCII(s)
	local, domain, qualified := strings.Cut(s, "@")
	if strings.Contains(domain, "@") {
		return ""
	}
	local = strings.Trim(keep(local, "._-'"), "._-'")
	for strings.Contains(local, "..") {
		local = strings.ReplaceAll(local, "..", ".")
	}
	domain = strings.Trim(keep(domain, ".-"), ".-")
	switch {
	case local == "" || len(local) > maxLocal:
		return ""
	case !qualified:
		return local
	case domain == "" || strings.Contains(domain, "..") || len(local)+1+len(domain) > maxName:
		return ""
	}
	return local + "@" + domain
}

// keep lower-cases s, which is ASCII, and drops all but letters, digits and the others.
func keep(s, others string) string {
	out := make([]byte, 0, len(s))
	for i := range len(s) {
		if c := lower(s[i]); isAlnum(c) || strings.IndexByte(others, c) >= 0 {
			out = append(out, c)
		}
	}
	return string(out)
}

func lower(c byte) byte {
	if c >= 'A' && c <= 'Z' {
		return c + 'a' - 'A'
	}
	return c
}
