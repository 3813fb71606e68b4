package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"simscim/internal/httpx"
	"simscim/scim"
)

func serve(t testing.TB, handler http.HandlerFunc) *Client {
	t.Helper()
	s := httptest.NewServer(handler)
	t.Cleanup(s.Close)
	h, err := httpx.New(httpx.Options{BaseURL: s.URL + "/base"})
	if err != nil {
		t.Fatal(err)
	}
	return New(h, Options{Now: func() time.Time { return time.Unix(0, 0) }})
}

func say(status int, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
}

// rows writes n resources with ids from first on.
func rows(first, n int) string {
	var list []string
	for i := range n {
		list = append(list, fmt.Sprintf(`{"id":"u%d"}`, first+i))
	}
	return "[" + strings.Join(list, ",") + "]"
}

func list(c *Client, q Query) (ids []string, err error) {
	for res, err := range c.List(context.Background(), scim.User, q) {
		if err != nil {
			return ids, err
		}
		ids = append(ids, res.ID())
	}
	return ids, nil
}

// pages answers by startIndex or cursor; what has no answer is an empty page.
func pages(answers map[string]string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		q := r.URL.Query()
		_, _ = io.WriteString(w, answers[q.Get("startIndex")+q.Get("cursor")])
	}
}

func TestList(t *testing.T) {
	t.Parallel()
	full := func(total any, rows string) string {
		return fmt.Sprintf(`{"totalResults":%v,"Resources":%s}`, total, rows)
	}
	for name, c := range map[string]struct {
		query   Query
		answers map[string]string
		want    int
		broken  bool
	}{
		"empty":                          {Query{}, map[string]string{"": `{"totalResults":0}`}, 0, false},
		"empty with null":                {Query{}, map[string]string{"": `{"totalResults":0,"Resources":null}`}, 0, false},
		"one page":                       {Query{}, map[string]string{"": full(3, rows(1, 3))}, 3, false},
		"short pages":                    {Query{Count: 100}, map[string]string{"": full(5, rows(1, 2)), "3": full(5, rows(3, 1)), "4": full(5, rows(4, 2))}, 5, false},
		"total as text, lower case":      {Query{}, map[string]string{"": `{"totalresults":"2","resources":` + rows(1, 2) + `}`}, 2, false},
		"no total, then an empty page":   {Query{}, map[string]string{"": `{"Resources":` + rows(1, 2) + `}`, "3": `{"Resources":[]}`}, 2, false},
		"overlap after an insertion":     {Query{}, map[string]string{"": full(3, rows(1, 2)), "3": full(4, rows(2, 2))}, 3, false},
		"empty page too early":           {Query{}, map[string]string{"": full(5, rows(1, 2)), "3": full(5, "[]")}, 2, true},
		"total shrinks":                  {Query{}, map[string]string{"": full(5, rows(1, 2)), "3": full(4, rows(3, 2))}, 4, true},
		"rows repeat in place of others": {Query{}, map[string]string{"": full(4, rows(1, 2)), "3": full(4, rows(2, 2))}, 3, true},
		"the same page for ever":         {Query{}, map[string]string{"": full(9, rows(1, 2)), "3": full(9, rows(1, 2))}, 2, true},
		"same page without a total":      {Query{}, map[string]string{"": `{"Resources":` + rows(1, 2) + `}`, "3": `{"Resources":` + rows(1, 2) + `}`}, 2, true},
		"no paging":                      {Query{Paging: NoPaging}, map[string]string{"": full(2, rows(1, 2))}, 2, false},
		"no paging and capped":           {Query{Paging: NoPaging}, map[string]string{"": full(3, rows(1, 2))}, 2, true},
		"cursor": {Query{Paging: Cursor}, map[string]string{
			"": `{"nextCursor":"a","resources":` + rows(1, 2) + `}`, "a": `{"nextCursor":"b","resources":[]}`, "b": `{"resources":` + rows(3, 1) + `}`,
		}, 3, false},
		"cursor that nobody asked for": {Query{}, map[string]string{
			"": `{"nextCursor":"a","totalResults":3,"resources":` + rows(1, 2) + `}`, "a": `{"resources":` + rows(3, 1) + `}`,
		}, 3, false},
		"cursor ends too early": {Query{Paging: Cursor}, map[string]string{
			"": `{"nextCursor":"a","totalResults":4,"resources":` + rows(1, 2) + `}`, "a": `{"resources":` + rows(3, 1) + `}`,
		}, 3, true},
		"cursors in a circle": {Query{Paging: Cursor}, map[string]string{
			"": `{"nextCursor":"a","resources":` + rows(1, 1) + `}`, "a": `{"nextCursor":"b","resources":` + rows(2, 1) + `}`, "b": `{"nextCursor":"a","resources":` + rows(3, 1) + `}`,
		}, 3, true},
		"row without id":         {Query{}, map[string]string{"": `{"totalResults":1,"Resources":[{"userName":"x"}]}`}, 0, true},
		"rows of the wrong type": {Query{}, map[string]string{"": `{"totalResults":1,"Resources":["x"]}`}, 0, true},
		"null row":               {Query{}, map[string]string{"": `{"totalResults":1,"Resources":[null]}`}, 0, true},
		"web page":               {Query{}, map[string]string{"": "<html><body>sign in"}, 0, true},
		"nothing":                {Query{}, map[string]string{"": ""}, 0, true},
		"null":                   {Query{}, map[string]string{"": "null"}, 0, true},
		"other object":           {Query{}, map[string]string{"": `{"message":"welcome"}`}, 0, true},
		"error as a success":     {Query{}, map[string]string{"": `{"schemas":["` + scim.ErrorURN + `"],"status":"400","Resources":[]}`}, 0, true},
		"cut off":                {Query{}, map[string]string{"": `{"totalResults":2,"Resources":[{"id":"1"},`}, 0, true},
		"total is nonsense":      {Query{}, map[string]string{"": full(-1, rows(1, 1)), "2": full(`"many"`, "[]")}, 1, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := list(serve(t, pages(c.answers)), c.query)
			if len(got) != c.want {
				t.Errorf("%d resources came, want %d", len(got), c.want)
			}
			_, refused := errors.AsType[*scim.Error](err)
			if broken := errors.Is(err, ErrNotWhole) || refused; broken != c.broken || broken != (err != nil) {
				t.Errorf("error is %v, want broken %t", err, c.broken)
			}
		})
	}
}

func TestListNeverEnds(t *testing.T) {
	t.Parallel()
	for name, body := range map[string]string{
		"rows":    `{"Resources":%s}`,
		"growing": `{"totalResults":1000000,"Resources":%s}`,
		"cursors": `{"Resources":%s,"nextCursor":"%d"}`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			n := 0
			c := serve(t, func(w http.ResponseWriter, _ *http.Request) {
				n++
				if name == "cursors" {
					_, _ = fmt.Fprintf(w, body, rows(n*10, 10), n)
					return
				}
				_, _ = fmt.Fprintf(w, body, rows(n*10, 10))
			})
			c.maxRows = 200
			if got, err := list(c, Query{}); !errors.Is(err, ErrNotWhole) || len(got) > 220 {
				t.Errorf("after %d resources the error is %v", len(got), err)
			}
		})
	}
	t.Run("empty pages", func(t *testing.T) {
		t.Parallel()
		n := 0
		c := serve(t, func(w http.ResponseWriter, _ *http.Request) {
			n++
			_, _ = fmt.Fprintf(w, `{"resources":[],"nextCursor":"%d"}`, n)
		})
		if _, err := list(c, Query{}); !errors.Is(err, ErrNotWhole) {
			t.Errorf("the error is %v", err)
		}
	})
}

func TestListStopsWhenToldTo(t *testing.T) {
	t.Parallel()
	calls := 0
	c := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		calls++
		_, _ = io.WriteString(w, `{"totalResults":9,"Resources":`+rows(1, 3)+`}`)
	})
	for range c.List(t.Context(), scim.User, Query{}) {
		break
	}
	if calls != 1 {
		t.Errorf("%d calls were made, want 1", calls)
	}
}

func TestFilterIsEscaped(t *testing.T) {
	t.Parallel()
	want := `userName eq "O\"Neil \\ +#&=%é"`
	var raw, got string
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		raw, got = r.URL.RawQuery, r.URL.Query().Get("filter")
		w.WriteHeader(http.StatusNotFound) // some servers say so that nobody matches
	})
	found, err := c.Search(t.Context(), scim.User, Query{Filter: want, Count: 10})
	if err != nil || len(found) != 0 {
		t.Fatalf("a filter answered with 404 gives %d resources and %v", len(found), err)
	}
	if got != want {
		t.Errorf("the server reads %q, want %q", got, want)
	}
	if strings.ContainsAny(raw, " +\"\\#é") {
		t.Errorf("the query is not escaped: %s", raw)
	}
}

func TestCount(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]struct {
		n  int
		ok bool
	}{
		`{"totalResults":7,"Resources":[{"id":"1"}]}`:            {7, true},
		`{"totalResults":"7","resources":[{"id":"1"}]}`:          {7, true},
		`{"totalResults":0}`:                                     {0, true},
		`{"resources":[{"id":"1"}],"nextCursor":"x"}`:            {0, false},
		`{"totalResults":1,"Resources":[{"id":"1"},{"id":"2"}]}`: {0, false},
	} {
		n, ok, err := serve(t, say(200, body)).Count(t.Context(), scim.User)
		if err != nil || n != want.n || ok != want.ok {
			t.Errorf("%s counts %d, %t (%v), want %v", body, n, ok, err, want)
		}
	}
	if _, _, err := serve(t, say(200, "<html>")).Count(t.Context(), scim.User); err == nil {
		t.Error("a web page has a count")
	}
}

func TestCreateAnswers(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		status         int
		location, body string
		id             string
		failed         bool
	}{
		"usual":             {201, "", `{"id":"a/b"}`, "a/b", false},
		"200, other case":   {200, "", `{"ID":"x"}`, "x", false},
		"number":            {201, "", `{"id":12}`, "12", false},
		"location only":     {201, "/scim/Users/a%2Fb", "", "a/b", false},
		"foreign location":  {201, "https://evil.example/Users/x", "", "x", false},
		"other location":    {201, "/scim/Other/x", "", "", false},
		"broken location":   {201, "http://%zz", "", "", false},
		"web page":          {201, "", "<html>", "", false},
		"nothing":           {201, "", "", "", false},
		"web page with 200": {200, "", "<html><title>Sign in</title>", "", true},
		"put off":           {202, "", "", "", true},
		"refused":           {400, "", `{"id":"x"}`, "", true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cl := serve(t, func(w http.ResponseWriter, _ *http.Request) {
				if c.location != "" {
					w.Header().Set("Location", c.location)
				}
				w.WriteHeader(c.status)
				_, _ = io.WriteString(w, c.body)
			})
			got, err := cl.Create(t.Context(), scim.User, []byte(`{}`))
			if got.ID != c.id || (err != nil) != c.failed {
				t.Errorf("got %+v and %v, want id %q, failed %t", got, err, c.id, c.failed)
			}
		})
	}
}

func TestRequestsKeepToTheBaseURL(t *testing.T) {
	t.Parallel()
	var paths []string
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		paths = append(paths, r.Method+" "+r.URL.EscapedPath()+" "+r.Header.Get("If-Match"))
		w.WriteHeader(http.StatusNoContent)
	})
	ctx := t.Context()
	for _, id := range []string{"", ".", "..", "..."} {
		if c.Delete(ctx, scim.User, id) == nil {
			t.Errorf("the id %q is used", id)
		}
	}
	id := "../a b/é?x#y"
	for _, err := range []error{
		c.Delete(ctx, scim.User, id), c.Patch(ctx, scim.Group, id, []byte("{}"), `W/"1"`), c.Put(ctx, scim.User, id, []byte("{}"), ""),
	} {
		if err != nil {
			t.Error(err)
		}
	}
	escaped := "..%2Fa%20b%2F%C3%A9%3Fx%23y"
	want := []string{
		"DELETE /base/Users/" + escaped + " ", `PATCH /base/Groups/` + escaped + ` W/"1"`, "PUT /base/Users/" + escaped + " ",
	}
	if diff := cmp.Diff(want, paths); diff != "" {
		t.Error(diff)
	}
}

// A change has succeeded whatever the server says to it, or nothing; a 412 and a 404 can
// be told from other failures.
func TestChangeAnswers(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		status int
		body   string
		failed bool
	}{
		"no content":           {204, "", false},
		"no body":              {200, "", false},
		"members null":         {200, `{"id":"g","members":null}`, false},
		"not JSON":             {200, "done", false},
		"accepted":             {202, "", true},
		"a web page":           {200, "<html>", true},
		"changed meanwhile":    {412, `{"scimType":"invalidVers"}`, true},
		"gone":                 {404, "", true},
		"redirected elsewhere": {301, "", true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			client := serve(t, say(c.status, c.body))
			for _, err := range []error{
				client.Patch(t.Context(), scim.Group, "g", []byte("{}"), `W/"1"`), client.Put(t.Context(), scim.Group, "g", []byte("{}"), ""),
				client.Delete(t.Context(), scim.Group, "g"),
			} {
				e, refused := errors.AsType[*scim.Error](err)
				if refused != c.failed || refused != (err != nil) || refused && e.Status != c.status {
					t.Errorf("got %v", err)
				}
			}
		})
	}
}

// A group whose members are null is a group without any (RFC 7643 §2.5).
func TestGetWithNullMembers(t *testing.T) {
	t.Parallel()
	res, err := serve(t, say(200, `{"ID":"g","members":null}`)).Get(t.Context(), scim.Group, "g")
	if _, found := scim.Lookup(res, "members"); err != nil || found {
		t.Errorf("got %v, %v", res, err)
	}
}

func TestGet(t *testing.T) {
	t.Parallel()
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("ETag", `W/"7"`)
		_, _ = fmt.Fprintf(w, `{"id":%q,"displayName":"x"}`, strings.TrimPrefix(r.URL.Path, "/base/Groups/"))
	})
	res, err := c.Get(t.Context(), scim.Group, "g1", "members")
	if err != nil || res.Version() != `W/"7"` {
		t.Errorf("got %v, %v", res, err)
	}
	if _, err := serve(t, say(200, `{"id":"other"}`)).Get(t.Context(), scim.User, "u1"); err == nil {
		t.Error("another resource than was asked for is taken")
	}
	if _, err := serve(t, say(200, `[]`)).Get(t.Context(), scim.User, "u1"); err == nil {
		t.Error("a list is taken for a resource")
	}
}

func TestErrors(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("ö", 2000)
	for name, c := range map[string]struct {
		status int
		body   string
		want   scim.Error
	}{
		"rfc":           {409, `{"schemas":["` + scim.ErrorURN + `"],"status":"409","scimType":"uniqueness","detail":"taken"}`, scim.Error{Status: 409, ScimType: "uniqueness", Detail: "taken"}},
		"numbers":       {400, `{"status":409,"SCIMTYPE":"INVALIDVALUE","Detail":"x"}`, scim.Error{Status: 400, ScimType: "invalidValue", Detail: "x"}},
		"status object": {400, `{"status":{"code":"400"},"detail":["a","b"]}`, scim.Error{Status: 400, Detail: "a"}},
		"invented type": {400, `{"scimType":"Zebedee Quizzle"}`, scim.Error{Status: 400}},
		"scim 1.1":      {400, `{"Errors":[{"description":"bad","code":"400"}]}`, scim.Error{Status: 400, Detail: "bad"}},
		"graph":         {404, `{"error":{"code":"Request_X","message":"gone"}}`, scim.Error{Status: 404, Detail: "gone"}},
		"okta":          {401, `{"errorCode":"E0000011","errorSummary":"Invalid token"}`, scim.Error{Status: 401, Detail: "Invalid token"}},
		"oauth":         {401, `{"error":"invalid_token","error_description":"expired"}`, scim.Error{Status: 401, Detail: "expired"}},
		"gateway":       {404, `{"statusCode":404,"message":"no"}`, scim.Error{Status: 404, Detail: "no"}},
		"html":          {502, "<!DOCTYPE html><HTML><head><Title>Bad\n gateway &amp; co</title></head>", scim.Error{Status: 502, Detail: "Bad gateway & co"}},
		"html bare":     {502, "<html>", scim.Error{Status: 502, Detail: "the answer is a web page"}},
		"text":          {500, "went\x00 wrong\xff\n", scim.Error{Status: 500, Detail: "went wrong"}},
		"nothing":       {403, "", scim.Error{Status: 403}},
		"broken json":   {500, `{"detail":`, scim.Error{Status: 500}},
		"list":          {500, `[1,2]`, scim.Error{Status: 500}},
		"long":          {500, `{"detail":"` + long + `"}`, scim.Error{Status: 500, Detail: strings.Repeat("ö", 400) + "…"}},
		"redirect":      {304, "", scim.Error{Status: 304}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := serve(t, say(c.status, c.body)).Patch(t.Context(), scim.User, "x", []byte("{}"), "")
			got, ok := errors.AsType[*scim.Error](err)
			if !ok {
				t.Fatalf("error is %v, want a *scim.Error", err)
			}
			if diff := cmp.Diff(c.want, *got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestRetryAfterIsKept(t *testing.T) {
	t.Parallel()
	for value, want := range map[string]time.Duration{"90": 90 * time.Second, "Thu, 01 Jan 1970 00:02:00 GMT": 2 * time.Minute} {
		c := serve(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Retry-After", value)
			w.Header().Set("Date", "Thu, 01 Jan 1970 00:00:00 GMT")
			w.WriteHeader(http.StatusTooManyRequests)
		})
		_, err := c.Create(t.Context(), scim.User, []byte("{}"))
		if got, ok := scim.IsThrottled(err); !ok || got != want {
			t.Errorf("Retry-After: %s is %v (%v), want %v", value, got, err, want)
		}
	}
}

func TestDiscovery(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		body string
		want *ServiceProviderConfig
	}{
		"rfc": {
			`{"patch":{"supported":true},"filter":{"supported":true,"maxResults":200},"etag":{"supported":false}}`,
			&ServiceProviderConfig{Patch: Feature{true, true}, Filter: Feature{true, true}, ETag: Feature{Known: true}, FilterMax: 200},
		},
		"odd": {
			`{"PATCH":{"Supported":"True"},"filter":{"supported":0,"maxResults":"50"},"etag":true}`,
			&ServiceProviderConfig{Patch: Feature{true, true}, Filter: Feature{Known: true}, ETag: Feature{true, true}, FilterMax: 50},
		},
		"bulk": {
			`{"bulk":{"supported":true,"maxOperations":1000,"maxPayloadSize":"1048576"}}`,
			&ServiceProviderConfig{Bulk: BulkFeature{Feature{true, true}, 1000, 1048576}},
		},
		"bulk, odd": {
			`{"BULK":{"supported":1,"maxOperations":"many","maxPayloadSize":-1}}`,
			&ServiceProviderConfig{Bulk: BulkFeature{Feature: Feature{true, true}}},
		},
		"no bulk": {
			`{"bulk":false}`, &ServiceProviderConfig{Bulk: BulkFeature{Feature: Feature{Known: true}}},
		},
		"rfc 9865": {
			`{"pagination":{"cursor":true,"index":"false","defaultPaginationMethod":"cursor","maxPageSize":1000}}`,
			&ServiceProviderConfig{Pagination: &Pagination{Cursor: true, Default: "cursor", MaxPageSize: 1000}},
		},
		"senseless": {`{"patch":7,"filter":[],"etag":"yes","pagination":null}`, &ServiceProviderConfig{}},
		"list":      {`[]`, nil},
		"html":      {`<html>`, nil},
		"null":      {`null`, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := serve(t, say(200, c.body)).ServiceProviderConfig(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestEndpointsInLowerCase(t *testing.T) {
	t.Parallel()
	var paths []string
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		paths = append(paths, r.URL.Path)
		w.WriteHeader(http.StatusNoContent)
	}).With(Options{LowerEndpoints: true})
	_, _ = c.Create(t.Context(), scim.User, []byte("{}"))
	_ = c.Delete(t.Context(), scim.Group, "ID-7/A")
	_, _, _ = c.Count(t.Context(), scim.User)
	_, _ = c.Schemas(t.Context())
	for i, want := range []string{"/users", "/groups/ID-7/A", "/users", "/schemas"} {
		if i >= len(paths) || !strings.HasSuffix(paths[i], want) {
			t.Fatalf("the requests are %q, want %s as number %d", paths, want, i)
		}
	}
}

func TestDiscoveryIsOptional(t *testing.T) {
	t.Parallel()
	for _, status := range []int{200, 204, 301, 400, 403, 404, 405, 501} {
		c := serve(t, say(status, "<html>"))
		spc, err := c.ServiceProviderConfig(t.Context())
		types, err2 := c.ResourceTypes(t.Context())
		schemas, err3 := c.Schemas(t.Context())
		if spc != nil || types != nil || schemas != nil || errors.Join(err, err2, err3) != nil {
			t.Errorf("%d gives %v, %v, %v, %v", status, spc, types, schemas, errors.Join(err, err2, err3))
		}
	}
	for _, status := range []int{401, 500, 503} {
		if _, err := serve(t, say(status, "{}")).ResourceTypes(t.Context()); err == nil {
			t.Errorf("%d is taken for an answer", status)
		}
	}
}

func TestResourceTypesAndSchemas(t *testing.T) {
	t.Parallel()
	types := `{"name":"User","endpoint":"/Users","schema":"` + scim.UserURN + `","schemaExtensions":[{"schema":"` + scim.EnterpriseURN + `"}]},null,7,{"name":"Group","schemaExtensions":{"odd":1}}`
	want := []ResourceType{{Name: "User", Endpoint: "/Users", Schema: scim.UserURN, Extensions: []string{scim.EnterpriseURN}}, {}, {Name: "Group"}}
	for _, body := range []string{`{"Resources":[` + types + `]}`, `{"resources":[` + types + `]}`, `[` + types + `]`} {
		got, err := serve(t, say(200, body)).ResourceTypes(t.Context())
		if diff := cmp.Diff(want, got); diff != "" || err != nil {
			t.Errorf("%v\n%s", err, diff)
		}
	}
	schemas, err := serve(t, say(200, `{"Resources":[{"id":"s","attributes":[{"name":"Members","returned":"never"}]},{"attributes":[]}]}`)).Schemas(t.Context())
	if err != nil || len(schemas) != 1 {
		t.Fatalf("got %v, %v", schemas, err)
	}
	if a, ok := schemas[0].Attribute("members"); !ok || a.Returned != "never" {
		t.Errorf("members is %v", a)
	}
}

// The endpoint's name in SCIM 1.1 is tried where the one of SCIM 2.0 is missing.
func TestDiscoveryByTheOldName(t *testing.T) {
	t.Parallel()
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/base/ServiceProviderConfigs" {
			w.WriteHeader(http.StatusNotFound)
			return
		}
		_, _ = io.WriteString(w, `{"patch":{"supported":true}}`)
	})
	if spc, err := c.ServiceProviderConfig(t.Context()); err != nil || spc == nil || !spc.Patch.Supported {
		t.Errorf("got %v, %v", spc, err)
	}
}

func TestSchemaAttributes(t *testing.T) {
	t.Parallel()
	for body, want := range map[string][]SchemaAttribute{
		`[{"name":"name","required":"true","multiValued":0,"subAttributes":[{"name":"familyName","required":true,"subAttributes":[{"name":"x"}]}]},null]`: {
			{Name: "name", Required: true, Sub: []SchemaAttribute{{Name: "familyName", Required: true}}}, {},
		},
		`[{"name":"emails","multiValued":true,"subAttributes":"none"}]`: {{Name: "emails", MultiValued: true}},
		`[7]`: nil, `{}`: nil, `"x"`: nil,
	} {
		got, err := serve(t, say(200, `{"Resources":[{"id":"s","attributes":`+body+`}]}`)).Schemas(t.Context())
		if err != nil || len(got) != 1 {
			t.Fatalf("%s gives %v, %v", body, got, err)
		}
		if diff := cmp.Diff(want, got[0].Attributes); diff != "" {
			t.Errorf("%s\n%s", body, diff)
		}
	}
}

// The index walk must survive a server that caps pages as it likes.
func TestWalkOverAnyPageSizes(t *testing.T) {
	t.Parallel()
	for _, caps := range [][]int{{1}, {7, 1, 50}, {100}, {3, 3, 3, 90}} {
		call := 0
		c := serve(t, func(w http.ResponseWriter, r *http.Request) {
			start, _ := strconv.Atoi(r.URL.Query().Get("startIndex"))
			start = max(start, 1)
			n := min(caps[call%len(caps)], 100-start+1)
			call++
			_, _ = fmt.Fprintf(w, `{"totalResults":100,"Resources":%s}`, rows(start, n))
		})
		got, err := list(c, Query{Count: 50})
		if err != nil || len(got) != 100 || !slices.Contains(got, "u100") {
			t.Errorf("caps %v: %d resources and %v", caps, len(got), err)
		}
	}
}

func FuzzDecodePage(f *testing.F) {
	for _, s := range []string{
		`{"totalResults":1,"Resources":[{"id":"1"}]}`, `{"resources":[{"ID":"1","members":[{"value":"x"}]}],"nextCursor":7}`,
		`{"schemas":"x","totalResults":"9"}`, `{"Resources":[null]}`, `<html>`, `{"totalResults":1e99,"Resources":{}}`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		p, err := decodePage(body)
		if err != nil {
			return
		}
		for _, res := range p.Resources {
			if res.ID() == "" {
				t.Fatal("a resource without an id passed")
			}
		}
		w := walk{query: Query{Paging: Index}, seen: map[string]struct{}{}, cursors: map[string]struct{}{}, maxRows: 10}
		fresh, err := w.take(p)
		if w.done && err == nil && w.first.Known && len(fresh) < w.first.N {
			t.Fatal("a list that is not whole passed")
		}
	})
}

func FuzzDecodeError(f *testing.F) {
	for _, s := range []string{
		`{"status":"400","scimType":"uniqueness","detail":"x"}`, `{"error":{"message":["x"]}}`, `<title>x</title>`,
		`{"errors":[{"description":{}}]}`, "\xff\x00", `{"detail":null}`,
	} {
		f.Add(400, []byte(s))
	}
	c := New(nil, Options{})
	f.Fuzz(func(t *testing.T, status int, body []byte) {
		e := c.decodeError(&httpx.Response{Status: status, Header: http.Header{}, Body: body})
		if e.Status != status {
			t.Fatal("the status is not the one of HTTP")
		}
		if len([]rune(e.Detail)) > maxDetail+1 || strings.ContainsAny(e.Detail, "\n\x00") {
			t.Fatalf("the detail is not one short line: %q", e.Detail)
		}
		if strings.Contains(e.Error(), "\n") || (e.ScimType != "" && knownType(e.ScimType) != e.ScimType) {
			t.Fatalf("a type that nobody registered: %q", e.ScimType)
		}
	})
}

// The quick scan finds the id that the decoder finds, or none.
func FuzzScanID(f *testing.F) {
	for _, s := range []string{
		`{"schemas":["x"],"id":"1"}`, `{"meta":{"id":"2"},"id":"1"}`, `["id","x"]`, `{"a":"id","id":"1"}`, `{"id":"\u0031"}`,
		`{"x":"\"id\":\"2\"","id":"1"}`, `{"id" : "1"}`, `{"id":"`, `{"id":7}`, `{"a":[],"id":"1"}`, `{"a":"id":"x"}`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		quick := scanID(body)
		if quick == "" {
			return
		}
		var want string
		var all map[string]json.RawMessage
		if json.Unmarshal(body, &all) != nil || strings.Count(string(body), `"id"`) != 1 {
			return // not JSON, or doubled names: either is as good
		}
		if json.Unmarshal(all["id"], &want) != nil || want != quick {
			t.Fatalf("%q is found in %s, want %q", quick, body, want)
		}
	})
}

func FuzzDecodeDiscovery(f *testing.F) {
	f.Add([]byte(`{"patch":{"supported":true},"filter":{"supported":0,"maxResults":"1"}}`))
	f.Add([]byte(`{"Resources":[{"name":"User","schemaExtensions":[null]}]}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		for _, item := range listed(body) {
			if !json.Valid(item) {
				t.Fatal("an item is not JSON")
			}
		}
		var feature looseFeature
		_ = json.Unmarshal(body, &feature)
		_ = idFromLocation(scim.User, string(body))
		if id := idFromLocation(scim.User, "/Users/"+url.PathEscape(string(body))); id != string(body) && id != "" {
			t.Fatalf("the id is %q", id)
		}
	})
}
