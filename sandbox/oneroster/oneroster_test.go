package oneroster

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"simscim/internal/auth/keytest"
	"simscim/internal/clock/clocktest"
	"simscim/sandbox/simsid"
	"simscim/sandbox/world"
)

// bench is a service over a world of its own, mounted as the sandbox does.
type bench struct {
	t     *testing.T
	s     *Service
	sims  *simsid.Service
	w     *world.World
	clock *clocktest.Clock
	url   string
	token string // the district's
}

func setup(t *testing.T, preset string, deviations ...string) *bench {
	t.Helper()
	w, err := world.New(world.Options{Preset: preset, Seed: 5})
	if err != nil {
		t.Fatal(err)
	}
	return over(t, w, deviations...)
}

// still is a trust that no test moves.
var still = sync.OnceValue(func() *world.World {
	w, err := world.New(world.Options{Seed: 5})
	if err != nil {
		panic(err)
	}
	return w
})

// over is a service over a world.
func over(t *testing.T, w *world.World, deviations ...string) *bench {
	t.Helper()
	c := clocktest.New(time.Date(2026, 11, 2, 9, 0, 0, 0, time.UTC))
	sims, err := simsid.New(simsid.Options{World: w, Now: c.Now, Key: keytest.Shared()})
	if err != nil {
		t.Fatal(err)
	}
	s, err := New(Options{World: w, SIMS: sims, Now: c.Now})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Deviate(deviations...); err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.Handle("/sts/", http.StripPrefix("/sts", sims.STS()))
	mux.Handle("/oneroster/", http.StripPrefix("/oneroster", s.Handler()))
	srv := httptest.NewServer(mux)
	t.Cleanup(srv.Close)
	b := &bench{t: t, s: s, sims: sims, w: w, clock: c, url: srv.URL}
	b.token, err = s.seal(grant{Scopes: append(Scopes(V11), Scopes(V12)...), Expires: c.Now().Add(time.Hour).Unix()})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// with is the same service for a test within a test.
func (b *bench) with(t *testing.T) *bench {
	c := *b
	c.t = t
	return &c
}

type answer struct {
	status int
	header http.Header
	body   []byte
	err    error
}

func (a answer) json(t *testing.T) map[string]any {
	t.Helper()
	var m map[string]any
	if err := json.Unmarshal(a.body, &m); err != nil {
		t.Fatalf("the body of %d is not a JSON object: %v", a.status, err)
	}
	return m
}

// rows are the records of a list, or nil without the envelope.
func (a answer) rows(t *testing.T, key string) []map[string]any {
	t.Helper()
	list, _ := a.json(t)[key].([]any)
	var out []map[string]any
	for _, item := range list {
		out = append(out, item.(map[string]any))
	}
	return out
}

func (b *bench) send(method, at, body string, header ...string) answer {
	b.t.Helper()
	req, err := http.NewRequestWithContext(b.t.Context(), method, at, strings.NewReader(body))
	if err != nil {
		b.t.Fatal(err)
	}
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return answer{err: err}
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	return answer{res.StatusCode, res.Header, text, err}
}

func root(v Version) string {
	if v == V12 {
		return "/oneroster" + Path12
	}
	return "/oneroster" + Path11
}

// get asks as the district; the path is below the version's root.
func (b *bench) get(v Version, path string) answer {
	b.t.Helper()
	return b.send(http.MethodGet, b.url+root(v)+path, "", "Authorization", "Bearer "+b.token)
}

// as asks with a token.
func (b *bench) as(token string, v Version, path string) answer {
	b.t.Helper()
	return b.send(http.MethodGet, b.url+root(v)+path, "", "Authorization", "Bearer "+token)
}

// school is the token of a school from the STS.
func (b *bench) school(i int) (string, uuid.UUID) {
	b.t.Helper()
	sc := b.sims.Schools()[i]
	form := url.Values{
		"grant_type": {"client_credentials"}, "client_id": {sc.ClientID}, "client_secret": {sc.ClientSecret.Reveal()},
		"scope": {"onerosterapi"}, "acr_values": {"orgselected:" + sc.Organisation.String()},
	}
	a := b.send(http.MethodPost, b.url+"/sts/connect/token", form.Encode(), "Content-Type", "application/x-www-form-urlencoded")
	token, _ := a.json(b.t)["access_token"].(string)
	if token == "" {
		b.t.Fatalf("the STS answered %d", a.status)
	}
	return token, sc.Organisation
}

// walk follows a list by its Link headers.
func (b *bench) walk(token string, v Version, path, key string) []map[string]any {
	b.t.Helper()
	at := b.url + root(v) + path
	var out []map[string]any
	for range 1000 {
		a := b.send(http.MethodGet, at, "", "Authorization", "Bearer "+token)
		if a.status != http.StatusOK {
			b.t.Fatalf("%s: %d %s", at, a.status, a.body)
		}
		out = append(out, a.rows(b.t, key)...)
		next := link(a.header.Get("Link"), "next")
		if next == "" {
			return out
		}
		at = next
	}
	b.t.Fatalf("%s has no end", path)
	return nil
}

func link(header, rel string) string {
	for part := range strings.SplitSeq(header, ", ") {
		if at, ok := strings.CutSuffix(part, `>; rel="`+rel+`"`); ok {
			return strings.TrimPrefix(at, "<")
		}
	}
	return ""
}

// at digs into a JSON value.
func at(v any, path ...any) any {
	for _, p := range path {
		switch p := p.(type) {
		case string:
			m, _ := v.(map[string]any)
			v = m[p]
		case int:
			l, _ := v.([]any)
			if p >= len(l) {
				return nil
			}
			v = l[p]
		}
	}
	return v
}

func text(v any, path ...any) string {
	s, _ := at(v, path...).(string)
	return s
}
