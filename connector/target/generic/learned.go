package generic

import (
	"slices"
	"sync/atomic"

	"go.uber.org/zap"

	"simscim/scim"
	"simscim/scim/profile"
)

// What a server turns out not to do is remembered here, for as long as the process lives,
// so that no change pays for it twice.

// learnLess notes that no more than n at once are borne, so that the next request starts
// where this one ended. What is learned only ever shrinks.
func learnLess(learned *atomic.Int64, n int) {
	for n := int64(max(n, 1)); ; {
		known := learned.Load()
		if known != 0 && known <= n || learned.CompareAndSwap(known, n) {
			return
		}
	}
}

// atMost is the limit or what was learned to be less.
func atMost(limit int, learned *atomic.Int64) int {
	if n := int(learned.Load()); n > 0 {
		return min(limit, n)
	}
	return limit
}

// tooLarge notes that the server refused n members in one request.
func (t *Target) tooLarge(n int) { learnLess(&t.maxMembers, n/2) }

func (t *Target) membersAtOnce(limit int) int { return atMost(limit, &t.maxMembers) }

// noSearch remembers that filters have to travel in URLs.
func (t *Target) noSearch() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.profile.Search {
		t.profile.Search = false
		t.note("The server has no POST /.search, although it is said to have: user names stand in URLs.")
	}
}

// note adds to what is told of the server. The lock is held; readers share the old list.
func (t *Target) note(s string) { t.profile.Notes = append(slices.Clip(t.profile.Notes), s) }

// bulk is what may be sent at once, as far as is known by now.
func (t *Target) bulk() profile.Bulk {
	t.mu.Lock()
	defer t.mu.Unlock()
	b := t.profile.Bulk
	b.Operations = atMost(b.Operations, &t.bulkOps)
	return b
}

// bulkUnanswered notes that nothing came back for n operations; perhaps they took the
// server too long.
func (t *Target) bulkUnanswered(n int) {
	learnLess(&t.bulkOps, max(n/2, fewestOperations))
	if t.bulkLost.Add(1) >= maxBulkLost {
		t.noBulk()
	}
}

// noBulk notes that bulk does not work, whatever the server says of itself.
func (t *Target) noBulk() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.profile.Bulk.Operations == 0 {
		return
	}
	t.profile.Bulk = profile.Bulk{}
	t.note("The server refuses bulk requests, although it is said to take them: changes are sent one by one.")
	t.log.Warn("the target refuses bulk requests; changes are sent one by one", zap.String("target", t.name))
}

// unfilterable remembers that the server refused to filter kind by path.
func (t *Target) unfilterable(kind scim.Kind, path scim.Path) {
	t.mu.Lock()
	defer t.mu.Unlock()
	without := func(paths []scim.Path) []scim.Path {
		var kept []scim.Path
		for _, p := range paths {
			if p != path {
				kept = append(kept, p)
			}
		}
		return kept
	}
	if kind == scim.Group {
		t.profile.FilterGroups = without(t.profile.FilterGroups)
	} else {
		t.profile.FilterUsers = without(t.profile.FilterUsers)
	}
}
