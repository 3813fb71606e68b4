package sandbox

import (
	"bytes"
	_ "embed"
	"fmt"
	"html/template"
	"net/http"
	"strconv"
	"strings"
	"time"
)

//go:embed index.html
var indexText string

// index says what is there, for people.
func (s *Sandbox) index(w http.ResponseWriter, r *http.Request) {
	page := template.Must(template.New("index").Funcs(template.FuncMap{
		"day":        func(t time.Time) string { return t.Format("Monday, 2 January 2006, 15:04 MST") },
		"n":          thousands,
		"authorised": authorised,
		"dfe":        func(s string) string { return s[:3] + "/" + s[3:] },
	}).Parse(indexText))
	var b bytes.Buffer
	data := map[string]any{"State": s.State(), "Base": "http://" + r.Host, "Application": s.simsid.Vendor().Application, "Provider": s.provider != nil}
	if err := page.Execute(&b, data); err != nil {
		fail(w, http.StatusInternalServerError, fmt.Sprintf("the page could not be written: %v", err))
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'")
	_, _ = b.WriteTo(w) // the caller has gone if this fails
}

func authorised(state int) string {
	switch state {
	case 1:
		return "given"
	case 2:
		return "withdrawn"
	default:
		return "pending"
	}
}

// thousands writes 42548 as 42,548.
func thousands(n int) string {
	s := strconv.Itoa(n)
	var b strings.Builder
	for i, r := range s {
		if i > 0 && (len(s)-i)%3 == 0 {
			b.WriteByte(',')
		}
		b.WriteRune(r)
	}
	return b.String()
}
