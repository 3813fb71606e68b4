package plan

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"simscim/mapper"
	"simscim/scim"
)

// see takes the confirmed users and groups of the world as read back, but for what the
// change says.
func (in *Input) see(change func(*Object)) {
	in.Observed = &Observed{}
	add := func(kind scim.Kind, id, key string, attrs scim.Attributes, members ...string) {
		o := Object{Kind: kind, RemoteID: id, ExternalID: key, Attributes: append(scim.Attributes(nil), attrs...), Members: members, MembersKnown: true}
		change(&o)
		in.Observed.See(o, nil)
	}
	for _, u := range in.Desired.Users {
		add(scim.User, "r-"+u.Key, u.Key, u.Attributes)
	}
	for _, g := range in.Desired.Groups {
		var ids []string
		for _, m := range g.Members {
			ids = append(ids, "r-"+m)
		}
		add(scim.Group, "r-"+g.Key, g.Key, g.Attributes, ids...)
	}
}

// What is allowed, protected, waiting or gone at the target decides what a plan may hold.
func TestComputeKeepsToWhatItMay(t *testing.T) {
	t.Parallel()
	rename := func(in *Input) { in.Desired.Users[0] = user("a", "ann", "Smith") }
	gone := func(in *Input) { // b has left, and the grace is over
		in.leave("b")
		in.State.Users["b"].Missed, in.State.Users["b"].MissingSince = 5, now.Add(-99*time.Hour)
	}
	for name, c := range map[string]struct {
		change func(in *Input)
		want   []string
	}{
		"upsert: nobody is suspended, groups are left": {func(in *Input) {
			gone(in)
			rename(in)
			in.May.Users = Upsert
		}, []string{"updateUser a set name.familyName", "updateMembers g remove b"}},
		"upsert of groups: members only join": {func(in *Input) {
			gone(in)
			in.May.Groups = Upsert
			in.Desired.Groups = nil
		}, []string{"suspendUser b set active"}},
		"create: what is there is left": {func(in *Input) {
			rename(in)
			in.Desired.Groups[0].Members = []string{"a"}
			in.May = Modes{Users: CreateOnly, Groups: CreateOnly}
			in.Desired.Users = append(in.Desired.Users, user("c", "cat", "Cole"))
		}, []string{"createUser c"}},
		"off: no groups at all": {func(in *Input) {
			in.May.Groups = Off
			in.Desired.Groups = []mapper.Group{group("h", "a")}
		}, nil},
		"a protected name": {func(in *Input) {
			rename(in)
			in.Protected = func(_ scim.Kind, name, _ string) bool { return name == "ann" }
		}, []string{"skip a"}},
		"a protected name that would be given up": {func(in *Input) {
			in.Desired.Users[0] = user("a", "zoe", "Archer")
			in.Protected = func(_ scim.Kind, name, _ string) bool { return name == "ann" }
		}, []string{"skip a"}},
		"a protected id, and a group": {func(in *Input) {
			gone(in)
			in.Protected = func(_ scim.Kind, name, id string) bool { return id == "r-b" || name == "Group g" }
		}, []string{"skip g", "skip b"}},
		"a stranger's protected account is not adopted": {func(in *Input) {
			delete(in.State.Users, "a")
			in.Match, in.Adopt, in.Observed = []scim.Path{"userName"}, true, &Observed{}
			in.Observed.See(Object{Kind: scim.User, RemoteID: "x", Attributes: scim.Attributes{{Path: "userName", Value: "ann"}}}, in.Match)
			in.Protected = func(_ scim.Kind, name, _ string) bool { return name == "ann" }
		}, []string{"updateMembers g remove a", "skip a"}},
		"a deleted account is made anew, with its groups": {func(in *Input) {
			in.Gone = map[Ref]bool{{scim.User, "a"}: true}
		}, []string{"createUser a", "updateMembers g add a", "note forget a"}},
		"a deleted group is made anew": {func(in *Input) {
			in.Gone = map[Ref]bool{{scim.Group, "g"}: true}
		}, []string{"createGroup g add a,b", "note forget g"}},
		"a deleted account of somebody who left": {func(in *Input) {
			gone(in)
			in.Gone = map[Ref]bool{{scim.User, "b"}: true}
		}, []string{"note forget b"}},
		"a value that somebody changed": {func(in *Input) {
			in.see(func(o *Object) {
				if o.RemoteID == "r-a" {
					o.Attributes = append(o.Attributes[:2:2], scim.Attribute{Path: "name.familyName", Value: "Else"}, o.Attributes[3])
				}
			})
		}, []string{"updateUser a set name.familyName"}},
		"members that somebody changed, strangers among them": {func(in *Input) {
			in.see(func(o *Object) {
				if o.Kind == scim.Group {
					o.Members = []string{"stranger", "r-b"}
				}
			})
		}, []string{"updateMembers g add a"}},
		"a suspended account that somebody switched on": {func(in *Input) {
			gone(in)
			in.State.Users["b"].Status, in.State.Users["b"].SuspendedAt = Suspended, now.Add(-time.Hour)
			in.State.Groups["g"].Members = map[string]struct{}{"a": {}}
			in.see(func(*Object) {})
			in.Observed.See(Object{Kind: scim.User, RemoteID: "r-b", Attributes: scim.Attributes{{Path: "active", Value: true}}}, nil)
		}, []string{"suspendUser b set active"}},
		"no password where one is needed": {func(in *Input) {
			in.Can.NeedsPassword = true
			in.Desired.Users = append(in.Desired.Users, user("c", "cat", "Cole"))
			in.Desired.Groups[0].Members = []string{"a", "b", "c"}
		}, []string{"skip c"}},
		"a required attribute is missing": {func(in *Input) {
			in.Can.RequiredUser = []scim.Path{"userName", "name", "emails"}
			in.Desired.Users = append(in.Desired.Users, user("c", "cat", "Cole"))
		}, []string{"skip c"}},
		"a key is too long for who comes": {func(in *Input) {
			in.Can.LongestUser = map[scim.Path]int{"externalId": 3}
			in.Desired.Users = append(in.Desired.Users, user("long", "cat", "Cole"))
			in.Desired.Groups[0].Members = []string{"a", "b", "long"}
		}, []string{"skip long"}},
		"a value is as long as can be": {func(in *Input) {
			rename(in)
			in.Can.LongestUser = map[scim.Path]int{"name.familyName": 5, "userName": 3}
		}, []string{"updateUser a set name.familyName"}},
		"a value becomes too long": {func(in *Input) {
			rename(in)
			in.Can.LongestUser = map[scim.Path]int{"name.familyName": 4}
		}, []string{"skip a"}},
		"a value that stays too long is not in the way": {func(in *Input) {
			rename(in)
			in.Can.LongestUser = map[scim.Path]int{"externalId": 0, "active": 0, "userName": 1}
		}, []string{"updateUser a set name.familyName"}},
		"groups cannot be renamed": {func(in *Input) {
			in.Can.RenameGroups = false
			in.Desired.Groups[0].Attributes = scim.Attributes{{Path: "displayName", Value: "Other"}, {Path: "externalId", Value: "g"}}
			in.Desired.Groups[0].Members = []string{"a"}
		}, []string{"updateGroup g remove b", "skip g"}},
		"an attribute that is not kept": {func(in *Input) {
			rename(in)
			in.Can.UserPaths = []scim.Path{"userName", "active"}
		}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			in := world()
			c.change(&in)
			if diff := cmp.Diff(c.want, brief(Compute(in)), cmpopts.EquateEmpty()); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// The same change waits, another change of the object does not.
func TestWaiting(t *testing.T) {
	t.Parallel()
	in := world()
	in.Desired.Users = append(in.Desired.Users, user("c", "cat", "Cole"))
	in.Desired.Groups[0].Members = []string{"a", "b", "c"}
	first := Compute(in)
	in.Waiting = map[Ref]Wait{{scim.User, "c"}: {Change: first.Changes[0].Identity(sum), Reason: "in escrow: it was refused"}}
	p := Compute(in)
	if diff := cmp.Diff([]string{"skip c"}, brief(p)); diff != "" || !p.Skipped[0].Waiting || p.Skipped[0].Reason != "in escrow: it was refused" {
		t.Errorf("%s %+v", diff, p.Skipped)
	}
	in.Desired.Users[2] = user("c", "cat", "Coleman")
	if diff := cmp.Diff([]string{"createUser c", "updateMembers g add c"}, brief(Compute(in))); diff != "" {
		t.Error(diff)
	}
}

// A class that changes hands is made anew where that takes fewer requests, and only if it
// may be.
func TestReplaceGroup(t *testing.T) {
	t.Parallel()
	turnover := func(in *Input) {
		in.Desired.Groups[0].Members = nil
		for _, key := range []string{"c", "d", "e"} {
			u := user(key, key, key)
			in.Desired.Users = append(in.Desired.Users, u)
			in.State.Users[key] = known(u)
			in.State.Groups["g"].Members[key] = struct{}{}
		}
		in.May.Replace, in.Can.MembersPerCreate, in.Can.MembersPerAdd, in.Can.MembersPerRemove = true, 20, 20, 1
	}
	for name, c := range map[string]struct {
		change func(in *Input)
		want   string
	}{
		"five single removals":        {func(*Input) {}, "replaceGroup g remove a,b,c,d,e"},
		"somebody stays":              {func(in *Input) { in.Desired.Groups[0].Members = []string{"c"} }, "replaceGroup g add c remove a,b,d,e"},
		"not allowed":                 {func(in *Input) { in.May.Replace = false }, "updateMembers g remove a,b,c,d,e"},
		"groups cannot be deleted":    {func(in *Input) { in.Can.DeleteGroups = false }, "updateMembers g remove a,b,c,d,e"},
		"removals go together":        {func(in *Input) { in.Can.MembersPerRemove = 100 }, "updateMembers g remove a,b,c,d,e"},
		"any number goes at once":     {func(in *Input) { in.Can.MembersPerAdd, in.Can.MembersPerRemove = 0, 0 }, "updateMembers g remove a,b,c,d,e"},
		"no class":                    {func(in *Input) { in.Desired.Groups[0].SourceID = "house:g" }, "updateMembers g remove a,b,c,d,e"},
		"one leaves: it is not worth": {func(in *Input) { in.Desired.Groups[0].Members = []string{"b", "c", "d", "e"} }, "updateMembers g remove a"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			in := world()
			turnover(&in)
			c.change(&in)
			p := Compute(in)
			if diff := cmp.Diff([]string{c.want}, brief(p)); diff != "" {
				t.Error(diff)
			}
			if p.Counts()[Counter(ReplaceGroup)] == 1 {
				zero := 0
				if Check(p, in.State, []Limit{{Counter: Counter(DeleteGroup), Count: &zero}}) == nil {
					t.Error("a group that is made anew is deleted as well, and no limit noticed")
				}
			}
		})
	}
}

// A target's limits count what was done before, by whatever school.
func TestCheckTotal(t *testing.T) {
	t.Parallel()
	in := world()
	in.Desired.Users = append(in.Desired.Users, user("c", "cat", "Cole"), user("d", "dan", "Dean"))
	p := Compute(in)
	count, percent := 5, 10.0
	limits := []Limit{{Counter: Counter(CreateUser), Count: &count}, {Counter: Counter(CreateUser), Percent: &percent}, {Counter: Counter(DeleteUser), Count: new(int)}}
	for name, c := range map[string]struct {
		applied int
		users   int
		broken  int
	}{
		"within both": {3, 1000, 0}, "one too many": {4, 1000, 1}, "too large a share": {0, 10, 1}, "both": {4, 10, 2},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			applied := map[Counter]int{Counter(CreateUser): c.applied, Counter(DeleteUser): 100}
			got := CheckTotal(p, applied, Sizes{Users: c.users}, limits)
			if len(got) != c.broken {
				t.Fatalf("%+v", got)
			}
			for _, b := range got {
				if !strings.Contains(b.Sentence, "whole target") {
					t.Error(b.Sentence)
				}
			}
		})
	}
}

func TestInvert(t *testing.T) {
	t.Parallel()
	in := world()
	in.State.Users["b"].Status = Suspended
	in.State.Groups["g"].Members = map[string]struct{}{"a": {}}
	done := []Done{
		{Kind: scim.User, Key: "b", Action: SuspendUser},
		{Kind: scim.User, Key: "a", Action: RenameUser, Name: "anna"},
		{Kind: scim.User, Key: "a", Action: RenameUser, Name: "annabel"}, // a later one does not count
		{Kind: scim.Group, Key: "g", Action: UpdateMembers, Removed: []string{"b", "stranger"}},
		{Kind: scim.Group, Key: "g", Action: UpdateMembers, Added: []string{"a"}},
		{Kind: scim.Group, Key: "g", Action: UpdateMembers, Added: []string{"b"}}, // it was in before
		{Kind: scim.Group, Key: "h", Action: DeleteGroup},
		{Kind: scim.User, Key: "z", Action: SuspendUser},
	}
	want := []string{"reactivateUser b set active", "renameUser a set userName", "updateMembers g add b remove a", "skip h", "skip z"}
	got := Invert(site, "dir", in.State, done)
	if diff := cmp.Diff(want, brief(got), cmpopts.SortSlices(func(x, y string) bool { return x < y })); diff != "" {
		t.Error(diff)
	}
	for _, c := range got.Changes {
		if c.Action == RenameUser && c.Set[0].After != "anna" {
			t.Errorf("the name becomes %v", c.Set[0].After)
		}
	}
	if p := Invert(site, "dir", in.State, nil); len(p.Changes)+len(p.Skipped) > 0 {
		t.Error("nothing done, and something to take back")
	}
}

// Who makes an object writes all of it; who changes one leaves what is written only once.
func TestWhole(t *testing.T) {
	t.Parallel()
	all := scim.Attributes{{Path: "displayName", Value: "A"}, {Path: "title", Value: "T"}, {Path: "userName", Value: "u"}}
	rest := scim.Attributes{all[0], all[2]}
	for action := range order {
		want := rest
		if action == CreateUser || action == CreateGroup || action == ReplaceGroup {
			want = all
		}
		c := Change{Action: action, After: all, CreateOnly: []scim.Path{"title", "unset"}}
		if diff := cmp.Diff(want, c.Whole()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", action, diff)
		}
		c.CreateOnly = nil
		if diff := cmp.Diff(all, c.Whole()); diff != "" {
			t.Errorf("%s of attributes that are always written (-want +got):\n%s", action, diff)
		}
	}
	if all[1].Path != "title" {
		t.Error("the change itself was changed")
	}
}

// What is too long is told with its length, the limit and what to do, and without the value.
func TestTooLong(t *testing.T) {
	t.Parallel()
	in := world()
	in.Can.LongestUser = map[scim.Path]int{"externalId": 4, "name.familyName": 6}
	in.Desired.Users = append(in.Desired.Users, user("a key", "cat", "Cole"), user("d", "dan", "Ŵałęsáß"))
	var got []string
	for _, s := range Compute(in).Skipped {
		got = append(got, s.Reason)
	}
	want := []string{
		"externalId has 5 characters, and the target holds 4: give a shorter key by the rule users.key, such as shortCode(person.id, 4)",
		"name.familyName has 7 characters, and the target holds 6: shorten it in its rule",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestPieces(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ n, size, want int }{
		{0, 20, 0}, {-3, 20, 0}, {0, 0, 0}, {1, 20, 1}, {20, 20, 1}, {21, 20, 2}, {5, 1, 5}, {5, 0, 1}, {5, -1, 1},
	} {
		if got := Pieces(c.n, c.size); got != c.want {
			t.Errorf("%d in pieces of %d are %d, want %d", c.n, c.size, got, c.want)
		}
	}
}
