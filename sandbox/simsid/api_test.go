package simsid

import (
	"encoding/json"
	"fmt"
	"net/http"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"simscim/sandbox/world"
)

type envelope struct {
	OrganisationID string
	Items          []map[string]any
	Page, PageSize int
	TotalItems     int
}

func (b *bench) page(path, token string) envelope {
	b.t.Helper()
	a := b.get(path, token)
	if a.status != http.StatusOK {
		b.t.Fatalf("%s: %d %s", path, a.status, a.body)
	}
	var e envelope
	if err := json.Unmarshal(a.body, &e); err != nil {
		b.t.Fatal(err)
	}
	return e
}

func TestManagement(t *testing.T) {
	t.Parallel()
	b := setup(t)
	site := b.w.Sites()[1]
	if _, err := b.w.Withdraw(site.ID); err != nil {
		t.Fatal(err)
	}
	token, root := b.vendorToken(), "/management/v1/applications/"+b.s.Vendor().Application.String()+"/customers"
	var all []map[string]any
	for page := 1; page <= 3; page++ {
		e := b.page(fmt.Sprintf("%s?page=%d&pageSize=2", root, page), token)
		if e.TotalItems != 5 || e.PageSize != 2 || e.Page != page {
			t.Errorf("the envelope is %+v", e)
		}
		all = append(all, e.Items...)
	}
	for i, s := range b.w.Sites() {
		want := map[string]any{
			"id": float64(s.Customer), "name": s.Name, "organisationId": s.ID.String(), "dfeCode": s.DfE, "deniNumber": nil,
			"authorised": float64(s.Authorised),
		}
		if diff := cmp.Diff(want, all[i]); diff != "" {
			t.Error(diff)
		}
	}
	school := b.s.Schools()[0]
	got := b.get(fmt.Sprintf("%s/%d/credentials", root, b.w.Sites()[0].Customer), token).json(t)
	if got["clientId"] != school.ClientID || got["secret"] != school.ClientSecret.Reveal() {
		t.Error("the credentials are not the school's")
	}
	for name, c := range map[string]struct {
		path, token string
		status      int
	}{
		"withdrawn":            {fmt.Sprintf("%s/%d/credentials", root, site.Customer), token, 404},
		"unknown customer":     {root + "/9999/credentials", token, 404},
		"customer by GUID":     {root + "/" + site.ID.String() + "/credentials", token, 400},
		"a school's token":     {root, b.token(b.school(0)), 403},
		"no token":             {root, "", 401},
		"vendor without scope": {root, b.token(form(b.s.Vendor().ClientID, b.s.Vendor().ClientSecret.Reveal(), "rapapi", b.s.Vendor().Organisation)), 403},
		"another application":  {"/management/v1/applications/" + site.ID.String() + "/customers", token, 404},
		"application number":   {"/management/v1/applications/17/customers", token, 400},
		"bad page":             {root + "?page=0", token, 400},
	} {
		if a := b.get(c.path, c.token); a.status != c.status {
			t.Errorf("%s: got %d, want %d", name, a.status, c.status)
		}
	}
	if a := b.do(http.MethodDelete, root, token, nil); a.status != 405 {
		t.Errorf("DELETE: got %d", a.status)
	}
}

// Every school sees its own people whole, and nobody else's.
func TestOrganisationIsolation(t *testing.T) {
	t.Parallel()
	b := setup(t)
	tokens := make([]string, 5)
	for i := range tokens {
		tokens[i] = b.token(b.school(i))
	}
	lists := []string{"", "/students", "/staff", "/contacts", "/groups", "/groups/House/" + uuid.Nil.String() + "/members"}
	for i := range tokens {
		for j := range tokens {
			for _, rest := range lists {
				a := b.get(b.path(i, rest), tokens[j])
				switch {
				case i != j && a.status != 403:
					t.Fatalf("the token of school %d got %d for %s of school %d", j, a.status, rest, i)
				case i == j && rest == lists[5] && a.status != 404, i == j && rest != lists[5] && a.status != 200:
					t.Fatalf("school %d got %d for %s", i, a.status, rest)
				}
			}
		}
	}
}

func TestListsAreWhole(t *testing.T) {
	t.Parallel()
	b := setup(t)
	const secondary = 4
	roll := b.w.Rolls()[secondary]
	token := b.token(b.school(secondary))
	for _, size := range []int{1000, 500, 200, 137} {
		for list, want := range map[string]int{
			"/students": len(roll.People(world.Student)), "/staff": len(roll.People(world.Staff)),
			"/contacts": len(roll.People(world.Contact)), "/groups": len(roll.Groups()),
		} {
			seen, used := map[string]bool{}, min(size, maxPageSize)
			for page := 1; ; page++ {
				e := b.page(fmt.Sprintf("%s?page=%d&pageSize=%d", b.path(secondary, list), page, size), token)
				if e.TotalItems != want || e.PageSize != used || e.Page != page || e.OrganisationID != roll.Site.ID.String() {
					t.Fatalf("%s: the envelope is %d of %d, total %d, of %s", list, e.Page, e.PageSize, e.TotalItems, e.OrganisationID)
				}
				if len(e.Items) == 0 {
					break
				}
				for _, item := range e.Items {
					seen[fmt.Sprint(item["externalId"], item["type"])] = true
				}
			}
			if len(seen) != want {
				t.Errorf("%s by %d: %d, want %d", list, size, len(seen), want)
			}
		}
	}
}

func TestGroupsAndMembersAgreeWithPeople(t *testing.T) {
	t.Parallel()
	b := setup(t)
	roll, token := b.w.Rolls()[0], b.token(b.school(0))
	fromPeople := map[string]map[string]bool{}
	note := func(kind string, ref any, person, role string) {
		m, ok := ref.(map[string]any)
		if !ok {
			return
		}
		key := kind + "/" + m["id"].(string)
		if fromPeople[key] == nil {
			fromPeople[key] = map[string]bool{}
		}
		fromPeople[key][person+" "+role] = true
	}
	for _, list := range []string{"/students", "/staff"} {
		for _, p := range b.page(b.path(0, list)+"?pageSize=500", token).Items {
			id := p["externalId"].(string)
			note("YearGroup", p["yearGroup"], id, "Member")
			note("House", p["house"], id, "Member")
			role := "Member"
			if list == "/staff" {
				role = "Teacher"
			}
			note("RegistrationGroup", p["registrationGroup"], id, role)
			for _, c := range p["classes"].([]any) {
				note("Class", c, id, c.(map[string]any)["role"].(string))
			}
		}
	}
	n := 0
	for _, kind := range []string{"YearGroup", "RegistrationGroup", "House", "Class"} {
		for _, g := range b.page(b.path(0, "/groups")+"?pageSize=500&type="+kind, token).Items {
			n++
			key := kind + "/" + g["externalId"].(string)
			got := map[string]bool{}
			for _, m := range b.page(b.path(0, "/groups/"+key+"/members")+"?pageSize=500", token).Items {
				got[fmt.Sprint(m["externalId"], " ", m["role"])] = true
			}
			if diff := cmp.Diff(fromPeople[key], got); diff != "" {
				t.Errorf("%s: %s", key, diff)
			}
		}
	}
	if n != len(roll.Groups()) {
		t.Errorf("%d groups by type, want %d", n, len(roll.Groups()))
	}
}

func TestBadRequests(t *testing.T) {
	t.Parallel()
	b := setup(t)
	token := b.token(b.school(0))
	for path, want := range map[string]int{
		b.path(0, "/students?page=0"):                               400,
		b.path(0, "/students?page=-1"):                              400,
		b.path(0, "/students?page=x"):                               400,
		b.path(0, "/students?page=99999999999999"):                  400,
		b.path(0, "/students?page=1000000"):                         200,
		b.path(0, "/students?pageSize=0"):                           400,
		b.path(0, "/groups?type=Nonsense"):                          400,
		b.path(0, "/groups/House/x/members"):                        400,
		b.path(0, "/groups/Nonsense/"+uuid.Nil.String()+"/members"): 400,
		b.path(0, "/nothing"):                                       404,
		"/provisioning/v1/organisation/17":                          400,
		"/provisioning/v2/organisation":                             404,
		"/provisioning/v1/organisation/../../..":                    404,
	} {
		if a := b.get(path, token); a.status != want {
			t.Errorf("%s: got %d, want %d", path, a.status, want)
		}
	}
	a := b.do(http.MethodPost, b.path(0, "/students"), token, nil)
	if a.status != 405 || a.header.Get("Allow") != "GET" || a.json(t)["statusCode"] != 405.0 {
		t.Errorf("POST: got %d %s", a.status, a.body)
	}
}

func TestPersonRecord(t *testing.T) {
	t.Parallel()
	b := setup(t)
	roll, token := b.w.Rolls()[4], b.token(b.school(4))
	byID := map[string]map[string]any{}
	for page := 1; page <= 3; page++ {
		for _, p := range b.page(fmt.Sprintf("%s?pageSize=500&page=%d", b.path(4, "/students"), page), token).Items {
			byID[p["externalId"].(string)] = p
		}
	}
	null := func(s string) any {
		if s == "" {
			return nil
		}
		return s
	}
	for _, p := range roll.People(world.Student) {
		got := byID[p.ID.String()]
		want := map[string]any{
			"forename": null(p.Given), "surname": null(p.Family), "preferredForename": p.PreferredGiven, "preferredSurname": p.PreferredFamily,
			"ageRange": p.AgeBand(b.w.Today()), "onRollState": p.State(b.w.Today()).String(), "startDate": p.Start.String(),
			"email": null(p.Email), "username": nil, "roles": nil, "personType": "Student",
		}
		for name, v := range want {
			if diff := cmp.Diff(v, got[name]); diff != "" {
				t.Fatalf("%s: %s", name, diff)
			}
		}
		if n := len(got["classes"].([]any)); n != len(p.Classes) {
			t.Fatalf("%d classes, want %d", n, len(p.Classes))
		}
	}
}

func TestStringsAreValidJSON(t *testing.T) {
	t.Parallel()
	for _, s := range []string{"", "O'Brien", `a"b\c`, "tab\there", "line\nbreak", "\x00\x1f\x7f", "Zoë 小怡", "\xff broken", "<script>&", "\u2028"} {
		var got, want string
		if err := json.Unmarshal(appendString(nil, s), &got); err != nil {
			t.Errorf("%q: %v", s, err)
		}
		ref, _ := json.Marshal(s)
		_ = json.Unmarshal(ref, &want)
		if got != want {
			t.Errorf("%q came back as %q", s, got)
		}
	}
}
