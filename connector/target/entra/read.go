package entra

import (
	"context"
	"errors"
	"iter"
	"net/http"
	"net/url"
	"strings"

	"simscim/connector/target"
	"simscim/scim"
)

// perPage is how many users or groups a page may hold.
const perPage = 999

// errUnreadable is told where users cannot be read for want of a permission.
var errUnreadable = errors.New("the application may not read users: give it the permission " + permUsers)

// Count tells how many users or groups there are, if Graph counts them.
func (t *Target) Count(ctx context.Context, kind scim.Kind) (int, bool, error) {
	caps, err := t.Capabilities(ctx)
	if err != nil {
		return 0, false, err
	}
	if kind == scim.User && len(caps.FilterUsers) == 0 {
		return 0, false, nil
	}
	path := "/users"
	if kind == scim.Group {
		path = "/groups"
	}
	var p page[graphUser]
	_, err = t.do(ctx, call{
		method: http.MethodGet, path: path + query("$select", "id", "$top", "1", "$count", "true"), route: path,
		header: map[string]string{"ConsistencyLevel": "eventual"},
	}, &p)
	switch {
	case err != nil:
		return 0, false, clean(err, nil)
	case p.Count != nil:
		return *p.Count, true, nil
	default:
		return 0, len(p.Value) == 0, nil
	}
}

// List reads every user, or every group with its members.
func (t *Target) List(ctx context.Context, kind scim.Kind, paths []scim.Path) iter.Seq2[target.Object, error] {
	return func(yield func(target.Object, error) bool) {
		caps, err := t.Capabilities(ctx)
		switch {
		case err != nil:
		case kind == scim.Group:
			err = t.listGroups(ctx, paths, yield)
		case len(caps.FilterUsers) == 0:
			err = errUnreadable
		default:
			err = t.usersAt(ctx, "/users"+query("$select", selected(paths), "$top", "999"), func(u graphUser) bool {
				return yield(u.object(paths), nil)
			})
		}
		if err != nil {
			yield(target.Object{}, clean(err, nil))
		}
	}
}

// usersAt reads users page by page, each once, until each returns false.
func (t *Target) usersAt(ctx context.Context, path string, each func(graphUser) bool) error {
	seen := map[string]struct{}{}
	get := func(path string, into *page[graphUser]) error {
		_, err := t.do(ctx, call{method: http.MethodGet, path: path, route: "/users"}, into)
		return err
	}
	return pages(t, path, get, func(list []graphUser) (bool, error) {
		for _, u := range list {
			id := u.text("id")
			if !isID(id) {
				return false, errNotAnID
			}
			if _, twice := seen[id]; twice {
				continue
			}
			seen[id] = struct{}{}
			if !each(u) {
				return false, nil
			}
		}
		return true, nil
	})
}

// Find returns the users or groups whose attribute at path equals value, compared again
// by our own rules.
func (t *Target) Find(ctx context.Context, kind scim.Kind, path scim.Path, value string, paths []scim.Path) ([]target.Object, error) {
	found, err := t.find(ctx, kind, path, value, paths)
	return found, clean(err, nil)
}

func (t *Target) find(ctx context.Context, kind scim.Kind, path scim.Path, value string, paths []scim.Path) ([]target.Object, error) {
	found := []target.Object{}
	if kind == scim.Group {
		return t.findGroups(ctx, path, value, paths)
	}
	caps, err := t.Capabilities(ctx)
	switch {
	case err != nil:
		return nil, err
	case len(caps.FilterUsers) == 0:
		return nil, errUnreadable
	}
	at := "/users" + query("$select", selected(append([]scim.Path{path}, paths...)), "$top", "999")
	if name, ok := filterable(path); ok {
		at += "&" + strings.TrimPrefix(query("$filter", name+" eq "+literal(value)), "?")
	}
	err = t.usersAt(ctx, at, func(u graphUser) bool {
		if got, ok := u.value(path); ok && scim.SameValue(path, got, value) {
			found = append(found, u.object(paths))
		}
		return true
	})
	if err != nil {
		return nil, err
	}
	return found, nil
}

// Get reads the user or group with the id; ok is false when Graph has none.
func (t *Target) Get(ctx context.Context, kind scim.Kind, remoteID string, paths []scim.Path) (target.Object, bool, error) {
	obj, err := t.get(ctx, kind, remoteID, paths)
	switch {
	case scim.IsNotFound(err):
		return target.Object{}, false, nil
	case err != nil:
		return target.Object{}, false, clean(err, nil)
	default:
		return obj, true, nil
	}
}

func (t *Target) get(ctx context.Context, kind scim.Kind, remoteID string, paths []scim.Path) (target.Object, error) {
	if kind == scim.Group {
		return t.getGroup(ctx, remoteID, paths)
	}
	if !isID(remoteID) {
		return target.Object{}, errNotAnID
	}
	var u graphUser
	_, err := t.do(ctx, call{
		method: http.MethodGet, path: "/users/" + url.PathEscape(remoteID) + query("$select", selected(paths)), route: "/users/{id}",
	}, &u)
	if isStatus(err, http.StatusForbidden) {
		return target.Object{}, errUnreadable
	}
	if err != nil {
		return target.Object{}, err
	}
	if !strings.EqualFold(u.text("id"), remoteID) {
		return target.Object{}, errNotAnID
	}
	return u.object(paths), nil
}
