package config

import (
	"reflect"
	"strconv"
	"strings"
	"time"
)

// field is what the tags of a struct field say; see the types for their use.
type field struct {
	index    int
	key      string
	required bool
	// def is the value of a key that is not given; defs are those of the fields of a
	// nested struct, as "name=value name=value".
	def, defs string
	enum      []string
	min, max  string
	// keys are the only allowed keys of a map, names the form that they must have.
	keys  []string
	names string
	// format is the form of a text: url, guid, dfe, zone, address, network, route, date, age
	// or dsn.
	format string
	// empty allows a list without items.
	empty bool
	// noDefaults leaves what is not given empty, because it stands for "as before".
	noDefaults bool
}

// fieldsOf lists the keys that a struct takes.
func fieldsOf(t reflect.Type) []field {
	var fields []field
	for i := range t.NumField() {
		tag := t.Field(i).Tag
		key := tag.Get("yaml")
		if key == "" || key == "-" {
			continue
		}
		fields = append(fields, field{
			index:      i,
			key:        key,
			required:   tag.Get("required") == "true",
			def:        tag.Get("default"),
			defs:       tag.Get("defaults"),
			enum:       split(tag.Get("enum")),
			min:        tag.Get("min"),
			max:        tag.Get("max"),
			keys:       split(tag.Get("keys")),
			names:      tag.Get("names"),
			format:     tag.Get("format"),
			empty:      tag.Get("empty") == "true",
			noDefaults: tag.Get("nodefaults") == "true",
		})
	}
	return fields
}

func split(s string) []string {
	if s == "" {
		return nil
	}
	return strings.Split(s, "|")
}

// setDefaults fills a new struct, and the structs inside it, with what its tags say.
// Lists, maps and pointers stay empty: their items get defaults when they are made.
func setDefaults(v reflect.Value) {
	for _, f := range fieldsOf(v.Type()) {
		fv := v.Field(f.index)
		if fv.Kind() == reflect.Struct && len(fieldsOf(fv.Type())) > 0 {
			setDefaults(fv)
		}
		if f.def != "" {
			setDefault(fv, f.def)
		}
		if f.defs == "" {
			continue
		}
		for pair := range strings.FieldsSeq(f.defs) {
			key, value, _ := strings.Cut(pair, "=")
			for _, inner := range fieldsOf(fv.Type()) {
				if inner.key == key {
					setDefault(fv.Field(inner.index), value)
				}
			}
		}
	}
}

// setDefault sets one value from a tag. A tag that does not fit is a mistake in this
// package and panics; a test goes through all of them.
func setDefault(v reflect.Value, def string) {
	must := func(err error) {
		if err != nil {
			panic("config: default " + strconv.Quote(def) + ": " + err.Error())
		}
	}
	switch p := v.Addr().Interface().(type) {
	case *string:
		*p = def
	case *Text:
		p.Value = def
	case *Expr:
		p.Text = def
	case *[]Text:
		for _, s := range split(def) {
			*p = append(*p, Text{Value: s})
		}
	case *int:
		n, err := strconv.Atoi(def)
		must(err)
		*p = n
	case *float64:
		n, err := strconv.ParseFloat(def, 64)
		must(err)
		*p = n
	case *Duration:
		d, err := time.ParseDuration(def)
		must(err)
		p.Duration = d
	default:
		panic("config: a default for " + v.Type().String() + " is not known")
	}
}
