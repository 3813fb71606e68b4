// Package secrettest makes secrets for tests: made-up ones, in files that end with the test.
package secrettest

import (
	"os"
	"path/filepath"
	"testing"

	"simscim/internal/secret"
)

// File returns a reference to a file with the content and the end of line that editors put.
func File(t testing.TB, content string) secret.Ref {
	t.Helper()
	path := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(path, []byte(content+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	ref, err := secret.ParseRef("file:" + path)
	if err != nil {
		t.Fatal(err)
	}
	return ref
}
