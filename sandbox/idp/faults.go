package idp

import (
	"errors"
	"net/http"
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
	DropWrite int `json:"dropWrite"`
	// Throttle answers so many requests with 429. RetryAfter is what they ask for, in
	// whole seconds or, with RetryAfterDate, as a date; zero asks for nothing.
	Throttle       int           `json:"throttle"`
	RetryAfter     time.Duration `json:"-"`
	RetryAfterDate bool          `json:"retryAfterDate"`
	// Fail answers so many requests with FailStatus, 503 if it is zero, and does
	// nothing. FailWrites spares the reads.
	Fail       int  `json:"fail"`
	FailStatus int  `json:"failStatus"`
	FailWrites bool `json:"failWrites"`
	// FailAfter carries out so many writes and then answers them with FailAfterStatus,
	// 500 if it is zero; 504 leaves open what has happened. FailAfterGroups spares the
	// writes of anything but groups.
	FailAfter       int  `json:"failAfter"`
	FailAfterStatus int  `json:"failAfterStatus"`
	FailAfterGroups bool `json:"failAfterGroups"`
	// NotEnabled refuses everything with 400, as Entra ID does where the SCIM API has not
	// been switched on for the tenant.
	NotEnabled bool `json:"notEnabled"`
	// Precondition answers so many PATCHes, PUTs and DELETEs with 412 and does nothing,
	// as if somebody had changed the resource meanwhile.
	Precondition int `json:"precondition"`
	// Delay is waited before each request or, with Delayed, before so many.
	Delay   time.Duration `json:"-"`
	Delayed int           `json:"delayed"`
	// PageCap is how many resources the answer to a GET of a list holds at most, however
	// many were asked for.
	PageCap int `json:"pageCap"`
	// PageRepeat lets so many later pages, asked for by index, begin with the last row
	// of the page before; PageSkip lets them leave out their first row. Both happen
	// where rows move between two requests.
	PageRepeat int `json:"pageRepeat"`
	PageSkip   int `json:"pageSkip"`
	// ConflictAs400 answers 400 without a scimType where the RFC wants 409.
	ConflictAs400 bool `json:"conflictAs400"`
	// NotFound answers so many filters that meet nothing with 404.
	NotFound int `json:"notFound"`
	// NullMembers answers so many PATCHes of groups with 200 and members that are null.
	NullMembers int `json:"nullMembers"`
	// NumbersAsText and BooleansAsText write the numbers and booleans in so many answers
	// to GET as strings: "3", "True".
	NumbersAsText  int `json:"numbersAsText"`
	BooleansAsText int `json:"booleansAsText"`
	// BulkRefused answers so many bulk requests with 501; until then the configuration
	// announces bulk.
	BulkRefused int `json:"bulkRefused"`
	// BulkReversed gives so many bulk answers their operations in reverse order.
	// BulkMissing leaves the answer to the last operation, which was carried out, out of
	// so many.
	BulkReversed int `json:"bulkReversed"`
	BulkMissing  int `json:"bulkMissing"`
}

// Check finds numbers that mean nothing.
func (f Faults) Check() error {
	if min(f.DropWrite, f.Throttle, int(f.RetryAfter), f.Fail, f.FailAfter, f.Precondition, int(f.Delay), f.Delayed, f.PageCap, f.PageRepeat,
		f.PageSkip, f.NotFound, f.NullMembers, f.NumbersAsText, f.BooleansAsText, f.BulkRefused, f.BulkReversed, f.BulkMissing) < 0 {
		return errors.New("numbers cannot be negative")
	}
	for _, status := range []int{f.FailStatus, f.FailAfterStatus} {
		if status != 0 && (status < 400 || status > 599) {
			return errors.New("failStatus and failAfterStatus are from 400 to 599")
		}
	}
	return nil
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

// happens counts one fault down, if any of it is left.
func (p *IDP) happens(number func(*Faults) *int) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	n := number(&p.faults)
	if *n == 0 {
		return false
	}
	*n--
	return true
}

// verdict is what the faults say about one request before it is carried out.
type verdict struct {
	Faults
	delay, drop, throttle, fail, failAfter, precondition bool
}

// judge counts the request against the faults. A request meets one of them, besides
// the delay.
func (p *IDP) judge(r *http.Request, path string) verdict {
	write := isWrite(r, path)
	p.mu.Lock()
	defer p.mu.Unlock()
	f := &p.faults
	v := verdict{Faults: *f, delay: f.Delay > 0}
	if v.delay && f.Delayed > 0 {
		if f.Delayed--; f.Delayed == 0 {
			f.Delay = 0
		}
	}
	switch {
	case f.Throttle > 0:
		f.Throttle--
		v.throttle = true
	case f.Fail > 0 && (write || !f.FailWrites):
		f.Fail--
		v.fail = true
	case write && f.Precondition > 0 && r.Method != http.MethodPost:
		f.Precondition--
		v.precondition = true
	case write && f.FailAfter > 0 && (!f.FailAfterGroups || strings.HasPrefix(path, scim.Group.Endpoint())):
		f.FailAfter--
		v.failAfter = true
	case write && f.DropWrite > 0:
		f.DropWrite--
		v.drop = f.DropWrite == 0
	}
	return v
}

func (p *IDP) serveSCIM(w http.ResponseWriter, r *http.Request) {
	path := p.pathOf(r)
	p.counts.count(r, path)
	if len(p.budgets) > 0 && !p.afford(w, r) {
		return
	}
	v := p.judge(r, path)
	if v.delay && !wait(r, v.Delay) {
		return
	}
	switch {
	case v.NotEnabled:
		server.WriteError(w, &scim.Error{
			Status: http.StatusBadRequest,
			Detail: "No 'scimapiconsumptions' resource found for TenantId: sandbox. Please ensure 'SCIM Provisioning API' feature is enabled.",
		})
	case v.throttle:
		p.throttle(w, v.Faults)
	case v.fail:
		fail(w, v.FailStatus, http.StatusServiceUnavailable)
	case v.precondition:
		fail(w, http.StatusPreconditionFailed, 0)
	case v.failAfter:
		p.gate(&held{header: http.Header{}}, r)
		fail(w, v.FailAfterStatus, http.StatusInternalServerError)
	case v.drop:
		p.gate(&held{header: http.Header{}}, r)
		panic(http.ErrAbortHandler) // net/http cuts the connection and logs nothing
	default:
		p.pass(w, r, path, v.Faults)
	}
}

// wait tells whether the client was still there afterwards.
func wait(r *http.Request, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-r.Context().Done():
		return false
	}
}

func fail(w http.ResponseWriter, status, fallback int) {
	if status == 0 {
		status = fallback
	}
	server.WriteError(w, &scim.Error{Status: status, Detail: "the sandbox was told to fail"})
}

func (p *IDP) throttle(w http.ResponseWriter, f Faults) {
	if f.RetryAfter > 0 {
		text := strconv.Itoa(int((f.RetryAfter + time.Second - 1) / time.Second))
		if f.RetryAfterDate {
			now := p.options.Now().UTC()
			text = now.Add(f.RetryAfter).Format(http.TimeFormat)
			w.Header().Set("Date", now.Format(http.TimeFormat)) // one clock for both
		}
		w.Header().Set("Retry-After", text)
	}
	server.WriteError(w, &scim.Error{Status: http.StatusTooManyRequests, Detail: "the sandbox was told to throttle"})
}
