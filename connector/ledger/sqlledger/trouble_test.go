package sqlledger

import (
	"bufio"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"simscim/connector/ledger"
	"simscim/connector/plan"
	"simscim/scim"
)

func TestLockedByAnotherProcess(t *testing.T) {
	t.Parallel()
	dsn := tempDSN(t)
	l := open(t, dsn, Options{BusyTimeout: 20 * time.Millisecond})
	other, err := sql.Open("sqlite", strings.TrimPrefix(dsn, "file:"))
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	other.SetMaxOpenConns(1)
	if _, err := other.Exec("BEGIN IMMEDIATE"); err != nil {
		t.Fatal(err)
	}
	if err := l.Update(t.Context(), one("u1")); !errors.Is(err, errLocked) {
		t.Errorf("update returned %v, want %v", err, errLocked)
	}
	refuseOpen(t, dsn, Options{BusyTimeout: 20 * time.Millisecond}, "locked by another process")
	if n := users(t, l); n != 0 { // reading goes on
		t.Errorf("%d users are there, want none", n)
	}
	if _, err := other.Exec("ROLLBACK"); err != nil {
		t.Fatal(err)
	}
	if err := l.Update(t.Context(), one("u1")); err != nil {
		t.Errorf("update after the lock is gone: %v", err)
	}
}

func TestWaitingForALockEndsWithTheContext(t *testing.T) {
	t.Parallel()
	l := open(t, tempDSN(t), Options{})
	inside, leave := make(chan struct{}), make(chan struct{})
	done := make(chan error, 1)
	go func() {
		done <- l.Update(context.Background(), func(ledger.Tx) error {
			close(inside)
			<-leave
			return nil
		})
	}()
	<-inside
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	if err := l.Update(ctx, one("u1")); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("update returned %v, want %v", err, context.DeadlineExceeded)
	}
	close(leave)
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func TestReadingDoesNotWaitForWriting(t *testing.T) {
	t.Parallel()
	l := open(t, tempDSN(t), Options{})
	err := l.Update(t.Context(), func(tx ledger.Tx) error {
		for i := range 2 * maxRows {
			if err := one(fmt.Sprint("u", i))(tx); err != nil {
				return err
			}
		}
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
		defer cancel()
		s, err := l.Load(ctx, "directory", "site")
		if err == nil && len(s.Users) != 0 {
			t.Error("a transaction under way is seen")
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if n := users(t, l); n != 2*maxRows {
		t.Errorf("%d users are there, want %d", n, 2*maxRows)
	}
}

func TestFullDisc(t *testing.T) {
	t.Parallel()
	l := open(t, tempDSN(t), Options{})
	if err := l.Update(t.Context(), one("first")); err != nil {
		t.Fatal(err)
	}
	limit := func(pages string) {
		t.Helper()
		if _, err := l.w.conn.ExecContext(t.Context(), "PRAGMA max_page_count="+pages); err != nil {
			t.Fatal(err)
		}
	}
	limit("1") // as small as the file is now
	err := l.Update(t.Context(), func(tx ledger.Tx) error {
		for i := range 500 {
			if err := one(fmt.Sprint("user-", i))(tx); err != nil {
				return err
			}
		}
		return nil
	})
	if !errors.Is(err, ledger.ErrFull) {
		t.Errorf("update returned %v, want %v", err, ledger.ErrFull)
	}
	if n := users(t, l); n != 1 {
		t.Errorf("%d users are there, want 1", n)
	}
	limit("100000")
	if err := l.Update(t.Context(), one("second")); err != nil {
		t.Errorf("update with room again: %v", err)
	}
}

func TestBeginRunAloneIsForcedToTheDisc(t *testing.T) {
	t.Parallel()
	l := open(t, tempDSN(t), Options{})
	mode := func() (n int) {
		t.Helper()
		if err := l.w.conn.QueryRowContext(t.Context(), "PRAGMA synchronous").Scan(&n); err != nil {
			t.Fatal(err)
		}
		return n
	}
	const normal, full = 1, 2
	if got := mode(); got != normal {
		t.Errorf("synchronous is %d at first, want %d", got, normal)
	}
	inside := 0
	err := l.w.do(t.Context(), "test", true, func(t *tx) error { return t.row("PRAGMA synchronous").Scan(&inside) })
	if err != nil || inside != full {
		t.Errorf("synchronous is %d (%v) in a durable transaction, want %d", inside, err, full)
	}
	if _, err := l.BeginRun(t.Context(), ledger.Run{Site: "site", Target: "directory", Started: time.Unix(1, 0)}); err != nil {
		t.Fatal(err)
	}
	if got := mode(); got != normal {
		t.Errorf("synchronous is %d afterwards, want %d", got, normal)
	}
}

func TestOldRunsAndHoldsGo(t *testing.T) {
	t.Parallel()
	l := open(t, "file::memory:", Options{})
	at := time.Unix(1_800_000_000, 0)
	var last int64
	for i := range keepRuns + 7 {
		for _, site := range []string{"busy", "quiet"} {
			if site == "quiet" && i > 2 {
				continue
			}
			id, err := l.BeginRun(t.Context(), ledger.Run{Site: site, Target: "directory", Started: at})
			if err != nil {
				t.Fatal(err)
			}
			if err := l.FinishRun(t.Context(), id, ledger.RunEnd{At: at, Status: "done"}, true); err != nil {
				t.Fatal(err)
			}
			if site == "busy" {
				last = id
			}
			if _, err := l.Hold(t.Context(), ledger.Hold{Site: site, Target: "directory", Digest: fmt.Sprint(i), At: at}); err != nil {
				t.Fatal(err)
			}
		}
	}
	for site, want := range map[string]int{"busy": keepRuns, "quiet": 3} {
		runs, err := l.Runs(t.Context(), site, 1000)
		if err != nil || len(runs) != want {
			t.Errorf("%s has %d runs (%v), want %d", site, len(runs), err, want)
		}
		if site == "busy" && runs[0].ID != last {
			t.Errorf("the newest run is %d, want %d", runs[0].ID, last)
		}
	}
	holds, err := l.Holds(t.Context(), true)
	if err != nil || len(holds) != keepRuns+3 {
		t.Errorf("there are %d holds (%v), want %d", len(holds), err, keepRuns+3)
	}
}

// A sum over a month must not miss a run that wrote, however often runs are.
func TestRunsThatWroteAreKeptLonger(t *testing.T) {
	t.Parallel()
	l := open(t, "file::memory:", Options{})
	first := time.Unix(1_800_000_000, 0)
	ran := func(at time.Time) int64 {
		id, err := l.BeginRun(t.Context(), ledger.Run{Site: "site", Target: "directory", Started: at})
		if err != nil {
			t.Fatal(err)
		}
		err = l.Update(t.Context(), func(tx ledger.Tx) error {
			return tx.LogStep(id, ledger.Step{Kind: scim.User, Key: "u1", Action: plan.RenameUser, Name: "old"})
		})
		end := ledger.RunEnd{At: at, Applied: map[plan.Counter]int{"renameUser": 1}}
		if err := errors.Join(err, l.FinishRun(t.Context(), id, end, true)); err != nil {
			t.Fatal(err)
		}
		return id
	}
	count := func(table string) (n int) {
		t.Helper()
		if err := l.readDB.QueryRowContext(t.Context(), "SELECT count(*) FROM "+table).Scan(&n); err != nil {
			t.Fatal(err)
		}
		return n
	}
	const runs = keepRuns + 50
	for i := range runs {
		ran(first.Add(time.Duration(i) * time.Minute))
	}
	sums, err := l.Applied(t.Context(), "directory", first)
	if err != nil || sums["renameUser"] != runs {
		t.Errorf("%d renames are counted (%v), want %d", sums["renameUser"], err, runs)
	}
	if n := count("steps"); n != runs {
		t.Errorf("there are %d steps, want %d", n, runs)
	}
	last := ran(first.Add(keepWrites + runs*time.Minute))
	if n := count("runs"); n != keepRuns {
		t.Errorf("%d runs are left, want %d", n, keepRuns)
	}
	steps, err := l.Steps(t.Context(), last)
	if err != nil || len(steps) != 1 || count("steps") != 1 {
		t.Errorf("%d steps are left, %d of the last run (%v), want that one", count("steps"), len(steps), err)
	}
}

// What is asked at every run must not go through whole tables.
func TestQueriesUseAnIndex(t *testing.T) {
	t.Parallel()
	l := open(t, tempDSN(t), Options{})
	for name, query := range map[string]string{
		"a site":      selectSites + ` WHERE id = $1`,
		"applied":     appliedSince,
		"old runs":    pruneOldRuns,
		"old steps":   pruneOldSteps,
		"steps":       `UPDATE steps SET key = $4 WHERE key = $1 AND kind = $2 AND ` + stepAtTarget,
		"accepted":    `DELETE FROM accepted WHERE key = $1 AND kind = $2 AND ` + acceptedAtTarget,
		"escrow":      `DELETE FROM escrow WHERE key = $1 AND kind = $2 AND ` + atTarget,
		"one's names": `DELETE FROM names WHERE holder = $1`,
	} {
		err := each(t.Context(), l.readDB, func(rows *sql.Rows) error {
			var id, parent, unused int
			var detail string
			err := rows.Scan(&id, &parent, &unused, &detail)
			if strings.HasPrefix(detail, "SCAN") {
				t.Errorf("%s: %s", name, detail)
			}
			return err
		}, "EXPLAIN QUERY PLAN "+query, 1, 2, 3, 4)
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestDroppedGroupLeavesNoRows(t *testing.T) {
	t.Parallel()
	l := open(t, tempDSN(t), Options{})
	err := l.Update(t.Context(), func(tx ledger.Tx) error {
		return errors.Join(one("u1")(tx),
			tx.PutObject("directory", "site", plan.Known{Kind: scim.Group, Key: "g"}),
			tx.AddMembers("directory", "g", []string{"u1"}),
			tx.DropObject("directory", scim.Group, "g"))
	})
	if err != nil {
		t.Fatal(err)
	}
	for table, want := range map[string]int{"members": 0, "claims": 1, "objects": 1} {
		var n int
		if err := l.readDB.QueryRowContext(t.Context(), "SELECT count(*) FROM "+table).Scan(&n); err != nil || n != want {
			t.Errorf("%s has %d rows (%v), want %d", table, n, err, want)
		}
	}
}

func TestClaimsKeepTheirOrderOverRestarts(t *testing.T) {
	t.Parallel()
	dsn := tempDSN(t)
	for _, site := range []string{"home", "second", "third"} {
		l := open(t, dsn, Options{})
		err := l.Update(t.Context(), func(tx ledger.Tx) error {
			if site == "home" {
				// Other claims before it, so that this one is not the first of its process.
				return errors.Join(one("x")(tx), tx.Claim("directory", "y", "x", ""),
					tx.PutObject("directory", site, plan.Known{Kind: scim.User, Key: "u1"}))
			}
			if site == "second" {
				return errors.Join(tx.Claim("directory", "y2", "x", ""), tx.Claim("directory", "zz", "u1", ""))
			}
			return errors.Join(tx.Claim("directory", "aa", "u1", ""), tx.Unclaim("directory", "home", "u1"))
		})
		if err := errors.Join(err, l.Close()); err != nil {
			t.Fatal(err)
		}
	}
	s, err := open(t, dsn, Options{}).Load(t.Context(), "directory", "aa")
	if err != nil {
		t.Fatal(err)
	}
	if got := s.Users["u1"].Home; got != "zz" {
		t.Errorf("home is %q, want the claim that is left longest, %q", got, "zz")
	}
}

// TestKilled writes from another process, kills it, and wants everything that was
// confirmed before.
func TestKilled(t *testing.T) {
	t.Parallel()
	const dsnVar = "SIMSCIM_TEST_STORE"
	if dsn := os.Getenv(dsnVar); dsn != "" {
		writeForEver(dsn)
	}
	dsn := tempDSN(t)
	for round := range 3 {
		cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestKilled$")
		cmd.Env = append(os.Environ(), dsnVar+"="+dsn)
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		confirmed := -1
		lines := bufio.NewScanner(out)
		for lines.Scan() {
			if confirmed, err = strconv.Atoi(lines.Text()); err != nil {
				t.Fatalf("the child says %q", lines.Text())
			}
			if confirmed >= 40*(round+1) {
				break
			}
		}
		if err := cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		_ = cmd.Wait() // killed
		l := open(t, dsn, Options{})
		s, err := l.Load(t.Context(), "directory", "site")
		if err != nil {
			t.Fatal(err)
		}
		if s.Settled {
			t.Error("a killed run left a settled state")
		}
		for i := range confirmed + 1 {
			u, g := s.Users[fmt.Sprint("u", i)], s.Groups["g"]
			if u == nil || g == nil {
				t.Fatalf("confirmation %d of %d is lost", i, confirmed)
			}
			if _, ok := g.Members[u.Key]; !ok {
				t.Fatalf("half of confirmation %d is lost", i)
			}
		}
		if got := len(s.Groups["g"].Members); got != len(s.Users) {
			t.Errorf("%d users and %d members: a transaction was torn", len(s.Users), got)
		}
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// writeForEver is the child of TestKilled. It says which confirmation is kept.
func writeForEver(dsn string) {
	ctx := context.Background()
	l, err := Open(ctx, dsn, Options{})
	if err != nil {
		panic(err)
	}
	if _, err := l.BeginRun(ctx, ledger.Run{Site: "site", Target: "directory", Started: time.Now()}); err != nil {
		panic(err)
	}
	for i := 0; ; i++ {
		err := l.Update(ctx, func(tx ledger.Tx) error {
			key := fmt.Sprint("u", i)
			return errors.Join(one(key)(tx),
				tx.PutObject("directory", "site", plan.Known{Kind: scim.Group, Key: "g"}),
				tx.AddMembers("directory", "g", []string{key}))
		})
		if err != nil {
			panic(err)
		}
		fmt.Fprintln(os.Stdout, i)
	}
}
