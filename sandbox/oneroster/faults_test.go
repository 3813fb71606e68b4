package oneroster

import (
	"context"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"simscim/sandbox/simsid"
)

// Each fault shows on the second page and on no other.
func TestFaults(t *testing.T) {
	t.Parallel()
	shows := map[simsid.FaultKind]func(t *testing.T, a, good answer) bool{}
	for kind, status := range map[simsid.FaultKind]int{
		simsid.Unauthorised: 401, TokenExpiry: 401, simsid.Forbidden: 403, simsid.NotFound: 404, simsid.ServerError: 500,
		BadGateway: 502, simsid.Maintenance: 503, GatewayTimeout: 504,
	} {
		shows[kind] = func(_ *testing.T, a, _ answer) bool { return a.status == status }
	}
	retry := func(want string) func(*testing.T, answer, answer) bool {
		return func(_ *testing.T, a, _ answer) bool {
			return a.status == 429 && a.header.Get("Retry-After") == want && (want != "" || strings.Contains(string(a.body), "Try again in 7 seconds"))
		}
	}
	ids := func(t *testing.T, a answer) []string {
		var out []string
		for _, row := range a.rows(t, "users") {
			out = append(out, text(row, "sourcedId"))
		}
		return out
	}
	next := func(a answer) string { return link(a.header.Get("Link"), "next") }
	shows[simsid.ThrottleHeader], shows[simsid.ThrottleBody] = retry("7"), retry("")
	shows[simsid.ThrottleDate] = retry(time.Date(2026, 11, 2, 9, 0, 7, 0, time.UTC).Format(http.TimeFormat))
	shows[simsid.HTML] = func(_ *testing.T, a, _ answer) bool {
		return a.status == 200 && strings.HasPrefix(string(a.body), "<!doctype")
	}
	shows[simsid.Malformed] = func(_ *testing.T, a, _ answer) bool { return a.status == 200 && strings.HasSuffix(string(a.body), ":") }
	shows[CutPage] = func(_ *testing.T, a, _ answer) bool { return a.err != nil }
	shows[simsid.NoEnvelope] = func(t *testing.T, a, _ answer) bool { return a.status == 200 && a.json(t)["users"] == nil }
	shows[simsid.TotalMoves] = func(_ *testing.T, a, good answer) bool {
		return a.header.Get("X-Total-Count") != good.header.Get("X-Total-Count")
	}
	shows[simsid.RepeatedPage] = func(t *testing.T, a, good answer) bool {
		return len(ids(t, a)) == 10 && !slices.Equal(ids(t, a), ids(t, good))
	}
	shows[simsid.ShortPage] = func(t *testing.T, a, _ answer) bool { return len(ids(t, a)) == 9 }
	shows[simsid.PageMissing] = func(t *testing.T, a, _ answer) bool { return len(ids(t, a)) == 0 && next(a) != "" }
	shows[simsid.EmptyList] = func(t *testing.T, a, _ answer) bool {
		return len(ids(t, a)) == 0 && next(a) == "" && a.header.Get("X-Total-Count") == "0"
	}
	shows[simsid.OtherOrganisation] = func(t *testing.T, a, good answer) bool {
		org := func(a answer) string { return text(a.rows(t, "users")[0], "orgs", 0, "sourcedId") }
		return org(a) != org(good) && len(org(a)) == 36
	}
	shows[simsid.DuplicateIDs] = func(t *testing.T, a, _ answer) bool { return ids(t, a)[0] == ids(t, a)[1] }
	shows[simsid.MissingIDs] = func(t *testing.T, a, _ answer) bool { return ids(t, a)[0] == "" }
	shows[simsid.WrongTypes] = func(t *testing.T, a, _ answer) bool { return a.rows(t, "users")[0]["sourcedId"] == 12345.0 }
	shows[EndlessPages] = func(t *testing.T, a, _ answer) bool {
		return len(ids(t, a)) == 10 && a.header.Get("X-Total-Count") == "30"
	}
	shows[ForeignNext] = func(_ *testing.T, a, _ answer) bool {
		return strings.HasPrefix(next(a), "https://elsewhere.invalid/")
	}
	shows[LoopingNext] = func(_ *testing.T, a, _ answer) bool {
		u, err := url.Parse(next(a))
		return err == nil && u.Query().Get("offset") == "10"
	}
	for _, kind := range FaultKinds() {
		show := shows[kind]
		if show == nil { // they have tests of their own
			if !slices.Contains([]simsid.FaultKind{simsid.Slow, simsid.ExpiredToken, EndlessBody}, kind) {
				t.Errorf("nothing checks %s", kind)
			}
			continue
		}
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			b := setup(t, "tiny")
			const page = "/users?limit=10&offset=10"
			good := b.get(V11, page)
			err := b.s.Faults().Set(simsid.Fault{Kind: kind, Path: root(V11) + "/users", Nth: 2, Times: 1, Seconds: 7})
			if err != nil {
				t.Fatal(err)
			}
			if a := b.get(V11, page); a.status != 200 || show(t, a, good) {
				t.Error("the first call is hit")
			}
			if a := b.get(V12, page); a.status != 200 {
				t.Error("another path is hit")
			}
			if !show(t, b.get(V11, page), good) {
				t.Error("the second call is not hit")
			}
			if a := b.get(V11, page); kind == TokenExpiry {
				if a.status != 401 {
					t.Error("the token still opens something")
				}
			} else if a.status != 200 || show(t, a, good) {
				t.Error("the third call is hit")
			}
		})
	}
}

// Endless pages go on far beyond the end of the list.
func TestEndlessPages(t *testing.T) {
	t.Parallel()
	b := setup(t, "tiny")
	if err := b.s.Faults().Set(simsid.Fault{Kind: EndlessPages}); err != nil {
		t.Fatal(err)
	}
	a := b.get(V11, "/users?limit=10&offset=100000")
	if len(a.rows(t, "users")) != 10 || link(a.header.Get("Link"), "next") == "" {
		t.Errorf("the page ends: %s", a.header)
	}
}

func TestEndlessBody(t *testing.T) {
	t.Parallel()
	b := setup(t, "tiny")
	if err := b.s.Faults().Set(simsid.Fault{Kind: EndlessBody}); err != nil {
		t.Fatal(err)
	}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, b.url+root(V11)+"/users", nil)
	if err != nil {
		t.Fatal(err)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if n, err := io.CopyN(io.Discard, res.Body, 8<<20); err != nil || res.StatusCode != 200 {
		t.Errorf("the body ends after %d bytes: %v", n, err)
	}
}

func TestSlowEndsWithTheClient(t *testing.T) {
	t.Parallel()
	b := setup(t, "tiny")
	if err := b.s.Faults().Set(simsid.Fault{Kind: simsid.Slow, Seconds: 600}); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, b.url+root(V11)+"/users", nil)
	if err != nil {
		t.Fatal(err)
	}
	if res, err := http.DefaultClient.Do(req); err == nil {
		_ = res.Body.Close()
		t.Error("the answer came at once")
	}
}

func TestExpiredTokenFault(t *testing.T) {
	t.Parallel()
	b := setup(t, "tiny")
	d := b.s.District()
	if err := b.s.Faults().Set(simsid.Fault{Kind: simsid.ExpiredToken, Path: "/oneroster/token", Times: 1}); err != nil {
		t.Fatal(err)
	}
	form := url.Values{"grant_type": {"client_credentials"}, "scope": {Scopes(V11)[0]}}
	for i, want := range []int{401, 200} {
		token := text(b.askToken(form, "Authorization", basic(d.ClientID, d.ClientSecret.Reveal())).json(t), "access_token")
		if a := b.as(token, V11, "/users"); a.status != want {
			t.Errorf("token %d: %d, want %d", i, a.status, want)
		}
	}
}

// The school's tokens expire as well, in mid-list.
func TestTokenExpiryHitsSchools(t *testing.T) {
	t.Parallel()
	b := setup(t, "tiny")
	token, _ := b.school(0)
	if err := b.s.Faults().Set(simsid.Fault{Kind: TokenExpiry, Nth: 2, Times: 1}); err != nil {
		t.Fatal(err)
	}
	for i, want := range []int{200, 401, 401} {
		if a := b.as(token, V11, "/users"); a.status != want {
			t.Errorf("call %d: %d, want %d", i, a.status, want)
		}
	}
	fresh, _ := b.school(0)
	if a := b.as(fresh, V11, "/users"); a.status != 200 {
		t.Errorf("a new token: %d", a.status)
	}
}
