package generic_test

import (
	"testing"

	"simscim/connector/target/generic/scimmytest"
	"simscim/connector/target/targettest"
)

func TestAgainstScimmy(t *testing.T) {
	t.Parallel()
	targettest.Run(t, func(t *testing.T) *targettest.Fixture {
		url, token := scimmytest.Start(t)
		return fixture(t, url, token, "auto", targettest.Fixture{Unique: true})
	})
}
