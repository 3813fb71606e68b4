package connector

import (
	"context"
	"sync/atomic"

	"simscim/internal/clock"
	"simscim/internal/httpx"
)

// Inspection is what a full read of one school found, without a look at any target.
type Inspection struct {
	People      int        `json:"people"`
	Groups      int        `json:"groups"`
	Memberships int        `json:"memberships"`
	SetAside    []SetAside `json:"setAside"`
	Dropped     []Dropped  `json:"dropped"`
	Requests    int64      `json:"requests"`
	Seconds     float64    `json:"seconds"`
}

// Inspect reads a school that Align found, whole, as a plan would, and counts what is
// there and what could not be used.
func (e *Engine) Inspect(ctx context.Context, j Job) (*Inspection, error) {
	var calls atomic.Int64
	elapsed := clock.Stopwatch()
	snap, err := e.read(httpx.CountInto(ctx, &calls), j, mode{})
	if err != nil {
		return nil, err
	}
	var counts Run
	counts.validated(snap)
	return &Inspection{
		People: len(snap.People), Groups: len(snap.Groups), Memberships: len(snap.Memberships),
		SetAside: counts.SetAside, Dropped: counts.Dropped, Requests: calls.Load(), Seconds: elapsed().Seconds(),
	}, nil
}
