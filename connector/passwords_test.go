package connector

import (
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"filippo.io/age"
	"github.com/google/go-cmp/cmp"

	"simscim/config"
	"simscim/connector/handover"
	"simscim/connector/handover/handovertest"
	"simscim/connector/plan"
	"simscim/connector/target"
	"simscim/scim"
)

// picky is a target that takes passwords, and refuses or breaks off at the keys it is told.
type picky struct {
	yes
	refuse, breakAt string
	taken           string // a user name that somebody has
	// got are the passwords by user name; seen says what lay in the folder meanwhile.
	got  map[string]string
	seen []string
	dir  string
}

func (p *picky) Capabilities(ctx context.Context) (target.Capabilities, error) {
	caps, err := p.yes.Capabilities(ctx)
	caps.TakesPassword = true
	return caps, err
}

func (p *picky) Apply(ctx context.Context, changes []plan.Change, lookup target.Lookup, confirm func(target.Outcome) error) error {
	for i := range changes {
		c := &changes[i]
		if c.Action == plan.CreateUser {
			list, _ := filepath.Glob(filepath.Join(p.dir, "*"))
			p.seen = list
			if c.Key == p.breakAt {
				return errors.New("the connection is gone")
			}
			var refused error
			switch name := c.After.String(userName); {
			case c.Key == p.refuse:
				refused = &scim.Error{Status: 400, Detail: "no"}
			case scim.Fold(name) == p.taken:
				refused = &scim.Error{Status: 409, ScimType: scim.TypeUniqueness}
			}
			if refused != nil {
				if err := confirm(target.Outcome{Change: c, Final: true, Err: refused}); err != nil {
					return err
				}
				continue
			}
			p.got[c.After.String(userName)] = c.After.String("password")
		}
		if err := p.yes.Apply(ctx, changes[i:i+1], lookup, confirm); err != nil {
			return err
		}
	}
	return nil
}

// passwordEngine makes an engine for two pupils of which the first gets words.
func passwordEngine(t *testing.T, tgt *picky) (*Engine, *age.X25519Identity) {
	t.Helper()
	e := rekeyEngine(t, &school{}, tgt)
	cfg, problems := config.Parse("t.yaml", []byte(`version: 1
sources: {sims: {type: sims-id, vendor: {application: 00000000-0000-4000-8000-000000000001, organisation: 00000000-0000-4000-8000-000000000002, clientID: env:A, clientSecret: env:B}}}
targets: {dir: {type: scim, url: https://x.example, auth: {type: bearer, token: env:T}}}
mappings:
  m:
    users:
      password: "person.id == 'p1' ? 'words' : 'random'"
      attributes: {userName: {unique: [clean(person.givenName + person.familyName), clean(person.familyName)]}}
    groups: [{from: class, displayName: group.name}]
sites: [{match: '*', targets: [dir], mapping: m}]
`))
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	if e.Routes, problems = Compile(cfg); len(problems) > 0 {
		t.Fatal(problems)
	}
	id := handovertest.NewKey(t)
	tgt.got, tgt.dir = map[string]string{}, t.TempDir()
	folder, err := handover.New(tgt.dir, []string{id.Recipient().String()})
	if err != nil {
		t.Fatal(err)
	}
	e.Handover = map[string]*handover.Folder{"dir": folder}
	e.Rand = rand.NewChaCha8([32]byte{7})
	return e, id
}

func syncOnce(t *testing.T, e *Engine) *Run {
	t.Helper()
	report, err := e.Sync(t.Context(), Selection{}, Manner{})
	if err != nil {
		t.Fatal(err)
	}
	return report.Runs[0]
}

func TestPasswordsAreHandedOver(t *testing.T) {
	t.Parallel()
	tgt := &picky{}
	e, id := passwordEngine(t, tgt)
	run := syncOnce(t, e)
	if run.Status != Done || len(tgt.got) != 2 || strings.Count(tgt.got["annp1"], "-") != 3 || len(tgt.got["annp2"]) != 16 {
		t.Fatalf("%s %s %q", run.Status, run.Reason, tgt.got)
	}
	if len(tgt.seen) != 1 || !strings.HasSuffix(tgt.seen[0], "-unfinished.csv.age") {
		t.Errorf("while accounts were made there lay %v", tgt.seen)
	}
	list, _ := filepath.Glob(filepath.Join(tgt.dir, "*"))
	if len(list) != 1 || run.Passwords == nil || *run.Passwords != (Handed{File: list[0], Accounts: 2}) {
		t.Fatalf("%v %+v", list, run.Passwords)
	}
	if diff := cmp.Diff(tgt.got, handovertest.Open(t, list[0], id)); diff != "" {
		t.Error(diff)
	}
	// The ledger knows nothing of it: nothing is changed, made or handed over again.
	st, err := e.Ledger.Load(t.Context(), "dir", "oak")
	if err != nil {
		t.Fatal(err)
	}
	for _, u := range st.Users {
		if _, there := u.Prints.Get("password"); there {
			t.Error("the ledger has a fingerprint of the password")
		}
	}
	if run := syncOnce(t, e); run.Status != Done || len(run.Changes) > 0 || run.Passwords != nil {
		t.Errorf("%s %v %+v", run.Status, run.Changes, run.Passwords)
	}
}

// Only accounts that were made are in the file, each with the password it was made with.
func TestOnlyWhoWasMade(t *testing.T) {
	t.Parallel()
	for name, tgt := range map[string]*picky{
		"one is refused":                              {refuse: "sims:p1"},
		"the name of one is taken":                    {taken: "annp1"},
		"one is refused, the name of the other taken": {refuse: "sims:p1", taken: "annp2"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e, id := passwordEngine(t, tgt)
			run := syncOnce(t, e)
			list, _ := filepath.Glob(filepath.Join(tgt.dir, "*"))
			if len(list) != 1 || strings.Contains(list[0], "unfinished") || run.Passwords.Accounts != len(tgt.got) {
				t.Fatalf("%v %+v %s", list, run.Passwords, run.Reason)
			}
			if diff := cmp.Diff(tgt.got, handovertest.Open(t, list[0], id)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestNobodyWasMade(t *testing.T) {
	t.Parallel()
	tgt := &picky{refuse: "sims:p1"}
	e, _ := passwordEngine(t, tgt)
	e.Routes.config.Quarantine = config.Quarantine{Percent: 100, MinFailures: 50}
	run := syncOnce(t, e)
	if run.Passwords.Accounts != 1 {
		t.Fatalf("%+v", run.Passwords)
	}
	run = syncOnce(t, e) // p1 waits in escrow, so nobody is tried
	if run.Passwords != nil {
		t.Errorf("%+v", run.Passwords)
	}
	report, err := e.Sync(t.Context(), Selection{}, Manner{Retry: true}) // and is refused again
	if err != nil {
		t.Fatal(err)
	}
	if run = report.Runs[0]; run.Passwords != nil || *run.Changes["createUser"].Failed != 1 {
		t.Errorf("%+v %+v", run.Passwords, run.Changes)
	}
	if list, _ := filepath.Glob(filepath.Join(tgt.dir, "*")); len(list) != 1 {
		t.Errorf("left over: %v", list)
	}
}

// After a run that was broken off nobody knows who was made: all passwords stay.
func TestBrokenOff(t *testing.T) {
	t.Parallel()
	tgt := &picky{breakAt: "sims:p2"}
	e, id := passwordEngine(t, tgt)
	run := syncOnce(t, e)
	if run.Status == Done || run.Passwords == nil || !run.Passwords.Unfinished || run.Passwords.Accounts != 2 {
		t.Fatalf("%s %+v", run.Status, run.Passwords)
	}
	rows := handovertest.Open(t, run.Passwords.File, id)
	if len(rows) != 2 || rows["annp1"] != tgt.got["annp1"] {
		t.Errorf("%q, %q", rows, tgt.got)
	}
	tgt.breakAt = ""
	if run = syncOnce(t, e); run.Status != Done || run.Passwords.Unfinished {
		t.Errorf("%s %+v", run.Status, run.Passwords)
	}
	if list, _ := filepath.Glob(filepath.Join(tgt.dir, "*")); len(list) != 2 {
		t.Errorf("%v", list)
	}
}

// No account is made whose password would be lost, or that could not be made safely.
func TestNoHandoverNoAccount(t *testing.T) {
	t.Parallel()
	for name, spoil := range map[string]func(*Engine, *picky){
		"the folder is gone": func(_ *Engine, tgt *picky) { _ = os.RemoveAll(tgt.dir) },
		"no randomness":      func(e *Engine, _ *picky) { e.Rand = iotest.ErrReader(io.ErrUnexpectedEOF) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tgt := &picky{}
			e, _ := passwordEngine(t, tgt)
			spoil(e, tgt)
			if run := syncOnce(t, e); run.Status != Failed || len(tgt.changes) > 0 || !strings.Contains(run.Reason, "password") {
				t.Errorf("%s %s, %d changes", run.Status, run.Reason, len(tgt.changes))
			}
		})
	}
}

// Without a handover the passwords are used and thrown away.
func TestThrownAway(t *testing.T) {
	t.Parallel()
	tgt := &picky{}
	e, _ := passwordEngine(t, tgt)
	e.Handover = nil
	if run := syncOnce(t, e); run.Status != Done || run.Passwords != nil || len(tgt.got["annp2"]) != 16 {
		t.Errorf("%s %+v", run.Status, run.Passwords)
	}
	if list, _ := filepath.Glob(filepath.Join(tgt.dir, "*")); len(list) != 0 {
		t.Errorf("%v", list)
	}
}

// The school's id comes from outside and may hold anything.
func TestHandoverName(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 11, 23, 2, 15, 0, 0, time.FixedZone("", 3600))
	for site, want := range map[string]string{
		"3b1e2f64-9c0d":          "dir-3b1e2f64-9c0d-20261123T011500Z-42",
		"../../etc/é\x00":        "dir-______etc___-20261123T011500Z-42",
		"":                       "dir--20261123T011500Z-42",
		strings.Repeat("x", 500): "dir-" + strings.Repeat("x", 64) + "-20261123T011500Z-42",
	} {
		if got := handoverName("dir", site, at, 42); got != want {
			t.Errorf("%q: %q", site, got)
		}
	}
}
