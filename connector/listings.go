package connector

import (
	"slices"
	"sync"

	"simscim/connector/target"
	"simscim/scim"
)

// maxListing is the most objects of a target that are kept for the other schools of a
// run. A larger directory is listed, or searched, for each school by itself.
const maxListing = 50_000

// listings keeps what the target held when the run first looked, so that fifty new
// schools do not list it fifty times. What this run adds is in the ledger.
type listings struct {
	mu   sync.Mutex
	kept map[listingKey]listing
}

type listingKey struct {
	target string
	kind   scim.Kind
}

type listing struct {
	paths   []scim.Path
	objects []target.Object
}

// get returns the objects if they are kept with all the attributes that are looked for.
func (l *listings) get(name string, want *lookFor) ([]target.Object, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	kept, ok := l.kept[listingKey{name, want.kind}]
	if !ok {
		return nil, false
	}
	covers := len(kept.objects) == 0 || !slices.ContainsFunc(want.paths, func(p scim.Path) bool { return !slices.Contains(kept.paths, p) })
	return kept.objects, covers
}

// put keeps a whole list, unless it is too long.
func (l *listings) put(name string, want *lookFor, objects []target.Object) {
	if len(objects) > maxListing {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.kept == nil {
		l.kept = map[listingKey]listing{}
	}
	l.kept[listingKey{name, want.kind}] = listing{paths: want.paths, objects: objects}
}

// forget drops what is kept of a target, after a school whose outcomes are not all
// known: what is there is then to be seen anew.
func (l *listings) forget(name string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for key := range l.kept {
		if key.target == name {
			delete(l.kept, key)
		}
	}
}
