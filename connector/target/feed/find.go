package feed

import (
	"context"
	"iter"

	"simscim/connector/target"
	"simscim/scim"
	"simscim/scim/filter"
	"simscim/scim/server"
)

// chunk is how many resources are read at once.
const chunk = 500

// Count counts the resources of a kind.
func (f *Feed) Count(ctx context.Context, kind scim.Kind) (n int, ok bool, err error) {
	err = f.read(ctx, func(s *session) error {
		all, err := s.count(ctx, kind)
		n = int(all)
		return err
	})
	return n, err == nil, err
}

// List reads every resource of a kind in the order of creation.
func (f *Feed) List(ctx context.Context, kind scim.Kind, paths []scim.Path) iter.Seq2[target.Object, error] {
	return func(yield func(target.Object, error) bool) {
		for r, err := range f.each(ctx, kind, everybody) {
			if err != nil {
				yield(target.Object{}, err)
				return
			}
			if !yield(object(kind, r, paths), nil) {
				return
			}
		}
	}
}

// each reads in chunks, so that no transaction is open while the caller works: the caller
// may come back with another one.
func (f *Feed) each(ctx context.Context, kind scim.Kind, c clause) iter.Seq2[server.Resource, error] {
	return func(yield func(server.Resource, error) bool) {
		for last, more := int64(0), true; more; {
			var list []server.Resource
			err := f.read(ctx, func(s *session) (err error) {
				if list, err = s.all(ctx, kind, c.behind(last), "ORDER BY seq LIMIT ?", chunk); err != nil {
					return err
				}
				return s.withMembers(ctx, kind, list)
			})
			if err != nil {
				yield(server.Resource{}, err)
				return
			}
			for _, r := range list {
				if last = r.Seq; !yield(r, nil) {
					return
				}
			}
			more = len(list) == chunk
		}
	}
}

// Find returns the resources of a kind whose attribute at path equals value: by hash or
// id where there is one, else by reading everybody.
func (f *Feed) Find(ctx context.Context, kind scim.Kind, path scim.Path, value string, paths []scim.Path) ([]target.Object, error) {
	p := path.Parts()
	c := everybody
	if p.SelAttr == "" {
		c = f.keys.clause(kind, &filter.Compare{Attr: filter.Attr{URN: p.URN, Name: p.Attr, Sub: p.Sub}, Op: filter.Equal, Value: value})
	}
	found := []target.Object{}
	for r, err := range f.each(ctx, kind, c) {
		if err != nil {
			return nil, err
		}
		if got, ok := scim.Lookup(r.View(kind), path); ok && scim.SameValue(path, got, value) {
			found = append(found, object(kind, r, paths))
		}
	}
	return found, nil
}

// Get reads the resource with the feed's id.
func (f *Feed) Get(ctx context.Context, kind scim.Kind, remoteID string, paths []scim.Path) (o target.Object, ok bool, err error) {
	err = f.read(ctx, func(s *session) error {
		r, there, err := s.get(ctx, kind, remoteID)
		if err == nil && there {
			o, ok = object(kind, r, paths), true
		}
		return err
	})
	return o, ok, err
}

// object takes out of a resource what was asked for.
func object(kind scim.Kind, r server.Resource, paths []scim.Path) target.Object {
	view := r.View(kind)
	o := target.Object{Kind: kind, RemoteID: r.ID, Attributes: make(scim.Attributes, 0, len(paths)), MembersKnown: kind == scim.Group}
	o.ExternalID, _ = r.Attributes[externalID].(string)
	for _, path := range paths {
		if v, ok := scim.Lookup(view, path); ok {
			o.Attributes = append(o.Attributes, scim.Attribute{Path: path, Value: v})
		}
	}
	o.Attributes = o.Attributes.Sort()
	if kind == scim.Group {
		list, _ := r.Attributes["members"].([]any)
		for _, item := range list {
			m, _ := item.(map[string]any)
			id, _ := m["value"].(string)
			o.Members = append(o.Members, id)
		}
	}
	return o
}
