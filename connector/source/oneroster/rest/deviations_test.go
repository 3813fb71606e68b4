package rest

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"simscim/connector/source"
	"simscim/connector/source/oneroster"
	"simscim/internal/auth"
	"simscim/internal/secret/secrettest"
	"simscim/roster"
)

// plainRead is what a service without deviations gives. It is read once; nobody changes it.
func plainRead(t *testing.T, version string) *roster.Snapshot {
	t.Helper()
	plainReads.Lock()
	defer plainReads.Unlock()
	if plainReads.of[version] == nil {
		snap, err := newSandbox(t, sandboxOptions{version: version}).read(everything())
		if err != nil {
			t.Fatal(err)
		}
		plainReads.of[version] = snap
	}
	return plainReads.of[version]
}

var plainReads = struct {
	sync.Mutex
	of map[string]*roster.Snapshot
}{of: map[string]*roster.Snapshot{}}

func same(a, b *roster.Snapshot) string {
	return cmp.Diff(a, b, cmpopts.IgnoreFields(roster.Snapshot{}, "TakenAt"), cmpopts.EquateEmpty())
}

// Each way in which a service keeps the protocol in its own manner, and many at once,
// gives the very same snapshot.
func TestDeviationsChangeNothing(t *testing.T) {
	t.Parallel()
	for v, version := range []string{Version11, Version12} {
		plain := plainRead(t, version)
		for i, deviations := range []string{
			"booleans", "refs-as-ids", "relative-hrefs", "tilde-hrefs", "wrong-hrefs", "empty-parent", "dotted-filters-ignored",
			"dotted-filters-refused", "filters-ignored", "no-link", "no-total", "no-link no-total", "limit-cap=37", "limit-cap=37 no-link",
			"limit-cap=37 no-link no-total", "secrets", "null-lists no-relations", "numeric-identifiers", "bare-errors dotted-filters-refused",
			"empty-204", "empty-204 no-total no-link", "sort-ignored", "sort-refused", "fields-ignored", "no-relations",
			"no-relations dotted-filters-ignored", "no-relations dotted-filters-refused sort-refused no-link", "more-orgs",
			"no-dates", "stale-dates", "strict-dates", "grades-plain",
			"booleans refs-as-ids wrong-hrefs empty-parent filters-ignored no-link limit-cap=50 secrets numeric-identifiers bare-errors empty-204 sort-ignored fields-ignored no-relations more-orgs",
		} {
			if i%2 != v && strings.Count(deviations, " ") < 2 {
				continue // one version will do for what has little to do with it
			}
			t.Run(version+" "+deviations, func(t *testing.T) {
				t.Parallel()
				s := newSandbox(t, sandboxOptions{version: version, deviations: strings.Fields(deviations)})
				snap, err := s.read(everything())
				if err != nil {
					t.Fatal(err)
				}
				if d := same(plain, snap); d != "" {
					t.Errorf("the snapshot differs (-plain +deviating):\n%s", d)
				}
			})
		}
	}
}

// 1.2's records below 1.1's root, with the version told: the same as 1.2 at its own.
func TestVersionIsToldNotGuessed(t *testing.T) {
	t.Parallel()
	s := newSandbox(t, sandboxOptions{version: Version11, deviations: []string{"v1p2-under-v1p1"}, change: func(_ *sandboxed, o *Options) {
		o.Version = Version12
	}})
	snap, err := s.read(everything())
	if err != nil {
		t.Fatal(err)
	}
	if d := same(plainRead(t, Version12), snap); d != "" {
		t.Errorf("the snapshot differs (-1.2 +1.2 under 1.1):\n%s", d)
	}
}

// A gateway that gives up on large lists gets smaller pages, and the same comes out.
func TestSmallerPagesForSlowGateways(t *testing.T) {
	t.Parallel()
	s := newSandbox(t, sandboxOptions{deviations: []string{"overloaded"}, change: func(_ *sandboxed, o *Options) { o.PageSize, o.Retries = 3000, 1 }})
	snap, err := s.read(everything())
	if err != nil {
		t.Fatal(err)
	}
	if d := same(plainRead(t, Version11), snap); d != "" {
		t.Errorf("the snapshot differs:\n%s", d)
	}
	// 3000, 750 and 187 records are asked for, the first two twice.
	if got := s.source.reader.size(); got != 187 || !s.asked("limit=750") {
		t.Errorf("pages of %d records are asked for now", got)
	}
}

func TestGatewayThatIsJustBroken(t *testing.T) {
	t.Parallel()
	s := newSandbox(t, sandboxOptions{change: func(_ *sandboxed, o *Options) { o.PageSize, o.Retries = 500, -1 }})
	s.tamperWith(func(w http.ResponseWriter, r *http.Request, _ http.Handler) bool {
		if !strings.HasSuffix(r.URL.Path, "/classes") {
			return false
		}
		w.WriteHeader(http.StatusBadGateway)
		return true
	})
	if _, err := s.read(everything()); !source.IsIncomplete(err) || !strings.Contains(err.Error(), "502") {
		t.Errorf("got %v, want an *Incomplete that names the status", err)
	}
}

func TestListWithoutEnvelope(t *testing.T) {
	t.Parallel()
	s := newSandbox(t, sandboxOptions{deviations: []string{"no-envelope"}})
	for name, err := range map[string]error{
		"Sites": func() error { _, err := s.source.Sites(t.Context()); return err }(),
		"Read":  func() error { _, err := s.read(everything()); return err }(),
	} {
		if !source.IsIncomplete(err) || !strings.Contains(err.Error(), "without its list") {
			t.Errorf("%s: got %v, want an *Incomplete", name, err)
		}
	}
}

// What is not wanted is not asked for.
func TestOnlyWhatIsWantedIsAskedFor(t *testing.T) {
	t.Parallel()
	s := newSandbox(t, sandboxOptions{version: Version12})
	if _, err := s.read(source.Want{Kinds: []roster.Kind{roster.Student}}); err != nil {
		t.Fatal(err)
	}
	for _, part := range []string{"demographics", "email", "username", "userIds", "userMasterIdentifier", "/users", "teachers", "password", "phone", "sms"} {
		if s.asked(part) {
			t.Errorf("%s was asked for", part)
		}
	}
	if !s.asked("/students", "fields=sourcedId%2Cstatus", "sort=sourcedId") {
		t.Error("the school's own students were not asked for, with fields and sorted")
	}
	if _, err := s.read(source.Want{Kinds: []roster.Kind{roster.Student}, Fields: []string{"email", "ageBand", "identifiers.master"}}); err != nil {
		t.Fatal(err)
	}
	for _, part := range []string{"demographics", "email", "userMasterIdentifier"} {
		if !s.asked(part) {
			t.Errorf("%s was not asked for", part)
		}
	}
}

// Only pupils, from the school's own list of them: nobody is set aside because the
// teachers were not read.
func TestPupilsOnly(t *testing.T) {
	t.Parallel()
	s := newSandbox(t, sandboxOptions{})
	snap, err := s.read(source.Want{Kinds: []roster.Kind{roster.Student}})
	if err != nil {
		t.Fatal(err)
	}
	want := 0
	for _, p := range plainRead(t, Version11).People {
		if p.Kind == roster.Student {
			want++
		}
	}
	if len(snap.People) != want || len(snap.SetAside) != 0 {
		t.Errorf("%d people and %d set aside, want %d and none", len(snap.People), len(snap.SetAside), want)
	}
}

// A filter that hides those who have the school second is found out.
func TestFilterThatHides(t *testing.T) {
	t.Parallel()
	plain := plainRead(t, Version11)
	s := newSandbox(t, sandboxOptions{})
	s.tamperWith(func(w http.ResponseWriter, r *http.Request, next http.Handler) bool {
		if r.URL.Path != s.root+"/users" || r.URL.Query().Get("filter") == "" {
			return false
		}
		q := r.URL.Query()
		q.Set("filter", q.Get("filter")+" AND role='teacher'")
		r.URL.RawQuery = q.Encode()
		next.ServeHTTP(w, r)
		return true
	})
	for range 2 { // found out once, remembered afterwards
		snap, err := s.read(everything())
		if err != nil {
			t.Fatal(err)
		}
		if d := same(plain, snap); d != "" {
			t.Errorf("the snapshot differs (-plain +filtered):\n%s", d)
		}
	}
	if !strings.Contains(s.logs.String(), "hides some") {
		t.Error("the log does not tell of the filter")
	}
}

// A filter that matches nothing must not look as if everybody had left.
func TestFilterThatMatchesNothing(t *testing.T) {
	t.Parallel()
	plain := plainRead(t, Version11)
	s := newSandbox(t, sandboxOptions{})
	s.tamperWith(func(w http.ResponseWriter, r *http.Request, _ http.Handler) bool {
		if r.URL.Path != s.root+"/users" || r.URL.Query().Get("filter") == "" {
			return false
		}
		fmt.Fprint(w, `{"users":[]}`)
		return true
	})
	snap, err := s.read(everything())
	if err != nil {
		t.Fatal(err)
	}
	if d := same(plain, snap); d != "" {
		t.Errorf("the snapshot differs (-plain +filtered):\n%s", d)
	}
}

// A selection of fields that leaves nothing over is not believed either.
func TestFieldsThatLeaveNothing(t *testing.T) {
	t.Parallel()
	plain := plainRead(t, Version11)
	s := newSandbox(t, sandboxOptions{})
	s.tamperWith(func(w http.ResponseWriter, r *http.Request, next http.Handler) bool {
		q := r.URL.Query()
		if !q.Has("fields") {
			return false
		}
		q.Set("fields", "status")
		r.URL.RawQuery = q.Encode()
		next.ServeHTTP(w, r)
		return true
	})
	snap, err := s.read(everything())
	if err != nil {
		t.Fatal(err)
	}
	if d := same(plain, snap); d != "" {
		t.Errorf("the snapshot differs (-plain +selected):\n%s", d)
	}
}

// A sign-in without the scope for demographics costs no more than the birth dates.
func TestDemographicsRefused(t *testing.T) {
	t.Parallel()
	s := newSandbox(t, sandboxOptions{})
	s.tamperWith(func(w http.ResponseWriter, r *http.Request, _ http.Handler) bool {
		if !strings.HasSuffix(r.URL.Path, "/demographics") {
			return false
		}
		w.WriteHeader(http.StatusForbidden)
		return true
	})
	snap, err := s.read(everything())
	if err != nil {
		t.Fatal(err)
	}
	if !slices.ContainsFunc(snap.Warnings, func(w roster.Warning) bool { return w.Field == "birthDate" }) {
		t.Errorf("the warnings do not tell: %+v", snap.Warnings)
	}
}

func TestListThatIsNotThere(t *testing.T) {
	t.Parallel()
	for _, missing := range []string{"users", "classes", "enrollments", "academicSessions terms"} {
		s := newSandbox(t, sandboxOptions{})
		gone := strings.Fields(missing)
		s.tamperWith(func(w http.ResponseWriter, r *http.Request, _ http.Handler) bool {
			at := strings.LastIndexByte(r.URL.Path, '/')
			if !slices.Contains(gone, r.URL.Path[at+1:]) {
				return false
			}
			w.WriteHeader(http.StatusNotFound)
			return true
		})
		if snap, err := s.read(everything()); snap != nil || !source.IsIncomplete(err) || !strings.Contains(err.Error(), "does not give a list") {
			t.Errorf("without %s: got %v, want an *Incomplete", missing, err)
		}
		// An accident is not remembered.
		s.mend()
		if _, err := s.read(everything()); err != nil {
			t.Errorf("after %s came back: %v", missing, err)
		}
	}
}

// A service without single records is read by its lists.
func TestNoSingleRecords(t *testing.T) {
	t.Parallel()
	s := newSandbox(t, sandboxOptions{})
	s.tamperWith(func(w http.ResponseWriter, r *http.Request, _ http.Handler) bool {
		if !strings.Contains(r.URL.Path, "/orgs/") {
			return false
		}
		w.WriteHeader(http.StatusNotImplemented)
		return true
	})
	snap, err := s.read(everything())
	if err != nil {
		t.Fatal(err)
	}
	if d := same(plainRead(t, Version11), snap); d != "" {
		t.Errorf("the snapshot differs:\n%s", d)
	}
	_, err = s.source.Read(t.Context(), roster.Site{ID: "nobody"}, everything())
	if !source.IsFrozen(err) {
		t.Errorf("an unknown school gives %v, want a *Frozen", err)
	}
}

func TestRefusedCredentials(t *testing.T) {
	t.Parallel()
	s := newSandbox(t, sandboxOptions{})
	s.service.ExpireTokens()
	s.tamperWith(func(w http.ResponseWriter, r *http.Request, _ http.Handler) bool {
		if r.URL.Path != "/oneroster/token" {
			return false
		}
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusUnauthorized)
		fmt.Fprint(w, `{"error":"invalid_client"}`)
		return true
	})
	if _, err := s.read(everything()); !source.IsFrozen(err) {
		t.Errorf("Read gives %v, want a *Frozen", err)
	}
	if _, err := s.source.Sites(t.Context()); err == nil || source.IsFrozen(err) {
		t.Errorf("Sites gives %v, want an error of the source, not of a school", err)
	}
	if _, err := s.source.Check(t.Context()); err == nil {
		t.Error("Check finds nothing wrong")
	}
}

func TestLinksThatLeadAstray(t *testing.T) {
	t.Parallel()
	for fault, want := range map[string]string{"foreign-next": "leaves the host", "looping-next": "leads back"} {
		s := newSandbox(t, sandboxOptions{})
		if err := s.service.Faults().Set(faultNamed(fault, s.root+"/schools/"+s.first()+"/classes")); err != nil {
			t.Fatal(err)
		}
		if _, err := s.read(everything()); !source.IsIncomplete(err) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want an *Incomplete with %q", fault, err, want)
		}
	}
}

// OAuth 1.0a, both methods, against the look-alike's own check of signatures.
func TestOAuth1(t *testing.T) {
	t.Parallel()
	for _, method := range []string{auth.HMACSHA1, auth.HMACSHA256} {
		n := 0
		s := newSandbox(t, sandboxOptions{change: func(s *sandboxed, o *Options) {
			d := s.service.District()
			o.Authorize = nil
			o.Sign = auth.OAuth1{
				ConsumerKey: secrettest.File(t, d.ClientID), ConsumerSecret: secrettest.File(t, d.ClientSecret.Reveal()), Method: method,
				Now: time.Now, Nonce: func() string { n++; return fmt.Sprintf("%s%08d", t.Name(), n) },
			}.Sign
		}})
		snap, err := s.read(everything())
		if err != nil {
			t.Fatalf("%s: %v", method, err)
		}
		if d := same(plainRead(t, Version11), snap); d != "" {
			t.Errorf("%s: the snapshot differs:\n%s", method, d)
		}
	}
}

// A school that is known by another id than its sourcedId is read under that id.
func TestReaderUnderAnotherID(t *testing.T) {
	t.Parallel()
	s := newSandbox(t, sandboxOptions{})
	plain := plainRead(t, Version11)
	got, err := s.source.reader.Read(t.Context(), s.first(), roster.Site{ID: "our-own-id", Source: "sims"}, everything())
	if err != nil {
		t.Fatal(err)
	}
	if got.Site.ID != "our-own-id" || got.Site.Source != "sims" || got.Site.DfE != plain.Site.DfE {
		t.Errorf("the site is %+v", got.Site)
	}
	got.Site = plain.Site
	if d := same(plain, got); d != "" {
		t.Errorf("the snapshot differs:\n%s", d)
	}
}

func TestBadOptions(t *testing.T) {
	t.Parallel()
	for name, o := range map[string]Options{
		"no address":      {},
		"a query":         {BaseURL: "https://sis.example/v1p1?x=1"},
		"a user":          {BaseURL: "https://me@sis.example/v1p1"},
		"another version": {BaseURL: "https://sis.example/v1p1", Version: "1.3"},
		"bad rules":       {BaseURL: "https://sis.example/v1p1", Rules: oneroster.Rules{Grades: map[string]string{"KG": "kindergarten"}}},
		"two sign-ins": {
			BaseURL: "https://sis.example/v1p1", Sign: func(*http.Request) error { return nil },
			Authorize: auth.Bearer(secrettest.File(t, "x")),
		},
	} {
		if _, err := New(o); err == nil {
			t.Errorf("%s is accepted", name)
		}
	}
}
