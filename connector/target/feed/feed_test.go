package feed_test

import (
	"database/sql"
	"path/filepath"
	"strings"
	"testing"

	"simscim/connector/target"
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

func nothing(o target.Outcome) error { return o.Err }

// swap puts the content of the second resource into the first's row.
func swap(t testing.TB, path string) {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	const turn = "UPDATE resource SET content = (SELECT content FROM resource o WHERE o.seq = 2) WHERE seq = 1"
	if _, err := db.ExecContext(t.Context(), turn); err != nil {
		t.Fatal(err)
	}
}
