// Package source is the contract between the engine and whatever knows who is at a
// school. The folders below implement it; the conformance suite that they all pass
// is in sourcetest.
package source

import (
	"context"
	"errors"
	"fmt"
	"time"

	"simscim/roster"
)

// Source is one configured place to read schools from. All methods are safe for
// concurrent use.
type Source interface {
	// Sites lists the schools that have agreed to be read. It is one request or a
	// few, and never reads a school's people.
	Sites(ctx context.Context) ([]roster.Site, error)

	// Read reads one school whole. It returns a complete snapshot or an error, never
	// a part: an *Incomplete when the read cannot be trusted to be whole, a *Frozen
	// when the school may no longer be read. The snapshot's site is proven to be the
	// one that was asked for.
	Read(ctx context.Context, site roster.Site, want Want) (*roster.Snapshot, error)

	// Check tries out tokens and one small read of each API and returns what an
	// administrator should know, one sentence each, problems as errors.
	Check(ctx context.Context) (notes []string, err error)

	// Requests counts the HTTP requests sent so far, retries included.
	Requests() int64
}

// Describer is a Source whose list of schools leaves something out, such as the phase,
// that the school's own record tells. It is asked only where the configuration needs it.
type Describer interface {
	// Describe reads the record of one school.
	Describe(ctx context.Context, organisation string) (roster.Site, error)
}

// Prober is a Source that can tell whether anything changed at a school. It tells when
// to read again, and nothing else: that it saw no change proves neither that nobody has
// left nor that nothing changed.
type Prober interface {
	// Changed tells whether some record that concerns the school changed at since or
	// later. An error means that it cannot be told, and the school is read.
	Changed(ctx context.Context, site roster.Site, since time.Time) (bool, error)
}

// Want says what of a person the rules use. What is not wanted is dropped at the
// edge and, where the source can be told so, not even asked for.
type Want struct {
	// Kinds are the kinds of person that are in some rule's scope.
	Kinds []roster.Kind
	// Fields are names of person fields as rules write them ("email", "yearGroup",
	// "identifiers.upn"). Ids, names, kind and state always come.
	Fields []string
}

// Incomplete is the error of a read that does not prove to be whole: a page failed,
// a total moved, an envelope was missing. Nothing may be removed because of it.
type Incomplete struct {
	// Reason is a sentence without personal data: "page 3 of students came without
	// its item list".
	Reason string
	Err    error
}

func (e *Incomplete) Error() string {
	return withCause("the roll could not be read whole: "+e.Reason, e.Err)
}
func (e *Incomplete) Unwrap() error { return e.Err }

// Frozen is the error of a school that may no longer be read: consent withdrawn,
// credentials refused, gone from the aligned list. It is left as it is and reported.
type Frozen struct {
	Reason string
	Err    error
}

func (e *Frozen) Error() string { return withCause("the school is frozen: "+e.Reason, e.Err) }
func (e *Frozen) Unwrap() error { return e.Err }

func withCause(s string, err error) string {
	if err == nil {
		return s
	}
	return fmt.Sprintf("%s: %v", s, err)
}

// IsFrozen tells whether err says that the school may no longer be read.
func IsFrozen(err error) bool {
	_, ok := errors.AsType[*Frozen](err)
	return ok
}

// IsIncomplete tells whether err says that a read was not whole.
func IsIncomplete(err error) bool {
	_, ok := errors.AsType[*Incomplete](err)
	return ok
}
