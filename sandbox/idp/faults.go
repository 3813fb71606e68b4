package idp

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"simscim/scim"
	"simscim/scim/server"
)

// Faults are ways to misbehave. The zero Faults are none. Numbers count down as the
// faults happen.
type Faults struct {
	// DropWrite carries out the write that is so many writes ahead (1 is the next) and
	// then cuts the connection instead of answering.
	DropWrite int
	// Throttle answers so many requests with 429. RetryAfter is what they ask for, in
	// whole seconds or, with RetryAfterDate, as a date; zero asks for nothing.
	Throttle       int
	RetryAfter     time.Duration
	RetryAfterDate bool
	// Fail answers so many requests with FailStatus, 503 if it is zero, and does
	// nothing. FailWrites spares the reads.
	Fail       int
	FailStatus int
	FailWrites bool
	// Delay is waited before each request.
	Delay time.Duration
	// PageCap is how many resources the answer to a GET of a list holds at most, however
	// many were asked for.
	PageCap int
	// ConflictAs400 answers 400 without a scimType where the RFC wants 409.
	ConflictAs400 bool
}

// SetFaults replaces the faults; what is left of the old ones is gone.
func (p *IDP) SetFaults(f Faults) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.faults = f
}

// Faults returns the faults with what is left of their numbers.
func (p *IDP) Faults() Faults {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.faults
}

// verdict is what the faults say about one request.
type verdict struct {
	Faults
	drop, throttle, fail bool
}

// judge counts the request against the faults.
func (p *IDP) judge(write bool) verdict {
	p.mu.Lock()
	defer p.mu.Unlock()
	f := &p.faults
	v := verdict{Faults: *f}
	switch {
	case f.Throttle > 0:
		f.Throttle--
		v.throttle = true
	case f.Fail > 0 && (write || !f.FailWrites):
		f.Fail--
		v.fail = true
	case write && f.DropWrite > 0:
		f.DropWrite--
		v.drop = f.DropWrite == 0
	}
	return v
}

func (p *IDP) serveSCIM(w http.ResponseWriter, r *http.Request) {
	path := strings.TrimPrefix(r.URL.Path, p.options.BasePath)
	p.counts.count(r, path)
	if len(p.budgets) > 0 && !p.afford(w, r) {
		return
	}
	v := p.judge(isWrite(r, path))
	if v.Delay > 0 {
		timer := time.NewTimer(v.Delay)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-r.Context().Done():
			return
		}
	}
	switch {
	case v.throttle:
		p.throttle(w, v.Faults)
	case v.fail:
		status := v.FailStatus
		if status == 0 {
			status = http.StatusServiceUnavailable
		}
		server.WriteError(w, &scim.Error{Status: status, Detail: "the sandbox was told to fail"})
	case v.drop:
		p.gate(&held{header: http.Header{}}, r)
		panic(http.ErrAbortHandler) // net/http cuts the connection and logs nothing
	default:
		p.pass(w, r, v.Faults)
	}
}

func (p *IDP) throttle(w http.ResponseWriter, f Faults) {
	if f.RetryAfter > 0 {
		text := strconv.Itoa(int((f.RetryAfter + time.Second - 1) / time.Second))
		if f.RetryAfterDate {
			text = p.options.Now().Add(f.RetryAfter).UTC().Format(http.TimeFormat)
		}
		w.Header().Set("Retry-After", text)
	}
	server.WriteError(w, &scim.Error{Status: http.StatusTooManyRequests, Detail: "the sandbox was told to throttle"})
}

// pass lets the request through, with the faults that only bend it.
func (p *IDP) pass(w http.ResponseWriter, r *http.Request, f Faults) {
	if f.PageCap > 0 && r.Method == http.MethodGet {
		r = r.Clone(r.Context())
		r.URL.RawQuery = capped(r.URL.RawQuery, f.PageCap)
	}
	if !f.ConflictAs400 {
		p.gate(w, r)
		return
	}
	answer := &held{header: w.Header()}
	p.gate(answer, r)
	if answer.status == http.StatusConflict {
		w.Header().Del("Content-Length")
		server.WriteError(w, &scim.Error{Status: http.StatusBadRequest, Detail: "another object with the same value exists"})
		return
	}
	w.WriteHeader(answer.status)
	_, _ = w.Write(answer.body.Bytes()) // the client has gone if this fails
}

// capped lowers the count of a list request. A query that cannot be read is left for
// the service to refuse.
func capped(query string, most int) string {
	values, err := url.ParseQuery(query)
	if err != nil {
		return query
	}
	count := most
	for name := range values {
		if strings.EqualFold(name, "count") {
			n, err := strconv.Atoi(values.Get(name))
			if err != nil {
				return query
			}
			count = min(n, most)
			values.Del(name)
		}
	}
	values.Set("count", strconv.Itoa(count))
	return values.Encode()
}
