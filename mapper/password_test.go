package mapper_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"simscim/config"
	"simscim/mapper"
	"simscim/roster"
)

func passwordRules(rule string) mapper.Rules {
	return mapper.Rules{Users: config.UserRules{Password: at(5, rule), Attributes: attrs("userName=clean(person.familyName)")}}
}

func TestKindOfPassword(t *testing.T) {
	t.Parallel()
	m := mustCompile(t, passwordRules(
		"person.kind != 'student' ? (person.familyName == 'Odd' ? 'secret' : 'random') : person.yearGroup == '13' ? '' : person.yearGroup == '1' && userName != '' ? 'words' : 'random'"))
	snap := snapshot([]roster.Person{
		{ID: "1", Kind: roster.Student, FamilyName: "Young", YearGroup: "1"},
		{ID: "2", Kind: roster.Student, FamilyName: "Older", YearGroup: "9"},
		{ID: "3", Kind: roster.Student, FamilyName: "Grown", YearGroup: "13"},
		{ID: "4", Kind: roster.Staff, FamilyName: "Teacher"},
		{ID: "5", Kind: roster.Staff, FamilyName: "Odd"},
	}, nil)
	d := m.Map(snap, newNamer())
	got := map[string]mapper.Password{}
	for _, u := range d.Users {
		got[u.Person.FamilyName] = u.Password
		if _, there := u.Attributes.Get("password"); there {
			t.Error("the kind of password is among the attributes")
		}
	}
	want := map[string]mapper.Password{"Young": mapper.WordsPassword, "Older": mapper.RandomPassword, "Grown": "", "Teacher": mapper.RandomPassword}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if len(d.Problems) != 1 || d.Problems[0].Path != "password" || strings.Contains(d.Problems[0].Reason, "secret") {
		t.Errorf("%+v", d.Problems)
	}
	for id, value := range map[string]any{"1": "words", "3": nil} {
		if x := m.Explain(snap, id, newNamer()); x.Password.Value != value || x.Password.Where != "users.password" || len(x.Problems) != 0 {
			t.Errorf("%+v %+v", x.Password, x.Problems)
		}
	}
	if x := m.Explain(snap, "5", newNamer()); len(x.Problems) != 1 || x.Problems[0].Path != "password" {
		t.Errorf("%+v", x.Problems)
	}
	if _, fields := m.Want(); !slices.Contains(fields, "yearGroup") {
		t.Errorf("the source is not asked for what the rule reads: %v", fields)
	}
}

func TestPasswordRulesThatCannotBe(t *testing.T) {
	t.Parallel()
	for rule, says := range map[string]string{
		"'letmein'":           "has to yield 'random', 'words' or '' for none",
		"person.classes":      "it has to yield 'random', 'words' or '' for none",
		"12345":               "it has to yield 'random', 'words' or '' for none",
		"person.passwordHint": "passwordHint",
		"true":                "it has to yield 'random', 'words' or '' for none",
	} {
		_, problems := mapper.Compile(passwordRules(rule))
		if len(problems) != 1 || !strings.Contains(problems[0].What, says) || problems[0].Path != "users.password" || problems[0].At.Line != 5 {
			t.Errorf("%s: %v", rule, problems)
		}
	}
	for _, rule := range []string{"'random'", "null", "''", "person.kind == 'student' ? 'words' : 'random'"} {
		if _, problems := mapper.Compile(passwordRules(rule)); len(problems) > 0 {
			t.Errorf("%s: %v", rule, problems)
		}
	}
}
