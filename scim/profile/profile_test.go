package profile_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"simscim/internal/httpx"
	"simscim/scim"
	"simscim/scim/client"
	"simscim/scim/profile"
)

// documents is a server of the discovery documents by path; what is not among them is
// not found.
type documents map[string]string

func discover(t *testing.T, base profile.Profile, docs documents) (profile.Profile, error) {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, ok := docs[r.URL.Path]
		if !ok {
			w.WriteHeader(http.StatusNotFound)
		}
		if body == "401" {
			w.WriteHeader(http.StatusUnauthorized)
		}
		_, _ = io.WriteString(w, body)
	}))
	t.Cleanup(s.Close)
	h, err := httpx.New(httpx.Options{BaseURL: s.URL})
	if err != nil {
		t.Fatal(err)
	}
	return profile.Discover(t.Context(), client.New(h, client.Options{}), base)
}

func named(t *testing.T, name string) profile.Profile {
	t.Helper()
	p, ok := profile.Named(name)
	if !ok {
		t.Fatalf("there is no profile %s", name)
	}
	return p
}

func TestDiscover(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		docs documents
		want func(*profile.Profile)
	}{
		"nothing": {nil, func(*profile.Profile) {}},
		"everything off": {documents{
			"/ServiceProviderConfig": `{"patch":{"supported":false},"filter":{"supported":0},"etag":{"supported":true}}`,
		}, func(p *profile.Profile) {
			p.Patch, p.PatchGroups, p.ETag = false, false, true
			p.FilterUsers, p.FilterGroups = nil, nil
		}},
		"small pages": {documents{
			"/ServiceProviderConfig": `{"filter":{"supported":true,"maxResults":40}}`,
		}, func(p *profile.Profile) { p.PageMax = 40 }},
		"huge pages": {documents{
			"/ServiceProviderConfig": `{"filter":{"supported":true,"maxResults":1000000}}`,
		}, func(p *profile.Profile) { p.PageMax = 500 }},
		"cursor only": {documents{
			"/ServiceProviderConfig": `{"filter":{"supported":true,"maxResults":200},"pagination":{"cursor":true,"index":false,"maxPageSize":100}}`,
		}, func(p *profile.Profile) { p.Paging = client.Cursor }},
		"both, index by default": {documents{
			"/ServiceProviderConfig": `{"pagination":{"cursor":true,"index":true,"defaultPaginationMethod":"index"}}`,
		}, func(*profile.Profile) {}},
		"both, cursor by default": {documents{
			"/ServiceProviderConfig": `{"pagination":{"cursor":true,"index":true,"defaultPaginationMethod":"Cursor"}}`,
		}, func(p *profile.Profile) { p.Paging = client.Cursor }},
		"users only": {documents{
			"/ResourceTypes": `{"Resources":[{"name":"User","endpoint":"/Users"}]}`,
		}, func(p *profile.Profile) { p.Groups = false }},
		"types by endpoint and schema": {documents{
			"/ResourceTypes": `[{"endpoint":"Users"},{"schema":"` + scim.GroupURN + `"}]`,
		}, func(*profile.Profile) {}},
		"types that are neither": {documents{
			"/ResourceTypes": `{"Resources":[{"name":"Device"}]}`,
		}, func(*profile.Profile) {}},
		"bulk": {documents{
			"/ServiceProviderConfig": `{"bulk":{"supported":true,"maxOperations":100,"maxPayloadSize":"1000000"}}`,
		}, func(p *profile.Profile) { p.Bulk = profile.Bulk{Operations: 100, Bytes: 1_000_000} }},
		"bulk without measure": {documents{
			"/ServiceProviderConfig": `{"bulk":{"supported":"true","maxOperations":1000000}}`,
		}, func(p *profile.Profile) { p.Bulk = profile.Bulk{Operations: 1000, Bytes: 1 << 20} }},
		"bulk of one":     {documents{"/ServiceProviderConfig": `{"bulk":{"supported":true,"maxOperations":1}}`}, func(*profile.Profile) {}},
		"bulk of nothing": {documents{"/ServiceProviderConfig": `{"bulk":true}`}, func(*profile.Profile) {}},
		"what users need": {documents{
			"/Schemas": `{"Resources":[{"id":"` + scim.UserURN + `","attributes":[{"name":"id","required":true},{"name":"userName","required":true},
				{"name":"name","required":true,"subAttributes":[{"name":"givenName"},{"name":"familyName","required":true}]},
				{"name":"emails","required":true,"multiValued":true,"subAttributes":[{"name":"value","required":true}]},
				{"name":"groups","required":true,"mutability":"readOnly"},{"name":"not a name","required":true},{"name":"title"},
				{"name":"Password","required":"true"}]}]}`,
		}, func(p *profile.Profile) {
			p.RequiredUser = []scim.Path{"userName", "name.familyName", "emails"}
			p.PasswordRequired = true
		}},
		"members hidden and names fixed": {documents{
			"/Schemas": `{"Resources":[{"id":"` + scim.GroupURN + `","attributes":[{"name":"members","returned":"never"},{"name":"displayName","mutability":"immutable"}]}]}`,
		}, func(p *profile.Profile) { p.MembersReadable, p.GroupRename = false, false }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := discover(t, named(t, "auto"), c.docs)
			if err != nil {
				t.Fatal(err)
			}
			want := named(t, "auto")
			c.want(&want)
			if diff := cmp.Diff(want, got, cmpopts.IgnoreFields(profile.Profile{}, "Notes"), cmpopts.IgnoreUnexported(profile.Profile{}), cmpopts.EquateEmpty()); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// everything is a server that claims all there is, and denies what it claims nothing of.
var everything = documents{
	"/ServiceProviderConfig": `{"patch":{"supported":false},"filter":{"supported":0,"maxResults":7},"etag":{"supported":true},
		"bulk":{"supported":true,"maxOperations":500,"maxPayloadSize":5000},"pagination":{"cursor":true,"index":false}}`,
	"/ResourceTypes": `{"Resources":[{"name":"User"},{"name":"Group"}]}`,
	"/Schemas":       `{"Resources":[{"id":"` + scim.GroupURN + `","attributes":[{"name":"members","returned":"never"}]}]}`,
}

// What the table pins of a provider stands, whatever the server says; the rest is the
// server's word; and where the two disagree there is a note.
func TestDiscoverKeepsWhatIsPinned(t *testing.T) {
	t.Parallel()
	before := named(t, "snowflake")
	got, err := discover(t, before, everything)
	if err != nil {
		t.Fatal(err)
	}
	want := named(t, "snowflake")
	want.Patch, want.PatchGroups, want.MembersReadable, want.PageMax = false, false, false, 7
	if diff := cmp.Diff(want, got, cmpopts.IgnoreFields(profile.Profile{}, "Notes"), cmpopts.IgnoreUnexported(profile.Profile{})); diff != "" {
		t.Error(diff)
	}
	wantNotes := append(before.Notes,
		"The server has no PATCH: objects are read, changed and replaced whole.",
		"The server never shows the members of a group.",
		"The server says otherwise of users found by (listing all); what is known of it stands (externalId, userName).",
		"The server says otherwise of groups found by (listing all); what is known of it stands (displayName).",
		"The server says otherwise of paging (cursor, 7 a page); what is known of it stands (index, 7 a page).",
		"The server says otherwise of bulk (500 operations, 5 kB); what is known of it stands (none).",
		"The server says otherwise of ETag (yes); what is known of it stands (no).",
	)
	if diff := cmp.Diff(wantNotes, got.Notes); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(named(t, "snowflake").Notes, before.Notes); diff != "" {
		t.Errorf("discovery changed the profile that it began with\n%s", diff)
	}
}

// Groups of a provider that is expected to have none are believed when they are shown.
func TestDiscoverCorrectsWhatIsOnlyExpected(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"gitlab", "okta-inbound"} {
		p := named(t, name)
		got, err := discover(t, p, everything)
		if err != nil || p.Groups || !got.Groups {
			t.Errorf("%s: groups before %t, after %t, %v", name, p.Groups, got.Groups, err)
		}
	}
	got, err := discover(t, named(t, "pingone"), everything)
	if err != nil || got.Groups {
		t.Errorf("pingone has groups: %t, %v", got.Groups, err)
	}
}

func TestOverride(t *testing.T) {
	t.Parallel()
	p := named(t, "entra-scim")
	before := p
	p.Override(profile.Traits{})
	if diff := cmp.Diff(before, p, cmpopts.IgnoreUnexported(profile.Profile{})); diff != "" {
		t.Errorf("nothing said changes something\n%s", diff)
	}
	p.Override(profile.Traits{
		Patch: new(false), Bulk: new(50), BulkBytes: new(9000),
		MembersPerCreate: new(7), MembersPerAdd: new(8), MembersPerRemove: new(9),
		MixAddRemove: new(true), RemoveForm: profile.RemoveByValues, MembersReadable: new(true), GroupRename: new(false),
		FilterUsers: []scim.Path{"id"}, FilterGroups: []scim.Path{},
		Search: new(true), Paging: client.NoPaging, PageSize: new(3),
		ETag: new(true), StringBooleans: new(true), Accept: "a/b", ContentType: "c/d",
	})
	want := named(t, "entra-scim")
	want.Patch, want.PatchGroups = false, false
	want.Bulk = profile.Bulk{Operations: 50, Bytes: 9000}
	want.MembersPerCreate, want.MembersPerAdd, want.MembersPerRemove = 7, 8, 9
	want.MixAddRemove, want.MembersReadable, want.GroupRename = true, true, false
	want.Style.MembersByValue, want.Style.StringBooleans = true, true
	want.FilterUsers, want.FilterGroups = []scim.Path{"id"}, []scim.Path{}
	want.Search, want.Paging, want.PageMax, want.ETag = true, client.NoPaging, 3, true
	want.Accept, want.ContentType = "a/b", "c/d"
	if diff := cmp.Diff(want, p, cmpopts.IgnoreUnexported(profile.Profile{})); diff != "" {
		t.Error(diff)
	}
	got, err := discover(t, p, everything)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got, cmpopts.IgnoreFields(profile.Profile{}, "Notes"), cmpopts.IgnoreUnexported(profile.Profile{})); diff != "" {
		t.Errorf("discovery is believed more than the configuration\n%s", diff)
	}
	got.Override(profile.Traits{RemoveForm: profile.RemoveByPath})
	if got.Style.MembersByValue {
		t.Error("the later word does not hold")
	}
}

func TestDiscoverEndsWhereTheSignInIsRefused(t *testing.T) {
	t.Parallel()
	for _, path := range []string{"/ServiceProviderConfig", "/ResourceTypes", "/Schemas"} {
		if _, err := discover(t, named(t, "auto"), documents{path: "401"}); !scim.IsUnauthorised(err) {
			t.Errorf("%s: %v", path, err)
		}
	}
}

func TestNamed(t *testing.T) {
	t.Parallel()
	want := strings.Fields("atlassian authentik auto aws-iam-identity-center databricks entra-scim generic github-emu gitlab google keycloak " +
		"miro okta-inbound pingone salesforce slack snowflake wso2 zitadel zoom")
	if diff := cmp.Diff(want, profile.Names()); diff != "" {
		t.Error(diff)
	}
	for _, name := range profile.Names() {
		p, ok := profile.Named(name)
		if !ok || p.Name != name {
			t.Errorf("%s is not found by its name", name)
		}
		if !p.Users || p.PageMax < 1 || p.MembersPerAdd < 1 || p.MembersPerRemove < 1 || p.MembersPerCreate < 0 || p.Paging == "" || p.Source == "" {
			t.Errorf("%s is not complete: %+v", name, p)
		}
		for _, paths := range [][]scim.Path{p.FilterUsers, p.FilterGroups, p.GroupPaths, p.RequiredUser, p.RequiredGroup} {
			for _, path := range paths {
				if canonical, err := scim.ParsePath(string(path)); err != nil || canonical != path {
					t.Errorf("%s: %s is no canonical path", name, path)
				}
			}
		}
	}
	if _, ok := profile.Named("nobody"); ok {
		t.Error("any name is a profile")
	}
	a := named(t, "generic")
	slices.Reverse(a.FilterUsers)
	if b := named(t, "generic"); cmp.Equal(a.FilterUsers, b.FilterUsers) {
		t.Error("profiles share their lists")
	}
}
