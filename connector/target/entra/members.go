package entra

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"simscim/connector/target"
	"simscim/internal/httpx"
	"simscim/scim"
)

const (
	// perBatch is how many requests a batch may hold.
	perBatch = 20
	// partTries is how often a part is sent that Graph has no time for.
	partTries = 6
)

// member is a member of a group by both of its names.
type member struct{ key, id string }

// resolve finds the target's ids of the members; who is not there (yet) is left out.
func (r *run) resolve(keys []string) []member {
	found := make([]member, 0, len(keys))
	for _, key := range keys {
		if id, ok := r.lookup(key); ok && id != "" {
			found = append(found, member{key, id})
		}
	}
	return found
}

func keys(members []member) []string {
	out := make([]string, len(members))
	for i, m := range members {
		out[i] = m.key
	}
	return out
}

// part is one request of a batch: some members who come, or one who goes.
type part struct {
	members []member
	remove  bool
	// alone says that the one member comes by itself, after it was refused with others.
	alone bool
	tries int
}

// move brings members in and out, many to a batch, and confirms each batch before the
// next is sent. made says that the group has just been made and not been confirmed.
func (j *job) move(ctx context.Context, add, remove []member, made bool) error {
	var queue []part
	for chunk := range slices.Chunk(add, perBind) {
		queue = append(queue, part{members: chunk})
	}
	for _, m := range remove {
		queue = append(queue, part{members: []member{m}, remove: true})
	}
	if len(queue) == 0 || made {
		if err := j.confirmed(target.Outcome{Final: len(queue) == 0}); err != nil || len(queue) == 0 {
			return err
		}
	}
	var failed error
	for len(queue) > 0 {
		sent := queue[:min(len(queue), perBatch)]
		done, later, wait, err := j.batch(ctx, sent)
		if err != nil {
			return err
		}
		queue = append(later, queue[len(sent):]...)
		if done.err != nil {
			failed = done.err
		}
		last := len(queue) == 0 && failed == nil
		if last || len(done.added)+len(done.removed) > 0 {
			if err := j.confirmed(target.Outcome{Added: done.added, Removed: done.removed, Final: last}); err != nil {
				return err
			}
		}
		if err := sleep(ctx, wait); err != nil {
			return err
		}
	}
	return failed
}

// done is what a batch has brought.
type done struct {
	added, removed []string
	// err is the last refusal that is final for its member.
	err error
}

// batch sends parts in one request. later are those to send again, after wait.
func (j *job) batch(ctx context.Context, parts []part) (d done, later []part, wait time.Duration, err error) {
	var steps []step
	var sent []part
	for _, p := range parts {
		s, err := j.step(p)
		if err != nil {
			d.err = err
			continue
		}
		s.ID = strconv.Itoa(len(steps))
		steps, sent = append(steps, s), append(sent, p)
	}
	if len(steps) == 0 {
		return d, nil, 0, nil
	}
	answers, err := j.run.batch(ctx, steps)
	if err != nil {
		return d, nil, 0, err
	}
	for i, p := range sent {
		err := answers[i]
		switch {
		case err == nil, p.remove && scim.IsNotFound(err) && !j.missing(err), p.alone && alreadyThere(err):
			d.count(p)
		case target.CredentialsRefused(err) || j.missing(err):
			j.gone = scim.IsNotFound(err)
			return d, nil, 0, err
		case retryable(err) && p.tries+1 < partTries && err.RetryAfter <= maxWait:
			wait = max(wait, err.RetryAfter, j.minWait<<p.tries)
			p.tries++
			later = append(later, p)
		case !p.remove && !p.alone:
			// All or nothing: which of them it was shows one by one.
			for _, m := range p.members {
				later = append(later, part{members: []member{m}, alone: true})
			}
		default:
			d.err = err
		}
	}
	return d, later, wait, nil
}

func (d *done) count(p part) {
	if p.remove {
		d.removed = append(d.removed, keys(p.members)...)
	} else {
		d.added = append(d.added, keys(p.members)...)
	}
}

// missing tells whether the answer says that the group itself is not there.
func (j *job) missing(err *scim.Error) bool {
	return scim.IsNotFound(err) && strings.Contains(strings.ToLower(err.Detail), strings.ToLower(j.id))
}

// alreadyThere is how Graph refuses a member who is one already.
func alreadyThere(err *scim.Error) bool {
	return err.Status == http.StatusBadRequest && strings.Contains(err.Detail, "object references already exist")
}

// retryable tells whether the part may go through later: Graph is busy, or somebody else
// was changing the group.
func retryable(err *scim.Error) bool {
	return scim.IsRetryable(err) || err.Status == http.StatusConflict || err.Status == http.StatusFailedDependency
}

// step is one request of a batch, as it is sent.
type step struct {
	ID      string            `json:"id"`
	Method  string            `json:"method"`
	URL     string            `json:"url"`
	Headers map[string]string `json:"headers,omitempty"`
	Body    any               `json:"body,omitempty"`
}

// step makes the request of a part.
func (j *job) step(p part) (step, error) {
	path, err := groupPath(j.id)
	if err != nil {
		return step{}, err
	}
	s := step{Headers: map[string]string{"Content-Type": jsonType}}
	switch {
	case p.remove:
		s.URL, err = refPath(j.id, p.members[0].id)
		s.Method, s.Headers = http.MethodDelete, nil
	case p.alone:
		s.Method, s.URL = http.MethodPost, path+"/members/$ref"
		s.Body = map[string]any{"@odata.id": j.link(p.members[0].id)}
	default:
		s.Method, s.URL = http.MethodPatch, path
		s.Body = map[string]any{"members@odata.bind": j.links(p.members)}
	}
	return s, err
}

// batch sends steps in one request and returns what became of each, nil for a success.
func (t *Target) batch(ctx context.Context, steps []step) ([]*scim.Error, error) {
	if err := t.writes.WaitN(ctx, len(steps)); err != nil {
		return nil, err
	}
	var answer struct {
		Responses []struct {
			ID      string
			Status  int
			Headers map[string]string
			Body    json.RawMessage
		}
	}
	_, err := t.do(ctx, call{method: http.MethodPost, path: batchPath, route: batchPath, body: map[string]any{"requests": steps}}, &answer)
	if err != nil {
		return nil, err
	}
	out := make([]*scim.Error, len(steps))
	for i := range out { // a part without an answer may have been carried out: once more
		out[i] = &scim.Error{Status: http.StatusGatewayTimeout, Detail: "the batch's answer left this part out"}
	}
	for _, r := range answer.Responses {
		i, err := strconv.Atoi(r.ID)
		if err != nil || i < 0 || i >= len(steps) {
			return nil, &scim.Error{Status: http.StatusBadGateway, Detail: "the batch's answer has a part that nobody asked for"}
		}
		out[i] = nil
		if r.Status < 200 || r.Status > 299 {
			header := http.Header{}
			for name, value := range r.Headers {
				header.Set(name, value)
			}
			wait, _ := httpx.RetryAfter(header, t.now())
			out[i] = failure(r.Status, r.Body, wait)
		}
	}
	return out, nil
}
