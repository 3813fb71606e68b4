package idp

import (
	"bytes"
	"io"
	"net/http"
	"slices"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"simscim/scim"
)

// budget is a Rate in force.
type budget struct {
	Rate
	mu      sync.Mutex
	limiter *rate.Limiter
}

// budgets are the limits in force under the options.
func (o Options) budgets(as personality) []*budget {
	rates := o.Rates
	if o.RateLimits {
		rates = slices.Concat(rates, as.rates)
	}
	var out []*budget
	for _, r := range rates {
		burst := r.Burst
		if burst == 0 {
			burst = r.Most
		}
		out = append(out, &budget{Rate: r, limiter: rate.NewLimiter(rate.Limit(float64(r.Most)/r.Per.Seconds()), burst)})
	}
	return out
}

// afford answers a request that is over a limit.
func (p *IDP) afford(w http.ResponseWriter, r *http.Request) bool {
	c, err := p.call(r)
	if err != nil { // without a body that can be kept it is the gate's to refuse
		return true
	}
	r.Body = io.NopCloser(bytes.NewReader(c.body))
	if err := p.spend(c); err != nil {
		answer := &held{header: http.Header{}}
		answer.refuse(asError(err))
		p.bendError(answer)
		answer.send(w)
		return false
	}
	return true
}

// spend takes the call out of every budget that counts it, or says how long to wait. A
// call that one budget refuses costs the others nothing.
func (p *IDP) spend(c *call) error {
	now := p.options.Now()
	var taken []*rate.Reservation
	for _, b := range p.budgets {
		n := b.cost(c)
		if n == 0 {
			continue
		}
		wait := b.take(now, n, &taken)
		if wait == 0 {
			continue
		}
		for _, r := range taken {
			r.CancelAt(now)
		}
		return &scim.Error{Status: http.StatusTooManyRequests, Detail: "too many requests", RetryAfter: wait}
	}
	return nil
}

// take reserves n now. More than can ever be had at once waits for a full budget.
func (b *budget) take(now time.Time, n int, taken *[]*rate.Reservation) time.Duration {
	b.mu.Lock()
	defer b.mu.Unlock()
	r := b.limiter.ReserveN(now, n)
	if !r.OK() {
		return b.Per
	}
	wait := r.DelayFrom(now)
	if wait > 0 {
		r.CancelAt(now)
		return wait
	}
	*taken = append(*taken, r)
	return 0
}

// cost is how much of the budget the call uses.
func (b *budget) cost(c *call) int {
	if b.Kind != "" && b.Kind != c.kind || len(b.Methods) > 0 && !slices.Contains(b.Methods, c.r.Method) || int64(len(c.body)) <= b.Over && b.Over > 0 {
		return 0
	}
	if b.Members {
		return c.additions()
	}
	return 1
}
