package generic_test

import (
	"net/http/httptest"
	"testing"

	"simscim/connector/target/targettest"
	"simscim/sandbox/idp"
)

func TestAgainstTheSandbox(t *testing.T) {
	t.Parallel()
	targettest.Run(t, func(t *testing.T) *targettest.Fixture {
		p := idp.New(idp.Options{})
		s := httptest.NewServer(p.Handler())
		t.Cleanup(s.Close)
		return fixture(t, s.URL+p.BasePath(), p.Token(), "auto", targettest.Fixture{Unique: true, Checked: true})
	})
}
