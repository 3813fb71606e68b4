package rest

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"simscim/connector/source"
	"simscim/connector/source/oneroster"
	"simscim/connector/source/sourcetest"
	"simscim/internal/auth"
	"simscim/internal/secret/secrettest"
	"simscim/internal/telemetry/logtest"
	"simscim/roster"
	lookalike "simscim/sandbox/oneroster"
	"simscim/sandbox/simsid"
	"simscim/sandbox/world"
)

func TestConformance(t *testing.T) {
	t.Parallel()
	for _, variant := range []struct {
		name, version string
		kinds         int // contacts are the bulk, and seen once
		deviations    []string
		cannot        []sourcetest.Fault
	}{
		// One sign-in serves all schools: no school's own credentials can be refused.
		{"1.1", Version11, 3, nil, []sourcetest.Fault{sourcetest.CredentialsRefused}},
		{"1.2 in its own manner", Version12, 2, []string{"no-link", "limit-cap=90", "booleans", "refs-as-ids", "sort-ignored"}, []sourcetest.Fault{
			// The first page of users is that of people of other kinds here.
			sourcetest.CredentialsRefused, sourcetest.DuplicateID, sourcetest.MissingID, sourcetest.WrongTypes,
		}},
	} {
		t.Run(variant.name, func(t *testing.T) {
			t.Parallel()
			sourcetest.Run(t, func(t *testing.T) sourcetest.Fixture {
				s := newSandbox(t, sandboxOptions{version: variant.version, deviations: variant.deviations})
				want := everything()
				want.Kinds = want.Kinds[:variant.kinds]
				return s.fixture(want)
			}, variant.cannot...)
		})
	}
}

// stillWorld is the world that all tests share: none of them moves it. Three schools
// have withdrawn, two primaries are left.
var stillWorld = sync.OnceValue(func() *world.World {
	w, err := world.New(world.Options{Preset: "mat-small", Seed: 7})
	if err != nil {
		panic(err)
	}
	for _, site := range w.Sites()[2:] {
		if _, err := w.Withdraw(site.ID); err != nil {
			panic(err)
		}
	}
	return w
})

// schools are those that consent, by id, which is how the service lists them.
func schools(w *world.World) []world.Site {
	var out []world.Site
	for _, site := range w.Sites() {
		if site.Authorised == world.Authorised {
			out = append(out, site)
		}
	}
	slices.SortFunc(out, func(a, b world.Site) int { return strings.Compare(a.ID.String(), b.ID.String()) })
	return out
}

// sandboxed is a Source over the look-alike, which can be tampered with.
type sandboxed struct {
	t       *testing.T
	world   *world.World
	service *lookalike.Service
	source  *Source
	root    string
	logs    *logtest.Buffer
	tamper  atomic.Pointer[func(http.ResponseWriter, *http.Request, http.Handler) bool]
	// seen holds every path with its query.
	mu   sync.Mutex
	seen []string
}

type sandboxOptions struct {
	version    string
	deviations []string
	change     func(*sandboxed, *Options)
}

func newSandbox(t *testing.T, o sandboxOptions) *sandboxed {
	t.Helper()
	s := &sandboxed{t: t, world: stillWorld(), logs: &logtest.Buffer{}}
	var err error
	if s.service, err = lookalike.New(lookalike.Options{World: s.world, Now: time.Now}); err != nil {
		t.Fatal(err)
	}
	if err := s.service.Deviate(o.deviations...); err != nil {
		t.Fatal(err)
	}
	next := http.StripPrefix("/oneroster", s.service.Handler())
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		s.seen = append(s.seen, r.URL.Path+"?"+r.URL.RawQuery)
		s.mu.Unlock()
		if f := s.tamper.Load(); f != nil && (*f)(w, r, next) {
			return
		}
		next.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	s.root = "/oneroster" + lookalike.Path11
	if o.version == Version12 {
		s.root = "/oneroster" + lookalike.Path12
	}
	d := s.service.District()
	tokens, err := auth.NewHTTP("", 5*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(tokens.CloseIdleConnections)
	opts := Options{
		Name: "district", BaseURL: server.URL + s.root, Version: o.version, PageSize: 100,
		Authorize: auth.OAuth2(auth.ClientCredentials{
			TokenURL: server.URL + "/oneroster/token", ClientID: secrettest.File(t, d.ClientID), ClientSecret: secrettest.File(t, d.ClientSecret.Reveal()),
			Scope: DefaultScope(o.version), HTTP: tokens,
		}),
		Rules: oneroster.Rules{HouseMetadata: "house"},
		Now:   s.world.Now, Log: s.logs.Logger(), Retries: 2, MinWait: time.Millisecond, MaxWait: 2 * time.Second, MaxBody: 4 << 20, MaxRecords: 20_000,
	}
	if o.change != nil {
		o.change(s, &opts)
	}
	if s.source, err = New(opts); err != nil {
		t.Fatal(err)
	}
	return s
}

func everything() source.Want {
	return source.Want{
		Kinds: []roster.Kind{roster.Student, roster.Staff, roster.Contact},
		Fields: []string{
			"yearGroup", "entryYear", "ageBand", "registration", "house", "classes", "roles", "email", "username",
			"identifiers", "begin", "end",
		},
	}
}

func (s *sandboxed) first() string { return schools(s.world)[0].ID.String() }

// sizes are what the schools of the world have, by how many kinds of people are wanted.
// A future starter, whom the world has in no registration group yet, has a place in one
// in OneRoster.
func sizes(w *world.World, kinds int) map[string]sourcetest.Size {
	out := map[string]sourcetest.Size{}
	for _, site := range schools(w) {
		roll, _ := w.Roll(site.ID)
		size := sourcetest.Size{Groups: len(roll.Groups())}
		for _, kind := range []world.Kind{world.Student, world.Staff, world.Contact}[:kinds] {
			size.People += len(roll.People(kind))
		}
		for _, p := range roll.People(world.Student) {
			if p.State(world.DateOf(w.Now())) == world.Future {
				size.Memberships++
			}
		}
		for _, g := range roll.Groups() {
			for range roll.Members(g) {
				size.Memberships++
			}
		}
		out[site.ID.String()] = size
	}
	return out
}

// sizesOf counts once: it takes longer than reading.
func sizesOf(w *world.World, kinds int) map[string]sourcetest.Size {
	made, _ := counted.LoadOrStore(kinds, sync.OnceValue(func() map[string]sourcetest.Size { return sizes(w, kinds) }))
	return made.(func() map[string]sourcetest.Size)()
}

var counted sync.Map

func (s *sandboxed) fixture(want source.Want) sourcetest.Fixture {
	f := sourcetest.Fixture{
		Source: s.source, Want: want, Size: sizesOf(s.world, len(want.Kinds)),
		Break: func(f sourcetest.Fault) bool {
			switch f {
			case sourcetest.DuplicateID, sourcetest.MissingID, sourcetest.WrongTypes:
				if len(want.Kinds) < 3 {
					return false // the list holds all kinds, so these could not be counted
				}
			}
			return s.breakDown(f)
		},
		Mend: s.mend, Logs: s.logs.String,
	}
	for _, p := range s.world.People(schools(s.world)[0].ID, world.Student) {
		f.Canaries = append(f.Canaries, p.Name())
		if p.Email != "" {
			f.Canaries = append(f.Canaries, p.Email)
		}
	}
	return f
}

func (s *sandboxed) mend() {
	s.service.Faults().Clear()
	s.tamper.Store(nil)
}

func (s *sandboxed) breakDown(f sourcetest.Fault) bool {
	own := s.root + "/schools/" + s.first() + "/enrollments"
	users, record := s.root+"/users", s.root+"/orgs/"+s.first()
	second := func(kind simsid.FaultKind) simsid.Fault { return simsid.Fault{Kind: kind, Path: own, Nth: 2} }
	known := map[sourcetest.Fault]simsid.Fault{
		sourcetest.NotJSON:      second(simsid.HTML),
		sourcetest.Malformed:    second(simsid.Malformed),
		sourcetest.CutBody:      second(lookalike.CutPage),
		sourcetest.NoEnvelope:   second(simsid.NoEnvelope),
		sourcetest.ServerError:  second(simsid.ServerError),
		sourcetest.Maintenance:  second(simsid.Maintenance),
		sourcetest.ShortPage:    second(simsid.ShortPage),
		sourcetest.MissingPage:  second(simsid.PageMissing),
		sourcetest.RepeatedPage: {Kind: simsid.RepeatedPage, Path: own},
		sourcetest.TotalMoves:   {Kind: simsid.TotalMoves, Path: own},
		sourcetest.Endless:      {Kind: lookalike.EndlessPages, Path: own},
		sourcetest.TooLarge:     second(lookalike.EndlessBody),
		sourcetest.SiteBroken:   {Kind: simsid.HTML, Path: record},
		sourcetest.GroupsBroken: {Kind: simsid.Malformed, Path: s.root + "/schools/" + s.first() + "/classes"},
		sourcetest.Refused401:   second(simsid.Unauthorised),
		sourcetest.Refused403:   second(simsid.Forbidden),
		sourcetest.SignInFails:  {Kind: simsid.ServerError, Path: "/oneroster/token"},
		sourcetest.Throttled:    {Kind: simsid.ThrottleHeader, Path: own, Times: 1, Seconds: 1},
		sourcetest.FailsOnce:    {Kind: simsid.Maintenance, Path: own, Nth: 2, Times: 1},
		sourcetest.DuplicateID:  {Kind: simsid.DuplicateIDs, Path: users},
		sourcetest.MissingID:    {Kind: simsid.MissingIDs, Path: users},
		sourcetest.WrongTypes:   {Kind: simsid.WrongTypes, Path: users},
	}
	switch f {
	case sourcetest.SignInFails, sourcetest.TokenExpires:
		s.service.ExpireTokens()
		if f == sourcetest.TokenExpires {
			return true
		}
	case sourcetest.WrongItems:
		s.answer(own, `{"enrollments":{"sourcedId":"x"}}`)
		return true
	case sourcetest.OtherSite:
		s.claim(record)
		return true
	case sourcetest.OtherList:
		s.claim(own)
		return true
	case sourcetest.Dangling:
		return s.service.Deviate("dangling") == nil
	case sourcetest.Gone404, sourcetest.Withdrawn:
		s.withdraw()
		return true
	case sourcetest.CredentialsRefused:
		// One sign-in for all schools, so this cannot be one school's trouble: see
		// TestRefusedCredentials.
		return false
	}
	fault, ok := known[f]
	return ok && s.service.Faults().Set(fault) == nil
}

func (s *sandboxed) tamperWith(f func(w http.ResponseWriter, r *http.Request, next http.Handler) bool) {
	s.tamper.Store(&f)
}

// answer has a path answered with a body of the test's own.
func (s *sandboxed) answer(path, body string) {
	s.tamperWith(func(w http.ResponseWriter, r *http.Request, _ http.Handler) bool {
		if r.URL.Path != path {
			return false
		}
		_, _ = io.WriteString(w, body)
		return true
	})
}

// claim has a path answer for another school than the first.
func (s *sandboxed) claim(path string) {
	other := s.source.reader.name // any text that is no school of ours
	s.tamperWith(func(w http.ResponseWriter, r *http.Request, next http.Handler) bool {
		if r.URL.Path != path {
			return false
		}
		rec := httptest.NewRecorder()
		next.ServeHTTP(rec, r)
		for name, values := range rec.Header() {
			if name != "Content-Length" {
				w.Header()[name] = values
			}
		}
		_, _ = w.Write(bytes.ReplaceAll(rec.Body.Bytes(), []byte(s.first()), []byte(other)))
		return true
	})
}

// withdraw takes the first school out of the service.
func (s *sandboxed) withdraw() {
	s.tamperWith(func(w http.ResponseWriter, r *http.Request, next http.Handler) bool {
		if strings.Contains(r.URL.Path, s.first()) {
			w.WriteHeader(http.StatusNotFound)
			return true
		}
		if r.URL.Path != s.root+"/orgs" {
			return false
		}
		rec := httptest.NewRecorder()
		next.ServeHTTP(rec, r)
		var page struct {
			Orgs []map[string]any `json:"orgs"`
		}
		if json.Unmarshal(rec.Body.Bytes(), &page) != nil {
			return false
		}
		kept := page.Orgs[:0]
		for _, org := range page.Orgs {
			if org["sourcedId"] != s.first() {
				kept = append(kept, org)
			}
		}
		w.Header().Set("X-Total-Count", fmt.Sprint(len(kept)))
		_ = json.NewEncoder(w).Encode(map[string]any{"orgs": kept})
		return true
	})
}

// asked tells whether some path and query so far holds all the parts.
func (s *sandboxed) asked(parts ...string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, one := range s.seen {
		all := true
		for _, part := range parts {
			all = all && strings.Contains(one, part)
		}
		if all {
			return true
		}
	}
	return false
}

func (s *sandboxed) read(want source.Want) (*roster.Snapshot, error) {
	s.t.Helper()
	return s.source.Read(context.WithoutCancel(s.t.Context()), roster.Site{ID: s.first(), Source: "district"}, want)
}

func faultNamed(kind, path string) simsid.Fault {
	return simsid.Fault{Kind: simsid.FaultKind(kind), Path: path}
}
