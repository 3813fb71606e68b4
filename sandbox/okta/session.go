package okta

import (
	"net/http"
	"slices"
	"time"
)

// The states of a session.
const (
	Created    = "CREATED"
	InProgress = "IN_PROGRESS"
	Triggered  = "TRIGGERED"
	Completed  = "COMPLETED"
	Closed     = "CLOSED"
	Expired    = "EXPIRED"
	Failed     = "ERROR"
)

// session is one import. Its data is loaded, then imported as a whole.
type session struct {
	id, status       string
	created, updated time.Time
	// seen is the last request that named it, due when its import is done.
	seen, due time.Time
	loads     int
	changes   []change
}

// change is one entity of a load, carried out when the import runs.
type change func(s *source, now time.Time)

func (s *session) document(src *source) map[string]any {
	return map[string]any{
		"id": s.id, "identitySourceId": src.id, "status": s.status, "importType": "INCREMENTAL",
		"created": stamp(s.created), "lastUpdated": stamp(s.updated),
	}
}

func stamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z") }

// loading tells whether data may still come.
func (s *session) loading() bool { return s.status == Created || s.status == InProgress }

func (s *session) become(status string, now time.Time) {
	s.status, s.updated = status, now
	if status != InProgress && status != Triggered {
		s.changes = nil
	}
}

// advance does what the clock brings: idle sessions end, and imports that are due are
// carried out, each source's in the order in which they were triggered.
func (o *Org) advance(now time.Time) {
	for _, src := range inOrder(o.sources) {
		for _, s := range src.sessions {
			if s.loading() && now.Sub(s.seen) >= IdleLimit {
				s.become(Expired, s.seen.Add(IdleLimit))
			}
		}
		src.work(now)
	}
}

func (s *source) work(now time.Time) {
	for _, sn := range s.sessions {
		if sn.status != Triggered || sn.due.After(now) {
			continue
		}
		if s.org.faults.happens(&s.org.faults.ImportError) {
			sn.become(Failed, sn.due)
			continue
		}
		for _, c := range sn.changes {
			c(s, sn.due)
		}
		sn.become(Completed, sn.due)
	}
}

// Settle finishes every import that was triggered, however long it would still take.
func (o *Org) Settle() {
	o.mu.Lock()
	defer o.mu.Unlock()
	now := o.options.Now()
	o.advance(now)
	for _, src := range inOrder(o.sources) {
		src.busyUntil = now
		for _, s := range src.sessions {
			if s.due.After(now) {
				s.due = now
			}
		}
		src.work(now)
	}
}

// session finds the one that the path names, which keeps it from being idle.
func (c *call) session() (*session, error) {
	id := c.r.PathValue("session")
	i := slices.IndexFunc(c.src.sessions, func(s *session) bool { return s.id == id })
	if i < 0 {
		return nil, notFound("session")
	}
	s := c.src.sessions[i]
	s.seen = c.now
	return s, nil
}

func listSessions(c *call) (reply, error) {
	active := []any{}
	for _, s := range c.src.sessions {
		if s.loading() || s.status == Triggered {
			active = append(active, s.document(c.src))
		}
	}
	return reply{http.StatusOK, active}, nil
}

func createSession(c *call) (reply, error) {
	for _, s := range c.src.sessions {
		if s.loading() {
			return reply{}, invalid("identitySourceSession", "identitySourceId: there is an active session for this identity source")
		}
	}
	if !c.src.triggered.IsZero() && c.now.Sub(c.src.triggered) < c.org.options.NewSessionAfter {
		return reply{}, invalid("identitySourceSession", "identitySourceId: a session was triggered less than five minutes ago")
	}
	s := &session{id: c.org.newID("uis"), status: Created, created: c.now, updated: c.now, seen: c.now}
	c.src.sessions = append(c.src.sessions, s)
	return reply{http.StatusOK, s.document(c.src)}, nil
}

func readSession(c *call) (reply, error) {
	s, err := c.session()
	if err != nil {
		return reply{}, err
	}
	return reply{http.StatusOK, s.document(c.src)}, nil
}

func closeSession(c *call) (reply, error) {
	s, err := c.session()
	if err != nil {
		return reply{}, err
	}
	if !s.loading() {
		return reply{}, invalid("identitySourceSession", "status: only a session that was not triggered can be cancelled")
	}
	s.become(Closed, c.now)
	return reply{status: http.StatusNoContent}, nil
}

func startImport(c *call) (reply, error) {
	s, err := c.session()
	if err != nil {
		return reply{}, err
	}
	if s.status != InProgress {
		return reply{}, invalid("identitySourceSession", "status: only a session with data that was not triggered can be started")
	}
	from := c.now
	if c.src.busyUntil.After(from) {
		from = c.src.busyUntil
	}
	s.due = from.Add(c.org.options.ImportTakes)
	c.src.triggered, c.src.busyUntil = c.now, s.due
	s.become(Triggered, c.now)
	return reply{http.StatusOK, s.document(c.src)}, nil
}
