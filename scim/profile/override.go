package profile

import (
	"slices"

	"simscim/scim"
	"simscim/scim/client"
)

// Traits are what a person knows better of one server. Nil and empty say nothing; an
// empty list of filters that is not nil says that there are none.
type Traits struct {
	// Patch is about users and groups alike.
	Patch *bool
	// Bulk is how many operations a request may hold, 0 for no bulk; BulkBytes how large
	// it may be.
	Bulk, BulkBytes *int

	MembersPerCreate, MembersPerAdd, MembersPerRemove *int

	MixAddRemove *bool
	// RemoveForm is RemoveByPath or RemoveByValues.
	RemoveForm      string
	MembersReadable *bool
	GroupRename     *bool

	FilterUsers, FilterGroups []scim.Path

	Search   *bool
	Paging   client.Paging
	PageSize *int

	ETag, StringBooleans *bool
	Accept, ContentType  string
}

// The forms of taking members out of a group.
const (
	RemoveByPath   = "path"
	RemoveByValues = "values"
)

// Override lets the traits overrule the profile, and whatever Discover finds later.
func (p *Profile) Override(t Traits) { p.pin(t.correct) }

func (t Traits) correct(p *Profile) {
	if t.Patch != nil {
		p.Patch, p.PatchGroups = *t.Patch, *t.Patch
	}
	given(&p.Bulk.Operations, t.Bulk)
	given(&p.Bulk.Bytes, t.BulkBytes)
	given(&p.MembersPerCreate, t.MembersPerCreate)
	given(&p.MembersPerAdd, t.MembersPerAdd)
	given(&p.MembersPerRemove, t.MembersPerRemove)
	given(&p.MixAddRemove, t.MixAddRemove)
	if t.RemoveForm != "" {
		p.Style.MembersByValue = t.RemoveForm == RemoveByValues
	}
	given(&p.MembersReadable, t.MembersReadable)
	given(&p.GroupRename, t.GroupRename)
	if t.FilterUsers != nil {
		p.FilterUsers = slices.Clone(t.FilterUsers)
	}
	if t.FilterGroups != nil {
		p.FilterGroups = slices.Clone(t.FilterGroups)
	}
	given(&p.Search, t.Search)
	if t.Paging != "" {
		p.Paging = t.Paging
	}
	given(&p.PageMax, t.PageSize)
	given(&p.ETag, t.ETag)
	given(&p.Style.StringBooleans, t.StringBooleans)
	if t.Accept != "" {
		p.Accept = t.Accept
	}
	if t.ContentType != "" {
		p.ContentType = t.ContentType
	}
}

func given[T any](to, value *T) {
	if value != nil {
		*to = *value
	}
}
