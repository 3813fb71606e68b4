package console

import (
	"crypto/sha256"
	_ "embed" // for the page and its style
	"encoding/base64"
	"fmt"
	"html/template"
	"io"
	"maps"
	"slices"
	"strings"
	"time"
)

//go:embed page.html
var pageSource string

//go:embed page.css
var styleSource string

// page is the compiled status page.
type page struct {
	tmpl *template.Template
	// policy allows the page's own style, by its hash, and nothing else.
	policy string
	zone   *time.Location
}

func newPage(zone *time.Location) (*page, error) {
	p := &page{zone: zone}
	sum := sha256.Sum256([]byte(styleSource))
	p.policy = fmt.Sprintf("default-src 'none'; style-src 'sha256-%s'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
		base64.StdEncoding.EncodeToString(sum[:]))
	tmpl, err := template.New("page").Funcs(template.FuncMap{
		"clock":  p.clock,
		"stamp":  func(at time.Time) string { return at.UTC().Format(time.RFC3339) },
		"counts": counts,
		"words":  words,
	}).Parse(pageSource)
	if err != nil {
		return nil, fmt.Errorf("compile status page: %w", err)
	}
	p.tmpl = tmpl
	return p, nil
}

func (p *page) write(w io.Writer, v View) error {
	return p.tmpl.Execute(w, struct {
		View
		Summary summary
		Zone    string
		Style   template.CSS
	}{v, summarise(v.Sites), p.zone.String(), template.CSS(styleSource)}) //nolint:gosec // our own embedded file, never input
}

// clock shows a time as people in the zone read it.
func (p *page) clock(at time.Time) string { return at.In(p.zone).Format("Mon 2 Jan 2006, 15:04 MST") }

// counts shows counters as "12 create user, 3 add member", in the order of their names.
func counts(m map[string]int) string {
	var parts []string
	for _, k := range slices.Sorted(maps.Keys(m)) {
		if m[k] != 0 {
			parts = append(parts, fmt.Sprintf("%d %s", m[k], words(k)))
		}
	}
	return strings.Join(parts, ", ")
}

// words turns "createUser" into "create user".
func words(s string) string {
	var b strings.Builder
	for _, r := range s {
		if r >= 'A' && r <= 'Z' {
			b.WriteByte(' ')
			r += 'a' - 'A'
		}
		b.WriteRune(r)
	}
	return b.String()
}
