// Package schedule decides when each site is due, and hands the work to a queue.
//
// It owns cron expressions (Spec), the table of sites and their slots (Scheduler),
// and the contract of a job queue (Queue), which the folders below implement. It
// never reads a school or writes to a target: what a run does is a function given
// to New. It keeps no state of its own that has to survive: the slot that each site
// last began is in the store, behind Slots.
//
// Invariants:
//   - A slot is begun at most once by one scheduler, and never two of one site at once.
//   - On the day the clocks go forward a slot that does not exist is begun when the
//     clocks have gone forward; on the day they go back a slot that exists twice is
//     begun the first time only.
//   - Of the slots missed while nothing ran, the newest is made up for, once.
//   - A job that panics ends; its site stays in the table.
//   - Sites of a set are due together and worked on in one job, but each keeps its own
//     slots: what one has missed, or was broken off, is made up for by that one alone.
package schedule
