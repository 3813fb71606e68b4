package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"simscim/connector"
)

func (c *cli) planCommand() *cobra.Command {
	var out string
	var all bool
	cmd := &cobra.Command{
		Use:   "plan",
		Short: "Show what a sync would change, and change nothing",
		Long: "plan reads the schools and shows what a sync would change, with the reason for each change.\n" +
			"It writes nothing to any target. The names of people appear on the terminal, because a\n" +
			"person asked; a file written with --out holds none.\n\n" +
			"Exit codes: 0 nothing to change, 5 there are changes, 4 a safeguard would hold a plan,\n" +
			"3 some schools could not be planned, 1 none could.",
		RunE: func(cmd *cobra.Command, _ []string) error {
			a, err := c.open(cmd.Context(), nil)
			if err != nil {
				return err
			}
			defer a.close()
			sel, err := c.selection(a.cfg)
			if err != nil {
				return err
			}
			report, err := a.engine.Plan(cmd.Context(), sel, connector.Manner{})
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
		},
	}
	c.selectionFlags(cmd)
	cmd.Flags().StringVar(&out, "out", "", "write what `sync --plan FILE` shall apply exactly")
	cmd.Flags().BoolVar(&all, "all", false, "show every change instead of a few of each kind")
	return cmd
}

func (c *cli) syncCommand() *cobra.Command {
	var planFile string
	cmd := &cobra.Command{
		Use:   "sync",
		Short: "Plan, check the safeguards, and apply",
		Long: "sync reads the schools, plans, checks the safeguards on the finished plan, applies it, and\n" +
			"records each confirmed change. With --plan it applies what `plan --out` saved, and refuses\n" +
			"if the plan would be another one by now.\n\n" +
			"Exit codes: 0 done, 1 failed, 3 some objects or schools failed and the rest is done,\n" +
			"4 a safeguard holds a plan: see `simscim holds`.",
		RunE: func(cmd *cobra.Command, _ []string) error {
			var saved *connector.SavedPlans
			if planFile != "" {
				var err error
				if saved, err = loadPlans(planFile); err != nil {
					return usageError(err)
				}
			}
			bar := c.newProgress()
			a, err := c.open(cmd.Context(), bar.watch)
			if err != nil {
				return err
			}
			defer a.close()
			sel, err := c.selection(a.cfg)
			if err != nil {
				return err
			}
			report, err := a.engine.Sync(cmd.Context(), sel, connector.Manner{Saved: saved})
			bar.stop()
			if err != nil {
				return err
			}
			if err := c.printReport(report, reportStyle{}); err != nil {
				return err
			}
			return exitOf(report, false)
		},
	}
	c.selectionFlags(cmd)
	cmd.Flags().StringVar(&planFile, "plan", "", "apply exactly the plan in this `FILE`, from `plan --out`")
	return cmd
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
