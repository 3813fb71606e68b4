package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"iter"

	"simscim/connector/plan"
	"simscim/connector/target"
	"simscim/scim"
)

// nod is a target that is empty at first and agrees to everything at once. It fills a
// ledger for measurements of what comes after.
type nod struct{}

var _ target.Target = nod{}

func (nod) Capabilities(context.Context) (target.Capabilities, error) {
	return target.Capabilities{Summary: "nods", Users: true, Groups: true, Suspend: true, Delete: true, DeleteGroups: true, RenameGroups: true}, nil
}

func (nod) Count(context.Context, scim.Kind) (n int, ok bool, err error) { return 0, true, nil }

func (nod) List(context.Context, scim.Kind, []scim.Path) iter.Seq2[target.Object, error] {
	return func(func(target.Object, error) bool) {}
}

func (nod) Find(context.Context, scim.Kind, scim.Path, string, []scim.Path) ([]target.Object, error) {
	return nil, nil
}

func (nod) Get(_ context.Context, kind scim.Kind, remoteID string, _ []scim.Path) (target.Object, bool, error) {
	return target.Object{Kind: kind, RemoteID: remoteID}, true, nil
}

func (nod) Apply(ctx context.Context, changes []plan.Change, _ target.Lookup, confirm func(target.Outcome) error) error {
	for i := range changes {
		c := &changes[i]
		sum := sha256.Sum256([]byte(c.Key))
		err := confirm(target.Outcome{
			Change: c, RemoteID: hex.EncodeToString(sum[:16]), Attributes: true, Added: c.Add, Removed: c.Remove, Final: true,
		})
		if err != nil {
			return err
		}
	}
	return ctx.Err()
}

func (nod) Requests() int64 { return 0 }
