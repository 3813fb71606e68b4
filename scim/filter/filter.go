// Package filter reads, writes and evaluates SCIM filters (RFC 7644 §3.4.2.2). The
// grammar is that of scim2/filter-parser; this package owns the tree that the rest of
// simscim sees, the limits under which a filter from outside is parsed at all, and
// the comparison rules of RFC 7643.
//
// It never panics on what a client sends: every fault is a *scim.Error with status
// 400 and scimType invalidFilter, whose detail does not repeat the filter, since
// filters hold names.
package filter

import (
	"net/http"
	"strings"

	"simscim/scim"
)

// Limits on what is parsed. Neither is reached by any known client.
const (
	// MaxLength is the longest filter, in bytes.
	MaxLength = 4 << 10
	// MaxDepth is how deep parentheses and brackets may nest.
	MaxDepth = 32
)

// Op is an operator of a comparison, in lower case.
type Op string

// The operators of RFC 7644 table 3.
const (
	Equal          Op = "eq"
	NotEqual       Op = "ne"
	Contains       Op = "co"
	StartsWith     Op = "sw"
	EndsWith       Op = "ew"
	Present        Op = "pr"
	Greater        Op = "gt"
	GreaterOrEqual Op = "ge"
	Less           Op = "lt"
	LessOrEqual    Op = "le"
)

// Attr is the attribute that a comparison is about. The URN is empty for the core
// schema, also where the client wrote the core URN out.
type Attr struct{ URN, Name, Sub string }

// Is tells whether the attribute is the one of the given name, such as "userName" or
// "meta.lastModified", in the core schema.
func (a Attr) Is(name string) bool {
	if a.URN != "" {
		return false
	}
	head, sub, _ := strings.Cut(name, ".")
	return strings.EqualFold(a.Name, head) && strings.EqualFold(a.Sub, sub)
}

// Expr is a filter: a *Compare, *Element, *Not or *Logical.
type Expr interface {
	// String writes the filter so that Parse gives the same tree.
	String() string
	expr()
}

// Compare is `attr op value`. Value is a string, bool, int64, float64 or nil; it is
// nil for Present.
type Compare struct {
	Attr  Attr
	Op    Op
	Value any
}

// Element is `attr[filter]`: one and the same element meets the whole inner filter.
type Element struct {
	Attr   Attr
	Filter Expr
}

// Not is `not (filter)`.
type Not struct{ X Expr }

// Logical joins two or more terms, all by "and" or, if Or is set, all by "or".
type Logical struct {
	Or    bool
	Terms []Expr
}

func (*Compare) expr() {}
func (*Element) expr() {}
func (*Not) expr()     {}
func (*Logical) expr() {}

// Equality returns the string that the filter demands of the core attribute with the
// given name: from `name eq "value"`, alone or as one of several terms joined by
// "and". A store answers it from an index and evaluates the rest.
func Equality(e Expr, name string) (value string, ok bool) {
	switch e := e.(type) {
	case *Compare:
		if e.Op == Equal && e.Attr.Is(name) {
			value, ok = e.Value.(string)
		}
	case *Logical:
		for _, term := range e.Terms {
			if e.Or {
				break
			}
			if value, ok := Equality(term, name); ok {
				return value, true
			}
		}
	}
	return value, ok
}

// Mentions tells whether the filter asks about the core attribute with the given
// name, or about something inside it.
func Mentions(e Expr, name string) bool {
	is := func(a Attr) bool { return a.URN == "" && strings.EqualFold(a.Name, name) }
	switch e := e.(type) {
	case *Compare:
		return is(e.Attr)
	case *Element:
		return is(e.Attr)
	case *Not:
		return Mentions(e.X, name)
	case *Logical:
		for _, term := range e.Terms {
			if Mentions(term, name) {
				return true
			}
		}
	}
	return false
}

func invalid(detail string) error {
	return &scim.Error{Status: http.StatusBadRequest, ScimType: scim.TypeInvalidFilter, Detail: detail}
}
