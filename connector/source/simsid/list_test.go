package simsid

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"simscim/connector/source"
	"simscim/internal/httpx"
)

// server answers one list of n records by whatever paging the client uses.
type server struct {
	ids    []string
	cap    int // most records in a page
	change func(n int, q map[string]string, answer map[string]any)
	calls  int
	asked  []string
}

func (v *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	v.calls++
	v.asked = append(v.asked, r.URL.RawQuery)
	q := map[string]string{}
	for k := range r.URL.Query() {
		q[k] = r.URL.Query().Get(k)
	}
	size := min(number(q["size"], v.cap), v.cap)
	from := number(q["offset"], 0)
	if q["page"] != "" {
		from = (number(q["page"], 1) - 1) * size
	}
	from = min(from, len(v.ids))
	to := min(from+size, len(v.ids))
	items := []any{}
	for _, id := range v.ids[from:to] {
		items = append(items, map[string]any{"id": id})
	}
	answer := map[string]any{"items": items, "total": len(v.ids), "org": "o-1"}
	if to < len(v.ids) {
		answer["links"] = map[string]any{"next": "/list?offset=" + strconv.Itoa(to) + "&size=" + strconv.Itoa(size)}
	}
	if v.change != nil {
		v.change(v.calls, q, answer)
	}
	var body any = answer
	if bare, ok := answer["$"]; ok {
		body = bare
	}
	if status, ok := answer["status"].(int); ok {
		w.WriteHeader(status)
		return
	}
	_ = json.NewEncoder(w).Encode(body)
}

func number(s string, otherwise int) int {
	if n, err := strconv.Atoi(s); err == nil {
		return n
	}
	return otherwise
}

func ids(n int) []string {
	out := make([]string, n)
	for i := range out {
		out[i] = fmt.Sprintf("p-%03d", i)
	}
	return out
}

func readFrom(t *testing.T, v *server, change func(*list)) ([]string, error) {
	t.Helper()
	ts := httptest.NewServer(v)
	t.Cleanup(ts.Close)
	c, err := httpx.New(httpx.Options{BaseURL: ts.URL, MaxBody: 1 << 20})
	if err != nil {
		t.Fatal(err)
	}
	l := &list{
		what: "people", at: &service{client: c, origin: ts.URL}, template: "/list", path: "/list", organisation: "o-1", school: true,
		shape:  pageShape{items: fieldPath{"items"}, total: fieldPath{"total"}, organisation: fieldPath{"org"}},
		paging: paging{style: "page", number: "page", offset: "offset", size: "size", first: 1, records: 10, byReceived: true},
	}
	if change != nil {
		change(l)
	}
	if l.paging.style == "next" {
		l.shape.next = fieldPath{"links", "next"}
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	decode := func(r record) (string, string) { s, err := r.text(fieldPath{"id"}); return s, problemOf(err) }
	items, err := readList(ctx, l, decode, func(s string) string { return s })
	var out []string
	for _, it := range items {
		out = append(out, it.value)
	}
	return out, err
}

func problemOf(err error) string {
	if err != nil {
		return err.Error()
	}
	return ""
}

func TestPaging(t *testing.T) {
	t.Parallel()
	style := func(s string) func(*list) { return func(l *list) { l.paging.style = s } }
	noTotal := func(l *list) { l.shape.total = nil }
	for _, c := range []struct {
		name   string
		n, cap int
		list   []func(*list)
		calls  int
	}{
		{"pages", 25, 100, nil, 3},
		{"pages that end on a full one", 20, 100, nil, 2},
		{"empty", 0, 100, nil, 1},
		{"pages without a total", 25, 100, []func(*list){noTotal}, 4},
		{"offset", 25, 100, []func(*list){style("offset")}, 3},
		{"offset with shorter pages than asked for", 25, 4, []func(*list){style("offset")}, 7},
		{"offset without a total and with shorter pages", 25, 4, []func(*list){style("offset"), noTotal}, 8},
		{"next", 25, 100, []func(*list){style("next")}, 3},
		{"next without a total", 25, 10, []func(*list){style("next"), noTotal}, 3},
		{"none", 25, 100, []func(*list){style("none")}, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			v := &server{ids: ids(c.n), cap: c.cap}
			got, err := readFrom(t, v, func(l *list) {
				for _, f := range c.list {
					f(l)
				}
			})
			if err != nil {
				t.Fatal(err)
			}
			if strings.Join(got, " ") != strings.Join(ids(c.n), " ") {
				t.Errorf("read %d records, want all %d in their order", len(got), c.n)
			}
			if v.calls != c.calls {
				t.Errorf("%d calls, want %d (%v)", v.calls, c.calls, v.asked)
			}
		})
	}
}

func TestListThatIsNotWhole(t *testing.T) {
	t.Parallel()
	type change = func(n int, q map[string]string, a map[string]any)
	style := func(s string) func(*list) { return func(l *list) { l.paging.style = s } }
	next := func(link string) change {
		return func(_ int, _ map[string]string, a map[string]any) { a["links"] = map[string]any{"next": link} }
	}
	on := func(page int, f func(map[string]any)) change {
		return func(n int, _ map[string]string, a map[string]any) {
			if n == page {
				f(a)
			}
		}
	}
	for _, c := range []struct {
		name   string
		list   func(*list)
		change change
		want   string
	}{
		{"total moves", nil, on(2, func(a map[string]any) { a["total"] = 26 }), "page 2 of people came with a total of 26 after 25 before"},
		{"total is text", nil, on(1, func(a map[string]any) { a["total"] = "many" }), "has a total that is no number"},
		{"total is negative", nil, on(1, func(a map[string]any) { a["total"] = -1 }), "has a total that is no number"},
		{"total is beyond reason", nil, on(1, func(a map[string]any) { a["total"] = 1e9 }), "a total that cannot be true"},
		{"total is missing", nil, on(2, func(a map[string]any) { delete(a, "total") }), "page 2 of people came without its total"},
		{"items are missing", nil, on(3, func(a map[string]any) { delete(a, "items") }), "page 3 of people came without its item list"},
		{"items are null", nil, on(2, func(a map[string]any) { a["items"] = nil }), "page 2 of people came without its item list"},
		{"items are text", nil, on(2, func(a map[string]any) { a["items"] = "none" }), "something else than a list"},
		{"organisation is an object", nil, on(2, func(a map[string]any) { a["org"] = map[string]any{} }), "an envelope field that is not text"},
		{"too few", nil, on(3, func(a map[string]any) { a["items"] = a["items"].([]any)[:4] }), "people ended after 24 of 25 records"},
		{"too many", nil, on(3, func(a map[string]any) {
			a["items"] = append(a["items"].([]any), map[string]any{"id": "x"})
		}), "brings more records (26) than the total of 25"},
		{"empty page", nil, on(2, func(a map[string]any) { a["items"] = []any{} }), "people ended after 10 of 25"},
		{"same page", nil, func(_ int, _ map[string]string, a map[string]any) {
			a["items"] = []any{map[string]any{"id": "p-000"}, map[string]any{"id": "p-001"}}
		}, "page 2 of people is the same as a page before"},
		{"array for an object", nil, on(2, func(a map[string]any) { a["$"] = []any{} }), "page 2 of people came without its item list"},
		{"status 400", nil, on(2, func(a map[string]any) { a["status"] = 400 }), "page 2 of people was answered with status 400"},
		{"status 404 in the middle", nil, on(2, func(a map[string]any) { a["status"] = 404 }), "status 404"},
		{"status 204", nil, on(1, func(a map[string]any) { a["status"] = 204 }), "status 204"},
		{"status 204 in the middle", func(l *list) { l.noContent = true }, on(2, func(a map[string]any) { a["status"] = 204 }), "status 204"},
		{"redirect", nil, on(1, func(a map[string]any) { a["status"] = 302 }), "status 302"},
		{"link to another host", style("next"), next("https://elsewhere.example/list"), "leaves the host"},
		{"link to another port", style("next"), next("http://127.0.0.1:1/list"), "leaves the host"},
		{"link with a user", style("next"), next("//u@127.0.0.1/list"), "leaves the host"},
		{"link to itself", style("next"), next("/list?size=10"), "leads back to itself"},
		{"link that is none", style("next"), next("http://[::1"), "no address"},
		{"link with a broken query", style("next"), next("/list?%zz"), "no address"},
		{"links to and fro", style("next"), func(n int, _ map[string]string, a map[string]any) {
			a["links"] = map[string]any{"next": "/list?offset=0&size=10&n=" + strconv.Itoa(n)}
		}, "is the same as a page before"},
		{"empty pages for ever", func(l *list) { l.paging.style, l.shape.total = "next", nil }, func(n int, _ map[string]string, a map[string]any) {
			a["items"], a["links"] = []any{}, map[string]any{"next": "/list?n=" + strconv.Itoa(n)}
		}, "is empty like the one before"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			_, err := readFrom(t, &server{ids: ids(25), cap: 100, change: c.change}, c.list)
			if !source.IsIncomplete(err) || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v\nwant an *Incomplete with %q", err, c.want)
			}
		})
	}
}

// TestIDsOnTwoPages: an id that comes back on a later page is a flaw of the data when
// the list stands still, and a list that moved when it does not.
func TestIDsOnTwoPages(t *testing.T) {
	t.Parallel()
	flawed := append(ids(24), "p-003")
	got, err := readFrom(t, &server{ids: flawed, cap: 100}, nil)
	if err != nil || len(got) != 25 {
		t.Errorf("a flaw that stands still gives %d records and %v, want all 25", len(got), err)
	}
	v := &server{ids: flawed, cap: 100}
	v.change = func(n int, _ map[string]string, _ map[string]any) {
		if n == 3 {
			v.ids = append(ids(24), "p-024") // what the second reading will find
		}
	}
	if _, err := readFrom(t, v, nil); !source.IsIncomplete(err) {
		t.Errorf("a list that moved gives %v, want an *Incomplete", err)
	}
}

func TestNoContentAndNull(t *testing.T) {
	t.Parallel()
	empty := func(_ int, _ map[string]string, a map[string]any) { a["status"] = http.StatusNoContent }
	if got, err := readFrom(t, &server{cap: 10, change: empty}, func(l *list) { l.noContent = true }); err != nil || len(got) != 0 {
		t.Errorf("204, which the contract takes for an empty list, gives %v and %v", got, err)
	}
	null := func(_ int, _ map[string]string, a map[string]any) { a["items"] = nil }
	if got, err := readFrom(t, &server{cap: 10, change: null}, nil); err != nil || len(got) != 0 {
		t.Errorf("null with a total of 0 gives %v and %v, want an empty list", got, err)
	}
	bare := func(_ int, _ map[string]string, a map[string]any) { a["$"] = a["items"] }
	got, err := readFrom(t, &server{ids: ids(25), cap: 100, change: bare}, func(l *list) {
		l.shape, l.paging.style = pageShape{items: fieldPath{}}, "offset"
	})
	if err != nil || len(got) != 25 {
		t.Errorf("a list without an envelope gives %d records and %v, want 25", len(got), err)
	}
}

func TestAdvanceByAsked(t *testing.T) {
	t.Parallel()
	v := &server{ids: ids(25), cap: 100}
	if _, err := readFrom(t, v, func(l *list) { l.paging.style, l.paging.byReceived, l.shape.total = "offset", false, nil }); err != nil {
		t.Fatal(err)
	}
	want := "offset=0&size=10 offset=10&size=10 offset=20&size=10 offset=30&size=10"
	if got := strings.Join(v.asked, " "); got != want {
		t.Errorf("asked %q, want %q", got, want)
	}
}
