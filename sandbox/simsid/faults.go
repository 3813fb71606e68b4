package simsid

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"
)

// FaultKind is one way to misbehave.
type FaultKind string

// The faults. Those of the first group answer instead of the service; the others
// spoil a good answer.
const (
	Unauthorised   FaultKind = "unauthorised"    // 401
	Forbidden      FaultKind = "forbidden"       // 403
	NotFound       FaultKind = "not-found"       // 404
	ThrottleHeader FaultKind = "throttle-header" // 429 with Retry-After
	ThrottleDate   FaultKind = "throttle-date"   // 429 with Retry-After as a date
	ThrottleBody   FaultKind = "throttle-body"   // 429 that says the seconds in words only
	ServerError    FaultKind = "server-error"    // 500
	Maintenance    FaultKind = "maintenance"     // 503
	HTML           FaultKind = "html"            // 200 with a page for people
	Malformed      FaultKind = "malformed"       // 200 with JSON that breaks off
	CutBody        FaultKind = "cut-body"        // the connection ends in mid-answer
	NoEnvelope     FaultKind = "no-envelope"     // 200 with JSON that is no list
	Slow           FaultKind = "slow"            // the right answer, after Seconds

	ExpiredToken      FaultKind = "expired-token"      // the STS issues tokens that have expired
	TotalMoves        FaultKind = "total-moves"        // totalItems grows with the page number
	RepeatedPage      FaultKind = "repeated-page"      // a page brings the items of the one before
	ShortPage         FaultKind = "short-page"         // the last item of a page is missing
	PageMissing       FaultKind = "page-missing"       // a page is empty though there are items
	EmptyList         FaultKind = "empty-list"         // a list is empty where people were
	OtherOrganisation FaultKind = "other-organisation" // the answer is another school's, it says
	DuplicateIDs      FaultKind = "duplicate-ids"      // two items of a page have one id
	MissingIDs        FaultKind = "missing-ids"        // an item has no id
	WrongTypes        FaultKind = "wrong-types"        // an item has numbers and text where others belong
	DanglingClasses   FaultKind = "dangling-classes"   // an item is in a class that does not exist
)

// FaultKinds lists all faults.
func FaultKinds() []FaultKind {
	return []FaultKind{
		Unauthorised, Forbidden, NotFound, ThrottleHeader, ThrottleDate, ThrottleBody, ServerError, Maintenance, HTML, Malformed, CutBody,
		NoEnvelope, Slow, ExpiredToken, TotalMoves, RepeatedPage, ShortPage, PageMissing, EmptyList, OtherOrganisation, DuplicateIDs,
		MissingIDs, WrongTypes, DanglingClasses,
	}
}

// Fault is one switch.
type Fault struct {
	Kind FaultKind `json:"kind"`
	// Path picks the calls: /sts/…, /management/… or /provisioning/… and the path
	// there. * stands for one segment, ** at the end for any rest; empty is every call.
	Path string `json:"path,omitempty"`
	// Nth is the first matching call to hit, counted from 1; 0 is the first.
	Nth int `json:"nth,omitempty"`
	// Times is how many calls to hit; 0 is all from then on.
	Times int `json:"times,omitempty"`
	// Seconds are what 429 asks to wait (3 if 0), and how long slow takes (1 if 0).
	Seconds int `json:"seconds,omitempty"`
}

// Faults is the set of switches. It can be changed at any time.
type Faults struct {
	kinds []FaultKind

	mu    sync.Mutex
	list  []Fault
	calls []int
}

// NewFaults makes a set of switches of the kinds that a service knows.
func NewFaults(kinds ...FaultKind) *Faults { return &Faults{kinds: kinds} }

// Kinds lists the faults that can be switched on.
func (f *Faults) Kinds() []FaultKind { return slices.Clone(f.kinds) }

// Set replaces all faults, and begins to count anew.
func (f *Faults) Set(list ...Fault) error {
	for _, fault := range list {
		switch {
		case !slices.Contains(f.kinds, fault.Kind):
			return fmt.Errorf("set faults: there is no fault %q; there are %v", fault.Kind, f.kinds)
		case fault.Path != "" && !strings.HasPrefix(fault.Path, "/"):
			return fmt.Errorf("set faults: the path %q does not begin with a slash", fault.Path)
		case fault.Nth < 0 || fault.Times < 0 || fault.Seconds < 0:
			return fmt.Errorf("set faults: nth, times and seconds of %q cannot be negative", fault.Kind)
		}
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.list, f.calls = slices.Clone(list), make([]int, len(list))
	return nil
}

// Clear switches all faults off.
func (f *Faults) Clear() { _ = f.Set() } // an empty list is always right

// List returns the faults that are on.
func (f *Faults) List() []Fault {
	f.mu.Lock()
	defer f.mu.Unlock()
	return append([]Fault{}, f.list...)
}

// Match counts a call and returns the first fault that hits it, or nil.
func (f *Faults) Match(path string) *Fault {
	f.mu.Lock()
	defer f.mu.Unlock()
	var hit *Fault
	for i := range f.list {
		fault := f.list[i]
		if !matches(fault.Path, path) {
			continue
		}
		f.calls[i]++
		n := f.calls[i] - max(fault.Nth, 1)
		if hit == nil && n >= 0 && (fault.Times == 0 || n < fault.Times) {
			hit = &fault
		}
	}
	return hit
}

func matches(pattern, path string) bool {
	if pattern == "" {
		return true
	}
	want, got := strings.Split(pattern, "/"), strings.Split(path, "/")
	for i, w := range want {
		switch {
		case w == "**" && i == len(want)-1:
			return true
		case i >= len(got) || w != "*" && w != got[i]:
			return false
		}
	}
	return len(want) == len(got)
}

type faultKey struct{}

func withFault(ctx context.Context, f *Fault) context.Context {
	return context.WithValue(ctx, faultKey{}, f)
}

func faultOf(ctx context.Context) *Fault {
	f, _ := ctx.Value(faultKey{}).(*Fault)
	return f
}

func is(ctx context.Context, kind FaultKind) bool {
	f := faultOf(ctx)
	return f != nil && f.Kind == kind
}

// answer answers in place of the service, if the fault is of that group.
func (f *Fault) answer(w http.ResponseWriter, r *http.Request, now time.Time) bool {
	seconds := f.Seconds
	if seconds == 0 {
		seconds = 3
	}
	switch f.Kind {
	case Unauthorised:
		unauthorised(w, "invalid_token")
	case Forbidden:
		fail(w, http.StatusForbidden, "the token does not allow this")
	case NotFound:
		fail(w, http.StatusNotFound, "there is nothing here")
	case ThrottleHeader:
		throttle(w, seconds, true)
	case ThrottleDate:
		w.Header().Set("Retry-After", now.Add(time.Duration(seconds)*time.Second).UTC().Format(http.TimeFormat))
		throttle(w, seconds, false)
	case ThrottleBody:
		throttle(w, seconds, false)
	case ServerError:
		fail(w, http.StatusInternalServerError, "something went wrong, try again later")
	case Maintenance:
		fail(w, http.StatusServiceUnavailable, "the service is offline for maintenance, try again later")
	case HTML:
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = w.Write([]byte("<!doctype html><html lang=\"en\"><title>Sign in</title><p>Please sign in to continue.</p></html>"))
	case Malformed:
		writeBody(w, http.StatusOK, []byte(`{"organisationId":"x","items":[{"externalId":`))
	case CutBody:
		cut(w)
	case NoEnvelope:
		writeBody(w, http.StatusOK, []byte(`{"status":"ok"}`))
	case Slow:
		sleep(r.Context(), f.Seconds)
		return false
	default:
		return false
	}
	return true
}

// cut promises more than it sends and drops the connection.
func cut(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.Header().Set("Content-Length", "4096")
	_, _ = w.Write([]byte(`{"items":[{"externalId":"`))
	_ = http.NewResponseController(w).Flush()
	panic(http.ErrAbortHandler)
}

func sleep(ctx context.Context, seconds int) {
	timer := time.NewTimer(time.Duration(max(seconds, 1)) * time.Second)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}

// spoil changes a good page.
func (f *Fault) spoil(p page, s *Service) page {
	switch f.Kind {
	case TotalMoves:
		p.total += p.request.number - 1
	case ShortPage:
		if len(p.items) > 0 {
			p.items = p.items[:len(p.items)-1]
		}
	case PageMissing:
		p.items = nil
	case EmptyList:
		p.items, p.total = nil, 0
	case OtherOrganisation:
		p.organisation = s.another(p.organisation)
	case DuplicateIDs:
		if len(p.items) > 1 {
			first := decodeItem(p.items[0])
			p.items[1] = alter(p.items[1], func(m map[string]any) { m["externalId"] = first["externalId"] })
		}
	case MissingIDs:
		p.alterFirst(func(m map[string]any) { delete(m, "externalId") })
	case WrongTypes:
		p.alterFirst(func(m map[string]any) {
			wrong := map[string]any{
				"externalId": 12345, "forename": 7, "surname": []any{"x"}, "yearGroup": "Year 7", "classes": "none",
				"startDate": 20260901, "name": 12, "type": nil, "role": 1,
			}
			for _, name := range slices.Sorted(maps.Keys(wrong)) {
				if _, ok := m[name]; ok {
					m[name] = wrong[name]
				}
			}
		})
	case DanglingClasses:
		p.alterFirst(func(m map[string]any) {
			m["classes"] = []any{map[string]any{"id": uuid.NewSHA1(uuid.Nil, []byte("nowhere")).String(), "name": "9X/No1", "role": "Member"}}
		})
	}
	return p
}

// another is the id of some other organisation than the one given.
func (s *Service) another(id uuid.UUID) uuid.UUID {
	for _, site := range s.world.Sites() {
		if site.ID != id {
			return site.ID
		}
	}
	return s.vendor.Organisation
}

func (p page) alterFirst(change func(map[string]any)) {
	if len(p.items) > 0 {
		p.items[0] = alter(p.items[0], change)
	}
}

func decodeItem(item []byte) map[string]any {
	var m map[string]any
	if err := json.Unmarshal(item, &m); err != nil {
		panic("simsid: an item of ours is not valid JSON") // a mistake in encode.go
	}
	return m
}

func alter(item []byte, change func(map[string]any)) []byte {
	m := decodeItem(item)
	change(m)
	out, err := json.Marshal(m)
	if err != nil {
		panic("simsid: an altered item does not encode")
	}
	return out
}
