package profile_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
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

func discover(t *testing.T, docs documents) (profile.Profile, error) {
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
	base, ok := profile.Named("auto")
	if !ok {
		t.Fatal("there is no profile auto")
	}
	return profile.Discover(t.Context(), client.New(h, client.Options{}), base)
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
		"members hidden and names fixed": {documents{
			"/Schemas": `{"Resources":[{"id":"` + scim.GroupURN + `","attributes":[{"name":"members","returned":"never"},{"name":"displayName","mutability":"immutable"}]}]}`,
		}, func(p *profile.Profile) { p.MembersReadable, p.GroupRename = false, false }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := discover(t, c.docs)
			if err != nil {
				t.Fatal(err)
			}
			want, _ := profile.Named("auto")
			c.want(&want)
			if diff := cmp.Diff(want, got, cmpopts.IgnoreFields(profile.Profile{}, "Notes"), cmpopts.IgnoreUnexported(profile.Profile{}), cmpopts.EquateEmpty()); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestDiscoverEndsWhereTheSignInIsRefused(t *testing.T) {
	t.Parallel()
	for _, path := range []string{"/ServiceProviderConfig", "/ResourceTypes", "/Schemas"} {
		if _, err := discover(t, documents{path: "401"}); !scim.IsUnauthorised(err) {
			t.Errorf("%s: %v", path, err)
		}
	}
}

func TestNamed(t *testing.T) {
	t.Parallel()
	for _, name := range profile.Names() {
		p, ok := profile.Named(name)
		if !ok || p.Name != name {
			t.Errorf("%s is not found by its name", name)
		}
		if !p.Users || p.PageMax < 1 || p.MembersPerAdd < 1 || p.MembersPerRemove < 1 || p.MembersPerCreate < 0 || p.Paging == "" {
			t.Errorf("%s is not complete: %+v", name, p)
		}
		for _, paths := range [][]scim.Path{p.FilterUsers, p.FilterGroups} {
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
	a, _ := profile.Named("generic")
	slices.Reverse(a.FilterUsers)
	if b, _ := profile.Named("generic"); cmp.Equal(a.FilterUsers, b.FilterUsers) {
		t.Error("profiles share their lists")
	}
}
