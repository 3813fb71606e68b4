package targettest

import (
	"context"
	"fmt"
	"slices"

	"simscim/connector/plan"
	"simscim/connector/target"
	"simscim/scim"
)

// filled is a target whose new users get what it does not do without.
type filled struct {
	target.Target
	required []scim.Path
}

func fill(t target.Target, caps target.Capabilities) target.Target {
	f := filled{t, caps.RequiredUser}
	if caps.NeedsPassword {
		f.required = append(slices.Clip(f.required), "password")
	}
	return f
}

func (f filled) Apply(ctx context.Context, changes []plan.Change, lookup target.Lookup, confirm func(target.Outcome) error) error {
	sent := slices.Clone(changes)
	original := make(map[*plan.Change]*plan.Change, len(sent))
	for i := range sent {
		original[&sent[i]] = &changes[i]
		if sent[i].Action == plan.CreateUser {
			sent[i].After = f.attributes(&sent[i])
		}
	}
	return f.Target.Apply(ctx, sent, lookup, func(o target.Outcome) error {
		o.Change = original[o.Change]
		return confirm(o)
	})
}

func (f filled) attributes(ch *plan.Change) scim.Attributes {
	after := slices.Clone(ch.After)
	for _, path := range f.required {
		name := path.Parts().Attr
		if !slices.ContainsFunc(after, func(a scim.Attribute) bool { return a.Path.Parts().Attr == name }) {
			after = append(after, scim.Attribute{Path: path, Value: fmt.Sprintf("v%x", ch.Key)})
		}
	}
	return after.Sort()
}
