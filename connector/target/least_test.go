package target_test

import (
	"slices"
	"testing"

	"simscim/connector/plan"
	"simscim/connector/target"
	"simscim/scim"
)

func TestLeast(t *testing.T) {
	t.Parallel()
	users := func(n int) []plan.Change {
		return slices.Repeat([]plan.Change{{Action: plan.CreateUser, Kind: scim.User}}, n)
	}
	group := func(action plan.Action, add, remove int, set ...plan.Field) []plan.Change {
		return []plan.Change{{Action: action, Kind: scim.Group, Add: make([]string, add), Remove: make([]string, remove), Set: set}}
	}
	name := plan.Field{Path: "displayName", After: "7A"}
	plain := target.Capabilities{MembersPerCreate: 20, MembersPerAdd: 20, MembersPerRemove: 1}
	mixed := target.Capabilities{MembersPerCreate: 20, MembersPerAdd: 400, MembersPerRemove: 20, Mixed: true}
	bulk := target.Capabilities{MembersPerCreate: 50, MembersPerAdd: 50, MembersPerRemove: 50, Mixed: true, Bulk: 50}
	alone := bulk
	alone.GroupsAlone = true
	for what, c := range map[string]struct {
		can     target.Capabilities
		changes []plan.Change
		want    int
	}{
		"users, one by one":            {plain, users(51), 51},
		"users in bulk":                {bulk, users(51), 2},
		"a group with its members":     {plain, group(plan.CreateGroup, 41, 0), 3},
		"a group anew":                 {plain, group(plan.ReplaceGroup, 41, 9), 4},
		"a group goes":                 {plain, group(plan.DeleteGroup, 0, 0), 1},
		"name, comings and goings":     {plain, group(plan.UpdateGroup, 21, 3, name), 6},
		"all of it at once":            {mixed, group(plan.UpdateMembers, 30, 3), 1},
		"more goings than one takes":   {mixed, group(plan.UpdateMembers, 30, 41), 3},
		"no limit":                     {target.Capabilities{Mixed: true}, group(plan.UpdateMembers, 300, 41), 1},
		"groups among users in bulk":   {bulk, append(users(48), append(group(plan.DeleteGroup, 0, 0), group(plan.UpdateMembers, 3, 0)...)...), 1},
		"more than goes with others":   {bulk, append(users(48), group(plan.UpdateMembers, 51, 0)...), 3},
		"only users in bulk":           {alone, append(users(48), append(group(plan.DeleteGroup, 0, 0), group(plan.UpdateMembers, 3, 0)...)...), 3},
		"nothing to do is not a call":  {plain, nil, 0},
		"a change that is found empty": {mixed, group(plan.UpdateMembers, 0, 0), 1},
	} {
		if got := c.can.Least(c.changes); got != c.want {
			t.Errorf("%s: %d, want %d", what, got, c.want)
		}
	}
}
