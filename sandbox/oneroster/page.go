package oneroster

import (
	"bytes"
	_ "embed"
	"fmt"
	"html/template"
	"net/http"

	"github.com/google/uuid"

	"simscim/sandbox/simsid"
)

//go:embed index.html
var indexText string

// page says what is there, for people.
func (s *Service) page(w http.ResponseWriter, r *http.Request) {
	tmpl := template.Must(template.New("index").Parse(indexText))
	on := map[Switch]bool{}
	for name := range s.switches() {
		on[name] = true
	}
	var b bytes.Buffer
	err := tmpl.Execute(&b, map[string]any{
		"Base": simsid.Base(r), "Path11": Path11, "Path12": Path12, "Client": s.district.ClientID, "Scopes11": Scopes(V11), "Scopes12": Scopes(V12),
		"Switches": Switches(), "On": on, "Deviations": s.Deviations(), "Faults": s.faults.List(), "Kinds": s.faults.Kinds(), "Login": on[Login],
	})
	if err != nil {
		http.Error(w, fmt.Sprintf("the page could not be written: %v", err), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; frame-ancestors 'none'")
	_, _ = b.WriteTo(w) // the caller has gone if this fails
}

// download is the zip of the CSV files as they are now. It asks for no credentials:
// files come to their reader by other ways than HTTP.
func (s *Service) download(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", http.MethodGet)
		problemOf(http.StatusMethodNotAllowed).write(w, V11, s.switches())
		return
	}
	q := r.URL.Query()
	o := CSVOptions{
		Deviations: q["deviation"], BOM: q.Get("bom") == "true", LF: q.Get("lf") == "true", LineBreaks: q.Get("linebreaks") == "true",
	}
	v := V11
	if q.Has("version") {
		v = Version(q.Get("version"))
	}
	if text := q.Get("school"); text != "" {
		id, err := uuid.Parse(text)
		if err != nil {
			bad("school is a GUID").write(w, V11, switches{})
			return
		}
		o.School = id
	}
	if !q.Has("deviation") {
		o.Deviations = s.recordDeviations()
	}
	t, err := csvTrust(s.world, v, o)
	if err != nil {
		bad(err.Error()).write(w, V11, switches{})
		return
	}
	w.Header().Set("Content-Type", "application/zip")
	w.Header().Set("Content-Disposition", `attachment; filename="oneroster.zip"`)
	_ = t.zip(w, o) // the caller has gone if this fails
}

// recordDeviations are the switches that are on and show in files.
func (s *Service) recordDeviations() []string {
	var out []string
	on := s.switches()
	for _, a := range Switches() {
		if a.Records && on.has(a.Switch) {
			out = append(out, string(a.Switch))
		}
	}
	return out
}
