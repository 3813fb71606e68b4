package config

import (
	"bytes"

	"github.com/goccy/go-yaml/ast"
)

// ReadSyntax returns the syntax tree of a YAML file that the configuration names, with
// the bounds and the messages of the configuration itself. The tree is nil exactly if
// there are problems.
func ReadSyntax(name string, data []byte) (root ast.Node, problems Problems) {
	// The parser is known to panic on some malformed documents.
	defer func() {
		if recover() != nil {
			root, problems = nil, Problems{{At: Pos{File: name}, What: "this is not YAML that can be read"}}
		}
	}()
	root, at, what := readBody(bytes.TrimPrefix(data, []byte("\ufeff")))
	if what != "" {
		at.File = name
		return nil, Problems{{At: at, What: what}}
	}
	return root, nil
}
