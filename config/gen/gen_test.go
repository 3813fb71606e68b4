package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/google/go-cmp/cmp"
	"github.com/santhosh-tekuri/jsonschema/v6"
)

const top = "../.."

// The committed documents are what the types say.
func TestDocumentsAreFresh(t *testing.T) {
	t.Parallel()
	files, err := generate(top)
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range files {
		got, err := os.ReadFile(filepath.Join(top, name))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(want), string(got)); diff != "" {
			t.Errorf("%s is stale, run make gen:\n%s", name, diff)
		}
	}
}

func compile(t *testing.T) *jsonschema.Schema {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(top, "docs", "simscim.schema.json"))
	if err != nil {
		t.Fatal(err)
	}
	doc, err := jsonschema.UnmarshalJSON(strings.NewReader(string(data)))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	c.DefaultDraft(jsonschema.Draft2020)
	if err := c.AddResource("simscim.schema.json", doc); err != nil {
		t.Fatal(err)
	}
	// Compiling also validates the schema against that of its draft.
	s, err := c.Compile("simscim.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// asJSON reads YAML as an editor hands it to a schema.
func asJSON(t *testing.T, path string) any {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	text, err := yaml.YAMLToJSON([]byte(strings.TrimPrefix(string(data), "\ufeff")))
	if err != nil {
		t.Fatal(err)
	}
	doc, err := jsonschema.UnmarshalJSON(strings.NewReader(string(text)))
	if err != nil {
		t.Fatal(err)
	}
	return doc
}

func TestSchemaTakesGoodFiles(t *testing.T) {
	t.Parallel()
	schema := compile(t)
	files, _ := filepath.Glob("../testdata/good.*.yaml")
	for _, path := range append(files, "../template.yaml") {
		t.Run(filepath.Base(path), func(t *testing.T) {
			t.Parallel()
			if err := schema.Validate(asJSON(t, path)); err != nil {
				t.Error(err)
			}
		})
	}
}

// A schema cannot see everything that is wrong, but it must see these.
func TestSchemaRefusesBadFiles(t *testing.T) {
	t.Parallel()
	schema := compile(t)
	for _, name := range []string{
		"auth-keys", "dfe-numbers", "durations", "empty-limits", "empty-lists", "enums", "group-rules", "guids", "match", "missing-keys",
		"names", "null-attribute", "null-section", "ranges", "safe-push", "safeguards", "secrets", "unique", "unknown-keys", "urls",
		"vendor-and-credentials", "version", "wrong-types",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if err := schema.Validate(asJSON(t, "../testdata/bad."+name+".yaml")); err == nil {
				t.Error("it is taken for good")
			}
		})
	}
}

// Every key has a text, and every struct with keys a place on the page.
func TestEveryKeyIsExplained(t *testing.T) {
	t.Parallel()
	m, err := readModel(filepath.Join(top, "config", "types.go"))
	if err != nil {
		t.Fatal(err)
	}
	placed := map[string]bool{}
	for _, s := range sections() {
		placed[s.typeName] = true
	}
	for name, typ := range m {
		if len(typ.fields) > 0 && !placed[name] {
			t.Errorf("%s has no section", name)
		}
		for _, f := range typ.fields {
			if f.doc == "" || f.kind(m) == "" {
				t.Errorf("%s.%s has no text or no type", name, f.key)
			}
		}
	}
}
