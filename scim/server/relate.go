package server

import (
	"maps"
	"net/url"
	"slices"
	"strconv"
	"time"

	"simscim/scim"
)

// freeURNs lists, in order, the extensions of the document that have no schema here.
func freeURNs(ks *kindSchema, doc map[string]any) []string {
	var out []string
	for name := range doc {
		if _, known := ks.known(name); !known && isURN(name) {
			out = append(out, name)
		}
	}
	slices.Sort(out)
	return out
}

// relate fills in what follows from memberships: a user's groups, and what each member
// of a group is. It does nothing that the client did not ask to see.
func (s *server) relate(x *exchange, kind scim.Kind, r Resource, p projection, doc map[string]any) {
	if s.directory != nil && kind == scim.User && p.wants("groups") {
		var groups []any
		for _, g := range s.directory.GroupsOf(x.r.Context(), r.ID) {
			groups = append(groups, map[string]any{"value": g.ID, "display": g.Display, "$ref": x.location(scim.Group, g.ID), "type": "direct"})
		}
		if groups != nil {
			doc["groups"] = groups
		}
	}
	members, ok := doc["members"].([]any)
	if !ok || !p.wants("members") {
		return
	}
	shown := make([]any, len(members))
	for i, item := range members {
		m, _ := item.(map[string]any)
		shown[i] = s.member(x, m)
	}
	doc["members"] = shown
}

func (s *server) member(x *exchange, m map[string]any) map[string]any {
	m = maps.Clone(m)
	id, _ := m["value"].(string)
	kind := scim.User
	if m["type"] == "Group" {
		kind = scim.Group
	}
	if s.directory != nil {
		if ref, ok := s.directory.Describe(x.r.Context(), id); ok {
			kind = ref.Kind
			if ref.Display != "" {
				m["display"] = ref.Display
			}
		}
	}
	m["type"], m["$ref"] = string(kind), x.location(kind, id)
	return m
}

// location is the address of a resource.
func (x *exchange) location(kind scim.Kind, id string) string {
	return x.base + kind.Endpoint() + "/" + url.PathEscape(id)
}

func etag(version int64) string { return `W/"` + strconv.FormatInt(version, 10) + `"` }

// stamp writes a time as RFC 7643 §2.3.5 wants it, to the millisecond.
func stamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z") }
