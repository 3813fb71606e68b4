package notice

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"time"

	"go.uber.org/zap"

	"simscim/config"
	"simscim/connector"
	"simscim/connector/ledger"
)

// flushWithin is the most time that one way may take for all that is to be told at once.
const flushWithin = time.Minute

// Options is what a desk works with.
type Options struct {
	Ledger ledger.Ledger
	// Targets are the names of the targets whose health is looked at.
	Targets []string
	// Now is the clock.
	Now func() time.Time
	// Location is the zone of times in notices; nil is UTC.
	Location *time.Location
	Log      *zap.Logger
}

// Desk gathers what is to be told and tells it. It is safe for concurrent use.
type Desk struct {
	Options
	ways []*way
}

// New makes a desk with the ways of the configuration; without any it tells nothing.
// Secrets are read here, and nothing is called. The error names every way that cannot
// be used.
func New(cfg []*config.Notice, o Options) (*Desk, error) {
	if o.Ledger == nil || o.Now == nil {
		return nil, errors.New("a notice desk needs a ledger and a clock")
	}
	if o.Location == nil {
		o.Location = time.UTC
	}
	if o.Log == nil {
		o.Log = zap.NewNop()
	}
	d := &Desk{Options: o}
	var problems []error
	for i, n := range cfg {
		sender, err := newSender(n, o.Log)
		if err != nil {
			problems = append(problems, fmt.Errorf("notices[%d]: %w", i, err))
			continue
		}
		d.ways = append(d.ways, newWay(fmt.Sprintf("notices[%d] (%s)", i, n.Type), n, sender))
	}
	return d, errors.Join(problems...)
}

func newWay(name string, n *config.Notice, sender Sender) *way {
	w := &way{
		name: name, id: wayID(n), sender: sender, staleAfter: n.StaleAfter.Duration,
		on: map[Kind]bool{}, tells: map[string]event{}, ends: map[string]bool{},
	}
	for _, word := range n.On {
		w.on[Kind(word.Value)] = true
	}
	w.on[Recovered] = w.on[Quarantine]
	return w
}

// wayID tells ways apart by where they lead to, so that neither another order in the
// configuration nor another password has everything told again.
func wayID(n *config.Notice) string {
	h := sha256.New()
	fmt.Fprintf(h, "%q %q %q %q", n.Type, n.URL.String(), n.Server, n.To)
	return n.Type + "-" + hex.EncodeToString(h.Sum(nil)[:4])
}

func newSender(n *config.Notice, log *zap.Logger) (Sender, error) {
	if n.Type == "email" {
		return newEmail(n, log, patience{})
	}
	return newWebhook(n, log, patience{})
}

// patience is how long senders wait: for an answer, before they try again, and at most
// between two tries. Zero values are the defaults of each.
type patience struct{ timeout, pause, longest time.Duration }

// RunEnded takes what a run of a sync says, never one of a plan alone: a held plan and a
// failure are told, a good run ends failure and staleness. Everything else is left to
// the staleness that may come of it. Nothing is sent before Flush.
func (d *Desk) RunEnded(run *connector.Run) {
	school := School{Site: run.Site, Name: run.Name, DfE: run.DfE, Hold: run.Hold, Reason: run.Reason}
	e := event{target: run.Target, school: school}
	for _, w := range d.ways {
		switch run.Status {
		case connector.Held:
			e.key, e.kind = "held:"+strconv.FormatInt(run.Hold, 10), Held
			w.tell(e)
		case connector.Failed:
			e.key, e.kind = failedKey(run.Site, run.Target), Failed
			w.tell(e)
		case connector.Done, connector.Partial:
			// A failure before the target, and one before the schools were even known, is over
			// as well.
			w.end(failedKey(run.Site, run.Target), failedKey(run.Site, ""), failedKey("", ""), staleKey(run.Site, run.Target))
		case connector.Skipped:
		}
	}
}

func failedKey(site, target string) string { return "failed:" + site + ":" + target }
func staleKey(site, target string) string  { return "stale:" + site + ":" + target }

// Flush sends what has gathered, all ways side by side, and returns when each has done
// what it could. It is called at the end of a sync, and every few minutes by the daemon.
func (d *Desk) Flush(ctx context.Context) {
	var all sync.WaitGroup
	for _, w := range d.ways {
		all.Go(func() {
			ctx, cancel := context.WithTimeout(ctx, flushWithin)
			defer cancel()
			d.deliver(ctx, w)
		})
	}
	all.Wait()
}

func (d *Desk) deliver(ctx context.Context, w *way) {
	ends, tells := w.take()
	for _, key := range ends {
		d.unmark(ctx, w, key)
	}
	var fresh []event
	for _, e := range tells {
		if d.news(ctx, w, e) {
			fresh = append(fresh, e)
		}
	}
	for _, b := range w.bundles(fresh, d.Now().In(d.Location)) {
		err := w.sender.Send(ctx, b.notice)
		for _, e := range b.events {
			// Told or not: the end of a quarantine that was told, and whatever was not told,
			// stand in the ledger no longer.
			if (err == nil) == (e.kind == Recovered) {
				d.unmark(ctx, w, e.key)
			}
		}
		if err != nil {
			d.Log.Warn("a notice could not be delivered", zap.String("way", w.name), zap.String("kind", string(b.notice.Kind)),
				zap.String("target", b.notice.Target), zap.Error(err))
			w.putBack(b.events)
		}
	}
}

// news marks an event as told, and tells whether it was not told before. The end of a
// quarantine is news only where the quarantine was told. When the ledger cannot answer,
// it is better to tell twice than not at all.
func (d *Desk) news(ctx context.Context, w *way, e event) bool {
	fresh, err := d.Ledger.MarkNotice(context.WithoutCancel(ctx), w.id+" "+e.key, d.Now())
	if err != nil {
		d.Log.Error("mark a notice as told", zap.String("way", w.name), zap.Error(err))
		return e.kind != Recovered
	}
	if e.kind == Recovered && fresh {
		d.unmark(ctx, w, e.key)
	}
	return fresh == (e.kind != Recovered)
}

// unmark lets a state be told again. It must not be lost because a sync is told to stop.
func (d *Desk) unmark(ctx context.Context, w *way, key string) {
	if err := d.Ledger.ClearNotice(context.WithoutCancel(ctx), w.id+" "+key); err != nil {
		d.Log.Error("forget a notice", zap.String("way", w.name), zap.Error(err))
	}
}
