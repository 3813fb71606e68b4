package patch_test

import (
	"encoding/json"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"simscim/scim"
	"simscim/scim/patch"
)

func TestBuild(t *testing.T) {
	t.Parallel()
	fields := []patch.Field{
		{Path: "active", Value: true},
		{Path: `emails[type eq "work"].value`, Value: "w"},
		{Path: "name.givenName", Value: "Zoe"},
		{Path: "title"},
		{Path: `phoneNumbers[type eq "work"].value`},
		{Path: scim.Path(department), Value: "Art"},
	}
	for name, tt := range map[string]struct {
		style patch.Style
		want  string
	}{
		"RFC": {patch.Style{}, `[
			{"op": "remove", "path": "title"}, {"op": "remove", "path": "phoneNumbers[type eq \"work\"]"},
			{"op": "replace", "path": "active", "value": true}, {"op": "replace", "path": "emails[type eq \"work\"].value", "value": "w"},
			{"op": "replace", "path": "name.givenName", "value": "Zoe"}, {"op": "replace", "path": "` + department + `", "value": "Art"}]`},
		"nested": {patch.Style{Pathless: patch.Nested}, `[
			{"op": "remove", "path": "title"}, {"op": "remove", "path": "phoneNumbers[type eq \"work\"]"},
			{"op": "replace", "path": "emails[type eq \"work\"].value", "value": "w"},
			{"op": "replace", "value": {"active": true, "name": {"givenName": "Zoe"}, "` + scim.EnterpriseURN + `": {"department": "Art"}}}]`},
		"as Entra ID writes": {patch.Style{Pathless: patch.Dotted, TitleCase: true, StringBooleans: true, Elements: patch.AddValue}, `[
			{"op": "Remove", "path": "title"}, {"op": "Remove", "path": "phoneNumbers[type eq \"work\"]"},
			{"op": "Add", "path": "emails[type eq \"work\"].value", "value": "w"},
			{"op": "Replace", "value": {"active": "True", "name.givenName": "Zoe", "` + department + `": "Art"}}]`},
		"reset": {patch.Style{Elements: patch.ResetElement}, `[
			{"op": "remove", "path": "title"}, {"op": "remove", "path": "phoneNumbers[type eq \"work\"]"},
			{"op": "replace", "path": "active", "value": true},
			{"op": "remove", "path": "emails[type eq \"work\"]"}, {"op": "add", "path": "emails", "value": [{"type": "work", "value": "w"}]},
			{"op": "replace", "path": "name.givenName", "value": "Zoe"}, {"op": "replace", "path": "` + department + `", "value": "Art"}]`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			same(t, tt.want, patch.Build(fields, tt.style))
		})
	}
	t.Run("element that is not there", func(t *testing.T) {
		t.Parallel()
		fields := patch.MarkAbsent([]patch.Field{
			{Path: `emails[type eq "work"].primary`, Value: true},
			{Path: `emails[type eq "work"].value`, Value: "w"},
			{Path: `emails[type eq "home"].value`, Value: "h"},
		}, object(t, `{"emails": [{"type": "Home", "value": "x"}, {"type": "other"}]}`))
		same(t, `[{"op": "add", "path": "emails", "value": [{"type": "work", "primary": true, "value": "w"}]},
			{"op": "replace", "path": "emails[type eq \"home\"].value", "value": "h"}]`, patch.Build(fields, patch.Style{}))
	})
	t.Run("nothing", func(t *testing.T) {
		t.Parallel()
		if got := patch.Build(nil, patch.Style{Pathless: patch.Nested}); got != nil {
			t.Errorf("got %v", got)
		}
	})
}

func TestMembers(t *testing.T) {
	t.Parallel()
	ids := []string{"1", `a"b`}
	same(t, `[{"op": "add", "path": "members", "value": [{"value": "1"}, {"value": "a\"b"}]}]`, patch.AddMembers(ids, patch.Style{}))
	same(t, `[{"op": "remove", "path": "members[value eq \"1\"]"}, {"op": "remove", "path": "members[value eq \"a\\\"b\"]"}]`, patch.RemoveMembers(ids, patch.Style{}))
	same(t, `[{"op": "Remove", "path": "members", "value": [{"value": "1"}, {"value": "a\"b"}]}]`, patch.RemoveMembers(ids, patch.Style{MembersByValue: true, TitleCase: true}))
	wrapped := patch.Style{MembersByValue: true, MembersInObject: true}
	same(t, `[{"op": "add", "path": "members", "value": {"members": [{"value": "1"}, {"value": "a\"b"}]}}]`, patch.AddMembers(ids, wrapped))
	same(t, `[{"op": "remove", "path": "members", "value": {"members": [{"value": "1"}, {"value": "a\"b"}]}}]`, patch.RemoveMembers(ids, wrapped))
	if patch.AddMembers(nil, patch.Style{}) != nil || patch.RemoveMembers(nil, patch.Style{MembersByValue: true}) != nil {
		t.Error("no ids must make no operation")
	}
}

func same(t *testing.T, want string, ops []patch.Operation) {
	t.Helper()
	b, err := json.Marshal(ops)
	if err != nil {
		t.Fatal(err)
	}
	var got, expected any
	if err := json.Unmarshal(b, &got); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal([]byte(want), &expected); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(expected, got); diff != "" {
		t.Error(diff)
	}
}

var paths = []scim.Path{
	"active", "displayName", "name.familyName", "name.givenName", "nickName", "title", "userName",
	`emails[type eq "home"].value`, `emails[type eq "work"].display`, `emails[type eq "work"].value`,
	`phoneNumbers[type eq "mobile"].value`, `addresses[type eq "work"].locality`, `addresses[type eq "work"].country`,
	scim.Path(department), scim.EnterpriseURN + ":manager.value", "urn:x:school:house", "urn:x:school:clubs", "urn:x:school:years",
}

// Whatever the attributes before and after, and whatever the dialect, what Build makes
// of the difference turns the one resource into the other.
func TestBuildThenApply(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		before, after := attributes(t, "before"), attributes(t, "after")
		style := patch.Style{
			Pathless:       rapid.SampledFrom([]patch.Pathless{patch.PathEach, patch.Nested, patch.Dotted}).Draw(t, "pathless"),
			Elements:       rapid.SampledFrom([]patch.Elements{patch.ReplaceValue, patch.AddValue}).Draw(t, "elements"),
			TitleCase:      rapid.Bool().Draw(t, "title case"),
			StringBooleans: rapid.Bool().Draw(t, "string booleans"),
		}
		from := before.Resource(scim.User)
		fields := patch.MarkStaying(difference(before, after), after)
		if style.Elements == patch.ReplaceValue {
			fields = patch.MarkAbsent(fields, from)
		}
		ops := wire(t, patch.Build(fields, style))
		got, err := patch.Apply(from, ops)
		if err != nil {
			t.Fatal(err)
		}
		for _, path := range paths {
			want, _ := after.Get(path)
			have, _ := scim.Lookup(got, path)
			if !scim.SameValue(path, want, have) {
				t.Fatalf("%s is %v, want %v, after %v", path, have, want, ops)
			}
		}
	})
}

// The value of an element goes while another of its values stays as it is.
func TestAValueGoesAndItsElementStays(t *testing.T) {
	t.Parallel()
	const value, display = `emails[type eq "work"].value`, `emails[type eq "work"].display`
	after := scim.Attributes{{Path: display, Value: "a"}}
	from := scim.Attributes{{Path: display, Value: "a"}, {Path: value, Value: "b"}}.Resource(scim.User)
	for _, stays := range []bool{true, false} {
		fields := []patch.Field{{Path: value}}
		if stays {
			fields = patch.MarkStaying(fields, after)
		}
		got, err := patch.Apply(from, patch.Build(fields, patch.Style{}))
		if err != nil {
			t.Fatal(err)
		}
		if _, ok := scim.Lookup(got, display); ok != stays {
			t.Errorf("marked %v: the element's other value is there: %v", stays, ok)
		}
	}
}

// A change that arrives twice does what it does once.
func TestApplyTwice(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		before, after := attributes(t, "before"), attributes(t, "after")
		from := before.Resource(scim.User)
		ops := wire(t, patch.Build(patch.MarkStaying(difference(before, after), after), patch.Style{Elements: patch.AddValue}))
		once, err := patch.Apply(from, ops)
		if err != nil {
			t.Fatal(err)
		}
		twice, err := patch.Apply(once, ops)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(once, twice); diff != "" {
			t.Fatal(diff)
		}
	})
}

// Members come and go as a set, in either form of removal.
func TestMembersAreASet(t *testing.T) {
	t.Parallel()
	ids := rapid.SliceOfN(rapid.StringMatching(`[0-9a-c"\\]{1,2}`), 0, 12)
	rapid.Check(t, func(t *rapid.T) {
		style := patch.Style{MembersByValue: rapid.Bool().Draw(t, "by value"), MembersInObject: rapid.Bool().Draw(t, "in an object")}
		want := map[string]bool{}
		group := map[string]any{"displayName": "10A"}
		var ops []patch.Operation
		for range rapid.IntRange(1, 4).Draw(t, "steps") {
			add := ids.Draw(t, "add")
			ops = append(ops, patch.AddMembers(add, style)...)
			for _, id := range add {
				want[id] = true
			}
			remove := ids.Draw(t, "remove")
			ops = append(ops, patch.RemoveMembers(remove, style)...)
			for _, id := range remove {
				delete(want, id)
			}
		}
		got, err := patch.Apply(group, wire(t, ops))
		if err != nil {
			t.Fatal(err)
		}
		have := map[string]bool{}
		list, _ := got["members"].([]any)
		for _, m := range list {
			have[m.(map[string]any)["value"].(string)] = true
		}
		if diff := cmp.Diff(want, have); diff != "" || len(have) != len(list) {
			t.Fatalf("%d in the list:\n%s", len(list), diff)
		}
	})
}

func attributes(t *rapid.T, label string) scim.Attributes {
	var out scim.Attributes
	for _, path := range paths {
		if !rapid.Bool().Draw(t, label) {
			continue
		}
		var v any = rapid.StringN(1, 8, -1).Draw(t, "value")
		switch path {
		case "active":
			v = rapid.Bool().Draw(t, "value")
		case "urn:x:school:years":
			v = rapid.Int64Range(-9, 99).Draw(t, "value")
		case "urn:x:school:clubs":
			v = []any{v, "Choir"}
		}
		out = append(out, scim.Attribute{Path: path, Value: v})
	}
	return out.Sort()
}

func difference(before, after scim.Attributes) []patch.Field {
	var fields []patch.Field
	for _, path := range paths {
		b, _ := before.Get(path)
		a, _ := after.Get(path)
		if !scim.SameValue(path, b, a) {
			fields = append(fields, patch.Field{Path: path, Value: a})
		}
	}
	slices.SortFunc(fields, func(x, y patch.Field) int {
		if x.Path < y.Path {
			return -1
		}
		return 1
	})
	return fields
}

// wire sends the operations through JSON, as a server receives them.
func wire(t *rapid.T, ops []patch.Operation) []patch.Operation {
	if len(ops) == 0 {
		return nil
	}
	b, err := json.Marshal(patch.Body(ops))
	if err != nil {
		t.Fatal(err)
	}
	out, err := patch.Decode(b)
	if err != nil {
		t.Fatal(err)
	}
	return out
}
