package feed

import (
	"context"
	"fmt"
	"sync"
	"time"

	"simscim/scim/server"
)

const (
	// maxSteps is how many steps of walks are remembered, of all readers together, and
	// stepAge for how long: importers ask for page after page within seconds.
	maxSteps = 1024
	stepAge  = 15 * time.Minute
)

// walks remember where pages ended. Paging by startIndex has no state (RFC 7644 §3.4.2.4):
// when somebody on an earlier page is deleted meanwhile, everybody behind moves up by one,
// and who would have begun the next page is on none. So the next page begins where the one
// before ended, whatever its number says now, and the total counts those who were passed
// as they were then. One token in two readers' hands at once may spoil that for both.
type walks struct {
	mu sync.Mutex
	at map[step]mark
	// ring holds the steps by age; next is the oldest.
	ring []step
	next int
}

// step is the place behind so many results of one query of one reader.
type step struct {
	reader int
	query  string
	skip   int
}

type mark struct {
	seq  int64
	when time.Time
}

// enter tells a listing where the reader's page before ended, if that is known.
func (w *walks) enter(ctx context.Context, l *listing, now time.Time) step {
	s := step{reader: readerOf(ctx), query: string(l.kind), skip: l.query.Skip}
	if l.query.Filter != nil {
		s.query = fmt.Sprintf("%s %s", l.kind, l.query.Filter)
	}
	if l.order != "seq" || l.query.After > 0 || s.reader == 0 {
		return step{}
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	m, ok := w.at[s]
	if ok && s.skip > 0 && now.Sub(m.when) < stepAge {
		l.behind, l.before = m.seq, s.skip
		l.query.Skip = 0
	}
	return s
}

// leave remembers where the page ended.
func (w *walks) leave(s step, page server.Page, now time.Time) {
	n := len(page.Resources)
	if s.reader == 0 || n == 0 {
		return
	}
	s.skip += n
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.at == nil {
		w.at, w.ring = make(map[step]mark, maxSteps), make([]step, maxSteps)
	}
	if _, known := w.at[s]; !known {
		delete(w.at, w.ring[w.next])
		w.ring[w.next] = s
		w.next = (w.next + 1) % maxSteps
	}
	w.at[s] = mark{seq: page.Resources[n-1].Seq, when: now}
}
