package main

import (
	"fmt"
	"sync"
	"time"

	"github.com/jedib0t/go-pretty/v6/progress"

	"simscim/connector"
)

// bars shows how a sync gets on: one bar a school and target, on a terminal only.
type bars struct {
	writer progress.Writer
	mu     sync.Mutex
	bars   map[string]*progress.Tracker
}

// newProgress starts the bars, or something that shows nothing where no person looks.
func (c *cli) newProgress() *bars {
	if c.noProgress || c.output == "json" || !isTerminal(c.errOut) {
		return &bars{}
	}
	w := progress.NewWriter()
	w.SetOutputWriter(c.errOut)
	w.SetUpdateFrequency(100 * time.Millisecond)
	w.SetTrackerLength(30)
	w.SetMessageLength(44)
	w.SetStyle(progress.StyleBlocks)
	w.Style().Visibility.Value = true
	w.Style().Visibility.ETA = true
	go w.Render()
	return &bars{writer: w, bars: map[string]*progress.Tracker{}}
}

func (b *bars) watch(ev connector.Event) {
	if b.writer == nil {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	key, name := ev.Site+"\x00"+ev.Target, ev.Name+" → "+ev.Target
	t := b.bars[key]
	switch {
	case ev.Planned > 0 && t == nil:
		t = &progress.Tracker{Message: name, Total: int64(ev.Planned)}
		b.bars[key] = t
		b.writer.AppendTracker(t)
	case ev.Done > 0 && t != nil:
		t.UpdateMessage(name)
		t.Increment(int64(ev.Done))
	case ev.Awaited > 0 && t != nil:
		t.UpdateMessage(fmt.Sprintf("%s has yet to tell of %s", ev.Target, count(ev.Awaited, "change")))
	case ev.Ended != nil && t != nil:
		t.UpdateMessage(name)
		if ev.Ended.Status == connector.Failed {
			t.MarkAsErrored()
		} else {
			t.MarkAsDone()
		}
	}
}

func (b *bars) stop() {
	if b.writer == nil {
		return
	}
	b.writer.Stop()
	for b.writer.IsRenderInProgress() {
		time.Sleep(10 * time.Millisecond)
	}
}
