package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"simscim/connector"
)

func (c *cli) driftCommand() *cobra.Command {
	var mend, all bool
	cmd := &cobra.Command{
		Use:   "drift [--mend]",
		Short: "Show what others have changed at a target, and mend it",
		Long: "drift reads every account and group of ours back from the targets, as far as they let themselves\n" +
			"be read, and shows what is not as simscim left it. With --mend it brings them back in step, by\n" +
			"the same plan, safeguards and approval as any sync; what the roll has changed goes with it.\n" +
			"Members that a target does not show, and values that no rule sets, are not looked at.\n\n" +
			"Exit codes: 0 no drift, or mended; 5 drift (without --mend); 4 held; 3 some failed; 1 failed.",
		RunE: c.selected(func() opening { return opening{exclusive: mend} }, func(ctx context.Context, a *app, sel connector.Selection) error {
			m := connector.Manner{ReadBack: true}
			if mend {
				report, err := a.engine.Sync(ctx, sel, m)
				a.tell(ctx, report)
				return c.finish(report, err, "simscim drift")
			}
			report, err := a.engine.Plan(ctx, sel, m)
			if err != nil {
				return err
			}
			return c.showDrift(report, all)
		}),
	}
	c.selectionFlags(cmd)
	c.windowFlag(cmd)
	c.waitFlag(cmd)
	cmd.Flags().BoolVar(&mend, "mend", false, "bring the targets back in step")
	cmd.Flags().BoolVar(&all, "all", false, "show every change instead of a few of each kind")
	return cmd
}

// showDrift prints the changes that mend drift, and counts the others.
func (c *cli) showDrift(report *connector.Report, all bool) error {
	drifted := 0
	for _, run := range report.Runs {
		var found []connector.Step
		for _, step := range run.Plan {
			if step.Drift {
				found = append(found, step)
			}
		}
		drifted += len(found)
		if c.output == "json" {
			continue
		}
		others := len(run.Plan) - len(found)
		run.Plan = found
		c.printPlan(run, all)
		switch {
		case run.Status == connector.Failed || run.Status == connector.Skipped:
			fmt.Fprintf(c.out, "%s at %s: %s\n", schoolName(run), dash(run.Target), why(run))
		case run.Status == connector.Held:
			fmt.Fprintf(c.out, "%s at %s: %s of ours changed behind our back; %s\n",
				schoolName(run), run.Target, count(len(found), "object"), why(run))
		case len(found) == 0:
			fmt.Fprintf(c.out, "%s at %s: no drift\n", schoolName(run), run.Target)
		default:
			fmt.Fprintf(c.out, "%s at %s: %s of ours changed behind our back; simscim drift --mend brings back what the roll says\n",
				schoolName(run), run.Target, count(len(found), "object"))
		}
		if others > 0 {
			fmt.Fprintf(c.out, "  %s more would be made by any sync, because the roll or the rules have changed\n", count(others, "change"))
		}
	}
	if c.output == "json" {
		if err := c.json(report); err != nil {
			return err
		}
	}
	if err := exitOf(report, false); err != nil {
		return err
	}
	if drifted > 0 {
		return &exitError{code: exitPending}
	}
	return nil
}
