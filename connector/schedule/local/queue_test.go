package local_test

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"simscim/connector/schedule"
	"simscim/connector/schedule/local"
)

func start(t *testing.T, o local.Options, handle schedule.Handler) *local.Queue {
	t.Helper()
	q, err := local.New(o)
	if err != nil {
		t.Fatal(err)
	}
	if err := q.Start(t.Context(), handle); err != nil {
		t.Fatal(err)
	}
	return q
}

func submit(t *testing.T, q *local.Queue, key string) bool {
	t.Helper()
	ok, err := q.Submit(t.Context(), schedule.Job{Key: key})
	if err != nil {
		t.Fatalf("submit %s: %v", key, err)
	}
	return ok
}

func TestBoundedAndInOrder(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		var order []string
		under, most := 0, 0
		q := start(t, local.Options{Parallel: 3}, func(_ context.Context, job schedule.Job) {
			mu.Lock()
			order = append(order, job.Key)
			under++
			most = max(most, under)
			mu.Unlock()
			time.Sleep(time.Minute)
			mu.Lock()
			under--
			mu.Unlock()
		})
		var keys []string
		for i := range 10 {
			key := fmt.Sprintf("site-%d", i)
			keys = append(keys, key)
			if !submit(t, q, key) {
				t.Errorf("%s was not accepted", key)
			}
			if submit(t, q, key) {
				t.Errorf("%s was accepted twice", key)
			}
			synctest.Wait()
		}
		if waiting, underway := q.Len(); waiting != 7 || underway != 3 {
			t.Errorf("Len() = %d waiting, %d under way, want 7 and 3", waiting, underway)
		}
		begin := time.Now()
		for w, u := q.Len(); w+u > 0; w, u = q.Len() {
			time.Sleep(time.Second)
		}
		if got := time.Since(begin); got > 4*time.Minute+time.Second {
			t.Errorf("10 jobs of a minute, 3 at once, took %s", got)
		}
		if most != 3 {
			t.Errorf("%d were under way at once, want 3", most)
		}
		if slices.Sort(order); !slices.Equal(order, keys) {
			t.Errorf("carried out %q", order)
		}
		if !submit(t, q, "site-0") {
			t.Error("a key whose job has ended was not accepted")
		}
		if err := q.Stop(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

func TestStopEndsContextsAndForgetsTheLine(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		parent, cancel := context.WithCancel(t.Context())
		var ran []string
		q, err := local.New(local.Options{Parallel: 1, Grace: time.Minute})
		if err != nil {
			t.Fatal(err)
		}
		err = q.Start(parent, func(ctx context.Context, job schedule.Job) {
			ran = append(ran, job.Key)
			<-ctx.Done()
		})
		if err != nil {
			t.Fatal(err)
		}
		submit(t, q, "a")
		submit(t, q, "b")
		cancel() // the context of Start does not end jobs
		synctest.Wait()
		if _, underway := q.Len(); underway != 1 {
			t.Errorf("%d under way, want 1", underway)
		}
		begin := time.Now()
		if err := q.Stop(t.Context()); err != nil {
			t.Errorf("stop: %v", err)
		}
		if got := time.Since(begin); got != time.Minute {
			t.Errorf("stop took %s, want the minute of grace", got)
		}
		if !slices.Equal(ran, []string{"a"}) {
			t.Errorf("ran %q, want only a", ran)
		}
		if submit(t, q, "c") {
			t.Error("a stopped queue accepts jobs")
		}
		if err := q.Stop(t.Context()); err != nil {
			t.Errorf("second stop: %v", err)
		}
	})
}

func TestGoexitFreesThePlace(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		n := 0
		q := start(t, local.Options{Parallel: 1}, func(context.Context, schedule.Job) { n++; runtime.Goexit() })
		for range 3 {
			if !submit(t, q, "a") {
				t.Error("the key is still busy")
			}
			synctest.Wait()
		}
		if n != 3 {
			t.Errorf("ran %d times, want 3", n)
		}
		if err := q.Stop(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

func TestMisuse(t *testing.T) {
	t.Parallel()
	for _, o := range []local.Options{{}, {Parallel: -1}, {Parallel: 1, Grace: -1}} {
		if _, err := local.New(o); err == nil {
			t.Errorf("New(%+v) gave no error", o)
		}
	}
	q, err := local.New(local.Options{Parallel: 1})
	if err != nil {
		t.Fatal(err)
	}
	if ok, err := q.Submit(t.Context(), schedule.Job{Key: "a"}); ok || err == nil {
		t.Error("a queue that was not started accepts jobs")
	}
	if err := q.Stop(t.Context()); err != nil {
		t.Errorf("stop before start: %v", err)
	}
	if err := q.Start(t.Context(), func(context.Context, schedule.Job) {}); err == nil {
		t.Error("a stopped queue starts")
	}
}
