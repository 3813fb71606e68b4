package memstore

import (
	"cmp"
	"slices"

	"simscim/scim"
	"simscim/scim/filter"
	"simscim/scim/server"
)

// table holds the resources of one kind. A stored resource is never changed: a change
// puts another one in its place.
type table struct {
	kind scim.Kind
	byID map[string]*server.Resource
	// order is sorted by Seq.
	order   []*server.Resource
	indexes []index
	// members holds, by group id, the ids of the members. Only the groups' table uses it.
	members map[string]map[string]struct{}
}

// index finds ids by the value of one attribute.
type index struct {
	name string
	fold bool
	ids  map[string][]string
}

func newTable(kind scim.Kind) *table {
	t := &table{kind: kind, byID: map[string]*server.Resource{}, members: map[string]map[string]struct{}{}}
	for _, name := range []string{"userName", "externalId", "displayName"} {
		t.indexes = append(t.indexes, index{name: name, fold: name != "externalId", ids: map[string][]string{}})
	}
	return t
}

func (x *index) key(r *server.Resource) (string, bool) {
	s, ok := r.Attributes[x.name].(string)
	return x.form(s), ok && s != ""
}

func (x *index) form(s string) string {
	if x.fold {
		return scim.Fold(s)
	}
	return s
}

// find returns the ids that the first indexed equality in the filter allows.
func (t *table) find(e filter.Expr) ([]string, bool) {
	for i := range t.indexes {
		x := &t.indexes[i]
		if value, ok := filter.Equality(e, x.name); ok {
			return x.ids[x.form(value)], true
		}
	}
	return nil, false
}

// taken tells whether another resource has the same value of the attribute.
func (t *table) taken(name string, r *server.Resource) bool {
	for i := range t.indexes {
		x := &t.indexes[i]
		if x.name != name {
			continue
		}
		key, ok := x.key(r)
		return ok && slices.ContainsFunc(x.ids[key], func(id string) bool { return id != r.ID })
	}
	return false
}

func (t *table) insert(r *server.Resource) {
	t.byID[r.ID] = r
	t.order = append(t.order, r)
	t.enter(r)
}

func (t *table) swap(old, r *server.Resource) {
	t.leave(old)
	at, _ := t.place(old.Seq)
	t.order[at] = r
	t.byID[r.ID] = r
	t.enter(r)
}

func (t *table) remove(r *server.Resource) {
	t.leave(r)
	at, _ := t.place(r.Seq)
	t.order = slices.Delete(t.order, at, at+1)
	delete(t.byID, r.ID)
}

// place is where the Seq stands, or would stand, in the order.
func (t *table) place(seq int64) (int, bool) {
	return slices.BinarySearchFunc(t.order, seq, func(r *server.Resource, seq int64) int { return cmp.Compare(r.Seq, seq) })
}

func (t *table) enter(r *server.Resource) {
	for i := range t.indexes {
		x := &t.indexes[i]
		if key, ok := x.key(r); ok {
			x.ids[key] = append(x.ids[key], r.ID)
		}
	}
}

func (t *table) leave(r *server.Resource) {
	for i := range t.indexes {
		x := &t.indexes[i]
		key, ok := x.key(r)
		if !ok {
			continue
		}
		left := slices.DeleteFunc(x.ids[key], func(id string) bool { return id == r.ID })
		if len(left) == 0 {
			delete(x.ids, key)
			continue
		}
		x.ids[key] = left
	}
}
