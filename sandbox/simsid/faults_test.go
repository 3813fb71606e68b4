package simsid

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"simscim/internal/auth/keytest"
)

// students asks for a page of the primary school's pupils, 50 at a time.
func (b *bench) students(page int, token string) answer {
	b.t.Helper()
	return b.get(fmt.Sprintf("%s?pageSize=50&page=%d", b.path(0, "/students"), page), token)
}

func items(t *testing.T, a answer) []map[string]any {
	t.Helper()
	var e envelope
	if err := json.Unmarshal(a.body, &e); err != nil {
		t.Fatal(err)
	}
	return e.Items
}

func TestFaultAnswers(t *testing.T) {
	t.Parallel()
	notJSON := func(t *testing.T, a answer) {
		t.Helper()
		if json.Valid(a.body) {
			t.Error("the body is JSON")
		}
	}
	for kind, check := range map[FaultKind]func(*testing.T, answer){
		Unauthorised: func(t *testing.T, a answer) { wantStatus(t, a, 401) },
		Forbidden:    func(t *testing.T, a answer) { wantStatus(t, a, 403) },
		NotFound:     func(t *testing.T, a answer) { wantStatus(t, a, 404) },
		ServerError:  func(t *testing.T, a answer) { wantStatus(t, a, 500) },
		Maintenance:  func(t *testing.T, a answer) { wantStatus(t, a, 503) },
		ThrottleHeader: func(t *testing.T, a answer) {
			if wantStatus(t, a, 429); a.header.Get("Retry-After") != "7" {
				t.Errorf("Retry-After is %q", a.header.Get("Retry-After"))
			}
		},
		ThrottleDate: func(t *testing.T, a answer) {
			wantStatus(t, a, 429)
			at, err := http.ParseTime(a.header.Get("Retry-After"))
			if err != nil || !at.Equal(time.Date(2026, 11, 2, 9, 0, 7, 0, time.UTC)) {
				t.Errorf("Retry-After is %q", a.header.Get("Retry-After"))
			}
		},
		ThrottleBody: func(t *testing.T, a answer) {
			wantStatus(t, a, 429)
			if a.header.Get("Retry-After") != "" || a.json(t)["message"] != "Rate limit is exceeded. Try again in 7 seconds." {
				t.Errorf("got %s", a.body)
			}
		},
		HTML: func(t *testing.T, a answer) {
			if wantStatus(t, a, 200); !strings.HasPrefix(a.header.Get("Content-Type"), "text/html") {
				t.Error("it is not HTML")
			}
			notJSON(t, a)
		},
		Malformed: func(t *testing.T, a answer) { wantStatus(t, a, 200); notJSON(t, a) },
		CutBody: func(t *testing.T, a answer) {
			if a.err == nil {
				t.Error("the answer came whole")
			}
		},
		NoEnvelope: func(t *testing.T, a answer) {
			if _, ok := a.json(t)["items"]; ok || a.status != 200 {
				t.Errorf("got %d %s", a.status, a.body)
			}
		},
	} {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			token := b.token(b.school(0))
			if err := b.s.Faults().Set(Fault{Kind: kind, Path: "/provisioning/**", Seconds: 7}); err != nil {
				t.Fatal(err)
			}
			check(t, b.students(1, token))
			b.s.Faults().Clear()
			wantStatus(t, b.students(1, token), 200)
		})
	}
}

func wantStatus(t *testing.T, a answer, status int) {
	t.Helper()
	if a.err != nil || a.status != status {
		t.Errorf("got %d (%v), want %d", a.status, a.err, status)
	}
}

func TestFaultsSpoilPages(t *testing.T) {
	t.Parallel()
	for kind, check := range map[FaultKind]func(t *testing.T, good, bad [2]answer){
		TotalMoves: func(t *testing.T, good, bad [2]answer) {
			if bad[0].json(t)["totalItems"] == bad[1].json(t)["totalItems"] {
				t.Error("the total is the same on both pages")
			}
		},
		RepeatedPage: func(t *testing.T, good, bad [2]answer) {
			if items(t, bad[1])[0]["externalId"] != items(t, good[0])[0]["externalId"] || bad[1].json(t)["page"] != 2.0 {
				t.Error("page 2 does not bring the items of page 1")
			}
		},
		ShortPage: func(t *testing.T, good, bad [2]answer) {
			if len(items(t, bad[0])) != 49 || bad[0].json(t)["totalItems"] != good[0].json(t)["totalItems"] {
				t.Error("no item is missing")
			}
		},
		PageMissing: func(t *testing.T, good, bad [2]answer) {
			if len(items(t, bad[1])) != 0 || bad[1].json(t)["totalItems"] != good[1].json(t)["totalItems"] {
				t.Error("the page is there")
			}
		},
		EmptyList: func(t *testing.T, good, bad [2]answer) {
			if list, ok := bad[0].json(t)["items"].([]any); !ok || len(list) != 0 || bad[0].json(t)["totalItems"] != 0.0 {
				t.Error("the list is not empty")
			}
		},
		OtherOrganisation: func(t *testing.T, good, bad [2]answer) {
			if bad[0].json(t)["organisationId"] == good[0].json(t)["organisationId"] {
				t.Error("the organisation is the right one")
			}
		},
		DuplicateIDs: func(t *testing.T, good, bad [2]answer) {
			if list := items(t, bad[0]); list[0]["externalId"] != list[1]["externalId"] {
				t.Error("no id is there twice")
			}
		},
		MissingIDs: func(t *testing.T, good, bad [2]answer) {
			if _, ok := items(t, bad[0])[0]["externalId"]; ok {
				t.Error("the id is there")
			}
		},
		WrongTypes: func(t *testing.T, good, bad [2]answer) {
			p := items(t, bad[0])[0]
			if p["externalId"] != 12345.0 || p["forename"] != 7.0 || p["classes"] != "none" || p["yearGroup"] != "Year 7" {
				t.Errorf("got %v", p)
			}
		},
		DanglingClasses: func(t *testing.T, good, bad [2]answer) {
			c := items(t, bad[0])[0]["classes"].([]any)[0].(map[string]any)
			if !strings.HasPrefix(c["name"].(string), "9X") {
				t.Errorf("got %v", c)
			}
		},
	} {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			token := b.token(b.school(0))
			good := [2]answer{b.students(1, token), b.students(2, token)}
			if err := b.s.Faults().Set(Fault{Kind: kind, Path: "/provisioning/v1/organisation/*/students"}); err != nil {
				t.Fatal(err)
			}
			bad := [2]answer{b.students(1, token), b.students(2, token)}
			if bytes.Equal(good[0].body, bad[0].body) && bytes.Equal(good[1].body, bad[1].body) {
				t.Error("the fault changed nothing")
			}
			check(t, good, bad)
			wantStatus(t, b.get(b.path(0, "/staff"), token), 200)
			b.s.Faults().Clear()
			if again := b.students(2, token); !bytes.Equal(again.body, good[1].body) {
				t.Error("the fault outlives its switch")
			}
		})
	}
}

func TestOtherOrganisationInTheSchoolItself(t *testing.T) {
	t.Parallel()
	b := setup(t)
	token := b.token(b.school(0))
	if err := b.s.Faults().Set(Fault{Kind: OtherOrganisation}); err != nil {
		t.Fatal(err)
	}
	org := b.get(b.path(0, ""), token).json(t)["organisation"].(map[string]any)
	if org["id"] == b.w.Sites()[0].ID.String() {
		t.Error("the organisation is the right one")
	}
}

func TestExpiredTokenFault(t *testing.T) {
	t.Parallel()
	b := setup(t)
	if err := b.s.Faults().Set(Fault{Kind: ExpiredToken, Path: "/sts/connect/token", Times: 1}); err != nil {
		t.Fatal(err)
	}
	wantStatus(t, b.get(b.path(0, ""), b.token(b.school(0))), 401)
	wantStatus(t, b.get(b.path(0, ""), b.token(b.school(0))), 200)
}

func TestFaultsCountCalls(t *testing.T) {
	t.Parallel()
	b := setup(t)
	token := b.token(b.school(0))
	if err := b.s.Faults().Set(
		Fault{Kind: Unauthorised, Path: b.path(0, "/staff"), Nth: 2, Times: 1},
		Fault{Kind: ServerError, Path: b.path(0, "/staff"), Nth: 4},
	); err != nil {
		t.Fatal(err)
	}
	for i, want := range []int{200, 401, 200, 500, 500} {
		if a := b.get(b.path(0, "/staff"), token); a.status != want {
			t.Errorf("call %d: got %d, want %d", i+1, a.status, want)
		}
	}
}

func TestSlowAnswersAreRight(t *testing.T) {
	t.Parallel()
	b := setup(t)
	token := b.token(b.school(0))
	good := b.students(1, token)
	if err := b.s.Faults().Set(Fault{Kind: Slow, Seconds: 1}); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	if slow := b.students(1, token); !bytes.Equal(slow.body, good.body) || time.Since(began) < time.Second {
		t.Error("the answer is another or came at once")
	}
}

func TestFaultsAreChecked(t *testing.T) {
	t.Parallel()
	f := NewFaults(FaultKinds()...)
	if err := f.Set(Fault{Kind: HTML}); err != nil {
		t.Fatal(err)
	}
	for _, bad := range []Fault{{Kind: "nonsense"}, {}, {Kind: HTML, Path: "x"}, {Kind: HTML, Nth: -1}, {Kind: HTML, Times: -1}} {
		if err := f.Set(bad); err == nil {
			t.Errorf("%+v was taken", bad)
		}
	}
	if len(f.List()) != 1 {
		t.Error("a refused set replaced the faults that were on")
	}
}

func TestFaultPaths(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		pattern, path string
		want          bool
	}{
		{"", "/sts/x", true},
		{"/sts/x", "/sts/x", true},
		{"/sts/x", "/sts/x/y", false},
		{"/sts/x/y", "/sts/x", false},
		{"/sts/*", "/sts/x", true},
		{"/sts/*", "/sts/x/y", false},
		{"/sts/**", "/sts/x/y", true},
		{"/*/x", "/sts/x", true},
		{"/sts/**/y", "/sts/x/y", false},
	} {
		if got := matches(c.pattern, c.path); got != c.want {
			t.Errorf("%q on %q: %t", c.pattern, c.path, got)
		}
	}
}

func FuzzTokenRequest(f *testing.F) {
	f.Add("grant_type=client_credentials&client_id=x&client_secret=y&scope=rapapi&acr_values=orgselected:1")
	f.Add("acr_values=orgselected%3A%00&scope=%ff")
	f.Add("%")
	f.Fuzz(func(t *testing.T, body string) {
		s := &Service{clients: map[string]*client{}}
		form, err := url.ParseQuery(body)
		if err != nil {
			return
		}
		if _, _, _, code := s.checkTokenRequest(form); code == "" {
			t.Errorf("%q got a token", body)
		}
	})
}

func FuzzVerify(f *testing.F) {
	s, err := newSigner(keytest.Shared())
	if err != nil {
		f.Fatal(err)
	}
	now := time.Unix(1_800_000_000, 0)
	good, err := s.sign(claims{Expires: now.Unix() + 60})
	if err != nil {
		f.Fatal(err)
	}
	if _, err := s.verify(good, now); err != nil {
		f.Fatal(err)
	}
	f.Add("a.b.c")
	f.Add(good[:len(good)-1])
	f.Add("." + good)
	f.Fuzz(func(t *testing.T, token string) {
		if _, err := s.verify(token, now); err == nil && token != good {
			t.Errorf("%q was taken", token)
		}
	})
}
