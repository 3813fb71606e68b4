package server

import (
	"cmp"
	"context"
	"errors"
	"iter"
	"maps"
	"slices"
	"strings"
	"time"

	"simscim/scim"
	"simscim/scim/filter"
)

// Store holds the resources. All methods are safe for concurrent use. A *scim.Error
// goes to the client as it is: 404 for what is not there, 409 with uniqueness for a
// value that is taken. Any other error is a 500 whose text stays here.
type Store interface {
	Get(ctx context.Context, kind scim.Kind, id string) (Resource, error)
	// List answers the query in one consistent view. A store without ways of its own
	// hands its resources to Select; one with indexes takes from filter.Equality what
	// it can answer at once.
	List(ctx context.Context, kind scim.Kind, q Query) (Page, error)
	// Create stores a resource under its new id and sets Seq and Version.
	Create(ctx context.Context, kind scim.Kind, r Resource) (Resource, error)
	// Replace stores the resource if the stored one still has r.Version, and sets the
	// new Version. Otherwise it fails with ErrChanged.
	Replace(ctx context.Context, kind scim.Kind, r Resource) (Resource, error)
	// Delete removes the resource, if it still has the version; zero stands for any.
	Delete(ctx context.Context, kind scim.Kind, id string, version int64) error
}

// Directory is what a Store may know besides: who is in which group. It fills the
// read-only attributes that RFC 7643 derives from membership.
type Directory interface {
	// GroupsOf lists the groups that the resource is a direct member of.
	GroupsOf(ctx context.Context, id string) []Reference
	// Describe tells what a member is; ok is false for an unknown id.
	Describe(ctx context.Context, id string) (ref Reference, ok bool)
}

// Reference names another resource.
type Reference struct {
	Kind    scim.Kind
	ID      string
	Display string
}

// ErrChanged says that a resource has another version than the caller read.
var ErrChanged = errors.New("the resource has changed meanwhile")

// Resource is one stored resource.
type Resource struct {
	ID string
	// Seq is the place in list order. It grows with each creation and stays.
	Seq int64
	// Version grows with each change. Zero means that the store keeps no versions.
	Version int64
	// Attributes is the resource without id, meta, schemas and groups. It is shared
	// between readers and never changed once it is stored.
	Attributes        map[string]any
	Created, Modified time.Time
}

// Query is a list request. Skip and After are not used together.
type Query struct {
	Filter filter.Expr
	// SortBy is the attribute to sort by; without a name the order is Seq's.
	SortBy     filter.Attr
	Descending bool
	// After leaves out everything up to and including this Seq; Skip leaves out so many.
	After int64
	Skip  int
	Limit int
}

// Page is the answer to a Query. Total counts all that meets the filter.
type Page struct {
	Resources []Resource
	Total     int
}

// View is the resource as filters see it: with id and meta.
func (r Resource) View(kind scim.Kind) map[string]any {
	view := make(map[string]any, len(r.Attributes)+3)
	maps.Copy(view, r.Attributes)
	schemas := []any{kind.CoreURN()}
	for _, k := range slices.Sorted(maps.Keys(r.Attributes)) {
		if isURN(k) {
			schemas = append(schemas, k)
		}
	}
	view["id"], view["schemas"] = r.ID, schemas
	view["meta"] = map[string]any{
		"resourceType": string(kind), "version": etag(r.Version),
		"created": stamp(r.Created), "lastModified": stamp(r.Modified),
	}
	return view
}

// Select answers a query from all resources, given in order of Seq.
func Select(kind scim.Kind, all iter.Seq[Resource], q Query) Page {
	return SelectView(kind, all, q, func(r Resource) map[string]any { return r.View(kind) })
}

// SelectView is Select with another view, for filters and sorting, of each resource.
func SelectView(kind scim.Kind, all iter.Seq[Resource], q Query, view func(Resource) map[string]any) Page {
	var page Page
	var hits []Resource
	var keys []any
	sorted := q.SortBy.Name != ""
	for r := range all {
		var seen map[string]any
		if q.Filter != nil || sorted {
			seen = view(r)
		}
		if q.Filter != nil && !filter.Match(q.Filter, seen) {
			continue
		}
		page.Total++
		switch {
		case sorted:
			hits, keys = append(hits, r), append(keys, sortKey(q.SortBy, seen))
		case r.Seq > q.After && (q.After > 0 || page.Total > q.Skip) && len(page.Resources) < q.Limit:
			page.Resources = append(page.Resources, r)
		}
	}
	if sorted {
		hits = inOrder(hits, keys, q.Descending)
		from := min(q.Skip, len(hits))
		page.Resources = hits[from:min(from+q.Limit, len(hits))]
	}
	return page
}

func inOrder(hits []Resource, keys []any, descending bool) []Resource {
	order := make([]int, len(hits))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int {
		if descending {
			a, b = b, a
		}
		return compareKeys(keys[a], keys[b])
	})
	out := make([]Resource, len(hits))
	for i, at := range order {
		out[i] = hits[at]
	}
	return out
}

// sortKey is the value to sort by: of a list the primary element's, else the first
// one's (RFC 7644 §3.4.2.3). Strings are folded unless case counts.
func sortKey(a filter.Attr, view map[string]any) any {
	if a.URN != "" {
		extension, _ := scim.Member(view, a.URN)
		view, _ = extension.(map[string]any)
	}
	v, _ := scim.Member(view, a.Name)
	if list, ok := v.([]any); ok && len(list) > 0 {
		v = list[0]
		for _, item := range list {
			m, _ := item.(map[string]any)
			if p, _ := scim.Member(m, "primary"); p == true {
				v = item
				break
			}
		}
	}
	if m, ok := v.(map[string]any); ok {
		sub := a.Sub
		if sub == "" {
			sub = "value"
		}
		v, _ = scim.Member(m, sub)
	}
	if scim.IsUnassigned(v) {
		return nil
	}
	if s, ok := v.(string); ok && !filter.CaseExact(a) {
		return scim.Fold(s)
	}
	return v
}

// compareKeys orders values; what is not assigned comes last.
func compareKeys(a, b any) int {
	switch a := a.(type) {
	case string:
		if b, ok := b.(string); ok {
			return strings.Compare(a, b)
		}
	case bool:
		if b, ok := b.(bool); ok && a != b {
			if a {
				return 1
			}
			return -1
		}
	case int64:
		if b, ok := b.(int64); ok {
			return cmp.Compare(a, b)
		}
	}
	switch {
	case a == nil && b != nil:
		return 1
	case a != nil && b == nil:
		return -1
	default:
		return 0
	}
}

func isURN(name string) bool { return len(name) > 4 && strings.EqualFold(name[:4], "urn:") }
