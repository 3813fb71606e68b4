package generic_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/google/go-cmp/cmp"

	"simscim/connector/plan"
	"simscim/scim"
)

// recording is a conversation with a provider, written from its documents: see
// testdata/recorded/README.md.
type recording struct {
	About     string     `yaml:"about"`
	Exchanges []exchange `yaml:"exchanges"`
}

type exchange struct {
	Request struct {
		Method, Path   string
		Query, Headers map[string]string
		// Body is JSON, and compared by value.
		Body string
	}
	Response struct {
		Status  int
		Headers map[string]string
		Body    string
	}
}

// player answers as the recording does, as long as the requests are those of the
// recording.
type player struct {
	t    *testing.T
	left []exchange
}

func (p *player) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if len(p.left) == 0 {
		p.t.Errorf("%s %s is not in the recording", r.Method, r.URL)
		w.WriteHeader(http.StatusUnauthorized) // which ends it at once
		return
	}
	next := p.left[0]
	p.left = p.left[1:]
	if diff := next.differs(p.t, r); diff != "" {
		p.t.Errorf("%s %s differs from the recording: %s", r.Method, r.URL, diff)
		p.left = nil
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	for name, value := range next.Response.Headers {
		w.Header().Set(name, value)
	}
	w.WriteHeader(next.Response.Status)
	_, _ = io.WriteString(w, next.Response.Body) // the client has gone if this fails
}

// differs compares a request with the recorded one; of its headers those that were
// recorded.
func (e *exchange) differs(t *testing.T, r *http.Request) string {
	t.Helper()
	type shape struct {
		Method, Path string
		Query        url.Values
		Headers      map[string]string
		Body         any
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	want := shape{e.Request.Method, e.Request.Path, url.Values{}, map[string]string{}, decoded(t, e.Request.Body)}
	got := shape{r.Method, r.URL.EscapedPath(), r.URL.Query(), map[string]string{}, decoded(t, string(body))}
	for name, value := range e.Request.Query {
		want.Query.Set(name, value)
	}
	for name, value := range e.Request.Headers {
		want.Headers[name], got.Headers[name] = value, r.Header.Get(name)
	}
	return cmp.Diff(want, got)
}

func decoded(t *testing.T, body string) (v any) {
	t.Helper()
	if strings.TrimSpace(body) == "" {
		return nil
	}
	if err := json.Unmarshal([]byte(body), &v); err != nil {
		t.Errorf("a body is not JSON: %v", err)
	}
	return v
}

// replay is a world in front of the conversations of the files, one after the other. The
// whole of them has to have taken place when the test ends.
func replay(t *testing.T, profile, base string, files ...string) *world {
	t.Helper()
	p := &player{t: t}
	for _, file := range files {
		text, err := os.ReadFile(filepath.Join("testdata", "recorded", file))
		if err != nil {
			t.Fatal(err)
		}
		var r recording
		if err := yaml.UnmarshalWithOptions(text, &r, yaml.Strict()); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		for i := range r.Exchanges {
			r.Exchanges[i].Request.Path = base + r.Exchanges[i].Request.Path
		}
		p.left = append(p.left, r.Exchanges...)
	}
	w := served(t, profile, base, p.ServeHTTP)
	t.Cleanup(func() {
		if len(p.left) > 0 && !t.Failed() {
			t.Errorf("%d requests of the recording were not sent, the first is %s %s", len(p.left), p.left[0].Request.Method, p.left[0].Request.Path)
		}
	})
	return w
}

// provider is one of those whose conversations are recorded.
type provider struct {
	folder, profile, base string
	// first are the files that every conversation begins with.
	first []string
	// extra is what this provider's accounts have besides.
	extra scim.Attributes
}

func providers() []provider {
	entra := scim.MustPath("urn:ietf:params:scim:schemas:extension:Microsoft:Entra:2.0:User:mailNickname")
	return []provider{
		{folder: "aws", profile: "aws-iam-identity-center", base: "/f3v12c4d5e6/scim/v2"},
		{folder: "entra", profile: "entra-scim", base: "/rp/scim", extra: scim.Attributes{
			{Path: entra, Value: "nprosser"}, {Path: "password", Value: "Long-And-Made-Up-7"},
		}},
		{folder: "okta", profile: "okta-inbound", base: "/iscim0a1b2c3/scim/v2", first: []string{"okta/discovery.yaml"}},
	}
}

// nia is the one pupil of all the recordings.
func (p *provider) nia() plan.Change {
	after := scim.Attributes{
		{Path: "active", Value: true},
		{Path: "displayName", Value: "Nia Prosser"},
		{Path: "externalId", Value: "5f0c-nia"},
		{Path: "name.familyName", Value: "Prosser"},
		{Path: "name.givenName", Value: "Nia"},
		{Path: scim.MustPath(`emails[type eq "work"].primary`), Value: true},
		{Path: scim.MustPath(`emails[type eq "work"].value`), Value: "nia.prosser@oakfield.example"},
		{Path: "userName", Value: "nia.prosser@oakfield.example"},
	}
	return plan.Change{Action: plan.CreateUser, Kind: scim.User, Key: "5f0c-nia", Label: "nia.prosser@oakfield.example", After: append(after, p.extra...).Sort()}
}

// conversations are what happens in the recordings, by file.
func conversations() map[string]func(w *world, p *provider) {
	return map[string]func(w *world, p *provider){
		"joiner":   joiner,
		"members":  membership,
		"leaver":   leaver,
		"taken":    taken,
		"retaken":  retaken,
		"unsure":   unsure,
		"paging":   paging,
		"throttle": func(w *world, p *provider) { w.made(p.nia()) },
	}
}

func TestRecorded(t *testing.T) {
	t.Parallel()
	for _, p := range providers() {
		files, err := filepath.Glob(filepath.Join("testdata", "recorded", p.folder, "*.yaml"))
		if err != nil || len(files) < 6 {
			t.Fatalf("%s has %d recordings (%v)", p.folder, len(files), err)
		}
		for _, file := range files {
			name := strings.TrimSuffix(filepath.Base(file), ".yaml")
			if name == "discovery" { // the beginning of the others
				continue
			}
			t.Run(p.folder+" "+name, func(t *testing.T) {
				t.Parallel()
				play, ok := conversations()[name]
				if !ok {
					t.Fatal("nobody knows what happens in this recording")
				}
				play(replay(t, p.profile, p.base, append(p.first, p.folder+"/"+name+".yaml")...), &p)
			})
		}
	}
}

// joiner makes a pupil and a class, puts the one into the other, and gives the pupil
// another family name.
func joiner(w *world, p *provider) {
	w.Helper()
	w.made(p.nia())
	w.made(class(p.nia().Key))
	w.good(w.doAll(plan.Change{
		Action: plan.UpdateUser, Kind: scim.User, Key: "5f0c-nia", RemoteID: w.known["5f0c-nia"],
		Set: []plan.Field{{Path: "displayName", After: "Nia Prosser-Lloyd"}, {Path: "name.familyName", After: "Prosser-Lloyd"}},
	}))
}

func class(members ...string) plan.Change {
	return plan.Change{Action: plan.CreateGroup, Kind: scim.Group, Key: "7f3a-class", Label: "OAK 7A/Ma", Add: members, After: scim.Attributes{
		{Path: "displayName", Value: "OAK 7A/Ma"}, {Path: "externalId", Value: "7f3a-class"},
	}}
}

// membership gives a class its name and 25 more pupils, of whom three leave it again.
func membership(w *world, _ *provider) {
	w.Helper()
	w.known["7f3a-class"] = "c0de0000-7a"
	var keys []string
	for i := range 25 {
		key := string(rune('a' + i))
		w.known[key] = "e1f0-" + key
		keys = append(keys, key)
	}
	ch := class()
	ch.Action, ch.RemoteID, ch.Add = plan.UpdateGroup, "c0de0000-7a", keys
	ch.Set = []plan.Field{{Path: "displayName", After: "OAK 7A/Ma1"}}
	if o := w.doAll(ch)["7f3a-class"]; o.Err != nil || len(o.Added) != 25 {
		w.Errorf("the outcome is %+v", o)
	}
	ch.Action, ch.Add, ch.Set, ch.Remove = plan.UpdateMembers, nil, nil, []string{"b", "c", "y"}
	w.good(w.doAll(ch))
}

// leaver suspends a pupil, deletes the class, and at last the pupil, twice.
func leaver(w *world, _ *provider) {
	w.Helper()
	suspend := plan.Change{Action: plan.SuspendUser, Kind: scim.User, Key: "5f0c-nia", RemoteID: "e1f0-nia", After: scim.Attributes{{Path: "active", Value: false}}}
	w.good(w.doAll(suspend))
	drop := class()
	drop.Action, drop.RemoteID, drop.After = plan.DeleteGroup, "c0de0000-7a", nil
	w.good(w.doAll(drop))
	suspend.Action, suspend.After = plan.DeleteUser, nil
	for range 2 {
		if o := w.doAll(suspend)["5f0c-nia"]; !o.Gone || o.Err != nil {
			w.Errorf("the outcome is %+v", o)
		}
	}
}

// taken meets somebody else's user name.
func taken(w *world, p *provider) {
	w.Helper()
	o := w.doAll(p.nia())["5f0c-nia"]
	if !scim.IsConflict(o.Err) || o.Attributes || o.RemoteID != "" || strings.Contains(o.Advice+o.Err.Error(), "prosser") {
		w.Errorf("the outcome is %+v", o)
	}
}

// retaken meets the pupil's own account, of an earlier run, which has an older name.
func retaken(w *world, p *provider) {
	w.Helper()
	o := w.doAll(p.nia())["5f0c-nia"]
	if o.Err != nil || !o.Attributes || o.RemoteID != "e1f0-nia" {
		w.Errorf("the outcome is %+v", o)
	}
}

// unsure gets 500 or 504 to a create that was carried out.
func unsure(w *world, p *provider) {
	w.Helper()
	if o := w.doAll(p.nia())["5f0c-nia"]; o.Err != nil || o.RemoteID != "e1f0-nia" {
		w.Errorf("the outcome is %+v", o)
	}
}

// paging lists five accounts.
func paging(w *world, _ *provider) {
	w.Helper()
	var names []string
	for o, err := range w.Target.List(w.Context(), scim.User, []scim.Path{"userName"}) {
		if err != nil {
			w.Fatal(err)
		}
		names = append(names, o.Attributes.String("userName"))
	}
	if diff := cmp.Diff([]string{"a@oakfield.example", "b@oakfield.example", "c@oakfield.example", "d@oakfield.example", "e@oakfield.example"}, names); diff != "" {
		w.Error(diff)
	}
}
