package profile

import (
	"simscim/scim"
	"simscim/scim/client"
)

// The directories and identity platforms. What a page of theirs says is in pin; what is
// only usual, or said by somebody else, is in expect or has a note.

func entraSCIM() entry {
	const extension = "urn:ietf:params:scim:schemas:extension:Microsoft:Entra:2.0:User"
	return entry{
		// All is documented, and every call costs money.
		ask:    false,
		source: "learn.microsoft.com: Entra SCIM API reference, its schemas and its errors (2026)",
		notes: []string{
			"Every request is charged for, reads included.",
			"The members of a group are never shown: the ledger alone knows them.",
			"A taken name is expected to be answered with 400, as the documented errors have no 409 (inferred).",
			"Making a group together with its members is not documented: they are added afterwards (inferred).",
			"Deleting an account is taken to be the soft deletion of Microsoft Graph (inferred).",
		},
		pin: func(p *Profile) {
			p.Put, p.PutGroups, p.ETag = false, false, false
			membersAtOnce(p, 0, 20, 1)
			p.MixAddRemove, p.MembersReadable = false, false
			p.FilterUsers = []scim.Path{"externalId", "userName", "id"}
			p.FilterGroups = []scim.Path{"displayName", "id"}
			p.Paging, p.PageMax = client.Cursor, 100
			p.Search, p.Bulk = false, Bulk{}
			p.RequiredUser = []scim.Path{
				"userName", "name.givenName", "name.familyName", "displayName", "active", extension + ":mailNickname",
			}
			p.PasswordRequired = true
			p.ConflictStatus = []int{400}
			p.Accept, p.LowerEndpoints = "application/json", true
			p.PricePerCall = 0.002
			// Microsoft Graph: 3,000 writes in 150 seconds for each app and tenant.
			p.Rate = Rate{PerSecond: 20}
		},
	}
}

func oktaInbound() entry {
	return entry{
		ask:    true,
		source: "developer.okta.com: Inbound SCIM overview (2026); the rest is not published",
		notes: []string{
			"Okta has not published what this API can do: whatever it does not say itself is assumed to be missing or small (inferred).",
		},
		expect: func(p *Profile) {
			p.Groups, p.Patch, p.PatchGroups = false, false, false
			p.FilterUsers, p.FilterGroups = []scim.Path{"userName"}, []scim.Path{"displayName"}
			// As with the strictest of those that are known, Entra ID.
			p.MixAddRemove = false
			membersAtOnce(p, 0, 20, 1)
		},
	}
}

func awsIdentityCenter() entry {
	return entry{
		ask:    false,
		source: "docs.aws.amazon.com: IAM Identity Center SCIM developer guide",
		notes: []string{
			"The members of a group are never shown: the ledger alone knows them.",
			"An account may have one e-mail address, one telephone number and one postal address; the e-mail address must be marked primary.",
			"All members cannot be removed or replaced in one operation.",
			"Pages held 50 before they held 100: an older region may send less than is asked for.",
			"Additions and removals travel apart, since the hundred changes of a request count both (inferred).",
		},
		pin: func(p *Profile) {
			p.PutGroups, p.ETag = false, false
			membersAtOnce(p, 100, 100, 100)
			p.MixAddRemove, p.MembersReadable = false, false
			p.Style.MembersByValue = true
			p.GroupPaths = []scim.Path{"displayName", "members", "externalId"}
			p.FilterUsers = []scim.Path{"externalId", "userName", "id"}
			p.FilterGroups = []scim.Path{"externalId", "displayName", "id"}
			p.Paging, p.PageMax = client.Index, 100
			p.Search, p.Bulk = false, Bulk{}
			p.RequiredUser = []scim.Path{"userName", "name.givenName", "name.familyName", "displayName"}
			p.OneValue = true
		},
	}
}

func google() entry {
	return entry{
		ask:    true,
		source: "docs.cloud.google.com: Cloud Identity SCIM API reference",
		notes: []string{
			"A list without a filter is refused, and one of groups with a filter ends after 50: what exists is looked up one by one.",
			"The members of a group are never shown, and one request adds or removes one.",
			"The externalId of a group can be given, not changed.",
		},
		pin: func(p *Profile) {
			p.PutGroups, p.ETag = false, false
			membersAtOnce(p, 0, 1, 1)
			p.MixAddRemove, p.MembersReadable = false, false
			p.GroupPaths = []scim.Path{"displayName", "members"}
			p.FilterUsers, p.FilterGroups = []scim.Path{"userName"}, []scim.Path{"externalId", "displayName"}
			p.FilterNeeded, p.Paging = true, client.NoPaging
			p.Search, p.Bulk = false, Bulk{}
		},
	}
}

func keycloak() entry {
	return entry{
		ask:    true,
		source: "keycloak.org and its source: the SCIM feature of 26.8",
		notes: []string{
			"Pages are cut to 100, whatever is asked for.",
			"Filtering by an attribute that Keycloak does not map finds nothing and is no error.",
			"A bulk endpoint is in the code and not relied on (inferred).",
			"Before 26.8 SCIM came from extensions that differ: with those use auto.",
		},
		pin: func(p *Profile) {
			p.ETag = false
			p.Paging, p.PageMax = client.Index, 100
			p.Bulk = Bulk{}
		},
	}
}

func authentik() entry {
	return entry{
		ask:    true,
		source: "docs.goauthentik.io and the source of its SCIM source",
		notes:  []string{"How many members one request may hold is not documented (inferred)."},
		pin: func(p *Profile) {
			p.Patch, p.PatchGroups, p.ETag = true, true, false
			p.Paging = client.Index
			p.Bulk = Bulk{}
		},
	}
}

func zitadel() entry {
	return entry{
		ask:    false,
		source: "zitadel.com: SCIM v2 (preview)",
		notes:  []string{"There are no groups.", "An account needs an e-mail address."},
		pin: func(p *Profile) {
			p.Groups, p.ETag = false, false
			p.Paging, p.PageMax = client.Index, 100
			p.Search = true
			p.Bulk = Bulk{Operations: 100, Bytes: 1_000_000}
			p.RequiredUser = []scim.Path{"userName", "emails"}
		},
	}
}

func pingOne() entry {
	return entry{
		ask:    true,
		source: "developer.pingidentity.com: PingOne SCIM API; PATCH, PUT and paging are the usual ones (inferred)",
		notes: []string{
			"Groups are not documented.",
			"Accounts belong to a population, which the mapping must give where there are several.",
		},
		pin: func(p *Profile) { p.Groups = false },
	}
}

func wso2() entry {
	return entry{
		ask:    true,
		source: "is.docs.wso2.com: SCIM 2.0 API; PATCH, PUT and paging are the usual ones (inferred)",
		notes:  []string{"How large a bulk request may be is not documented: 1 MB is assumed (inferred)."},
		expect: func(p *Profile) { p.Bulk = Bulk{Operations: 100, Bytes: defaultBulkBytes} },
	}
}
