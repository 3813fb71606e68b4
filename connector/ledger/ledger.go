// Package ledger is the contract of the store: what each target has confirmed, which
// user names were issued, and which runs there were. What is not in the ledger is not
// ours. The folders below implement it; ledgertest is the suite that they all pass.
//
// The ledger holds ids, keyed fingerprints and issued names, not the record: no
// attribute value but the user name is ever stored.
package ledger

import (
	"context"
	"errors"
	"time"

	"simscim/connector/plan"
	"simscim/scim"
)

// Ledger is the store. All methods are safe for concurrent use. Times are kept to
// the microsecond and come back in UTC.
type Ledger interface {
	// Load returns what is known about site at target; a site never seen has an
	// empty state that is neither baseline nor unsettled.
	Load(ctx context.Context, target, site string) (*plan.State, error)

	// Known returns the objects of ours at target with the keys, whichever sites claim
	// them, without members. SourceID, Missed and MissingSince are left empty: they
	// belong to a site's claim.
	Known(ctx context.Context, target string, kind scim.Kind, keys []string) (map[string]*plan.Known, error)

	// NameHolders tells for each folded name (scim.Fold) that is taken at target who
	// holds it: a key of ours, or Foreign. Free names are not in the answer.
	NameHolders(ctx context.Context, target string, folds []string) (map[string]string, error)

	// ReserveNames issues names, by key, all at once, and returns the keys whose name
	// somebody else holds; those are not issued. A key that holds another name keeps
	// that one in quarantine. Repeating a call changes nothing.
	ReserveNames(ctx context.Context, target string, names map[string]string, at time.Time) (lost []string, err error)

	// Update runs fn in one transaction: all that it does is kept, or, when it or the
	// commit fails, none. fn must not call the ledger, and tx ends with it. An error of
	// a Tx method may come late, from a later method or from Update itself.
	Update(ctx context.Context, fn func(Tx) error) error

	// BeginRun notes that a run starts and marks the site at the target unsettled.
	BeginRun(ctx context.Context, run Run) (id int64, err error)
	// FinishRun notes how the run ended. settled says that the outcome of everything
	// sent is known.
	FinishRun(ctx context.Context, id int64, end RunEnd, settled bool) error
	// NoteRun notes a run that wrote nothing, such as one of a school that was skipped or
	// whose plan is held. Whether the site is settled stays as it was.
	NoteRun(ctx context.Context, run Run) error
	// Runs returns the newest runs first, at most limit, of one site or (with "") of all.
	Runs(ctx context.Context, site string, limit int) ([]Run, error)

	// Run returns one run by its id; ok is false for an id that was never given.
	Run(ctx context.Context, id int64) (run Run, ok bool, err error)
	// Steps returns what a run confirmed, in order, as far as Tx.LogStep was told of it.
	// They are kept for 90 days.
	Steps(ctx context.Context, run int64) ([]Step, error)
	// Applied sums what the runs at target that began at or after since have applied, up
	// to 90 days back. Of a run that has not ended, or was killed, the steps are counted.
	Applied(ctx context.Context, target string, since time.Time) (map[plan.Counter]int, error)
	// Sizes counts what the ledger holds at target, all sites together.
	Sizes(ctx context.Context, target string) (plan.Sizes, error)

	// Site returns what is known about one site; ok is false for one never read.
	Site(ctx context.Context, id string) (rec SiteRecord, ok bool, err error)
	// Sites returns what is known about each site ever read, by id.
	Sites(ctx context.Context) (map[string]SiteRecord, error)
	// SaveSite keeps what is known about a site.
	SaveSite(ctx context.Context, rec SiteRecord) error
	// BeginSlot notes the scheduled time that is begun at the site. A slot before the one
	// that is noted changes nothing.
	BeginSlot(ctx context.Context, site string, slot time.Time) error
	// ReopenSlot notes that the slot, if it is the one that is noted, is to begin once more:
	// the work was broken off.
	ReopenSlot(ctx context.Context, site string, slot time.Time) error

	// Hold stores a held plan and returns its id; the same plan held again keeps its
	// id until it is rejected or applied, an older undecided hold of the same site and
	// target is replaced.
	Hold(ctx context.Context, h Hold) (id int64, err error)
	// Holds returns undecided holds, and with all true every hold there was, newest first.
	Holds(ctx context.Context, all bool) ([]Hold, error)
	// Decide approves or rejects an undecided hold.
	Decide(ctx context.Context, id int64, d Decision) error
	// Approved returns the approved and not yet applied hold of exactly this plan.
	Approved(ctx context.Context, site, target, digest string) (id int64, ok bool, err error)

	// Escrows returns the objects that wait for their next try, oldest first, of one site
	// at one target or, where target or site is empty, of all.
	Escrows(ctx context.Context, target, site string) ([]Escrow, error)

	// Accepted returns the changes that the target has taken and not yet told of, oldest
	// first.
	Accepted(ctx context.Context, target string) ([]Accepted, error)
	// Take takes n of what a budget allows in any time of length per, and returns false,
	// taking nothing, when it does not allow so many. Every process that works with the
	// store takes from the same budgets; key names one.
	Take(ctx context.Context, key string, n int, per time.Duration, limit int) (bool, error)

	// Health returns how a target stands; one never heard of is well.
	Health(ctx context.Context, target string) (Health, error)
	// SaveHealth keeps how a target stands.
	SaveHealth(ctx context.Context, h Health) error

	// MarkNotice notes that something is being told, and returns false when that was
	// noted before: it is told once. ClearNotice forgets it, so that it may be told again.
	MarkNotice(ctx context.Context, key string, at time.Time) (fresh bool, err error)
	ClearNotice(ctx context.Context, key string) error

	// Search finds objects by exactly what somebody may have at hand: the key, the id at
	// a source or a target, or, in any case, a user name, also one in quarantine. It
	// returns 100 at most, by target and key.
	Search(ctx context.Context, text string) ([]Found, error)
	// Erase removes everything that the store has about an object at target: the object,
	// memberships, claims, escrow, steps of runs and the names it ever had. Erasing what
	// is not there changes nothing.
	Erase(ctx context.Context, target string, kind scim.Kind, key string) error

	// Key is the secret under which fingerprints and pseudonyms are made: the one
	// given at opening, or the store's own.
	Key() []byte

	Close() error
}

// Foreign is the holder of a name that an account of somebody else has at the target.
const Foreign = "\x00foreign"

// ErrDamaged marks an error of a store whose content cannot be relied on, ErrFull of one
// that found no room to write. After neither is anything lost that was confirmed before.
var (
	ErrDamaged = errors.New("the store is damaged")
	ErrFull    = errors.New("there is no room left to write")
)

// Busy is the error of a store that another process is working with.
type Busy struct {
	// Holder says who, as far as that is known.
	Holder string
}

func (b *Busy) Error() string { return "another simscim is working with this store" + b.Holder }

// MaxText is the longest key, name or id that a ledger keeps, in bytes. It is what
// every database can index. Longer ones are refused, and so are a NUL and invalid
// UTF-8: nothing of the transaction is kept then.
const MaxText = 2000

// The verdicts on a hold. Replaced is the store's own: a newer plan took its place.
const (
	ApprovedVerdict = "approved"
	RejectedVerdict = "rejected"
	Replaced        = "replaced"
)

// Tx is what can be written in a transaction.
type Tx interface {
	// PutObject records a confirmed object, with its claim by site. Members are not
	// touched. A user's name becomes issued if it is not yet; one that another key of
	// ours holds stays with that key. An empty Home means site, an empty Status Active.
	PutObject(target, site string, o plan.Known) error
	// DropObject forgets an object, its members, memberships, claims and escrow. The name
	// of a user goes into quarantine.
	DropObject(target string, kind scim.Kind, key string) error
	// Unclaim takes away the site's claim on a user; home moves to the claim that is
	// left longest. The last claim stays: nobody would ever see an object without one.
	Unclaim(target, site, key string) error
	// AddMembers and RemoveMembers record confirmed memberships. Users who are not in
	// the ledger are left out; adding to a group that is not there is an error.
	AddMembers(target, group string, users []string) error
	RemoveMembers(target, group string, users []string) error
	// Claim records that the site needs a user whose attributes another site decides on.
	Claim(target, site, key, sourceID string) error
	// Rekey gives an object of ours another key and another source id at the site, when
	// the source has changed its ids. Name, members and claims stay; names that the new
	// key holds already go over to the object; steps and escrow follow it. It is an error when there is no object
	// with the key, or one with the new key.
	Rekey(target, site string, kind scim.Kind, key, newKey, sourceID string) error
	// SetMissing records how long a user or a group has been missing at the site; zero
	// values mean that it is back. It belongs to the site's claim: somebody who left one
	// school is still seen by another.
	SetMissing(target, site string, kind scim.Kind, key string, missed int, since time.Time) error
	// NoteForeignName records that an account which is not ours holds the name. A name
	// that a confirmed account of ours bears stays ours.
	NoteForeignName(target, name string, at time.Time) error
	// SetIntents notes what a run is about to do, in place of what was noted before.
	SetIntents(target, site string, intents []plan.Intent) error
	// SetBaseline records that the target has been read for the site, again or for the
	// first time.
	SetBaseline(target, site string, at time.Time) error
	// PutEscrow puts an object into escrow, or replaces what is there of it; DropEscrow
	// takes it out, and changes nothing when it is not there.
	PutEscrow(e Escrow) error
	DropEscrow(target, site string, kind scim.Kind, key string) error
	// PutAccepted notes a change that the target has taken, in place of one of the same
	// object; DropAccepted forgets it, and changes nothing when there is none.
	PutAccepted(a Accepted) error
	DropAccepted(target, site string, kind scim.Kind, key string) error
	// LogStep notes what a run has confirmed, so that it can be taken back. Members who are
	// not in the ledger are left out. It is an error when there is no such run.
	LogStep(run int64, s Step) error
	// UseHold marks an approved hold as applied; a second use is an error.
	UseHold(id int64, at time.Time) error
}

// Run is one run of one site at one target.
type Run struct {
	ID           int64
	Site, Target string
	Started      time.Time
	// End is zero for a run that has not ended, or was killed.
	End RunEnd
}

// RunEnd is how a run ended.
type RunEnd struct {
	At     time.Time
	Status string
	// Reason is a sentence without personal data.
	Reason string
	// Applied and Failed count changes by counter; what the target had accepted and not yet
	// told of is among those applied.
	Applied, Failed map[plan.Counter]int
}

// SiteRecord is what is known about a site as a whole, independent of targets.
type SiteRecord struct {
	ID, Source, Name, DfE string
	// LastComplete is the time of the last complete snapshot; People and Groups are
	// its sizes. Students and Staff are how many of the people were that.
	LastComplete    time.Time
	People, Groups  int
	Students, Staff int
	// Rules identifies the rules under which the site was last read.
	Rules string
	// FrozenSince and FrozenReason are set while the school may not be read.
	FrozenSince  time.Time
	FrozenReason string
	// LastSlot is the scheduled time that was last begun, or a moment before it once it was
	// reopened. BeginSlot and ReopenSlot set it; SaveSite leaves it alone.
	LastSlot time.Time
}

// Hold is a plan that a safeguard stopped. It holds no personal data.
type Hold struct {
	ID           int64
	Site, Target string
	// Digest identifies the plan: the same changes have the same digest.
	Digest string
	// Breaches are the sentences of the safeguards that were broken.
	Breaches []string
	Counts   map[plan.Counter]int
	At       time.Time
	Decision Decision
	// AppliedAt is when an approved hold was used up.
	AppliedAt time.Time
}

// Escrow is an object that failed and waits for its next try. It holds no personal data.
type Escrow struct {
	Target, Site string
	Kind         scim.Kind
	Key          string
	Action       plan.Action
	// Change identifies what was tried: when something else is to be done to the object,
	// it is not made to wait.
	Change string
	// Reason is what went wrong, Advice what to do about it.
	Reason, Advice string
	// Tries counts the failures since Since; Last is the newest.
	Tries       int
	Since, Last time.Time
	// Next is when it is tried again, zero once it has expired: then only a change of the
	// object, or somebody, makes it be tried.
	Next time.Time
}

// Accepted is a change that a target has taken and not yet told of.
type Accepted struct {
	Target, Site string
	Action       plan.Action
	// Change identifies the change, as in Escrow.
	Change string
	At     time.Time
	// Object is what the ledger shall hold once the change is confirmed, without members.
	// Kind and Key are always set.
	Object plan.Known
}

// Health is how a target stands.
type Health struct {
	Target string
	// Since is set while the target is in quarantine, with the reason. Next is when it is
	// tried again, Tries how often that was done in vain.
	Since, Next time.Time
	Reason      string
	Tries       int
}

// Step is a confirmed change of a run, as far as taking it back needs it.
type Step struct {
	Kind          scim.Kind
	Key, RemoteID string
	Action        plan.Action
	// Name is the user name before a rename.
	Name string
	// Added and Removed are the keys of members.
	Added, Removed []string
}

// Found is an object that Search found, without members. What belongs to a site's claim
// is left empty, and so is the status of a key that only holds names: its account is
// gone, or was never confirmed.
type Found struct {
	Target string
	plan.Known
	// Sites are the sites that claim the object.
	Sites []string
}

// Decision is what somebody decided about a hold.
type Decision struct {
	// Verdict is ApprovedVerdict, RejectedVerdict, Replaced or, while nobody decided,
	// empty.
	Verdict string
	By, Why string
	At      time.Time
}
