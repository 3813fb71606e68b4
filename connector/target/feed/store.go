package feed

import (
	"bytes"
	"context"
	"database/sql"
	_ "embed"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"

	_ "modernc.org/sqlite" // the driver

	"simscim/scim"
)

const (
	// applicationID marks the file of a feed: "simf".
	applicationID = 0x73696d66
	// schemaVersion is that of schema.sql.
	schemaVersion = 1
	readers       = 4
)

//go:embed schema.sql
var schema string

// code is how a kind stands in the file.
func code(kind scim.Kind) int {
	if kind == scim.Group {
		return 2
	}
	return 1
}

func (f *Feed) open(ctx context.Context) (err error) {
	path, err := filepath.Abs(f.options.Path)
	if err != nil {
		return fmt.Errorf("find the file: %w", err)
	}
	if err := makeFile(path); err != nil {
		return err
	}
	// A confirmed change must not be lost, not even by a power cut, since the ledger has
	// heard of it: every commit goes to the disc. What is deleted is overwritten.
	f.writeDB, err = connect(path, 1, "journal_mode(wal)", "synchronous(full)", "secure_delete(1)", "foreign_keys(1)", "cache_size(-16000)")
	if err != nil {
		return err
	}
	if err := f.claim(ctx); err != nil {
		return err
	}
	f.readDB, err = connect(path, readers, "query_only(1)", "cache_size(-4000)")
	return err
}

// makeFile makes the file, to be read by its owner alone, if there is none.
func makeFile(path string) error {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	switch {
	case errors.Is(err, fs.ErrExist):
		return nil
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("make the file: the folder %s does not exist", filepath.Dir(path))
	case err != nil:
		return fmt.Errorf("make the file: %w", err)
	}
	if err := file.Close(); err != nil {
		return fmt.Errorf("make the file: %w", err)
	}
	return nil
}

func connect(path string, size int, pragmas ...string) (*sql.DB, error) {
	q := url.Values{"mode": {"rw"}, "_pragma": append([]string{"busy_timeout(10000)", "temp_store(memory)"}, pragmas...)}
	if size == 1 {
		q.Set("_txlock", "immediate") // who reads first and locks later fails when somebody else has written meanwhile
	}
	u := url.URL{Scheme: "file", Path: filepath.ToSlash(path), RawQuery: q.Encode()}
	db, err := sql.Open("sqlite", u.String())
	if err != nil {
		return nil, fmt.Errorf("open the file: %w", err)
	}
	db.SetMaxOpenConns(size)
	db.SetMaxIdleConns(size)
	return db, nil
}

// claim makes the tables in an empty file, and refuses a file that is not this feed's.
func (f *Feed) claim(ctx context.Context) error {
	tx, err := f.writeDB.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("open the file %s: %w", f.options.Path, err)
	}
	defer tx.Rollback()
	var application, version, tables int
	for query, into := range map[string]*int{
		"PRAGMA application_id": &application, "PRAGMA user_version": &version, "SELECT count(*) FROM sqlite_master": &tables,
	} {
		if err := tx.QueryRowContext(ctx, query).Scan(into); err != nil {
			return fmt.Errorf("look at the file %s: %w", f.options.Path, err)
		}
	}
	switch {
	case tables == 0 && application == 0:
		if err := f.makeTables(ctx, tx); err != nil {
			return fmt.Errorf("prepare the file %s: %w", f.options.Path, err)
		}
		return tx.Commit()
	case application != applicationID:
		return fmt.Errorf("the file %s is not a feed's; nothing was changed", f.options.Path)
	case version != schemaVersion:
		return fmt.Errorf("the file %s has schema %d, this program knows %d; nothing was changed", f.options.Path, version, schemaVersion)
	default:
		return f.checkKey(ctx, tx)
	}
}

func (f *Feed) makeTables(ctx context.Context, tx *sql.Tx) error {
	if _, err := tx.ExecContext(ctx, schema); err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, fmt.Sprintf("PRAGMA application_id = %d; PRAGMA user_version = %d", applicationID, schemaVersion)); err != nil {
		return err
	}
	_, err := tx.ExecContext(ctx, "INSERT INTO feed (name, key) VALUES ($1, $2)", f.options.Name, f.keys.id)
	return err
}

func (f *Feed) checkKey(ctx context.Context, tx *sql.Tx) error {
	var name string
	var id []byte
	err := tx.QueryRowContext(ctx, "SELECT name, key FROM feed").Scan(&name, &id)
	switch {
	case err != nil:
		return fmt.Errorf("look at the file %s: %w", f.options.Path, err)
	case name != f.options.Name:
		return fmt.Errorf("the file %s holds the feed of target %s; nothing was changed", f.options.Path, name)
	case !bytes.Equal(id, f.keys.id):
		return fmt.Errorf("the file %s was made under another key, and cannot be read without it; give that key back", f.options.Path)
	}
	return nil
}

// session is one transaction, reading or writing.
type session struct {
	keys *keys
	tx   *sql.Tx
}

// read shows the store as it is at one moment, whatever is written meanwhile.
func (f *Feed) read(ctx context.Context, look func(*session) error) error {
	tx, err := f.readDB.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("read the feed: %w", err)
	}
	defer tx.Rollback()
	if err := look(&session{keys: f.keys, tx: tx}); err != nil {
		return fmt.Errorf("read the feed: %w", err)
	}
	return nil
}

// write changes the store, all or nothing.
func (f *Feed) write(ctx context.Context, change func(*session) error) error {
	tx, err := f.writeDB.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("write the feed: %w", err)
	}
	defer tx.Rollback()
	if err := change(&session{keys: f.keys, tx: tx}); err != nil {
		return fmt.Errorf("write the feed: %w", err)
	}
	if err := tx.Commit(); err != nil {
		return fmt.Errorf("write the feed: %w", err)
	}
	f.transactions.Add(1)
	return nil
}
