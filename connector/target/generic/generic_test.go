package generic_test

import (
	"strings"
	"testing"
	"time"

	"simscim/config"
	"simscim/connector/target/generic"
	"simscim/connector/target/targettest"
	"simscim/internal/secret/secrettest"
	"simscim/internal/telemetry/logtest"
)

const inFlight = 4

// fixture puts a target and a proxy in front of the server at url.
func fixture(t *testing.T, url, token, profile string, f targettest.Fixture) *targettest.Fixture {
	t.Helper()
	return fixtureWith(t, url, token, profile, config.Traits{}, f)
}

func fixtureWith(t *testing.T, url, token, profile string, traits config.Traits, f targettest.Fixture) *targettest.Fixture {
	t.Helper()
	host, path, _ := strings.Cut(strings.TrimPrefix(url, "http://"), "/")
	f.Faults = targettest.NewProxy(t, "http://"+host)
	log := &logtest.Buffer{}
	target, err := generic.New(&config.Target{
		Name: "test", Type: "scim", Profile: profile, URL: f.Faults.URL + "/" + path,
		Auth:    config.TargetAuth{Type: "bearer", Token: secrettest.File(t, token)},
		Limits:  config.Limits{InFlight: inFlight},
		Timeout: config.Duration{Duration: time.Minute},
		Traits:  traits,
	}, generic.Options{Log: log.Logger(), MinWait: time.Millisecond, Unpaced: true})
	if err != nil {
		t.Fatal(err)
	}
	f.Target, f.InFlight, f.Logged = target, inFlight, log.String
	return &f
}
