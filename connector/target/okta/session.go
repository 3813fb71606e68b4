package okta

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	"simscim/connector/target"
	"simscim/internal/httpx"
	"simscim/scim"
)

// The states of a session.
const (
	stateCreated    = "CREATED"
	stateInProgress = "IN_PROGRESS"
	stateTriggered  = "TRIGGERED"
	stateCompleted  = "COMPLETED"
)

const (
	// between is how long after an import was started the next session may be made.
	between = 5 * time.Minute
	// quiet is how long a session that somebody began must have been left alone before it
	// is taken to be a dead process's.
	quiet = time.Minute
	// firstLook is how long is waited before looking again whether a session may be made, and
	// firstPoll before looking again at an import; both double up to the longest.
	firstLook, longestLook = 15 * time.Second, time.Minute
	firstPoll, longestPoll = 5 * time.Second, 30 * time.Second
)

// session is what Okta tells of one.
type session struct {
	ID      string    `json:"id"`
	Status  string    `json:"status"`
	Created time.Time `json:"created"`
	Updated time.Time `json:"lastUpdated"`
}

func (s *session) loading() bool { return s.Status == stateCreated || s.Status == stateInProgress }

func (s *session) running() bool { return s.Status == stateTriggered }

// sessions are the ones that are not over.
func (t *Target) sessions(ctx context.Context) (list []session, err error) {
	if _, err := t.call(ctx, httpx.Request{Method: http.MethodGet, Path: "/sessions", Route: "/sessions"}, &list); err != nil {
		return nil, fmt.Errorf("list the sessions: %w", err)
	}
	return list, nil
}

// open makes a session, once one may be made. It waits for imports that run, for the
// five minutes and for what others have begun, and closes what a dead process left.
func (t *Target) open(ctx context.Context) (string, error) {
	deadline := t.now().Add(t.within)
	if err := t.restFor(ctx, deadline); err != nil {
		return "", err
	}
	var others watch
	for delay := firstLook; ; delay = min(2*delay, longestLook) {
		active, err := t.sessions(ctx)
		if err != nil {
			return "", err
		}
		var refusal error
		if len(active) == 0 {
			var s session
			s, refusal = t.create(ctx)
			if refusal == nil || refusesAll(refusal) || isStatus(refusal, http.StatusForbidden) || !isLoadError(refusal) {
				return s.ID, refusal
			}
		}
		closed, err := t.closeLeft(ctx, active, &others)
		if err != nil {
			return "", err
		}
		if closed {
			continue
		}
		if err := t.pause(ctx, delay, deadline); err != nil {
			if refusal != nil && errors.Is(err, target.ErrPutOff) { // its words stay out
				err = fmt.Errorf("%s: %w", refusal.Error(), err)
			}
			return "", err
		}
	}
}

// restFor waits until five minutes after the last import that we started.
func (t *Target) restFor(ctx context.Context, deadline time.Time) error {
	t.mu.Lock()
	started := t.started
	t.mu.Unlock()
	left := started.Add(between).Sub(t.now())
	if left <= 0 {
		return nil
	}
	return t.pause(ctx, left, deadline)
}

// pause waits, unless that would go beyond the deadline.
func (t *Target) pause(ctx context.Context, d time.Duration, deadline time.Time) error {
	if t.now().Add(d).After(deadline) {
		return fmt.Errorf("no session may be made yet: %w", target.ErrPutOff)
	}
	return t.wait(ctx, d)
}

// watch remembers since when a session of somebody else has not changed.
type watch struct {
	id    string
	at    time.Time
	since time.Time
}

// closeLeft closes a session that somebody began and nobody goes on with. Data that was
// loaded into it is dropped there; the plan that it came from is made anew.
func (t *Target) closeLeft(ctx context.Context, active []session, w *watch) (closed bool, err error) {
	i := slices.IndexFunc(active, func(s session) bool { return s.loading() })
	if i < 0 {
		return false, nil
	}
	s, now := active[i], t.now()
	if w.id != s.ID || !w.at.Equal(s.Updated) {
		*w = watch{s.ID, s.Updated, now}
	}
	if now.Sub(w.since) < quiet {
		return false, nil
	}
	err = t.drop(ctx, s.ID)
	if refused(err) || scim.IsNotFound(err) {
		return false, nil // it has gone on or is over: look again
	}
	return err == nil, err
}

// refused tells whether the answer is that this cannot be done now or at all.
func refused(err error) bool {
	return isStatus(err, http.StatusBadRequest) || isStatus(err, http.StatusConflict)
}

func (t *Target) create(ctx context.Context) (s session, err error) {
	if _, err := t.call(ctx, httpx.Request{Method: http.MethodPost, Path: "/sessions", Route: "/sessions"}, &s); err != nil {
		return s, fmt.Errorf("make a session: %w", err)
	}
	if s.ID == "" {
		return s, fmt.Errorf("make a session: %w", errAnswer)
	}
	return s, nil
}

func (t *Target) drop(ctx context.Context, id string) error {
	_, err := t.call(ctx, httpx.Request{Method: http.MethodDelete, Path: "/sessions" + segment(id), Route: "/sessions/{id}"}, nil)
	if err != nil {
		return fmt.Errorf("close a session: %w", err)
	}
	return nil
}

// leave closes a session that Apply could not bring to its start, so that the next one
// need not wait for it. If that fails too, the next one waits.
func (t *Target) leave(ctx context.Context, id string) {
	const short = 10 * time.Second
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), short)
	defer cancel()
	_ = t.drop(ctx, id)
}

func (t *Target) read(ctx context.Context, id string) (s session, err error) {
	if _, err := t.call(ctx, httpx.Request{Method: http.MethodGet, Path: "/sessions" + segment(id), Route: "/sessions/{id}"}, &s); err != nil {
		return s, fmt.Errorf("read a session: %w", err)
	}
	return s, nil
}

// load sends one bulk request. It is not repeated here: each counts.
func (t *Target) load(ctx context.Context, id string, l *load) error {
	k := l.sort.kind()
	_, err := t.call(ctx, httpx.Request{
		Method: http.MethodPost, Path: "/sessions" + segment(id) + k.path, Route: "/sessions/{id}" + k.path, Body: l.body(),
	}, nil)
	if err != nil {
		return fmt.Errorf("load: %w", err)
	}
	return nil
}

// start starts the import and returns the session's state. Whatever is answered, the
// session itself tells whether it was started.
func (t *Target) start(ctx context.Context, id string) (string, error) {
	_, err := t.call(ctx, httpx.Request{
		Method: http.MethodPost, Path: "/sessions" + segment(id) + "/start-import", Route: "/sessions/{id}/start-import", Idempotent: true,
	}, nil)
	state := stateTriggered
	if err != nil {
		if ctx.Err() != nil || refusesAll(err) {
			return "", fmt.Errorf("start the import: %w", err)
		}
		s, readErr := t.read(ctx, id)
		switch {
		case readErr != nil:
			return "", readErr
		case s.Status == stateInProgress:
			return "", fmt.Errorf("start the import: %w", err)
		case s.Status == stateCreated:
			return stateCreated, nil
		}
		state = s.Status
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.started = t.now()
	return state, nil
}

// follow waits until the import is over and returns the state in which it is then, which
// is still that it runs where it takes too long.
func (t *Target) follow(ctx context.Context, id string) (string, error) {
	deadline := t.now().Add(t.within)
	for delay := firstPoll; ; delay = min(2*delay, longestPoll) {
		s, err := t.read(ctx, id)
		switch {
		case err != nil && (ctx.Err() != nil || !temporary(err)):
			return "", err
		case err == nil && s.Status != stateTriggered:
			return s.Status, nil
		case t.now().Add(delay).After(deadline):
			return stateTriggered, nil
		}
		if err := t.wait(ctx, delay); err != nil {
			return "", err
		}
	}
}
