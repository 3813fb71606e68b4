package profile

import (
	"maps"
	"slices"

	"simscim/scim"
	"simscim/scim/client"
)

// Named returns the profile of that name.
func Named(name string) (Profile, bool) {
	p, ok := table()[name]
	p.Name = name
	return p, ok
}

// Names lists the names, sorted.
func Names() []string { return slices.Sorted(maps.Keys(table())) }

// table is made anew at every call, so that nobody shares its slices.
func table() map[string]Profile {
	auto := standard()
	auto.Ask = true
	return map[string]Profile{
		// auto believes what the server says of itself.
		"auto": auto,
		// generic asks nothing and expects what nearly every server does.
		"generic": standard(),
	}
}

// standard is what a server does that keeps to RFC 7644 and says nothing else.
func standard() Profile {
	return Profile{
		Users: true, Groups: true, Suspend: true, Delete: true, DeleteGroups: true,
		Patch: true, Put: true, PatchGroups: true, PutGroups: true,
		// A hundred is the smallest limit in the providers' documentation, among those
		// that give one and can add several members at once at all.
		MembersPerCreate: 100, MembersPerAdd: 100, MembersPerRemove: 100,
		MixAddRemove: true, MembersReadable: true, GroupRename: true,
		FilterUsers:  []scim.Path{"externalId", "userName"},
		FilterGroups: []scim.Path{"displayName", "externalId"},
		Paging:       client.Index, PageMax: 100,
	}
}
