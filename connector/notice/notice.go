// Package notice tells people what needs them: plans that are held, targets in
// quarantine, runs that failed, and schools without a good run for too long. It owns
// what is told, when, in which words and by which way: webhook, Teams, Slack or e-mail.
//
// It stands beside the engine and never changes what the engine does: a notice that
// cannot be delivered is logged and tried again, and no sync waits for it or fails.
//
// Invariants:
//   - A state is told once by each way, and again only after it has ended in between. The
//     ledger remembers it, so a restart changes nothing. What could not be delivered does
//     not count as told. Only a kill between the mark in the ledger and the delivery loses
//     a notice; a school that still stands still is told as stale later.
//   - Whatever happens to many schools of a target at once is one notice.
//   - No personal data: schools, targets and the reasons of runs, which hold none by
//     contract. The objects that failed are counted elsewhere and never named here.
//   - The address of a webhook, a password and what a server answered are never logged.
package notice

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"time"
)

// Kind is what a notice is about.
type Kind string

// The kinds. All but Recovered are words that `on` takes in the configuration;
// Recovered goes to whoever was told of the quarantine.
const (
	Held       Kind = "held"
	Quarantine Kind = "quarantine"
	Failed     Kind = "failed"
	Stale      Kind = "stale"
	Recovered  Kind = "recovered"
)

// Notice is what is told at once: one kind of thing at one target.
type Notice struct {
	Kind Kind
	// Target is empty when a run did not get as far as a target.
	Target string
	// Schools that it is about, by name; none where it is about the target itself.
	Schools []School
	// Reason is why a target is in quarantine, Next when it is tried again.
	Reason string
	Next   time.Time
	// After is how long a stale school may be without a good run.
	After time.Duration
	// At is when the notice was made. Times in its words are in the zone of At.
	At time.Time
}

// School is one school that a notice is about.
type School struct {
	Site, Name, DfE string
	// Hold is the id by which a held plan can be approved.
	Hold int64
	// Reason is a sentence without personal data.
	Reason string
	// LastGood is when the last good run ended, where that is known.
	LastGood time.Time
}

// ID is the same for the same notice, so that a receiver can drop what reaches it twice.
func (n Notice) ID() string {
	h := sha256.New()
	fmt.Fprintf(h, "%q %q %d", n.Kind, n.Target, n.At.UnixNano())
	for _, s := range n.Schools {
		fmt.Fprintf(h, " %q %d", s.Site, s.Hold)
	}
	return hex.EncodeToString(h.Sum(nil)[:12])
}
