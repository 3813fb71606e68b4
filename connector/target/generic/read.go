package generic

import (
	"context"
	"errors"
	"iter"
	"net/http"

	"simscim/connector/target"
	"simscim/scim"
	"simscim/scim/client"
	"simscim/scim/filter"
	"simscim/scim/profile"
)

const externalID scim.Path = "externalId"

// Count tells how many resources of kind there are.
func (t *Target) Count(ctx context.Context, kind scim.Kind) (int, bool, error) {
	p, err := t.discover(ctx)
	switch {
	case err != nil || p.FilterNeeded:
		return 0, false, err
	case !p.Has(kind):
		return 0, true, nil
	default:
		return t.client.Count(ctx, kind)
	}
}

var errFilterNeeded = errors.New("the target shows resources only to a filter that it knows")

// List reads every resource of kind.
func (t *Target) List(ctx context.Context, kind scim.Kind, paths []scim.Path) iter.Seq2[target.Object, error] {
	return func(yield func(target.Object, error) bool) {
		p, err := t.discover(ctx)
		if err != nil {
			yield(target.Object{}, err)
			return
		}
		if !p.Has(kind) {
			return
		}
		if p.FilterNeeded {
			yield(target.Object{}, errFilterNeeded)
			return
		}
		for res, err := range t.client.List(ctx, kind, client.Query{Count: p.PageMax, Paging: p.Paging}) {
			if err != nil {
				yield(target.Object{}, err)
				return
			}
			if !yield(object(p, kind, res, paths), nil) {
				return
			}
		}
	}
}

// Get reads the resource with the target's id; ok is false when the server has none.
func (t *Target) Get(ctx context.Context, kind scim.Kind, remoteID string, paths []scim.Path) (target.Object, bool, error) {
	p, err := t.discover(ctx)
	if err != nil {
		return target.Object{}, false, err
	}
	res, err := t.client.Get(ctx, kind, remoteID)
	switch {
	case scim.IsNotFound(err):
		return target.Object{}, false, nil
	case err != nil:
		return target.Object{}, false, err
	default:
		return object(p, kind, res, paths), true, nil
	}
}

// Find returns the resources of kind whose attribute at path equals value. It asks by
// filter where the server has one and reads the whole list where it has not. What comes
// back is compared again: some servers ignore filters and send everything.
func (t *Target) Find(ctx context.Context, kind scim.Kind, path scim.Path, value string, paths []scim.Path) ([]target.Object, error) {
	p, err := t.discover(ctx)
	if err != nil {
		return nil, err
	}
	if !p.Has(kind) {
		return nil, nil
	}
	q := client.Query{Count: p.PageMax, Paging: p.Paging}
	if p.CanFilter(kind, path) {
		q.Filter = filter.Eq(path, value)
		q.Post = p.Search && personal(kind, path)
	} else if p.FilterNeeded {
		return nil, errFilterNeeded
	}
	found, err := t.search(ctx, p, kind, q, path, value, paths)
	if q.Post && refusesSearch(err) {
		t.noSearch()
		q.Post = false
		found, err = t.search(ctx, p, kind, q, path, value, paths)
	}
	if refused, always := refusesFilter(err); q.Filter != "" && refused && !p.FilterNeeded {
		if always {
			t.unfilterable(kind, path)
		}
		q.Filter, q.Post = "", false
		found, err = t.search(ctx, p, kind, q, path, value, paths)
	}
	return found, err
}

func (t *Target) search(ctx context.Context, p *profile.Profile, kind scim.Kind, q client.Query, path scim.Path, value string, paths []scim.Path) ([]target.Object, error) {
	found := []target.Object{}
	for res, err := range t.client.List(ctx, kind, q) {
		if err != nil {
			return nil, err
		}
		if got, ok := scim.Lookup(res, path); ok && scim.SameValue(path, got, value) {
			found = append(found, object(p, kind, res, paths))
		}
	}
	return found, nil
}

// personal tells whether a value of the attribute tells who somebody is.
func personal(kind scim.Kind, path scim.Path) bool {
	return kind == scim.User && path != externalID && path != "id"
}

// refusesSearch tells whether the server has no POST /.search, whatever it says.
func refusesSearch(err error) bool {
	return isStatus(err, http.StatusNotFound) || isStatus(err, http.StatusMethodNotAllowed) || isStatus(err, http.StatusNotImplemented)
}

// refusesFilter tells whether the server cannot filter this way, as opposed to not now,
// and whether it says so of the way and not perhaps of this one value.
func refusesFilter(err error) (refused, always bool) {
	e, ok := errors.AsType[*scim.Error](err)
	if !ok {
		return false, false
	}
	switch e.Status {
	case http.StatusNotImplemented:
		return true, true
	case http.StatusBadRequest, http.StatusForbidden:
		return true, e.ScimType == scim.TypeInvalidFilter || e.ScimType == scim.TypeSensitive
	default:
		return false, false
	}
}

// object takes out of a resource what was asked for; the rest is forgotten.
func object(p *profile.Profile, kind scim.Kind, res client.Resource, paths []scim.Path) target.Object {
	o := target.Object{Kind: kind, RemoteID: res.ID()}
	if v, ok := scim.Lookup(res, externalID); ok {
		o.ExternalID, _ = v.(string)
	}
	o.Attributes = make(scim.Attributes, 0, len(paths))
	for _, path := range paths {
		if v, ok := scim.Lookup(res, path); ok {
			o.Attributes = append(o.Attributes, scim.Attribute{Path: path, Value: v})
		}
	}
	o.Attributes = o.Attributes.Sort()
	if kind == scim.Group && p.MembersReadable {
		o.Members, o.MembersKnown = members(res)
	}
	return o
}

// members reads the ids of a group's members. A group without the attribute has none
// (RFC 7643 §2.5); one whose members cannot be read is not known.
func members(res client.Resource) (ids []string, ok bool) {
	v, found := scim.Member(res, "members")
	if !found || v == nil {
		return nil, true
	}
	list, isList := v.([]any)
	if !isList {
		return nil, false
	}
	seen := make(map[string]struct{}, len(list))
	for _, item := range list {
		var id string
		switch m := item.(type) {
		case string:
			id = m
		case map[string]any:
			value, _ := scim.Member(m, "value")
			id, _ = value.(string)
		}
		if id == "" {
			return nil, false
		}
		if _, twice := seen[id]; !twice {
			seen[id] = struct{}{}
			ids = append(ids, id)
		}
	}
	return ids, true
}
