package generic

import (
	"errors"
	"strings"
	"testing"

	"simscim/connector/plan"
	"simscim/connector/target"
	"simscim/internal/httpx"
	"simscim/scim"
)

func person() *plan.Change {
	return &plan.Change{
		Action: plan.UpdateUser, Kind: scim.User, Key: "9b1d-key", RemoteID: "remote-7", Label: "jo.o'neil@oak.example",
		After: scim.Attributes{
			{Path: "userName", Value: "jo.o'neil@oak.example"},
			{Path: "name.givenName", Value: `Jo "JJ"`},
			{Path: "name.familyName", Value: "O'Neil Åström"},
			{Path: "active", Value: true},
			{Path: "nickName", Value: "Al"},
			{Path: "roles", Value: []any{map[string]any{"value": "Prefect"}}},
		}.Sort(),
		Set: []plan.Field{{Path: "name.familyName", Before: "Sørensen", After: "O'Neil Åström"}},
	}
}

func TestRedact(t *testing.T) {
	t.Parallel()
	for said, want := range map[string]string{
		"":                                    "",
		"invalid value":                       "invalid value",
		"userName jo.o'neil@oak.example used": "userName ‹userName› used",
		"JO.O'NEIL@OAK.EXAMPLE":               "‹userName›",
		`name "O'Neil Åström" and Sørensen`:   `name "‹name.familyName›" and ‹name.familyName›`,
		`{"givenName":"Jo \"JJ\""}`:           `{"givenName":"‹name.givenName›"}`,
		"o'neil%20%C3%85str%C3%B6m":           "‹name.familyName›",
		"Al already exists, almost":           "‹nickName› already exists, almost",
		"O&#39;Neil and Jo &quot;JJ&quot;":    "‹name.familyName› and ‹name.givenName›",
		`{"f":"S\u00f8rensen"}`:               `{"f":"‹name.familyName›"}`,
		"A\u030astro\u0308m":                  "‹name.familyName›",
		"O'Neil+Åström %FF":                   "‹name.familyName› ‹…›",
		"no role prefect":                     "no role ‹roles›",
		"id remote-7 of 9b1d-key":             "id ‹id› of ‹externalId›",
		"other.person@oak.example too":        "‹e-mail› too",
		"other%40oak.example":                 "‹e-mail›",
	} {
		j := &job{run: &run{lookup: nobody}, change: person(), id: "remote-7"}
		if got := j.redact(said); got != want {
			t.Errorf("%q becomes %q, want %q", said, got, want)
		}
	}
}

func nobody(string) (string, bool) { return "", false }

func TestRedactWithoutTheValuesKeepsNothing(t *testing.T) {
	t.Parallel()
	ch := person()
	ch.Action, ch.After, ch.Set = plan.SuspendUser, scim.Attributes{{Path: "active", Value: false}}, nil
	j := &job{run: &run{lookup: nobody}, change: ch}
	if got := j.redact("Jo Bloggs is locked"); got != "" {
		t.Errorf("%q is kept", got)
	}
}

func TestRedactMembers(t *testing.T) {
	t.Parallel()
	j := &job{change: &plan.Change{Kind: scim.Group, Label: "7A", Add: []string{"k"}}, run: &run{
		lookup: func(string) (string, bool) { return "jbloggs", true },
	}}
	if got := j.redact("member jbloggs of 7A not found"); got != "member ‹member› of ‹displayName› not found" {
		t.Errorf("got %q", got)
	}
}

func TestAdviceForEveryKindOfFailure(t *testing.T) {
	t.Parallel()
	seen := map[string]string{}
	for name, err := range map[string]error{
		"ambiguous": &httpx.Failure{Ambiguous: true, What: "no answer in time"}, "unreached": &httpx.Failure{What: "the connection was refused"},
		"unfound": errUnfound, "unsure": errors.Join(&httpx.Failure{}, errUnsure), "several": errSeveral, "rename": errNoRename,
		"hidden": errMembersHidden, "other": errors.New("x"),
		"200": &scim.Error{Status: 200}, "301": &scim.Error{Status: 301}, "400": &scim.Error{Status: 400},
		"mutability": &scim.Error{Status: 400, ScimType: scim.TypeMutability}, "uniqueness": &scim.Error{Status: 400, ScimType: scim.TypeUniqueness},
		"401": &scim.Error{Status: 401}, "403": &scim.Error{Status: 403}, "404": &scim.Error{Status: 404}, "412": &scim.Error{Status: 412},
		"413": &scim.Error{Status: 413}, "429": &scim.Error{Status: 429}, "500": &scim.Error{Status: 500}, "501": &scim.Error{Status: 501},
	} {
		j := &job{run: &run{lookup: nobody, record: func(target.Outcome) error { return nil }}, change: person()}
		advice := j.advice(err)
		if !strings.HasSuffix(advice, ".") || strings.Contains(advice, "%!") {
			t.Errorf("%s: %q is no sentence", name, advice)
		}
		if other, twice := seen[advice]; twice {
			t.Errorf("%s and %s have the same advice", name, other)
		}
		seen[advice] = name
	}
}

func TestCleanKeepsWhatDecides(t *testing.T) {
	t.Parallel()
	j := &job{run: &run{lookup: nobody}, change: person()}
	err := j.clean(&scim.Error{Status: 409, ScimType: scim.TypeUniqueness, Detail: "Sørensen is taken"})
	if e, ok := errors.AsType[*scim.Error](err); !ok || !scim.IsConflict(err) || e.Detail != "‹name.familyName› is taken" {
		t.Errorf("got %#v", err)
	}
	if err := j.clean(&httpx.Failure{Ambiguous: true}); !httpx.IsAmbiguous(err) {
		t.Errorf("an ambiguous failure becomes %v", err)
	}
}
