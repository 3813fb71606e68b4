//go:build unix

package crash_test

import (
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"simscim/sandbox"
	"simscim/sandbox/idp"
	"simscim/sandbox/world"
)

// signer is one key for all sandboxes: making one takes longer than a sync.
var signer = sync.OnceValues(func() (*rsa.PrivateKey, error) { return rsa.GenerateKey(rand.Reader, 2048) })

// settings let everything happen at once: of sixty pupils, two are too many for the
// limits that schools have, and no test waits for a day.
const settings = `
leavers: {graceSnapshots: 1, graceHours: 0, deleteAfterDays: 0}
safeguards:
  suspendUsers: {percent: 100}
  deleteUsers: {percent: 100}
  deleteGroups: {percent: 100}
  removeMembers: {percent: 100, perGroup: true}
`

// home is where the program is installed: a folder with its configuration and its
// store, a school to read, and an identity provider.
type home struct {
	box *sandbox.Sandbox
	dir string
}

func newHome(t testing.TB, seed uint64) *home {
	t.Helper()
	key, err := signer()
	check(t, err)
	box, err := sandbox.New(sandbox.Options{Preset: "tiny", Seed: seed, Now: time.Now, Key: key})
	check(t, err)
	running, err := box.Listen(t.Context(), "127.0.0.1:0")
	check(t, err)
	t.Cleanup(func() {
		if err := running.Close(); err != nil {
			t.Errorf("stop the sandbox: %v", err)
		}
	})
	return &home{box: box, dir: t.TempDir()}
}

// configure writes the configuration; at is where the identity provider stands now.
func (h *home) configure(t testing.TB, at string) {
	t.Helper()
	scim := h.box.Credentials().SCIM
	text := h.box.Config("file:"+filepath.Join(h.dir, "simscim.db")) + settings
	text = strings.ReplaceAll(text, scim, at+strings.TrimPrefix(scim, h.box.BaseURL()))
	check(t, os.WriteFile(filepath.Join(h.dir, "simscim.yaml"), []byte(text), 0o600))
}

// content is everything at the identity provider, one line an object, sorted, with
// members by their externalId. Ids are left out: they depend on the order of creation.
func content(t testing.TB, s idp.Snapshot) []string {
	t.Helper()
	keys := map[string]string{}
	var lines []string
	add := func(kind string, resource map[string]any) {
		line, err := json.Marshal(resource)
		check(t, err)
		lines = append(lines, kind+" "+string(line))
	}
	for _, u := range s.Users {
		keys[u.ID] = u.ExternalID
		add("User", u.Resource)
	}
	for _, g := range s.Groups {
		members := make([]string, 0, len(g.Members))
		for _, id := range g.Members {
			key, known := keys[id]
			if !known {
				key = "nobody, " + id
			}
			members = append(members, key)
		}
		slices.Sort(members)
		resource := maps.Clone(g.Resource)
		resource["members"] = members
		add("Group", resource)
	}
	slices.Sort(lines)
	return lines
}

// stages are what happens to the school, in order.
var stages = []struct {
	name    string
	happens func(t testing.TB, w *world.World)
}{
	{"first sync", func(testing.TB, *world.World) {}},
	{"churn", churn},
	{"september", func(_ testing.TB, w *world.World) { w.September() }},
}

// churn is a busy day.
func churn(t testing.TB, w *world.World) {
	t.Helper()
	w.Day()
	site := w.Sites()[0].ID
	pupils, staff := current(w, world.Student), current(w, world.Staff)
	happen := func(_ world.Report, err error) {
		t.Helper()
		check(t, err)
	}
	happen(w.Join(site, world.Student, 1))
	happen(w.Join(site, world.Student, 4))
	happen(w.Join(site, world.Staff, 0))
	happen(w.Leave(pupils[0].ID))
	happen(w.Leave(pupils[7].ID))
	happen(w.Leave(staff[1].ID))
	happen(w.Marry(staff[0].ID))
}

// current are the people who are on the roll, in a fixed order.
func current(w *world.World, kind world.Kind) []*world.Person {
	return slices.DeleteFunc(slices.Clone(w.People(w.Sites()[0].ID, kind)), func(p *world.Person) bool {
		return p.State(w.Today()) != world.Current || p.End != 0
	})
}
