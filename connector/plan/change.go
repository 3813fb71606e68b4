// Package plan decides what has to happen at a target: it compares the desired
// state with what the ledger knows (and with what was read back, where something
// was) and yields an ordered list of changes, each with a sentence of reason.
//
// It is pure: no input or output, no clock, no randomness. The same input gives the
// same plan, byte for byte. Everything that can harm a school is decided here,
// where it can be tested as data.
package plan

import (
	"slices"

	"simscim/mapper"
	"simscim/scim"
)

// Action is what is done to one object. There is at most one change an object a plan.
type Action string

// The actions, in the order in which they are applied.
const (
	AdoptUser      Action = "adoptUser"
	CreateUser     Action = "createUser"
	ReactivateUser Action = "reactivateUser"
	RenameUser     Action = "renameUser"
	UpdateUser     Action = "updateUser"
	AdoptGroup     Action = "adoptGroup"
	CreateGroup    Action = "createGroup"
	UpdateGroup    Action = "updateGroup"
	// UpdateMembers changes nothing of a group but who is in it.
	UpdateMembers Action = "updateMembers"
	// ReplaceGroup deletes a group and makes it anew with the members in After and Add:
	// where members can only be taken out one by one, that is less work for everybody.
	ReplaceGroup Action = "replaceGroup"
	DeleteGroup  Action = "deleteGroup"
	SuspendUser  Action = "suspendUser"
	DeleteUser   Action = "deleteUser"
)

// Change is one change to one object. It says all that an adapter needs to carry it
// out, and why.
type Change struct {
	Action Action
	Kind   scim.Kind
	// Key is our key of the object, which is its externalId.
	Key string
	// RemoteID is the target's id; empty exactly for creates.
	RemoteID string
	// Label is what a person calls the object: a user name or a group's display
	// name. It is for terminals and never for logs.
	Label string

	// After is the whole desired state, sorted: what a POST or a PUT sends. It is
	// empty for deletes, and holds only "active" for suspensions.
	After scim.Attributes
	// CreateOnly lists the paths of After, sorted, that are written only when the object
	// is made: whatever they are at the target stays.
	CreateOnly []scim.Path
	// Password is the kind of first password that a new account gets, empty for none.
	// The password itself is made when the change is sent.
	Password mapper.Password
	// Set lists the attributes that differ, sorted by path: what a PATCH sends.
	Set []Field
	// Add and Remove are the keys of the members that come and go, sorted.
	Add, Remove []string
	// Have are the keys, sorted, of the members who should be in an adopted group and
	// are: nothing is sent about them, but the ledger has to learn of them.
	Have []string

	// Reason is one sentence without anybody's name in it.
	Reason string
}

// Whole is what a target is sent that takes whole objects: After, without what stays as it
// is at the target because the object is there already.
func (c *Change) Whole() scim.Attributes {
	switch c.Action {
	case CreateUser, CreateGroup, ReplaceGroup:
		return c.After
	}
	if len(c.CreateOnly) == 0 {
		return c.After
	}
	return slices.DeleteFunc(slices.Clone(c.After), func(a scim.Attribute) bool { return slices.Contains(c.CreateOnly, a.Path) })
}

// Field is one attribute that changes. After is nil when the value is taken away.
type Field struct {
	Path scim.Path
	// Before is the value until now where it is known: the ledger keeps
	// fingerprints, not values, so it mostly is not.
	Before any
	After  any
}

// Counter is a name under which changes are counted, in reports and by safeguards.
type Counter string

// AddMember and RemoveMember count memberships, one by one, however they travel.
// All other counters are the actions themselves.
const (
	AddMember    Counter = "addMember"
	RemoveMember Counter = "removeMember"
)

// Count adds the change to counts under each of its counters.
func (c *Change) Count(counts map[Counter]int) {
	if c.Action != UpdateMembers {
		counts[Counter(c.Action)]++
	}
	if n := len(c.Add); n > 0 {
		counts[AddMember] += n
	}
	if n := len(c.Remove); n > 0 && c.Action != ReplaceGroup { // there they go with the group
		counts[RemoveMember] += n
	}
}
