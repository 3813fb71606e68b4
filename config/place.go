package config

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// Place is where the given line and column of the expression stand in the file. Both
// count from 1, columns in characters. It sees through YAML's quotes, escapes, folded
// and indented lines. A rule that does not come from a file has no place.
func (e Expr) Place(line, col int) Pos {
	if e.At.Line == 0 {
		return e.At
	}
	line, col = max(line, 1), max(col, 1)
	if e.Raw == "" {
		return Pos{File: e.At.File, Line: e.At.Line + line - 1, Col: e.At.Col + col - 1}
	}
	rest, target := e.Text, 0
	for ; line > 1; line-- {
		first, after, ok := strings.Cut(rest, "\n")
		if !ok {
			break
		}
		target, rest = target+utf8.RuneCountInString(first)+1, after
	}
	first, _, _ := strings.Cut(rest, "\n")
	target += min(col-1, utf8.RuneCountInString(first))

	raw := []rune(e.Raw)
	at := e.At
	for _, r := range raw[1:walk([]rune(e.Text), raw, target)] {
		at.Col++
		if r == '\n' {
			at.Line, at.Col = at.Line+1, 1
		}
	}
	return at
}

// Styles of a scalar, the first character of Expr.Raw.
const (
	plainStyle  = ' '
	singleStyle = '\''
	doubleStyle = '"'
	blockStyle  = '|'
)

// walk returns the index in raw at which the character of text with the index target
// stands. Both run in step, except at escapes and where lines are folded: there a run
// of white space in the one stands for a run of it in the other.
func walk(text, raw []rune, target int) int {
	i, t := 1, 0
	for t < target && i < len(raw) {
		switch {
		case raw[0] == doubleStyle && raw[i] == '\\':
			size, yields := escape(raw[i:])
			i, t = i+size, t+yields
		case raw[0] == singleStyle && raw[i] == '\'':
			i, t = i+2, t+1
		case unicode.IsSpace(raw[i]):
			ri, ti := runOfSpace(raw, i), runOfSpace(text, t)
			switch {
			case !strings.ContainsRune(string(raw[i:ri]), '\n'):
				i, t = i+1, t+1
			case ti > target:
				return i
			default:
				i, t = ri, ti
			}
		default:
			i, t = i+1, t+1
		}
	}
	for i+1 < len(raw) && raw[0] == doubleStyle && raw[i] == '\\' {
		size, yields := escape(raw[i:])
		if yields > 0 {
			break
		}
		i += size
	}
	return min(i, len(raw))
}

// runOfSpace is the index after the white space that begins at i.
func runOfSpace(s []rune, i int) int {
	for i < len(s) && unicode.IsSpace(s[i]) {
		i++
	}
	return i
}

// escape measures an escape of a double-quoted scalar: how many characters it takes
// in the file, and how many it yields. An escaped line break yields none.
func escape(raw []rune) (size, yields int) {
	if len(raw) < 2 {
		return 1, 1
	}
	switch raw[1] {
	case 'x':
		return 4, 1
	case 'u':
		return 6, 1
	case 'U':
		return 10, 1
	case '\n', '\r':
		return runOfSpace(raw, 1), 0
	default:
		return 2, 1
	}
}

// source is the text of a file, for finding expressions in it.
type source struct {
	text string
	// lines holds the offset of each line.
	lines []int
}

func newSource(data []byte) source {
	s := source{text: strings.TrimPrefix(string(data), "\ufeff"), lines: []int{0}}
	for i := range len(s.text) {
		if s.text[i] == '\n' {
			s.lines = append(s.lines, i+1)
		}
	}
	return s
}

// from is the rest of the file from a place on.
func (s source) from(at Pos) string {
	if at.Line < 1 || at.Line > len(s.lines) {
		return ""
	}
	rest := s.text[s.lines[at.Line-1]:]
	for range at.Col - 1 {
		_, size := utf8.DecodeRuneInString(rest)
		rest = rest[size:]
	}
	return rest
}

// expr makes the rule of a scalar node.
func (s source) expr(n *node) Expr {
	e := Expr{Text: n.text, At: n.at}
	raw := s.from(n.at)
	switch {
	case n.block != "":
		s.block(n, &e)
	case raw != "" && (raw[0] == doubleStyle || raw[0] == singleStyle):
		e.At.Col++
		if end, ok := strings.CutPrefix(raw[1:], n.text); !ok || end == "" || end[0] != raw[0] {
			e.keepRaw(raw)
		}
	case !strings.HasPrefix(raw, n.text):
		e.keepRaw(string(plainStyle) + raw)
	}
	return e
}

// block places the content of a block scalar: in the line after its header, indented
// by what the first line with text has more of blanks in the file than in the value.
func (s source) block(n *node, e *Expr) {
	e.At = Pos{File: n.at.File, Line: n.at.Line + 1, Col: 1}
	raw := s.from(e.At)
	indent := leadingBlanks(raw) - leadingBlanks(n.text)
	firstLine, _, _ := strings.Cut(raw, "\n")
	if skip := min(max(indent, 0), leadingSpaces(firstLine)); skip > 0 {
		e.At.Col, raw = skip+1, raw[skip:]
	}
	e.keepRaw(string(blockStyle) + raw)
}

// leadingBlanks counts the blanks before the first text, in that text's own line.
func leadingBlanks(s string) int {
	trimmed := strings.TrimLeft(s, " \r\n")
	lead := s[:len(s)-len(trimmed)]
	return len(lead) - (strings.LastIndexByte(lead, '\n') + 1)
}

func leadingSpaces(line string) int { return len(line) - len(strings.TrimLeft(line, " ")) }

// keepRaw keeps as much of raw as the text takes.
func (e *Expr) keepRaw(raw string) {
	// Escapes and indentation make the file longer than the value, but within reason.
	raw = raw[:min(len(raw), 12*len(e.Text)+4096)]
	runes, value := []rune(raw), []rune(e.Text)
	e.Raw = string(runes[:walk(value, runes, len(value))])
}
