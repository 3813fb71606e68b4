package main

import (
	"context"
	"fmt"
	"time"
)

// latency is a first sync against a target that takes its time: what counts then is
// how many requests are under way at once.
func latency(ctx context.Context, b *bench) ([]figure, error) {
	of := roll{Seed: seed, Sites: 1, People: 2_000, Groups: 200, Places: 3}
	const delay = 20 * time.Millisecond
	p, err := b.compare(ctx, of, delay, min(b.pairs, 3))
	if err != nil {
		return nil, err
	}
	least := float64(p.posts) / inFlight * delay.Seconds()
	f := p.wall.seconds(fmt.Sprintf("2,000 users and 200 groups, %d in flight; waiting alone takes %.2f s", inFlight, least))
	f.Bound, f.Limit = "<", 4
	return []figure{
		f,
		p.wall.figure(0, ""),
		{What: "requests", Unit: "requests", Value: float64(p.requests), Bound: "<=", Limit: float64(of.users() + of.groups() + 10), Note: "users + groups + 10"},
	}, nil
}
