package main

import (
	"testing"
	"time"

	"simscim/connector/ledger"
	"simscim/connector/ledger/sqlledger"
	"simscim/connector/target"
)

// A daemon that is started anew tries a target in quarantine at the next slot.
func TestForgive(t *testing.T) {
	t.Parallel()
	l, err := sqlledger.Open(t.Context(), "file::memory:", sqlledger.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	now := time.Date(2026, 11, 24, 7, 0, 0, 0, time.UTC)
	ill := ledger.Health{Target: "ill", Since: now.Add(-time.Hour), Next: now.Add(23 * time.Hour), Reason: "it refuses the credentials"}
	if err := l.SaveHealth(t.Context(), ill); err != nil {
		t.Fatal(err)
	}
	d := &daemon{app: &app{ledger: l, targets: map[string]target.Target{"ill": nil, "well": nil}}, now: func() time.Time { return now }}
	if err := d.forgive(t.Context()); err != nil {
		t.Fatal(err)
	}
	got, err := l.Health(t.Context(), "ill")
	if err != nil || !got.Next.Equal(now) || !got.Since.Equal(ill.Since) {
		t.Errorf("%v: %+v", err, got)
	}
	if got, err = l.Health(t.Context(), "well"); err != nil || !got.Since.IsZero() || !got.Next.IsZero() {
		t.Errorf("%v: %+v", err, got)
	}
}
