package sqlledger

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"syscall"
	"time"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"simscim/connector/ledger"
)

// The kinds of trouble that a person can do something about.
var (
	errNotOurs = fmt.Errorf("%w, or the file is not a simscim store; nothing was changed", ledger.ErrDamaged)
	errLocked  = errors.New("the store is locked by another process")

	errReadOnly = errors.New("the store or its folder cannot be written")
)

// failed says which step failed, in words that a person can act on where there are some.
func failed(step string, err error) error {
	switch kind := kindOfTrouble(err); {
	case err == nil:
		return nil
	case kind != nil && !errors.Is(err, kind):
		return fmt.Errorf("%s: %w (%w)", step, kind, err)
	default:
		return fmt.Errorf("%s: %w", step, err)
	}
}

func kindOfTrouble(err error) error {
	switch {
	case errors.Is(err, syscall.ENOSPC):
		return ledger.ErrFull
	case errors.Is(err, fs.ErrPermission):
		return errReadOnly
	}
	e, ok := errors.AsType[*sqlite.Error](err)
	if !ok {
		return nil
	}
	switch e.Code() {
	// A quota, a limit on the size of files, or a log whose index cannot grow: SQLite
	// says FULL only when the disc itself has no room.
	case sqlite3.SQLITE_IOERR_WRITE, sqlite3.SQLITE_IOERR_SHMSIZE:
		return ledger.ErrFull
	case sqlite3.SQLITE_IOERR_SHORT_READ:
		return ledger.ErrDamaged
	}
	switch e.Code() & 0xff {
	case sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT:
		return ledger.ErrDamaged
	case sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED:
		return errLocked
	case sqlite3.SQLITE_FULL:
		return ledger.ErrFull
	case sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM:
		return errReadOnly
	default:
		return nil
	}
}

// checkBytes is up to which size a store is looked through as it is opened. Reading 100 MB
// takes about 0.4 s; damage in a larger store shows when it is met.
const checkBytes = 64 << 20

// state is what a file turns out to be before anything is written to it.
type state int

const (
	empty state = iota
	ours
	foreign
)

// inspect finds out what the file is, whether it is whole and how new its schema, without
// a change to it.
func (at location) inspect(ctx context.Context, wait time.Duration) (_ state, version int64, err error) {
	db, err := at.open(readOnly, wait, 1)
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
	case goosed == 0 && tables > 0:
		return foreign, 0, nil
	case goosed == 0:
		return empty, 0, nil
	}
	if err := at.look(ctx, db); err != nil {
		return foreign, 0, err
	}
	err = db.QueryRowContext(ctx, `SELECT coalesce(max(version_id), 0) FROM goose_db_version`).Scan(&version)
	return ours, version, err
}

// look goes through a store that is not too large for it.
func (at location) look(ctx context.Context, db *sql.DB) error {
	info, err := os.Stat(at.path)
	if err != nil || info.Size() > checkBytes {
		return err
	}
	var found string
	if err := db.QueryRowContext(ctx, "PRAGMA quick_check(1)").Scan(&found); err != nil {
		return err
	}
	if found != "ok" {
		return errNotOurs
	}
	return nil
}

// claimFile marks an empty file as ours.
func claimFile(ctx context.Context, db *sql.DB) error {
	_, err := db.ExecContext(ctx, fmt.Sprintf("PRAGMA application_id=%d", applicationID))
	return err
}

// SetAside moves a damaged store out of the way, with its log, so that a new one can be
// made, and returns where it is now. It refuses while another process works with it.
//
// The store goes first: a kill after it leaves a log without its store, which SQLite
// throws away, while a store without its log would pass for an older, whole one.
func SetAside(dsn string, now time.Time) (newPath string, err error) {
	at, err := parseDSN(dsn)
	if err != nil {
		return "", err
	}
	if at.path == "" {
		return "", errors.New("set a store aside: a store in memory has no file")
	}
	info, err := os.Stat(at.path)
	switch {
	case err != nil:
		return "", fmt.Errorf("set the store aside: %w", err)
	case !info.Mode().IsRegular():
		return "", fmt.Errorf("set the store aside: %s is not a file", at.path)
	}
	lock, err := at.lock(context.Background(), 0, now)
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, lock.Close()) }()
	newPath = at.path + ".damaged-" + now.UTC().Format("20060102T150405Z")
	if _, err := os.Lstat(newPath); !errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("set the store aside: %s is there already", newPath)
	}
	for _, suffix := range []string{"", "-wal", "-shm"} {
		if err := tighten(at.path + suffix); err != nil {
			return "", err
		}
		err := os.Rename(at.path+suffix, newPath+suffix)
		if err != nil && !(suffix != "" && errors.Is(err, fs.ErrNotExist)) {
			return "", failed("set the store aside", err)
		}
	}
	return newPath, nil
}
