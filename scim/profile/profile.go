// Package profile holds what a SCIM server can do and how it wants to be spoken to, as
// data. A profile comes from a table, from asking the server, or from both: what the
// table says of a known provider stands, the rest is discovered.
//
// To add a provider is to add an entry to the table in named.go; code asks a profile
// for abilities and never for its name.
package profile

import (
	"slices"

	"simscim/scim"
	"simscim/scim/client"
	"simscim/scim/patch"
)

// Profile is what one server can do.
type Profile struct {
	// Name is the entry's name, for people.
	Name string
	// Ask says that the server's own documents are read before the first use.
	Ask bool

	// Users and Groups say which resource types there are.
	Users, Groups bool
	// Suspend and Delete say which steps of leaving there are.
	Suspend, Delete bool

	// Patch says that PATCH works; without it resources are read, changed and PUT.
	Patch bool
	// ETag says that the server keeps versions: PUT is sent with If-Match.
	ETag bool

	// MembersPerCreate is how many members may stand in the POST of a group.
	MembersPerCreate int
	// MembersPerAdd and MembersPerRemove are how many members one PATCH may add or
	// take out.
	MembersPerAdd, MembersPerRemove int
	// MixAddRemove says that one PATCH may add and remove members and change
	// attributes at once.
	MixAddRemove bool
	// MembersReadable says that reading a group shows its members.
	MembersReadable bool
	// GroupRename says that a group's displayName may be changed.
	GroupRename bool

	// Style is the dialect of PATCH.
	Style patch.Style

	// FilterUsers and FilterGroups are the attributes that can be filtered by eq.
	FilterUsers, FilterGroups []scim.Path
	Paging                    client.Paging
	// PageMax is how many resources are asked for a page.
	PageMax int

	// Accept, ContentType and UserAgent are header values, empty for the usual ones.
	Accept, ContentType, UserAgent string
	// PerSecond and InFlight are the most that the provider bears, 0 for no limit; the
	// configuration can only lower them.
	PerSecond float64
	InFlight  int

	// Notes are facts worth knowing, one sentence each.
	Notes []string
}

// Filters returns the attributes of kind that can be filtered by.
func (p *Profile) Filters(kind scim.Kind) []scim.Path {
	if kind == scim.Group {
		return p.FilterGroups
	}
	return p.FilterUsers
}

// CanFilter tells whether resources of kind can be filtered by path.
func (p *Profile) CanFilter(kind scim.Kind, path scim.Path) bool {
	return slices.Contains(p.Filters(kind), path)
}

// Has tells whether the server has resources of kind.
func (p *Profile) Has(kind scim.Kind) bool {
	if kind == scim.Group {
		return p.Groups
	}
	return p.Users
}
