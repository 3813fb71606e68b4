package okta_test

import (
	"net/http/httptest"
	"testing"
	"time"

	"simscim/config"
	"simscim/connector/target/okta"
	"simscim/connector/target/targettest"
	"simscim/internal/secret/secrettest"
	"simscim/internal/telemetry/logtest"
	sandbox "simscim/sandbox/okta"
	"simscim/scim"
)

// TestConformance leaves out the test that reads suspended users, of whom Okta shows
// nothing, and the one that counts the writes of a single change; both are tested here.
func TestConformance(t *testing.T) {
	t.Parallel()
	targettest.Run(t, func(t *testing.T) *targettest.Fixture {
		const inFlight = 4
		c, log := newClock(), &logtest.Buffer{}
		org := sandbox.New(sandbox.Options{Now: c.Now, ImportTakes: time.Second, PerMinute: 1_000_000})
		s := httptest.NewServer(org.Handler())
		t.Cleanup(s.Close)
		faults := targettest.NewProxy(t, s.URL)
		source := org.Sources()[0]
		tgt, err := okta.New(&config.Target{
			Name: "okta", URL: faults.URL, Source: source,
			Auth:   config.TargetAuth{Type: "ssws", Token: secrettest.File(t, org.Token())},
			Limits: config.Limits{InFlight: inFlight}, ConfirmWithin: config.Duration{Duration: 15 * time.Minute},
		}, okta.Options{Now: c.Now, Wait: c.Wait, MinWait: time.Millisecond, Log: log.Logger()})
		if err != nil {
			t.Fatal(err)
		}
		held := func(kind scim.Kind) map[string][]string {
			objects := map[string][]string{}
			if kind == scim.User {
				for _, u := range org.Snapshot(source).Users {
					objects[u.ExternalID] = nil
				}
				return objects
			}
			for _, g := range org.Snapshot(source).Groups {
				objects[g.ExternalID] = g.Members
			}
			return objects
		}
		return &targettest.Fixture{Target: tgt, Faults: faults, InFlight: inFlight, Logged: log.String, Held: held}
	}, "users", "same change again")
}
