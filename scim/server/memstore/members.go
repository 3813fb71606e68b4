package memstore

import (
	"cmp"
	"context"
	"maps"
	"net/http"
	"slices"

	"simscim/scim"
	"simscim/scim/server"
)

// admit checks what must hold of a resource before it is stored, and brings it into
// the stored form: without a password, each member once and by its id alone. It
// returns the member ids.
func (s *Store) admit(kind scim.Kind, r *server.Resource) (map[string]struct{}, error) {
	t := s.tables[kind]
	if kind == scim.User && t.taken("userName", r) {
		return nil, conflict("the user name is taken")
	}
	if s.options.UniqueExternalID && t.taken("externalId", r) {
		return nil, conflict("the external id is taken")
	}
	_, hasPassword := r.Attributes["password"]
	list, hasMembers := r.Attributes["members"].([]any)
	if !hasPassword && (!hasMembers || kind != scim.Group) {
		return nil, nil
	}
	r.Attributes = maps.Clone(r.Attributes)
	delete(r.Attributes, "password")
	if kind != scim.Group {
		return nil, nil
	}
	members := make(map[string]struct{}, len(list))
	stored := make([]any, 0, len(list))
	for _, item := range list {
		m, _ := item.(map[string]any)
		id, _ := m["value"].(string)
		if !s.exists(id) || id == r.ID {
			return nil, &scim.Error{Status: http.StatusBadRequest, ScimType: scim.TypeInvalidValue, Detail: "a member does not exist"}
		}
		if _, twice := members[id]; twice {
			continue
		}
		members[id] = struct{}{}
		if len(m) != 1 {
			m = map[string]any{"value": id}
		}
		stored = append(stored, m)
	}
	r.Attributes["members"] = stored
	return members, nil
}

func (s *Store) exists(id string) bool {
	_, user := s.tables[scim.User].byID[id]
	_, group := s.tables[scim.Group].byID[id]
	return user || group
}

// enrol makes the ids the members of the group, in both directions.
func (s *Store) enrol(groupID string, members map[string]struct{}) {
	groups := s.tables[scim.Group]
	for id := range groups.members[groupID] {
		if _, stays := members[id]; stays {
			continue
		}
		delete(s.groupsOf[id], groupID)
		if len(s.groupsOf[id]) == 0 {
			delete(s.groupsOf, id)
		}
	}
	for id := range members {
		if s.groupsOf[id] == nil {
			s.groupsOf[id] = map[string]struct{}{}
		}
		s.groupsOf[id][groupID] = struct{}{}
	}
	delete(groups.members, groupID)
	if len(members) > 0 {
		groups.members[groupID] = members
	}
}

// expel takes one member out of the group.
func (s *Store) expel(group *server.Resource, id string) {
	next := *group
	next.Attributes = maps.Clone(group.Attributes)
	list, _ := group.Attributes["members"].([]any)
	left := slices.DeleteFunc(slices.Clone(list), func(item any) bool {
		m, _ := item.(map[string]any)
		return m["value"] == id
	})
	next.Attributes["members"] = left
	if len(left) == 0 {
		delete(next.Attributes, "members")
	}
	next.Version++
	if s.options.Now != nil {
		next.Modified = s.options.Now()
	}
	groups := s.tables[scim.Group]
	groups.swap(group, &next)
	delete(groups.members[group.ID], id)
}

// GroupsOf lists the groups that the resource is a member of, in list order.
func (s *Store) GroupsOf(_ context.Context, id string) []server.Reference {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.groups(id)
}

func (s *Store) groups(id string) []server.Reference {
	in := s.groupsOf[id]
	if len(in) == 0 {
		return nil
	}
	rows := make([]*server.Resource, 0, len(in))
	for groupID := range in {
		rows = append(rows, s.tables[scim.Group].byID[groupID])
	}
	slices.SortFunc(rows, func(a, b *server.Resource) int { return cmp.Compare(a.Seq, b.Seq) })
	out := make([]server.Reference, len(rows))
	for i, r := range rows {
		name, _ := r.Attributes["displayName"].(string)
		out[i] = server.Reference{Kind: scim.Group, ID: r.ID, Display: name}
	}
	return out
}

// groupList is groups as the attribute of a user.
func (s *Store) groupList(id string) []any {
	var list []any
	for _, g := range s.groups(id) {
		list = append(list, map[string]any{"value": g.ID, "display": g.Display, "type": "direct"})
	}
	return list
}

// Describe tells what stands behind an id.
func (s *Store) Describe(_ context.Context, id string) (server.Reference, bool) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	for _, kind := range []scim.Kind{scim.User, scim.Group} {
		r, ok := s.tables[kind].byID[id]
		if !ok {
			continue
		}
		name, _ := r.Attributes["displayName"].(string)
		if name == "" {
			name, _ = r.Attributes["userName"].(string)
		}
		return server.Reference{Kind: kind, ID: id, Display: name}, true
	}
	return server.Reference{}, false
}
