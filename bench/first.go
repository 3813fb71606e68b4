package main

import (
	"context"
	"fmt"
	"path/filepath"
	"strconv"
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
	most := large.users() + large.groups() + 10
	return []figure{
		{What: "requests", Unit: "requests", Value: float64(p.requests), Bound: "<=", Limit: float64(most), Note: "users + groups + 10"},
		p.ratio("<=", 1.3, fmt.Sprintf("median of %d pairs, %d in flight", b.pairs, inFlight)),
		p.seconds("wall time", "from opening the ledger to closing it; the roll is in memory"),
		{What: "wall time of the bare loop", Unit: "s", Value: p.bareMiddle, Low: p.bareLow, High: p.bareHigh, Note: strconv.Itoa(p.posts) + " posts"},
		{What: "peak memory", Unit: "MiB", Value: p.peak, Note: "the target's own memory included"},
	}, nil
}

// paired is what several pairs of measurements came to.
type paired struct {
	requests int64
	posts    int
	ratios   []float64

	middle, low, high             float64
	bareMiddle, bareLow, bareHigh float64
	peak                          float64
}

// compare records the bodies of a first sync, and then measures first syncs and bare
// loops in turn.
func (b *bench) compare(ctx context.Context, of roll, delay time.Duration, pairs int) (*paired, error) {
	bodies := filepath.Join(b.dir, fmt.Sprintf("bodies-%d", of.users()))
	t := task{What: "sync", Roll: of, InFlight: inFlight, Parallel: 1, Delay: delay, Held: true}
	ledger := func(i int) string { return filepath.Join(b.dir, fmt.Sprintf("first-%d-%d.db", of.users(), i)) }
	warm := t
	warm.Bodies, warm.Ledger, warm.Delay = bodies, ledger(-1), 0
	if _, err := b.measure(ctx, warm); err != nil {
		return nil, err
	}
	p := &paired{}
	var product, bare []float64
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
		p.requests, p.posts, p.peak = max(p.requests, a.Requests), int(z.Requests), max(p.peak, a.PeakMiB)
		product, bare, p.ratios = append(product, a.Seconds), append(bare, z.Seconds), append(p.ratios, a.Seconds/z.Seconds)
	}
	p.middle, p.low, p.high = median(product)
	p.bareMiddle, p.bareLow, p.bareHigh = median(bare)
	return p, nil
}

func (p *paired) ratio(bound string, limit float64, note string) figure {
	f := figure{What: "wall time ÷ bare loop", Unit: "×", Bound: bound, Limit: limit, Note: note}
	f.Value, f.Low, f.High = median(p.ratios)
	return f
}

func (p *paired) seconds(what, note string) figure {
	return figure{What: what, Unit: "s", Value: p.middle, Low: p.low, High: p.high, Note: note}
}
