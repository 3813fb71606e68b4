// Package memstore keeps SCIM users and groups in memory for scim/server: for the
// sandbox and for tests. It answers equality of id, userName, externalId, displayName
// and membership from indexes; everything else is a walk through all resources.
//
// Invariants: user names are unique without case; a group's members exist, each once;
// whoever is deleted is in no group any more; ids are never used twice. Passwords are
// not kept.
package memstore

import (
	"cmp"
	"context"
	"maps"
	"net/http"
	"slices"
	"sync"
	"time"

	"simscim/scim"
	"simscim/scim/filter"
	"simscim/scim/server"
)

// Options say what the store insists on.
type Options struct {
	// UniqueExternalID refuses a second resource of a kind with the same externalId.
	UniqueExternalID bool
	// Now is the clock for groups that change because a member was deleted.
	Now func() time.Time
}

// Store is a server.Store and a server.Directory.
type Store struct {
	options Options

	mu     sync.RWMutex
	seq    int64
	tables map[scim.Kind]*table
	// groupsOf holds, by member id, the ids of the groups.
	groupsOf map[string]map[string]struct{}
}

// New makes an empty store.
func New(o Options) *Store {
	return &Store{
		options:  o,
		tables:   map[scim.Kind]*table{scim.User: newTable(scim.User), scim.Group: newTable(scim.Group)},
		groupsOf: map[string]map[string]struct{}{},
	}
}

// Get returns one resource.
func (s *Store) Get(_ context.Context, kind scim.Kind, id string) (server.Resource, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	r, ok := s.tables[kind].byID[id]
	if !ok {
		return server.Resource{}, notFound()
	}
	return *r, nil
}

// List answers a query, from an index if the filter names one of the indexed values.
func (s *Store) List(_ context.Context, kind scim.Kind, q server.Query) (server.Page, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	t := s.tables[kind]
	if q.Filter == nil && q.SortBy.Name == "" {
		from := min(q.Skip, len(t.order))
		if q.After > 0 {
			from, _ = t.place(q.After + 1)
		}
		page := server.Page{Total: len(t.order)}
		for _, r := range t.order[from:min(from+q.Limit, len(t.order))] {
			page.Resources = append(page.Resources, *r)
		}
		return page, nil
	}
	candidates, ok := s.candidates(kind, q.Filter)
	if !ok {
		candidates = t.order
	}
	withGroups := kind == scim.User && (q.Filter != nil && filter.Mentions(q.Filter, "groups") || q.SortBy.Is("groups"))
	return server.SelectView(kind, func(yield func(server.Resource) bool) {
		for _, r := range candidates {
			if !yield(*r) {
				return
			}
		}
	}, q, func(r server.Resource) map[string]any {
		view := r.View(kind)
		if withGroups {
			view["groups"] = s.groupList(r.ID)
		}
		return view
	}), nil
}

// candidates finds the resources that can meet the filter by an index, in list order.
func (s *Store) candidates(kind scim.Kind, e filter.Expr) ([]*server.Resource, bool) {
	t := s.tables[kind]
	var ids []string
	if id, ok := filter.Equality(e, "id"); ok {
		ids = []string{id}
	} else if ids, ok = t.find(e); !ok {
		if id, isMember := filter.Equality(e, "members.value"); isMember && kind == scim.Group {
			ids = slices.Collect(maps.Keys(s.groupsOf[id]))
		} else if id, inGroup := filter.Equality(e, "groups.value"); inGroup && kind == scim.User {
			ids = slices.Collect(maps.Keys(s.tables[scim.Group].members[id]))
		} else {
			return nil, false
		}
	}
	out := make([]*server.Resource, 0, len(ids))
	for _, id := range ids {
		if r, ok := t.byID[id]; ok {
			out = append(out, r)
		}
	}
	slices.SortFunc(out, func(a, b *server.Resource) int { return cmp.Compare(a.Seq, b.Seq) })
	return out, true
}

// Create stores a new resource.
func (s *Store) Create(_ context.Context, kind scim.Kind, r server.Resource) (server.Resource, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	t := s.tables[kind]
	if _, taken := t.byID[r.ID]; taken {
		return server.Resource{}, conflict("the id is taken")
	}
	members, err := s.admit(kind, &r)
	if err != nil {
		return server.Resource{}, err
	}
	s.seq++
	r.Seq, r.Version = s.seq, 1
	t.insert(&r)
	s.enrol(r.ID, members)
	return r, nil
}

// Replace stores a resource in place of the version that it was made from.
func (s *Store) Replace(_ context.Context, kind scim.Kind, r server.Resource) (server.Resource, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	t := s.tables[kind]
	old, ok := t.byID[r.ID]
	switch {
	case !ok:
		return server.Resource{}, notFound()
	case old.Version != r.Version:
		return server.Resource{}, server.ErrChanged
	}
	members, err := s.admit(kind, &r)
	if err != nil {
		return server.Resource{}, err
	}
	r.Seq, r.Created = old.Seq, old.Created
	r.Version++
	t.swap(old, &r)
	s.enrol(r.ID, members)
	return r, nil
}

// Delete removes a resource, and takes it out of every group.
func (s *Store) Delete(_ context.Context, kind scim.Kind, id string, version int64) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	t := s.tables[kind]
	old, ok := t.byID[id]
	switch {
	case !ok:
		return notFound()
	case version != 0 && old.Version != version:
		return server.ErrChanged
	}
	groups := s.tables[scim.Group]
	for groupID := range s.groupsOf[id] {
		s.expel(groups.byID[groupID], id)
	}
	delete(s.groupsOf, id)
	s.enrol(id, nil)
	delete(groups.members, id)
	t.remove(old)
	return nil
}

// All returns every resource of the kind in list order.
func (s *Store) All(kind scim.Kind) []server.Resource {
	s.mu.RLock()
	defer s.mu.RUnlock()
	order := s.tables[kind].order
	out := make([]server.Resource, len(order))
	for i, r := range order {
		out[i] = *r
	}
	return out
}

// Counts returns how many users, groups and memberships there are.
func (s *Store) Counts() (users, groups, memberships int) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	for _, in := range s.groupsOf {
		memberships += len(in)
	}
	return len(s.tables[scim.User].order), len(s.tables[scim.Group].order), memberships
}

func notFound() error {
	return &scim.Error{Status: http.StatusNotFound, Detail: "there is no such resource"}
}

func conflict(detail string) error {
	return &scim.Error{Status: http.StatusConflict, ScimType: scim.TypeUniqueness, Detail: detail}
}
