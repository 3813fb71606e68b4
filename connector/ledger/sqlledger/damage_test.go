package sqlledger

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"simscim/connector/ledger"
	"simscim/connector/plan"
	"simscim/scim"
)

// filled makes a store of some users and returns its path and bytes.
func filled(t *testing.T, users int) (path string, content []byte) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "simscim.db")
	l := open(t, "file:"+path, Options{})
	err := l.Update(t.Context(), func(tx ledger.Tx) error {
		for i := range users {
			if err := one(fmt.Sprint("user-", i))(tx); err != nil {
				return err
			}
		}
		return nil
	})
	if err := errors.Join(err, l.Close()); err != nil {
		t.Fatal(err)
	}
	content, err = os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return path, content
}

// A page that is not what it was is found as the store is opened.
func TestDamagedPage(t *testing.T) {
	t.Parallel()
	path, whole := filled(t, 1000)
	const page = 4096
	random := rand.New(rand.NewPCG(3, 4))
	found := 0
	pages := len(whole)/page - 1
	for n := range pages {
		broken := bytes.Clone(whole)
		for i := range page {
			broken[(n+1)*page+i] = byte(random.Uint32())
		}
		if err := os.WriteFile(path, broken, 0o600); err != nil {
			t.Fatal(err)
		}
		l, err := Open(t.Context(), "file:"+path, Options{})
		if err == nil {
			l.Close()
			continue
		}
		found++
		if !errors.Is(err, ledger.ErrDamaged) {
			t.Errorf("page %d: open returned %v, want %v", n+2, err, ledger.ErrDamaged)
		}
		if after, err := os.ReadFile(path); err != nil || !bytes.Equal(broken, after) {
			t.Errorf("page %d: the file was changed (%v)", n+2, err)
		}
	}
	// Every page is in use: the store was never made smaller.
	if found != pages {
		t.Errorf("damage in %d pages of %d was found", found, pages)
	}
}

// A process that was killed leaves its log behind. Opening a damaged store must not
// move it into the file.
func TestDamagedStoreWithItsLog(t *testing.T) {
	t.Parallel()
	from := filepath.Join(t.TempDir(), "simscim.db")
	l := open(t, "file:"+from, Options{})
	if _, err := l.w.conn.ExecContext(t.Context(), checkpoint); err != nil {
		t.Fatal(err)
	}
	if err := l.Update(t.Context(), one("in-the-log")); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "simscim.db")
	kept := map[string][]byte{}
	for _, suffix := range []string{"", "-wal"} {
		content, err := os.ReadFile(from + suffix)
		if err != nil || len(content) == 0 {
			t.Fatalf("%d bytes, %v", len(content), err)
		}
		if suffix == "" {
			copy(content[len(content)-2048:], bytes.Repeat([]byte{0xa5}, 2048))
			copy(content[4096:], bytes.Repeat([]byte{0xa5}, 4096))
		}
		kept[suffix] = content
		if err := os.WriteFile(path+suffix, content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := Open(t.Context(), "file:"+path, Options{}); !errors.Is(err, ledger.ErrDamaged) {
		t.Errorf("open returned %v, want %v", err, ledger.ErrDamaged)
	}
	for suffix, want := range kept {
		if got, err := os.ReadFile(path + suffix); err != nil || !bytes.Equal(want, got) {
			t.Errorf("the store's file %q was changed (%v)", suffix, err)
		}
	}
}

func TestNothingIsWrittenAfterDamage(t *testing.T) {
	t.Parallel()
	for name, meet := range map[string]func(*Ledger) error{
		"by writing": func(l *Ledger) error {
			return l.w.do(context.Background(), "test", false, func(*tx) error { return ledger.ErrDamaged })
		},
		"by reading": func(l *Ledger) error { return l.w.note(failed("test", errPrints)) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := open(t, tempDSN(t), Options{})
			if err := errors.Join(l.Update(t.Context(), one("u1"))); err != nil {
				t.Fatal(err)
			}
			if err := meet(l); !errors.Is(err, ledger.ErrDamaged) {
				t.Fatalf("got %v", err)
			}
			if err := l.Update(t.Context(), one("u2")); !errors.Is(err, ledger.ErrDamaged) {
				t.Errorf("update returned %v, want %v", err, ledger.ErrDamaged)
			}
			if n := users(t, l); n != 1 { // what can be read still is
				t.Errorf("%d users are there, want 1", n)
			}
		})
	}
}

func TestNoRoom(t *testing.T) {
	t.Parallel()
	err := failed("create the store", &fs.PathError{Op: "open", Path: "x", Err: syscall.ENOSPC})
	if !errors.Is(err, ledger.ErrFull) {
		t.Errorf("no room on the disc is %v, want %v", err, ledger.ErrFull)
	}
}

// What was confirmed before the disc is full stays, through any number of failures.
func TestFullDiscLosesNothing(t *testing.T) {
	t.Parallel()
	dsn := tempDSN(t)
	l := open(t, dsn, Options{})
	if _, err := l.w.conn.ExecContext(t.Context(), "PRAGMA max_page_count=70"); err != nil {
		t.Fatal(err)
	}
	confirmed, full := map[string]bool{}, 0
	for i := 0; full < 20; i++ {
		if i == 100_000 {
			t.Fatal("the store never was full")
		}
		key := fmt.Sprintf("user-%05d-%s", i, strings.Repeat("x", i%300))
		switch err := l.Update(t.Context(), one(key)); {
		case err == nil:
			confirmed[key] = true
		case errors.Is(err, ledger.ErrFull):
			full++
		default:
			t.Fatal(err)
		}
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	s, err := open(t, dsn, Options{}).Load(t.Context(), "directory", "site")
	if err != nil {
		t.Fatal(err)
	}
	if len(s.Users) != len(confirmed) || len(confirmed) == 0 {
		t.Errorf("%d users are there, want the %d that were confirmed", len(s.Users), len(confirmed))
	}
	for key := range confirmed {
		if s.Users[key] == nil {
			t.Fatal("a confirmed user is lost")
		}
	}
}

func TestSetAside(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 23, 19, 15, 0, 0, time.UTC)
	path, whole := filled(t, 100)
	broken := bytes.Clone(whole)
	copy(broken[8192:], bytes.Repeat([]byte{0xa5}, 8192))
	for suffix, content := range map[string][]byte{"": broken, "-wal": []byte("log"), "-shm": []byte("index")} {
		if err := os.WriteFile(path+suffix, content, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	moved, err := SetAside("file:"+path, now)
	if err != nil {
		t.Fatal(err)
	}
	if want := path + ".damaged-20261123T191500Z"; moved != want {
		t.Errorf("it is at %s, want %s", moved, want)
	}
	for suffix, want := range map[string][]byte{"": broken, "-wal": []byte("log"), "-shm": []byte("index")} {
		got, err := os.ReadFile(moved + suffix)
		if err != nil || !bytes.Equal(got, want) {
			t.Errorf("%q is not what it was (%v)", suffix, err)
		}
		if info, err := os.Stat(moved + suffix); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%q is %v (%v), want 0600", suffix, info.Mode(), err)
		}
		if _, err := os.Stat(path + suffix); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%q is left: %v", suffix, err)
		}
	}
	if n := users(t, open(t, "file:"+path, Options{Exclusive: true})); n != 0 {
		t.Errorf("the new store has %d users", n)
	}
}

// A kill between the two leaves a log without its store. It is not taken for the log of
// the new store.
func TestSetAsideCutShort(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "simscim.db")
	l := open(t, "file:"+path, Options{})
	if err := l.Update(t.Context(), one("u1")); err != nil {
		t.Fatal(err)
	}
	log, err := os.ReadFile(path + "-wal")
	if err != nil || len(log) == 0 {
		t.Fatalf("the log has %d bytes, %v", len(log), err)
	}
	left := filepath.Join(t.TempDir(), "simscim.db")
	if err := os.WriteFile(left+"-wal", log, 0o600); err != nil {
		t.Fatal(err)
	}
	fresh := open(t, "file:"+left, Options{})
	if n := users(t, fresh); n != 0 {
		t.Errorf("the new store has %d users", n)
	}
	if err := fresh.Update(t.Context(), one("u2")); err != nil {
		t.Error(err)
	}
}

func TestSetAsideRefuses(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 23, 19, 15, 0, 0, time.UTC)
	dir := t.TempDir()
	refuse := func(dsn, want string) {
		t.Helper()
		if _, err := SetAside(dsn, now); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("it returned %v, want something with %q", err, want)
		}
	}
	refuse("file::memory:", "memory")
	refuse("postgres://x", "SQLite only")
	refuse("file:"+dir, "not a file")
	refuse("file:"+filepath.Join(dir, "none.db"), "no such file")
	path, whole := filled(t, 1)
	if err := os.WriteFile(path+".damaged-20261123T191500Z", nil, 0o600); err != nil {
		t.Fatal(err)
	}
	refuse("file:"+path, "there already")
	open(t, "file:"+path, Options{Exclusive: true})
	_, err := SetAside("file:"+path, now.Add(time.Second))
	if _, busy := errors.AsType[*ledger.Busy](err); !busy {
		t.Errorf("it returned %v, want a *ledger.Busy", err)
	}
	if got, err := os.ReadFile(path); err != nil || len(got) != len(whole) {
		t.Errorf("the store was touched (%v)", err)
	}
}

// What is erased is not in the files either, wherever SQLite has moved it meanwhile.
func TestErasedBytesAreGone(t *testing.T) {
	t.Parallel()
	dsn := tempDSN(t)
	path := strings.TrimPrefix(dsn, "file:")
	l := open(t, dsn, Options{})
	random := rand.New(rand.NewPCG(5, 6))
	run, err := l.BeginRun(t.Context(), ledger.Run{Site: "site", Target: "directory", Started: time.Unix(1, 0)})
	if err != nil {
		t.Fatal(err)
	}
	mark := func(i int, what string) string { return fmt.Sprintf("<%s-%04d>", what, i) }
	order := random.Perm(2000)
	for _, i := range order {
		err := l.Update(t.Context(), func(tx ledger.Tx) error {
			o := plan.Known{Kind: scim.User, Key: mark(i, "key"), RemoteID: mark(i, "remote"), SourceID: mark(i, "source")}
			for _, name := range []string{mark(i, "old"), mark(i, "longer-name"), mark(i, "name")} {
				o.Name = name
				if err := tx.PutObject("directory", "site", o); err != nil {
					return err
				}
			}
			return errors.Join(
				tx.LogStep(run, ledger.Step{Kind: scim.User, Key: o.Key, Action: plan.RenameUser, Name: mark(i, "old")}),
				tx.PutEscrow(ledger.Escrow{Target: "directory", Site: "site", Kind: scim.User, Key: o.Key, Action: plan.UpdateUser}))
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, i := range order[:10] {
		if err := l.Erase(t.Context(), "directory", scim.User, mark(i, "key")); err != nil {
			t.Fatal(err)
		}
	}
	for _, suffix := range []string{"", "-wal"} {
		content, err := os.ReadFile(path + suffix)
		if err != nil {
			t.Fatal(err)
		}
		for _, i := range order[:10] {
			if n := bytes.Count(content, []byte(fmt.Sprintf("-%04d>", i))); n > 0 {
				t.Errorf("%d traces of person %d are in the file %q", n, i, suffix)
			}
		}
		if suffix == "" && !bytes.Contains(content, []byte(mark(order[10], "name"))) {
			t.Error("the test looks for something that never is there")
		}
	}
}

func TestErasingWhileSomebodyReads(t *testing.T) {
	t.Parallel()
	dsn := tempDSN(t)
	l := open(t, dsn, Options{BusyTimeout: 20 * time.Millisecond})
	if err := l.Update(t.Context(), one("u1")); err != nil {
		t.Fatal(err)
	}
	err := open(t, dsn, Options{}).view(t.Context(), "test", func(reading *sql.Tx) error {
		var n int
		err := reading.QueryRowContext(t.Context(), "SELECT count(*) FROM objects").Scan(&n)
		return errors.Join(err, l.Erase(t.Context(), "directory", scim.User, "u1"))
	})
	if !errors.Is(err, errLogStays) {
		t.Errorf("it returned %v, want %v", err, errLogStays)
	}
	if n := users(t, l); n != 0 {
		t.Errorf("%d users are there", n)
	}
	if err := l.Erase(t.Context(), "directory", scim.User, "u1"); err != nil {
		t.Errorf("erasing again: %v", err)
	}
}
