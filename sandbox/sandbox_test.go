package sandbox

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"simscim/internal/auth/keytest"
	"simscim/sandbox/idp"
	"simscim/sandbox/oneroster"
	"simscim/sandbox/simsid"
	"simscim/sandbox/world"
)

func start(t *testing.T, preset string) (*Sandbox, *Running) {
	t.Helper()
	s, err := New(Options{
		Preset: preset, Seed: 3, Now: time.Now, Key: keytest.Shared(),
	})
	if err != nil {
		t.Fatal(err)
	}
	r, err := s.Listen(t.Context(), "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	})
	return s, r
}

func call(t *testing.T, method, at, body string, header ...string) (int, string, http.Header) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, at, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	res, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, string(text), res.Header
}

func TestNewChecksItsOptions(t *testing.T) {
	t.Parallel()
	for name, o := range map[string]Options{
		"no clock":       {},
		"unknown preset": {Now: time.Now, Preset: "x"},
		"negative rate":  {Now: time.Now, Preset: "tiny", PerSecond: -1},
		"unknown kind":   {Now: time.Now, Preset: "tiny", Personality: "x"},
		"IDP elsewhere":  {Now: time.Now, Preset: "tiny", IDP: idp.New(idp.Options{BasePath: "/v2"})},
	} {
		if _, err := New(o); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

// A sandbox may have another kind of identity provider.
func TestPersonality(t *testing.T) {
	t.Parallel()
	s, err := New(Options{Now: time.Now, Preset: "tiny", Personality: "zitadel"})
	if err != nil {
		t.Fatal(err)
	}
	run, err := s.Listen(t.Context(), "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = run.Close() })
	c := s.Credentials()
	if status, _, _ := call(t, http.MethodGet, c.SCIM+"/Groups", "", "Authorization", "Bearer "+c.IDPToken.Reveal()); status != 404 {
		t.Errorf("groups: %d", status)
	}
	for _, at := range []string{"/", "/directory/"} {
		if status, page, _ := call(t, http.MethodGet, run.URL+at, ""); status != 200 || !strings.Contains(page, "zitadel") {
			t.Errorf("%s does not name the personality: %d", at, status)
		}
	}
}

// The whole way: vendor token, customers, credentials, school token, people.
func TestCredentialsLeadToPeople(t *testing.T) {
	t.Parallel()
	s, r := start(t, "tiny")
	c := s.Credentials()
	if c.STS != r.URL+"/sts" || s.BaseURL() != r.URL {
		t.Fatalf("the sandbox is at %s, the STS at %s", r.URL, c.STS)
	}
	token := func(id, secret, scope, org string) string {
		form := url.Values{"grant_type": {"client_credentials"}, "client_id": {id}, "client_secret": {secret}, "scope": {scope}, "acr_values": {"orgselected:" + org}}
		status, body, _ := call(t, http.MethodPost, c.STS+"/connect/token", form.Encode(), "Content-Type", "application/x-www-form-urlencoded")
		var answer struct {
			Token string `json:"access_token"`
		}
		if err := json.Unmarshal([]byte(body), &answer); err != nil || status != 200 {
			t.Fatalf("the STS answered %d %s", status, body)
		}
		return answer.Token
	}
	get := func(at, token string, into any) {
		status, body, _ := call(t, http.MethodGet, at, "", "Authorization", "Bearer "+token)
		if err := json.Unmarshal([]byte(body), into); err != nil || status != 200 {
			t.Fatalf("%s answered %d %s", at, status, body)
		}
	}
	vendor := token(c.Vendor.ClientID, c.Vendor.ClientSecret.Reveal(), simsid.VendorScope, c.Vendor.Organisation.String())
	root := c.Management + "/v1/applications/" + c.Vendor.Application.String() + "/customers"
	var customers struct {
		Items []struct {
			ID             int
			OrganisationID string
		}
	}
	get(root, vendor, &customers)
	org := customers.Items[0].OrganisationID
	var cred struct{ ClientID, Secret string }
	get(fmt.Sprintf("%s/%d/credentials", root, customers.Items[0].ID), vendor, &cred)
	school := token(cred.ClientID, cred.Secret, simsid.SchoolScope, org)
	var people struct{ TotalItems int }
	get(c.Provisioning+"/v1/organisation/"+org+"/students", school, &people)
	if want := len(s.World().Rolls()[0].People(world.Student)); people.TotalItems != want {
		t.Errorf("%d students, want %d", people.TotalItems, want)
	}
}

func TestIdentityProviderIsMounted(t *testing.T) {
	t.Parallel()
	s, r := start(t, "tiny")
	c := s.Credentials()
	auth := []string{"Authorization", "Bearer " + c.IDPToken.Reveal(), "Content-Type", "application/scim+json"}
	body := `{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User"],"userName":"zoe@trust.example"}`
	if status, answer, _ := call(t, http.MethodPost, c.SCIM+"/Users", body, auth...); status != 201 {
		t.Fatalf("create: %d %s", status, answer)
	}
	if status, answer, _ := call(t, http.MethodGet, c.SCIM+"/Users", "", auth...); status != 200 || !strings.Contains(answer, "zoe@trust.example") {
		t.Errorf("list: %d %s", status, answer)
	}
	if status, _, _ := call(t, http.MethodGet, c.SCIM+"/Users", ""); status != 401 {
		t.Errorf("without a token: %d", status)
	}
	if d := s.State().Directory; d.Users != 1 || d.Writes != 1 || d.Requests != 3 || d.Personality != "generic" {
		t.Errorf("the state is %+v", d)
	}
	if status, page, _ := call(t, http.MethodGet, r.URL+"/directory/", ""); status != 200 || !strings.Contains(page, "zoe@trust.example") {
		t.Errorf("the page: %d", status)
	}
	if status, _, _ := call(t, http.MethodPost, r.URL+"/_sandbox/faults", `{"directory":{"fail":1,"failStatus":503,"bulkMissing":2,"retryAfterSeconds":7}}`); status != 200 {
		t.Fatalf("faults: %d", status)
	}
	status, faults, _ := call(t, http.MethodGet, r.URL+"/_sandbox/faults", "")
	for _, want := range []string{`"fail":1,`, `"bulkMissing":2`, `"retryAfterSeconds":7`} {
		if got := strings.ReplaceAll(faults, ": ", ":"); status != 200 || !strings.Contains(got, want) {
			t.Errorf("%s is not in the faults: %s", want, faults)
		}
	}
	if status, _, _ := call(t, http.MethodGet, c.SCIM+"/Users", "", auth...); status != 503 {
		t.Errorf("with a fault: %d", status)
	}
}

func TestControls(t *testing.T) {
	t.Parallel()
	s, r := start(t, "primary")
	state := func() (st State) {
		t.Helper()
		status, body, _ := call(t, http.MethodGet, r.URL+"/_sandbox/state", "")
		if err := json.Unmarshal([]byte(body), &st); err != nil || status != 200 {
			t.Fatalf("state: %d %v", status, err)
		}
		return st
	}
	before := state()
	if before.Totals.Students != 275 || len(before.Sites) != 1 || before.Seed != 3 || before.Digest != s.World().Digest() {
		t.Errorf("the state is %+v", before)
	}
	for _, step := range []struct {
		path string
		want time.Time
	}{
		{"day", before.Now.Add(24 * time.Hour)},
		{"advance?hours=1.5", before.Now.Add(25*time.Hour + 30*time.Minute)},
		{"september", time.Date(2027, 9, 1, 8, 30, 0, 0, time.UTC)},
	} {
		status, body, _ := call(t, http.MethodPost, r.URL+"/_sandbox/"+step.path, "")
		if status != 200 || !strings.Contains(body, `"counts"`) {
			t.Errorf("%s: %d %s", step.path, status, body)
		}
		if now := state(); !now.Now.Equal(step.want) || now.Digest == before.Digest {
			t.Errorf("after %s it is %s, want %s", step.path, now.Now, step.want)
		}
	}
	for _, path := range []string{"state", "faults"} {
		if _, body, _ := call(t, http.MethodGet, r.URL+"/_sandbox/"+path, ""); strings.Contains(strings.ReplaceAll(body, ": ", ":"), ":null") {
			t.Errorf("%s has null for a list", path)
		}
	}
	at := s.World().Now()
	for path, want := range map[string]int{
		"advance": 400, "advance?hours=x": 400, "advance?hours=-1": 400, "advance?hours=NaN": 400, "advance?hours=1e9": 400, "nothing": 404,
	} {
		if status, _, _ := call(t, http.MethodPost, r.URL+"/_sandbox/"+path, ""); status != want {
			t.Errorf("%s: %d, want %d", path, status, want)
		}
	}
	if status, _, _ := call(t, http.MethodGet, r.URL+"/_sandbox/day", ""); status != 405 {
		t.Errorf("GET day: %d", status)
	}
	if status, _, _ := call(t, http.MethodPost, r.URL+"/_sandbox/day", "", "Origin", "https://elsewhere.example", "Sec-Fetch-Site", "cross-site"); status != 403 {
		t.Errorf("from another web site: %d", status)
	}
	if !s.World().Now().Equal(at) {
		t.Error("a refused call moved the clock")
	}
	status, _, header := call(t, http.MethodPost, r.URL+"/_sandbox/day", "", "Accept", "text/html,*/*")
	if status != 303 || header.Get("Location") != "/" {
		t.Errorf("a person is sent to %d %s", status, header.Get("Location"))
	}
}

func TestFaultsBySwitch(t *testing.T) {
	t.Parallel()
	s, r := start(t, "tiny")
	discovery := func() int {
		status, _, _ := call(t, http.MethodGet, r.URL+"/sts/.well-known/openid-configuration", "")
		return status
	}
	set := func(body string) int {
		status, _, _ := call(t, http.MethodPost, r.URL+"/_sandbox/faults", body)
		return status
	}
	if got := set(`{"faults":[{"kind":"maintenance","path":"/sts/**","times":1}]}`); got != 200 {
		t.Fatal(got)
	}
	if a, b := discovery(), discovery(); a != 503 || b != 200 {
		t.Errorf("got %d and %d", a, b)
	}
	for _, bad := range []string{"", "{", `{"faults":[{"kind":"x"}]}`, `{"fault":[]}`, `{} {}`, `{"faults":[{"kind":"html","nth":-1}]}`, `[]`, `{"directory":{"fail":-1}}`, `{"directory":{"failStatus":200}}`} {
		if got := set(bad); got != 400 {
			t.Errorf("%q: %d", bad, got)
		}
	}
	if len(s.SIMSID().Faults().List()) != 1 {
		t.Error("a refused set changed the faults")
	}
	if set(`{"expireTokens":true}`) != 200 || len(s.SIMSID().Faults().List()) != 0 {
		t.Error("the faults are still on")
	}
	if _, body, _ := call(t, http.MethodGet, r.URL+"/_sandbox/faults", ""); !strings.Contains(body, "total-moves") {
		t.Errorf("the kinds are not listed: %s", body)
	}
}

func TestOneRosterByCredentials(t *testing.T) {
	t.Parallel()
	s, r := start(t, "tiny")
	c := s.Credentials()
	form := url.Values{"grant_type": {"client_credentials"}, "client_id": {c.District.ClientID}, "client_secret": {c.District.ClientSecret.Reveal()}}
	for v, at := range map[oneroster.Version]string{oneroster.V11: c.OneRoster11, oneroster.V12: c.OneRoster12} {
		form.Set("scope", strings.Join(oneroster.Scopes(v), " "))
		status, body, _ := call(t, http.MethodPost, c.OneRosterToken, form.Encode(), "Content-Type", "application/x-www-form-urlencoded")
		var answer struct {
			Token string `json:"access_token"`
		}
		if err := json.Unmarshal([]byte(body), &answer); err != nil || status != 200 {
			t.Fatalf("the token endpoint answered %d %s", status, body)
		}
		status, body, header := call(t, http.MethodGet, at+"/schools", "", "Authorization", "Bearer "+answer.Token)
		if status != 200 || header.Get("X-Total-Count") != "1" || !strings.Contains(body, s.World().Sites()[0].ID.String()) {
			t.Errorf("version %s: %d %s", v, status, body)
		}
		if !strings.Contains(header.Get("Link"), "<"+r.URL+"/oneroster/ims/oneroster/") {
			t.Errorf("the links are %s", header.Get("Link"))
		}
	}
	if got := s.State().OneRoster.Requests; got != 4 {
		t.Errorf("%d requests are counted", got)
	}
}

func TestOneRosterBySwitch(t *testing.T) {
	t.Parallel()
	s, r := start(t, "tiny")
	at := r.URL + "/_sandbox/oneroster"
	set := func(body string) int {
		status, _, _ := call(t, http.MethodPost, at, body)
		return status
	}
	if got := set(`{"deviations":["no-link","limit-cap=5"],"faults":[{"kind":"cut-page","nth":2,"times":1}]}`); got != 200 {
		t.Fatal(got)
	}
	for _, bad := range []string{
		"", `{"deviations":["x"]}`, `{"faults":[{"kind":"dangling-classes"}]}`, `{"deviation":[]}`, `{} {}`, `{"faults":[],"deviations":["x"]}`, `{"deviations":[],"faults":[{"kind":"x"}]}`,
	} {
		if got := set(bad); got != 400 {
			t.Errorf("%q: %d", bad, got)
		}
	}
	on := s.State().OneRoster
	if len(on.Faults) != 1 || strings.Join(on.Deviations, " ") != "no-link limit-cap=5" {
		t.Errorf("a refused set left %+v", on)
	}
	if got := set(`{"faults":[]}`); got != 200 || len(s.State().OneRoster.Faults) != 0 || len(s.State().OneRoster.Deviations) != 2 {
		t.Error("faults are not set alone")
	}
	if _, body, _ := call(t, http.MethodGet, at, ""); !strings.Contains(body, `"merged-users"`) || !strings.Contains(body, `"endless-pages"`) || !strings.Contains(body, s.Credentials().District.ClientSecret.Reveal()) {
		t.Errorf("the switches are not listed: %s", body)
	}
	if status, _, _ := call(t, http.MethodPost, at, `{}`, "Origin", "https://elsewhere.example", "Sec-Fetch-Site", "cross-site"); status != 403 {
		t.Errorf("from another web site: %d", status)
	}
	if set(`{"expireTokens":true}`) != 200 {
		t.Error("tokens do not expire")
	}
	if _, body, _ := call(t, http.MethodGet, r.URL+"/", ""); !strings.Contains(body, "limit-cap=5") {
		t.Error("the index does not show the deviations")
	}
}

// Each link of the index page leads somewhere.
func TestIndexPage(t *testing.T) {
	t.Parallel()
	s, r := start(t, "mat-small")
	status, body, _ := call(t, http.MethodGet, r.URL+"/", "")
	if status != 200 {
		t.Fatal(status)
	}
	links := 0
	for part := range strings.SplitSeq(body, `href="`) {
		link, _, ok := strings.Cut(part, `"`)
		if !ok || !strings.HasPrefix(link, "/") {
			continue
		}
		links++
		if status, _, _ := call(t, http.MethodGet, r.URL+link, ""); status != 200 {
			t.Errorf("%s: %d", link, status)
		}
	}
	if links < 6 {
		t.Errorf("%d links", links)
	}
	for _, site := range s.World().Sites() {
		if !strings.Contains(body, site.ID.String()) {
			t.Errorf("school %s is not there", site.DfE)
		}
	}
	if !strings.Contains(body, "Monday, 2 November 2026") || strings.Contains(body, "<script") {
		t.Error("the page lacks the date or has a script")
	}
	if status, _, _ := call(t, http.MethodGet, r.URL+"/nothing", ""); status != 404 {
		t.Errorf("unknown path: %d", status)
	}
}

func TestThousands(t *testing.T) {
	t.Parallel()
	for n, want := range map[int]string{0: "0", 999: "999", 1000: "1,000", 42548: "42,548", 1234567: "1,234,567"} {
		if got := thousands(n); got != want {
			t.Errorf("%d is %s", n, got)
		}
	}
}

func TestConfigHoldsNoSecret(t *testing.T) {
	t.Parallel()
	s, r := start(t, "tiny")
	text := s.Config(`file:a"b.db`)
	for _, kv := range s.Env() {
		name, value, _ := strings.Cut(kv, "=")
		if value == "" || !strings.Contains(text, "env:"+name) {
			t.Errorf("%s is empty or not referred to", name)
		}
		if strings.Contains(text, value) {
			t.Errorf("the value of %s is in the configuration", name)
		}
	}
	if strings.Contains(strings.ReplaceAll(text, "{perSecond", ""), "{s") || !strings.Contains(text, r.URL+"/scim/v2") || !strings.Contains(text, `"file:a\"b.db"`) {
		t.Errorf("the configuration is not filled in:\n%s", text)
	}
}

func TestListen(t *testing.T) {
	t.Parallel()
	s, r := start(t, "tiny")
	if _, err := s.Listen(t.Context(), strings.TrimPrefix(r.URL, "http://")); err == nil {
		t.Error("two sandboxes on one address")
	}
	ctx, cancel := context.WithCancel(t.Context())
	second, err := s.Listen(ctx, "0.0.0.0:0")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(second.URL, "http://127.0.0.1:") {
		t.Errorf("a sandbox on all interfaces is at %s", second.URL)
	}
	cancel()
	if err := second.Wait(); err != nil {
		t.Error(err)
	}
	if err := second.Close(); err != nil {
		t.Errorf("closing twice: %v", err)
	}
}
