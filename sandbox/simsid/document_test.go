package simsid

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"simscim/sandbox/world"
)

// jsonSchema turns a Swagger 2.0 schema into a JSON schema that allows null where
// x-nullable says so, and no field that the document does not name.
func jsonSchema(v any) any {
	switch v := v.(type) {
	case map[string]any:
		out := map[string]any{}
		for name, member := range v {
			out[name] = jsonSchema(member)
		}
		if ref, ok := out["$ref"].(string); ok {
			out["$ref"] = "#" + strings.TrimPrefix(ref, "#")
		}
		if _, ok := out["properties"].(map[string]any); ok && out["type"] == "object" {
			out["additionalProperties"] = false
		}
		if out["x-nullable"] == true {
			delete(out, "x-nullable")
			return map[string]any{"anyOf": []any{out, map[string]any{"type": "null"}}}
		}
		return out
	case []any:
		out := make([]any, 0, len(v))
		for _, item := range v {
			out = append(out, jsonSchema(item))
		}
		return out
	default:
		return v
	}
}

type swaggerDoc struct {
	Host, BasePath string
	Paths          map[string]map[string]struct {
		Responses map[string]struct {
			Schema map[string]string
		}
	}
}

func (b *bench) document() (swaggerDoc, *jsonschema.Compiler) {
	b.t.Helper()
	a := b.get("/provisioning/v1/swagger.json", "")
	wantStatus(b.t, a, 200)
	var doc swaggerDoc
	if err := json.Unmarshal(a.body, &doc); err != nil {
		b.t.Fatal(err)
	}
	raw, err := jsonschema.UnmarshalJSON(bytes.NewReader(a.body))
	if err != nil {
		b.t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	c.DefaultDraft(jsonschema.Draft4)
	c.AssertFormat()
	definitions := jsonSchema(raw.(map[string]any)["definitions"])
	if err := c.AddResource("swagger", map[string]any{"definitions": definitions}); err != nil {
		b.t.Fatal(err)
	}
	return doc, c
}

// Everything that is served is what the document says, field by field.
func TestSwaggerDocumentMatchesTheService(t *testing.T) {
	t.Parallel()
	b := setup(t)
	doc, compiler := b.document()
	if doc.BasePath != "/provisioning/v1" || "http://"+doc.Host != b.url {
		t.Errorf("the document stands for %s%s", doc.Host, doc.BasePath)
	}
	served := 0
	for path, methods := range doc.Paths {
		op, ok := methods["get"]
		if !ok || len(methods) != 1 {
			t.Errorf("%s: the service has GET only", path)
		}
		for status, res := range op.Responses {
			schema, err := compiler.Compile("swagger" + res.Schema["$ref"])
			if err != nil {
				t.Fatalf("%s %s: %v", path, status, err)
			}
			for i, school := range []int{0, 4} { // a primary and the secondary school
				if i > 0 && status != "200" {
					continue
				}
				for _, a := range b.examples(path, status, school) {
					served++
					b.validate(schema, path, status, a)
				}
			}
		}
	}
	if served < 60 {
		t.Errorf("only %d answers were looked at", served)
	}
}

func (b *bench) validate(schema *jsonschema.Schema, path, status string, a answer) {
	b.t.Helper()
	if fmt.Sprint(a.status) != status {
		b.t.Errorf("%s: got %d, want %s", path, a.status, status)
		return
	}
	v, err := jsonschema.UnmarshalJSON(bytes.NewReader(a.body))
	if err != nil {
		b.t.Errorf("%s %s: %v", path, status, err)
		return
	}
	if err := schema.Validate(v); err != nil {
		b.t.Errorf("%s %s: %v", path, status, err)
	}
}

// examples fetches answers of a path with the status.
func (b *bench) examples(path, status string, school int) []answer {
	b.t.Helper()
	b.s.Faults().Clear()
	token := b.token(b.school(school))
	at := "/provisioning/v1" + strings.Replace(path, "{organisation}", b.w.Sites()[school].ID.String(), 1)
	group := b.w.Rolls()[school].Groups()[0]
	unknown := strings.NewReplacer("{type}", "Class", "{group}", uuid.Nil.String()).Replace(at)
	at = strings.NewReplacer("{type}", group.Kind.String(), "{group}", group.ID.String()).Replace(at)
	faults := map[string]FaultKind{"429": ThrottleBody, "500": ServerError, "503": Maintenance}
	switch status {
	case "200":
		if !strings.Contains(path, "{organisation}/") {
			return []answer{b.get(at, token)}
		}
		var all []answer
		for page := range 6 { // a page beyond the end is among them
			all = append(all, b.get(fmt.Sprintf("%s?pageSize=500&page=%d", at, page+1), token))
		}
		return all
	case "400":
		if !strings.Contains(path, "{organisation}/") {
			return []answer{b.get("/provisioning/v1/organisation/17", token)}
		}
		return []answer{b.get(at+"?page=x", token)}
	case "401":
		return []answer{b.get(at, "")}
	case "403":
		return []answer{b.get(at, b.token(b.school((school+1)%5)))}
	case "404":
		if unknown != at {
			return []answer{b.get(unknown, token)}
		}
		return []answer{b.get(at+"/nothing", token)}
	default:
		if err := b.s.Faults().Set(Fault{Kind: faults[status], Path: "/provisioning/**"}); err != nil {
			b.t.Fatal(err)
		}
		defer b.s.Faults().Clear()
		return []answer{b.get(at, token)}
	}
}

// A document that does not fit must not pass.
func TestSwaggerTestCanFail(t *testing.T) {
	t.Parallel()
	b := setup(t)
	_, compiler := b.document()
	schema, err := compiler.Compile("swagger#/definitions/PersonList")
	if err != nil {
		t.Fatal(err)
	}
	good := b.get(b.path(0, "/students")+"?pageSize=5", b.token(b.school(0))).json(t)
	person := func(m map[string]any) map[string]any { return m["items"].([]any)[0].(map[string]any) }
	for name, spoil := range map[string]func(map[string]any){
		"missing id":    func(m map[string]any) { delete(person(m), "externalId") },
		"unknown field": func(m map[string]any) { person(m)["dateOfBirth"] = "2015-01-01" },
		"wrong type":    func(m map[string]any) { person(m)["forename"] = 7 },
		"no total":      func(m map[string]any) { delete(m, "totalItems") },
		"unknown state": func(m map[string]any) { person(m)["onRollState"] = "Guest" },
	} {
		text, _ := json.Marshal(good)
		var m map[string]any
		_ = json.Unmarshal(text, &m)
		spoil(m)
		text, _ = json.Marshal(m)
		v, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
		if err != nil {
			t.Fatal(err)
		}
		if schema.Validate(v) == nil {
			t.Errorf("%s: it passed", name)
		}
	}
}

func TestDocsPage(t *testing.T) {
	t.Parallel()
	b := setup(t)
	a := b.get("/provisioning/v1/docs", "")
	wantStatus(t, a, 200)
	text := string(a.body)
	doc, _ := b.document()
	for path := range doc.Paths {
		if !strings.Contains(text, "<code>/v1"+path+"</code>") {
			t.Errorf("the page does not show %s", path)
		}
	}
	for _, want := range []string{`lang="en-GB"`, `name="viewport"`, "prefers-color-scheme: dark", "not been verified against the live service", "masterId", `href="` + b.url + `/provisioning/v1/swagger.json"`} {
		if !strings.Contains(text, want) {
			t.Errorf("the page lacks %s", want)
		}
	}
	for _, bad := range []string{"<script", "<img", "<link", "@import", "&lt;nil&gt;", "&lt;no value&gt;"} {
		if strings.Contains(text, bad) {
			t.Errorf("the page has %s", bad)
		}
	}
	if !strings.Contains(a.header.Get("Content-Security-Policy"), "default-src 'none'") {
		t.Error("the page may load things")
	}
	// Each link inside the page leads somewhere.
	for part := range strings.SplitSeq(text, `href="#`) {
		id, _, _ := strings.Cut(part, `"`)
		if !strings.HasPrefix(part, "<!doctype") && !strings.Contains(text, `id="`+id+`"`) {
			t.Errorf("nothing has the id %s", id)
		}
	}
}

func TestRoutesAreThoseOfTheDocument(t *testing.T) {
	t.Parallel()
	b := setup(t)
	doc, _ := b.document()
	var kinds []string
	for kind := world.YearGroup; kind <= world.Class; kind++ {
		kinds = append(kinds, kind.String())
	}
	if len(doc.Paths) != 6 || !slices.Contains(kinds, "RegistrationGroup") {
		t.Errorf("the document has %d paths", len(doc.Paths))
	}
	for path := range doc.Paths {
		at := strings.NewReplacer("{organisation}", b.w.Sites()[0].ID.String(), "{type}", "Class", "{group}", uuid.Nil.String()).Replace("/provisioning/v1" + path)
		if a := b.get(at, ""); a.status != http.StatusUnauthorized {
			t.Errorf("%s without a token: %d", path, a.status)
		}
	}
}
