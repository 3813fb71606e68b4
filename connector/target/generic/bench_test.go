package generic

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"simscim/config"
	"simscim/connector/plan"
	"simscim/connector/target"
	"simscim/internal/secret/secrettest"
	"simscim/scim"
)

// stub answers every create as a fast server would.
func stub(b *testing.B) string {
	b.Helper()
	var next atomic.Int64
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return
		}
		w.Header().Set("Content-Type", scim.MediaType)
		w.WriteHeader(http.StatusCreated)
		_, _ = fmt.Fprintf(w, `{"id":"%d",%s`, next.Add(1), bytes.TrimPrefix(body, []byte("{")))
	}))
	b.Cleanup(s.Close)
	return s.URL
}

const atOnce = 8

func changes(n int) []plan.Change {
	out := make([]plan.Change, n)
	for i := range out {
		out[i] = plan.Change{Action: plan.CreateUser, Kind: scim.User, Key: fmt.Sprintf("%036d", i), After: user(i)}
	}
	return out
}

// BenchmarkCreate compares a first sync's creates with a bare loop that sends the same
// bodies as many at a time.
func BenchmarkCreate(b *testing.B) {
	b.Run("generic", func(b *testing.B) {
		t, err := New(&config.Target{Name: "b", Profile: "generic", URL: stub(b), Auth: config.TargetAuth{Type: "bearer", Token: secrettest.File(b, "token")}, Limits: config.Limits{InFlight: atOnce}}, Options{})
		if err != nil {
			b.Fatal(err)
		}
		all := changes(b.N)
		b.ReportAllocs()
		b.ResetTimer()
		if err := t.Apply(context.Background(), all, nil, func(o target.Outcome) error { return o.Err }); err != nil {
			b.Fatal(err)
		}
	})
	b.Run("bare", func(b *testing.B) {
		url := stub(b) + "/Users"
		bodies := make([][]byte, b.N)
		for i := range bodies {
			body, err := json.Marshal(user(i).Resource(scim.User))
			if err != nil {
				b.Fatal(err)
			}
			bodies[i] = body
		}
		client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: atOnce}}
		b.ReportAllocs()
		b.ResetTimer()
		var next atomic.Int64
		var wg sync.WaitGroup
		for range atOnce {
			wg.Go(func() {
				for i := int(next.Add(1)) - 1; i < b.N; i = int(next.Add(1)) - 1 {
					req, err := http.NewRequestWithContext(context.Background(), http.MethodPost, url, bytes.NewReader(bodies[i]))
					if err != nil {
						b.Error(err)
						return
					}
					req.Header.Set("Content-Type", scim.MediaType)
					req.Header.Set("Authorization", "Bearer token")
					resp, err := client.Do(req)
					if err != nil {
						b.Error(err)
						return
					}
					answer, err := io.ReadAll(resp.Body)
					_ = resp.Body.Close()
					if err != nil || !strings.HasPrefix(string(answer), `{"id"`) {
						b.Error("no id came")
						return
					}
				}
			})
		}
		wg.Wait()
	})
}
