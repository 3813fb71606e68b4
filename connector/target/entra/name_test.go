package entra

import (
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestUniqueName(t *testing.T) {
	t.Parallel()
	for key, want := range map[string]string{
		"class:7a": "simscim.class~3a7a", "7A/Ma1": "simscim.7_a~2f_ma1", "ŵ_~": "simscim.~c5~b5~5f~7e", "": "simscim.",
	} {
		if got := uniqueName(key); got != want {
			t.Errorf("the name of %q is %q, want %q", key, got, want)
		}
	}
	for _, name := range []string{"", "simscim", "Simscim group", "simscim._", "simscim._1", "simscim.~4", "simscim.~zz", "simscim.~61", "simscim.a b", "simscim.~~00"} {
		if got := keyOf(name); got != "" {
			t.Errorf("%q is taken for the name of %q", name, got)
		}
	}
}

// Two keys never share a name, whatever the case, and a name that is not too long gives
// its key back.
func TestUniqueNames(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		keys := rapid.OneOf(rapid.String(), rapid.StringMatching(`[a-zA-Z0-9:_~.\-]{0,90}`))
		a, b := keys.Draw(t, "a"), keys.Draw(t, "b")
		name := uniqueName(a)
		if len(name) > longestName || strings.ToLower(name) != name || strings.ContainsAny(name, "'/ %?#") {
			t.Fatalf("the name of %q is %q", a, name)
		}
		if a != b && strings.EqualFold(name, uniqueName(b)) {
			t.Fatalf("%q and %q are both %q", a, b, name)
		}
		if got := keyOf(strings.ToUpper(name)); got != a && !strings.HasPrefix(name, ours+hashed) {
			t.Fatalf("the key of %q is %q, want %q", name, got, a)
		}
		nick := nickname(security, a, b)
		if len(nick) > longestNick || len(nick) < 11 || strings.ContainsFunc(nick, func(r rune) bool { return r <= ' ' || r > '~' || strings.ContainsRune(`@()\[]";:<>,`, r) }) {
			t.Fatalf("the nickname is %q", nick)
		}
	})
}

// DELETE of what refPath gives never reaches the member itself.
func TestRefPath(t *testing.T) {
	t.Parallel()
	const id = "5f0b3b1e-0000-4000-8000-000000000001"
	got, err := refPath(id, id)
	if want := "/groups/" + id + "/members/" + id + "/$ref"; got != want || err != nil {
		t.Errorf("the path is %q (%v), want %q", got, err, want)
	}
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.OneOf(rapid.String(), rapid.Just(id), rapid.StringMatching(id+`[?#/&%;]?.{0,4}`), rapid.StringMatching(`[0-9a-f\-{}:]{32,45}`))
		path, err := refPath(text.Draw(t, "group"), text.Draw(t, "member"))
		if err != nil {
			if path != "" {
				t.Fatalf("with an error there is the path %q", path)
			}
			return
		}
		if !strings.HasSuffix(path, "/$ref") || strings.ContainsAny(path, "?#%") || strings.Count(path, "/") != 5 {
			t.Fatalf("the path is %q", path)
		}
	})
}

func TestLinksStayBelowTheBase(t *testing.T) {
	t.Parallel()
	target := &Target{base: "https://graph.example/v1.0"}
	for link, want := range map[string]string{
		"https://graph.example/v1.0/users?$skiptoken=a": "/users?$skiptoken=a",
		"https://graph.example/v1.0.evil.example/users": "",
		"https://graph.example.evil.example/v1.0/users": "",
		"http://graph.example/v1.0/users":               "",
		"/users":                                        "",
	} {
		if got, err := target.below(link); got != want || (err == nil) != (want != "") {
			t.Errorf("%s leads to %q (%v), want %q", link, got, err, want)
		}
	}
}
