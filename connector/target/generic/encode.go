package generic

import (
	"bytes"
	"cmp"
	"encoding/json"
	"slices"
	"strconv"
	"unicode/utf8"

	"simscim/scim"
)

// encoder writes the bodies of creates. A first sync is little else than creates, so
// it writes the attribute list as it comes instead of building maps and having them
// sorted again: attributes of one container stand together in a sorted list. Where they
// do not it falls back on scim.Attributes.Resource. It is used by one goroutine.
type encoder struct {
	parts   map[scim.Path]scim.Parts
	scratch []byte
}

func newEncoder() *encoder { return &encoder{parts: map[scim.Path]scim.Parts{}} }

// resource returns the body that creates the resource, with the members in it.
func (e *encoder) resource(kind scim.Kind, attrs scim.Attributes, ids []string) ([]byte, error) {
	b, ok, err := e.fast(kind, attrs, ids)
	if err != nil {
		return nil, err
	}
	if ok {
		// The transport may still read a body after the answer has come, so the scratch
		// cannot be handed out.
		return bytes.Clone(b), nil
	}
	res := attrs.Resource(kind)
	if len(ids) > 0 {
		list := make([]any, len(ids))
		for i, id := range ids {
			list[i] = map[string]any{"value": id}
		}
		res["members"] = list
	}
	return json.Marshal(res)
}

func (e *encoder) split(path scim.Path) scim.Parts {
	p, ok := e.parts[path]
	if !ok {
		p = path.Parts()
		e.parts[path] = p
	}
	return p
}

// fast writes the body in one pass; ok is false where the list's order does not allow it.
func (e *encoder) fast(kind scim.Kind, attrs scim.Attributes, ids []string) (b []byte, ok bool, err error) {
	b = append(e.scratch[:0], `{"schemas":["`...)
	b = append(append(b, kind.CoreURN()...), '"')
	var urns []string
	for _, a := range attrs {
		if urn := e.split(a.Path).URN; urn != "" && !scim.IsUnassigned(a.Value) && !slices.Contains(urns, urn) {
			urns = append(urns, urn)
			b = appendString(append(b, ','), urn)
		}
	}
	w := writer{b: append(b, ']'), core: []string{"schemas"}}
	for _, a := range attrs {
		if scim.IsUnassigned(a.Value) {
			continue
		}
		if ok, err = w.attribute(e.split(a.Path), a.Value); !ok || err != nil {
			return nil, ok, err
		}
	}
	b = w.finish()
	if len(ids) > 0 {
		if slices.Contains(w.core, "members") {
			return nil, false, nil
		}
		b = append(b, `,"members":[`...)
		for i, id := range ids {
			if i > 0 {
				b = append(b, ',')
			}
			b = append(appendString(append(b, `{"value":`...), id), '}')
		}
		b = append(b, ']')
	}
	e.scratch = append(b, '}')
	return e.scratch, true, nil
}

// writer remembers which containers are open.
type writer struct {
	b []byte
	// last is the attribute written before this one; open says that it is not closed.
	last scim.Parts
	open bool
	// urn is the extension that is open, if any, and empty says that it has no name yet.
	urn   string
	empty bool
	// urns, core, names and selectors were opened before: names in the open extension,
	// selectors in the open attribute.
	urns, core, names, selectors []string
}

// attribute writes one attribute. ok is false when its container was closed already.
func (w *writer) attribute(p scim.Parts, value any) (ok bool, err error) {
	if p.SelAttr != "" {
		p.Sub = cmp.Or(p.Sub, "value")
	}
	if p.URN != w.urn && !w.enter(p.URN) {
		return false, nil
	}
	switch {
	case !w.open || p.Attr != w.last.Attr:
		ok = w.first(p)
	case (p.SelAttr == "") == (w.last.SelAttr == "") && p.Sub != "" && w.last.Sub != "":
		ok = w.again(p)
	}
	if !ok {
		return false, nil
	}
	if p.Sub != "" {
		w.b = append(appendString(w.b, p.Sub), ':')
	}
	w.last, w.open = p, true
	w.b, err = appendValue(w.b, value)
	return true, err
}

// enter begins an extension, or goes back to the core: "urn:" sorts before "userName".
func (w *writer) enter(urn string) bool {
	w.closeAttr()
	if w.urn != "" {
		w.b = append(w.b, '}')
	}
	w.urn = urn
	if urn == "" {
		return true
	}
	if slices.Contains(w.urns, urn) {
		return false
	}
	w.urns, w.names, w.empty = append(w.urns, urn), w.names[:0], true
	w.b = append(appendString(append(w.b, ','), urn), ':', '{')
	return true
}

// first begins an attribute that has not been written yet.
func (w *writer) first(p scim.Parts) bool {
	w.closeAttr()
	names := &w.core
	if w.urn != "" {
		names = &w.names
	}
	if slices.Contains(*names, p.Attr) || p.SelAttr != "" && p.Sub == p.SelAttr {
		return false
	}
	*names, w.selectors = append(*names, p.Attr), w.selectors[:0]
	if w.urn == "" || !w.empty {
		w.b = append(w.b, ',')
	}
	w.empty = false
	w.b = append(appendString(w.b, p.Attr), ':')
	switch {
	case p.SelAttr != "":
		w.b = append(w.b, '[')
		w.element(p)
	case p.Sub != "":
		w.b = append(w.b, '{')
	}
	return true
}

// again goes on in the attribute that is open.
func (w *writer) again(p scim.Parts) bool {
	switch {
	case p.SelAttr == "":
		w.b = append(w.b, ',')
		return p.Sub != w.last.Sub
	case p.SelAttr == w.last.SelAttr && p.SelValue == w.last.SelValue:
		w.b = append(w.b, ',')
		return p.Sub != w.last.Sub && p.Sub != p.SelAttr
	case p.Sub == p.SelAttr || slices.Contains(w.selectors, p.SelAttr+"="+p.SelValue):
		return false
	default:
		w.b = append(w.b, '}', ',')
		w.element(p)
		return true
	}
}

func (w *writer) element(p scim.Parts) {
	w.selectors = append(w.selectors, p.SelAttr+"="+p.SelValue)
	w.b = append(appendString(append(w.b, '{'), p.SelAttr), ':')
	w.b = append(appendString(w.b, p.SelValue), ',')
}

func (w *writer) closeAttr() {
	if !w.open {
		return
	}
	switch {
	case w.last.SelAttr != "":
		w.b = append(w.b, '}', ']')
	case w.last.Sub != "":
		w.b = append(w.b, '}')
	}
	w.open = false
}

func (w *writer) finish() []byte {
	w.closeAttr()
	if w.urn != "" {
		w.b = append(w.b, '}')
	}
	return w.b
}

func appendValue(b []byte, v any) ([]byte, error) {
	switch v := v.(type) {
	case string:
		return appendString(b, v), nil
	case bool:
		return strconv.AppendBool(b, v), nil
	case int64:
		return strconv.AppendInt(b, v, 10), nil
	default:
		more, err := json.Marshal(v)
		return append(b, more...), err
	}
}

const hex = "0123456789abcdef"

// appendString writes a JSON string (RFC 8259 §7). Bytes that are not UTF-8 become the
// replacement character.
func appendString(b []byte, s string) []byte {
	if !utf8.ValidString(s) {
		s = string([]rune(s))
	}
	b = append(b, '"')
	for i := range len(s) {
		switch c := s[i]; {
		case c == '"' || c == '\\':
			b = append(b, '\\', c)
		case c < 0x20:
			b = append(b, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
		default:
			b = append(b, c)
		}
	}
	return append(b, '"')
}
