// Command bench measures simscim against its yardsticks and prints, in one run, each
// figure beside what is required of it. It exits with 1 when one is missed.
//
// Whatever is timed or weighed runs in a process of its own, a child of the same
// binary, so that one measurement neither warms nor burdens the next. The data comes
// from a seed. Time is compared only with time taken on the same machine in the same
// run: a ratio means something elsewhere, seconds mostly do not.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strings"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	var err error
	if task := os.Getenv(taskEnv); task != "" {
		err = child(ctx, []byte(task), os.Stdout)
	} else {
		err = parent(ctx, os.Args[1:], os.Stdout, os.Stderr)
	}
	switch {
	case errors.Is(err, flag.ErrHelp):
	case err != nil:
		_, _ = fmt.Fprintln(os.Stderr, "bench:", err)
		stop()
		os.Exit(1) //nolint:gocritic // stop has been called
	}
}

// scenario is one group of figures.
type scenario struct {
	name, about string
	run         func(ctx context.Context, b *bench) ([]figure, error)
}

var scenarios = []scenario{
	{"first", "first sync beside a bare HTTP loop with the same bodies", first},
	{"latency", "first sync with 20 ms of latency at the target", latency},
	{"throttled", "first sync to a target that allows 200 requests a second", throttled},
	{"bulk", "first sync in bulk requests", bulk},
	{"pupil", "one pupil joins a group of 5,000", pupil},
	{"rollover", "September in a secondary of 1,100", rollover},
	{"unchanged", "second run over an unchanged roll", unchanged},
	{"sites", "second run over 50 sites", sites},
	{"mapping", "mapping alone", mapping},
	{"entra", "a trust of 102,000 people to Entra ID, within its daily limit", entraTrust},
	{"okta", "the same trust to Okta, by import sessions", oktaTrust},
	{"feed", "a feed of 100,000 users, as Okta reads it", served},
	{"district", "OneRoster files of a district, read and mapped", wholeDistrict},
}

// bench is one run of the whole.
type bench struct {
	// pairs is how often a measurement and its yardstick are taken in turn.
	pairs int
	// profiles is where children leave their CPU profiles, or empty.
	profiles string
	// dir is a temporary folder, gone at the end.
	dir    string
	stderr io.Writer
}

var errMissed = errors.New("a required figure is missed")

func parent(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	flags.SetOutput(stderr)
	only := flags.String("only", "", "run only these scenarios, separated by commas: "+names())
	asJSON := flags.Bool("json", false, "print JSON")
	b := &bench{stderr: stderr}
	flags.IntVar(&b.pairs, "n", 5, "how often a measurement and its yardstick are taken in turn")
	flags.StringVar(&b.profiles, "profiles", "", "an existing folder to leave CPU and heap profiles in")
	if err := flags.Parse(args); err != nil {
		return err
	}
	chosen, err := choose(*only)
	if err != nil {
		return err
	}
	if b.pairs < 1 {
		return errors.New("-n has to be at least 1")
	}
	if b.dir, err = os.MkdirTemp("", "simscim-bench-"); err != nil {
		return fmt.Errorf("make a temporary folder: %w", err)
	}
	defer func() { _ = os.RemoveAll(b.dir) }()
	var figures []figure
	for _, s := range chosen {
		b.say("%s: %s", s.name, s.about)
		found, err := s.run(ctx, b)
		if err != nil {
			return fmt.Errorf("%s: %w", s.name, err)
		}
		for i := range found {
			found[i].Scenario = s.name
		}
		figures = append(figures, found...)
	}
	if *asJSON {
		enc := json.NewEncoder(stdout)
		enc.SetIndent("", "  ")
		err = enc.Encode(figures)
	} else {
		err = table(stdout, figures)
	}
	if err == nil && slices.ContainsFunc(figures, figure.missed) {
		return errMissed
	}
	return err
}

// say tells on stderr how far the run has got.
func (b *bench) say(format string, args ...any) {
	_, _ = fmt.Fprintf(b.stderr, format+"\n", args...)
}

func names() string {
	var list []string
	for _, s := range scenarios {
		list = append(list, s.name)
	}
	return strings.Join(list, ", ")
}

func choose(only string) ([]scenario, error) {
	if only == "" {
		return scenarios, nil
	}
	var chosen []scenario
	for name := range strings.SplitSeq(only, ",") {
		i := slices.IndexFunc(scenarios, func(s scenario) bool { return s.name == strings.TrimSpace(name) })
		if i < 0 {
			return nil, fmt.Errorf("there is no scenario %q; there are %s", name, names())
		}
		chosen = append(chosen, scenarios[i])
	}
	return chosen, nil
}
