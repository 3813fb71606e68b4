// Package csv reads OneRoster files, version 1.1 or 1.2, in a zip or a folder. It owns
// how the bytes become records: encodings, headers, the manifest, what is damaged. What
// the records mean is the business of the package above.
//
// A district is read once, in one pass, into a compact form from which each school's
// snapshot is derived; it is let go when all schools have been read. Only columns that
// rules use are kept. Only files of known names are opened, and nothing is ever
// written.
//
// Files are whole or they are refused: a delta, a missing file or column, a file cut in
// the middle or changed between two looks is a *source.Incomplete. A single row that
// cannot be read is set aside, at every school where nobody can tell whose it is.
package csv

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"go.uber.org/zap"

	"simscim/connector/source"
	"simscim/connector/source/oneroster"
	"simscim/roster"
)

// Options are what a source is made of.
type Options struct {
	// Name of the configured source; sites and logs carry it.
	Name string
	// Path of a zip or a folder.
	Path string
	// Version of OneRoster, "1.1" or "1.2"; empty means what the manifest says.
	Version string
	// Want is what the rules of all schools use together, as far as it is known. A read
	// that wants more than reads before it costs another look at the files.
	Want source.Want
	// Rules say how to work out what OneRoster has no place for. Without a Today of their
	// own the day is Now's.
	Rules oneroster.Rules
	// MaxFile is the size that a file may unfold to, in bytes; 2 GiB when zero.
	MaxFile int64
	// Idle is how long the files are kept in memory after the last read, where not all of
	// their schools are read; 10 minutes when zero.
	Idle time.Duration
	Now  func() time.Time
	Log  *zap.Logger
}

// Source reads one set of files.
type Source struct {
	opts Options
	log  *zap.Logger

	// turn is held while files are looked at or read: the second who wants them waits for
	// what the first reads.
	turn chan struct{}

	mu       sync.Mutex
	district *district
	unread   map[string]bool
	// listed is the state of the files when the schools were listed.
	listed string
	// needs is what reads so far have needed.
	needs need
	timer *time.Timer
}

// New makes a source. It opens nothing yet.
func New(o Options) (*Source, error) {
	if o.Path == "" {
		return nil, errors.New("oneroster files: no path is given")
	}
	if o.Version != "" && o.Version != "1.1" && o.Version != "1.2" {
		return nil, fmt.Errorf("oneroster files: version %q is neither 1.1 nor 1.2", o.Version)
	}
	if err := o.Rules.Validate(); err != nil {
		return nil, fmt.Errorf("oneroster files: %w", err)
	}
	o.MaxFile = cmp.Or(o.MaxFile, 2<<30)
	o.Idle = cmp.Or(o.Idle, 10*time.Minute)
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Rules.Today == nil {
		o.Rules.Today = o.Now
	}
	if o.Log == nil {
		o.Log = zap.NewNop()
	}
	return &Source{opts: o, log: o.Log.With(zap.String("source", o.Name)), turn: make(chan struct{}, 1), needs: needOf(o.Want)}, nil
}

// Requests is always zero: files answer no requests.
func (s *Source) Requests() int64 { return 0 }

// Sites lists the schools of the files, in their order. From then on a change of the
// files is noticed.
func (s *Source) Sites(ctx context.Context) ([]roster.Site, error) {
	if err := s.enter(ctx); err != nil {
		return nil, err
	}
	defer s.leave()
	var out []roster.Site
	now, err := s.open(func(b *bundle, m *manifest) (err error) {
		out, err = readSites(ctx, b, m, s.opts.Name)
		return err
	})
	if err != nil {
		return nil, s.wrap(ctx, "list the schools of the files", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.listed = now
	if s.district != nil && s.district.stamp != now {
		s.drop()
	}
	return out, nil
}

// Read derives one school's snapshot. The files are read where they have not been yet.
func (s *Source) Read(ctx context.Context, site roster.Site, want source.Want) (*roster.Snapshot, error) {
	if len(want.Kinds) == 0 {
		// An empty roll would look as if everybody had left.
		return nil, errors.New("no kind of person is wanted, so there is nothing to read")
	}
	d, err := s.ready(ctx, needOf(want))
	if err != nil {
		return nil, err
	}
	id := roster.CanonicalID(site.ID)
	school, ok := d.schools[id]
	if !ok {
		return nil, &source.Frozen{Reason: "it is no longer among the schools of the files"}
	}
	snap, err := d.snapshot(ctx, school, s.opts.Rules, want, s.opts.Now())
	if err != nil {
		return nil, err
	}
	s.done(d, id)
	return snap, nil
}

// ready returns the district as the files are now, with all that is needed.
func (s *Source) ready(ctx context.Context, n need) (*district, error) {
	if err := s.enter(ctx); err != nil {
		return nil, err
	}
	defer s.leave()
	now, err := stamp(s.opts.Path)
	if err != nil {
		return nil, &source.Incomplete{Reason: "the files are not there", Err: err}
	}
	s.mu.Lock()
	have, listed, needs := s.district, s.listed, s.needs.with(n)
	s.listed, s.needs = now, needs
	if have != nil && have.stamp != now {
		s.drop()
		have = nil
	}
	s.mu.Unlock()
	if listed != "" && listed != now {
		// The list of schools may be another. The next read takes the files as they are.
		return nil, &source.Incomplete{Reason: "the files have changed since the schools were listed"}
	}
	if have != nil && have.need.covers(n) {
		return have, nil
	}
	s.mu.Lock()
	s.drop() // so that there is only one in memory
	s.mu.Unlock()
	d, err := s.load(ctx, needs)
	if err != nil {
		return nil, s.wrap(ctx, "read the files", err)
	}
	return d, nil
}

func (s *Source) load(ctx context.Context, n need) (*district, error) {
	var d *district
	now, err := s.open(func(b *bundle, m *manifest) (err error) {
		d, err = load(ctx, b, m, s.opts.Name, s.opts.Rules.HouseMetadata, n)
		return err
	})
	if err != nil {
		return nil, err
	}
	d.stamp = now
	s.log.Info("read the OneRoster files", zap.Int64("records", d.records), zap.Int("schools", len(d.sites)),
		zap.Int("setAside", len(d.problems)), zap.Any("ofNoSchool", d.stray))
	s.mu.Lock()
	defer s.mu.Unlock()
	s.district, s.unread = d, map[string]bool{}
	for _, site := range d.sites {
		s.unread[site.ID] = true
	}
	s.rest()
	return d, nil
}

// open opens the files, lets do read them, and makes sure that they stayed the same
// meanwhile. It returns the state they are in.
func (s *Source) open(do func(*bundle, *manifest) error) (string, error) {
	before, err := stamp(s.opts.Path)
	if err != nil {
		return "", err
	}
	b, err := openBundle(s.opts.Path, s.opts.MaxFile)
	if err != nil {
		return "", err
	}
	defer b.Close()
	m, err := readManifest(b, s.opts.Version)
	if err != nil {
		return "", err
	}
	if err := do(b, m); err != nil {
		return "", err
	}
	after, err := stamp(s.opts.Path)
	if err == nil && after != before {
		err = errors.New("the files changed while they were read")
	}
	return after, err
}

// needed is what reads have needed so far, or were said to need.
func (s *Source) needed() need {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.needs
}

// wrap tells an interrupted read from files that are not whole.
func (s *Source) wrap(ctx context.Context, step string, err error) error {
	if ctx.Err() != nil {
		return fmt.Errorf("%s: %w", step, ctx.Err())
	}
	return &source.Incomplete{Reason: step, Err: err}
}

// done notes that a school was read from d, and lets d go after the last.
func (s *Source) done(d *district, id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.district != d {
		return
	}
	delete(s.unread, id)
	if len(s.unread) == 0 {
		s.drop()
		return
	}
	s.rest()
}

// rest starts the time anew after which the district is let go. The lock is held.
func (s *Source) rest() {
	if s.timer != nil {
		s.timer.Stop()
	}
	d := s.district
	s.timer = time.AfterFunc(s.opts.Idle, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.district == d {
			s.drop()
		}
	})
}

// drop lets the district go. The lock is held.
func (s *Source) drop() {
	s.district, s.unread = nil, nil
	if s.timer != nil {
		s.timer.Stop()
		s.timer = nil
	}
}

// Close lets go of what is in memory. The source may be used again.
func (s *Source) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.drop()
	return nil
}

func (s *Source) enter(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	select {
	case s.turn <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (s *Source) leave() { <-s.turn }
