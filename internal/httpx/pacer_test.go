package httpx

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// limited is a server in memory that allows so many requests in a time.
type limited struct {
	latency time.Duration
	// allow takes a request, or tells when the next may come.
	allow func(now time.Time) (ok bool, next time.Time)
	// refuse writes the headers of a refusal, all adds headers to every answer.
	refuse func(h http.Header, now, next time.Time)

	mu                sync.Mutex
	accepted, refused int
	// since and until are the last wait that was asked for; early counts who came in it.
	since, until time.Time
	early        int
	bodies       map[string]int
}

func (s *limited) RoundTrip(r *http.Request) (*http.Response, error) {
	s.mu.Lock()
	now := time.Now()
	if now.After(s.since) && now.Before(s.until) {
		s.early++
	}
	var body []byte
	if r.Body != nil {
		body, _ = io.ReadAll(r.Body)
	}
	ok, next := s.allow(now)
	resp := &http.Response{StatusCode: 200, Header: http.Header{}, Request: r, Body: http.NoBody}
	if ok {
		s.accepted++
		s.bodies[string(body)]++
	} else {
		s.refused++
		resp.StatusCode = 429
		s.refuse(resp.Header, now, next)
	}
	s.mu.Unlock()
	time.Sleep(s.latency)
	if wait, named := RetryAfter(resp.Header, time.Now()); !ok && named {
		s.mu.Lock()
		s.since, s.until = time.Now(), time.Now().Add(wait)
		s.mu.Unlock()
	}
	return resp, nil
}

// seconds is Retry-After in whole seconds, rounded up.
func seconds(h http.Header, now, next time.Time) {
	h.Set("Retry-After", strconv.Itoa(int(math.Ceil(next.Sub(now).Seconds()))))
}

// date is Retry-After as a date, which has whole seconds too.
func date(h http.Header, _, next time.Time) {
	h.Set("Retry-After", next.Add(time.Second-1).UTC().Format(http.TimeFormat))
}

func silence(http.Header, time.Time, time.Time) {}

// bucket holds burst requests and fills at perSecond.
func bucket(perSecond, burst float64) func(time.Time) (bool, time.Time) {
	var last time.Time
	tokens := burst
	return func(now time.Time) (bool, time.Time) {
		if !last.IsZero() {
			tokens = min(burst, tokens+perSecond*now.Sub(last).Seconds())
		}
		last = now
		if tokens >= 1 {
			tokens--
			return true, now
		}
		return false, now.Add(time.Duration((1 - tokens) / perSecond * float64(time.Second)))
	}
}

// windows allows most requests in each stretch of length, counted from phase after the
// first request.
func windows(most int, length, phase time.Duration) func(time.Time) (bool, time.Time) {
	var begun time.Time
	n := 0
	return func(now time.Time) (bool, time.Time) {
		if begun.IsZero() {
			begun = now.Add(-phase)
		}
		for !now.Before(begun.Add(length)) {
			begun, n = begun.Add(length), 0
		}
		if n < most {
			n++
			return true, now
		}
		return false, begun.Add(length)
	}
}

// closedFor allows nothing for a while, and then everything.
func closedFor(d time.Duration) func(time.Time) (bool, time.Time) {
	var open time.Time
	return func(now time.Time) (bool, time.Time) {
		if open.IsZero() {
			open = now.Add(d)
		}
		return !now.Before(open), open
	}
}

// flood sends requests to s by many workers; it returns how long
// that took. Every answer has to be a success.
func flood(t *testing.T, c *Client, s *limited, requests int) time.Duration {
	t.Helper()
	begun := time.Now()
	work := make(chan int)
	var wg sync.WaitGroup
	for range 16 {
		wg.Go(func() {
			for i := range work {
				resp, err := c.Do(t.Context(), Request{Method: "POST", Path: "/Users", Body: fmt.Appendf(nil, "%d", i)})
				if err != nil || resp.Status != 200 {
					t.Errorf("request %d: %+v, %v", i, resp, err)
				}
			}
		})
	}
	for i := range requests {
		work <- i
	}
	close(work)
	wg.Wait()
	for body, n := range s.bodies {
		if n != 1 {
			t.Errorf("%q was accepted %d times", body, n)
		}
	}
	if len(s.bodies) != requests {
		t.Errorf("%d different requests were accepted, not %d", len(s.bodies), requests)
	}
	return time.Since(begun)
}

func clientFor(t *testing.T, s *limited, o Options) *Client {
	t.Helper()
	s.bodies = map[string]int{}
	o.BaseURL = "http://idp.example"
	o.InFlight = 16
	o.Retries = 3
	c, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	c.gate.next = s
	return c
}

func TestAllowedRateIsUsed(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name    string
		own     float64
		latency time.Duration
		allow   func(time.Time) (bool, time.Time)
		refuse  func(http.Header, time.Time, time.Time)
		least   float64
	}{
		{"bucket", 0, 2 * time.Millisecond, bucket(200, 200), seconds, 190},
		{"windows", 0, 2 * time.Millisecond, windows(200, time.Second, 0), seconds, 190},
		{"windows, dates", 0, 2 * time.Millisecond, windows(200, time.Second, 0), date, 190},
		{"windows of the clock", 0, 2 * time.Millisecond, windows(200, time.Second, 600*time.Millisecond), seconds, 190},
		{"windows, own limit", 1000, 2 * time.Millisecond, windows(200, time.Second, 0), seconds, 190},
		{"bucket, own limit", 1000, 2 * time.Millisecond, bucket(200, 200), seconds, 190},
		{"windows, slow", 0, 20 * time.Millisecond, windows(200, time.Second, 0), seconds, 180},
		{"bucket, slow", 0, 20 * time.Millisecond, bucket(200, 200), seconds, 190},
		{"bucket of 100", 0, 2 * time.Millisecond, bucket(200, 100), seconds, 100},
		{"bucket of 20", 0, 2 * time.Millisecond, bucket(200, 20), seconds, 100},
		{"bucket of one", 0, 2 * time.Millisecond, bucket(200, 1), seconds, 80},
		{"windows, silent", 0, 2 * time.Millisecond, windows(200, time.Second, 0), silence, 190},
		{"windows, slow and of the clock", 0, 30 * time.Millisecond, windows(200, time.Second, 600*time.Millisecond), seconds, 150},
		{"half minutes", 0, 2 * time.Millisecond, windows(600, 30*time.Second, 0), seconds, 15},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s := &limited{latency: tc.latency, allow: tc.allow, refuse: tc.refuse}
				c := clientFor(t, s, Options{PerSecond: tc.own})
				took := flood(t, c, s, 2000)
				got := 2000 / took.Seconds()
				t.Logf("%.1f requests/s in %v, %d refused", got, took, s.refused)
				if got < tc.least {
					t.Errorf("%.1f requests a second, at least %.0f are wanted", got, tc.least)
				}
				if s.early > 0 {
					t.Errorf("%d requests came before the wait was over", s.early)
				}
			})
		})
	}
}

// Over a longer time a server is tried out now and then, at little cost.
func TestAllowedRateIsKept(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name  string
		allow func(time.Time) (bool, time.Time)
		least float64
	}{
		{"bucket", bucket(200, 200), 190},
		{"windows", windows(200, time.Second, 0), 190},
		{"windows of the clock", windows(200, time.Second, 600*time.Millisecond), 185},
		{"bucket of 20", bucket(200, 20), 165},
		{"bucket of one", bucket(200, 1), 150},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s := &limited{latency: 2 * time.Millisecond, allow: tc.allow, refuse: seconds}
				took := flood(t, clientFor(t, s, Options{}), s, 20_000)
				got := 20_000 / took.Seconds()
				t.Logf("%.1f requests/s in %v, %d refused", got, took, s.refused)
				if got < tc.least {
					t.Errorf("%.1f requests a second, at least %.0f are wanted", got, tc.least)
				}
			})
		})
	}
}

// A limit that was lowered for a while is found, and found lifted.
func TestRecovery(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		begun := time.Now()
		high, low := bucket(200, 200), bucket(20, 20)
		s := &limited{latency: 2 * time.Millisecond, refuse: seconds, allow: func(now time.Time) (bool, time.Time) {
			if since := now.Sub(begun); since > 20*time.Second && since < 40*time.Second {
				return low(now)
			}
			return high(now)
		}}
		c := clientFor(t, s, Options{})
		flood(t, c, s, 10_000)
		// 20 s at 200, 20 s at 20, and the rest at 200 again, but for a minute to find out.
		if took := time.Since(begun); took > 110*time.Second {
			t.Errorf("10,000 requests took %v", took)
		}
	})
}

func TestWhatIsRefused(t *testing.T) {
	t.Parallel()
	never := func(now time.Time) (bool, time.Time) { return false, now.Add(2 * time.Second) }
	for _, tc := range []struct {
		name    string
		retries int
		allow   func(time.Time) (bool, time.Time)
		refuse  func(http.Header, time.Time, time.Time)
		status  int
		took    time.Duration
	}{
		{"no retries", 0, never, seconds, 429, 0},
		{"too long a wait", 3, windows(0, time.Hour, 0), seconds, 429, 0},
		// Longer than three retries would last, and then it is enough.
		{"for good", 3, never, seconds, 429, 30 * time.Second},
		{"for good, without a word", 3, never, silence, 429, 15 * time.Second},
		{"lifted", 3, closedFor(10 * time.Second), seconds, 200, 10 * time.Second},
		{"lifted, with a reset", 3, closedFor(10 * time.Second), func(h http.Header, now, next time.Time) {
			h.Set("X-RateLimit-Remaining", "0")
			h.Set("X-RateLimit-Reset", strconv.FormatInt(next.Add(time.Hour+time.Second-1).Unix(), 10))
			h.Set("Date", now.Add(time.Hour).UTC().Format(http.TimeFormat)) // its clock is wrong
		}, 200, 10 * time.Second},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s := &limited{allow: tc.allow, refuse: tc.refuse}
				c := clientFor(t, s, Options{})
				c.gate.opts.Retries = tc.retries
				begun := time.Now()
				resp, err := c.Do(t.Context(), Request{Method: "PATCH", Path: "/Users/1", Body: []byte("x")})
				if err != nil || resp.Status != tc.status {
					t.Fatalf("got %+v, %v", resp, err)
				}
				if took := time.Since(begun).Round(time.Second); took != tc.took {
					t.Errorf("took %v with %d refusals, want %v", took, s.refused, tc.took)
				}
			})
		})
	}
}

// Where a server says that nothing is left, nothing has to be refused.
func TestNothingLeft(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &limited{allow: windows(100, time.Minute, 0), refuse: seconds}
		c := clientFor(t, s, Options{MaxWait: time.Minute, InFlight: 1})
		c.gate.slots = make(chan struct{}, 1) // one after the other
		c.gate.next = tripper(func(r *http.Request) (*http.Response, error) {
			resp, err := s.RoundTrip(r)
			resp.Header.Set("RateLimit-Remaining", strconv.Itoa(99-(s.accepted-1)%100))
			resp.Header.Set("RateLimit-Reset", "60")
			return resp, err
		})
		if took := flood(t, c, s, 250); took > 4*time.Minute || s.refused > 0 {
			t.Errorf("%d requests were refused in %v", s.refused, took)
		}
	})
}

type tripper func(*http.Request) (*http.Response, error)

func (f tripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// Whoever gives up while waiting leaves at once and leaves nothing behind; the others
// go on about in their order.
func TestGivingUp(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &limited{allow: func(time.Time) (bool, time.Time) { return true, time.Time{} }, refuse: seconds}
		c := clientFor(t, s, Options{PerSecond: 1})
		begun := time.Now()
		var mu sync.Mutex
		var order []int
		var wg sync.WaitGroup
		for i := range 100 { // more than there are slots
			ctx, cancel := context.WithCancel(t.Context())
			if i%2 == 1 {
				ctx, cancel = context.WithTimeout(t.Context(), 2500*time.Millisecond)
			}
			wg.Go(func() {
				defer cancel()
				_, err := c.Do(ctx, Request{Method: "GET", Path: "/"})
				mu.Lock()
				defer mu.Unlock()
				switch {
				case err == nil:
					order = append(order, i)
				case !errors.Is(err, context.DeadlineExceeded) || time.Since(begun) > 2500*time.Millisecond:
					t.Errorf("request %d ended with %v after %v", i, err, time.Since(begun))
				}
			})
			synctest.Wait()
		}
		wg.Wait()
		if took := time.Since(begun); len(order) != 51 || took != 50*time.Second {
			t.Errorf("%d requests at one a second took %v", len(order), took)
		}
		// Those that find a slot at the same time may be in any order.
		for at, i := range order {
			if should := (i + 2) / 2; max(at-should, should-at) > 16 {
				t.Errorf("request %d was number %d", i, at)
			}
		}
	})
}

func TestBudgets(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var sent []time.Time
		s := &limited{refuse: seconds, allow: func(now time.Time) (bool, time.Time) {
			sent = append(sent, now)
			return true, now
		}}
		c := clientFor(t, s, Options{PerMinute: 30, PerHour: 100, PerDay: 250})
		flood(t, c, s, 250)
		for _, b := range []struct {
			most   int
			window time.Duration
		}{{30, time.Minute}, {100, time.Hour}} {
			for i := range sent[b.most:] {
				if gap := sent[i+b.most].Sub(sent[i]); gap < b.window {
					t.Fatalf("requests %d and %d are %v apart", i, i+b.most, gap)
				}
			}
		}
		if took := sent[249].Sub(sent[0]).Round(time.Minute); took != 2*time.Hour+time.Minute {
			t.Errorf("it took %v", took)
		}
		_, err := c.Do(t.Context(), Request{Method: "GET", Path: "/Users", Route: "/Users"})
		if err == nil || err.Error() != "GET /Users: the budget of requests for the hour or the day is spent" || IsAmbiguous(err) {
			t.Errorf("got %v", err)
		}
		time.Sleep(24 * time.Hour)
		if _, err := c.Do(t.Context(), Request{Method: "GET", Path: "/Users"}); err != nil {
			t.Errorf("the next day: %v", err)
		}
	})
}

func TestRateHeaders(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 9, 1, 2, 0, 0, 0, time.UTC)
	for _, tc := range []struct {
		header string // name=value, separated by |
		want   string
	}{
		{"", "0s false"},
		{"RateLimit-Remaining=0|RateLimit-Reset=7", "7s true"},
		{"RateLimit-Remaining=1|RateLimit-Reset=7", "0s false"},
		{"X-RateLimit-Remaining=0|X-RateLimit-Reset=1788228030", "30s true"},
		{"X-Rate-Limit-Remaining=0|X-Rate-Limit-Reset=1788228030|Date=Tue, 01 Sep 2026 02:00:10 GMT", "20s true"},
		{"X-Rate-Limit-Remaining=0|X-Rate-Limit-Reset=1788228000", "0s false"},
		{"X-RateLimit-Remaining=0", "0s false"},
		{"X-RateLimit-Remaining=none|X-RateLimit-Reset=7", "0s false"},
		{"X-RateLimit-Remaining=0|X-RateLimit-Reset=-7", "0s false"},
		{"X-RateLimit-Remaining=0|X-RateLimit-Reset=99999999999999999", "0s false"},
	} {
		h := http.Header{}
		for pair := range strings.SplitSeq(tc.header, "|") {
			name, value, _ := strings.Cut(pair, "=")
			h.Set(name, value)
		}
		wait, ok := spent(h, now)
		if got := fmt.Sprint(wait, ok); got != tc.want {
			t.Errorf("%q: got %s, want %s", tc.header, got, tc.want)
		}
	}
}

// A server that refuses everything for a while says nothing about the rate that it bears.
func TestRefusingEverythingTeachesNoPace(t *testing.T) {
	t.Parallel()
	p := newPacer(Options{InFlight: 8, MinWait: time.Millisecond, MaxWait: 10 * time.Millisecond})
	now := time.Date(2026, 11, 24, 2, 0, 0, 0, time.UTC)
	for range 500 { // some requests were borne, so that there is a pace
		p.accept()
	}
	for range 40 {
		for {
			left, err := p.admit(now)
			if err != nil {
				t.Fatal(err)
			}
			if left <= 0 {
				break
			}
			now = now.Add(left)
		}
		p.refuse(now.Add(time.Millisecond), now, 0, false)
		now = now.Add(2 * time.Millisecond)
	}
	if left, err := p.admit(now.Add(time.Minute)); err != nil || left > 0 {
		t.Fatalf("%v, %v", left, err)
	}
	if p.pace < 1 {
		t.Errorf("the pace is down to %g requests a second", p.pace)
	}
}

// A server that refuses by lot, whatever the rate, is not crept to.
func TestChanceTeachesNoSnailsPace(t *testing.T) {
	t.Parallel()
	for _, inFlight := range []int{1, 8} {
		for _, percent := range []int{10, 30, 60, 90} {
			lot := rand.New(rand.NewPCG(uint64(percent), uint64(inFlight)))
			p := newPacer(Options{InFlight: inFlight, MinWait: time.Millisecond, MaxWait: 10 * time.Millisecond})
			now := time.Date(2026, 11, 24, 2, 0, 0, 0, time.UTC)
			for range 3000 {
				for left := time.Duration(1); left > 0; now = now.Add(left) {
					var err error
					if left, err = p.admit(now); err != nil {
						t.Fatal(err)
					}
					left = max(left, 0)
				}
				sent := now
				now = now.Add(time.Duration(lot.IntN(20)) * time.Millisecond)
				if lot.IntN(100) < percent {
					p.refuse(now, sent, 0, lot.IntN(2) == 0)
				} else {
					p.accept()
				}
				if p.pace < 5 {
					t.Fatalf("%d in flight, %d of 100 refused: the pace is down to %.2f requests a second", inFlight, percent, p.pace)
				}
			}
		}
	}
}

// A server that takes longer to refuse than anybody waits is not asked for ever.
func TestSlowRefusalsEnd(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		never := func(now time.Time) (bool, time.Time) { return false, now }
		atOnce := func(h http.Header, _, _ time.Time) { h.Set("Retry-After", "0") }
		s := &limited{latency: 20 * time.Millisecond, allow: never, refuse: atOnce}
		c := clientFor(t, s, Options{MinWait: time.Millisecond, MaxWait: 10 * time.Millisecond})
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		resp, err := c.Do(ctx, Request{Method: "GET", Path: "/Users"})
		if err != nil || resp.Status != 429 || s.refused > 10 {
			t.Errorf("%d refusals: %+v, %v", s.refused, resp, err)
		}
	})
}
