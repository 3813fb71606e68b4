// Package target is the contract between the engine and whatever can hold users and
// groups: one identity provider instance. The folders below implement it; the
// conformance suite that they all pass is in targettest.
package target

import (
	"context"
	"errors"
	"iter"
	"net/http"
	"time"

	"simscim/connector/plan"
	"simscim/scim"
)

// Target is one identity provider instance. It knows how to carry out changes and
// how to read back; it decides nothing. All methods are safe for concurrent use.
type Target interface {
	// Capabilities finds out what the target can hold and do. The first call may
	// make requests, later ones do not.
	Capabilities(ctx context.Context) (Capabilities, error)

	// Count tells how many resources of kind there are, or ok false where the
	// target does not say. It costs one request at most.
	Count(ctx context.Context, kind scim.Kind) (n int, ok bool, err error)

	// List reads every resource of kind. The sequence ends after the first error;
	// a list that was cut short always ends in an error, never just ends. The same
	// resource is yielded once even where pages overlap.
	List(ctx context.Context, kind scim.Kind, paths []scim.Path) iter.Seq2[Object, error]

	// Find returns the resources of kind whose attribute at path equals value, all
	// of them, checked again on our side. None is an empty slice and no error.
	Find(ctx context.Context, kind scim.Kind, path scim.Path, value string, paths []scim.Path) ([]Object, error)

	// Get reads the resource with the target's id. ok is false when the target says that
	// it has none; that, and never a missing line of a list, proves that it is gone.
	Get(ctx context.Context, kind scim.Kind, remoteID string, paths []scim.Path) (obj Object, ok bool, err error)

	// Apply carries out changes that do not depend on one another, in any order and
	// several at once. Whatever is confirmed, and whatever failed, goes to confirm;
	// a change that travels in several requests is confirmed piece by piece, in
	// order. confirm may be called from several goroutines. It returns when the piece
	// is recorded or, where no other of its object follows, is about to be; an error
	// from it ends Apply.
	//
	// Apply returns an error only when going on makes no sense: the context ended,
	// the credentials are refused, confirm failed. Then the changes without a final
	// outcome are unsettled: the caller must look before it creates again.
	Apply(ctx context.Context, changes []plan.Change, lookup Lookup, confirm func(Outcome) error) error

	// Requests counts the HTTP requests sent so far, retries included.
	Requests() int64
}

// ErrCredentials marks an error of a target that cannot be signed in to.
var ErrCredentials = errors.New("the target refuses the credentials")

// ErrPutOff marks the error of a change that was not sent because no more calls are
// allowed for now. The next run sends it.
var ErrPutOff = errors.New("put off until more calls are allowed")

// CredentialsRefused tells whether going on is of no use before somebody has renewed the
// credentials.
func CredentialsRefused(err error) bool {
	e, ok := errors.AsType[*scim.Error](err)
	return errors.Is(err, ErrCredentials) || ok && e.Status == http.StatusUnauthorized
}

// Lookup gives the target's id of the user with the key. ok is false for a user who
// is not there (yet); such a member is left out and stays unconfirmed.
type Lookup func(key string) (remoteID string, ok bool)

// Object is a resource as the target holds it.
type Object = plan.Object

// Outcome tells of one change, or of a piece of it.
type Outcome struct {
	Change   *plan.Change
	RemoteID string
	// Attributes says that everything but the members is confirmed. It is said once a
	// change, with the first piece that makes it so.
	Attributes bool
	// Added and Removed are the keys of the members that this piece confirms.
	Added, Removed []string
	// Gone says that the target no longer has the object: it was deleted, now or
	// behind our back.
	Gone bool
	// Final marks the last outcome of the change. Err is set only on a final one.
	Final bool
	Err   error
	// Accepted says, without Err and on a final outcome, that the target has taken the
	// change and will tell later what became of it. Nothing is confirmed by it.
	Accepted bool
	// Unsettled says, with Err, that it is not known whether the change was carried
	// out: the object must be looked for before it is created again.
	Unsettled bool
	// Advice is what the target said and what to do about it, in plain words, with
	// the object's own values taken out. Set with Err.
	Advice string
}

// Teller is a target that takes some changes now and tells later what became of them.
type Teller interface {
	// Results tells what became of changes that were accepted, as far as the target has
	// decided by now. Of others nothing is said. A result is never told of a change that
	// was accepted after the result came about.
	Results(ctx context.Context, pending []Pending) ([]Result, error)
}

// Pending is a change that was accepted and not yet told of.
type Pending struct {
	Kind scim.Kind
	Key  string
	// Since is when it was accepted.
	Since time.Time
}

// Result tells what became of a Pending.
type Result struct {
	Kind     scim.Kind
	Key      string
	RemoteID string
	// Err and Advice are as in an Outcome; without Err the change is confirmed.
	Err    error
	Advice string
}

// Gatherer is a target that is known without a request to have Capabilities.Gather set, so
// that schools can be put on one timetable for it.
type Gatherer interface {
	// Gather is the same as in Capabilities.
	Gather() int
}

// Capabilities is what a target can hold and do. The engine asks for behaviour, never
// for a product's name.
type Capabilities struct {
	// Summary is one line for `check`, such as "SCIM 2.0, PATCH, filter, index paging".
	Summary string
	Users   bool
	Groups  bool
	// FilterUsers and FilterGroups list the attributes that Find can ask for.
	FilterUsers, FilterGroups []scim.Path
	// FilterNeeded says that List does not work and Find only by those attributes.
	FilterNeeded bool
	// MembersReadable says whether List and Find show a group's members.
	MembersReadable bool
	// PageSize is how many resources a page of List holds, as far as known.
	PageSize int
	// Suspend and Delete say which of the two steps of leaving the target knows.
	Suspend, Delete bool
	// DeleteGroups and RenameGroups say whether groups can be deleted and renamed.
	DeleteGroups, RenameGroups bool
	// TakesPassword says that an account can be made with a password, NeedsPassword that
	// it cannot be made without one.
	TakesPassword, NeedsPassword bool
	// MembersPerCreate is how many members travel with a create, MembersPerAdd and
	// MembersPerRemove in one request (0 is any number); Mixed says that one request may do
	// all at once. Bulk is how many changes travel in one request, 0 or 1 where each travels
	// alone; with GroupsAlone those of groups do in any case.
	MembersPerCreate, MembersPerAdd, MembersPerRemove int
	Mixed                                             bool
	Bulk                                              int
	GroupsAlone                                       bool
	// Gather is how many changes, of several schools, are best carried out together, because
	// calls are few or dear; 0 where each school is best done by itself.
	Gather int
	// OnePhase says that changes of all kinds may be handed over at once: the target puts
	// them in order itself, and knows members by key.
	OnePhase bool
	// PricePerCall is what one request costs, in US dollars.
	PricePerCall float64
	// UserPaths are the only attributes that the target keeps of a user, and GroupPaths the
	// only ones of a group that can be changed once it is there; nil is any.
	UserPaths, GroupPaths []scim.Path
	// RequiredUser and RequiredGroup are what the target does not do without.
	RequiredUser, RequiredGroup []scim.Path
	// LongestUser is how many characters the target holds of an attribute of a user.
	LongestUser map[scim.Path]int
	// OneValue says that a multi-valued attribute takes a single value.
	OneValue bool
	// Notes are facts worth reading in `check`, one sentence each.
	Notes []string
}
