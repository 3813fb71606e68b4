package generic

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
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

	queue      queue
	stopped    atomic.Bool
	unanswered atomic.Int64
}

// stop is an error that ends Apply.
type stop struct{ error }

func (s stop) Unwrap() error { return s.error }

// Apply carries out changes that do not depend on one another, several at once: first
// what fits into bulk requests, where the server takes them, and then the rest one by
// one.
func (t *Target) Apply(ctx context.Context, changes []plan.Change, lookup target.Lookup, confirm func(target.Outcome) error) error {
	if len(changes) == 0 {
		return nil
	}
	p, err := t.discover(ctx)
	if err != nil {
		return err
	}
	r := &run{target: t, client: t.client, profile: p, lookup: lookup, record: confirm}
	for i := range changes {
		j := &job{run: r, change: &changes[i], id: changes[i].RemoteID}
		if p.Bulk.Operations > 1 {
			r.queue.bundled = append(r.queue.bundled, j)
		} else {
			r.queue.alone = append(r.queue.alone, j)
		}
	}
	if err := r.crew(ctx, len(r.queue.bundled), r.bundle); err != nil {
		return err
	}
	return r.crew(ctx, len(r.queue.alone), r.single)
}

// crew lets several workers take steps until one says that nothing is left. When a
// worker has had to stop, the steps at hand are still brought to their end: cutting
// them off would leave changes unsettled.
func (r *run) crew(ctx context.Context, size int, step func(context.Context, *encoder) (more bool, err error)) error {
	var g errgroup.Group
	for range min(r.target.inFlight, size) {
		g.Go(func() error {
			enc := newEncoder()
			for more := true; more && !r.stopped.Load(); {
				err := ctx.Err()
				if err == nil {
					more, err = step(ctx, enc)
				}
				if err != nil {
					r.stopped.Store(true)
					return fmt.Errorf("apply changes: %w", err)
				}
			}
			return nil
		})
	}
	return g.Wait()
}

// single carries out the next change that goes alone.
func (r *run) single(ctx context.Context, enc *encoder) (more bool, err error) {
	j := r.queue.next()
	if j == nil {
		return false, nil
	}
	j.enc = enc
	return true, r.settle(ctx, j, j.carryOut(ctx))
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
	// first is what a bulk request brought for this change: it stands for the answer to
	// the change's first request, so that all that follows is the same.
	first *answer
	// unsure is set once some create may have been carried out without our knowing.
	unsure bool
	// gone is set once the target has said that it does not have the object.
	gone bool
	// told is set once the attributes have been confirmed: that is said only once.
	told bool
	// add and remove are the members who come and go, once resolved is set.
	add, remove []member
	resolved    bool
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
	case plan.ReplaceGroup:
		return j.renew(ctx)
	}
	if !isUpdate(ch.Action) {
		return fmt.Errorf("there is no action %q", ch.Action)
	}
	set, add, remove := j.differences()
	return j.update(ctx, set, add, remove)
}

// isUpdate tells whether the action changes an object that is there.
func isUpdate(a plan.Action) bool {
	switch a {
	case plan.AdoptUser, plan.ReactivateUser, plan.RenameUser, plan.UpdateUser, plan.SuspendUser,
		plan.AdoptGroup, plan.UpdateGroup, plan.UpdateMembers:
		return true
	default:
		return false
	}
}

// differences are what an update changes.
func (j *job) differences() (set []plan.Field, add, remove []member) {
	if j.change.Action == plan.SuspendUser {
		return []plan.Field{{Path: "active", After: false}}, nil, nil
	}
	add, remove = j.members()
	return j.change.Set, add, remove
}

var (
	errNoRename = errors.New("the target does not allow groups to be renamed")
	errFixed    = errors.New("the target does not allow this attribute of a group to be changed")
)

// allowed refuses what is known to be refused, before any of the change is sent.
func (j *job) allowed(set []plan.Field) error {
	if j.change.Kind != scim.Group {
		return nil
	}
	for _, f := range set {
		switch {
		case f.Path == "displayName" && !j.profile.GroupRename && j.change.Action != plan.AdoptGroup:
			return errNoRename
		case j.profile.GroupPaths != nil && !slices.Contains(j.profile.GroupPaths, f.Path):
			return errFixed
		}
	}
	return nil
}

func (j *job) delete(ctx context.Context) error {
	if err := j.drop(ctx); err != nil {
		return err
	}
	return j.confirm(target.Outcome{Gone: true, Final: true})
}

// drop deletes the object, of whatever version. That it is not there is what was wanted.
func (j *job) drop(ctx context.Context) error {
	version, err := j.version(ctx)
	for again := 0; err == nil; again++ {
		err = j.sendDelete(ctx, version)
		if err == nil || again >= maxReread || !isPrecondition(err) {
			break
		}
		j.target.wantsVersion.Store(true)
		version, err = j.version(ctx)
	}
	if scim.IsNotFound(err) {
		return nil
	}
	return err
}

// renew deletes a group and makes it anew. After the first half the group is nobody's:
// whoever is interrupted there looks for it before it is made.
func (j *job) renew(ctx context.Context) error {
	if err := j.drop(ctx); err != nil {
		return err
	}
	if err := j.confirm(target.Outcome{Gone: true}); err != nil {
		return err
	}
	j.id = ""
	return j.create(ctx)
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
