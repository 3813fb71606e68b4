package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"simscim/connector/ledger"
	"simscim/scim"
)

// erased is what erase found, and did, for scripts. It names nobody.
type erased struct {
	Target   string `json:"target"`
	Key      string `json:"key"`
	AtTarget bool   `json:"atTarget"`
	Done     bool   `json:"done"`
	Problem  string `json:"problem,omitempty"`
}

func (c *cli) eraseCommand() *cobra.Command {
	var atTarget, apply bool
	cmd := &cobra.Command{
		Use:   "erase PERSON [--at-target] [--apply]",
		Short: "Remove everything that the store has about a person",
		Long: "erase finds a person in the store by id, externalId, the target's id or user name, exactly as it\n" +
			"stands there, and shows what there is. With --apply it removes it: the account's entry, the names\n" +
			"it had, memberships, escrow, and what is kept to undo runs. With --at-target it deletes the\n" +
			"account at the target first.\n" +
			"The next sync gives somebody who is still on the roll and in scope an account again, the same\n" +
			"one if it is still there: take the person out of scope first (users.include in the mapping).\n\n" +
			"Exit codes: 0 done or nobody found, 5 found (without --apply), 3 some could not be erased, 1 failed.",
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			a, err := c.open(cmd.Context(), opening{exclusive: apply})
			if err != nil {
				return err
			}
			defer a.close()
			return c.erase(cmd.Context(), a, args[0], atTarget, apply)
		},
	}
	c.waitFlag(cmd)
	cmd.Flags().BoolVar(&atTarget, "at-target", false, "delete the account at the target as well")
	cmd.Flags().BoolVar(&apply, "apply", false, "do it")
	return cmd
}

func (c *cli) erase(ctx context.Context, a *app, who string, atTarget, apply bool) error {
	found, err := a.ledger.Search(ctx, who)
	if err != nil {
		return fmt.Errorf("search the store: %w", err)
	}
	list := []erased{}
	for _, f := range found {
		if f.Kind != scim.User {
			continue
		}
		e := erased{Target: f.Target, Key: f.Key, AtTarget: atTarget}
		if apply {
			err := a.engine.Erase(ctx, f, atTarget)
			if e.Done = err == nil; err != nil {
				e.Problem = err.Error()
			}
		}
		list = append(list, e)
		if c.output == "text" {
			c.printErased(f, e)
		}
	}
	if c.output == "json" {
		err = c.json(list)
	} else if len(list) == 0 {
		fmt.Fprintln(c.out, "The store has nobody by that id or user name.")
	}
	if err != nil {
		return err
	}
	return exitOfErase(list, apply)
}

func exitOfErase(list []erased, apply bool) error {
	failed := 0
	for _, e := range list {
		if e.Problem != "" {
			failed++
		}
	}
	switch {
	case failed > 0 && failed == len(list):
		return &exitError{exitFailed, errors.New("nothing was erased")}
	case failed > 0:
		return &exitError{code: exitPartial}
	case len(list) > 0 && !apply:
		return &exitError{code: exitPending}
	default:
		return nil
	}
}

func (c *cli) printErased(f ledger.Found, e erased) {
	fmt.Fprintf(c.out, "%s at %s\n", dash(f.Name), f.Target)
	fmt.Fprintf(c.out, "  externalId %s, id at the target %s, %s\n", f.Key, dash(f.RemoteID), dash(string(f.Status)))
	fmt.Fprintf(c.out, "  known to %s\n", count(len(f.Sites), "school"))
	switch {
	case e.Problem != "":
		fmt.Fprintf(c.out, "  NOT ERASED: %s\n", e.Problem)
	case e.Done:
		fmt.Fprintln(c.out, "  "+erasedWhere(e.AtTarget))
	case e.AtTarget:
		fmt.Fprintln(c.out, "  --apply deletes the account at the target and erases this")
	default:
		fmt.Fprintln(c.out, "  --apply erases this from the store; the account stays, unless --at-target is given")
	}
}

func erasedWhere(atTarget bool) string {
	if atTarget {
		return "deleted at the target and erased from the store"
	}
	return "erased from the store"
}
