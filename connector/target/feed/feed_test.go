package feed_test

import (
	"path/filepath"
	"strings"
	"testing"

	"simscim/connector/target/feed"
	"simscim/connector/target/targettest"
	"simscim/internal/secret"
)

const token = "a token of the importer"

func options(t testing.TB) feed.Options {
	t.Helper()
	return feed.Options{
		Name: "okta", Path: filepath.Join(t.TempDir(), "feed.db"), Key: secret.New(strings.Repeat("0f", 32)),
		Tokens: []secret.Value{secret.New("an older token, still good"), secret.New(token)}, BasePath: "/feeds/okta",
	}
}

func open(t testing.TB, o feed.Options) *feed.Feed {
	t.Helper()
	f, err := feed.Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := f.Close(); err != nil {
			t.Error(err)
		}
	})
	return f
}

func TestConformance(t *testing.T) {
	t.Parallel()
	targettest.Run(t, func(t *testing.T) *targettest.Fixture {
		return &targettest.Fixture{Target: open(t, options(t)), InFlight: 1, Unique: true, Checked: true}
	})
}
