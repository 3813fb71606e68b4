package world

import (
	"fmt"
	"time"

	"github.com/google/uuid"
)

// Event is something that happens to a person or a school.
type Event string

// The events of a world.
const (
	Joined       Event = "joined"
	Started      Event = "started"
	Left         Event = "left"
	Returned     Event = "returned"
	Purged       Event = "no longer listed"
	ClassMoved   Event = "moved class"
	Renamed      Event = "changed name"
	DualReg      Event = "registered at a second school"
	MovedSchool  Event = "moved school"
	MovedUp      Event = "moved up a year"
	ClassesMade  Event = "classes made anew"
	GroupRenamed Event = "groups renamed"
	ConsentGone  Event = "consent withdrawn"
	ConsentGiven Event = "consent given"
)

// examplesPerEvent bounds the lines of a report.
const examplesPerEvent = 3

// Report says what happened. The people are made up, so it names them.
type Report struct {
	From, To time.Time
	Counts   map[Event]int
	Lines    []string
	// People are the records that targeted operations made or changed.
	People []uuid.UUID

	shown map[Event]int
}

func (r *Report) happened(e Event, format string, args ...any) {
	r.count(e, 1)
	if r.shown[e]++; r.shown[e] <= examplesPerEvent {
		r.Lines = append(r.Lines, fmt.Sprintf(format, args...))
	}
}

func (r *Report) count(e Event, n int) { r.Counts[e] += n }

// begin opens a report and a stream of randomness for one move of the world. The
// caller holds the lock.
func (w *World) begin() (*Report, dice) {
	w.moves++
	return &Report{From: w.now, To: w.now, Counts: map[Event]int{}, shown: map[Event]int{}}, newDice(w.seed, "move", w.moves)
}
