package notice

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"simscim/config"
	"simscim/connector"
	"simscim/connector/ledger"
	"simscim/internal/secret"
	"simscim/internal/secret/secrettest"
)

// store is a ledger as far as notices need one.
type store struct {
	ledger.Ledger

	mu     sync.Mutex
	marks  map[string]bool
	health map[string]ledger.Health
	sites  map[string]ledger.SiteRecord
	runs   map[string][]ledger.Run
	err    error
}

func newStore() *store {
	return &store{
		marks: map[string]bool{}, health: map[string]ledger.Health{},
		sites: map[string]ledger.SiteRecord{}, runs: map[string][]ledger.Run{},
	}
}

func (s *store) MarkNotice(_ context.Context, key string, _ time.Time) (bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	fresh := !s.marks[key]
	if s.err == nil {
		s.marks[key] = true
	}
	return fresh, s.err
}

func (s *store) ClearNotice(ctx context.Context, key string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err == nil && ctx.Err() == nil {
		delete(s.marks, key)
	}
	return errors.Join(s.err, ctx.Err())
}

func (s *store) Health(_ context.Context, target string) (ledger.Health, error) {
	return s.health[target], s.err
}

func (s *store) Sites(context.Context) (map[string]ledger.SiteRecord, error) { return s.sites, s.err }

func (s *store) Runs(_ context.Context, site string, limit int) ([]ledger.Run, error) {
	runs := s.runs[site]
	return runs[:min(limit, len(runs))], s.err
}

// outbox is a sender that keeps the titles.
type outbox struct {
	mu   sync.Mutex
	sent []Notice
	err  error
}

func (o *outbox) Send(ctx context.Context, n Notice) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if err := errors.Join(o.err, ctx.Err()); err != nil {
		return err
	}
	o.sent = append(o.sent, n)
	return nil
}

// titles empties the outbox.
func (o *outbox) titles() []string {
	o.mu.Lock()
	defer o.mu.Unlock()
	var list []string
	for _, n := range o.sent {
		list = append(list, n.Title())
	}
	o.sent = nil
	return list
}

var noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

// bench is a desk with one way into an outbox.
type bench struct {
	*Desk
	store *store
	box   *outbox
	now   time.Time
	logs  *observer.ObservedLogs
}

func newBench(t *testing.T) *bench {
	t.Helper()
	core, logs := observer.New(zap.DebugLevel)
	b := &bench{store: newStore(), box: &outbox{}, now: noon, logs: logs}
	desk, err := New(nil, Options{
		Ledger: b.store, Targets: []string{"directory"}, Now: func() time.Time { return b.now }, Log: zap.New(core),
	})
	if err != nil {
		t.Fatal(err)
	}
	b.Desk = desk
	b.restart()
	return b
}

// restart forgets what is only in memory.
func (b *bench) restart(on ...Kind) {
	if len(on) == 0 {
		on = []Kind{Held, Quarantine, Failed, Stale}
	}
	cfg := &config.Notice{Type: "webhook", StaleAfter: config.Duration{Duration: 36 * time.Hour}}
	for _, k := range on {
		cfg.On = append(cfg.On, config.Text{Value: string(k)})
	}
	b.ways = []*way{newWay("notices[0] (webhook)", cfg, b.box)}
}

func (b *bench) run(status connector.Status, n int, hold int64, reason string) {
	b.RunEnded(&connector.Run{
		Site: fmt.Sprintf("site-%02d", n), Name: fmt.Sprintf("School %02d", n), DfE: "1234567", Target: "directory",
		Status: status, Hold: hold, Reason: reason,
	})
}

// told flushes and compares what was told.
func (b *bench) told(t *testing.T, want ...string) {
	t.Helper()
	b.Flush(t.Context())
	if diff := cmp.Diff(want, b.box.titles()); diff != "" {
		t.Errorf("told (-want +got):\n%s", diff)
	}
}

func TestAStateIsToldOnce(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	failed := "The run for School 01 failed at directory"
	b.run(connector.Failed, 1, 0, "no answer in time")
	b.told(t, failed)
	b.run(connector.Failed, 1, 0, "no answer in time")
	b.run(connector.Skipped, 1, 0, "the roll came without its list")
	b.told(t)
	b.restart()
	b.run(connector.Failed, 1, 0, "another reason")
	b.told(t)
	b.run(connector.Partial, 1, 0, "")
	b.told(t)
	b.run(connector.Failed, 1, 0, "no answer in time")
	b.told(t, failed)
	// What ends and comes back before it is told is news, what ends is not.
	b.run(connector.Done, 1, 0, "")
	b.run(connector.Failed, 1, 0, "no answer in time")
	b.told(t, failed)
	b.run(connector.Failed, 2, 0, "no answer in time")
	b.run(connector.Done, 2, 0, "")
	b.told(t)
}

func TestAHoldIsToldByItsID(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	held := "The plan for School 01 is held at directory"
	b.run(connector.Held, 1, 12, "held by a safeguard")
	b.told(t, held)
	b.run(connector.Held, 1, 12, "held by a safeguard")
	b.told(t)
	b.run(connector.Held, 1, 13, "held by a safeguard") // another plan: 12 can no longer be approved
	b.told(t, held)
}

func TestFailuresBeforeTheTargetEnd(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	for range 2 {
		b.RunEnded(&connector.Run{Status: connector.Failed, Reason: "the schools of source sims could not be listed"})
		b.RunEnded(&connector.Run{Site: "site-01", Name: "School 01", Status: connector.Failed, Reason: "the schools of source sims could not be listed"})
		b.told(t, "The runs for 2 schools failed")
		b.run(connector.Done, 1, 0, "")
		b.told(t)
	}
}

func TestManySchoolsAreOneNotice(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	for n := range 60 {
		b.run(connector.Failed, n, 0, "the access was refused")
	}
	b.run(connector.Held, 60, 5, "held by a safeguard: a")
	b.run(connector.Held, 61, 6, "held by a safeguard: b")
	b.Flush(t.Context())
	if len(b.box.sent) != 2 {
		t.Fatalf("%d notices, want 2: %v", len(b.box.sent), b.box.titles())
	}
	i := slices.IndexFunc(b.box.sent, func(n Notice) bool { return n.Kind == Failed })
	n := b.box.sent[i]
	text := strings.Join(n.Lines(), "\n")
	if len(n.Schools) != 60 || strings.Count(text, "School ") != mostShown || strings.Count(text, "the access was refused") != 1 ||
		!strings.Contains(text, "… and 50 more") {
		t.Errorf("%s\n%s", n.Title(), text)
	}
	held := strings.Join(b.box.sent[1-i].Lines(), "\n")
	for _, want := range []string{"hold 5: held by a safeguard: a", "hold 6: held by a safeguard: b", "simscim approve ID --by NAME --why REASON"} {
		if !strings.Contains(held, want) {
			t.Errorf("%q is not in\n%s", want, held)
		}
	}
}

func TestOnlyWhatIsAskedFor(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.restart(Held)
	b.run(connector.Failed, 1, 0, "x")
	b.store.health["directory"] = ledger.Health{Since: noon, Reason: "x"}
	b.Look(t.Context())
	b.told(t)
	b.run(connector.Held, 1, 1, "x")
	b.told(t, "The plan for School 01 is held at directory")
}

func TestWhatIsNotDeliveredIsNotTold(t *testing.T) {
	t.Parallel()
	for name, restart := range map[string]bool{"the same process": false, "the next process": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			b.box.err = errors.New("deliver the notice: the answer was 500")
			b.run(connector.Failed, 1, 0, "x")
			b.told(t)
			if n := b.logs.FilterMessage("a notice could not be delivered").Len(); n != 1 {
				t.Errorf("%d log lines, want 1", n)
			}
			if len(b.store.marks) != 0 {
				t.Errorf("marked as told: %v", b.store.marks)
			}
			b.box.err = nil
			if restart {
				b.restart()
				b.run(connector.Failed, 1, 0, "x")
			}
			b.told(t, "The run for School 01 failed at directory")
			b.told(t)
		})
	}
}

func TestUndeliverableIsGivenUp(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.run(connector.Failed, 1, 0, "x")
	b.box.err = errors.New("deliver the notice: no answer in time")
	for range 3 {
		b.told(t)
	}
	b.box.err = nil
	b.told(t) // it waits until it happens again
	b.run(connector.Failed, 1, 0, "x")
	b.told(t, "The run for School 01 failed at directory")
}

func TestUndeliveredIsOvertaken(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.run(connector.Failed, 1, 0, "x")
	b.box.err = errors.New("deliver the notice: no answer in time")
	b.told(t)
	b.box.err = nil
	b.run(connector.Done, 1, 0, "")
	b.told(t)
}

func TestACancelledSyncLeavesNoMark(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.run(connector.Failed, 1, 0, "x")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	b.Flush(ctx)
	if len(b.box.titles()) != 0 || len(b.store.marks) != 0 {
		t.Errorf("marks %v", b.store.marks)
	}
}

func TestABrokenLedgerKeepsNothingSecret(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.store.err = errors.New("the store is damaged")
	b.Look(t.Context())
	b.run(connector.Failed, 1, 0, "the store is damaged")
	b.told(t, "The run for School 01 failed at directory")
	if b.logs.FilterLevelExact(zap.ErrorLevel).Len() == 0 {
		t.Error("the ledger's error was not logged")
	}
}

func TestQuarantine(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	look := func(h ledger.Health) { b.store.health["directory"] = h; b.Look(t.Context()) }
	look(ledger.Health{}) // well, and nobody was told otherwise
	b.told(t)
	look(ledger.Health{Since: noon, Reason: "the access was refused", Next: noon.Add(24 * time.Hour)})
	b.told(t, "Target directory is in quarantine")
	b.restart()
	look(ledger.Health{Since: noon, Reason: "the access was refused", Next: noon.Add(48 * time.Hour)})
	b.told(t)
	b.box.err = errors.New("deliver the notice: no answer in time")
	look(ledger.Health{})
	b.told(t)
	b.box.err = nil
	b.restart()
	look(ledger.Health{})
	b.told(t, "Target directory is out of quarantine")
	look(ledger.Health{})
	b.told(t)
	if len(b.store.marks) != 0 {
		t.Errorf("left behind: %v", b.store.marks)
	}
	// In and out again before anybody was told: nothing to tell.
	look(ledger.Health{Since: noon})
	look(ledger.Health{})
	b.told(t)
	look(ledger.Health{Since: noon})
	b.told(t, "Target directory is in quarantine")
}

func TestManyAtOnce(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for n := range 50 {
				b.run(connector.Failed, n, 0, "x")
				b.Look(t.Context())
				b.Flush(t.Context())
			}
		})
	}
	all.Wait()
	b.Flush(t.Context())
	count := map[string]int{}
	for _, n := range b.box.sent {
		for _, s := range n.Schools {
			count[s.Site]++
		}
	}
	if len(count) != 50 {
		t.Errorf("%d schools told, want 50", len(count))
	}
	for site, n := range count {
		if n != 1 {
			t.Errorf("%s was told %d times", site, n)
		}
	}
}

func TestWaysAreToldApart(t *testing.T) {
	t.Parallel()
	ref := func(s string) secret.Ref {
		r, err := secret.ParseRef(s)
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	ids := map[string]bool{}
	for _, n := range []*config.Notice{
		{Type: "webhook", URL: ref("env:A")},
		{Type: "webhook", URL: ref("env:B")},
		{Type: "slack", URL: ref("env:A")},
		{Type: "email", Server: "a:25", To: []string{"x@y"}},
		{Type: "email", Server: "a:25", To: []string{"x@y", "z@y"}},
	} {
		ids[wayID(n)] = true
	}
	if len(ids) != 5 {
		t.Errorf("ids %v, want 5", ids)
	}
	if wayID(&config.Notice{Type: "email", Server: "a:25", Password: ref("env:OLD")}) != wayID(&config.Notice{Type: "email", Server: "a:25", Password: ref("env:NEW")}) {
		t.Error("another password makes another way")
	}
}

func TestFromTheConfiguration(t *testing.T) {
	t.Parallel()
	got := make(chan string, 1)
	srv := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		got <- string(body)
	}))
	t.Cleanup(srv.Close)
	london, err := time.LoadLocation("Europe/London")
	if err != nil {
		t.Fatal(err)
	}
	july := time.Date(2027, 7, 1, 12, 0, 0, 0, time.UTC)
	store := newStore()
	store.health["directory"] = ledger.Health{Since: july, Reason: "the access was refused", Next: july.Add(time.Hour)}
	desk, err := New([]*config.Notice{{Type: "webhook", URL: secrettest.File(t, srv.URL), On: []config.Text{{Value: "quarantine"}}}}, Options{
		Ledger: store, Targets: []string{"directory"}, Now: func() time.Time { return july }, Location: london,
	})
	if err != nil {
		t.Fatal(err)
	}
	desk.Look(t.Context())
	desk.Flush(t.Context())
	desk.Flush(t.Context())
	if text := <-got; !strings.Contains(text, "Next try: Thu 1 Jul 2027 14:00 BST") || !strings.Contains(text, `"at":"2027-07-01T12:00:00Z"`) || len(got) > 0 {
		t.Errorf("posted %s", text)
	}
}

func TestNewNamesEveryWayThatCannotBeUsed(t *testing.T) {
	t.Parallel()
	missing, err := secret.ParseRef("env:SIMSCIM_TEST_NOT_SET")
	if err != nil {
		t.Fatal(err)
	}
	_, err = New([]*config.Notice{
		{Type: "teams", URL: missing},
		{Type: "email", Server: "mail.example:25", TLS: "none", From: "a@b.example", To: []string{"c@d.example"}},
	}, Options{Ledger: newStore(), Now: time.Now})
	if err == nil || !strings.Contains(err.Error(), "notices[0]: url: ") || !strings.Contains(err.Error(), "notices[1]: tls: ") {
		t.Errorf("got %v", err)
	}
	if _, err := New(nil, Options{}); err == nil {
		t.Error("a desk without a ledger was made")
	}
}
