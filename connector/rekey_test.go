package connector

import (
	"context"
	"iter"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"simscim/config"
	"simscim/connector/ledger/sqlledger"
	"simscim/connector/plan"
	"simscim/connector/source"
	"simscim/connector/target"
	"simscim/roster"
	"simscim/scim"
)

// school is a source with one school, whose ids can be changed.
type school struct{ suffix string }

func (s *school) Sites(context.Context) ([]roster.Site, error) {
	return []roster.Site{{ID: "oak", Name: "Oak"}}, nil
}

func (s *school) Read(_ context.Context, site roster.Site, _ source.Want) (*roster.Snapshot, error) {
	b := roster.NewBuilder(site, time.Date(2026, 11, 23, 2, 0, 0, 0, time.UTC))
	b.AddGroup(roster.Group{GroupKey: roster.GroupKey{Kind: roster.Class, ID: "c" + s.suffix}, Name: "7A"})
	for _, id := range []string{"p1", "p2"} {
		b.AddPerson(roster.Person{ID: id + s.suffix, Kind: roster.Student, State: roster.Current, GivenName: "Ann", FamilyName: strings.ToUpper(id)})
		b.AddMembership(roster.Membership{Group: roster.GroupKey{Kind: roster.Class, ID: "c" + s.suffix}, Person: id + s.suffix})
	}
	return b.Finish(), nil
}

func (*school) Check(context.Context) ([]string, error) { return nil, nil }
func (*school) Requests() int64                         { return 0 }

// yes is a target that confirms everything.
type yes struct{ changes []plan.Change }

func (*yes) Capabilities(context.Context) (target.Capabilities, error) {
	return target.Capabilities{Users: true, Groups: true, Suspend: true, Delete: true, DeleteGroups: true, RenameGroups: true}, nil
}
func (*yes) Count(context.Context, scim.Kind) (int, bool, error) { return 0, true, nil }
func (*yes) List(context.Context, scim.Kind, []scim.Path) iter.Seq2[target.Object, error] {
	return func(func(target.Object, error) bool) {}
}

func (*yes) Get(context.Context, scim.Kind, string, []scim.Path) (target.Object, bool, error) {
	return target.Object{}, false, nil
}

func (*yes) Find(context.Context, scim.Kind, scim.Path, string, []scim.Path) ([]target.Object, error) {
	return nil, nil
}

func (y *yes) Apply(_ context.Context, changes []plan.Change, _ target.Lookup, confirm func(target.Outcome) error) error {
	for i := range changes {
		c := &changes[i]
		y.changes = append(y.changes, *c)
		id := c.RemoteID
		if id == "" {
			id = "r-" + c.Key
		}
		if err := confirm(target.Outcome{Change: c, RemoteID: id, Attributes: true, Added: c.Add, Removed: c.Remove, Final: true}); err != nil {
			return err
		}
	}
	return nil
}
func (*yes) Requests() int64 { return 0 }

func rekeyEngine(t *testing.T, src source.Source, tgt target.Target) *Engine {
	t.Helper()
	cfg, problems := config.Parse("t.yaml", []byte(`version: 1
sources: {sims: {type: sims-id, vendor: {application: 00000000-0000-4000-8000-000000000001, organisation: 00000000-0000-4000-8000-000000000002, clientID: env:A, clientSecret: env:B}}}
targets: {dir: {type: scim, url: https://x.example, auth: {type: bearer, token: env:T}}}
mappings:
  m:
    users: {attributes: {userName: {unique: [clean(person.givenName + person.familyName)]}}}
    groups: [{from: class, displayName: group.name}]
sites: [{match: '*', targets: [dir], mapping: m}]
`))
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	routes, problems := Compile(cfg)
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	l, err := sqlledger.Open(t.Context(), "file::memory:", sqlledger.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	e, err := New(Options{
		Sources: map[string]source.Source{"sims": src}, Targets: map[string]target.Target{"dir": tgt},
		Ledger: l, Routes: routes, Now: time.Now,
	})
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// After the source has changed all ids, a re-key keeps every account: the next sync
// only sets externalId.
func TestRekeyKeepsAccounts(t *testing.T) {
	t.Parallel()
	src, tgt := &school{}, &yes{}
	e := rekeyEngine(t, src, tgt)
	ctx := t.Context()
	if _, err := e.Sync(ctx, Selection{}, Manner{}); err != nil || len(tgt.changes) != 3 {
		t.Fatalf("first sync: %v, %d changes", err, len(tgt.changes))
	}
	src.suffix = "-new"
	pairs := map[string]string{"p1": "p1-new", "p2": "P2-NEW", "c": "c-new", "gone": "never"}
	want := []Move{
		{scim.User, "sims:p1", "sims:p1-new", "p1-new"},
		{scim.User, "sims:p2", "sims:p2-new", "p2-new"},
		{scim.Group, "oak:class:c", "oak:class:c-new", "class:c-new"},
	}
	for _, apply := range []bool{false, false, true} { // looking changes nothing
		found, err := e.Rekey(ctx, Selection{}, pairs, apply)
		if err != nil || len(found) != 1 {
			t.Fatal(found, err)
		}
		if diff := cmp.Diff(want, found[0].Moves); diff != "" || found[0].Unused != 1 || len(found[0].Conflicts) > 0 {
			t.Fatalf("%s %+v", diff, found[0])
		}
	}
	found, err := e.Rekey(ctx, Selection{}, pairs, true)
	if err != nil || len(found[0].Moves) > 0 {
		t.Fatalf("a second re-key still moves: %+v, %v", found, err)
	}
	tgt.changes = nil
	if _, err := e.Sync(ctx, Selection{}, Manner{}); err != nil {
		t.Fatal(err)
	}
	for _, c := range tgt.changes {
		onlyID := slices.EqualFunc(c.Set, []scim.Path{"externalId"}, func(f plan.Field, p scim.Path) bool { return f.Path == p })
		if (c.Action != plan.UpdateUser && c.Action != plan.UpdateGroup) || !onlyID || len(c.Add)+len(c.Remove) > 0 {
			t.Errorf("the sync after a re-key does more than set externalId: %s %s %+v", c.Action, c.Key, c.Set)
		}
	}
	if len(tgt.changes) != 3 {
		t.Errorf("%d changes, want 3", len(tgt.changes))
	}
}

// Whoever synced before mapping the ids has two accounts each: that is for a person to
// decide, and nothing moves.
func TestRekeyTooLateIsAConflict(t *testing.T) {
	t.Parallel()
	src, tgt := &school{}, &yes{}
	e := rekeyEngine(t, src, tgt)
	for _, suffix := range []string{"", "-new"} {
		src.suffix = suffix
		if _, err := e.Sync(t.Context(), Selection{}, Manner{}); err != nil {
			t.Fatal(err)
		}
	}
	found, err := e.Rekey(t.Context(), Selection{}, map[string]string{"p1": "p1-new"}, true)
	if err != nil || len(found[0].Moves) > 0 || len(found[0].Conflicts) != 1 {
		t.Errorf("got %+v, %v", found, err)
	}
}
