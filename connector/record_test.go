package connector

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"simscim/connector/ledger"
	"simscim/connector/plan"
	"simscim/connector/target"
	"simscim/roster"
	"simscim/scim"
)

// slowLedger commits only after a while, and notes the keys of what it commits.
type slowLedger struct {
	ledger.Ledger
	took    time.Duration
	err     error
	batches [][]string
}

func (l *slowLedger) Update(_ context.Context, fn func(ledger.Tx) error) error {
	tx := &groupTx{}
	if err := fn(tx); err != nil {
		return err
	}
	time.Sleep(l.took)
	if l.err != nil {
		return l.err
	}
	l.batches = append(l.batches, tx.keys)
	return nil
}

func (l *slowLedger) committed() (n int) {
	for _, keys := range l.batches {
		n += len(keys)
	}
	return n
}

type groupTx struct {
	ledger.Tx
	keys []string
}

func (*groupTx) LogStep(int64, ledger.Step) error { return nil }

func (t *groupTx) AddMembers(_, group string, users []string) error {
	for _, user := range users {
		t.keys = append(t.keys, group+"/"+user)
	}
	return nil
}

// recording makes a recorder over the ledger.
func recording(l *slowLedger) *recorder {
	p := &pass{
		Engine: &Engine{Options: Options{Ledger: l, Watch: func(Event) {}}},
		run:    newRun(roster.Site{ID: "s"}, "t"), state: &plan.State{},
	}
	return p.newRecorder()
}

// added is one piece of a group's members.
func added(group, user string, final bool) target.Outcome {
	c := &plan.Change{Action: plan.UpdateMembers, Kind: scim.Group, Key: group}
	return target.Outcome{Change: c, Added: []string{user}, Final: final}
}

// What more of its object follows is in the ledger when confirm returns: the next
// request of that object must not be sent before.
func TestRecorderWaitsWithinAnObject(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := &slowLedger{took: time.Second}
		r := recording(l)
		defer r.close()
		if err := r.confirm(added("g", "a", false)); err != nil || l.committed() != 1 {
			t.Errorf("confirm returned %v with %d pieces in the ledger", err, l.committed())
		}
	})
}

// Last pieces travel together, in order, and flush waits for them all.
func TestRecorderGathersLastPieces(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := &slowLedger{took: time.Second}
		r := recording(l)
		defer r.close()
		begun := time.Now()
		for _, user := range []string{"a", "b", "c"} {
			if err := r.confirm(added("g", user, true)); err != nil {
				t.Error(err)
			}
		}
		if waited := time.Since(begun); waited != 0 || len(l.batches) != 0 {
			t.Errorf("confirm took %v, and there are %d batches", waited, len(l.batches))
		}
		if err := r.flush(); err != nil {
			t.Error(err)
		}
		if len(l.batches) != 1 || l.committed() != 3 || r.applied[plan.AddMember] != 3 {
			t.Errorf("in the ledger: %v; counted: %v", l.batches, r.applied)
		}
	})
}

// A last piece is not kept waiting for others that may never come.
func TestRecorderDoesNotLinger(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := &slowLedger{}
		r := recording(l)
		defer r.close()
		if err := r.confirm(added("g", "a", true)); err != nil {
			t.Error(err)
		}
		time.Sleep(2 * linger)
		synctest.Wait()
		if l.committed() != 1 {
			t.Errorf("after %v there are %d pieces in the ledger", 2*linger, l.committed())
		}
	})
}

// What the ledger refuses is never counted, and everybody hears of it.
func TestRecorderTellsOfAFailedLedger(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		full := errors.New("the disc is full")
		l := &slowLedger{err: full}
		r := recording(l)
		defer r.close()
		if err := r.confirm(added("g", "a", true)); err != nil {
			t.Errorf("the error came before it happened: %v", err)
		}
		if err := r.flush(); !errors.Is(err, full) {
			t.Errorf("flush returned %v", err)
		}
		if err := r.confirm(added("h", "b", true)); !errors.Is(err, full) {
			t.Errorf("confirm returned %v", err)
		}
		if err := r.confirm(added("h", "c", false)); !errors.Is(err, full) {
			t.Errorf("confirm returned %v", err)
		}
		if len(r.applied) != 0 {
			t.Errorf("counted: %v", r.applied)
		}
	})
}
