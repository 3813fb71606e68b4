package rest

import (
	"encoding/json"
	"errors"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"simscim/connector/source"
	"simscim/connector/source/oneroster"
)

func TestUserRecords(t *testing.T) {
	t.Parallel()
	day := func(s string) time.Time {
		d, err := time.Parse(time.DateOnly, s)
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	for name, tc := range map[string]struct {
		version, json string
		want          oneroster.User
		warnings      []warning
		problem       string
	}{
		"1.1": {
			version: Version11, json: `{"sourcedId":"u1","status":"active","enabledUser":"true","username":"m.ab","userIds":[{"type":"upn","identifier":"A1"}],
			"givenName":"Mia","familyName":"Ab","role":"student","identifier":"77","email":"m@x.example","sms":"1","phone":"2","password":"Zebedee",
			"orgs":[{"href":"https://x","sourcedId":"s1","type":"org"},{"sourcedId":"s2"}],"grades":["07"],"metadata":{"house":"Oak","x":{"y":1}}}`,
			want: oneroster.User{
				ID: "u1", Status: "active", Enabled: true, EnabledKnown: true, Username: "m.ab", UserIDs: map[string]string{"upn": "A1"},
				GivenName: "Mia", FamilyName: "Ab", Identifier: "77", Email: "m@x.example", Grades: []string{"07"},
				Metadata: map[string]string{"house": "Oak"},
				Roles:    []oneroster.UserRole{{Role: "student", OrgID: "s1", Primary: true}, {Role: "student", OrgID: "s2", Primary: true}},
			},
		},
		"1.1 in its own manner": {
			version: Version11, json: `{"sourcedId":12,"enabledUser":false,"givenName":" Mia ","familyName":"Null","role":"teacher",
			"orgs":["s1",null,"NULL",{}],"grades":null,"userIds":null,"metadata":[],"email":null,"identifier":4711}`,
			want: oneroster.User{
				ID: "12", EnabledKnown: true, GivenName: "Mia", FamilyName: "Null", Identifier: "4711",
				Roles: []oneroster.UserRole{{Role: "teacher", OrgID: "s1", Primary: true}},
			},
		},
		"1.2": {
			version: Version12, json: `{"sourcedId":"u1","userMasterIdentifier":"m1","enabledUser":true,"givenName":"A","familyName":"B",
			"preferredFirstName":"C","preferredLastName":"D","primaryOrg":{"sourcedId":"s1"},"roles":[
			{"roleType":"primary","role":"teacher","org":{"sourcedId":"s1"},"beginDate":"2026-09-01"},
			{"roleType":"secondary","role":"parent","org":"s2","endDate":"2027-07-31T00:00:00Z"}],
			"userProfiles":[{"profileId":"p","credentials":[{"username":"x","password":"Zebedee"}]}]}`,
			want: oneroster.User{
				ID: "u1", MasterID: "m1", Enabled: true, EnabledKnown: true, GivenName: "A", FamilyName: "B", PreferredGivenName: "C", PreferredFamilyName: "D",
				PrimaryOrgID: "s1", Roles: []oneroster.UserRole{
					{Role: "teacher", OrgID: "s1", Primary: true, Begin: day("2026-09-01")}, {Role: "parent", OrgID: "s2", End: day("2027-07-31")},
				},
			},
		},
		"1.2's roles in 1.1": {
			version: Version11, json: `{"sourcedId":"u","roles":[{"role":"aide","org":{"sourcedId":"s"}}]}`,
			want: oneroster.User{ID: "u", Roles: []oneroster.UserRole{{Role: "aide", OrgID: "s", Primary: true}}},
		},
		"1.1's role in 1.2": {
			version: Version12, json: `{"sourcedId":"u","role":"aide","orgs":{"sourcedId":"s"}}`,
			want: oneroster.User{ID: "u", Roles: []oneroster.UserRole{{Role: "aide", OrgID: "s", Primary: true}}},
		},
		"both, each version its own": {
			version: Version12, json: `{"sourcedId":"u","role":"aide","orgs":["s"],"roles":[{"role":"teacher","org":"s"}]}`,
			want: oneroster.User{ID: "u", Roles: []oneroster.UserRole{{Role: "teacher", OrgID: "s", Primary: true}}},
		},
		"names of the files": {
			version: Version12, json: `{"sourcedId":"u","preferredGivenName":"C","preferredFamilyName":"D"}`,
			want: oneroster.User{ID: "u", PreferredGivenName: "C", PreferredFamilyName: "D"},
		},
		"dropped with a warning": {
			version: Version11, json: `{"sourcedId":"u","email":{"a":1},"enabledUser":"perhaps","grades":{"a":1},"userIds":"x","primaryOrg":[1]}`,
			want: oneroster.User{ID: "u"}, warnings: []warning{
				{"email", "it is not text"},
				{"primaryOrg", "it is not a reference"},
				{"grades", "it is not a list of texts"},
				{"userIds", "it is not a list of ids"},
				{"enabledUser", "it is neither true nor false"},
			},
		},
		"name of another type":  {json: `{"sourcedId":"u","givenName":["x"]}`, want: oneroster.User{ID: "u"}, problem: "its givenName is not text"},
		"orgs of another type":  {json: `{"sourcedId":"u","orgs":"s1","role":"student"}`, want: oneroster.User{ID: "u"}, problem: "its orgs is not a list of references"},
		"roles of another type": {json: `{"sourcedId":"u","roles":{"role":"teacher"}}`, want: oneroster.User{ID: "u"}, problem: "its roles is not a list of roles"},
		"role without an org that can be read": {
			json: `{"sourcedId":"u","roles":[{"role":"teacher","org":[]}]}`,
			want: oneroster.User{ID: "u", Roles: []oneroster.UserRole{{Role: "teacher", Primary: true}}}, problem: "its org of a role is not a reference",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e, err := decodeEntry(json.NewDecoder(strings.NewReader(tc.json)), func(raw *rawUser, n *notes) oneroster.User {
				return raw.record(n, tc.version, "house")
			})
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(tc.want, e.value); d != "" {
				t.Errorf("user (-want +got):\n%s", d)
			}
			if d := cmp.Diff(tc.warnings, e.notes.warnings, cmp.AllowUnexported(warning{})); d != "" || e.notes.problem != tc.problem {
				t.Errorf("problem %q, want %q; warnings (-want +got):\n%s", e.notes.problem, tc.problem, d)
			}
		})
	}
}

func TestOtherRecords(t *testing.T) {
	t.Parallel()
	decode := func(t *testing.T, text string, into any) {
		t.Helper()
		if err := json.Unmarshal([]byte(text), into); err != nil {
			t.Fatal(err)
		}
	}
	var n notes
	var class rawClass
	decode(t, `{"sourcedId":"c","status":"active","title":"7x/En2","classCode":7,"classType":"scheduled","course":{"sourcedId":"k"},"school":"s",
		"terms":[{"sourcedId":"t1"},"t2",{}],"grades":"07","subjects":["English",null]}`, &class)
	if d := cmp.Diff(oneroster.Class{
		ID: "c", Status: "active", Title: "7x/En2", Code: "7", Type: "scheduled", CourseID: "k", SchoolID: "s", TermIDs: []string{"t1", "t2"},
		Grades: []string{"07"}, Subjects: []string{"English"},
	}, class.record(&n)); d != "" {
		t.Error(d)
	}
	var enrollment rawEnrollment
	decode(t, `{"sourcedId":"e","user":{"sourcedId":5},"class":{"sourcedId":"c"},"school":{},"role":"student","primary":true,"beginDate":"soon"}`, &enrollment)
	if d := cmp.Diff(oneroster.Enrollment{ID: "e", UserID: "5", ClassID: "c", Role: "student", Primary: true}, enrollment.record(&n)); d != "" {
		t.Error(d)
	}
	var org rawOrg
	decode(t, `{"sourcedId":"o","name":"Oak","type":"school","identifier":1234567,"parent":{},"children":[]}`, &org)
	if d := cmp.Diff(oneroster.Org{ID: "o", Name: "Oak", Type: "school", Identifier: "1234567"}, org.record(&n)); d != "" {
		t.Error(d)
	}
	var session rawSession
	decode(t, `{"sourcedId":"t","title":"Autumn","type":"term","startDate":"2026-09-01","endDate":"NULL","parent":{"sourcedId":"y"},"schoolYear":2027}`, &session)
	if d := cmp.Diff(oneroster.Session{
		ID: "t", Title: "Autumn", Type: "term", Start: time.Date(2026, 9, 1, 0, 0, 0, 0, time.UTC), ParentID: "y", SchoolYear: "2027",
	}, session.record(&n)); d != "" {
		t.Error(d)
	}
	var course rawCourse
	decode(t, `{"sourcedId":"k","title":"English","courseCode":"EN","org":{"sourcedId":"s"},"subjects":["English"]}`, &course)
	if d := cmp.Diff(oneroster.Course{ID: "k", Title: "English", Code: "EN", OrgID: "s", Subjects: []string{"English"}}, course.record(&n)); d != "" {
		t.Error(d)
	}
	if n.problem != "" || len(n.warnings) != 1 || n.warnings[0].field != "beginDate" {
		t.Errorf("problem %q, warnings %v", n.problem, n.warnings)
	}
}

func TestDecodePage(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]error{
		`{"users":[]}`: nil,
		"\ufeff" + `{"users":[{"sourcedId":"a"}]}`:        nil,
		` {"x":{"users":1,"y":[[{}]]},"users":[null,1]} `: nil,
		`{"users":[],"statusInfoSet":[{"imsx_codeMajor":"success","imsx_severity":"warning","imsx_codeMinor":"invalid_sort_field"}]}`: nil,
		`{"users":null}`:            nil,
		`{}`:                        errNoEnvelope,
		`{"Users":[]}`:              errNoEnvelope,
		`{"x":{"users":[]}}`:        errNoEnvelope,
		`[]`:                        errNoEnvelope,
		`null`:                      errNoEnvelope,
		`{"users":{}}`:              errNoList,
		`{"users":"x"}`:             errNoList,
		`{"users":[],"users":[]}`:   errTwice,
		`{"users":[]`:               source.ErrCut,
		`{"users":[{"sourcedId":"a`: source.ErrCut,
		`{"users":[]} x`:            source.ErrNotJSON,
		`{"users":[]}{}`:            source.ErrNotJSON,
		`<html>`:                    source.ErrNotJSON,
		`{"users":[}`:               source.ErrNotJSON,
	} {
		_, err := decodePage(strings.NewReader(body), "users", func(dec *json.Decoder) error {
			_, err := decodeEntry(dec, func(*rawUser, *notes) struct{} { return struct{}{} })
			return err
		})
		if !errors.Is(err, want) && (err != nil || want != nil) {
			t.Errorf("%s: got %v, want %v", body, err, want)
		}
	}
}

func TestDecodeOne(t *testing.T) {
	t.Parallel()
	for body, id := range map[string]string{
		`{"org":{"sourcedId":"a"}}`:          "a",
		`{"sourcedId":"a","type":"school"}`:  "a",
		`{"org":{"sourcedId":7},"x":[1,{}]}`: "7",
		`{"org":null}`:                       "!",
		`{}`:                                 "!",
		`[]`:                                 "!",
		`{"org":[]}`:                         "!",
		`{"org":{"sourcedId":"a"}} {}`:       "!",
		`<html>Zebedee`:                      "!",
	} {
		var raw rawOrg
		err := decodeOne(strings.NewReader(body), "org", &raw)
		if got := raw.ID.s; (err != nil) != (id == "!") || err == nil && got != id {
			t.Errorf("%s: got %q, %v", body, got, err)
		}
		if err != nil && strings.Contains(err.Error(), "Zebedee") {
			t.Error("the error repeats the answer")
		}
	}
}

func TestImsx(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]struct {
		failed bool
		word   string
	}{
		`{"statusInfoSet":[{"imsx_codeMajor":"failure","imsx_severity":"error","imsx_codeMinor":"unknown object","imsx_description":"Zebedee"}]}`: {true, " (unknownobject)"},
		`{"imsx_codeMajor":"failure","imsx_CodeMinor":{"imsx_codeMinorField":[{"imsx_codeMinorFieldName":"x","imsx_codeMinorFieldValue":"invalid_filter_field"}]}}`: {
			true, " (invalidfilterfield)",
		},
		`{"codeMajor":"failure","codeMinor":"unauthorized"}`:          {true, " (unauthorized)"},
		`{"imsx_codeMajor":"unsupported","codeMinor":"Zebedee"}`:      {true, ""},
		`{"imsx_codeMajor":"success","imsx_codeMinor":"fullsuccess"}`: {false, ""},
		`[{"codeMajor":"success"},{"codeMajor":"failure"}]`:           {true, ""},
		`Zebedee`: {false, ""},
		`{}`:      {false, ""},
	} {
		got := parseImsx([]byte(body))
		if got.failed() != want.failed || got.word() != want.word {
			t.Errorf("%s: got %v %q, want %v", body, got.failed(), got.word(), want)
		}
	}
}

func TestParseLinks(t *testing.T) {
	t.Parallel()
	for header, want := range map[string]string{
		``:                                "false ",
		`<https://x/a?b=1,2>; rel="next"`: "true https://x/a?b=1,2",
		`<a>; rel="first", <b>; rel="next", <c>; rel="last"`: "true b",
		`<a>;rel=next`: "true a",
		`<a>; title="x, <y>; rel=\"next\""; rel="NEXT prev"`: "true a",
		`<a>; rel="prev"; rel="next"`:                        "true ",
		`<a>; hreflang; rel="next"`:                          "true a",
		`,, <a> ; rel = "next" ,`:                            "true a",
		`<a>; rel="next", <a>; rel="next"`:                   "true a",
		`<a>; rel="next", <b>; rel="next"`:                   "!",
		`<a; rel="next"`:                                     "!",
		`a; rel="next"`:                                      "!",
		`<a>; rel="next`:                                     "!",
		`<a> rel="next"`:                                     "!",
		`<a>`:                                                "false ",
	} {
		l, err := parseLinks([]string{header})
		got := "!"
		if err == nil {
			got = map[bool]string{true: "true ", false: "false "}[l.any] + l.next
		}
		if got != want {
			t.Errorf("%s: got %q, want %q", header, got, want)
		}
	}
	if l, err := parseLinks([]string{`<a>; rel="first"`, `<b>; rel="next"`}); err != nil || l.next != "b" {
		t.Errorf("several headers: got %+v, %v", l, err)
	}
}

func TestFollow(t *testing.T) {
	t.Parallel()
	base, err := url.Parse("https://sis.example/ims/v1p1")
	if err != nil {
		t.Fatal(err)
	}
	for next, want := range map[string]string{
		"https://sis.example/ims/v1p1/users?offset=2":     "/ims/v1p1/users?offset=2",
		"https://SIS.example:443/ims/v1p1/users?offset=2": "/ims/v1p1/users?offset=2",
		"http://sis.example/ims/v1p1/users?offset=2":      "/ims/v1p1/users?offset=2",
		"//sis.example/ims/v1p1/users?a#b":                "/ims/v1p1/users?a",
		"?offset=2":                                       "/ims/v1p1/users?offset=2",
		"users?offset=2":                                  "/ims/v1p1/users?offset=2",
		"/ims/v1p1/schools/a%2Fb/users":                   "/ims/v1p1/schools/a%2Fb/users",
		"https://sis.example:8443/ims/v1p1/users":         "!",
		"http://sis.example:8080/ims/v1p1/users":          "!",
		"https://sis.example.evil/ims/v1p1/users":         "!",
		"https://me:x@sis.example/ims/v1p1/users":         "!",
		"ftp://sis.example/ims/v1p1/users":                "!",
		"mailto:a@sis.example":                            "!",
		"/ims/v1p10/users":                                "!",
		"/ims/v1p1/../other":                              "!",
		"/ims/v1p1/%2e%2e/other":                          "!",
		"/ims/v1p1/..%5cother\\x":                         "!",
		"/other":                                          "!",
		"?a=%zz":                                          "!",
		"":                                                "!",
		strings.Repeat("x", longestLink+1):                "!",
	} {
		got, err := follow(base, "/ims/v1p1/users?offset=0", next)
		if err != nil {
			got = "!"
		}
		if got != want {
			t.Errorf("%s: got %q, %v, want %q", next, got, err, want)
		}
	}
}

func TestFilterable(t *testing.T) {
	t.Parallel()
	for id, want := range map[string]bool{
		"6f9a-1": true, "{A_b.c:1}": true, "": false, "a'b": false, "a b": false, "a’": false, "é": false, "a&b": false, "a+b": false,
	} {
		if filterable(id) != want {
			t.Errorf("%q: got %v", id, !want)
		}
	}
}
