package entra

import (
	"net/http"
	"strconv"
	"strings"
	"time"

	"golang.org/x/time/rate"
)

// Limits are those on requests. Zero is the documented one, less than zero is none.
type Limits struct {
	// Uploads in 5 seconds (40) and in 24 hours (2,000 with P1 and P2, 6,000 with ID
	// Governance), for all jobs together.
	Uploads, UploadsPerDay int
	// LogReads in 10 seconds (5) of a client.
	LogReads int
	// ResourceUnits in 10 seconds (8,000, for a tenant of more than 500 users) and
	// Writes in 150 seconds (3,000) of a client, to users, groups and classes.
	ResourceUnits, Writes int
}

func (l Limits) documented() Limits {
	for n, most := range map[*int]int{&l.Uploads: 40, &l.UploadsPerDay: 2000, &l.LogReads: 5, &l.ResourceUnits: 8000, &l.Writes: 3000} {
		if *n == 0 {
			*n = most
		}
	}
	return l
}

// window allows so many in a time that slides.
type window struct {
	most  int
	per   time.Duration
	times []time.Time
}

// wait is how long it takes until there is room, zero if there is.
func (w *window) wait(now time.Time) time.Duration {
	for len(w.times) > 0 && !now.Before(w.times[0].Add(w.per)) {
		w.times = w.times[1:]
	}
	if w.most < 0 || len(w.times) < w.most {
		return 0
	}
	return w.times[len(w.times)-w.most].Add(w.per).Sub(now)
}

func (w *window) take(now time.Time) {
	if w.most >= 0 {
		w.times = append(w.times, now)
	}
}

// budgets are the limits in force.
type budgets struct {
	Limits
	uploads, day window
	logs         map[string]*window
	units        map[string]*rate.Limiter
	writes       map[string]*rate.Limiter
}

func newBudgets(l Limits) budgets {
	return budgets{
		Limits:  l,
		uploads: window{most: l.Uploads, per: 5 * time.Second}, day: window{most: l.UploadsPerDay, per: 24 * time.Hour},
		logs: map[string]*window{}, units: map[string]*rate.Limiter{}, writes: map[string]*rate.Limiter{},
	}
}

// tooMany is the answer at a limit. Without a wait there is no Retry-After.
func tooMany(wait time.Duration, header http.Header) error {
	return &problem{status: http.StatusTooManyRequests, code: "TooManyRequests", message: "Too many requests.", wait: wait, header: header}
}

// told leaves out how long to wait, if the faults want it so.
func (s *Service) told(wait time.Duration) time.Duration {
	if s.faults.NoRetryAfter {
		return 0
	}
	return wait
}

func (s *Service) spendUpload(now time.Time) error {
	b := &s.budgets
	if wait := max(b.uploads.wait(now), b.day.wait(now)); wait > 0 {
		return tooMany(s.told(wait), nil)
	}
	b.uploads.take(now)
	b.day.take(now)
	return nil
}

// spendLogRead never says how long to wait: reporting does not.
func (s *Service) spendLogRead(client string, now time.Time) error {
	w := s.budgets.logs[client]
	if w == nil {
		w = &window{most: s.budgets.LogReads, per: 10 * time.Second}
		s.budgets.logs[client] = w
	}
	if w.wait(now) > 0 {
		return tooMany(0, nil)
	}
	w.take(now)
	return nil
}

// spendUnits takes the request out of the token buckets of users and groups, and tells
// the client of it in the headers.
func (s *Service) spendUnits(c *call, now time.Time) (http.Header, error) {
	b := &s.budgets
	header := http.Header{}
	cost := c.cost()
	header.Set("x-ms-resource-unit", strconv.Itoa(cost))
	units := bucket(b.units, c.who.Client, b.ResourceUnits, 10*time.Second)
	writes := bucket(b.writes, c.who.Client, b.Writes, 150*time.Second)
	wait, reason := s.lacking(units, now, cost), "ResourceUnitLimitExceeded"
	if wait == 0 && c.r.Method != http.MethodGet {
		wait, reason = s.lacking(writes, now, 1), "WriteLimitExceeded"
	}
	if wait > 0 {
		header.Set("x-ms-throttle-scope", "Tenant_Application/ReadWrite/"+c.who.Client+"/"+s.options.Tenant)
		header.Set("x-ms-throttle-information", reason)
		return nil, tooMany(s.told(wait), header)
	}
	units.AllowN(now, cost)
	if c.r.Method != http.MethodGet {
		writes.AllowN(now, 1)
	}
	if units.Limit() != rate.Inf {
		if used := 1 - units.TokensAt(now)/float64(units.Burst()); used >= 0.8 {
			header.Set("x-ms-throttle-limit-percentage", strconv.FormatFloat(used, 'f', 2, 64))
		}
	}
	return header, nil
}

func bucket(of map[string]*rate.Limiter, client string, most int, per time.Duration) *rate.Limiter {
	l := of[client]
	if l == nil {
		l = rate.NewLimiter(rate.Limit(float64(most)/per.Seconds()), most)
		if most < 0 {
			l = rate.NewLimiter(rate.Inf, 0)
		}
		of[client] = l
	}
	return l
}

// lacking is how long it takes until the bucket holds n.
func (*Service) lacking(l *rate.Limiter, now time.Time, n int) time.Duration {
	have := l.TokensAt(now)
	if l.Limit() == rate.Inf || have >= float64(n) {
		return 0
	}
	return max(time.Duration((float64(n)-have)/float64(l.Limit())*float64(time.Second)), time.Second)
}

// cost is the request's in resource units, by the documents' table.
func (c *call) cost() int {
	n := 1
	switch c.route.kind {
	case UserLists:
		n = 2
	case MemberReads:
		n = 3
	}
	if c.query.Has("$select") {
		n--
	}
	if c.query.Has("$expand") {
		n++
	}
	if top, err := strconv.Atoi(strings.TrimSpace(c.query.Get("$top"))); err == nil && top < 20 {
		n--
	}
	return max(n, 1)
}
