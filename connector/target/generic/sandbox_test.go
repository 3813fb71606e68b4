package generic_test

import (
	"net/http/httptest"
	"testing"

	"simscim/connector/target/targettest"
	"simscim/sandbox/idp"
	"simscim/scim"
	"simscim/scim/profile"
)

func TestAgainstTheSandbox(t *testing.T) {
	t.Parallel()
	targettest.Run(t, func(t *testing.T) *targettest.Fixture {
		return sandbox(t, "auto", idp.Options{})
	})
}

// Every profile fits the look-alike of its name, which was written from the same
// documents by somebody else.
func TestProfiles(t *testing.T) {
	t.Parallel()
	for _, name := range profile.Names() {
		if name == "auto" || name == idp.Generic {
			continue
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			targettest.Run(t, func(t *testing.T) *targettest.Fixture {
				return sandbox(t, name, idp.Options{Personality: name})
			})
		})
	}
}

func sandbox(t *testing.T, profile string, o idp.Options) *targettest.Fixture {
	t.Helper()
	p := idp.New(o)
	s := httptest.NewServer(p.Handler())
	t.Cleanup(s.Close)
	held := func(kind scim.Kind) map[string][]string {
		objects := map[string][]string{}
		if kind == scim.User {
			for _, u := range p.Snapshot().Users {
				objects[u.ID] = nil
			}
			return objects
		}
		for _, g := range p.Snapshot().Groups {
			objects[g.ID] = g.Members
		}
		return objects
	}
	return fixture(t, s.URL+p.BasePath(), p.Token(), profile, targettest.Fixture{Unique: true, Checked: true, Held: held})
}
