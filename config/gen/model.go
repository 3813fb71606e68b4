package main

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"reflect"
	"strconv"
	"strings"
)

// model is what the types say, by type name.
type model map[string]*typeDoc

type typeDoc struct {
	name, doc string
	fields    []*fieldDoc
}

// fieldDoc is one key.
type fieldDoc struct {
	key, doc string
	// goType is the type as it stands in the source, such as []*Site.
	goType string
	tag    reflect.StructTag
	// def is the default, of the field itself or set by the struct around it.
	def string
}

// readModel parses the source of the types.
func readModel(path string) (model, error) {
	file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ParseComments)
	if err != nil {
		return nil, fmt.Errorf("read the types: %w", err)
	}
	m := model{}
	for _, decl := range file.Decls {
		d, ok := decl.(*ast.GenDecl)
		if !ok || d.Tok != token.TYPE {
			continue
		}
		for _, spec := range d.Specs {
			s, ok := spec.(*ast.TypeSpec)
			if !ok {
				continue
			}
			doc := &typeDoc{name: s.Name.Name, doc: flat(d.Doc.Text())}
			if st, ok := s.Type.(*ast.StructType); ok {
				if doc.fields, err = readFields(st); err != nil {
					return nil, err
				}
			}
			m[doc.name] = doc
		}
	}
	m.pushDefaults()
	return m, nil
}

func readFields(st *ast.StructType) ([]*fieldDoc, error) {
	var fields []*fieldDoc
	for _, f := range st.Fields.List {
		if f.Tag == nil {
			continue
		}
		tag, err := strconv.Unquote(f.Tag.Value)
		if err != nil {
			return nil, fmt.Errorf("read the tag %s: %w", f.Tag.Value, err)
		}
		t := reflect.StructTag(tag)
		if key := t.Get("yaml"); key != "-" && key != "" {
			fields = append(fields, &fieldDoc{
				key: key, doc: sentence(f.Names[0].Name, flat(f.Doc.Text())), goType: types.ExprString(f.Type), tag: t, def: t.Get("default"),
			})
		}
	}
	return fields, nil
}

// pushDefaults notes the defaults that depend on where a struct stands. Only limits
// have such; they are told where the limits themselves are.
func (m model) pushDefaults() {
	for _, t := range m {
		for _, f := range t.fields {
			if d := f.tag.Get("defaults"); d != "" {
				f.def = "{" + strings.NewReplacer("=", ": ", " ", ", ").Replace(d) + "}"
			}
		}
	}
}

// flat puts the lines of a comment into one.
func flat(s string) string { return strings.Join(strings.Fields(s), " ") }

// sentence drops the Go name from the beginning of a comment where a verb follows, as
// in "Vendor finds the schools" or "STS is the base URL": the key stands beside it.
func sentence(name, doc string) string {
	rest, ok := strings.CutPrefix(doc, name+" ")
	if !ok {
		return doc
	}
	verb, object, _ := strings.Cut(rest, " ")
	switch {
	case verb == "is" || verb == "are":
		return strings.ToUpper(object[:1]) + object[1:]
	case strings.HasSuffix(verb, "s"):
		return strings.ToUpper(rest[:1]) + rest[1:]
	default:
		return doc
	}
}

// elem strips pointers, lists and maps from a type.
func elem(goType string) string {
	for _, prefix := range []string{"*", "[]", "map[string]"} {
		if rest, ok := strings.CutPrefix(goType, prefix); ok {
			return elem(rest)
		}
	}
	return goType
}
