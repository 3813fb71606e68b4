//go:build unix

// Package crash_test kills the real program at hundreds of instants drawn by lot, and
// spoils its store, and looks at what has become of the school's accounts.
//
// A story takes one school through a first sync, a day of comings and goings, and a
// September, against an identity provider that now and then loses its answer after the
// write. In each of the three the program is killed by SIGKILL, up to three times; then
// it may run to its end. What is at the identity provider must then be, object by
// object, what an undisturbed program leaves there, and one more sync must not send it a
// single request.
//
// SIMSCIM_CRASHES is how many kills there shall be at least; without it there are as
// many as a quick test allows. Each story follows from its seed, which its name tells.
package crash_test

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"testing"
)

// program is the path of the built binary.
var program string

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "simscim-crash-")
	if err == nil {
		program = filepath.Join(dir, "simscim")
		build := exec.Command("go", "build", "-o", program, "simscim/cmd/simscim")
		build.Env = append(os.Environ(), "CGO_ENABLED=0")
		var out []byte
		if out, err = build.CombinedOutput(); err != nil {
			err = fmt.Errorf("build the program: %w\n%s", err, out)
		}
	}
	code := 1
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
	} else {
		flag.Parse()
		// Lost answers and locks are waited for, not worked on.
		if err := flag.Set("test.parallel", strconv.Itoa(2*runtime.GOMAXPROCS(0))); err != nil {
			panic(err)
		}
		code = m.Run()
	}
	if err := os.RemoveAll(dir); err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
	os.Exit(code)
}

// quick is how many kills there are at least in an ordinary test.
const quick = 60

// wanted is how many kills there shall be at least.
func wanted(t *testing.T) int {
	t.Helper()
	text := os.Getenv("SIMSCIM_CRASHES")
	if text == "" {
		return quick
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		t.Fatalf("SIMSCIM_CRASHES is a number above 0, not %q", text)
	}
	return n
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
