package simsid

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/rsa"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"simscim/config"
	"simscim/connector/source"
	"simscim/connector/source/sourcetest"
	"simscim/internal/secret/secrettest"
	"simscim/internal/telemetry/logtest"
	"simscim/roster"
	lookalike "simscim/sandbox/simsid"
	"simscim/sandbox/world"
)

func TestConformance(t *testing.T) {
	t.Parallel()
	for _, variant := range []struct {
		name   string
		listed bool
		edits  []string
		cannot []sourcetest.Fault
	}{
		{name: "vendor management", edits: []string{"records: 200", "records: 50"}},
		{name: "listed credentials", listed: true, edits: []string{"records: 200", "records: 50"}},
		{
			name: "membership from groups", edits: []string{"records: 200", "records: 50", "from: person ", "from: group "},
			// A person of these records names no group, so none that does not exist either.
			cannot: []sourcetest.Fault{sourcetest.Dangling},
		},
	} {
		t.Run(variant.name, func(t *testing.T) {
			t.Parallel()
			sourcetest.Run(t, func(t *testing.T) sourcetest.Fixture {
				s := newSandbox(t, sandboxOptions{listed: variant.listed, edits: variant.edits})
				want := everything()
				if variant.name != "vendor management" {
					want.Kinds = want.Kinds[:2] // contacts are the bulk, and seen once
				}
				return s.fixture(want)
			}, variant.cannot...)
		})
	}
}

// signingKey is made once: making one takes longer than most of the tests.
var signingKey = sync.OnceValue(func() *rsa.PrivateKey {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return key
})

// stillWorld is the world that all tests share which do not move it.
func stillWorld(preset string) *world.World {
	made, _ := worlds.LoadOrStore(preset, sync.OnceValue(func() *world.World { return newWorld(preset) }))
	return made.(func() *world.World)()
}

var worlds sync.Map

func newWorld(preset string) *world.World {
	w, err := world.New(world.Options{Preset: preset, Seed: 7})
	if err != nil {
		panic(err)
	}
	return w
}

// sizes are those of the shared world's schools, by how many kinds of people are
// wanted. Counting the members takes longer than reading them.
var sizes sync.Map

func sizesOf(w *world.World, kinds int) map[string]sourcetest.Size {
	made, _ := sizes.LoadOrStore(kinds, sync.OnceValue(func() map[string]sourcetest.Size { return count(w, kinds) }))
	return made.(func() map[string]sourcetest.Size)()
}

func count(w *world.World, kinds int) map[string]sourcetest.Size {
	out := map[string]sourcetest.Size{}
	for _, site := range w.Sites() {
		roll, _ := w.Roll(site.ID)
		size := sourcetest.Size{Groups: len(roll.Groups())}
		for _, kind := range []world.Kind{world.Student, world.Staff, world.Contact}[:kinds] {
			size.People += len(roll.People(kind))
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

// sandboxed is a Source over the look-alike, which can be tampered with.
type sandboxed struct {
	t       *testing.T
	world   *world.World
	service *lookalike.Service
	source  *Source
	cfg     *config.Source
	logs    *logtest.Buffer
	tamper  atomic.Pointer[http.HandlerFunc]
	// seen holds "organisation token" for every call to a school's data.
	seen sync.Map

	tamperWith func(func(http.ResponseWriter, *http.Request) bool)
}

type sandboxOptions struct {
	listed bool
	edits  []string
	preset string
	// fresh gives the test a world of its own, to move.
	fresh  bool
	change func(*config.Source, *Options)
}

func newSandbox(t *testing.T, o sandboxOptions) *sandboxed {
	t.Helper()
	if o.preset == "" {
		o.preset = "mat-small"
	}
	w := stillWorld(o.preset)
	if o.fresh {
		w = newWorld(o.preset)
	}
	svc, err := lookalike.New(lookalike.Options{World: w, Now: time.Now, Key: signingKey()})
	if err != nil {
		t.Fatal(err)
	}
	s := &sandboxed{t: t, world: w, service: svc, logs: &logtest.Buffer{}}
	mux := http.NewServeMux()
	mux.Handle("/sts/", http.StripPrefix("/sts", svc.STS()))
	mux.Handle("/management/", http.StripPrefix("/management", svc.Management()))
	mux.Handle("/provisioning/", http.StripPrefix("/provisioning", svc.Provisioning()))
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if org := organisationIn(r.URL.Path); org != "" {
			s.seen.Store(org+" "+r.Header.Get("Authorization"), true)
		}
		if h := s.tamper.Load(); h != nil {
			(*h)(w, r)
			return
		}
		mux.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	s.cfg = s.config(server.URL, o.listed)
	opts := Options{
		Now: func() time.Time { return time.Now().UTC() }, Log: s.logs.Logger(),
		Contract: contractWith(t, o.edits...), Retries: 2, MinWait: time.Millisecond, MaxWait: 2 * time.Second, MaxBody: 4 << 20,
	}
	if o.change != nil {
		o.change(s.cfg, &opts)
	}
	if s.source, err = New(s.cfg, opts); err != nil {
		t.Fatal(err)
	}
	s.tamperable(mux)
	return s
}

// tamperable keeps the real handler at hand for tampering ones.
func (s *sandboxed) tamperable(next http.Handler) {
	s.tamperWith = func(h func(w http.ResponseWriter, r *http.Request) bool) {
		f := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if !h(w, r) {
				next.ServeHTTP(w, r)
			}
		})
		s.tamper.Store(&f)
	}
}

func (s *sandboxed) config(base string, listed bool) *config.Source {
	c := &config.Source{
		Name: "sims", Type: "sims-id", Environment: "custom", STS: base + "/sts", Management: base + "/management",
		Provisioning: base + "/provisioning", Scope: lookalike.SchoolScope, Limits: config.Limits{InFlight: 4},
	}
	if listed {
		for _, school := range s.service.Schools() {
			c.Credentials = append(c.Credentials, &config.Credential{
				Organisation: strings.ToUpper(school.Organisation.String()), // spelling must not matter
				ClientID:     secrettest.File(s.t, school.ClientID),
				ClientSecret: secrettest.File(s.t, school.ClientSecret.Reveal()),
			})
		}
		return c
	}
	v := s.service.Vendor()
	c.Vendor = &config.Vendor{
		Application: v.Application.String(), Organisation: v.Organisation.String(), Scope: lookalike.VendorScope,
		ClientID: secrettest.File(s.t, v.ClientID), ClientSecret: secrettest.File(s.t, v.ClientSecret.Reveal()),
	}
	return c
}

// contractWith is the default contract with pairs of texts replaced.
func contractWith(t testing.TB, edits ...string) *Contract {
	t.Helper()
	text := string(defaultContract)
	for i := 0; i+1 < len(edits); i += 2 {
		if !strings.Contains(text, edits[i]) {
			t.Fatalf("the default contract does not hold %q", edits[i])
		}
		text = strings.ReplaceAll(text, edits[i], edits[i+1])
	}
	c, err := parseContract("contract.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return c
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

func (s *sandboxed) first() world.Site { return s.world.Sites()[0] }

func (s *sandboxed) fixture(want source.Want) sourcetest.Fixture {
	f := sourcetest.Fixture{
		Source: s.source, Want: want, Size: sizesOf(s.world, len(want.Kinds)),
		Break: s.breakDown, Mend: s.mend, Logs: s.logs.String,
	}
	for _, p := range s.world.People(s.first().ID, world.Student) {
		f.Canaries = append(f.Canaries, p.Name())
		if p.Email != "" {
			f.Canaries = append(f.Canaries, p.Email)
		}
	}
	return f
}

// faultOf is what the look-alike does by itself.
func (s *sandboxed) faultOf(f sourcetest.Fault) (lookalike.Fault, bool) {
	school := "/provisioning/v1/organisation/" + s.first().ID.String()
	second := lookalike.Fault{Path: school + "/students", Nth: 2}
	known := map[sourcetest.Fault]lookalike.Fault{
		sourcetest.NotJSON:      {Kind: lookalike.HTML, Path: second.Path, Nth: second.Nth},
		sourcetest.Malformed:    {Kind: lookalike.Malformed, Path: second.Path, Nth: second.Nth},
		sourcetest.CutBody:      {Kind: lookalike.CutBody, Path: second.Path, Nth: second.Nth},
		sourcetest.NoEnvelope:   {Kind: lookalike.NoEnvelope, Path: second.Path, Nth: second.Nth},
		sourcetest.ServerError:  {Kind: lookalike.ServerError, Path: second.Path, Nth: second.Nth},
		sourcetest.Maintenance:  {Kind: lookalike.Maintenance, Path: second.Path, Nth: second.Nth},
		sourcetest.ShortPage:    {Kind: lookalike.ShortPage, Path: second.Path, Nth: second.Nth},
		sourcetest.MissingPage:  {Kind: lookalike.PageMissing, Path: second.Path, Nth: second.Nth},
		sourcetest.RepeatedPage: {Kind: lookalike.RepeatedPage, Path: second.Path},
		sourcetest.TotalMoves:   {Kind: lookalike.TotalMoves, Path: second.Path},
		sourcetest.SiteBroken:   {Kind: lookalike.HTML, Path: school},
		sourcetest.GroupsBroken: {Kind: lookalike.Malformed, Path: school + "/groups"},
		sourcetest.Refused401:   {Kind: lookalike.Unauthorised, Path: second.Path, Nth: second.Nth},
		sourcetest.Refused403:   {Kind: lookalike.Forbidden, Path: second.Path, Nth: second.Nth},
		sourcetest.Gone404:      {Kind: lookalike.NotFound, Path: school},
		sourcetest.OtherSite:    {Kind: lookalike.OtherOrganisation, Path: school},
		sourcetest.OtherList:    {Kind: lookalike.OtherOrganisation, Path: second.Path, Nth: second.Nth},
		sourcetest.SignInFails:  {Kind: lookalike.ServerError, Path: "/sts/connect/token"},
		sourcetest.Throttled:    {Kind: lookalike.ThrottleBody, Path: second.Path, Times: 1, Seconds: 1},
		sourcetest.FailsOnce:    {Kind: lookalike.Maintenance, Path: second.Path, Nth: second.Nth, Times: 1},
		sourcetest.DuplicateID:  {Kind: lookalike.DuplicateIDs, Path: second.Path},
		sourcetest.MissingID:    {Kind: lookalike.MissingIDs, Path: second.Path},
		sourcetest.WrongTypes:   {Kind: lookalike.WrongTypes, Path: second.Path},
		sourcetest.Dangling:     {Kind: lookalike.DanglingClasses, Path: second.Path},
	}
	if s.source.contract.membership.fromGroup {
		delete(known, sourcetest.Dangling)
	}
	fault, ok := known[f]
	return fault, ok
}

func (s *sandboxed) breakDown(f sourcetest.Fault) bool {
	switch f {
	case sourcetest.SignInFails, sourcetest.TokenExpires, sourcetest.CredentialsRefused, sourcetest.Withdrawn:
		s.service.ExpireTokens()
	}
	students := "/provisioning/v1/organisation/" + s.first().ID.String() + "/students"
	switch f {
	case sourcetest.TokenExpires:
		return true
	case sourcetest.Withdrawn: // TestWithdrawn does it to a world of its own
		s.refuse(s.first().ID.String(), "unauthorized_client")
	case sourcetest.CredentialsRefused:
		s.refuse(s.first().ID.String(), "invalid_client")
	case sourcetest.WrongItems:
		s.answer(students, `{"organisationId":"`+s.first().ID.String()+`","items":{"externalId":"x"},"totalItems":1}`)
	case sourcetest.Endless:
		s.answer(students, `{"items":[{"externalId":"x"}],"totalItems":1000000000}`)
	case sourcetest.TooLarge:
		s.answer(students, `{"items":[],"totalItems":0,"padding":"`+strings.Repeat("x", 5<<20)+`"}`)
	default:
		fault, ok := s.faultOf(f)
		return ok && s.service.Faults().Set(fault) == nil
	}
	return true
}

func (s *sandboxed) mend() {
	s.service.Faults().Clear()
	s.tamper.Store(nil)
}

// answer has a path answered with a body of the test's own.
func (s *sandboxed) answer(path, body string) {
	s.tamperWith(func(w http.ResponseWriter, r *http.Request) bool {
		if r.URL.Path != path {
			return false
		}
		_, _ = io.WriteString(w, body)
		return true
	})
}

// refuse has the token service refuse one organisation's client.
func (s *sandboxed) refuse(org, code string) {
	s.tamperWith(func(w http.ResponseWriter, r *http.Request) bool {
		form, ok := tokenForm(r)
		if !ok || form.Get("acr_values") != "orgselected:"+org {
			return false
		}
		w.WriteHeader(http.StatusBadRequest)
		_, _ = io.WriteString(w, `{"error":"`+code+`","error_description":"a word too many"}`)
		return true
	})
}

// tokenForm reads a token request's form and leaves it to be read again.
func tokenForm(r *http.Request) (url.Values, bool) {
	if !strings.HasSuffix(r.URL.Path, "/connect/token") {
		return nil, false
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, false
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	form, err := url.ParseQuery(string(body))
	return form, err == nil
}

func organisationIn(path string) string {
	_, rest, ok := strings.Cut(path, "/organisation/")
	if !ok {
		return ""
	}
	org, _, _ := strings.Cut(rest, "/")
	return org
}

func read(t *testing.T, s *Source, org string, want source.Want) (*roster.Snapshot, error) {
	t.Helper()
	return s.Read(context.WithoutCancel(t.Context()), roster.Site{ID: org, Source: "sims"}, want)
}
