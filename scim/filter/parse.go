package filter

import (
	"encoding/json"
	"strconv"
	"strings"
	"unicode/utf8"

	parser "github.com/scim2/filter-parser/v2"

	"simscim/scim"
)

// Parse reads a filter as a client sent it. Beyond the RFC's grammar it accepts
// `emails[type eq "work"].value eq "x"`, which Entra ID sends, as
// `emails[type eq "work" and value eq "x"]`, and whole filters inside the brackets.
func Parse(s string) (Expr, error) {
	if len(s) > MaxLength {
		return nil, invalid("the filter is longer than " + strconv.Itoa(MaxLength) + " bytes")
	}
	if !utf8.ValidString(s) {
		return nil, invalid("the filter is not valid UTF-8")
	}
	return parse(strings.TrimSpace(s), 0)
}

func parse(s string, depth int) (Expr, error) {
	p := lexer{src: s, depth: depth}
	if err := p.run(); err != nil {
		return nil, err
	}
	if tree, ok := p.plain(p.out.String()); ok {
		return p.convert(tree)
	}
	tree, err := parser.ParseFilterNumber([]byte(p.out.String()))
	if err != nil {
		return nil, invalid("the filter is not well formed")
	}
	return p.convert(tree)
}

// lexer prepares a filter for the library's parser, which keeps string escapes as
// they stand, refuses lower-case \u escapes and some URNs, and knows only two terms
// inside brackets: strings, URNs and bracketed parts are taken out, parsed here, and
// stand in the text as numbered place-holders. What remains for the library is the
// grammar of operators and parentheses.
type lexer struct {
	src   string
	depth int
	out   strings.Builder
	// strings, paths and elements are what the place-holders stand for.
	strings  []string
	paths    []Attr
	elements []*Element
}

// The place-holders. A name that starts like one is refused in the input.
const (
	pathHolder    = "$path-"
	elementHolder = "$element-"
)

func (p *lexer) run() error {
	lower := strings.ToLower(p.src)
	if strings.Contains(lower, pathHolder) || strings.Contains(lower, elementHolder) {
		return invalid("the filter names an attribute that cannot exist")
	}
	depth := p.depth
	for i := 0; i < len(p.src); {
		switch c := p.src[i]; {
		case c == '"':
			end, err := p.text(i)
			if err != nil {
				return err
			}
			i = end
		case isNameByte(c):
			end, err := p.word(i)
			if err != nil {
				return err
			}
			i = end
		case c == '(':
			if depth++; depth > MaxDepth {
				return invalid("the filter nests too deeply")
			}
			p.out.WriteByte(c)
			i++
		case c == ')':
			depth--
			p.out.WriteByte(c)
			i++
		default:
			p.out.WriteByte(c)
			i++
		}
	}
	return nil
}

// text takes out the string that starts at i and returns where it ends.
func (p *lexer) text(i int) (end int, err error) {
	end = endOfString(p.src, i)
	if end < 0 {
		return 0, invalid("a string in the filter has no end")
	}
	var s string
	if err := json.Unmarshal([]byte(p.src[i:end]), &s); err != nil {
		return 0, invalid("a string in the filter is not valid JSON")
	}
	p.out.WriteString(`"` + strconv.Itoa(len(p.strings)) + `"`)
	p.strings = append(p.strings, s)
	return end, nil
}

// word copies the name, operator or number that starts at i. URNs and names with a
// bracket behind them become place-holders.
func (p *lexer) word(i int) (end int, err error) {
	end = i
	for end < len(p.src) && isNameByte(p.src[end]) {
		end++
	}
	word := p.src[i:end]
	bracket := end < len(p.src) && p.src[end] == '['
	if !bracket && !isURN(word) {
		p.out.WriteString(word)
		return end, nil
	}
	attr, err := ParseAttr(word)
	if err != nil {
		return 0, err
	}
	if !bracket {
		p.out.WriteString(pathHolder + strconv.Itoa(len(p.paths)))
		p.paths = append(p.paths, attr)
		return end, nil
	}
	stop := endOfBracket(p.src, end)
	if stop < 0 {
		return 0, invalid("a bracket in the filter has no end")
	}
	if p.depth >= MaxDepth {
		return 0, invalid("the filter nests too deeply")
	}
	inner, err := parse(strings.TrimSpace(p.src[end+1:stop-1]), p.depth+1)
	if err != nil {
		return 0, err
	}
	p.out.WriteString(elementHolder + strconv.Itoa(len(p.elements)))
	p.elements = append(p.elements, &Element{Attr: attr, Filter: inner})
	// With a sub-attribute behind the bracket a comparison follows; without one the
	// place-holder needs an operator to be an expression.
	if stop >= len(p.src) || p.src[stop] != '.' {
		p.out.WriteString(" pr")
		if stop < len(p.src) && isNameByte(p.src[stop]) {
			return 0, invalid("a bracket in the filter is followed by a name")
		}
	}
	return stop, nil
}

// ParseAttr reads an attribute path without brackets: `name.givenName`, or
// `urn:…:User:department`.
func ParseAttr(s string) (Attr, error) {
	var a Attr
	name := s
	if isURN(s) {
		i := strings.LastIndexByte(s, ':')
		a.URN, name = s[:i], s[i+1:]
		if strings.EqualFold(a.URN, scim.UserURN) || strings.EqualFold(a.URN, scim.GroupURN) {
			a.URN = ""
		}
	}
	var dotted bool
	a.Name, a.Sub, dotted = strings.Cut(name, ".")
	if !isName(a.Name) || dotted && !isName(a.Sub) {
		return Attr{}, invalid("an attribute name is not valid")
	}
	return a, nil
}

func isURN(s string) bool { return len(s) > 4 && strings.EqualFold(s[:4], "urn:") }

// isNameByte tells whether c may stand in a name, a URN or a number.
func isNameByte(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' ||
		c == '_' || c == '-' || c == '$' || c == '.' || c == ':' || c == '+'
}

func isName(s string) bool {
	for i := range len(s) {
		c := s[i]
		letter := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == '$' && i == 0 && len(s) > 1
		other := c >= '0' && c <= '9' || c == '_' || c == '-'
		if !letter && (i == 0 || !other) {
			return false
		}
	}
	return s != ""
}

// endOfString returns the index behind the string that starts at i, or -1.
func endOfString(s string, i int) int {
	for i++; i < len(s); i++ {
		switch s[i] {
		case '\\':
			i++
		case '"':
			return i + 1
		}
	}
	return -1
}

// endOfBracket returns the index behind the bracket that opens at i, or -1.
func endOfBracket(s string, i int) int {
	depth := 0
	for i < len(s) {
		switch s[i] {
		case '"':
			if i = endOfString(s, i); i < 0 {
				return -1
			}
			continue
		case '[':
			depth++
		case ']':
			if depth--; depth == 0 {
				return i + 1
			}
		}
		i++
	}
	return -1
}
