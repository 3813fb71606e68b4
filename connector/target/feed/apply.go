package feed

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	"simscim/connector/plan"
	"simscim/connector/target"
	"simscim/scim"
	"simscim/scim/patch"
	"simscim/scim/server"
)

// batch is how many changes share a transaction, and with it one wait for the disc.
const batch = 100

// Apply carries the changes out in batches. What a batch has brought is on the disc before
// any of it is confirmed.
func (f *Feed) Apply(ctx context.Context, changes []plan.Change, lookup target.Lookup, confirm func(target.Outcome) error) error {
	for part := range slices.Chunk(changes, batch) {
		if err := ctx.Err(); err != nil {
			return fmt.Errorf("apply changes: %w", err)
		}
		b := &bundle{lookup: lookup, now: f.options.Now(), newID: f.options.NewID}
		// A batch that has begun is brought to its end, so that all of it is settled.
		err := f.write(context.WithoutCancel(ctx), func(s *session) error {
			b.session = s
			return b.carryOut(context.WithoutCancel(ctx), part)
		})
		if err != nil {
			return fmt.Errorf("apply changes: %w", err)
		}
		for _, o := range b.outcomes {
			if err := confirm(o); err != nil {
				return fmt.Errorf("record an outcome: %w", err)
			}
		}
	}
	return nil
}

// bundle is one batch under way.
type bundle struct {
	*session
	lookup   target.Lookup
	now      time.Time
	newID    func() string
	outcomes []target.Outcome
}

// refusal is why one change is not made. The others are.
type refusal struct {
	error
	advice string
	gone   bool
}

func (r refusal) Unwrap() error { return r.error }

func (b *bundle) carryOut(ctx context.Context, changes []plan.Change) error {
	for i := range changes {
		ch := &changes[i]
		err := b.one(ctx, ch)
		refused, ok := errors.AsType[refusal](err)
		switch {
		case err == nil:
		case ok:
			b.tell(target.Outcome{Change: ch, RemoteID: ch.RemoteID, Final: true, Err: refused.error, Advice: refused.advice, Gone: refused.gone})
		default:
			return err
		}
	}
	return nil
}

func (b *bundle) tell(o target.Outcome) { b.outcomes = append(b.outcomes, o) }

func (b *bundle) one(ctx context.Context, ch *plan.Change) error {
	switch ch.Action {
	case plan.CreateUser, plan.CreateGroup:
		return b.create(ctx, ch)
	case plan.DeleteUser, plan.DeleteGroup:
		return b.delete(ctx, ch, true)
	case plan.ReplaceGroup:
		if err := b.delete(ctx, ch, false); err != nil {
			return err
		}
		return b.create(ctx, ch)
	case plan.SuspendUser:
		return b.update(ctx, ch, []plan.Field{{Path: "active", After: false}})
	case plan.AdoptUser, plan.ReactivateUser, plan.RenameUser, plan.UpdateUser,
		plan.AdoptGroup, plan.UpdateGroup, plan.UpdateMembers:
		return b.update(ctx, ch, ch.Set)
	default:
		return refusal{error: fmt.Errorf("there is no action %q", ch.Action), advice: "Update simscim."}
	}
}

// create makes the object, or takes up the one that an earlier run has made without
// hearing of it.
func (b *bundle) create(ctx context.Context, ch *plan.Change) error {
	attributes := ch.After
	if _, ok := attributes.Get(externalID); !ok {
		attributes = append(slices.Clone(attributes), scim.Attribute{Path: externalID, Value: ch.Key}).Sort()
	}
	found, err := b.holders(ctx, ch.Kind, attributes.String(externalID))
	switch {
	case err != nil:
		return err
	case len(found) > 1:
		return refusal{
			error:  errors.New("several objects in the feed carry the same externalId"),
			advice: "More than one object in the feed carries this externalId, because somebody wrote into it. Delete those that are not in use; none is touched until then.",
		}
	case len(found) == 1:
		return b.change(ctx, ch, &found[0], fieldsOf(attributes, ch.CreateOnly))
	}
	r := server.Resource{ID: b.newID(), Attributes: attributes.Resource(ch.Kind), Created: b.now, Modified: b.now}
	if err := b.insert(ctx, ch.Kind, &r); err != nil {
		return nameTaken(err)
	}
	added, refused, _, err := b.enrolAll(ctx, r.Seq, ch.Add)
	if err != nil {
		return err
	}
	b.done(ch, r.ID, added, nil, refused)
	return nil
}

// nameTaken says what to do about a conflict.
func nameTaken(err error) error {
	if !scim.IsConflict(err) {
		return err
	}
	return refusal{error: err, advice: "Another account in the feed already holds this user name. Give one of the two another name."}
}

// fieldsOf sets all attributes but those that the feed does not show, and those that are
// written only when the object is made.
func fieldsOf(attributes scim.Attributes, createOnly []scim.Path) (set []plan.Field) {
	for _, a := range attributes {
		if a.Path != "password" && !slices.Contains(createOnly, a.Path) {
			set = append(set, plan.Field{Path: a.Path, After: a.Value})
		}
	}
	return set
}

func (b *bundle) update(ctx context.Context, ch *plan.Change, set []plan.Field) error {
	r, ok, err := b.plain(ctx, ch.Kind, ch.RemoteID)
	if err != nil {
		return err
	}
	if !ok {
		return refusal{
			error: notFound(), gone: true,
			advice: "The feed does not have the object any more. The next comparison decides whether it is made anew.",
		}
	}
	return b.change(ctx, ch, &r, set)
}

// change sets fields of what is there, and moves members.
func (b *bundle) change(ctx context.Context, ch *plan.Change, r *server.Resource, set []plan.Field) error {
	attributes, err := applied(r.Attributes, set, ch.After)
	if err != nil {
		return refusal{error: err, advice: "A value does not fit its attribute. Look at the rule for it."}
	}
	changed, err := b.rewrite(ctx, ch.Kind, r, attributes)
	if err != nil {
		return nameTaken(err)
	}
	added, refused, in, err := b.enrolAll(ctx, r.Seq, ch.Add)
	if err != nil {
		return err
	}
	removed, out, err := b.expelAll(ctx, r.Seq, ch.Remove)
	if err != nil {
		return err
	}
	if changed || in || out {
		if err := b.touch(ctx, r, b.now); err != nil {
			return err
		}
	}
	b.done(ch, r.ID, added, removed, refused)
	return nil
}

// applied is what the attributes are after the fields are set. What the fields take away
// may be gone already.
func applied(before map[string]any, set []plan.Field, after scim.Attributes) (map[string]any, error) {
	fields := make([]patch.Field, len(set))
	for i, f := range set {
		fields[i] = patch.Field{Path: f.Path, Value: f.After}
	}
	fields = slices.DeleteFunc(patch.MarkAbsent(fields, before), func(f patch.Field) bool { return f.Absent && f.Value == nil })
	return patch.Apply(before, patch.Build(patch.MarkStaying(fields, after), patch.Style{}))
}

func (b *bundle) delete(ctx context.Context, ch *plan.Change, final bool) error {
	r, ok, err := b.plain(ctx, ch.Kind, ch.RemoteID)
	if err == nil && ok {
		err = b.remove(ctx, r.Seq, b.now)
	}
	if err == nil {
		b.tell(target.Outcome{Change: ch, RemoteID: ch.RemoteID, Gone: true, Final: final})
	}
	return err
}

// enrolAll puts those who are in the feed into the group. Who is not known to the caller
// stays unconfirmed; who is known and not in the feed is refused.
func (b *bundle) enrolAll(ctx context.Context, group int64, keys []string) (added []string, refused, changed bool, err error) {
	for _, key := range keys {
		id, ok := b.lookup(key)
		if !ok {
			continue
		}
		seq, ok, err := b.seqOf(ctx, id)
		if err != nil {
			return nil, false, false, err
		}
		if !ok || seq == group {
			refused = true
			continue
		}
		is, err := b.enrol(ctx, group, seq)
		if err != nil {
			return nil, false, false, err
		}
		changed = changed || is
		added = append(added, key)
	}
	return added, refused, changed, nil
}

// expelAll takes members out. Who is not in the group is out of it already.
func (b *bundle) expelAll(ctx context.Context, group int64, keys []string) (removed []string, changed bool, err error) {
	for _, key := range keys {
		id, ok := b.lookup(key)
		if !ok {
			continue
		}
		seq, ok, err := b.seqOf(ctx, id)
		if err == nil && ok {
			ok, err = b.expel(ctx, group, seq)
			changed = changed || ok
		}
		if err != nil {
			return nil, false, err
		}
		removed = append(removed, key)
	}
	return removed, changed, nil
}

// done tells that the attributes are as they should be, and who came and went. A member
// that was refused ends the change with that.
func (b *bundle) done(ch *plan.Change, id string, added, removed []string, refused bool) {
	b.tell(target.Outcome{Change: ch, RemoteID: id, Attributes: true, Added: added, Removed: removed, Final: !refused})
	if refused {
		b.tell(target.Outcome{
			Change: ch, RemoteID: id, Final: true, Err: &scim.Error{Status: http.StatusBadRequest, ScimType: scim.TypeInvalidValue},
			Advice: "A member is not in the feed any more. The next comparison decides whether it is made anew.",
		})
	}
}
