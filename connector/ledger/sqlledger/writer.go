package sqlledger

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"sync/atomic"

	"simscim/connector/ledger"
	"simscim/scim"
)

// writer is the one connection that writes. Its statements are prepared once.
type writer struct {
	conn *sql.Conn
	// turn holds one token; who has it may use the connection.
	turn  chan struct{}
	stmts map[string]*sql.Stmt
	// damaged is set once damage was met, by reading or by writing. From then on
	// nothing more is written.
	damaged atomic.Bool
}

var (
	errClosed = errors.New("the store is closed")
	errOver   = errors.New("the transaction is over")
)

func newWriter(conn *sql.Conn) *writer {
	w := &writer{conn: conn, turn: make(chan struct{}, 1), stmts: map[string]*sql.Stmt{}}
	w.turn <- struct{}{}
	return w
}

// take waits for the turn.
func (w *writer) take(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	select {
	case _, ok := <-w.turn:
		if !ok {
			return errClosed
		}
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// note keeps in mind that an error tells of damage.
func (w *writer) note(err error) error {
	if errors.Is(err, ledger.ErrDamaged) {
		w.damaged.Store(true)
	}
	return err
}

// do runs fn in a transaction. durable says that the commit must survive a power cut.
func (w *writer) do(ctx context.Context, step string, durable bool, fn func(*tx) error) (err error) {
	if err := w.take(ctx); err != nil {
		return failed(step, err)
	}
	defer func() { w.turn <- struct{}{} }()
	if w.damaged.Load() {
		return fmt.Errorf("%s: %w; nothing more is written to it", step, ledger.ErrDamaged)
	}
	defer func() { err = w.note(err) }()
	// Statements are short and must not be torn: only waiting for another process,
	// in the first one, listens to ctx. Between statements tx asks it.
	calm := context.WithoutCancel(ctx)
	if durable {
		if _, err := w.conn.ExecContext(calm, beDurable); err != nil {
			return failed(step, err)
		}
		defer func() {
			_, quick := w.conn.ExecContext(calm, beQuick)
			err = errors.Join(err, quick)
		}()
	}
	t := &tx{w: w, ctx: ctx, calm: calm}
	committed := false
	defer func() {
		t.over = true
		if !committed { // also when fn panics
			_, _ = w.conn.ExecContext(calm, "ROLLBACK")
		}
	}()
	if _, err := w.conn.ExecContext(ctx, beginWrite); err != nil {
		return failed(step, err)
	}
	if err := fn(t); err != nil {
		return failed(step, err)
	}
	if err := t.exec("COMMIT"); err != nil {
		return failed(step, err)
	}
	committed = true
	t.merge()
	return nil
}

// emptyLog moves the whole log into the file and cuts it to nothing; ok is false when
// somebody reads an old state for so long that it could not.
func (w *writer) emptyLog(ctx context.Context) (ok bool, err error) {
	if err := w.take(ctx); err != nil {
		return false, err
	}
	defer func() { w.turn <- struct{}{} }()
	var busy, logged, moved int
	err = w.conn.QueryRowContext(ctx, checkpoint).Scan(&busy, &logged, &moved)
	return busy == 0, err
}

func (w *writer) close() error {
	<-w.turn
	close(w.turn)
	var errs []error
	for _, s := range w.stmts {
		errs = append(errs, s.Close())
	}
	if !w.damaged.Load() {
		// Another process may hold the log back; then its last one moves it. Where nothing
		// can be written, nothing of ours is in the log.
		_, err := w.conn.ExecContext(context.Background(), checkpoint)
		if !errors.Is(kindOfTrouble(err), errReadOnly) {
			errs = append(errs, err)
		}
	}
	return errors.Join(append(errs, w.conn.Close())...)
}

// tx is a transaction under way.
type tx struct {
	w *writer
	// ctx is the caller's, calm the same without its end.
	ctx, calm context.Context
	over      bool
	// paths are the numbers of paths that this transaction has looked up.
	paths map[scim.Path]int64
	// onCommit is what becomes known to all when the transaction is kept.
	onCommit []func()
}

func (t *tx) merge() {
	for _, f := range t.onCommit {
		f()
	}
}

// stmt prepares a statement, or returns it as prepared before.
func (t *tx) stmt(query string) (*sql.Stmt, error) {
	if t.over {
		return nil, errOver
	}
	if err := t.ctx.Err(); err != nil {
		return nil, err
	}
	if s := t.w.stmts[query]; s != nil {
		return s, nil
	}
	s, err := t.w.conn.PrepareContext(t.calm, positional(query))
	if err != nil {
		return nil, fmt.Errorf("prepare a statement: %w", err)
	}
	t.w.stmts[query] = s
	return s, nil
}

func (t *tx) exec(query string, args ...any) error {
	_, err := t.execN(query, args...)
	return err
}

// execN also tells how many rows were touched.
func (t *tx) execN(query string, args ...any) (int64, error) {
	s, err := t.stmt(query) //nolint:sqlclosecheck // it is kept for the next time
	if err != nil {
		return 0, err
	}
	res, err := s.ExecContext(t.calm, args...)
	if err != nil {
		return 0, err
	}
	return res.RowsAffected()
}

func (t *tx) query(query string, args ...any) (*sql.Rows, error) {
	s, err := t.stmt(query) //nolint:sqlclosecheck // it is kept for the next time
	if err != nil {
		return nil, err
	}
	return s.QueryContext(t.calm, args...)
}

// row is a query for one row; errors come out of Scan.
func (t *tx) row(query string, args ...any) scanner {
	s, err := t.stmt(query) //nolint:sqlclosecheck // it is kept for the next time
	if err != nil {
		return failedRow{err}
	}
	return s.QueryRowContext(t.calm, args...)
}

type scanner interface{ Scan(dest ...any) error }

type failedRow struct{ err error }

func (r failedRow) Scan(...any) error { return r.err }
