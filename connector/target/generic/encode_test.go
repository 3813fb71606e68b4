package generic

import (
	"encoding/json"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"simscim/scim"
)

// The fast way of writing a body must say the same as the plain one.
func TestEncoderSaysWhatResourceSays(t *testing.T) {
	t.Parallel()
	paths := []scim.Path{
		"externalId", "userName", "active", "title", "name", "name.givenName", "name.familyName", "nameX", "schemas",
		"emails", "emails.value", `emails[type eq "work"].value`, `emails[type eq "work"].primary`, `emails[type eq "work"]`,
		`emails[type eq "home"].value`, `emails[type eq "w\"ork"].value`, `emails[primary eq "work"].value`, `emails[type eq "work"].type`,
		"urn:a:department", "urn:a:manager.value", "urn:a:manager.displayName", "urn:a:b:x", "urn:a:c", `urn:a:ims[type eq "x"].value`,
		scim.EnterpriseURN + ":department", scim.EnterpriseURN + ":employeeNumber", "x509Certificates", "zone",
	}
	for i, p := range paths {
		paths[i] = scim.MustPath(string(p))
	}
	value := rapid.OneOf(
		rapid.String().AsAny(), rapid.Bool().AsAny(), rapid.Int64Range(-1<<50, 1<<50).AsAny(),
		rapid.SampledFrom([]any{nil, "", 1.5, []any{"a", true}, map[string]any{"k": "v"}, "quote\"back\\slash\x00\x1f\u2028é小", []any{}}),
	)
	enc := newEncoder()
	fast := 0
	rapid.Check(t, func(t *rapid.T) {
		var attrs scim.Attributes
		for _, p := range rapid.SliceOfNDistinct(rapid.SampledFrom(paths), 0, 9, rapid.ID).Draw(t, "paths") {
			attrs = append(attrs, scim.Attribute{Path: p, Value: value.Draw(t, "value")})
		}
		attrs = attrs.Sort()
		ids := rapid.SliceOfN(rapid.String(), 0, 3).Draw(t, "members")
		if _, ok, err := enc.fast(scim.User, attrs, ids); ok && err == nil {
			fast++
		}
		got, err := enc.resource(scim.User, attrs, ids)
		if err != nil {
			t.Fatal(err)
		}
		res := attrs.Resource(scim.User)
		if len(ids) > 0 {
			var list []any
			for _, id := range ids {
				list = append(list, map[string]any{"value": id})
			}
			res["members"] = list
		}
		want, err := json.Marshal(res)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(decoded(t, want), decoded(t, got)); diff != "" {
			t.Fatalf("%s\n%s", got, diff)
		}
	})
	if fast == 0 {
		t.Error("the fast way was never taken")
	}
}

func decoded(t *rapid.T, b []byte) map[string]any {
	var out map[string]any
	if err := json.Unmarshal(b, &out); err != nil {
		t.Fatalf("%v in %s", err, b)
	}
	return out
}

func user(i int) scim.Attributes {
	return scim.Attributes{
		{Path: "userName", Value: fmt.Sprintf("pupil%d@oakfield.example", i)},
		{Path: "externalId", Value: fmt.Sprintf("%036d", i)},
		{Path: "name.givenName", Value: "Siân"},
		{Path: "name.familyName", Value: "O'Neill"},
		{Path: "active", Value: true},
		{Path: scim.MustPath(`emails[type eq "work"].value`), Value: fmt.Sprintf("pupil%d@oakfield.example", i)},
		{Path: scim.MustPath(scim.EnterpriseURN + ":department"), Value: "Year 7"},
		{Path: "displayName", Value: "Siân O'Neill"},
	}.Sort()
}

func TestUsualBodyTakesTheFastWay(t *testing.T) {
	t.Parallel()
	if _, ok, err := newEncoder().fast(scim.User, user(1), nil); !ok || err != nil {
		t.Errorf("fast is %t, %v", ok, err)
	}
}

func BenchmarkEncode(b *testing.B) {
	attrs := user(7)
	b.Run("fast", func(b *testing.B) {
		enc := newEncoder()
		for b.Loop() {
			if _, err := enc.resource(scim.User, attrs, nil); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("plain", func(b *testing.B) {
		for b.Loop() {
			if _, err := json.Marshal(attrs.Resource(scim.User)); err != nil {
				b.Fatal(err)
			}
		}
	})
}
