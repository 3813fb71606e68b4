package main

import (
	"fmt"
	"strconv"

	"github.com/spf13/cobra"

	"simscim/connector"
)

func (c *cli) undoCommand() *cobra.Command {
	var apply, all bool
	cmd := &cobra.Command{
		Use:   "undo RUN [--apply]",
		Short: "Take back what a run has done",
		Long: "undo plans the inverse of a run, by its number in `simscim status --runs`: suspensions and\n" +
			"reactivations, user names, memberships. Without --apply it shows the plan and changes nothing.\n" +
			"With it the plan goes through the safeguards like any other. What the run made stays, what it\n" +
			"deleted is gone, and the values of other attributes are not kept. The next sync follows the\n" +
			"roll again: mend its cause first.\n\n" +
			"Exit codes: 0 nothing to take back, or done; 5 there is (without --apply); 4 held; 3 some could not be taken back; 1 failed.",
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			id, err := strconv.ParseInt(args[0], 10, 64)
			if err != nil {
				return usageError(fmt.Errorf("%q is not the number of a run; see simscim status --runs", args[0]))
			}
			a, err := c.open(cmd.Context(), opening{exclusive: apply})
			if err != nil {
				return err
			}
			defer a.close()
			report, err := a.engine.Undo(cmd.Context(), id, apply)
			if err != nil {
				return err
			}
			if apply {
				a.tell(cmd.Context(), report)
			}
			style := reportStyle{plan: !apply, all: all, again: fmt.Sprintf("simscim undo %d", id)}
			if err := c.printReport(report, style); err != nil {
				return err
			}
			if c.output == "text" && len(report.Runs[0].Changes) == 0 && report.Runs[0].Status == connector.Done {
				fmt.Fprintf(c.out, "\nOf run %d there is nothing to take back: what a run made stays, what it deleted is gone, and what has\n"+
					"been changed back since is left alone.\n", id)
			}
			return exitOf(report, !apply)
		},
	}
	c.windowFlag(cmd)
	c.waitFlag(cmd)
	cmd.Flags().BoolVar(&apply, "apply", false, "do it")
	cmd.Flags().BoolVar(&all, "all", false, "show every change instead of a few of each kind")
	return cmd
}
