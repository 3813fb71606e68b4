// Package profile holds what a SCIM server can do and how it wants to be spoken to, as
// data. A profile comes from a table, from asking the server, or from both: what the
// table pins of a known provider stands, the rest is discovered, and what a person
// configured overrules them all. It makes no request but the three of discovery.
//
// To add a provider is to add an entry to the table in named.go; code asks a profile
// for abilities and never for its name.
package profile

import (
	"slices"
	"time"

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
	// Suspend and Delete say which steps of leaving there are; DeleteGroups says that a
	// group can be deleted.
	Suspend, Delete, DeleteGroups bool

	// Patch and Put say which ways of changing a user there are; PatchGroups and
	// PutGroups say it of groups. Without PATCH a resource is read, changed and PUT.
	Patch, Put             bool
	PatchGroups, PutGroups bool
	// ETag says that the server keeps versions: changes are sent with If-Match.
	ETag bool
	// Style is the dialect of PATCH.
	Style patch.Style

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
	// NestedGroups says that a group may be a member.
	NestedGroups bool
	// GroupRename says that a group's displayName may be changed.
	GroupRename bool
	// GroupPaths are the only attributes that a PATCH of a group may change, nil for all.
	GroupPaths []scim.Path

	// FilterUsers and FilterGroups are the attributes that can be filtered by eq.
	FilterUsers, FilterGroups []scim.Path
	// FilterNeeded says that nothing is listed without a filter.
	FilterNeeded bool
	// Search says that POST /.search works, which keeps personal data out of URLs
	// (RFC 7644 §7.5.2).
	Search bool
	Paging client.Paging
	// PageMax is how many resources are asked for a page.
	PageMax int

	// Bulk is what POST /Bulk takes; the zero Bulk is none.
	Bulk Bulk

	// UserPaths are the attributes that the server keeps of a user, nil for whatever is
	// sent. RequiredUser and RequiredGroup are those that it does not do without; one
	// that has parts, such as emails, is there when any of them is.
	UserPaths                   []scim.Path
	RequiredUser, RequiredGroup []scim.Path
	// OneValue says that a multi-valued attribute takes a single value.
	OneValue bool
	// PasswordRequired says that an account cannot be made without a password.
	PasswordRequired bool

	// ConflictStatus lists the answers, besides 409, that may mean that a unique value is
	// taken.
	ConflictStatus []int

	// Accept, ContentType and UserAgent are header values, empty for the usual ones.
	Accept, ContentType, UserAgent string
	// LowerEndpoints says that endpoints have names in lower case: /users.
	LowerEndpoints bool
	// Rate is the most that the provider bears; the configuration can only lower it.
	Rate Rate
	// PricePerCall is what the provider charges for one request, in US dollars.
	PricePerCall float64
	// Timeout of one request where the provider is known to be slow, 0 for the usual.
	Timeout time.Duration

	// Source says where the facts come from: a page of the provider's documentation, or
	// that they were inferred.
	Source string
	// Notes are facts worth knowing, one sentence each.
	Notes []string

	// pins are the corrections that stand whatever the server says of itself, the later
	// over the earlier.
	pins []func(*Profile)
}

// pin makes a correction, now and again after discovery.
func (p *Profile) pin(correct func(*Profile)) {
	correct(p)
	p.pins = append(slices.Clip(p.pins), correct)
}

// Bulk is what POST /Bulk takes (RFC 7644 §3.7).
type Bulk struct {
	// Operations and Bytes are the most of one request; 0 operations is no bulk at all,
	// 0 bytes no limit.
	Operations, Bytes int
	// References says that "bulkId:" references may be relied on.
	References bool
}

// Rate is a limit on calls. Zero is no limit.
type Rate struct {
	PerSecond                  float64
	PerMinute, PerHour, PerDay int
	InFlight                   int
}

// TakesPassword tells whether an account can be made with a password.
func (p *Profile) TakesPassword() bool {
	return p.PasswordRequired || p.UserPaths == nil || slices.Contains(p.UserPaths, "password")
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

// CanPatch tells whether a resource of kind is changed by PATCH.
func (p *Profile) CanPatch(kind scim.Kind) bool {
	if kind == scim.Group {
		return p.PatchGroups
	}
	return p.Patch
}

// Has tells whether the server has resources of kind.
func (p *Profile) Has(kind scim.Kind) bool {
	if kind == scim.Group {
		return p.Groups
	}
	return p.Users
}
