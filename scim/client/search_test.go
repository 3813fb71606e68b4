package client

import (
	"encoding/json"
	"io"
	"net/http"
	"testing"

	"github.com/google/go-cmp/cmp"

	"simscim/scim"
)

// A search by POST walks its pages as one by GET does, and leaves nothing in the URL.
func TestSearchByPost(t *testing.T) {
	t.Parallel()
	type message = map[string]any
	for name, c := range map[string]struct {
		query   Query
		answers []string
		want    []message
	}{
		"by index": {
			Query{Filter: `userName eq "x"`, Excluded: []string{"members", "photos"}, Count: 2},
			[]string{`{"totalResults":3,"Resources":` + rows(1, 2) + `}`, `{"totalResults":3,"Resources":` + rows(3, 1) + `}`},
			[]message{
				{"filter": `userName eq "x"`, "excludedAttributes": []any{"members", "photos"}, "count": 2.0},
				{"filter": `userName eq "x"`, "excludedAttributes": []any{"members", "photos"}, "count": 2.0, "startIndex": 3.0},
			},
		},
		"by cursor": {
			Query{Paging: Cursor, Count: 2},
			[]string{`{"nextCursor":"n","resources":` + rows(1, 2) + `}`, `{"resources":` + rows(3, 1) + `}`},
			[]message{{"count": 2.0}, {"count": 2.0, "cursor": "n"}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var sent []message
			client := serve(t, func(w http.ResponseWriter, r *http.Request) {
				body, _ := io.ReadAll(r.Body)
				var m message
				if r.Method != http.MethodPost || r.URL.String() != "/base/Users/.search" || json.Unmarshal(body, &m) != nil {
					t.Errorf("%s %s %s", r.Method, r.URL, body)
				}
				if !cmp.Equal(m["schemas"], any([]any{scim.SearchURN})) {
					t.Errorf("schemas are %v", m["schemas"])
				}
				delete(m, "schemas")
				sent = append(sent, m)
				_, _ = io.WriteString(w, c.answers[len(sent)-1])
			})
			c.query.Post = true
			got, err := list(client, c.query)
			if err != nil || len(got) != 3 {
				t.Errorf("%d resources and %v", len(got), err)
			}
			if diff := cmp.Diff(c.want, sent); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// By GET a 404 is how some servers say "none"; by POST it may be the endpoint that is
// missing, and nothing may be concluded.
func TestSearchNotFound(t *testing.T) {
	t.Parallel()
	for post, wrong := range map[bool]bool{false: false, true: true} {
		got, err := list(serve(t, say(404, "")), Query{Filter: "x eq 1", Post: post})
		if len(got) != 0 || scim.IsNotFound(err) != wrong {
			t.Errorf("post %t gives %v, %v", post, got, err)
		}
	}
}
