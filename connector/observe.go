package connector

import (
	"context"
	"fmt"
	"maps"
	"math"
	"slices"
	"sync"

	"golang.org/x/sync/errgroup"

	"simscim/connector/plan"
	"simscim/connector/target"
	"simscim/scim"
)

const externalID scim.Path = "externalId"

// observe looks at the target for the objects that the ledger does not know: at the
// first run of a site, after a run whose outcome is not known in full, and when a new
// account would get a name that was somebody else's. They are
// listed, or looked up one by one where that takes fewer requests. When the target is
// to be read back, the objects that the ledger knows are looked at as well. It returns
// true when it saw user names that accounts hold, ours or other people's, or when that
// was what it looked for, so that names must be chosen again.
func (p *pass) observe(ctx context.Context) (bool, error) {
	if p.observed != nil || (p.state.Baseline && p.state.Settled && !p.names.doubtful && !p.driftDue()) {
		return false, nil
	}
	if err := p.ask(ctx); err != nil {
		return false, err
	}
	p.observed = &plan.Observed{}
	if p.readBack = p.driftDue(); p.readBack {
		p.ours = remoteRefs(p.state)
	}
	users := lookFor{kind: scim.User, filters: p.caps.FilterUsers, filterNeeded: p.caps.FilterNeeded}
	for i := range p.desired.Users {
		u := &p.desired.Users[i]
		if known := p.state.Users[u.Key]; known == nil {
			users.add(u.Key, u.Attributes, p.Route.Mapping.Match)
		}
		users.paths = withPaths(users.paths, u.Attributes)
	}
	groups := lookFor{kind: scim.Group, filters: p.caps.FilterGroups, filterNeeded: p.caps.FilterNeeded}
	for i := range p.desired.Groups {
		g := &p.desired.Groups[i]
		if p.state.Groups[g.Key] == nil {
			groups.add(g.Key, g.Attributes, p.Route.Mapping.Match)
		}
		groups.paths = withPaths(groups.paths, g.Attributes)
	}
	p.lookForIntended(&users, &groups)
	if p.caps.Users {
		if err := p.look(ctx, &users); err != nil {
			return false, err
		}
	}
	if p.caps.Groups {
		if err := p.look(ctx, &groups); err != nil {
			return false, err
		}
	}
	if err := p.claimIntended(ctx); err != nil {
		return false, err
	}
	if p.readBack {
		if err := p.lookBack(ctx, &users, &groups); err != nil {
			return false, err
		}
	}
	named := func(key string) bool { return p.observed.NameOf(key) != "" }
	again := len(p.foreign) > 0 || p.names.doubtful || slices.ContainsFunc(slices.Collect(maps.Keys(users.keys)), named)
	return again, nil
}

// lookFor is what is looked for of one kind.
type lookFor struct {
	kind    scim.Kind
	filters []scim.Path
	paths   []scim.Path
	keys    map[string]bool
	queries []query
	// blind says that some query cannot be asked by filter.
	blind bool
	// filterNeeded says that the target lists nothing without a filter.
	filterNeeded bool
}

type query struct {
	path  scim.Path
	value string
}

// add takes an object into the search: by externalId, and by what else it may be
// recognised by.
func (l *lookFor) add(key string, attrs scim.Attributes, match []scim.Path) {
	if l.keys == nil {
		l.keys = map[string]bool{}
	}
	l.keys[key] = true
	l.ask(externalID, key)
	for _, path := range match {
		if value := attrs.String(path); path != externalID && value != "" {
			l.ask(path, value)
		}
	}
}

func (l *lookFor) ask(path scim.Path, value string) {
	known := slices.Contains(l.filters, path)
	if l.filterNeeded && !known {
		return // there is no way to ask
	}
	l.blind = l.blind || !known
	l.queries = append(l.queries, query{path, value})
}

func withPaths(paths []scim.Path, attrs scim.Attributes) []scim.Path {
	for _, a := range attrs {
		if !slices.Contains(paths, a.Path) {
			paths = append(paths, a.Path)
		}
	}
	return paths
}

// look carries out the search in the cheapest way: in what another school of this run
// has listed already, by listing, or by asking for one after the other.
func (p *pass) look(ctx context.Context, l *lookFor) error {
	if len(l.queries) == 0 {
		return nil
	}
	if objects, ok := p.listings.get(p.run.Target, l); ok {
		for i := range objects {
			p.see(l, objects[i], p.Route.Mapping.Match)
		}
		return nil
	}
	if l.filterNeeded {
		return p.find(ctx, l)
	}
	if l.blind {
		_, err := p.list(ctx, l, math.MaxInt)
		return err
	}
	if whole, err := p.listIfCheaper(ctx, l, len(l.queries)); whole || err != nil {
		return err
	}
	return p.find(ctx, l)
}

// guess is the part, one in so many, of the requests of a search that is spent on listing
// a target first that does not say how many objects it has: it may have few.
const guess = 4

// listIfCheaper lists the target where that takes fewer requests than so many look-ups. It
// returns false when they have to be made.
func (p *pass) listIfCheaper(ctx context.Context, l *lookFor, lookups int) (whole bool, err error) {
	n, counted, err := p.target.Count(ctx, l.kind)
	if err != nil {
		return false, fmt.Errorf("count the %ss at the target: %w", l.kind, err)
	}
	page := max(p.caps.PageSize, 1)
	most := lookups / guess * page
	switch {
	case counted && n == 0:
		p.listings.put(p.run.Target, l, nil)
		return true, nil
	case counted && n/page >= lookups, !counted && most == 0:
		return false, nil
	case counted:
		most = math.MaxInt
	}
	return p.list(ctx, l, most)
}

// list looks at every object of the target, or gives up after most of them.
func (p *pass) list(ctx context.Context, l *lookFor, most int) (whole bool, err error) {
	match := p.Route.Mapping.Match
	kept, seen := make([]target.Object, 0, p.caps.PageSize), 0
	for obj, err := range p.target.List(ctx, l.kind, l.paths) {
		if err != nil {
			return false, fmt.Errorf("list the %ss at the target: %w", l.kind, err)
		}
		if seen++; seen > most {
			return false, nil
		}
		p.see(l, obj, match)
		if len(kept) <= maxListing {
			kept = append(kept, obj)
		}
	}
	p.listings.put(p.run.Target, l, kept)
	return true, nil
}

// find asks for each object by itself, several at once; the target keeps its own limit.
func (p *pass) find(ctx context.Context, l *lookFor) error {
	const atOnce = 16
	var mu sync.Mutex
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(atOnce)
	for _, q := range l.queries {
		group.Go(func() error {
			found, err := p.target.Find(ctx, l.kind, q.path, q.value, l.paths)
			if err != nil {
				return fmt.Errorf("look up a %s by %s: %w", l.kind, q.path, err)
			}
			mu.Lock()
			defer mu.Unlock()
			for _, obj := range found {
				p.see(l, obj, p.Route.Mapping.Match)
			}
			return nil
		})
	}
	return group.Wait()
}

// see keeps what may be recognised later, and the names of accounts that are not ours.
// Of the rest nothing stays.
func (p *pass) see(l *lookFor, obj target.Object, match []scim.Path) {
	if l.keys[obj.ExternalID] || len(match) > 0 || p.ours[plan.Ref{Kind: l.kind, Key: obj.RemoteID}] {
		p.observed.See(obj, match)
	}
	if l.kind != scim.User || l.keys[obj.ExternalID] {
		return
	}
	if known := p.state.Users[obj.ExternalID]; known != nil && known.RemoteID == obj.RemoteID {
		return
	}
	if name := obj.Attributes.String(userName); name != "" {
		p.foreign[scim.Fold(name)] = true
	}
}
