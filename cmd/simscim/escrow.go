package main

import (
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"simscim/connector/plan"
	"simscim/scim"
)

// escrowView is an object in escrow, for scripts.
type escrowView struct {
	Site   string      `json:"site"`
	Target string      `json:"target"`
	Kind   scim.Kind   `json:"kind"`
	Key    string      `json:"key"`
	Action plan.Action `json:"action"`
	Reason string      `json:"reason"`
	Advice string      `json:"advice,omitempty"`
	Tries  int         `json:"tries"`
	Since  time.Time   `json:"since"`
	Next   time.Time   `json:"next,omitzero"`
}

func (c *cli) escrowCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "escrow",
		Short: "Show the objects that could not be written and wait for their next try",
		Long: "escrow shows which accounts and groups a target refused, why, and what to do about it. Each is\n" +
			"tried again after growing delays, at once when something about it changes, and at once with\n" +
			"simscim sync --retry.",
		RunE: func(cmd *cobra.Command, _ []string) error {
			l, _, err := c.openLedger(cmd.Context())
			if err != nil {
				return err
			}
			defer l.Close()
			list, err := l.Escrows(cmd.Context(), "", "")
			if err != nil {
				return fmt.Errorf("read the store: %w", err)
			}
			views := []escrowView{}
			for _, e := range list {
				views = append(views, escrowView{
					Site: e.Site, Target: e.Target, Kind: e.Kind, Key: e.Key, Action: e.Action,
					Reason: e.Reason, Advice: e.Advice, Tries: e.Tries, Since: e.Since, Next: e.Next,
				})
			}
			if c.output == "json" {
				return c.json(views)
			}
			if len(views) == 0 {
				fmt.Fprintln(c.out, "Nothing waits in escrow.")
			}
			for _, v := range views {
				c.printEscrow(v)
			}
			return nil
		},
	}
}

func (c *cli) printEscrow(v escrowView) {
	next := "not tried again by itself"
	if !v.Next.IsZero() {
		next = "next try " + when(v.Next)
	}
	fmt.Fprintf(c.out, "%s %s at %s: %s failed %s since %s; %s\n", v.Kind, v.Key, v.Target, v.Action, times(v.Tries), when(v.Since), next)
	fmt.Fprintf(c.out, "  %s\n", v.Reason)
	if v.Advice != "" {
		fmt.Fprintf(c.out, "  %s\n", v.Advice)
	}
}

func times(n int) string {
	if n == 1 {
		return "once"
	}
	return fmt.Sprintf("%d times", n)
}
