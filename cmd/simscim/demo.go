package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/spf13/cobra"
	"go.uber.org/zap"

	"simscim/config"
	"simscim/connector"
	"simscim/internal/telemetry"
	"simscim/sandbox/world"
)

func (c *cli) demoCommand() *cobra.Command {
	var flags worldFlags
	var once bool
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "Show everything against a made-up trust; needs no set-up",
		Long: "demo makes up a trust of five schools, plans and applies a first sync to an identity provider,\n" +
			"lets the roll change, plans and applies that, and ends when there is nothing left to change.\n" +
			"Everything happens on this machine, and nothing is left behind. With --once it ends by itself;\n" +
			"otherwise the sandbox stays up to look around in, until Ctrl-C.",
		RunE: func(cmd *cobra.Command, _ []string) error {
			dir, err := os.MkdirTemp("", "simscim-demo-")
			if err != nil {
				return fmt.Errorf("make a folder for the demo: %w", err)
			}
			defer os.RemoveAll(dir)
			d, err := c.newDemo(cmd.Context(), flags, dir)
			if err != nil {
				return err
			}
			defer d.close()
			if err := d.play(cmd.Context()); err != nil {
				return err
			}
			if once {
				return nil
			}
			return d.stay(cmd.Context())
		},
	}
	flags.add(cmd)
	cmd.Flags().BoolVar(&once, "once", false, "end when done instead of keeping the sandbox up")
	return cmd
}

// demo is one showing.
type demo struct {
	*cli
	*app
	dummy *dummy
	url   string
	stop  func() error
	dir   string
	bars  *bars
}

// newDemo starts the sandbox and wires simscim to it, by the same configuration file
// that anybody would write.
func (c *cli) newDemo(ctx context.Context, flags worldFlags, dir string) (*demo, error) {
	world, err := c.newDummy(flags)
	if err != nil {
		return nil, err
	}
	running, err := world.Listen(ctx, "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	for _, kv := range world.Env() {
		name, value, _ := strings.Cut(kv, "=")
		if err := os.Setenv(name, value); err != nil {
			return nil, errors.Join(err, running.Close())
		}
	}
	shown := *c
	shown.now = world.World().Now
	d := &demo{cli: &shown, dummy: world, url: running.URL, stop: running.Close, dir: dir}
	text := world.Config("file:" + filepath.Join(dir, "simscim.db"))
	if err := writeNew(filepath.Join(dir, "simscim.yaml"), []byte(text)); err != nil {
		return nil, errors.Join(err, running.Close())
	}
	if d.app, err = d.connect(ctx); err != nil {
		return nil, errors.Join(err, running.Close())
	}
	return d, nil
}

func (d *demo) connect(ctx context.Context) (*app, error) {
	log, err := telemetry.New(d.logLevel, d.errOut, d.logFormat())
	if err != nil {
		return nil, usageError(err)
	}
	cfg, problems := config.Load(filepath.Join(d.dir, "simscim.yaml"))
	if len(problems) > 0 {
		return nil, problems
	}
	routes, problems := connector.Compile(cfg)
	if len(problems) > 0 {
		return nil, problems
	}
	return d.wire(ctx, cfg, routes, log, opening{exclusive: true, watch: func(ev connector.Event) {
		if d.bars != nil {
			d.bars.watch(ev)
		}
	}})
}

func (d *demo) close() {
	d.app.close()
	if err := d.stop(); err != nil {
		d.log.Warn("stop the sandbox", zap.Error(err))
	}
}

// play is the story: a first sync, an ordinary day, leavers, and rest.
func (d *demo) play(ctx context.Context) error {
	schools, people := d.dummy.size()
	d.say("A made-up trust of %s and %s people stands at %s/ .", count(schools, "school"), thousands(people), d.url)
	d.say("Everything is dummy data, on this machine, with a SIMS ID look-alike on one side and a SCIM")
	d.say("identity provider on the other.")

	d.head("1. The plan of a first sync (simscim plan)")
	if err := d.plan(ctx); err != nil {
		return err
	}
	d.head("2. Applied (simscim sync)")
	if err := d.sync(ctx); err != nil {
		return err
	}
	d.head("3. A day at school")
	if err := d.change(); err != nil {
		return err
	}
	if err := d.plan(ctx); err != nil {
		return err
	}
	d.say("Leavers are not touched yet: they are in grace, in case a read was wrong or they come back.")
	if err := d.sync(ctx); err != nil {
		return err
	}
	d.head("4. A day later the grace of the leavers is over")
	d.dummy.World().Advance(25 * time.Hour)
	if err := d.plan(ctx); err != nil {
		return err
	}
	if err := d.sync(ctx); err != nil {
		return err
	}
	d.head("5. And once more")
	return d.rest(ctx)
}

// change lets the things happen that a school's technician knows.
func (d *demo) change() error {
	w := d.dummy.World()
	w.Advance(24 * time.Hour)
	sites := w.Sites()
	first, last := sites[0].ID, sites[len(sites)-1].ID
	pupils, staff := current(w, first, world.Student), current(w, first, world.Staff)
	theirs := current(w, last, world.Student)
	steps := []func() (world.Report, error){
		func() (world.Report, error) { return w.Join(first, world.Student, year(pupils[0])) },
		func() (world.Report, error) { return w.Join(last, world.Student, year(theirs[0])) },
		func() (world.Report, error) { return w.Join(first, world.Staff, 0) },
		func() (world.Report, error) { return w.Leave(pupils[0].ID) },
		func() (world.Report, error) { return w.Leave(pupils[1].ID) },
		func() (world.Report, error) { return oneOf(pupils[2:], w.MoveClass) },
		func() (world.Report, error) { return w.Marry(staff[0].ID) },
	}
	if len(sites) > 1 {
		steps = append(steps, func() (world.Report, error) {
			return oneOf(pupils[3:], func(pupil uuid.UUID) (world.Report, error) { return w.DualRegister(pupil, sites[1].ID) })
		})
	}
	for _, step := range steps {
		report, err := step()
		if err != nil {
			return fmt.Errorf("change the roll: %w", err)
		}
		for _, line := range report.Lines {
			d.say("  %s", line)
		}
	}
	d.say("")
	return nil
}

// current gives the people who are on the roll today.
func current(w *world.World, site uuid.UUID, kind world.Kind) []*world.Person {
	var list []*world.Person
	for _, p := range w.People(site, kind) {
		if p.State(w.Today()) == world.Current && p.End == 0 {
			list = append(list, p)
		}
	}
	return list
}

func year(p *world.Person) int { return int(p.Year) }

// oneOf lets something happen to the first pupil to whom it can. In the smallest
// worlds, where it can happen to nobody, nothing does.
func oneOf(pupils []*world.Person, happen func(uuid.UUID) (world.Report, error)) (world.Report, error) {
	for _, p := range pupils {
		if report, err := happen(p.ID); err == nil {
			return report, nil
		}
	}
	return world.Report{}, nil
}

func (d *demo) plan(ctx context.Context) error {
	report, err := d.engine.Plan(ctx, connector.Selection{}, connector.Manner{})
	if err != nil {
		return err
	}
	return d.show(report, reportStyle{plan: true})
}

func (d *demo) sync(ctx context.Context) error {
	d.bars = d.newProgress()
	report, err := d.engine.Sync(ctx, connector.Selection{}, connector.Manner{})
	d.bars.stop()
	if err != nil {
		return err
	}
	if err := d.show(report, reportStyle{}); err != nil {
		return err
	}
	for _, run := range report.Runs {
		if run.Status != connector.Done {
			return fmt.Errorf("the demo did not go as it should: %s: %s", run.Name, run.Reason)
		}
	}
	return nil
}

func (d *demo) show(report *connector.Report, style reportStyle) error {
	err := d.printReport(report, style)
	fmt.Fprintln(d.out)
	return err
}

// rest proves that a sync of an unchanged roll writes nothing.
func (d *demo) rest(ctx context.Context) error {
	report, err := d.engine.Sync(ctx, connector.Selection{}, connector.Manner{})
	if err != nil {
		return err
	}
	if err := d.show(report, reportStyle{}); err != nil {
		return err
	}
	if len(report.Totals.Changes) > 0 || report.Totals.Requests.Target > 0 {
		return errors.New("the demo did not go as it should: an unchanged roll led to requests")
	}
	d.say("Nothing to change: the roll is as the identity provider has it, and no request was sent there.")
	return nil
}

// stay keeps the sandbox up.
func (d *demo) stay(ctx context.Context) error {
	d.say("")
	d.say("The sandbox stays up until Ctrl-C. To look around:")
	d.say("  in a browser        %s/", d.url)
	d.say("  what has arrived    curl -H 'Authorization: Bearer %s' '%s/scim/v2/Users?count=3'", d.dummy.IDP().Token(), d.url)
	d.say("  another day         curl -X POST %s/_sandbox/day", d.url)
	d.say("  and then            simscim plan --config %s   with these variables:", filepath.Join(d.dir, "simscim.yaml"))
	for _, kv := range d.dummy.Env() {
		d.say("    export %s", kv)
	}
	<-ctx.Done()
	return nil
}

func (d *demo) head(s string) {
	fmt.Fprintf(d.out, "\n%s\n%s\n\n", s, strings.Repeat("─", len([]rune(s))))
}

func (d *demo) say(format string, args ...any) { fmt.Fprintf(d.out, format+"\n", args...) }
