package stub_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"simscim/bench/stub"
	"simscim/scim"
)

// caller talks to a stub.
type caller struct {
	*testing.T
	server *stub.Server
}

func start(t *testing.T) caller {
	t.Helper()
	s, err := stub.Start(t.Context(), stub.Options{Token: "t", Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return caller{t, s}
}

func (c caller) call(method, path, body string, wantStatus int) map[string]any {
	c.Helper()
	req, err := http.NewRequestWithContext(c.Context(), method, c.server.URL()+path, strings.NewReader(body))
	if err != nil {
		c.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer t")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		c.Fatal(err)
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != wantStatus {
		c.Fatalf("%s %s: %d instead of %d: %s %v", method, path, resp.StatusCode, wantStatus, answer, err)
	}
	var res map[string]any
	if err := json.Unmarshal(answer, &res); err != nil {
		c.Fatal(err)
	}
	return res
}

const ann = `{"schemas":["` + scim.UserURN + `"],"externalId":"e1","userName":"ann@x","active":true}`

func TestCreateListAndFind(t *testing.T) {
	t.Parallel()
	c := start(t)
	made := c.call("POST", "/Users", ann, 201)
	if got := c.call("GET", "/Users/"+made["id"].(string), "", 200); got["userName"] != "ann@x" {
		t.Errorf("read back: %v", got)
	}
	c.call("POST", "/Users", strings.Replace(ann, "e1", "e2", 1), 409)
	c.call("POST", "/Users", strings.Replace(ann, "ann@x", "bea@x", 1), 409)
	c.call("POST", "/Users", `{"schemas":[]}`, 400)
	c.call("POST", "/Users", `{`, 400)
	c.call("GET", "/Users/none", "", 404)
	for filter, want := range map[string]float64{
		``: 1, `externalId eq "e1"`: 1, `externalId eq "e2"`: 0, `userName eq "ANN@x"`: 1, `active eq false`: 0,
	} {
		list := c.call("GET", "/Users?filter="+url.QueryEscape(filter), "", 200)
		if list["totalResults"] != want {
			t.Errorf("%q finds %v", filter, list["totalResults"])
		}
	}
	c.call("GET", "/Users?filter=nonsense", "", 400)
	if page := c.call("GET", "/Users?startIndex=2&count=5", "", 200); page["itemsPerPage"] != 0.0 {
		t.Errorf("beyond the end: %v", page)
	}
}

func TestPatch(t *testing.T) {
	t.Parallel()
	c := start(t)
	id := c.call("POST", "/Users", ann, 201)["id"].(string)
	c.call("POST", "/Users", strings.NewReplacer("e1", "e2", "ann", "bea").Replace(ann), 201)
	body := func(name string) string {
		return `{"schemas":["` + scim.PatchOpURN + `"],"Operations":[{"op":"replace","path":"userName","value":"` + name + `"}]}`
	}
	if got := c.call("PATCH", "/Users/"+id, body("cat@x"), 200); got["userName"] != "cat@x" || got["id"] != id {
		t.Errorf("after a change: %v", got)
	}
	c.call("PATCH", "/Users/"+id, body("bea@x"), 409)
	c.call("PATCH", "/Users/none", body("dot@x"), 404)
	c.call("PATCH", "/Users/"+id, `[]`, 400)
	c.call("POST", "/Users", strings.Replace(ann, "e1", "e3", 1), 201) // the name is free again
}

func TestTokenIsAsked(t *testing.T) {
	t.Parallel()
	c := start(t)
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, c.server.URL()+"/Users", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusUnauthorized {
		t.Errorf("without a token the answer is %d", resp.StatusCode)
	}
}
