package rest

import (
	"encoding/json"
	"net/url"
	"strings"
	"testing"

	"simscim/connector/source/oneroster"
)

// records are the decoders of all collections, by their envelope's key.
func records() map[string]func(*json.Decoder) error {
	return map[string]func(*json.Decoder) error{
		"orgs":             ignoring(func(r *rawOrg, n *notes) any { return r.record(n) }),
		"academicSessions": ignoring(func(r *rawSession, n *notes) any { return r.record(n) }),
		"courses":          ignoring(func(r *rawCourse, n *notes) any { return r.record(n) }),
		"classes":          ignoring(func(r *rawClass, n *notes) any { return r.record(n) }),
		"enrollments":      ignoring(func(r *rawEnrollment, n *notes) any { return r.record(n) }),
		"demographics":     ignoring(func(r *rawDemographics, n *notes) any { return n.day("birthDate", r.Birth) }),
		"users": ignoring(func(r *rawUser, n *notes) any {
			return []oneroster.User{r.record(n, Version11, "house"), r.record(n, Version12, "")}
		}),
	}
}

func ignoring[R any](record func(*R, *notes) any) func(*json.Decoder) error {
	return func(dec *json.Decoder) error {
		_, err := decodeEntry(dec, record)
		return err
	}
}

// FuzzPage decodes a page of every collection. What is accepted has to be valid JSON
// with the list in it; what is refused must not be repeated.
func FuzzPage(f *testing.F) {
	for key := range records() {
		f.Add([]byte(`{"` + key + `":[{"sourcedId":"a","status":"active","orgs":["s",{}],"roles":[{"role":"x","org":null}],"grades":"7","birthDate":"2012-01-01"}]}`))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		for key, one := range records() {
			p, err := decodePage(strings.NewReader(string(body)), key, one)
			if err != nil {
				if strings.Contains(err.Error(), "canary") {
					t.Error("the error repeats the page")
				}
				continue
			}
			var all map[string]any
			text := strings.TrimPrefix(string(body), "\ufeff")
			if json.Unmarshal([]byte(text), &all) != nil {
				t.Fatalf("%s: a page is accepted that is not JSON", key)
			}
			list, isList := all[key].([]any)
			if !isList && all[key] != nil || len(list) != p.records {
				t.Fatalf("%s: %d records were read, %d are there", key, p.records, len(list))
			}
		}
		var raw rawOrg
		_ = decodeOne(strings.NewReader(string(body)), "org", &raw) // must not panic
	})
}

// FuzzLink follows whatever a Link header says: never off the host or the base path.
func FuzzLink(f *testing.F) {
	f.Add(`<https://sis.example/v1p1/users?offset=2>; rel="next", <x>; rel="first"`)
	f.Add(`<../../x>; rel=next`)
	f.Add(`<//sis.example@evil.example/v1p1/users>; rel="next"`)
	base, err := url.Parse("https://sis.example/v1p1")
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, header string) {
		l, err := parseLinks([]string{header})
		if err != nil || l.next == "" {
			return
		}
		to, err := follow(base, "/v1p1/users?offset=0", l.next)
		if err != nil {
			return
		}
		u, err := url.Parse("https://sis.example" + to)
		if err != nil || u.Host != "sis.example" || u.User != nil || !strings.HasPrefix(u.Path, "/v1p1/") || strings.Contains(u.Path, "/../") {
			t.Errorf("%q leads to %q", header, to)
		}
	})
}

// FuzzImsx reads any payload: what it says in errors are words that we know.
func FuzzImsx(f *testing.F) {
	f.Add([]byte(`{"statusInfoSet":[{"imsx_codeMajor":"failure","imsx_codeMinor":"server_busy"}]}`))
	f.Add([]byte(`{"imsx_CodeMinor":{"imsx_codeMinorField":[{"imsx_codeMinorFieldValue":"forbidden"}]}}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		s := parseImsx(body)
		for word := range strings.FieldsFuncSeq(s.word(), func(r rune) bool { return strings.ContainsRune(" (,)", r) }) {
			if !strings.Contains(" "+strings.Join(knownMinor(), " ")+" ", " "+word+" ") {
				t.Errorf("%q is repeated", word)
			}
		}
	})
}
