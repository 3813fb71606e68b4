package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/pprof"
	"strconv"
	"strings"
	"syscall"
	"time"

	"simscim/sandbox/district"
)

// taskEnv holds the task of a child.
const taskEnv = "SIMSCIM_BENCH_TASK"

// cores is how many a child may use: the class of machine that the figures are for.
const cores = 2

// task is what a child is asked to measure.
type task struct {
	// What is the name of a function in tasks.
	What string
	Roll roll
	// InFlight is how many requests are under way at once.
	InFlight int
	// Parallel is how many sites are worked on at once.
	Parallel int
	// Delay is the latency of the target.
	Delay time.Duration
	// Held says that the source has its school in memory before the clock starts.
	Held bool
	// Ledger is the path of the ledger's file.
	Ledger string
	// Nod says that the target agrees to everything without being sent anything.
	Nod bool
	// Again says that the ledger is that of an earlier sync of the same roll.
	Again bool
	// Bodies is the file of recorded requests, written or read.
	Bodies string
	// Extras add to the configuration.
	Extras extras
	// Personality of the directory, and how it limits its callers.
	Personality, Limit string
	// Path is that of Files.
	Path  string
	Files district.Files
	// Profile is the stem of the files for profiles, or empty.
	Profile string
}

// result is what a child found.
type result struct {
	// Seconds is the wall time of the measured part; ReadSeconds of it went into
	// reading the source.
	Seconds, ReadSeconds float64
	// Requests that the target received, the Least that could have done, and the Bytes
	// of the longest body.
	Requests, Least, Bytes int64
	// Calls are what is counted of each sync.
	Calls []int64
	// Rate is persons a second, or rows of files.
	Rate float64
	// CPU is the processor time of the measured part in seconds, the target's included.
	CPU float64
	// PeakMiB is the peak resident memory of the child.
	PeakMiB float64
}

var tasks = map[string]func(context.Context, *task) (*result, error){
	"sync":     syncTask,
	"bare":     bareTask,
	"mapNew":   mapTask(false),
	"mapKnown": mapTask(true),
	"district": districtTask,
	"push":     pushTask,
	"pupil":    pupilTask,
	"rollover": rolloverTask,
	"entra":    entraTask,
	"okta":     oktaTask,

	"feedFill":   feedFillTask,
	"feedPages":  feedPagesTask,
	"feedImport": feedImportTask,
}

// measure runs a task in a child process.
func (b *bench) measure(ctx context.Context, t task) (*result, error) {
	if b.profiles != "" {
		t.Profile = filepath.Join(b.profiles, t.What+"-"+strconv.Itoa(t.Roll.People))
		if t.Again {
			t.Profile += "-again"
		}
	}
	in, err := json.Marshal(t)
	if err != nil {
		return nil, fmt.Errorf("write a task: %w", err)
	}
	self, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("find this program: %w", err)
	}
	cmd := exec.CommandContext(ctx, self) //nolint:gosec // it is this program itself
	cmd.Env = append(os.Environ(), taskEnv+"="+string(in), "GOMAXPROCS="+strconv.Itoa(cores),
		tokenEnv+"="+token, "BENCH_ID=unused", "BENCH_SECRET=unused")
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, b.stderr
	if err := cmd.Run(); err != nil {
		return nil, fmt.Errorf("measure %s: %w", t.What, err)
	}
	var r result
	if err := json.Unmarshal(out.Bytes(), &r); err != nil {
		return nil, fmt.Errorf("read the result of %s: %w", t.What, err)
	}
	return &r, nil
}

// child carries out a task and writes the result.
func child(ctx context.Context, in []byte, out io.Writer) error {
	var t task
	if err := json.Unmarshal(in, &t); err != nil {
		return fmt.Errorf("read the task: %w", err)
	}
	run, ok := tasks[t.What]
	if !ok {
		return fmt.Errorf("there is no task %q", t.What)
	}
	r, err := profiled(ctx, &t, run)
	if err != nil {
		return err
	}
	if r.PeakMiB, err = peak(); err != nil {
		return err
	}
	return json.NewEncoder(out).Encode(r)
}

// profiled carries out a task under the profiler, if it is asked for.
func profiled(ctx context.Context, t *task, run func(context.Context, *task) (*result, error)) (*result, error) {
	if t.Profile == "" {
		return run(ctx, t)
	}
	cpu, err := os.Create(t.Profile + ".cpu")
	if err != nil {
		return nil, fmt.Errorf("write a profile: %w", err)
	}
	defer cpu.Close()
	if err := pprof.StartCPUProfile(cpu); err != nil {
		return nil, fmt.Errorf("write a profile: %w", err)
	}
	r, err := run(ctx, t)
	pprof.StopCPUProfile()
	if err != nil {
		return nil, err
	}
	heap, err := os.Create(t.Profile + ".heap")
	if err != nil {
		return nil, fmt.Errorf("write a profile: %w", err)
	}
	defer heap.Close()
	return r, pprof.WriteHeapProfile(heap)
}

// watch starts a clock for wall time and one for processor time.
func watch() (stop func(*result) error) {
	var before, after syscall.Rusage
	failed := syscall.Getrusage(syscall.RUSAGE_SELF, &before)
	begun := time.Now()
	return func(r *result) error {
		r.Seconds = time.Since(begun).Seconds()
		if err := cmp.Or(failed, syscall.Getrusage(syscall.RUSAGE_SELF, &after)); err != nil {
			return fmt.Errorf("read the processor time: %w", err)
		}
		r.CPU = time.Duration(after.Utime.Nano() + after.Stime.Nano() - before.Utime.Nano() - before.Stime.Nano()).Seconds()
		return nil
	}
}

// peak is the peak resident memory of this process. The kernel's rusage would not do:
// a child starts there with what its parent had.
func peak() (float64, error) {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0, fmt.Errorf("peak memory can be read on Linux only: %w", err)
	}
	for line := range strings.Lines(string(status)) {
		if rest, ok := strings.CutPrefix(line, "VmHWM:"); ok {
			kib, err := strconv.ParseFloat(strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(rest), "kB")), 64)
			return kib / 1024, err
		}
	}
	return 0, fmt.Errorf("peak memory: the kernel does not tell it")
}
