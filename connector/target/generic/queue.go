package generic

import (
	"slices"
	"sync"
)

// queue holds the changes of one Apply that wait for their turn.
type queue struct {
	mu sync.Mutex
	// bundled may go into a bulk request, and alone go one by one, in this order.
	bundled, alone []*job
}

// take hands out at most n changes for one bulk request.
func (q *queue) take(n int) []*job {
	q.mu.Lock()
	defer q.mu.Unlock()
	n = min(n, len(q.bundled))
	taken := q.bundled[:n:n]
	q.bundled = q.bundled[n:]
	return taken
}

// putBack lets changes try another bulk request.
func (q *queue) putBack(jobs []*job) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.bundled = append(slices.Clip(jobs), q.bundled...)
}

// leave lets changes go alone.
func (q *queue) leave(jobs ...*job) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.alone = append(q.alone, jobs...)
}

// next hands out a change that goes alone, or nil.
func (q *queue) next() *job {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.alone) == 0 {
		return nil
	}
	j := q.alone[0]
	q.alone[0] = nil // what is done is let go of
	q.alone = q.alone[1:]
	return j
}
