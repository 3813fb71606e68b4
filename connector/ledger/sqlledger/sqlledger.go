// Package sqlledger keeps the ledger in an SQL database: today a SQLite file.
//
// It owns the schema, the transactions and the store's key. It never stores an
// attribute value other than a user name, and no error of it repeats a key or a name.
//
// Invariants: all writing goes through one connection, one transaction at a time,
// and whatever Update returned nil for survives a kill. Reading never waits for
// writing. A name, once given to a key or seen at somebody else's account, is never
// given to another key. After a power cut the newest commits may be missing, but
// then the mark that BeginRun left is there, and it says that the state is unsettled.
package sqlledger

import (
	"cmp"
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gofrs/flock"

	"simscim/connector/ledger"
	"simscim/internal/secret"
	"simscim/scim"
)

// Options are what Open may be told. The zero Options are good.
type Options struct {
	// Key is the secret under which fingerprints are made. Without one the store
	// makes its own at its first opening and keeps it inside.
	Key secret.Value
	// Now is the clock, time.Now by default.
	Now func() time.Time
	// Rand is where the store's own key comes from, crypto/rand by default.
	Rand io.Reader
	// BusyTimeout is how long to wait for another process, 5 s by default.
	BusyTimeout time.Duration
	// Exclusive keeps other processes that ask for the same away until Close. Who only
	// looks, or decides about a hold, does not need it.
	Exclusive bool
	// Wait is how long to wait for such a process; then Open returns a *ledger.Busy.
	Wait time.Duration
}

// Ledger is a ledger in an SQL database.
type Ledger struct {
	now func() time.Time
	key []byte

	writeDB, readDB *sql.DB
	w               *writer
	// holderOf is the one query that is asked thousands of times in a first run.
	holderOf *sql.Stmt
	// lock is nil when the store is shared.
	lock *flock.Flock

	// What never changes once it is committed, by text.
	targets *book[string]
	scopes  *book[place]
	paths   *book[scim.Path]

	// ticked is the last tick.
	ticked atomic.Int64

	closing sync.Once
	closed  error
}

var _ ledger.Ledger = (*Ledger)(nil)

// Open opens the store at dsn, "file:PATH", and makes it if there is none.
// "file::memory:" is a store for tests that ends with Close.
func Open(ctx context.Context, dsn string, opts Options) (_ *Ledger, err error) {
	at, err := parseDSN(dsn)
	if err != nil {
		return nil, err
	}
	if opts.Now == nil {
		opts.Now = time.Now
	}
	if opts.Rand == nil {
		opts.Rand = rand.Reader
	}
	wait := cmp.Or(opts.BusyTimeout, 5*time.Second)
	l := &Ledger{
		now:     opts.Now,
		targets: newBook[string](targetSQL),
		scopes:  newBook[place](scopeSQL),
		paths:   newBook[scim.Path](pathSQL),
	}
	// The address tells one store in memory from every other that is alive.
	at.name = fmt.Sprintf("simscim-%p", l)
	defer func() { //nolint:contextcheck // closing is not cut short
		if err != nil {
			err = errors.Join(err, l.Close())
		}
	}()
	if opts.Exclusive && at.path != "" {
		if l.lock, err = at.lock(ctx, opts.Wait, opts.Now()); err != nil {
			return nil, err
		}
	}
	if err := l.openFile(ctx, at, wait); err != nil {
		return nil, err
	}
	if l.key, err = l.settleKey(ctx, opts.Key, opts.Rand); err != nil {
		return nil, err
	}
	return l, nil
}

func (l *Ledger) openFile(ctx context.Context, at location, wait time.Duration) (err error) {
	what := empty
	if at.path != "" {
		if err := at.prepareFile(); err != nil {
			return err
		}
		if what, err = checkFile(ctx, at, wait); err != nil {
			return err
		}
	}
	if l.writeDB, err = at.openWriter(wait); err != nil {
		return err
	}
	if what == empty {
		if err := claimFile(ctx, l.writeDB); err != nil {
			return failed("prepare the store", err)
		}
	}
	if err := migrate(ctx, l.writeDB); err != nil {
		return failed("prepare the store", err)
	}
	conn, err := l.writeDB.Conn(ctx)
	if err != nil {
		return failed("open the store for writing", err)
	}
	l.w = newWriter(conn)
	if l.readDB, err = at.openReaders(wait); err != nil {
		return err
	}
	l.holderOf, err = l.readDB.PrepareContext(ctx, holdersOf[1])
	return failed("open the store for reading", err)
}

// Key is the secret under which fingerprints are made.
func (l *Ledger) Key() []byte { return slices.Clone(l.key) }

// tick is the time in microseconds, later at each call, so that claims have an order.
func (l *Ledger) tick() int64 {
	for {
		last := l.ticked.Load()
		next := max(micros(l.now()), last+1)
		if l.ticked.CompareAndSwap(last, next) {
			return next
		}
	}
}

// Close waits for the transaction that runs, moves the log into the file and closes
// the store. Closing again does nothing.
func (l *Ledger) Close() error {
	l.closing.Do(func() { l.closed = l.close() })
	return l.closed
}

func (l *Ledger) close() error {
	var errs []error
	if l.holderOf != nil {
		errs = append(errs, l.holderOf.Close())
	}
	if l.readDB != nil {
		errs = append(errs, l.readDB.Close())
	}
	if l.w != nil {
		errs = append(errs, l.w.close())
	}
	if l.writeDB != nil {
		errs = append(errs, l.writeDB.Close())
	}
	if l.lock != nil {
		errs = append(errs, l.lock.Close())
	}
	return failed("close the store", errors.Join(errs...))
}
