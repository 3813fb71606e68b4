package config

import (
	"reflect"
	"slices"
	"strconv"
	"strings"

	"simscim/internal/secret"
)

// decoder fills the types of this package from nodes. It goes on after a problem, so
// that all of them are found, and notes the place of every key that was given.
type decoder struct {
	src      source
	problems *Problems
	where    map[string]Pos
	// override is set inside an override, where null drops an attribute.
	override bool
	// through counts how many aliases stand above the current node, shared how many
	// nodes were read below aliases.
	through, shared int
}

func (d *decoder) report(at Pos, path, what string) {
	*d.problems = append(*d.problems, Problem{At: at, Path: path, What: what})
}

// child is the path of a key below path.
func child(path, key string) string {
	switch {
	case !isName(key):
		return path + "[" + quote(key) + "]"
	case path == "":
		return key
	default:
		return path + "." + key
	}
}

func item(path string, i int) string { return path + "[" + strconv.Itoa(i) + "]" }

// value decodes n into v. at is the place of the key, or of the item of a list.
func (d *decoder) value(v reflect.Value, n *node, path string, at Pos, f field) {
	d.where[path] = at
	if n.shared {
		d.through++
		defer func() { d.through-- }()
	}
	if d.through > 0 {
		if d.shared++; d.shared >= mostShared {
			if d.shared == mostShared {
				d.report(n.at, path, "aliases repeat too much; write the parts out")
			}
			return
		}
	}
	if n.kind == nothing {
		d.report(at, path, "nothing stands here; give a value or leave the key out")
		return
	}
	switch p := v.Addr().Interface().(type) {
	case *Expr:
		d.expr(p, n, path)
	case *Text:
		if s, ok := d.text(n, path, f); ok {
			*p = Text{Value: s, At: n.at}
		}
	case *secret.Ref:
		d.secret(p, n, path)
	case *Duration:
		d.duration(p, n, path, f)
	case *SiteMatch:
		d.siteMatch(p, n, path, at)
	case *AttributeRules:
		d.attributes(p, n, path)
	default:
		d.byKind(v, n, path, at, f)
	}
}

func (d *decoder) byKind(v reflect.Value, n *node, path string, at Pos, f field) {
	switch v.Kind() {
	case reflect.Pointer:
		made := reflect.New(v.Type().Elem())
		if made.Elem().Kind() == reflect.Struct {
			if !f.noDefaults {
				setDefaults(made.Elem())
			}
			setPlace(made.Elem(), at)
		}
		v.Set(made)
		was := d.override
		d.override = was || f.noDefaults
		if made.Elem().Kind() == reflect.Struct {
			d.structure(made.Elem(), n, path, at)
		} else {
			d.byKind(made.Elem(), n, path, at, f)
		}
		d.override = was
	case reflect.Struct:
		d.structure(v, n, path, at)
	case reflect.Map:
		d.mapOf(v, n, path, f)
	case reflect.Slice:
		d.slice(v, n, path, f)
	case reflect.String:
		if s, ok := d.text(n, path, f); ok {
			v.SetString(s)
		}
	case reflect.Bool:
		if n.kind != boolean {
			d.wrong(n, path, "true or false")
			return
		}
		v.SetBool(strings.EqualFold(n.text, "true"))
	case reflect.Int:
		d.whole(v, n, path, f)
	case reflect.Float64:
		d.float(v, n, path, f)
	default:
		panic("config: a field of type " + v.Type().String() + " cannot be read")
	}
}

// setPlace notes in a struct with an At field where it stands.
func setPlace(v reflect.Value, at Pos) {
	if f := v.FieldByName("At"); f.IsValid() && f.Type() == reflect.TypeFor[Pos]() {
		f.Set(reflect.ValueOf(at))
	}
}

// wrong reports a value of the wrong kind. The value itself is not repeated.
func (d *decoder) wrong(n *node, path, want string) {
	d.report(n.at, path, "must be "+want+", not "+n.kind.String())
}

func (d *decoder) structure(v reflect.Value, n *node, path string, at Pos) {
	if n.kind != mapping {
		d.wrong(n, path, "a map")
		return
	}
	fields := fieldsOf(v.Type())
	given := make(map[string]bool, len(n.entries))
	needed := false
	for _, e := range n.entries {
		given[e.key] = true
		f, ok := find(fields, e.key)
		if !ok {
			d.report(e.at, child(path, e.key), "this key is not known"+didYouMean(e.key, keysOf(fields)))
			continue
		}
		d.value(v.Field(f.index), e.value, child(path, e.key), e.at, f)
	}
	for _, f := range fields {
		needed = needed || f.required
		if f.required && !given[f.key] {
			d.report(at, child(path, f.key), "this key is missing")
		}
	}
	if len(n.entries) == 0 && !needed {
		d.report(at, path, "this is empty; name a key or leave it out")
	}
}

func find(fields []field, key string) (field, bool) {
	for _, f := range fields {
		if f.key == key {
			return f, true
		}
	}
	return field{}, false
}

func keysOf(fields []field) []string {
	keys := make([]string, len(fields))
	for i, f := range fields {
		keys[i] = f.key
	}
	return keys
}

func (d *decoder) mapOf(v reflect.Value, n *node, path string, f field) {
	if n.kind != mapping {
		d.wrong(n, path, "a map")
		return
	}
	if f.required && len(n.entries) == 0 {
		d.report(n.at, path, "this must not be empty")
	}
	if v.IsNil() {
		v.Set(reflect.MakeMapWithSize(v.Type(), len(n.entries)))
	}
	for _, e := range n.entries {
		at := child(path, e.key)
		if what := checkKey(e.key, f); what != "" {
			d.report(e.at, at, what)
			continue
		}
		made := reflect.New(v.Type().Elem()).Elem()
		inner := field{}
		if made.Kind() == reflect.String {
			inner.format = looseFormat
		}
		d.value(made, e.value, at, e.at, inner)
		if made.Kind() == reflect.Pointer {
			if made.IsNil() {
				continue
			}
			if name := made.Elem().FieldByName("Name"); name.IsValid() {
				name.SetString(e.key)
			}
		}
		v.SetMapIndex(reflect.ValueOf(e.key), made)
	}
}

// checkKey tells what is wrong with the key of a map, if anything.
func checkKey(key string, f field) string {
	switch {
	case f.keys != nil && !slices.Contains(f.keys, key):
		return "this key is not known" + didYouMean(key, f.keys)
	case f.names == "name" && !isName(key):
		return "a name has letters, digits, - and _, begins with a letter or digit, and is at most 64 long"
	case f.names == "identifier" && !isIdentifier(key):
		return "the name of a variable has letters, digits and _, and begins with a letter, since rules see it as site.vars.NAME"
	}
	return ""
}

func (d *decoder) slice(v reflect.Value, n *node, path string, f field) {
	if n.kind != list {
		d.wrong(n, path, "a list, such as [a, b]")
		return
	}
	if len(n.items) == 0 && !f.empty {
		d.report(n.at, path, "the list must not be empty")
	}
	items := reflect.MakeSlice(v.Type(), 0, len(n.items))
	for i, it := range n.items {
		made := reflect.New(v.Type().Elem()).Elem()
		d.value(made, it, item(path, i), it.at, field{enum: f.enum, format: f.format})
		items = reflect.Append(items, filled(made))
	}
	v.Set(items)
}

// filled is v, or a new value where v is a nil pointer: an item that could not be read
// keeps its index, because places are noted by index.
func filled(v reflect.Value) reflect.Value {
	if v.Kind() == reflect.Pointer && v.IsNil() {
		return reflect.New(v.Type().Elem())
	}
	return v
}

// text reads a text and checks what the tags say of it.
func (d *decoder) text(n *node, path string, f field) (string, bool) {
	loose := f.format == looseFormat || f.format == "dfe"
	switch {
	case n.kind == number && !loose, n.kind == boolean && f.format != looseFormat:
		d.report(n.at, path, "must be a text, not "+n.kind.String()+"; put it in quotes")
		return "", false
	case !n.scalar():
		d.wrong(n, path, "a text")
		return "", false
	case f.format == looseFormat:
		return n.text, true
	case strings.TrimSpace(n.text) == "":
		d.report(n.at, path, "the text is empty; give one or leave the key out")
		return "", false
	case f.enum != nil && !slices.Contains(f.enum, n.text):
		d.report(n.at, path, quote(n.text)+" is not allowed; allowed: "+strings.Join(f.enum, ", ")+nearestOnly(n.text, f.enum))
		return "", false
	}
	if what := checkFormat(f.format, n.text); what != "" {
		d.report(n.at, path, what)
		return "", false
	}
	return n.text, true
}
