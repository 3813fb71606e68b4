package simsid

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/goccy/go-yaml/ast"

	"simscim/config"
)

// document walks a YAML file and collects what is wrong with it, so that one reading
// reports everything.
type document struct {
	file     string
	problems config.Problems
}

// node is one value of the file. Where the file has none, n is nil and the place is
// that of what should have held it.
type node struct {
	doc  *document
	path string
	at   config.Pos
	n    ast.Node
}

func openDocument(file string, text []byte) (*document, node, error) {
	d := &document{file: file}
	root, problems := config.ReadSyntax(file, text)
	if err := problems.Err(); err != nil {
		return nil, node{}, err
	}
	return d, node{doc: d, at: config.Pos{File: file, Line: 1, Col: 1}, n: root}, nil
}

// err returns what was found, in the order of the file.
func (d *document) err() error { return d.problems.Sort().Err() }

func (n node) fail(format string, args ...any) {
	n.doc.problems = append(n.doc.problems, config.Problem{At: n.at, Path: n.path, What: fmt.Sprintf(format, args...)})
}

// missing tells whether the file has no value here; an explicit null counts as none.
func (n node) missing() bool { return n.n == nil || n.n.Type() == ast.NullType }

// object is a mapping of the file, and which of its keys were asked for.
type object struct {
	node
	keys  map[string]node
	asked map[string]bool
}

// object reads a mapping. A missing one is empty; anything else is a problem.
func (n node) object() *object {
	o := &object{node: n, keys: map[string]node{}, asked: map[string]bool{}}
	if n.missing() {
		return o
	}
	var pairs []*ast.MappingValueNode
	switch m := n.n.(type) {
	case *ast.MappingNode:
		pairs = m.Values
	case *ast.MappingValueNode:
		pairs = []*ast.MappingValueNode{m}
	default:
		n.fail("must be a mapping of keys to values")
		return o
	}
	for _, kv := range pairs {
		key, ok := scalarText(kv.Key)
		child := node{doc: n.doc, path: join(n.path, key), at: n.doc.place(kv.Key, n.at), n: kv.Value}
		switch _, twice := o.keys[key]; {
		case !ok || kv.Key.IsMergeKey():
			child.fail("a key must be plain text")
		case twice:
			child.fail("the key stands here twice")
		default:
			if kv.Value != nil {
				child.at = n.doc.place(kv.Value, child.at)
			}
			o.keys[key] = child
		}
	}
	return o
}

func (d *document) place(n ast.Node, otherwise config.Pos) config.Pos {
	if t := n.GetToken(); t != nil && t.Position != nil {
		return config.Pos{File: d.file, Line: t.Position.Line, Col: t.Position.Column}
	}
	return otherwise
}

// get returns the value of key, present or not.
func (o *object) get(key string) node {
	o.asked[key] = true
	if n, ok := o.keys[key]; ok {
		return n
	}
	return node{doc: o.doc, path: join(o.path, key), at: o.at}
}

// all returns every key in order of its name, for mappings whose keys are free.
func (o *object) all() []string {
	for key := range o.keys {
		o.asked[key] = true
	}
	return slices.Sorted(maps.Keys(o.keys))
}

// close reports the keys that nobody asked for.
func (o *object) close() {
	for key, n := range o.keys {
		if !o.asked[key] {
			n.fail("unknown key; known are %s", strings.Join(slices.Sorted(maps.Keys(o.asked)), ", "))
		}
	}
}

// text reads a scalar as text, or fallback where there is none.
func (n node) text(fallback string) string {
	if n.missing() {
		return fallback
	}
	s, ok := scalarText(n.n)
	if !ok {
		n.fail("must be text")
		return fallback
	}
	return s
}

// required reads a scalar that must be there and not be empty.
func (n node) required() string {
	s := n.text("")
	if s == "" && (n.missing() || isScalar(n.n)) {
		n.fail("is required")
	}
	return s
}

func (n node) number(fallback, least, most int) int {
	s := n.text("")
	if s == "" {
		return fallback
	}
	v, err := strconv.Atoi(s)
	if err != nil || v < least || v > most {
		n.fail("must be a whole number from %d to %d", least, most)
		return fallback
	}
	return v
}

func (n node) truth() bool {
	switch n.text("false") {
	case "true":
		return true
	case "false":
	default:
		n.fail("must be true or false")
	}
	return false
}

// choice reads one of the allowed words; the first is the default.
func (n node) choice(allowed ...string) string {
	s := n.text(allowed[0])
	if !slices.Contains(allowed, s) {
		n.fail("must be one of %s", strings.Join(allowed, ", "))
		return allowed[0]
	}
	return s
}

func isScalar(n ast.Node) bool { _, ok := scalarText(n); return ok }

// scalarText returns a scalar as it stands in the file. Anchors, aliases and tags are
// no scalars here: a contract has no need of them.
func scalarText(n ast.Node) (string, bool) {
	switch v := n.(type) {
	case *ast.StringNode:
		return v.Value, true
	case *ast.LiteralNode:
		return strings.TrimSpace(v.Value.Value), true
	case *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode:
		return n.GetToken().Value, true
	default:
		return "", false
	}
}

func join(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}
