//go:build unix

package crash_test

import (
	"errors"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// patience is how long a run may take before something must be wrong with it.
const patience = 3 * time.Minute

// run is what came of one run of the program.
type run struct {
	code          int
	killed        bool
	output        string
	calls, writes int
	took          time.Duration
}

// run starts the program with the arguments, behind the gate, and waits for its end. The
// gate is closed before it returns: what a killed program has sent is either carried out
// by then or never will be.
func (h *home) run(t testing.TB, g *gate, args ...string) run {
	t.Helper()
	return h.wait(t, h.start(t, g, args...))
}

// process is a program under way.
type process struct {
	cmd    *exec.Cmd
	gate   *gate
	server *httptest.Server
	output strings.Builder
	begun  time.Time
	// clock kills at an instant counted from the start.
	clock *time.Timer
}

func (h *home) start(t testing.TB, g *gate, args ...string) *process {
	t.Helper()
	return h.begin(t, g, program, args...)
}

// begin is start for a command that becomes the program.
func (h *home) begin(t testing.TB, g *gate, name string, args ...string) *process {
	t.Helper()
	g.inner = h.box.IDP().Handler()
	p := &process{gate: g}
	ready := make(chan struct{})
	if g.at != (instant{}) {
		g.kill = sync.OnceFunc(func() {
			<-ready
			_ = p.cmd.Process.Kill() // it may have ended by itself
		})
	}
	p.server = httptest.NewServer(g)
	h.configure(t, p.server.URL)
	p.cmd = h.command(t, name, args...)
	p.cmd.Stdout, p.cmd.Stderr = &p.output, &p.output
	p.begun = time.Now()
	check(t, p.cmd.Start())
	close(ready)
	if g.kill != nil && g.at.moment == started {
		p.clock = time.AfterFunc(g.at.after, g.kill)
	}
	return p
}

// command is a command with the secrets of the sandbox in its environment.
func (h *home) command(t testing.TB, name string, args ...string) *exec.Cmd {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), name, args...)
	cmd.Dir = h.dir
	cmd.Env = append(os.Environ(), h.box.Env()...)
	cmd.Env = append(cmd.Env, "SIMSCIM_CONFIG="+filepath.Join(h.dir, "simscim.yaml"))
	return cmd
}

func (h *home) wait(t testing.TB, p *process) run {
	t.Helper()
	late := time.AfterFunc(patience, func() { _ = p.cmd.Process.Signal(syscall.SIGABRT) })
	err := p.cmd.Wait()
	r := run{took: time.Since(p.begun)}
	late.Stop()
	if p.clock != nil {
		p.clock.Stop()
	}
	p.server.Close()
	r.output, r.calls, r.writes = p.output.String(), p.gate.calls, p.gate.writes
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		status, _ := exit.Sys().(syscall.WaitStatus)
		r.code, r.killed = exit.ExitCode(), status.Signaled() && status.Signal() == syscall.SIGKILL
	} else {
		check(t, err)
	}
	if r.code != 0 && !r.killed && r.code == -1 {
		t.Fatalf("the program ended by a signal of its own:\n%s", r.output)
	}
	return r
}
