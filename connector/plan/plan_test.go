package plan

import (
	"hash/fnv"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"simscim/mapper"
	"simscim/roster"
	"simscim/scim"
)

const site = "oak"

var now = time.Date(2026, 11, 23, 2, 15, 0, 0, time.UTC)

// sum is a fingerprint for tests.
func sum(path scim.Path, v any) uint64 {
	h := fnv.New64a()
	h.Write([]byte(path))
	h.Write(scim.Canonical(path, v))
	return h.Sum64()
}

func attrs(key, name, family string, on bool) scim.Attributes {
	return scim.Attributes{
		{Path: "active", Value: on},
		{Path: "externalId", Value: key},
		{Path: "name.familyName", Value: family},
		{Path: "userName", Value: name},
	}
}

func user(key, name, family string) mapper.User {
	return mapper.User{Key: key, Person: &roster.Person{ID: "p-" + key, Kind: roster.Student}, Attributes: attrs(key, name, family, true)}
}

func group(key string, members ...string) mapper.Group {
	return mapper.Group{
		Key: key, SourceID: "class:" + key, Members: members,
		Attributes: scim.Attributes{{Path: "displayName", Value: "Group " + key}, {Path: "externalId", Value: key}},
	}
}

func prints(a scim.Attributes) Prints {
	var p Prints
	for _, attr := range a {
		if !scim.IsUnassigned(attr.Value) {
			p = append(p, Print{attr.Path, sum(attr.Path, attr.Value)})
		}
	}
	return p
}

// known is a user as the ledger holds it after being created.
func known(u mapper.User) *Known {
	return &Known{
		Kind: scim.User, Key: u.Key, RemoteID: "r-" + u.Key, SourceID: u.Person.ID, Home: site, Status: Active,
		Name: u.Attributes.String(userName), Prints: prints(u.Attributes),
	}
}

func knownGroup(g mapper.Group) *Known {
	k := &Known{
		Kind: scim.Group, Key: g.Key, RemoteID: "r-" + g.Key, SourceID: g.SourceID, Home: site, Status: Active,
		Prints: prints(g.Attributes), Members: map[string]struct{}{},
	}
	for _, m := range g.Members {
		k.Members[m] = struct{}{}
	}
	return k
}

// world is an input with everything at rest: two pupils and a class, all confirmed.
func world() Input {
	a, b := user("a", "ann", "Archer"), user("b", "bob", "Baker")
	g := group("g", "a", "b")
	return Input{
		Site: site, Target: "dir",
		Desired: &mapper.Desired{Users: []mapper.User{a, b}, Groups: []mapper.Group{g}},
		State: &State{
			Users:    map[string]*Known{"a": known(a), "b": known(b)},
			Groups:   map[string]*Known{"g": knownGroup(g)},
			Baseline: true, Settled: true,
		},
		Print:   sum,
		Leavers: Leavers{GraceSnapshots: 2, Grace: 24 * time.Hour, DeleteAfter: 90 * 24 * time.Hour},
		Can:     Abilities{Users: true, Groups: true, Suspend: true, Delete: true, DeleteGroups: true, RenameGroups: true},
		Now:     now,
	}
}

// leave takes the user with the key out of the desired state.
func (in *Input) leave(key string) {
	in.Desired.Users = slices.DeleteFunc(in.Desired.Users, func(u mapper.User) bool { return u.Key == key })
	for i := range in.Desired.Groups {
		g := &in.Desired.Groups[i]
		g.Members = slices.DeleteFunc(slices.Clone(g.Members), func(m string) bool { return m == key })
	}
}

// brief writes a plan in a line a change.
func brief(p *Plan) []string {
	var lines []string
	for _, c := range p.Changes {
		var set []string
		for _, f := range c.Set {
			set = append(set, string(f.Path))
		}
		line := string(c.Action) + " " + c.Key
		if len(set) > 0 {
			line += " set " + strings.Join(set, ",")
		}
		if len(c.Add) > 0 {
			line += " add " + strings.Join(c.Add, ",")
		}
		if len(c.Remove) > 0 {
			line += " remove " + strings.Join(c.Remove, ",")
		}
		lines = append(lines, line)
	}
	for _, n := range p.Notes {
		lines = append(lines, "note "+string(n.What)+" "+n.Key)
	}
	for _, s := range p.Skipped {
		lines = append(lines, "skip "+s.Key)
	}
	return lines
}

func TestCompute(t *testing.T) {
	t.Parallel()
	missing := func(in *Input, key string, missed int, ago time.Duration) {
		in.State.Users[key].Missed, in.State.Users[key].MissingSince = missed, now.Add(-ago)
	}
	seen := func(in *Input, objects ...Object) {
		in.Observed = &Observed{}
		for _, o := range objects {
			in.Observed.See(o, in.Match)
		}
	}
	theirs := Object{Kind: scim.User, RemoteID: "r9", Attributes: scim.Attributes{{Path: "name.familyName", Value: "Cole"}, {Path: "userName", Value: "CY"}}}
	for _, tc := range []struct {
		name string
		do   func(*Input)
		want []string
	}{
		{"at rest", func(*Input) {}, nil},
		{"a joiner", func(in *Input) {
			in.Desired.Users = append(in.Desired.Users, user("c", "cy", "Cole"))
			in.Desired.Groups[0].Members = []string{"a", "b", "c"}
		}, []string{"createUser c", "updateMembers g add c"}},
		{
			"a marriage", func(in *Input) { in.Desired.Users[0].Attributes = attrs("a", "ann", "Bowman", true) },
			[]string{"updateUser a set name.familyName"},
		},
		{"a value that only differs in form", func(in *Input) { in.Desired.Users[0].Attributes = attrs("a", "ANN", "Archer", true) }, nil},
		{
			"a value that is gone", func(in *Input) { in.Desired.Users[0].Attributes = attrs("a", "ann", "", true) },
			[]string{"updateUser a set name.familyName"},
		},
		{
			"a rule that is gone", func(in *Input) { in.Desired.Users[0].Attributes = attrs("a", "ann", "Archer", true)[:2:2] },
			[]string{"renameUser a set name.familyName,userName"},
		},
		{"an attribute written only at creation", func(in *Input) {
			in.Desired.Users[0].Attributes = attrs("a", "ann", "Bowman", true)
			in.Desired.Users[0].CreateOnly = []scim.Path{"name.familyName"}
		}, nil},
		{
			"a rename", func(in *Input) { in.Desired.Users[0].Attributes = attrs("a", "annie", "Archer", true) },
			[]string{"renameUser a set userName"},
		},
		{"first day missing", func(in *Input) { in.leave("b") }, []string{"note missing b"}},
		{"often enough but not long enough", func(in *Input) { in.leave("b"); missing(in, "b", 5, 23*time.Hour) }, []string{"note missing b"}},
		{
			"long enough but not often enough", func(in *Input) {
				in.leave("b")
				missing(in, "b", 0, 0)
				in.State.Users["b"].MissingSince = now.Add(-99 * time.Hour)
			},
			[]string{"note missing b"},
		},
		{
			"grace is over", func(in *Input) { in.leave("b"); missing(in, "b", 1, 24*time.Hour) },
			[]string{"updateMembers g remove b", "suspendUser b set active"},
		},
		{
			"grace is over but the target cannot suspend", func(in *Input) { in.leave("b"); missing(in, "b", 1, 24*time.Hour); in.Can.Suspend = false },
			[]string{"updateMembers g remove b", "deleteUser b"},
		},
		{"grace is over but another school needs the account", func(in *Input) {
			in.leave("b")
			missing(in, "b", 1, 24*time.Hour)
			in.State.Users["b"].Shared = true
		}, []string{"updateMembers g remove b", "note unclaim b"}},
		{"back in grace", func(in *Input) { missing(in, "b", 1, time.Hour) }, nil},
		{"suspended and kept", func(in *Input) {
			in.leave("b")
			k := in.State.Users["b"]
			k.Status, k.SuspendedAt = Suspended, now.Add(-89*24*time.Hour)
			delete(in.State.Groups["g"].Members, "b")
		}, nil},
		{"suspended for too long", func(in *Input) {
			in.leave("b")
			k := in.State.Users["b"]
			k.Status, k.SuspendedAt = Suspended, now.Add(-90*24*time.Hour)
			delete(in.State.Groups["g"].Members, "b")
		}, []string{"deleteUser b"}},
		{"back after suspension", func(in *Input) {
			k := in.State.Users["b"]
			k.Status, k.SuspendedAt = Suspended, now.Add(-40*24*time.Hour)
			k.Prints = prints(attrs("b", "bob", "Baker", false))
			delete(in.State.Groups["g"].Members, "b")
		}, []string{"reactivateUser b set active", "updateMembers g add b"}},
		{"back, and active is written only once", func(in *Input) {
			k := in.State.Users["b"]
			k.Status, k.SuspendedAt = Suspended, now.Add(-40*24*time.Hour)
			k.Prints = prints(attrs("b", "bob", "Other", false))
			in.Desired.Users[1].CreateOnly = []scim.Path{"active", "name.familyName"}
		}, []string{"reactivateUser b set active"}},
		{"there, and active is written only once", func(in *Input) {
			in.State.Users["b"].Prints = prints(attrs("b", "bob", "Other", false))
			in.Desired.Users[1].CreateOnly = []scim.Path{"active", "name.familyName"}
		}, nil},
		{"withheld by id", func(in *Input) {
			in.leave("b")
			missing(in, "b", 9, 999*time.Hour)
			in.Withheld.People = map[string]bool{"p-b": true}
		}, nil},
		{"frozen removals", func(in *Input) {
			in.leave("b")
			missing(in, "b", 9, 999*time.Hour)
			in.Desired.Groups = nil
			in.Withheld.Freeze = "somebody without an id"
		}, nil},
		{"frozen removals within a group", func(in *Input) {
			in.Desired.Groups[0].Members = []string{"a"}
			in.Withheld.Freeze = "somebody without an id"
		}, nil},
		{"a group without its end", func(in *Input) { in.Desired.Groups = nil }, []string{"note missing g"}},
		{"a group that ended", func(in *Input) {
			in.Desired.Groups = nil
			in.State.Groups["g"].Missed, in.State.Groups["g"].MissingSince = 1, now.Add(-24*time.Hour)
		}, []string{"deleteGroup g"}},
		{"a group that a rule failed for", func(in *Input) {
			in.Desired.Groups = nil
			in.State.Groups["g"].Missed, in.State.Groups["g"].MissingSince = 1, now.Add(-24*time.Hour)
			in.Withheld.Groups = map[string]bool{"class:g": true}
		}, nil},
		{"homed elsewhere, not yet claimed", func(in *Input) {
			k := in.State.Users["b"]
			k.Home, k.SourceID, k.Prints = "elm", "", nil
		}, []string{"note claim b"}},
		{"homed elsewhere and claimed", func(in *Input) { in.State.Users["b"].Home, in.State.Users["b"].Prints = "elm", nil }, nil},
		{"homed elsewhere but suspended there", func(in *Input) {
			k := in.State.Users["b"]
			k.Home, k.Status, k.Prints = "elm", Suspended, prints(attrs("b", "bob", "Baker", false))
		}, []string{"reactivateUser b set active"}},
		{"looked up but not ours to miss", func(in *Input) {
			in.leave("b")
			in.State.Users["b"].SourceID = ""
			delete(in.State.Groups["g"].Members, "b")
		}, nil},
		{"recognised by externalId", func(in *Input) {
			in.Desired.Users = append(in.Desired.Users, user("c", "cy", "Cole"))
			seen(in, Object{Kind: scim.User, RemoteID: "r9", ExternalID: "c", Attributes: scim.Attributes{{Path: "name.familyName", Value: "Kohl"}, {Path: "userName", Value: "cy"}}})
		}, []string{"adoptUser c set active,name.familyName"}},
		{"recognised by name, not allowed", func(in *Input) {
			in.Match = []scim.Path{"userName"}
			in.Desired.Users = append(in.Desired.Users, user("c", "cy", "Cole"))
			in.Desired.Groups[0].Members = []string{"a", "b", "c"}
			seen(in, theirs)
		}, []string{"skip c"}},
		{"recognised by name, allowed", func(in *Input) {
			in.Match, in.Adopt = []scim.Path{"userName"}, true
			in.Desired.Users = append(in.Desired.Users, user("c", "cy", "Cole"))
			seen(in, theirs)
		}, []string{"adoptUser c set active,externalId"}},
		{"recognised twice", func(in *Input) {
			in.Match, in.Adopt = []scim.Path{"name.familyName"}, true
			in.Desired.Users = append(in.Desired.Users, user("c", "cy", "Cole"))
			other := theirs
			other.RemoteID = "r8"
			seen(in, theirs, other)
		}, []string{"skip c"}},
		{"a group is adopted, strangers in it stay", func(in *Input) {
			in.Desired.Groups = append(in.Desired.Groups, group("h", "a"))
			seen(in, Object{
				Kind: scim.Group, RemoteID: "r7", ExternalID: "h", MembersKnown: true, Members: []string{"r-b", "stranger"},
				Attributes: scim.Attributes{{Path: "displayName", Value: "Group h"}},
			})
		}, []string{"adoptGroup h add a remove b"}},
		{"users only", func(in *Input) { in.Can.Groups = false; in.Desired.Groups = nil }, nil},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			in := world()
			tc.do(&in)
			p := Compute(in)
			if diff := cmp.Diff(tc.want, brief(p), cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("plan differs (-want +got):\n%s", diff)
			}
			for _, c := range p.Changes {
				if c.Reason == "" || (c.RemoteID == "") != (c.Action == CreateUser || c.Action == CreateGroup) {
					t.Errorf("%s %s: reason %q, remote id %q", c.Action, c.Key, c.Reason, c.RemoteID)
				}
				for _, personal := range []string{"Baker", "bob", "Cole", "cy", "Bowman"} {
					if strings.Contains(c.Reason, personal) {
						t.Errorf("the reason %q holds personal data", c.Reason)
					}
				}
			}
		})
	}
}

func TestDriftIsPlannedFromWhatWasRead(t *testing.T) {
	t.Parallel()
	in := world()
	in.Observed = &Observed{}
	in.Observed.See(Object{
		Kind: scim.User, RemoteID: "r-a", ExternalID: "a",
		Attributes: scim.Attributes{{Path: "active", Value: true}, {Path: "name.familyName", Value: "Changed"}, {Path: "userName", Value: "ann"}},
	}, nil)
	p := Compute(in)
	want := []Field{{Path: "name.familyName", Before: "Changed", After: "Archer"}}
	if len(p.Changes) != 1 || cmp.Diff(want, p.Changes[0].Set) != "" {
		t.Errorf("got %+v", p.Changes)
	}
}

func TestCheck(t *testing.T) {
	t.Parallel()
	pct, num := func(f float64) *float64 { return &f }, func(n int) *int { return &n }
	p := &Plan{}
	for _, key := range []string{"a", "b", "c"} {
		p.Changes = append(p.Changes, Change{Action: SuspendUser, Kind: scim.User, Key: key})
	}
	p.Changes = append(p.Changes, Change{Action: UpdateMembers, Kind: scim.Group, Key: "g", Remove: []string{"1", "2", "3", "4", "5", "6"}})
	state := &State{Users: map[string]*Known{}, Groups: map[string]*Known{"g": {Members: map[string]struct{}{}}}}
	for i := range 20 {
		state.Users[string(rune('A'+i))] = &Known{Status: Active}
		if i < 10 {
			state.Groups["g"].Members[string(rune('A'+i))] = struct{}{}
		}
	}
	suspend := Counter(SuspendUser)
	for _, tc := range []struct {
		name  string
		limit Limit
		held  bool
	}{
		{"count exact", Limit{Counter: suspend, Count: num(3)}, false},
		{"count over", Limit{Counter: suspend, Count: num(2)}, true},
		{"count zero", Limit{Counter: suspend, Count: num(0)}, true},
		{"percent exact", Limit{Counter: suspend, Percent: pct(15)}, false},
		{"percent over", Limit{Counter: suspend, Percent: pct(14.9)}, true},
		{"percent over, too few to count", Limit{Counter: suspend, Percent: pct(1), MinSize: 21}, false},
		{"count over although too few for percent", Limit{Counter: suspend, Percent: pct(1), Count: num(1), MinSize: 21}, true},
		{"something else", Limit{Counter: Counter(DeleteUser), Count: num(0)}, false},
		{"no limit", Limit{Counter: suspend}, false},
		{"per group over", Limit{Counter: RemoveMember, Percent: pct(50), PerGroup: true}, true},
		{"per group under", Limit{Counter: RemoveMember, Percent: pct(60), PerGroup: true}, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			if got := Check(p, state, []Limit{tc.limit}); (len(got) > 0) != tc.held {
				t.Errorf("got %v", got)
			}
		})
	}
}

func TestDigestTellsPlansApart(t *testing.T) {
	t.Parallel()
	digest := func(do func(*Input)) string {
		in := world()
		do(&in)
		return Compute(in).Digest(sum)
	}
	seen := map[string]string{}
	for name, do := range map[string]func(*Input){
		"nothing":      func(*Input) {},
		"marriage":     func(in *Input) { in.Desired.Users[0].Attributes = attrs("a", "ann", "Bowman", true) },
		"other name":   func(in *Input) { in.Desired.Users[0].Attributes = attrs("a", "ann", "Bowmann", true) },
		"other person": func(in *Input) { in.Desired.Users[1].Attributes = attrs("b", "bob", "Bowman", true) },
		"one leaves":   func(in *Input) { in.Desired.Groups[0].Members = []string{"a"} },
		"another does": func(in *Input) { in.Desired.Groups[0].Members = []string{"b"} },
		"other target": func(in *Input) { in.Target = "other" },
		"joiner":       func(in *Input) { in.Desired.Users = append(in.Desired.Users, user("c", "cy", "Cole")) },
		"joiner named": func(in *Input) { in.Desired.Users = append(in.Desired.Users, user("c", "cyd", "Cole")) },
	} {
		d := digest(do)
		if other, dup := seen[d]; dup {
			t.Errorf("%q and %q have one digest", name, other)
		}
		seen[d] = name
		if d != digest(do) {
			t.Errorf("%q has two digests", name)
		}
	}
	// Notes are not part of what is done: a person in grace does not change the plan.
	if digest(func(in *Input) { in.leave("b") }) != digest(func(*Input) {}) {
		t.Error("a note changed the digest")
	}
}

func TestComputeLeavesItsInputAlone(t *testing.T) {
	t.Parallel()
	in := world()
	in.leave("b")
	before := maps.Clone(in.State.Groups["g"].Members)
	Compute(in)
	if diff := cmp.Diff(before, in.State.Groups["g"].Members); diff != "" || len(in.State.Users) != 2 {
		t.Errorf("the state was changed: %s", diff)
	}
}
