package telemetry

import (
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// MetricsOptions make Metrics.
type MetricsOptions struct {
	// Version of the program, for simscim_build_info.
	Version string
	// SiteLabel adds the site's id to the time of the last complete run. It is a
	// series a site: a vendor with thousands leaves it off.
	SiteLabel bool
}

// Metrics are what the process counts. All methods are safe for concurrent use.
type Metrics struct {
	registry *prometheus.Registry
	runs     *prometheus.CounterVec
	seconds  *prometheus.HistogramVec
	changes  *prometheus.CounterVec
	requests *prometheus.CounterVec
	complete *prometheus.GaugeVec
	skipped  prometheus.Counter
	held     *prometheus.GaugeVec
	frozen   prometheus.Gauge

	bySite bool
	mu     sync.Mutex
	latest map[[2]string]time.Time
}

// NewMetrics makes metrics in a registry of their own.
func NewMetrics(o MetricsOptions) (*Metrics, error) {
	m := &Metrics{registry: prometheus.NewRegistry(), bySite: o.SiteLabel, latest: map[[2]string]time.Time{}}
	m.runs = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "simscim_runs_total", Help: "Runs of a site at a target that have ended, by how they ended.",
	}, []string{"status", "target"})
	m.seconds = prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name: "simscim_run_seconds", Help: "How long runs took.",
		Buckets: []float64{.5, 1, 2, 5, 10, 30, 60, 120, 300, 600, 1800, 3600, 7200},
	}, []string{"target"})
	m.changes = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "simscim_changes_total", Help: "Changes sent to a target, by what was changed and the result.",
	}, []string{"change", "target", "result"})
	m.requests = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "simscim_requests_total", Help: "HTTP requests sent, retries included, by the class of the answer; none is no answer.",
	}, []string{"side", "peer", "class"})
	completeLabels := []string{"target"}
	if o.SiteLabel {
		completeLabels = append(completeLabels, "site")
	}
	m.complete = prometheus.NewGaugeVec(prometheus.GaugeOpts{
		Name: "simscim_last_complete_timestamp_seconds", Help: "When a run last ended with everything done.",
	}, completeLabels)
	m.skipped = prometheus.NewCounter(prometheus.CounterOpts{
		Name: "simscim_slots_skipped_total", Help: "Scheduled slots skipped because the site was still being worked on.",
	})
	m.held = prometheus.NewGaugeVec(prometheus.GaugeOpts{
		Name: "simscim_held_plans", Help: "Plans that a safeguard stopped and nobody has decided about.",
	}, []string{"target"})
	m.frozen = prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "simscim_frozen_sites", Help: "Sites that may not be read, and are left as they are.",
	})
	build := prometheus.NewGaugeVec(prometheus.GaugeOpts{
		Name: "simscim_build_info", Help: "Always 1; the version is in the label.",
	}, []string{"version"})
	build.WithLabelValues(peer(o.Version)).Set(1)

	for _, c := range []prometheus.Collector{
		m.runs, m.seconds, m.changes, m.requests, m.complete, m.skipped, m.held, m.frozen, build,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
	} {
		if err := m.registry.Register(c); err != nil {
			return nil, fmt.Errorf("register metrics: %w", err)
		}
	}
	return m, nil
}

// RunEnded counts a run of a site at a target. A status of "done" at the time given
// is also noted as complete.
func (m *Metrics) RunEnded(site, target, status string, took time.Duration, at time.Time) {
	m.runs.WithLabelValues(word(status), peer(target)).Inc()
	m.seconds.WithLabelValues(peer(target)).Observe(took.Seconds())
	if status == "done" {
		m.Complete(site, target, at)
	}
}

// Complete notes that the site was wholly done at the target. It never goes back.
func (m *Metrics) Complete(site, target string, at time.Time) {
	labels := []string{peer(target)}
	id := [2]string{target}
	if m.bySite {
		labels, id[1] = append(labels, peer(site)), site
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if at.After(m.latest[id]) {
		m.latest[id] = at
		m.complete.WithLabelValues(labels...).Set(float64(at.UnixMilli()) / 1000)
	}
}

// Changes counts n changes of one counter ("createUser", "addMember") with one result
// ("applied", "failed").
func (m *Metrics) Changes(counter, target, result string, n int) {
	if n > 0 {
		m.changes.WithLabelValues(word(counter), peer(target), word(result)).Add(float64(n))
	}
}

// Side is which way a request went.
type Side string

// The sides.
const (
	ToSource Side = "source"
	ToTarget Side = "target"
)

// Request counts one HTTP request to the source or target of that name. status is the
// answer's; 0 says that there was none.
func (m *Metrics) Request(side Side, name string, status int) {
	m.requests.WithLabelValues(string(side), peer(name), StatusClass(status)).Inc()
}

// SlotSkipped counts a slot that found its site busy.
func (m *Metrics) SlotSkipped() { m.skipped.Inc() }

// SetHeld says how many plans are held at each target now.
func (m *Metrics) SetHeld(byTarget map[string]int) {
	m.held.Reset()
	for target, n := range byTarget {
		m.held.WithLabelValues(peer(target)).Add(float64(n))
	}
}

// SetFrozen says how many sites are frozen now.
func (m *Metrics) SetFrozen(n int) { m.frozen.Set(float64(n)) }

// Handler serves the metrics.
func (m *Metrics) Handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{MaxRequestsInFlight: 4})
}

// Registry is where the metrics are, for packages that add their own.
func (m *Metrics) Registry() *prometheus.Registry { return m.registry }

// StatusClass is "2xx" for 200, "none" for no answer at all, "other" for no HTTP status.
func StatusClass(status int) string {
	switch {
	case status == 0:
		return "none"
	case status < 100 || status > 599:
		return "other"
	default:
		return fmt.Sprintf("%dxx", status/100)
	}
}

var wordPattern = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_-]{0,31}$`)

// word lets only single words of a vocabulary be labels.
func word(s string) string {
	if wordPattern.MatchString(s) {
		return s
	}
	return "other"
}

// peer lets names from the configuration be labels: anything short that cannot be an
// address of a person.
func peer(s string) string {
	const longest = 64
	if s == "" || len(s) > longest || strings.Contains(s, "@") {
		return "other"
	}
	return strings.ToValidUTF8(s, "?")
}
