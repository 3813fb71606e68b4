package filter_test

import (
	"errors"
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"simscim/scim"
	"simscim/scim/filter"
)

func TestParseWritesOneForm(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		`userName eq "bjensen"`:               `userName eq "bjensen"`,
		`userName EQ "bjensen"`:               `userName eq "bjensen"`,
		`title PR`:                            `title pr`,
		`active eq true and title pr`:         `active eq true and title pr`,
		`a pr or b pr and c pr`:               `a pr or (b pr and c pr)`,
		`(a pr or b pr) and c pr`:             `(a pr or b pr) and c pr`,
		`((a pr and b pr) and c pr)`:          `a pr and b pr and c pr`,
		`not(a pr)`:                           `not (a pr)`,
		`emails[type eq "work"]`:              `emails[type eq "work"]`,
		`emails[type eq "work"].value eq "x"`: `emails[type eq "work" and value eq "x"]`,
		`emails[type eq "a" or type eq "b"].value sw "x" and b pr`:                        `emails[(type eq "a" or type eq "b") and value sw "x"] and b pr`,
		`emails[type eq "w" and value co "@" and primary eq true]`:                        `emails[type eq "w" and value co "@" and primary eq true]`,
		`userName eq "O\"Neil \\ \u00e9"`:                                                 `userName eq "O\"Neil \\ é"`,
		`userName eq "a and (b) [c]"`:                                                     `userName eq "a and (b) [c]"`,
		`urn:ietf:params:scim:schemas:core:2.0:User:userName pr`:                          `userName pr`,
		`urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager.value eq "7"`: `urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager.value eq "7"`,
		`urn:x_y:school:house eq "Red" and id eq "1"`:                                     `urn:x_y:school:house eq "Red" and id eq "1"`,
		`meta.lastModified ge "0001-01-03T00:00:00.0000000Z"`:                             `meta.lastModified ge "0001-01-03T00:00:00.0000000Z"`,
		`age gt 3 and score le -2.5e3`:                                                    `age gt 3 and score le -2500`,
		`a eq TRUE  AND b.c ne "x" and d pr`:                                              `a eq true and b.c ne "x" and d pr`,
		`manager eq null`:                                                                 `manager eq null`,
		`members[$ref pr]`:                                                                `members[$ref pr]`,
	} {
		e, err := filter.Parse(in)
		if err != nil {
			t.Errorf("Parse(%s): %v", in, err)
			continue
		}
		if got := e.String(); got != want {
			t.Errorf("Parse(%s) = %s, want %s", in, got, want)
		}
		again, err := filter.Parse(e.String())
		if err != nil {
			t.Errorf("Parse(%s): %v", e, err)
		} else if diff := cmp.Diff(e, again); diff != "" {
			t.Errorf("%s reads back differently:\n%s", in, diff)
		}
	}
}

func TestParseRefuses(t *testing.T) {
	t.Parallel()
	for name, in := range map[string]string{
		"empty":               ``,
		"no operator":         `userName`,
		"unknown operator":    `userName is "x"`,
		"no value":            `userName eq`,
		"bare word":           `userName eq x`,
		"open string":         `userName eq "x`,
		"bad escape":          `userName eq "\q"`,
		"open parenthesis":    `(userName pr`,
		"closed parenthesis":  `userName pr)`,
		"open bracket":        `emails[type pr`,
		"empty bracket":       `emails[]`,
		"word after bracket":  `emails[type pr]x pr`,
		"and without a right": `a pr and`,
		"order of booleans":   `active gt true`,
		"order of null":       `active le null`,
		"part of a number":    `age co 3`,
		"two values":          `a eq "x" "y"`,
		"glued strings":       `a eq "x""y"`,
		"and at the start":    `and a pr`,
		"two ands":            `a pr and and b pr`,
		"no and":              `a pr b pr`,
		"pr with a value":     `a pr "x"`,
		"place-holder":        `$path-0 eq "x"`,
		"element holder":      `$element-0 pr`,
		"two dots":            `urn:a:b:c.d.e pr`,
		"huge number":         `age gt 1e999`,
		"too long":            `userName eq "` + strings.Repeat("x", filter.MaxLength) + `"`,
		"too deep":            strings.Repeat("(", 40) + `a pr` + strings.Repeat(")", 40),
		"too deep in bracket": strings.Repeat("a[", 40) + `a pr` + strings.Repeat("]", 40),
		"not UTF-8":           "userName eq \"\xff\"",
		"control character":   "userName eq \"\x01\"",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := filter.Parse(in)
			e, ok := errors.AsType[*scim.Error](err)
			if !ok || e.Status != 400 || e.ScimType != scim.TypeInvalidFilter {
				t.Fatalf("got %v, want a 400 invalidFilter", err)
			}
		})
	}
}

func resource() map[string]any {
	return map[string]any{
		"id": "Ab1", "externalId": "X-1", "userName": "Zoë.OConnor@oak.sch.uk", "active": true, "title": "",
		"name": map[string]any{"givenName": "Zoë", "familyName": "O'Connor"},
		"emails": []any{
			map[string]any{"type": "work", "value": "zoe@oak.sch.uk", "primary": true},
			map[string]any{"type": "home", "value": "zoe@example.com"},
		},
		"meta":    map[string]any{"lastModified": "2026-09-01T10:00:00Z", "resourceType": "User"},
		"schemas": []any{scim.UserURN, scim.EnterpriseURN},
		scim.EnterpriseURN: map[string]any{
			"department": "Maths", "manager": map[string]any{"value": "M1"},
		},
		"urn:x:school": map[string]any{"years": int64(7), "ratio": 0.5, "clubs": []any{"Chess", "Choir"}},
	}
}

func TestMatch(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]bool{
		`userName eq "ZOË.oconnor@OAK.sch.uk"`:         true,
		"userName eq \"zoe\u0308.oconnor@oak.sch.uk\"": true, // decomposed
		`USERNAME sw "zoë"`:                            true,
		`userName ne "other"`:                          true,
		`id eq "Ab1"`:                                  true,
		`id eq "ab1"`:                                  false,
		`externalId eq "x-1"`:                          false,
		`active eq true`:                               true,
		`active eq "True"`:                             true,
		`active eq false`:                              false,
		`active ne false`:                              true,
		`title pr`:                                     false,
		`title eq null`:                                true,
		`title ne "x"`:                                 true,
		`nickName eq ""`:                               false,
		`name.familyName co "'con"`:                    true,
		`name[givenName eq "zoë" and familyName ew "nor"]`:    true,
		`emails eq "zoe@example.com"`:                         true,
		`emails.value ew "@OAK.sch.uk"`:                       true,
		`emails[type eq "work"].value eq "zoe@example.com"`:   false,
		`emails[type eq "home"].value eq "zoe@example.com"`:   true,
		`emails[type eq "work" and not (primary eq false)]`:   true,
		`emails.type ne "work"`:                               true, // any element
		`not (emails.type eq "work")`:                         false,
		`emails pr`:                                           true,
		`phoneNumbers pr`:                                     false,
		`phoneNumbers[type pr]`:                               false,
		`meta.lastModified gt "2026-09-01T10:59:59+01:00"`:    true,
		`meta.lastModified ge "2026-09-01T11:00:00+01:00"`:    true,
		`meta.lastModified lt "2026-09-01T10:00:00.0000001Z"`: true,
		`meta.lastModified eq "2026-09-01T11:00:00+01:00"`:    true,
		`schemas eq "` + scim.EnterpriseURN + `"`:             true,
		scim.EnterpriseURN + `:department eq "maths"`:         true,
		scim.EnterpriseURN + `:manager.value eq "m1"`:         false,
		scim.EnterpriseURN + `:manager eq "M1"`:               true,
		`URN:X:SCHOOL:years ge 7`:                             true,
		`urn:x:school:years lt 7.5`:                           true,
		`urn:x:school:years eq "7"`:                           false,
		`urn:x:school:ratio eq 0.5`:                           true,
		`urn:x:school:clubs eq "choir"`:                       true,
		`urn:x:school:clubs[value sw "che"]`:                  true,
		`urn:x:other:clubs pr`:                                false,
		`userName pr and (active eq false or id pr)`:          true,
		`userName pr and active eq false or title pr`:         false,
	} {
		e, err := filter.Parse(in)
		if err != nil {
			t.Errorf("Parse(%s): %v", in, err)
			continue
		}
		if got := filter.Match(e, resource()); got != want {
			t.Errorf("%s: got %v, want %v", in, got, want)
		}
	}
	if !filter.Match(nil, resource()) {
		t.Error("no filter must match")
	}
}

func TestEquality(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		`externalId eq "a"`:                     "a",
		`active eq true and EXTERNALID eq "a"`:  "a",
		`externalId eq "a" or id pr`:            "",
		`not (externalId eq "a")`:               "",
		`externalId ne "a"`:                     "",
		`urn:x:y:externalId eq "a"`:             "",
		`a pr and (b pr and externalId eq "a")`: "a",
	} {
		e, err := filter.Parse(in)
		if err != nil {
			t.Fatalf("Parse(%s): %v", in, err)
		}
		if got, ok := filter.Equality(e, "externalId"); got != want || ok != (want != "") {
			t.Errorf("%s: got %q, %v", in, got, ok)
		}
	}
}

func TestMentions(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]bool{
		`groups.value eq "g"`:              true,
		`id pr and not (GROUPS[value pr])`: true,
		`id pr or userName pr`:             false,
		`urn:x:y:groups pr`:                false,
	} {
		e, err := filter.Parse(in)
		if err != nil {
			t.Fatalf("Parse(%s): %v", in, err)
		}
		if got := filter.Mentions(e, "groups"); got != want {
			t.Errorf("%s: got %v", in, got)
		}
	}
}

func TestBuild(t *testing.T) {
	t.Parallel()
	both := filter.And(filter.Eq("externalId", "a"), "", filter.Eq("userName", `q"\`))
	if want := `externalId eq "a" and userName eq "q\"\\"`; both != want {
		t.Errorf("got %s, want %s", both, want)
	}
	if got, want := filter.And(`a pr or b pr`, `c pr`), `(a pr or b pr) and c pr`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if got := filter.And(`(a pr) or (b pr)`); got != `(a pr) or (b pr)` {
		t.Errorf("got %s", got)
	}
}

// What Eq writes is read back as the same demand, whatever the value.
func TestEqRoundTrip(t *testing.T) {
	t.Parallel()
	paths := []scim.Path{
		"userName", "externalId", "id", "name.familyName", `emails[type eq "work"].value`, `ims[type eq "o\"x"]`,
		scim.Path(scim.EnterpriseURN + ":employeeNumber"), "urn:a_b:c:d",
	}
	rapid.Check(t, func(t *rapid.T) {
		path := rapid.SampledFrom(paths).Draw(t, "path")
		value := rapid.StringN(0, 60, -1).Draw(t, "value")
		text := filter.Eq(path, value)
		e, err := filter.Parse(text)
		if err != nil {
			t.Fatalf("Parse(%s): %v", text, err)
		}
		p := path.Parts()
		var want filter.Expr = &filter.Compare{Attr: filter.Attr{URN: p.URN, Name: p.Attr, Sub: p.Sub}, Op: filter.Equal, Value: value}
		if p.SelAttr != "" {
			sub := p.Sub
			if sub == "" {
				sub = "value"
			}
			want = &filter.Element{Attr: filter.Attr{URN: p.URN, Name: p.Attr}, Filter: &filter.Logical{Terms: []filter.Expr{
				&filter.Compare{Attr: filter.Attr{Name: p.SelAttr}, Op: filter.Equal, Value: p.SelValue},
				&filter.Compare{Attr: filter.Attr{Name: sub}, Op: filter.Equal, Value: value},
			}}}
		}
		if diff := cmp.Diff(want, e); diff != "" {
			t.Fatalf("%s:\n%s", text, diff)
		}
		if filter.And(text, text) != text+" and "+text {
			t.Fatalf("And put parentheses around %s", text)
		}
	})
}

// Any tree that String writes is read back as the same tree.
func TestTreeRoundTrip(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		e := tree(t, 3, true)
		got, err := filter.Parse(e.String())
		if err != nil {
			t.Fatalf("Parse(%s): %v", e, err)
		}
		if diff := cmp.Diff(e, got); diff != "" {
			t.Fatalf("%s:\n%s", e, diff)
		}
	})
}

func tree(t *rapid.T, depth int, brackets bool) filter.Expr {
	kind := 0
	if depth > 0 {
		kind = rapid.IntRange(0, 4).Draw(t, "kind")
	}
	switch {
	case kind == 1:
		return &filter.Not{X: tree(t, depth-1, brackets)}
	case kind == 2 && brackets:
		return &filter.Element{Attr: attr(t, false), Filter: tree(t, depth-1, false)}
	case kind >= 3:
		l := &filter.Logical{Or: kind == 4}
		for range rapid.IntRange(2, 3).Draw(t, "terms") {
			term := tree(t, depth-1, brackets)
			if sub, ok := term.(*filter.Logical); ok && sub.Or == l.Or {
				l.Terms = append(l.Terms, sub.Terms...)
				continue
			}
			l.Terms = append(l.Terms, term)
		}
		return l
	default:
		return comparison(t)
	}
}

func comparison(t *rapid.T) *filter.Compare {
	ops := []filter.Op{filter.Equal, filter.NotEqual}
	var value any
	switch rapid.IntRange(0, 4).Draw(t, "type") {
	case 0:
		ops = append(ops, filter.Contains, filter.StartsWith, filter.EndsWith, filter.Less)
		value = rapid.StringN(0, 12, -1).Draw(t, "string")
	case 1:
		value = rapid.Bool().Draw(t, "bool")
	case 2:
		ops = append(ops, filter.Greater)
		value = rapid.Int64().Draw(t, "int")
	case 3:
		ops = append(ops, filter.LessOrEqual)
		value = rapid.Float64Range(-1e6, 1e6).Filter(func(f float64) bool { return f != math.Trunc(f) }).Draw(t, "float")
	default:
		return &filter.Compare{Attr: attr(t, true), Op: filter.Present}
	}
	return &filter.Compare{Attr: attr(t, true), Op: rapid.SampledFrom(ops).Draw(t, "op"), Value: value}
}

func attr(t *rapid.T, sub bool) filter.Attr {
	a := filter.Attr{
		URN:  rapid.SampledFrom([]string{"", "", "urn:x:y:2.0:User", scim.EnterpriseURN}).Draw(t, "urn"),
		Name: rapid.StringMatching(`[a-zA-Z][a-zA-Z0-9_-]{0,8}`).Draw(t, "name"),
	}
	if sub && rapid.Bool().Draw(t, "has sub") {
		a.Sub = rapid.StringMatching(`(\$ref|[a-z]{1,6})`).Draw(t, "sub")
	}
	return a
}

func TestParsePath(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		`userName`:                                   `userName`,
		` name.givenName `:                           `name.givenName`,
		`members[value eq "1"]`:                      `members[value eq "1"]`,
		`emails[type eq "]."].value`:                 `emails[type eq "]."].value`,
		scim.UserURN + `:emails[type pr].value`:      `emails[type pr].value`,
		`urn:x:y:2.0:User:phones[type eq "w"].value`: `urn:x:y:2.0:User:phones[type eq "w"].value`,
	} {
		p, err := filter.ParsePath(in)
		if err != nil || p.String() != want {
			t.Errorf("ParsePath(%s) = %s, %v; want %s", in, p, err, want)
		}
	}
	for _, in := range []string{``, `a.b.c`, `members[`, `members[]`, `members[value eq "1"]x`, `members[value eq "1"].`, `[type pr]`, `a.b[c pr]`, `a b`, `1a`, `urn:`, "a\xff"} {
		if p, err := filter.ParsePath(in); err == nil {
			t.Errorf("ParsePath(%q) = %s, want an error", in, p)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, seed := range []string{
		`userName eq "x"`, `emails[type eq "work"].value eq "x"`, `not (a pr) and b[c gt 1 or d pr]`, `urn:x:y:z.a le -1.5e2`,
		`((((`, `"`, `a["]"]`, `$path-0 pr`, `a eq "\u00e9"`,
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, s string) {
		e, err := filter.Parse(s)
		if err != nil {
			if x, ok := errors.AsType[*scim.Error](err); !ok || x.ScimType != scim.TypeInvalidFilter {
				t.Fatalf("%q: %v is not an invalidFilter", s, err)
			}
			return
		}
		filter.Match(e, resource())
		if len(e.String()) > filter.MaxLength {
			return
		}
		again, err := filter.Parse(e.String())
		if err != nil {
			t.Fatalf("%q gives %q, which does not parse: %v", s, e, err)
		}
		if diff := cmp.Diff(e, again); diff != "" {
			t.Fatalf("%q: %s", s, diff)
		}
	})
}

// The short cut for plain filters and the library agree: brackets around a filter keep
// it from the short cut.
func TestPlainAgreesWithGrammar(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		words := []string{"a", "b.c", "eq", "EQ", "pr", "co", "and", "or", "not", `"x"`, `"y z"`, "true", "False", "null", "3", "  ", "urn:a:b", `c[d pr]`, `c[d pr].e`}
		text := strings.TrimSpace(strings.Join(rapid.SliceOfN(rapid.SampledFrom(words), 2, 9).Draw(t, "words"), " "))
		short, shortErr := filter.Parse(text)
		full, fullErr := filter.Parse("(" + text + ")")
		if (shortErr == nil) != (fullErr == nil) {
			t.Fatalf("%s: %v, in brackets %v", text, shortErr, fullErr)
		}
		if diff := cmp.Diff(full, short); diff != "" {
			t.Fatalf("%s:\n%s", text, diff)
		}
	})
}

func BenchmarkParse(b *testing.B) {
	for b.Loop() {
		if _, err := filter.Parse(`externalId eq "7f3c2c1e-5f0b-4d55-9a9e-0d3a3f1f0c11"`); err != nil {
			b.Fatal(err)
		}
	}
}
