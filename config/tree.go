package config

import (
	"slices"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/token"
)

// kind is what stands at a place of the YAML document.
type kind int

const (
	nothing kind = iota // null, or no value at all
	text
	number
	boolean
	list
	mapping
)

func (k kind) String() string {
	return [...]string{"nothing", "a text", "a number", "true or false", "a list", "a map"}[k]
}

// node is a piece of the document. Aliases share the node of their anchor, so that a
// file that multiplies them costs no memory; see decoder.budget for what it costs in
// time.
type node struct {
	kind kind
	at   Pos
	// text is the value of a scalar, as written for numbers and true or false.
	text    string
	items   []*node
	entries []entry
	// block is the header of a block scalar ("|", ">-"), empty for others.
	block string
	// quoted is set for texts that are no plain scalars: they are never numbers.
	quoted bool
	// shared is set where an alias stands for the node.
	shared bool
}

// entry is one key of a mapping.
type entry struct {
	key   string
	at    Pos
	value *node
}

func (n *node) scalar() bool { return n.kind == text || n.kind == number || n.kind == boolean }

// mostShared bounds how many nodes are looked at through aliases, and how many
// entries merge keys may copy: a small file can otherwise spell out a huge document.
const mostShared = 200_000

// tree turns the parser's syntax tree into nodes, and resolves anchors, aliases and
// merge keys on the way.
type tree struct {
	file     string
	problems *Problems
	anchors  map[string]*node
	// open holds the anchors whose value is being read: an alias to one of them would
	// contain itself.
	open   map[string]bool
	merged int
}

func (t *tree) report(at Pos, what string) {
	*t.problems = append(*t.problems, Problem{At: at, What: what})
}

func (t *tree) pos(n ast.Node) Pos {
	tk := n.GetToken()
	if tk == nil || tk.Position == nil {
		return Pos{File: t.file, Line: 1, Col: 1}
	}
	return Pos{File: t.file, Line: max(tk.Position.Line, 1), Col: max(tk.Position.Column, 1)}
}

// read returns the node of n. What cannot be used is reported and reads as nil.
func (t *tree) read(n ast.Node) *node {
	at := t.pos(n)
	scalar := func(k kind) *node { return &node{kind: k, at: at, text: n.GetToken().Value} }
	switch n := n.(type) {
	case *ast.NullNode:
		return &node{kind: nothing, at: at}
	case *ast.BoolNode:
		return scalar(boolean)
	case *ast.IntegerNode, *ast.FloatNode, *ast.InfinityNode, *ast.NanNode:
		return scalar(number)
	case *ast.StringNode:
		style := n.GetToken().Type
		return &node{kind: text, at: at, text: n.Value, quoted: style == token.SingleQuoteType || style == token.DoubleQuoteType}
	case *ast.LiteralNode:
		return &node{kind: text, at: at, text: n.Value.Value, quoted: true, block: n.GetToken().Value}
	case *ast.SequenceNode:
		return t.list(n, at)
	case *ast.MappingNode:
		return t.mapping(n.Values, at)
	case *ast.MappingValueNode:
		return t.mapping([]*ast.MappingValueNode{n}, at)
	case *ast.AnchorNode:
		return t.anchor(n, at)
	case *ast.AliasNode:
		return t.alias(n, at)
	case *ast.TagNode:
		return t.tag(n, at)
	default:
		t.report(at, "this kind of YAML is not supported here")
		return nil
	}
}

func (t *tree) list(n *ast.SequenceNode, at Pos) *node {
	l := &node{kind: list, at: at}
	for _, v := range n.Values {
		if item := t.read(v); item != nil {
			l.items = append(l.items, item)
		}
	}
	return l
}

// mapping reads the entries in order. A key given twice is reported at the second
// place; the first stays. What a merge key brings comes after, for the keys that the
// mapping does not have itself.
func (t *tree) mapping(values []*ast.MappingValueNode, at Pos) *node {
	m := &node{kind: mapping, at: at}
	seen := make(map[string]Pos, len(values))
	var merges []*node
	for _, v := range values {
		if _, ok := v.Key.(*ast.MergeKeyNode); ok {
			merges = append(merges, t.mergeFrom(v)...)
			continue
		}
		key, keyAt, ok := t.key(v.Key)
		value := t.read(v.Value)
		if !ok || value == nil {
			continue
		}
		if first, twice := seen[key]; twice {
			t.report(keyAt, "the key "+quote(key)+" stands here a second time; the first is at "+first.String())
			continue
		}
		seen[key] = keyAt
		m.entries = append(m.entries, entry{key: key, at: keyAt, value: value})
	}
	if len(m.entries) > 0 {
		m.at = slices.MinFunc([]Pos{m.entries[0].at, at}, Pos.compare)
	}
	for _, from := range merges {
		for _, e := range from.entries {
			if t.merged++; t.merged > mostShared {
				t.report(m.at, "merge keys repeat too much; write the parts out")
				return m
			}
			if _, ok := seen[e.key]; !ok {
				seen[e.key] = e.at
				m.entries = append(m.entries, e)
			}
		}
	}
	return m
}

// mergeFrom is what stands behind "<<": a mapping or a list of mappings.
func (t *tree) mergeFrom(v *ast.MappingValueNode) []*node {
	value := t.read(v.Value)
	if value == nil {
		return nil
	}
	from := []*node{value}
	if value.kind == list {
		from = value.items
	}
	for _, n := range from {
		if n.kind != mapping {
			t.report(t.pos(v.Key), "a merge key takes a map, or a list of maps, by alias")
			return nil
		}
	}
	return from
}

// key reads the key of an entry. Numbers and true or false count as their text, so
// that a variable may be called 1.
func (t *tree) key(k ast.MapKeyNode) (string, Pos, bool) {
	at := t.pos(k)
	if _, ok := k.(*ast.MappingKeyNode); ok {
		return "", at, t.refuse(at, `keys with "? " are not supported; write "key: value"`)
	}
	n := t.read(k)
	switch {
	case n == nil:
		return "", at, false
	case n.kind == nothing:
		return "", at, t.refuse(at, "a key must not be null")
	case !n.scalar():
		return "", at, t.refuse(at, "a key must be a plain text")
	}
	return n.text, n.at, true
}

func (t *tree) refuse(at Pos, what string) bool {
	t.report(at, what)
	return false
}

func (t *tree) anchor(n *ast.AnchorNode, at Pos) *node {
	name := n.Name.GetToken().Value
	if _, twice := t.anchors[name]; twice || t.open[name] {
		t.report(at, "the anchor "+quote(name)+" is defined twice")
		return t.read(n.Value)
	}
	t.open[name] = true
	value := t.read(n.Value)
	delete(t.open, name)
	if value != nil {
		t.anchors[name] = value
	}
	return value
}

func (t *tree) alias(n *ast.AliasNode, at Pos) *node {
	name := n.Value.GetToken().Value
	switch value, ok := t.anchors[name]; {
	case t.open[name]:
		t.report(at, "the alias "+quote(name)+" stands inside its own anchor")
	case !ok:
		t.report(at, "no anchor "+quote(name)+" stands above this alias")
	default:
		shared := *value
		shared.shared = true
		return &shared
	}
	return nil
}

// tag allows "!!str", which makes a text of anything; other tags have no use here.
func (t *tree) tag(n *ast.TagNode, at Pos) *node {
	value := t.read(n.Value)
	if n.GetToken().Value != "!!str" {
		t.report(at, "YAML tags other than !!str are not supported")
		return nil
	}
	if value == nil || !value.scalar() {
		t.report(at, "!!str must be followed by a plain value")
		return nil
	}
	str := *value
	str.kind, str.quoted = text, true
	return &str
}
