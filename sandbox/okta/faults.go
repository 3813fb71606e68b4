package okta

import (
	"cmp"
	"errors"
	"net/http"
	"time"
)

// Faults are ways to misbehave. The zero Faults are none. Numbers count down as the
// faults happen; the token endpoint has none.
type Faults struct {
	// Throttle answers so many requests with 429 and says that the limit begins anew in a
	// second, whatever is left of it.
	Throttle int `json:"throttle"`
	// Fail answers so many requests with FailStatus, 500 if it is zero, and does
	// nothing. FailWrites spares the reads.
	Fail       int  `json:"fail"`
	FailStatus int  `json:"failStatus"`
	FailWrites bool `json:"failWrites"`
	// DropWrite carries out the write that is so many writes ahead (1 is the next) and
	// then cuts the connection instead of answering.
	DropWrite int `json:"dropWrite"`
	// ImportError lets so many imports end in ERROR without having done anything.
	ImportError int `json:"importError"`
	// Skip leaves so many users out of what is imported. Only a snapshot tells.
	Skip int `json:"skip"`
}

// Check finds numbers that mean nothing.
func (f Faults) Check() error {
	if min(f.Throttle, f.Fail, f.DropWrite, f.ImportError, f.Skip) < 0 {
		return errors.New("numbers cannot be negative")
	}
	if f.FailStatus != 0 && (f.FailStatus < 400 || f.FailStatus > 599) {
		return errors.New("failStatus is from 400 to 599")
	}
	return nil
}

// SetFaults replaces the faults; what is left of the old ones is gone.
func (o *Org) SetFaults(f Faults) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.faults = f
}

// Faults returns the faults with what is left of their numbers.
func (o *Org) Faults() Faults {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.faults
}

// happens counts one of the numbers down, if any of it is left.
func (f *Faults) happens(n *int) bool {
	if *n == 0 {
		return false
	}
	*n--
	return true
}

// before is the fault that is met before a request is carried out.
func (f *Faults) before(c *call) error {
	switch {
	case f.happens(&f.Throttle):
		tell(c.header, 0, c.now.Add(time.Second))
		return throttled()
	case f.FailWrites && c.r.Method == http.MethodGet:
		return nil
	case f.happens(&f.Fail):
		return broken(cmp.Or(f.FailStatus, http.StatusInternalServerError))
	}
	return nil
}

// drops tells whether this write, which was carried out, is the one to keep quiet about.
func (f *Faults) drops() bool { return f.happens(&f.DropWrite) && f.DropWrite == 0 }
