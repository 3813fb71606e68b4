//go:build unix

package crash_test

import (
	"bytes"
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	_ "modernc.org/sqlite" // the driver of the tool that locks the store
)

func (h *home) store() string { return filepath.Join(h.dir, "simscim.db") }

// well runs a sync that must go well.
func (h *home) well(t testing.TB, args ...string) run {
	t.Helper()
	got := h.run(t, &gate{}, append([]string{"sync", "--no-progress"}, args...)...)
	if got.code != 0 {
		t.Fatalf("sync %v ends with %d:\n%s", args, got.code, got.output)
	}
	return got
}

// refused runs a sync that must end with exit code 1 and the words, and leave the
// identity provider alone.
func (h *home) refused(t testing.TB, words []string, args ...string) {
	t.Helper()
	got := h.run(t, &gate{}, append([]string{"sync", "--no-progress"}, args...)...)
	if got.code != 1 || got.calls != 0 {
		t.Fatalf("exit code %d and %d requests:\n%s", got.code, got.calls, got.output)
	}
	for _, word := range words {
		if !strings.Contains(got.output, word) {
			t.Errorf("%q is not among the words:\n%s", word, got.output)
		}
	}
}

// holds wants at the identity provider what an undisturbed program leaves there, and one
// more sync to send nothing.
func (h *home) holds(t testing.TB, ref after) {
	t.Helper()
	if diff := cmp.Diff(ref.content, content(t, h.box.IDP().Snapshot())); diff != "" {
		t.Fatalf("not what an undisturbed program leaves there:\n%s", diff)
	}
	if got := h.well(t); got.calls != 0 {
		t.Fatalf("one more sync sends %d requests:\n%s", got.calls, got.output)
	}
}

// TestNoRoom lets no file grow beyond a limit: the disc is full, at one point after the
// other of a first sync, and then on a busy day.
func TestNoRoom(t *testing.T) {
	t.Parallel()
	ref := undisturbed(t, 0)
	// blocks of 512 bytes, as sh counts them.
	full := func(t *testing.T, h *home, blocks int) run {
		t.Helper()
		script := fmt.Sprintf(`ulimit -f %d && exec "$0" sync --no-progress`, blocks)
		got := h.wait(t, h.begin(t, &gate{}, "sh", "-c", script, program))
		if got.code != 0 && (got.code != 1 && got.code != 3 || !strings.Contains(got.output, "no room left")) {
			t.Fatalf("with %d blocks: exit code %d:\n%s", blocks, got.code, got.output)
		}
		return got
	}
	before, within := 0, 0
	for blocks := 1; ; blocks += 96 {
		h := newHome(t, 0)
		got := full(t, h, blocks)
		h.well(t)
		h.holds(t, ref[0])
		if got.code == 0 {
			break
		}
		if got.writes == 0 {
			before++
		} else {
			within++
		}
	}
	if before == 0 || within == 0 {
		t.Errorf("%d times the room ended before the first write, and %d times later; each should be seen", before, within)
	}

	h := newHome(t, 0)
	h.well(t)
	churn(t, h.box.World())
	for _, blocks := range []int{8, 64, 128} {
		if got := full(t, h, blocks); got.code == 0 {
			t.Errorf("a busy day found room in %d blocks", blocks)
		}
	}
	h.well(t)
	h.holds(t, ref[1])
}

// TestLocked meets another tool that has locked the store.
func TestLocked(t *testing.T) {
	t.Parallel()
	ref, h := undisturbed(t, 1), newHome(t, 1)
	h.well(t)
	churn(t, h.box.World())
	db, err := sql.Open("sqlite", "file:"+h.store())
	check(t, err)
	defer db.Close()
	tool, err := db.Conn(t.Context())
	check(t, err)
	_, err = tool.ExecContext(t.Context(), "BEGIN EXCLUSIVE")
	check(t, err)
	h.refused(t, []string{"locked by another process"})
	_, err = tool.ExecContext(t.Context(), "ROLLBACK")
	check(t, err)
	check(t, tool.Close())
	h.well(t)
	h.holds(t, ref[1])
}

// TestDamaged spoils the store. Nothing happens to it or to anybody's account until
// somebody says that it is to be made anew; then all goes on as if it had never gone.
func TestDamaged(t *testing.T) {
	t.Parallel()
	ref := undisturbed(t, 2)
	for name, spoil := range map[string]func([]byte) []byte{
		"another header": func(b []byte) []byte { return append(bytes.Repeat([]byte{7}, 100), b[100:]...) },
		"bytes overwritten": func(b []byte) []byte {
			for i := len(b) / 4; i < len(b)*3/4; i++ {
				b[i] = byte(i * 31)
			}
			return b
		},
		"cut off":        func(b []byte) []byte { return b[:len(b)/2] },
		"something else": func([]byte) []byte { return bytes.Repeat([]byte("not a store\n"), 5000) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHome(t, 2)
			for i, stage := range stages {
				stage.happens(t, h.box.World())
				h.well(t)
				h.holds(t, ref[i])
				h.spoil(t, spoil)
				h.refused(t, []string{"damaged", "--rebuild-ledger"})
				if got := h.well(t, "--rebuild-ledger"); got.writes != 0 {
					t.Errorf("%s: making the store anew wrote %d times to the identity provider:\n%s", stage.name, got.writes, got.output)
				}
				h.holds(t, ref[i])
				h.clear(t)
			}
		})
	}
}

// clear removes the damaged store, which must have been kept, so that the next one may be
// put aside within the same second.
func (h *home) clear(t *testing.T) {
	t.Helper()
	kept, err := filepath.Glob(h.store() + ".damaged-*")
	check(t, err)
	if len(kept) == 0 {
		t.Error("the damaged store is not kept")
	}
	for _, name := range kept {
		check(t, os.Remove(name))
	}
}

// spoil damages the store, and checks that a sync leaves it as it is.
func (h *home) spoil(t *testing.T, how func([]byte) []byte) {
	t.Helper()
	whole, err := os.ReadFile(h.store())
	check(t, err)
	spoilt := how(whole)
	check(t, os.WriteFile(h.store(), spoilt, 0o600))
	h.refused(t, []string{"nothing was"})
	now, err := os.ReadFile(h.store())
	check(t, err)
	if !bytes.Equal(spoilt, now) {
		t.Error("a sync wrote to the damaged store")
	}
}

// TestTwoAtOnce starts a second program while the first is at work.
func TestTwoAtOnce(t *testing.T) {
	t.Parallel()
	ref, h := undisturbed(t, 3), newHome(t, 3)
	first := &gate{arrived: make(chan struct{}), open: make(chan struct{})}
	one := h.start(t, first, "sync", "--no-progress")
	<-first.arrived
	busy := []string{"another simscim is working with this store", fmt.Sprint("process ", one.cmd.Process.Pid)}
	h.refused(t, busy)
	h.refused(t, busy, "--wait", "200ms")
	h.refused(t, nil, "--rebuild-ledger")
	if got := h.run(t, &gate{}, "status"); got.code != 0 {
		t.Errorf("status meanwhile ends with %d:\n%s", got.code, got.output)
	}
	second := &gate{}
	two := h.start(t, second, "sync", "--no-progress", "--wait", "2m")
	close(first.open)
	if got := h.wait(t, one); got.code != 0 || got.writes == 0 {
		t.Errorf("the first ends with %d after %d writes:\n%s", got.code, got.writes, got.output)
	}
	if got := h.wait(t, two); got.code != 0 || got.calls != 0 {
		t.Errorf("the second ends with %d after %d requests:\n%s", got.code, got.calls, got.output)
	}
	h.holds(t, ref[0])
}
