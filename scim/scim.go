// Package scim holds the values of SCIM 2.0 (RFC 7643, RFC 7644) that the rest of
// simscim passes around: attribute paths, attribute lists, the rules by which two
// values count as equal, and errors. It does no input or output; the folders below
// build filters, diff and apply PATCH, call servers and serve.
package scim

// Kind is a resource type.
type Kind string

// The resource types that simscim provisions.
const (
	User  Kind = "User"
	Group Kind = "Group"
)

// Endpoint is the path of the resource type below the base URL: "/Users".
func (k Kind) Endpoint() string { return "/" + string(k) + "s" }

// Schema URNs of RFC 7643 and of the messages of RFC 7644.
const (
	UserURN       = "urn:ietf:params:scim:schemas:core:2.0:User"
	GroupURN      = "urn:ietf:params:scim:schemas:core:2.0:Group"
	EnterpriseURN = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"

	ListResponseURN = "urn:ietf:params:scim:api:messages:2.0:ListResponse"
	PatchOpURN      = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
	ErrorURN        = "urn:ietf:params:scim:api:messages:2.0:Error"
	SearchURN       = "urn:ietf:params:scim:api:messages:2.0:SearchRequest"
	BulkRequestURN  = "urn:ietf:params:scim:api:messages:2.0:BulkRequest"
	BulkResponseURN = "urn:ietf:params:scim:api:messages:2.0:BulkResponse"
)

// MediaType is the content type of every SCIM body (RFC 7644 §3.1).
const MediaType = "application/scim+json"

// CoreURN is the URN of the core schema of a resource type.
func (k Kind) CoreURN() string {
	if k == Group {
		return GroupURN
	}
	return UserURN
}
