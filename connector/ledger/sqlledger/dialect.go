package sqlledger

import (
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/pressly/goose/v3"
)

// What is SQLite's own stands in this file and in positional.go; all other SQL is what
// PostgreSQL knows too. Only the migrations use words of SQLite that read differently
// there: WITHOUT ROWID, BLOB, and INTEGER PRIMARY KEY (AUTOINCREMENT).
const (
	gooseDialect = goose.DialectSQLite3

	// beginWrite takes the write lock at once. A transaction that reads first and
	// locks later fails when somebody else has written meanwhile.
	beginWrite = "BEGIN IMMEDIATE"

	// Commits are not forced to the disc one by one, so a power cut (not a kill) may
	// lose the newest. beDurable is for the commit after which that must not happen.
	beDurable, beQuick = "PRAGMA synchronous=FULL", "PRAGMA synchronous=NORMAL"

	// checkpoint moves the write-ahead log into the file.
	checkpoint = "PRAGMA wal_checkpoint(TRUNCATE)"

	// applicationID marks our files: "sims".
	applicationID = 0x73696d73

	// minFileBytes is the smallest page. SQLite takes a shorter file for an empty one,
	// and would write over it.
	minFileBytes = 512

	readers = 4
)

// location is where a store is.
type location struct {
	// path is empty for a store in memory; then name tells it from others.
	path, name string
}

// parseDSN reads the store.dsn of the configuration.
func parseDSN(dsn string) (location, error) {
	scheme, rest, ok := strings.Cut(dsn, ":")
	switch {
	case ok && (scheme == "postgres" || scheme == "postgresql"):
		return location{}, errors.New("this build keeps its store in SQLite only: give file:PATH, not a PostgreSQL address")
	case !ok || scheme != "file":
		return location{}, errors.New("the store is given as file:PATH, such as file:simscim.db")
	case rest == ":memory:":
		return location{}, nil
	case strings.ContainsAny(rest, "?#"):
		return location{}, errors.New("the store is given as file:PATH without options behind it")
	}
	if after, ok := strings.CutPrefix(rest, "//"); ok {
		rest = after
		if !strings.HasPrefix(rest, "/") {
			return location{}, errors.New("the store's file is on this machine: file:PATH or file:///PATH")
		}
	}
	if rest == "" || strings.ContainsRune(rest, 0) {
		return location{}, errors.New("the store's path is empty or not a path")
	}
	path, err := filepath.Abs(rest)
	if err != nil {
		return location{}, fmt.Errorf("find the store's folder: %w", err)
	}
	// Its log, its lock and what is set aside stand beside the file itself.
	if real, err := filepath.EvalSymlinks(path); err == nil {
		path = real
	}
	return location{path: path}, nil
}

// The modes in which a file is opened. Reading alone never moves the log into the file.
const (
	readOnly  = "ro"
	readWrite = "rw"
)

// open makes a handle with the settings as pragmas on each of its connections.
func (at location) open(mode string, wait time.Duration, size int, pragmas ...string) (*sql.DB, error) {
	q := url.Values{"_pragma": append([]string{
		fmt.Sprintf("busy_timeout(%d)", wait.Milliseconds()),
		"foreign_keys(1)",
		"temp_store(memory)",
	}, pragmas...)}
	u := url.URL{Scheme: "file", Path: filepath.ToSlash(at.path)}
	if at.path == "" {
		u.Path = "/" + at.name
		q.Set("vfs", "memdb")
	} else {
		q.Set("mode", mode)
		if !strings.HasPrefix(u.Path, "/") { // C:/…
			u.Path = "/" + u.Path
		}
	}
	u.RawQuery = q.Encode()
	db, err := sql.Open("sqlite", u.String())
	if err != nil {
		return nil, fmt.Errorf("open the store: %w", err)
	}
	db.SetMaxOpenConns(size)
	db.SetMaxIdleConns(size)
	return db, nil
}

func (at location) openWriter(wait time.Duration) (*sql.DB, error) {
	// secure_delete: what is forgotten about a person is overwritten.
	pragmas := []string{"synchronous(normal)", "secure_delete(1)", "cache_size(-8000)", "wal_autocheckpoint(4000)"}
	if at.path != "" {
		pragmas = append(pragmas, "journal_mode(wal)")
	}
	return at.open(readWrite, wait, 1, pragmas...)
}

func (at location) openReaders(wait time.Duration) (*sql.DB, error) {
	return at.open(readWrite, wait, readers, "query_only(1)")
}

// prepareFile makes the file if there is none, and takes from everybody but the
// owner the right to read it. It never opens a file that exists: closing it again
// would drop the locks that another ledger in this process holds on it (fcntl(2)).
func (at location) prepareFile() error {
	info, err := os.Stat(at.path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return at.createFile()
	case err != nil:
		return fmt.Errorf("look for the store: %w", err)
	case !info.Mode().IsRegular():
		return fmt.Errorf("the store %s is not a file", at.path)
	case info.Size() > 0 && info.Size() < minFileBytes:
		return fmt.Errorf("open the store %s: %w", at.path, errNotOurs)
	}
	for _, name := range []string{at.path, at.path + "-wal", at.path + "-shm"} {
		if err := tighten(name); err != nil {
			return err
		}
	}
	return nil
}

func (at location) createFile() error {
	f, err := os.OpenFile(at.path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	switch {
	case errors.Is(err, fs.ErrExist): // another process was quicker
		return nil
	case errors.Is(err, fs.ErrNotExist):
		return at.noFolder("create the store")
	case err != nil:
		return failed("create the store", err)
	}
	if err := f.Close(); err != nil {
		return failed("create the store", err)
	}
	return nil
}

func (at location) noFolder(step string) error {
	return fmt.Errorf("%s: the folder %s does not exist", step, filepath.Dir(at.path))
}

func tighten(name string) error {
	info, err := os.Stat(name)
	if errors.Is(err, fs.ErrNotExist) || err == nil && info.Mode().Perm()&0o077 == 0 {
		return nil
	}
	if err != nil {
		return fmt.Errorf("look at the store: %w", err)
	}
	err = os.Chmod(name, 0o600)
	// A volume may belong to somebody else and be shared by group alone; that stands.
	if err != nil && info.Mode().Perm()&0o007 != 0 {
		return fmt.Errorf("the store is open to every user of this machine and cannot be closed to them: %w", err)
	}
	return nil
}
