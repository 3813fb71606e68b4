package main

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"time"
)

// seed of all data.
const seed = 20261123

// inFlight is how many requests are under way at once, in the product and in the loop
// that it is compared with.
const inFlight = 16

// large is one school system of the size that the figures are for.
var large = roll{Seed: seed, Sites: 1, People: 10_000, Groups: 1_000, Places: 3}

// first compares a first sync with a loop that only sends the same bodies, in turn.
func first(ctx context.Context, b *bench) ([]figure, error) {
	p, err := b.compare(ctx, large, 0, b.pairs)
	if err != nil {
		return nil, err
	}
	const delay = 5 * time.Millisecond
	far, err := b.compare(ctx, large, delay, min(b.pairs, 3))
	if err != nil {
		return nil, err
	}
	most := large.users() + large.groups() + 10
	return []figure{
		{What: "requests", Unit: "requests", Value: float64(p.requests), Bound: "<=", Limit: float64(most), Note: "users + groups + 10"},
		p.wall.figure(1.3, fmt.Sprintf("median of %d pairs, %d in flight", b.pairs, inFlight)),
		p.processor.figure(0, "both with the target in the same process"),
		far.wall.figure(0, "wall time when the target takes 5 ms to answer"),
		p.wall.seconds("from opening the ledger to closing it; the roll is in memory"),
		{What: "peak memory", Unit: "MiB", Value: p.peak, Note: fmt.Sprintf("the target's own included; the bare loop's is %.1f", p.barePeak)},
	}, nil
}

// paired is what several pairs of measurements came to.
type paired struct {
	requests, posts int64
	wall, processor ratio
	peak, barePeak  float64
}

// ratio is a time of the product beside that of the bare loop, pair by pair.
type ratio struct {
	what          string
	product, bare []float64
}

func (r *ratio) add(product, bare float64) {
	r.product, r.bare = append(r.product, product), append(r.bare, bare)
}

// figure is the ratio; a limit of 0 is none.
func (r *ratio) figure(limit float64, note string) figure {
	f := figure{What: r.what + " ÷ bare loop", Unit: "×", Note: note}
	if limit > 0 {
		f.Bound, f.Limit = "<=", limit
	}
	each := make([]float64, len(r.product))
	for i := range each {
		each[i] = r.product[i] / r.bare[i]
	}
	f.Value, f.Low, f.High = median(each)
	return f
}

// seconds is the product's own time.
func (r *ratio) seconds(note string) figure {
	f := figure{What: r.what, Unit: "s"}
	f.Value, f.Low, f.High = median(slices.Clone(r.product))
	bare, _, _ := median(slices.Clone(r.bare))
	f.Note = fmt.Sprintf("%s; the bare loop takes %.2f s", note, bare)
	return f
}

// compare records the bodies of a first sync, and then measures first syncs and bare
// loops in turn.
func (b *bench) compare(ctx context.Context, of roll, delay time.Duration, pairs int) (*paired, error) {
	bodies := filepath.Join(b.dir, fmt.Sprintf("bodies-%d-%v", of.users(), delay))
	t := task{What: "sync", Roll: of, InFlight: inFlight, Parallel: 1, Held: true}
	ledger := func(i int) string {
		return filepath.Join(b.dir, fmt.Sprintf("first-%d-%v-%d.db", of.users(), delay, i))
	}
	warm := t
	warm.Bodies, warm.Ledger = bodies, ledger(-1)
	if _, err := b.measure(ctx, warm); err != nil {
		return nil, err
	}
	t.Delay = delay
	p := &paired{wall: ratio{what: "wall time"}, processor: ratio{what: "processor time"}}
	for i := range pairs {
		t.Ledger = ledger(i)
		a, err := b.measure(ctx, t)
		if err != nil {
			return nil, err
		}
		z, err := b.measure(ctx, task{What: "bare", Bodies: bodies, InFlight: inFlight, Delay: delay})
		if err != nil {
			return nil, err
		}
		b.say("  %.2f s (processor %.2f s), bare loop %.2f s (%.2f s): %.2f", a.Seconds, a.CPU, z.Seconds, z.CPU, a.Seconds/z.Seconds)
		p.wall.add(a.Seconds, z.Seconds)
		p.processor.add(a.CPU, z.CPU)
		p.requests, p.posts = max(p.requests, a.Requests), z.Requests
		p.peak, p.barePeak = max(p.peak, a.PeakMiB), max(p.barePeak, z.PeakMiB)
	}
	return p, nil
}
