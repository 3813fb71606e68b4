package idp

import (
	"net/http"
	"time"

	"simscim/scim"
	"simscim/scim/filter"
	"simscim/scim/patch"
	"simscim/scim/server"
)

// Extension schemas of Microsoft and of Zitadel.
const (
	entraUserURN = "urn:ietf:params:scim:schemas:extension:Microsoft:Entra:2.0:User"
	zitadelURN   = "urn:ietf:params:scim:api:zitadel:messages:2.0:ErrorDetail"
)

// plain is what most of the smaller services share: pages by index, no versions, no
// search by POST and no sorting. Where a vendor's document is silent it is inferred.
func plain() personality {
	return personality{server: server.Options{Paging: server.IndexPaging, NoETag: true, NoSearch: true, NoSort: true}}
}

// with makes a personality from the plain one.
func with(change func(*personality)) personality {
	p := plain()
	change(&p)
	return p
}

// eqOnly are filters of a single comparison by eq, of any attribute if none is named.
func eqOnly(attributes ...string) filters {
	return filters{ops: map[filter.Op][]string{filter.Equal: attributes}}
}

// personalities is the table. "Inferred" marks what no document says.
func personalities() map[string]personality {
	return map[string]personality{
		Generic:  {},
		"strict": strict(),

		"aws-iam-identity-center": aws(),
		"entra-scim":              entra(),
		"github-emu":              github(),
		"google":                  google(),
		"miro":                    miro(),
		"slack":                   slack(),
		"zitadel":                 zitadel(),

		// Keycloak: the grammar of filters is complete, but an attribute that it does not
		// map, such as id, meets nothing.
		"keycloak": with(func(p *personality) {
			p.server.PageMax = 100
			p.users.blind, p.groups.blind = []string{"id"}, []string{"id"}
		}),
		// authentik: filter.maxResults is the size of a page, which is fifty here.
		"authentik": with(func(p *personality) { p.server.PageMax, p.server.PageDefault = 50, 50 }),
		// PingOne: groups are not documented; 404 for them is inferred.
		"pingone": with(func(p *personality) { p.server.UsersOnly = true }),
		// GitLab: a filter names one user by id or externalId. There is no PUT; 405 for it
		// is inferred, and so is what groups can be filtered by.
		"gitlab": with(func(p *personality) {
			p.refused = map[string]int{"PUT /Users": http.StatusMethodNotAllowed, "PUT /Groups": http.StatusMethodNotAllowed}
			p.users = eqOnly("id", "externalId")
			p.groups = eqOnly("id", "externalId", "displayName")
		}),
		// Atlassian: a larger count than 100 is silently 100, groups keep their names,
		// and DELETE suspends. 400 for a rename is inferred.
		"atlassian": with(func(p *personality) {
			p.server.PageMax = 100
			p.users, p.groups = eqOnly(), eqOnly()
			p.required = []scim.Path{"emails"}
			p.noRename, p.deleteSuspends = true, true
		}),
		// Databricks: a filter of more than 200 nodes is refused.
		"databricks": with(func(p *personality) { p.users.terms, p.groups.terms = 200, 200 }),
		// Snowflake: one comparison by eq or sw, and a number where a boolean belongs.
		"snowflake": with(func(p *personality) {
			one := filters{ops: map[filter.Op][]string{filter.Equal: nil, filter.StartsWith: nil}}
			p.users, p.groups = one, one
			p.config = map[string]any{"filter": map[string]any{"supported": 0, "maxResults": 0}}
		}),
		// Salesforce: users cannot be deleted (405 is inferred), and the configuration has
		// the plural name of SCIM 1.1. In the examples members travel in an object.
		"salesforce": with(func(p *personality) {
			p.members.inObject = true
			p.paths = map[string]string{"/ServiceProviderConfigs": "/ServiceProviderConfig", "/ServiceProviderConfig": ""}
			p.refused = map[string]int{"DELETE /Users": http.StatusMethodNotAllowed}
		}),
		// Zoom: insists on the media type. 406 is inferred.
		"zoom": with(func(p *personality) { p.accept, p.acceptStatus = scim.MediaType, http.StatusNotAcceptable }),
		// WSO2: bulk of a hundred operations.
		"wso2": with(func(p *personality) { p.server.Bulk.Operations = 100 }),
		// Okta's inbound API: based on the RFCs, and nothing more is known.
		"okta-inbound": plain(),
	}
}

// strict is all that RFC 7644 and RFC 9865 offer, and no lenience: changes need
// If-Match, lists come by cursor, booleans are booleans.
func strict() personality {
	return personality{server: server.Options{
		Strict: true, RequireIfMatch: true, Paging: server.CursorPaging,
		Bulk: server.Bulk{Operations: 1000, Bytes: 4 << 20},
	}}
}

// aws is AWS IAM Identity Center, from its developer guide. An operation that is not
// supported is a ValidationException.
func aws() personality {
	return with(func(p *personality) {
		p.server.Paging, p.server.PageMax, p.server.PageDefault = server.AnyPaging, 50, 50
		p.refused = map[string]int{"PUT /Groups": http.StatusBadRequest}
		p.users = filters{ops: map[filter.Op][]string{filter.Equal: {"userName", "externalId", "id"}}, and: true}
		p.groups = filters{ops: map[filter.Op][]string{filter.Equal: {"displayName", "externalId", "id", "members", "members.value"}}, and: true}
		p.oneValue = true
		p.required = []scim.Path{"userName", "displayName", "name.givenName", "name.familyName"}
		patchable := []string{"displayName", "members", "externalId"}
		p.groupPaths = map[string][]string{patch.Add: patchable, patch.Remove: patchable, patch.Replace: patchable}
		p.members = members{perCreate: 100, perRequest: 100, noReplace: true}
		p.bend.emptyMembers = true
		p.dress = func(p *IDP, status int, body map[string]any) {
			delete(body, "scimType")
			body["schema"], body["timeStamp"] = body["schemas"], p.options.Now().UTC().Format(time.DateTime)
			if name := exceptions()[status]; name != "" {
				body["detail"] = name + ": " + body["detail"].(string)
			}
		}
	})
}

// exceptions are the names of AWS for what went wrong, by status.
func exceptions() map[int]string {
	return map[int]string{
		400: "ValidationException", 401: "UnauthorizedException", 403: "AccessDeniedException", 404: "ResourceNotFoundException",
		409: "ConflictException", 429: "ThrottlingException", 500: "InternalServerException",
	}
}

// entra is Microsoft's SCIM API for Entra ID, from its reference of March 2026. That an
// unknown member is a 404, a duplicate a 400, and that 20 members may stand in the POST
// of a group is inferred: the first from the code that belongs to the text, the second
// because the table of errors has no 409, the third from the rule for PATCH.
func entra() personality {
	mailNickname := scim.Path(entraUserURN + ":mailNickname")
	return with(func(p *personality) {
		p.server.Paging, p.server.PageMax, p.server.PageDefault = server.CursorPaging, 100, 100
		p.server.NoContent = true
		p.anyCase = true
		p.config = map[string]any{
			"filter": map[string]any{"supported": true, "maxResults": 200},
			"pagination": map[string]any{
				"cursor": true, "index": false, "defaultPaginationMethod": "cursor", "defaultPageSize": 100, "maxPageSize": 1000,
			},
		}
		p.accept, p.acceptStatus, p.tightQuery = "application/json", http.StatusBadRequest, true
		p.refused = map[string]int{"PUT /Users": http.StatusMethodNotAllowed, "PUT /Groups": http.StatusMethodNotAllowed, "/Bulk": http.StatusNotFound, "/Me": http.StatusNotFound}
		p.users = filters{
			ops: map[filter.Op][]string{
				filter.Equal:    {"userName", "externalId", "id", "groups.value", string(mailNickname)},
				filter.EndsWith: {"userName", string(mailNickname)},
			},
			and: true, alone: []string{"externalId"},
		}
		p.groups = filters{
			ops: map[filter.Op][]string{filter.Equal: {"displayName", "id", "members.value"}, filter.EndsWith: {"displayName"}},
			and: true,
		}
		p.required = []scim.Path{"userName", "password", "name.familyName", "name.givenName", "active", "displayName", mailNickname}
		p.initial, p.lasting = []scim.Path{"password"}, []scim.Path{mailNickname}
		p.members = members{
			perCreate: 20, perAdd: 20, perRemove: 1, oneOperation: true, unmixed: true, noReplace: true,
			unknown:       http.StatusNotFound,
			unknownDetail: [2]string{"Resource '", "' does not exist or one of its queried reference-property objects are not present."},
		}
		p.conflict = http.StatusBadRequest
		p.bend = bend{
			noMembers: true, lowerResources: true, lowerTypes: true, relative: true, filteredTotals: true,
			meta: map[scim.Kind][]string{scim.User: {"version", "created", "lastModified"}, scim.Group: {"version", "lastModified"}},
		}
	})
}

// google is Google's Cloud Identity SCIM API, from its reference. There is no paging of
// either kind, so lists need a filter, and a group grows by one member a request. It
// lists no PUT of groups, and says of members that PATCH changes them: 501 for the one
// and refusing them in a POST is inferred.
func google() personality {
	return with(func(p *personality) {
		p.server.Paging = server.NoPaging
		p.refused = map[string]int{"PUT /Groups": http.StatusNotImplemented}
		p.users, p.groups = eqOnly("userName"), eqOnly("displayName", "externalId")
		p.users.needed, p.groups.needed = true, true
		p.groupPaths = map[string][]string{
			patch.Add:     {"displayName", "description", "members", "externalId"},
			patch.Remove:  {"description", "members"},
			patch.Replace: {"displayName", "description"},
		}
		p.members = members{noneAtCreate: true, operations: 2, perRequest: 1, byFilter: true}
		p.bend = bend{noMembers: true, lowerResources: true, emptyPatch: true}
	})
}

// github is GitHub Enterprise with managed users.
func github() personality {
	return with(func(p *personality) {
		p.userAgent = true
		p.users, p.groups = eqOnly(), eqOnly()
		p.rates = []Rate{
			{Methods: []string{http.MethodPost}, Kind: scim.User, Most: 1000, Per: time.Hour},
			{Kind: scim.Group, Members: true, Most: 1000, Per: time.Hour},
		}
	})
}

// miro refuses large groups, and its limits depend on the size of the body.
func miro() personality {
	half := 30 * time.Second
	return with(func(p *personality) {
		p.server.MaxBody = 800 << 10
		p.members = members{perCreate: 8000, perRequest: 8000, tooMany: http.StatusRequestEntityTooLarge}
		p.rates = []Rate{
			{Methods: []string{http.MethodGet, http.MethodPost}, Kind: scim.User, Most: 200, Per: half},
			{Methods: []string{http.MethodPut, http.MethodPatch}, Kind: scim.User, Most: 100, Per: half},
			{Methods: []string{http.MethodDelete}, Kind: scim.User, Most: 20, Per: half},
			{Methods: []string{http.MethodGet}, Kind: scim.Group, Most: 5, Per: half},
			{Methods: []string{http.MethodPatch}, Kind: scim.Group, Over: 500, Most: 5, Per: half},
			{Methods: []string{http.MethodPatch}, Kind: scim.Group, Most: 100, Per: half},
		}
	})
}

// slack has small pages unless asked, and a DELETE that suspends.
func slack() personality {
	writes := []string{http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete}
	return with(func(p *personality) {
		p.server.PageMax, p.server.PageDefault = 1000, 10
		p.deleteSuspends = true
		p.rates = []Rate{
			{Methods: writes, Most: 600, Per: time.Minute, Burst: 180},
			{Methods: []string{http.MethodGet}, Most: 1000, Per: time.Minute},
			{Methods: writes, Kind: scim.User, Most: 180, Per: time.Minute, Burst: 20},
		}
	})
}

// zitadel has users only, and bulk.
func zitadel() personality {
	return with(func(p *personality) {
		p.server.PageMax, p.server.NoSearch, p.server.NoSort, p.server.NoContent = 100, false, false, true
		p.server.Bulk = server.Bulk{Operations: 100, Bytes: 1_000_000}
		p.server.UsersOnly = true
		p.users.length = 1000
		p.required = []scim.Path{"emails"}
		p.dress = func(_ *IDP, _ int, body map[string]any) {
			body["schemas"] = []string{scim.ErrorURN, zitadelURN}
			body[zitadelURN] = map[string]any{"message": body["detail"]}
		}
	})
}
