package entra_test

import (
	"context"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"simscim/config"
	"simscim/connector/plan"
	"simscim/connector/target"
	"simscim/connector/target/entra"
	"simscim/connector/target/targettest"
	sandbox "simscim/sandbox/entra"
)

// settled has users confirmed at once, as the suite expects it: after each Apply the
// look-alike processes what it was given, and the results are told as outcomes.
type settled struct {
	*entra.Target
	w *world
}

func (s settled) Apply(ctx context.Context, changes []plan.Change, lookup target.Lookup, confirm func(target.Outcome) error) error {
	var mu sync.Mutex
	accepted := map[string]target.Outcome{}
	var pending []target.Pending
	err := s.Target.Apply(ctx, changes, lookup, func(o target.Outcome) error {
		if !o.Accepted {
			return confirm(o)
		}
		mu.Lock()
		defer mu.Unlock()
		accepted[o.Change.Key] = o
		pending = append(pending, target.Pending{Kind: o.Change.Kind, Key: o.Change.Key, Since: s.w.clock.Now()})
		return nil
	})
	if err != nil || len(pending) == 0 {
		return err
	}
	s.w.clock.Advance(10 * time.Minute)
	s.w.Settle()
	results, err := s.Results(ctx, pending)
	if err != nil {
		return err
	}
	for _, r := range results {
		o := accepted[r.Key]
		o.Accepted, o.RemoteID, o.Err, o.Advice, o.Attributes = false, r.RemoteID, r.Err, r.Advice, r.Err == nil
		if err := confirm(o); err != nil {
			return err
		}
	}
	return nil
}

// TestConformance leaves out the tests whose user names Entra ID does not take, and the one
// that watches users being confirmed while others are sent.
func TestConformance(t *testing.T) {
	t.Parallel()
	for _, kind := range []string{"security", "class"} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			targettest.Run(t, func(t *testing.T) *targettest.Fixture { return fixture(t, kind) }, "users", "find", "cancelled")
		})
	}
}

func fixture(t *testing.T, kind string) *targettest.Fixture {
	t.Helper()
	var front atomic.Value
	front.Store("")
	w := newWorld(t, setting{
		sandbox: sandbox.Options{Limits: sandbox.Limits{LogReads: -1}, TokenTTL: 1000 * time.Hour},
		change:  func(c *config.Target) { c.GroupKind = kind },
		wrap: func(next http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if host := front.Load().(string); !strings.Contains(r.URL.Path, "/.well-known/") {
					r.Host = host // links lead through the proxy, and tokens are for it
				}
				next.ServeHTTP(w, r)
			})
		},
	})
	f := &targettest.Fixture{
		Faults: targettest.NewProxy(t, w.server.URL), InFlight: 8, Logged: w.log.String, Unique: true, Checked: true,
	}
	front.Store(strings.TrimPrefix(f.Faults.URL, "http://"))
	w.cfg.Graph = f.Faults.URL
	tgt := w.newTarget()
	f.Target = settled{tgt, w}
	t.Cleanup(w.nobodyDeleted)
	return f
}
