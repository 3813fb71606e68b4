package idp

import (
	"slices"
	"strings"

	"simscim/scim"
	"simscim/scim/filter"
	"simscim/scim/patch"
)

// change is one attribute that a PATCH changes. An operation without a path is as many
// changes as its value has members.
type change struct {
	op     string
	target filter.Path
	value  any
}

// changes takes the operations apart. What cannot be read is left to the service
// provider to refuse.
func (c *call) changes() []change {
	var out []change
	for _, op := range c.ops {
		paths := map[string]any{op.Path: op.Value}
		if op.Path == "" {
			paths, _ = op.Value.(map[string]any)
		}
		for path, v := range paths {
			if target, err := filter.ParsePath(path); err == nil {
				out = append(out, change{op: op.Op, target: target, value: v})
			}
		}
	}
	return out
}

func (ch change) members() bool { return ch.target.Attr.Is("members") }

// ids are the members that the change names, by value or in the filter of its path.
func (ch change) ids() []string {
	if ch.target.Filter != nil {
		if id, ok := filter.Equality(ch.target.Filter, "value"); ok {
			return []string{id}
		}
		return nil
	}
	return memberIDs(ch.value)
}

func memberIDs(v any) []string {
	list, ok := v.([]any)
	if !ok {
		list = []any{v}
	}
	var out []string
	for _, item := range list {
		m, ok := item.(map[string]any)
		if !ok {
			continue
		}
		id, _ := scim.Member(m, "value")
		if s, ok := id.(string); ok {
			out = append(out, s)
		}
	}
	return out
}

// additions is how many members the call adds.
func (c *call) additions() int {
	if c.resource != nil {
		members, _ := scim.Member(c.resource, "members")
		return len(memberIDs(members))
	}
	n := 0
	for _, ch := range c.changes() {
		if ch.members() && ch.op != patch.Remove {
			n += len(ch.ids())
		}
	}
	return n
}

// named are the ids of the members that the call adds or removes.
func (c *call) named() []string {
	var out []string
	if c.resource != nil {
		members, _ := scim.Member(c.resource, "members")
		out = memberIDs(members)
	}
	for _, ch := range c.changes() {
		if ch.members() {
			out = append(out, ch.ids()...)
		}
	}
	return out
}

// tally is what a PATCH does to a group.
type tally struct {
	added, removed, additions, others int
	// whole says that the members are replaced or removed all at once.
	whole bool
}

func (c *call) tally() tally {
	var t tally
	for _, ch := range c.changes() {
		n := len(ch.ids())
		switch {
		case !ch.members():
			t.others++
		case ch.op == patch.Add:
			t.added += n
			t.additions++
		case ch.op == patch.Remove && n > 0:
			t.removed += n
		default:
			t.whole = true
			t.added += n
		}
	}
	return t
}

func (p *IDP) checkGroupPatch(c *call) error {
	for _, ch := range c.changes() {
		name := ch.target.Attr.Name
		if p.as.groupPaths != nil && !slices.ContainsFunc(p.as.groupPaths[ch.op], func(a string) bool { return strings.EqualFold(a, name) }) {
			return invalid("the attribute cannot be changed in a group")
		}
		if p.as.members.byFilter && ch.members() && ch.op == patch.Remove && ch.target.Filter == nil {
			return invalid("members are removed by a filter in the path")
		}
		if p.as.noRename && ch.target.Attr.Is("displayName") {
			return invalid("a group cannot be renamed")
		}
	}
	m, t := p.as.members, c.tally()
	kinds := 0
	for _, n := range []int{t.added, t.removed, t.others} {
		if n > 0 {
			kinds++
		}
	}
	switch {
	case m.noReplace && t.whole:
		return invalid("members cannot be replaced or removed all at once")
	case m.unmixed && kinds > 1:
		return invalid("additions, removals and other changes need requests of their own")
	case m.oneOperation && t.additions > 1:
		return invalid("members are added in a single operation")
	case m.operations > 0 && len(c.ops) > m.operations:
		return invalid("too many operations in one request")
	case m.perAdd > 0 && t.added > m.perAdd, m.perRemove > 0 && t.removed > m.perRemove,
		m.perRequest > 0 && t.added+t.removed > m.perRequest:
		return p.tooMany()
	}
	return nil
}
