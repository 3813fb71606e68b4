package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"simscim/connector"
)

func (c *cli) rekeyCommand() *cobra.Command {
	var file string
	var apply bool
	cmd := &cobra.Command{
		Use:   "rekey --map FILE [--apply]",
		Short: "Carry accounts over when a source changes its ids",
		Long: "rekey is for when a source gives everybody new ids: a new version of its interface, or a school\n" +
			"that moves to another system. FILE is CSV: old id, new id, of people and groups. Without --apply\n" +
			"it shows what would be carried over and changes nothing. With it the ledger learns the new ids;\n" +
			"the next sync finds the same accounts and sets their externalId. No account is deleted or made\n" +
			"anew. Run it before the first sync with the new ids.\n\n" +
			"Exit codes: 0 done or nothing to carry over, 5 there is (without --apply), 3 conflicts, 1 failed.",
		RunE: func(cmd *cobra.Command, args []string) error {
			if file == "" {
				return usageError(errors.New("--map is needed: a CSV file of old id, new id"))
			}
			pairs, err := connector.ReadPairs(file)
			if err != nil {
				return usageError(fmt.Errorf("read the map: %w", err))
			}
			opens := func() opening { return opening{exclusive: apply} }
			return c.selected(opens, func(ctx context.Context, a *app, sel connector.Selection) error {
				found, err := a.engine.Rekey(ctx, sel, pairs, apply)
				if err != nil {
					return err
				}
				if c.output == "json" {
					err = c.json(map[string]any{"applied": apply, "sites": found})
				} else {
					c.printRekeyed(found, apply)
				}
				if err != nil {
					return err
				}
				return exitOfRekey(found, apply)
			})(cmd, args)
		},
	}
	c.waitFlag(cmd)
	c.selectionFlags(cmd)
	cmd.Flags().StringVar(&file, "map", "", "CSV `FILE` of old id, new id")
	cmd.Flags().BoolVar(&apply, "apply", false, "do it")
	return cmd
}

func exitOfRekey(found []connector.Rekeyed, applied bool) error {
	moves, conflicts := 0, 0
	for i := range found {
		moves += len(found[i].Moves)
		conflicts += len(found[i].Conflicts)
	}
	switch {
	case conflicts > 0:
		return &exitError{code: exitPartial}
	case moves > 0 && !applied:
		return &exitError{code: exitPending}
	default:
		return nil
	}
}

// fewMoves is how many objects are listed.
const fewMoves = 10

func (c *cli) printRekeyed(found []connector.Rekeyed, applied bool) {
	verb := "would be carried over"
	if applied {
		verb = "carried over"
	}
	for _, r := range found {
		fmt.Fprintf(c.out, "%s at %s: %s %s, %s of the map without use here\n", r.Name, r.Target,
			count(len(r.Moves), "object"), verb, count(r.Unused, "line"))
		for i, m := range r.Moves {
			if i == fewMoves {
				fmt.Fprintf(c.out, "  … and %s more (--output json lists all)\n", thousands(len(r.Moves)-i))
				break
			}
			fmt.Fprintf(c.out, "  %-5s %s → %s\n", m.Kind, m.From, m.To)
		}
		for _, m := range r.Conflicts {
			fmt.Fprintf(c.out, "  CONFLICT %s %s: there is an account of ours with the new key %s already\n", m.Kind, m.From, m.To)
		}
	}
	if applied {
		fmt.Fprintln(c.out, "Read `simscim plan` now: it should only set externalId.")
	}
}
