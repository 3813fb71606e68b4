package entra

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"unique"

	"simscim/connector/target"
	"simscim/scim"
)

// groupProperties are what is read of a group.
const groupProperties = "id,displayName,uniqueName,mailNickname"

// graphGroup is a group as Graph shows it. In a delta query a group may come in several
// entries, each with some of its members.
type graphGroup struct {
	ID, DisplayName, UniqueName, MailNickname string

	Members []graphMember   `json:"members@delta"`
	Removed *map[string]any `json:"@removed"`
}

type graphMember struct {
	ID      string
	Removed *map[string]any `json:"@removed"`
}

// object takes out of a group what was asked for. Of the attributes Entra ID keeps the
// name alone.
func (g *graphGroup) object(paths []scim.Path) target.Object {
	o := target.Object{Kind: scim.Group, RemoteID: g.ID, ExternalID: keyOf(g.UniqueName)}
	if g.DisplayName != "" && slices.Contains(paths, displayName) {
		o.Attributes = append(o.Attributes, scim.Attribute{Path: displayName, Value: g.DisplayName})
	}
	if o.ExternalID != "" && slices.Contains(paths, externalID) {
		o.Attributes = append(o.Attributes, scim.Attribute{Path: externalID, Value: o.ExternalID})
	}
	o.Attributes = o.Attributes.Sort()
	return o
}

// listGroups reads all groups with their members by one round of the delta query, which
// takes a request for a page of them, and not one for each.
func (t *Target) listGroups(ctx context.Context, paths []scim.Path, yield func(target.Object, error) bool) error {
	start := "/groups/delta" + query("$select", groupProperties+",members")
	found, err := t.round(ctx, start)
	if isStatus(err, http.StatusGone) { // it moved under our feet
		found, err = t.round(ctx, start)
	}
	if err != nil {
		return err
	}
	for _, g := range found {
		if !yield(*g, nil) {
			break
		}
	}
	return nil
}

// round reads one round and puts the groups together. Nothing is yielded before its end:
// the rest of a group's members may stand on the last page.
func (t *Target) round(ctx context.Context, start string) ([]*target.Object, error) {
	var order []*target.Object
	byID := map[string]*target.Object{}
	get := func(path string, into *page[graphGroup]) error {
		_, err := t.do(ctx, call{method: http.MethodGet, path: path, route: "/groups/delta"}, into)
		return err
	}
	err := pages(t, start, get, func(list []graphGroup) (bool, error) {
		for i := range list {
			g := &list[i]
			if !isID(g.ID) {
				return false, errNotAnID
			}
			if g.Removed != nil {
				delete(byID, g.ID)
				continue
			}
			o := byID[g.ID]
			if o == nil {
				made := g.object([]scim.Path{displayName, externalID})
				o = &made
				o.MembersKnown = true
				byID[g.ID], order = o, append(order, o)
			}
			take(o, g.Members)
		}
		return true, nil
	})
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(order, func(o *target.Object) bool { return byID[o.RemoteID] != o }), nil
}

// take adds members to the group, each once. An id that many groups hold is kept once.
func take(o *target.Object, members []graphMember) {
	for _, m := range members {
		if m.Removed == nil && m.ID != "" {
			o.Members = append(o.Members, unique.Make(m.ID).Value())
		} else if at := slices.Index(o.Members, m.ID); at >= 0 {
			o.Members = slices.Delete(o.Members, at, at+1)
		}
	}
}

// groupsBy finds groups by a property that Graph filters by.
func (t *Target) groupsBy(ctx context.Context, name, value string) ([]graphGroup, error) {
	var out []graphGroup
	get := func(path string, into *page[graphGroup]) error {
		_, err := t.do(ctx, call{method: http.MethodGet, path: path, route: "/groups"}, into)
		return err
	}
	at := "/groups" + query("$select", groupProperties, "$filter", name+" eq "+literal(value), "$top", "999")
	err := pages(t, at, get, func(list []graphGroup) (bool, error) {
		for _, g := range list {
			if !isID(g.ID) {
				return false, errNotAnID
			}
			out = append(out, g)
		}
		return true, nil
	})
	return out, err
}

var errNoFilter = errors.New("groups can be looked for by externalId and displayName alone")

func (t *Target) findGroups(ctx context.Context, path scim.Path, value string, paths []scim.Path) ([]target.Object, error) {
	var list []graphGroup
	var err error
	switch path {
	case externalID:
		list, err = t.groupsOf(ctx, value)
	case displayName:
		list, err = t.groupsBy(ctx, "displayName", value)
	default:
		return nil, errNoFilter
	}
	if err != nil {
		return nil, err
	}
	found := []target.Object{}
	for i := range list {
		o := list[i].object(paths)
		switch {
		case path == externalID:
			o.ExternalID = value // a long key cannot be read out of the name
		case !scim.SameValue(path, list[i].DisplayName, value):
			continue
		}
		if o.Members, err = t.membersOf(ctx, o.RemoteID); err != nil {
			return nil, err
		}
		o.MembersKnown = true
		found = append(found, o)
	}
	return found, nil
}

// groupsOf finds the group with our key: by its unique name, or a class by its nickname.
func (t *Target) groupsOf(ctx context.Context, key string) ([]graphGroup, error) {
	if t.cfg.GroupKind == class {
		return t.groupsBy(ctx, "mailNickname", nickname(class, key, ""))
	}
	var g graphGroup
	_, err := t.do(ctx, call{
		method: http.MethodGet, path: byName(uniqueName(key)) + query("$select", groupProperties), route: "/groups(uniqueName)",
	}, &g)
	switch {
	case scim.IsNotFound(err):
		return nil, nil
	case err != nil:
		return nil, err
	case !isID(g.ID):
		return nil, errNotAnID
	}
	return []graphGroup{g}, nil
}

func (t *Target) getGroup(ctx context.Context, id string, paths []scim.Path) (target.Object, error) {
	path, err := groupPath(id)
	if err != nil {
		return target.Object{}, err
	}
	var g graphGroup
	if _, err := t.do(ctx, call{method: http.MethodGet, path: path + query("$select", groupProperties), route: "/groups/{id}"}, &g); err != nil {
		return target.Object{}, err
	}
	if g.ID == "" {
		return target.Object{}, errNotAnID
	}
	o := g.object(paths)
	o.Members, err = t.membersOf(ctx, id)
	o.MembersKnown = true
	return o, err
}

func (t *Target) membersOf(ctx context.Context, id string) ([]string, error) {
	path, err := groupPath(id)
	if err != nil {
		return nil, err
	}
	var o target.Object
	get := func(path string, into *page[graphMember]) error {
		_, err := t.do(ctx, call{method: http.MethodGet, path: path, route: "/groups/{id}/members"}, into)
		return err
	}
	err = pages(t, path+"/members"+query("$select", "id", "$top", "999"), get, func(list []graphMember) (bool, error) {
		take(&o, list)
		return true, nil
	})
	slices.Sort(o.Members)
	return slices.Compact(o.Members), err
}
