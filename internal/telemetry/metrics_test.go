package telemetry_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"simscim/internal/telemetry"
)

func metrics(t *testing.T, o telemetry.MetricsOptions) *telemetry.Metrics {
	t.Helper()
	m, err := telemetry.NewMetrics(o)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func serve(m *telemetry.Metrics) string {
	rec := httptest.NewRecorder()
	m.Handler().ServeHTTP(rec, httptest.NewRequest(http.MethodGet, "/metrics", http.NoBody))
	return rec.Body.String()
}

func TestMetrics(t *testing.T) {
	t.Parallel()
	m := metrics(t, telemetry.MetricsOptions{Version: "v0.1.0"})
	at := time.Unix(1_800_000_000, 500_000_000)
	m.RunEnded("123/4567", "directory", "done", 90*time.Second, at)
	m.RunEnded("123/4568", "directory", "done", time.Second, at.Add(-time.Hour)) // older: the gauge stays
	m.RunEnded("123/4567", "directory", "failed", time.Second, at.Add(time.Hour))
	m.Changes("createUser", "directory", "applied", 12)
	m.Changes("createUser", "directory", "failed", 0)
	m.Request(telemetry.ToTarget, "directory", 201)
	m.Request(telemetry.ToTarget, "directory", 429)
	m.Request(telemetry.ToSource, "sims", 0)
	m.SlotSkipped()
	m.SetHeld(map[string]int{"directory": 2, "old": 1})
	m.SetHeld(map[string]int{"directory": 3})
	m.SetFrozen(1)

	want := `
# HELP simscim_build_info Always 1; the version is in the label.
# TYPE simscim_build_info gauge
simscim_build_info{version="v0.1.0"} 1
# HELP simscim_changes_total Changes sent to a target, by what was changed and the result.
# TYPE simscim_changes_total counter
simscim_changes_total{change="createUser",result="applied",target="directory"} 12
# HELP simscim_frozen_sites Sites that may not be read, and are left as they are.
# TYPE simscim_frozen_sites gauge
simscim_frozen_sites 1
# HELP simscim_held_plans Plans that a safeguard stopped and nobody has decided about.
# TYPE simscim_held_plans gauge
simscim_held_plans{target="directory"} 3
# HELP simscim_last_complete_timestamp_seconds When a run last ended with everything done.
# TYPE simscim_last_complete_timestamp_seconds gauge
simscim_last_complete_timestamp_seconds{target="directory"} 1.8000000005e+09
# HELP simscim_requests_total HTTP requests sent, retries included, by the class of the answer; none is no answer.
# TYPE simscim_requests_total counter
simscim_requests_total{class="2xx",peer="directory",side="target"} 1
simscim_requests_total{class="4xx",peer="directory",side="target"} 1
simscim_requests_total{class="none",peer="sims",side="source"} 1
# HELP simscim_runs_total Runs of a site at a target that have ended, by how they ended.
# TYPE simscim_runs_total counter
simscim_runs_total{status="done",target="directory"} 2
simscim_runs_total{status="failed",target="directory"} 1
# HELP simscim_slots_skipped_total Scheduled slots skipped because the site was still being worked on.
# TYPE simscim_slots_skipped_total counter
simscim_slots_skipped_total 1
`
	err := testutil.GatherAndCompare(m.Registry(), strings.NewReader(want), "simscim_build_info", "simscim_changes_total", "simscim_frozen_sites",
		"simscim_held_plans", "simscim_last_complete_timestamp_seconds", "simscim_requests_total", "simscim_runs_total", "simscim_slots_skipped_total")
	if err != nil {
		t.Error(err)
	}
	page := serve(m)
	for _, want := range []string{`simscim_run_seconds_bucket{target="directory",le="120"} 3`, "go_goroutines"} {
		if !strings.Contains(page, want) {
			t.Errorf("/metrics lacks %s", want)
		}
	}
	if strings.Contains(page, "123/456") {
		t.Error("a site is in a label without the switch")
	}
	if problems, err := testutil.GatherAndLint(m.Registry()); err != nil || len(problems) > 0 {
		t.Errorf("lint: %v %v", problems, err)
	}
}

func TestSiteLabelOnlyBehindTheSwitch(t *testing.T) {
	t.Parallel()
	m := metrics(t, telemetry.MetricsOptions{SiteLabel: true})
	m.Complete("123/4567", "directory", time.Unix(100, 0))
	m.Complete("123/4568", "directory", time.Unix(50, 0))
	page := serve(m)
	for _, want := range []string{`{site="123/4567",target="directory"} 100`, `{site="123/4568",target="directory"} 50`} {
		if !strings.Contains(page, want) {
			t.Errorf("/metrics lacks %s", want)
		}
	}
}

func TestCanariesNeverReachALabel(t *testing.T) {
	t.Parallel()
	m := metrics(t, telemetry.MetricsOptions{SiteLabel: true, Version: canaryMail})
	m.RunEnded(canaryMail, canaryMail, canary, time.Second, time.Unix(1, 0))
	m.RunEnded(canaryMail, canaryMail, "done", time.Second, time.Unix(1, 0))
	m.Changes(canary, canaryMail, canary, 1)
	m.Request(telemetry.ToSource, canaryMail, 200)
	m.SetHeld(map[string]int{canaryMail: 1, strings.Repeat("canary", 20): 2})
	page := serve(m)
	if strings.Contains(strings.ToLower(page), "canary") {
		t.Errorf("a canary is in the metrics:\n%s", page)
	}
	if want := `simscim_held_plans{target="other"} 3`; !strings.Contains(page, want) {
		t.Errorf("/metrics lacks %s", want)
	}
}

func TestRegistriesAreApart(t *testing.T) {
	t.Parallel()
	a, b := metrics(t, telemetry.MetricsOptions{}), metrics(t, telemetry.MetricsOptions{})
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() { a.Complete("s", "t", time.Unix(5, 0)); a.SlotSkipped() })
	}
	wg.Wait()
	if page := serve(b); !strings.Contains(page, "simscim_slots_skipped_total 0") {
		t.Error("one registry shows what the other counted")
	}
}

func TestStatusClass(t *testing.T) {
	t.Parallel()
	for status, want := range map[int]string{0: "none", 99: "other", 100: "1xx", 204: "2xx", 301: "3xx", 404: "4xx", 503: "5xx", 600: "other", -1: "other"} {
		if got := telemetry.StatusClass(status); got != want {
			t.Errorf("StatusClass(%d) = %q, want %q", status, got, want)
		}
	}
}
