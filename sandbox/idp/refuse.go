package idp

import (
	"errors"
	"mime"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"simscim/scim"
	"simscim/scim/filter"
	"simscim/scim/patch"
)

// refuse says what the personality has against the call, nil for nothing.
func (p *IDP) refuse(c *call) error {
	for _, check := range []func(*call) error{p.checkHeaders, p.checkEndpoint, p.checkFilter, p.checkResource, p.checkPatch, p.checkUnknown} {
		if err := check(c); err != nil {
			return err
		}
	}
	return nil
}

func refusal(status int, scimType, detail string) error {
	return &scim.Error{Status: status, ScimType: scimType, Detail: detail}
}

func invalid(detail string) error {
	return refusal(http.StatusBadRequest, scim.TypeInvalidValue, detail)
}

func asError(err error) *scim.Error {
	if e, ok := errors.AsType[*scim.Error](err); ok {
		return e
	}
	return &scim.Error{Status: http.StatusInternalServerError}
}

func (p *IDP) checkHeaders(c *call) error {
	if p.as.userAgent && c.r.UserAgent() == "" {
		return refusal(http.StatusForbidden, "", "the request has no User-Agent header")
	}
	if p.as.accept != "" && !accepts(c.r.Header.Values("Accept"), p.as.accept) {
		return refusal(p.as.acceptStatus, "", "the Accept header must name "+p.as.accept)
	}
	if p.as.tightQuery && regexp.MustCompile(`(\+|%20|%09|\s)=|=(\+|%20|%09|\s)`).MatchString(c.r.URL.RawQuery) {
		return refusal(http.StatusBadRequest, "", "BadRequest: white space around = in the query string")
	}
	return nil
}

func accepts(headers []string, want string) bool {
	for _, h := range headers {
		for part := range strings.SplitSeq(h, ",") {
			if media, _, err := mime.ParseMediaType(part); err == nil && media == want {
				return true
			}
		}
	}
	return false
}

func (p *IDP) checkEndpoint(c *call) error {
	at := c.path
	if c.kind != "" {
		at = c.kind.Endpoint()
	}
	for _, key := range []string{at, c.r.Method + " " + at} {
		if status := p.as.refused[key]; status != 0 {
			return refusal(status, "", "the operation is not supported")
		}
	}
	return nil
}

func (p *IDP) checkFilter(c *call) error {
	f := p.as.users
	if c.kind == scim.Group {
		f = p.as.groups
	}
	if f.length > 0 && utf8.RuneCountInString(c.rawFilter) > f.length {
		return refusal(http.StatusBadRequest, scim.TypeInvalidFilter, "the filter is too long")
	}
	list := c.kind != "" && c.id == "" && c.r.Method == http.MethodGet
	if f.needed && list && c.rawFilter == "" {
		return refusal(http.StatusBadRequest, scim.TypeTooMany, "a list needs a filter")
	}
	if c.filter == nil {
		return nil
	}
	if f.terms > 0 && nodes(c.filter) > f.terms {
		return refusal(http.StatusBadRequest, "INVALID_FILTER", "the filter has too many nodes")
	}
	if f.ops != nil && !f.takes(c.filter, false) {
		return refusal(http.StatusBadRequest, scim.TypeInvalidFilter, "the filter is not supported")
	}
	return nil
}

// takes tells whether the filter is one of those that the server understands.
func (f filters) takes(e filter.Expr, joined bool) bool {
	switch e := e.(type) {
	case *filter.Compare:
		attributes, ok := f.ops[e.Op]
		if !ok || joined && oneOf(f.alone, e.Attr) {
			return false
		}
		return len(attributes) == 0 || oneOf(attributes, e.Attr)
	case *filter.Logical:
		return f.and && !e.Or && !slices.ContainsFunc(e.Terms, func(t filter.Expr) bool { return !f.takes(t, true) })
	default:
		return false
	}
}

func oneOf(names []string, a filter.Attr) bool {
	return slices.ContainsFunc(names, func(name string) bool { return strings.EqualFold(name, a.String()) })
}

// nodes counts comparisons and what joins them.
func nodes(e filter.Expr) int {
	switch e := e.(type) {
	case *filter.Element:
		return 1 + nodes(e.Filter)
	case *filter.Not:
		return 1 + nodes(e.X)
	case *filter.Logical:
		n := len(e.Terms) - 1
		for _, t := range e.Terms {
			n += nodes(t)
		}
		return n
	default:
		return 1
	}
}

// meetsNothing tells whether the call asks about an attribute that the server has not
// mapped.
func (f filters) meetsNothing(c *call, kind scim.Kind) bool {
	return c.kind == kind && c.r.Method == http.MethodGet && c.filter != nil &&
		slices.ContainsFunc(f.blind, func(name string) bool { return filter.Mentions(c.filter, name) })
}

// checkResource looks at the body of a POST or PUT.
func (p *IDP) checkResource(c *call) error {
	if c.resource == nil {
		return nil
	}
	if c.kind == scim.User {
		for _, path := range p.as.required {
			if v, ok := scim.Lookup(c.resource, path); !ok || scim.IsUnassigned(v) {
				return invalid("the attribute " + string(path) + " is required")
			}
		}
	}
	if err := p.checkOneValue(c.resource, c.kind); err != nil {
		return err
	}
	if c.kind == scim.Group {
		return p.checkGroup(c)
	}
	return nil
}

// checkGroup looks at a whole group.
func (p *IDP) checkGroup(c *call) error {
	if n := p.as.members.perCreate; n > 0 && c.additions() > n {
		return p.tooMany()
	}
	if p.as.members.noneAtCreate && c.additions() > 0 {
		return invalid("members are added by PATCH")
	}
	if !p.as.noRename || c.id == "" {
		return nil
	}
	stored, err := p.store.Get(c.r.Context(), scim.Group, c.id)
	if err != nil {
		return err
	}
	if name, _ := scim.Member(c.resource, "displayName"); name != stored.Attributes["displayName"] {
		return invalid("a group cannot be renamed")
	}
	return nil
}

func isPrimary(item any) bool {
	m, _ := item.(map[string]any)
	v, _ := scim.Member(m, "primary")
	return v == true
}

// checkOneValue refuses lists of several values, and an e-mail address that is not
// primary. The members of a group are no such list.
func (p *IDP) checkOneValue(values map[string]any, kind scim.Kind) error {
	if !p.as.oneValue || kind != scim.User {
		return nil
	}
	for name, v := range values {
		list, ok := v.([]any)
		if !ok || strings.EqualFold(name, "schemas") {
			continue
		}
		if len(list) > 1 {
			return invalid("the list " + name + " may hold a single value")
		}
		if strings.EqualFold(name, "emails") && len(list) == 1 && !isPrimary(list[0]) {
			return invalid("the e-mail address must be primary")
		}
	}
	return nil
}

func (p *IDP) tooMany() error {
	if status := p.as.members.tooMany; status != 0 {
		return refusal(status, "", "too many members in one request")
	}
	return invalid("too many members in one request")
}

// checkPatch looks at the operations of a PATCH.
func (p *IDP) checkPatch(c *call) error {
	if c.kind == scim.Group {
		return p.checkGroupPatch(c)
	}
	for _, ch := range c.changes() {
		path := scim.Path(ch.target.Attr.String())
		if slices.Contains(p.as.initial, path) {
			return refusal(http.StatusBadRequest, scim.TypeMutability, "the attribute "+string(path)+" can be set only at creation")
		}
		if slices.Contains(p.as.lasting, path) && (ch.op == patch.Remove || scim.IsUnassigned(ch.value)) {
			return refusal(http.StatusBadRequest, scim.TypeMutability, "the attribute "+string(path)+" cannot be removed")
		}
		if err := p.checkOneValue(map[string]any{ch.target.Attr.Name: ch.value}, c.kind); err != nil {
			return err
		}
	}
	return nil
}

// checkUnknown looks for members that are not there, where the personality has words
// of its own for them.
func (p *IDP) checkUnknown(c *call) error {
	m := p.as.members
	if m.unknown == 0 || c.kind != scim.Group {
		return nil
	}
	for _, id := range c.named() {
		if _, ok := p.store.Describe(c.r.Context(), id); !ok {
			return refusal(m.unknown, "", m.unknownDetail[0]+id+m.unknownDetail[1])
		}
	}
	return nil
}
