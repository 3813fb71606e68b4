package generic

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strconv"

	"simscim/connector/plan"
	"simscim/scim"
	"simscim/scim/client"
	"simscim/scim/patch"
)

const (
	// fewestOperations is how small bulk requests become, at the least, because answers
	// to them are lost: it may be the network that loses them.
	fewestOperations = 20
	// maxBulkLost is how many bulk requests in a row may get no answer, or one that tells
	// nothing, before the target is taken to have no bulk.
	maxBulkLost = 3
)

// answer is what a server said of one operation of a bulk request.
type answer struct {
	id  string
	err error
}

// errUnanswered is what is known of an operation that the answer does not tell of.
var errUnanswered = errors.New("the answer to a bulk request says nothing of this change")

// answered hands out what a bulk request brought for the change, once.
func (j *job) answered() *answer {
	a := j.first
	j.first = nil
	return a
}

// sendCreate, sendPatch and sendDelete send the change's first request, or take the
// answer that a bulk request has brought to it.
func (j *job) sendCreate(ctx context.Context, body []byte) (client.Written, error) {
	if a := j.answered(); a != nil {
		return client.Written{ID: a.id}, a.err
	}
	return j.client.Create(ctx, j.change.Kind, body)
}

func (j *job) sendPatch(ctx context.Context, body []byte, version string) error {
	if a := j.answered(); a != nil {
		return a.err
	}
	return j.client.Patch(ctx, j.change.Kind, j.id, body, version)
}

func (j *job) sendDelete(ctx context.Context, version string) error {
	if a := j.answered(); a != nil {
		return a.err
	}
	return j.client.DeleteVersion(ctx, j.change.Kind, j.id, version)
}

// bundle sends the next bulk request and hands each of its operations on: what succeeded
// is confirmed at once, what needs further requests goes its own way afterwards.
func (r *run) bundle(ctx context.Context, enc *encoder) (more bool, err error) {
	limit := r.target.bulk()
	jobs := r.queue.take(max(limit.Operations, 1))
	if len(jobs) == 0 {
		return false, nil
	}
	var ops []client.BulkOperation
	if len(jobs) > 1 {
		jobs, ops = r.pack(ctx, enc, jobs, limit.Bytes)
	}
	if len(ops) < 2 {
		r.queue.leave(jobs...)
		return true, nil
	}
	results, err := r.client.Bulk(ctx, ops, 0)
	switch {
	case err == nil:
		if slices.ContainsFunc(results, func(res client.BulkResult) bool { return res.State == client.Answered }) {
			r.target.bulkLost.Store(0)
		} else {
			r.target.bulkUnanswered(len(jobs))
		}
		return true, r.handOn(ctx, jobs, results, errUnanswered)
	case isTooLarge(err):
		learnLess(&r.target.bulkOps, len(jobs)/2)
		r.queue.putBack(jobs)
		return true, nil
	case ctx.Err() != nil:
		return false, ctx.Err()
	case mayBeMade(err):
		r.target.bulkUnanswered(len(jobs))
		return true, r.handOn(ctx, jobs, make([]client.BulkResult, len(jobs)), err)
	case refusesBulk(err):
		r.target.noBulk()
		r.queue.leave(jobs...)
		return true, nil
	}
	for _, j := range jobs {
		if err := r.settle(ctx, j, err); err != nil {
			return false, err
		}
	}
	return true, nil
}

// pack makes the operations of one request. A change that is no single operation goes
// alone; what has no room any more waits for the next request.
func (r *run) pack(ctx context.Context, enc *encoder, jobs []*job, limit int) (packed []*job, ops []client.BulkOperation) {
	// Servers may count more than the body: five parts in a hundred are air.
	whole := limit - limit/20 - client.BulkOverhead
	room := whole
	for i, j := range jobs {
		j.enc = enc
		op, ok := j.operation(ctx)
		op.BulkID = strconv.Itoa(i)
		size := op.Size()
		switch {
		case !ok, limit > 0 && size > whole:
			r.queue.leave(j)
		case limit > 0 && size > room:
			r.queue.putBack(jobs[i:])
			return packed, ops
		default:
			room -= size
			packed, ops = append(packed, j), append(ops, op)
		}
	}
	return packed, ops
}

// operation is the change as one operation. ok is false where it takes several requests,
// or another method, or cannot be put together: on its own that is dealt with.
func (j *job) operation(ctx context.Context) (op client.BulkOperation, ok bool) {
	ch := j.change
	op = client.BulkOperation{Kind: ch.Kind, ID: j.id}
	var err error
	switch ch.Action {
	case plan.CreateUser, plan.CreateGroup:
		members, _ := j.members()
		if len(j.inline(members)) < len(members) {
			return op, false
		}
		op.Method, op.ID = http.MethodPost, ""
		op.Data, err = j.enc.resource(ch.Kind, j.desired(), ids(members))
	case plan.DeleteUser, plan.DeleteGroup:
		op.Method = http.MethodDelete
		op.Version, err = j.version(ctx)
	default:
		set, add, remove := j.differences()
		pieces := j.pieces(set, add, remove)
		if !isUpdate(ch.Action) || len(pieces) != 1 || !j.canPatch() || j.allowed(set) != nil {
			return op, false
		}
		op.Method = http.MethodPatch
		if op.Version, err = j.version(ctx); err == nil {
			op.Data, err = json.Marshal(patch.Body(j.operations(fieldsOf(set, ch.After), pieces[0])))
		}
	}
	return op, err == nil
}

// handOn gives each change its answer. A change that is not known to have been made, or
// that was refused, goes on by itself from there; lost is why nothing is known of it.
func (r *run) handOn(ctx context.Context, jobs []*job, results []client.BulkResult, lost error) error {
	for i, j := range jobs {
		create := j.change.Action == plan.CreateUser || j.change.Action == plan.CreateGroup
		res := results[i]
		switch {
		case res.State == client.Answered && res.Err == nil && (res.ID != "" || !create):
			j.first = &answer{id: res.ID}
			if err := r.settle(ctx, j, j.carryOut(ctx)); err != nil {
				return err
			}
			continue
		case res.State == client.Answered && !notDone(res.Err, create):
			j.first = &answer{}
			if res.Err != nil {
				j.first.err = res.Err
			}
		case res.State == client.Unknown && create:
			j.first = &answer{err: lost}
		}
		r.queue.leave(j)
	}
	return nil
}

// notDone tells whether an operation was not carried out because it came by bulk or at
// this moment, so that it is simply sent alone. A create after an answer that leaves
// open what happened is not among them.
func notDone(err *scim.Error, create bool) bool {
	if err == nil {
		return false
	}
	switch err.Status {
	case http.StatusMethodNotAllowed, http.StatusNotImplemented, http.StatusTooManyRequests:
		return true
	default:
		return !create && err.Status >= http.StatusInternalServerError
	}
}

// refusesBulk tells whether the server takes no bulk requests, whatever it says of
// itself, or cannot make sense of them.
func refusesBulk(err error) bool {
	e, ok := errors.AsType[*scim.Error](err)
	return ok && e.Status != http.StatusUnauthorized && e.Status != http.StatusTooManyRequests
}
