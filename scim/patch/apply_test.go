package patch_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"simscim/scim"
	"simscim/scim/patch"
)

const department = scim.EnterpriseURN + ":department"

func user() string {
	return `{"schemas": ["` + scim.UserURN + `"], "userName": "zoe", "active": true,
		"name": {"givenName": "Zoe", "familyName": "Carr"},
		"emails": [{"type": "work", "value": "w", "primary": true}, {"type": "home", "value": "h"}],
		"` + scim.EnterpriseURN + `": {"department": "Maths", "costCenter": "7"}}`
}

const group = `{"displayName": "10A", "members": [{"value": "1"}, {"value": "2", "type": "User"}, {"value": "3"}]}`

func TestApply(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, on, ops, want string }{
		{"replace one", `{"a": "x"}`, `{"op": "replace", "path": "a", "value": "y"}`, `{"a": "y"}`},
		{"replace what is not there", `{}`, `{"op": "replace", "path": "title", "value": "y"}`, `{"title": "y"}`},
		{"name without case", `{"userName": "x"}`, `{"op": "Replace", "path": "USERNAME", "value": "y"}`, `{"userName": "y"}`},
		{"core URN in the path", `{}`, `{"op": "add", "path": "` + scim.UserURN + `:title", "value": "y"}`, `{"title": "y"}`},
		{"null takes away", `{"title": "x"}`, `{"op": "replace", "path": "title", "value": null}`, `{}`},
		{"remove", `{"title": "x", "a": 1}`, `{"op": "remove", "path": "title"}`, `{"a": 1}`},
		{"remove what is not there", `{"a": 1}`, `{"op": "remove", "path": "name.givenName"}`, `{"a": 1}`},
		{"sub-attribute", `{"name": {"givenName": "a", "familyName": "b"}}`, `{"op": "replace", "path": "name.givenName", "value": "c"}`, `{"name": {"givenName": "c", "familyName": "b"}}`},
		{"sub-attribute of nothing", `{}`, `{"op": "add", "path": "name.givenName", "value": "c"}`, `{"name": {"givenName": "c"}}`},
		{"last sub-attribute", `{"name": {"givenName": "a"}}`, `{"op": "remove", "path": "name.givenName"}`, `{}`},
		{"complex keeps the rest", `{"name": {"givenName": "a", "familyName": "b"}}`, `{"op": "replace", "path": "name", "value": {"givenName": "c"}}`, `{"name": {"givenName": "c", "familyName": "b"}}`},
		{
			"pathless", `{"name": {"givenName": "a", "familyName": "b"}, "active": true}`, `{"op": "replace", "value": {"active": false, "name": {"givenName": "c"}, "title": "t"}}`,
			`{"name": {"givenName": "c", "familyName": "b"}, "active": false, "title": "t"}`,
		},
		{
			"dotted names", `{"name": {"familyName": "b"}}`, `{"op": "Replace", "value": {"name.givenName": "c", "` + department + `": "Art", "emails[type eq \"work\"].value": "n"}}`,
			``,
		},
		{
			"dotted names with an add", `{"name": {"familyName": "b"}}`, `{"op": "Add", "value": {"name.givenName": "c", "` + department + `": "Art", "emails[type eq \"work\"].value": "n"}}`,
			`{"name": {"givenName": "c", "familyName": "b"}, "` + scim.EnterpriseURN + `": {"department": "Art"}, "emails": [{"type": "work", "value": "n"}]}`,
		},
		{"read-only in a pathless value", `{"id": "1", "displayName": "a"}`, `{"op": "replace", "value": {"id": "2", "meta": {}, "schemas": ["x"], "groups": [], "displayName": "b"}}`, `{"id": "1", "displayName": "b"}`},
		{"nested extension", user(), `{"op": "replace", "value": {"` + scim.EnterpriseURN + `": {"department": "Art"}}}`, strings.Replace(user(), "Maths", "Art", 1)},
		{"extension by path", user(), `{"op": "replace", "path": "` + department + `", "value": "Art"}`, strings.Replace(user(), "Maths", "Art", 1)},
		{"whole extension goes", `{"a": 1, "urn:x:y:2.0:User": {"b": 1}}`, `{"op": "remove", "path": "urn:x:y:2.0:User"}`, `{"a": 1}`},
		{"whole extension comes", `{}`, `{"op": "add", "path": "urn:x:y:2.0:User", "value": {"b": 1}}`, `{"urn:x:y:2.0:User": {"b": 1}}`},
		{"extension of any URN", `{}`, `{"op": "add", "path": "urn:x:school:house", "value": "Red"}`, `{"urn:x:school": {"house": "Red"}}`},
		{"last of an extension", `{"a": 1, "urn:x:school": {"house": "Red"}}`, `{"op": "remove", "path": "urn:x:school:house"}`, `{"a": 1}`},
		{"members in an object", group, `{"op": "remove", "path": "members", "value": {"members": [{"value": "1"}, {"value": "3"}]}}`, `{"displayName": "10A", "members": [{"value": "2", "type": "User"}]}`},
		{"no members in an object", group, `{"op": "remove", "path": "members", "value": {"members": []}}`, group},
		{"null in an object names nobody", group, `{"op": "remove", "path": "members", "value": {"members": null}}`, group},
		{"boolean as text", `{"active": true}`, `{"op": "Replace", "path": "active", "value": "False"}`, `{"active": false}`},
		{"boolean as text without a path", `{"active": true}`, `{"op": "Replace", "value": {"active": "False"}}`, `{"active": false}`},
		{"manager as text", `{}`, `{"op": "Add", "path": "` + scim.EnterpriseURN + `:manager", "value": "7"}`, `{"` + scim.EnterpriseURN + `": {"manager": {"value": "7"}}}`},
		{"manager goes by an empty text", `{"a": 1, "` + scim.EnterpriseURN + `": {"manager": {"value": "7"}}}`, `{"op": "Replace", "path": "` + scim.EnterpriseURN + `:manager", "value": ""}`, `{"a": 1}`},

		{"add to a list", `{"emails": [{"value": "a"}]}`, `{"op": "add", "path": "emails", "value": [{"value": "b"}]}`, `{"emails": [{"value": "a"}, {"value": "b"}]}`},
		{"add one object to a list", `{}`, `{"op": "add", "path": "emails", "value": {"value": "b"}}`, `{"emails": [{"value": "b"}]}`},
		{"add what is there", `{"emails": [{"value": "a", "type": "work"}]}`, `{"op": "add", "path": "emails", "value": [{"value": "a"}]}`, `{"emails": [{"value": "a", "type": "work"}]}`},
		{"add a plain value", `{"urn:x:s": {"clubs": ["a"]}}`, `{"op": "add", "path": "urn:x:s:clubs", "value": ["a", "b"]}`, `{"urn:x:s": {"clubs": ["a", "b"]}}`},
		{"replace a list", `{"emails": [{"value": "a"}]}`, `{"op": "replace", "path": "emails", "value": [{"value": "b"}]}`, `{"emails": [{"value": "b"}]}`},
		{"replace a list by none", `{"emails": [{"value": "a"}], "a": 1}`, `{"op": "replace", "path": "emails", "value": []}`, `{"a": 1}`},
		{"replace in an element", user(), `{"op": "replace", "path": "emails[type eq \"work\"].value", "value": "n"}`, strings.Replace(user(), `"w"`, `"n"`, 1)},
		{"add makes the element", `{}`, `{"op": "Add", "path": "emails[type eq \"work\"].value", "value": "n"}`, `{"emails": [{"type": "work", "value": "n"}]}`},
		{"remove an element", `{"emails": [{"type": "work", "value": "w"}, {"type": "home", "value": "h"}]}`, `{"op": "remove", "path": "emails[type eq \"WORK\"]"}`, `{"emails": [{"type": "home", "value": "h"}]}`},
		{"remove no element", `{"emails": [{"type": "home"}]}`, `{"op": "remove", "path": "emails[type eq \"work\"]"}`, `{"emails": [{"type": "home"}]}`},
		{"remove from an element", `{"emails": [{"type": "work", "value": "w"}]}`, `{"op": "remove", "path": "emails[type eq \"work\"].type"}`, `{"emails": [{"value": "w"}]}`},
		{"replace an element", `{"emails": [{"type": "work", "value": "w", "display": "d"}]}`, `{"op": "replace", "path": "emails[type eq \"work\"]", "value": {"type": "work", "value": "n"}}`, `{"emails": [{"type": "work", "value": "n"}]}`},
		{"every element", `{"emails": [{"value": "a"}, {"value": "b"}]}`, `{"op": "replace", "path": "emails.type", "value": "work"}`, `{"emails": [{"value": "a", "type": "work"}, {"value": "b", "type": "work"}]}`},
		{
			"primary moves", user(), `{"op": "add", "path": "emails", "value": [{"type": "other", "value": "o", "primary": "True"}]}`,
			strings.Replace(strings.Replace(user(), `"primary": true}`, `"primary": false}`, 1), `"h"}]`, `"h"}, {"type": "other", "value": "o", "primary": true}]`, 1),
		},
		{
			"primary moves by a path", user(), `{"op": "replace", "path": "emails[type eq \"home\"].primary", "value": true}`,
			strings.Replace(strings.Replace(user(), `"primary": true`, `"primary": false`, 1), `"h"}`, `"h", "primary": true}`, 1),
		},

		{"add members", group, `{"op": "add", "path": "members", "value": [{"value": "2"}, {"value": "4"}, {"value": "4"}]}`, `{"displayName": "10A", "members": [{"value": "1"}, {"value": "2", "type": "User"}, {"value": "3"}, {"value": "4"}]}`},
		{"remove a member", group, `{"op": "remove", "path": "members[value eq \"2\"]"}`, `{"displayName": "10A", "members": [{"value": "1"}, {"value": "3"}]}`},
		{"remove a stranger", group, `{"op": "remove", "path": "members[value eq \"9\"]"}`, group},
		{"remove members by value", group, `{"op": "Remove", "path": "members", "value": [{"value": "2"}, {"value": "9"}]}`, `{"displayName": "10A", "members": [{"value": "1"}, {"value": "3"}]}`},
		{"remove members by one value", group, `{"op": "Remove", "path": "members", "value": {"value": "2", "$ref": null}}`, `{"displayName": "10A", "members": [{"value": "1"}, {"value": "3"}]}`},
		{"remove members by id", group, `{"op": "Remove", "path": "members", "value": ["2", "3"]}`, `{"displayName": "10A", "members": [{"value": "1"}]}`},
		{"remove no members", group, `{"op": "Remove", "path": "members", "value": []}`, group},
		{"remove all members", group, `{"op": "remove", "path": "members"}`, `{"displayName": "10A"}`},
		{"replace members", group, `{"op": "replace", "path": "members", "value": [{"value": "9"}, {"value": "9"}]}`, `{"displayName": "10A", "members": [{"value": "9"}]}`},
		{"rename with the id", `{"id": "g", "displayName": "a"}`, `{"op": "replace", "value": {"id": "g", "displayName": "b"}}`, `{"id": "g", "displayName": "b"}`},
		{"in order", `{}`, `{"op": "add", "path": "title", "value": "a"}, {"op": "replace", "path": "title", "value": "b"}, {"op": "remove", "path": "nickName"}`, `{"title": "b"}`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			before := object(t, tt.on)
			got, err := patch.Apply(before, decode(t, tt.ops))
			if diff := cmp.Diff(object(t, tt.on), before); diff != "" {
				t.Errorf("the resource itself has changed:\n%s", diff)
			}
			if tt.want == "" {
				if err == nil {
					t.Fatalf("got %v, want an error", got)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(object(t, tt.want), got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestApplyRefuses(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct{ ops, scimType string }{
		"remove without a path":      {`{"op": "remove"}`, scim.TypeNoTarget},
		"add without a value":        {`{"op": "add", "path": "title"}`, scim.TypeInvalidValue},
		"pathless text":              {`{"op": "replace", "value": "x"}`, scim.TypeInvalidValue},
		"pathless nothing":           {`{"op": "replace"}`, scim.TypeInvalidValue},
		"bad path":                   {`{"op": "replace", "path": "a b", "value": 1}`, scim.TypeInvalidPath},
		"bad filter":                 {`{"op": "replace", "path": "emails[type is 1]", "value": 1}`, scim.TypeInvalidFilter},
		"bad name":                   {`{"op": "replace", "value": {"a b": 1}}`, scim.TypeInvalidPath},
		"id":                         {`{"op": "replace", "path": "id", "value": "2"}`, scim.TypeMutability},
		"meta":                       {`{"op": "remove", "path": "meta.created"}`, scim.TypeMutability},
		"groups":                     {`{"op": "add", "path": "groups", "value": [{"value": "1"}]}`, scim.TypeMutability},
		"part of a member":           {`{"op": "replace", "path": "members[value eq \"1\"].value", "value": "2"}`, scim.TypeMutability},
		"parts of members":           {`{"op": "replace", "path": "members.value", "value": "2"}`, scim.TypeMutability},
		"replace what is not picked": {`{"op": "replace", "path": "emails[type eq \"fax\"].value", "value": "2"}`, scim.TypeNoTarget},
		"add that cannot be made":    {`{"op": "add", "path": "emails[type ne \"work\" and type ne \"home\"].value", "value": "2"}`, scim.TypeNoTarget},
		"two primaries":              {`{"op": "replace", "path": "emails", "value": [{"value": "a", "primary": true}, {"value": "b", "primary": true}]}`, scim.TypeInvalidValue},
		"all primary":                {`{"op": "replace", "path": "emails.primary", "value": true}`, scim.TypeInvalidValue},
		"elements of one value":      {`{"op": "replace", "path": "name[givenName pr].familyName", "value": "x"}`, scim.TypeInvalidPath},
		"part of a text":             {`{"op": "replace", "path": "userName.x", "value": "x"}`, scim.TypeInvalidPath},
		"text for an element":        {`{"op": "replace", "path": "emails[type eq \"work\"]", "value": "x"}`, scim.TypeInvalidValue},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			before := object(t, user())
			// The first operation must not survive the second.
			ops := decode(t, `{"op": "replace", "path": "title", "value": "changed"}, `+tt.ops)
			got, err := patch.Apply(before, ops)
			e, ok := errors.AsType[*scim.Error](err)
			if !ok || e.ScimType != tt.scimType || got != nil {
				t.Fatalf("got %v, %v; want %s", got, err, tt.scimType)
			}
			if diff := cmp.Diff(object(t, user()), before); diff != "" {
				t.Errorf("the resource has changed:\n%s", diff)
			}
		})
	}
}

func TestDecodeRefuses(t *testing.T) {
	t.Parallel()
	for name, body := range map[string]string{
		"nothing":         ``,
		"a list":          `[]`,
		"no schemas":      `{"Operations": [{"op": "add", "path": "a", "value": 1}]}`,
		"wrong schema":    `{"schemas": ["` + scim.UserURN + `"], "Operations": [{"op": "add", "path": "a", "value": 1}]}`,
		"no operations":   `{"schemas": ["` + scim.PatchOpURN + `"], "Operations": []}`,
		"unknown op":      `{"schemas": ["` + scim.PatchOpURN + `"], "Operations": [{"op": "move", "path": "a"}]}`,
		"path of a kind":  `{"schemas": ["` + scim.PatchOpURN + `"], "Operations": [{"op": "add", "path": 7, "value": 1}]}`,
		"operation text":  `{"schemas": ["` + scim.PatchOpURN + `"], "Operations": ["add"]}`,
		"trailing":        `{"schemas": ["` + scim.PatchOpURN + `"], "Operations": [{"op": "add", "path": "a", "value": 1}]} {}`,
		"too deep":        `{"schemas": ["` + scim.PatchOpURN + `"], "Operations": [{"op": "add", "path": "a", "value": ` + strings.Repeat("[", 20000) + strings.Repeat("]", 20000) + `}]}`,
		"too many":        `{"schemas": ["` + scim.PatchOpURN + `"], "Operations": [` + strings.Repeat(`{"op": "remove", "path": "a"},`, patch.MaxOperations) + `{"op": "remove", "path": "a"}]}`,
		"schemas of text": `{"schemas": "` + scim.PatchOpURN + `", "Operations": [{"op": "add", "path": "a", "value": 1}]}`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ops, err := patch.Decode([]byte(body))
			e, ok := errors.AsType[*scim.Error](err)
			if !ok || e.Status < 400 || e.Status > 499 {
				t.Fatalf("got %v, %v; want a 4xx", ops, err)
			}
		})
	}
}

func decode(t testing.TB, ops string) []patch.Operation {
	t.Helper()
	out, err := patch.Decode([]byte(`{"schemas": ["` + scim.PatchOpURN + `"], "operations": [` + ops + `]}`))
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func object(t testing.TB, s string) map[string]any {
	t.Helper()
	d := json.NewDecoder(strings.NewReader(s))
	d.UseNumber()
	var m map[string]any
	if err := d.Decode(&m); err != nil {
		t.Fatal(err)
	}
	return patch.Numbers(m).(map[string]any)
}

func FuzzDecode(f *testing.F) {
	for _, ops := range []string{
		`{"op": "Add", "path": "emails[type eq \"work\"].value", "value": "n"}`,
		`{"op": "replace", "value": {"name.givenName": "c", "urn:a:b:2.0:User": {"x": [1, 2.5, null]}}}`,
		`{"op": "Remove", "path": "members", "value": [{"value": "2"}]}`,
		`{"op": "add", "path": "members", "value": [{"value": "2"}, "3", null, [], {}]}`,
		`{"op": "replace", "path": "emails.primary", "value": "True"}`,
	} {
		f.Add(`{"schemas": ["` + scim.PatchOpURN + `"], "Operations": [` + ops + `]}`)
	}
	f.Fuzz(func(t *testing.T, body string) {
		ops, err := patch.Decode([]byte(body))
		if err != nil {
			return
		}
		for _, on := range []string{user(), group, `{}`} {
			before := object(t, on)
			got, err := patch.Apply(before, ops)
			if diff := cmp.Diff(object(t, on), before); diff != "" {
				t.Fatalf("the resource has changed:\n%s", diff)
			}
			if err != nil {
				if _, ok := errors.AsType[*scim.Error](err); !ok {
					t.Fatalf("%v is not a SCIM error", err)
				}
				continue
			}
			if _, err := json.Marshal(got); err != nil {
				t.Fatal(err)
			}
		}
	})
}
