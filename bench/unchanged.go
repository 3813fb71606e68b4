package main

import (
	"context"
	"path/filepath"
)

// unchanged is the run of every ordinary night: the ledger knows everything, and
// nobody has come, gone or moved.
func unchanged(ctx context.Context, b *bench) ([]figure, error) {
	r, err := b.again(ctx, large, 1)
	if err != nil {
		return nil, err
	}
	return []figure{
		{What: "requests to the target", Unit: "requests", Value: float64(r.Requests), Bound: "="},
		{What: "time beyond reading the source", Unit: "s", Value: r.Seconds - r.ReadSeconds, Bound: "<", Limit: 1, Note: "from opening the ledger to closing it"},
		memory("peak memory", r, 100, "10,000 users, 1,000 groups, 30,000 memberships"),
	}, nil
}

// sites is the same over many schools, two at a time.
func sites(ctx context.Context, b *bench) ([]figure, error) {
	of := roll{Seed: seed, Sites: 50, People: 1_000, Groups: 100, Places: 3}
	r, err := b.again(ctx, of, 2)
	if err != nil {
		return nil, err
	}
	return []figure{
		{What: "requests to the target", Unit: "requests", Value: float64(r.Requests), Bound: "="},
		{What: "wall time", Unit: "s", Value: r.Seconds, Note: "reading the source included"},
		memory("peak memory", r, 150, "50,000 users, 5,000 groups, 150,000 memberships; 2 sites at once"),
	}, nil
}

// again syncs once to fill a ledger, and measures the second run, in a new process.
func (b *bench) again(ctx context.Context, of roll, parallel int) (*result, error) {
	t := task{
		What: "sync", Roll: of, InFlight: inFlight, Parallel: parallel,
		Ledger: filepath.Join(b.dir, "unchanged.db"),
	}
	if of.Sites > 1 {
		t.Ledger, t.Nod = filepath.Join(b.dir, "sites.db"), true
	}
	filled, err := b.measure(ctx, t)
	if err != nil {
		return nil, err
	}
	b.say("  the ledger was filled in %.2f s", filled.Seconds)
	t.Again, t.Nod = true, false
	return b.measure(ctx, t)
}
