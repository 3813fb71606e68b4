//go:build unix

package crash_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"sync"
	"time"
)

// moment is where in a run a kill comes.
type moment int

const (
	// received: a request has arrived and nothing has been done about it.
	received moment = iota
	// carriedOut: a request has been carried out, and nobody knows of it.
	carriedOut
	// answered: the answer has been sent, and then some microseconds pass. What the
	// program does with an answer, the commit of its store included, falls into them.
	answered
	// started: the program has run for some microseconds.
	started
)

// instant is when the program is killed: at the moment of its nth request to the
// identity provider, or some time after.
type instant struct {
	moment moment
	n      int
	after  time.Duration
}

func (i instant) String() string {
	switch i.moment {
	case received:
		return fmt.Sprintf("when request %d has arrived", i.n)
	case carriedOut:
		return fmt.Sprintf("when request %d is carried out", i.n)
	case answered:
		return fmt.Sprintf("%v after the answer to request %d", i.after, i.n)
	default:
		return fmt.Sprintf("%v after its start", i.after)
	}
}

// commitTakes is about the longest from an answer until the store has it.
const commitTakes = 15 * time.Millisecond

// draw draws an instant of a run of about so many requests and so long.
func draw(lot *rand.Rand, requests int, took time.Duration) instant {
	i := instant{n: 1 + lot.IntN(max(requests, 1))}
	switch d := lot.IntN(20); {
	case d < 6:
		i.moment = received
	case d < 11:
		i.moment = carriedOut
	case d < 17:
		i.moment, i.after = answered, time.Duration(lot.Int64N(int64(commitTakes))).Truncate(time.Microsecond)
	default:
		i.moment, i.after = started, time.Duration(lot.Int64N(int64(took))).Truncate(time.Microsecond)
	}
	return i
}

// gate stands in front of the identity provider for one run of the program.
type gate struct {
	inner http.Handler
	// kill ends the program; nil is never. It waits until there is a program.
	kill func()
	at   instant
	// lose tells whether the answer to a write is lost; nil is never.
	lose func() bool
	// arrived is closed when the first request has come; none is let in until open is
	// closed. Both are nil where nobody waits.
	arrived, open chan struct{}

	mu            sync.Mutex
	calls, writes int
}

// loseSome loses one answer to a write in so many.
func loseSome(lot *rand.Rand, oneIn int) func() bool {
	return func() bool { return lot.IntN(oneIn) == 0 }
}

func (g *gate) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	n, lost := g.enter(r.Method != http.MethodGet)
	if g.open != nil {
		if n == 1 {
			close(g.arrived)
		}
		<-g.open
	}
	mine := g.kill != nil && n == g.at.n
	if mine && g.at.moment == received {
		g.kill()
		panic(http.ErrAbortHandler)
	}
	answer := httptest.NewRecorder()
	g.inner.ServeHTTP(answer, r)
	if mine && g.at.moment == carriedOut {
		g.kill()
		panic(http.ErrAbortHandler)
	}
	if lost {
		panic(http.ErrAbortHandler) // net/http cuts the connection and logs nothing
	}
	maps.Copy(w.Header(), answer.Header())
	w.WriteHeader(answer.Code)
	_, _ = w.Write(answer.Body.Bytes()) // the program has gone if this fails
	if mine && g.at.moment == answered {
		_ = http.NewResponseController(w).Flush()
		time.Sleep(g.at.after)
		g.kill()
	}
}

func (g *gate) enter(write bool) (n int, lost bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.calls++
	if write {
		g.writes++
		lost = g.lose != nil && g.lose()
	}
	return g.calls, lost
}
