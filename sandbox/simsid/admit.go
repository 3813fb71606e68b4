package simsid

import (
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/google/uuid"
)

// Refusal says why a call is not let in.
type Refusal struct {
	// Status is 401, 403 or 429.
	Status int
	// Wait is how long a client should wait after 429.
	Wait time.Duration
	// bad tells a token that is not valid from none.
	bad bool
}

// Error implements error.
func (e *Refusal) Error() string {
	return fmt.Sprintf("the call is refused: %s", strings.ToLower(http.StatusText(e.Status)))
}

// Admit checks a school's token for a service that stands beside this one, and that
// the school consents. It returns the one organisation whose data the token opens;
// the error is a *Refusal. The integrator's rate limit counts these calls too.
func (s *Service) Admit(r *http.Request, scope string) (uuid.UUID, error) {
	c, refused := s.check(r)
	if refused != nil {
		return uuid.Nil, refused
	}
	org, err := uuid.Parse(c.Organisation)
	if err != nil || !c.has(scope) || !s.consents(org) {
		return uuid.Nil, &Refusal{Status: http.StatusForbidden}
	}
	return org, nil
}

// check takes one call from the rate limit and reads the bearer token.
func (s *Service) check(r *http.Request) (*claims, *Refusal) {
	if s.limiter != nil {
		now := s.now()
		if res := s.limiter.ReserveN(now, 1); res.DelayFrom(now) > 0 {
			wait := res.DelayFrom(now)
			res.CancelAt(now)
			return nil, &Refusal{Status: http.StatusTooManyRequests, Wait: wait}
		}
	}
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "Bearer") || token == "" {
		return nil, &Refusal{Status: http.StatusUnauthorized}
	}
	c, err := s.signer.verify(strings.TrimSpace(token), s.now())
	if err != nil || c.Generation != s.generation.Load() {
		return nil, &Refusal{Status: http.StatusUnauthorized, bad: true}
	}
	return c, nil
}

// Base is the URL under which a service was called, up to where it is mounted.
func Base(r *http.Request) string { return base(r) }
