package sqlledger

import (
	"path/filepath"
	"testing"

	"simscim/connector/ledger"
	"simscim/connector/ledger/ledgertest"
)

// open opens a store and closes it with the test.
func open(t *testing.T, dsn string, opts Options) *Ledger {
	t.Helper()
	l, err := Open(t.Context(), dsn, opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := l.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return l
}

func tempDSN(t *testing.T) string { return "file:" + filepath.Join(t.TempDir(), "simscim.db") }

func TestFile(t *testing.T) {
	t.Parallel()
	ledgertest.Run(t, func(t *testing.T) ledger.Ledger { return open(t, tempDSN(t), Options{}) })
}

func TestMemory(t *testing.T) {
	t.Parallel()
	ledgertest.Run(t, func(t *testing.T) ledger.Ledger { return open(t, "file::memory:", Options{}) })
}

func TestShared(t *testing.T) {
	t.Parallel()
	ledgertest.RunShared(t, func(t *testing.T) (ledger.Ledger, ledger.Ledger) {
		dsn := tempDSN(t)
		return open(t, dsn, Options{}), open(t, dsn, Options{})
	})
}
