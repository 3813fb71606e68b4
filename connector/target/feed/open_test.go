package feed_test

import (
	"bytes"
	"encoding/base64"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"simscim/connector/plan"
	"simscim/connector/target/feed"
	"simscim/internal/secret"
	"simscim/scim"
)

// Nothing of a person stands in the file, whatever was done to it.
func TestFileHoldsNoPerson(t *testing.T) {
	t.Parallel()
	o := options(t)
	s := serve(t, o)
	all := pupils(0, 150)
	s.apply(t, all...)
	s.apply(t, class("Zebra-Canary", all...))
	s.apply(t, s.change(plan.RenameUser, scim.User, "p-0001", plan.Field{Path: "userName", After: "Renamed-Canary@oakfield.example"}),
		s.change(plan.SuspendUser, scim.User, "p-0002"), s.change(plan.DeleteUser, scim.User, "p-0003"))
	check := func() {
		files, err := filepath.Glob(o.Path + "*")
		if err != nil || len(files) == 0 {
			t.Fatalf("no files: %v", err)
		}
		for _, file := range files {
			b, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			for _, word := range []string{"oakfield", "pupil", "Given", "Family", "p-00", "Canary", "Blue", "canary", "userName", "true"} {
				if bytes.Contains(b, []byte(word)) {
					t.Errorf("%q stands in %s", word, filepath.Base(file))
				}
			}
			if info, err := os.Stat(file); err != nil || info.Mode().Perm()&0o077 != 0 {
				t.Errorf("%s is open to others: %v", filepath.Base(file), info.Mode())
			}
		}
	}
	check()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	check()
	again := open(t, o)
	if found, err := again.Find(t.Context(), scim.User, "userName", "renamed-canary@OAKFIELD.example", []scim.Path{"name.familyName"}); err != nil ||
		len(found) != 1 || found[0].Attributes.String("name.familyName") != "Family1" {
		t.Errorf("after it was opened again: %v, %v", found, err)
	}
}

func TestOpenRefuses(t *testing.T) {
	t.Parallel()
	made := options(t)
	f := open(t, made)
	if err := f.Apply(t.Context(), pupils(0, 1), nil, nothing); err != nil {
		t.Fatal(err)
	}
	text := filepath.Join(t.TempDir(), "notes.txt")
	if err := os.WriteFile(text, bytes.Repeat([]byte("notes "), 500), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		bend func(*feed.Options)
		want string
	}{
		"other key":   {func(o *feed.Options) { o.Key = secret.New(strings.Repeat("1f", 32)) }, "was made under another key"},
		"other name":  {func(o *feed.Options) { o.Name = "other" }, "holds the feed of target okta"},
		"no name":     {func(o *feed.Options) { o.Name = "" }, "a feed needs a name and a file"},
		"no key":      {func(o *feed.Options) { o.Key = secret.Value{} }, "32 random bytes"},
		"short key":   {func(o *feed.Options) { o.Key = secret.New("0f0f") }, "32 random bytes"},
		"long key":    {func(o *feed.Options) { o.Key = secret.New(strings.Repeat("0f", 33)) }, "32 random bytes"},
		"words":       {func(o *feed.Options) { o.Key = secret.New("correct horse battery staple 1!!") }, "32 random bytes"},
		"other file":  {func(o *feed.Options) { o.Path = text }, "the file"},
		"no folder":   {func(o *feed.Options) { o.Path = filepath.Join(filepath.Dir(o.Path), "none", "f.db") }, "does not exist"},
		"is a folder": {func(o *feed.Options) { o.Path = filepath.Dir(o.Path) }, "feed okta"},
	} {
		o := made
		test.bend(&o)
		_, err := feed.Open(t.Context(), o)
		if err == nil || !strings.Contains(err.Error(), test.want) || strings.Contains(err.Error(), "0f0f") {
			t.Errorf("%s: %v, want %q", name, err, test.want)
		}
	}
	if b, err := os.ReadFile(text); err != nil || len(b) != 3000 {
		t.Errorf("a file that is not ours was changed: %v", err)
	}
	for name, key := range map[string]string{
		"base64": base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{0x0f}, 32)),
		"raw":    base64.RawURLEncoding.EncodeToString(bytes.Repeat([]byte{0x0f}, 32)),
		"hex":    strings.Repeat("0F", 32),
	} {
		o := made
		o.Key = secret.New(key)
		if n, _, err := open(t, o).Count(t.Context(), scim.User); err != nil || n != 1 {
			t.Errorf("%s: %d, %v", name, n, err)
		}
	}
}

// What is put into another's row cannot be read there.
func TestContentStaysInItsPlace(t *testing.T) {
	t.Parallel()
	o := options(t)
	s := serve(t, o)
	s.apply(t, pupils(0, 2)...)
	swap(t, o.Path)
	for _, path := range []string{"/Users/" + s.ids["p-0000"], "/Users"} {
		if a := s.get(t, path); a.status != 500 || strings.Contains(a.raw, "amily") {
			t.Errorf("%s: content of somebody else: %d %s", path, a.status, a.raw)
		}
	}
}
