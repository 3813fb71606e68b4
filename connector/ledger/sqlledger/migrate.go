package sqlledger

import (
	"context"
	"database/sql"
	"embed"
	"fmt"
	"io/fs"
	"time"

	"github.com/pressly/goose/v3"

	"simscim/connector/ledger"
)

//go:embed migrations/*.sql
var migrations embed.FS

// checkFile refuses a file that is not ours, and one that a newer program wrote.
// Both stay as they are.
func checkFile(ctx context.Context, at location, wait time.Duration) (state, error) {
	what, version, err := at.inspect(ctx, wait)
	step := "open the store " + at.path
	switch {
	case err == nil && what == foreign:
		return foreign, fmt.Errorf("%s: %w", step, errNotOurs)
	case kindOfTrouble(err) == ledger.ErrDamaged: //nolint:errorlint // it is one of ours
		return foreign, fmt.Errorf("%s: %w (%w)", step, errNotOurs, err)
	case err != nil:
		return foreign, failed(step, err)
	}
	known, err := newestMigration()
	if err != nil {
		return foreign, err
	}
	if version > known {
		return foreign, fmt.Errorf("the store %s was written by a newer simscim (schema %d, this program knows %d); nothing was changed",
			at.path, version, known)
	}
	return what, nil
}

func newestMigration() (int64, error) {
	files, err := fs.Glob(migrations, "migrations/*.sql")
	if err != nil {
		return 0, err
	}
	newest := int64(0)
	for _, file := range files {
		v, err := goose.NumericComponent(file)
		if err != nil {
			return 0, fmt.Errorf("read the migrations: %w", err)
		}
		newest = max(newest, v)
	}
	return newest, nil
}

// migrate brings the schema up to date. When two processes open a new store at once
// one of them loses; it then finds that there is nothing left to do.
func migrate(ctx context.Context, db *sql.DB) error {
	dir, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return err
	}
	p, err := goose.NewProvider(gooseDialect, db, dir, goose.WithDisableGlobalRegistry(true))
	if err != nil {
		return err
	}
	const attempts = 3
	for range attempts {
		if _, err = p.Up(ctx); err == nil {
			return nil
		}
	}
	return err
}
