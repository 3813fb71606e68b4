package scim

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func TestParsePath(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"userName":                          "userName",
		" name.givenName ":                  "name.givenName",
		`emails[type eq "work"].value`:      `emails[type eq "work"].value`,
		`emails[type  EQ  "work"].value`:    `emails[type eq "work"].value`,
		`emails[type eq "a \"b\" ]"].value`: `emails[type eq "a \"b\" ]"].value`,
		`roles[type eq "x"]`:                `roles[type eq "x"]`,
		UserURN + ":userName":               "userName",
		GroupURN + ":displayName":           "displayName",
		EnterpriseURN + ":department":       EnterpriseURN + ":department",
		EnterpriseURN + ":manager.value":    EnterpriseURN + ":manager.value",
		"urn:x:school:2.0:User:house":       "urn:x:school:2.0:User:house",
		"members.$ref":                      "members.$ref",
	} {
		got, err := ParsePath(in)
		if err != nil || string(got) != want {
			t.Errorf("%q: got %q, %v", in, got, err)
			continue
		}
		if again, err := ParsePath(string(got)); err != nil || again != got || got.Parts().Path() != got {
			t.Errorf("%q is not canonical: %q, %v", got, again, err)
		}
	}
	for _, in := range []string{
		"", " ", ".", "a.", ".a", "a.b.c", "1a", "a b", "emails[", "emails[]", "emails[type]", `emails[type eq work].value`,
		`emails[type eq "work"`, `emails[type eq "work"]value`, `emails[type eq "work"].`, `emails[type ne "work"].value`,
		`emails[type eq "wo`, `emails[type eq "\x"].value`, "urn:", "é",
	} {
		if got, err := ParsePath(in); err == nil {
			t.Errorf("%q was read as %q", in, got)
		}
	}
}

func FuzzParsePath(f *testing.F) {
	for _, seed := range []string{"userName", `emails[type eq "work"].value`, EnterpriseURN + ":manager.value", `a[b eq "\u00e9"]`, "urn:"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, s string) {
		p, err := ParsePath(s)
		if err != nil {
			return
		}
		if again, err := ParsePath(string(p)); err != nil || again != p {
			t.Fatalf("%q gives %q, which gives %q, %v", s, p, again, err)
		}
	})
}

func TestResource(t *testing.T) {
	t.Parallel()
	attrs := Attributes{
		{"userName", "ann"},
		{"name.givenName", "Ann"},
		{"name.familyName", ""},
		{"active", true},
		{`emails[type eq "work"].value`, "a@x"},
		{`emails[type eq "work"].primary`, true},
		{`emails[type eq "home"].value`, "h@x"},
		{EnterpriseURN + ":department", "Year 7"},
		{EnterpriseURN + ":manager.value", "m1"},
		{"nickName", nil},
	}.Sort()
	want := map[string]any{
		"schemas": []any{UserURN, EnterpriseURN}, "userName": "ann", "active": true, "name": map[string]any{"givenName": "Ann"},
		"emails": []any{
			map[string]any{"type": "home", "value": "h@x"},
			map[string]any{"type": "work", "value": "a@x", "primary": true},
		},
		EnterpriseURN: map[string]any{"department": "Year 7", "manager": map[string]any{"value": "m1"}},
	}
	got := attrs.Resource(User)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	for _, a := range attrs {
		v, ok := Lookup(got, a.Path)
		if ok == IsUnassigned(a.Value) || ok && !SameValue(a.Path, v, a.Value) {
			t.Errorf("%s is looked up as %v, %v", a.Path, v, ok)
		}
	}
	got["userName"] = "changed"
	if attrs.Resource(User)["userName"] != "ann" {
		t.Error("a resource is not a fresh map")
	}
}

func TestLookupBendsToServers(t *testing.T) {
	t.Parallel()
	var res map[string]any
	if err := json.Unmarshal([]byte(`{"USERNAME":"ann","emails":[{"value":"only@x"}],"Name":{"GivenName":"Ann"},"phones":"none","x":[{"type":"WORK","value":"w"},{"type":"home","value":"h"}]}`), &res); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[Path]any{
		"userName": "ann", `emails[type eq "work"].value`: "only@x", "name.givenName": "Ann",
		`x[type eq "work"].value`: "w", `x[type eq "other"].value`: nil, "phones.value": nil, EnterpriseURN + ":department": nil, "nothing": nil,
	} {
		if got, _ := Lookup(res, path); got != want {
			t.Errorf("%s: got %v, want %v", path, got, want)
		}
	}
}

func TestSameValue(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		path Path
		a, b any
		same bool
	}{
		{"x", nil, "", true},
		{"x", []any{}, nil, true},
		{"x", map[string]any{}, "", true},
		{"x", "a", "A", false},
		{"userName", "Ann", "aNN", true},
		{"userName", "STRASSE", "straße", true},
		{"name.familyName", "Zoe\u0308", "Zo\u00eb", true},
		{"active", true, "True", true},
		{"active", false, "true", false},
		{"x", 1, 1.0, true},
		{"x", int64(2), json.Number("2"), true},
		{"x", 1, "1", false},
		{"x", []any{"a", "b"}, []any{"b", "a"}, true},
		{"x", []any{"a"}, []any{"a", "a"}, false},
		{"x", map[string]any{"A": 1, "b": nil}, map[string]any{"a": 1}, true},
	} {
		if got := SameValue(tc.path, tc.a, tc.b); got != tc.same {
			t.Errorf("%s: %v and %v: same is %v", tc.path, tc.a, tc.b, got)
		}
	}
}

func TestQuoteIsJSON(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		s := rapid.String().Draw(t, "s")
		value, rest, err := unquote(Quote(s) + " tail")
		if err != nil || rest != " tail" || value != strings.ToValidUTF8(s, "\ufffd") {
			t.Fatalf("%q came back as %q, %q, %v", s, value, rest, err)
		}
	})
}

func TestSortKeepsTheLastOfEachPath(t *testing.T) {
	t.Parallel()
	got := Attributes{{"b", 1}, {"a", 1}, {"b", 2}}.Sort()
	if diff := cmp.Diff(Attributes{{"a", 1}, {"b", 2}}, got); diff != "" {
		t.Error(diff)
	}
	if v, ok := got.Get("b"); !ok || v != 2 {
		t.Errorf("got %v, %v", v, ok)
	}
	if _, ok := got.Get("c"); ok {
		t.Error("what is not there was found")
	}
}

func TestErrors(t *testing.T) {
	t.Parallel()
	wrap := func(e *Error) error { return fmt.Errorf("create: %w", e) }
	secret := &Error{Status: 400, ScimType: TypeInvalidValue, Detail: "Zebedee is taken"}
	if strings.Contains(wrap(secret).Error(), "Zebedee") {
		t.Error("the detail is printed")
	}
	for _, tc := range []struct {
		err                                       error
		found, conflict, denied, throttled, again bool
	}{
		{wrap(&Error{Status: 404}), true, false, false, false, false},
		{wrap(&Error{Status: 410}), true, false, false, false, false},
		{wrap(&Error{Status: 409}), false, true, false, false, false},
		{wrap(&Error{Status: 400, ScimType: TypeUniqueness}), false, true, false, false, false},
		{wrap(&Error{Status: 401}), false, false, true, false, false},
		{wrap(&Error{Status: 403}), false, false, true, false, false},
		{wrap(&Error{Status: 429, RetryAfter: time.Second}), false, false, false, true, true},
		{wrap(&Error{Status: 503}), false, false, false, false, true},
		{errors.New("other"), false, false, false, false, false},
		{nil, false, false, false, false, false},
	} {
		after, throttled := IsThrottled(tc.err)
		if IsNotFound(tc.err) != tc.found || IsConflict(tc.err) != tc.conflict || IsUnauthorised(tc.err) != tc.denied ||
			throttled != tc.throttled || throttled && after != time.Second || IsRetryable(tc.err) != tc.again {
			t.Errorf("%v is told wrongly", tc.err)
		}
	}
}
