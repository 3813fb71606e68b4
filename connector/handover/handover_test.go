package handover

import (
	"bytes"
	"encoding/csv"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"filippo.io/age"
	"github.com/google/go-cmp/cmp"

	"simscim/internal/secret"
)

func key(t *testing.T) *age.X25519Identity {
	t.Helper()
	id, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	return id
}

func open(t *testing.T, path string, id age.Identity) ([][]string, error) {
	t.Helper()
	sealed, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	r, err := age.Decrypt(bytes.NewReader(sealed), id)
	if err != nil {
		return nil, err
	}
	text, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	rows, err := csv.NewReader(bytes.NewReader(text)).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	return rows, nil
}

func TestOnlyRecipientsReadIt(t *testing.T) {
	t.Parallel()
	dir, first, second, stranger := t.TempDir(), key(t), key(t), key(t)
	f, err := New(dir, []string{first.Recipient().String(), second.Recipient().String()})
	if err != nil {
		t.Fatal(err)
	}
	rows := []Row{
		{UserName: "amy@oak.example", Password: secret.New("Otter-Canary-Kettle-47")},
		{UserName: `o'neill, "kit"@oak.example`, Password: secret.New("x")},
	}
	path, err := f.Write("dir-oak.csv.age", rows)
	if err != nil || path != filepath.Join(dir, "dir-oak.csv.age") {
		t.Fatal(path, err)
	}
	want := [][]string{{"userName", "password"}, {"amy@oak.example", "Otter-Canary-Kettle-47"}, {`o'neill, "kit"@oak.example`, "x"}}
	for _, id := range []age.Identity{first, second} {
		got, err := open(t, path, id)
		if diff := cmp.Diff(want, got); err != nil || diff != "" {
			t.Error(err, diff)
		}
	}
	if _, err := open(t, path, stranger); err == nil {
		t.Error("a stranger's key opens the file")
	}
	sealed, _ := os.ReadFile(path)
	if bytes.Contains(sealed, []byte("Canary")) || bytes.Contains(sealed, []byte("amy@")) {
		t.Error("the file can be read without a key")
	}
	if info, _ := os.Stat(path); info.Mode().Perm() != 0o600 {
		t.Errorf("mode %s", info.Mode())
	}
}

func TestAFileIsReplacedAndDropped(t *testing.T) {
	t.Parallel()
	dir, id := t.TempDir(), key(t)
	f, err := New(dir, []string{id.Recipient().String()})
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"amy", "bob"} {
		if _, err := f.Write("a.age", []Row{{name, secret.New("p")}}); err != nil {
			t.Fatal(err)
		}
	}
	if got, err := open(t, filepath.Join(dir, "a.age"), id); err != nil || len(got) != 2 || got[1][0] != "bob" {
		t.Error(got, err)
	}
	if err := f.Check(); err != nil {
		t.Error(err)
	}
	if list, _ := os.ReadDir(dir); len(list) != 1 {
		t.Errorf("left over: %v", list)
	}
	if err := f.Drop("a.age"); err != nil {
		t.Error(err)
	}
	if f.Drop("a.age") == nil {
		t.Error("a file was dropped twice")
	}
	if list, _ := os.ReadDir(dir); len(list) != 0 {
		t.Errorf("left over: %v", list)
	}
}

func TestNoSuchFolder(t *testing.T) {
	t.Parallel()
	f, err := New(filepath.Join(t.TempDir(), "none"), []string{key(t).Recipient().String()})
	if err != nil {
		t.Fatal(err)
	}
	if f.Check() == nil {
		t.Error("a folder that is not there is found good")
	}
	if _, err := f.Write("a.age", []Row{{"amy", secret.New("canary")}}); err == nil || strings.Contains(err.Error(), "canary") {
		t.Error(err)
	}
}

func TestBadRecipients(t *testing.T) {
	t.Parallel()
	id := key(t)
	for _, list := range [][]string{nil, {""}, {"age1nonsense"}, {id.String()}, {id.Recipient().String(), "ssh-ed25519 AAAA"}} {
		f, err := New(t.TempDir(), list)
		if err == nil || f != nil {
			t.Errorf("%d recipients were taken", len(list))
		} else if strings.Contains(err.Error(), id.String()) {
			t.Error("the error repeats a secret key")
		}
	}
}
