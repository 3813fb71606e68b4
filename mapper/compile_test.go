package mapper_test

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"simscim/config"
	"simscim/mapper"
	"simscim/roster"
	"simscim/scim"
)

// TestProblemsAllAtOnce has one rule set with everything wrong with it. The golden file
// is what an administrator would read.
func TestProblemsAllAtOnce(t *testing.T) {
	t.Parallel()
	users := withUnique(attrs(
		"name.givenName=person.famillyName + site.vars.domian",
		"name.familyname=person.familyName",
		"nmae.familyName=person.familyName",
		"displayName=persn.familyName + group.name",
		"active='yes'",
		"title=person.entryYear",
		"nickName=asci(person.givenName)",
		"userType=person.kind + person.entryYear",
		"emails.value=person.email",
		`emails[type eq "work"].value=person.email`,
		`emails[type eq "work"]=person.email`,
		`name[type eq "x"]=person.email`,
		"groups='x'",
		"members='x'",
		"externalId=person.id",
		"meta.version='1'",
		"name.givenName=person.givenName",
		"name={'givenName': 'x'}",
		"password='secret'",
		"locale=",
		"timezone=person",
		"preferredLanguage=person.email.substring(",
		"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:departmnt='x'",
		"urn:ietf:params:scim:schemas:extension:enterprize:2.0:User:department='x'",
		"urn:example:2.0:User:anything=person.identifiers.upn",
		"profileUrl='abc'.substring(9)",
		"9bad=person.id",
		"photos=simscim.Person{id: 'x'}",
		"entitlements=person.classes.map(person, person.familyName)",
	), "person.givenName +\n  person.familyNam", "person.entryYear", "userName")
	users[0].Default = at(90, "'x'")
	_, problems := mapper.Compile(mapper.Rules{
		Match: []config.Text{{Value: "userNam", At: config.Pos{File: "site.yaml", Line: 70, Col: 9}}, {Value: "externalId"}, {Value: "externalId", At: config.Pos{Line: 71, Col: 3}}},
		Users: config.UserRules{Include: at(1, "person.kind"), Key: at(2, "person.identifiers"), Attributes: users},
		Groups: []*config.GroupRule{
			{From: "klass", DisplayName: at(51, "group.nam"), At: config.Pos{Line: 50, Col: 3}},
			{From: "class", Derive: config.Text{Value: "x"}, DisplayName: at(51, "'x'"), At: config.Pos{Line: 52, Col: 3}},
			{From: "class", By: at(53, "'x'"), Members: at(54, "role"), DisplayName: at(55, "person.id"), At: config.Pos{Line: 53, Col: 3}},
			{Derive: config.Text{Value: "all"}, DisplayName: at(57, "value"), Members: at(58, "true"), At: config.Pos{Line: 56, Col: 3}},
			{Derive: config.Text{Value: "all"}, By: at(59, "person.entryYear"), At: config.Pos{Line: 60, Col: 3}},
			{At: config.Pos{Line: 61, Col: 3}},
			{From: "year", DisplayName: at(62, "group.name"), Attributes: attrs("displayName=group.name", "urn:x:y=group.name", "title='x'")},
		},
		Vars: map[string]string{"domain": "x.uk", "prefix": "X"},
	})
	var b strings.Builder
	for _, p := range problems {
		fmt.Fprintf(&b, "%d:%d %s: %s\n", p.At.Line, p.At.Col, p.Path, p.What)
	}
	const file = "testdata/problems.golden"
	if *update {
		if err := os.WriteFile(file, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), b.String()); diff != "" {
		t.Error(diff)
	}
}

func TestLimits(t *testing.T) {
	t.Parallel()
	for name, rule := range map[string]string{
		"length":   "'" + strings.Repeat("x", 5000) + "'",
		"nesting":  strings.Repeat("(", 200) + "'x'" + strings.Repeat(")", 200),
		"brackets": strings.Repeat("[", 100) + strings.Repeat("]", 100),
		"regex":    "string('x'.matches('(((x{100}){100}){100})'))",
	} {
		if _, problems := mapper.Compile(oneAttribute("title=" + rule)); len(problems) == 0 {
			t.Errorf("%s: compiled", name)
		}
	}
}

// TestRunaway checks that a rule that loops without need is stopped for the person
// and not for the school.
func TestRunaway(t *testing.T) {
	t.Parallel()
	loop := "string(" + strings.Repeat("person.classes.map(a, ", 4) + "a" + strings.Repeat(")", 4) + ".size())"
	m, problems := mapper.Compile(oneAttribute("title=" + loop))
	if m == nil {
		t.Skip("refused at load: ", problems)
	}
	classes := make([]string, 100)
	for i := range classes {
		classes[i] = fmt.Sprint(i)
	}
	snap := snapshot([]roster.Person{{ID: "1", FamilyName: "A", Classes: classes}, {ID: "2", FamilyName: "B"}}, nil)
	d := m.Map(snap, newNamer())
	if len(d.Problems) != 1 || len(d.Users) != 1 || d.Problems[0].Reason != "the rule takes too long for this object" {
		t.Errorf("%+v, %d users", d.Problems, len(d.Users))
	}
}

func TestVarsMayBeAskedFor(t *testing.T) {
	t.Parallel()
	rules := oneAttribute("title=has(site.vars.team) ? site.vars.team : 'none'")
	for team, want := range map[string]string{"": "none", "Blue": "Blue"} {
		if rules.Vars = map[string]string{}; team != "" {
			rules.Vars["team"] = team
		}
		d := mustCompile(t, rules).Map(snapshot([]roster.Person{{ID: "1", FamilyName: "A"}}, nil), newNamer())
		if got := d.Users[0].Attributes.String("title"); got != want {
			t.Errorf("team %q: %q", team, got)
		}
	}
	rules.Users.Attributes[1].Value.Text = "site.vars['team']"
	rules.Vars = map[string]string{"teams": "x"}
	_, problems := mapper.Compile(rules)
	if len(problems) != 1 || !strings.Contains(problems[0].What, `"teams"`) {
		t.Errorf("%+v", problems)
	}
}

func TestWant(t *testing.T) {
	t.Parallel()
	rules := oneAttribute("title=person.identifiers.upn + person.preferredGivenName", "nickName=string(person.entryYear)")
	rules.Users.Attributes[1].Default = at(40, "person.house")
	rules.Groups = []*config.GroupRule{{Derive: config.Text{Value: "x"}, By: at(41, "person.classes"), DisplayName: at(42, "value")}}
	all := []roster.Kind{roster.Student, roster.Staff, roster.Contact}
	for include, kinds := range map[string][]roster.Kind{
		"":                             all,
		"true":                         all,
		"person.state == 'current'":    all,
		"person.kind == 'staff'":       {roster.Staff},
		"'staff' == person.kind":       {roster.Staff},
		"person.kind != 'contact'":     {roster.Student, roster.Staff},
		"person.kind in ['student']":   {roster.Student},
		"person.kind in [person.kind]": all,
		"!(person.kind == 'staff')":    all,
		"person.state == 'current' && person.kind in ['student', 'staff']": {roster.Student, roster.Staff},
		"person.kind == 'staff' || person.kind == 'contact' && true":       {roster.Staff, roster.Contact},
		"person.kind == 'staff' || person.house == 'x'":                    all,
	} {
		rules.Users.Include = at(1, include)
		gotKinds, fields := mustCompile(t, rules).Want()
		if diff := cmp.Diff(kinds, gotKinds); diff != "" {
			t.Errorf("%s: %s", include, diff)
		}
		want := []string{"classes", "entryYear", "givenName", "house", "id", "identifiers.upn"}
		for _, f := range []string{"kind", "preferredGivenName", "state", "yearGroup"} {
			if strings.Contains(include, "person."+f) || f == "preferredGivenName" || f == "yearGroup" {
				want = append(want, f)
			}
		}
		if include == "person.kind == 'staff' || person.house == 'x'" {
			want = []string{"classes", "entryYear", "givenName", "house", "id", "identifiers.upn", "kind", "preferredGivenName", "yearGroup"}
		}
		if diff := cmp.Diff(want, fields); diff != "" {
			t.Errorf("%s: %s", include, diff)
		}
	}
}

func TestMatch(t *testing.T) {
	t.Parallel()
	rules := oneAttribute("title='x'")
	rules.Match, rules.Adopt = []config.Text{{Value: "externalId"}, {Value: "userName"}, {Value: `emails[type eq "work"].value`}}, true
	m := mustCompile(t, rules)
	if diff := cmp.Diff([]scim.Path{"externalId", "userName", `emails[type eq "work"].value`}, m.Match); diff != "" || !m.Adopt {
		t.Error(diff, m.Adopt)
	}
}

// oneAttribute is a rule set with user names from ids and the attributes given.
func oneAttribute(pairs ...string) mapper.Rules {
	return mapper.Rules{Users: config.UserRules{Attributes: withUnique(attrs(pairs...), "person.id + '@x.uk'")}}
}

func FuzzCompile(f *testing.F) {
	for _, s := range []string{
		designName, "person", "person.x.y", "has(person.house)", "[person.id].map(x, x)", "{'a': person.id}", "site.vars['x']",
		"'a' + 1", "person.classes.exists(person, person == '')", ".person.id", "simscim.Person{}", "dyn(person.id).x", "pad(1, 99)",
		"person.identifiers[person.id]", "'%s'.format([person.classes])", "1 / 0", "left('x', -9223372036854775808)", "\"@\\\" + '@'",
		"[[[1]]]", "timestamp('x')", "b'x'", "null", "string(person.begin)", "optional.of(1)", "yearAdd(person.yearGroup, 9)",
	} {
		f.Add(s)
	}
	compiler := mapper.NewCompiler()
	snap := snapshot([]roster.Person{
		{ID: "CANARYID", GivenName: "CANARYGIVEN", FamilyName: "CANARYFAMILY", Email: "CANARYMAIL", Classes: []string{"CANARYCLASS"}, Identifiers: map[string]string{"upn": "CANARYUPN"}},
		{ID: "2", FamilyName: "B"},
	}, nil)
	f.Fuzz(func(t *testing.T, rule string) {
		rules := mapper.Rules{Users: config.UserRules{
			Attributes: withUnique(attrs("urn:x:a="+rule), rule, "person.id"),
		}, Vars: map[string]string{"domain": "x.uk"}}
		m, problems := compiler.Compile(rules)
		if (m == nil) != (len(problems) > 0) {
			t.Fatal("neither a mapping nor a problem, or both")
		}
		if m == nil {
			return
		}
		d := m.Map(snap, newNamer())
		if len(d.Users)+len(d.Problems) != 2 {
			t.Fatalf("%d users, %d problems", len(d.Users), len(d.Problems))
		}
		for _, u := range d.Users {
			u.Attributes.Resource(scim.User)
			for _, a := range u.Attributes {
				scim.Canonical(a.Path, a.Value)
			}
		}
		for _, p := range d.Problems {
			if strings.Contains(p.Reason, "CANARY") {
				t.Fatalf("the reason holds personal data: %s", p.Reason)
			}
		}
	})
}
