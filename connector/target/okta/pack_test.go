package okta

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"simscim/connector/plan"
	"simscim/scim"
)

// Every member travels once, in its group, in loads that keep the limits and are full.
func TestPacking(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		p := packer{sort: addMembers}
		want := map[string][]string{}
		for i := range rapid.IntRange(1, 250).Draw(t, "groups") {
			j := &job{change: &plan.Change{Key: fmt.Sprintf("g<%d>\"é", i)}}
			pad := strings.Repeat("k", rapid.IntRange(1, 250).Draw(t, "length"))
			var members []string
			for m := range rapid.SampledFrom([]int{0, 1, 2, 30, 300}).Draw(t, "members") {
				members = append(members, fmt.Sprintf("%s%d&", pad, m))
			}
			p.memberships(j, members)
			if len(members) > 0 {
				want[j.change.Key] = members
			}
		}
		got := map[string][]string{}
		for i, l := range p.loads {
			body := l.body()
			if len(body) > maxBytes || len(l.parts) > maxEntities || len(l.parts) == 0 {
				t.Fatalf("a load has %d bytes and %d entities", len(body), len(l.parts))
			}
			const longest = 400 // of one more member
			if i < len(p.loads)-1 && len(l.parts) < maxEntities && len(body) < maxBytes-longest {
				t.Errorf("a load is left with %d bytes and %d entities", len(body), len(l.parts))
			}
			var sent struct {
				Memberships []struct {
					GroupExternalID   string
					MemberExternalIDs []string
				}
			}
			if err := json.Unmarshal(body, &sent); err != nil {
				t.Fatal(err)
			}
			for _, m := range sent.Memberships {
				got[m.GroupExternalID] = append(got[m.GroupExternalID], m.MemberExternalIDs...)
			}
		}
		if len(got) != len(want) {
			t.Fatalf("%d groups, want %d", len(got), len(want))
		}
		for group, members := range want {
			if !slices.Equal(got[group], members) {
				t.Errorf("members of a group are not as they were")
			}
		}
	})
}

func TestProfile(t *testing.T) {
	t.Parallel()
	attr := func(path string, v any) scim.Attribute { return scim.Attribute{Path: scim.MustPath(path), Value: v} }
	field := func(path string, v any) plan.Field { return plan.Field{Path: scim.MustPath(path), After: v} }
	tests := map[string]struct {
		change plan.Change
		want   string
		err    string
	}{
		"names": {change: plan.Change{After: scim.Attributes{
			attr("userName", "a"), attr("name.givenName", "b"), attr("name.familyName", "c"), attr(`emails[type eq "work"].value`, "d@e.f"),
			attr(`emails[type eq "home"].value`, "g@h.i"), attr(`phoneNumbers[type eq "mobile"].value`, "1"), attr(`phoneNumbers[type eq "work"].value`, "2"),
			attr(`addresses[type eq "work"].formatted`, "x"), attr(`addresses[type eq "work"].locality`, "y"),
			attr("urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department", "z"),
			attr("urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager.value", "m"), attr("active", true), attr("externalId", "k"),
			attr("nickName", ""), attr("urn:example:school:yearGroup", "7"),
		}}, want: `{"city":"y","department":"z","email":"d@e.f","firstName":"b","homeAddress":"x","lastName":"c","managerId":"m","mobilePhone":"1","primaryPhone":"2","secondEmail":"g@h.i","userName":"a","yearGroup":"7"}`},
		"taken away":      {change: plan.Change{Set: []plan.Field{field("title", nil), field("nickName", "")}}, want: `{"nickName":null,"title":null}`},
		"kept":            {change: plan.Change{After: scim.Attributes{attr("title", "Dr")}, Set: []plan.Field{field("title", "Dr")}}, want: `{"title":"Dr"}`},
		"cannot be taken": {change: plan.Change{Set: []plan.Field{field("userName", nil)}}, err: "userName: userName cannot be without a value"},
		"too long":        {change: plan.Change{After: scim.Attributes{attr("name.givenName", strings.Repeat("é", 51))}}, err: "name.givenName: firstName has from 1 to 50 characters"},
		"long enough":     {change: plan.Change{After: scim.Attributes{attr("name.givenName", strings.Repeat("é", 50))}}, want: `{"firstName":"` + strings.Repeat("é", 50) + `"}`},
		"too short":       {change: plan.Change{After: scim.Attributes{attr("emails.value", "a@b")}}, err: "emails.value: email has from 5 to 100 characters"},
		"number":          {change: plan.Change{After: scim.Attributes{attr("yearGroup", 7)}}, err: "yearGroup: an identity source takes text only; make it one in the rule with string(…)"},
		"list":            {change: plan.Change{After: scim.Attributes{attr("emails", []any{"a"})}}, err: "emails: an identity source takes text only; make it one in the rule with string(…)"},
		"password":        {change: plan.Change{After: scim.Attributes{attr("password", "secret")}}, want: `{}`},
		"nameless":        {change: plan.Change{After: scim.Attributes{attr(`roles[type eq "x"].value`, "y")}}, err: `roles[type eq "x"].value: it has no name at the identity source`},
		"one name twice":  {change: plan.Change{After: scim.Attributes{attr("emails.value", "a@b.c"), attr(`emails[type eq "work"].value`, "a@b.c")}}, err: `emails[type eq "work"].value: emails.value and emails[type eq "work"].value are both email at the identity source`},
		"incomplete":      {change: plan.Change{Action: plan.CreateUser, After: scim.Attributes{attr("userName", "a")}}, err: "email is missing"},
		"group":           {change: plan.Change{Kind: scim.Group, After: scim.Attributes{attr("displayName", "7A"), attr("description", "x")}}, want: `{"description":"x","displayName":"7A"}`},
		"odd group":       {change: plan.Change{Kind: scim.Group, After: scim.Attributes{attr("urn:example:x:y", "7A")}}, err: "urn:example:x:y: a group has displayName and description, and nothing else"},
		"long key":        {change: plan.Change{Key: strings.Repeat("k", 256)}, err: "externalId: a key has from 1 to 255 characters"},
		"dots":            {change: plan.Change{Key: ".."}, err: "externalId: a key has from 1 to 255 characters"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := test.change
			if c.Key == "" {
				c.Key = "k"
			}
			if c.Kind == "" {
				c.Kind = scim.User
			}
			got, err := profileOf(&c)
			if err != nil || test.err != "" {
				if err == nil || err.Error() != test.err {
					t.Errorf("got the error %v, want %q", err, test.err)
				}
				return
			}
			if text := string(encoded(got)); text != test.want {
				t.Errorf("got  %s\nwant %s", text, test.want)
			}
		})
	}
}

// The samples are spread over the whole.
func TestSpread(t *testing.T) {
	t.Parallel()
	list := make([]int, 101)
	for i := range list {
		list[i] = i
	}
	if got := spread(list, 5); !slices.Equal(got, []int{0, 25, 50, 75, 100}) {
		t.Errorf("got %v", got)
	}
	if got := spread(list[:3], 5); len(got) != 3 {
		t.Errorf("got %v", got)
	}
}

func TestNext(t *testing.T) {
	t.Parallel()
	for link, want := range map[string]string{
		`<https://x/y?after=a%20b&limit=2>; rel="next"`:                  "a b",
		`<https://x/y>; rel="self", <https://x/y?after=c>; rel="next"`:   "c",
		`<https://elsewhere/z?after=%C3%A9%26>; title="t"; rel = "next"`: "é&",
		`<https://x/y?after=c>; rel="self"`:                              "",
		`<%zz>; rel="next"`:                                              "",
		``:                                                               "",
	} {
		if got := next(http.Header{"Link": {link}}); got != want {
			t.Errorf("%s: got %q, want %q", link, got, want)
		}
	}
}

func FuzzRecord(f *testing.F) {
	f.Add([]byte(`{"externalId":"a","profile":{"userName":"b","n":1,"x":null},"lastUpdated":"2026-09-01T02:00:00.000Z"}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		var r record
		if json.Unmarshal(body, &r) != nil {
			return
		}
		attributes(scim.User, r.ExternalID, r.Profile, []scim.Path{"userName", "active", "externalId"})
	})
}
