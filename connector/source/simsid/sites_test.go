package simsid

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"simscim/config"
	"simscim/connector/source"
	"simscim/internal/secret"
	"simscim/roster"
)

const customersPath = "/customers"

// customers has vendor management list records of the test's own.
func (s *sandboxed) customers(items ...string) {
	s.tamperWith(func(w http.ResponseWriter, r *http.Request) bool {
		if !strings.HasSuffix(r.URL.Path, customersPath) {
			return false
		}
		_, _ = fmt.Fprintf(w, `{"items":[%s],"totalItems":%d}`, strings.Join(items, ","), len(items))
		return true
	})
}

func guid(n int) string { return fmt.Sprintf("aaaaaaaa-0000-4000-8000-%012d", n) }

func TestCustomers(t *testing.T) {
	t.Parallel()
	s := newSandbox(t, sandboxOptions{preset: "tiny"})
	entry := func(id, org int, state any) string {
		return fmt.Sprintf(`{"id":%d,"name":"School","organisationId":"%s","dfeCode":"123/4567","authorised":%v}`, id, guid(org), state)
	}
	s.customers(
		entry(1, 1, 1), entry(2, 2, 0), entry(3, 3, 2), entry(4, 4, 9), entry(5, 5, `"1"`),
		`{"id":6,"name":"School","authorised":1}`, `{"organisationId":"`+guid(7)+`","authorised":1}`, `"text"`,
		entry(8, 8, 2), entry(9, 8, 1), // came back
		entry(10, 10, 1), entry(11, 10, 1), entry(12, 10, 1), // nobody knows which
		`{"id":13,"name":["School"],"organisationId":"`+guid(13)+`","authorised":1}`,
		`{"id":14,"name":"School","organisationId":"`+strings.ToUpper(guid(14))+`","dfeCode":"none","authorised":1}`,
	)
	sites, err := s.source.Sites(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, site := range sites {
		if site.Source != "sims" {
			t.Errorf("the site is of source %q", site.Source)
		}
		got = append(got, site.ID[len(site.ID)-2:]+" "+site.DfE)
	}
	if want := "01 1234567,05 1234567,08 1234567,14 "; strings.Join(got, ",") != want {
		t.Errorf("aligned are %q, want %q", strings.Join(got, ","), want)
	}
	for org, want := range map[int]string{2: "not yet approved", 3: "withdrawn", 4: "not in the list", 10: "not list it clearly", 99: "not in the list"} {
		_, err := s.source.Read(t.Context(), roster.Site{ID: guid(org)}, everything())
		if !source.IsFrozen(err) || !strings.Contains(err.Error(), want) {
			t.Errorf("reading organisation %d gives %v, want a *Frozen with %q", org, err, want)
		}
	}
	notes := strings.Join(s.source.directory.notes, "\n")
	for _, want := range []string{
		"customer 4 is left out: the contract does not know its state", "customer 6 is left out: the record has no organisation",
		"customer without an id is left out: the record has no id", "the entry is no object", guid(10) + " is left out: two authorised",
		"customer 13 is left out: the field name is not text",
	} {
		if !strings.Contains(notes, want) {
			t.Errorf("the notes do not say %q:\n%s", want, notes)
		}
	}
}

func TestCustomersThatDoNotCome(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, body string
		status     int
		want       string
	}{
		{"forbidden", "", 403, "status 403"},
		{"HTML", "<html>", 200, "not JSON"},
		{"short", `{"items":[],"totalItems":3}`, 200, "ended after 0 of 3"},
		{"no envelope", `{}`, 200, "without its item list"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := newSandbox(t, sandboxOptions{preset: "tiny"})
			s.tamperWith(func(w http.ResponseWriter, r *http.Request) bool {
				if !strings.HasSuffix(r.URL.Path, customersPath) {
					return false
				}
				w.WriteHeader(c.status)
				_, _ = io.WriteString(w, c.body)
				return true
			})
			sites, err := s.source.Sites(t.Context())
			if err == nil || sites != nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%d schools and %v, want none and an error with %q", len(sites), err, c.want)
			}
			// The vendor's trouble is no school's: nobody is frozen for it.
			if _, err := read(t, s.source, s.first().ID.String(), everything()); err == nil || source.IsFrozen(err) {
				t.Errorf("a read gives %v, want an error that is no *Frozen", err)
			}
		})
	}
}

func TestCredentialsFromVendorManagement(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, body string
		status     int
		frozen     bool
	}{
		{"gone", "", 404, true},
		{"forbidden", "", 403, true},
		{"empty", `{"clientId":null,"secret":null}`, 200, true},
		{"down", "", 503, false},
		{"HTML", "<html>", 200, false},
		{"list", "[]", 200, false},
		{"wrong type", `{"clientId":["canary-client"],"secret":"x"}`, 200, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := newSandbox(t, sandboxOptions{preset: "tiny"})
			s.tamperWith(func(w http.ResponseWriter, r *http.Request) bool {
				if !strings.HasSuffix(r.URL.Path, "/credentials") {
					return false
				}
				w.WriteHeader(c.status)
				_, _ = io.WriteString(w, c.body)
				return true
			})
			_, err := read(t, s.source, s.first().ID.String(), everything())
			if err == nil || source.IsFrozen(err) != c.frozen {
				t.Errorf("got %v, frozen must be %v", err, c.frozen)
			}
			if strings.Contains(err.Error()+s.logs.String(), "canary-client") {
				t.Error("a credential is repeated")
			}
		})
	}
}

// TestWithdrawn: a school that withdraws is not aligned any more, and is again when it
// comes back.
func TestWithdrawn(t *testing.T) {
	t.Parallel()
	for _, listed := range []bool{false, true} {
		s := newSandbox(t, sandboxOptions{listed: listed, fresh: true})
		if _, err := s.world.Withdraw(s.first().ID); err != nil {
			t.Fatal(err)
		}
		for range 2 {
			sites, err := s.source.Sites(t.Context())
			if err != nil || len(sites) != 4 {
				t.Fatalf("%d schools and %v, want the other 4", len(sites), err)
			}
			for _, site := range sites {
				if site.ID == s.first().ID.String() {
					t.Error("the school is still listed")
				}
			}
		}
		if _, err := s.world.Consent(s.first().ID); err != nil {
			t.Fatal(err)
		}
		if sites, err := s.source.Sites(t.Context()); err != nil || len(sites) != 5 {
			t.Errorf("%d schools and %v, want all 5 again", len(sites), err)
		}
	}
}

// TestListedSitesAreWhole: when one school's record does not come, it may match any
// entry of the configuration; so there is no list.
func TestListedSitesAreWhole(t *testing.T) {
	t.Parallel()
	s := newSandbox(t, sandboxOptions{listed: true})
	s.answer("/provisioning/v1/organisation/"+s.first().ID.String(), "<html>")
	if sites, err := s.source.Sites(t.Context()); err == nil || sites != nil {
		t.Errorf("%d schools and no error", len(sites))
	}
	if _, err := s.source.Check(t.Context()); err == nil || !strings.Contains(err.Error(), s.first().ID.String()) {
		t.Errorf("check gives %v, want the school named", err)
	}
}

func TestSiteRecord(t *testing.T) {
	t.Parallel()
	s := newSandbox(t, sandboxOptions{listed: true, preset: "tiny"})
	org := s.first().ID.String()
	path := "/provisioning/v1/organisation/" + org
	s.answer(path, `{"organisation":{"id":"`+strings.ToUpper(org)+`","name":"Oak","dfeNumber":"123-4567","phase":"primary","academicYearStart":"2026-09-01"}}`)
	got, err := s.source.Describe(t.Context(), strings.ToUpper(org))
	want := roster.Site{ID: org, Source: "sims", Name: "Oak", DfE: "1234567", Phase: "primary", YearStart: time.Date(2026, 9, 1, 0, 0, 0, 0, time.UTC)}
	if err != nil || got != want {
		t.Errorf("got %+v and %v, want %+v", got, err, want)
	}
	for body, reason := range map[string]string{
		`{}`:                              "without its record",
		`{"organisation":null}`:           "without its record",
		`{"organisation":[]}`:             "something else than an object",
		`[]`:                              "without its record",
		`{"organisation":{"name":"Oak"}}`: "does not tell whose it is",
		`{"organisation":{"id":"` + org + `","name":{}}}`:                          "the field name is not text",
		`{"organisation":{"id":"` + org + `","academicYearStart":"in autumn"}}`:    "the field academicYearStart is not a date",
		`{"organisation":{"id":"` + org + `"}}{"organisation":{"id":"` + org + `"`: "not JSON",
	} {
		s.answer(path, body)
		if _, err := s.source.Describe(t.Context(), org); !source.IsIncomplete(err) || !strings.Contains(err.Error(), reason) {
			t.Errorf("%s gives %v, want an *Incomplete with %q", body, err, reason)
		}
	}
}

func TestCheckNotes(t *testing.T) {
	t.Parallel()
	s := newSandbox(t, sandboxOptions{})
	before := s.service.Requests()
	notes, err := s.source.Check(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if n := s.service.Requests() - before; n > 6 {
		t.Errorf("check makes %d requests", n)
	}
	all := strings.Join(notes, "\n")
	for _, want := range []string{"lists 5 schools, of which 5 are authorised", "can be read", "the list has 2"} {
		if !strings.Contains(all, want) {
			t.Errorf("the notes do not say %q:\n%s", want, all)
		}
	}
	if last := notes[len(notes)-1]; !strings.Contains(last, "unverified against the live service") {
		t.Errorf("the last note is %q", last)
	}
	s.customers()
	if notes, err = s.source.Check(t.Context()); err == nil || len(notes) == 0 {
		t.Errorf("no school at all gives %v", err)
	}
	s.source.contract = contractWith(t, "verified: false", "verified: true")
	if notes, _ = s.source.Check(t.Context()); strings.Contains(strings.Join(notes, ""), "unverified") {
		t.Error("a verified contract is called unverified")
	}
}

func TestNew(t *testing.T) {
	t.Parallel()
	ref, err := secret.ParseRef("env:SIMSCIM_TEST_UNSET")
	if err != nil {
		t.Fatal(err)
	}
	vendor := &config.Vendor{Application: guid(1), Organisation: guid(2), ClientID: ref, ClientSecret: ref}
	listed := []*config.Credential{{Organisation: guid(3), ClientID: ref, ClientSecret: ref}}
	const rap, partner = "https://rap.sims.co.uk", "https://simsid-partner-rapapi.azurewebsites.net"
	for _, c := range []struct {
		name string
		cfg  config.Source
		want string
	}{
		{"live", config.Source{Environment: "live", Vendor: vendor}, ""},
		{"partner", config.Source{Environment: "partner", Credentials: listed}, ""},
		{"sandbox", config.Source{Environment: "sandbox", Vendor: vendor}, ""},
		{"custom", config.Source{Environment: "custom", Credentials: listed, STS: "http://sandbox:8467/sts/", Provisioning: "http://sandbox:8467/provisioning"}, ""},
		{"unknown", config.Source{Environment: "test", Vendor: vendor}, "not known"},
		{"URL without custom", config.Source{Environment: "live", Vendor: vendor, STS: rap}, "only be set with environment custom"},
		{"mixed", config.Source{Environment: "custom", Credentials: listed, STS: "https://sts.sims.co.uk", Provisioning: partner}, "live and partner hosts are mixed"},
		{"mixed in capitals", config.Source{Environment: "custom", Vendor: vendor, STS: "https://idp.example", Management: strings.ToUpper(rap), Provisioning: partner}, "mixed"},
		{"no STS", config.Source{Environment: "custom", Credentials: listed, Provisioning: rap}, "needs sts and provisioning"},
		{"no management", config.Source{Environment: "custom", Vendor: vendor, STS: rap, Provisioning: rap}, "needs management"},
		{"not HTTP", config.Source{Environment: "custom", Credentials: listed, STS: "ftp://a", Provisioning: rap}, "http or https"},
		{"user in a URL", config.Source{Environment: "custom", Credentials: listed, STS: "https://a:b@sts.example", Provisioning: rap}, "without user"},
		{"neither", config.Source{Environment: "live"}, "needs vendor or credentials"},
		{"both", config.Source{Environment: "live", Vendor: vendor, Credentials: listed}, "not by both"},
		{"twice", config.Source{Environment: "live", Credentials: append(listed, &config.Credential{Organisation: strings.ToUpper(guid(3))})}, "twice"},
		{"no organisation", config.Source{Environment: "live", Credentials: []*config.Credential{{}}}, "no organisation"},
		{"no contract", config.Source{Environment: "live", Vendor: vendor, Contract: "/nowhere/contract.yaml"}, "read contract"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			_, err := New(&c.cfg, Options{})
			switch {
			case c.want == "" && err != nil:
				t.Errorf("refused: %v", err)
			case c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)):
				t.Errorf("got %v, want an error with %q", err, c.want)
			case err != nil && strings.Contains(err.Error(), "a:b"):
				t.Error("the error repeats a password")
			}
		})
	}
}

// TestUnresolvedSecret: a secret that is not there is a mistake of deployment, and
// freezes nobody.
func TestUnresolvedSecret(t *testing.T) {
	t.Parallel()
	ref, err := secret.ParseRef("env:SIMSCIM_TEST_UNSET")
	if err != nil {
		t.Fatal(err)
	}
	s := newSandbox(t, sandboxOptions{listed: true, preset: "tiny", change: func(c *config.Source, _ *Options) { c.Credentials[0].ClientSecret = ref }})
	_, err = read(t, s.source, s.first().ID.String(), everything())
	if err == nil || source.IsFrozen(err) || source.IsIncomplete(err) || !strings.Contains(err.Error(), "SIMSCIM_TEST_UNSET") {
		t.Errorf("got %v, want a plain error that names the variable", err)
	}
}
