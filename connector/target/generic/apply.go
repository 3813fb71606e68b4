package generic

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"unicode/utf8"

	"golang.org/x/sync/errgroup"

	"simscim/connector/plan"
	"simscim/connector/target"
	"simscim/internal/httpx"
	"simscim/scim"
	"simscim/scim/client"
	"simscim/scim/profile"
)

// maxUnanswered is how many objects in a row may get no answer at all, each after its
// retries, before the target is taken to be down.
const maxUnanswered = 10

// run is one call of Apply.
type run struct {
	target  *Target
	client  *client.Client
	profile *profile.Profile
	lookup  target.Lookup
	record  func(target.Outcome) error

	next       atomic.Int64
	stopped    atomic.Bool
	unanswered atomic.Int64
}

// stop is an error that ends Apply.
type stop struct{ error }

func (s stop) Unwrap() error { return s.error }

// Apply carries out changes that do not depend on one another, several at once.
func (t *Target) Apply(ctx context.Context, changes []plan.Change, lookup target.Lookup, confirm func(target.Outcome) error) error {
	if len(changes) == 0 {
		return nil
	}
	p, err := t.discover(ctx)
	if err != nil {
		return err
	}
	r := &run{target: t, client: t.client, profile: p, lookup: lookup, record: confirm}
	var g errgroup.Group
	for range min(t.inFlight, len(changes)) {
		g.Go(func() error {
			err := r.work(ctx, changes)
			if err != nil {
				r.stopped.Store(true)
			}
			return err
		})
	}
	return g.Wait()
}

// work takes one change after another. When another worker has had to stop, the change
// at hand is still brought to its end: cutting it off would leave it unsettled.
func (r *run) work(ctx context.Context, changes []plan.Change) error {
	enc := newEncoder()
	for !r.stopped.Load() {
		if err := ctx.Err(); err != nil {
			return fmt.Errorf("apply changes: %w", err)
		}
		i := int(r.next.Add(1)) - 1
		if i >= len(changes) {
			return nil
		}
		j := &job{run: r, enc: enc, change: &changes[i], id: changes[i].RemoteID}
		if err := r.settle(ctx, j, j.carryOut(ctx)); err != nil {
			return fmt.Errorf("apply changes: %w", err)
		}
	}
	return nil
}

// settle gives a change that failed its final outcome, or returns the error that ends
// the whole.
func (r *run) settle(ctx context.Context, j *job, err error) error {
	if err == nil {
		r.unanswered.Store(0)
		return nil
	}
	if s, ok := errors.AsType[stop](err); ok {
		return s.error
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if s, ok := errors.AsType[signInError](err); ok {
		return fmt.Errorf("sign in: %w", s.error)
	}
	if e, ok := errors.AsType[*scim.Error](err); ok && e.Status == http.StatusUnauthorized {
		return fmt.Errorf("the target refuses the credentials: %w", j.clean(err))
	}
	if stopped := j.confirm(target.Outcome{
		Final: true, Err: j.clean(err), Advice: j.advice(err), Gone: j.gone,
		Unsettled: j.unsure || httpx.IsAmbiguous(err),
	}); stopped != nil {
		s, _ := errors.AsType[stop](stopped)
		return s.error
	}
	if _, silent := errors.AsType[*httpx.Failure](err); !silent {
		r.unanswered.Store(0)
	} else if r.unanswered.Add(1) >= maxUnanswered {
		return fmt.Errorf("the target does not answer: %w", err)
	}
	return nil
}

// job is one change under way.
type job struct {
	*run
	enc    *encoder
	change *plan.Change
	id     string
	// unsure is set once some create may have been carried out without our knowing.
	unsure bool
	// gone is set once the target has said that it does not have the object.
	gone bool
	// told is set once the attributes have been confirmed: that is said only once.
	told bool
}

// carryOut does the change and confirms its pieces. It returns nil after a final
// outcome, and otherwise the error that the final outcome shall tell of.
func (j *job) carryOut(ctx context.Context) error {
	ch := j.change
	switch ch.Action {
	case plan.CreateUser, plan.CreateGroup:
		return j.create(ctx)
	case plan.DeleteUser, plan.DeleteGroup:
		return j.delete(ctx)
	case plan.SuspendUser:
		return j.update(ctx, []plan.Field{{Path: "active", After: false}}, nil, nil)
	case plan.AdoptUser, plan.ReactivateUser, plan.RenameUser, plan.UpdateUser,
		plan.AdoptGroup, plan.UpdateGroup, plan.UpdateMembers:
		if err := j.allowed(); err != nil {
			return err
		}
		return j.update(ctx, ch.Set, j.resolve(ch.Add), j.resolve(ch.Remove))
	default:
		return fmt.Errorf("there is no action %q", ch.Action)
	}
}

var errNoRename = errors.New("the target does not allow groups to be renamed")

func (j *job) allowed() error {
	if j.change.Kind != scim.Group || j.profile.GroupRename || j.change.Action == plan.AdoptGroup {
		return nil
	}
	for _, f := range j.change.Set {
		if f.Path == "displayName" {
			return errNoRename
		}
	}
	return nil
}

func (j *job) delete(ctx context.Context) error {
	err := j.client.Delete(ctx, j.change.Kind, j.id)
	if err != nil && !scim.IsNotFound(err) {
		return err
	}
	return j.confirm(target.Outcome{Gone: true, Final: true})
}

var errStrangeID = errors.New("the target gave the object an id that cannot be used: empty, far too long, or not text")

// usable tells whether an id can be kept and put into a URL.
func usable(id string) bool {
	const longest = 1024
	return id != "" && len(id) <= longest && utf8.ValidString(id) && !strings.ContainsRune(id, 0)
}

// confirm hands an outcome to the caller. Its error ends Apply, but for an id that
// nobody can keep, which is the object's own trouble.
func (j *job) confirm(o target.Outcome) error {
	if o.Attributes && !usable(j.id) {
		return errStrangeID
	}
	o.Change, o.RemoteID = j.change, j.id
	o.Attributes = o.Attributes && !j.told
	j.told = j.told || o.Attributes
	if err := j.record(o); err != nil {
		return stop{fmt.Errorf("record an outcome: %w", err)}
	}
	return nil
}

// member is a member of a group by both of its names.
type member struct{ key, id string }

// resolve finds the target's ids of the members; who is not there (yet) is left out.
func (j *job) resolve(keys []string) []member {
	found := make([]member, 0, len(keys))
	for _, key := range keys {
		if id, ok := j.lookup(key); ok && id != "" {
			found = append(found, member{key, id})
		}
	}
	return found
}

func keys(members []member) []string {
	if len(members) == 0 {
		return nil
	}
	out := make([]string, len(members))
	for i, m := range members {
		out[i] = m.key
	}
	return out
}

func ids(members []member) []string {
	out := make([]string, len(members))
	for i, m := range members {
		out[i] = m.id
	}
	return out
}
