package simsid

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"fmt"
	"html/template"
	"maps"
	"net/http"
	"slices"
	"strings"
)

//go:embed swagger.json
var swaggerText []byte

//go:embed docs.html
var docsText string

// Swagger is the Swagger 2.0 document of the provisioning API, as it lies in the
// repository.
func Swagger() []byte { return bytes.Clone(swaggerText) }

// swagger serves the document with the address at which it is served.
func (s *Service) swagger(w http.ResponseWriter, r *http.Request) {
	var doc map[string]any
	if err := json.Unmarshal(swaggerText, &doc); err != nil {
		fail(w, http.StatusInternalServerError, "the document could not be read")
		return
	}
	scheme, rest, _ := strings.Cut(base(r), "://")
	host, path, _ := strings.Cut(rest, "/")
	doc["schemes"], doc["host"] = []string{scheme}, host
	doc["basePath"] = strings.TrimSuffix("/"+path, "/") + "/v1"
	body, err := json.MarshalIndent(doc, "", "  ")
	if err != nil {
		fail(w, http.StatusInternalServerError, "the document could not be written")
		return
	}
	writeBody(w, http.StatusOK, append(body, '\n'))
}

// The parts of the document that the page shows.
type (
	document struct {
		Info struct {
			Title, Version, Description string
		}
		BasePath            string
		Paths               map[string]map[string]operation
		Definitions         map[string]*schema
		SecurityDefinitions map[string]struct{ Description, TokenURL string }
	}
	operation struct {
		OperationID, Summary, Description string
		Parameters                        []parameter
		Responses                         map[string]response
	}
	parameter struct {
		Name, In, Type, Format, Description string
		Required                            bool
		Default                             any
		Enum                                []string
	}
	response struct {
		Description string
		Schema      *schema
	}
	schema struct {
		Ref                       string `json:"$ref"`
		Type, Format, Description string
		Required                  []string
		Properties                map[string]*schema
		Items                     *schema
		AllOf                     []*schema
		Enum                      []string
		Nullable                  bool `json:"x-nullable"`
	}
)

// The page's own view, with everything in order.
type (
	docsPage struct {
		Title, Version, Description, Auth string
		Base                              string
		Operations                        []docsOperation
		Models                            []docsModel
	}
	docsOperation struct {
		ID, Method, Path, Summary, Description string
		Parameters                             []parameter
		Responses                              []docsResponse
	}
	docsResponse struct{ Status, Description, Model string }
	docsModel    struct {
		Name, Description string
		Fields            []docsField
	}
	docsField struct {
		Name, Type, Model, Description string
		Required, Nullable             bool
		Enum                           []string
	}
)

func (s *Service) docs(w http.ResponseWriter, r *http.Request) {
	var doc document
	if err := json.Unmarshal(swaggerText, &doc); err != nil {
		fail(w, http.StatusInternalServerError, "the document could not be read")
		return
	}
	page := template.Must(template.New("docs").Parse(docsText))
	var b bytes.Buffer
	if err := page.Execute(&b, doc.page(base(r))); err != nil {
		fail(w, http.StatusInternalServerError, "the page could not be written")
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'")
	_, _ = b.WriteTo(w) // the caller has gone if this fails
}

func (d *document) page(at string) docsPage {
	p := docsPage{
		Title: d.Info.Title, Version: d.Info.Version, Description: d.Info.Description,
		Auth: d.SecurityDefinitions["bearer"].Description, Base: at,
	}
	for _, path := range slices.Sorted(maps.Keys(d.Paths)) {
		for _, method := range slices.Sorted(maps.Keys(d.Paths[path])) {
			op := d.Paths[path][method]
			o := docsOperation{
				ID: op.OperationID, Method: strings.ToUpper(method), Path: d.BasePath + path, Summary: op.Summary,
				Description: op.Description, Parameters: op.Parameters,
			}
			for _, status := range slices.Sorted(maps.Keys(op.Responses)) {
				res := op.Responses[status]
				o.Responses = append(o.Responses, docsResponse{status, res.Description, res.Schema.model()})
			}
			p.Operations = append(p.Operations, o)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(d.Definitions)) {
		def := d.Definitions[name]
		m := docsModel{Name: name, Description: def.Description}
		for _, field := range slices.Sorted(maps.Keys(def.Properties)) {
			f := def.Properties[field]
			m.Fields = append(m.Fields, docsField{
				Name: field, Type: f.text(), Model: f.model(), Description: f.Description, Required: slices.Contains(def.Required, field),
				Nullable: f.Nullable, Enum: f.enum(),
			})
		}
		p.Models = append(p.Models, m)
	}
	return p
}

// model is the name of the definition that the schema refers to, or empty.
func (s *schema) model() string {
	switch {
	case s == nil:
		return ""
	case s.Ref != "":
		return strings.TrimPrefix(s.Ref, "#/definitions/")
	case len(s.AllOf) == 1:
		return s.AllOf[0].model()
	default:
		return s.Items.model()
	}
}

func (s *schema) text() string {
	switch {
	case s.Type == "array":
		return "list of " + s.Items.text()
	case s.model() != "":
		return s.model()
	case s.Format != "":
		return fmt.Sprintf("%s (%s)", s.Type, s.Format)
	default:
		return s.Type
	}
}

func (s *schema) enum() []string {
	if s.Items != nil {
		return s.Items.Enum
	}
	return s.Enum
}
