package client

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"

	"simscim/internal/httpx"
	"simscim/scim"
)

// ServiceProviderConfig is what a server says of itself (RFC 7643 §5, RFC 9865 §4). It
// is advice: servers advertise what they do not have, and the other way round.
type ServiceProviderConfig struct {
	Patch, Filter, ETag Feature
	// FilterMax is the most resources that a query returns, 0 if unknown.
	FilterMax  int
	Bulk       BulkFeature
	Pagination *Pagination
}

// BulkFeature is what a server says of bulk requests. Its limits are 0 if unknown.
type BulkFeature struct {
	Feature
	MaxOperations, MaxPayloadSize int
}

// Feature is what a server says of one ability.
type Feature struct{ Known, Supported bool }

// Pagination is RFC 9865's part of the ServiceProviderConfig.
type Pagination struct {
	Cursor, Index bool
	// Default is "cursor", "index" or empty.
	Default string
	// MaxPageSize is 0 if unknown.
	MaxPageSize int
}

// ResourceType is one kind of resource that a server has (RFC 7643 §6).
type ResourceType struct {
	Name, Endpoint, Schema string
	// Extensions are URNs of schemas.
	Extensions []string
}

// Schema is one schema of a server (RFC 7643 §7), as far as it is used.
type Schema struct {
	ID         string
	Attributes []SchemaAttribute
}

// SchemaAttribute is an attribute of a schema. Mutability and Returned are empty where
// the server does not say.
type SchemaAttribute struct {
	Name, Mutability, Returned string
	Required, MultiValued      bool
	// Sub are the parts of a complex attribute.
	Sub []SchemaAttribute
}

// Attribute returns the attribute by name, in whatever case.
func (s *Schema) Attribute(name string) (SchemaAttribute, bool) {
	for _, a := range s.Attributes {
		if scim.Fold(a.Name) == scim.Fold(name) {
			return a, true
		}
	}
	return SchemaAttribute{}, false
}

// ServiceProviderConfig asks what the server can do. A server without the endpoint, or
// with something unreadable there, gives nil and no error.
func (c *Client) ServiceProviderConfig(ctx context.Context) (*ServiceProviderConfig, error) {
	body, err := c.discover(ctx, "/ServiceProviderConfig")
	if err == nil && body == nil {
		body, err = c.discover(ctx, "/ServiceProviderConfigs") // SCIM 1.1, and Salesforce to this day
	}
	if err != nil || body == nil {
		return nil, err
	}
	var doc struct {
		Patch, Filter, ETag, Bulk looseFeature
		Pagination                *struct {
			Cursor, Index           truth
			DefaultPaginationMethod loose
			MaxPageSize             number
		}
	}
	if !isObject(body) || json.Unmarshal(body, &doc) != nil {
		return nil, nil
	}
	spc := &ServiceProviderConfig{
		Patch: doc.Patch.Feature, Filter: doc.Filter.Feature, ETag: doc.ETag.Feature, FilterMax: doc.Filter.maxResults,
		Bulk: BulkFeature{doc.Bulk.Feature, doc.Bulk.maxOperations, doc.Bulk.maxPayloadSize},
	}
	if p := doc.Pagination; p != nil {
		spc.Pagination = &Pagination{
			Cursor: bool(p.Cursor), Index: bool(p.Index),
			Default: string(p.DefaultPaginationMethod), MaxPageSize: p.MaxPageSize.N,
		}
	}
	return spc, nil
}

// looseFeature reads {"supported":true}, where supported may be "true" or the number 0,
// and a bare true in place of the object.
type looseFeature struct {
	Feature
	maxResults, maxOperations, maxPayloadSize int
}

func (f *looseFeature) UnmarshalJSON(b []byte) error {
	var doc struct {
		Supported                                 *truth
		MaxResults, MaxOperations, MaxPayloadSize number
	}
	switch {
	case json.Unmarshal(b, &doc) == nil:
		if doc.Supported != nil {
			f.Feature = Feature{Known: true, Supported: bool(*doc.Supported)}
		}
		f.maxResults, f.maxOperations, f.maxPayloadSize = doc.MaxResults.N, doc.MaxOperations.N, doc.MaxPayloadSize.N
	case string(b) == "true" || string(b) == "false":
		f.Feature = Feature{Known: true, Supported: string(b) == "true"}
	}
	return nil
}

// ResourceTypes asks which kinds of resource there are; nil where the server does not
// say.
func (c *Client) ResourceTypes(ctx context.Context) ([]ResourceType, error) {
	body, err := c.discover(ctx, "/ResourceTypes")
	if err != nil || body == nil {
		return nil, err
	}
	var types []ResourceType
	for _, item := range listed(body) {
		var doc struct {
			Name, Endpoint, Schema loose
			SchemaExtensions       json.RawMessage
		}
		if json.Unmarshal(item, &doc) != nil {
			continue
		}
		rt := ResourceType{Name: string(doc.Name), Endpoint: string(doc.Endpoint), Schema: string(doc.Schema)}
		var extensions []struct{ Schema loose }
		_ = json.Unmarshal(doc.SchemaExtensions, &extensions) // absent, null or odd: none
		for _, ext := range extensions {
			rt.Extensions = append(rt.Extensions, string(ext.Schema))
		}
		types = append(types, rt)
	}
	return types, nil
}

// Schemas asks for the schemas; nil where the server does not say.
func (c *Client) Schemas(ctx context.Context) ([]Schema, error) {
	body, err := c.discover(ctx, "/Schemas")
	if err != nil || body == nil {
		return nil, err
	}
	var found []Schema
	for _, item := range listed(body) {
		var doc struct {
			ID         loose
			Attributes json.RawMessage
		}
		if json.Unmarshal(item, &doc) != nil || doc.ID == "" {
			continue
		}
		found = append(found, Schema{ID: string(doc.ID), Attributes: attributes(doc.Attributes, true)})
	}
	return found, nil
}

// attributes reads a list of attributes, and of their parts if nested, which have none of
// their own (RFC 7643 §2.3.8). What is no list gives none.
func attributes(list json.RawMessage, nested bool) []SchemaAttribute {
	var docs []struct {
		Name, Mutability, Returned loose
		Required, MultiValued      truth
		SubAttributes              json.RawMessage
	}
	if json.Unmarshal(list, &docs) != nil {
		return nil
	}
	var found []SchemaAttribute
	for _, doc := range docs {
		a := SchemaAttribute{
			Name: string(doc.Name), Mutability: string(doc.Mutability), Returned: string(doc.Returned),
			Required: bool(doc.Required), MultiValued: bool(doc.MultiValued),
		}
		if nested {
			a.Sub = attributes(doc.SubAttributes, false)
		}
		found = append(found, a)
	}
	return found
}

// discover reads one of the documents of RFC 7644 §4. They are optional for us: only a
// refused sign-in, a server in trouble and a failed call are errors.
func (c *Client) discover(ctx context.Context, path string) ([]byte, error) {
	resp, err := c.do(ctx, httpx.Request{Method: http.MethodGet, Path: path, Route: path})
	switch {
	case err == nil:
		return resp.Body, nil
	case isAbsent(err):
		return nil, nil
	default:
		return nil, fmt.Errorf("read %s: %w", path, err)
	}
}

// listed takes the documents out of a ListResponse, a bare array, or a single one. They
// are not paged (RFC 7644 §4).
func listed(body []byte) []json.RawMessage {
	var items []json.RawMessage
	if json.Unmarshal(body, &items) == nil {
		return items
	}
	var list struct{ Resources []json.RawMessage }
	if json.Unmarshal(body, &list) == nil && list.Resources != nil {
		return list.Resources
	}
	if isObject(body) {
		return []json.RawMessage{body}
	}
	return nil
}

func isObject(body []byte) bool {
	var o map[string]json.RawMessage
	return json.Unmarshal(body, &o) == nil && o != nil
}
