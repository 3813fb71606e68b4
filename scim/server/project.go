package server

import (
	"maps"
	"slices"
	"strings"

	"simscim/scim"
	"simscim/scim/filter"
)

// projection is what a client wants to see of a resource (RFC 7644 §3.9). If it names
// attributes, excluded ones do not matter.
type projection struct{ include, exclude []filter.Attr }

func parseProjection(p params) (projection, error) {
	var out projection
	var err error
	if out.include, err = attributeList(p["attributes"]); err != nil {
		return out, err
	}
	out.exclude, err = attributeList(p["excludedattributes"])
	return out, err
}

func attributeList(text string) ([]filter.Attr, error) {
	var out []filter.Attr
	for name := range strings.SplitSeq(text, ",") {
		if name = strings.TrimSpace(name); name == "" {
			continue
		}
		a, err := filter.ParseAttr(name)
		if err != nil {
			return nil, badValue("attributes and excludedAttributes hold attribute paths")
		}
		out = append(out, a)
	}
	return out, nil
}

// wants tells whether any of the core attribute is to be shown.
func (p projection) wants(name string) bool {
	is := func(a filter.Attr) bool { return a.URN == "" && strings.EqualFold(a.Name, name) }
	if len(p.include) > 0 {
		return slices.ContainsFunc(p.include, is)
	}
	return !slices.ContainsFunc(p.exclude, func(a filter.Attr) bool { return is(a) && a.Sub == "" })
}

// apply cuts the document down. id and schemas are always shown. The document's own
// containers are copied before they are changed.
func (p projection) apply(doc map[string]any) map[string]any {
	if len(p.include) > 0 {
		out := map[string]any{"id": doc["id"], "schemas": doc["schemas"]}
		for _, a := range p.include {
			pick(out, doc, a)
		}
		return out
	}
	for _, a := range p.exclude {
		drop(doc, a)
	}
	return doc
}

// place finds the object that holds the attribute and the attribute's name there. The
// name of a whole extension reads like an attribute of a shorter URN.
func place(doc map[string]any, a filter.Attr) (urn, name string) {
	if a.URN == "" {
		return "", memberName(doc, a.Name)
	}
	if whole := memberName(doc, a.URN+":"+a.Name); whole != "" {
		return "", whole
	}
	urn = memberName(doc, a.URN)
	inner, _ := doc[urn].(map[string]any)
	return urn, memberName(inner, a.Name)
}

func memberName(object map[string]any, name string) string {
	if _, ok := object[name]; ok {
		return name
	}
	for k := range object {
		if strings.EqualFold(k, name) {
			return k
		}
	}
	return ""
}

func pick(out, doc map[string]any, a filter.Attr) {
	urn, name := place(doc, a)
	if name == "" {
		return
	}
	if urn != "" {
		inner, _ := out[urn].(map[string]any)
		if inner == nil {
			inner = map[string]any{}
			out[urn] = inner
		}
		doc, _ = doc[urn].(map[string]any)
		out = inner
	}
	if a.Sub == "" {
		out[name] = doc[name]
		return
	}
	switch v := doc[name].(type) {
	case map[string]any:
		have, _ := out[name].(map[string]any)
		out[name] = pickSub(have, v, a.Sub)
	case []any:
		have, _ := out[name].([]any)
		list := make([]any, len(v))
		for i, item := range v {
			m, _ := item.(map[string]any)
			var old map[string]any
			if i < len(have) {
				old, _ = have[i].(map[string]any)
			}
			list[i] = pickSub(old, m, a.Sub)
		}
		out[name] = list
	}
}

func pickSub(dst, src map[string]any, sub string) map[string]any {
	dst = maps.Clone(dst)
	if dst == nil {
		dst = map[string]any{}
	}
	if name := memberName(src, sub); name != "" {
		dst[name] = src[name]
	}
	return dst
}

func drop(doc map[string]any, a filter.Attr) {
	urn, name := place(doc, a)
	if name == "" || urn == "" && (name == "id" || name == "schemas") {
		return
	}
	if urn != "" {
		inner, _ := doc[urn].(map[string]any)
		inner = maps.Clone(inner)
		doc[urn] = inner
		doc = inner
	}
	if a.Sub == "" {
		delete(doc, name)
		return
	}
	switch v := doc[name].(type) {
	case map[string]any:
		doc[name] = without(v, a.Sub)
	case []any:
		list := make([]any, len(v))
		for i, item := range v {
			if list[i] = item; item != nil {
				if m, ok := item.(map[string]any); ok {
					list[i] = without(m, a.Sub)
				}
			}
		}
		doc[name] = list
	}
}

func without(m map[string]any, sub string) map[string]any {
	m = maps.Clone(m)
	delete(m, memberName(m, sub))
	return m
}

// show makes the document that stands for a resource in an answer.
func (s *server) show(x *exchange, kind scim.Kind, r Resource, p projection) map[string]any {
	doc := maps.Clone(r.Attributes)
	if doc == nil {
		doc = map[string]any{}
	}
	ks := s.kinds[kind]
	for _, name := range ks.never {
		delete(doc, name)
	}
	schemas := []string{ks.core.ID}
	for _, e := range ks.extensions {
		if _, ok := doc[e.ID]; ok {
			schemas = append(schemas, e.ID)
		}
	}
	schemas = append(schemas, freeURNs(ks, doc)...)
	meta := map[string]any{"resourceType": string(kind), "location": x.location(kind, r.ID)}
	if !r.Created.IsZero() {
		meta["created"], meta["lastModified"] = stamp(r.Created), stamp(r.Modified)
	}
	if r.Version > 0 && !s.options.NoETag {
		meta["version"] = etag(r.Version)
	}
	doc["id"], doc["schemas"], doc["meta"] = r.ID, schemas, meta
	s.relate(x, kind, r, p, doc)
	return p.apply(doc)
}
