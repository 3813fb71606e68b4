package target

import (
	"simscim/connector/plan"
	"simscim/scim"
)

// Least is the smallest number of requests in which changes can be carried out at a
// target that can do this, if every one succeeds at once. It stands beside the number
// that was sent.
func (c *Capabilities) Least(changes []plan.Change) int {
	alone, bundled := 0, 0
	for i := range changes {
		n := c.least(&changes[i])
		if c.Bulk > 1 && n == 1 && (changes[i].Kind == scim.User || !c.GroupsAlone) {
			bundled++
		} else {
			alone += n
		}
	}
	return alone + plan.Pieces(bundled, c.Bulk)
}

func (c *Capabilities) least(ch *plan.Change) int {
	add, remove := plan.Pieces(len(ch.Add), c.MembersPerAdd), plan.Pieces(len(ch.Remove), c.MembersPerRemove)
	switch {
	case ch.Kind == scim.User:
		return 1
	case ch.Action == plan.CreateGroup:
		return 1 + plan.Pieces(len(ch.Add)-c.MembersPerCreate, c.MembersPerAdd)
	case ch.Action == plan.ReplaceGroup:
		return 2 + plan.Pieces(len(ch.Add)-c.MembersPerCreate, c.MembersPerAdd)
	case ch.Action == plan.DeleteGroup:
		return 1
	case c.Mixed:
		return max(add, remove, 1)
	default:
		return add + remove + min(len(ch.Set), 1)
	}
}
