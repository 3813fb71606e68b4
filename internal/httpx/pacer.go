package httpx

import (
	"cmp"
	"context"
	"math"
	"sync"
	"time"
)

const (
	// span is how long answers are counted before the pace is looked at again.
	span = time.Second
	// margin is how far below what a server bore the pace settles.
	margin = 0.98
	// longestHold is the longest time that a settled pace is kept before more is tried.
	longestHold = time.Minute
	// evidence is how many accepted requests make a first refusal speak of the rate.
	evidence = 64
	// few is how many requests must be accepted between two pauses to teach a pace below so
	// many a second.
	few = 8
	// soon is how long after a pause a refusal speaks of the rate.
	soon = 10 * time.Second
	// late is how far the clock may be behind without a request's turn being lost.
	late = 10 * time.Millisecond
)

// pacer finds out what rate a server bears, and spaces requests just below it.
//
// The control law:
//
//   - Until the first refusal (429, or an answer that says that nothing is left) only
//     our own limit holds. One that comes when hardly anything was accepted may have any
//     reason, and teaches nothing unless another follows soon; one before anything was
//     accepted since the last pause never does.
//   - A refusal stops everybody for exactly as long as the server asks.
//   - What was accepted before it, taken over the time until requests may go on, is a
//     floor: the server did bear that much. Taken over the time of sending alone it is a
//     ceiling, and so is the pace that was refused. The pace goes on between the two and
//     halves the distance to the ceiling each second, up to a margin below it.
//   - There it is held: for 20 s at 200 requests a second and in proportion, because a
//     refusal too many costs as many requests as are due in the pause; twice as long for
//     each time that the same ceiling was found again; a minute at most.
//   - Then more is tried: two requests a second more, four more after another second,
//     and so on. That finds a limit that has moved a little without overshooting by
//     much, and one that was lifted in seconds.
//
// The pace rises only while requests keep up with it, and never above our own limit.
type pacer struct {
	own              float64 // our limit in requests a second, infinite for none
	atLeast          float64 // so many accepted requests say something
	minWait, maxWait time.Duration
	budgets          []*budget
	queue            chan struct{} // holds the first of those who wait

	mu sync.Mutex
	// until is when requests may go on; refusedAt is when the pause began, zero once
	// something has been learnt from it, which was at resumed.
	until, refusedAt, resumed time.Time
	// begun is when the present span began and accepted what it has brought; before is
	// the same of the span before it.
	begun          time.Time
	accepted       int
	beforeAccepted int
	before         time.Duration

	// next is when the pace lets the next request go. learnt says that the pace is not
	// our own limit any more.
	next   time.Time
	pace   float64
	learnt bool
	// target is where the pace is to settle for hold, until probeAt; step is what is
	// tried on top afterwards.
	target  float64
	hold    time.Duration
	probeAt time.Time
	step    float64
	// good is the last pace that was borne for a whole span.
	good float64

	// fruitless counts the pauses since anything was accepted, the first of them at
	// fruitlessSince.
	fruitless      int
	fruitlessSince time.Time
}

func newPacer(o Options) *pacer {
	own := cmp.Or(o.PerSecond, math.Inf(1))
	return &pacer{
		own: own, pace: own, atLeast: float64(o.InFlight), minWait: o.MinWait, maxWait: o.MaxWait,
		budgets: newBudgets(o), queue: make(chan struct{}, 1),
	}
}

// wait returns when a request may be sent. Requests go one after the other, in the order
// in which they came; the first in the queue alone looks at the clock, so that a pause
// or another pace holds at once. A rate.Limiter books turns ahead, at the pace of that
// moment, and cannot take them back.
func (p *pacer) wait(ctx context.Context) error {
	select {
	case p.queue <- struct{}{}:
		defer func() { <-p.queue }()
	case <-ctx.Done():
		return ctx.Err()
	}
	for {
		left, err := p.admit(time.Now())
		if err != nil || left <= 0 {
			return err
		}
		if err := sleep(ctx, left); err != nil {
			return err
		}
	}
}

// admit lets a request go and books it, or says how long it has to wait.
func (p *pacer) admit(now time.Time) (left time.Duration, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.learn(now)
	left = max(p.until.Sub(now), p.next.Sub(now))
	for _, b := range p.budgets {
		left = max(left, b.left(now))
	}
	if left > longestBudgetWait {
		return 0, errSpent
	}
	if left > 0 {
		return left, nil
	}
	for _, b := range p.budgets {
		b.book(now)
	}
	if now.Sub(p.next) > late {
		p.next = now
	}
	p.next = p.next.Add(time.Duration(float64(time.Second) / p.pace))
	p.turn(now)
	return 0, nil
}

// turn begins a new span, once one is over.
func (p *pacer) turn(now time.Time) {
	lasted := now.Sub(p.begun)
	if lasted < span {
		return
	}
	// Requests that come too slowly say nothing about what more the server would bear.
	if p.learnt && float64(p.accepted) >= 0.7*p.pace*lasted.Seconds() {
		p.good = p.pace
		p.raise(now)
	}
	p.before, p.beforeAccepted = lasted, p.accepted
	if lasted > 2*span { // nobody was calling
		p.before, p.beforeAccepted = 0, 0
	}
	p.begun, p.accepted = now, 0
}

// accept counts an answer that is no refusal.
func (p *pacer) accept() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.accepted++
	p.fruitless = 0
}

// anew forgets refusals of another day, before the first one of a request. Those of one
// that is sent again are of the same day, however long its answers take: otherwise it
// would be sent for ever.
func (p *pacer) anew(now time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if now.Sub(p.until) > p.maxWait {
		p.fruitless = 0
	}
}

// refuse notes that the server wants no more requests for now: one such answer speaks
// for all. sent is when the refused request was; asked is the wait that the server named,
// if it did. It tells whether trying again is worth while: not if the wait is longer
// than is allowed, nor if nothing at all has been accepted for so long, and over more
// than one pause.
func (p *pacer) refuse(now, sent time.Time, asked time.Duration, named bool) (worthWhile bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.fruitless == 0 {
		p.fruitlessSince = now
	}
	if p.fruitless == 0 || !now.Before(p.until) {
		p.fruitless++
	}
	wait := asked
	if !named {
		wait = p.growing(time.Second)
	} else if asked <= 0 {
		wait = p.growing(p.minWait)
	}
	if until := now.Add(min(wait, p.maxWait)); until.After(p.until) {
		p.until = until
	}
	// A late answer to what was sent before the last pause teaches nothing new.
	if p.refusedAt.IsZero() && !sent.Before(p.resumed) {
		p.refusedAt = now
	}
	return wait <= p.maxWait && (p.fruitless <= 2 || now.Sub(p.fruitlessSince)+wait <= p.maxWait)
}

// growing is the wait where the server names none, doubling while nothing is accepted.
func (p *pacer) growing(first time.Duration) time.Duration {
	return min(first<<min(p.fruitless-1, 20), p.maxWait)
}

// learn sets the pace once a pause is over: not before, for answers that were on their
// way count too.
func (p *pacer) learn(now time.Time) {
	if p.refusedAt.IsZero() || now.Before(p.until) {
		return
	}
	alone := p.resumed.IsZero() || p.refusedAt.Sub(p.resumed) > soon
	accepted := p.beforeAccepted + p.accepted
	// Where nothing at all was accepted, the pause was too short, and not the pace too high.
	// Nor is a slow pace made slower for a few: a server that refuses for a while, or now and
	// then whatever the rate, would bring it to a standstill.
	slow := accepted < few && p.pace <= few
	if accepted == 0 || slow || alone && !p.learnt && accepted < evidence {
		p.begun, p.accepted, p.before, p.beforeAccepted = now, 0, 0, 0
		p.refusedAt, p.resumed = time.Time{}, now
		return
	}
	sending := (p.before + p.refusedAt.Sub(p.begun)).Seconds()
	pause := max(p.until.Sub(p.refusedAt), p.minWait).Seconds()
	// With fewer than may be in flight it was not the rate that was too high.
	borne := max(float64(accepted), p.atLeast)
	floor, ceiling := borne/(sending+pause), borne/max(sending, pause)
	switch {
	case p.learnt && p.refusedAt.After(p.probeAt) && p.pace < 1.25*p.target:
		// It is about the limit that was known.
		floor, p.hold = max(p.target, margin*p.good), 2*p.hold
		ceiling = floor / margin
	case p.learnt:
		// Refused early, by whatever chance, the pace is not given up altogether.
		ceiling = max(min(ceiling, 0.97*p.pace), 0.97*p.good, p.pace/2)
		p.hold = 0
	}
	p.learnt, p.target = true, min(margin*ceiling, p.own)
	p.pace = min((floor+3*p.target)/4, p.target)
	if accepted < few {
		p.target, p.pace = min(max(p.target, few), p.own), min(max(p.pace, few), p.own)
	}
	p.hold = min(max(p.hold, time.Duration(max(p.target/10, pause, 1)*float64(time.Second))), longestHold)
	p.step, p.probeAt = min(2, p.pace), now.Add(p.hold)
	p.begun, p.accepted, p.before, p.beforeAccepted, p.good = now, 0, 0, 0, 0
	p.refusedAt, p.resumed = time.Time{}, now
}

// raise is called about every second while requests keep up with the pace.
func (p *pacer) raise(now time.Time) {
	switch {
	case p.pace >= p.own:
	case p.pace < p.target*0.99:
		p.pace = (p.pace + p.target) / 2
	case p.pace < p.target:
		p.pace = p.target
	case now.After(p.probeAt):
		p.pace = min(p.pace+p.step, p.own)
		p.step = min(2*p.step, max(2, p.pace/2))
	}
}

// sleep waits for d, or until the context ends.
func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}
