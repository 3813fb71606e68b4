package idp

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"

	"simscim/scim"
	"simscim/scim/filter"
	"simscim/scim/patch"
)

// call is a request as the personality looks at it.
type call struct {
	r *http.Request
	// path is below the base path; kind and id are of the resource, if it is about one.
	path string
	kind scim.Kind
	id   string
	body []byte
	// resource is the body of a POST or PUT of a resource, ops that of a PATCH. Both are
	// empty where the body is not what it should be: refusing that is not the gate's.
	resource map[string]any
	ops      []patch.Operation
	filter   filter.Expr
	query    url.Values
	// rawFilter is the filter as it was sent, which a parser may have refused.
	rawFilter string
}

// gate stands in front of the service provider, as the personality: it refuses what
// that kind of server refuses and bends the answers. Bulk operations come through it
// one by one.
func (p *IDP) gate(w http.ResponseWriter, r *http.Request) {
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	stranger := !strings.EqualFold(scheme, "Bearer") || strings.TrimSpace(token) != p.token
	if p.options.Personality == Generic || stranger { // strangers are refused behind it
		p.scim.ServeHTTP(w, r)
		return
	}
	answer := &held{header: http.Header{}}
	c, err := p.call(r)
	if err == nil {
		err = p.refuse(c)
	}
	switch {
	case err != nil:
		answer.refuse(asError(err))
	case p.as.users.meetsNothing(c, scim.User) || p.as.groups.meetsNothing(c, scim.Group):
		answer.json(http.StatusOK, map[string]any{
			"schemas": []string{scim.ListResponseURN}, "totalResults": 0, "itemsPerPage": 0, "startIndex": 1, "Resources": []any{},
		})
	case p.as.deleteSuspends && r.Method == http.MethodDelete && c.kind == scim.User:
		p.suspend(answer, c)
	default:
		p.scim.ServeHTTP(answer, c.r)
	}
	p.bend(c, answer)
	answer.send(w)
}

// call reads the request. Paths that the personality calls otherwise are translated.
func (p *IDP) call(r *http.Request) (*call, error) {
	c := &call{r: r, path: p.pathOf(r)}
	if at, ok := p.as.paths[c.path]; ok {
		c.path = at
	}
	if c.path == "" {
		return c, &scim.Error{Status: http.StatusNotFound, Detail: "there is no such endpoint"}
	}
	for _, kind := range []scim.Kind{scim.User, scim.Group} {
		if rest, ok := strings.CutPrefix(c.path, kind.Endpoint()); ok && (rest == "" || rest[0] == '/') {
			c.kind = kind
			c.id = strings.TrimPrefix(rest, "/")
		}
	}
	body, err := io.ReadAll(http.MaxBytesReader(nil, r.Body, maxBody))
	if err != nil {
		return c, &scim.Error{Status: http.StatusRequestEntityTooLarge, Detail: "the body is too large"}
	}
	c.body, c.query = body, r.URL.Query()
	c.r = r.Clone(r.Context())
	c.r.URL.Path, c.r.URL.RawPath = p.options.BasePath+c.path, ""
	c.r.Body = io.NopCloser(bytes.NewReader(body))
	c.parse()
	if p.as.members.inObject && c.kind == scim.Group {
		c.unwrap()
	}
	return c, nil
}

// pathOf is the path below the base path, as the RFC writes it if any case will do.
func (p *IDP) pathOf(r *http.Request) string {
	path := strings.TrimPrefix(r.URL.Path, p.options.BasePath)
	if p.as.anyCase {
		return proper(path)
	}
	return path
}

// maxBody bounds what the gate keeps; the service provider has a limit of its own.
const maxBody = 64 << 20

// parse looks into the body and the filter, as far as they can be read.
func (c *call) parse() {
	c.rawFilter = c.query.Get("filter")
	switch {
	case c.r.Method == http.MethodPost && strings.HasSuffix(c.path, "/.search"):
		var search struct{ Filter string }
		if json.Unmarshal(c.body, &search) == nil {
			c.rawFilter = search.Filter
		}
	case c.kind != "" && (c.r.Method == http.MethodPost || c.r.Method == http.MethodPut):
		if json.Unmarshal(c.body, &c.resource) != nil {
			c.resource = nil
		}
	case c.kind != "" && c.r.Method == http.MethodPatch:
		c.ops, _ = patch.Decode(c.body) // the service provider refuses it in its own words
	}
	if c.rawFilter != "" {
		c.filter, _ = filter.Parse(c.rawFilter) // as above
	}
}

// unwrap takes lists of members out of the object around them.
func (c *call) unwrap() {
	found := false
	for i, op := range c.ops {
		object, _ := op.Value.(map[string]any)
		if members, ok := scim.Member(object, "members"); ok && strings.EqualFold(op.Path, "members") {
			c.ops[i].Value, found = members, true
		}
	}
	if !found {
		return
	}
	body, err := json.Marshal(patch.Body(c.ops))
	if err != nil { // it came from JSON
		panic(err)
	}
	c.body, c.r.Body, c.r.ContentLength = body, io.NopCloser(bytes.NewReader(body)), int64(len(body))
}

// proper writes the first part of a path as the RFC does: "/users/7" is "/Users/7".
func proper(path string) string {
	first, rest, more := strings.Cut(strings.TrimPrefix(path, "/"), "/")
	for _, name := range []string{"Users", "Groups", "ServiceProviderConfig", "ResourceTypes", "Schemas", "Bulk", "Me"} {
		if strings.EqualFold(first, name) {
			first = name
		}
	}
	if more {
		return "/" + first + "/" + rest
	}
	return "/" + first
}

// suspend is what DELETE does where accounts stay.
func (p *IDP) suspend(answer *held, c *call) {
	const body = `{"schemas": ["` + scim.PatchOpURN + `"], "Operations": [{"op": "replace", "path": "active", "value": false}]}`
	c.r.Method, c.r.ContentLength, c.r.Body = http.MethodPatch, int64(len(body)), io.NopCloser(strings.NewReader(body))
	c.r.Header.Set("Content-Type", scim.MediaType)
	p.scim.ServeHTTP(answer, c.r)
	if answer.status < 300 {
		*answer = held{header: http.Header{}, status: http.StatusNoContent}
	}
}
