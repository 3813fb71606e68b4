package sqlledger

import (
	"context"
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
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
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
	return location{path: path}, nil
}

// open makes a handle with the settings as pragmas on each of its connections.
func (at location) open(wait time.Duration, size int, pragmas ...string) (*sql.DB, error) {
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
		q.Set("mode", "rw")
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
	pragmas := []string{"synchronous(normal)", "cache_size(-8000)", "wal_autocheckpoint(4000)"}
	if at.path != "" {
		pragmas = append(pragmas, "journal_mode(wal)")
	}
	return at.open(wait, 1, pragmas...)
}

func (at location) openReaders(wait time.Duration) (*sql.DB, error) {
	return at.open(wait, readers, "query_only(1)")
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
		return fmt.Errorf("open the store %s: %w", at.path, errDamaged)
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
		return fmt.Errorf("create the store: the folder %s does not exist", filepath.Dir(at.path))
	case err != nil:
		return fmt.Errorf("create the store: %w", err)
	}
	if err := f.Close(); err != nil {
		return fmt.Errorf("create the store: %w", err)
	}
	return nil
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

// state is what a file turns out to be before anything is written to it.
type state int

const (
	empty state = iota
	ours
	foreign
)

// inspect finds out what the file is and how new its schema, without a change to it.
func (at location) inspect(ctx context.Context, wait time.Duration) (_ state, version int64, err error) {
	db, err := at.open(wait, 1)
	if err != nil {
		return foreign, 0, err
	}
	defer db.Close()
	var tables, id, goosed int64
	const whatIsThere = `SELECT count(*), coalesce(sum(name = 'goose_db_version'), 0) FROM sqlite_schema`
	if err := db.QueryRowContext(ctx, whatIsThere).Scan(&tables, &goosed); err != nil {
		return foreign, 0, err
	}
	if err := db.QueryRowContext(ctx, "PRAGMA application_id").Scan(&id); err != nil {
		return foreign, 0, err
	}
	switch {
	case id != applicationID && tables > 0:
		return foreign, 0, nil
	case goosed == 0:
		return empty, 0, nil
	}
	err = db.QueryRowContext(ctx, `SELECT coalesce(max(version_id), 0) FROM goose_db_version`).Scan(&version)
	return ours, version, err
}

// claimFile marks an empty file as ours.
func claimFile(ctx context.Context, db *sql.DB) error {
	_, err := db.ExecContext(ctx, fmt.Sprintf("PRAGMA application_id=%d", applicationID))
	return err
}

// The kinds of trouble that a person can do something about.
var (
	errDamaged = errors.New("the file is not a simscim store or is damaged; nothing was changed")
	errLocked  = errors.New("the store is locked by another process")
	errFull    = errors.New("the disc is full; nothing was changed")
)

// failed says which step failed, in words that a person can act on where there are some.
func failed(step string, err error) error {
	if err == nil {
		return nil
	}
	e, ok := errors.AsType[*sqlite.Error](err)
	if !ok {
		return fmt.Errorf("%s: %w", step, err)
	}
	switch e.Code() & 0xff {
	case sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT:
		return fmt.Errorf("%s: %w (%w)", step, errDamaged, err)
	case sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED:
		return fmt.Errorf("%s: %w (%w)", step, errLocked, err)
	case sqlite3.SQLITE_FULL:
		return fmt.Errorf("%s: %w (%w)", step, errFull, err)
	case sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM:
		return fmt.Errorf("%s: the store or its folder cannot be written: %w", step, err)
	default:
		return fmt.Errorf("%s: %w", step, err)
	}
}
