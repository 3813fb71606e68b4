package server

import (
	"fmt"
	"net/http"
	"strings"

	"github.com/elimity-com/scim/optional"
	"github.com/elimity-com/scim/schema"

	"simscim/scim"
	"simscim/scim/filter"
	"simscim/scim/patch"
)

// Extension is an extension schema that the service provider announces and checks.
type Extension struct {
	Kind       scim.Kind
	URN, Name  string
	Attributes []ExtensionAttribute
}

// ExtensionAttribute is one plain attribute of an extension.
type ExtensionAttribute struct {
	Name, Description string
	// Type is "string", "boolean", "integer" or "dateTime"; empty means "string".
	Type        string
	MultiValued bool
}

// kindSchema is what is known about a resource type.
type kindSchema struct {
	kind       scim.Kind
	core       schema.Schema
	withCommon schema.Schema
	extensions []schema.Schema
	// shapes are the attributes in lower case, under "" for the core schema and under
	// the lower-case URN for each extension.
	shapes map[string]map[string]shape
	// never and required are top-level attributes of the core schema.
	never, required []string
}

// shape is what a value of an attribute has to look like.
type shape struct {
	name, kind string
	multi      bool
	subs       map[string]shape
}

func newKindSchema(kind scim.Kind, extensions []Extension) (*kindSchema, error) {
	k := &kindSchema{kind: kind, shapes: map[string]map[string]shape{}}
	if kind == scim.Group {
		k.core = schema.CoreGroupSchema()
	} else {
		k.core = schema.CoreUserSchema()
		k.extensions = append(k.extensions, schema.ExtensionEnterpriseUser())
	}
	for _, e := range extensions {
		if e.Kind != kind {
			continue
		}
		s, err := e.schema()
		if err != nil {
			return nil, err
		}
		k.extensions = append(k.extensions, s)
	}
	externalID := schema.SimpleCoreAttribute(schema.SimpleStringParams(schema.StringParams{
		Name: "externalId", CaseExact: true,
	}))
	k.withCommon = k.core
	k.withCommon.Attributes = append(append(schema.Attributes(nil), k.core.Attributes...), externalID)
	k.shapes[""] = shapes(k.withCommon.Attributes)
	for _, e := range k.extensions {
		if _, twice := k.shapes[strings.ToLower(e.ID)]; twice {
			return nil, fmt.Errorf("extension %s is defined twice", e.ID)
		}
		k.shapes[strings.ToLower(e.ID)] = shapes(e.Attributes)
	}
	for _, a := range k.core.Attributes {
		if a.Returned() == "never" {
			k.never = append(k.never, a.Name())
		}
		if a.Required() {
			k.required = append(k.required, a.Name())
		}
	}
	return k, nil
}

// schema checks what the library would panic on, and builds its form.
func (e Extension) schema() (schema.Schema, error) {
	s := schema.Schema{ID: e.URN, Name: optional.NewString(e.Name)}
	if !isURN(e.URN) {
		return s, fmt.Errorf("extension %q: the name of a schema is a URN", e.URN)
	}
	for _, a := range e.Attributes {
		if attr, err := filter.ParseAttr(a.Name); err != nil || attr.Sub != "" || attr.URN != "" || strings.HasPrefix(a.Name, "$") {
			return s, fmt.Errorf("extension %s: %q is not an attribute name", e.URN, a.Name)
		}
		d := optional.NewString(a.Description)
		var p schema.SimpleParams
		switch a.Type {
		case "", "string":
			p = schema.SimpleStringParams(schema.StringParams{Name: a.Name, Description: d, MultiValued: a.MultiValued})
		case "boolean":
			p = schema.SimpleBooleanParams(schema.BooleanParams{Name: a.Name, Description: d, MultiValued: a.MultiValued})
		case "integer":
			p = schema.SimpleNumberParams(schema.NumberParams{Name: a.Name, Description: d, MultiValued: a.MultiValued, Type: schema.AttributeTypeInteger()})
		case "dateTime":
			p = schema.SimpleDateTimeParams(schema.DateTimeParams{Name: a.Name, Description: d, MultiValued: a.MultiValued})
		default:
			return s, fmt.Errorf("extension %s: attribute %s: unknown type %q", e.URN, a.Name, a.Type)
		}
		s.Attributes = append(s.Attributes, schema.SimpleCoreAttribute(p))
	}
	return s, nil
}

func shapes(attributes schema.Attributes) map[string]shape {
	out := make(map[string]shape, len(attributes))
	for _, a := range attributes {
		sh := shape{name: a.Name(), kind: a.AttributeType(), multi: a.MultiValued()}
		if a.HasSubAttributes() {
			sh.subs = shapes(a.SubAttributes())
		}
		out[strings.ToLower(a.Name())] = sh
	}
	return out
}

// known returns the URN of the extension as its schema writes it.
func (k *kindSchema) known(urn string) (string, bool) {
	for _, e := range k.extensions {
		if strings.EqualFold(e.ID, urn) {
			return e.ID, true
		}
	}
	return "", false
}

// free takes the extensions that no schema is known for out of a body.
func (k *kindSchema) free(body map[string]any) map[string]any {
	var out map[string]any
	for name, v := range body {
		if !isURN(name) {
			continue
		}
		if _, ok := k.known(name); ok {
			continue
		}
		delete(body, name)
		if object, ok := v.(map[string]any); ok && len(object) > 0 {
			if out == nil {
				out = map[string]any{}
			}
			out[name] = patch.Numbers(object)
		}
	}
	return out
}

// validate checks a resource that PATCH has made and returns its sanitised form. free
// tells whether extensions without a schema stay.
func (k *kindSchema) validate(resource map[string]any, free bool) (map[string]any, error) {
	out, scimErr := k.withCommon.Validate(resource)
	if scimErr != nil {
		return nil, k.refusal(resource, scimErr.Status, string(scimErr.ScimType), scimErr.Detail)
	}
	for name, v := range resource {
		if !isURN(name) {
			continue
		}
		urn, ok := k.known(name)
		if !ok {
			if free {
				out[name] = v
			}
			continue
		}
		for _, e := range k.extensions {
			if e.ID != urn {
				continue
			}
			inner, scimErr := e.Validate(v)
			if scimErr != nil {
				return nil, k.refusal(resource, scimErr.Status, string(scimErr.ScimType), scimErr.Detail)
			}
			out[urn] = inner
		}
	}
	return out, nil
}

// refusal is the library's verdict on a resource with the name of the attribute that it
// is about, which the library does not say.
func (k *kindSchema) refusal(resource map[string]any, status int, scimType, detail string) error {
	if name := k.culprit(resource); name != "" {
		detail = strings.TrimSuffix(detail, ".") + ": " + name
	}
	return &scim.Error{Status: status, ScimType: scimType, Detail: detail}
}

// culprit validates attribute by attribute until one is refused.
func (k *kindSchema) culprit(resource map[string]any) string {
	find := func(attributes schema.Attributes, in any) string {
		for _, a := range attributes {
			if _, err := (schema.Schema{Attributes: schema.Attributes{a}}).Validate(in); err != nil {
				return a.Name()
			}
		}
		return ""
	}
	if name := find(k.withCommon.Attributes, resource); name != "" {
		return name
	}
	for _, e := range k.extensions {
		inner, ok := resource[e.ID]
		if !ok {
			continue
		}
		if name := find(e.Attributes, inner); name != "" {
			return e.ID + ":" + name
		}
	}
	return ""
}

// complete makes sure that what must have a value has one that is not empty.
func (k *kindSchema) complete(attributes map[string]any) error {
	for _, name := range k.required {
		if scim.IsUnassigned(attributes[name]) {
			return badValue("the attribute " + name + " is required")
		}
	}
	return nil
}

// hidden refuses filters and sorting on what is never returned: their answers would
// tell it bit by bit.
func (k *kindSchema) hidden(e filter.Expr, sortBy filter.Attr) error {
	for _, name := range k.never {
		if e != nil && filter.Mentions(e, name) || sortBy.URN == "" && strings.EqualFold(sortBy.Name, name) {
			return &scim.Error{Status: http.StatusForbidden, ScimType: scim.TypeSensitive, Detail: "the attribute cannot be asked for"}
		}
	}
	return nil
}

// clean copies the attributes without what means "no value" (RFC 7643 §2.5), at the top
// and inside extensions. The empty string stays: it is what the client sent.
func clean(attributes map[string]any) map[string]any {
	out := make(map[string]any, len(attributes))
	for name, v := range attributes {
		if inner, ok := v.(map[string]any); ok && isURN(name) {
			v = clean(inner)
		}
		if !scim.IsUnassigned(v) || v == "" {
			out[name] = v
		}
	}
	return out
}
