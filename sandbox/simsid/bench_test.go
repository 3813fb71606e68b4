package simsid

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"simscim/internal/auth/keytest"
	"simscim/sandbox/world"
)

// BenchmarkSecondarySchool reads the pupils of a secondary school, 200 a page.
func BenchmarkSecondarySchool(b *testing.B) {
	w, err := world.New(world.Options{Preset: "secondary", Seed: 1})
	if err != nil {
		b.Fatal(err)
	}
	s, err := New(Options{World: w, Now: time.Now, Key: keytest.Shared()})
	if err != nil {
		b.Fatal(err)
	}
	c, now := s.Schools()[0], time.Now()
	token, err := s.signer.sign(claims{Expires: now.Unix() + 3600, Organisation: c.Organisation.String(), Scope: []string{"rapapi"}})
	if err != nil {
		b.Fatal(err)
	}
	h, people := s.Provisioning(), len(w.People(c.Organisation, world.Student))
	for b.Loop() {
		for page := range people/200 + 1 {
			req := httptest.NewRequestWithContext(b.Context(), http.MethodGet, fmt.Sprintf("/v1/organisation/%s/students?page=%d&pageSize=200", c.Organisation, page+1), nil)
			req.Header.Set("Authorization", "Bearer "+token)
			res := httptest.NewRecorder()
			if h.ServeHTTP(res, req); res.Code != http.StatusOK {
				b.Fatal(res.Code)
			}
		}
	}
	b.ReportMetric(float64(people)*float64(b.N)/b.Elapsed().Seconds(), "people/s")
}
