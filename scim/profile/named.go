package profile

import (
	"maps"
	"slices"

	"simscim/scim"
	"simscim/scim/client"
)

// Named returns the profile of that name.
func Named(name string) (Profile, bool) {
	e, ok := table()[name]
	p := standard()
	p.Name, p.Ask, p.Source, p.Notes = name, e.ask, e.source, e.notes
	if e.expect != nil {
		e.expect(&p)
	}
	if e.pin != nil {
		p.pin(e.pin)
	}
	return p, ok
}

// Names lists the names, sorted.
func Names() []string { return slices.Sorted(maps.Keys(table())) }

// entry is one provider of the table.
type entry struct {
	// ask says that there is something left to be discovered.
	ask bool
	// source and notes are the Profile's Source and Notes.
	source string
	notes  []string
	// expect is how the provider differs from standard as far as it does not say itself.
	expect func(*Profile)
	// pin is how it differs whatever it says of itself.
	pin func(*Profile)
}

// table is made anew at every call, so that nobody shares its slices.
func table() map[string]entry {
	return map[string]entry{
		"auto": {ask: true, source: "what the server says of itself; RFC 7643 and RFC 7644 for the rest"},
		// generic asks nothing and expects what nearly every server does.
		"generic": {source: "RFC 7643 and RFC 7644"},

		"atlassian":               atlassian(),
		"authentik":               authentik(),
		"aws-iam-identity-center": awsIdentityCenter(),
		"databricks":              databricks(),
		"entra-scim":              entraSCIM(),
		"github-emu":              githubEMU(),
		"gitlab":                  gitlab(),
		"google":                  google(),
		"keycloak":                keycloak(),
		"miro":                    miro(),
		"okta-inbound":            oktaInbound(),
		"pingone":                 pingOne(),
		"salesforce":              salesforce(),
		"slack":                   slack(),
		"snowflake":               snowflake(),
		"wso2":                    wso2(),
		"zitadel":                 zitadel(),
		"zoom":                    zoom(),
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
		// RFC 7643 §4.1.1, §4.2.
		RequiredUser: []scim.Path{"userName"}, RequiredGroup: []scim.Path{"displayName"},
	}
}

func membersAtOnce(p *Profile, create, add, remove int) {
	p.MembersPerCreate, p.MembersPerAdd, p.MembersPerRemove = create, add, remove
}
