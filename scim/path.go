package scim

import (
	"fmt"
	"strings"
)

// Path addresses one attribute of a resource in canonical form:
//
//	userName
//	name.givenName
//	emails[type eq "work"].value
//	urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department
//
// The form is the one of RFC 7644 §3.10 and §3.5.2, narrowed to one selector of
// the shape [attr eq "value"]. Make one with ParsePath; two equal paths are equal
// strings, so a Path may be a map key.
type Path string

// Parts is a Path taken apart.
type Parts struct {
	// URN is the extension's schema, empty for the core schema.
	URN  string
	Attr string
	// SelAttr and SelValue are the two sides of the selector, both empty without one.
	SelAttr, SelValue string
	Sub               string
}

// ParsePath reads a path as people write it and returns its canonical form. The
// core User and Group URNs may be given and are dropped.
func ParsePath(s string) (Path, error) {
	p, err := splitPath(strings.TrimSpace(s))
	if err != nil {
		return "", fmt.Errorf("attribute path %q: %w", s, err)
	}
	return p.Path(), nil
}

// MustPath is ParsePath for constants of the program; it panics on an error.
func MustPath(s string) Path {
	p, err := ParsePath(s)
	if err != nil {
		panic(err)
	}
	return p
}

// Parts takes the path apart. The path must have come from ParsePath.
func (p Path) Parts() Parts {
	parts, err := splitPath(string(p))
	if err != nil {
		panic(err) // a Path that did not come from ParsePath
	}
	return parts
}

// Path puts the parts together again.
func (p Parts) Path() Path {
	var b strings.Builder
	if p.URN != "" {
		b.WriteString(p.URN)
		b.WriteByte(':')
	}
	b.WriteString(p.Attr)
	if p.SelAttr != "" {
		fmt.Fprintf(&b, "[%s eq %s]", p.SelAttr, quote(p.SelValue))
	}
	if p.Sub != "" {
		b.WriteByte('.')
		b.WriteString(p.Sub)
	}
	return Path(b.String())
}

func splitPath(s string) (Parts, error) {
	var p Parts
	head, tail := s, ""
	if i := strings.IndexByte(s, '['); i >= 0 {
		head, tail = s[:i], s[i:]
	}
	if len(head) > 4 && strings.EqualFold(head[:4], "urn:") {
		i := strings.LastIndexByte(head, ':')
		p.URN, head = head[:i], head[i+1:]
		// A version such as 2.0 may stand before the resource name, so the last
		// colon is the one that ends the URN.
		if p.URN == UserURN || p.URN == GroupURN {
			p.URN = ""
		}
	}
	dotted := false
	if tail == "" {
		head, p.Sub, dotted = strings.Cut(head, ".")
	}
	p.Attr = head
	if tail != "" {
		rest, err := p.selector(tail)
		if err != nil {
			return Parts{}, err
		}
		if rest != "" {
			sub, ok := strings.CutPrefix(rest, ".")
			if !ok {
				return Parts{}, fmt.Errorf("unexpected %q after the selector", rest)
			}
			p.Sub = sub
			if !isName(p.Sub) {
				return Parts{}, fmt.Errorf("%q is not an attribute name", p.Sub)
			}
		}
	}
	if !isName(p.Attr) {
		return Parts{}, fmt.Errorf("%q is not an attribute name", p.Attr)
	}
	if (dotted || p.Sub != "") && !isName(p.Sub) {
		return Parts{}, fmt.Errorf("%q is not an attribute name", p.Sub)
	}
	return p, nil
}

// selector reads `[attr eq "value"]` from the start of s and returns what follows.
func (p *Parts) selector(s string) (rest string, err error) {
	inner := s[1:]
	attr, inner, ok := strings.Cut(inner, " ")
	if !ok || !isName(attr) {
		return "", fmt.Errorf(`a selector looks like [type eq "work"]`)
	}
	inner = strings.TrimLeft(inner, " ")
	if len(inner) < 3 || !strings.EqualFold(inner[:3], "eq ") {
		return "", fmt.Errorf(`a selector looks like [type eq "work"]`)
	}
	value, rest, err := unquote(strings.TrimLeft(inner[3:], " "))
	if err != nil {
		return "", err
	}
	rest, ok = strings.CutPrefix(strings.TrimLeft(rest, " "), "]")
	if !ok {
		return "", fmt.Errorf("the selector has no closing bracket")
	}
	p.SelAttr, p.SelValue = attr, value
	return rest, nil
}

func isName(s string) bool {
	for i, r := range s {
		letter := r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r == '$' && i == 0
		other := r >= '0' && r <= '9' || r == '_' || r == '-'
		if !letter && (i == 0 || !other) {
			return false
		}
	}
	return s != ""
}
