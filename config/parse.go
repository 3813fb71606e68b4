package config

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/lexer"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

// Bounds on a configuration file. The parser's time grows with the square of the
// depth and of the keys in one mapping, so both are counted before it runs.
const (
	mostBytes = 4 << 20
	mostDepth = 64
	mostKeys  = 10_000
)

// parseYAML reads one file into nodes. The result is nil if nothing can be made of
// the file; the problems say why.
func parseYAML(name string, data []byte, problems *Problems) (root *node) {
	// The parser is known to panic on some malformed documents.
	defer func() {
		if recover() != nil {
			*problems = append(*problems, Problem{At: Pos{File: name}, What: "this is not YAML that can be read"})
			root = nil
		}
	}()
	body, at, what := readBody(bytes.TrimPrefix(data, []byte("\ufeff")))
	if what != "" {
		at.File = name
		*problems = append(*problems, Problem{At: at, What: what})
		return nil
	}
	t := &tree{file: name, problems: problems, anchors: map[string]*node{}, open: map[string]bool{}}
	return t.read(body)
}

// readBody is the syntax tree of the file's one document, or what is wrong and where.
func readBody(data []byte) (ast.Node, Pos, string) {
	if at, what := checkText(data); what != "" {
		return nil, at, what
	}
	tokens := lexer.Tokenize(string(data))
	if at, what := checkTokens(tokens); what != "" {
		return nil, at, what
	}
	return parseTokens(tokens)
}

// checkText refuses what is no YAML text at all.
func checkText(data []byte) (Pos, string) {
	if len(data) > mostBytes {
		return Pos{}, "the file is larger than 4 MiB, the most allowed; split it into several"
	}
	line, start := 1, 0
	for i := 0; i < len(data); {
		r, size := utf8.DecodeRune(data[i:])
		col := func() int { return utf8.RuneCount(data[start:i]) + 1 }
		switch {
		case r == utf8.RuneError && size == 1:
			return Pos{Line: line, Col: col()}, "the file must be UTF-8 text; this byte is not"
		case r < ' ' && r != '\n' && r != '\r' && r != '\t', r == 0x7f:
			return Pos{Line: line, Col: col()}, fmt.Sprintf("the control character %U is not allowed", r)
		case r == '\n':
			line, start = line+1, i+1
		}
		i += size
	}
	return Pos{}, ""
}

// checkTokens bounds depth and width, and refuses a second document.
func checkTokens(tokens token.Tokens) (Pos, string) {
	type level struct{ col, keys int }
	var open []level
	flow := 0
	seen := false
	for i, tk := range tokens {
		at := Pos{Line: tk.Position.Line, Col: tk.Position.Column}
		switch tk.Type {
		case token.DocumentHeaderType:
			if seen {
				return at, "a file holds one document; put the rest into a file of its own"
			}
		case token.DirectiveType:
			return at, "YAML directives are not supported"
		case token.MappingStartType, token.SequenceStartType:
			flow++
		case token.MappingEndType, token.SequenceEndType:
			flow--
		case token.MappingValueType, token.SequenceEntryType:
			col := tk.Position.Column
			if tk.Type == token.MappingValueType && i > 0 {
				col = tokens[i-1].Position.Column
			}
			for flow == 0 && len(open) > 0 && open[len(open)-1].col > col {
				open = open[:len(open)-1]
			}
			switch n := len(open); {
			case flow > 0:
			case n > 0 && open[n-1].col == col:
				open[n-1].keys++
			default:
				open = append(open, level{col, 1})
			}
			if n := len(open); n > 0 && tk.Type == token.MappingValueType && open[n-1].keys > mostKeys {
				return at, fmt.Sprintf("a map has at most %d keys", mostKeys)
			}
		}
		if tk.Type != token.CommentType && tk.Type != token.DocumentHeaderType && tk.Type != token.DocumentEndType {
			seen = true
		}
		if flow+len(open) > mostDepth {
			return at, fmt.Sprintf("the nesting is deeper than %d levels", mostDepth)
		}
	}
	if !seen {
		return Pos{}, "the file is empty"
	}
	return Pos{}, ""
}

// parseTokens runs the parser. Of its error only message and place are used: the
// full text would show the neighbouring lines, and with them perhaps a secret.
func parseTokens(tokens token.Tokens) (ast.Node, Pos, string) {
	file, err := parser.Parse(tokens, 0, parser.AllowDuplicateMapKey())
	if err != nil {
		var known yaml.Error
		if !errors.As(err, &known) || known.GetToken() == nil {
			return nil, Pos{}, "this is not YAML that can be read"
		}
		p := known.GetToken().Position
		return nil, Pos{Line: p.Line, Col: p.Column}, "syntax: " + advise(known.GetMessage())
	}
	var body ast.Node
	for _, doc := range file.Docs {
		switch {
		case doc.Body == nil:
		case body != nil:
			p := doc.Body.GetToken().Position
			return nil, Pos{Line: p.Line, Col: p.Column}, "a file holds one document; put the rest into a file of its own"
		default:
			body = doc.Body
		}
	}
	if body == nil {
		return nil, Pos{}, "the file is empty"
	}
	return body, Pos{}, ""
}

// advise adds the usual remedy to the parser's messages that rules run into most: an
// expression that begins with a quote, or has a colon and a blank in it.
func advise(message string) string {
	switch {
	case strings.Contains(message, "map key-value is pre-defined"), strings.Contains(message, "mapping value is not allowed"),
		strings.Contains(message, "must be specified"):
		return message + `; a rule that begins with a quote or contains ": " must stand in quotes or after "|"`
	case strings.Contains(message, "that cannot start any token"):
		return "YAML is indented with blanks, not tabs"
	default:
		return message
	}
}
