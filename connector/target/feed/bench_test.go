package feed_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"runtime"
	"slices"
	"testing"
	"time"
)

const population = 100_000

// populated is a feed with everybody in it.
func populated(b *testing.B) *school {
	b.Helper()
	o := options(b)
	s := serve(b, o)
	began := time.Now()
	for from := 0; from < population; from += 10_000 {
		s.apply(b, pupils(from, from+10_000)...)
	}
	b.Logf("filled with %d users in %.1f s", population, time.Since(began).Seconds())
	return s
}

// One page anywhere. The figure is the median in milliseconds.
func BenchmarkPage(b *testing.B) {
	s := populated(b)
	for name, path := range map[string]string{
		"anywhere":     "/Users?count=100",
		"by name":      filtered(`userName eq "pupil777@oakfield.example"`),
		"by time":      filtered(`meta.lastModified gt "2026-01-01T00:00:00Z"`) + "&count=100",
		"newest first": "/Users?count=100&sortBy=meta.lastModified&sortOrder=descending",
	} {
		b.Run(name, func(b *testing.B) {
			random := rand.New(rand.NewPCG(1, 2))
			var took []time.Duration
			for b.Loop() {
				began := time.Now()
				if a := s.get(b, fmt.Sprint(path, "&startIndex=", 1+random.IntN(population-100))); a.status != 200 {
					b.Fatal(a.raw)
				}
				took = append(took, time.Since(began))
			}
			slices.Sort(took)
			b.ReportMetric(float64(took[len(took)/2].Microseconds())/1000, "ms/median")
			b.ReportMetric(float64(took[len(took)*99/100].Microseconds())/1000, "ms/p99")
		})
	}
}

// A whole import by pages of 100 over the network, and the most memory that it takes.
func BenchmarkImport(b *testing.B) {
	s := populated(b)
	web := httptest.NewServer(s.handler)
	b.Cleanup(web.Close)
	for b.Loop() {
		var peak, now runtime.MemStats
		seen := 0
		for start := 1; start <= population; start += 100 {
			resp, err := web.Client().Do(request(b, web.URL, start))
			if err != nil {
				b.Fatal(err)
			}
			seen += users(b, resp)
			if start%5000 == 1 {
				if runtime.ReadMemStats(&now); now.HeapAlloc > peak.HeapAlloc {
					peak = now
				}
			}
		}
		if seen != population {
			b.Fatalf("%d users were seen", seen)
		}
		b.ReportMetric(float64(peak.HeapAlloc)/(1<<20), "MB/heap")
	}
}

// A look at everybody's content.
func BenchmarkScan(b *testing.B) {
	s := populated(b)
	for b.Loop() {
		if a := s.get(b, filtered(`name.familyName ew "99999"`)); a.doc["totalResults"] != 1.0 {
			b.Fatal(a.raw)
		}
	}
}

func request(b *testing.B, base string, start int) *http.Request {
	r, err := http.NewRequestWithContext(b.Context(), http.MethodGet, fmt.Sprintf("%s/feeds/okta/Users?count=100&startIndex=%d", base, start), nil)
	if err != nil {
		b.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+token)
	return r
}

func users(b *testing.B, resp *http.Response) int {
	defer resp.Body.Close()
	var doc struct{ Resources []json.RawMessage }
	if err := json.NewDecoder(resp.Body).Decode(&doc); err != nil || resp.StatusCode != 200 {
		b.Fatalf("%d, %v", resp.StatusCode, err)
	}
	return len(doc.Resources)
}
