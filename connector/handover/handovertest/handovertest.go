// Package handovertest opens files of first passwords in tests, as their recipients do.
package handovertest

import (
	"encoding/csv"
	"os"
	"testing"

	"filippo.io/age"
)

// NewKey makes a recipient's pair of keys.
func NewKey(t testing.TB) *age.X25519Identity {
	t.Helper()
	id, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	return id
}

// Open returns the passwords in the file by user name. It fails the test unless the
// identity is one of the file's recipients.
func Open(t testing.TB, path string, id age.Identity) map[string]string {
	t.Helper()
	sealed, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer sealed.Close()
	plain, err := age.Decrypt(sealed, id)
	if err != nil {
		t.Fatal(err)
	}
	rows, err := csv.NewReader(plain).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	if len(rows) == 0 || len(rows[0]) != 2 || rows[0][0] != "userName" || rows[0][1] != "password" {
		t.Fatalf("%s has no heading", path)
	}
	passwords := map[string]string{}
	for _, row := range rows[1:] {
		passwords[row[0]] = row[1]
	}
	return passwords
}
