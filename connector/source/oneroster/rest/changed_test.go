package rest

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"simscim/roster"
)

// Changed tells schools apart by the organisations that the changed records name, and
// asks the service once for all schools of a run.
func TestChanged(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 23, 2, 0, 0, 0, time.UTC)
	for name, tc := range map[string]struct {
		users string
		want  map[string]bool
	}{
		"nothing":           {``, map[string]bool{"s1": false, "s2": false}},
		"one school":        {`{"sourcedId":"u","dateLastModified":"2026-11-23T01:30:00Z","orgs":[{"sourcedId":"s1"}]}`, map[string]bool{"s1": true, "s2": false}},
		"a district":        {`{"sourcedId":"u","dateLastModified":"2026-11-23T01:30:00Z","orgs":[{"sourcedId":"d"}]}`, map[string]bool{"s1": true, "s2": true}},
		"nobody's":          {`{"sourcedId":"u","dateLastModified":"2026-11-23T01:30:00Z"}`, map[string]bool{"s1": true, "s2": true}},
		"before the cursor": {`{"sourcedId":"u","dateLastModified":"2026-11-22T01:30:00Z","orgs":[{"sourcedId":"s1"}]}`, map[string]bool{"s1": false, "s2": false}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var calls atomic.Int32
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				calls.Add(1)
				key := strings.TrimPrefix(r.URL.Path, "/v1p1/")
				body := ""
				switch {
				case key == "orgs":
					body = `{"sourcedId":"d","type":"district","name":"D"},{"sourcedId":"s1","type":"school","name":"A"},{"sourcedId":"s2","type":"school","name":"B"}`
				case key == "users" && r.URL.Query().Get("limit") == "1":
					body = `{"sourcedId":"x","dateLastModified":"2026-01-01T00:00:00Z"}`
				case key == "users":
					body = tc.users
				}
				if r.URL.Query().Get("offset") != "" && r.URL.Query().Get("offset") != "0" {
					body = ""
				}
				fmt.Fprintf(w, `{"%s":[%s]}`, key, body)
			}))
			t.Cleanup(server.Close)
			s, err := New(Options{Name: "district", BaseURL: server.URL + "/v1p1", Now: func() time.Time { return now }, Retries: -1})
			if err != nil {
				t.Fatal(err)
			}
			if _, err := s.Sites(t.Context()); err != nil {
				t.Fatal(err)
			}
			before := int32(0)
			for _, id := range []string{"s1", "s2"} {
				got, err := s.Changed(t.Context(), roster.Site{ID: id}, now.Add(-time.Hour))
				if err != nil || got != tc.want[id] {
					t.Errorf("%s: %v, %v; want %v", id, got, err, tc.want[id])
				}
				if before == 0 {
					before = calls.Load()
				}
			}
			if calls.Load() != before {
				t.Errorf("the second school made %d more calls", calls.Load()-before)
			}
		})
	}
}
