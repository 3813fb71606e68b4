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
	"sync"
	"testing"
	"time"

	"simscim/connector/ledger"
	"simscim/connector/plan"
	"simscim/internal/secret"
	"simscim/scim"
)

func refuseOpen(t *testing.T, dsn string, opts Options, want string) {
	t.Helper()
	l, err := Open(t.Context(), dsn, opts)
	if err == nil {
		l.Close()
		t.Fatalf("%s was opened", dsn)
	}
	if !strings.Contains(err.Error(), want) {
		t.Errorf("the error is %q, want something with %q", err, want)
	}
}

// one is a transaction with one user.
func one(key string) func(ledger.Tx) error {
	return func(tx ledger.Tx) error {
		return tx.PutObject("directory", "site", plan.Known{Kind: scim.User, Key: key, Name: key})
	}
}

func users(t *testing.T, l *Ledger) int {
	t.Helper()
	s, err := l.Load(t.Context(), "directory", "site")
	if err != nil {
		t.Fatal(err)
	}
	return len(s.Users)
}

func TestDSN(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for dsn, want := range map[string]string{
		"postgres://user:hunter2@db/simscim": "SQLite only",
		"postgresql://db/simscim":            "SQLite only",
		"":                                   "file:PATH",
		"simscim.db":                         "file:PATH",
		"http://x/y":                         "file:PATH",
		"file:":                              "empty",
		"file:a.db?mode=ro":                  "without options",
		"file:a.db#x":                        "without options",
		"file://host/a.db":                   "this machine",
		"file:a\x00.db":                      "not a path",
		"file:" + dir:                        "not a file",
		"file:" + dir + "/none/a.db":         "does not exist",
		"file:/dev/null/a.db":                "not a directory",
	} {
		t.Run(dsn, func(t *testing.T) {
			t.Parallel()
			refuseOpen(t, dsn, Options{}, want)
			_, err := Open(t.Context(), dsn, Options{})
			if strings.Contains(err.Error(), "hunter2") {
				t.Error("the error repeats a password")
			}
		})
	}
}

func TestPathsAreTakenAsTheyAre(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	for dsn, file := range map[string]string{
		"file:plain.db":                     "plain.db",
		"file:./with blank %41 \u00fc &.db": "with blank %41 \u00fc &.db",
		"file:" + dir + "/abs.db":           "abs.db",
		"file://" + dir + "/uri.db":         "uri.db",
	} {
		l := open(t, dsn, Options{})
		if err := l.Update(t.Context(), one("u1")); err != nil {
			t.Fatal(err)
		}
		info, err := os.Stat(filepath.Join(dir, file))
		if err != nil || info.Size() == 0 {
			t.Errorf("%s: no file %s: %v", dsn, file, err)
		}
	}
}

func TestMode(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "simscim.db")
	l := open(t, "file:"+path, Options{})
	if err := l.Update(t.Context(), one("u1")); err != nil {
		t.Fatal(err)
	}
	private := func() {
		t.Helper()
		files, err := filepath.Glob(path + "*")
		if err != nil || len(files) != 3 {
			t.Errorf("the files are %v, want the store, its log and its index", files)
		}
		for _, f := range files {
			if info, err := os.Stat(f); err != nil || info.Mode().Perm() != 0o600 {
				t.Errorf("%s: %v, %v, want 0600", filepath.Base(f), info.Mode(), err)
			}
		}
	}
	private()
	for _, suffix := range []string{"", "-wal", "-shm"} {
		if err := os.Chmod(path+suffix, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	open(t, "file:"+path, Options{})
	private()
}

func TestReadOnlyFolder(t *testing.T) {
	t.Parallel()
	if os.Geteuid() == 0 {
		t.Skip("root may write everywhere")
	}
	dir := t.TempDir()
	path := filepath.Join(dir, "old.db")
	if err := open(t, "file:"+path, Options{}).Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, 0o400); err != nil {
		t.Fatal(err)
	}
	// To look at, it is good enough.
	l := open(t, "file:"+path, Options{})
	if err := l.Update(t.Context(), one("u1")); !errors.Is(err, errReadOnly) {
		t.Errorf("update returned %v, want %v", err, errReadOnly)
	}
	if err := errors.Join(l.Close(), os.Chmod(path, 0o600), os.Chmod(dir, 0o500)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.Chmod(dir, 0o700) })
	refuseOpen(t, "file:"+filepath.Join(dir, "new.db"), Options{}, "permission denied")
	refuseOpen(t, "file:"+path, Options{}, "cannot be written")
	refuseOpen(t, "file:"+path, Options{Exclusive: true}, "cannot be written")
}

func TestNotAStore(t *testing.T) {
	t.Parallel()
	write := func(content string) func(*testing.T, string) {
		return func(t *testing.T, path string) {
			if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	script := func(dsn string, statements ...string) func(*testing.T, string) {
		return func(t *testing.T, path string) {
			db, err := sql.Open("sqlite", path+dsn)
			if err != nil {
				t.Fatal(err)
			}
			defer db.Close()
			for _, s := range statements {
				if _, err := db.Exec(s); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	store := func(change func([]byte) []byte) func(*testing.T, string) {
		return func(t *testing.T, path string) {
			l := open(t, "file:"+path, Options{})
			if err := errors.Join(l.Update(t.Context(), one("u1")), l.Close()); err != nil {
				t.Fatal(err)
			}
			b, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			write(string(change(b)))(t, path)
		}
	}
	const notOurs = "the store is damaged, or the file is not a simscim store; nothing was changed"
	for name, tt := range map[string]struct {
		make func(*testing.T, string)
		want string
	}{
		"text":                   {write(strings.Repeat("version: 1\n", 1000)), notOurs},
		"short text":             {write("x"), notOurs},
		"somebody else's":        {script("", "CREATE TABLE goose_db_version (version_id INTEGER)", "CREATE TABLE t (x)"), notOurs},
		"somebody else's in WAL": {script("?_pragma=journal_mode(wal)", "CREATE TABLE t (x)"), notOurs},
		"cut in half":            {store(func(b []byte) []byte { return b[:len(b)/2] }), notOurs},
		"header alone":           {store(func(b []byte) []byte { return b[:100] }), notOurs},
		"first page overwritten": {store(func(b []byte) []byte { copy(b, bytes.Repeat([]byte{0xa5}, 4096)); return b }), notOurs},
		"a schema of the future": {futureStore, "newer simscim (schema 99999, this program knows 1); nothing was changed"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "simscim.db")
			tt.make(t, path)
			before, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			refuseOpen(t, "file:"+path, Options{}, tt.want)
			_, err = Open(t.Context(), "file:"+path, Options{})
			if got := errors.Is(err, ledger.ErrDamaged); got != (tt.want == notOurs) {
				t.Errorf("it is called damaged: %v", got)
			}
			after, err := os.ReadFile(path)
			if err != nil || !bytes.Equal(before, after) {
				t.Errorf("the file was changed (%v)", err)
			}
		})
	}
}

func futureStore(t *testing.T, path string) {
	l := open(t, "file:"+path, Options{})
	err := l.w.do(t.Context(), "test", false, func(t *tx) error {
		return t.exec(`INSERT INTO goose_db_version (version_id, is_applied) VALUES (99999, 1)`)
	})
	if err := errors.Join(err, l.Close()); err != nil {
		t.Fatal(err)
	}
}

func TestEmptyFileBecomesAStore(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "simscim.db")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := open(t, "file:"+path, Options{}).Update(t.Context(), one("u1")); err != nil {
		t.Error(err)
	}
}

// A store with damage somewhere inside may give an error at any call, and must not
// make anything of it.
func TestDamageInside(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "simscim.db")
	l := open(t, "file:"+path, Options{})
	for i := range 200 {
		if err := l.Update(t.Context(), one(fmt.Sprint("user-", i))); err != nil {
			t.Fatal(err)
		}
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	random := rand.New(rand.NewPCG(1, 2))
	refused := 0
	for range 40 {
		broken := bytes.Clone(whole)
		for range 8 {
			at := 4096 + random.IntN(len(broken)-4096-64)
			for i := range 64 {
				broken[at+i] = byte(random.Uint32())
			}
		}
		path := filepath.Join(t.TempDir(), "broken.db")
		if err := os.WriteFile(path, broken, 0o600); err != nil {
			t.Fatal(err)
		}
		l, err := Open(t.Context(), "file:"+path, Options{})
		if err != nil {
			refused++
			continue
		}
		_, err = l.Load(t.Context(), "directory", "site")
		if err = errors.Join(err, l.Update(t.Context(), one("user-7"))); err != nil {
			refused++
		}
		_ = l.Close() // the damage may show here as well
	}
	if refused == 0 {
		t.Error("no damage was noticed at all")
	}
}

func TestKey(t *testing.T) {
	t.Parallel()
	mine, other := secret.New("a key of the school's own"), secret.New("quite another key of 25 b")
	t.Run("the store's own", func(t *testing.T) {
		t.Parallel()
		dsn := tempDSN(t)
		l := open(t, dsn, Options{Rand: bytes.NewReader(bytes.Repeat([]byte{7}, 32))})
		if !bytes.Equal(l.Key(), bytes.Repeat([]byte{7}, 32)) {
			t.Error("the key does not come from Rand")
		}
		if again := open(t, dsn, Options{}); !bytes.Equal(again.Key(), l.Key()) {
			t.Error("the second opening has another key")
		}
		refuseOpen(t, dsn, Options{Key: mine}, "another key")
		if _, err := Open(t.Context(), dsn, Options{Key: secret.New(string(l.Key()))}); err != nil {
			t.Errorf("the store's own key, given, was refused: %v", err)
		}
	})
	t.Run("a given one", func(t *testing.T) {
		t.Parallel()
		dsn := tempDSN(t)
		l := open(t, dsn, Options{Key: mine})
		if string(l.Key()) != mine.Reveal() {
			t.Error("the key is not the given one")
		}
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
		b, err := os.ReadFile(strings.TrimPrefix(dsn, "file:"))
		if err != nil || bytes.Contains(b, []byte(mine.Reveal())) {
			t.Errorf("the key is in the file (%v)", err)
		}
		refuseOpen(t, dsn, Options{Key: other}, "another key; nothing was changed")
		refuseOpen(t, dsn, Options{}, "none is given")
		open(t, dsn, Options{Key: mine})
	})
	t.Run("too short", func(t *testing.T) {
		t.Parallel()
		refuseOpen(t, tempDSN(t), Options{Key: secret.New("fifteen bytes..")}, "15 bytes")
	})
	t.Run("no randomness", func(t *testing.T) {
		t.Parallel()
		refuseOpen(t, tempDSN(t), Options{Rand: bytes.NewReader([]byte{1, 2})}, "make a key")
	})
}

func TestOpenAllAtOnce(t *testing.T) {
	t.Parallel()
	dsn := tempDSN(t)
	keys := make([][]byte, 6)
	var wg sync.WaitGroup
	for i := range keys {
		wg.Go(func() {
			l, err := Open(t.Context(), dsn, Options{})
			if err != nil {
				t.Errorf("open: %v", err)
				return
			}
			keys[i] = l.Key()
			if err := errors.Join(l.Update(t.Context(), one(fmt.Sprint("u", i))), l.Close()); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	for _, k := range keys {
		if !bytes.Equal(k, keys[0]) {
			t.Error("two openings have two keys")
		}
	}
	if n := users(t, open(t, dsn, Options{})); n != len(keys) {
		t.Errorf("%d users are there, want %d", n, len(keys))
	}
}

func TestCloseLeavesOneFile(t *testing.T) {
	t.Parallel()
	dsn := tempDSN(t)
	l := open(t, dsn, Options{})
	if err := errors.Join(l.Update(t.Context(), one("u1")), l.Close()); err != nil {
		t.Fatal(err)
	}
	path := strings.TrimPrefix(dsn, "file:")
	for _, suffix := range []string{"-wal", "-shm"} {
		if _, err := os.Stat(path + suffix); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s is left: %v", suffix, err)
		}
	}
	if n := users(t, open(t, dsn, Options{})); n != 1 {
		t.Errorf("%d users are left, want 1", n)
	}
}

func TestOpenHonoursItsContext(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Open(ctx, tempDSN(t), Options{Now: time.Now}); !errors.Is(err, context.Canceled) {
		t.Errorf("open returned %v, want %v", err, context.Canceled)
	}
}
