package rest

import (
	"strings"
	"testing"
)

func TestCheckTellsWhatAReadWillCost(t *testing.T) {
	t.Parallel()
	for deviation, want := range map[string][]string{
		"more-orgs":                 {"; 2 of them are schools.", "DfE number 99", "The school's own list of classes (", " records) can be read."},
		"no-relations sort-ignored": {"There is no list of enrolments for one school", "The service does not sort its list of organisations."},
		"no-total":                  {"The school's own list of enrolments can be read."},
	} {
		s := newSandbox(t, sandboxOptions{deviations: strings.Fields(deviation)})
		notes, err := s.source.Check(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		all := strings.Join(notes, "\n")
		for _, part := range want {
			if !strings.Contains(all, part) {
				t.Errorf("%s: %q is missing in:\n%s", deviation, part, all)
			}
		}
		if s.source.Requests() > 12 {
			t.Errorf("%s: the check took %d requests", deviation, s.source.Requests())
		}
	}
}

func TestCheckOfAServiceWithoutSchools(t *testing.T) {
	t.Parallel()
	s := newSandbox(t, sandboxOptions{})
	s.answer(s.root+"/orgs", `{"orgs":[{"sourcedId":"d","type":"district","name":"Zebedee"},{"sourcedId":"s","type":"school","status":"tobedeleted"}]}`)
	notes, err := s.source.Check(t.Context())
	if err == nil || strings.Contains(err.Error()+strings.Join(notes, ""), "Zebedee") {
		t.Errorf("got %v, %v", notes, err)
	}
}
