package notice

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"sync"
	"time"
)

// Sender delivers notices by one way.
type Sender interface {
	// Send delivers one notice. Its error tells neither address nor content.
	Send(ctx context.Context, n Notice) error
}

// event is one thing to tell, before it is put together with others.
type event struct {
	// key is the state in the ledger: "held:12". The quarantine of a target and its end
	// share one, so that the newer takes the place of the older.
	key    string
	kind   Kind
	target string
	school School
	reason string
	next   time.Time
	tries  int
}

// way is one entry of notices in the configuration, with what waits to be told by it.
type way struct {
	// name is where it stands, for logs; id stands in the ledger's keys.
	name, id   string
	on         map[Kind]bool
	staleAfter time.Duration
	sender     Sender

	mu    sync.Mutex
	tells map[string]event
	ends  map[string]bool
}

// tell puts an event in line.
func (w *way) tell(e event) {
	if !w.on[e.kind] {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.tells[e.key] = e
}

// end notes that states are over: they may be told anew when they come back.
func (w *way) end(keys ...string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, key := range keys {
		delete(w.tells, key)
		w.ends[key] = true
	}
}

// take empties the line. Ends come before tells: what ended and came back is news.
func (w *way) take() (ends []string, tells []event) {
	w.mu.Lock()
	defer w.mu.Unlock()
	ends = slices.Sorted(maps.Keys(w.ends))
	for _, key := range slices.Sorted(maps.Keys(w.tells)) {
		tells = append(tells, w.tells[key])
	}
	clear(w.ends)
	clear(w.tells)
	return ends, tells
}

// putBack lines up again what could not be delivered, unless it has been overtaken.
// After a few tries it has to happen again to be told: a receiver that takes a notice but
// answers too late would get it for ever.
func (w *way) putBack(events []event) {
	const mostTries = 3
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, e := range events {
		_, newer := w.tells[e.key]
		if e.tries++; e.tries < mostTries && !newer && !w.ends[e.key] {
			w.tells[e.key] = e
		}
	}
}

// bundle is a notice and the events that it tells.
type bundle struct {
	notice Notice
	events []event
}

// bundles puts together what is of one kind at one target.
func (w *way) bundles(events []event, at time.Time) []*bundle {
	var list []*bundle
	for _, e := range events {
		i := slices.IndexFunc(list, func(b *bundle) bool { return b.notice.Kind == e.kind && b.notice.Target == e.target })
		if i < 0 {
			i = len(list)
			list = append(list, &bundle{notice: Notice{
				Kind: e.kind, Target: e.target, Reason: e.reason, Next: e.next, After: w.staleAfter, At: at,
			}})
		}
		list[i].events = append(list[i].events, e)
		if e.kind != Quarantine && e.kind != Recovered {
			list[i].notice.Schools = append(list[i].notice.Schools, e.school)
		}
	}
	for _, b := range list {
		slices.SortFunc(b.notice.Schools, func(x, y School) int {
			return cmp.Or(cmp.Compare(x.Name, y.Name), cmp.Compare(x.Site, y.Site), cmp.Compare(x.Hold, y.Hold))
		})
	}
	return list
}
