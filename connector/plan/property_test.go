package plan

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"simscim/mapper"
	"simscim/scim"
)

// apply plays a plan against a state, as a target that does everything would.
func apply(in *Input, p *Plan) {
	users := map[string]*mapper.User{}
	for i := range in.Desired.Users {
		users[in.Desired.Users[i].Key] = &in.Desired.Users[i]
	}
	groups := map[string]*mapper.Group{}
	for i := range in.Desired.Groups {
		groups[in.Desired.Groups[i].Key] = &in.Desired.Groups[i]
	}
	for _, c := range p.Changes {
		switch c.Action {
		case CreateUser, AdoptUser, ReactivateUser, RenameUser, UpdateUser:
			k := known(*users[c.Key])
			in.State.Users[c.Key] = k
		case SuspendUser:
			k := in.State.Users[c.Key]
			k.Status, k.SuspendedAt, k.Missed = Suspended, in.Now, 0
			i := slices.IndexFunc(k.Prints, func(p Print) bool { return p.Path == "active" })
			k.Prints[i].Sum = sum("active", false)
		case DeleteUser:
			delete(in.State.Users, c.Key)
			for _, g := range in.State.Groups {
				delete(g.Members, c.Key)
			}
		case DeleteGroup:
			delete(in.State.Groups, c.Key)
		default:
			k := in.State.Groups[c.Key]
			if k == nil || c.Action != UpdateMembers {
				fresh := knownGroup(*groups[c.Key])
				fresh.Members = map[string]struct{}{}
				if k != nil {
					fresh.Members = k.Members
				}
				k = fresh
				in.State.Groups[c.Key] = k
			}
			for _, m := range c.Add {
				k.Members[m] = struct{}{}
			}
			for _, m := range c.Remove {
				delete(k.Members, m)
			}
		}
	}
	for _, n := range p.Notes {
		k := in.State.Users[n.Key]
		if n.Kind == scim.Group {
			k = in.State.Groups[n.Key]
		}
		if n.What == Missing || n.What == Back {
			k.Missed, k.MissingSince = n.Missed, n.Since
		}
	}
}

func drawDesired(t *rapid.T) *mapper.Desired {
	d := &mapper.Desired{}
	var keys []string
	for i := range 8 {
		if rapid.Bool().Draw(t, "in") {
			key := fmt.Sprintf("u%d", i)
			keys = append(keys, key)
			d.Users = append(d.Users, user(key, key, rapid.SampledFrom([]string{"X", "Y", ""}).Draw(t, "family")))
		}
	}
	for i := range 3 {
		if rapid.Bool().Draw(t, "group") {
			var members []string
			for _, key := range keys {
				if rapid.Bool().Draw(t, "member") {
					members = append(members, key)
				}
			}
			d.Groups = append(d.Groups, group(fmt.Sprintf("g%d", i), members...))
		}
	}
	return d
}

// After a plan is applied, planning again for the same roll finds nothing to change,
// whatever happened on the days before; and nobody who is in the roll is ever
// suspended, deleted, or missing from a group of theirs.
func TestApplyingAPlanSettlesIt(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		in := world()
		in.State = &State{Users: map[string]*Known{}, Groups: map[string]*Known{}}
		for range rapid.IntRange(1, 8).Draw(t, "days") {
			in.Now = in.Now.Add(time.Duration(rapid.IntRange(1, 2400).Draw(t, "hours")) * time.Hour)
			in.Desired = drawDesired(t)
			p := Compute(in)
			wanted := map[string]bool{}
			for _, u := range in.Desired.Users {
				wanted[u.Key] = true
			}
			for _, c := range p.Changes {
				if (c.Action == SuspendUser || c.Action == DeleteUser) && wanted[c.Key] {
					t.Fatalf("%s of %s, who is in the roll", c.Action, c.Key)
				}
				if !slices.IsSorted(c.Add) || !slices.IsSorted(c.Remove) {
					t.Fatalf("members out of order: %v %v", c.Add, c.Remove)
				}
			}
			apply(&in, p)
			again := Compute(in)
			again.Changes = slices.DeleteFunc(again.Changes, func(c Change) bool {
				// The second look is a second snapshot, which may end somebody's grace.
				return c.Action == SuspendUser || c.Action == DeleteGroup || c.Action == UpdateMembers && len(c.Add) == 0
			})
			if len(again.Changes) > 0 {
				t.Fatalf("a second plan still has changes: %v", brief(again))
			}
			for _, g := range in.Desired.Groups {
				for _, m := range g.Members {
					if _, in := in.State.Groups[g.Key].Members[m]; !in {
						t.Fatalf("%s is not in %s", m, g.Key)
					}
				}
			}
		}
	})
}
