package plan

import (
	"cmp"
	"slices"
	"time"

	"simscim/scim"
)

// State is what the ledger holds about one site at one target: every object that the
// site claims, and what is known of each.
type State struct {
	Users, Groups map[string]*Known
	// Baseline says that the target has been read once for this site, so that what
	// is not in the ledger may be taken not to be there.
	Baseline bool
	// ReadAt is when the target was last read whole for this site, zero for never.
	ReadAt time.Time
	// Settled says that the last run knew the outcome of everything it sent. After
	// an unsettled one an object is looked for before it is created.
	Settled bool
	// Intents are what an unsettled run was about to make, and to change of memberships:
	// any of it may have happened.
	Intents []Intent
	// LastPeople and LastGroups are the sizes of the last complete snapshot.
	LastPeople, LastGroups int
}

// Intent is something that a run was about to do to an object.
type Intent struct {
	Kind     scim.Kind `json:"kind"`
	Key      string    `json:"key"`
	SourceID string    `json:"sourceID,omitempty"`
	// Makes says that the object was to be made or taken over.
	Makes bool `json:"makes,omitempty"`
	// Members are the keys of those who were to join or to leave.
	Members []string `json:"members,omitempty"`
}

// Status is where an object of ours stands.
type Status string

// The statuses of an object. An object that is deleted is no longer in the ledger.
const (
	Active    Status = "active"
	Suspended Status = "suspended"
)

// Known is one object of ours: what the target has confirmed.
type Known struct {
	Kind     scim.Kind
	Key      string
	RemoteID string
	// SourceID is the id of the person, or the key of the group, at this site.
	SourceID string
	// Home is the site whose rules decide the attributes. Other sites that claim the
	// object only put it into their groups.
	Home string
	// Shared says that some other site claims the object as well.
	Shared bool
	Status Status
	// Name is the issued user name; empty for groups.
	Name string
	// Prints are fingerprints of the confirmed attribute values.
	Prints Prints
	// Members are the keys of the confirmed members of a group.
	Members map[string]struct{}

	// Missed counts the complete snapshots in a row that lacked the object, since
	// MissingSince.
	Missed       int
	MissingSince time.Time
	// SuspendedAt is when the account was suspended, zero while it is active.
	SuspendedAt time.Time
}

// Print is the keyed fingerprint of one attribute's value.
type Print struct {
	Path scim.Path
	Sum  uint64
}

// Prints is a list of fingerprints sorted by path.
type Prints []Print

// Get returns the fingerprint of the attribute at path.
func (p Prints) Get(path scim.Path) (uint64, bool) {
	i, ok := slices.BinarySearchFunc(p, path, func(x Print, path scim.Path) int { return cmp.Compare(x.Path, path) })
	if !ok {
		return 0, false
	}
	return p[i].Sum, true
}
