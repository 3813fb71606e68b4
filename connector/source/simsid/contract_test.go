package simsid

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"simscim/config"
	"simscim/roster"
)

func TestDefaultContract(t *testing.T) {
	t.Parallel()
	c, err := DefaultContract()
	if err != nil {
		t.Fatal(err)
	}
	if c.Verified {
		t.Error("the built-in contract claims to be verified")
	}
	if !strings.Contains(string(defaultContract), "UNVERIFIED AGAINST THE LIVE SERVICE") {
		t.Error("the built-in contract does not say in its header that it is unverified")
	}
	if len(c.people.paths) != 3 || len(c.membership.refs) != 4 || c.paging.records != 200 || !c.paging.byReceived {
		t.Errorf("the built-in contract is read as %+v", c)
	}
}

// TestContractProblems: each case edits the built-in contract, and names the problem
// with its place.
func TestContractProblems(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name     string
		old, new string
		want     []string // path and what, without the place
	}{
		{"version", "version: 1", "version: 2", []string{"version: must be 1"}},
		{"no name", "name: the sandbox's proposal", "name:", []string{"name: is required"}},
		{"unknown key", "basePath: /v1", "basepath: /v1", []string{"basepath: unknown key; known are basePath, envelope, groups, management, membership, name, paging, people, site, verified, version"}},
		{"key twice", "basePath: /v1", "basePath: /v1\nbasePath: /v2", []string{"basePath: the key stands here twice"}},
		{"verified", "verified: false", "verified: perhaps", []string{"verified: must be true or false"}},
		{"base path", "basePath: /v1", "basePath: v1?x=1", []string{"basePath: must begin with / and hold no query"}},
		{"style", "style: page ", "style: cursor ", []string{"paging.style: must be one of page, offset, next, none"}},
		{"records", "records: 200", "records: 0", []string{"paging.records: must be a whole number from 1 to 10000"}},
		{"records as text", "records: 200", "records: lots", []string{"paging.records: must be a whole number from 1 to 10000"}},
		{"next", "style: page               # page | offset | next | none\n", "style: next\n", nil},
		{"advance", "advance: received", "advance: slowly", []string{"paging.advance: must be one of received, asked"}},
		{"no items", "items: items\n", "items:\n", []string{`envelope.items: is required ("$" when the answer itself is the list)`}},
		{"bare items with a total", "items: items\n", "items: $\n", []string{"envelope.items: a list without an envelope cannot have a total or an organisation beside it"}},
		{"no content", "noContent: refuse", "noContent: maybe", []string{"envelope.noContent: must be one of refuse, empty"}},
		{"path without its template", "/applications/{application}/customers\n", "/customers\n", []string{"management.customers: must hold {application}"}},
		{"unknown template", "/organisation/{organisation}/students", "/organisation/{organisation}/{year}", []string{"people.student: {year} is not known here; allowed are {organisation}"}},
		{"query in a path", "/organisation/{organisation}/staff", "/staff?o={organisation}", []string{"people.staff: must be a path such as /organisation/{organisation}, without a query"}},
		{"field path", "yearGroup: yearGroup.name", "yearGroup: yearGroup..name", []string{`people.fields.yearGroup: must be a path of names with dots between them (a dot of the name itself is written "\."), or "$"`}},
		{"no id", "    id: externalId\n    type: personType", "    type: personType", []string{"people.fields.id: is required"}},
		{"value", "Contact: contact}", "Contact: parent}", []string{"people.types.Contact: must be one of student, staff, contact, ignore"}},
		{"state", `"0": pending`, `"0": maybe`, []string{"management.states.0: must be one of authorised, pending, withdrawn, ignore"}},
		{
			"list for a mapping", "fields: {id: id, name: name, dfe: dfeNumber, phase: phase, yearStart: academicYearStart}", "fields: [id]",
			[]string{"site.fields: must be a mapping of keys to values", "site.fields.id: is required"},
		},
		{"mapping for text", "phase: phase", "phase: {a: b}", []string{"site.fields.phase: must be text"}},
		{"unknown kind of group", "    house: {at: house, id: id}", "    choir: {at: house, id: id}", []string{"membership.person.choir: unknown key; known are class, house, registration, year"}},
		{"anchors", "basePath: /v1", "basePath: &v /v1", []string{"basePath: must be text"}},
		{"two at once", "  records: 200 ", "  speed: 3\n  records: -1 ", []string{
			"paging.speed: unknown key; known are advance, first, next, number, offset, records, size, style",
			"paging.records: must be a whole number from 1 to 10000",
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			text := string(defaultContract)
			if strings.Count(text, c.old) == 0 {
				t.Fatalf("the built-in contract does not hold %q", c.old)
			}
			_, err := parseContract("my.yaml", []byte(strings.Replace(text, c.old, c.new, 1)))
			problems, _ := errors.AsType[config.Problems](err)
			var got []string
			for _, p := range problems {
				if p.At.File != "my.yaml" || p.At.Line < 1 || p.At.Col < 1 {
					t.Errorf("%s stands nowhere", p)
				}
				got = append(got, p.Path+": "+p.What)
			}
			if d := cmp.Diff(c.want, got); d != "" {
				t.Errorf("problems (-want +got)\n%s", d)
			}
		})
	}
}

func TestContractPlaces(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"version: 1\nname: x\npaging:\n  style: round\n": "my.yaml:4:10: paging.style: must be one of",
		"version: 1\nname: [\n":                          "my.yaml:2:",
		"version: 1\n---\nversion: 1\n":                  "my.yaml:2:1: a file holds one document",
		"- a\n":                                          "my.yaml:1:1: must be a mapping of keys to values",
		"":                                               "my.yaml: the file is empty",
		"\x00":                                           "my.yaml:1:",
	} {
		_, err := parseContract("my.yaml", []byte(text))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q gives\n%v\nwant %q", text, err, want)
		}
	}
}

func TestLoadContract(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "contract.yaml")
	if _, err := LoadContract(path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a missing file gives %v", err)
	}
	write(t, path, strings.Replace(string(defaultContract), "verified: false", "verified: true", 1))
	c, err := LoadContract(path)
	if err != nil || !c.Verified {
		t.Errorf("the file is not taken: %v", err)
	}
}

func TestFieldPath(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]fieldPath{
		"a": {"a"}, "a.b.c": {"a", "b", "c"}, `@odata\.count`: {"@odata.count"}, "$": {}, `a\b`: {`a\b`},
	} {
		if got, ok := parseFieldPath(in); !ok || cmp.Diff(want, got) != "" {
			t.Errorf("%q is read as %q", in, got)
		}
	}
	for _, in := range []string{".", "a.", ".a", "a..b", " "} {
		if got, ok := parseFieldPath(in); ok {
			t.Errorf("%q is taken for %q", in, got)
		}
	}
}

func TestCanonical(t *testing.T) {
	t.Parallel()
	const guid = "aaaaaaaa-0000-4000-8000-00000000000f"
	for in, want := range map[string]string{
		strings.ToUpper(guid): guid, "{" + guid + "}": guid, " " + guid + "\n": guid,
		"A-17": "A-17", "{A}": "{A}", "": "", guid[:35] + "Z": guid[:35] + "Z", strings.ReplaceAll(guid, "-", "+"): strings.ReplaceAll(guid, "-", "+"),
	} {
		if got := roster.CanonicalID(in); got != want {
			t.Errorf("%q is kept as %q, want %q", in, got, want)
		}
	}
}

func FuzzContract(f *testing.F) {
	f.Add(defaultContract)
	f.Add([]byte("version: 1\npaging: {style: next, next: a.b}\n"))
	f.Add([]byte("<<: *a\n? [a]\n: b\n"))
	f.Add([]byte("a: &x [*x]\nb: !!str 1\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		c, err := parseContract("f.yaml", text)
		if (c == nil) == (err == nil) {
			t.Fatalf("a contract %v with an error %v", c, err)
		}
		problems, ok := errors.AsType[config.Problems](err)
		if err != nil && (!ok || len(problems) == 0) {
			t.Fatalf("%T is no list of problems", err)
		}
	})
}

func FuzzPage(f *testing.F) {
	for _, s := range []string{
		`{"organisationId":"o","items":[{"externalId":"x","classes":[{"id":"c"}]}],"totalItems":1}`, `{"items":null,"totalItems":0}`,
		`{"totalItems":"2","items":[1,null]}`, `{"items":[],"items":[],"totalItems":0}`, `[]`, `{"items":[`, `<html>`, "\ufeff{}", `{"items":{"items":[]}}`,
		`{"items":[],"totalItems":1e3,"links":{"next":"x"}}{}`,
	} {
		f.Add([]byte(s))
	}
	c := contractWith(f)
	shape := c.shape()
	shape.next = fieldPath{"links", "next"}
	f.Fuzz(func(t *testing.T, body []byte) {
		r := readingOf(t, everything())
		n := 0
		p, err := decodePage(body, shape, func(rec record) error {
			n++
			if rec == nil {
				return nil
			}
			if h, problem := r.person("student", rec); problem == "" && (h.person.ID == "" || h.person.State == "") {
				t.Fatalf("a person without id or state is taken for good")
			}
			r.group("", rec)
			r.member(rec)
			return nil
		})
		if err == nil && (p.total < 0 || p.records != n) {
			t.Fatalf("the page %+v had %d records", p, n)
		}
		_, _ = decodeRecord(body, c.site.record)
	})
}
