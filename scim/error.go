package scim

import (
	"errors"
	"fmt"
	"net/http"
	"time"
)

// Error is what a SCIM server answered instead of doing what it was asked
// (RFC 7644 §3.12), or what our own server answers.
//
// Its Error method never prints Detail: servers put user names and addresses
// there. Detail is for the person who asked, on a terminal or in the console.
type Error struct {
	Status   int
	ScimType string
	Detail   string
	// RetryAfter is what the server asked for, zero if it asked for nothing.
	RetryAfter time.Duration
}

// The values of scimType (RFC 7644 table 9, RFC 9865 §2.1).
const (
	TypeInvalidFilter = "invalidFilter"
	TypeTooMany       = "tooMany"
	TypeUniqueness    = "uniqueness"
	TypeMutability    = "mutability"
	TypeInvalidSyntax = "invalidSyntax"
	TypeInvalidPath   = "invalidPath"
	TypeNoTarget      = "noTarget"
	TypeInvalidValue  = "invalidValue"
	TypeInvalidVers   = "invalidVers"
	TypeSensitive     = "sensitive"
	TypeInvalidCursor = "invalidCursor"
	TypeExpiredCursor = "expiredCursor"
	TypeInvalidCount  = "invalidCount"
)

// Error tells the status and the scimType, and nothing that the server wrote.
func (e *Error) Error() string {
	if e.ScimType != "" {
		return fmt.Sprintf("the server answered %d (%s)", e.Status, e.ScimType)
	}
	return fmt.Sprintf("the server answered %d %s", e.Status, http.StatusText(e.Status))
}

// IsNotFound tells whether err says that the resource does not exist.
func IsNotFound(err error) bool {
	e, ok := errors.AsType[*Error](err)
	return ok && (e.Status == http.StatusNotFound || e.Status == http.StatusGone)
}

// IsConflict tells whether err says that a unique value is taken: 409, or a 400
// whose scimType is uniqueness.
func IsConflict(err error) bool {
	e, ok := errors.AsType[*Error](err)
	return ok && (e.Status == http.StatusConflict || e.ScimType == TypeUniqueness)
}

// IsUnauthorised tells whether err says that our credentials are not accepted.
func IsUnauthorised(err error) bool {
	e, ok := errors.AsType[*Error](err)
	return ok && (e.Status == http.StatusUnauthorized || e.Status == http.StatusForbidden)
}

// IsThrottled tells whether err asks us to slow down, and for how long; the time is
// zero where the server did not say.
func IsThrottled(err error) (after time.Duration, ok bool) {
	e, ok := errors.AsType[*Error](err)
	if !ok || e.Status != http.StatusTooManyRequests {
		return 0, false
	}
	return e.RetryAfter, true
}

// IsRetryable tells whether the same request may succeed later without a change.
func IsRetryable(err error) bool {
	e, ok := errors.AsType[*Error](err)
	if !ok {
		return false
	}
	switch e.Status {
	case http.StatusTooManyRequests, http.StatusInternalServerError, http.StatusBadGateway,
		http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return true
	default:
		return false
	}
}
