package e2e_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"

	"simscim/sandbox/idp"
)

// directory reads what is at a SCIM server with nothing but net/http and encoding/json,
// so that no mistake of the product's own client can hide here.
type directory struct {
	url, token string
	// bulk reads whole pages instead of one object after the other: thousands of them
	// take a while.
	bulk bool
}

// account and band are objects as they were read back.
type account struct {
	ID         string `json:"id"`
	ExternalID string `json:"externalId"`
	UserName   string `json:"userName"`
	Active     *bool  `json:"active"`
	Name       struct {
		Given     string `json:"givenName"`
		Family    string `json:"familyName"`
		Formatted string `json:"formatted"`
	} `json:"name"`
	DisplayName string `json:"displayName"`
	UserType    string `json:"userType"`
	Emails      []struct {
		Value string `json:"value"`
		Type  string `json:"type"`
	} `json:"emails"`
	Enterprise struct {
		Organization string `json:"organization"`
		Department   string `json:"department"`
	} `json:"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"`
}

type band struct {
	ID          string   `json:"id"`
	ExternalID  string   `json:"externalId"`
	DisplayName string   `json:"displayName"`
	Members     []member `json:"members"`
}

type member struct {
	Value string `json:"value"`
}

// read lists the ids of everything and then fetches each object by itself.
func (d *directory) read(t *testing.T) ([]account, []band) {
	t.Helper()
	return each[account](t, d, "/Users"), each[band](t, d, "/Groups")
}

func each[T any](t *testing.T, d *directory, path string) []T {
	t.Helper()
	ids, list := pages[T](t, d, path)
	if d.bulk {
		return list
	}
	errs := make([]error, len(ids))
	list = make([]T, len(ids))
	var wg sync.WaitGroup
	room := make(chan struct{}, 8)
	for i, id := range ids {
		wg.Go(func() {
			room <- struct{}{}
			defer func() { <-room }()
			errs[i] = d.get(t, path+"/"+id, &list[i])
		})
	}
	wg.Wait()
	for _, err := range errs {
		check(t, err)
	}
	return list
}

// pages walks the list by index. An id that comes twice is an error of the server.
func pages[T any](t *testing.T, d *directory, path string) (ids []string, list []T) {
	t.Helper()
	seen := map[string]bool{}
	for {
		var page struct {
			Total     int               `json:"totalResults"`
			Resources []json.RawMessage `json:"Resources"`
		}
		query := fmt.Sprintf("?startIndex=%d&count=200", len(ids)+1)
		if !d.bulk {
			query += "&attributes=externalId"
		}
		check(t, d.get(t, path+query, &page))
		for _, raw := range page.Resources {
			var r struct {
				ID string `json:"id"`
			}
			var object T
			check(t, errors.Join(json.Unmarshal(raw, &r), json.Unmarshal(raw, &object)))
			if seen[r.ID] {
				t.Fatalf("%s lists %s twice", path, r.ID)
			}
			seen[r.ID] = true
			ids, list = append(ids, r.ID), append(list, object)
		}
		if len(ids) >= page.Total {
			return ids, list
		}
		if len(page.Resources) == 0 {
			t.Fatalf("%s ends after %d of %d", path, len(ids), page.Total)
		}
	}
}

var reader = &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 8}}

func (d *directory) get(t *testing.T, path string, into any) error {
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, d.url+path, nil)
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "Bearer "+d.token)
	req.Header.Set("Accept", "application/scim+json")
	resp, err := reader.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return err
	}
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("GET %s: %d %s", path, resp.StatusCode, body)
	}
	return json.Unmarshal(body, into)
}

// state is everything at the sandbox's identity provider in one text, to see whether
// anything was touched. Ids and the order of creation are part of it.
func state(p *idp.IDP) string {
	var b strings.Builder
	s := p.Snapshot()
	for _, u := range s.Users {
		fmt.Fprintln(&b, u.ID, u.Resource)
	}
	for _, g := range s.Groups {
		fmt.Fprintln(&b, g.ID, g.Resource)
	}
	return b.String()
}

// create makes an account that nobody but its owner knows of.
func (d *directory) create(t *testing.T, userName string) (id string) {
	t.Helper()
	var made struct {
		ID string `json:"id"`
	}
	body := fmt.Sprintf(`{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User"],"userName":%q,"displayName":"A stranger"}`, userName)
	check(t, json.Unmarshal(d.send(t, http.MethodPost, "/Users", body, http.StatusCreated), &made))
	return made.ID
}

// remove takes the stranger's account away, if it is as it was.
func (d *directory) remove(t *testing.T, id, userName string) {
	t.Helper()
	var u account
	check(t, d.get(t, "/Users/"+id, &u))
	if u.UserName != userName || u.DisplayName != "A stranger" || u.ExternalID != "" {
		t.Errorf("the stranger's account was touched: %+v", u)
	}
	d.send(t, http.MethodDelete, "/Users/"+id, "", http.StatusNoContent)
}

func (d *directory) send(t *testing.T, method, path, body string, want int) []byte {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, d.url+path, strings.NewReader(body))
	check(t, err)
	req.Header.Set("Authorization", "Bearer "+d.token)
	req.Header.Set("Content-Type", "application/scim+json")
	resp, err := reader.Do(req)
	check(t, err)
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	check(t, err)
	if resp.StatusCode != want {
		t.Fatalf("%s %s: %d %s", method, path, resp.StatusCode, answer)
	}
	return answer
}

// patch is what an administrator does behind our back.
func (d *directory) patch(t *testing.T, path, operations string) {
	t.Helper()
	d.send(t, http.MethodPatch, path, `{"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"],"Operations":`+operations+`}`, http.StatusOK)
}
