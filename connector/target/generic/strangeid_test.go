package generic_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"simscim/connector/plan"
	"simscim/connector/target"
	"simscim/connector/target/targettest"
	"simscim/scim"
)

// An id that cannot be kept is that object's trouble alone: the others are done.
func TestStrangeIDsFailTheirObjectOnly(t *testing.T) {
	t.Parallel()
	for name, strange := range map[string]string{"far too long": strings.Repeat("x", 5000), "with a NUL": "a\x00b"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.Method != http.MethodPost {
					http.NotFound(w, r)
					return
				}
				var body struct{ UserName, ExternalID string }
				if json.NewDecoder(r.Body).Decode(&body) != nil {
					w.WriteHeader(http.StatusBadRequest)
					return
				}
				id := "fine"
				if body.ExternalID == "1" {
					id = strange
				}
				w.Header().Set("Content-Type", scim.MediaType)
				w.WriteHeader(http.StatusCreated)
				_ = json.NewEncoder(w).Encode(map[string]any{"id": id, "externalId": body.ExternalID, "userName": body.UserName})
			}))
			t.Cleanup(srv.Close)
			f := fixture(t, srv.URL, "token", "generic", targettest.Fixture{})
			var changes []plan.Change
			for _, key := range []string{"1", "2"} {
				changes = append(changes, plan.Change{Action: plan.CreateUser, Kind: scim.User, Key: key, After: scim.Attributes{
					{Path: "externalId", Value: key}, {Path: "userName", Value: "user" + key},
				}})
			}
			got := make(chan target.Outcome, 4)
			err := f.Target.Apply(t.Context(), changes, func(string) (string, bool) { return "", false },
				func(o target.Outcome) error { got <- o; return nil })
			close(got)
			if err != nil {
				t.Fatal(err)
			}
			for o := range got {
				if wrong := o.Change.Key == "1"; (o.Err != nil) != wrong || o.Attributes == wrong {
					t.Errorf("object %s: attributes %v, error %v", o.Change.Key, o.Attributes, o.Err)
				}
			}
		})
	}
}
