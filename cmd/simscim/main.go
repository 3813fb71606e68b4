// Command simscim keeps identity providers in step with the school roll.
//
// This package owns the command line: it reads flags and the configuration, wires
// sources, targets, ledger and engine together, and prints. It decides nothing else.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"
	"time"
	_ "time/tzdata" // the schedules are in Europe/London, and the image has no zones

	"github.com/spf13/cobra"
)

func main() { os.Exit(run(os.Args[1:], os.Stdout, os.Stderr)) }

// version is set by the build (-ldflags "-X main.version=…").
var version = ""

// Exit codes; scripts rely on them.
const (
	exitOK      = 0
	exitFailed  = 1 // nothing could be done
	exitUsage   = 2 // the command line or the configuration is wrong
	exitPartial = 3 // some objects or sites failed, the rest is done
	exitHeld    = 4 // a safeguard holds a plan
	exitPending = 5 // plan only: there are changes to make
)

// exitError ends the program with a code. Err may be nil when all has been said.
type exitError struct {
	code int
	err  error
}

func (e *exitError) Error() string {
	if e.err == nil {
		return fmt.Sprintf("exit code %d", e.code)
	}
	return e.err.Error()
}

func (e *exitError) Unwrap() error { return e.err }

// usageError is a mistake on the command line or in the configuration.
func usageError(err error) error { return &exitError{exitUsage, err} }

// run is main without the process around it.
func run(args []string, stdout, stderr io.Writer) int {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	c := &cli{out: stdout, errOut: stderr, now: time.Now}
	root := c.root()
	root.SetArgs(args)
	root.SetOut(stdout)
	root.SetErr(stderr)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return exitOK
	}
	exit, ok := errors.AsType[*exitError](err)
	if !ok {
		exit = &exitError{exitFailed, err}
	}
	if exit.err != nil {
		fmt.Fprintln(stderr, "Error:", exit.err)
	}
	return exit.code
}

// cli is what all commands share.
type cli struct {
	out, errOut io.Writer
	now         func() time.Time

	configs    []string
	sites      []string
	targets    []string
	output     string
	logLevel   string
	noProgress bool
	window     string
	wait       time.Duration
}

// root builds the command tree.
func (c *cli) root() *cobra.Command {
	root := &cobra.Command{
		Use:   "simscim",
		Short: "Keep identity providers in step with the school roll",
		Long: "simscim reads who is at each school from SIMS ID, works out by that school's rules which\n" +
			"accounts and groups should exist, shows the difference as a plan, and pushes it as SCIM.\n\n" +
			"Begin with `simscim demo`: it shows everything against a made-up world and needs no set-up.\n\n" +
			"Exit codes: 0 done (plan: nothing to change), 1 failed, 2 usage or configuration,\n" +
			"3 some objects or sites failed, 4 held by a safeguard, 5 plan has changes.",
		Version:       c.version(),
		SilenceUsage:  true,
		SilenceErrors: true,
		Args:          cobra.NoArgs,
		PersistentPreRunE: func(*cobra.Command, []string) error {
			if c.output != "text" && c.output != "json" {
				return usageError(fmt.Errorf("--output is text or json, not %q", c.output))
			}
			return nil
		},
	}
	root.SetVersionTemplate("simscim {{.Version}}\n")
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return usageError(fmt.Errorf("%w\nTry: %s --help", err, cmd.CommandPath()))
	})
	flags := root.PersistentFlags()
	flags.StringArrayVarP(&c.configs, "config", "c", []string{defaultConfig()}, "configuration file or folder; may be given several times")
	flags.StringVarP(&c.output, "output", "o", "text", "text or json")
	flags.StringVar(&c.logLevel, "log-level", "warn", "debug, info, warn or error")
	flags.BoolVar(&c.noProgress, "no-progress", false, "no progress bar")
	root.AddCommand(
		c.demoCommand(), c.initCommand(), c.checkCommand(), c.planCommand(), c.syncCommand(), c.runCommand(),
		c.explainCommand(), c.statusCommand(), c.holdsCommand(), c.approveCommand(), c.rejectCommand(),
		c.escrowCommand(), c.driftCommand(), c.undoCommand(), c.eraseCommand(),
		c.rekeyCommand(), c.sandboxCommand(), c.versionCommand(),
	)
	for _, cmd := range root.Commands() {
		cmd.Args = usageArgs(cmd.Args)
	}
	root.Args = usageArgs(unknownCommand)
	root.SuggestionsMinimumDistance = 2
	root.RunE = func(cmd *cobra.Command, _ []string) error { return cmd.Help() }
	return root
}

// unknownCommand refuses what is no command with the nearest names that are.
func unknownCommand(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	err := fmt.Errorf("there is no command %q", args[0])
	if near := cmd.SuggestionsFor(args[0]); len(near) > 0 {
		err = fmt.Errorf("%w; did you mean %s?", err, near[0])
	}
	return err
}

// noArguments refuses what stands behind a command that takes flags only.
func noArguments(cmd *cobra.Command, args []string) error {
	if len(args) > 0 {
		return fmt.Errorf("%s takes no arguments, and %q is one", cmd.CommandPath(), args[0])
	}
	return nil
}

// usageArgs gives mistakes in positional arguments the exit code of a usage error.
func usageArgs(check cobra.PositionalArgs) cobra.PositionalArgs {
	if check == nil {
		check = noArguments
	}
	return func(cmd *cobra.Command, args []string) error {
		if err := check(cmd, args); err != nil {
			return usageError(fmt.Errorf("%w\nTry: %s --help", err, cmd.CommandPath()))
		}
		return nil
	}
}

// selection adds the flags of the commands that work on some of the sites.
func (c *cli) selectionFlags(cmd *cobra.Command) {
	cmd.Flags().StringArrayVar(&c.sites, "site", nil, "only these schools: id, DfE number or glob over the name; may be given several times")
	cmd.Flags().StringArrayVar(&c.targets, "target", nil, "only these targets; may be given several times")
}

// windowFlag adds --window, for commands that judge a plan.
func (c *cli) windowFlag(cmd *cobra.Command) {
	cmd.Flags().StringVar(&c.window, "window", "", "use the limits of this window of the configuration while it is open")
}

// waitFlag adds --wait, for commands that write.
func (c *cli) waitFlag(cmd *cobra.Command) {
	cmd.Flags().DurationVar(&c.wait, "wait", 0, "how long to wait for another simscim that works with the store")
}

func defaultConfig() string {
	if s := os.Getenv("SIMSCIM_CONFIG"); s != "" {
		return s
	}
	return "simscim.yaml"
}

func (c *cli) version() string {
	if version != "" {
		return version
	}
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		return info.Main.Version
	}
	return "(devel)"
}

func (c *cli) versionCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print the version",
		RunE: func(*cobra.Command, []string) error {
			info, _ := debug.ReadBuildInfo()
			goVersion := ""
			if info != nil {
				goVersion = info.GoVersion
			}
			if c.output == "json" {
				return c.json(map[string]string{"version": c.version(), "go": goVersion})
			}
			fmt.Fprintf(c.out, "simscim %s (%s)\n", c.version(), goVersion)
			return nil
		},
	}
}
