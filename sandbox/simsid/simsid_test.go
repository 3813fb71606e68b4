package simsid

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"simscim/internal/auth/keytest"
	"simscim/internal/clock/clocktest"
	"simscim/sandbox/world"
)

// bench is a service with a world of five schools, mounted as the sandbox does.
type bench struct {
	t     *testing.T
	s     *Service
	w     *world.World
	clock *clocktest.Clock
	url   string
}

func setup(t *testing.T, change ...func(*Options)) *bench {
	t.Helper()
	w, err := world.New(world.Options{Preset: "mat-small", Seed: 5})
	if err != nil {
		t.Fatal(err)
	}
	c := clocktest.New(time.Date(2026, 11, 2, 9, 0, 0, 0, time.UTC))
	o := Options{World: w, Now: c.Now, Key: keytest.Shared()}
	for _, f := range change {
		f(&o)
	}
	s, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.Handle("/sts/", http.StripPrefix("/sts", s.STS()))
	mux.Handle("/management/", http.StripPrefix("/management", s.Management()))
	mux.Handle("/provisioning/", http.StripPrefix("/provisioning", s.Provisioning()))
	srv := httptest.NewServer(mux)
	t.Cleanup(srv.Close)
	return &bench{t: t, s: s, w: w, clock: c, url: srv.URL}
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
		t.Fatalf("the body is not a JSON object: %v", err)
	}
	return m
}

func (b *bench) do(method, path, token string, form url.Values) answer {
	b.t.Helper()
	var body io.Reader
	if form != nil {
		body = strings.NewReader(form.Encode())
	}
	req, err := http.NewRequestWithContext(b.t.Context(), method, b.url+path, body)
	if err != nil {
		b.t.Fatal(err)
	}
	if form != nil {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return answer{err: err}
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	return answer{res.StatusCode, res.Header, text, err}
}

func (b *bench) get(path, token string) answer {
	b.t.Helper()
	return b.do(http.MethodGet, path, token, nil)
}

func form(id, secret, scope string, org uuid.UUID) url.Values {
	return url.Values{
		"grant_type": {"client_credentials"}, "client_id": {id}, "client_secret": {secret}, "scope": {scope},
		"acr_values": {"orgselected:" + org.String()},
	}
}

// school is the form of the i-th school.
func (b *bench) school(i int) url.Values {
	s := b.s.Schools()[i]
	return form(s.ClientID, s.ClientSecret.Reveal(), "rapapi", s.Organisation)
}

func (b *bench) token(f url.Values) string {
	b.t.Helper()
	a := b.do(http.MethodPost, "/sts/connect/token", "", f)
	if a.status != http.StatusOK {
		b.t.Fatalf("the STS answered %d %s", a.status, a.body)
	}
	text, _ := a.json(b.t)["access_token"].(string)
	return text
}

func (b *bench) vendorToken() string {
	v := b.s.Vendor()
	return b.token(form(v.ClientID, v.ClientSecret.Reveal(), VendorScope, v.Organisation))
}

// path of a list of the i-th school.
func (b *bench) path(i int, rest string) string {
	return "/provisioning/v1/organisation/" + b.w.Sites()[i].ID.String() + rest
}

func TestNewRefusesNonsense(t *testing.T) {
	t.Parallel()
	for name, o := range map[string]Options{
		"no world":      {Now: time.Now},
		"no clock":      {World: &world.World{}},
		"negative life": {World: &world.World{}, Now: time.Now, TokenTTL: -1},
		"negative rate": {World: &world.World{}, Now: time.Now, PerSecond: -1},
	} {
		if _, err := New(o); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func TestCredentialsFollowTheSeed(t *testing.T) {
	t.Parallel()
	a, b := setup(t), setup(t)
	if a.s.Vendor().ClientSecret.Reveal() != b.s.Vendor().ClientSecret.Reveal() || a.s.Schools()[2].ClientID != b.s.Schools()[2].ClientID {
		t.Error("two worlds of one seed have different credentials")
	}
	seen := map[string]bool{}
	for _, s := range a.s.Schools() {
		if seen[s.ClientSecret.Reveal()] || seen[s.ClientID] {
			t.Error("two schools share a credential")
		}
		seen[s.ClientSecret.Reveal()], seen[s.ClientID] = true, true
	}
}
