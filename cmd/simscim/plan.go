package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"simscim/connector"
)

func (c *cli) planCommand() *cobra.Command {
	var out, at string
	var all bool
	var m connector.Manner
	cmd := &cobra.Command{
		Use:   "plan",
		Short: "Show what a sync would change, and change nothing",
		Long: "plan reads the schools and shows what a sync would change, with the reason for each change.\n" +
			"It writes nothing to any target. The names of people appear on the terminal, because a\n" +
			"person asked; a file written with --out holds none.\n\n" +
			"Exit codes: 0 nothing to change, 5 there are changes, 4 a safeguard would hold a plan,\n" +
			"3 some schools could not be planned, 1 none could.",
		RunE: func(cmd *cobra.Command, args []string) error {
			if at != "" && out != "" {
				return usageError(errors.New("--at and --out exclude one another: what a later day needs cannot be applied now"))
			}
			var err error
			if m.At, err = c.laterDay(at); err != nil {
				return usageError(err)
			}
			return c.selected(func() opening { return opening{day: m.At} }, func(ctx context.Context, a *app, sel connector.Selection) error {
				report, err := a.engine.Plan(ctx, sel, m)
				if err != nil {
					return err
				}
				if out != "" {
					if err := savePlans(out, report.Saved()); err != nil {
						return err
					}
				}
				if err := c.printReport(report, reportStyle{plan: true, all: all}); err != nil {
					return err
				}
				return exitOf(report, true)
			})(cmd, args)
		},
	}
	c.selectionFlags(cmd)
	c.windowFlag(cmd)
	mannerFlags(cmd, &m)
	cmd.Flags().StringVar(&at, "at", "", "plan for a later `DAY`, such as 2027-09-01, as far as today's data tells")
	cmd.Flags().StringVar(&out, "out", "", "write what `sync --plan FILE` shall apply exactly")
	cmd.Flags().BoolVar(&all, "all", false, "show every change instead of a few of each kind")
	return cmd
}

// laterDay reads --at; without it there is no day.
func (c *cli) laterDay(text string) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	day, err := time.Parse(time.DateOnly, text)
	switch {
	case err != nil:
		return day, fmt.Errorf("--at is a day, such as 2027-09-01, not %q", text)
	case !day.After(c.now()):
		return day, fmt.Errorf("--at is a day to come, and %s is not", text)
	default:
		return day, nil
	}
}

func (c *cli) syncCommand() *cobra.Command {
	var planFile string
	var rebuild bool
	var m connector.Manner
	cmd := &cobra.Command{
		Use:   "sync",
		Short: "Plan, check the safeguards, and apply",
		Long: "sync reads the schools, plans, checks the safeguards on the finished plan, applies it, and\n" +
			"records each confirmed change. With --plan it applies what `plan --out` saved, and refuses\n" +
			"if the plan would be another one by now.\n\n" +
			"Exit codes: 0 done, 1 failed, 3 some objects or schools failed and the rest is done,\n" +
			"4 a safeguard holds a plan: see `simscim holds`.",
		RunE: func(cmd *cobra.Command, args []string) error {
			if planFile != "" {
				var err error
				if m.Saved, err = loadPlans(planFile); err != nil {
					return usageError(err)
				}
			}
			bar := c.newProgress()
			opens := func() opening { return opening{exclusive: true, rebuild: rebuild, watch: bar.watch} }
			return c.selected(opens, func(ctx context.Context, a *app, sel connector.Selection) error {
				report, err := a.engine.Sync(ctx, sel, m)
				bar.stop()
				a.tell(ctx, report)
				return c.finish(report, err, "")
			})(cmd, args)
		},
	}
	c.selectionFlags(cmd)
	c.windowFlag(cmd)
	c.waitFlag(cmd)
	mannerFlags(cmd, &m)
	cmd.Flags().BoolVar(&rebuild, "rebuild-ledger", false, "put the store aside and make a new one by reading the targets")
	cmd.Flags().StringVar(&planFile, "plan", "", "apply exactly the plan in this `FILE`, from `plan --out`")
	return cmd
}

// mannerFlags adds the flags that say how a plan is made.
func mannerFlags(cmd *cobra.Command, m *connector.Manner) {
	cmd.Flags().BoolVar(&m.Retry, "retry", false, "try at once what waits in escrow, and targets in quarantine")
	cmd.Flags().BoolVar(&m.AcceptSmaller, "accept-smaller", false, "take a school that has shrunk by more than mayShrink allows for what it is")
}

// finish prints the report of a sync and gives its exit code; for again see reportStyle.
func (c *cli) finish(report *connector.Report, err error, again string) error {
	if err != nil {
		return err
	}
	if err := c.printReport(report, reportStyle{again: again}); err != nil {
		return err
	}
	return exitOf(report, false)
}

// exitOf turns a report into an exit code: trouble before holds before changes.
func exitOf(r *connector.Report, plan bool) error {
	good, bad, held, pending := 0, 0, 0, 0
	for _, run := range r.Runs {
		switch run.Status {
		case connector.Done:
			good++
		case connector.Held:
			held++
		case connector.Partial:
			good, bad = good+1, bad+1
		default:
			if !run.Unrouted() {
				bad++
			}
		}
		if run.Pending() {
			pending++
		}
	}
	switch {
	case len(r.Runs) == 0:
		return &exitError{exitFailed, errors.New("there is no school to work on")}
	case bad > 0 && good+held == 0:
		return &exitError{code: exitFailed}
	case bad > 0:
		return &exitError{code: exitPartial}
	case held > 0:
		return &exitError{code: exitHeld}
	case plan && pending > 0:
		return &exitError{code: exitPending}
	default:
		return nil
	}
}

// savePlans writes the file in one step, readable by nobody else.
func savePlans(path string, saved *connector.SavedPlans) error {
	data, err := json.MarshalIndent(saved, "", "  ")
	if err != nil {
		return fmt.Errorf("save the plan: %w", err)
	}
	tmp, err := os.CreateTemp(filepath.Dir(path), ".simscim-plan-*") // 0600
	if err != nil {
		return fmt.Errorf("save the plan: %w", err)
	}
	_, err = tmp.Write(append(data, '\n'))
	if err = errors.Join(err, tmp.Close()); err == nil {
		err = os.Rename(tmp.Name(), path)
	}
	if err != nil {
		return errors.Join(fmt.Errorf("save the plan: %w", err), os.Remove(tmp.Name()))
	}
	return nil
}

func loadPlans(path string) (*connector.SavedPlans, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("open the saved plan: %w", err)
	}
	defer f.Close()
	return connector.ReadSaved(f)
}
