package main

import (
	"bytes"
	"context"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"simscim/roster"
	"simscim/sandbox/district"
)

// A small roll goes through everything that is measured: what is timed must be right
// first, and syncTask and bareTask check that themselves.
func TestTasks(t *testing.T) {
	for name, value := range map[string]string{tokenEnv: token, "BENCH_ID": "unused", "BENCH_SECRET": "unused"} {
		t.Setenv(name, value)
	}
	of := roll{Seed: seed, Sites: 1, People: 60, Groups: 6, Places: 3}
	dir := t.TempDir()
	do := task{What: "sync", Roll: of, InFlight: 4, Parallel: 1, Held: true, Ledger: filepath.Join(dir, "ledger.db"), Bodies: filepath.Join(dir, "bodies")}
	filled, err := syncTask(t.Context(), &do)
	if err != nil {
		t.Fatal(err)
	}
	if most := int64(of.users() + of.groups() + 10); filled.Requests > most {
		t.Errorf("%d requests, at most %d are wanted", filled.Requests, most)
	}
	bare, err := bareTask(t.Context(), &task{InFlight: 4, Bodies: do.Bodies})
	if err != nil {
		t.Fatal(err)
	}
	if bare.Requests != int64(of.users()+of.groups()) {
		t.Errorf("the bare loop sent %d requests", bare.Requests)
	}
	do.Again, do.Bodies, do.Held = true, "", false
	again, err := syncTask(t.Context(), &do)
	if err != nil {
		t.Fatal(err)
	}
	if again.Requests != 0 {
		t.Errorf("an unchanged roll took %d requests", again.Requests)
	}
	for _, known := range []bool{false, true} {
		if _, err := mapTask(known)(t.Context(), &task{Roll: of}); err != nil {
			t.Error(err)
		}
	}
}

func TestDistrict(t *testing.T) {
	for name, value := range map[string]string{tokenEnv: token, "BENCH_ID": "unused", "BENCH_SECRET": "unused"} {
		t.Setenv(name, value)
	}
	of := district.Files{Schools: 3, Users: 120, Enrolments: 960}
	path := filepath.Join(t.TempDir(), "district.zip")
	if err := of.Write(path); err != nil {
		t.Fatal(err)
	}
	if r, err := districtTask(t.Context(), &task{Files: of, Path: path}); err != nil || r.Rate <= 0 {
		t.Errorf("got %+v, %v", r, err)
	}
	of.Users++
	if _, err := districtTask(t.Context(), &task{Files: of, Path: path}); err == nil {
		t.Error("somebody is missing, and nothing says so")
	}
}

func TestNodFillsALedger(t *testing.T) {
	for name, value := range map[string]string{tokenEnv: token, "BENCH_ID": "unused", "BENCH_SECRET": "unused"} {
		t.Setenv(name, value)
	}
	do := task{
		Roll: roll{Seed: seed, Sites: 3, People: 20, Groups: 4, Places: 3}, InFlight: 4, Parallel: 2,
		Ledger: filepath.Join(t.TempDir(), "ledger.db"), Nod: true,
	}
	if _, err := syncTask(t.Context(), &do); err != nil {
		t.Fatal(err)
	}
	do.Nod, do.Again = false, true
	if r, err := syncTask(t.Context(), &do); err != nil || r.Requests != 0 {
		t.Errorf("the second run: %+v, %v", r, err)
	}
}

func TestPush(t *testing.T) {
	for name, value := range map[string]string{tokenEnv: token, "BENCH_ID": "unused", "BENCH_SECRET": "unused"} {
		t.Setenv(name, value)
	}
	of := roll{Seed: seed, Sites: 1, People: 250}
	for _, limit := range []string{"", "bucket", "windows"} {
		do := task{Roll: of, InFlight: 8, Limit: limit, Ledger: filepath.Join(t.TempDir(), "ledger.db")}
		r, err := pushTask(t.Context(), &do)
		if err != nil {
			t.Fatalf("%q: %v", limit, err)
		}
		if r.Requests < int64(of.users()) || r.Least != int64(of.users()) || r.Bytes < 100 {
			t.Errorf("%q: %+v", limit, r)
		}
	}
	do := task{InFlight: 8, Extras: september, Ledger: filepath.Join(t.TempDir(), "ledger.db")}
	r, err := rolloverTask(t.Context(), &do)
	if err != nil {
		t.Fatal(err)
	}
	// 180 join and 180 leave, 920 have another title, 456 classes end and begin, and 49
	// other groups change.
	if want := int64(2*180 + 920 + 2*456 + 49); r.Least < want || r.Least > want+want/100 {
		t.Errorf("the least possible is said to be %d, about %d is right", r.Least, want)
	}
	if n := len(secondary(2026).snapshot(roster.Site{}, today()).Memberships); n != places {
		t.Errorf("the secondary has %d memberships", n)
	}
}

func TestWindows(t *testing.T) {
	t.Parallel()
	w, now, admitted := &windows{}, today(), 0
	for i := range 5 * 300 { // 300 a second
		if w.admit(now.Add(time.Duration(i) * time.Second / 300)) {
			admitted++
		}
	}
	if admitted != 5*allowed {
		t.Errorf("%d were admitted in five seconds", admitted)
	}
}

func TestVerdict(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		bound        string
		value, limit float64
		missed       bool
	}{
		{"<=", 1.3, 1.3, false},
		{"<=", 1.31, 1.3, true},
		{"<", 100, 100, true},
		{"<", 99, 100, false},
		{">=", 100, 100, false},
		{">=", 99, 100, true},
		{"=", 0, 0, false},
		{"=", 1, 0, true},
		{"", 1e9, 0, false},
	} {
		if f := (figure{Bound: c.bound, Value: c.value, Limit: c.limit}); f.missed() != c.missed {
			t.Errorf("%v %s %v: missed is %v", c.value, c.bound, c.limit, f.missed())
		}
	}
}

func TestTable(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	figures := []figure{{Scenario: "s", What: "w", Unit: "MiB", Value: 65.27, Bound: "<", Limit: 100, Note: "n"}}
	if err := table(&out, figures); err != nil {
		t.Fatal(err)
	}
	if want := "s         w       65.3 MiB  < 100.0   0.65      ok  n\n"; !strings.HasSuffix(out.String(), want) {
		t.Errorf("got\n%swant a last line of\n%s", out.String(), want)
	}
}

// A small trust takes the roads that are measured. The tasks check what has arrived.
func TestRoads(t *testing.T) {
	for name, value := range map[string]string{tokenEnv: token, "BENCH_ID": "unused", "BENCH_SECRET": "unused"} {
		t.Setenv(name, value)
	}
	dir := t.TempDir()
	do := task{Roll: roll{Seed: seed, Sites: 2, People: 600}, Parallel: 1, Ledger: filepath.Join(dir, "entra.db")}
	r, err := entraTask(t.Context(), &do)
	if err != nil {
		t.Fatal(err)
	}
	if want := []int64{24, 0, 2}; !slices.Equal(r.Calls, want) { // who goes is sent after who comes
		t.Errorf("%v uploads, not %v", r.Calls, want)
	}
	do.Ledger, do.Extras = filepath.Join(dir, "okta.db"), addressed
	if r, err = oktaTask(t.Context(), &do); err != nil || !slices.Equal(r.Calls, []int64{1}) {
		t.Errorf("%v sessions, %v", r, err)
	}
	do.Ledger, do.Path = filepath.Join(dir, "fed.db"), filepath.Join(dir, "feed.db")
	for what, run := range []func(context.Context, *task) (*result, error){feedFillTask, feedPagesTask, feedImportTask} {
		if _, err := run(t.Context(), &do); err != nil {
			t.Fatalf("%d: %v", what, err)
		}
	}
}
