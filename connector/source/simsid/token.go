package simsid

import (
	"context"
	"errors"
	"sync"
	"time"

	"simscim/connector/source"
	"simscim/internal/secret"
)

// credential is a client of the token service.
type credential struct{ id, secret secret.Value }

func (c credential) same(o credential) bool {
	return c.id.Reveal() == o.id.Reveal() && c.secret.Reveal() == o.secret.Reveal()
}

// party is one organisation that we hold tokens for: a school, or the vendor itself.
// Each has its own; a token never serves another one.
type party struct {
	organisation string
	scope        string
	// school is false for the vendor's own party.
	school bool
	// credential fetches the client. fresh asks for it to be read again from where it
	// comes from, because what is in memory was refused.
	credential func(ctx context.Context, fresh bool) (credential, error)

	mu     sync.Mutex
	token  token
	flight *flight
}

// token is an access token of one party.
type token struct {
	header  secret.Value // "Bearer …", as it is sent
	renewAt time.Time
}

// flight is a token request under way, and what came of it.
type flight struct {
	done  chan struct{}
	token token
	err   error
}

// partyKey is the context key under which a call carries whose token it needs. One
// client serves all schools, so that they share one budget; a call without a party
// fails instead of borrowing somebody's token.
type partyKey struct{}

func (p *party) in(ctx context.Context) context.Context {
	return context.WithValue(ctx, partyKey{}, p)
}

// signInError marks what went wrong before a call was made at all.
type signInError struct{ err error }

func (e *signInError) Error() string { return e.err.Error() }
func (e *signInError) Unwrap() error { return e.err }

// authorize is what the HTTP client asks for each call's Authorization header.
func (s *Source) authorize(ctx context.Context, stale string) (string, error) {
	p, ok := ctx.Value(partyKey{}).(*party)
	if !ok {
		return "", &signInError{errors.New("the call belongs to no organisation")}
	}
	t, err := p.valid(ctx, stale, s.now, s.issue)
	if _, refused := errors.AsType[*refusal](err); refused && p.school {
		err = &source.Frozen{Reason: "its credentials are not accepted", Err: err}
	}
	if err != nil {
		return "", &signInError{err}
	}
	return t.header.Reveal(), nil
}

// valid returns a token that is good for a while. stale is the header that was just
// refused. Callers that arrive while a request is under way wait for its outcome.
func (p *party) valid(ctx context.Context, stale string, now func() time.Time, issue func(context.Context, *party) (token, error)) (token, error) {
	for {
		p.mu.Lock()
		if t := p.token; !t.header.IsZero() && t.header.Reveal() != stale && now().Before(t.renewAt) {
			p.mu.Unlock()
			return t, nil
		}
		f := p.flight
		if f == nil {
			f = &flight{done: make(chan struct{})}
			p.flight = f
			p.mu.Unlock()
			p.fly(ctx, f, issue)
			return f.token, f.err
		}
		p.mu.Unlock()
		select {
		case <-ctx.Done():
			return token{}, ctx.Err()
		case <-f.done:
		}
		// Who asked first may have been cancelled, which says nothing about us.
		if errors.Is(f.err, context.Canceled) || errors.Is(f.err, context.DeadlineExceeded) {
			if ctx.Err() != nil {
				return token{}, ctx.Err()
			}
			continue
		}
		return f.token, f.err
	}
}

func (p *party) fly(ctx context.Context, f *flight, issue func(context.Context, *party) (token, error)) {
	f.err = errors.New("the token request was broken off") // stands if issue panics
	defer func() {
		p.mu.Lock()
		p.token, p.flight = f.token, nil
		p.mu.Unlock()
		close(f.done)
	}()
	f.token, f.err = issue(ctx, p)
}

// issue gets a new token. When the token service refuses the client, it is read again
// from where it comes from, because it may have been rotated, and tried once more.
func (s *Source) issue(ctx context.Context, p *party) (token, error) {
	c, err := p.credential(ctx, false)
	if err != nil {
		return token{}, err
	}
	t, err := s.requestToken(ctx, p, c)
	if _, refused := errors.AsType[*refusal](err); !refused {
		return t, err
	}
	fresh, credErr := p.credential(ctx, true)
	if credErr != nil {
		return token{}, credErr
	}
	if fresh.same(c) {
		return token{}, err
	}
	return s.requestToken(ctx, p, fresh)
}
