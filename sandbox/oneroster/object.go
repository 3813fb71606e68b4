package oneroster

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"

	"github.com/google/uuid"
)

// object is one record as a list of fields, before it becomes JSON, a row of a file,
// or a value to filter by. A value is a string, flag, ref, []ref, []string, object,
// []object, or number. Deviations change how values are written, not what they are.
type object []field

type field struct {
	name  string
	value any
}

// flag is OneRoster's idea of a boolean: the strings "true" and "false".
type flag bool

// number is written without quotes.
type number int

// ref points at another record.
type ref struct {
	id   uuid.UUID
	kind kind
}

func (o *object) set(name string, value any) { *o = append(*o, field{name, value}) }

// opt leaves an empty string out.
func (o *object) opt(name, s string) {
	if s != "" {
		o.set(name, s)
	}
}

// refs leaves an empty list out.
func (o *object) refs(name string, kind kind, ids ...uuid.UUID) {
	if len(ids) == 0 {
		return
	}
	list := make([]ref, len(ids))
	for i, id := range ids {
		list[i] = ref{id, kind}
	}
	o.set(name, list)
}

func (o object) get(name string) any {
	for _, f := range o {
		if f.name == name {
			return f.value
		}
	}
	return nil
}

func (o object) put(name string, value any) {
	for i := range o {
		if o[i].name == name {
			o[i].value = value
		}
	}
}

func (o object) without(name string) object {
	return slices.DeleteFunc(slices.Clone(o), func(f field) bool { return f.name == name })
}

// only keeps the named fields, in the record's own order.
func (o object) only(names []string) object {
	if len(names) == 0 {
		return o
	}
	return slices.DeleteFunc(slices.Clone(o), func(f field) bool { return !slices.Contains(names, f.name) })
}

// texts are the values that a dotted path leads to, as text: one for a plain field,
// one an element for a list.
func (o object) texts(path []string) []string {
	return texts(o.get(path[0]), path[1:])
}

func texts(value any, rest []string) []string {
	switch v := value.(type) {
	case string:
		return []string{v}
	case flag:
		return []string{strconv.FormatBool(bool(v))}
	case number:
		return []string{strconv.Itoa(int(v))}
	case []string:
		return v
	case ref:
		if len(rest) == 1 && rest[0] == "type" {
			return []string{v.kind.String()}
		}
		return []string{v.id.String()}
	case []ref:
		var out []string
		for _, r := range v {
			out = append(out, texts(r, rest)...)
		}
		return out
	case object:
		if len(rest) == 0 {
			return nil
		}
		return v.texts(rest)
	case []object:
		var out []string
		for _, o := range v {
			out = append(out, texts(o, rest)...)
		}
		return out
	}
	return nil
}

// jsonWriter writes objects as the switches want them.
type jsonWriter struct {
	b    []byte
	on   switches
	base string // of the collections, for hrefs
	// alias replaces a school's id, where the answer is to be another organisation's.
	from, to uuid.UUID
}

func (w *jsonWriter) object(o object) {
	w.b = append(w.b, '{')
	for i, f := range o {
		if i > 0 {
			w.b = append(w.b, ',')
		}
		w.b = append(append(append(w.b, '"'), f.name...), '"', ':')
		w.value(f.value)
	}
	w.b = append(w.b, '}')
}

func (w *jsonWriter) value(value any) {
	switch v := value.(type) {
	case nil:
		w.b = append(w.b, "null"...)
	case string:
		if w.from != uuid.Nil && v == w.from.String() {
			v = w.to.String()
		}
		w.text(v)
	case flag:
		if w.on.has(Booleans) {
			w.b = strconv.AppendBool(w.b, bool(v))
			return
		}
		w.text(strconv.FormatBool(bool(v)))
	case number:
		w.b = strconv.AppendInt(w.b, int64(v), 10)
	case object:
		w.object(v)
	case ref:
		w.ref(v)
	case []ref:
		list(w, v, w.ref)
	case []string:
		list(w, v, w.text)
	case []object:
		list(w, v, w.object)
	default:
		panic("oneroster: a value of no known type") // a mistake in records.go
	}
}

func list[T any](w *jsonWriter, items []T, one func(T)) {
	if len(items) == 0 && w.on.has(NullLists) {
		w.b = append(w.b, "null"...)
		return
	}
	w.b = append(w.b, '[')
	for i, item := range items {
		if i > 0 {
			w.b = append(w.b, ',')
		}
		one(item)
	}
	w.b = append(w.b, ']')
}

func (w *jsonWriter) text(s string) {
	b, err := json.Marshal(s)
	if err != nil {
		panic("oneroster: a string that does not encode")
	}
	w.b = append(w.b, b...)
}

func (w *jsonWriter) ref(r ref) {
	if r.id == uuid.Nil { // a parent that is there but empty
		w.b = append(w.b, "{}"...)
		return
	}
	id := r.id
	if r.kind == orgKind && id == w.from && w.from != uuid.Nil {
		id = w.to
	}
	if w.on.has(RefsAsIDs) {
		w.text(id.String())
		return
	}
	href := w.base
	switch {
	case w.on.has(RelativeHrefs):
		href = ""
	case w.on.has(TildeHrefs):
		_, path, _ := strings.Cut(w.base, "/ims/")
		href = "~/ims/" + path
	case w.on.has(WrongHrefs):
		href = "https://moved-years-ago.invalid/ims/oneroster/v1p1"
	}
	w.object(object{{"href", href + "/" + r.kind.collection() + "/" + id.String()}, {"sourcedId", id.String()}, {"type", r.kind.String()}})
}
