package entra

import (
	"cmp"
	"errors"
	"net/http"
	"time"
)

// Faults are ways to misbehave. The zero Faults are none. Numbers count down as the
// faults happen. Those without another word are for requests to Graph; a batch is one.
type Faults struct {
	// DropWrite carries out the write that is so many writes ahead (1 is the next) and
	// then cuts the connection instead of answering.
	DropWrite int `json:"dropWrite"`
	// Throttle answers so many requests with 429, and with RetryAfter unless it is zero.
	Throttle   int           `json:"throttle"`
	RetryAfter time.Duration `json:"-"`
	// ThrottleParts answers so many parts of batches with 429, likewise.
	ThrottleParts int `json:"throttleParts"`
	// NoRetryAfter leaves out how long to wait where a limit on uploads or on resource
	// units is reached. The log never says it.
	NoRetryAfter bool `json:"noRetryAfter"`
	// Fail answers so many requests with FailStatus, 503 if it is zero, and does
	// nothing. FailWrites spares the reads.
	Fail       int  `json:"fail"`
	FailStatus int  `json:"failStatus"`
	FailWrites bool `json:"failWrites"`
	// FailAfter carries out so many writes and then answers them with FailAfterStatus,
	// 504 if it is zero.
	FailAfter       int `json:"failAfter"`
	FailAfterStatus int `json:"failAfterStatus"`
	// FailTokens answers so many requests for tokens with 503.
	FailTokens int `json:"failTokens"`
	// ForgetDeltas answers so many delta links with 410.
	ForgetDeltas int `json:"forgetDeltas"`
}

// Check finds numbers that mean nothing.
func (f Faults) Check() error {
	if min(f.DropWrite, f.Throttle, int(f.RetryAfter), f.ThrottleParts, f.Fail, f.FailAfter, f.FailTokens, f.ForgetDeltas) < 0 {
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
func (s *Service) SetFaults(f Faults) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = f
}

// Faults returns the faults with what is left of their numbers.
func (s *Service) Faults() Faults {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.faults
}

// arriveAtToken counts a request for a token and tells whether it is to fail.
func (s *Service) arriveAtToken(kind Kind) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.counts[kind]++
	return happens(&s.faults.FailTokens)
}

// happens counts one fault down, if any of it is left. The lock is held.
func happens(n *int) bool {
	if *n == 0 {
		return false
	}
	*n--
	return true
}

// verdict is what the faults say about one request: an error in place of doing it, or
// one in place of the answer, or no answer at all.
type verdict struct {
	before, after error
	drop          bool
}

func (s *Service) judge(r *http.Request) verdict {
	write := r.Method != http.MethodGet
	s.mu.Lock()
	defer s.mu.Unlock()
	f := &s.faults
	switch {
	case happens(&f.Throttle):
		return verdict{before: f.throttled()}
	case f.Fail > 0 && (write || !f.FailWrites):
		f.Fail--
		return verdict{before: told(cmp.Or(f.FailStatus, http.StatusServiceUnavailable))}
	case write && happens(&f.FailAfter):
		return verdict{after: told(cmp.Or(f.FailAfterStatus, http.StatusGatewayTimeout))}
	case write && happens(&f.DropWrite):
		return verdict{drop: f.DropWrite == 0}
	}
	return verdict{}
}

func (f *Faults) throttled() error {
	return &problem{status: http.StatusTooManyRequests, code: "TooManyRequests", message: "The sandbox was told to throttle.", wait: f.RetryAfter}
}

func told(status int) error {
	return &problem{status: status, code: "UnknownError", message: "The sandbox was told to fail."}
}
