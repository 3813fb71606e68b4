package filter

import (
	"net/http"
	"strings"
	"unicode/utf8"

	"simscim/scim"
)

// Path is the target of a PATCH operation (RFC 7644 §3.5.2): an attribute, perhaps
// narrowed to the elements that meet a filter, perhaps one sub-attribute of those.
// Unlike scim.Path it holds any filter.
type Path struct {
	Attr   Attr
	Filter Expr
	// Sub is what stands behind the bracket; Attr.Sub is empty then.
	Sub string
}

// ParsePath reads the path of an operation. Faults are *scim.Error with scimType
// invalidPath, or invalidFilter for what stands in the brackets.
func ParsePath(s string) (Path, error) {
	s = strings.TrimSpace(s)
	if len(s) > MaxLength || !utf8.ValidString(s) {
		return Path{}, invalidPath("the path is too long or not valid UTF-8")
	}
	open := strings.IndexByte(s, '[')
	if open < 0 {
		attr, err := ParseAttr(s)
		if err != nil {
			return Path{}, invalidPath("the path is not an attribute path")
		}
		return Path{Attr: attr}, nil
	}
	attr, err := ParseAttr(strings.TrimSpace(s[:open]))
	if err != nil || attr.Sub != "" {
		return Path{}, invalidPath("the path is not an attribute path")
	}
	end := endOfBracket(s, open)
	if end < 0 {
		return Path{}, invalidPath("a bracket in the path has no end")
	}
	p := Path{Attr: attr}
	if p.Filter, err = Parse(s[open+1 : end-1]); err != nil {
		return Path{}, err
	}
	if tail := s[end:]; tail != "" {
		sub, ok := strings.CutPrefix(tail, ".")
		if !ok || !isName(sub) {
			return Path{}, invalidPath("the path is not an attribute path")
		}
		p.Sub = sub
	}
	return p, nil
}

// String writes the path so that ParsePath gives the same.
func (p Path) String() string {
	s := p.Attr.String()
	if p.Filter != nil {
		s += "[" + p.Filter.String() + "]"
	}
	if p.Sub != "" {
		s += "." + p.Sub
	}
	return s
}

func invalidPath(detail string) error {
	return &scim.Error{Status: http.StatusBadRequest, ScimType: scim.TypeInvalidPath, Detail: detail}
}
