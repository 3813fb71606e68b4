package rest

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"simscim/connector/source"
)

// pager serves one list of courses, by the hand of a test.
func pager(t *testing.T, h http.HandlerFunc, change func(*Options)) *Reader {
	t.Helper()
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	o := Options{
		Name: "x", BaseURL: server.URL + "/v1p1/", PageSize: 2, MaxRecords: 50, MaxPages: 30, Retries: -1, MinWait: time.Millisecond,
		MaxBody: 4096, Timeout: time.Minute,
	}
	if change != nil {
		change(&o)
	}
	s, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	return s.reader
}

// readIDs reads the list plainly and returns the ids that came.
func readIDs(t *testing.T, r *Reader) ([]string, error) {
	t.Helper()
	l := &list{what: "courses", key: "courses", route: "/courses", path: "/courses", school: true}
	w, err := readList(t.Context(), r, l, func(dec *json.Decoder) (string, verdict, error) {
		e, err := decodeEntry(dec, func(raw *rawCourse, n *notes) string { return n.must("sourcedId", raw.ID) })
		return e.value, verdict{id: e.value, keep: true}, err
	})
	if err != nil {
		return nil, err
	}
	return w.kept, nil
}

// page writes ids as a page.
func writePage(w http.ResponseWriter, ids string) {
	var rows []string
	for id := range strings.FieldsSeq(ids) {
		rows = append(rows, fmt.Sprintf(`{"sourcedId":%q,"title":"t"}`, id))
	}
	fmt.Fprintf(w, `{"courses":[%s]}`, strings.Join(rows, ","))
}

func TestPaging(t *testing.T) {
	t.Parallel()
	link := func(w http.ResponseWriter, rel, to string) {
		w.Header().Add("Link", fmt.Sprintf(`<%s>; rel="%s"`, to, rel))
	}
	for name, tc := range map[string]struct {
		// h answers call n, which asks for the offset given.
		h     func(n int32, offset string, w http.ResponseWriter, r *http.Request)
		want  string // ids
		fails string // the reason of an *Incomplete
		calls int32
	}{
		"no headers, empty page ends": {h: func(_ int32, o string, w http.ResponseWriter, _ *http.Request) {
			writePage(w, map[string]string{"0": "a b", "2": "c"}[o])
		}, want: "a b c", calls: 3},
		"no headers, 204 ends": {h: func(_ int32, o string, w http.ResponseWriter, _ *http.Request) {
			if o != "0" {
				w.WriteHeader(204)
				return
			}
			writePage(w, "a b")
		}, want: "a b", calls: 2},
		"empty list": {h: func(_ int32, _ string, w http.ResponseWriter, _ *http.Request) { writePage(w, "") }, want: "", calls: 1},
		"204 for an empty list": {
			h: func(_ int32, _ string, w http.ResponseWriter, _ *http.Request) { w.WriteHeader(204) }, want: "", calls: 1,
		},
		"204 against a total": {h: func(_ int32, _ string, w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("X-Total-Count", "3")
			w.WriteHeader(204)
		}, fails: "ended after 0 of 3", calls: 2},
		"200 without a body": {h: func(_ int32, _ string, _ http.ResponseWriter, _ *http.Request) {}, fails: "cut short", calls: 1},
		"capped pages, by total": {h: func(_ int32, o string, w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("X-Total-Count", "3")
			writePage(w, map[string]string{"0": "a", "1": "b", "2": "c"}[o])
		}, want: "a b c", calls: 3},
		"total that is no number": {h: func(_ int32, o string, w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("X-Total-Count", "many")
			writePage(w, map[string]string{"0": "a b"}[o])
		}, want: "a b", calls: 2},
		"total moves once": {h: func(n int32, o string, w http.ResponseWriter, _ *http.Request) {
			total := "4"
			if n == 1 {
				total = "3"
			}
			w.Header().Set("X-Total-Count", total)
			writePage(w, map[string]string{"0": "a b", "2": "c d"}[o])
		}, want: "a b c d", calls: 4},
		"total keeps moving": {h: func(n int32, o string, w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("X-Total-Count", fmt.Sprint(10+n))
			writePage(w, map[string]string{"0": "a b", "2": "c d"}[o])
		}, fails: "total of", calls: 4},
		"more than the total": {h: func(_ int32, _ string, w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("X-Total-Count", "1")
			writePage(w, "a b")
		}, fails: "more records (2) than the total of 1", calls: 2},
		"short of the total": {h: func(_ int32, o string, w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("X-Total-Count", "3")
			writePage(w, map[string]string{"0": "a b"}[o])
		}, fails: "ended after 2 of 3", calls: 4},
		"absurd total": {h: func(_ int32, _ string, w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("X-Total-Count", "99999999999")
			writePage(w, "a b")
		}, fails: "does not end", calls: 1},
		"offset ignored": {h: func(_ int32, _ string, w http.ResponseWriter, _ *http.Request) { writePage(w, "a b") }, fails: "same as a page before", calls: 4},
		"never ends": {h: func(n int32, _ string, w http.ResponseWriter, _ *http.Request) {
			writePage(w, fmt.Sprintf("a%d b%d", n, n))
		}, fails: "does not end", calls: 26},
		"moved between pages, then steady": {h: func(n int32, o string, w http.ResponseWriter, _ *http.Request) {
			if n == 2 {
				writePage(w, "b c") // b came already: something was put in before it, and d is lost
				return
			}
			writePage(w, map[string]string{"0": "a b", "2": "c d"}[o])
		}, want: "a b c d", calls: 6},
		"keeps moving": {h: func(n int32, o string, w http.ResponseWriter, _ *http.Request) {
			writePage(w, map[string]string{"0": "a b", "2": fmt.Sprintf("b c%d", n)}[o])
		}, fails: "changed while they were read", calls: 6},
		"the same id twice, standing still": {h: func(_ int32, o string, w http.ResponseWriter, _ *http.Request) {
			writePage(w, map[string]string{"0": "a b", "2": "b c"}[o])
		}, want: "a b b c", calls: 6},
		"links": {h: func(_ int32, o string, w http.ResponseWriter, r *http.Request) {
			if o == "0" && r.URL.Query().Get("cursor") == "" {
				link(w, "next", "http://"+r.Host+"/v1p1/courses?cursor=x")
			} else {
				link(w, "prev", "/v1p1/courses")
			}
			writePage(w, map[string]string{"0": "a b", "": "c"}[o])
		}, want: "a b c", calls: 2},
		"relative link, other scheme, a page of nothing on the way": {h: func(n int32, _ string, w http.ResponseWriter, r *http.Request) {
			switch n {
			case 1:
				link(w, "next", "?cursor=x")
				writePage(w, "a b")
			case 2:
				link(w, "NEXT", "https://"+r.Host+"/v1p1/courses?cursor=y")
				writePage(w, "")
			default:
				link(w, "first", "/v1p1/courses")
				writePage(w, "c")
			}
		}, want: "a b c", calls: 3},
		"links end on a full page": {h: func(n int32, _ string, w http.ResponseWriter, _ *http.Request) {
			link(w, "first", "/v1p1/courses")
			writePage(w, map[int32]string{1: "a b"}[n])
		}, want: "a b", calls: 2},
		"links end before the total": {h: func(n int32, _ string, w http.ResponseWriter, _ *http.Request) {
			link(w, "first", "/v1p1/courses")
			w.Header().Set("X-Total-Count", "5")
			writePage(w, "a b")
		}, fails: "ended after 2 of 5", calls: 2},
		"next after the last": {h: func(n int32, _ string, w http.ResponseWriter, _ *http.Request) {
			link(w, "next", fmt.Sprintf("/v1p1/courses?cursor=%d", n))
			w.Header().Set("X-Total-Count", "2")
			writePage(w, map[int32]string{1: "a b"}[n])
		}, want: "a b", calls: 2},
		"two empty pages with a next": {h: func(n int32, _ string, w http.ResponseWriter, _ *http.Request) {
			link(w, "next", fmt.Sprintf("/v1p1/courses?cursor=%d", n))
			writePage(w, "")
		}, fails: "empty like the one before", calls: 2},
		"wide circle": {h: func(n int32, _ string, w http.ResponseWriter, _ *http.Request) {
			link(w, "next", fmt.Sprintf("/v1p1/courses?cursor=%d", n%3))
			writePage(w, fmt.Sprintf("a%d b%d", n, n))
		}, fails: "leads back to one before", calls: 4},
		"another host": {h: func(_ int32, _ string, w http.ResponseWriter, _ *http.Request) {
			link(w, "next", "https://elsewhere.example/v1p1/courses?offset=2")
			writePage(w, "a b")
		}, fails: "leaves the host", calls: 1},
		"another path": {h: func(_ int32, _ string, w http.ResponseWriter, _ *http.Request) {
			link(w, "next", "/v1p1/../admin?offset=2")
			writePage(w, "a b")
		}, fails: "leaves the base path", calls: 1},
		"odd Link header": {h: func(_ int32, _ string, w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Link", "next page please")
			writePage(w, "a b")
		}, fails: "Link header that cannot be read", calls: 1},
		"body over the limit": {h: func(_ int32, _ string, w http.ResponseWriter, _ *http.Request) {
			fmt.Fprintf(w, `{"courses":[{"sourcedId":"a","title":"%s"}]}`, strings.Repeat("x", 5000))
		}, fails: "larger than is allowed", calls: 1},
		"status in mid-list": {h: func(n int32, _ string, w http.ResponseWriter, _ *http.Request) {
			if n > 1 {
				w.WriteHeader(404)
			}
			writePage(w, "a b")
		}, fails: "page 2 of courses was answered with status 404", calls: 2},
		"failure with status 200": {h: func(_ int32, _ string, w http.ResponseWriter, _ *http.Request) {
			fmt.Fprint(w, `{"courses":[],"statusInfoSet":[{"imsx_codeMajor":"failure","imsx_codeMinor":"server_busy","imsx_description":"Zebedee"}]}`)
		}, fails: "reports a failure (serverbusy)", calls: 1},
		"null list": {h: func(_ int32, _ string, w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, `{"courses":null}`) }, fails: "without its list", calls: 1},
		"null list of none": {h: func(_ int32, _ string, w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("X-Total-Count", "0")
			fmt.Fprint(w, `{"courses":null}`)
		}, want: "", calls: 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var n atomic.Int32
			r := pager(t, func(w http.ResponseWriter, req *http.Request) { tc.h(n.Add(1), req.URL.Query().Get("offset"), w, req) }, nil)
			ids, err := readIDs(t, r)
			switch {
			case tc.fails == "" && (err != nil || strings.Join(ids, " ") != tc.want):
				t.Errorf("got %v, %v, want %s", ids, err, tc.want)
			case tc.fails != "" && (!source.IsIncomplete(err) || !strings.Contains(err.Error(), tc.fails)):
				t.Errorf("got %v, %v, want an *Incomplete: %s", ids, err, tc.fails)
			case err != nil && strings.Contains(err.Error(), "Zebedee"):
				t.Error("the error repeats what the service said")
			}
			if n.Load() != tc.calls {
				t.Errorf("%d calls, want %d", n.Load(), tc.calls)
			}
		})
	}
}

func TestRefusedStatuses(t *testing.T) {
	t.Parallel()
	for status, is := range map[int]func(error) bool{
		401: source.IsFrozen, 403: source.IsFrozen, 302: source.IsIncomplete, 500: source.IsIncomplete, 503: source.IsIncomplete, 429: source.IsIncomplete,
		404: missing, 405: missing, 501: missing, 400: missing, 422: missing,
	} {
		r := pager(t, func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(status)
			fmt.Fprint(w, `{"imsx_codeMajor":"failure","imsx_description":"Zebedee"}`)
		}, nil)
		if _, err := readIDs(t, r); !is(err) || strings.Contains(err.Error(), "Zebedee") {
			t.Errorf("%d: got %v", status, err)
		}
	}
}

func TestPageThatNeverEnds(t *testing.T) {
	t.Parallel()
	r := pager(t, func(w http.ResponseWriter, req *http.Request) {
		fmt.Fprint(w, `{"courses":[`)
		for req.Context().Err() == nil {
			w.(http.Flusher).Flush()
			time.Sleep(5 * time.Millisecond)
			if _, err := fmt.Fprint(w, " "); err != nil {
				return
			}
		}
	}, func(o *Options) { o.Timeout = 100 * time.Millisecond })
	if _, err := readIDs(t, r); !source.IsIncomplete(err) || !strings.Contains(err.Error(), "no answer in time") {
		t.Errorf("got %v", err)
	}
}

// A cut page is asked for again, and counts once.
func TestCutPageIsReadAgain(t *testing.T) {
	t.Parallel()
	var n atomic.Int32
	r := pager(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("X-Total-Count", "2")
		if n.Add(1) == 1 {
			w.Header().Set("Content-Length", "1000")
			fmt.Fprint(w, `{"courses":[{"sourcedId":"a"},`)
			return
		}
		writePage(w, "a b")
	}, func(o *Options) { o.Retries = 2 })
	ids, err := readIDs(t, r)
	if d := cmp.Diff([]string{"a", "b"}, ids); err != nil || d != "" {
		t.Errorf("got %v: %s", err, d)
	}
}

func TestSignInErrorsStandForThemselves(t *testing.T) {
	t.Parallel()
	broken := errors.New("the key is missing")
	r := pager(t, func(http.ResponseWriter, *http.Request) { t.Error("an unsigned call was sent") }, func(o *Options) {
		o.Sign = func(*http.Request) error { return broken }
	})
	if _, err := readIDs(t, r); !errors.Is(err, broken) || source.IsIncomplete(err) || source.IsFrozen(err) {
		t.Errorf("got %v", err)
	}
}

// Records are decoded while the rest of their page is still to come.
func TestPagesAreDecodedAsTheyStream(t *testing.T) {
	t.Parallel()
	decoded := make(chan struct{})
	r := pager(t, func(w http.ResponseWriter, req *http.Request) {
		w.Header().Set("X-Total-Count", "2")
		fmt.Fprint(w, `{"courses":[{"sourcedId":"a"},`)
		w.(http.Flusher).Flush()
		select {
		case <-decoded:
		case <-req.Context().Done():
			return
		}
		fmt.Fprint(w, `{"sourcedId":"b"}]}`)
	}, nil)
	l := &list{what: "courses", key: "courses", route: "/courses", path: "/courses"}
	w, err := readList(t.Context(), r, l, func(dec *json.Decoder) (string, verdict, error) {
		e, err := decodeEntry(dec, func(raw *rawCourse, n *notes) string { return n.must("sourcedId", raw.ID) })
		if e.value == "a" {
			close(decoded)
		}
		return e.value, verdict{id: e.value, keep: e.value == "b"}, err
	})
	if err != nil || len(w.kept) != 1 || w.records != 2 {
		t.Errorf("got %+v, %v", w, err)
	}
}
