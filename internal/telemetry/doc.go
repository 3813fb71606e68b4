// Package telemetry makes the logger and the metrics.
//
// It owns what may leave the process by log or by metric. It is the second line of
// defence for personal data and secrets: callers are to log neither, and what they
// log all the same under a telling name, or in a telling shape, is hidden here. It
// keeps no global logger and no global registry.
//
// Invariants: no label of a metric takes the value of a person's attribute; a person
// appears in a log line as a keyed pseudonym only; nothing is logged by reflection.
package telemetry
