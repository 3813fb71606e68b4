package client

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"simscim/internal/httpx"
	"simscim/scim"
)

// fiveOps are two creates, a change that has a bulkId, one that has none, and a deletion.
func fiveOps() []BulkOperation {
	return []BulkOperation{
		{Method: "POST", Kind: scim.User, BulkID: "a", Data: json.RawMessage(`{"userName":"<x> & y"}`)},
		{Method: "POST", Kind: scim.Group, BulkID: "b", Data: json.RawMessage(`{}`)},
		{Method: "PATCH", Kind: scim.Group, ID: "g/1", BulkID: "c", Version: `W/"1"`, Data: json.RawMessage(`{}`)},
		{Method: "PATCH", Kind: scim.User, ID: "u1", Data: json.RawMessage(`{}`)},
		{Method: "DELETE", Kind: scim.User, ID: "u2"},
	}
}

func TestBulkRequest(t *testing.T) {
	t.Parallel()
	var got struct {
		Schemas      []string
		FailOnErrors int
		Operations   []map[string]any
	}
	size := 0
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		size = len(body)
		if r.URL.Path != "/base/Bulk" || json.Unmarshal(body, &got) != nil || strings.Contains(string(body), `\u003c`) {
			t.Errorf("%s gets %s", r.URL.Path, body)
		}
		_, _ = io.WriteString(w, `{}`)
	})
	ops := fiveOps()
	if _, err := c.Bulk(t.Context(), ops, 3); err != nil {
		t.Fatal(err)
	}
	want := []map[string]any{
		{"method": "POST", "path": "/Users", "bulkId": "a", "data": map[string]any{"userName": "<x> & y"}},
		{"method": "POST", "path": "/Groups", "bulkId": "b", "data": map[string]any{}},
		{"method": "PATCH", "path": "/Groups/g%2F1", "bulkId": "c", "version": `W/"1"`, "data": map[string]any{}},
		{"method": "PATCH", "path": "/Users/u1", "data": map[string]any{}},
		{"method": "DELETE", "path": "/Users/u2"},
	}
	if diff := cmp.Diff(want, got.Operations); diff != "" || got.FailOnErrors != 3 || !cmp.Equal(got.Schemas, []string{scim.BulkRequestURN}) {
		t.Errorf("%+v\n%s", got, diff)
	}
	most := BulkOverhead
	for _, o := range ops {
		most += o.Size()
	}
	if size > most {
		t.Errorf("the request has %d bytes, more than the %d that were reckoned", size, most)
	}
}

func TestBulkRequestRefused(t *testing.T) {
	t.Parallel()
	c := serve(t, func(http.ResponseWriter, *http.Request) { t.Error("a request was sent") })
	for name, ops := range map[string][]BulkOperation{
		"create without bulkId": {{Method: "POST", Kind: scim.User}},
		"create with id":        {{Method: "POST", Kind: scim.User, BulkID: "a", ID: "1"}},
		"change without id":     {{Method: "PATCH", Kind: scim.User}},
		"id that climbs":        {{Method: "DELETE", Kind: scim.User, ID: ".."}},
		"read":                  {{Method: "GET", Kind: scim.User, ID: "1"}},
		"one bulkId twice":      {{Method: "POST", Kind: scim.User, BulkID: "a"}, {Method: "POST", Kind: scim.User, BulkID: "a"}},
		"data that is no JSON":  {{Method: "POST", Kind: scim.User, BulkID: "a", Data: json.RawMessage("{")}},
	} {
		if _, err := c.Bulk(t.Context(), ops, 0); err == nil {
			t.Errorf("%s is sent", name)
		}
	}
	if got, err := c.Bulk(t.Context(), nil, 0); got != nil || err != nil {
		t.Errorf("nothing gives %v, %v", got, err)
	}
}

func TestBulkAnswers(t *testing.T) {
	t.Parallel()
	ok := func(status int, id string) BulkResult { return BulkResult{State: Answered, Status: status, ID: id} }
	at := func(r BulkResult, location string) BulkResult { r.Location = location; return r }
	failed := func(status int, scimType, detail string) BulkResult {
		return BulkResult{State: Answered, Status: status, Err: &scim.Error{Status: status, ScimType: scimType, Detail: detail}}
	}
	const (
		a = `{"method":"POST","bulkId":"a","location":"https://other.example/v2/Users/u9","status":"201"}`
		b = `{"method":"POST","bulkId":"b","status":"201","response":{"id":"g9"}}`
		c = `{"method":"PATCH","bulkId":"c","location":"/Groups/g%2F1","status":"200"}`
		d = `{"method":"PATCH","location":"Users/u1","status":"204"}`
		e = `{"method":"DELETE","location":"/users/u2","status":"204"}`
	)
	made, group := at(ok(201, "u9"), "https://other.example/v2/Users/u9"), ok(201, "g9")
	changed, patched, gone := at(ok(200, "g/1"), "/Groups/g%2F1"), at(ok(204, "u1"), "Users/u1"), at(ok(204, "u2"), "/users/u2")
	none, behind := BulkResult{}, BulkResult{State: NotAttempted}
	for name, tc := range map[string]struct {
		answers      string
		failOnErrors int
		want         []BulkResult
	}{
		"in order":     {a + "," + b + "," + c + "," + d + "," + e, 0, []BulkResult{made, group, changed, patched, gone}},
		"out of order": {e + "," + b + "," + d + "," + a + "," + c, 0, []BulkResult{made, group, changed, patched, gone}},
		"status as object and number": {
			`{"bulkId":"a","status":{"code":"201"},"response":{"id":"u9"}},{"bulkId":"b","status":201,"response":{"ID":7}},` +
				`{"bulkId":"c","status":{"code":204,"description":"x"}},{"method":"patch","location":"/Users/u1","STATUS":{"CODE":"204"}},` + e, 0,
			[]BulkResult{ok(201, "u9"), ok(201, "7"), ok(204, "g/1"), at(ok(204, "u1"), "/Users/u1"), gone},
		},
		"nameless ones by their place": {
			a + "," + b + "," + c + `,{"method":"PATCH","status":"204"},{"method":"DELETE","status":"404"}`, 0,
			[]BulkResult{made, group, changed, ok(204, "u1"), failed(404, "", "")},
		},
		"a nameless create is nobody's": {
			`{"method":"POST","status":"201","response":{"id":"u9"}},` + b + "," + c + "," + d + "," + e, 0,
			[]BulkResult{none, group, changed, patched, gone},
		},
		"nameless ones after a gap are nobody's": {
			a + "," + b + "," + c + `,{"method":"DELETE","status":"204"}`, 0, []BulkResult{made, group, changed, none, none},
		},
		"nameless ones in another order are nobody's": {
			b + "," + a + "," + c + `,{"method":"PATCH","status":"204"},{"method":"DELETE","status":"204"}`, 0,
			[]BulkResult{made, group, changed, none, none},
		},
		"errors of operations": {
			`{"method":"POST","bulkId":"a","status":"409","response":{"scimType":"uniqueness","detail":"taken","status":"409"}},` +
				`{"method":"POST","bulkId":"b","status":{"code":"400"},"response":"odd"},` +
				`{"method":"PATCH","bulkId":"c","status":"412"},` + d + "," + e, 0,
			[]BulkResult{failed(409, "uniqueness", "taken"), failed(400, "", `"odd"`), failed(412, "", ""), patched, gone},
		},
		"accepted is not done": {`{"bulkId":"a","status":"202"}`, 0, []BulkResult{failed(202, "", ""), none, none, none, none}},
		"cut off": {
			a + `,{"method":"POST","bulkId":"b","status":"400"}`, 1, []BulkResult{made, failed(400, "", ""), behind, behind, behind},
		},
		"too few errors for a cut": {
			a + `,{"method":"POST","bulkId":"b","status":"400"}`, 2, []BulkResult{made, failed(400, "", ""), none, none, none},
		},
		"cut off in another order": {
			d + `,{"method":"POST","bulkId":"a","status":"400"}`, 1, []BulkResult{failed(400, "", ""), none, none, patched, behind},
		},
		"version":      {`{"bulkId":"a","status":"201","response":{"id":"u9","meta":{"version":"W/\"2\""}}}`, 0, []BulkResult{{State: Answered, Status: 201, ID: "u9", Version: `W/"2"`}, none, none, none, none}},
		"twice":        {a + `,{"method":"POST","bulkId":"a","status":"500"}`, 0, []BulkResult{made, none, none, none, none}},
		"odd elements": {`null,7,"x",[],{},{"bulkId":"a","status":"soon"},{"bulkId":"zzz","status":"201"},` + b, 0, []BulkResult{none, group, none, none, none}},
		"nothing":      {``, 0, []BulkResult{none, none, none, none, none}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, body := range []string{`{"schemas":["` + scim.BulkResponseURN + `"],"Operations":[` + tc.answers + `]}`, `{"operations":[` + tc.answers + `]}`} {
				got, err := serve(t, say(200, body)).Bulk(t.Context(), fiveOps(), tc.failOnErrors)
				if err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(tc.want, got); diff != "" {
					t.Error(diff)
				}
			}
		})
	}
}

// Two changes of one object are not told apart by where it is.
func TestBulkTwiceTheSameObject(t *testing.T) {
	t.Parallel()
	ops := []BulkOperation{{Method: "PATCH", Kind: scim.Group, ID: "g"}, {Method: "PATCH", Kind: scim.Group, ID: "g"}}
	got, err := serve(t, say(200, `{"Operations":[{"method":"PATCH","location":"/Groups/g","status":"204"}]}`)).Bulk(t.Context(), ops, 0)
	if diff := cmp.Diff([]BulkResult{{}, {}}, got); diff != "" || err != nil {
		t.Errorf("%v\n%s", err, diff)
	}
}

func TestBulkAsAWhole(t *testing.T) {
	t.Parallel()
	for _, status := range []int{400, 401, 404, 413, 500, 501} {
		_, err := serve(t, say(status, `{"detail":"maxOperations is 10"}`)).Bulk(t.Context(), fiveOps(), 0)
		if e, ok := errors.AsType[*scim.Error](err); !ok || e.Status != status {
			t.Errorf("%d gives %v", status, err)
		}
	}
	for _, body := range []string{``, `null`, `[]`, `{}`, `{"Operations":null}`, `{"Operations":{}}`, `{"Operations":[`, `{"schemas":["` + scim.ErrorURN + `"]}`} {
		got, err := serve(t, say(200, body)).Bulk(t.Context(), fiveOps(), 1)
		if diff := cmp.Diff(make([]BulkResult, 5), got); diff != "" || err != nil {
			t.Errorf("%s: %v\n%s", body, err, diff)
		}
	}
	h, err := httpx.New(httpx.Options{BaseURL: "http://127.0.0.1:1"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := New(h, Options{}).Bulk(t.Context(), fiveOps(), 0); err == nil || httpx.IsAmbiguous(err) {
		t.Errorf("a server that is not there gives %v", err)
	}
}

// A create must not be made twice; changes and deletions may.
func TestBulkIsRepeatedOnlyWithoutCreates(t *testing.T) {
	t.Parallel()
	for from, want := range map[int]int{0: 1, 2: 2} {
		calls := 0
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			calls++
			w.WriteHeader(http.StatusBadGateway)
		}))
		t.Cleanup(server.Close)
		h, err := httpx.New(httpx.Options{BaseURL: server.URL, Retries: 1, MinWait: time.Millisecond})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := New(h, Options{}).Bulk(t.Context(), fiveOps()[from:], 0); err == nil || calls != want {
			t.Errorf("operations from %d: %d requests and %v, want %d", from, calls, err, want)
		}
	}
}

func FuzzDecodeBulk(f *testing.F) {
	for _, s := range []string{
		`{"Operations":[{"method":"POST","bulkId":"a","status":"201","location":"/Users/1"}]}`,
		`{"operations":[{"method":"PATCH","status":{"code":"200"}},{"method":"DELETE","location":"/Users/u2","status":404}]}`,
		`{"Operations":[null,{"bulkId":7,"status":[],"response":{"id":{}}}]}`, `<html>`,
	} {
		f.Add([]byte(s), 1)
	}
	c := New(nil, Options{})
	f.Fuzz(func(t *testing.T, body []byte, failOnErrors int) {
		ops := fiveOps()
		results := c.settle(ops, decodeBulk(body), failOnErrors)
		if len(results) != len(ops) {
			t.Fatal("an operation has no result")
		}
		for i, r := range results {
			switch {
			case (r.State == Answered) != (r.Status != 0):
				t.Fatalf("operation %d: %+v", i, r)
			case r.State == Answered && (r.Err == nil) != succeeded(r.Status):
				t.Fatalf("operation %d: %+v", i, r)
			case r.State == NotAttempted && failOnErrors < 1:
				t.Fatal("the server was not asked to stop")
			case r.State != Answered && (r.ID != "" || r.Err != nil):
				t.Fatalf("operation %d: %+v", i, r)
			}
		}
	})
}
