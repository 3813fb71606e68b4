package okta

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"simscim/connector/target"
	"simscim/internal/httpx"
	"simscim/scim"
)

// membersPerPage is the most that Okta gives.
const membersPerPage = 1000

var errNoList = errors.New("an identity source gives no lists: objects are read one by one, by externalId")

// record is a user or group as Okta shows it. Custom attributes may hold anything;
// those that are not text are not looked at.
type record struct {
	ExternalID string    `json:"externalId"`
	Profile    texts     `json:"profile"`
	Updated    time.Time `json:"lastUpdated"`
}

// Count tells nothing: there is no list to count.
func (t *Target) Count(context.Context, scim.Kind) (n int, ok bool, err error) { return 0, false, nil }

// List is not possible.
func (t *Target) List(context.Context, scim.Kind, []scim.Path) iter.Seq2[target.Object, error] {
	return func(yield func(target.Object, error) bool) { yield(target.Object{}, errNoList) }
}

// Find returns the active user, or the group, with the externalId.
func (t *Target) Find(ctx context.Context, kind scim.Kind, path scim.Path, value string, paths []scim.Path) ([]target.Object, error) {
	if path != externalID {
		return nil, errNoList
	}
	there, ok, err := t.record(ctx, kind, value)
	if err != nil || !ok {
		return nil, err
	}
	obj, err := t.object(ctx, kind, there, paths)
	if err != nil {
		return nil, err
	}
	return []target.Object{obj}, nil
}

// Get reads an object by its key. Of a user who is not there Okta does not tell whether
// the account is deactivated or never was; both are brought back by being sent, so that
// it is shown as an account that is not active, and never as gone.
func (t *Target) Get(ctx context.Context, kind scim.Kind, remoteID string, paths []scim.Path) (target.Object, bool, error) {
	there, ok, err := t.record(ctx, kind, remoteID)
	switch {
	case err != nil:
		return target.Object{}, false, err
	case !ok && kind == scim.User:
		return target.Object{
			Kind: kind, RemoteID: remoteID, ExternalID: remoteID,
			Attributes: scim.Attributes{{Path: active, Value: false}},
		}, true, nil
	case !ok:
		return target.Object{}, false, nil
	}
	obj, err := t.object(ctx, kind, there, paths)
	return obj, err == nil, err
}

// object is the record as the engine sees it; of a group with its members.
func (t *Target) object(ctx context.Context, kind scim.Kind, there record, paths []scim.Path) (target.Object, error) {
	obj := target.Object{
		Kind: kind, RemoteID: there.ExternalID, ExternalID: there.ExternalID,
		Attributes: attributes(kind, there.ExternalID, there.Profile, paths),
	}
	if kind == scim.User {
		return obj, nil
	}
	var err error
	if obj.Members, err = t.members(ctx, there.ExternalID); err != nil {
		return target.Object{}, err
	}
	obj.MembersKnown = true
	return obj, nil
}

// record reads one user or group. ok is false where Okta has no active one of the key.
func (t *Target) record(ctx context.Context, kind scim.Kind, key string) (r record, ok bool, err error) {
	if err := t.ask(ctx); err != nil { // a 404 of the source would look the same
		return r, false, err
	}
	path, route := "/users", "/users/{id}"
	if kind == scim.Group {
		path, route = "/groups", "/groups/{id}"
	}
	_, err = t.call(ctx, httpx.Request{Method: http.MethodGet, Path: path + segment(key), Route: route}, &r)
	switch {
	case gone(err):
		return r, false, nil
	case err != nil:
		return r, false, fmt.Errorf("read a %s: %w", kind, err)
	}
	// Groups are found by Okta's own id as well.
	return r, r.ExternalID == key, nil
}

// members are the keys of a group's members.
func (t *Target) members(ctx context.Context, group string) (keys []string, err error) {
	query := url.Values{"limit": {strconv.Itoa(membersPerPage)}}
	for {
		var page struct {
			Members []string `json:"memberExternalIds"`
		}
		resp, err := t.call(ctx, httpx.Request{
			Method: http.MethodGet, Path: "/groups" + segment(group) + "/membership", Query: query, Route: "/groups/{id}/membership",
		}, &page)
		if err != nil {
			return nil, fmt.Errorf("read the members of a group: %w", err)
		}
		keys = append(keys, page.Members...)
		after := next(resp.Header)
		switch {
		case after == "":
			return keys, nil
		case after == query.Get("after") || len(page.Members) == 0:
			return nil, fmt.Errorf("read the members of a group: %w: its pages do not end", errAnswer)
		}
		query.Set("after", after)
	}
}

// next is where the next page begins, by the Link header (RFC 8288), or empty. Only that
// is taken from the link: it never leads to another host.
func next(h http.Header) string {
	for _, value := range h.Values("Link") {
		for link := range strings.SplitSeq(value, ",") {
			target, rest, ok := strings.Cut(strings.TrimSpace(link), ">")
			if !ok || !strings.Contains(strings.ReplaceAll(rest, " ", ""), `rel="next"`) {
				continue
			}
			if u, err := url.Parse(strings.TrimPrefix(target, "<")); err == nil {
				return u.Query().Get("after")
			}
		}
	}
	return ""
}
