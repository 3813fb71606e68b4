package sqlledger

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"simscim/connector/ledger"
)

// wantBusy wants an exclusive opening to be refused, and returns who holds the store.
func wantBusy(t *testing.T, dsn string, opts Options) string {
	t.Helper()
	opts.Exclusive = true
	l, err := Open(t.Context(), dsn, opts)
	busy, ok := errors.AsType[*ledger.Busy](err)
	if !ok {
		if err == nil {
			l.Close()
		}
		t.Fatalf("open returned %v, want a *ledger.Busy", err)
	}
	return busy.Holder
}

func TestExclusive(t *testing.T) {
	t.Parallel()
	dsn := tempDSN(t)
	clock := time.Date(2026, 11, 23, 2, 15, 0, 0, time.UTC)
	now := func() time.Time { return clock }
	l := open(t, dsn, Options{Exclusive: true, Now: now})
	if got, want := wantBusy(t, dsn, Options{Now: now}), fmt.Sprintf(" (process %d since 02:15)", os.Getpid()); got != want {
		t.Errorf("the holder is %q, want %q", got, want)
	}
	later := func() time.Time { return clock.Add(48 * time.Hour) }
	if got, want := wantBusy(t, dsn, Options{Now: later}), "since 23 November 02:15)"; !strings.HasSuffix(got, want) {
		t.Errorf("the holder is %q, want something with %q", got, want)
	}
	shared := open(t, dsn, Options{}) // who only looks is let in
	if n := users(t, shared); n != 0 {
		t.Errorf("%d users are there", n)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	open(t, dsn, Options{Exclusive: true})
}

func TestHolderIsBestEffort(t *testing.T) {
	t.Parallel()
	dsn := tempDSN(t)
	open(t, dsn, Options{Exclusive: true})
	path := strings.TrimPrefix(dsn, "file:") + ".lock"
	for _, content := range []string{"", "x", "12", "12 yesterday", "-1", strings.Repeat("9", 10_000) + " 2026-11-23T02:15:00Z", "\x00\xff 2026-11-23T02:15:00Z"} {
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		if got := wantBusy(t, dsn, Options{}); got != "" {
			t.Errorf("%.20q: the holder is %q, want none", content, got)
		}
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the lock is %v (%v), want 0600", info.Mode(), err)
	}
}

func TestWaitingForAnotherProcess(t *testing.T) {
	t.Parallel()
	dsn := tempDSN(t)
	l := open(t, dsn, Options{Exclusive: true})
	began := time.Now()
	wantBusy(t, dsn, Options{Wait: 50 * time.Millisecond})
	if took := time.Since(began); took < 50*time.Millisecond {
		t.Errorf("it waited only %v", took)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if _, err := Open(ctx, dsn, Options{Exclusive: true, Wait: time.Hour}); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("open returned %v, want %v", err, context.DeadlineExceeded)
	}
	done := make(chan error, 1)
	go func() {
		next, err := Open(context.Background(), dsn, Options{Exclusive: true, Wait: time.Minute})
		if err == nil {
			err = next.Close()
		}
		done <- err
	}()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != nil {
		t.Errorf("the one who waited: %v", err)
	}
}

func TestLockOfAFolderThatIsNotThere(t *testing.T) {
	t.Parallel()
	refuseOpen(t, "file:"+filepath.Join(t.TempDir(), "none", "a.db"), Options{Exclusive: true}, "does not exist")
	open(t, "file::memory:", Options{Exclusive: true}) // has nobody to keep away
}

// TestKilledHolder wants the lock of a process that was killed to be free.
func TestKilledHolder(t *testing.T) {
	t.Parallel()
	const dsnVar = "SIMSCIM_TEST_HELD_STORE"
	if dsn := os.Getenv(dsnVar); dsn != "" {
		if _, err := Open(context.Background(), dsn, Options{Exclusive: true}); err != nil {
			panic(err)
		}
		fmt.Fprintln(os.Stdout, "held")
		select {}
	}
	dsn := tempDSN(t)
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestKilledHolder$")
	cmd.Env = append(os.Environ(), dsnVar+"="+dsn)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if _, err := fmt.Fscanln(out, new(string)); err != nil {
		t.Fatal(err)
	}
	if got, want := wantBusy(t, dsn, Options{}), fmt.Sprintf(" (process %d since ", cmd.Process.Pid); !strings.HasPrefix(got, want) {
		t.Errorf("the holder is %q, want %q", got, want)
	}
	if _, err := SetAside(dsn, time.Now()); err == nil {
		t.Error("a store at work was set aside")
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait() // killed
	open(t, dsn, Options{Exclusive: true})
}
