package handover_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"filippo.io/age"
	"github.com/google/go-cmp/cmp"

	"simscim/connector/handover"
	"simscim/connector/handover/handovertest"
	"simscim/internal/secret"
)

func TestOnlyRecipientsReadIt(t *testing.T) {
	t.Parallel()
	dir, first, second, stranger := t.TempDir(), handovertest.NewKey(t), handovertest.NewKey(t), handovertest.NewKey(t)
	f, err := handover.New(dir, []string{first.Recipient().String(), second.Recipient().String()})
	if err != nil {
		t.Fatal(err)
	}
	rows := []handover.Row{
		{UserName: "amy@oak.example", Password: secret.New("Otter-Canary-Kettle-47")},
		{UserName: `o'neill, "kit"@oak.example`, Password: secret.New("x")},
	}
	path, err := f.Write("dir-oak.csv.age", rows)
	if err != nil || path != filepath.Join(dir, "dir-oak.csv.age") {
		t.Fatal(path, err)
	}
	want := map[string]string{"amy@oak.example": "Otter-Canary-Kettle-47", `o'neill, "kit"@oak.example`: "x"}
	for _, id := range []age.Identity{first, second} {
		if diff := cmp.Diff(want, handovertest.Open(t, path, id)); diff != "" {
			t.Error(diff)
		}
	}
	sealed, _ := os.ReadFile(path)
	if _, err := age.Decrypt(bytes.NewReader(sealed), stranger); err == nil {
		t.Error("a stranger's key opens the file")
	}
	if bytes.Contains(sealed, []byte("Canary")) || bytes.Contains(sealed, []byte("amy@")) {
		t.Error("the file can be read without a key")
	}
	if info, _ := os.Stat(path); info.Mode().Perm() != 0o600 {
		t.Errorf("mode %s", info.Mode())
	}
}

func TestAFileIsReplacedAndDropped(t *testing.T) {
	t.Parallel()
	dir, id := t.TempDir(), handovertest.NewKey(t)
	f, err := handover.New(dir, []string{id.Recipient().String()})
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"amy", "bob"} {
		if _, err := f.Write("a.age", []handover.Row{{name, secret.New("p")}}); err != nil {
			t.Fatal(err)
		}
	}
	if got := handovertest.Open(t, filepath.Join(dir, "a.age"), id); len(got) != 1 || got["bob"] != "p" {
		t.Error(got)
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
	f, err := handover.New(filepath.Join(t.TempDir(), "none"), []string{handovertest.NewKey(t).Recipient().String()})
	if err != nil {
		t.Fatal(err)
	}
	if f.Check() == nil {
		t.Error("a folder that is not there is found good")
	}
	if _, err := f.Write("a.age", []handover.Row{{"amy", secret.New("canary")}}); err == nil || strings.Contains(err.Error(), "canary") {
		t.Error(err)
	}
}

func TestBadRecipients(t *testing.T) {
	t.Parallel()
	id := handovertest.NewKey(t)
	for _, list := range [][]string{nil, {""}, {"age1nonsense"}, {id.String()}, {id.Recipient().String(), "ssh-ed25519 AAAA"}} {
		f, err := handover.New(t.TempDir(), list)
		if err == nil || f != nil {
			t.Errorf("%d recipients were taken", len(list))
		} else if strings.Contains(err.Error(), id.String()) {
			t.Error("the error repeats a secret key")
		}
	}
}
