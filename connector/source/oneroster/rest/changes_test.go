package rest

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"simscim/connector/source"
)

func TestChanges(t *testing.T) {
	t.Parallel()
	since := time.Date(2026, 11, 23, 2, 0, 0, 0, time.UTC)
	lists := map[string]string{
		"academicSessions": `[{"sourcedId":"t","status":"active","dateLastModified":"2026-11-23T02:00:00.000Z"}]`,
		"courses":          `[{"sourcedId":"k","dateLastModified":"2026-11-23T01:59:59.999Z","org":{"sourcedId":"s1"}}]`, // told although it is older
		"classes":          `[]`,
		"users": `[{"sourcedId":"u1","status":"tobedeleted","dateLastModified":"2026-11-24T02:00:00.000+00:00","orgs":["s1",{"sourcedId":"s2"},"s1"]},
			{"sourcedId":"u2","status":"active","givenName":"Zebedee"}]`,
		"enrollments": `[{"sourcedId":"e","dateLastModified":"2026-11-23T03:00:00Z","school":{"sourcedId":"s2"}}]`,
	}
	r := pager(t, func(w http.ResponseWriter, req *http.Request) {
		name := strings.TrimPrefix(req.URL.Path, "/v1p1/")
		q := req.URL.Query()
		if q.Get("limit") == "1" {
			fmt.Fprint(w, `{"users":[{"sourcedId":"u","dateLastModified":"2026-01-01T00:00:00Z"}]}`)
			return
		}
		if q.Get("filter") != "dateLastModified>'2026-11-23T01:59:59.999Z'" || !strings.HasPrefix(q.Get("fields"), "sourcedId,status,dateLastModified") {
			t.Errorf("%s was asked for with %s", name, req.URL.RawQuery)
		}
		w.Header().Set("X-Total-Count", fmt.Sprint(strings.Count(lists[name], `"sourcedId":"`)-strings.Count(lists[name], `{"sourcedId":"s`)))
		fmt.Fprintf(w, `{"%s":%s}`, name, lists[name])
	}, nil)
	got, err := r.Changes(t.Context(), since)
	if err != nil {
		t.Fatal(err)
	}
	want := []Change{
		{Kind: "academicSessions", ID: "t", At: since},
		{Kind: "users", ID: "u1", Orgs: []string{"s1", "s2"}, Gone: true, At: since.AddDate(0, 0, 1)},
		{Kind: "users", ID: "u2"},
		{Kind: "enrollments", ID: "e", Orgs: []string{"s2"}, At: since.Add(time.Hour)},
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("changes (-want +got):\n%s", d)
	}
}

func TestChangesOfTheSandbox(t *testing.T) {
	t.Parallel()
	for _, version := range []string{Version11, Version12} {
		s := newSandbox(t, sandboxOptions{version: version, change: func(_ *sandboxed, o *Options) { o.PageSize = 5000 }})
		all, err := s.source.Changes(t.Context(), time.Time{}.AddDate(1, 0, 0))
		if err != nil {
			t.Fatal(err)
		}
		late, err := s.source.Changes(t.Context(), s.world.Now().AddDate(1, 0, 0))
		if err != nil {
			t.Fatal(err)
		}
		if len(all) < 1000 || len(late) != 0 {
			t.Errorf("%s: %d changes since ever and %d since next year", version, len(all), len(late))
		}
		for _, c := range all {
			if c.Kind != "academicSessions" && c.Kind != "courses" && len(c.Orgs) == 0 {
				t.Fatalf("%s: a change of %s concerns no school", version, c.Kind)
			}
		}
	}
}

func TestChangesThatCannotBeTold(t *testing.T) {
	t.Parallel()
	for _, deviation := range []string{"no-dates", "filters-ignored no-dates"} {
		s := newSandbox(t, sandboxOptions{deviations: strings.Fields(deviation)})
		if _, err := s.source.Changes(t.Context(), s.world.Now().AddDate(-9, 0, 0)); !errors.Is(err, ErrNoDelta) {
			t.Errorf("%s: got %v, want ErrNoDelta", deviation, err)
		}
	}
	r := pager(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadRequest) }, nil)
	if _, err := r.Changes(t.Context(), time.Now()); !errors.Is(err, ErrNoDelta) {
		t.Errorf("a filter that is refused gives %v", err)
	}
	r = pager(t, func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, `{}`) }, nil)
	if _, err := r.Changes(t.Context(), time.Now()); !source.IsIncomplete(err) {
		t.Errorf("a list without its envelope gives %v", err)
	}
}
