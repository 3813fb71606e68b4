package main

import (
	"cmp"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"simscim/connector"
	"simscim/connector/ledger/sqlledger"
	"simscim/connector/target"
	"simscim/connector/target/feed"
	"simscim/internal/secret"
)

// fed is what a feed holds: 100,000 users.
var fed = roll{Seed: seed, Sites: 50, People: 2_000}

// perPage is how many users Okta asks for at once.
const perPage = 100

// served measures a feed as Okta reads it, over HTTP.
func served(ctx context.Context, b *bench) ([]figure, error) {
	t := task{What: "feedFill", Roll: fed, Parallel: 2, Ledger: filepath.Join(b.dir, "fed.db"), Path: filepath.Join(b.dir, "feed.db"), Extras: addressed}
	filled, err := b.measure(ctx, t)
	if err != nil {
		return nil, err
	}
	t.What = "feedPages"
	var middles []float64
	for range min(b.pairs, 3) {
		r, err := b.measure(ctx, t)
		if err != nil {
			return nil, err
		}
		middles = append(middles, r.Seconds*1000)
	}
	t.What = "feedImport"
	r, err := b.measure(ctx, t)
	if err != nil {
		return nil, err
	}
	page := figure{What: "a page anywhere, median", Unit: "ms", Bound: "<", Limit: 20, Note: fmt.Sprintf("%d of %d users; filled by the engine in %.0f s", perPage, fed.users(), filled.Seconds)}
	page.Value, page.Low, page.High = median(middles)
	return []figure{
		page,
		{What: "a full import", Unit: "s", Value: r.Seconds, Bound: "<", Limit: 30, Note: fmt.Sprintf("%d pages, the reader's own time included", fed.users()/perPage)},
		{What: "heap at its end ÷ after a tenth", Unit: "×", Value: r.Rate, Bound: "<=", Limit: 1.25, Note: "after garbage collection"},
		memory("peak memory", r, 0, "the reader's included"),
	}, nil
}

// feedAt is where the feed is served.
const feedAt = "/feeds/okta"

func openFeed(ctx context.Context, t *task, now func() time.Time) (*feed.Feed, error) {
	key := base64.StdEncoding.EncodeToString([]byte(strings.Repeat("k", 32)))
	return feed.Open(ctx, feed.Options{
		Name: targetName, Path: t.Path, Key: secret.New(key), Tokens: []secret.Value{secret.New(token)}, BasePath: feedAt, Now: now,
	})
}

// feedFillTask lets the engine write a trust into the feed.
func feedFillTask(ctx context.Context, t *task) (*result, error) {
	c := newClock()
	f, err := openFeed(ctx, t, c.now)
	if err != nil {
		return nil, err
	}
	r, stop := &result{}, watch()
	report, err := trustSync(ctx, t, &rollSource{roll: t.Roll, now: c.now}, c, func(*sqlledger.Ledger) (target.Target, error) { return f, nil })
	if err := cmp.Or(err, stop(r), f.Close()); err != nil {
		return nil, err
	}
	if n := report.Totals.ByStatus[connector.Done]; n != t.Roll.Sites {
		return nil, fmt.Errorf("of the schools %v: %s", report.Totals.ByStatus, report.Runs[0].Reason)
	}
	return r, nil
}

// reading serves the feed and lets read get pages of it; get returns how many users a page
// has.
func reading(ctx context.Context, t *task, read func(get func(start int) (int, error)) error) error {
	f, err := openFeed(ctx, t, time.Now)
	if err != nil {
		return err
	}
	handler, err := f.Handler()
	if err != nil {
		return cmp.Or(err, f.Close())
	}
	web := httptest.NewServer(handler)
	err = read(func(start int) (int, error) { return getPage(ctx, web.Client(), web.URL+feedAt, start) })
	web.Close()
	return cmp.Or(err, f.Close())
}

func getPage(ctx context.Context, client *http.Client, base string, start int) (int, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, fmt.Sprintf("%s/Users?startIndex=%d&count=%d", base, start, perPage), nil)
	if err != nil {
		return 0, err
	}
	req.Header.Set("Authorization", "Bearer "+token)
	resp, err := client.Do(req)
	if err != nil {
		return 0, fmt.Errorf("get a page: %w", err)
	}
	defer resp.Body.Close()
	var page struct{ Resources []json.RawMessage }
	if err := json.NewDecoder(resp.Body).Decode(&page); err != nil || resp.StatusCode != http.StatusOK {
		return 0, fmt.Errorf("read a page: status %d: %w", resp.StatusCode, err)
	}
	return len(page.Resources), nil
}

// feedPagesTask gets pages here and there. Seconds are the median.
func feedPagesTask(ctx context.Context, t *task) (*result, error) {
	const pages = 300
	rng := rand.New(rand.NewPCG(t.Roll.Seed, 0)) //nolint:gosec // a seed is wanted
	took := make([]float64, pages)
	err := reading(ctx, t, func(get func(int) (int, error)) error {
		for i := range took {
			begun := time.Now()
			n, err := get(1 + rng.IntN(t.Roll.users()-perPage))
			if took[i] = time.Since(begun).Seconds(); err != nil || n != perPage {
				return cmp.Or(err, fmt.Errorf("a page had %d users", n))
			}
		}
		return nil
	})
	r := &result{}
	r.Seconds, _, _ = median(took)
	return r, err
}

// feedImportTask reads everybody page by page. Rate is how the heap at the end compares
// with that after a tenth.
func feedImportTask(ctx context.Context, t *task) (*result, error) {
	r, seen := &result{}, 0
	var early uint64
	err := reading(ctx, t, func(get func(int) (int, error)) error {
		stop := watch()
		for start := 1; start <= t.Roll.users(); start += perPage {
			n, err := get(start)
			if err != nil {
				return err
			}
			if seen += n; early == 0 && seen*10 >= t.Roll.users() {
				early = heap()
			}
		}
		err := stop(r)
		r.Rate = float64(heap()) / float64(early)
		return err
	})
	if err == nil && seen != t.Roll.users() {
		err = fmt.Errorf("%d users were seen", seen)
	}
	return r, err
}

// heap is what is in use in bytes.
func heap() uint64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}
