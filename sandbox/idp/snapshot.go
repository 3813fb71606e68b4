package idp

import (
	"simscim/scim"
	"simscim/scim/server"
)

// Snapshot is everything that the identity provider holds, in order of creation.
type Snapshot struct {
	Users  []User
	Groups []Group
}

// User is one account.
type User struct {
	ID, ExternalID, UserName, DisplayName string
	Active                                bool
	// Resource is all that was stored, without id and meta. It must not be changed.
	Resource map[string]any
}

// Group is one group.
type Group struct {
	ID, ExternalID, DisplayName string
	// Members are the ids of the members, in the order in which they came.
	Members []string
	// Resource is all that was stored, without id and meta. It must not be changed.
	Resource map[string]any
}

// Snapshot reads everything. Users and groups are each consistent; between the two a
// request may have come.
func (p *IDP) Snapshot() Snapshot {
	var s Snapshot
	for _, r := range p.store.All(scim.User) {
		s.Users = append(s.Users, userOf(r))
	}
	for _, r := range p.store.All(scim.Group) {
		s.Groups = append(s.Groups, groupOf(r))
	}
	return s
}

// Counts returns how many users, groups and memberships there are.
func (p *IDP) Counts() (users, groups, memberships int) { return p.store.Counts() }

func userOf(r server.Resource) User {
	active, ok := r.Attributes["active"].(bool)
	return User{
		ID: r.ID, ExternalID: text(r, "externalId"), UserName: text(r, "userName"), DisplayName: text(r, "displayName"),
		// Without the attribute an account is in use (RFC 7643 §4.1.1 leaves it open).
		Active: active || !ok, Resource: r.Attributes,
	}
}

func groupOf(r server.Resource) Group {
	g := Group{ID: r.ID, ExternalID: text(r, "externalId"), DisplayName: text(r, "displayName"), Resource: r.Attributes}
	list, _ := r.Attributes["members"].([]any)
	for _, item := range list {
		m, _ := item.(map[string]any)
		id, _ := m["value"].(string)
		g.Members = append(g.Members, id)
	}
	return g
}

func text(r server.Resource, name string) string {
	s, _ := r.Attributes[name].(string)
	return s
}
