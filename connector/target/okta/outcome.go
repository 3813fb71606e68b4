package okta

import (
	"context"
	"fmt"
	"slices"

	"simscim/connector/plan"
	"simscim/connector/target"
	"simscim/scim"
)

// imported gives the outcomes of a session that was imported, once it has been read back.
func (r *run) imported(ctx context.Context, sent []*load) error {
	pieces := piecesOf(sent)
	faults, err := r.check(ctx, pieces)
	if err != nil {
		return err
	}
	for _, p := range pieces {
		if faults[p] != nil && p.job.change.Kind == scim.User {
			r.away[p.job.change.Key] = true
		}
	}
	for _, p := range pieces {
		if p.job.done {
			continue
		}
		o := target.Outcome{
			Attributes: !p.job.told, Gone: p.deletes, Final: p.job.left == 0,
			Added: r.arrived(p.add, p.missing), Removed: p.remove,
		}
		if o.Gone {
			o.Attributes = false
		}
		if err := faults[p]; err != nil {
			o.Final, o.Err, o.Advice = true, err, advice(p.job, err)
			o.Gone, o.Removed = false, nil
			o.Attributes = o.Attributes && len(p.missing) > 0 // the group itself is there
		}
		if err := r.say(p.job, o); err != nil {
			return err
		}
	}
	return nil
}

// arrived are the members without those who are not there after all.
func (r *run) arrived(keys, missing []string) []string {
	return slices.DeleteFunc(keys, func(key string) bool { return r.away[key] || slices.Contains(missing, key) })
}

// accepted gives the outcomes of a session whose import is not over in time. What can be
// told later by reading it back is accepted; the rest is sent again by the next run.
func (r *run) accepted(sent []*load) error {
	for _, p := range piecesOf(sent) {
		o := target.Outcome{Final: true, Accepted: tellable(p.job)}
		if !o.Accepted {
			o.Err = fmt.Errorf("the import is not over in time: %w", target.ErrPutOff)
			o.Advice, o.Unsettled = advice(p.job, o.Err), true
		}
		if err := r.say(p.job, o); err != nil {
			return err
		}
	}
	return nil
}

// tellable tells whether the object alone shows later what became of the change: an
// account says when it was last changed, a group only that it is there.
func tellable(j *job) bool {
	return j.sent != nil && (j.change.Kind == scim.User || j.change.Action == plan.CreateGroup)
}

// broken gives the outcomes of a session that ended otherwise than it should.
func (r *run) broken(sent []*load, state string) error {
	for _, p := range piecesOf(sent) {
		if err := r.fail(p.job, &importError{state}, true); err != nil {
			return err
		}
	}
	return nil
}

// putOff gives an outcome to all that has none.
func (r *run) putOff(why error) error {
	for _, j := range r.jobs {
		if !j.done {
			if err := r.fail(j, why, false); err != nil {
				return err
			}
		}
	}
	return nil
}

// end gives a change its last outcome, and fail one that it failed with.
func (r *run) end(j *job, o target.Outcome) error {
	o.Final = true
	return r.say(j, o)
}

func (r *run) fail(j *job, err error, unsettled bool) error {
	return r.end(j, target.Outcome{Err: clean(j, err), Advice: advice(j, err), Unsettled: unsettled})
}

// say hands an outcome to the caller, unless the change has had its last.
func (r *run) say(j *job, o target.Outcome) error {
	if j.done {
		return nil
	}
	o.Change, o.RemoteID = j.change, j.change.Key
	j.told, j.done = j.told || o.Attributes, o.Final
	if err := r.confirm(o); err != nil {
		return fmt.Errorf("record an outcome: %w", err)
	}
	return nil
}

// piece is what one session did for one change.
type piece struct {
	job         *job
	add, remove []string
	// whole says that the object itself was sent, deletes that it was to go.
	whole, deletes, deactivates bool
	// missing are the members who were found not to be there.
	missing []string
}

// piecesOf puts the parts of a session together by change, in the order in which the
// changes first appear.
func piecesOf(sent []*load) []*piece {
	var list []*piece
	by := map[*job]*piece{}
	for _, l := range sent {
		for _, x := range l.parts {
			p := by[x.job]
			if p == nil {
				p = &piece{job: x.job}
				by[x.job], list = p, append(list, p)
			}
			x.job.left--
			switch l.sort {
			case addMembers:
				p.add = append(p.add, x.members...)
			case removeMembers:
				p.remove = append(p.remove, x.members...)
			case deleteGroups:
				p.deletes = true
			case deactivateUsers:
				p.deactivates = true
			default:
				p.whole = true
			}
		}
	}
	return list
}
